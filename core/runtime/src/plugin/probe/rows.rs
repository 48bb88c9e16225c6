//! Result sets for tests: read from files, bent out of shape, failing, endless, and counted when they are released.

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, RecordBatchOptions, RecordBatchReader, StringArray, new_null_array,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The batches of a file.
pub(super) fn read(path: &Path) -> Result<Vec<RecordBatch>, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let reader = StreamReader::try_new(file, None).map_err(|e| e.to_string())?;
    let schema = reader.schema();
    let mut batches = reader
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// How many streams a plugin has released.
pub(super) static RELEASED: AtomicUsize = AtomicUsize::new(0);
/// What [`super::calls::host`] answers when it is asked whether to stop.
pub(super) static STOP: AtomicBool = AtomicBool::new(false);

/// What a stream does after its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It ends.
    End,
    /// It fails.
    Fail,
    /// It begins again until the host wants to stop, then fails as the host's own streams do.
    Again,
}

/// A stream of a call.
pub(super) struct Counted {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) then: Then,
    pub(super) at: usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        RELEASED.fetch_add(1, Ordering::SeqCst);
    }
}

impl Iterator for Counted {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let fail = |why: &str| Some(Err(ArrowError::ExternalError(why.to_owned().into())));
        let at = self.at;
        self.at += 1;
        match self.then {
            Then::Again => {
                // After a few rounds somebody presses the button.
                if at == 20 {
                    STOP.store(true, Ordering::SeqCst);
                }
                if at > 40 {
                    return fail("stopped as asked");
                }
                let round = self.batches.len().max(1);
                self.batches.get(at % round).cloned().map(Ok)
            }
            Then::Fail if at >= self.batches.len() => fail("the rows broke off"),
            Then::End | Then::Fail => self.batches.get(at).cloned().map(Ok),
        }
    }
}

impl RecordBatchReader for Counted {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Rows of the same columns that nobody expects: nulls, or the ends of every type.
pub(super) fn strange(schema: &SchemaRef, nulls: bool) -> Result<RecordBatch, String> {
    let column = |field: &Arc<Field>| {
        if nulls {
            new_null_array(field.data_type(), 3)
        } else {
            ends(field.data_type())
        }
    };
    let nullable: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let columns = schema.fields().iter().map(column).collect();
    made(nullable, columns, 3)
}

/// A batch, which may have rows and no columns.
fn made(fields: Vec<Field>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| e.to_string())
}

fn ends(kind: &DataType) -> ArrayRef {
    let long = "x".repeat(10_000);
    match kind {
        DataType::Int64 => Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, 0])),
        DataType::Float64 => Arc::new(Float64Array::from(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ])),
        DataType::Utf8 => Arc::new(StringArray::from(vec!["", "𠮷😀\u{0}", long.as_str()])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![true, false, true])),
        DataType::Date32 => Arc::new(Date32Array::from(vec![0, 20_778, 2_932_896])),
        DataType::Decimal128(precision, scale) => {
            let most = 10_i128.pow(u32::from(*precision).min(27)) - 1;
            Decimal128Array::from(vec![most, -most, 0])
                .with_precision_and_scale(*precision, *scale)
                .map_or_else(
                    |_| new_null_array(kind, 3),
                    |array| Arc::new(array) as ArrayRef,
                )
        }
        other => new_null_array(other, 3),
    }
}

/// The same rows in the middle of longer arrays.
pub(super) fn sliced(batch: &RecordBatch) -> Result<RecordBatch, String> {
    let rows = batch.num_rows();
    let thrice =
        concat_batches(&batch.schema(), [batch, batch, batch]).map_err(|e| e.to_string())?;
    Ok(thrice.slice(rows, rows))
}

/// The same rows with their texts as dictionaries.
pub(super) fn with_dictionaries(batch: &RecordBatch) -> Result<RecordBatch, String> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let column = if column.data_type() == &DataType::Utf8 {
            cast(column, &dictionary).map_err(|e| e.to_string())?
        } else {
            Arc::clone(column)
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    made(fields, columns, batch.num_rows())
}

/// One batch for each row.
pub(super) fn one_by_one(batch: &RecordBatch) -> Vec<RecordBatch> {
    (0..batch.num_rows())
        .map(|row| batch.slice(row, 1))
        .collect()
}
