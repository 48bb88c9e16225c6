//! In the plugin's process: the result sets of a call, fetched from the parent file by file as the plugin asks.

use super::child::Link;
use super::rows;
use super::wire::{Down, Up};
use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use std::collections::VecDeque;
use std::sync::Arc;

/// One input as a reader. Its schema is that of the first batch; no batch, no columns.
pub(super) struct Input {
    link: &'static Link,
    index: usize,
    schema: SchemaRef,
    ready: VecDeque<RecordBatch>,
    failed: Option<String>,
    ended: bool,
}

impl Input {
    pub(super) fn start(link: &'static Link, index: usize) -> Self {
        let mut input = Self {
            link,
            index,
            schema: Arc::new(Schema::empty()),
            ready: VecDeque::new(),
            failed: None,
            ended: false,
        };
        input.fetch();
        if let Some(first) = input.ready.front() {
            input.schema = first.schema();
        }
        input
    }

    fn fetch(&mut self) {
        match self.link.exchange(&Up::Next { input: self.index }, None) {
            Some((Down::Rows { failed: None }, Some(fd))) => match rows::unpack(fd) {
                Ok(batches) => self.ready = batches,
                Err(why) => self.failed = Some(why),
            },
            Some((Down::Rows { failed: None }, None)) => self.ended = true,
            Some((Down::Rows { failed: Some(why) }, _)) => self.failed = Some(why),
            _ => self.failed = Some("the host did not send rows".to_owned()),
        }
    }
}

impl Iterator for Input {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && !self.ended && self.failed.is_none() {
            self.fetch();
        }
        if let Some(batch) = self.ready.pop_front() {
            return Some(Ok(batch));
        }
        let why = self.failed.take()?;
        self.ended = true;
        Some(Err(ArrowError::ExternalError(why.into())))
    }
}

impl RecordBatchReader for Input {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
