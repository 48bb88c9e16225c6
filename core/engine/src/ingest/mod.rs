//! From raw tables to revisions: map, check, merge, write; nothing is committed here.

use crate::{Lake, Mapping, RawTable};
use chenbao_model::Id;
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::schema::TableSchema;
use jiff::tz::TimeZone;

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
