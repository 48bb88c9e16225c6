//! Series: 35 days for charts and sparks, hours of the day, and the two waterfalls.

use crate::Params;
use crate::kpis::{KPIS, guarded};
use crate::products::Product;
use crate::rows::Shop;
use chenbao_plugin::{Cell, Inputs, Report, Result, Series};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{Sold, price_volume_mix, settle};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct HourRow {
    span: String,
    hour: i64,
    paid: Option<Decimal>,
}

/// The last 35 days of the period, oldest first.
fn last_days(end: Date) -> impl Iterator<Item = Date> {
    let start = end.checked_sub(35.days()).unwrap_or(end);
    start.series(1.day()).take_while(move |day| *day < end)
}

/// `daily` for the chart and `history` for the sparks; a day without rows is a gap, not a zero.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let mut daily = Series::time("daily")
        .shape("daily")
        .line("paid", "money")
        .line("net", "money")
        .clock("pay");
    let lines = || KPIS.iter().filter(|kpi| kpi.spark.starts_with("history."));
    let mut history = Series::time("history").shape("daily").clock("pay");
    for kpi in lines() {
        history = history.line(kpi.spark.trim_start_matches("history."), kpi.unit);
    }
    let mut any = false;
    for day in last_days(shop.frame.now.end) {
        let sums = guarded(shop.day(day), params);
        any |= sums.paid.is_some();
        daily.add(
            day.to_string(),
            [
                sums.paid,
                sums.paid.zip(sums.refund).map(|(paid, back)| paid - back),
            ],
        );
        history.add(day.to_string(), lines().map(|kpi| (kpi.value)(&sums)));
    }
    if !any {
        (daily, history) = (daily.missing("no_rows"), history.missing("no_rows"));
    }
    report
        .add(daily.refund_age(shop.frame.refund_ages().0))
        .add(history);
}

/// By hour of payment; where times are dates only, hours make no sense.
pub(crate) fn add_hours(report: &mut Report, inputs: &mut Inputs, shop: &Shop) -> Result<()> {
    let mut hours: BTreeMap<i64, [Option<Decimal>; 2]> = BTreeMap::new();
    for row in inputs.take("hours")?.read::<HourRow>()? {
        let at = usize::from(row.span != "now");
        if at == 0 || shop.reaches_prev() {
            hours.entry(row.hour).or_default()[at] = row.paid;
        }
    }
    let mut series = Series::category("by_hour")
        .line("paid", "money")
        .line("previous", "money")
        .clock("pay");
    let known = |at: usize| hours.values().any(|sides| sides[at].is_some());
    if !known(0) {
        series = series.missing("no_rows");
    } else if hours.keys().all(|hour| *hour == 0) {
        series = series.missing("not_applicable");
    } else {
        for hour in 0..24 {
            let sides = hours.get(&hour).copied().unwrap_or_default();
            let cell = |at: usize| known(at).then(|| sides[at].unwrap_or_default());
            series.add(format!("{hour:02}"), [cell(0), cell(1)]);
        }
    }
    report.add(series);
    Ok(())
}

/// Price, volume and mix over products, for shops that count units.
pub(crate) fn add_mix(report: &mut Report, shop: &Shop, products: &[Product]) {
    let mut series = Series::category("price_volume_mix")
        .line("amount", "money")
        .shape("waterfall")
        .clock("pay");
    series = series
        .formula("price = (p1-p0) q1; volume = (Q1-Q0) m0 p0; mix = (q1-Q1 m0) p0; m0 = q0/Q0");
    let sold: Option<Vec<Sold>> = products.iter().map(Product::sold).collect();
    let (now, prev) = (shop.now().paid, shop.prev().paid);
    report.add(match (sold.filter(|sold| !sold.is_empty()), now, prev) {
        (_, None, _) => series.missing("no_rows"),
        (_, _, None) => series.missing_of("baseline_short", 0, 1),
        (None, ..) => series.missing("source_absent"),
        (Some(sold), Some(now), Some(prev)) => {
            let mix = price_volume_mix(&sold);
            let parts = settle(
                &[mix.volume, mix.price, mix.mix, mix.entered, mix.left],
                now - prev,
            );
            series = series.point(Cell::key(shop.frame.prev_word()), [prev]);
            for (key, part) in ["volume", "price", "mix", "new_products", "gone_products"]
                .iter()
                .zip(&parts)
            {
                if !part.is_zero() {
                    series = series.point(Cell::key(key), [part]);
                }
            }
            series.point(Cell::key(shop.frame.now_word()), [now])
        }
    });
}
