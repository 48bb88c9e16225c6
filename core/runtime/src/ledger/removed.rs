//! What policy has removed: written down before it goes, so that whoever looks for it later is told why it is not there.

use super::Ledger;
use super::error::Result;
use super::rows::{count, ms, parsed, signed, states, text, time};
use chenbao_model::catalogue::Revision;
use chenbao_model::{Digest, Id};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};
use std::collections::BTreeMap;

states! {
    /// What kind of thing was removed.
    RemovedKind, "a removed thing" {
        /// A lake file, by its path.
        Revision = "revision",
        /// A raw table, by its digest.
        Raw = "raw",
        /// An archived file, by its digest.
        Archived = "archived",
        /// Rows of the ledger, by their table.
        Rows = "rows",
    }
}

/// Something that policy has removed, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What kind of thing.
    pub kind: RemovedKind,
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The rule as it is written: `lake_revisions = "400d"`.
    pub rule: String,
    /// Bytes of a file, number of rows.
    pub amount: u64,
}

/// Whether rows are really removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Remove,
    /// They are only counted.
    Look,
}

/// Runs that began before `$1` and have nothing left to be sent or found out.
const OLD_RUNS: &str =
    "SELECT u.id FROM runs u WHERE u.started_ms < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d
    WHERE d.run = u.id AND d.state IN ('queued', 'sending', 'deferred', 'unknown'))";

/// Rows that go, in an order in which nothing points at what is gone already. `RUNS` stands for [`OLD_RUNS`].
const OLD_ROWS: [(&str, &str); 9] = [
    (
        "notices",
        "DELETE FROM notices WHERE last_ms < $1 AND told_ms >= first_ms",
    ),
    (
        "returned_mails",
        "DELETE FROM returned_mails WHERE taken_ms < $1",
    ),
    (
        "address_faults",
        "DELETE FROM address_faults WHERE at_ms < $1",
    ),
    (
        "attempts",
        "DELETE FROM attempts WHERE delivery IN (SELECT id FROM deliveries WHERE run IN (RUNS)
         OR (run = '' AND created_ms < $1 AND state IN ('sent', 'delivered', 'bounced', 'suppressed')))",
    ),
    (
        "deliveries",
        "DELETE FROM deliveries WHERE run IN (RUNS)
         OR (run = '' AND created_ms < $1 AND state IN ('sent', 'delivered', 'bounced', 'suppressed'))",
    ),
    ("results", "DELETE FROM results WHERE run IN (RUNS)"),
    ("runs", "DELETE FROM runs WHERE id IN (RUNS)"),
    (
        // The newest due time of each report says how far its schedule was served.
        "occurrences",
        "DELETE FROM occurrences WHERE due_ms < $1 AND state <> 'claimed' AND due_ms <
         (SELECT MAX(o.due_ms) FROM occurrences o WHERE o.report = occurrences.report)",
    ),
    (
        // The newest collections of a source say when it was asked; one with a raw table belongs to the lake's own rule.
        "collections",
        "DELETE FROM collections WHERE collected_ms < $1 AND raw = '' AND number <
         (SELECT MAX(c.number) FROM collections c WHERE c.source = collections.source) AND number <
         (SELECT COALESCE(MAX(c.number), 0) FROM collections c WHERE c.source = collections.source AND c.state = 'done')",
    ),
];

impl Ledger {
    /// Writes down what is about to be removed.
    ///
    /// # Errors
    /// The ledger does not answer; then nothing may be removed.
    pub async fn note_removed(&self, all: &[Removed]) -> Result<()> {
        let mut tx = self.begin().await?;
        for removed in all {
            note(&mut tx, removed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// When and by which rule something was removed; the newest where it came back meanwhile.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn removed(&self, kind: RemovedKind, name: &str) -> Result<Option<Removed>> {
        let row = sqlx::query(
            "SELECT * FROM removed WHERE kind = $1 AND name = $2 ORDER BY removed_ms DESC LIMIT 1",
        )
        .bind(kind.word())
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Everything of a kind that was removed, with the newest moment.
    pub(super) async fn all_removed(
        &self,
        kind: RemovedKind,
    ) -> Result<BTreeMap<String, Timestamp>> {
        let rows = sqlx::query(
            "SELECT name, MAX(removed_ms) AS removed_ms FROM removed WHERE kind = $1 GROUP BY name",
        )
        .bind(kind.word())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((text(row, "name")?, time(row, "removed_ms")?)))
            .collect()
    }

    /// Takes revisions out of the catalogue: their files are gone.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn forget_revisions(&self, revisions: &[Revision]) -> Result<()> {
        let mut tx = self.begin().await?;
        for revision in revisions {
            sqlx::query("DELETE FROM revisions WHERE table_name = $1 AND shop = $2 AND feed = $3 AND path = $4")
                .bind(revision.table.as_str())
                .bind(revision.shop.as_str())
                .bind(revision.feed.as_str())
                .bind(revision.path.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Lets collections forget raw tables: their files are gone.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn forget_raw(&self, raw: &[(Id, Digest)]) -> Result<()> {
        let mut tx = self.begin().await?;
        for (source, digest) in raw {
            sqlx::query("UPDATE collections SET raw = '' WHERE source = $1 AND raw = $2")
                .bind(source.as_str())
                .bind(digest.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes the rows of runs, messages, due times and collections from before `cutoff`, but for what is still waited for;
    /// says how many of which table.
    ///
    /// # Errors
    /// The ledger does not answer; then nothing was removed.
    pub async fn forget_rows(
        &self,
        cutoff: Timestamp,
        rule: &str,
        now: Timestamp,
        mode: Mode,
    ) -> Result<Vec<Removed>> {
        let mut tx = self.begin().await?;
        let mut all = Vec::new();
        for (table, delete) in OLD_ROWS {
            let delete = delete.replace("RUNS", OLD_RUNS);
            let done = sqlx::query(AssertSqlSafe(delete))
                .bind(ms(cutoff))
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() > 0 {
                all.push(Removed {
                    kind: RemovedKind::Rows,
                    name: table.to_owned(),
                    at: now,
                    rule: rule.to_owned(),
                    amount: done.rows_affected(),
                });
            }
        }
        if mode == Mode::Look {
            tx.rollback().await?;
            return Ok(all);
        }
        for removed in &all {
            note(&mut tx, removed).await?;
        }
        tx.commit().await?;
        Ok(all)
    }
}

async fn note(tx: &mut Transaction<'static, Any>, removed: &Removed) -> Result<()> {
    sqlx::query(
        "INSERT INTO removed (kind, name, removed_ms, rule, amount) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(removed.kind.word())
    .bind(removed.name.as_str())
    .bind(ms(removed.at))
    .bind(removed.rule.as_str())
    .bind(signed(removed.amount))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Removed> {
    Ok(Removed {
        kind: parsed(row, "kind", "the kind")?,
        name: text(row, "name")?,
        at: time(row, "removed_ms")?,
        rule: text(row, "rule")?,
        amount: count(row, "amount")?,
    })
}
