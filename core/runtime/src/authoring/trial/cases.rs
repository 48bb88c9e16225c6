//! A case the whole way: through the plugin's own process, as a report's call goes.

use super::notebook::Notebook;
use super::{Ending, Status};
use crate::authoring::bench::OnBench;
use crate::authoring::case::{Case, Sets, SqlBench};
use crate::plugin::descriptor::Described;
use crate::plugin::host::{ComputeCall, HostSpec, InputRows, Limits, MetricHost, SourceHost};
use crate::plugin::keeper::Keeper;
use crate::plugin::no_code;
use crate::plugin::verdict::Verdict;
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chenbao_model::diagnostic::Problems;
use chenbao_plugin::{Days, ScanFacts, ScanRequest, TableInfo};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(60),
    grace: Duration::from_secs(2),
    memory_bytes: 2 << 30,
};

fn failed(why: impl ToString) -> Ending {
    (Status::Failed, why.to_string())
}

/// A plugin's process that ends or hangs is a crash; what it says is a failure.
fn verdict(verdict: Verdict) -> Ending {
    let status = match verdict {
        Verdict::Crashed { .. }
        | Verdict::Vanished { .. }
        | Verdict::MemoryLimit { .. }
        | Verdict::CpuLimit
        | Verdict::Timeout => Status::Crashed,
        _ => Status::Failed,
    };
    (status, verdict.to_string())
}

fn spec(
    on_bench: &OnBench,
    options: &Value,
    secrets: &BTreeMap<String, String>,
    exe: &Path,
) -> Option<HostSpec> {
    let component = &on_bench.component;
    // A metric reaches nothing; a source what its own options name.
    let reach = component.descriptor.reach(options, secrets, &[]);
    Some(HostSpec {
        exe: exe.to_owned(),
        library: component.library.clone()?,
        component: component.id.clone(),
        options_json: options.to_string(),
        secrets: secrets.clone(),
        keeper: None,
        limits: LIMITS,
        reach: reach.unwrap_or_default(),
        opened: component.opened.clone(),
    })
}

/// What counts with some params, as the plugin itself says.
pub(super) fn described(
    on_bench: &OnBench,
    params: &Value,
    exe: &Path,
) -> Result<Described, Ending> {
    let mut host = host(on_bench, params, exe)?;
    asked(host.as_mut(), params)
}

/// The metric's process; none without code.
fn host(on_bench: &OnBench, params: &Value, exe: &Path) -> Result<Option<MetricHost>, Ending> {
    let spec = spec(on_bench, params, &BTreeMap::new(), exe);
    let spawned = spec.map(|spec| tokio::task::block_in_place(|| MetricHost::spawn(spec)));
    spawned.transpose().map_err(verdict)
}

fn asked(host: Option<&mut MetricHost>, params: &Value) -> Result<Described, Ending> {
    let Some(host) = host else {
        return Ok(Described::default());
    };
    let described = tokio::task::block_in_place(|| host.describe(&params.to_string()));
    described.map_err(verdict)
}

/// The metric's answer as JSON.
pub(super) async fn metric(
    on_bench: &OnBench,
    one: &Case,
    bench: &SqlBench,
    exe: &Path,
) -> Result<Value, Ending> {
    let descriptor = &on_bench.component.descriptor;
    let params = descriptor
        .check_options(&one.with)
        .map_err(|problems| failed(Problems(problems)))?;
    let mut host = host(on_bench, &params, exe)?;
    let described = asked(host.as_mut(), &params)?;
    let wanted = descriptor.asked(&described);
    let mut sets: Sets = one.sets(descriptor, bench).await.map_err(failed)?;
    sets.retain(|name, _| wanted.iter().any(|input| input.name == *name));
    let lacking: Vec<&str> = wanted
        .iter()
        .filter(|input| !input.optional && sets.get(&input.name).is_none_or(Option::is_none))
        .map(|input| input.name.as_str())
        .collect();
    if !lacking.is_empty() {
        return Err((
            Status::Failed,
            format!(
                "the case has no rows for {}: give tables/<table>.csv or inputs.json",
                lacking.join(", ")
            ),
        ));
    }
    let doc = match host {
        None => no_code::answer(descriptor, sets).map_err(|why| failed(why.join("; ")))?,
        Some(mut host) => {
            let call = ComputeCall {
                component: on_bench.component.id.clone(),
                params_json: params.to_string(),
                period_json: one.period.to_string(),
                context_json: one.context.to_string(),
                outputs: described.outputs,
            };
            let inputs: Vec<InputRows> = sets
                .into_iter()
                .filter_map(|(name, set)| Some((name, rows(set?))))
                .collect();
            tokio::task::block_in_place(|| host.compute(&call, inputs)).map_err(verdict)?
        }
    };
    serde_json::to_value(doc).map_err(failed)
}

