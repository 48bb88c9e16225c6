//! Why the paid amount changed: LMDI over the factors that the shop has, exact to the fen.

use crate::Params;
use crate::kpis::guarded;
use crate::rows::{Figures, Shop};
use chenbao_plugin::{Cell, Finding, Report, Series};
use metric_kit::{lmdi, percent, ratio, settle};
use rust_decimal::Decimal;

/// A factor on both sides, as people read it.
struct Factor {
    key: &'static str,
    unit: &'static str,
    sides: [Decimal; 2],
}

/// A part of the waterfall.
struct Part {
    key: &'static str,
    amount: Decimal,
    factor: Option<Factor>,
}

/// Adds the waterfall and, as findings, its largest part up and its largest part down.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let series = Series::category("decomposition").line("amount", "money").shape("waterfall").clock("pay");
    let series = series.formula("LMDI-I: L(V1,V0) ln(x1/x0) for each factor x of V");
    let (now, prev) = (guarded(shop.now(), params), guarded(shop.prev(), params));
    let (Some(after), Some(before)) = (now.paid, prev.paid) else {
        let missing = if now.paid.is_none() { series.missing("no_rows") } else { series.missing_of("baseline_short", 0, 1) };
        report.add(missing);
        return;
    };
    let parts = parts(factors(shop, &now, &prev), before, after);
    let mut series = series.point(Cell::key(shop.frame.prev_word()), [before]);
    for part in &parts {
        series = series.point(Cell::key(part.key), [part.amount]);
    }
    report.add(series.point(Cell::key(shop.frame.now_word()), [after]));
    add_drivers(report, &parts, shop.frame.only_prev_in_campaign());
}

/// The finest chain that both sides have: traffic, else buyers, else orders and units, else orders.
fn factors(shop: &Shop, now: &Figures, prev: &Figures) -> Vec<Factor> {
    let both = |value: fn(&Figures) -> Option<Decimal>| Some([value(prev)?, value(now)?]);
    let (Some(orders), Some(paid)) = (both(|f| f.orders), both(|f| f.paid)) else { return Vec::new() };
    let by = |top: [Decimal; 2], bottom: [Decimal; 2], f: fn(Decimal, Decimal) -> Option<Decimal>| {
        Some([f(top[0], bottom[0])?, f(top[1], bottom[1])?])
    };
    let chain = || {
        let views = shop.views([&shop.frame.prev, &shop.frame.now])?;
        let (seen, clicks) = ([views[0].0, views[1].0], [views[0].1, views[1].1]);
        Some(vec![
            Factor { key: "traffic", unit: "{view}", sides: seen },
            Factor { key: "click_rate", unit: "%", sides: by(clicks, seen, percent)? },
            Factor { key: "click_to_pay", unit: "%", sides: by(orders, clicks, percent)? },
            Factor { key: "order_value", unit: "money", sides: by(paid, orders, ratio)? },
        ])
    };
    let buyers = || {
        let buyers = both(|f| f.buyers.filter(|b| b.orders_with_buyer == b.orders).map(|b| b.buyers))?;
        Some(vec![
            Factor { key: "buyers", unit: "{buyer}", sides: buyers },
            Factor { key: "orders_per_buyer", unit: "1", sides: by(orders, buyers, ratio)? },
            Factor { key: "order_value", unit: "money", sides: by(paid, orders, ratio)? },
        ])
    };
    let units = || {
        let units = both(|f| f.units)?;
        Some(vec![
            Factor { key: "orders", unit: "{order}", sides: orders },
            Factor { key: "units_per_order", unit: "1", sides: by(units, orders, ratio)? },
            Factor { key: "unit_price", unit: "money", sides: by(paid, units, ratio)? },
        ])
    };
    let plain = || {
        let value = by(paid, orders, ratio)?;
        Some(vec![Factor { key: "orders", unit: "{order}", sides: orders }, Factor { key: "order_value", unit: "money", sides: value }])
    };
    chain().or_else(buyers).or_else(units).or_else(plain).unwrap_or_default()
}

/// Parts in the order of the chain; what came from nothing or went to nothing stands alone.
fn parts(factors: Vec<Factor>, before: Decimal, after: Decimal) -> Vec<Part> {
    // A rate in percent is a hundred times the factor; LMDI sees ratios only, so the scale falls out.
    let side = |at: usize| factors.iter().map(|f| f.sides[at]).collect::<Vec<_>>();
    let alive = !before.is_zero() && !after.is_zero() && factors.iter().all(|f| f.sides.iter().all(|x| *x > Decimal::ZERO));
    if !alive {
        let single = |key, amount| Part { key, amount, factor: None };
        return [single("entered", after), single("left", -before)].into_iter().filter(|p| !p.amount.is_zero()).collect();
    }
    let split = lmdi(&[side(0)], &[side(1)]);
    let scale = side(1).iter().product::<Decimal>() / after;
    let raw: Vec<Decimal> = split.factors.iter().map(|part| part / scale).collect();
    let settled = settle(&raw, after - before);
    factors.into_iter().zip(settled).map(|(factor, amount)| Part { key: factor.key, amount, factor: Some(factor) }).collect()
}

/// Against a campaign day every part is the campaign's: true, but nothing to act on.
fn add_drivers(report: &mut Report, parts: &[Part], after_campaign: bool) {
    let told = || parts.iter().filter_map(|part| part.factor.as_ref().map(|factor| (part.amount, factor)));
    let up = told().filter(|(amount, _)| *amount > Decimal::ZERO).max_by_key(|(amount, _)| *amount);
    let down = told().filter(|(amount, _)| *amount < Decimal::ZERO).min_by_key(|(amount, _)| *amount);
    for (kind, severity, found) in [("driver_down", "warning", down), ("driver_up", "notice", up)] {
        let Some((amount, factor)) = found else { continue };
        let finding = Finding::new(kind)
            .severity(if after_campaign { "info" } else { severity })
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
