//! Collections: what each source brought, when, for which window.

use super::Ledger;
use super::error::Result;
use super::rows::{json, maybe_day, ms, parsed, states, text, time, to_json};
use chenbao_model::catalogue::ExportFacts;
use chenbao_model::{Digest, Id};
use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

states! {
    /// How a collection ended.
    CollectionState, "a collection" {
        /// All that was asked for, and it is in the catalogue.
        Done = "done",
        /// Nothing of it is in the catalogue.
        Failed = "failed",
    }
}

/// One source over one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Source.
    pub source: Id,
    /// First and last day asked for; none where everything was.
    pub window: Option<(Date, Date)>,
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub state: CollectionState,
    /// The exports that it read.
    pub exports: Vec<ExportFacts>,
    /// The raw table that their rows landed in; none where they brought no rows.
    pub raw: Option<Digest>,
    /// One plain sentence for people: why it failed, or what was skipped.
    pub note: String,
}

impl Ledger {
    /// Digests of the exports of a source that are in the lake.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn known_exports(&self, source: &Id) -> Result<BTreeSet<Digest>> {
        let rows = sqlx::query("SELECT digest FROM exports WHERE source = $1")
            .bind(source.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| super::rows::digest(row, "digest"))
            .collect()
    }

    /// Forgets which exports of a source are in the lake, so that it is asked for all of them again.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn forget_exports(&self, source: &Id) -> Result<()> {
        sqlx::query("DELETE FROM exports WHERE source = $1")
            .bind(source.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records a collection. The exports of one that is done count as known from now on.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn record_collection(&self, collection: &Collection) -> Result<()> {
        let day = |pick: fn(&(Date, Date)) -> Date| {
            collection
                .window
                .as_ref()
                .map_or(String::new(), |w| pick(w).to_string())
        };
        let mut tx = self
            .begin_alone("LOCK TABLE collections IN SHARE ROW EXCLUSIVE MODE")
            .await?;
        sqlx::query(
            "INSERT INTO collections (source, number, from_day, to_day, collected_ms, state, facts, note, raw)
             SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM collections WHERE source = $1",
        )
        .bind(collection.source.as_str())
        .bind(day(|w| w.0))
        .bind(day(|w| w.1))
        .bind(ms(collection.at))
        .bind(collection.state.word())
        .bind(to_json(&collection.exports)?)
        .bind(collection.note.as_str())
        .bind(collection.raw.as_ref().map_or("", Digest::as_str))
        .execute(&mut *tx)
        .await?;
        let known = collection
            .exports
            .iter()
            .filter(|_| collection.state == CollectionState::Done);
        for (export, digest) in known.filter_map(|export| Some((export, export.digest.as_ref()?))) {
            sqlx::query("INSERT INTO exports (source, digest, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(collection.source.as_str())
                .bind(digest.as_str())
                .bind(export.name.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The newest collection of a source that ended in `state`, or the newest of all.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn last_collection(
        &self,
        source: &Id,
        state: Option<CollectionState>,
    ) -> Result<Option<Collection>> {
        let row = sqlx::query(
            "SELECT * FROM collections WHERE source = $1 AND (state = $2 OR $2 = '') ORDER BY number DESC LIMIT 1",
        )
        .bind(source.as_str())
        .bind(state.map_or("", CollectionState::word))
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(collection).transpose()
    }

    /// Every collection of a source that is done, in the order in which they came.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn collections(&self, source: &Id) -> Result<Vec<Collection>> {
        let rows = sqlx::query(
            "SELECT * FROM collections WHERE source = $1 AND state = $2 ORDER BY number",
        )
        .bind(source.as_str())
        .bind(CollectionState::Done.word())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(collection).collect()
    }
}

fn collection(row: &AnyRow) -> Result<Collection> {
    Ok(Collection {
        source: super::rows::id(row, "source")?,
        window: maybe_day(row, "from_day")?.zip(maybe_day(row, "to_day")?),
        at: time(row, "collected_ms")?,
        state: parsed(row, "state", "the state")?,
        exports: json(row, "facts")?,
        raw: Digest::parse(&text(row, "raw")?),
        note: text(row, "note")?,
    })
}
