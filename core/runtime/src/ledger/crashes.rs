//! Crashes of plugins: how many in a row on one library, and which library is left alone because of that; seen by every node.

use super::Ledger;
use super::error::Result;
use super::rows::{NEVER, digest, maybe_time, ms, small, text, time};
use chenbao_model::Digest;
use jiff::Timestamp;
use sqlx::any::AnyRow;

/// A library that crashed and has not answered since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashes {
    /// Digest of the library.
    pub digest: Digest,
    /// Component id.
    pub plugin: String,
    /// How often in a row.
    pub crashes: u32,
    /// How the last went, in one sentence.
    pub last: String,
    /// When that was.
    pub at: Timestamp,
    /// Since when it is left alone; none: it is not.
    pub since: Option<Timestamp>,
}

impl Ledger {
    /// Counts a crash; whether the library is left alone from now on. With a limit of 0 that never happens.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn plugin_crashed(
        &self,
        (library, plugin): (&Digest, &str),
        last: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO plugin_crashes (digest, plugin, crashes, last, at_ms, since_ms) VALUES ($1, $2, 1, $3, $4, $5)
             ON CONFLICT (digest) DO UPDATE SET crashes = plugin_crashes.crashes + 1, last = excluded.last, at_ms = excluded.at_ms",
        )
        .bind(library.as_str())
        .bind(plugin)
        .bind(last)
        .bind(ms(now))
        .bind(NEVER)
        .execute(&mut *tx)
        .await?;
        let begun = sqlx::query(
            "UPDATE plugin_crashes SET since_ms = $2 WHERE digest = $1 AND since_ms = $4 AND crashes >= $3 AND $3 > 0",
        )
        .bind(library.as_str())
        .bind(ms(now))
        .bind(i64::from(limit))
        .bind(NEVER)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(begun.rows_affected() == 1)
    }

    /// A library answered: what it did before counts no more. One that is left alone stays so.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn plugin_answered(&self, library: &Digest) -> Result<()> {
        sqlx::query("DELETE FROM plugin_crashes WHERE digest = $1 AND since_ms = $2")
            .bind(library.as_str())
            .bind(NEVER)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What is known of a library's crashes.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn crashes_of(&self, library: &Digest) -> Result<Option<Crashes>> {
        let row = sqlx::query("SELECT * FROM plugin_crashes WHERE digest = $1")
            .bind(library.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(crashes).transpose()
    }

    /// Every library that crashed and has not answered since.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn plugin_crashes(&self) -> Result<Vec<Crashes>> {
        let rows = sqlx::query("SELECT * FROM plugin_crashes ORDER BY plugin, digest")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(crashes).collect()
    }

    /// Forgets the crashes of a plugin, whichever library; whether one of them was left alone.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn release_plugin(&self, plugin: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        let held = sqlx::query("DELETE FROM plugin_crashes WHERE plugin = $1 AND since_ms <> $2")
            .bind(plugin)
            .bind(NEVER)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM plugin_crashes WHERE plugin = $1")
            .bind(plugin)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(held.rows_affected() > 0)
    }
}

fn crashes(row: &AnyRow) -> Result<Crashes> {
    Ok(Crashes {
        digest: digest(row, "digest")?,
        plugin: text(row, "plugin")?,
        crashes: small(row, "crashes")?,
        last: text(row, "last")?,
        at: time(row, "at_ms")?,
        since: maybe_time(row, "since_ms")?,
    })
}
