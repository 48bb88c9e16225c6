//! What the plugin contract promises beyond one answer: params refused before a row is read, tables too large for a document,
//! metrics that read metrics, and a schema that says what the host takes.

use crate::hostile::{call, host};
use crate::orders::{export, line};
use crate::project::Project;
use crate::{trial, trial_with};
use chenbao::plugin::host::ComputeCall;
use chenbao_plugin::arrow_array::Array as _;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("contract::a_table_of_a_million_rows_arrives_whole", million),
        trial(
            "contract::a_large_table_that_is_wrong_is_a_verdict",
            wrong_tables,
        ),
        trial(
            "contract::params_are_refused_before_a_row_is_read",
            described,
        ),
        trial("contract::every_call_says_what_surrounds_it", surrounded),
        trial("contract::a_metric_reads_another", chained),
        trial("contract::metrics_in_a_circle_are_named", circle),
        trial_with(
            "contract::the_schema_says_what_the_host_takes",
            &["python3", "python:jsonschema"],
            schema,
        ),
    ]
}

fn large(what: &str) -> ComputeCall {
    ComputeCall {
        outputs: Some(["lines".to_owned()].into()),
        ..call(&json!({ "how": "large", "what": what }))
    }
}

fn million() -> Result<(), Failed> {
    for count in [0_usize, 1, 1000, 1001, 1_000_000] {
        let mut seen = 0;
        let mut nulls = 0;
        let mut take = |table: &str, batch: chenbao_plugin::arrow_array::RecordBatch| {
            assert_eq!(table, "lines");
            seen += batch.num_rows();
            nulls += batch.column(1).null_count();
            Ok(())
        };
        let doc = host(60, 1)
            .compute_into(&large(&count.to_string()), Vec::new(), &mut take)
            .unwrap();
        // Every third order has no number, the first among them.
        assert_eq!((seen, nulls), (count, count.div_ceil(3)));
        let doc = serde_json::to_value(doc)?;
        let table = &doc["items"][0];
        assert_eq!(table["total_rows"], json!(count));
        let rows = table["rows"].as_array().unwrap();
        assert_eq!(rows.len(), count.min(1000));
        if let Some(last) = rows.get(999) {
            assert_eq!(last, &json!([{"$dec": "999"}, null]));
        }
    }
    Ok(())
}

fn wrong_tables() -> Result<(), Failed> {
    let verdict = |what: &str| host(20, 1).compute(&large(what), Vec::new()).unwrap_err();
    let names = verdict("10 names");
    assert_eq!(names.code(), "breach");
    assert!(names.to_string().contains("other Int64"), "{names}");
    let breaks = verdict("20000 breaks");
    assert_eq!(breaks.code(), "error");
    assert!(
        breaks
            .to_string()
            .contains("the disk of the plugin is gone"),
        "{breaks}"
    );
    let panics = verdict("20000 panics");
    assert!(
        panics.to_string().contains("in the middle of a table"),
        "{panics}"
    );
    Ok(())
}

