//! Commands that ask: `sql` over the lake.

use super::args::SqlArgs;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::collect;
use crate::project::Project;
use crate::tables;
use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chenbao_engine::{Query, Window};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use futures::StreamExt as _;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn sql(project: &Project, args: &SqlArgs, voice: Voice) -> Answer {
    let Some(sql) = &args.query else {
        return say_tables(project, voice);
    };
    let tables = tables::all(&project.config);
    let shops: Vec<Id> = if args.shops.is_empty() {
        project.config.shops.keys().cloned().collect()
    } else {
        args.shops.clone()
    };
    let snapshot = collect::pin(
        project,
        &tables.iter().cloned().collect(),
        &shops.iter().cloned().collect::<BTreeSet<_>>(),
    )
    .await?;
    let query = Query {
        sql,
        tables: &tables,
        window: Window::All,
        params: BTreeMap::new(),
        scope: &shops,
        extra: tables::configured(&project.config, &tables)?,
        custom: &project.config.tables,
    };
    let mut rows = project
        .engine
        .query(&project.lake, &snapshot, &query)
        .await?;
    let heads: Vec<String> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut lines = Vec::new();
    let mut more = false;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let room = args.limit.saturating_sub(lines.len());
        more |= batch.num_rows() > room;
        lines.extend(texts(&batch.slice(0, batch.num_rows().min(room)))?);
        if more {
            break;
        }
    }
    say_rows(&heads, &lines, more, voice);
    Ok(Ended::Done)
}

/// Every table with its columns: the lake's by their schemas, the configuration's by their rows.
fn say_tables(project: &Project, voice: Voice) -> Answer {
    let config = &project.config;
    let mut all: Vec<(String, Vec<String>)> = config
        .table_names()
        .into_iter()
        .filter_map(|name| config.table(name))
        .map(|table| {
            let columns = table.columns.into_iter().map(|column| column.name);
            (table.name, columns.collect())
        })
        .collect();
    for (name, batch) in tables::configured(config, &tables::all(config))? {
        let columns = batch.schema_ref().fields().iter();
        all.push((name, columns.map(|field| field.name().clone()).collect()));
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(name, columns)| vec![name.clone(), columns.join(", ")])
        .collect();
    voice.say(print::table(&["table", "columns"], &rows));
    voice.say("and in every table of the lake: shop_id, platform, _exported_at");
    let json = all
        .iter()
        .map(|(name, columns)| json!({"table": name, "columns": columns}));
    voice.answer(&json.collect::<Vec<_>>().into());
    Ok(Ended::Done)
}

fn say_rows(heads: &[String], lines: &[Vec<Option<String>>], more: bool, voice: Voice) {
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".into());
    let shown: Vec<Vec<String>> = lines
        .iter()
        .map(|row| row.iter().map(text).collect())
        .collect();
    voice.say(print::table(&heads, &shown));
    let first = if more { "the first " } else { "" };
    voice.say(format!("{first}{} rows", lines.len()));
    let object = |row: &Vec<Option<String>>| -> serde_json::Value {
        let cells = heads
            .iter()
            .zip(row)
            .map(|(head, cell)| ((*head).to_owned(), json!(cell)));
        cells.collect::<serde_json::Map<_, _>>().into()
    };
    voice.answer(&lines.iter().map(object).collect::<Vec<_>>().into());
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, Problems> {
    let fail = |e: arrow::error::ArrowError| {
        Problems::from(Diagnostic::error(format!("cannot show a value: {e}")))
    };
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(fail)?;
    let cell = |row: usize, column: usize| {
        let null = batch.column(column).is_null(row);
        (!null).then(|| {
            columns
                .get(column)
                .map(|c| c.value(row).to_string())
                .unwrap_or_default()
        })
    };
    Ok((0..batch.num_rows())
        .map(|row| {
            (0..batch.num_columns())
                .map(|column| cell(row, column))
                .collect()
        })
        .collect())
}
