//! Nodes: which `serve` processes are alive, by the time when each was last seen.

use super::Ledger;
use super::error::Result;
use super::rows::{ms, text, time};
use jiff::{SignedDuration, Timestamp};

/// A node that was not seen for so long is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// A `serve` process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Machine and process.
    pub node: String,
    /// When it started.
    pub started: Timestamp,
    /// When it was last seen.
    pub seen: Timestamp,
    /// Version of chenbao.
    pub version: String,
}

impl Ledger {
    /// Says that a node is alive. Nodes that were not seen for a day are forgotten.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn seen(&self, node: &str, version: &str, now: Timestamp) -> Result<()> {
        let long_ago = now.checked_sub(FORGOTTEN).unwrap_or(Timestamp::MIN);
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO nodes (node, started_ms, seen_ms, version) VALUES ($1, $2, $2, $3)
             ON CONFLICT (node) DO UPDATE SET seen_ms = excluded.seen_ms, version = excluded.version",
        )
        .bind(node)
        .bind(ms(now))
        .bind(version)
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM nodes WHERE seen_ms < $1")
            .bind(ms(long_ago))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// All nodes, the one seen last first.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        let rows = sqlx::query("SELECT * FROM nodes ORDER BY seen_ms DESC, node")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Node {
                    node: text(row, "node")?,
                    started: time(row, "started_ms")?,
                    seen: time(row, "seen_ms")?,
                    version: text(row, "version")?,
                })
            })
            .collect()
    }
}
