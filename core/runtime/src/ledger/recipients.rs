//! Recipients: what is known of an address beyond single deliveries. Errors of its own, quarantine, and reports that it does not want.

use super::Ledger;
use super::error::Result;
use super::rows::{maybe_id, ms, or_empty, parsed, small, states, text, time};
use chenbao_model::Id;
use jiff::Timestamp;
use sqlx::any::AnyRow;

states! {
    /// Why an address gets nothing.
    BlockReason, "a blocked address" {
        /// It failed for good too often.
        Quarantined = "quarantined",
        /// It asked not to get a report, or somebody asked for it.
        Unsubscribed = "unsubscribed",
    }
}

/// An address that gets nothing, or nothing of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Address, lower-case.
    pub recipient: String,
    /// The report; none: every report.
    pub report: Option<Id>,
    /// Why.
    pub reason: BlockReason,
    /// Since when.
    pub since: Timestamp,
    /// What happened, in one sentence.
    pub note: String,
}

impl Ledger {
    /// Counts a permanent error of an address, once per delivery; returns how many it has had since then.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn count_fault(
        &self,
        (recipient, delivery): (&str, &str),
        note: &str,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<u32> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO address_faults (recipient, delivery, at_ms, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(recipient.to_lowercase())
        .bind(delivery)
        .bind(ms(now))
        .bind(note)
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS many FROM address_faults WHERE recipient = $1 AND at_ms > $2",
        )
        .bind(recipient.to_lowercase())
        .bind(ms(since))
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        small(&row, "many")
    }

    /// Blocks an address; false if it was blocked so already.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn block(&self, block: &Block) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO address_blocks (recipient, report, reason, since_ms, note) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(block.recipient.to_lowercase())
        .bind(or_empty(block.report.as_ref()))
        .bind(block.reason.word())
        .bind(ms(block.since))
        .bind(block.note.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lifts a block, and forgets the errors that led to a quarantine; false if there was none.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn unblock(&self, recipient: &str, report: Option<&Id>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("DELETE FROM address_blocks WHERE recipient = $1 AND report = $2")
            .bind(recipient.to_lowercase())
            .bind(or_empty(report))
            .execute(&mut *tx)
            .await?;
        if report.is_none() {
            sqlx::query("DELETE FROM address_faults WHERE recipient = $1")
                .bind(recipient.to_lowercase())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// All blocks, by address.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn blocks(&self) -> Result<Vec<Block>> {
        let rows = sqlx::query("SELECT * FROM address_blocks ORDER BY recipient, report")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(block).collect()
    }
}

fn block(row: &AnyRow) -> Result<Block> {
    Ok(Block {
        recipient: text(row, "recipient")?,
        report: maybe_id(row, "report")?,
        reason: parsed(row, "reason", "the reason")?,
        since: time(row, "since_ms")?,
        note: text(row, "note")?,
    })
}
