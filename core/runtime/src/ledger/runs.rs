//! Runs: what was made when, from what, with which results; and the history that people read.

use super::deliveries::{DELIVERIES_OF_RUN, Delivery, DeliveryState, delivery};
use super::error::{LedgerError, Result};
use super::rows::{
    NEVER, count, digest, json, maybe_id, maybe_ms, maybe_time, ms, or_empty, parsed, period,
    small, states, text, time, to_json,
};
use super::{Issue, Ledger};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::{Digest, Id, Period};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

states! {
    /// Where a run stands.
    RunState, "a run" {
        /// At work, or its process died.
        Running = "running",
        /// Everything was made, and queued if it was to be sent.
        Done = "done",
        /// Made with something missing: 部分.
        Partial = "partial",
        /// Nothing was made.
        Failed = "failed",
    }
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Id, unique for ever.
    pub id: String,
    /// What it makes.
    pub issue: Issue,
    /// When it was due; none for runs by hand.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// How.
    pub state: RunState,
    /// Revisions that it read.
    pub snapshot: Snapshot,
    /// Whatever replay needs besides: digests of plugins, templates, config and fonts, times, issue number, artifacts.
    pub record: Value,
    /// Results by alias and shops key.
    pub results: Vec<(Id, String, Digest)>,
    /// One plain sentence for people.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// One run in the history.
#[derive(Debug, Clone)]
pub struct Run {
    /// Id.
    pub id: String,
    /// What it made.
    pub issue: Issue,
    /// When it was due.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// One plain sentence.
    pub note: String,
    /// Its deliveries, counted by state.
    pub deliveries: BTreeMap<DeliveryState, u64>,
    /// When the next of its deferred deliveries is tried again.
    pub next: Option<Timestamp>,
}

/// One run with all that is known of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The run.
    pub run: Run,
    /// What it read.
    pub snapshot: Snapshot,
    /// What replay needs besides.
    pub record: Value,
    /// Its results.
    pub results: Vec<ResultRow>,
    /// Its deliveries.
    pub deliveries: Vec<Delivery>,
}

/// Where a result is found, for restatements and comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultRow {
    /// Run that made it.
    pub run: String,
    /// Metric alias.
    pub alias: Id,
    /// Shops key.
    pub shops: String,
    /// Issue that it was made for.
    pub issue: Issue,
    /// Digest in the archive.
    pub digest: Digest,
    /// When it was made.
    pub made: Timestamp,
}

