//! Sales: paid amount, net of refunds, orders, buyers and unit values, and why the paid amount changed.
//!
//! `rows` reads the result sets, `kpis` makes the figures with their comparisons, `history` the series, `why` the ΔGMV
//! split, `products` the tables, `findings` the sentences. SQL sums, this crate judges.

mod findings;
mod history;
mod kpis;
mod products;
mod rows;
mod why;

use chenbao_plugin::{Cx, Inputs, Metric, Report, Result, export_plugin};
use metric_kit::Frame;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The metric.
#[derive(Debug)]
pub struct Sales;

/// Its params, as `metric.toml` describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Rates with fewer orders are not judged.
    pub n_min: u32,
    /// Rows of the product table.
    pub top_products: usize,
    /// A product's change is told from this share of the comparable paid amount on, in percent.
    pub product_share_pct: Decimal,
    /// A refund rate is told from this many points above its median on.
    pub refund_pp: Decimal,
    /// Same weekdays in the baseline.
    pub baseline_days: u32,
    /// With fewer of them nothing is judged.
    pub baseline_min: u32,
    /// Buyers are shown from this share of orders with a key on, in percent.
    pub buyer_cover_pct: Decimal,
}

impl Metric for Sales {
    const ID: &'static str = "sales";
    type Params = Params;

    fn compute(params: Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        let shop = rows::Shop::read(inputs, Frame::of(cx)?)?;
        let products = products::read(inputs, &shop)?;
        cx.checkpoint()?;
        let mut report = Report::new();
        kpis::add(&mut report, &shop, &params);
        history::add(&mut report, &shop, &params);
        history::add_hours(&mut report, inputs, &shop)?;
        why::add(&mut report, &shop, &params);
        history::add_mix(&mut report, &shop, &products);
        products::add_carriers(&mut report, inputs, &shop)?;
        products::add_table(&mut report, &shop, &params, &products);
        findings::add(&mut report, &shop, &params, &products);
        Ok(report)
    }
}

export_plugin! {
    files: [
        "metric.toml",
        "sql/days.sql", "sql/spans.sql", "sql/buyers.sql", "sql/carriers.sql", "sql/hours.sql", "sql/products.sql",
        "sql/refunds.sql", "sql/product_refunds.sql", "sql/refund_days.sql", "sql/traffic.sql",
        "strings.zh-CN.toml", "strings.en.toml",
    ],
    metrics: [Sales]
}
