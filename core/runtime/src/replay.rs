//! Replay: a past run's results computed again from its snapshot, and what differs, figure by figure.

use crate::compute::Computed;
use crate::ledger::{RemovedKind, ResultRow, Shown};
use crate::project::Project;
use crate::run::{self, Order, Send};
use crate::schedule::Occurrence;
use crate::{audit, record, retention};
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::ResultDoc;
use chenbao_model::{Diagnostic, Digest};
use chenbao_report::Outcome;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A figure that came out differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `sales.paid_amount`, `sales.by_carrier[直播].amount`.
    pub path: String,
    /// What the run said; empty where it had no such figure.
    pub then: String,
    /// What comes out now; empty where there is none any more.
    pub now: String,
}

/// What a replay found.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Results that were compared.
    pub compared: usize,
    /// Figures that differ, in the order of the run's results.
    pub differs: Vec<Difference>,
    /// What could not be compared, and what the run was made with that is another now.
    pub caveats: Vec<Diagnostic>,
}

/// Computes a run again.
///
/// # Errors
/// What the run read is gone (said with the rule that removed it), or the configuration no longer has what the run needs.
pub async fn replay(project: &Project, shown: &Shown) -> Result<Replayed, Problems> {
    readable(project, shown).await?;
    let order = order(shown);
    let again = run::recompute(project, &order, &shown.run.id, shown.run.started).await?;
    let now = again.results;
    let mut replayed = Replayed {
        caveats: versions(project, shown),
        ..Replayed::default()
    };
    for row in &shown.results {
        let again = now
            .iter()
            .filter(|(shops, _)| record::shops_key(shops) == row.shops)
            .flat_map(|(_, computed)| computed)
            .find(|computed| computed.alias == row.alias);
        one(project, row, again, &mut replayed).await?;
    }
    Ok(replayed)
}

/// The order that a past run obeyed, to be obeyed again for nobody.
#[must_use]
pub fn order(shown: &Shown) -> Order {
    let issue = &shown.run.issue;
    Order {
        occurrence: Occurrence {
            report: issue.report.clone(),
            subject: issue.subject.clone(),
            period: issue.period,
            edition: issue.edition.clone(),
            due: shown.run.due.unwrap_or(shown.run.started),
        },
        revision: issue.revision,
        role: None,
        collect: None,
        send: Send::Nobody,
        results_only: true,
        pinned: Some(shown.snapshot.clone()),
    }
}

/// Every file of the snapshot is there, or all that are not are named with the reason.
async fn readable(project: &Project, shown: &Shown) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for revision in &shown.snapshot.revisions {
        let file = project.lake.file(revision);
        if file.exists() {
            continue;
        }
        let what = format!("the run read {}", audit::of(revision));
        let gone = retention::gone(project, RemovedKind::Revision, &revision.path, &what).await?;
        problems.push(gone.in_file(file.display().to_string()));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

async fn one(
    project: &Project,
    row: &ResultRow,
    again: Option<&Computed>,
    replayed: &mut Replayed,
) -> Result<(), Problems> {
    let same = again.and_then(|computed| computed.digest.as_ref()) == Some(&row.digest);
    if same {
        replayed.compared += 1;
        return Ok(());
    }
    let path = project.archive.path(&row.digest);
    if !path.exists() {
        let what = format!("the run's result of {} cannot be compared: it", row.alias);
        let gone = retention::gone(project, RemovedKind::Archived, row.digest.as_str(), &what);
        let gone = gone.await?.in_file(path.display().to_string());
        replayed.caveats.push(gone);
        return Ok(());
    }
    replayed.compared += 1;
    let then = project.archive.get(&row.digest)?;
    let then = serde_json::from_slice::<Value>(&then).unwrap_or_default();
    let now = match again.map(|computed| &computed.outcome) {
        Some(Outcome::Done(doc)) => as_json(doc),
        _ => Value::Null,
    };
    let found = differences(row.alias.as_str(), &then, &now);
    replayed.differs.extend(found);
    Ok(())
}

fn as_json(doc: &ResultDoc) -> Value {
    serde_json::to_value(doc).unwrap_or_default()
}

/// What the run was made with and is another now: the reason for most differences.
fn versions(project: &Project, shown: &Shown) -> Vec<Diagnostic> {
    let mut caveats = Vec::new();
    let mut other = |what: String, then: Option<&str>, now: Option<&str>| {
        if let Some(then) = then.filter(|then| Some(*then) != now) {
            let short = |digest: &str| digest.chars().take(12).collect::<String>();
            let now = now.map_or_else(|| "not there".to_owned(), short);
            caveats.push(Diagnostic::note(format!(
                "{what} is another than the run's: {} then, {now} now",
                short(then)
            )));
        }
    };
    let record = &shown.record;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let config = text(&record["config"]);
    other(
        "the configuration".into(),
        config.as_deref(),
        Some(project.config.digest.as_str()),
    );
    let used: BTreeSet<&str> = shown
        .results
        .iter()
        .filter_map(|row| project.config.metrics.get(&row.alias))
        .map(|metric| metric.plugin.as_str())
        .collect();
    for (plugin, then) in record["plugins"].as_object().into_iter().flatten() {
        if used.contains(plugin.as_str()) {
            let component = project.plugins.component(plugin).ok();
            let now = component.and_then(|component| component.digest.as_ref());
            other(
                format!("the plugin `{plugin}`"),
                then.as_str(),
                now.map(Digest::as_str),
            );
        }
    }
    caveats
}

/// Figures of two results of one metric that differ.
fn differences(alias: &str, then: &Value, now: &Value) -> Vec<Difference> {
    let (then, now) = (figures(alias, then), figures(alias, now));
    let paths: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let at = |figures: &BTreeMap<String, String>, path: &String| {
        figures.get(path).cloned().unwrap_or_default()
    };
    paths
        .into_iter()
        .filter(|path| then.get(*path) != now.get(*path))
        .map(|path| Difference {
            path: path.clone(),
            then: at(&then, path),
            now: at(&now, path),
        })
        .collect()
}

/// Every single thing that a result says, by its path.
fn figures(alias: &str, result: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for item in result["items"].as_array().into_iter().flatten() {
        let id = item["id"].as_str().unwrap_or("?");
        let mut rest = item.as_object().cloned().unwrap_or_default();
        rest.remove("id");
        let path = format!("{alias}.{id}");
        // The value is the figure: it goes by the item's own name.
        if let Some(value) = rest.remove("value") {
            walk(&path, &value, &mut all);
        }
        for cells in ["rows", "points"] {
            if let Some(rows) = rest.remove(cells) {
                grid(&path, &rows, &names(item), &mut all);
            }
        }
        walk(&path, &Value::Object(rest), &mut all);
    }
    walk(&format!("{alias}.quality"), &result["quality"], &mut all);
    all
}

/// The names of the cells of a row: a table's columns, or a series' x and its lines.
fn names(item: &Value) -> Vec<String> {
    let of = |list: &str, key: &str| -> Vec<String> {
        let members = item[list].as_array().into_iter().flatten();
        members
            .map(|member| member[key].as_str().unwrap_or("?").to_owned())
            .collect()
    };
    match item["y"].is_array() {
        true => [vec!["x".to_owned()], of("y", "id")].concat(),
        false => of("columns", "name"),
    }
}

/// Rows go by their first cell; of several that begin alike, the later ones are counted.
fn grid(path: &str, rows: &Value, names: &[String], all: &mut BTreeMap<String, String>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows.as_array().into_iter().flatten() {
        let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
        let first = cells.first().map(shown).unwrap_or_default();
        let times = seen.entry(first.clone()).or_default();
        *times += 1;
        let key = match times {
            1 => first,
            n => format!("{first} #{n}"),
        };
        for (name, cell) in names.iter().zip(cells) {
            walk(&format!("{path}[{key}].{name}"), cell, all);
        }
    }
}

fn walk(path: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !is_cell(map) => {
            for (name, value) in map {
                walk(&format!("{path}.{name}"), value, all);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let named = ["id", "name", "basis"]
                    .iter()
                    .find_map(|key| value[*key].as_str());
                let name = named.map_or_else(|| index.to_string(), str::to_owned);
                walk(&format!("{path}[{name}]"), value, all);
            }
        }
        cell => {
            all.insert(path.to_owned(), shown(cell));
        }
    }
}

