//! Old months as one file each: what the day files of a table, shop, feed and month hold, read with one opening.
//!
//! A pack is named by the digests of the day files that it was made from, and by its own. A query that wants exactly those files reads the
//! pack instead; one that wants others (a corrected day, a window that cuts the month, an older snapshot) reads day files,
//! or the pack of their own. So the catalogue knows nothing of packs, replays cannot differ, and deleting them is safe.

use crate::Lake;
use crate::columns::{arrow_schema, schema_of, stored};
use crate::damage::broken;
use crate::lake::PACKS;
use crate::parquet_file::{ParquetFile, read};
use arrow::datatypes::SchemaRef;
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use chenbao_model::{Digest, Id};
use chenbao_storage as storage;
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

/// Folder of a month's packs, and how the names of those begin that were made from exactly these day files with these columns;
/// what follows is the digest of the pack itself.
fn place(schema: &SchemaRef, month: &Month<'_>) -> Option<(String, String)> {
    let first = month.first()?;
    let columns = schema.fields().iter();
    let columns = columns.map(|field| format!("{} {}", field.name(), field.data_type()));
    let files = month.iter().map(|revision| revision.digest.to_string());
    let digest = Digest::of(columns.chain(files).collect::<Vec<_>>().join("\n"));
    let (table, shop, feed) = (&first.table, &first.shop, &first.feed);
    let month = first.day?.strftime("%Y-%m");
    let folder = format!("{PACKS}/{table}/{shop}/{month}");
    Some((folder, format!("{feed}-{}-", digest.short())))
}

/// The pack of a month, with its size. A damaged one is removed: day files stand for it.
fn pack_of(lake: &Lake, (folder, name): (&str, &str)) -> Option<(String, u64)> {
    let entries = std::fs::read_dir(lake.dir().join(folder)).ok()?;
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let rest = file.strip_prefix(name);
        let digest = rest.and_then(|rest| Digest::parse(rest.strip_suffix(".parquet")?));
        let Some(digest) = digest else { continue };
        if lake.flaw(&entry.path(), (&digest, None)).is_none() {
            return Some((format!("{folder}/{file}"), entry.metadata().ok()?.len()));
        }
        // One that cannot be removed either is passed over again.
        drop(storage::remove(&entry.path()));
    }
    None
}

/// What to read for these revisions, the newest of their days: packs with their sizes, and the day files beside them.
pub(crate) fn files<'a>(
    lake: &Lake,
    schema: &SchemaRef,
    revisions: &[&'a Revision],
) -> (Vec<(String, u64)>, Vec<&'a Revision>) {
    let mut packs = Vec::new();
    let mut packed: BTreeSet<&str> = BTreeSet::new();
    for month in months(revisions).values() {
        let place = place(schema, month);
        let pack = place.and_then(|(folder, name)| pack_of(lake, (&folder, &name)));
        if let Some(pack) = pack {
            packs.push(pack);
            packed.extend(month.iter().map(|revision| revision.path.as_str()));
        }
    }
    let rest = revisions
        .iter()
        .filter(|revision| revision.rows > 0 && !packed.contains(revision.path.as_str()));
    (packs, rest.copied().collect())
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
            let Some((folder, name)) = place(&schema, &month)
                .filter(|(folder, name)| pack_of(self, (folder, name)).is_none())
            else {
                continue;
            };
            pack(self, &schema, &month, (&folder, &name))?;
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

fn pack(
    lake: &Lake,
    schema: &SchemaRef,
    month: &Month<'_>,
    (folder, name): (&str, &str),
) -> Result<(), Problems> {
    let failed = |e: &(dyn std::error::Error + 'static)| lake.unwritten(e);
    let mut file = ParquetFile::begin(lake, schema).map_err(|e| failed(&e))?;
    for revision in month {
        let day = lake.file(revision);
        let broken = |why: String| broken(&day, &why);
        if let Some(why) = lake.flaw(&day, (&revision.digest, Some(revision.bytes))) {
            return Err(broken(why).into());
        }
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
    let path = format!("{folder}/{name}{}.parquet", sealed.digest);
    lake.publish(vec![(sealed, path)]).map_err(Problems::from)
}
