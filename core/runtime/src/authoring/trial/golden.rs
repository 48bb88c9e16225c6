//! What a case must give, item by item; `UPDATE=1` writes it again and still fails, so that it is read.

use super::{Ending, Status};
use crate::storage;
use serde_json::Value;
use std::path::Path;

/// What differs from `expected.json`, a line for each item.
#[must_use]
pub fn against(path: &Path, got: &Value) -> Vec<String> {
    let expected = std::fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    match &expected {
        Some(expected) => differences(&read_again(expected), got),
        None => vec!["there is no expected.json".to_owned()],
    }
}

pub(super) fn compare(path: &Path, got: &Value, update: bool) -> Ending {
    let found = against(path, got);
    if found.is_empty() {
        return (Status::Ok, String::new());
    }
    if update {
        let written = serde_json::to_string_pretty(got)
            .map_err(|e| e.to_string())
            .and_then(|text| {
                storage::write(path, format!("{text}\n").as_bytes()).map_err(|e| e.to_string())
            });
        return match written {
            Ok(()) => (
                Status::Failed,
                format!("{} was rewritten: read it", path.display()),
            ),
            Err(why) => (
                Status::Failed,
                format!("{} cannot be written: {why}", path.display()),
            ),
        };
    }
    (
        Status::Failed,
        format!(
            "{}\n  UPDATE=1 rewrites {}",
            found.join("\n"),
            path.display()
        ),
    )
}

/// A result document in the host's own form, so that what is left to defaults is no difference.
fn read_again(expected: &Value) -> Value {
    let doc = serde_json::from_value::<chenbao_model::result::ResultDoc>(expected.clone());
    doc.ok()
        .and_then(|doc| serde_json::to_value(doc).ok())
        .unwrap_or_else(|| expected.clone())
}

/// What differs between two results, a line for each item.
fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let items = |doc: &Value| doc["items"].as_array().cloned();
    let (Some(before), Some(now)) = (items(expected), items(got)) else {
        return first("", expected, got).into_iter().collect();
    };
    let id = |item: &Value| item["id"].as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for old in &before {
        match now.iter().find(|new| id(new) == id(old)) {
            None => found.push(format!("- {} is gone", id(old))),
            Some(new) => found.extend(first(&id(old), old, new)),
        }
    }
    for new in &now {
        if !before.iter().any(|old| id(old) == id(new)) {
            found.push(format!("+ {} is new", id(new)));
        }
    }
    found.extend(first("quality", &expected["quality"], &got["quality"]));
    found
}

/// The first place in which two values differ.
fn first(at: &str, expected: &Value, got: &Value) -> Option<String> {
    let below = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) if !a.contains_key("$dec") => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            let value = |map: &serde_json::Map<String, Value>, name: &str| {
                map.get(name).cloned().unwrap_or(Value::Null)
            };
            names
                .into_iter()
                .find_map(|name| first(&below(name), &value(a, name), &value(b, name)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| first(&below(&i.to_string()), a, b)),
        (Value::Number(a), Value::Number(b)) if close(a.as_f64(), b.as_f64()) => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("~ {at}: {} is now {}", short(a), short(b))),
    }
}

/// Equal but for what floats lose.
fn close(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b)
        .is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0))
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Object(map) => map
            .get("$dec")
            .and_then(Value::as_str)
            .map_or_else(|| value.to_string(), str::to_owned),
        other => other.to_string(),
    };
    if text.chars().count() > 80 {
        format!("{}…", text.chars().take(80).collect::<String>())
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_by_item() {
        let before = json!({"items": [{"id": "a", "value": {"$dec": "1.00"}}, {"id": "b"}, {"id": "d", "value": 0.1}]});
        let now = json!({"items": [{"id": "a", "value": {"$dec": "2.00"}}, {"id": "c"}, {"id": "d", "value": 0.1 + 1e-17}]});
        assert_eq!(
            differences(&before, &now),
            ["~ a.value: 1.00 is now 2.00", "- b is gone", "+ c is new"]
        );
    }

    #[test]
    fn an_update_is_written_and_still_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("expected.json");
        let (status, why) = compare(&path, &json!({"items": []}), true);
        assert_eq!(status, Status::Failed);
        assert!(why.contains("rewritten: read it"), "{why}");
        assert_eq!(compare(&path, &json!({"items": []}), true).0, Status::Ok);
    }
}
