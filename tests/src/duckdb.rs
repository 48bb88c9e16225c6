//! The demo's daily report against another engine: every figure equals what DuckDB computes from the same lake files.

use crate::demo::{Demo, figures};
use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::process::Command;
use std::sync::Arc;

/// Far below a fen: what is left is the rounding of divisions.
const TOLERANCE: f64 = 1e-6;
/// Results that stand on no page of the daily report; published examples test them elsewhere (RFM, cohorts, price-volume-mix).
const NOT_DAILY: [&str; 5] = [
    "sales.price_volume_mix",
    "customers.cohorts",
    "customers.cohort_counts",
    "customers.rfm",
    "customers.rfm_scores",
];
/// Columns that are words about figures, not figures; what they say is tested with the metrics.
const WORDS: [&str; 5] = ["product", "plan", "product_id", "verdict", "sample"];
/// Figures that there are at least, so that a result that lost its rows cannot pass.
const AT_LEAST: usize = 4000;

/// All of them.
#[must_use]
pub fn trials(demo: &Demo) -> Vec<Trial> {
    let demo = Arc::clone(demo);
    vec![trial_with(
        "duckdb::every_figure_of_the_daily_report_is_equal",
        &["python3", "python:duckdb"],
        move || every_figure(&demo),
    )]
}

/// Figures compared so far, and those that differ.
#[derive(Default)]
struct Score {
    compared: usize,
    wrong: Vec<String>,
}

impl Score {
    fn compare(&mut self, place: &str, ours: &Value, theirs: &Value) {
        self.compared += 1;
        if !equal(&bare(ours), theirs) {
            self.wrong
                .push(format!("{place}: {ours} here, {theirs} in DuckDB"));
        }
    }
}

/// A cell of a result without its wrapping.
fn bare(cell: &Value) -> Value {
    cell.get("$dec")
        .or_else(|| cell.get("$key"))
        .unwrap_or(cell)
        .clone()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn equal(ours: &Value, theirs: &Value) -> bool {
    match (number(ours), number(theirs)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() < TOLERANCE,
        (None, None) => ours == theirs,
        _ => false,
    }
}

fn every_figure(demo: &Project) -> Result<(), Failed> {
    let results = figures(demo, "daily", "2026-11-22T08:30:00+08:00");
    let mut score = Score::default();
    for result in results.as_array().unwrap() {
        let shops = result["shops"].as_str().unwrap();
        let theirs = in_duckdb(demo, shops)?;
        for (metric, doc) in result["metrics"].as_object().unwrap() {
            for item in doc["items"]
                .as_array()
                .unwrap_or_else(|| panic!("{metric}: {doc}"))
            {
                let place = format!("{metric}.{}", item["id"].as_str().unwrap());
                if !NOT_DAILY.contains(&place.as_str()) {
                    item_equals(
                        &format!("{shops} {place}"),
                        item,
                        &theirs[metric],
                        &mut score,
                    );
                }
            }
        }
    }
    assert!(
        score.wrong.is_empty(),
        "{} of {} differ:\n{}",
        score.wrong.len(),
        score.compared,
        score.wrong.join("\n")
    );
    assert!(
        score.compared >= AT_LEAST,
        "only {} figures",
        score.compared
    );
    Ok(())
}

fn in_duckdb(demo: &Project, shops: &str) -> Result<Value, Failed> {
    let script = crate::house_rules::root().join("tests/servers/duck.py");
    let out = Command::new("python3")
        .arg(script)
        .arg(demo.path())
        .args(["2026-11-21", shops])
        .output()?;
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn item_equals(place: &str, item: &Value, theirs: &Value, score: &mut Score) {
    let id = item["id"].as_str().unwrap();
    match item["type"].as_str().unwrap() {
        "scalar" => scalar(place, item, &theirs["scalars"][id], score),
        "series" => series(place, item, &theirs["series"][id], score),
        "table" => table(place, item, &theirs["tables"][id], score),
        // A finding repeats figures of the others in a sentence.
        _ => {}
    }
}

/// A figure, what it is compared with, and over how many days.
fn scalar(place: &str, item: &Value, theirs: &Value, score: &mut Score) {
    score.compare(place, &item["value"], &theirs["value"]);
    for compare in item["compare"].as_array().into_iter().flatten() {
        let basis = compare["basis"].as_str().unwrap();
        score.compare(
            &format!("{place} against {basis}"),
            &compare["value"],
            &theirs[basis],
        );
        if basis == "weekday_median" {
            score.compare(
                &format!("{place}, days of its median"),
                &compare["n"],
                &theirs["n"],
            );
        }
    }
}

fn series(place: &str, item: &Value, theirs: &Value, score: &mut Score) {
    for point in item["points"].as_array().into_iter().flatten() {
        let x = bare(&point[0]).as_str().unwrap().to_owned();
        for (line, ours) in item["y"]
            .as_array()
            .unwrap()
            .iter()
            .zip(point.as_array().unwrap().iter().skip(1))
        {
            let line = line["id"].as_str().unwrap();
            score.compare(&format!("{place} {x} {line}"), ours, &theirs[&x][line]);
        }
    }
}

/// Every column of every row; a row is known by its id, or by its first cell.
fn table(place: &str, item: &Value, theirs: &Value, score: &mut Score) {
    let columns: Vec<&str> = item["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    let key = columns
        .iter()
        .position(|name| name.ends_with("_id"))
        .unwrap_or(0);
    for row in item["rows"].as_array().into_iter().flatten() {
        let name = bare(&row[key]).as_str().unwrap().to_owned();
        for (column, ours) in columns
            .iter()
            .zip(row.as_array().unwrap())
            .enumerate()
            .filter(|(at, _)| *at != key)
            .map(|(_, cell)| cell)
        {
            if !WORDS.contains(column) {
                score.compare(
                    &format!("{place} {name} {column}"),
                    ours,
                    &theirs[&name][*column],
                );
            }
        }
    }
}
