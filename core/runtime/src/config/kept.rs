//! What `[lake]`, `[ledger]`, `[disk]` and `[retention]` mean: where things are kept, and how long.

use super::secret::SecretRef;
use std::path::PathBuf;

/// `[lake]`.
#[derive(Debug, Clone)]
pub struct Lake {
    /// Folder of Parquet files.
    pub dir: PathBuf,
    /// Key of the hash that hides personal cells; none: one is made once and kept in the lake's folder.
    pub hash_key: Option<SecretRef>,
    /// Months that ended at least so many months before this one began are packed by `lake compact`.
    pub compact_after: u16,
}

/// `[ledger] url`, with paths resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerUrl {
    /// A URL without a password: `sqlite:...` or `postgres://...`.
    Plain(String),
    /// Where to find the URL at run time.
    Secret(SecretRef),
}

/// `[disk]`.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// With less free than so many bytes, the owner is told.
    pub warn: u64,
}

/// `[retention]`: what is older goes; none: it is kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Raw tables, from their collection on.
    pub raw: Option<Age>,
    /// Revisions of the lake that are not the newest of their day, from the one on that took their place.
    pub lake_revisions: Option<Age>,
    /// Archived files, from the newest use on.
    pub archive: Option<Age>,
    /// Runs, messages, due times and collections in the ledger.
    pub ledger: Option<Age>,
}

/// An age in whole days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Age {
    /// Days.
    pub days: u32,
    /// As it was written: `2y`.
    pub written: String,
}
