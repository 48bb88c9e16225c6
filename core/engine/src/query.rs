//! Metric SQL over scope views: only files of the allowed shops and days are registered, so other rows do not exist.

use crate::columns::{arrow_schema, schema_of};
use crate::scan::FilesTable;
use crate::session::failed;
use crate::sql::{bind, parse_select};
use crate::{Engine, Lake, Rows, pack};
use arrow::record_batch::RecordBatch;
use chenbao_model::catalogue::{Revision, Snapshot};
use chenbao_model::schema::TableSchema;
use chenbao_model::{Diagnostic, Id};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use futures::StreamExt as _;
use jiff::civil::{Date, DateTime};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which days of the snapshot a query may read; tables that merge whole are always read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// Every day.
    All,
    /// These days.
    Days(BTreeSet<Date>),
    /// From `start` up to, not including, `end`.
    Span {
        /// First day.
        start: Date,
        /// The day after the last.
        end: Date,
    },
}

impl Window {
    fn holds(&self, day: Date) -> bool {
        match self {
            Self::All => true,
            Self::Days(days) => days.contains(&day),
            Self::Span { start, end } => *start <= day && day < *end,
        }
    }
}

/// A value for a `$name` of the SQL; typed, so that it never becomes part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// A wall-clock moment in the shop's zone.
    At(DateTime),
    /// A civil day.
    Day(Date),
    /// A text.
    Text(String),
    /// A count.
    Int(i64),
}

/// One `select` and everything that it may see.
#[derive(Debug)]
pub struct Query<'a> {
    /// The select.
    pub sql: &'a str,
    /// Tables that it declares; others are unknown to it.
    pub tables: &'a [String],
    /// Days that it may read.
    pub window: Window,
    /// Values of `$name`, by name without the `$`.
    pub params: BTreeMap<String, Param>,
    /// Shops that it may read.
    pub scope: &'a [Id],
    /// Tables that do not come from the lake, e.g. `campaigns` from the configuration; in place of a lake table of that name.
    pub extra: Vec<(String, RecordBatch)>,
    /// The team's own tables.
    pub custom: &'a [TableSchema],
}

impl Engine {
    /// Runs one `select` over what the snapshot holds of the allowed shops and days.
    ///
    /// A declared table of which nothing is in scope is empty, with its canonical columns, so that the SQL still plans.
    ///
    /// # Errors
    /// The SQL is not a plain select over its declared tables, a parameter is unknown, or planning fails.
    pub async fn query(
        &self,
        lake: &Lake,
        snapshot: &Snapshot,
        query: &Query<'_>,
    ) -> Result<Rows, Diagnostic> {
        let extra = query.extra.iter().map(|(name, _)| name);
        let names: BTreeSet<String> = query.tables.iter().chain(extra).cloned().collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut select = parse_select(query.sql, &names)?;
        bind(&mut select, &query.params)?;
        let session = self.session(lake, None)?;
        for name in &names {
            register(&session, (lake, snapshot), query, name)?;
        }
        let plan = Self::plan(&session, select).await?;
        Self::run(&session, plan).await
    }
}

/// A part of one table, to be written down elsewhere.
#[derive(Debug)]
pub struct Slice<'a> {
    /// The table.
    pub table: &'a str,
    /// Its columns, in this order.
    pub columns: &'a [String],
    /// Days.
    pub window: Window,
    /// Shops.
    pub scope: &'a [Id],
    /// Rows at most, the newest days first.
    pub most: usize,
    /// The team's own tables.
    pub custom: &'a [TableSchema],
}

