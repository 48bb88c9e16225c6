//! What a watchdog asks: read-only, of a ledger that another process keeps.

use super::deliveries::DeliveryState;
use super::error::{LedgerError, Result};
use super::occurrences::OccurrenceState;
use super::rows::{maybe_id, parsed, period, small, text};
use super::{Engine, Ledger, migrate, rows};
use crate::schedule::{Edition, Occurrence};
use chenbao_model::Id;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

impl Ledger {
    /// Opens a ledger that is there already, without making or changing anything in it.
    ///
    /// # Errors
    /// The database cannot be reached, or its schema is not the one of this chenbao.
    pub async fn open_to_read(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (url, engine) = match url.strip_prefix("sqlite:") {
            Some(path) => {
                let path = Path::new(path.strip_prefix("//").unwrap_or(path));
                // Not `ro`: a reader of a write-ahead log takes part in its locks.
                let url = format!("sqlite:{}?mode=rw", super::escaped(path));
                (url, Engine::Sqlite)
            }
            None if url.starts_with("postgres") => (url.to_owned(), Engine::Postgres),
            None => return Err(LedgerError::Scheme),
        };
        let read_only = match engine {
            Engine::Sqlite => "PRAGMA query_only = ON",
            Engine::Postgres => "SET default_transaction_read_only = on",
        };
        let pool = super::pool(&url, |options| {
            options.after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::Executor::execute(connection, read_only).await?;
                    Ok(())
                })
            })
        })
        .await?;
        let ledger = Self { pool, engine };
        migrate::check(&ledger).await?;
        Ok(ledger)
    }

    /// When a report's schedule was first served; none if it never was.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn first_served(&self, report: &Id) -> Result<Option<Timestamp>> {
        let row = sqlx::query("SELECT since_ms FROM schedules WHERE report = $1")
            .bind(report.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| rows::time(&row, "since_ms")).transpose()
    }

    /// What became of everything that a report had due at a moment.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn due_at(
        &self,
        report: &Id,
        due: Timestamp,
    ) -> Result<Vec<(Occurrence, OccurrenceState, String)>> {
        let rows = sqlx::query(
            "SELECT * FROM occurrences WHERE report = $1 AND due_ms = $2 ORDER BY subject, period, edition",
        )
        .bind(report.as_str())
        .bind(rows::ms(due))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let edition: Edition = parsed(row, "edition", "the edition")?;
                let what = Occurrence {
                    report: report.clone(),
                    subject: maybe_id(row, "subject")?,
                    period: period(row, "period")?,
                    edition,
                    due,
                };
                Ok((what, parsed(row, "state", "the state")?, text(row, "note")?))
            })
            .collect()
    }

    /// How many deliveries of an issue, all revisions of it, stand in each state.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn delivery_states(&self, of: &Occurrence) -> Result<BTreeMap<DeliveryState, u32>> {
        let rows = sqlx::query(
            "SELECT state, COUNT(*) AS many FROM deliveries
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4 GROUP BY state",
        )
        .bind(of.report.as_str())
        .bind(rows::or_empty(of.subject.as_ref()))
        .bind(of.period.to_string())
        .bind(of.edition.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((parsed(row, "state", "the state")?, small(row, "many")?)))
            .collect()
    }
}