fn described() -> Result<(), Failed> {
    let mut host = host(5, 1);
    let described = host.describe(r#"{"how":"large"}"#).unwrap();
    assert_eq!(described.inputs, Some(std::collections::BTreeSet::new()));
    let refused = host.describe(r#"{"how":"refused"}"#).unwrap_err();
    assert!(
        refused.to_string().contains("(invalid_config)"),
        "{refused}"
    );
    let strange = host.describe(r#"{"how":"strange"}"#).unwrap_err();
    assert!(
        strange.to_string().contains("an input `nowhere`")
            && strange.to_string().contains("an output `surprise`"),
        "{strange}"
    );
    // The user hears it from `check`, with the place in the configuration.
    let config = crate::house_rules::root().join("tests/cases/one-shop/chenbao.toml");
    let config = std::fs::read_to_string(config)?;
    let _ = Project::from_case("one-shop")
        .file(
            "chenbao.toml",
            format!(
                "{config}\n[metric.h]\nplugin = \"hostile\"\n[metric.h.with]\nhow = \"refused\"\n"
            ),
        )
        .run(&["check"])
        .exits(2)
        .says(&["do not go together", "[metric.h]"]);
    Ok(())
}

/// What a metric of a campaign report is told has every key that `schema/shapes-1.json` shows, and none is empty.
fn surrounded() -> Result<(), Failed> {
    let shapes = crate::house_rules::root().join("plugins/api/schema/shapes-1.json");
    let shapes: Value = serde_json::from_str(&std::fs::read_to_string(shapes)?)?;
    let project = Project::from_case("one-shop");
    let text = project.read("chenbao.toml");
    let campaigns: String = [2025, 2026]
        .map(|year| {
            format!(
                "[campaign.d11-{year}]\nname = \"双十一\"\ntype = \"d11\"\nstarts = {year}-11-05\nends = {year}-11-13\nplan = \"120.00\"\n\
                 [[campaign.d11-{year}.phase]]\nid = \"burst\"\nname = \"爆发期\"\nstarts = {year}-11-10\nends = {year}-11-13\nplan = \"100.00\"\n"
            )
        })
        .concat();
    project.write(
        "chenbao.toml",
        format!(
            "{text}\n{campaigns}[metric.h]\nplugin = \"hostile\"\n[metric.h.with]\nhow = \"context\"\n\
             [report.review]\ntemplate = \"campaign\"\nmetrics = [\"h\"]\n[report.review.schedule]\nperiod = \"campaign\"\ndeliver = \"08:30\"\n\
             editions = [\"D+7\"]\n[report.review.audience.boss]\nrole = \"management\"\nshops = [\"main\"]\n"
        ),
    );
    let told = project
        .run_at(
            "2026-11-22T09:00:00+08:00",
            &["run", "review", "--results", "--json"],
        )
        .json();
    let rows = rows_of(&told).ok_or_else(|| format!("no rows in {told}"))?;
    for (row, shape) in rows.iter().zip(["period_json", "context_json"]) {
        let text = row[1].as_str().ok_or("no text")?;
        alike(&serde_json::from_str(text)?, &shapes[shape], shape);
    }
    Ok(())
}

/// The rows of the first table anywhere in a document.
fn rows_of(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Object(all) => all
            .get("rows")
            .and_then(Value::as_array)
            .filter(|rows| !rows.is_empty())
            .or_else(|| all.values().find_map(rows_of)),
        Value::Array(all) => all.iter().find_map(rows_of),
        _ => None,
    }
}

/// The same keys, with values of the same types, where the example has one.
fn alike(value: &Value, example: &Value, place: &str) {
    match (value, example) {
        (Value::Object(value), Value::Object(example)) => {
            let keys = |all: &serde_json::Map<String, Value>| -> BTreeSet<String> {
                all.keys().cloned().collect()
            };
            assert_eq!(keys(value), keys(example), "{place}");
            for (key, below) in example {
                alike(&value[key], below, &format!("{place}.{key}"));
            }
        }
        (Value::Array(value), Value::Array(example)) => {
            assert!(!value.is_empty(), "{place}");
            value.iter().for_each(|one| alike(one, &example[0], place));
        }
        (value, Value::Null) => assert!(value.is_null() || value.is_string(), "{place}: {value}"),
        (value, example) => assert_eq!(
            std::mem::discriminant(value),
            std::mem::discriminant(example),
            "{place}: {value}"
        ),
    }
}

/// A metric without code that shows figures of another.
fn echo(id: &str, reads: &str, item: &str, column: &str) -> BTreeMap<String, String> {
    let metric = format!(
        "id = '{id}'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Echo'\nsummary = 'Shows a figure of another metric.'\n\
        [inputs.base]\ndescription = 'That figure.'\nmetric = '{reads}'\nitem = '{item}'\n\
        [outputs.again]\ntype = 'scalar'\nunit = 'money'\nfrom = 'base'\ncolumn = '{column}'\n"
    );
    let folder = format!("metrics/{id}");
    let words = "[item]\nagain = '又一次'\n".to_owned();
    BTreeMap::from([
        (format!("{folder}/metric.toml"), metric),
        (format!("{folder}/strings.zh-CN.toml"), words.clone()),
        (format!("{folder}/strings.en.toml"), words),
    ])
}

/// A shop with some orders, and metrics in a folder of its own.
fn shop(metrics: &[BTreeMap<String, String>], config: &str) -> Result<Project, Failed> {
    let case = crate::house_rules::root().join("tests/cases/one-shop/chenbao.toml");
    let case = std::fs::read_to_string(case)?;
    let orders = export(&[
        line(1, "2026-11-21 10:00:00", "59.90"),
        line(2, "2026-11-21 11:00:00", "40.20"),
    ]);
    let mut project = Project::from_case("one-shop")
        .file("exports/orders/a.csv", orders)
        .file(
            "chenbao.toml",
            format!("{case}\n{config}\n[plugins]\nextra = [\"metrics\"]\n"),
        );
    for (name, text) in metrics.iter().flatten() {
        project = project.file(name, text);
    }
    Ok(project)
}

fn chained() -> Result<(), Failed> {
    let metrics = [
        echo("second", "echo", "again", "value"),
        echo("echo", "sales", "paid_amount", "value"),
    ];
    let config = "[metric.second]\nplugin = \"second\"\n[metric.echo]\nplugin = \"echo\"\n";
    let project = shop(&metrics, config)?;
    let config = project
        .read("chenbao.toml")
        .replace("metrics = [\"sales\"]", "metrics = [\"second\", \"sales\"]");
    let project = project.file("chenbao.toml", config);
    let run = ["run", "daily", "--period", "2026-11-21"];
    let _ = project.run(&run).exits(0);
    // `echo` is not among the report's metrics, is computed because `second` reads it, and stands nowhere.
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    assert!(page.contains("又一次"), "{page}");
    assert!(page.matches("100.10").count() >= 2, "{page}");
    // Two metrics of one plugin: the configuration says which is read.
    let two = format!(
        "{}\n[metric.other]\nplugin = \"sales\"\n[metric.other.with]\nn_min = 31\n",
        project.read("chenbao.toml")
    );
    project.write("chenbao.toml", &two);
    let _ = project.run(&["check"]).exits(2).says(&[
        "`other` and `sales` are both metrics",
        "[metric.echo.from] base =",
    ]);
    project.write(
        "chenbao.toml",
        format!("{two}\n[metric.echo.from]\nbase = \"sales\"\n"),
    );
    let _ = project.run(&run).exits(0);
    Ok(())
}

fn circle() -> Result<(), Failed> {
    let metrics = [
        echo("hen", "egg", "again", "value"),
        echo("egg", "hen", "again", "value"),
    ];
    let config = "[metric.hen]\nplugin = \"hen\"\n[metric.egg]\nplugin = \"egg\"\n";
    let project = shop(&metrics, config)?;
    let _ = project
        .run(&["check"])
        .exits(2)
        .says(&["read each other in a circle: egg -> hen -> egg"]);
    Ok(())
}

const VALIDATE: &str = "
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
print(json.dumps([validator.is_valid(doc) for doc in json.load(sys.stdin)]))
";

fn item(item: Value) -> Value {
    json!({"schema": "chenbao.result/1", "items": [item]})
}

fn scalar(more: Value) -> Value {
    let mut all = json!({"type": "scalar", "id": "a", "unit": "money", "value": {"$dec": "1.50"}});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    item(all)
}

fn good() -> Vec<Value> {
    vec![
        scalar(json!({})),
        scalar(json!({"value": {"$int": "12345678901234567890"}})),
        scalar(
            json!({"value": null, "missing": {"why": "baseline_short", "have": "2", "need": "4"}}),
        ),
        item(
            json!({"type": "finding", "id": "f", "kind": "f", "severity": "info", "args": {"x": {"value": "y"}}}),
        ),
        item(
            json!({"type": "series", "id": "s", "x": "time", "y": [{"id": "v", "unit": "1"}], "points": [["2026-11-21", 1]]}),
        ),
        item(
            json!({"type": "table", "id": "t", "columns": [{"name": "c", "type": "text"}], "rows": [["x"], [{"$key": "k"}]]}),
        ),
    ]
}

fn bad() -> Vec<Value> {
    vec![
        scalar(json!({"value": null})),
        scalar(json!({"value": 1, "missing": {"why": "no_rows"}})),
        scalar(json!({"value": null, "missing": {"why": "because"}})),
        scalar(json!({"value": "1.50"})),
        scalar(json!({"value": {"$dec": "NaN"}})),
        scalar(json!({"value": {"$dec": "1", "$int": "1"}})),
        scalar(json!({"better": "sideways"})),
        scalar(json!({"sensitivity": ["secret"]})),
        item(json!({"type": "poem", "id": "a"})),
        item(json!({"type": "finding", "id": "f", "kind": "f", "severity": "loud"})),
        item(
            json!({"type": "finding", "id": "f", "kind": "f", "severity": "info", "confidence": 1.5}),
        ),
        item(json!({"type": "series", "id": "s", "x": "space", "y": [], "points": []})),
        item(
            json!({"type": "table", "id": "t", "columns": [{"name": "c", "type": "picture"}], "rows": []}),
        ),
        json!({"schema": "chenbao.result/2", "items": []}),
        json!({"schema": "chenbao.result/1"}),
    ]
}

/// Documents, and whether they are good: the schema and the host must agree with what is written here.
fn documents() -> Result<Vec<(Value, bool)>, Failed> {
    let good = good().into_iter().map(|doc| (doc, true));
    let bad = bad().into_iter().map(|doc| (doc, false));
    let mut all: Vec<(Value, bool)> = good.chain(bad).collect();
    // What the product's own metrics answer in their cases.
    for plugin in ["sales", "traffic", "customers", "campaign"] {
        let cases = crate::house_rules::root().join(format!("plugins/metric-{plugin}/cases"));
        for case in std::fs::read_dir(cases)?.flatten() {
            let expected = case.path().join("expected.json");
            if let Ok(text) = std::fs::read_to_string(expected) {
                all.push((serde_json::from_str(&text)?, true));
            }
        }
    }
    Ok(all)
}

fn schema() -> Result<(), Failed> {
    use std::io::Write as _;
    let documents = documents()?;
    assert!(documents.len() > 25, "{} documents", documents.len());
    let schema = crate::house_rules::root().join("plugins/api/schema/result-1.json");
    let mut python = std::process::Command::new("python3")
        .args(["-c", VALIDATE])
        .arg(schema)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let only: Vec<&Value> = documents.iter().map(|(doc, _)| doc).collect();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(&only)?)?;
    let said = python.wait_with_output()?;
    assert!(said.status.success());
    let said: Vec<bool> = serde_json::from_slice(&said.stdout)?;
    for ((document, good), by_schema) in documents.iter().zip(said) {
        let read: Result<chenbao_model::result::ResultDoc, _> =
            serde_json::from_value(document.clone());
        let by_host = read.is_ok_and(|doc| chenbao_model::result::breaches(&doc).is_empty());
        assert_eq!(by_schema, *good, "the schema, of {document}");
        assert_eq!(by_host, *good, "the host, of {document}");
    }
    Ok(())
}