impl Engine {
    /// The rows of a slice, the newest days first and in the order of the table's key, and how many there are in all.
    ///
    /// # Errors
    /// There is no such table or column, or its files do not read.
    pub async fn slice(
        &self,
        lake: &Lake,
        snapshot: &Snapshot,
        slice: &Slice<'_>,
    ) -> Result<(Vec<RecordBatch>, usize), Diagnostic> {
        let schema = schema_of(slice.table, slice.custom)
            .ok_or_else(|| unknown_table(slice.table, slice.custom))?;
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = slice.columns.iter().map(|name| quoted(name)).collect();
        let day = schema
            .column("day")
            .map(|day| format!("{} desc", quoted(&day.name)));
        let keys = schema.key.iter().map(|key| quoted(key));
        let order: Vec<String> = day
            .into_iter()
            .chain([quoted("shop_id")])
            .chain(keys)
            .collect();
        let sql = format!(
            "select {} from {} order by {}",
            columns.join(", "),
            quoted(slice.table),
            order.join(", ")
        );
        let tables = [slice.table.to_owned()];
        let query = Query {
            sql: &sql,
            tables: &tables,
            window: slice.window.clone(),
            params: BTreeMap::new(),
            scope: slice.scope,
            extra: Vec::new(),
            custom: slice.custom,
        };
        let mut rows = self.query(lake, snapshot, &query).await?;
        let (mut kept, mut all, mut room) = (Vec::new(), 0, slice.most);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            all += batch.num_rows();
            let part = batch.slice(0, batch.num_rows().min(room));
            room -= part.num_rows();
            kept.push(part);
        }
        Ok((kept, all))
    }
}

fn register(
    session: &SessionContext,
    (lake, snapshot): (&Lake, &Snapshot),
    query: &Query<'_>,
    name: &str,
) -> Result<(), Diagnostic> {
    if let Some((_, batch)) = query.extra.iter().find(|(extra, _)| extra == name) {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).map_err(|e| {
            failed(
                &format!("the table `{name}` could not be offered to the SQL"),
                &e,
            )
        })?;
        return offer(session, name, Arc::new(table));
    }
    let Some(schema) = schema_of(name, query.custom) else {
        return Err(unknown_table(name, query.custom));
    };
    let schema = arrow_schema(&schema);
    let (packs, days) = pack::files(lake, &schema, &in_scope(snapshot, query, name));
    if let Some(damaged) = lake.damaged(days.iter().copied()).first() {
        return Err(damaged.problem(lake));
    }
    let days = days.iter().map(|day| (day.path.clone(), day.bytes));
    let files = packs.into_iter().chain(days);
    offer(session, name, Arc::new(FilesTable::new(schema, files)))
}

fn offer(
    session: &SessionContext,
    name: &str,
    table: Arc<dyn datafusion::catalog::TableProvider>,
) -> Result<(), Diagnostic> {
    session
        .register_table(datafusion::common::TableReference::bare(name), table)
        .map(drop)
        .map_err(|e| {
            failed(
                &format!("the table `{name}` could not be offered to the SQL"),
                &e,
            )
        })
}

/// The newest revision of each file in scope; a snapshot that holds two numbers of one day never counts a row twice.
fn in_scope<'a>(snapshot: &'a Snapshot, query: &Query<'_>, name: &str) -> Vec<&'a Revision> {
    let mut newest: BTreeMap<(&Id, &Id, Option<Date>), &Revision> = BTreeMap::new();
    let seen = |revision: &&Revision| {
        revision.table == name
            && query.scope.contains(&revision.shop)
            && revision.day.is_none_or(|day| query.window.holds(day))
    };
    for revision in snapshot.revisions.iter().filter(seen) {
        let slot = newest
            .entry((&revision.shop, &revision.feed, revision.day))
            .or_insert(revision);
        if revision.number > slot.number {
            *slot = revision;
        }
    }
    newest.into_values().collect()
}

/// A table that neither the product nor the team declares.
pub(crate) fn unknown_table(name: &str, custom: &[TableSchema]) -> Diagnostic {
    let mut known: Vec<&str> = chenbao_model::schema::canonical_names().collect();
    known.extend(custom.iter().map(|table| table.name.as_str()));
    let problem = Diagnostic::error(format!("there is no table `{name}`"));
    match chenbao_model::diagnostic::nearest(name, known) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`chenbao sql --tables` lists all; a team's own are declared with [table.*] in the configuration"),
    }
}
