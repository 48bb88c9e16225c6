//! A ledger that comes out of a backup: what it does not know happened since, so nothing that waited in it goes on by itself.

use super::error::Result;
use super::lines::Loading;
use super::rows::{NEVER, ms};
use jiff::Timestamp;

/// What was waiting when a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// Messages: they count as unknown now.
    pub messages: u64,
    /// Reports that were being made: they count as missed now.
    pub reports: u64,
}

impl Loading {
    /// Stops everything that waited when the backup was made: it may have been sent since. Schedules begin anew now, and the
    /// facts in `forget` are forgotten.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn settle(
        &mut self,
        made: Timestamp,
        now: Timestamp,
        forget: &[&str],
    ) -> Result<Waited> {
        let note =
            format!("it waited when the backup of {made} was made, and may have been sent since");
        let messages = sqlx::query(
            "UPDATE deliveries SET state = 'unknown', holder = '', note = $1, changed_ms = $2
             WHERE state IN ('queued', 'deferred', 'sending')",
        )
        .bind(note.as_str())
        .bind(ms(now))
        .execute(&mut *self.tx)
        .await?;
        let note = format!("it was being made when the backup of {made} was made");
        let reports = sqlx::query(
            "UPDATE occurrences SET state = 'missed', holder = '', note = $1, changed_ms = $2 WHERE state = 'claimed'",
        )
        .bind(note.as_str())
        .bind(ms(now))
        .execute(&mut *self.tx)
        .await?;
        sqlx::query("UPDATE schedules SET since_ms = $1")
            .bind(ms(now))
            .execute(&mut *self.tx)
            .await?;
        if self.has("notices") {
            sqlx::query("UPDATE notices SET told_ms = $1 WHERE told_ms = $2")
                .bind(ms(now))
                .bind(NEVER)
                .execute(&mut *self.tx)
                .await?;
        }
        if self.has("nodes") {
            // The processes that served are somewhere else.
            sqlx::query("DELETE FROM nodes")
                .execute(&mut *self.tx)
                .await?;
        }
        let forget = if self.has("facts") { forget } else { &[] };
        for fact in forget {
            sqlx::query("DELETE FROM facts WHERE name = $1")
                .bind(*fact)
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(Waited {
            messages: messages.rows_affected(),
            reports: reports.rows_affected(),
        })
    }
}