impl Ledger {
    /// Records that a run begins.
    ///
    /// # Errors
    /// The ledger does not answer, or the id was used before.
    pub async fn begin_run(&self, run: &NewRun) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO runs (report, subject, period, edition, revision, id, due_ms, state, started_ms, finished_ms,
             snapshot, record, note) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $9, '{\"revisions\":[]}', 'null', '')",
        );
        run.issue
            .bind(insert)
            .bind(run.id.as_str())
            .bind(maybe_ms(run.due))
            .bind(ms(run.started))
            .bind(NEVER)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records how a run ended, with its results.
    ///
    /// # Errors
    /// The ledger does not answer, or no such run began.
    pub async fn finish_run(&self, id: &str, end: &RunEnd) -> Result<()> {
        let mut tx = self.begin().await?;
        let issue = sqlx::query(
            "SELECT report, subject, period, edition, revision FROM runs WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let issue = issue.ok_or_else(|| LedgerError::Gone(format!("there is no run `{id}`")))?;
        let issue = Issue::read(&issue)?;
        sqlx::query("UPDATE runs SET state = $2, finished_ms = $3, snapshot = $4, record = $5, note = $6 WHERE id = $1")
            .bind(id)
            .bind(end.state.word())
            .bind(ms(end.at))
            .bind(to_json(&end.snapshot)?)
            .bind(to_json(&end.record)?)
            .bind(end.note.as_str())
            .execute(&mut *tx)
            .await?;
        for (alias, shops, digest) in &end.results {
            let insert = sqlx::query(
                "INSERT INTO results (report, subject, period, edition, revision, run, alias, shops, digest, made_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            );
            issue
                .bind(insert)
                .bind(id)
                .bind(alias.as_str())
                .bind(shops.as_str())
                .bind(digest.as_str())
                .bind(ms(end.at))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Results of one metric for one period and set of shops in a report, newest first; tests of a report do not count.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn results_for(
        &self,
        report: &Id,
        alias: &Id,
        period: Period,
        shops: &str,
    ) -> Result<Vec<ResultRow>> {
        let rows = sqlx::query(
            "SELECT * FROM results WHERE report = $1 AND alias = $2 AND period = $3 AND shops = $4
             AND edition NOT LIKE 'test/%' ORDER BY made_ms DESC, run DESC",
        )
        .bind(report.as_str())
        .bind(alias.as_str())
        .bind(period.to_string())
        .bind(shops)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(result).collect()
    }

    /// The newest runs, newest first, of one report or of all.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn history(&self, report: Option<&Id>, limit: u32) -> Result<Vec<Run>> {
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE report = $1 OR $1 = '' ORDER BY started_ms DESC, id DESC LIMIT $2",
        )
        .bind(or_empty(report))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut run = read_run(row)?;
            self.count_deliveries(&mut run).await?;
            runs.push(run);
        }
        Ok(runs)
    }

    /// All that is known of the run whose id begins with `id`; none if no run or several do.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn show(&self, id: &str) -> Result<Option<Shown>> {
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE id = $1 OR substr(id, 1, CAST($2 AS INTEGER)) = $1 ORDER BY id LIMIT 2",
        )
        .bind(id)
        .bind(i64::try_from(id.chars().count()).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        let row = match rows.as_slice() {
            [only] => only,
            [first, ..] if text(first, "id")? == id => first,
            _ => return Ok(None),
        };
        let mut run = read_run(row)?;
        self.count_deliveries(&mut run).await?;
        let results = sqlx::query("SELECT * FROM results WHERE run = $1 ORDER BY alias, shops")
            .bind(run.id.as_str())
            .fetch_all(&self.pool)
            .await?;
        let deliveries = sqlx::query(DELIVERIES_OF_RUN)
            .bind(run.id.as_str())
            .fetch_all(&self.pool)
            .await?;
        Ok(Some(Shown {
            snapshot: json(row, "snapshot")?,
            record: json(row, "record")?,
            results: results.iter().map(result).collect::<Result<_>>()?,
            deliveries: deliveries.iter().map(delivery).collect::<Result<_>>()?,
            run,
        }))
    }

    async fn count_deliveries(&self, run: &mut Run) -> Result<()> {
        let rows = sqlx::query(
            "SELECT state, COUNT(*) AS many, MIN(next_ms) AS next_ms FROM deliveries WHERE run = $1 GROUP BY state",
        )
        .bind(run.id.as_str())
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let state = parsed(row, "state", "the state")?;
            run.deliveries.insert(state, count(row, "many")?);
            if state == DeliveryState::Deferred {
                run.next = Some(time(row, "next_ms")?);
            }
        }
        Ok(())
    }
}

fn read_run(row: &AnyRow) -> Result<Run> {
    Ok(Run {
        id: text(row, "id")?,
        issue: Issue::read(row)?,
        due: maybe_time(row, "due_ms")?,
        state: parsed(row, "state", "the state")?,
        started: time(row, "started_ms")?,
        finished: maybe_time(row, "finished_ms")?,
        note: text(row, "note")?,
        deliveries: BTreeMap::new(),
        next: None,
    })
}

fn result(row: &AnyRow) -> Result<ResultRow> {
    Ok(ResultRow {
        run: text(row, "run")?,
        alias: super::rows::id(row, "alias")?,
        shops: text(row, "shops")?,
        issue: Issue::read(row)?,
        digest: digest(row, "digest")?,
        made: time(row, "made_ms")?,
    })
}

impl Issue {
    /// Reads the five columns that every table names alike.
    pub(super) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            report: super::rows::id(row, "report")?,
            subject: maybe_id(row, "subject")?,
            period: period(row, "period")?,
            edition: parsed(row, "edition", "the edition")?,
            revision: small(row, "revision")?,
        })
    }
}
