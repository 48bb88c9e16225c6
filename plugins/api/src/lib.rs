//! What a Chenbao plugin is made of: the C contract, its Rust mirror, and a safe SDK on top.
//!
//! A metric is a type with [`Metric`], a source one with [`Source`]; [`export_plugin!`] makes the library of it. The
//! crate depends on nothing else of Chenbao. Plugins in other languages use `include/chenbao_plugin.h`.

pub mod abi;
pub mod abi_error;
pub mod asked;
mod cell;
mod cx;
mod error;
pub mod export;
mod export_source;
mod guard;
mod host;
mod metric;
mod params;
mod report;
mod rows;
mod shapes;
mod source;
mod written;

pub use arrow_array;
pub use arrow_schema;
pub use cell::{Arg, Cell};
/// Declares a struct's fields as parameters; see the crate `chenbao-plugin-derive`.
#[cfg(feature = "derive")]
pub use chenbao_plugin_derive::Params;
pub use cx::{
    CampaignArgs, CampaignDays, ContextArgs, Cx, Level, PeriodArgs, PhaseArgs, Secret, ShopArgs,
    SourceCx,
};
pub use error::{Error, ErrorCode, Result, bad_config, bad_data, internal, io};
pub use metric::{Described, Metric};
pub use params::{ParamSpec, Params};
pub use report::{Report, Scalar};
pub use rows::{Inputs, Rows};
pub use rust_decimal::Decimal;
pub use serde;
pub use serde_json;
pub use shapes::{Finding, Series, Table};
pub use source::{
    ColumnInfo, Days, ExportFact, Facts, Scan, ScanFacts, ScanRequest, Skipped, Source, TableInfo,
};
