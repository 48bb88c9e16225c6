//! A query's answer: Arrow batches one after the other, with plain types that every plugin knows.

use crate::session::failed;
use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chenbao_model::Diagnostic;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A stream of record batches. Texts are plain `Utf8`; DataFusion's own types and errors stay inside.
pub struct Rows {
    schema: SchemaRef,
    inner: SendableRecordBatchStream,
}

impl Rows {
    pub(crate) fn new(inner: SendableRecordBatchStream) -> Self {
        Self {
            schema: plain_schema(&inner.schema()),
            inner,
        }
    }

    /// Columns of the answer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Every batch; for answers that are known to be small.
    ///
    /// # Errors
    /// The query failed while it ran.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, Diagnostic> {
        self.try_collect().await
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, Diagnostic>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.poll_next_unpin(context);
        polled.map(|item| {
            item.map(|batch| {
                let batch = batch.map_err(|e| failed("the query failed", &e))?;
                plain(&batch, &self.schema).map_err(|e| {
                    Diagnostic::error(format!("a result could not be handed out: {e}"))
                })
            })
        })
    }
}

fn plain_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let plain = |field: &Arc<Field>| {
        Field::new(
            field.name(),
            plain_type(field.data_type()),
            field.is_nullable(),
        )
    };
    Arc::new(Schema::new(
        schema.fields().iter().map(plain).collect::<Vec<_>>(),
    ))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let to_plain = |(array, field): (&ArrayRef, &Arc<Field>)| cast(array, field.data_type());
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(to_plain)
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
