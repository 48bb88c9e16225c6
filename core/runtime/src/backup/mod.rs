//! Backup and restore: one tar file with the ledger as it was at one moment, the files that it names, and the project around it.
//!
//! `ledger/<table>.jsonl` holds the rows, whichever database they came from; `lake/` and `archive/` the immutable files;
//! `project/` the configuration with its templates, mappings and plugins of its own; `backup.json`, last, the digest of all of them.
//! Secrets are never in it: neither those that the configuration refers to, nor the key that hides personal cells.

mod make;
mod restore;

pub use make::{Made, make};
pub use restore::{Asked, Restored, restore};

use chenbao_model::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The format that this program writes and reads.
const FORMAT: u32 = 1;
/// The last entry.
const MANIFEST: &str = "backup.json";
// The folders within a backup.
const LEDGER: &str = "ledger";
const LAKE: &str = "lake";
const ARCHIVE: &str = "archive";
const PROJECT: &str = "project";

/// Whoever hears how many bytes are done, and of how many.
pub type Progress<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// [`FORMAT`].
    format: u32,
    /// Version of the program that made it.
    chenbao: String,
    /// When.
    made: Timestamp,
    /// Schema of the ledger's rows.
    schema: i64,
    /// Name of the configuration under `project/`.
    config: String,
    /// Every entry.
    files: Vec<Entry>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: String,
    bytes: u64,
    digest: Digest,
}
