//! Everything that a feed ever collected, mapped again: the raw tables in the order of their arrival, as if each had just come.
//!
//! The collections are ingested one after the other into a scratch lake, by the code that ingested them at first, so that
//! checks, merge rules and ties between exports cannot differ. What comes out is then held against what the lake says, row
//! by row: a day that says something else gets its next revision, with a base, like any other. Time does not decide here;
//! the exports are the same and only their meaning has changed. Rows of exports whose raw table is gone are told by their
//! `_exported_at`: the scratch lake begins with them, as they were mapped then.

use super::cursor::Cursor;
use super::footer::{Footer, Staged};
use super::merge::broken;
use super::run::{Run, Shape};
use super::{Ingest, publish};
use crate::columns::schema_of;
use crate::contract::check_contract;
use crate::mapping::{Contract, Personal};
use crate::parquet_file::ParquetFile;
use crate::{Engine, Lake, Mapping, RawTable};
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use chenbao_model::{Diagnostic, Id, Warned};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A collection whose raw table is still there.
#[derive(Debug)]
pub struct Landed<'a> {
    /// What its columns mean now.
    pub mapping: &'a Mapping,
    /// Its raw table.
    pub raw: RawTable,
    /// The facts of its exports.
    pub facts: &'a [ExportFacts],
}

/// A feed that is to be mapped again.
#[derive(Debug)]
pub struct Remap<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// Its collections, in the order of their arrival.
    pub collections: &'a [Landed<'a>],
    /// The shop that it belongs to.
    pub shop: &'a Id,
    /// The shop's platform.
    pub platform: &'a str,
    /// The shop's zone.
    pub zone: &'a TimeZone,
    /// The feed: the source's id.
    pub feed: &'a Id,
    /// The newest revisions of this feed and shop, of all tables and days.
    pub current: &'a [Revision],
    /// The team's own tables.
    pub custom: &'a [TableSchema],
}

/// A day that says something else now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayChange {
    /// Table.
    pub table: String,
    /// Day; none for tables that merge whole.
    pub day: Option<Date>,
    /// Rows before.
    pub before: u64,
    /// Rows now.
    pub after: u64,
    /// Rows that are new, gone, or say something else.
    pub differ: u64,
}

/// What came out, not yet in the lake.
#[derive(Debug)]
pub struct Remapped {
    /// What changed, by table and day.
    pub changes: Vec<DayChange>,
    staged: Vec<Staged>,
}

impl Remapped {
    /// Gives the files their names; the revisions are then to be committed. Dropped instead, nothing has happened.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn publish(self, lake: &Lake) -> Result<Vec<Revision>, Problems> {
        publish(lake, self.staged)
    }
}

/// Newest revisions by table and day.
type Days = BTreeMap<(String, Option<Date>), Revision>;

impl Engine {
    /// Maps a feed's raw tables again and says what differs from the lake. `progress` hears how many collections are done.
    ///
    /// # Errors
    /// Every problem of the first collection that the mapping does not fit; nothing has changed then.
    pub async fn remap(
        &self,
        given: &Remap<'_>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Warned<Remapped>, Problems> {
        fits(given)?;
        let (scratch, folder) = given.lake.scratch()?;
        let mut days = seeds(given, &scratch)?;
        let mut warnings: Vec<Diagnostic> = Vec::new();
        for (done, landed) in given.collections.iter().enumerate() {
            progress(done);
            let current: Vec<Revision> = days.values().cloned().collect();
            let job = Ingest {
                lake: &scratch,
                mapping: landed.mapping,
                raw: std::slice::from_ref(&landed.raw),
                facts: landed.facts,
                shop: given.shop,
                platform: given.platform,
                zone: given.zone,
                feed: given.feed,
                current: &current,
                custom: given.custom,
            };
            let merged = self.ingest(&job).await?;
            days.extend(by_day(merged.value));
            for told in merged.warnings {
                if !warnings.contains(&told) {
                    warnings.push(told);
                }
            }
        }
        progress(given.collections.len());
        let value = settle(given, &days)?;
        drop(folder);
        Ok(Warned { value, warnings })
    }
}

