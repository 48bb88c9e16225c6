//! The funnel by carrier (流量体裁).

use crate::Params;
use crate::rows::{Counts, Shop};
use chenbao_plugin::{Cell, Report, Table};
use metric_kit::median;

/// One row per carrier with traffic, the most shown first.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params) {
    let mut table = Table::new("by_carrier")
        .column("carrier", "text", "")
        .column("impressions", "number", "{view}")
        .column("clicks", "number", "{view}")
        .column("click_rate", "number", "%")
        .column_up()
        .column_passport("T6: clicks PV / impressions PV", "event")
        .column("click_to_pay", "number", "%")
        .column_up()
        .column_passport("T8: paid orders / clicks PV", "event")
        .column("click_to_pay_baseline", "number", "%")
        .column_passport("median of the comparable periods", "event")
        .column("orders", "number", "{order}")
        .column("paid", "number", "money")
        .column("gpm", "number", "money")
        .column_passport("T10: paid amount / product impressions PV x 1000", "event");
    let mut rows: Vec<(&String, Counts)> = shop
        .carriers
        .keys()
        .filter_map(|name| Some((name, shop.carrier_now(name)?)))
        .collect();
    rows.sort_by(|(a, x), (b, y)| y.seen.cmp(&x.seen).then(a.cmp(b)));
    let samples = shop
        .frame
        .samples(params.baseline_days.min(8), shop.earliest());
    for (name, now) in &rows {
        let base: Vec<_> = samples
            .iter()
            .filter_map(|block| shop.carrier(name, block)?.click_to_pay())
            .collect();
        table.add(vec![
            Cell::from(*name),
            now.seen.into(),
            now.clicks.into(),
            now.click_rate().into(),
            now.click_to_pay().into(),
            median(&base).into(),
            now.orders.into(),
            now.paid.into(),
            now.gpm().into(),
        ]);
    }
    report.add(if rows.is_empty() {
        table.missing("source_absent")
    } else {
        table
    });
    if !rows.is_empty() && shop.platform_carriers && !shop.platform_orders {
        report.quality("info", "carriers_from_platform", [], &["by_carrier"]);
    }
}
