//! Deliveries: one row per issue, audience, channel and recipient, written before anything is sent, each with its own outcome.
//!
//! `queue` writes rows; what senders do with them is in `sending`.

use super::Ledger;
use super::error::Result;
use super::holds::NOT_HELD;
use super::rows::{json, ms, or_empty, parsed, small, states, text, time, to_json};
use crate::schedule::{Edition, Occurrence};
use chenbao_model::{Digest, Id, Period};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Transaction};

/// The channel whose attempts may be repeated: writing the same file again changes nothing.
pub const FOLDER: &str = "folder";
/// The channel of mail servers.
pub const MAIL: &str = "mail";
/// The channel of files in a folder that people share. Its attempts may be repeated too.
pub const FILES: &str = "files";

/// What one recipient got of one period, the latest first.
pub(super) const EARLIER: &str = "SELECT message_id FROM deliveries
     WHERE report = $1 AND subject = $2 AND period = $3 AND audience = $4 AND channel = $5 AND recipient = $6 AND message_id <> $7
     AND edition NOT LIKE 'test/%' AND state NOT IN ('bounced', 'suppressed') ORDER BY created_ms DESC, revision DESC LIMIT $8";

states! {
    /// Where a delivery stands.
    DeliveryState, "a delivery" {
        /// Waits for its time.
        Queued = "queued",
        /// A sender has it.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// It is in the recipient's mailbox: the other side reported so.
        Delivered = "delivered",
        /// Refused for now; tried again later.
        Deferred = "deferred",
        /// Refused for good, or given up.
        Bounced = "bounced",
        /// The connection was lost after the message was handed over: it may have arrived. Resent only by hand.
        Unknown = "unknown",
        /// Not sent on purpose: the address is not allowed, in quarantine or unsubscribed, or somebody withdrew it.
        Suppressed = "suppressed",
    }
}

impl DeliveryState {
    /// Whether the message left us for good, as far as we know.
    #[must_use]
    pub fn may_have_arrived(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Unknown)
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

    /// The words by which people tell its files from others'.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let subject = self.subject.as_ref().map(Id::to_string);
        let revision = (self.revision > 0).then(|| format!("r{}", self.revision));
        let edition = (self.edition != Edition::Regular).then(|| self.edition.to_string());
        vec![
            self.report.to_string(),
            subject.unwrap_or_default(),
            self.period.to_string(),
            edition.unwrap_or_default(),
            revision.unwrap_or_default(),
        ]
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
    /// Digest of the whole message as it first left; none before.
    pub digest: Option<Digest>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was queued.
    pub created: Timestamp,
    /// When it was to leave.
    pub due: Timestamp,
    /// When it is tried next, while queued or deferred.
    pub next: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
    /// What the server or we said last.
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

    /// Message-IDs of the latest messages by which a recipient got earlier editions and revisions of the same period, oldest first: what
    /// the new one belongs under. Tests, and what bounced or was withheld, begin and join nothing.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn earlier(&self, new: &NewDelivery, most: u32) -> Result<Vec<String>> {
        // The first revision of a day's, week's or month's only edition has nothing before it, and most messages are that: nobody asks.
        let first = new.issue.edition == Edition::Regular && new.issue.revision == 0;
        if first || matches!(new.issue.edition, Edition::Test(_)) {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(EARLIER)
            .bind(new.issue.report.as_str())
            .bind(or_empty(new.issue.subject.as_ref()))
            .bind(new.issue.period.to_string())
            .bind(new.audience.as_str())
            .bind(new.channel.as_str())
            .bind(new.recipient.as_str())
            .bind(new.message_id.as_str())
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await?;
        let latest_first: Result<Vec<String>> =
            rows.iter().map(|row| text(row, "message_id")).collect();
        Ok(latest_first?.into_iter().rev().collect())
    }

    /// When the next delivery is due, be it long ago; none if none waits. Those of a held report do not count.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn next_delivery(&self) -> Result<Option<Timestamp>> {
        let sql = format!(
            "SELECT next_ms FROM deliveries WHERE state IN ('queued', 'deferred') AND {NOT_HELD} ORDER BY next_ms LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| time(&row, "next_ms")).transpose()
    }

    /// When the first delivery after a moment is due; none if none waits for its time.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn next_delivery_after(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let row = sqlx::query(
            "SELECT next_ms FROM deliveries WHERE state IN ('queued', 'deferred') AND next_ms > $1 ORDER BY next_ms LIMIT 1",
        )
        .bind(ms(now))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| time(&row, "next_ms")).transpose()
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
    pub async fn deliveries_in(&self, state: DeliveryState) -> Result<Vec<Delivery>> {
        let rows = sqlx::query("SELECT * FROM deliveries WHERE state = $1 ORDER BY created_ms, id")
            .bind(state.word())
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
         sender, pieces, file_name, next_ms, due_ms, created_ms, state, attempts, holder, lease_ms, changed_ms, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, 'queued', 0, '', 0, $16, '')
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
        digest: Digest::parse(&text(row, "digest")?),
        state: parsed(row, "state", "the state")?,
        attempts: small(row, "attempts")?,
        created: time(row, "created_ms")?,
        due: time(row, "due_ms")?,
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
