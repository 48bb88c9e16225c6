//! Two feeds of one table and shop must not tell of the same rows: they would be counted twice.

use crate::columns::arrow_schema;
use crate::lake::Lake;
use crate::scan::FilesTable;
use crate::session::failed;
use crate::sql::parse_select;
use crate::{Engine, ingest};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chenbao_model::catalogue::{Revision, Snapshot};
use chenbao_model::schema::TableSchema;
use chenbao_model::{Diagnostic, Id};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys that two feeds share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The feeds.
    pub feeds: (Id, Id),
    /// How many keys both have.
    pub keys: i64,
    /// The first of them: `day=2026-11-21 order_id=69...`.
    pub example: String,
}

impl Overlap {
    /// As the error that it is.
    #[must_use]
    pub fn problem(&self, table: &str) -> Diagnostic {
        let (first, second) = &self.feeds;
        Diagnostic::error(format!(
            "the feeds `{first}` and `{second}` both fill `{table}` with the same {} keys, for instance {}",
            self.keys, self.example
        ))
        .hint("let each feed cover rows of its own: another grain, account or shop")
    }
}

impl Engine {
    /// Keys of a table that two feeds of one shop share, by pair of feeds.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub async fn overlaps(
        &self,
        lake: &Lake,
        snapshot: &Snapshot,
        table: &TableSchema,
        shop: &Id,
    ) -> Result<Vec<Overlap>, Diagnostic> {
        let mut feeds: BTreeMap<&Id, Vec<&Revision>> = BTreeMap::new();
        for revision in snapshot
            .table(&table.name)
            .filter(|revision| &revision.shop == shop)
        {
            feeds.entry(&revision.feed).or_default().push(revision);
        }
        let feeds: Vec<(&Id, Vec<&Revision>)> = feeds.into_iter().collect();
        let mut found = Vec::new();
        for (i, first) in feeds.iter().enumerate() {
            for second in feeds.iter().skip(i + 1) {
                found.extend(self.shared(lake, table, first, second).await?);
            }
        }
        Ok(found)
    }

    async fn shared(
        &self,
        lake: &Lake,
        table: &TableSchema,
        first: &(&Id, Vec<&Revision>),
        second: &(&Id, Vec<&Revision>),
    ) -> Result<Option<Overlap>, Diagnostic> {
        let session = self.session(lake, None)?;
        for (name, (_, revisions)) in [("a", first), ("b", second)] {
            let files = FilesTable::of_revisions(arrow_schema(table), revisions);
            session
                .register_table(name, Arc::new(files))
                .map_err(|e| failed("the lake cannot be read", &e))?;
        }
        let names = ingest::key_columns(table);
        let keys = names
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "select count(*) over () as n, {keys} from (select {keys} from a intersect select {keys} from b) as both_have \
             order by {keys} limit 1"
        );
        let plan = Self::plan(
            &session,
            parse_select(&sql, &["a".to_owned(), "b".to_owned()])?,
        )
        .await?;
        let batches = Self::run(&session, plan).await?.collect().await?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            return Ok(None);
        };
        let keys = batch.column(0).as_primitive::<Int64Type>().value(0);
        let example = shown(batch, &names).map_err(|e| Diagnostic::error(e.to_string()))?;
        Ok(Some(Overlap {
            feeds: (first.0.clone(), second.0.clone()),
            keys,
            example,
        }))
    }
}

fn shown(batch: &RecordBatch, names: &[&str]) -> Result<String, ArrowError> {
    let options = FormatOptions::default();
    let mut words = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let cell = ArrayFormatter::try_new(batch.column(i + 1), &options)?;
        words.push(format!("{name}={}", cell.value(0)));
    }
    Ok(words.join(" "))
}
