//! A revision before it has a digest: what its file's footer says, and where the file belongs.

use super::Job;
use crate::lake::{Sealed, TABLES};
use crate::parquet_file::ParquetFile;
use chenbao_model::catalogue::Revision;
use chenbao_model::{Digest, Id};
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

/// The footer's key.
pub(crate) const FOOTER: &str = "chenbao.revision";

/// A revision without its own digest, size and place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Footer {
    table: String,
    shop: Id,
    feed: Id,
    day: Option<Date>,
    number: i64,
    base: Option<Digest>,
    /// Rows in the file.
    pub(crate) rows: u64,
    exported_at: Timestamp,
    /// Whether any export in it may still change.
    pub(super) provisional: bool,
}

impl Footer {
    /// The next revision of a table's day.
    pub(super) fn next(job: &Job<'_>, table: &str, day: Option<Date>) -> Self {
        let owner = (job.given.shop, job.given.feed);
        Self::after(owner, (table, day), job.base(table, day))
    }

    /// The revision of a shop's and feed's table and day that follows `base`.
    pub(super) fn after(
        (shop, feed): (&Id, &Id),
        (table, day): (&str, Option<Date>),
        base: Option<&Revision>,
    ) -> Self {
        Self {
            table: table.to_owned(),
            shop: shop.clone(),
            feed: feed.clone(),
            day,
            number: base.map_or(0, |base| base.number) + 1,
            base: base.map(|base| base.digest.clone()),
            rows: 0,
            exported_at: Timestamp::UNIX_EPOCH,
            provisional: false,
        }
    }

    /// Counts an export, or the base, that gave rows.
    pub(super) fn count_in(&mut self, exported_at: Timestamp, provisional: bool) {
        self.exported_at = self.exported_at.max(exported_at);
        self.provisional |= provisional;
    }

    /// The revision of a file with this footer.
    pub(crate) fn revision(self, digest: Digest, bytes: u64) -> Revision {
        let day = self
            .day
            .map_or_else(|| "whole".to_owned(), |day| day.to_string());
        let file = format!("{}-{}-{}.parquet", self.feed, self.number, digest.short());
        let path = format!("{TABLES}/{}/{}/{day}/{file}", self.table, self.shop);
        Revision {
            table: self.table,
            shop: self.shop,
            feed: self.feed,
            day: self.day,
            number: self.number,
            digest,
            base: self.base,
            path,
            rows: self.rows,
            bytes,
            exported_at: self.exported_at,
            provisional: self.provisional,
        }
    }
}

/// A written file that waits for the verdict on the whole collection.
#[derive(Debug)]
pub(super) struct Staged {
    /// The file.
    pub(super) sealed: Sealed,
    /// Its footer.
    pub(super) footer: Footer,
}

impl Staged {
    /// Ends a file with its footer.
    pub(super) fn seal(file: ParquetFile, footer: Footer) -> Result<Self, ParquetError> {
        let note =
            serde_json::to_string(&footer).map_err(|e| ParquetError::General(e.to_string()))?;
        let sealed = file.seal(FOOTER, note)?;
        Ok(Self { sealed, footer })
    }

    /// Its table.
    pub(super) fn table(&self) -> &str {
        &self.footer.table
    }

    /// Its day.
    pub(super) fn day(&self) -> Option<Date> {
        self.footer.day
    }

    /// The file and the revision that it is.
    pub(super) fn named(self) -> (Sealed, Revision) {
        let revision = self
            .footer
            .revision(self.sealed.digest.clone(), self.sealed.bytes);
        (self.sealed, revision)
    }
}
