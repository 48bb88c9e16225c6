//! The figures of the strip, each with its comparisons, its history and its passport.

use crate::Params;
use crate::rows::{Figures, Refunds, Shop};
use chenbao_plugin::{Arg, Report, Scalar};
use metric_kit::{Baseline, percent, ratio};
use rust_decimal::Decimal;

/// One figure and how it follows from the sums.
pub(crate) struct Kpi {
    pub(crate) id: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) spark: &'static str,
    formula: &'static str,
    clock: &'static str,
    better: Better,
    needs: Needs,
    pub(crate) value: fn(&Figures) -> Option<Decimal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Up,
    Down,
    Neither,
}

/// What a figure rests on besides paid orders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Orders,
    Units,
    Buyers,
    Refunds,
    RefundDays,
}

pub(crate) const KPIS: &[Kpi] = &[
    Kpi {
        id: "paid_amount",
        unit: "money",
        spark: "daily.paid",
        formula: "sum(pay_amount) by paid_at",
        clock: "pay",
        better: Better::Up,
        needs: Needs::Orders,
        value: |f| f.paid,
    },
    Kpi {
        id: "net_amount",
        unit: "money",
        spark: "daily.net",
        formula: "paid_amount - refund_amount",
        clock: "pay",
        better: Better::Up,
        needs: Needs::Refunds,
        value: net,
    },
    Kpi {
        id: "refund_amount",
        unit: "money",
        spark: "history.refund_amount",
        formula: "sum(refunds.amount) by pay day of the order, up to the refund age",
        clock: "pay",
        better: Better::Down,
        needs: Needs::Refunds,
        value: |f| f.refund,
    },
    Kpi {
        id: "refund_rate",
        unit: "%",
        spark: "history.refund_rate",
        formula: "refund_amount / paid_amount",
        clock: "pay",
        better: Better::Down,
        needs: Needs::Refunds,
        value: refund_rate,
    },
    Kpi {
        id: "refund_amount_refund_clock",
        unit: "money",
        spark: "history.refund_clock",
        formula: "sum(refunds.amount) by refunded_at",
        clock: "refund",
        better: Better::Down,
        needs: Needs::RefundDays,
        value: |f| f.refund_clock,
    },
    Kpi {
        id: "orders",
        unit: "{order}",
        spark: "history.orders",
        formula: "count(distinct order_id) by paid_at",
        clock: "pay",
        better: Better::Up,
        needs: Needs::Orders,
        value: |f| f.orders,
    },
    Kpi {
        id: "buyers",
        unit: "{buyer}",
        spark: "history.buyers",
        formula: "count(distinct coalesce(orders.buyer_key, order_buyers.buyer_key))",
        clock: "pay",
        better: Better::Up,
        needs: Needs::Buyers,
        value: |f| f.buyers.map(|b| b.buyers),
    },
    Kpi {
        id: "units",
        unit: "{item}",
        spark: "history.units",
        formula: "sum(qty)",
        clock: "pay",
        better: Better::Up,
        needs: Needs::Units,
        value: |f| f.units,
    },
    Kpi {
        id: "aov",
        unit: "money",
        spark: "history.aov",
        formula: "paid_amount of orders with a buyer / buyers",
        clock: "pay",
        better: Better::Neither,
        needs: Needs::Buyers,
        value: aov,
    },
    Kpi {
        id: "order_value",
        unit: "money",
        spark: "history.order_value",
        formula: "paid_amount / orders",
        clock: "pay",
        better: Better::Neither,
        needs: Needs::Orders,
        value: |f| ratio(f.paid?, f.orders?),
    },
    Kpi {
        id: "unit_price",
        unit: "money",
        spark: "history.unit_price",
        formula: "paid_amount / units",
        clock: "pay",
        better: Better::Neither,
        needs: Needs::Units,
        value: |f| ratio(f.paid?, f.units?),
    },
    Kpi {
        id: "units_per_order",
        unit: "1",
        spark: "history.units_per_order",
        formula: "units / orders",
        clock: "pay",
        better: Better::Neither,
        needs: Needs::Units,
        value: |f| ratio(f.units?, f.orders?),
    },
];

fn net(f: &Figures) -> Option<Decimal> {
    Some(f.paid? - f.refund?)
}

pub(crate) fn refund_rate(f: &Figures) -> Option<Decimal> {
    percent(f.refund?, f.paid?)
}

fn aov(f: &Figures) -> Option<Decimal> {
    let buyers = f.buyers?;
    ratio(buyers.paid_with_buyer?, buyers.buyers)
}

/// Comparable figures of a formula, newest first.
pub(crate) fn baseline(
    shop: &Shop,
    params: &Params,
    value: fn(&Figures) -> Option<Decimal>,
) -> Baseline {
    let most = params.baseline_days.min(8);
    let blocks = shop.frame.samples(most, shop.earliest());
    Baseline {
        values: blocks
            .iter()
            .filter_map(|block| value(&shop.sums(block)))
            .collect(),
        of: most,
    }
}

