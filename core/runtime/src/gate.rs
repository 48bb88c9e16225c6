//! Step 3, gate: is the data there, whole and of the right days? What is not is said by name.

use crate::config::Config;
use crate::config::meant::Source;
use crate::plan;
use chenbao_model::catalogue::{Revision, Snapshot};
use chenbao_model::schema::Merge;
use chenbao_model::{Id, Period};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// A day with fewer rows than this share of its usual weekday is doubted.
const FEW: f64 = 0.3;
/// A day with more rows than this multiple of its usual weekday is doubted (campaign days are left out).
const MANY: f64 = 6.0;

/// What a report needs of one source.
#[derive(Debug, Clone)]
pub struct Need {
    /// Source.
    pub source: Id,
    /// Canonical tables that the report's metrics read from it.
    pub tables: BTreeSet<String>,
    /// Why it could not be collected, if it could not.
    pub trouble: Option<String>,
    /// Tables and days of it whose newest file was damaged, and that nothing has replaced; no day: the whole table.
    pub lost: BTreeSet<(String, Option<Date>)>,
}

/// What the gate found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Required sources that are in.
    pub have: u32,
    /// Required sources.
    pub need: u32,
    /// Days of the period with everything, of all days.
    pub days: (u32, u32),
    /// Per source that is not in: id and why, in the words of the report's language.
    pub missing: Vec<Gap>,
    /// Doubts that do not stop a report.
    pub doubts: Vec<Doubt>,
    /// Until when every source reaches: the oldest of their newest exports.
    pub through: Option<Timestamp>,
}

/// A source that is not in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Source.
    pub source: Id,
    /// Days without data; empty when the source itself failed.
    pub days: Vec<Date>,
    /// What went wrong.
    pub trouble: Option<String>,
}

/// A day whose row count is out of its usual range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Table.
    pub table: String,
    /// Day.
    pub day: Date,
    /// Rows that day.
    pub rows: u64,
    /// Median of the same weekdays before.
    pub usual: u64,
}

impl Judgement {
    /// Whether everything required is in.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Judges a snapshot against what the report needs of each source.
#[must_use]
pub fn judge(config: &Config, needs: &[Need], snapshot: &Snapshot, period: Period) -> Judgement {
    let mut found = Judgement {
        days: (0, period.days()),
        ..Judgement::default()
    };
    let mut absent_days = BTreeSet::new();
    for need in needs {
        let Some(source) = config.sources.get(&need.source) else {
            continue;
        };
        let absent = absent_days_of(config, source, need, snapshot, period);
        if source.required {
            found.need += 1;
            if absent.is_empty() && need.trouble.is_none() {
                found.have += 1;
            } else {
                absent_days.extend(absent.iter().copied());
                found.missing.push(Gap {
                    source: need.source.clone(),
                    days: absent,
                    trouble: need.trouble.clone(),
                });
            }
        }
        found
            .doubts
            .extend(doubts_of(config, need, snapshot, period));
    }
    found.days.0 = period
        .days()
        .saturating_sub(u32::try_from(absent_days.len()).unwrap_or(u32::MAX));
    let newest = |need: &Need| {
        snapshot
            .revisions
            .iter()
            .filter(|revision| revision.feed == need.source)
            .map(|revision| revision.exported_at)
            .max()
    };
    found.through = needs.iter().filter_map(newest).min();
    found
}

fn of_feed<'a>(
    snapshot: &'a Snapshot,
    feed: &'a Id,
    table: &'a str,
) -> impl Iterator<Item = &'a Revision> {
    snapshot
        .table(table)
        .filter(move |revision| &revision.feed == feed)
}

/// Days of the period that a source has not delivered whole.
///
/// A table that merges by day is in when the day has rows. One that merges by key (orders) is in when an export was made
/// after the day ended: a day without orders is a fact, a day before its last export is not whole.
fn absent_days_of(
    config: &Config,
    source: &Source,
    need: &Need,
    snapshot: &Snapshot,
    period: Period,
) -> Vec<Date> {
    let zone = config
        .shops
        .get(&source.shop)
        .map_or(&config.project.zone, |shop| &shop.zone);
    let mut absent = BTreeSet::new();
    for table in &need.tables {
        let merge = config
            .table(table)
            .map_or(Merge::ByKey, |schema| schema.merge);
        let revisions: Vec<&Revision> = of_feed(snapshot, &need.source, table).collect();
        let newest = revisions.iter().map(|revision| revision.exported_at).max();
        let days: BTreeSet<Date> = revisions
            .iter()
            .filter_map(|revision| revision.day)
            .collect();
        for day in period.each_day() {
            let ended = Period::day(day)
                .ok()
                .and_then(|p| plan::moments(p, zone))
                .map(|(_, end)| end);
            let whole = match merge {
                Merge::Whole => newest.is_some(),
                Merge::ByDay => days.contains(&day),
                Merge::ByKey => newest
                    .zip(ended)
                    .is_some_and(|(newest, ended)| newest >= ended),
            };
            // A day that was there and was lost is no day on which nothing happened.
            let lost = |day| need.lost.contains(&(table.clone(), day));
            if !whole || lost(None) || lost(Some(day)) {
                absent.insert(day);
            }
        }
    }
    absent.into_iter().collect()
}

fn doubts_of(config: &Config, need: &Need, snapshot: &Snapshot, period: Period) -> Vec<Doubt> {
    let in_campaign = |day: Date| {
        config
            .campaigns
            .values()
            .any(|c| c.starts <= day && day <= c.ends)
    };
    let mut doubts = Vec::new();
    for table in &need.tables {
        let mut rows: BTreeMap<Date, u64> = BTreeMap::new();
        for revision in of_feed(snapshot, &need.source, table) {
            if let Some(day) = revision.day {
                *rows.entry(day).or_default() += revision.rows;
            }
        }
        for day in period.each_day().filter(|day| !in_campaign(*day)) {
            let Some(&now) = rows.get(&day) else { continue };
            let Ok(one) = Period::day(day) else { continue };
            let mut usual: Vec<u64> = plan::same_weekdays(one, 8)
                .filter(|day| !in_campaign(*day))
                .filter_map(|day| rows.get(&day).copied())
                .collect();
            usual.sort_unstable();
            let Some(&median) = usual.get(usual.len() / 2).filter(|_| usual.len() >= 3) else {
                continue;
            };
            if out_of_range(now, median) {
                doubts.push(Doubt {
                    table: table.clone(),
                    day,
                    rows: now,
                    usual: median,
                });
            }
        }
    }
    doubts
}

#[expect(
    clippy::cast_precision_loss,
    reason = "row counts beyond 2^52 do not occur, and this is a rule of thumb"
)]
fn out_of_range(now: u64, usual: u64) -> bool {
    let (now, usual) = (now as f64, usual as f64);
    now < usual * FEW || now > usual * MANY
}
