//! Sorted rows into files, one day after the other, each beside the revision that it is merged with.

use super::Job;
use super::checks::Checks;
use super::day_file::DayFile;
use super::footer::Staged;
use super::run::{Run, Shape};
use crate::Rows;
use crate::cells::day_of;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use futures::StreamExt;
use std::sync::Arc;

/// Merges a table's sorted rows with its current revisions.
pub(super) async fn merge(
    job: &Job<'_>,
    table: &TableSchema,
    mut rows: Rows,
    checks: &mut Checks<'_>,
) -> Result<Vec<Staged>, Problems> {
    let shape = Shape::new(table).map_err(|e| broken(&e))?;
    let mut merge = Merging {
        job,
        table,
        shape: &shape,
        newest: None,
        pending: None,
        open: None,
        staged: Vec::new(),
    };
    while let Some(batch) = rows.next().await {
        match batch {
            Ok(batch) => {
                checks.look(&batch);
                if !checks.doomed() {
                    merge.take(&batch, checks)?;
                }
            }
            Err(problem) => {
                checks.problem(problem.in_file(job.given.mapping.name.clone()));
                break;
            }
        }
    }
    if checks.doomed() {
        Ok(Vec::new())
    } else {
        merge.finish()
    }
}

pub(super) fn broken(error: &ArrowError) -> Diagnostic {
    Diagnostic::error(format!("rows could not be merged: {error}"))
}

struct Merging<'a> {
    job: &'a Job<'a>,
    table: &'a TableSchema,
    shape: &'a Shape,
    /// The day at hand and when its newest export was made, where the newest replaces.
    newest: Option<(Option<i32>, i64)>,
    /// The winner of the key at hand, so far.
    pending: Option<(Arc<Run>, usize)>,
    open: Option<(Option<i32>, DayFile<'a>)>,
    staged: Vec<Staged>,
}

impl Merging<'_> {
    fn take(&mut self, batch: &RecordBatch, checks: &mut Checks<'_>) -> Result<(), Problems> {
        let run = Run::mapped(
            self.shape,
            batch,
            self.job.given.shop.as_str(),
            self.job.given.platform,
        )
        .map_err(|e| broken(&e))?;
        let run = Arc::new(run);
        for row in (0..run.len())
            .filter(|row| !self.outdated(&run, *row))
            .collect::<Vec<_>>()
        {
            let before = self.pending.take();
            self.pending = Some(match before {
                Some((winner, at)) if winner.key(at) == run.key(row) => {
                    self.later(checks, (winner, at), (Arc::clone(&run), row))?
                }
                Some((winner, at)) => {
                    self.settle(&winner, at)?;
                    (Arc::clone(&run), row)
                }
                None => (Arc::clone(&run), row),
            });
        }
        Ok(())
    }

    /// Where the newest export replaces: whether a newer one has spoken for this day.
    fn outdated(&mut self, run: &Run, row: usize) -> bool {
        if !self.shape.replaces {
            return false;
        }
        let (day, made) = (run.day(self.shape, row), run.made(row));
        match self.newest {
            Some((same, newest)) if same == day => made < newest,
            _ => {
                self.newest = Some((day, made));
                false
            }
        }
    }

    /// Of two rows of one key, the later; two of one raw row are told apart by what they say.
    fn later(
        &self,
        checks: &mut Checks<'_>,
        first: (Arc<Run>, usize),
        second: (Arc<Run>, usize),
    ) -> Result<(Arc<Run>, usize), Problems> {
        let (place, next) = (first.0.place(first.1), second.0.place(second.1));
        if place.0 == next.0 {
            checks.duplicate(place);
        }
        if place == next {
            let values = |of: &(Arc<Run>, usize)| -> Result<Vec<u8>, Problems> {
                let values = of.0.values(self.shape).map_err(|e| broken(&e))?;
                Ok(values.row(of.1).as_ref().to_vec())
            };
            if values(&second)? < values(&first)? {
                return Ok(first);
            }
        }
        Ok(second)
    }

    /// A key's winner goes into its day's file.
    fn settle(&mut self, run: &Arc<Run>, row: usize) -> Result<(), Problems> {
        let day = run.day(self.shape, row);
        if self.open.as_ref().is_none_or(|(open, _)| *open != day) {
            self.close()?;
            let file = DayFile::begin(self.job, self.table, self.shape, day.and_then(day_of))?;
            self.open = Some((day, file));
        }
        match &mut self.open {
            Some((_, file)) => file.push(run, row),
            None => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), Problems> {
        if let Some((_, file)) = self.open.take() {
            self.staged.extend(file.finish()?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Staged>, Problems> {
        if let Some((run, row)) = self.pending.take() {
            self.settle(&run, row)?;
        }
        self.close()?;
        Ok(self.staged)
    }
}
