//! Parquet files with the same bytes for the same rows, however the batches were cut.

use crate::lake::{AsideFile, Lake, Sealed};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::fs::File;
use std::path::Path;

/// Rows that are handed to the encoder at a time: always exactly so many, because pages are cut along them.
pub(crate) const CHUNK: usize = 8192;
const ROW_GROUP: usize = 16 * CHUNK;

/// A Parquet file being written aside.
pub(crate) struct ParquetFile {
    writer: ArrowWriter<AsideFile>,
    chunks: BatchCoalescer,
}

impl ParquetFile {
    /// Begins a file.
    pub(crate) fn begin(lake: &Lake, schema: &SchemaRef) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by("chenbao".to_owned())
            .build();
        let writer =
            ArrowWriter::try_new(lake.aside()?, SchemaRef::clone(schema), Some(properties))?;
        Ok(Self {
            writer,
            chunks: BatchCoalescer::new(SchemaRef::clone(schema), CHUNK),
        })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: RecordBatch) -> Result<(), ParquetError> {
        self.chunks.push_batch(batch)?;
        self.pass_on()
    }

    fn pass_on(&mut self) -> Result<(), ParquetError> {
        while let Some(chunk) = self.chunks.next_completed_batch() {
            self.writer.write(&chunk)?;
        }
        Ok(())
    }

    /// Ends the file, with a note in its footer.
    pub(crate) fn seal(mut self, key: &str, note: String) -> Result<Sealed, ParquetError> {
        self.chunks.finish_buffered_batch()?;
        self.pass_on()?;
        self.writer
            .append_key_value_metadata(KeyValue::new(key.to_owned(), note));
        Ok(self.writer.into_inner()?.seal()?)
    }
}

/// Reads a Parquet file in chunks.
pub(crate) fn read(path: &Path) -> Result<ParquetRecordBatchReader, ParquetError> {
    ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?
        .with_batch_size(CHUNK)
        .build()
}

/// A Parquet file's columns, rows and the note of that key in its footer.
pub(crate) fn inspect(
    path: &Path,
    key: &str,
) -> Result<(SchemaRef, i64, Option<String>), ParquetError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let file = reader.metadata().file_metadata();
    let notes = file
        .key_value_metadata()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let note = notes
        .iter()
        .find(|note| note.key == key)
        .and_then(|note| note.value.clone());
    Ok((SchemaRef::clone(reader.schema()), file.num_rows(), note))
}
