//! Notices: what the owner is to hear, written at once and told later, so that a process that dies still tells.

use super::Ledger;
use super::deliveries::{FOLDER, MAIL, NewDelivery, insert};
use super::error::Result;
use super::rows::{NEVER, json, maybe_ms, maybe_time, ms, number, small, text, time, to_json};
use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

/// A notice as it is raised.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// What makes it the same notice again: a digest of kind, thing and, where it may come back, day.
    pub id: String,
    /// Word of its kind.
    pub kind: String,
    /// What it is about, for people.
    pub about: String,
    /// Sentences.
    pub lines: Vec<String>,
    /// What to do about it.
    pub todo: String,
    /// Run id, or empty.
    pub run: String,
    /// Whether it is told at once.
    pub urgent: bool,
    /// When it is too late to be of use.
    pub by: Option<Timestamp>,
}

/// A notice as it stands.
#[derive(Debug, Clone)]
pub struct Notice {
    /// As it was raised first; while untold, with the newest sentences.
    pub said: NewNotice,
    /// How often it was raised.
    pub times: u32,
    /// When it was raised first.
    pub first: Timestamp,
    /// When it was raised last.
    pub last: Timestamp,
    /// When a message was queued that holds it.
    pub told: Option<Timestamp>,
    /// The subject of that message's deliveries; empty while untold.
    pub message: String,
}

/// When the owner was last told something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastTold {
    /// Anything.
    pub any: Option<Timestamp>,
    /// Something urgent.
    pub urgent: Option<Timestamp>,
}

/// What has not been met for so long was over: met again, it is news.
const QUIET: SignedDuration = SignedDuration::from_hours(1);

impl Ledger {
    /// Writes a notice down; one that is there already is counted, and says the newest while it is untold. One that comes back after
    /// a quiet hour is told again. True if it is new.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn raise(&self, new: &NewNotice, now: Timestamp) -> Result<bool> {
        let quiet = now.checked_sub(QUIET).unwrap_or(Timestamp::MIN);
        let row = sqlx::query(
            "INSERT INTO notices (id, kind, about, facts, todo, run, urgent, times, first_ms, last_ms, by_ms, told_ms, message)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $9, $10, '')
             ON CONFLICT (id) DO UPDATE SET times = notices.times + 1, last_ms = excluded.last_ms,
             facts = CASE WHEN notices.told_ms = $10 OR notices.last_ms < $11 THEN excluded.facts ELSE notices.facts END,
             by_ms = CASE WHEN notices.told_ms = $10 OR notices.last_ms < $11 THEN excluded.by_ms ELSE notices.by_ms END,
             message = CASE WHEN notices.last_ms < $11 THEN '' ELSE notices.message END,
             told_ms = CASE WHEN notices.last_ms < $11 THEN $10 ELSE notices.told_ms END
             RETURNING times",
        )
        .bind(new.id.as_str())
        .bind(new.kind.as_str())
        .bind(new.about.as_str())
        .bind(to_json(&new.lines)?)
        .bind(new.todo.as_str())
        .bind(new.run.as_str())
        .bind(i64::from(new.urgent))
        .bind(ms(now))
        .bind(maybe_ms(new.by))
        .bind(NEVER)
        .bind(ms(quiet))
        .fetch_one(&self.pool)
        .await?;
        Ok(number(&row, "times")? == 1)
    }

    /// Notices that no message holds yet, oldest first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn untold(&self) -> Result<Vec<Notice>> {
        let rows =
            sqlx::query("SELECT * FROM notices WHERE told_ms = $1 ORDER BY first_ms, id LIMIT 500")
                .bind(NEVER)
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(notice).collect()
    }

    /// Notices, newest first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn notices(&self, limit: u32) -> Result<Vec<Notice>> {
        let rows = sqlx::query("SELECT * FROM notices ORDER BY last_ms DESC, id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(notice).collect()
    }

    /// The notices that a message holds, oldest first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn notices_of(&self, message: &str) -> Result<Vec<Notice>> {
        let rows = sqlx::query("SELECT * FROM notices WHERE message = $1 ORDER BY first_ms, id")
            .bind(message)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(notice).collect()
    }

    /// Messages of a report that mail has not brought, and that no other channel says.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn unsaid(&self, report: &str, since: Timestamp) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT DISTINCT subject FROM deliveries WHERE report = $1 AND created_ms > $2 AND channel IN ($3, $4)
             AND state IN ('deferred', 'bounced', 'unknown', 'suppressed') AND NOT EXISTS (SELECT 1 FROM deliveries o
             WHERE o.report = $1 AND o.subject = deliveries.subject AND o.channel NOT IN ($3, $4)) ORDER BY subject",
        )
        .bind(report)
        .bind(ms(since))
        .bind(MAIL)
        .bind(FOLDER)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| text(row, "subject")).collect()
    }

    /// When the owner was last told something.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn last_told(&self) -> Result<LastTold> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(told_ms), $1) AS any_ms,
             COALESCE(MAX(CASE WHEN urgent = 1 THEN told_ms END), $1) AS urgent_ms FROM notices",
        )
        .bind(NEVER)
        .fetch_one(&self.pool)
        .await?;
        Ok(LastTold {
            any: maybe_time(&row, "any_ms")?,
            urgent: maybe_time(&row, "urgent_ms")?,
        })
    }

    /// Queues the message that tells these notices, and marks them told: all of it, or nothing because another node was first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn tell(
        &self,
        message: &str,
        notices: &[Notice],
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        for notice in notices {
            let marked = sqlx::query(
                "UPDATE notices SET told_ms = $2, message = $3 WHERE id = $1 AND told_ms = $4",
            )
            .bind(notice.said.id.as_str())
            .bind(ms(now))
            .bind(message)
            .bind(NEVER)
            .execute(&mut *tx)
            .await?;
            if marked.rows_affected() == 0 {
                return Ok(false);
            }
        }
        for new in deliveries {
            insert(&mut tx, new, &new.id(), now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn notice(row: &AnyRow) -> Result<Notice> {
    Ok(Notice {
        said: NewNotice {
            id: text(row, "id")?,
            kind: text(row, "kind")?,
            about: text(row, "about")?,
            lines: json(row, "facts")?,
            todo: text(row, "todo")?,
            run: text(row, "run")?,
            urgent: number(row, "urgent")? == 1,
            by: maybe_time(row, "by_ms")?,
        },
        times: small(row, "times")?,
        first: time(row, "first_ms")?,
        last: time(row, "last_ms")?,
        told: maybe_time(row, "told_ms")?,
        message: text(row, "message")?,
    })
}
