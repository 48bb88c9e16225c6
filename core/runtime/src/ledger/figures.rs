//! Figures about the ledger as a whole, for the page that machines read: counts from indexes, never a recipient.

use super::error::Result;
use super::rows::{count, maybe_time, ms, parsed, text};
use super::{BlockReason, DeliveryState, Ledger, OccurrenceState};
use jiff::Timestamp;

/// How the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Issues by how they stand.
    pub occurrences: Vec<(OccurrenceState, u64)>,
    /// Deliveries by how they stand and by channel.
    pub deliveries: Vec<(DeliveryState, String, u64)>,
    /// When the delivery was queued that has waited longest of those whose time has come; none if none waits.
    pub oldest_waiting: Option<Timestamp>,
    /// Reports on hold.
    pub held: u64,
    /// Addresses that are left alone, by why.
    pub blocked: Vec<(BlockReason, u64)>,
}

impl Ledger {
    /// Counts everything.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn figures(&self, now: Timestamp) -> Result<Figures> {
        let occurrences = sqlx::query(
            "SELECT state, COUNT(*) AS number FROM occurrences GROUP BY state ORDER BY state",
        )
        .fetch_all(&self.pool)
        .await?;
        let deliveries = sqlx::query(
            "SELECT state, channel, COUNT(*) AS number FROM deliveries GROUP BY state, channel ORDER BY state, channel",
        )
        .fetch_all(&self.pool)
        .await?;
        let oldest = sqlx::query(
            "SELECT COALESCE(MIN(created_ms), $2) AS created_ms FROM deliveries
             WHERE state IN ('queued', 'deferred', 'sending') AND next_ms <= $1",
        )
        .bind(ms(now))
        .bind(super::rows::NEVER)
        .fetch_one(&self.pool)
        .await?;
        let held = sqlx::query("SELECT COUNT(*) AS number FROM holds")
            .fetch_one(&self.pool)
            .await?;
        let blocked = sqlx::query(
            "SELECT reason, COUNT(DISTINCT recipient) AS number FROM address_blocks GROUP BY reason ORDER BY reason",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Figures {
            occurrences: occurrences
                .iter()
                .map(|row| Ok((parsed(row, "state", "the state")?, count(row, "number")?)))
                .collect::<Result<_>>()?,
            deliveries: deliveries
                .iter()
                .map(|row| {
                    let state = parsed(row, "state", "the state")?;
                    Ok((state, text(row, "channel")?, count(row, "number")?))
                })
                .collect::<Result<_>>()?,
            oldest_waiting: maybe_time(&oldest, "created_ms")?,
            held: count(&held, "number")?,
            blocked: blocked
                .iter()
                .map(|row| Ok((parsed(row, "reason", "the reason")?, count(row, "number")?)))
                .collect::<Result<_>>()?,
        })
    }

    /// Gives up everything that a process holds, because it ends: another goes on at once instead of after the leases. What had
    /// begun to leave becomes unknown then, what had not is queued again.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn release(&self, holder: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE occurrences SET lease_ms = 0 WHERE state = 'claimed' AND holder = $1")
            .bind(holder)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE deliveries SET lease_ms = 0 WHERE state = 'sending' AND holder = $1")
            .bind(holder)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
