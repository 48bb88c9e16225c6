//! The second pass: the rows of all exports as one stream of batches. A worker parses while the host writes; at most two batches wait.

use crate::cells::clean;
use crate::inspect::{Export, each_line};
use crate::lines::{Checked, Sink};
use crate::options::Options;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use chenbao_plugin::{Error, bad_data, internal};
use csv::StringRecord;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

const BATCH: usize = 8192;

/// The columns of all exports, each once in the order first seen, then where a row comes from.
pub(crate) fn schema(exports: &[Export]) -> SchemaRef {
    let mut seen = BTreeSet::new();
    let names = exports
        .iter()
        .flat_map(|export| &export.columns)
        .filter(|name| seen.insert(name.as_str()));
    let mut fields: Vec<Field> = names
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    fields.push(Field::new("_export", DataType::Int64, false));
    fields.push(Field::new("_row", DataType::Int64, false));
    Arc::new(Schema::new(fields))
}

/// The running stream.
pub(crate) struct Batches {
    schema: SchemaRef,
    receiver: Option<Receiver<Result<RecordBatch, Error>>>,
    worker: Option<JoinHandle<()>>,
}

impl Batches {
    pub(crate) fn start(exports: Vec<Export>, options: Options) -> Self {
        let schema = schema(&exports);
        let (sender, receiver) = sync_channel(1);
        let shared = schema.clone();
        let worker = std::thread::spawn(move || {
            if let Err(error) = send_all(&exports, &options, &shared, &sender) {
                // The host has gone: nobody is left to tell.
                let _ = sender.send(Err(error));
            }
        });
        Self {
            schema,
            receiver: Some(receiver),
            worker: Some(worker),
        }
    }

    /// Waits for the worker, so that no thread outlives the stream; whether it came to its end.
    fn end(&mut self) -> bool {
        self.receiver = None;
        self.worker
            .take()
            .is_none_or(|worker| worker.join().is_ok())
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.receiver.as_ref()?.recv() {
            Ok(batch) => Some(batch.map_err(Into::into)),
            Err(_) if self.end() => None,
            Err(_) => Some(Err(internal("the reader of the files panicked").into())),
        }
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.end();
    }
}

fn send_all(
    exports: &[Export],
    options: &Options,
    schema: &SchemaRef,
    sender: &SyncSender<Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    for (number, export) in exports.iter().enumerate() {
        let number = i64::try_from(number).map_err(|e| internal(e.to_string()))?;
        let mut rows = Rows::new(export, number, schema, sender);
        let read = each_line(&export.file, export.container, options, &mut rows);
        let gone = rows.gone;
        let counted = read.and_then(|()| rows.flush().map(|()| rows.total));
        if gone {
            return Ok(());
        }
        match counted {
            Ok(rows) if rows == export.rows && export.file.unchanged() => {}
            Ok(_) => {
                return Err(bad_data(format!(
                    "{} changed while it was read; it is read again the next time",
                    export.file.name
                ))
                .retry_after(0));
            }
            Err(why) => return Err(bad_data(format!("{}: {why}", export.file.name))),
        }
    }
    Ok(())
}

struct Rows<'a> {
    number: i64,
    schema: &'a SchemaRef,
    sender: &'a SyncSender<Result<RecordBatch, Error>>,
    places: Vec<Option<usize>>,
    cells: Vec<StringBuilder>,
    numbers: Int64Builder,
    total: u64,
    gone: bool,
}

impl<'a> Rows<'a> {
    fn new(
        export: &Export,
        number: i64,
        schema: &'a SchemaRef,
        sender: &'a SyncSender<Result<RecordBatch, Error>>,
    ) -> Self {
        let named = schema
            .fields()
            .iter()
            .take(schema.fields().len().saturating_sub(2));
        let places: Vec<Option<usize>> = named
            .map(|field| export.columns.iter().position(|name| name == field.name()))
            .collect();
        let cells = places.iter().map(|_| StringBuilder::new()).collect();
        Self {
            number,
            schema,
            sender,
            places,
            cells,
            numbers: Int64Builder::new(),
            total: 0,
            gone: false,
        }
    }

    fn flush(&mut self) -> Checked<()> {
        let numbers = self.numbers.finish();
        let length = arrow_array::Array::len(&numbers);
        if length == 0 {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = self
            .cells
            .iter_mut()
            .map(|cells| Arc::new(cells.finish()) as ArrayRef)
            .collect();
        columns.push(Arc::new(arrow_array::Int64Array::from_value(
            self.number,
            length,
        )));
        columns.push(Arc::new(numbers));
        let batch =
            RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| e.to_string())?;
        self.gone = self.sender.send(Ok(batch)).is_err();
        Ok(())
    }
}

impl Sink for Rows<'_> {
    fn header(&mut self, _: &[String]) -> Checked<()> {
        Ok(())
    }

    fn row(&mut self, cells: &StringRecord, number: i64) -> Checked<bool> {
        for (column, place) in self.cells.iter_mut().zip(&self.places) {
            column.append_option(place.map(|at| clean(cells.get(at).unwrap_or_default())));
        }
        self.numbers.append_value(number);
        self.total += 1;
        if arrow_array::builder::ArrayBuilder::len(&self.numbers) == BATCH {
            self.flush()?;
        }
        Ok(!self.gone)
    }
}
