//! One day's file in the making: new rows and the current revision, both in the order of their keys, walked together.

use super::Job;
use super::cursor::Cursor;
use super::footer::{Footer, Staged};
use super::merge::broken;
use super::run::{Run, Shape};
use crate::columns::arrow_schema;
use crate::parquet_file::{CHUNK, ParquetFile};
use arrow::compute::interleave_record_batch;
use arrow::record_batch::RecordBatch;
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use jiff::civil::Date;
use parquet::errors::ParquetError;
use std::cmp::Ordering;
use std::sync::Arc;

/// The next revision of one day, if it turns out to be one.
pub(super) struct DayFile<'a> {
    job: &'a Job<'a>,
    shape: &'a Shape,
    base: Option<(&'a Revision, Cursor)>,
    footer: Footer,
    out: Out,
    changed: bool,
    /// The current revision comes from a newer export than these rows, and stays.
    outdated: bool,
    last_export: Option<i64>,
}

impl<'a> DayFile<'a> {
    /// Opens the day, and its current revision.
    pub(super) fn begin(
        job: &'a Job<'a>,
        table: &TableSchema,
        shape: &'a Shape,
        day: Option<Date>,
    ) -> Result<Self, Problems> {
        let base = match job.base(&table.name, day) {
            Some(revision) => Some((revision, Cursor::open(job.given.lake, shape, revision)?)),
            None => None,
        };
        let file = ParquetFile::begin(job.given.lake, &shape.stored)
            .map_err(|e| job.given.lake.unwritten(&e))?;
        Ok(Self {
            job,
            shape,
            changed: base.is_none(),
            base,
            footer: Footer::next(job, &table.name, day),
            out: Out {
                file,
                sources: Vec::new(),
                picks: Vec::new(),
                rows: 0,
            },
            outdated: false,
            last_export: None,
        })
    }

    /// Adds the winner of the next key.
    pub(super) fn push(&mut self, run: &Arc<Run>, row: usize) -> Result<(), Problems> {
        let export = run.place(row).0;
        if self.shape.replaces {
            let facts = self.job.export(export);
            let newer = |(base, _): &(&Revision, Cursor)| {
                facts.is_some_and(|facts| base.exported_at > facts.exported_at)
            };
            self.outdated |= self.base.as_ref().is_some_and(newer);
            if self.outdated {
                return Ok(());
            }
            self.compare(run, row)?;
        } else if !self.weave(run, row)? {
            return Ok(());
        }
        self.count(export);
        self.out
            .take(run, row)
            .map_err(|e| self.job.given.lake.unwritten(&e).into())
    }

    /// By key: lets the base's smaller keys pass; `false` where the base's own row is newer and has been taken instead.
    fn weave(&mut self, run: &Arc<Run>, row: usize) -> Result<bool, Problems> {
        while let Some((old, at)) = self.base_row() {
            match old.key(at).cmp(&run.key(row)) {
                Ordering::Greater => break,
                Ordering::Less => self.keep(&old, at)?,
                Ordering::Equal if old.made(at) > run.made(row) => {
                    self.keep(&old, at)?;
                    return Ok(false);
                }
                Ordering::Equal => {
                    self.changed |= self.differ((&old, at), (run, row))?;
                    self.advance()?;
                    return Ok(true);
                }
            }
        }
        self.changed = true;
        Ok(true)
    }

    /// Replacing: looks whether the base has the same row in the same place.
    fn compare(&mut self, run: &Arc<Run>, row: usize) -> Result<(), Problems> {
        match self.base_row() {
            Some((old, at)) if !self.changed => {
                self.changed = self.differ((&old, at), (run, row))?;
                self.advance()
            }
            _ => {
                self.changed = true;
                Ok(())
            }
        }
    }

    fn differ(&self, old: (&Run, usize), new: (&Run, usize)) -> Result<bool, Problems> {
        let same = old.0.says_as(old.1, new, self.shape);
        same.map(|same| !same).map_err(|e| broken(&e).into())
    }

    fn base_row(&self) -> Option<(Arc<Run>, usize)> {
        self.base.as_ref().and_then(|(_, cursor)| cursor.at.clone())
    }

    fn keep(&mut self, run: &Arc<Run>, row: usize) -> Result<(), Problems> {
        if let Some((base, _)) = &self.base {
            self.footer.count_in(base.exported_at, base.provisional);
        }
        self.out
            .take(run, row)
            .map_err(|e| self.job.given.lake.unwritten(&e))?;
        self.advance()
    }

    fn advance(&mut self) -> Result<(), Problems> {
        match &mut self.base {
            Some((_, cursor)) => cursor.advance(self.shape),
            None => Ok(()),
        }
    }

    fn count(&mut self, export: i64) {
        if self.last_export != Some(export)
            && let Some(facts) = self.job.export(export)
        {
            self.footer.count_in(facts.exported_at, facts.provisional);
            self.last_export = Some(export);
        }
    }

    /// The file, unless the lake says all of it already.
    pub(super) fn finish(mut self) -> Result<Option<Staged>, Problems> {
        if self.outdated {
            return Ok(None);
        }
        if self.shape.replaces {
            self.changed |= self.base_row().is_some();
        } else {
            while let Some((old, at)) = self.base_row() {
                self.keep(&old, at)?;
            }
        }
        // What may no longer change is news, even where every row is the same.
        let final_now = self.base.as_ref().is_some_and(|(base, _)| base.provisional)
            && !self.footer.provisional;
        if !self.changed && !final_now {
            return Ok(None);
        }
        let lake = self.job.given.lake;
        seal(self.out, self.footer)
            .map(Some)
            .map_err(|e| lake.unwritten(&e).into())
    }
}

fn seal(mut out: Out, mut footer: Footer) -> Result<Staged, ParquetError> {
    out.flush()?;
    footer.rows = out.rows;
    Staged::seal(out.file, footer)
}

/// The revision of a day on which nothing happened.
pub(super) fn empty(
    job: &Job<'_>,
    table: &TableSchema,
    day: Date,
    facts: &ExportFacts,
) -> Result<Staged, Problems> {
    let file = ParquetFile::begin(job.given.lake, &arrow_schema(table))
        .map_err(|e| job.given.lake.unwritten(&e))?;
    let mut footer = Footer::next(job, &table.name, Some(day));
    footer.count_in(facts.exported_at, facts.provisional);
    let out = Out {
        file,
        sources: Vec::new(),
        picks: Vec::new(),
        rows: 0,
    };
    seal(out, footer).map_err(|e| job.given.lake.unwritten(&e).into())
}

/// Picked rows, written in chunks.
struct Out {
    file: ParquetFile,
    sources: Vec<Arc<Run>>,
    picks: Vec<(usize, usize)>,
    rows: u64,
}

impl Out {
    fn take(&mut self, run: &Arc<Run>, row: usize) -> Result<(), ParquetError> {
        let known = self
            .sources
            .iter()
            .rposition(|source| Arc::ptr_eq(source, run));
        let source = known.unwrap_or_else(|| {
            self.sources.push(Arc::clone(run));
            self.sources.len() - 1
        });
        self.picks.push((source, row));
        self.rows += 1;
        if self.picks.len() == CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if !self.picks.is_empty() {
            let batches: Vec<&RecordBatch> =
                self.sources.iter().map(|source| &source.batch).collect();
            self.file
                .write(interleave_record_batch(&batches, &self.picks)?)?;
        }
        self.sources.clear();
        self.picks.clear();
        Ok(())
    }
}
