//! From raw tables to revisions: map, check, merge, write; nothing is committed here.
//!
//! One pass over the collection: DataFusion runs the mapping's select and sorts its rows by day and key (spilling where
//! memory ends), [`checks`] looks at every batch, and [`mod@merge`] walks the sorted rows beside the current revision of each
//! day. What the lake already says makes no new revision; a failed check leaves no file behind.

mod checks;
mod cursor;
mod day_file;
mod footer;
mod merge;
mod plan;
mod remap;
mod run;

pub(crate) use footer::{FOOTER, Footer};
pub use remap::{DayChange, Landed, Remap, Remapped};
pub(crate) use run::key_columns;

use crate::columns::schema_of;
use crate::functions::Cells;
use crate::query::unknown_table;
use crate::{Engine, Lake, Mapping, RawTable};
use checks::Checks;
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::{Merge, TableSchema};
use chenbao_model::{Diagnostic, Id, Warned};
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use footer::Staged;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use merge::merge;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One collection on its way into the lake.
#[derive(Debug)]
pub struct Ingest<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// What the raw columns mean.
    pub mapping: &'a Mapping,
    /// The collection's raw tables.
    pub raw: &'a [RawTable],
    /// The facts of its exports; their numbers are unique within this job.
    pub facts: &'a [ExportFacts],
    /// The shop that it belongs to.
    pub shop: &'a Id,
    /// The shop's platform.
    pub platform: &'a str,
    /// The shop's zone: `_exported_at` and times with an offset are stored on its clock.
    pub zone: &'a TimeZone,
    /// The feed: the source's id.
    pub feed: &'a Id,
    /// The newest revisions of this feed and shop, of all tables and days.
    pub current: &'a [Revision],
    /// The team's own tables.
    pub custom: &'a [TableSchema],
}

/// The same, with its facts and current revisions at hand.
#[derive(Debug)]
struct Job<'a> {
    given: &'a Ingest<'a>,
    exports: BTreeMap<i64, &'a ExportFacts>,
    bases: BTreeMap<(&'a str, Option<Date>), &'a Revision>,
}

impl<'a> Job<'a> {
    fn new(given: &'a Ingest<'a>) -> Self {
        let mut bases: BTreeMap<(&str, Option<Date>), &Revision> = BTreeMap::new();
        let own = |one: &&Revision| &one.shop == given.shop && &one.feed == given.feed;
        for revision in given.current.iter().filter(own) {
            let slot = bases
                .entry((revision.table.as_str(), revision.day))
                .or_insert(revision);
            if revision.number > slot.number {
                *slot = revision;
            }
        }
        let exports = given
            .facts
            .iter()
            .map(|facts| (facts.export, facts))
            .collect();
        Self {
            given,
            exports,
            bases,
        }
    }

    /// The newest revision of a table's day.
    fn base(&self, table: &str, day: Option<Date>) -> Option<&'a Revision> {
        self.bases.get(&(table, day)).copied()
    }

    /// The facts of an export.
    fn export(&self, number: i64) -> Option<&'a ExportFacts> {
        self.exports.get(&number).copied()
    }
}

impl Ingest<'_> {
    /// When each export was made, on the shop's clock.
    fn moments(&self) -> BTreeMap<i64, i64> {
        let on_clock =
            |facts: &ExportFacts| crate::cells::on_clock(facts.exported_at, Some(self.zone));
        self.facts
            .iter()
            .filter_map(|facts| Some((facts.export, on_clock(facts).ok()?)))
            .collect()
    }

    /// The schema of each table that the mapping feeds.
    fn tables(&self) -> Result<Vec<(TableSchema, &str)>, Problems> {
        let (mut tables, mut problems) = (Vec::new(), Vec::new());
        for (name, select) in &self.mapping.tables {
            match schema_of(name, self.custom) {
                None => problems
                    .push(unknown_table(name, self.custom).in_file(self.mapping.name.clone())),
                Some(schema) => match unfit(&schema) {
                    Some(why) => {
                        problems.push(Diagnostic::error(format!("the table `{name}` {why}")));
                    }
                    None => tables.push((schema, select.as_str())),
                },
            }
        }
        if problems.is_empty() {
            Ok(tables)
        } else {
            Err(Problems(problems))
        }
    }
}

/// Why the lake cannot hold a table that a team has declared.
fn unfit(table: &TableSchema) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if table.name.is_empty() || !table.name.chars().all(plain) {
        return Some("has a name of other than lower-case letters, digits and `_`");
    }
    if table.merge != Merge::Whole && table.column("day").is_none() {
        return Some("has no column `day`, but merges by day or key");
    }
    if table.merge != Merge::ByDay && table.key.is_empty() {
        return Some("has no key, so that its rows cannot be told apart");
    }
    table
        .key
        .iter()
        .any(|key| table.column(key).is_none())
        .then_some("has a key that is not one of its columns")
}

