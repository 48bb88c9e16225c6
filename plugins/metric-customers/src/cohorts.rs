//! Monthly cohorts: of those who first paid in a month, how many paid again n months later.

use crate::Params;
use chenbao_plugin::{Arg, Cell, Report, Result, Rows, Table};
use jiff::civil::Date;
use metric_kit::{Frame, percent};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Later months beside each first month.
const LATER: i32 = 12;

#[derive(Debug, Deserialize)]
struct Row {
    first_month: Date,
    month: Date,
    buyers: Decimal,
}

/// Months since year zero, so that months subtract.
fn months(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month())
}

pub(crate) fn add(report: &mut Report, rows: Rows, frame: &Frame, params: &Params) -> Result<()> {
    let mut cohorts: BTreeMap<Date, BTreeMap<i32, Decimal>> = BTreeMap::new();
    for row in rows.read::<Row>()? {
        cohorts
            .entry(row.first_month)
            .or_default()
            .insert(months(row.month) - months(row.first_month), row.buyers);
    }
    let last = frame.now.end.yesterday().unwrap_or(frame.now.start);
    let shown: Vec<(&Date, &BTreeMap<i32, Decimal>)> = {
        let skip = cohorts.len().saturating_sub(params.cohort_months);
        cohorts.iter().skip(skip).collect()
    };
    let reach = |first: &Date| (months(last) - months(*first)).min(LATER);
    let width = shown.first().map_or(0, |(first, _)| reach(first));
    let mut shares = table("cohorts", width, "%");
    let mut counts = table("cohort_counts", width, "{buyer}");
    for (first, later) in &shown {
        let size = later.get(&0).copied().unwrap_or_default();
        let head = [
            Cell::from(first.strftime("%Y-%m").to_string()),
            Cell::from(size),
        ];
        let of = |n: i32| (n <= reach(first)).then(|| later.get(&n).copied().unwrap_or_default());
        shares.add(
            head.iter()
                .cloned()
                .chain((1..=width).map(|n| of(n).and_then(|again| percent(again, size)).into()))
                .collect(),
        );
        counts.add(
            head.into_iter()
                .chain((1..=width).map(|n| of(n).into()))
                .collect(),
        );
    }
    if shown.is_empty() {
        (shares, counts) = (shares.missing("no_rows"), counts.missing("no_rows"));
    }
    report.add(shares).add(counts);
    if frame.now.end.day() != 1 {
        let month = [("month", Arg::text(last.strftime("%Y-%m").to_string()))];
        report.quality(
            "info",
            "cohort_definition",
            month,
            &["cohorts", "cohort_counts"],
        );
    }
    Ok(())
}

fn table(id: &str, width: i32, unit: &str) -> Table {
    let mut table = Table::new(id)
        .column("first_month", "text", "")
        .column("buyers", "number", "{buyer}");
    table = table.column_passport("buyers whose first paid order lies in the month", "pay");
    for n in 1..=width {
        table = table.column(&format!("m{n}"), "number", unit).column_up();
        table = table.column_passport(
            "buyers of the cohort who paid in the n-th month after",
            "pay",
        );
    }
    table
}
