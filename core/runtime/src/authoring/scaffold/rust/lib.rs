//! @title@: how much of what was paid comes from large orders.

use chenbao_plugin::serde::Deserialize;
use chenbao_plugin::{
    Cx, Decimal, Finding, Inputs, Metric, Params, Report, Result, Scalar, Series, Table, export_plugin,
};
use std::collections::BTreeMap;

/// What a report may set; each becomes a row of the README and a check of the configuration.
#[derive(Debug, Params)]
pub struct Settings {
    /// Orders from this amount on count as large.
    #[param(default = 300, min = 0, unit = "money")]
    large_from: Decimal,
    /// Told as a finding when large orders make at least this share of what was paid.
    #[param(default = 50, min = 0, max = 100, unit = "%")]
    tell_from: Decimal,
}

/// A row of `sql/orders.sql`.
#[derive(Debug, Deserialize)]
#[serde(crate = "chenbao_plugin::serde")]
struct Order {
    order_id: String,
    day: String,
    paid: Decimal,
}

/// The metric.
#[derive(Debug)]
pub struct @Type@;

impl Metric for @Type@ {
    const ID: &'static str = "@name@";
    type Params = Settings;

    fn compute(set: Settings, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        let mut orders: Vec<Order> = inputs.take("orders")?.read()?;
        let mut days: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        for order in &orders {
            let [all, large] = days.entry(&order.day).or_default();
            *all += 1;
            *large += u64::from(order.paid >= set.large_from);
        }
        let mut daily = Series::time("daily").line("orders", "{order}").line("large", "{order}").shape("daily");
        for (day, counts) in &days {
            daily.add(*day, *counts);
        }
        drop(days);
        orders.retain(|order| order.day >= cx.period.start);
        orders.sort_by(|a, b| b.paid.cmp(&a.paid).then_with(|| a.order_id.cmp(&b.order_id)));
        let large = orders.iter().take_while(|order| order.paid >= set.large_from);
        let (n, of_large) = large.fold((0_u64, Decimal::ZERO), |(n, sum), order| (n + 1, sum + order.paid));
        let of_all: Decimal = orders.iter().map(|order| order.paid).sum();
        let share = (of_all > Decimal::ZERO).then(|| (of_large * Decimal::from(100) / of_all).round_dp(2));
        let mut top = Table::new("top").column("order_id", "text", "").column("day", "date", "").column("paid", "number", "money");
        for order in orders.iter().take(10) {
            top.add(vec![(&order.order_id).into(), (&order.day).into(), order.paid.into()]);
        }
        let formula = "paid amount of large orders / paid amount of all orders";
        let mut report = Report::new()
            .push(Scalar::new("large_share", "%").value_or(share, "no_rows").formula(formula).clock("pay"))
            .push(Scalar::new("large_orders", "{order}").value(n).spark("daily.large").clock("pay"))
            .push(daily)
            .push(top);
        if let Some(share) = share.filter(|share| *share >= set.tell_from) {
            let finding = Finding::new("few_carry").severity("notice").money(of_large).evidence("top");
            report.add(finding.arg("n", n, "{order}").arg("from", set.large_from, "money").arg("share", share, "%"));
        }
        Ok(report)
    }
}

export_plugin! {
    files: ["metric.toml", "sql/orders.sql", "strings.zh-CN.toml", "strings.en.toml"],
    metrics: [@Type@]
}