/// Whether buyers are known well enough to be shown.
fn buyers_shown(figures: &Figures, params: &Params) -> bool {
    let cover = figures
        .buyers
        .and_then(|b| percent(b.orders_with_buyer, b.orders));
    cover.is_some_and(|cover| cover > Decimal::ZERO && cover >= params.buyer_cover_pct)
}

/// Sums without buyers where too few orders name them.
pub(crate) fn guarded(figures: Figures, params: &Params) -> Figures {
    if buyers_shown(&figures, params) {
        figures
    } else {
        Figures {
            buyers: None,
            ..figures
        }
    }
}

/// Adds every figure.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let now = guarded(shop.now(), params);
    let prev = guarded(shop.prev(), params);
    for kpi in KPIS {
        report.add(scalar(kpi, shop, params, [&now, &prev]));
    }
}

fn scalar(kpi: &Kpi, shop: &Shop, params: &Params, [now, prev]: [&Figures; 2]) -> Scalar {
    let mut item = Scalar::new(kpi.id, kpi.unit)
        .formula(kpi.formula)
        .clock(kpi.clock);
    item = match kpi.better {
        Better::Up => item.better_up(),
        Better::Down => item.better_down(),
        Better::Neither => item,
    };
    let Some(value) = (kpi.value)(now) else {
        return missing(item, kpi, shop, now);
    };
    let base = baseline(shop, params, kpi.value);
    item = item
        .value(value)
        .spark(kpi.spark)
        .compare(shop.frame.basis(), (kpi.value)(prev));
    if base.n() >= params.baseline_min && shop.frame.now.len() % 7 <= 1 {
        let basis = if shop.frame.is_day() {
            "weekday_median"
        } else {
            "previous_median"
        };
        item = item.compare(basis, base.median()).n_of(base.n(), base.of);
    }
    passport(item, kpi, shop, now)
}

fn passport(mut item: Scalar, kpi: &Kpi, shop: &Shop, now: &Figures) -> Scalar {
    let (youngest, oldest) = shop.frame.refund_ages();
    match kpi.needs {
        Needs::Refunds if youngest == oldest => {
            item = item
                .refund_age(youngest)
                .note("refund_age", [("age", Arg::new(youngest, ""))]);
        }
        Needs::Refunds => {
            let ages = [
                ("from", Arg::new(youngest, "")),
                ("to", Arg::new(oldest, "")),
            ];
            item = item.refund_age(youngest).note("refund_age_range", ages);
        }
        Needs::Buyers => item = buyer_note(item, now),
        Needs::Orders | Needs::Units | Needs::RefundDays => {}
    }
    match kpi.id {
        "orders" => match now.units {
            Some(units) => item.note("units", [("units", Arg::new(units, "{item}"))]),
            None => item,
        },
        "refund_rate" => item.denominator("paid_amount").n(count(now.orders)),
        "order_value" => item
            .denominator("orders")
            .n(count(now.orders))
            .note("per_order", []),
        "unit_price" => item
            .denominator("units")
            .n(count(now.units))
            .note("per_unit", []),
        "units_per_order" => item.denominator("orders").n(count(now.orders)),
        "aov" => item
            .denominator("buyers")
            .n(count(now.buyers.map(|b| b.buyers))),
        _ => item,
    }
}

/// Half-known buyers say so; known ones say what the value is per.
fn buyer_note(item: Scalar, now: &Figures) -> Scalar {
    match now
        .buyers
        .and_then(|b| percent(b.orders_with_buyer, b.orders))
    {
        Some(cover) if cover < Decimal::ONE_HUNDRED => {
            item.note("buyer_cover", [("share", Arg::new(cover, "%"))])
        }
        _ => item.note("per_buyer", []),
    }
}

fn count(value: Option<Decimal>) -> u64 {
    value.and_then(|v| u64::try_from(v).ok()).unwrap_or(0)
}

fn missing(item: Scalar, kpi: &Kpi, shop: &Shop, now: &Figures) -> Scalar {
    if now.paid.is_none() && kpi.needs != Needs::RefundDays {
        return item.missing("no_rows");
    }
    match (kpi.needs, &shop.refunds) {
        (Needs::Buyers, _) => item.missing_of("source_absent", "", "order_buyers"),
        (Needs::Units, _) if now.units.is_none() => item.missing("source_absent"),
        (Needs::Refunds, Refunds::Absent) => item.missing_of("source_absent", "", "refunds"),
        (Needs::Refunds, Refunds::Unlinked) => item.missing("source_absent"),
        (Needs::RefundDays, _) if shop.refund_days.is_none() => {
            item.missing_of("source_absent", "", "refunds")
        }
        (Needs::Refunds | Needs::RefundDays, _) if now.refund.is_none() => item.missing("no_rows"),
        _ => item.missing("undefined"),
    }
}
