//! A query as a stream of batches. A worker with a runtime of its own asks the database while the host writes; two batches wait at most.

use crate::columns::{Collector, Column, Kind};
use crate::fault::{fault, unreachable_server};
use crate::link::{Failure, Link};
use crate::options::Target;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use chenbao_plugin::{Error, ErrorCode, Result, SourceCx, internal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What to ask, and where.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) target: Target,
    pub(crate) table: String,
    pub(crate) sql: String,
    pub(crate) zone: String,
    pub(crate) timeout: Duration,
    pub(crate) cx: SourceCx,
}

/// What is known before the first row.
pub(crate) struct Head {
    pub(crate) schema: SchemaRef,
    pub(crate) as_of: String,
}

enum Message {
    Head(Head),
    Batch(RecordBatch),
}

/// Where the rows go.
pub(crate) struct Output {
    collector: Collector,
    kinds: Vec<Kind>,
    sender: SyncSender<Result<Message>>,
    cx: SourceCx,
}

impl Output {
    pub(crate) fn width(&self) -> usize {
        self.collector.width()
    }

    pub(crate) fn kind(&self, at: usize) -> Kind {
        self.kinds.get(at).copied().unwrap_or(Kind::Text)
    }

    pub(crate) fn cell(&mut self, at: usize, text: Option<&str>) -> Result<()> {
        self.collector.cell(at, text)
    }

    pub(crate) fn row(&mut self) -> Result<()> {
        let full = self.collector.row()?;
        self.send(full)
    }

    fn end(&mut self) -> Result<()> {
        let rest = self.collector.batch()?;
        self.send(rest)
    }

    fn send(&self, batch: Option<RecordBatch>) -> Result<()> {
        let Some(batch) = batch else { return Ok(()) };
        self.cx.checkpoint()?;
        self.sender
            .send(Ok(Message::Batch(batch)))
            .map_err(|_| Error::new(ErrorCode::Cancelled, "nobody reads on"))
    }
}

/// The rows of a query.
pub(crate) struct Batches {
    schema: SchemaRef,
    receiver: Option<Receiver<Result<Message>>>,
    worker: Option<JoinHandle<()>>,
    rows: Arc<AtomicU64>,
}

/// Starts the worker and waits for what is known before the first row.
pub(crate) fn start(job: Job) -> Result<(Batches, Head, Arc<AtomicU64>)> {
    let (sender, receiver) = sync_channel(1);
    let worker = std::thread::spawn(move || {
        if let Err(error) = block_on(work(&job, &sender)).and_then(|done| done) {
            // The host has gone: nobody is left to tell.
            let _ = sender.send(Err(error));
        }
    });
    let rows = Arc::new(AtomicU64::new(0));
    match receiver.recv() {
        Ok(Ok(Message::Head(head))) => {
            let batches = Batches {
                schema: head.schema.clone(),
                receiver: Some(receiver),
                worker: Some(worker),
                rows: rows.clone(),
            };
            Ok((batches, head, rows))
        }
        other => {
            let ended = worker.join();
            Err(match other {
                Ok(Err(error)) => error,
                _ => internal(format!(
                    "the reader of the database stopped before its first word, {}",
                    if ended.is_ok() {
                        "without a reason"
                    } else {
                        "by a panic"
                    }
                )),
            })
        }
    }
}

/// Runs on a runtime of this thread alone, which is gone when it returns.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    Ok(runtime
        .map_err(|e| internal(format!("no runtime: {e}")))?
        .block_on(work))
}

/// Connects within the time allowed.
pub(crate) async fn open(job: &Job) -> Result<Link> {
    match tokio::time::timeout(job.timeout, Link::open(&job.target, &job.zone)).await {
        Ok(link) => link.map_err(|failure| told(failure, job, None)),
        Err(_) => Err(unreachable_server(
            &job.target.name(),
            &format!("no answer within {} s", job.timeout.as_secs()),
        )),
    }
}

/// The failure for people.
pub(crate) fn told(failure: Failure, job: &Job, table: Option<&str>) -> Error {
    match failure {
        Failure::Database(error) => fault(&error, &job.target, table),
        Failure::Own(error) => error,
    }
}

/// The columns of the job's query.
pub(crate) async fn columns(link: &mut Link, job: &Job) -> Result<Vec<Column>> {
    link.columns(&job.sql)
        .await
        .map_err(|failure| told(failure, job, Some(&job.table)))
}

async fn work(job: &Job, sender: &SyncSender<Result<Message>>) -> Result<()> {
    let mut link = open(job).await?;
    let columns = columns(&mut link, job).await?;
    let as_of = link
        .as_of()
        .await
        .map_err(|failure| told(failure, job, None))?;
    let kinds = columns.iter().map(|column| column.kind).collect();
    let collector = Collector::new(columns)?;
    let head = Head {
        schema: collector.schema(),
        as_of,
    };
    if sender.send(Ok(Message::Head(head))).is_err() {
        return Ok(());
    }
    let mut output = Output {
        collector,
        kinds,
        sender: sender.clone(),
        cx: job.cx.clone(),
    };
    let read = link
        .rows(&job.sql, &mut output)
        .await
        .map_err(|failure| told(failure, job, Some(&job.table)));
    // A connection whose rows were not read to the end is dropped, not closed politely: that would read them all.
    read.and_then(|()| output.end())?;
    link.close().await;
    Ok(())
}

impl Batches {
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
            Ok(Ok(Message::Batch(batch))) => {
                self.rows
                    .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                Some(Ok(batch))
            }
            Ok(Ok(Message::Head(_))) => Some(Err(internal("a second head").into())),
            Ok(Err(error)) => Some(Err(error.into())),
            Err(_) if self.end() => None,
            Err(_) => Some(Err(internal("the reader of the database panicked").into())),
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
