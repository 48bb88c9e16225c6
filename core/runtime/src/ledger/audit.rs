//! What the ledger says of itself and of the files beside it: for checks, backups and pruning.

use super::deliveries::Piece;
use super::error::{LedgerError, Result};
use super::rows::{count, json, ms, text, time};
use super::{Engine, Ledger, RemovedKind, migrate};
use chenbao_model::catalogue::Revision;
use chenbao_model::{Digest, Id};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};

/// An archived file that rows of the ledger name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// One of those rows, for people: `the mail to boss@example.com of run ...`.
    pub by: String,
    /// When the newest of those rows was made.
    pub newest: Timestamp,
    /// Whether a message that is still to be sent, or may have to be sent again, needs it.
    pub waited_for: bool,
}

/// Work that was begun and whose holder no longer renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// What it is, for people.
    pub what: String,
    /// Who held it.
    pub holder: String,
    /// When its lease ran out.
    pub since: Timestamp,
}

/// Rows that point at rows that are not there, by what they are.
const ORPHANS: [(&str, &str); 3] = [
    (
        "attempts without their delivery",
        "SELECT COUNT(*) AS many FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = a.delivery)",
    ),
    (
        "results without their run",
        "SELECT COUNT(*) AS many FROM results r WHERE NOT EXISTS (SELECT 1 FROM runs u WHERE u.id = r.run)",
    ),
    (
        "deliveries without their run",
        "SELECT COUNT(*) AS many FROM deliveries d WHERE d.run <> '' AND NOT EXISTS (SELECT 1 FROM runs u WHERE u.id = d.run)",
    ),
];

