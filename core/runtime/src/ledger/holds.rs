//! Holds: reports of which nothing leaves until somebody releases them, seen by every node.

use super::Ledger;
use super::error::{LedgerError, Result};
use super::rows::{count, id, ms, text, time};
use chenbao_model::Id;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// That a delivery is not held back: its report is not on hold, or it is a test by hand.
pub(super) const NOT_HELD: &str =
    "(edition LIKE 'test/%' OR report NOT IN (SELECT report FROM holds))";

/// A report on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of whoever holds it; may be empty.
    pub why: String,
}

impl Ledger {
    /// Holds a report: false if it is held already, and then nothing changes.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn hold(&self, report: &Id, why: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO holds (report, since_ms, why) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(report.as_str())
        .bind(ms(now))
        .bind(why)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Releases a report and returns how many messages had waited; none if it was not held.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn release_report(
        &self,
        report: &Id,
        what: Waiting,
        now: Timestamp,
    ) -> Result<Option<u64>> {
        let mut tx = self.begin().await?;
        let released = sqlx::query("DELETE FROM holds WHERE report = $1")
            .bind(report.as_str())
            .execute(&mut *tx)
            .await?;
        if released.rows_affected() == 0 {
            return Ok(None);
        }
        let waiting = match what {
            Waiting::Leaves => sqlx::query(
                "SELECT COUNT(*) AS many FROM deliveries WHERE report = $1 AND state IN ('queued', 'deferred')
                 AND edition NOT LIKE 'test/%'",
            )
            .bind(report.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(LedgerError::from)
            .and_then(|row| count(&row, "many"))?,
            Waiting::Dropped => sqlx::query(
                "UPDATE deliveries SET state = 'suppressed', changed_ms = $2, note = 'dropped when its report was released'
                 WHERE report = $1 AND state IN ('queued', 'deferred') AND edition NOT LIKE 'test/%'",
            )
            .bind(report.as_str())
            .bind(ms(now))
            .execute(&mut *tx)
            .await?
            .rows_affected(),
        };
        tx.commit().await?;
        Ok(Some(waiting))
    }

    /// The reports on hold.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn holds(&self) -> Result<BTreeMap<Id, Hold>> {
        let rows = sqlx::query("SELECT * FROM holds")
            .fetch_all(&self.pool)
            .await?;
        let hold = |row| {
            let hold = Hold {
                since: time(row, "since_ms")?,
                why: text(row, "why")?,
            };
            Ok((id(row, "report")?, hold))
        };
        rows.iter().map(hold).collect()
    }
}

/// What becomes of the messages that waited while their report was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// They leave.
    Leaves,
    /// They are suppressed: nobody gets them.
    Dropped,
}
