//! The schema: ordered SQL files that run on both databases, each once; a newer schema is refused.

use super::error::{LedgerError, Result};
use super::{Engine, Ledger};
use sqlx::{Any, Transaction};

/// In order, from version one on; a file that was released never changes.
pub(super) const MIGRATIONS: [&str; 14] = [
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_raw.sql"),
    include_str!("migrations/0003_notices.sql"),
    include_str!("migrations/0004_figures.sql"),
    include_str!("migrations/0005_mail.sql"),
    include_str!("migrations/0006_withdrawn.sql"),
    include_str!("migrations/0007_holds.sql"),
    include_str!("migrations/0008_nodes.sql"),
    include_str!("migrations/0009_facts.sql"),
    include_str!("migrations/0010_removed.sql"),
    include_str!("migrations/0011_erased.sql"),
    include_str!("migrations/0012_digest.sql"),
    include_str!("migrations/0013_threads.sql"),
    include_str!("migrations/0014_crashes.sql"),
];

/// Brings the schema up to date.
pub(super) async fn run(ledger: &Ledger) -> Result<()> {
    run_to(ledger, newest()).await
}

/// The newest version that this program knows.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the schema up to a version, which an old backup was made with.
pub(super) async fn run_to(ledger: &Ledger, known: i64) -> Result<()> {
    let mut tx = ledger.begin().await?;
    if ledger.engine == Engine::Postgres {
        // Two nodes that start at once would both make the first table.
        sqlx::query("SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(20261122)) AS locked")
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY)")
        .execute(&mut *tx)
        .await?;
    let found = version(&mut tx).await?;
    if found > known {
        return Err(LedgerError::Newer { found, known });
    }
    for (version, sql) in (1_i64..)
        .zip(MIGRATIONS)
        .filter(|(version, _)| *version > found && *version <= known)
    {
        sqlx::raw_sql(sql).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO schema_versions (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Refuses a schema that is not the one of this chenbao, without changing it.
pub(super) async fn check(ledger: &Ledger) -> Result<()> {
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM schema_versions")
        .fetch_one(&ledger.pool)
        .await?;
    let found = super::rows::number(&row, "version")?;
    let known = newest();
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(LedgerError::Newer { found, known }),
        std::cmp::Ordering::Less => Err(LedgerError::Older { found, known }),
    }
}

/// The version that stands in the database.
pub(super) async fn version(tx: &mut Transaction<'static, Any>) -> Result<i64> {
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM schema_versions")
        .fetch_one(&mut **tx)
        .await?;
    super::rows::number(&row, "version")
}