impl Ledger {
    /// What the database finds wrong with its own file, a sentence each. PostgreSQL checks itself as it reads.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn damage(&self) -> Result<Vec<String>> {
        if self.engine == Engine::Postgres {
            return Ok(Vec::new());
        }
        let rows = sqlx::query("SELECT integrity_check AS said FROM pragma_integrity_check")
            .fetch_all(&self.pool)
            .await?;
        let said: Vec<String> = rows
            .iter()
            .map(|row| text(row, "said"))
            .collect::<Result<_>>()?;
        Ok(said.into_iter().filter(|line| line != "ok").collect())
    }

    /// The schema's version.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn schema(&self) -> Result<i64> {
        let mut tx = self.pool.begin().await?;
        migrate::version(&mut tx).await
    }

    /// Every revision of the catalogue that was not withdrawn, in the order of a snapshot.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn revisions(&self) -> Result<Vec<Revision>> {
        let rows =
            sqlx::query("SELECT * FROM revisions WHERE withdrawn_ms = 0 ORDER BY table_name, shop, feed, day, number")
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(super::catalogue::revision).collect()
    }

    /// Every raw table that collections landed in, with the moment of the newest of them.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn raw_tables(&self) -> Result<Vec<(Id, Digest, Timestamp)>> {
        let rows = sqlx::query(
            "SELECT source, raw, MAX(collected_ms) AS collected_ms FROM collections WHERE raw <> ''
             GROUP BY source, raw ORDER BY source, raw",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let digest = super::rows::digest(row, "raw")?;
                Ok((
                    super::rows::id(row, "source")?,
                    digest,
                    time(row, "collected_ms")?,
                ))
            })
            .collect()
    }

    /// Every archived file that a delivery, a result or a run names and that policy has not removed since.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn archived(&self) -> Result<BTreeMap<Digest, Named>> {
        let mut all = BTreeMap::new();
        self.archived_parts(&mut all).await?;
        self.archived_results(&mut all).await?;
        self.archived_papers(&mut all).await?;
        let removed = self.all_removed(RemovedKind::Archived).await?;
        all.retain(|digest, named| {
            let at = removed.get(digest.as_str());
            at.is_none_or(|at| named.newest > *at)
        });
        Ok(all)
    }

    async fn archived_parts(&self, all: &mut BTreeMap<Digest, Named>) -> Result<()> {
        let mut rows = sqlx::query(
            "SELECT run, recipient, pieces, created_ms,
             CASE WHEN state IN ('queued', 'sending', 'deferred', 'unknown') THEN 1 ELSE 0 END AS waited_for
             FROM deliveries ORDER BY created_ms, id",
        )
        .fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let waited_for = count(&row, "waited_for")? > 0;
            let newest = time(&row, "created_ms")?;
            let pieces: Vec<Piece> = json(&row, "pieces")?;
            for piece in pieces {
                let Piece::Digest(digest) = piece else {
                    continue;
                };
                if let Some(named) = all.get_mut(&digest) {
                    named.newest = named.newest.max(newest);
                    named.waited_for |= waited_for;
                    continue;
                }
                let by = format!(
                    "the mail of run {} to {}",
                    text(&row, "run")?,
                    text(&row, "recipient")?
                );
                all.insert(
                    digest,
                    Named {
                        by,
                        newest,
                        waited_for,
                    },
                );
            }
        }
        Ok(())
    }

    async fn archived_results(&self, all: &mut BTreeMap<Digest, Named>) -> Result<()> {
        let mut rows = sqlx::query(
            "SELECT run, alias, digest, made_ms FROM results ORDER BY made_ms, run, alias",
        )
        .fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let by = format!(
                "the result {} of run {}",
                text(&row, "alias")?,
                text(&row, "run")?
            );
            name(
                all,
                super::rows::digest(&row, "digest")?,
                by,
                time(&row, "made_ms")?,
            );
        }
        Ok(())
    }

    async fn archived_papers(&self, all: &mut BTreeMap<Digest, Named>) -> Result<()> {
        let mut rows =
            sqlx::query("SELECT id, record, started_ms FROM runs ORDER BY started_ms, id")
                .fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let record: Value = json(&row, "record")?;
            let audiences = record["papers"].as_object().into_iter().flatten();
            let files = audiences.flat_map(|(_, files)| files.as_object().into_iter().flatten());
            for (file, digest) in files {
                let Some(digest) = digest.as_str().and_then(Digest::parse) else {
                    continue;
                };
                let by = format!("the paper {file} of run {}", text(&row, "id")?);
                name(all, digest, by, time(&row, "started_ms")?);
            }
        }
        Ok(())
    }

    /// Reports and messages whose holder died: whoever looks next takes them over.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn stale(&self, now: Timestamp) -> Result<Vec<Stale>> {
        let rows = sqlx::query(
            "SELECT 'the report ' || report || ' for ' || period AS what, holder, lease_ms FROM occurrences
             WHERE state = 'claimed' AND lease_ms <= $1 AND due_ms <= $1
             UNION ALL SELECT 'the message ' || id || ' of run ' || run, holder, lease_ms FROM deliveries
             WHERE state = 'sending' AND lease_ms <= $1 ORDER BY lease_ms, what",
        )
        .bind(ms(now))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Stale {
                    what: text(row, "what")?,
                    holder: text(row, "holder")?,
                    since: time(row, "lease_ms")?,
                })
            })
            .collect()
    }

    /// Kinds of rows that point at rows that are not there, each with how many.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn orphans(&self) -> Result<Vec<(&'static str, u64)>> {
        let mut found = Vec::new();
        for (what, sql) in ORPHANS {
            let row = sqlx::query(sql).fetch_one(&self.pool).await?;
            let many = count(&row, "many")?;
            if many > 0 {
                found.push((what, many));
            }
        }
        Ok(found)
    }

    /// Gives the space of deleted rows back to the disk; returns the bytes before and after.
    ///
    /// # Errors
    /// The ledger does not answer, or its disk has no room for the copy that is made meanwhile.
    pub async fn vacuum(&self) -> Result<(u64, u64)> {
        let before = self.bytes().await?;
        match self.engine {
            Engine::Sqlite => {
                sqlx::raw_sql("VACUUM").execute(&self.pool).await?;
                sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                    .execute(&self.pool)
                    .await?;
            }
            Engine::Postgres => {
                let tables: BTreeSet<&str> = super::lines::tables();
                for table in tables {
                    let vacuum = format!("VACUUM (FULL, ANALYZE) {table}");
                    sqlx::raw_sql(AssertSqlSafe(vacuum))
                        .execute(&self.pool)
                        .await?;
                }
            }
        }
        Ok((before, self.bytes().await?))
    }

    async fn bytes(&self) -> Result<u64> {
        let sql = match self.engine {
            Engine::Sqlite => {
                "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()".to_owned()
            }
            Engine::Postgres => {
                let tables = super::lines::tables();
                let sizes = tables.iter().map(|table| format!("pg_total_relation_size('{table}')"));
                format!("SELECT {} AS bytes", sizes.collect::<Vec<_>>().join(" + "))
            }
        };
        let row = sqlx::query(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await?;
        count(&row, "bytes")
    }

    /// Writes a catalogue that was read from the lake's footers, all or nothing. With `replace` the one that is there goes,
    /// without it an empty one is wanted.
    ///
    /// # Errors
    /// The ledger does not answer, or has a catalogue and may not lose it.
    pub async fn set_catalogue(&self, revisions: &[Revision], with: Catalogue) -> Result<()> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT COUNT(*) AS many FROM revisions")
            .fetch_one(&mut *tx)
            .await?;
        let many = count(&row, "many")?;
        if many > 0 && with == Catalogue::Empty {
            return Err(LedgerError::Gone(format!(
                "the catalogue has {many} revisions already"
            )));
        }
        sqlx::query("DELETE FROM revisions")
            .execute(&mut *tx)
            .await?;
        for revision in revisions {
            super::catalogue::insert(&mut tx, revision, revision.number).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What a catalogue that is written from the lake finds in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// It must find none.
    Empty,
    /// It takes the place of the one that is there.
    Replaced,
}

fn name(all: &mut BTreeMap<Digest, Named>, digest: Digest, by: String, newest: Timestamp) {
    let new = Named {
        by,
        newest,
        waited_for: false,
    };
    let named = all.entry(digest).or_insert(new);
    named.newest = named.newest.max(newest);
}
