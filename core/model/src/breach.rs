//! What must hold in a metric's answer beyond its JSON form: ids, reasons, order, width, guards.

use crate::result::{Axis, Cell, Finding, Item, ResultDoc, SCHEMA, Scalar, Series, Table};

/// So many items, points and rows a document holds at most: what is larger belongs into a stream. A row of totals may come on top.
const MOST_ITEMS: usize = 500;
const MOST_POINTS: usize = 5000;
const MOST_ROWS: usize = 1001;

/// What must hold beyond the JSON schema; every breach, at once.
#[must_use]
pub fn breaches(doc: &ResultDoc) -> Vec<String> {
    let mut found = Vec::new();
    if doc.schema != SCHEMA {
        found.push(format!("schema is `{}`, not `{SCHEMA}`", doc.schema));
    }
    if doc.items.len() > MOST_ITEMS {
        found.push(format!("{} items, more than {MOST_ITEMS}", doc.items.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for item in &doc.items {
        if !seen.insert(item.id()) {
            found.push(format!("the id `{}` stands twice", item.id()));
        }
    }
    for item in &doc.items {
        match item {
            Item::Scalar(scalar) => {
                check_scalar(scalar, &mut found);
                check_spark(doc, scalar, &mut found);
            }
            Item::Series(series) => check_series(series, &mut found),
            Item::Table(table) => check_table(table, &mut found),
            Item::Finding(finding) => check_finding(doc, finding, &mut found),
        }
    }
    for quality in &doc.quality {
        for id in quality.affects.iter().filter(|id| doc.item(id).is_none()) {
            found.push(format!(
                "the caveat `{}` touches `{id}`, which is not in the result",
                quality.words.key
            ));
        }
    }
    found
}

fn check_spark(doc: &ResultDoc, scalar: &Scalar, found: &mut Vec<String>) {
    let Some(path) = &scalar.spark else { return };
    let line = path
        .split_once('.')
        .and_then(|(series, line)| match doc.item(series)? {
            Item::Series(series) => series.y.iter().find(|y| y.id == line),
            _ => None,
        });
    if line.is_none() {
        found.push(format!(
            "`{}` has its history in `{path}`, which is no `series.line` of the result",
            scalar.id
        ));
    }
}

fn check_scalar(scalar: &Scalar, found: &mut Vec<String>) {
    match (&scalar.value, &scalar.missing) {
        (Cell::Null, None) => found.push(format!("`{}` is null without a reason", scalar.id)),
        (Cell::Number(_), None) | (Cell::Null, Some(_)) => {}
        (Cell::Number(_), Some(_)) => found.push(format!(
            "`{}` has both a value and a reason for having none",
            scalar.id
        )),
        _ => found.push(format!(
            "`{}` is a scalar but its value is not a number",
            scalar.id
        )),
    }
}

fn check_series(series: &Series, found: &mut Vec<String>) {
    if series.points.len() > MOST_POINTS {
        let points = series.points.len();
        found.push(format!(
            "`{}` has {points} points, more than {MOST_POINTS}",
            series.id
        ));
    }
    let width = series.y.len() + 1;
    if series.points.iter().any(|point| point.len() != width) {
        found.push(format!(
            "the points of `{}` are not all {width} cells wide",
            series.id
        ));
    }
    let xs: Vec<&Cell> = series
        .points
        .iter()
        .filter_map(|point| point.first())
        .collect();
    let ascending = match series.x {
        Axis::Category => true,
        Axis::Time => xs.windows(2).all(|w| w[0].text() < w[1].text()),
        Axis::Number => xs.windows(2).all(|w| w[0].number() < w[1].number()),
    };
    if !ascending {
        found.push(format!(
            "the points of `{}` are not in ascending order",
            series.id
        ));
    }
}

fn check_table(table: &Table, found: &mut Vec<String>) {
    let width = table.columns.len();
    if table.rows.len() > MOST_ROWS {
        let rows = table.rows.len();
        found.push(format!(
            "`{}` has {rows} rows, more than {MOST_ROWS}; give them as a stream",
            table.id
        ));
    }
    if let Some(stream) = &table.arrow {
        found.push(format!(
            "`{}` has its rows in `{stream}`, which did not come with the answer",
            table.id
        ));
    }
    if table.rows.iter().any(|row| row.len() != width) {
        found.push(format!(
            "the rows of `{}` are not all {width} cells wide",
            table.id
        ));
    }
    if table.marked.is_some_and(|row| row >= table.rows.len()) {
        found.push(format!("`{}` marks a row that it does not have", table.id));
    }
}

fn check_finding(doc: &ResultDoc, finding: &Finding, found: &mut Vec<String>) {
    for id in &finding.evidence {
        match doc.item(id) {
            None => found.push(format!(
                "finding `{}` rests on `{id}`, which is not in the result",
                finding.id
            )),
            Some(item) if !item.sensitivity().is_subset(&finding.sensitivity) => {
                found.push(format!(
                    "finding `{}` is less guarded than its evidence `{id}`",
                    finding.id
                ));
            }
            Some(_) => {}
        }
    }
    if !(0.0..=1.0).contains(&finding.confidence) || !(0.0..=1.0).contains(&finding.controllability)
    {
        found.push(format!(
            "confidence and controllability of `{}` must lie between 0 and 1",
            finding.id
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(json: &str) -> ResultDoc {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn exact_numbers_survive_the_round_trip() {
        let doc = doc(
            r#"{"schema":"chenbao.result/1","items":[{"type":"scalar","id":"paid","unit":"CNY","value":{"$dec":"1204.5000"}}]}"#,
        );
        let again: ResultDoc = serde_json::from_str(&serde_json::to_string(&doc).unwrap()).unwrap();
        assert_eq!(again, doc);
        assert!(breaches(&doc).is_empty());
    }

    #[test]
    fn every_breach_is_named_at_once() {
        let doc = doc(r#"{"schema":"chenbao.result/1","items":[
              {"type":"scalar","id":"a","unit":"1","value":null},
              {"type":"series","id":"a","x":"time","y":[{"id":"v","unit":"1"}],"points":[["2026-01-02",1],["2026-01-01",2]]},
              {"type":"table","id":"t","columns":[{"name":"c","type":"text"}],"rows":[["x","y"]],"sensitivity":["cost"]},
              {"type":"finding","id":"f","kind":"k","severity":"info","evidence":["t","nowhere"]}]}"#);
        let found = breaches(&doc).join("\n");
        for word in [
            "null without",
            "stands twice",
            "ascending",
            "cells wide",
            "less guarded",
            "nowhere",
        ] {
            assert!(found.contains(word), "{word} in {found}");
        }
    }
}
