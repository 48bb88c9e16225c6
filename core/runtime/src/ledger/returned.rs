//! What came back: each message of the bounce mailbox is taken once, and moves the delivery that it is about, if it may.

use super::Ledger;
use super::deliveries::{Delivery, DeliveryState, delivery};
use super::error::Result;
use super::rows::{ms, states};
use chenbao_model::Digest;
use jiff::Timestamp;

states! {
    /// What a returned message turned out to be.
    Meaning, "a returned message" {
        /// The recipient's server took it.
        Delivered = "delivered",
        /// It was handed on to a server that reports nothing more, or to a list.
        Relayed = "relayed",
        /// It is on its way, and late.
        Delayed = "delayed",
        /// It will not arrive.
        Failed = "failed",
        /// The recipient does not want the report any more.
        Unsubscribe = "unsubscribe",
        /// It is about none of our deliveries.
        Foreign = "foreign",
        /// It cannot be read.
        Broken = "broken",
        /// No message: a mailbox of one file, as it was when it was last read to its end.
        Mailbox = "mailbox",
    }
}

/// A message that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Digest of its bytes: it is taken once.
    pub digest: Digest,
    /// What it means.
    pub meaning: Meaning,
    /// The delivery that it is about.
    pub delivery: Option<String>,
    /// What it says, in one sentence.
    pub note: String,
}

impl Meaning {
    /// The state of a delivery that hears this, if it changes: a report never moves what is still to be sent, and what failed or
    /// was delivered does not become merely sent again.
    fn moves(self, from: DeliveryState) -> Option<DeliveryState> {
        use DeliveryState::{Bounced, Delivered, Sent, Unknown};
        match (self, from) {
            (Self::Delivered, Sent | Unknown) => Some(Delivered),
            (Self::Relayed | Self::Delayed, Unknown) => Some(Sent),
            (Self::Failed, Sent | Unknown | Delivered) => Some(Bounced),
            _ => None,
        }
    }
}

impl Ledger {
    /// Whether a message was taken before.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn was_taken(&self, digest: &Digest) -> Result<bool> {
        let row = sqlx::query("SELECT meaning FROM returned_mails WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Takes a message: once, and with what it does to its delivery in one transaction. Returns the delivery as it stands
    /// afterwards and whether its state changed; none if another process was first, or if it is about no delivery.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn take(
        &self,
        returned: &Returned,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>> {
        let mut tx = self.begin().await?;
        let about = returned.delivery.as_deref().unwrap_or_default();
        let fresh = sqlx::query(
            "INSERT INTO returned_mails (digest, taken_ms, meaning, delivery, note) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(returned.digest.as_str())
        .bind(ms(now))
        .bind(returned.meaning.word())
        .bind(about)
        .bind(returned.note.as_str())
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query("SELECT * FROM deliveries WHERE id = $1")
            .bind(about)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(mut delivery) = row.as_ref().map(delivery).transpose()? else {
            tx.commit().await?;
            return Ok(None);
        };
        if fresh.rows_affected() == 0 {
            return Ok(None);
        }
        let state = returned.meaning.moves(delivery.state);
        let told = state.is_some()
            || (delivery.state == DeliveryState::Sent && returned.meaning == Meaning::Delayed);
        if told {
            delivery.state = state.unwrap_or(delivery.state);
            delivery.note.clone_from(&returned.note);
            sqlx::query(
                "UPDATE deliveries SET state = $2, note = $3, changed_ms = $4 WHERE id = $1",
            )
            .bind(about)
            .bind(delivery.state.word())
            .bind(delivery.note.as_str())
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(Some((delivery, state.is_some())))
    }

    /// Remembers the state in which a mailbox of one file was read to its end, in place of an earlier one.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn mark_read(&self, state: &Digest, name: &str, now: Timestamp) -> Result<()> {
        let word = Meaning::Mailbox.word();
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM returned_mails WHERE meaning = $1 AND note = $2")
            .bind(word)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO returned_mails (digest, taken_ms, meaning, delivery, note) VALUES ($1, $2, $3, '', $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(state.as_str())
        .bind(ms(now))
        .bind(word)
        .bind(name)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The delivery with this Message-ID.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn delivery_of_message(&self, message_id: &str) -> Result<Option<Delivery>> {
        let row = sqlx::query("SELECT * FROM deliveries WHERE message_id = $1")
            .bind(message_id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(delivery).transpose()
    }
}
