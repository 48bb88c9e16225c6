//! Traffic: the funnel from impression to kept order, its first broken step, where it sits and what it costs.
//!
//! `rows` reads the result sets, `steps` judges each step against its own comparable days, `breaks` prices and places the
//! first broken one, `products` finds what is shown much and sold little, `kpis`, `carriers` and `lives` are the figures.

mod breaks;
mod carriers;
mod kpis;
mod lives;
mod products;
mod rows;
mod steps;

use chenbao_plugin::{Arg, Cx, Inputs, Metric, Report, Result, Table, export_plugin};
use metric_kit::Frame;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The metric.
#[derive(Debug)]
pub struct Traffic;

/// Its params, as `metric.toml` describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Rates with a smaller denominator are not judged.
    pub n_min: u32,
    /// A step is broken from this fall below its median on, in percent.
    pub material_pct: Decimal,
    /// Below this quantile: warning.
    pub warn_quantile: Decimal,
    /// Below this quantile: critical.
    pub critical_quantile: Decimal,
    /// Same weekdays in the baseline.
    pub baseline_days: u32,
    /// With fewer of them nothing is judged.
    pub baseline_min: u32,
    /// Share of the loss from which a carrier or product is named, in percent.
    pub concentration_pct: Decimal,
    /// How far below the products' median deals per impression must lie, in percent.
    pub x2_gap_pct: Decimal,
    /// Rows of the product table.
    pub top_products: usize,
}

impl Metric for Traffic {
    const ID: &'static str = "traffic";
    type Params = Params;

    fn compute(params: Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        let shop = rows::Shop::read(inputs, Frame::of(cx)?)?;
        let products = products::read(inputs, &shop, &params)?;
        cx.checkpoint()?;
        let mut report = Report::new();
        kpis::add(&mut report, &shop, &params);
        let told = match shop.now() {
            None => {
                report.add(Table::new("steps").missing("no_rows"));
                None
            }
            Some(now) => {
                let steps = steps::judge(&shop, &params, &now);
                steps::add(&mut report, &now, &steps);
                add_caveats(&mut report, &shop, &steps);
                breaks::add(&mut report, &shop, &params, &steps, &products)
            }
        };
        carriers::add(&mut report, &shop, &params);
        products::add(&mut report, &products, &params, told);
        lives::add(&mut report, inputs, &shop, &params)?;
        Ok(report)
    }
}

fn add_caveats(report: &mut Report, shop: &rows::Shop, steps: &[steps::Judged]) {
    if let Some(base) = steps
        .first()
        .map(|step| &step.base)
        .filter(|base| base.n() < base.of)
    {
        report.quality(
            "info",
            "baseline_short",
            [("n", Arg::new(base.n(), "")), ("of", Arg::new(base.of, ""))],
            &["steps"],
        );
    }
    let (have, need) = (shop.days_here(), shop.frame.now.len());
    if i32::try_from(have).is_ok_and(|have| have < need) {
        report.quality(
            "warning",
            "days_short",
            [("have", Arg::new(have, "")), ("need", Arg::new(need, ""))],
            &["steps"],
        );
    }
    if shop.platform_orders {
        report.quality(
            "info",
            "orders_from_platform",
            [],
            &["click_to_pay", "steps"],
        );
    }
}

export_plugin! {
    files: [
        "metric.toml",
        "sql/days.sql", "sql/orders.sql", "sql/refunded.sql", "sql/products.sql", "sql/product_orders.sql", "sql/stock.sql",
        "sql/lives.sql",
        "strings.zh-CN.toml", "strings.en.toml",
    ],
    metrics: [Traffic]
}
