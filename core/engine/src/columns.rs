//! Canonical tables as Arrow sees them.

use arrow::array::new_null_array;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chenbao_model::schema::{Kind, TableSchema, canonical};
use std::sync::Arc;

/// The shop that a row belongs to.
pub(crate) const SHOP: &str = "shop_id";
/// Its platform.
pub(crate) const PLATFORM: &str = "platform";
/// When the export that a row came from was made, on the clock of the shop's zone.
pub(crate) const EXPORTED_AT: &str = "_exported_at";
/// Which export a row came from.
pub(crate) const EXPORT: &str = "_export";
/// Which row of that export it was.
pub(crate) const ROW: &str = "_row";

/// A moment as the lake stores it.
pub(crate) const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The Arrow type of a column.
pub(crate) fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Money => DataType::Decimal128(18, 4),
        Kind::Num => DataType::Decimal128(18, 6),
        Kind::Day => DataType::Date32,
        Kind::At => MOMENT,
        Kind::Bool => DataType::Boolean,
    }
}

/// A table's columns in the order of its files: its own, then those that every table has.
#[must_use]
pub fn arrow_schema(table: &TableSchema) -> SchemaRef {
    let own = table
        .columns
        .iter()
        .map(|column| Field::new(&column.name, arrow_type(column.kind), true));
    let common = [
        (SHOP, DataType::Utf8),
        (PLATFORM, DataType::Utf8),
        (EXPORTED_AT, MOMENT),
    ];
    let common = common
        .into_iter()
        .map(|(name, kind)| Field::new(name, kind, true));
    Arc::new(Schema::new(own.chain(common).collect::<Vec<_>>()))
}

/// Rows of an earlier file under today's columns: one that the file does not have yet is null.
pub(crate) fn stored(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column);
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

/// The table of that name: the product's, else the team's.
pub(crate) fn schema_of(name: &str, custom: &[TableSchema]) -> Option<TableSchema> {
    canonical(name).or_else(|| custom.iter().find(|table| table.name == name).cloned())
}
