//! Commands that ask: `sql` over the lake, and what plugins there are.

use super::args::SqlArgs;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::collect;
use crate::plugin::store::Component;
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

pub(super) fn plugins(project: &Project, voice: Voice) -> Answer {
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for component in project.plugins.components() {
        let descriptor = &component.descriptor;
        rows.push(vec![
            component.id.clone(),
            descriptor.kind.to_string(),
            descriptor.version.clone(),
            component
                .digest
                .as_ref()
                .map_or("", |digest| digest.short())
                .to_owned(),
            descriptor.summary.clone(),
        ]);
        json.push(json!({
            "id": component.id, "kind": descriptor.kind.to_string(), "version": descriptor.version,
            "digest": component.digest, "summary": descriptor.summary,
        }));
    }
    voice.say(print::table(
        &["id", "kind", "version", "sha-256", "what"],
        &rows,
    ));
    let blocked = project.plugins.problems();
    voice.tell(&blocked);
    voice.answer(&json.into());
    Ok(if blocked.is_empty() {
        Ended::Done
    } else {
        Ended::Partial
    })
}

pub(super) fn inspect(project: &Project, plugin: &str, voice: Voice) -> Answer {
    let component = project.plugins.component(plugin)?;
    let descriptor = &component.descriptor;
    voice.say(format!(
        "{} {} ({})",
        component.id, descriptor.version, descriptor.kind
    ));
    voice.say(&descriptor.summary);
    if let Some(library) = &component.library {
        voice.say(format!("library  {}", library.display()));
    }
    if let Some(digest) = &component.digest {
        voice.say(format!("sha-256  {digest}"));
    }
    let inputs: Vec<Vec<String>> = descriptor
        .inputs
        .iter()
        .map(|input| {
            vec![
                input.name.clone(),
                input.tables.join(", "),
                format!("{:?}", input.window),
                input.description.clone(),
            ]
        })
        .collect();
    if !inputs.is_empty() {
        voice.say(print::table(
            &["input", "tables", "window", "what"],
            &inputs,
        ));
    }
    say_outputs(component, voice);
    voice.answer(&json!({
        "id": component.id, "kind": descriptor.kind.to_string(), "version": descriptor.version, "summary": descriptor.summary,
        "digest": component.digest, "presets": descriptor.presets.keys().collect::<Vec<_>>(),
        "inputs": descriptor.inputs.iter().map(|input| json!({"name": input.name, "tables": input.tables, "sql": input.sql})).collect::<Vec<_>>(),
        "outputs": descriptor.outputs.iter().map(|output| json!({"id": output.id, "type": output.kind.to_string(), "unit": output.unit})).collect::<Vec<_>>(),
    }));
    Ok(Ended::Done)
}

fn say_outputs(component: &Component, voice: Voice) {
    let outputs: Vec<Vec<String>> = component
        .descriptor
        .outputs
        .iter()
        .map(|output| {
            vec![
                output.id.clone(),
                output.kind.to_string(),
                output.unit.clone(),
            ]
        })
        .collect();
    if !outputs.is_empty() {
        voice.say(print::table(&["output", "type", "unit"], &outputs));
    }
    if !component.descriptor.presets.is_empty() {
        let names: Vec<&str> = component
            .descriptor
            .presets
            .keys()
            .map(String::as_str)
            .collect();
        voice.say(format!("presets  {}", names.join(", ")));
    }
}