impl Engine {
    /// Maps, checks and merges one collection, and writes the files of the revisions that it makes.
    ///
    /// By key, the newer `_exported_at` of a row wins whatever the order of arrival, the later arrival where they are
    /// equal; rows that say what the lake says already make no new revision (so an export older than an unchanged
    /// re-export can still win over it: the lake does not remember that nothing happened). By day or whole, the newest
    /// export replaces. A day that an export covers without a row gets an empty revision where there was none: nothing
    /// happened, which is not the same as nothing known.
    ///
    /// # Errors
    /// Every problem at once; nothing is published then.
    pub async fn ingest(&self, given: &Ingest<'_>) -> Result<Warned<Vec<Revision>>, Problems> {
        let tables = given.tables()?;
        let job = Job::new(given);
        let cells = Arc::new(Cells::new(given.zone.clone()));
        let mut checks = Checks::new(&job);
        let mut staged = Vec::new();
        if !given.raw.is_empty() {
            let session = self.session(given.lake, Some(Arc::clone(&cells)))?;
            plan::offer_raw(&session, given, &cells)?;
            for ((schema, _), frame) in tables.iter().zip(frames(&session, given, &tables).await?) {
                checks.begin(schema);
                match plan::sorted(frame).await {
                    Ok(rows) => staged.extend(merge(&job, schema, rows, &mut checks).await?),
                    Err(problem) => checks.problem(problem),
                }
            }
        }
        let warnings = checks.verdict(&cells.seen())?;
        for (schema, _) in &tables {
            staged.extend(quiet_days(&job, schema, &staged)?);
        }
        publish(given.lake, staged).map(|value| Warned { value, warnings })
    }
}

/// Every table's rows as a plan, or all that is wrong with any of them.
async fn frames(
    session: &SessionContext,
    job: &Ingest<'_>,
    tables: &[(TableSchema, &str)],
) -> Result<Vec<DataFrame>, Problems> {
    let (mut frames, mut problems) = (Vec::new(), Vec::new());
    for (schema, select) in tables {
        match plan::mapped(session, job, schema, select).await {
            Ok(frame) => frames.push(frame),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(frames)
    } else {
        Err(Problems(problems))
    }
}

/// An export that claims more days than these does not mean each of them.
const LONGEST_COVER: usize = 800;

/// Empty revisions for days that an export covers whole, of which there is neither a row nor an earlier revision.
fn quiet_days(
    job: &Job<'_>,
    table: &TableSchema,
    staged: &[Staged],
) -> Result<Vec<Staged>, Problems> {
    if table.merge == Merge::Whole {
        return Ok(Vec::new());
    }
    let mut newest: BTreeMap<Date, &ExportFacts> = BTreeMap::new();
    for facts in job.given.facts.iter().filter(|facts| !facts.truncated) {
        for day in covered(facts, job.given.zone) {
            let slot = newest.entry(day).or_insert(facts);
            if facts.exported_at > slot.exported_at {
                *slot = facts;
            }
        }
    }
    let own = staged.iter().filter(|one| one.table() == table.name);
    let written: BTreeSet<Option<Date>> = own.map(Staged::day).collect();
    let known =
        |day: Date| written.contains(&Some(day)) || job.base(&table.name, Some(day)).is_some();
    let quiet = newest.into_iter().filter(|(day, _)| !known(*day));
    quiet
        .map(|(day, facts)| day_file::empty(job, table, day, facts))
        .collect()
}

/// The days that an export covers and that were over when it was made.
fn covered(facts: &ExportFacts, zone: &TimeZone) -> Vec<Date> {
    let (Some(from), Some(to)) = (facts.covers_from, facts.covers_to) else {
        return Vec::new();
    };
    let made = zone.to_datetime(facts.exported_at).date();
    let days = from
        .series(jiff::ToSpan::days(1))
        .take_while(|day| *day <= to && *day < made);
    let days: Vec<Date> = days.take(LONGEST_COVER + 1).collect();
    if days.len() > LONGEST_COVER {
        Vec::new()
    } else {
        days
    }
}

fn publish(lake: &Lake, staged: Vec<Staged>) -> Result<Vec<Revision>, Problems> {
    let (mut files, mut revisions) = (Vec::new(), Vec::new());
    for one in staged {
        let (sealed, mut revision) = one.named();
        revision.path = lake.home(&revision.path);
        files.push((sealed, revision.path.clone()));
        revisions.push(revision);
    }
    lake.publish(files)?;
    Ok(revisions)
}
