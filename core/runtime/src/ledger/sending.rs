//! Sending: who holds a delivery, what an attempt came to, and what has to wait for its domain or its server.
//!
//! `claim_due` takes some, `start_attempt` says that bytes are about to leave, `finish_attempt` says what became of them. A sender
//! that dies before `start_attempt` loses nothing; one that dies after it leaves an *unknown*.

use super::deliveries::{Delivery, DeliveryState, FOLDER, delivery};
use super::error::{LedgerError, Result};
use super::holds::NOT_HELD;
use super::rows::{json, later, ms, parsed, text, to_json};
use super::{Engine, Ledger};
use crate::config::NOTICES;
use crate::policy::{Rate, Spent};
use chenbao_model::Digest;
use jiff::Timestamp;
use sqlx::{Any, Transaction};
use std::time::Duration;

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

/// What a sender writes down of an attempt.
#[derive(Debug, Clone)]
pub struct Entry {
    delivery: String,
    holder: String,
    attempt: u32,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Bytes of a message with this digest are about to leave; held for so long.
    Starts(Digest, Duration),
    /// This became of it.
    Finishes(Verdict),
}

impl Claimed {
    /// Its attempt begins: bytes of a message with this digest are about to leave, and it is held for `lease` from then on.
    #[must_use]
    pub fn starts(&self, message: &Digest, lease: Duration) -> Entry {
        self.entry(What::Starts(message.clone(), lease))
    }

    /// Its attempt has ended so.
    #[must_use]
    pub fn finishes(&self, verdict: Verdict) -> Entry {
        self.entry(What::Finishes(verdict))
    }

    fn entry(&self, what: What) -> Entry {
        Entry {
            delivery: self.delivery.id.clone(),
            holder: self.holder.clone(),
            attempt: self.attempt,
            what,
        }
    }
}

/// What a sender asks of the rate of a domain.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Recipient domain, lower-case; or any other name under which a rate is kept.
    pub domain: &'a str,
    /// The rate.
    pub rate: Rate,
    /// So many messages.
    pub wanted: u32,
}

/// What is said of a delivery whose sender died after it began.
pub const SENDER_STOPPED: &str = "the sender stopped while the message was leaving";

/// A message of which bytes may have left when its sender died: `$1` is now. Writing the same file again does no harm.
const ORPHANED: &str = "state = 'sending' AND lease_ms <= $1 AND channel NOT IN ('folder', 'files')
     AND EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = deliveries.id AND a.number = deliveries.attempts)";

/// Patience counts from the first try, not from a time that was slept through or held: `$4` is now.
const PATIENCE: &str =
    "due_ms = CASE WHEN state = 'queued' AND due_ms < $4 THEN $4 ELSE due_ms END";

/// What the owner hears goes first, then the earliest due; deliveries of one moment in the order of their ids. Of a held report, tests by hand only. Mail
/// does not wait for robots and folders, nor they for it: `channels` is `IN` for mail, `NOT IN` for them.
fn claim_sql(engine: Engine, channels: &str) -> String {
    let (open, lock, close) = match engine {
        Engine::Sqlite => ("IN (", "", ")"),
        Engine::Postgres => ("= ANY(ARRAY(", " FOR UPDATE SKIP LOCKED", "))"),
    };
    format!(
        "UPDATE deliveries SET state = 'sending', holder = $1, lease_ms = $2, attempts = attempts + 1, changed_ms = $3
         WHERE id {open}SELECT id FROM deliveries WHERE state IN ('queued', 'deferred') AND next_ms <= $3 AND {NOT_HELD}
         AND channel {channels} ('mail', 'folder')
         ORDER BY CASE WHEN report = '{NOTICES}' THEN 0 ELSE 1 END, due_ms, id LIMIT $4{lock}{close} RETURNING *"
    )
}