fn rows(batches: Vec<RecordBatch>) -> Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send> {
    Box::new(batches.into_iter().map(Ok))
}

/// What a source brings in, as text that a person can check: tables, their columns and rows, and the facts.
pub(super) fn source(on_bench: &OnBench, one: &Case, exe: &Path) -> Result<Value, Ending> {
    let mut with = one.with.clone();
    with.insert("_base".to_owned(), json!(one.folder));
    let options = on_bench
        .component
        .descriptor
        .check_options(&with)
        .map_err(|problems| failed(Problems(problems)))?;
    let notebook = Arc::new(Notebook::of(one));
    let mut spec = spec(on_bench, &options, &one.secrets, exe)
        .ok_or_else(|| failed("a source needs a library"))?;
    let keeper: Arc<dyn Keeper> = Arc::clone(&notebook) as _;
    spec.keeper = Some(keeper);
    let mut host = SourceHost::spawn(spec).map_err(verdict)?;
    host.check().map_err(verdict)?;
    let period = one.period["start"].as_str().zip(one.period["end"].as_str());
    let period = period.map(|(start, end)| Days {
        start: start.to_owned(),
        end: end.to_owned(),
    });
    let zone = one.period["tz"].as_str().unwrap_or("Asia/Shanghai");
    let mut all = Map::new();
    for table in host.tables().map_err(verdict)? {
        let request = ScanRequest {
            table: table.name.clone(),
            period: period.clone(),
            zone: zone.to_owned(),
            ..ScanRequest::default()
        };
        let found = scanned(&mut host, &table, &request)?;
        all.insert(table.name, found);
    }
    let kept = notebook.state_now();
    if !kept.is_empty() {
        all.insert("(state)".to_owned(), json!(kept));
    }
    Ok(Value::Object(all))
}

/// One table, asked for again until there is no more of it.
fn scanned(
    host: &mut SourceHost,
    table: &TableInfo,
    request: &ScanRequest,
) -> Result<Value, Ending> {
    let mut columns: Vec<String> = Vec::new();
    let mut texts: Vec<Value> = Vec::new();
    let mut all = ScanFacts::default();
    loop {
        let facts = host
            .scan(request, &mut |batch| {
                let fields = batch.schema();
                let fields = fields.fields().iter();
                columns = fields.map(|field| field.name().clone()).collect();
                texts.extend(cells(&batch)?);
                Ok(())
            })
            .map_err(verdict)?;
        all.exports.extend(facts.exports);
        all.skipped.extend(facts.skipped);
        all.warnings.extend(facts.warnings);
        if !facts.more {
            break;
        }
    }
    let promised = table.columns.iter().map(|column| &column.name);
    let lacking: Vec<&String> = promised.filter(|name| !columns.contains(name)).collect();
    if !lacking.is_empty() && !texts.is_empty() {
        return Err(failed(format!(
            "`{}` promises columns that its rows do not have: {lacking:?}",
            table.name
        )));
    }
    let exports: Vec<Value> = all
        .exports
        .iter()
        .map(|export| json!({"name": export.name, "rows": export.rows, "covers": export.covers, "provisional": export.provisional}))
        .collect();
    Ok(
        json!({"columns": columns, "rows": texts, "exports": exports, "skipped": all.skipped, "warnings": all.warnings}),
    )
}

fn cells(batch: &RecordBatch) -> Result<Vec<Value>, String> {
    let options = FormatOptions::default().with_null("(null)");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    Ok((0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect::<Vec<_>>()
                .into()
        })
        .collect())
}
