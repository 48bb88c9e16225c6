//! Walks the rows of a revision, in the order of their keys.

use super::run::{Run, Shape};
use crate::damage::broken;
use crate::lake::Lake;
use crate::parquet_file::read;
use chenbao_model::Diagnostic;
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use std::sync::Arc;

/// Walks the rows of a revision.
pub(super) struct Cursor {
    reader: ParquetRecordBatchReader,
    name: String,
    /// The row at hand: where it is, until there is none.
    pub(super) at: Option<(Arc<Run>, usize)>,
}

impl Cursor {
    /// Before its first row.
    pub(super) fn open(lake: &Lake, shape: &Shape, revision: &Revision) -> Result<Self, Problems> {
        let file = lake.file(revision);
        if let Some(why) = lake.flaw(&file, (&revision.digest, Some(revision.bytes))) {
            return Err(broken(&file, &why).into());
        }
        let name = file.display().to_string();
        let reader = read(&file).map_err(|e| lost(&e, &name))?;
        let mut cursor = Self {
            reader,
            name,
            at: None,
        };
        cursor.next_run(shape)?;
        Ok(cursor)
    }

    /// To the next row.
    pub(super) fn advance(&mut self, shape: &Shape) -> Result<(), Problems> {
        match self.at.take() {
            Some((run, row)) if row + 1 < run.len() => {
                self.at = Some((run, row + 1));
                Ok(())
            }
            _ => self.next_run(shape),
        }
    }

    fn next_run(&mut self, shape: &Shape) -> Result<(), Problems> {
        self.at = None;
        for batch in self.reader.by_ref() {
            let run = batch
                .and_then(|batch| Run::stored(shape, &batch))
                .map_err(|e| lost(&e, &self.name))?;
            if run.len() > 0 {
                self.at = Some((Arc::new(run), 0));
                break;
            }
        }
        Ok(())
    }
}

fn lost(error: &dyn std::error::Error, file: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the revision to merge with cannot be read: {error}"
    ))
    .in_file(file)
    .hint("restore the file from a backup; the lake never changes a file that it has named")
}
