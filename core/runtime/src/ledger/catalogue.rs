//! The catalogue: which revision of each table, shop, feed and day is the newest.

use super::Ledger;
use super::error::Result;
use super::rows::{count, digest, id, maybe_day, ms, number, signed, text, time};
use chenbao_model::catalogue::Revision;
use chenbao_model::{Digest, Id};
use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, Transaction};

/// What revisions count for: one day of one table, shop and feed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedDay {
    /// Canonical table.
    pub table: String,
    /// Shop.
    pub shop: Id,
    /// Feed.
    pub feed: Id,
    /// Day; none for tables that merge whole.
    pub day: Option<Date>,
}

impl From<&Revision> for FeedDay {
    fn from(revision: &Revision) -> Self {
        Self {
            table: revision.table.clone(),
            shop: revision.shop.clone(),
            feed: revision.feed.clone(),
            day: revision.day,
        }
    }
}

/// What became of revisions that were offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// All are visible.
    Committed,
    /// None is visible: here someone else was first. Merge again from the newest.
    Lost(FeedDay),
}

const CURRENT: &str = "SELECT r.* FROM revisions r JOIN (
        SELECT table_name, shop, feed, day, MAX(number) AS number FROM revisions WHERE withdrawn_ms = 0
        GROUP BY table_name, shop, feed, day
    ) newest ON newest.table_name = r.table_name AND newest.shop = r.shop AND newest.feed = r.feed
        AND newest.day = r.day AND newest.number = r.number
    ORDER BY r.table_name, r.shop, r.feed, r.day";

impl Ledger {
    /// The newest revisions, of some tables and shops or of all (an empty list means all), in the order of a snapshot.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn current(&self, tables: &[&str], shops: &[&Id]) -> Result<Vec<Revision>> {
        let rows = sqlx::query(CURRENT).fetch_all(&self.pool).await?;
        let mut revisions = Vec::with_capacity(rows.len());
        for row in &rows {
            let revision = revision(row)?;
            let wanted = (tables.is_empty() || tables.contains(&revision.table.as_str()))
                && (shops.is_empty() || shops.contains(&&revision.shop));
            if wanted {
                revisions.push(revision);
            }
        }
        Ok(revisions)
    }

    /// Makes revisions visible, all or none. One whose base is no longer the newest loses; one that equals the newest is
    /// already there; one that was withdrawn and is made again stands again.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn commit(&self, revisions: &[Revision]) -> Result<Commit> {
        let mut tx = self.begin().await?;
        for revision in revisions {
            let newest = newest(&mut tx, revision).await?;
            if newest.as_ref() == Some(&revision.digest) {
                continue;
            }
            if newest != revision.base {
                return Ok(Commit::Lost(FeedDay::from(revision)));
            }
            if restore(&mut tx, revision).await? {
                continue;
            }
            let number = last_number(&mut tx, revision).await? + 1;
            match insert(&mut tx, revision, number).await {
                Err(error) if error.is_duplicate() => {
                    return Ok(Commit::Lost(FeedDay::from(revision)));
                }
                other => other?,
            }
        }
        tx.commit().await?;
        Ok(Commit::Committed)
    }

    /// Days whose newest revision was withdrawn and has neither come back nor been followed by another.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn lost(&self) -> Result<Vec<FeedDay>> {
        let rows = sqlx::query(
            "SELECT table_name, shop, feed, day FROM revisions GROUP BY table_name, shop, feed, day
             HAVING MAX(number) = MAX(CASE WHEN withdrawn_ms <> 0 THEN number ELSE 0 END)
             ORDER BY table_name, shop, feed, day",
        )
        .fetch_all(&self.pool)
        .await?;
        let day = |row: &AnyRow| {
            Ok(FeedDay {
                table: text(row, "table_name")?,
                shop: id(row, "shop")?,
                feed: id(row, "feed")?,
                day: maybe_day(row, "day")?,
            })
        };
        rows.iter().map(day).collect()
    }

    /// Withdraws revisions whose files are not what they were: the ones before them are the newest again.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn withdraw(&self, revisions: &[&Revision], now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        for revision in revisions {
            let update = sqlx::query(
                "UPDATE revisions SET withdrawn_ms = $6 WHERE table_name = $1 AND shop = $2 AND feed = $3 AND day = $4
                 AND digest = $5 AND withdrawn_ms = 0",
            );
            bind_file(update, revision)
                .bind(ms(now))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

