//! The schema that editors get of `chenbao.toml`: a validator and `chenbao check` judge the same files alike.

use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![trial_with(
        "schema::an_editor_marks_what_check_refuses",
        &["python3", "python:jsonschema"],
        alike,
    )]
}

/// Reads the schema's file, and texts as JSON from standard input; says for each the places that it refuses.
const VALIDATE: &str = "
import datetime, json, sys, tomllib, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
def plain(value):
    if isinstance(value, dict): return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list): return [plain(v) for v in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value
texts = json.load(sys.stdin)
print(json.dumps([[e.json_path + ': ' + e.message for e in validator.iter_errors(plain(tomllib.loads(t)))] for t in texts]))
";

fn validated(schema: &std::path::Path, texts: &[String]) -> Result<Vec<Vec<String>>, Failed> {
    let mut python = Command::new("python3")
        .args(["-c", VALIDATE])
        .arg(schema)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = python.stdin.take().ok_or("no standard input")?;
    stdin.write_all(&serde_json::to_vec(texts)?)?;
    drop(stdin);
    let said = python.wait_with_output()?;
    assert!(said.status.success());
    Ok(serde_json::from_slice(&said.stdout)?)
}

/// A mistake: the piece that is replaced, by what, and what the validator has to name.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("owner =", "ownr =", "ownr"),
    ("[project]", "[projects]", "projects"),
    ("plugin = \"files\"\n", "", "plugin"),
    ("required = false", "required = \"no\"", "required"),
    ("kind = \"feishu\"", "kind = \"feishoo\"", "feishoo"),
    ("n_min = 30", "n_min = \"thirty\"", "n_min"),
    ("n_min = 30", "n_mim = 30", "n_mim"),
    (
        "deliver = \"0 8 * * *\"",
        "delivers = \"0 8 * * *\"",
        "delivers",
    ),
    (
        "shows = [\"cost\", \"finance\"]",
        "shows = [\"costs\"]",
        "costs",
    ),
    ("type = \"d11\"", "", "type"),
];

fn alike() -> Result<(), Failed> {
    let root = crate::house_rules::root();
    let project = Project::from_case("one-shop");
    let schema = project.run(&["config", "schema"]).exits(0).json();
    let described = |place: &Value| place["description"].as_str().is_some_and(|s| s.len() > 10);
    assert!(described(
        &schema["properties"]["mail"]["properties"]["max_size"]
    ));
    let file = project.path().join("chenbao.schema.json");
    project.write("chenbao.schema.json", schema.to_string());

    let example = std::fs::read_to_string(root.join("config.example.toml"))?;
    let mut texts = vec![example.clone()];
    for good in [
        "packaging/chenbao.toml",
        "examples/online-retail/chenbao.toml",
        "tests/cases/tmall/chenbao.toml",
        "tests/cases/one-shop/chenbao.toml",
        "core/runtime/src/cli/starter.toml",
    ] {
        texts.push(std::fs::read_to_string(root.join(good))?);
    }
    let good = texts.len();
    for (from, to, _) in MISTAKES {
        assert!(example.contains(from), "{from}");
        texts.push(example.replacen(from, to, 1));
    }
    let said = validated(&file, &texts)?;
    for (text, problems) in texts.iter().zip(&said).take(good) {
        assert!(problems.is_empty(), "{problems:?}\n{text}");
    }
    for ((from, to, named), problems) in MISTAKES.iter().zip(&said[good..]) {
        let told = problems.join("\n");
        assert!(told.contains(named), "{from} -> {to}: {told}");
    }

    // A configuration that cannot be read still gets its schema, with the plugins that came along.
    project.write("chenbao.toml", "[project\n");
    let again = project.run(&["config", "schema"]).exits(0).json();
    assert_eq!(
        again["properties"]["project"],
        schema["properties"]["project"]
    );
    assert!(again.to_string().contains("\"const\":\"files\""));
    Ok(())
}