fn by_day(revisions: impl IntoIterator<Item = Revision>) -> Days {
    let keyed = revisions
        .into_iter()
        .map(|revision| ((revision.table.clone(), revision.day), revision));
    keyed.collect()
}

/// Whether the mappings can read what was stored: headers, and cells treated as the mapping wants them.
fn fits(given: &Remap<'_>) -> Result<(), Problems> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    for landed in given.collections {
        let mut columns = landed.raw.columns.clone();
        let dropped = landed.mapping.columns.iter();
        let dropped = dropped.filter(|column| column.personal == Some(Personal::Drop));
        columns.extend(dropped.map(|column| column.header.clone()));
        let name = landed.facts.first().map_or("", |facts| facts.name.as_str());
        let drift = check_contract(landed.mapping, name, &columns).err();
        let treated = landed.mapping.columns.iter();
        let found = treated.flat_map(|contract| mistreated(landed, contract));
        for problem in drift.into_iter().flat_map(|found| found.0).chain(found) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

/// Personal cells are treated once, before they are stored: another treatment cannot be had from the raw table.
fn mistreated(landed: &Landed<'_>, contract: &Contract) -> Vec<Diagnostic> {
    let stored = landed.raw.columns.iter();
    let stored = stored.filter(|header| contract.is(header));
    let wrong = stored.filter_map(|header| {
        let was = landed.raw.hashed.contains(header);
        let why = match contract.personal {
            Some(Personal::Hash) if !was => "was stored in clear, but is to be hashed",
            Some(Personal::Drop) => "was stored, but is to be dropped",
            None | Some(Personal::Keep) if was => "was hashed, but is to be read in clear",
            _ => return None,
        };
        Some(
            Diagnostic::error(format!("`{header}` {why}"))
                .in_file(landed.mapping.name.clone())
                .hint("personal cells are treated before they are stored; undo `personal`, or export the days again and collect them"),
        )
    });
    wrong.collect()
}

/// The table and its shape; none where nobody declares the table any more, so that its rows are left alone.
fn shape_of(name: &str, custom: &[TableSchema]) -> Result<Option<(TableSchema, Shape)>, Problems> {
    let Some(table) = schema_of(name, custom) else {
        return Ok(None);
    };
    let shape = Shape::new(&table).map_err(|e| broken(&e))?;
    Ok(Some((table, shape)))
}

/// The scratch lake's first revisions: rows of exports that cannot be mapped again.
fn seeds(given: &Remap<'_>, scratch: &Lake) -> Result<Days, Problems> {
    let facts = given.collections.iter().flat_map(|landed| landed.facts);
    let moments: BTreeSet<i64> = facts
        .filter_map(|facts| crate::cells::on_clock(facts.exported_at, Some(given.zone)).ok())
        .collect();
    let mut staged = Vec::new();
    for revision in given.current.iter().filter(|revision| revision.rows > 0) {
        if let Some((_, shape)) = shape_of(&revision.table, given.custom)? {
            let kept = |run: &Run, row: usize| !moments.contains(&run.made(row));
            staged.extend(copy(scratch, &shape, revision, (None, &kept))?);
        }
    }
    Ok(by_day(publish(scratch, staged)?))
}

/// The days that differ, as their next revisions.
fn settle(given: &Remap<'_>, days: &Days) -> Result<Remapped, Problems> {
    let current = by_day(given.current.iter().cloned());
    let keys: BTreeSet<&(String, Option<Date>)> = current.keys().chain(days.keys()).collect();
    let (mut changes, mut staged) = (Vec::new(), Vec::new());
    for key in keys {
        let (before, after) = (current.get(key), days.get(key));
        let Some((_, shape)) = shape_of(&key.0, given.custom)? else {
            continue;
        };
        let differ = differing(given.lake, &shape, before, after)?;
        if differ == 0 && before.is_some() {
            continue;
        }
        staged.extend(next(given, &shape, before, after)?);
        changes.push(DayChange {
            table: key.0.clone(),
            day: key.1,
            before: before.map_or(0, |revision| revision.rows),
            after: after.map_or(0, |revision| revision.rows),
            differ,
        });
    }
    Ok(Remapped { changes, staged })
}

/// How many rows two revisions do not share; both are in the order of their keys.
fn differing(
    lake: &Lake,
    shape: &Shape,
    before: Option<&Revision>,
    after: Option<&Revision>,
) -> Result<u64, Problems> {
    let open = |revision: Option<&Revision>| {
        revision
            .map(|revision| Cursor::open(lake, shape, revision))
            .transpose()
    };
    let (mut old, mut new) = (open(before)?, open(after)?);
    let at = |cursor: &Option<Cursor>| cursor.as_ref().and_then(|cursor| cursor.at.clone());
    let mut differ = 0;
    loop {
        let order = match (at(&old), at(&new)) {
            (None, None) => return Ok(differ),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, i)), Some((b, k))) => {
                let order = a.key(i).cmp(&b.key(k));
                let same = a.says_as(i, (&b, k), shape).map_err(|e| broken(&e))?;
                if order == Ordering::Equal && !same {
                    differ += 1;
                }
                order
            }
        };
        if order != Ordering::Equal {
            differ += 1;
        }
        if let Some(cursor) = old.as_mut().filter(|_| order != Ordering::Greater) {
            cursor.advance(shape)?;
        }
        if let Some(cursor) = new.as_mut().filter(|_| order != Ordering::Less) {
            cursor.advance(shape)?;
        }
    }
}

