//! Repurchase within 30 days, in two forms that must not be mixed: within a window, and of a cohort.

use crate::Params;
use chenbao_plugin::{Arg, Finding, Report, Result, Rows, Scalar};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{Frame, percent};
use rust_decimal::Decimal;
use serde::Deserialize;

/// Ids and units, for when they are absent.
pub(crate) const SCALARS: &[(&str, &str)] =
    &[("repurchase_30d", "%"), ("repurchase_30d_cohort", "%")];

#[derive(Debug, Clone, Copy, Deserialize)]
struct Count {
    buyers: Decimal,
    again: Option<Decimal>,
    first_day: Option<Date>,
}

impl Count {
    fn rate(&self) -> Option<Decimal> {
        percent(self.again?, self.buyers)
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    form: String,
    #[serde(flatten)]
    count: Count,
}

pub(crate) fn add(report: &mut Report, rows: Rows, frame: &Frame, params: &Params) -> Result<()> {
    let rows: Vec<Row> = rows.read()?;
    let form = |name: &str| {
        rows.iter()
            .find(|row| row.form == name)
            .map(|row| row.count)
    };
    let first = rows.iter().filter_map(|row| row.count.first_day).min();
    let window_start = frame
        .now
        .end
        .checked_sub(30.days())
        .unwrap_or(frame.now.start);
    let cohort_start = frame
        .now
        .start
        .checked_sub(30.days())
        .unwrap_or(frame.now.start);
    let window = Scalar::new("repurchase_30d", "%")
        .formula("buyers with two orders or more in 30 days / buyers of the 30 days")
        .note("window_form", []);
    let cohort = Scalar::new("repurchase_30d_cohort", "%")
        .formula("buyers of the period moved back 30 days who bought again on a later day within 30 days / those buyers")
        .note("cohort_form", []);
    report.add(filled(
        window,
        [form("now"), form("prev")],
        (window_start, first),
        frame,
    ));
    report.add(filled(
        cohort,
        [form("cohort_now"), form("cohort_prev")],
        (cohort_start, first),
        frame,
    ));
    let mature = first.is_some_and(|first| first <= window_start);
    if let Some(now) = form("now").filter(|_| mature && !frame.is_day()) {
        add_low(report, &now, params);
    }
    if let Some(from) = first.filter(|first| {
        frame
            .now
            .start
            .checked_sub(365.days())
            .is_ok_and(|year| *first > year)
    }) {
        let from = [("from", Arg::text(from.to_string()))];
        report.quality(
            "info",
            "history_short",
            from,
            &["new_buyers", "new_share", "cohorts"],
        );
    }
    Ok(())
}

/// A history that begins inside the window would make the rate too low: then it is immature, not low.
fn filled(
    item: Scalar,
    [now, prev]: [Option<Count>; 2],
    (start, first): (Date, Option<Date>),
    frame: &Frame,
) -> Scalar {
    let item = item.clock("pay").denominator("buyers").better_up();
    let Some(now) = now else {
        return item.missing("no_rows");
    };
    if first.is_some_and(|first| first > start) {
        return item.missing_of(
            "immature",
            first.map(|d| d.to_string()).unwrap_or_default(),
            start,
        );
    }
    let n = u64::try_from(now.buyers).unwrap_or(0);
    item.value_or(now.rate(), "undefined")
        .n(n)
        .compare(frame.basis(), prev.and_then(|prev| prev.rate()))
}

fn add_low(report: &mut Report, now: &Count, params: &Params) {
    let (Some(rate), Some(again)) = (now.rate(), now.again) else {
        return;
    };
    if now.buyers < Decimal::from(params.n_min) || rate >= params.repurchase_low_pct {
        return;
    }
    report.add(
        Finding::new("repurchase_low")
            .arg("buyers", now.buyers, "{buyer}")
            .arg("again", again, "{buyer}")
            .arg("rate", rate, "%")
            .arg("line", params.repurchase_low_pct, "%")
            .confidence(0.5)
            .controllability(0.4)
            .action("second_order", [])
            .evidence("repurchase_30d"),
    );
}
