//! Old months as one file each: what the day files of a table, shop, feed and month hold, read with one opening.
//!
//! A pack is named by the digests of the day files that it was made from. A query that wants exactly those files reads the
//! pack instead; one that wants others (a corrected day, a window that cuts the month, an older snapshot) reads day files,
//! or the pack of their own. So the catalogue knows nothing of packs, replays cannot differ, and deleting them is safe.

use crate::Lake;
use crate::columns::{arrow_schema, schema_of, stored};
use crate::lake::{PACKS, unwritten};
use crate::parquet_file::{ParquetFile, read};
use arrow::datatypes::SchemaRef;
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use chenbao_model::{Diagnostic, Digest, Id};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// A month that was written as one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Table.
    pub table: String,
    /// Shop.
    pub shop: Id,
    /// Feed.
    pub feed: Id,
    /// First day of the month.
    pub month: Date,
    /// Day files that it stands for.
    pub days: usize,
    /// Rows.
    pub rows: u64,
}

/// Day files of one table, shop, feed and month, by day.
type Month<'a> = Vec<&'a Revision>;

/// Months with more than one day file; revisions are the newest of their days, and those without rows have nothing to give.
fn months<'a>(revisions: &[&'a Revision]) -> BTreeMap<(&'a str, &'a Id, &'a Id, Date), Month<'a>> {
    let mut months: BTreeMap<_, Month<'a>> = BTreeMap::new();
    for revision in revisions.iter().filter(|revision| revision.rows > 0) {
        let Some(day) = revision.day else { continue };
        let month = (
            revision.table.as_str(),
            &revision.shop,
            &revision.feed,
            day.first_of_month(),
        );
        months.entry(month).or_default().push(revision);
    }
    months.retain(|_, days| days.len() > 1);
    for days in months.values_mut() {
        days.sort_by_key(|revision| revision.day);
    }
    months
}

/// Where the pack of a month is: another set of day files, or other columns, is another place.
fn path(schema: &SchemaRef, month: &Month<'_>) -> Option<String> {
    let first = month.first()?;
    let columns = schema.fields().iter();
    let columns = columns.map(|field| format!("{} {}", field.name(), field.data_type()));
    let files = month.iter().map(|revision| revision.digest.to_string());
    let digest = Digest::of(columns.chain(files).collect::<Vec<_>>().join("\n"));
    let (table, shop, feed) = (&first.table, &first.shop, &first.feed);
    let month = first.day?.strftime("%Y-%m");
    Some(format!(
        "{PACKS}/{table}/{shop}/{month}/{feed}-{digest}.parquet"
    ))
}

/// The files to read for these revisions, the newest of their days, with their sizes.
pub(crate) fn files(
    lake: &Lake,
    schema: &SchemaRef,
    revisions: &[&Revision],
) -> Vec<(String, u64)> {
    let mut files: Vec<(String, u64)> = Vec::new();
    let mut packed: BTreeSet<&str> = BTreeSet::new();
    for month in months(revisions).values() {
        let Some(path) = path(schema, month) else {
            continue;
        };
        if let Ok(about) = std::fs::metadata(lake.dir().join(&path)) {
            files.push((path, about.len()));
            packed.extend(month.iter().map(|revision| revision.path.as_str()));
        }
    }
    let rest = revisions
        .iter()
        .filter(|revision| revision.rows > 0 && !packed.contains(revision.path.as_str()));
    files.extend(rest.map(|revision| (revision.path.clone(), revision.bytes)));
    files
}

impl Lake {
    /// Writes the packs that are missing, of months that ended before a day. `current` are the newest revisions.
    ///
    /// # Errors
    /// A day file cannot be read or does not hold what it promises, or the disk refuses; months before it are packed.
    pub fn compact(
        &self,
        current: &[Revision],
        before: Date,
        custom: &[TableSchema],
    ) -> Result<Vec<Packed>, Problems> {
        let old = current.iter().filter(|revision| {
            let ends = revision.day.map(jiff::civil::Date::last_of_month);
            ends.is_some_and(|last| last < before)
        });
        let mut made = Vec::new();
        for ((table, shop, feed, first), month) in months(&old.collect::<Vec<_>>()) {
            let Some(schema) = schema_of(table, custom).map(|table| arrow_schema(&table)) else {
                continue;
            };
            let Some(path) = path(&schema, &month).filter(|path| !self.dir().join(path).exists())
            else {
                continue;
            };
            pack(self, &schema, &month, path)?;
            made.push(Packed {
                table: table.to_owned(),
                shop: shop.clone(),
                feed: feed.clone(),
                month: first,
                days: month.len(),
                rows: month.iter().map(|revision| revision.rows).sum(),
            });
        }
        Ok(made)
    }
}

fn pack(lake: &Lake, schema: &SchemaRef, month: &Month<'_>, path: String) -> Result<(), Problems> {
    let failed = |e: &dyn std::error::Error| unwritten(e, lake.dir().display().to_string());
    let mut file = ParquetFile::begin(lake, schema).map_err(|e| failed(&e))?;
    for revision in month {
        let day = lake.file(revision);
        let broken = |why: String| {
            Diagnostic::error(format!("a day of the lake cannot be packed: {why}"))
                .in_file(day.display().to_string())
                .hint("restore the file from a backup; the lake never changes a file that it has named")
        };
        let mut rows = 0;
        for batch in read(&day).map_err(|e| broken(e.to_string()))? {
            let batch = batch.and_then(|batch| stored(schema, &batch));
            let batch = batch.map_err(|e| broken(e.to_string()))?;
            rows += u64::try_from(batch.num_rows()).unwrap_or(0);
            file.write(batch).map_err(|e| failed(&e))?;
        }
        if rows != revision.rows {
            return Err(broken(format!("it holds {rows} rows, not {}", revision.rows)).into());
        }
    }
    let days = month.iter().map(|revision| revision.digest.as_str());
    let note = days.collect::<Vec<_>>().join("\n");
    let sealed = file.seal("chenbao.pack", note).map_err(|e| failed(&e))?;
    lake.publish(vec![(sealed, path)]).map_err(Problems::from)
}