/// The next revision of a day: the rows of `after`, or none.
fn next(
    given: &Remap<'_>,
    shape: &Shape,
    before: Option<&Revision>,
    after: Option<&Revision>,
) -> Result<Option<Staged>, Problems> {
    if let Some(after) = after {
        return copy(given.lake, shape, after, (before, &|_, _| true));
    }
    let Some(before) = before else {
        return Ok(None);
    };
    let failed = |e: &(dyn std::error::Error + 'static)| given.lake.unwritten(e);
    let owner = (&before.shop, &before.feed);
    let mut footer = Footer::after(owner, (&before.table, before.day), Some(before));
    footer.count_in(before.exported_at, before.provisional);
    let file = ParquetFile::begin(given.lake, &shape.stored).map_err(|e| failed(&e))?;
    Staged::seal(file, footer)
        .map(Some)
        .map_err(|e| failed(&e).into())
}

/// Which rows of a run go into a copy.
type Kept<'a> = &'a dyn Fn(&Run, usize) -> bool;

/// Some rows of a revision as the one that follows `base`; none where no row is kept of a revision that has rows.
fn copy(
    lake: &Lake,
    shape: &Shape,
    from: &Revision,
    (base, kept): (Option<&Revision>, Kept<'_>),
) -> Result<Option<Staged>, Problems> {
    let failed = |e: &(dyn std::error::Error + 'static)| lake.unwritten(e);
    let owner = (&from.shop, &from.feed);
    let mut footer = Footer::after(owner, (&from.table, from.day), base);
    footer.count_in(from.exported_at, from.provisional);
    let mut file = ParquetFile::begin(lake, &shape.stored).map_err(|e| failed(&e))?;
    let mut cursor = Cursor::open(lake, shape, from)?;
    while let Some((run, _)) = cursor.at.take() {
        let mask: BooleanArray = (0..run.len()).map(|row| Some(kept(&run, row))).collect();
        footer.rows += u64::try_from(mask.true_count()).unwrap_or(0);
        let rows = filter_record_batch(&run.batch, &mask).map_err(|e| broken(&e))?;
        file.write(rows).map_err(|e| failed(&e))?;
        cursor.advance(shape)?;
    }
    if footer.rows == 0 && from.rows > 0 {
        return Ok(None);
    }
    Staged::seal(file, footer)
        .map(Some)
        .map_err(|e| failed(&e).into())
}
