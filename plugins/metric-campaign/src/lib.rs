//! Campaign: a 大促 by phase against plan, ordinary days and the last one of its type, with refunds at equal age.
//!
//! `shop` holds the days, `figures` the strip, `curves` the series, `tables` the tables, `findings` the sentences. Without a
//! campaign in the context every figure does not apply.

mod curves;
mod figures;
mod findings;
mod shop;
mod tables;

use chenbao_plugin::{
    Arg, Cx, Inputs, Metric, Report, Result, Scalar, Series, Table, export_plugin,
};
use rust_decimal::Decimal;

/// The metric.
#[derive(Debug)]
pub struct Campaign;

/// Its params: each is a row of the README and a check of the configuration.
#[derive(Debug, chenbao_plugin::Params)]
pub struct Params {
    /// How many same weekdays before the campaign make a day's baseline; at most 8, campaign days left out.
    #[param(default = 8)]
    pub baseline_days: u32,
    /// With fewer comparable days there is no baseline.
    #[param(default = 4)]
    pub baseline_min: u32,
    /// Days before the campaign that are held against their baseline: people who wait (pull-forward).
    #[param(default = 7)]
    pub before_days: u32,
    /// Rows of the product table.
    #[param(default = 20)]
    pub top_products: usize,
    /// A refund rate is told when it is this many percentage points above the last campaign's at equal age.
    #[param(default = 1.0)]
    pub refund_pp: Decimal,
}

impl Metric for Campaign {
    const ID: &'static str = "campaign";
    type Params = Params;

    fn compute(params: Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        let mut report = Report::new();
        let Some(campaign) = &cx.context.campaign else {
            absent(&mut report, "not_applicable");
            report.quality("info", "no_campaign", [], &["paid_amount"]);
            return Ok(report);
        };
        let shop = shop::Shop::read(inputs, campaign, cx, &params)?;
        let Some(now) = shop.sums(&shop.days) else {
            absent(&mut report, "no_rows");
            return Ok(report);
        };
        let products = tables::read(inputs, &shop)?;
        cx.checkpoint()?;
        figures::add(&mut report, &shop, &params, &now);
        curves::add(&mut report, &shop, &params, &now);
        tables::add_phases(&mut report, &shop, &now);
        tables::add_days(&mut report, &shop);
        tables::add_products(&mut report, &products, &now, &params);
        findings::add(&mut report, &shop, &params, &now, &products);
        add_caveats(&mut report, &shop, &now);
        Ok(report)
    }
}

/// Every item, absent for one reason.
fn absent(report: &mut Report, why: &str) {
    for (id, unit) in figures::SCALARS {
        report.add(Scalar::new(id, unit).clock("pay").missing(why));
    }
    report.add(Series::time("daily").missing(why));
    report
        .add(Series::number("cumulative").missing(why))
        .add(Series::number("multiple").missing(why));
    report.add(Series::category("bridge").missing(why));
    for id in ["phases", "days", "products"] {
        report.add(Table::new(id).missing(why));
    }
}

fn add_caveats(report: &mut Report, shop: &shop::Shop, now: &shop::Sums) {
    if shop.plan.is_none() {
        report.quality(
            "info",
            "no_plan",
            [("campaign", Arg::text(&shop.name))],
            &["plan_attainment"],
        );
    }
    match shop.last_so_far() {
        None => {
            report.quality("info", "no_last", [], &["cumulative", "multiple"]);
        }
        Some(last) => {
            let have = shop.sums(&last.days).map_or(0, |sums| sums.days);
            if i64::from(have) < i64::from(last.days.len()) {
                let args = [
                    ("last", Arg::text(&last.name)),
                    ("have", Arg::new(have, "")),
                    ("need", Arg::new(last.days.len(), "")),
                ];
                report.quality("info", "last_partial", args, &["cumulative", "multiple"]);
            }
        }
    }
    if shop.days.end < shop.whole.end {
        let day = shop
            .days
            .end
            .yesterday()
            .unwrap_or(shop.days.start)
            .to_string();
        let args = [
            ("day", Arg::text(day)),
            ("have", Arg::new(now.days, "")),
            ("need", Arg::new(shop.whole.len(), "")),
        ];
        report.quality("warning", "running", args, &["paid_amount"]);
    }
}

export_plugin! {
    files: [
        "metric.toml",
        "sql/days.sql", "sql/refunds.sql", "sql/products.sql", "sql/product_refunds.sql",
        "strings.zh-CN.toml", "strings.en.toml",
    ],
    metrics: [Campaign]
}
