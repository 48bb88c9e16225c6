//! Which days the inputs of metrics read, and so which days a source is asked for.

use crate::chain;
use crate::collect::Windows;
use crate::plan;
use crate::plugin::descriptor::InputWindow;
use crate::project::Project;
use chenbao_engine::Param;
use chenbao_model::{Diagnostic, Id, Period};
use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// So many days before the first need a source is asked for on its first time, where a metric reads everything there is.
const FIRST_TIME_DAYS: i64 = 400;

/// The days that the inputs of some metrics read, up to the run's own day; and further back for a source's first time.
#[must_use]
pub fn reach(project: &Project, metrics: &[Id], period: Period) -> Windows {
    let mut first = period
        .previous()
        .map_or(period.start(), |previous| previous.start());
    let mut everything = false;
    for metric in chain::order(project, metrics).unwrap_or_default() {
        let Ok(component) = project.component(&metric.plugin) else {
            continue;
        };
        for input in &component.descriptor.inputs {
            match days_of(input.window, period) {
                Some(days) => first = days.first().map_or(first, |day| first.min(*day)),
                None => everything = true,
            }
        }
    }
    let last = until(project.clock.now(), project.config.project.zone.clone())
        .yesterday()
        .unwrap_or(period.last());
    let up_to_now = |from: Date| Period::span(from, last.max(period.last())).unwrap_or(period);
    let back = if everything { FIRST_TIME_DAYS } else { 0 };
    Windows {
        near: up_to_now(first),
        far: up_to_now(first.checked_sub(Span::new().days(back)).unwrap_or(first)),
    }
}

/// The day after the last that a run may know: what arrived since the period's end counts too (refunds go on arriving), up to
/// the run's own day. SQL that wants less says so with its parameters.
pub(crate) fn until(now: Timestamp, zone: jiff::tz::TimeZone) -> Date {
    let today = now.to_zoned(zone).date();
    today.tomorrow().unwrap_or(today)
}

/// Days that an input may read; none means everything that a run may know.
pub(crate) fn days_of(window: InputWindow, period: Period) -> Option<BTreeSet<Date>> {
    let back = |days: i64| {
        period
            .end()
            .checked_sub(Span::new().days(days))
            .unwrap_or(period.start())
    };
    match window {
        InputWindow::All => None,
        InputWindow::Period => Some(period.each_day().collect()),
        InputWindow::Previous => {
            let previous = period.previous().ok()?;
            Some(previous.each_day().chain(period.each_day()).collect())
        }
        InputWindow::Days(n) => {
            let first = back(i64::from(n)).min(period.start());
            Some(
                Period::span(first, period.last())
                    .ok()?
                    .each_day()
                    .collect(),
            )
        }
        InputWindow::Weekdays(n) => Some(
            plan::same_weekdays(period, i64::from(n))
                .chain(period.each_day())
                .collect(),
        ),
    }
}

/// The closed table of parameters that the SQL of an input may use.
pub(crate) fn params(
    period: Period,
    as_of: DateTime,
) -> Result<BTreeMap<String, Param>, Diagnostic> {
    let previous = period.previous().map_err(Diagnostic::error)?;
    let mut params = BTreeMap::new();
    for (name, day) in [
        ("start", period.start()),
        ("end", period.end()),
        ("prev_start", previous.start()),
        ("prev_end", previous.end()),
    ] {
        params.insert(name.to_owned(), Param::At(day.at(0, 0, 0, 0)));
        params.insert(format!("{name}_day"), Param::Day(day));
    }
    params.insert("as_of".to_owned(), Param::At(as_of));
    Ok(params)
}
