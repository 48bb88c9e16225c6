//! Deliveries: one row per issue, audience, channel and recipient, written before anything is sent, each with its own outcome.
//!
//! `queue` writes rows, `claim_due` takes one, `start_attempt` says that bytes are about to leave, `finish_attempt` says what
//! became of them. A sender that dies before `start_attempt` loses nothing; one that dies after it leaves an *unknown*.

use super::error::{LedgerError, Result};
use super::rows::{json, later, ms, or_empty, parsed, small, states, text, time, to_json};
use super::{Engine, Ledger};
use crate::schedule::{Edition, Occurrence};
use chenbao_model::{Digest, Id, Period};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Transaction};
use std::time::Duration;

/// The channel whose attempts may be repeated: writing the same file again changes nothing.
pub const FOLDER: &str = "folder";
/// The channel of mail servers.
pub const MAIL: &str = "mail";

states! {
    /// Where a delivery stands.
    DeliveryState, "a delivery" {
        /// Waits for its time.
        Queued = "queued",
        /// A sender has it.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// Refused for now; tried again later.
        Deferred = "deferred",
        /// Refused for good, or given up.
        Bounced = "bounced",
        /// The connection was lost after the message was handed over: it may have arrived. Resent only by hand.
        Unknown = "unknown",
        /// Not sent on purpose: the address is not allowed, or somebody withdrew it.
        Suppressed = "suppressed",
    }
}

/// What is delivered: one revision of one edition of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Report.
    pub report: Id,
    /// Campaign, for campaign reports.
    pub subject: Option<Id>,
    /// Days covered.
    pub period: Period,
    /// Edition.
    pub edition: Edition,
    /// Zero for the first, then counted up by corrections.
    pub revision: u32,
}

impl Issue {
    /// The issue that an occurrence makes.
    #[must_use]
    pub fn of(what: &Occurrence, revision: u32) -> Self {
        Self {
            report: what.report.clone(),
            subject: what.subject.clone(),
            period: what.period,
            edition: what.edition.clone(),
            revision,
        }
    }

    /// Binds `$1` to `$5`.
    pub(super) fn bind<'q>(
        &'q self,
        query: Query<'q, Any, AnyArguments>,
    ) -> Query<'q, Any, AnyArguments> {
        query
            .bind(self.report.as_str())
            .bind(or_empty(self.subject.as_ref()))
            .bind(self.period.to_string())
            .bind(self.edition.to_string())
            .bind(i64::from(self.revision))
    }

    fn key(&self) -> String {
        let Self {
            report,
            subject,
            period,
            edition,
            revision,
        } = self;
        format!(
            "{report}\n{}\n{period}\n{edition}\n{revision}",
            or_empty(subject.as_ref())
        )
    }
}

/// A piece of a stored message; the message is their concatenation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Piece {
    /// These characters.
    Literal(String),
    /// The bytes in the archive with this digest.
    Digest(Digest),
}

/// A delivery that is to be queued.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// What.
    pub issue: Issue,
    /// To which audience.
    pub audience: Id,
    /// `mail` or `folder`.
    pub channel: String,
    /// Address.
    pub recipient: String,
    /// Run that made it.
    pub run: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// Envelope sender.
    pub sender: String,
    /// The message.
    pub pieces: Vec<Piece>,
    /// File name, for the folder channel.
    pub file_name: String,
    /// Nothing leaves before.
    pub not_before: Timestamp,
}

impl NewDelivery {
    /// The id that this delivery has in the ledger: the digest of its unique key.
    #[must_use]
    pub fn id(&self) -> String {
        delivery_id(&self.issue, &self.audience, &self.channel, &self.recipient)
    }
}

/// The id of a delivery, from its unique key alone: stable before it is queued, so a Message-ID can be made of it.
#[must_use]
pub fn delivery_id(issue: &Issue, audience: &Id, channel: &str, recipient: &str) -> String {
    let digest = Digest::of(format!(
        "{}\n{audience}\n{channel}\n{recipient}",
        issue.key()
    ));
    digest.as_str().chars().take(32).collect()
}

/// One delivery as it stands.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Id.
    pub id: String,
    /// What.
    pub issue: Issue,
    /// To which audience.
    pub audience: Id,
    /// `mail` or `folder`.
    pub channel: String,
    /// Address.
    pub recipient: String,
    /// Run that made it.
    pub run: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// Envelope sender.
    pub sender: String,
    /// The message.
    pub pieces: Vec<Piece>,
    /// File name, for the folder channel.
    pub file_name: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was queued.
    pub created: Timestamp,
    /// When it is tried next, while queued or deferred.
    pub next: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
    /// What the server or we said last.
    pub note: String,
}

/// A delivery that a sender holds.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The delivery.
    pub delivery: Delivery,
    /// Number of this attempt, from one.
    pub attempt: u32,
    /// Who holds it.
    pub holder: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// New state: sent, deferred, bounced, unknown or suppressed.
    pub state: DeliveryState,
    /// When a deferred one is tried again.
    pub retry_at: Option<Timestamp>,
    /// What the server or we said.
    pub note: String,
}

