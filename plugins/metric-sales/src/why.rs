//! Why the paid amount changed: LMDI over the factors that the shop has, exact to the fen.

use crate::Params;
use crate::kpis::guarded;
use crate::rows::{Figures, Shop};
use chenbao_plugin::{Cell, Finding, Report, Series};
use metric_kit::{lmdi, percent, ratio, settle};
use rust_decimal::Decimal;

/// Before and after.
type Sides = [Decimal; 2];

/// A factor on both sides, as people read it.
struct Factor {
    key: &'static str,
    unit: &'static str,
    sides: Sides,
}

impl Factor {
    fn of((key, unit, sides): (&'static str, &'static str, Sides)) -> Self {
        Self { key, unit, sides }
    }
}

/// A part of the waterfall.
struct Part {
    key: &'static str,
    amount: Decimal,
    factor: Option<Factor>,
}

/// Adds the waterfall and, as findings, its largest part up and its largest part down.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let series = Series::category("decomposition")
        .line("amount", "money")
        .shape("waterfall")
        .clock("pay");
    let series = series.formula("LMDI-I: L(V1,V0) ln(x1/x0) for each factor x of V");
    let (now, prev) = (guarded(shop.now(), params), guarded(shop.prev(), params));
    let (Some(after), Some(before)) = (now.paid, prev.paid) else {
        let missing = if now.paid.is_none() {
            series.missing("no_rows")
        } else {
            series.missing_of("baseline_short", 0, 1)
        };
        report.add(missing);
        return;
    };
    let parts = parts(factors(shop, &now, &prev), before, after);
    let mut series = series.point(Cell::key(shop.frame.prev_word()), [before]);
    for part in &parts {
        series = series.point(Cell::key(part.key), [part.amount]);
    }
    report.add(series.point(Cell::key(shop.frame.now_word()), [after]));
    add_drivers(report, &parts, shop.frame.campaign_on_one_side());
}

/// The finest chain that both sides have: traffic, else buyers, else orders and units, else orders.
fn factors(shop: &Shop, now: &Figures, prev: &Figures) -> Vec<Factor> {
    let both = |value: fn(&Figures) -> Option<Decimal>| Some([value(prev)?, value(now)?]);
    let (Some(orders), Some(paid)) = (both(|f| f.orders), both(|f| f.paid)) else {
        return Vec::new();
    };
    by_traffic(shop, orders, paid)
        .or_else(|| by_buyers(both(named_buyers)?, orders, paid))
        .or_else(|| by_units(both(|f| f.units)?, orders, paid))
        .or_else(|| {
            let value = over(paid, orders, ratio)?;
            let factors = [
                ("orders", "{order}", orders),
                ("order_value", "money", value),
            ];
            Some(factors.map(Factor::of).into())
        })
        .unwrap_or_default()
}

/// 流量(曝光 PV) x 曝光-点击率 x 点击-成交率 x 笔单价.
fn by_traffic(shop: &Shop, orders: Sides, paid: Sides) -> Option<Vec<Factor>> {
    let views = shop.views([&shop.frame.prev, &shop.frame.now])?;
    let (seen, clicks) = ([views[0].0, views[1].0], [views[0].1, views[1].1]);
    let factors = [
        ("traffic", "{view}", seen),
        ("click_rate", "%", over(clicks, seen, percent)?),
        ("click_to_pay", "%", over(orders, clicks, percent)?),
        ("order_value", "money", over(paid, orders, ratio)?),
    ];
    Some(factors.map(Factor::of).into())
}

/// 成交人数 x 人均订单数 x 笔单价.
fn by_buyers(buyers: Sides, orders: Sides, paid: Sides) -> Option<Vec<Factor>> {
    let factors = [
        ("buyers", "{buyer}", buyers),
        ("orders_per_buyer", "1", over(orders, buyers, ratio)?),
        ("order_value", "money", over(paid, orders, ratio)?),
    ];
    Some(factors.map(Factor::of).into())
}

/// 支付订单数 x 连带率 x 件单价.
fn by_units(units: Sides, orders: Sides, paid: Sides) -> Option<Vec<Factor>> {
    let factors = [
        ("orders", "{order}", orders),
        ("units_per_order", "1", over(units, orders, ratio)?),
        ("unit_price", "money", over(paid, units, ratio)?),
    ];
    Some(factors.map(Factor::of).into())
}

/// Buyers, where every order names its own.
fn named_buyers(figures: &Figures) -> Option<Decimal> {
    let whole = figures.buyers.filter(|b| b.orders_with_buyer == b.orders)?;
    Some(whole.buyers)
}

fn over(top: Sides, bottom: Sides, by: fn(Decimal, Decimal) -> Option<Decimal>) -> Option<Sides> {
    Some([by(top[0], bottom[0])?, by(top[1], bottom[1])?])
}

/// Parts in the order of the chain; what came from nothing or went to nothing stands alone.
fn parts(factors: Vec<Factor>, before: Decimal, after: Decimal) -> Vec<Part> {
    // A rate in percent is a hundred times the factor; LMDI sees ratios only, so the scale falls out.
    let side = |at: usize| factors.iter().map(|f| f.sides[at]).collect::<Vec<_>>();
    let alive = !before.is_zero()
        && !after.is_zero()
        && factors
            .iter()
            .all(|f| f.sides.iter().all(|x| *x > Decimal::ZERO));
    if !alive {
        let single = |key, amount| Part {
            key,
            amount,
            factor: None,
        };
        return [single("entered", after), single("left", -before)]
            .into_iter()
            .filter(|p| !p.amount.is_zero())
            .collect();
    }
    let split = lmdi(&[side(0)], &[side(1)]);
    let scale = side(1).iter().product::<Decimal>() / after;
    let raw: Vec<Decimal> = split.factors.iter().map(|part| part / scale).collect();
    let settled = settle(&raw, after - before);
    factors
        .into_iter()
        .zip(settled)
        .map(|(factor, amount)| Part {
            key: factor.key,
            amount,
            factor: Some(factor),
        })
        .collect()
}

/// With a campaign on one side alone every part is the campaign's: true, but nothing to act on.
fn add_drivers(report: &mut Report, parts: &[Part], one_sided: bool) {
    let told = || {
        parts
            .iter()
            .filter_map(|part| part.factor.as_ref().map(|factor| (part.amount, factor)))
    };
    let up = told()
        .filter(|(amount, _)| *amount > Decimal::ZERO)
        .max_by_key(|(amount, _)| *amount);
    let down = told()
        .filter(|(amount, _)| *amount < Decimal::ZERO)
        .min_by_key(|(amount, _)| *amount);
    for (kind, severity, found) in [
        ("driver_down", "warning", down),
        ("driver_up", "notice", up),
    ] {
        let Some((amount, factor)) = found else {
            continue;
        };
        let finding = Finding::new(kind)
            .severity(if one_sided { "info" } else { severity })
            .key_arg("factor", factor.key)
            .arg("before", factor.sides[0], factor.unit)
            .arg("after", factor.sides[1], factor.unit)
            .arg("money", amount, "money")
            .money(amount)
            .confidence(0.9)
            .controllability(0.4)
            .evidence("decomposition");
        report.add(finding);
    }
}
