//! What the lake holds: revisions of a table's days, the facts of the exports behind them, and the snapshot a run pins.

use crate::{Digest, Id};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is known about one export: one file, one answer of an API, one query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFacts {
    /// Number within its collection; rows carry it as `_export`.
    pub export: i64,
    /// File name, query name or call.
    pub name: String,
    /// Digest of the raw bytes where there are any.
    pub digest: Option<Digest>,
    /// When the platform made it.
    pub exported_at: Timestamp,
    /// First day it covers, if it says.
    pub covers_from: Option<Date>,
    /// Last day it covers, if it says.
    pub covers_to: Option<Date>,
    /// Whether the platform may still change it.
    pub provisional: bool,
    /// Whether it was cut short.
    pub truncated: bool,
    /// Data rows.
    pub rows: u64,
}

/// One immutable Parquet file: a table of a shop and feed on a day, as of one merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Canonical table.
    pub table: String,
    /// Shop.
    pub shop: Id,
    /// Feed: the source that filled it.
    pub feed: Id,
    /// Day; none for tables that merge whole.
    pub day: Option<Date>,
    /// Counts up from one for the same (table, shop, feed, day).
    pub number: i64,
    /// Digest of the file, and its name.
    pub digest: Digest,
    /// The revision that it was merged from.
    pub base: Option<Digest>,
    /// File under the lake's folder.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// When the newest export in it was made.
    pub exported_at: Timestamp,
    /// Whether any export in it may still change.
    pub provisional: bool,
}

/// The revisions that a run reads: pinned once, replayed for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Sorted by table, shop, feed and day.
    pub revisions: Vec<Revision>,
}

impl Snapshot {
    /// A snapshot in its one order.
    #[must_use]
    pub fn new(mut revisions: Vec<Revision>) -> Self {
        revisions.sort_by(|a, b| {
            (&a.table, &a.shop, &a.feed, a.day, a.number)
                .cmp(&(&b.table, &b.shop, &b.feed, b.day, b.number))
        });
        Self { revisions }
    }

    /// The digest of what was read.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let names: Vec<&str> = self
            .revisions
            .iter()
            .map(|revision| revision.digest.as_str())
            .collect();
        Digest::of(names.join("\n"))
    }

    /// Revisions of one table.
    pub fn table<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Revision> {
        self.revisions
            .iter()
            .filter(move |revision| revision.table == name)
    }
}