/// Binds `$1` to `$4`.
fn bind_day<'q>(query: Query<'q>, of: &'q Revision) -> Query<'q> {
    query
        .bind(of.table.as_str())
        .bind(of.shop.as_str())
        .bind(of.feed.as_str())
        .bind(day_text(of.day))
}

/// Binds `$1` to `$5`.
fn bind_file<'q>(query: Query<'q>, of: &'q Revision) -> Query<'q> {
    bind_day(query, of).bind(of.digest.as_str())
}

/// Whether a withdrawn revision has been made again, byte for byte and in the same place: then it stands again.
async fn restore(tx: &mut Transaction<'static, Any>, revision: &Revision) -> Result<bool> {
    let update = sqlx::query(
        "UPDATE revisions SET withdrawn_ms = 0 WHERE table_name = $1 AND shop = $2 AND feed = $3 AND day = $4
         AND digest = $5 AND path = $6 AND withdrawn_ms <> 0",
    );
    let done = bind_file(update, revision)
        .bind(revision.path.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The highest number of a day, withdrawn or not.
async fn last_number(tx: &mut Transaction<'static, Any>, of: &Revision) -> Result<i64> {
    let select = sqlx::query(
        "SELECT COALESCE(MAX(number), 0) AS number FROM revisions
         WHERE table_name = $1 AND shop = $2 AND feed = $3 AND day = $4",
    );
    number(&bind_day(select, of).fetch_one(&mut **tx).await?, "number")
}

/// The digest of the newest revision of a day that stands.
async fn newest(tx: &mut Transaction<'static, Any>, of: &Revision) -> Result<Option<Digest>> {
    let select = sqlx::query(
        "SELECT digest FROM revisions WHERE table_name = $1 AND shop = $2 AND feed = $3 AND day = $4 AND withdrawn_ms = 0
         ORDER BY number DESC LIMIT 1",
    );
    let row = bind_day(select, of).fetch_optional(&mut **tx).await?;
    row.map(|row| digest(&row, "digest")).transpose()
}

pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    revision: &Revision,
    number: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO revisions (table_name, shop, feed, day, number, digest, base, path, row_count, byte_count, exported_ms,
         provisional) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(revision.table.as_str())
    .bind(revision.shop.as_str())
    .bind(revision.feed.as_str())
    .bind(day_text(revision.day))
    .bind(number)
    .bind(revision.digest.as_str())
    .bind(revision.base.as_ref().map_or("", Digest::as_str))
    .bind(revision.path.as_str())
    .bind(signed(revision.rows))
    .bind(signed(revision.bytes))
    .bind(ms(revision.exported_at))
    .bind(i64::from(revision.provisional))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn day_text(day: Option<Date>) -> String {
    day.map_or_else(String::new, |day| day.to_string())
}

pub(super) fn revision(row: &AnyRow) -> Result<Revision> {
    let base = if text(row, "base")?.is_empty() {
        None
    } else {
        Some(digest(row, "base")?)
    };
    Ok(Revision {
        table: text(row, "table_name")?,
        shop: id(row, "shop")?,
        feed: id(row, "feed")?,
        day: maybe_day(row, "day")?,
        number: number(row, "number")?,
        digest: digest(row, "digest")?,
        base,
        path: text(row, "path")?,
        rows: count(row, "row_count")?,
        bytes: count(row, "byte_count")?,
        exported_at: time(row, "exported_ms")?,
        provisional: number(row, "provisional")? != 0,
    })
}