/// One attempt of a delivery.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Number, from one.
    pub number: u32,
    /// When bytes began to leave.
    pub started: Timestamp,
    /// When the answer came.
    pub finished: Option<Timestamp>,
    /// What became of it: `sending` while nobody knows.
    pub outcome: DeliveryState,
    /// What the server or we said.
    pub note: String,
}

/// Deliveries of a run.
pub(super) const DELIVERIES_OF_RUN: &str =
    "SELECT * FROM deliveries WHERE run = $1 ORDER BY audience, channel, recipient";

const CLAIM_SQLITE: &str = "UPDATE deliveries SET state = 'sending', holder = $1, lease_ms = $2, attempts = attempts + 1,
    changed_ms = $3 WHERE id = (SELECT id FROM deliveries WHERE state IN ('queued', 'deferred') AND next_ms <= $3
    ORDER BY next_ms, id LIMIT 1) RETURNING *";

const CLAIM_POSTGRES: &str = "UPDATE deliveries SET state = 'sending', holder = $1, lease_ms = $2, attempts = attempts + 1,
    changed_ms = $3 WHERE id = (SELECT id FROM deliveries WHERE state IN ('queued', 'deferred') AND next_ms <= $3
    ORDER BY next_ms, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *";

impl Ledger {
    /// Queues deliveries, all or none, and returns the ids of those that are new: a key that is already there, in whatever
    /// state, is left alone. Nothing is ever sent twice because of a second run.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn queue(&self, deliveries: &[NewDelivery], now: Timestamp) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        let mut fresh = Vec::new();
        for new in deliveries {
            let id = new.id();
            if insert(&mut tx, new, &id, now).await? {
                fresh.push(id);
            }
        }
        tx.commit().await?;
        Ok(fresh)
    }

    /// The revision that a correction of an issue would have: zero if nothing of it was ever queued.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn next_revision(&self, issue: &Issue) -> Result<u32> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(revision), -1) + 1 AS revision FROM deliveries
             WHERE report = $1 AND subject = $2 AND period = $3 AND edition = $4",
        )
        .bind(issue.report.as_str())
        .bind(or_empty(issue.subject.as_ref()))
        .bind(issue.period.to_string())
        .bind(issue.edition.to_string())
        .fetch_one(&self.pool)
        .await?;
        small(&row, "revision")
    }

    /// Takes the delivery that has waited longest, for `lease`; exactly one holder gets each.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn claim_due(
        &self,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Claimed>> {
        let sql = match self.engine {
            Engine::Sqlite => CLAIM_SQLITE,
            Engine::Postgres => CLAIM_POSTGRES,
        };
        let mut tx = self.begin().await?;
        let row = sqlx::query(sql)
            .bind(holder)
            .bind(later(now, lease))
            .bind(ms(now))
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        let Some(delivery) = row.as_ref().map(delivery).transpose()? else {
            return Ok(None);
        };
        Ok(Some(Claimed {
            attempt: delivery.attempts,
            holder: holder.to_owned(),
            delivery,
        }))
    }

    /// When the next delivery is due; none if none waits.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn next_delivery(&self) -> Result<Option<Timestamp>> {
        let row = sqlx::query(
            "SELECT next_ms FROM deliveries WHERE state IN ('queued', 'deferred') ORDER BY next_ms LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| time(&row, "next_ms")).transpose()
    }

    /// Records, before the first byte leaves, that it is about to: false if the claim was lost, and then nothing may be sent.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn start_attempt(
        &self,
        claimed: &Claimed,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let held = sqlx::query(
            "UPDATE deliveries SET lease_ms = $4 WHERE id = $1 AND state = 'sending' AND holder = $2 AND attempts = $3",
        )
        .bind(claimed.delivery.id.as_str())
        .bind(claimed.holder.as_str())
        .bind(i64::from(claimed.attempt))
        .bind(later(now, lease))
        .execute(&mut *tx)
        .await?;
        if held.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO attempts (delivery, number, started_ms, finished_ms, outcome, note)
             VALUES ($1, $2, $3, $4, 'sending', '')",
        )
        .bind(claimed.delivery.id.as_str())
        .bind(i64::from(claimed.attempt))
        .bind(ms(now))
        .bind(super::rows::NEVER)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Records what became of an attempt. If the lease ran out meanwhile and the delivery counts as unknown, knowledge wins;
    /// if somebody has resent it since, only the attempt is noted.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn finish_attempt(
        &self,
        claimed: &Claimed,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE attempts SET finished_ms = $3, outcome = $4, note = $5 WHERE delivery = $1 AND number = $2",
        )
        .bind(claimed.delivery.id.as_str())
        .bind(i64::from(claimed.attempt))
        .bind(ms(now))
        .bind(verdict.state.word())
        .bind(verdict.note.as_str())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE deliveries SET state = $3, next_ms = $4, note = $5, changed_ms = $6, holder = ''
             WHERE id = $1 AND attempts = $2 AND state IN ('sending', 'unknown')",
        )
        .bind(claimed.delivery.id.as_str())
        .bind(i64::from(claimed.attempt))
        .bind(verdict.state.word())
        .bind(ms(verdict.retry_at.unwrap_or(now)))
        .bind(verdict.note.as_str())
        .bind(ms(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Frees deliveries whose sender died: queued again if nothing had left, unknown if bytes may have. Returns the ids that
    /// became unknown.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn reclaim(&self, now: Timestamp) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        let unknown = sqlx::query(
            "UPDATE deliveries SET state = 'unknown', holder = '', changed_ms = $1,
             note = 'the sender stopped while the message was leaving' WHERE state = 'sending' AND lease_ms <= $1
             AND channel <> $2 AND EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = deliveries.id
             AND a.number = deliveries.attempts) RETURNING id",
        )
        .bind(ms(now))
        .bind(FOLDER)
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE deliveries SET state = 'queued', holder = '', changed_ms = $1, next_ms = $1
             WHERE state = 'sending' AND lease_ms <= $1",
        )
        .bind(ms(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        unknown.iter().map(|row| text(row, "id")).collect()
    }

    /// Queues a delivery again by hand, if it is in one of these states. The message stays the same, byte for byte.
    ///
    /// # Errors
    /// The ledger does not answer, or the delivery is in another state.
    pub async fn requeue(&self, id: &str, from: &[DeliveryState], now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT state FROM deliveries WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
        let row = row.ok_or_else(|| LedgerError::Gone(format!("there is no delivery `{id}`")))?;
        let state: DeliveryState = parsed(&row, "state", "the state")?;
        if !from.contains(&state) {
            return Err(LedgerError::Gone(format!(
                "the delivery `{id}` is {state}, so it is not queued again"
            )));
        }
        sqlx::query("UPDATE deliveries SET state = 'queued', next_ms = $2, changed_ms = $2, holder = '' WHERE id = $1")
            .bind(id)
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// One delivery.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        let row = sqlx::query("SELECT * FROM deliveries WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Deliveries in a state, oldest first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn deliveries_in(&self, state: DeliveryState, limit: u32) -> Result<Vec<Delivery>> {
        let rows = sqlx::query(
            "SELECT * FROM deliveries WHERE state = $1 ORDER BY created_ms, id LIMIT $2",
        )
        .bind(state.word())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(delivery).collect()
    }

    /// The attempts of a delivery, in order.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn attempts(&self, id: &str) -> Result<Vec<Attempt>> {
        let rows = sqlx::query("SELECT * FROM attempts WHERE delivery = $1 ORDER BY number")
            .bind(id)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(attempt).collect()
    }
}

pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    new: &NewDelivery,
    id: &str,
    now: Timestamp,
) -> Result<bool> {
    let insert = sqlx::query(
        "INSERT INTO deliveries (report, subject, period, edition, revision, id, audience, channel, recipient, run, message_id,
         sender, pieces, file_name, next_ms, created_ms, state, attempts, holder, lease_ms, changed_ms, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'queued', 0, '', 0, $16, '')
         ON CONFLICT DO NOTHING",
    );
    let done = new
        .issue
        .bind(insert)
        .bind(id)
        .bind(new.audience.as_str())
        .bind(new.channel.as_str())
        .bind(new.recipient.as_str())
        .bind(new.run.as_str())
        .bind(new.message_id.as_str())
        .bind(new.sender.as_str())
        .bind(to_json(&new.pieces)?)
        .bind(new.file_name.as_str())
        .bind(ms(new.not_before))
        .bind(ms(now))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads a row of `deliveries`.
pub(super) fn delivery(row: &AnyRow) -> Result<Delivery> {
    Ok(Delivery {
        id: text(row, "id")?,
        issue: Issue::read(row)?,
        audience: super::rows::id(row, "audience")?,
        channel: text(row, "channel")?,
        recipient: text(row, "recipient")?,
        run: text(row, "run")?,
        message_id: text(row, "message_id")?,
        sender: text(row, "sender")?,
        pieces: json(row, "pieces")?,
        file_name: text(row, "file_name")?,
        state: parsed(row, "state", "the state")?,
        attempts: small(row, "attempts")?,
        created: time(row, "created_ms")?,
        next: time(row, "next_ms")?,
        changed: time(row, "changed_ms")?,
        note: text(row, "note")?,
    })
}

fn attempt(row: &AnyRow) -> Result<Attempt> {
    Ok(Attempt {
        number: small(row, "number")?,
        started: time(row, "started_ms")?,
        finished: super::rows::maybe_time(row, "finished_ms")?,
        outcome: parsed(row, "outcome", "the state")?,
        note: text(row, "note")?,
    })
}
