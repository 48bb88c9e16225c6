//! Runs the cases of a metric's folder: `cases/<case>/{inputs,period,context}.json` in, `expected.json` out.
//!
//! Included by each metric's `tests/cases.rs`. Besides the expected answer it checks what the host and the pages rely on:
//! every item is declared with its type, and every key has words in every language.

use chenbao_plugin::{ContextArgs, Cx, Inputs, Metric, PeriodArgs};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn toml(path: &Path) -> Value {
    let table: toml::Table = text(path)
        .parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::to_value(table).unwrap()
}

fn json_at(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Computes one case; params are the defaults of `metric.toml` with those of `params.json` on top.
pub(crate) fn compute<M: Metric>(folder: &Path, case: &Path) -> Value {
    let mut params: Map<String, Value> = Map::new();
    if let Some(declared) = toml(&folder.join("metric.toml"))["params"].as_object() {
        params.extend(
            declared
                .iter()
                .map(|(name, param)| (name.clone(), param["default"].clone())),
        );
    }
    if case.join("params.json").exists() {
        params.extend(
            json_at(&case.join("params.json"))
                .as_object()
                .unwrap()
                .clone(),
        );
    }
    let period: PeriodArgs = serde_json::from_value(json_at(&case.join("period.json"))).unwrap();
    let context: ContextArgs = serde_json::from_value(json_at(&case.join("context.json"))).unwrap();
    let mut inputs = Inputs::from_json(&json_at(&case.join("inputs.json"))).unwrap();
    let params = serde_json::from_value(Value::Object(params)).unwrap();
    M::compute(params, &mut inputs, &Cx::offline(period, context))
        .unwrap()
        .to_json()
}

/// Runs every case of the folder. `UPDATE_CASES=1` rewrites what is expected, and still fails, so that it is looked at.
pub(crate) fn run_all<M: Metric>(folder: &str) {
    let folder = PathBuf::from(folder);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder.join("cases"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    let mut wrong = Vec::new();
    for case in &cases {
        let got = compute::<M>(&folder, case);
        check_declared(&folder, &got);
        let path = case.join("expected.json");
        if std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(&got).unwrap() + "\n").unwrap();
            wrong.push(format!("{} was rewritten: read it", path.display()));
        } else if got != json_at(&path) {
            wrong.push(format!(
                "{}: {}",
                case.display(),
                first_difference(&got, &json_at(&path))
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first_difference(got: &Value, expected: &Value) -> String {
    let list = |doc: &Value| doc["items"].as_array().cloned().unwrap_or_default();
    let (got_items, expected_items) = (list(got), list(expected));
    match got_items.iter().zip(&expected_items).find(|(a, b)| a != b) {
        Some((a, b)) => format!("item `{}` is\n{a}\nnot\n{b}", a["id"]),
        None => format!(
            "{} items, not {}; or the quality differs",
            got_items.len(),
            expected_items.len()
        ),
    }
}

/// Items are declared, and every key has words in every language.
pub(crate) fn check_declared(folder: &Path, doc: &Value) {
    let outputs = toml(&folder.join("metric.toml"))["outputs"].clone();
    let mut keys = BTreeSet::new();
    for item in doc["items"].as_array().unwrap() {
        let (kind, id) = (item["type"].as_str().unwrap(), item["id"].as_str().unwrap());
        let name = item["kind"].as_str().unwrap_or(id);
        assert_eq!(
            outputs[name]["type"],
            json!(kind),
            "`{name}` is not declared as {kind}"
        );
        if kind == "scalar" {
            assert_eq!(outputs[name]["unit"], item["unit"], "unit of `{name}`");
        }
        keys.insert(if kind == "finding" {
            format!("finding.{name}")
        } else {
            format!("item.{id}")
        });
        for line in item["y"].as_array().into_iter().flatten() {
            keys.insert(format!("series.{id}.{}", line["id"].as_str().unwrap()));
        }
        for column in item["columns"].as_array().into_iter().flatten() {
            keys.insert(format!("column.{}", column["name"].as_str().unwrap()));
        }
        words_of(item, &mut keys);
    }
    for quality in doc["quality"].as_array().into_iter().flatten() {
        keys.insert(format!(
            "quality.{}",
            quality["words"]["key"].as_str().unwrap()
        ));
    }
    let given = |id: &String| {
        doc["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["id"] == json!(id))
    };
    let silent = outputs
        .as_object()
        .unwrap()
        .iter()
        .filter(|(id, output)| output["type"] != "finding" && !given(id));
    assert_eq!(
        silent.map(|(id, _)| id).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "declared, but not in the answer"
    );
    check_words(folder, &keys);
}

fn check_words(folder: &Path, keys: &BTreeSet<String>) {
    for lang in ["zh-CN", "en"] {
        let words = toml(&folder.join(format!("strings.{lang}.toml")));
        let lacking: Vec<&String> = keys
            .iter()
            .filter(|key| {
                key.split('.')
                    .fold(&words, |at, part| &at[part])
                    .as_str()
                    .is_none()
            })
            .collect();
        assert!(lacking.is_empty(), "strings.{lang}.toml lacks {lacking:?}");
    }
}

fn words_of(item: &Value, keys: &mut BTreeSet<String>) {
    let mut key = |kind: &str, words: &Value| {
        if let Some(name) = words["key"].as_str() {
            keys.insert(format!("{kind}.{name}"));
        }
    };
    key("note", &item["note"]);
    key("action", &item["action"]);
    for words in item["excluded"].as_array().into_iter().flatten() {
        key("excluded", words);
    }
    cells(item, keys);
}

fn cells(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => match map.get("$key").and_then(Value::as_str) {
            Some(name) => {
                keys.insert(format!("value.{name}"));
            }
            None => map.values().for_each(|inner| cells(inner, keys)),
        },
        Value::Array(list) => list.iter().for_each(|inner| cells(inner, keys)),
        _ => {}
    }
}

/// Both languages have the same keys, and every declared output has its words.
pub(crate) fn check_strings(folder: &str) {
    let folder = PathBuf::from(folder);
    let all = |lang: &str| {
        let mut keys = BTreeSet::new();
        flat(
            "",
            &toml(&folder.join(format!("strings.{lang}.toml"))),
            &mut keys,
        );
        keys
    };
    let (zh, en) = (all("zh-CN"), all("en"));
    let differ: Vec<&String> = zh.symmetric_difference(&en).collect();
    assert!(differ.is_empty(), "only one language has {differ:?}");
    for (name, output) in toml(&folder.join("metric.toml"))["outputs"]
        .as_object()
        .unwrap()
    {
        let kind = if output["type"] == "finding" {
            "finding"
        } else {
            "item"
        };
        assert!(
            zh.contains(&format!("{kind}.{name}")),
            "no words for the output `{name}`"
        );
    }
}

fn flat(prefix: &str, value: &Value, keys: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(map) => map.iter().for_each(|(name, inner)| {
            flat(
                &format!("{prefix}{}{name}", if prefix.is_empty() { "" } else { "." }),
                inner,
                keys,
            );
        }),
        None => {
            keys.insert(prefix.to_owned());
        }
    }
}
