//! `template vars`: every path that a report's template can bind, as a table that pastes into a ticket.

use super::bench::Parts;
use super::named;
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended};
use crate::config::meant::{Metric, Report};
use crate::plugin::descriptor::{ColumnSpec, Output, OutputKind};
use crate::project::Project;
use chenbao_model::Diagnostic;
use chenbao_model::result::{
    Axis, Cell, ColumnType, Item, Line, Passport, ResultColumn, ResultDoc, SCHEMA, Scalar, Series,
    Table,
};
use chenbao_report::{Bindable, MetricInput, Outcome};
use serde_json::json;

pub(super) fn vars(project: &Project, report: &str, voice: Voice) -> Answer {
    let report = wanted(project, report)?;
    let lang = project.config.project.lang.as_str();
    let metrics = report.metrics.iter();
    let metrics = metrics.filter_map(|alias| project.config.metrics.get(alias));
    let declared: Result<Vec<MetricInput>, Diagnostic> = metrics
        .map(|metric| declared(project, metric, lang))
        .collect();
    let parts = Parts::of(project);
    let bench = parts.bench(project, &project.templates);
    let all = bench.bindable(&report.template, lang, declared?)?;
    voice.say(table(&all));
    let info = project.templates.info(&report.template)?;
    let aliases = info.aliases.keys();
    let left: Vec<&String> = aliases
        .filter(|alias| !report.metrics.iter().any(|id| id.as_str() == *alias))
        .collect();
    if !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|alias| alias.as_str()).collect();
        voice.say(format!(
            "\nThe template may also bind {}: not configured for `{}`, so what binds them is left out.",
            names.join(", "),
            report.id
        ));
    }
    voice.answer(&json!({
        "report": report.id, "template": report.template, "paths": all, "not_configured": left,
    }));
    Ok(Ended::Done)
}

fn wanted<'a>(project: &'a Project, name: &str) -> Result<&'a Report, Diagnostic> {
    let reports = &project.config.reports;
    let names = reports.keys().map(chenbao_model::Id::as_str);
    reports
        .get(name)
        .ok_or_else(|| named("report", name, names.collect()))
}

/// What a metric's plugin declares, as an answer without a figure.
fn declared(project: &Project, metric: &Metric, lang: &str) -> Result<MetricInput, Diagnostic> {
    let component = project
        .component(&metric.plugin)
        .map_err(|problem| problem.at(metric.place.clone()))?;
    let outputs = component.descriptor.outputs.iter();
    Ok(MetricInput {
        alias: metric.id.to_string(),
        plugin: metric.plugin.to_string(),
        strings: component.descriptor.strings(lang),
        outcome: Outcome::Done(ResultDoc {
            schema: SCHEMA.to_owned(),
            items: outputs.filter_map(item).collect(),
            quality: Vec::new(),
        }),
    })
}

fn item(output: &Output) -> Option<Item> {
    let passport = Passport {
        formula: output.formula.clone(),
        clock: output.clock.clone(),
        version: 1,
        ..Passport::default()
    };
    let (id, sensitivity) = (output.id.clone(), output.sensitivity.clone());
    Some(match output.kind {
        OutputKind::Scalar => Item::Scalar(Scalar {
            id,
            unit: output.unit.clone(),
            value: Cell::Null,
            missing: None,
            n: None,
            better: output.better,
            compare: Vec::new(),
            spark: None,
            note: None,
            passport,
            sensitivity,
        }),
        OutputKind::Series => Item::Series(Series {
            id,
            x: Axis::Category,
            y: lines(output),
            points: Vec::new(),
            shape: String::new(),
            missing: None,
            passport,
            sensitivity,
        }),
        OutputKind::Table => Item::Table(Table {
            id,
            columns: columns(output, &passport),
            rows: Vec::new(),
            arrow: None,
            total_rows: None,
            marked: None,
            total_row: false,
            missing: None,
            sensitivity,
        }),
        OutputKind::Finding => return None,
    })
}

fn lines(output: &Output) -> Vec<Line> {
    let unit = |column: &String| output.columns.get(column).map_or("", |spec| &spec.unit);
    let line = |id: &String| Line {
        id: id.clone(),
        unit: unit(id).to_owned(),
    };
    output.y.iter().map(line).collect()
}

fn columns(output: &Output, passport: &Passport) -> Vec<ResultColumn> {
    let column = |(name, spec): (&String, &ColumnSpec)| ResultColumn {
        name: name.clone(),
        kind: ColumnType::Number,
        unit: spec.unit.clone(),
        better: spec.better,
        passport: passport.clone(),
        sensitivity: spec.sensitivity.clone(),
    };
    output.columns.iter().map(column).collect()
}

/// Markdown: tickets, wikis and chats draw it, and it reads well as it is.
fn table(all: &[Bindable]) -> String {
    let heads = [
        "path", "name", "unit", "sample", "formula", "clock", "only for",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec(), vec!["---".to_owned(); 7]];
    rows.extend(all.iter().map(|one| {
        let only = json!(one.only_for);
        let only = only.as_array().into_iter().flatten();
        let only: Vec<&str> = only.filter_map(|label| label.as_str()).collect();
        let (path, kind) = (&one.path, one.kind);
        let path = match kind {
            "table" | "series" => format!("`{path}` ({kind})"),
            _ => format!("`{path}`"),
        };
        let formula = match &one.passport.denominator {
            Some(by) if !one.passport.formula.contains('/') => {
                format!("{} (of {by})", one.passport.formula)
            }
            _ => one.passport.formula.clone(),
        };
        vec![
            path,
            one.label.clone(),
            one.unit.clone(),
            one.sample.clone().unwrap_or_default(),
            formula,
            one.passport.clock.clone(),
            only.join(", "),
        ]
    }));
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