impl Ledger {
    /// Takes up to `many` of the mails whose time has come, the earliest due first, for `lease`; exactly one holder gets each.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn claim_due(
        &self,
        holder: &str,
        now: Timestamp,
        lease: Duration,
        many: u32,
    ) -> Result<Vec<Claimed>> {
        let sql = claim_sql(self.engine, "IN");
        self.claim_by(sql, (holder, many), now, lease).await
    }

    /// The same for messages of robots and files in folders.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn claim_spoken(
        &self,
        holder: &str,
        now: Timestamp,
        lease: Duration,
        many: u32,
    ) -> Result<Vec<Claimed>> {
        let sql = claim_sql(self.engine, "NOT IN");
        self.claim_by(sql, (holder, many), now, lease).await
    }

    async fn claim_by(
        &self,
        sql: String,
        (holder, many): (&str, u32),
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<Claimed>> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(holder)
            .bind(later(now, lease))
            .bind(ms(now))
            .bind(i64::from(many))
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        let mut claims = Vec::with_capacity(rows.len());
        for row in &rows {
            let delivery = delivery(row)?;
            claims.push(Claimed {
                attempt: delivery.attempts,
                holder: holder.to_owned(),
                delivery,
            });
        }
        claims.sort_by(|a, b| {
            let key = |claimed: &Claimed| (claimed.delivery.due, claimed.delivery.id.clone());
            key(a).cmp(&key(b))
        });
        Ok(claims)
    }

    /// Gives claims back that were not begun: nothing was tried, and they are due again at `next`.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn hand_back(&self, claims: &[Claimed], next: Timestamp) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for claimed in claims {
            sqlx::query(
                "UPDATE deliveries SET state = 'queued', attempts = attempts - 1, holder = '', next_ms = $4
                 WHERE id = $1 AND state = 'sending' AND holder = $2 AND attempts = $3",
            )
            .bind(claimed.delivery.id.as_str())
            .bind(claimed.holder.as_str())
            .bind(i64::from(claimed.attempt))
            .bind(ms(next))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Asks for messages of domains' rates, in the order of the wishes: how many each is granted, and until when its others wait.
    /// Where not all are granted, everything else of that domain that is due waits too. Nodes share the rates.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn grant(
        &self,
        wishes: &[Wish<'_>],
        now: Timestamp,
    ) -> Result<Vec<(u32, Timestamp)>> {
        if wishes.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self
            .begin_alone("LOCK TABLE rates IN EXCLUSIVE MODE")
            .await?;
        let mut granted = Vec::with_capacity(wishes.len());
        for wish in wishes {
            granted.push(grant(&mut tx, wish, now).await?);
        }
        tx.commit().await?;
        Ok(granted)
    }

    /// Gives up what a channel has tried in vain since that moment or longer: it counts as bounced. What is held has not been tried.
    /// Returns those deliveries.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn give_up(
        &self,
        channel: &str,
        due_before: Timestamp,
        note: &str,
        now: Timestamp,
    ) -> Result<Vec<Delivery>> {
        let mut tx = self.begin().await?;
        let sql = format!(
            "UPDATE deliveries SET state = 'bounced', note = $3, changed_ms = $4
             WHERE channel = $1 AND state = 'deferred' AND due_ms <= $2 AND {NOT_HELD} RETURNING *"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(channel)
            .bind(ms(due_before))
            .bind(format!("given up: {note}"))
            .bind(ms(now))
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        rows.iter().map(delivery).collect()
    }

    /// Defers everything of a channel that is due, because its server takes nothing now. Returns how many deliveries that were.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn defer_all(
        &self,
        channel: &str,
        next: Timestamp,
        note: &str,
        now: Timestamp,
    ) -> Result<u64> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            sqlx::AssertSqlSafe(format!(
                "UPDATE deliveries SET state = 'deferred', next_ms = $2, note = $3, changed_ms = $4, {PATIENCE}
                 WHERE channel = $1 AND state IN ('queued', 'deferred') AND next_ms <= $4 AND {NOT_HELD}"
            )),
        )
        .bind(channel)
        .bind(ms(next))
        .bind(note)
        .bind(ms(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Records, before the first byte leaves, that it is about to, and the digest of the whole message if it is the first time:
    /// false if the claim was lost, or if another message left under this name before, and then nothing may be sent.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn start_attempt(
        &self,
        claimed: &Claimed,
        message: &Digest,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool> {
        let written = self
            .write_down(&[claimed.starts(message, lease)], now)
            .await?;
        Ok(written == [true])
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
        let entry = claimed.finishes(verdict.clone());
        self.write_down(&[entry], now).await.map(|_| ())
    }

    /// Writes entries of several attempts down in one transaction; each is answered as `start_attempt` and `finish_attempt` do.
    ///
    /// # Errors
    /// The ledger does not answer; then none of them is written.
    pub async fn write_down(&self, entries: &[Entry], now: Timestamp) -> Result<Vec<bool>> {
        let mut tx = self.begin().await?;
        let mut written = Vec::with_capacity(entries.len());
        for entry in entries {
            written.push(match &entry.what {
                What::Starts(message, lease) => {
                    start(&mut tx, entry, (message, *lease), now).await?
                }
                What::Finishes(verdict) => finish(&mut tx, entry, verdict, now).await?,
            });
        }
        tx.commit().await?;
        Ok(written)
    }

    /// Deliveries that [`Ledger::reclaim`] is about to call unknown: the owner hears of them first, so that nobody who dies
    /// between the two keeps it to himself.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn orphaned(&self, now: Timestamp) -> Result<Vec<Delivery>> {
        let sql = format!("SELECT * FROM deliveries WHERE {ORPHANED} ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(ms(now))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(delivery).collect()
    }

    /// Frees deliveries whose sender died: queued again if nothing had left, unknown if bytes may have. Returns the ids that
    /// became unknown.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn reclaim(&self, now: Timestamp) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        let sql = format!(
            "UPDATE deliveries SET state = 'unknown', holder = '', changed_ms = $1, note = $2 WHERE {ORPHANED} RETURNING id"
        );
        let unknown = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(ms(now))
            .bind(SENDER_STOPPED)
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
        sqlx::query("UPDATE deliveries SET state = 'queued', next_ms = $2, due_ms = $2, changed_ms = $2, holder = '' WHERE id = $1")
            .bind(id)
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn grant(
    tx: &mut Transaction<'static, Any>,
    wish: &Wish<'_>,
    now: Timestamp,
) -> Result<(u32, Timestamp)> {
    let row = sqlx::query("SELECT spent FROM rates WHERE domain = $1")
        .bind(wish.domain)
        .fetch_optional(&mut **tx)
        .await?;
    let spent = row.as_ref().map(|row| json(row, "spent")).transpose()?;
    let mut spent: Spent = spent.unwrap_or_default();
    let (granted, free) = spent.grant(wish.rate, now, wish.wanted);
    sqlx::query(
        "INSERT INTO rates (domain, spent) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET spent = excluded.spent",
    )
    .bind(wish.domain)
    .bind(to_json(&spent)?)
    .execute(&mut **tx)
    .await?;
    if granted < wish.wanted {
        sqlx::query(
            "UPDATE deliveries SET next_ms = $3 WHERE state IN ('queued', 'deferred') AND next_ms <= $2 AND channel <> $4
             AND lower(recipient) LIKE '%@' || $1",
        )
        .bind(wish.domain)
        .bind(ms(now))
        .bind(ms(free))
        .bind(FOLDER)
        .execute(&mut **tx)
        .await?;
    }
    Ok((granted, free))
}

async fn start(
    tx: &mut Transaction<'static, Any>,
    entry: &Entry,
    (message, lease): (&Digest, Duration),
    now: Timestamp,
) -> Result<bool> {
    let held = sqlx::query(
        "UPDATE deliveries SET lease_ms = $4, digest = $5,
         due_ms = CASE WHEN attempts = 1 AND due_ms < $6 THEN $6 ELSE due_ms END
         WHERE id = $1 AND state = 'sending' AND holder = $2 AND attempts = $3 AND digest IN ('', $5)",
    )
    .bind(entry.delivery.as_str())
    .bind(entry.holder.as_str())
    .bind(i64::from(entry.attempt))
    .bind(later(now, lease))
    .bind(message.as_str())
    .bind(ms(now))
    .execute(&mut **tx)
    .await?;
    if held.rows_affected() == 0 {
        return Ok(false);
    }
    // It is there already where a connection was lost between the commit and its answer.
    sqlx::query(
        "INSERT INTO attempts (delivery, number, started_ms, finished_ms, outcome, note)
         VALUES ($1, $2, $3, $4, 'sending', '') ON CONFLICT DO NOTHING",
    )
    .bind(entry.delivery.as_str())
    .bind(i64::from(entry.attempt))
    .bind(ms(now))
    .bind(super::rows::NEVER)
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

async fn finish(
    tx: &mut Transaction<'static, Any>,
    entry: &Entry,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<bool> {
    sqlx::query(
        "UPDATE attempts SET finished_ms = $3, outcome = $4, note = $5 WHERE delivery = $1 AND number = $2",
    )
    .bind(entry.delivery.as_str())
    .bind(i64::from(entry.attempt))
    .bind(ms(now))
    .bind(verdict.state.word())
    .bind(verdict.note.as_str())
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE deliveries SET state = $3, next_ms = $4, note = $5, changed_ms = $6, holder = ''
         WHERE id = $1 AND attempts = $2 AND state IN ('sending', 'unknown')",
    )
    .bind(entry.delivery.as_str())
    .bind(i64::from(entry.attempt))
    .bind(verdict.state.word())
    .bind(ms(verdict.retry_at.unwrap_or(now)))
    .bind(verdict.note.as_str())
    .bind(ms(now))
    .execute(&mut **tx)
    .await?;
    Ok(true)
}
