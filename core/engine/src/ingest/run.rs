//! A batch of sorted rows with its keys in comparable bytes.

use crate::columns::{EXPORT, EXPORTED_AT, PLATFORM, ROW, SHOP, arrow_schema, stored};
use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Date32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use chenbao_model::schema::{Merge, TableSchema};
use std::iter::repeat_n;
use std::sync::{Arc, OnceLock};

/// A table's columns in their roles.
#[derive(Debug)]
pub(super) struct Shape {
    /// Columns of its files.
    pub(super) stored: SchemaRef,
    /// Whether the newest export replaces the day, or the table.
    pub(super) replaces: bool,
    day: Option<usize>,
    keys: Vec<usize>,
    values: Vec<usize>,
    key_bytes: RowConverter,
    value_bytes: RowConverter,
}

/// Names of the columns that tell rows apart: the day where there is one, then the key.
pub(crate) fn key_columns(table: &TableSchema) -> Vec<&str> {
    let day = (table.merge != Merge::Whole).then_some("day");
    day.into_iter()
        .chain(
            table
                .key
                .iter()
                .map(String::as_str)
                .filter(|key| Some(*key) != day),
        )
        .collect()
}

impl Shape {
    /// The shape of a table.
    pub(super) fn new(table: &TableSchema) -> Result<Self, ArrowError> {
        let stored = arrow_schema(table);
        let index = |name: &str| stored.index_of(name);
        let keys = key_columns(table)
            .into_iter()
            .map(index)
            .collect::<Result<Vec<_>, _>>()?;
        let values: Vec<usize> = (0..table.columns.len()).collect();
        let bytes = |columns: &[usize]| {
            RowConverter::new(
                columns
                    .iter()
                    .map(|i| SortField::new(stored.field(*i).data_type().clone()))
                    .collect(),
            )
        };
        Ok(Self {
            replaces: table.merge != Merge::ByKey,
            day: if table.merge == Merge::Whole {
                None
            } else {
                Some(index("day")?)
            },
            key_bytes: bytes(&keys)?,
            value_bytes: bytes(&values)?,
            keys,
            values,
            stored: Arc::clone(&stored),
        })
    }

    fn bytes(
        &self,
        converter: &RowConverter,
        columns: &[usize],
        batch: &RecordBatch,
    ) -> Result<Rows, ArrowError> {
        let columns: Vec<ArrayRef> = columns
            .iter()
            .map(|i| Arc::clone(batch.column(*i)))
            .collect();
        converter.convert_columns(&columns)
    }
}

/// Rows on their way into a file.
#[derive(Debug)]
pub(super) struct Run {
    /// The rows, as files store them.
    pub(super) batch: RecordBatch,
    keys: Rows,
    values: OnceLock<Rows>,
    made: TimestampMicrosecondArray,
    place: Option<(Int64Array, Int64Array)>,
}

impl Run {
    /// Mapped rows, which know their export.
    pub(super) fn mapped(
        shape: &Shape,
        batch: &RecordBatch,
        shop: &str,
        platform: &str,
    ) -> Result<Self, ArrowError> {
        let constant = |text: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(repeat_n(
                text,
                batch.num_rows(),
            )))
        };
        let column = |name: &str| match name {
            SHOP => Ok(constant(shop)),
            PLATFORM => Ok(constant(platform)),
            other => named(batch, other),
        };
        let columns = shape
            .stored
            .fields()
            .iter()
            .map(|field| column(field.name()))
            .collect::<Result<_, _>>()?;
        let stored = RecordBatch::try_new(Arc::clone(&shape.stored), columns)?;
        let number =
            |name| named(batch, name).map(|column| column.as_primitive::<Int64Type>().clone());
        Self::new(shape, stored, Some((number(EXPORT)?, number(ROW)?)))
    }

    /// Rows of an earlier revision; a column that it does not have yet is null.
    pub(super) fn stored(shape: &Shape, batch: &RecordBatch) -> Result<Self, ArrowError> {
        Self::new(shape, stored(&shape.stored, batch)?, None)
    }

    fn new(
        shape: &Shape,
        batch: RecordBatch,
        place: Option<(Int64Array, Int64Array)>,
    ) -> Result<Self, ArrowError> {
        let keys = shape.bytes(&shape.key_bytes, &shape.keys, &batch)?;
        let made = named(&batch, EXPORTED_AT)?
            .as_primitive::<TimestampMicrosecondType>()
            .clone();
        Ok(Self {
            batch,
            keys,
            values: OnceLock::new(),
            made,
            place,
        })
    }

    /// Rows in it.
    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// The key of a row.
    pub(super) fn key(&self, row: usize) -> arrow::row::Row<'_> {
        self.keys.row(row)
    }

    /// When the export of a row was made.
    pub(super) fn made(&self, row: usize) -> i64 {
        self.made.value(row)
    }

    /// Export and row that a mapped row came from.
    pub(super) fn place(&self, row: usize) -> (i64, i64) {
        self.place.as_ref().map_or((0, 0), |(exports, rows)| {
            (exports.value(row), rows.value(row))
        })
    }

    /// The day of a row, for tables that have days.
    pub(super) fn day(&self, shape: &Shape, row: usize) -> Option<i32> {
        shape.day.map(|day| {
            self.batch
                .column(day)
                .as_primitive::<Date32Type>()
                .value(row)
        })
    }

    /// What a row says, in bytes; `_exported_at` does not count.
    pub(super) fn values(&self, shape: &Shape) -> Result<&Rows, ArrowError> {
        if let Some(values) = self.values.get() {
            return Ok(values);
        }
        let values = shape.bytes(&shape.value_bytes, &shape.values, &self.batch)?;
        Ok(self.values.get_or_init(|| values))
    }

    /// Whether a row says the same as one of another run.
    pub(super) fn says_as(
        &self,
        row: usize,
        (other, at): (&Self, usize),
        shape: &Shape,
    ) -> Result<bool, ArrowError> {
        Ok(self.values(shape)?.row(row) == other.values(shape)?.row(at))
    }
}

fn named(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name).map(Arc::clone);
    column
        .ok_or_else(|| ArrowError::SchemaError(format!("the column `{name}` was lost on the way")))
}
