//! Figures and histories of traffic: PV counts and rates, and people only as the platform counts them.

use crate::Params;
use crate::rows::{Counts, Shop};
use crate::steps::baseline;
use chenbao_plugin::{Report, Scalar, Series};
use jiff::ToSpan;
use metric_kit::percent;
use rust_decimal::Decimal;

struct Kpi {
    id: &'static str,
    unit: &'static str,
    spark: &'static str,
    formula: &'static str,
    denominator: Option<&'static str>,
    value: fn(&Counts) -> Option<Decimal>,
    cases: fn(&Counts) -> Decimal,
}

const KPIS: [Kpi; 5] = [
    Kpi {
        id: "impressions",
        unit: "{view}",
        spark: "history.impressions",
        formula: "sum(traffic.impressions), PV",
        denominator: None,
        value: |c| Some(c.seen),
        cases: |c| c.seen,
    },
    Kpi {
        id: "clicks",
        unit: "{view}",
        spark: "history.clicks",
        formula: "sum(traffic.clicks), PV",
        denominator: None,
        value: |c| Some(c.clicks),
        cases: |c| c.clicks,
    },
    Kpi {
        id: "click_rate",
        unit: "%",
        spark: "daily.click_rate",
        formula: "T6: clicks PV / impressions PV",
        denominator: Some("product impressions (PV)"),
        value: Counts::click_rate,
        cases: |c| c.seen,
    },
    Kpi {
        id: "click_to_pay",
        unit: "%",
        spark: "daily.click_to_pay",
        formula: "T8: paid orders / clicks PV",
        denominator: Some("product clicks (PV)"),
        value: Counts::click_to_pay,
        cases: |c| c.clicks,
    },
    Kpi {
        id: "gpm",
        unit: "money",
        spark: "history.gpm",
        formula: "T10: paid amount / product impressions PV x 1000",
        denominator: Some("product impressions (PV)"),
        value: Counts::gpm,
        cases: |c| c.seen,
    },
];

/// Figures of the period.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let now = shop.now();
    let prev = shop.counts(&shop.frame.prev);
    for kpi in &KPIS {
        let mut item = Scalar::new(kpi.id, kpi.unit)
            .formula(kpi.formula)
            .clock("event");
        if let Some(denominator) = kpi.denominator {
            item = item.denominator(denominator);
        }
        if kpi.id == "gpm" {
            item = item.note("gpm_denominator", []);
        }
        report.add(match now.and_then(|now| Some((now, (kpi.value)(&now)?))) {
            None if now.is_none() => item.missing("no_rows"),
            None if now.is_some_and(|now| now.orders.is_none()) => {
                item.missing_of("source_absent", "", "orders")
            }
            None => item.missing("undefined"),
            Some((now, value)) => compared(item.value(value).better_up(), kpi, shop, params, prev)
                .spark(kpi.spark)
                .n(u64::try_from((kpi.cases)(&now)).unwrap_or(0)),
        });
    }
    add_users(report, shop);
    add_history(report, shop);
}

fn compared(item: Scalar, kpi: &Kpi, shop: &Shop, params: &Params, prev: Option<Counts>) -> Scalar {
    let item = item.compare(shop.frame.basis(), prev.and_then(|prev| (kpi.value)(&prev)));
    let base = baseline(shop, params, kpi.value);
    if base.n() < params.baseline_min || shop.frame.now.len() % 7 > 1 {
        return item;
    }
    let basis = if shop.frame.is_day() {
        "weekday_median"
    } else {
        "previous_median"
    };
    item.compare(basis, base.median()).n_of(base.n(), base.of)
}

/// People: the platform's own figure of the shop's day; over several days there is none, because UV does not add.
fn add_users(report: &mut Report, shop: &Shop) {
    let item = Scalar::new("click_rate_users", "%")
        .formula("T5: product click UV / product impression UV, the platform's own")
        .clock("event")
        .denominator("product impressions (UV)")
        .note("users_rollup", []);
    let rate = |block| {
        shop.users(block)
            .and_then(|(seen, clicks)| percent(clicks, seen))
    };
    report.add(match (shop.frame.is_day(), rate(&shop.frame.now)) {
        (false, _) => item.missing("not_applicable"),
        (true, None) => item.missing("source_absent"),
        (true, Some(value)) => item
            .value(value)
            .better_up()
            .compare(shop.frame.basis(), rate(&shop.frame.prev)),
    });
    report.quality("info", "uv_not_added", [], &["click_rate_users"]);
}

fn add_history(report: &mut Report, shop: &Shop) {
    let mut daily = Series::time("daily")
        .shape("daily")
        .line("click_rate", "%")
        .line("click_to_pay", "%")
        .clock("event");
    let mut history = Series::time("history").shape("daily").clock("event");
    history = history
        .line("impressions", "{view}")
        .line("clicks", "{view}")
        .line("gpm", "money");
    let first = shop
        .frame
        .now
        .end
        .checked_sub(35.days())
        .unwrap_or(shop.frame.now.start);
    for day in first
        .series(1.day())
        .take_while(|day| *day < shop.frame.now.end)
    {
        let counts = shop.day(day);
        let of = |value: fn(&Counts) -> Option<Decimal>| counts.and_then(|counts| value(&counts));
        daily.add(
            day.to_string(),
            [of(Counts::click_rate), of(Counts::click_to_pay)],
        );
        history.add(
            day.to_string(),
            [
                of(|c| Some(c.seen)),
                of(|c| Some(c.clicks)),
                of(Counts::gpm),
            ],
        );
    }
    report.add(daily).add(history);
}
