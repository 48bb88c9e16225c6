//! Source of databases by query: PostgreSQL, MariaDB, MySQL and SQLite, read-only and streaming, each value exact.
//!
//! `options` says where the database is, `query` what is sent. `link` is one open connection that can only read; `sqlite`, `postgres`
//! and `mysql` know how each database names its types and writes its values. `columns` puts values into batches, `stream` runs a
//! query beside the host, `fault` tells troubles apart by what a person has to do.

mod columns;
mod fault;
mod link;
mod mysql;
mod options;
mod postgres;
mod query;
mod sqlite;
mod stream;

pub use options::{Kind, Options};

use chenbao_plugin::{
    ColumnInfo, Days, ExportFact, Result, Scan, ScanFacts, ScanRequest, Source, SourceCx, TableInfo,
};
use chenbao_plugin::{Error, ErrorCode, bad_config};
use std::sync::atomic::Ordering;
use std::time::Duration;
use stream::Job;

/// The source `sql`.
#[derive(Debug)]
pub struct Sql {
    options: Options,
}

impl Sql {
    fn job(&self, table: &str, period: Option<&Days>, zone: &str, cx: &SourceCx) -> Result<Job> {
        let Some(written) = self.options.tables.get(table) else {
            let known: Vec<&str> = self.options.tables.keys().map(String::as_str).collect();
            let message = format!(
                "there is no raw table `{table}` in option `tables`; there is {}",
                known.join(", ")
            );
            return Err(Error::new(ErrorCode::NotFound, message));
        };
        let sql = query::bound(written, period)
            .map_err(|why| bad_config(format!("query of `{table}`: {why}")))?;
        let (target, timeout) = (
            self.options.target(cx)?,
            Duration::from_secs(self.options.timeout_seconds),
        );
        Ok(Job {
            target,
            table: table.to_owned(),
            sql,
            zone: zone.to_owned(),
            timeout,
            cx: cx.clone(),
        })
    }

    /// All tables with their columns, over one connection each: a query that fails spoils the transaction of its connection.
    fn describe(&self, cx: &SourceCx) -> Result<Vec<TableInfo>> {
        let mut tables = Vec::new();
        for name in self.options.tables.keys() {
            cx.checkpoint()?;
            let job = self.job(name, None, "", cx)?;
            let columns = stream::block_on(async {
                let mut link = stream::open(&job).await?;
                let columns = stream::columns(&mut link, &job).await?;
                link.close().await;
                columns::schema(&columns)
            })??;
            let columns = columns.fields().iter().map(|field| ColumnInfo {
                name: field.name().clone(),
                kind: field.data_type().to_string(),
            });
            tables.push(TableInfo {
                name: name.clone(),
                description: job.target.name(),
                columns: columns.collect(),
            });
        }
        Ok(tables)
    }
}

impl Source for Sql {
    const ID: &'static str = "sql";
    type Options = Options;

    fn open(options: Options, _: &SourceCx) -> Result<Self> {
        match options.problems() {
            problems if problems.is_empty() => Ok(Self { options }),
            problems => Err(bad_config(problems.join("; "))),
        }
    }

    fn check(&mut self, cx: &SourceCx) -> Result<Vec<String>> {
        let tables = self.describe(cx)?;
        // `_export` and `_row` are ours.
        let note = |table: &TableInfo| {
            format!(
                "{}: `{}` has {} columns",
                table.description,
                table.name,
                table.columns.len() - 2
            )
        };
        Ok(tables.iter().map(note).collect())
    }

    fn tables(&mut self, cx: &SourceCx) -> Result<Vec<TableInfo>> {
        self.describe(cx)
    }

    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan> {
        let job = self.job(&request.table, request.period.as_ref(), &request.zone, cx)?;
        let windowed = self
            .options
            .tables
            .get(&request.table)
            .is_some_and(|sql| query::has_window(sql));
        let covers = request
            .period
            .as_ref()
            .filter(|_| windowed)
            .and_then(covered);
        let (reader, head, rows) = stream::start(job)?;
        let columns = head
            .schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .filter(|name| name != "_export" && name != "_row");
        let mut fact = ExportFact {
            name: request.table.clone(),
            exported_at: head.as_of,
            covers,
            columns: columns.collect(),
            ..ExportFact::default()
        };
        let facts = move || {
            fact.rows = rows.load(Ordering::Relaxed);
            Ok(ScanFacts {
                exports: vec![fact],
                ..ScanFacts::default()
            })
        };
        Ok(Scan {
            reader: Box::new(reader),
            facts: Box::new(facts),
        })
    }
}

/// First and last day of a window whose end is exclusive.
fn covered(days: &Days) -> Option<(String, String)> {
    let end: jiff::civil::Date = days.end.parse().ok()?;
    Some((days.start.clone(), end.yesterday().ok()?.to_string()))
}

chenbao_plugin::export_plugin! {
    files: ["source.toml", "README.md", "sample.toml", "presets/erp-buyers.toml", "presets/erp-products.toml"],
    sources: [Sql]
}
