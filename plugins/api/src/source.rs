//! The source kind: raw tables as they are found, with the facts of each export.

use crate::cx::SourceCx;
use crate::error::Result;
use arrow_array::RecordBatchReader;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A place where a shop's data lies.
pub trait Source: Sized + Send {
    /// Component id, as in `source.toml`.
    const ID: &'static str;
    /// Options as declared in `source.toml`; the host has checked them and filled defaults in.
    type Options: DeserializeOwned;

    /// Makes an instance. No network and no reading of files: a wrong option and a dead server are different errors.
    ///
    /// # Errors
    /// The options make no sense together.
    fn open(options: Self::Options, cx: &SourceCx) -> Result<Self>;

    /// Proves that the source can be reached; notes for the user.
    ///
    /// # Errors
    /// It cannot.
    fn check(&mut self, cx: &SourceCx) -> Result<Vec<String>>;

    /// What it has.
    ///
    /// # Errors
    /// It cannot be asked.
    fn tables(&mut self, cx: &SourceCx) -> Result<Vec<TableInfo>>;

    /// Reads a table.
    ///
    /// # Errors
    /// There is no such table, or it cannot be read.
    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan>;
}

/// A column of a raw table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Name as in the export.
    pub name: String,
    /// Arrow type in words, `Utf8`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A raw table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// Columns, if known before a scan.
    #[serde(default)]
    pub columns: Vec<ColumnInfo>,
}

/// Civil days, end exclusive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// First day.
    pub start: String,
    /// Day after the last.
    pub end: String,
}

/// What the host asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRequest {
    /// Raw table.
    pub table: String,
    /// Days wanted; more is right, fewer is a mistake. None: everything.
    #[serde(default)]
    pub period: Option<Days>,
    /// Digests of exports that are already in the lake: skip them.
    #[serde(default)]
    pub known: Vec<String>,
    /// IANA zone of the shop.
    #[serde(default)]
    pub zone: String,
}

/// One export that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFact {
    /// Its number, as in the column `_export`.
    pub export: i64,
    /// File name or query name.
    pub name: String,
    /// SHA-256 of its bytes, if it has such.
    #[serde(default)]
    pub digest: Option<String>,
    /// When it was made, RFC 3339.
    pub exported_at: String,
    /// Days it covers, first and last, if known.
    #[serde(default)]
    pub covers: Option<(String, String)>,
    /// The platform may still change it.
    #[serde(default)]
    pub provisional: bool,
    /// The platform cut it off.
    #[serde(default)]
    pub truncated: bool,
    /// Rows.
    pub rows: u64,
    /// Columns as found.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// An export that was left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// File name or query name.
    pub name: String,
    /// Why, in a few words.
    pub why: String,
}

/// What a scan read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFacts {
    /// Exports read.
    #[serde(default)]
    pub exports: Vec<ExportFact>,
    /// Exports left alone.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Caveats for the user.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// There is more: what was read becomes durable, and the same scan is asked for again. What it has got by then the
    /// source knows from its state ([`SourceCx::advance`](crate::SourceCx::advance)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Gives the facts once the stream has ended.
pub type Facts = Box<dyn FnOnce() -> Result<ScanFacts> + Send>;

/// A running scan.
pub struct Scan {
    /// The rows; errors made `From<chenbao_plugin::Error>` keep their code.
    pub reader: Box<dyn RecordBatchReader + Send>,
    /// Called after the reader ended without an error and was dropped.
    pub facts: Facts,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("schema", &self.reader.schema())
            .finish_non_exhaustive()
    }
}
