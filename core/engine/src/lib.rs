//! Lake files, mappings, scope views and metric SQL: the only crate that links DataFusion.
//!
//! Read it in the order in which data comes in. A source's batches go through a [`RawWriter`], which treats personal
//! cells before anything touches the disk; a [`Mapping`] says what the columns mean; [`Engine::ingest`] runs its SQL,
//! checks the rows and merges them into immutable files of the [`Lake`], returned as revisions (it commits nothing);
//! [`Engine::query`] runs a metric's single `select` over the revisions of a snapshot that its audience may see, and
//! hands out [`Rows`]. No clock, no randomness, no network.

mod cells;
mod columns;
mod contract;
mod damage;
mod functions;
mod ingest;
mod lake;
mod mapping;
mod overlap;
mod pack;
mod parquet_file;
mod personal;
mod query;
mod raw;
mod rebuild;
mod rows;
mod scan;
mod session;
mod sql;
#[cfg(test)]
mod tests;

pub use columns::arrow_schema;
pub use contract::check_contract;
pub use damage::Damaged;
pub use ingest::{DayChange, Ingest, Landed, Remap, Remapped};
pub use lake::Lake;
pub use mapping::{Contract, Mapping, Personal};
pub use overlap::Overlap;
pub use pack::Packed;
pub use query::{Param, Query, Slice, Window};
pub use raw::{RawTable, RawWriter};
pub use rebuild::rebuild_catalogue;
pub use rows::Rows;
pub use session::{Engine, EngineOptions};
pub use sql::check_sql;