/// `{"$dec": "1.50"}` and its like are one value.
fn is_cell(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key.starts_with('$'))
}

fn shown(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.clone(),
        Value::Object(map) if is_cell(map) => map.values().map(shown).collect(),
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(amount: &str, live: &str, order: [&str; 2]) -> Value {
        let row = |name: &str| {
            let amount = if name == "直播" { live } else { "1" };
            json!([name, {"$dec": amount}])
        };
        json!({"schema": "chenbao.result/1", "items": [
            {"type": "scalar", "id": "paid", "unit": "CNY", "value": {"$dec": amount},
             "compare": [{"basis": "weekday", "value": {"$dec": "7"}}]},
            {"type": "table", "id": "carriers", "columns": [{"name": "carrier"}, {"name": "amount"}],
             "rows": [row(order[0]), row(order[1])]},
            {"type": "series", "id": "daily", "y": [{"id": "paid"}], "points": [["2026-11-21", {"$dec": amount}]]},
        ]})
    }

    #[test]
    fn each_figure_that_differs_is_named() {
        let then = result("10.00", "5", ["直播", "短视频"]);
        let now = result("12.50", "6", ["短视频", "直播"]);
        let all = differences("sales", &then, &now);
        let lines: Vec<String> = all
            .iter()
            .map(|one| format!("{} {} {}", one.path, one.then, one.now))
            .collect();
        assert_eq!(
            lines,
            [
                "sales.carriers[直播].amount 5 6",
                "sales.daily[2026-11-21].paid 10.00 12.50",
                "sales.paid 10.00 12.50",
            ],
            "another order of rows is no difference"
        );
    }

    #[test]
    fn what_is_only_on_one_side_differs() {
        let then = result("10.00", "5", ["直播", "短视频"]);
        let mut now = then.clone();
        now["items"][0]["compare"] = json!([]);
        let all = differences("sales", &then, &now);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(
            all.iter().all(
                |one| one.now.is_empty() && one.path.starts_with("sales.paid.compare[weekday]")
            )
        );
        assert_eq!(differences("sales", &then, &then), []);
        assert!(!differences("sales", &then, &Value::Null).is_empty());
    }

    #[test]
    fn rows_that_begin_alike_are_counted() {
        let doc = |second: &str| {
            json!({"items": [{"type": "table", "id": "t", "columns": [{"name": "a"}, {"name": "b"}],
                              "rows": [["x", "1"], ["x", second]]}]})
        };
        let all = differences("m", &doc("2"), &doc("3"));
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].path, "m.t[x #2].b");
    }
}
