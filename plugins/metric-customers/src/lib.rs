//! Customers: new and returning buyers, repurchase in both forms, monthly cohorts and RFM quintiles.
//!
//! A buyer is `coalesce(orders.buyer_key, order_buyers.buyer_key)`. Where a source masks buyers and no ERP names them,
//! every figure is absent with that reason. SQL counts, this crate judges.

mod cohorts;
mod figures;
mod repeat;
mod rfm;
mod spots;

use chenbao_plugin::{
    Arg, Cx, Inputs, Metric, Report, Result, Rows, Scalar, Series, Table, export_plugin,
};
use metric_kit::{Frame, percent};
use rust_decimal::Decimal;
use serde::Deserialize;

/// The metric.
#[derive(Debug)]
pub struct Customers;

/// Its params, as `metric.toml` describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Rates over fewer buyers are not judged.
    pub n_min: u32,
    /// First months in the cohort table.
    pub cohort_months: usize,
    /// A score from here up is high.
    pub rfm_high: u32,
    /// A 30-day repurchase rate below this is told, in percent.
    pub repurchase_low_pct: Decimal,
    /// Nothing is shown below this share of orders with a buyer, in percent.
    pub buyer_cover_pct: Decimal,
}

/// Why there is no figure at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// No paid orders in the period.
    NoRows,
    /// Orders do not name their buyers.
    NoBuyers,
}

impl Metric for Customers {
    const ID: &'static str = "customers";
    type Params = Params;

    fn compute(params: Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        let frame = Frame::of(cx)?;
        let spans = figures::read(either(inputs, "buyers")?)?;
        let mut report = Report::new();
        match spans.cover() {
            None => absent(&mut report, Gap::NoRows),
            Some(cover) if cover.is_zero() || cover < params.buyer_cover_pct => {
                absent(&mut report, Gap::NoBuyers);
            }
            Some(cover) => {
                if cover < Decimal::ONE_HUNDRED {
                    report.quality(
                        "info",
                        "buyer_cover",
                        [("share", Arg::new(cover, "%"))],
                        &["buyers", "new_share", "rfm"],
                    );
                }
                figures::add(&mut report, &frame, &spans);
                repeat::add(&mut report, either(inputs, "repeat")?, &frame, &params)?;
                cx.checkpoint()?;
                cohorts::add(&mut report, either(inputs, "cohorts")?, &frame, &params)?;
                let spots = spots::read(either(inputs, "rfm")?, cx)?;
                rfm::add(&mut report, spots, &frame, &params);
            }
        }
        Ok(report)
    }
}

/// The input with the keys of an ERP if it is there, else the one with the orders' own.
fn either(inputs: &mut Inputs, name: &str) -> Result<Rows> {
    let own = inputs.take(&format!("own_{name}"))?;
    Ok(inputs.optional(&format!("joined_{name}")).unwrap_or(own))
}

/// The share of orders that name their buyer, in percent.
fn cover(orders: Decimal, with_buyer: Decimal) -> Option<Decimal> {
    percent(with_buyer, orders)
}

/// Every figure, absent for one reason.
fn absent(report: &mut Report, gap: Gap) {
    for (id, unit) in figures::SCALARS.iter().chain(repeat::SCALARS) {
        let item = Scalar::new(id, unit).clock("pay");
        report.add(match gap {
            Gap::NoRows => item.missing("no_rows"),
            Gap::NoBuyers => item.missing_of("source_absent", "", "order_buyers"),
        });
    }
    let series = Series::time("history").shape("daily");
    report.add(match gap {
        Gap::NoRows => series.missing("no_rows"),
        Gap::NoBuyers => series.missing_of("source_absent", "", "order_buyers"),
    });
    for id in ["cohorts", "cohort_counts", "rfm", "rfm_scores"] {
        let table = Table::new(id);
        report.add(match gap {
            Gap::NoRows => table.missing("no_rows"),
            Gap::NoBuyers => table.missing_of("source_absent", "", "order_buyers"),
        });
    }
}

export_plugin! {
    files: [
        "metric.toml",
        "sql/own_buyers.sql", "sql/joined_buyers.sql", "sql/own_repeat.sql", "sql/joined_repeat.sql",
        "sql/own_cohorts.sql", "sql/joined_cohorts.sql", "sql/own_rfm.sql", "sql/joined_rfm.sql",
        "strings.zh-CN.toml", "strings.en.toml",
    ],
    metrics: [Customers]
}
