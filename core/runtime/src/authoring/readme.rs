//! A plugin's README: its sections, and the parts of it that are written from the descriptor, the sample and the cases.

use crate::plugin::descriptor::{ComponentKind, Descriptor, InputWindow, OutputKind};
use chenbao_model::strings::{Piece, pieces};
use serde_json::Value;
use std::path::Path;

/// A section: heading, and the name of its generated part if it has one.
type Section = (&'static str, &'static str);

const METRIC: &[Section] = &[
    ("What it tells you", ""),
    ("When not to trust it", ""),
    ("Sample", "sample"),
    ("Parameters", "parameters"),
    ("Inputs", "inputs"),
    ("Outputs", "outputs"),
    ("Example output", "example"),
    ("How it is computed", ""),
    ("Changelog", ""),
];
const SOURCE: &[Section] = &[
    ("What it tells you", ""),
    ("When not to trust it", ""),
    ("Sample", "sample"),
    ("Parameters", "parameters"),
    ("Changelog", ""),
];

fn sections(kind: ComponentKind) -> &'static [Section] {
    match kind {
        ComponentKind::Metric => METRIC,
        ComponentKind::Source => SOURCE,
    }
}

/// What is wrong with the sections. Others may stand between those that must be there.
#[must_use]
pub fn lint(text: &str, kind: ComponentKind) -> Vec<String> {
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::trim)
        .collect();
    let mut found = Vec::new();
    if !text.starts_with("# ") {
        found.push("README.md does not begin with a title (`# name: what it is`)".to_owned());
    }
    let mut last = 0;
    for (heading, part) in sections(kind) {
        let Some(at) = headings.iter().position(|one| one == heading) else {
            found.push(format!("README.md has no section `## {heading}`"));
            continue;
        };
        if at < last {
            found.push(format!(
                "README.md: `## {heading}` comes too early; the order is {}",
                order(kind)
            ));
        }
        last = last.max(at);
        if !part.is_empty() && !text.contains(&mark(part)) {
            found.push(format!(
                "README.md: write `{}` and `{END}` under `## {heading}`",
                mark(part)
            ));
        }
    }
    found
}

fn order(kind: ComponentKind) -> String {
    let all: Vec<&str> = sections(kind).iter().map(|(heading, _)| *heading).collect();
    all.join(" · ")
}

const END: &str = "<!-- end -->";

fn mark(part: &str) -> String {
    format!("<!-- generated: {part} -->")
}

/// The text with its generated parts as they should be.
#[must_use]
pub fn generated(text: &str, folder: &Path, descriptor: &Descriptor) -> String {
    let mut out = text.to_owned();
    for (_, part) in sections(descriptor.kind)
        .iter()
        .filter(|(_, part)| !part.is_empty())
    {
        let mark = mark(part);
        let Some((before, rest)) = out.split_once(&mark) else {
            continue;
        };
        let Some((_, after)) = rest.split_once(END) else {
            continue;
        };
        let body = match *part {
            "sample" => sample(folder),
            "parameters" => parameters(descriptor),
            "inputs" => inputs(descriptor),
            "outputs" => outputs(descriptor),
            _ => example(folder, descriptor),
        };
        out = format!("{before}{mark}\n{}\n{END}{after}", body.trim_end());
    }
    out
}

fn sample(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("sample.toml")).unwrap_or_default();
    // Where a folder lies is its owner's own affair.
    let told = |line: &str| match line.strip_prefix("extra = [\"/") {
        Some(_) => "extra = [\"the folder of its library\"]".to_owned(),
        None => line.to_owned(),
    };
    let lines: Vec<String> = text.trim_end().lines().map(told).collect();
    format!("```toml\n{}\n```", lines.join("\n"))
}

/// Text of a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn table(heads: &[&str], rows: Vec<Vec<String>>, none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let rule = format!("|{}", "---|".repeat(heads.len()));
    let mut out = vec![line(&heads), rule];
    out.extend(rows.iter().map(|row| line(row)));
    out.join("\n")
}

fn parameters(descriptor: &Descriptor) -> String {
    let rows = descriptor.options.iter().map(|(name, spec)| {
        let default = match &spec.default {
            Some(value) => format!("`{value}`"),
            None if spec.required => "must be given".to_owned(),
            None => String::new(),
        };
        let mut allowed = vec![spec.kind.name().to_owned()];
        allowed.extend(spec.min.map(|min| format!("at least {min}")));
        allowed.extend(spec.max.map(|max| format!("at most {max}")));
        if !spec.one_of.is_empty() {
            let all: Vec<String> = spec.one_of.iter().map(ToString::to_string).collect();
            allowed = vec![all.join(" or ")];
        }
        if !spec.unit.is_empty() {
            allowed.push(format!("in `{}`", spec.unit));
        }
        vec![
            format!("`{name}`"),
            default,
            cell(&allowed.join(", ")),
            cell(&spec.description),
        ]
    });
    table(
        &["name", "default", "what it can be", "meaning"],
        rows.collect(),
        "It has none.",
    )
}

fn window(window: InputWindow) -> String {
    match window {
        InputWindow::Period => "period".to_owned(),
        InputWindow::Previous => "period and the one before".to_owned(),
        InputWindow::Days(n) => format!("{n} days"),
        InputWindow::Weekdays(n) => format!("same weekdays of {n} weeks"),
        InputWindow::All => "all".to_owned(),
    }
}

fn inputs(descriptor: &Descriptor) -> String {
    let rows = descriptor.inputs.iter().map(|input| {
        let optional = if input.optional { " (optional)" } else { "" };
        let (from, days) = match &input.from {
            Some(from) => (format!("metric `{}`", from.metric), String::new()),
            None => (input.tables.join(", "), window(input.window)),
        };
        vec![
            format!("`{}`{optional}", input.name),
            from,
            days,
            cell(&input.description),
        ]
    });
    table(
        &["name", "from", "days", "what"],
        rows.collect(),
        "It has none.",
    )
}

fn outputs(descriptor: &Descriptor) -> String {
    let rows = descriptor.outputs.iter().map(|output| {
        let key = match output.kind {
            OutputKind::Finding => format!("finding.{}", output.id),
            _ => format!("item.{}", output.id),
        };
        let word = |lang: &str| {
            descriptor
                .words
                .get(lang)
                .and_then(|words| words.get(&key))
                .unwrap_or_default()
        };
        vec![
            format!("`{}`", output.id),
            output.kind.to_string(),
            if output.unit.is_empty() {
                String::new()
            } else {
                format!("`{}`", output.unit)
            },
            cell(word("en")),
            cell(word("zh-CN")),
        ]
    });
    let all = table(
        &["id", "kind", "unit", "English", "中文"],
        rows.collect(),
        "It has none.",
    );
    format!(
        "Units: `money` is the shop's currency, `%` is percent (3.12 is 3.12 %), `{{…}}` are counts.\n\n{all}"
    )
}

/// Figures and sentences of the first case.
fn example(folder: &Path, descriptor: &Descriptor) -> String {
    let mut cases: Vec<_> = std::fs::read_dir(folder.join("cases"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|case| case.join("expected.json").is_file())
        .collect();
    cases.sort();
    let read = |case: &std::path::PathBuf| {
        let bytes = std::fs::read(case.join("expected.json")).ok()?;
        let doc = serde_json::from_slice::<Value>(&bytes).ok()?;
        doc["items"]
            .as_array()
            .cloned()
            .map(|items| (case.clone(), items))
    };
    let Some((case, items)) = cases.iter().find_map(read) else {
        return "No case has an expected answer.".to_owned();
    };
    let words = descriptor.strings("en");
    let mut lines = vec![format!(
        "The case `{}`:\n",
        case.file_name().unwrap_or_default().to_string_lossy()
    )];
    for item in items {
        let id = item["id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("scalar") => {
                let label = words.get(&format!("item.{id}")).unwrap_or(id);
                let shown = match item["missing"]["why"].as_str() {
                    Some(why) => format!("none ({why})"),
                    None => figure(&item["value"], item["unit"].as_str().unwrap_or_default()),
                };
                lines.push(format!("* {label}: {shown}"));
            }
            Some("finding") => {
                let kind = item["kind"].as_str().unwrap_or(id);
                let sentence = words.get(&format!("finding.{kind}")).unwrap_or(kind);
                lines.push(format!(
                    "* “{}”",
                    said(sentence, &item["args"], &|key| {
                        words.get(&format!("value.{key}")).unwrap_or(key).to_owned()
                    })
                ));
            }
            Some("series") => {
                let label = words.get(&format!("item.{id}")).unwrap_or(id);
                let points = item["points"].as_array().map_or(0, Vec::len);
                lines.push(format!("* {label}: a series of {points} points"));
            }
            _ => {
                let label = words.get(&format!("item.{id}")).unwrap_or(id);
                let rows = item["rows"].as_array().map_or(0, Vec::len);
                lines.push(format!("* {label}: a table of {rows} rows"));
            }
        }
    }
    lines.join("\n")
}

fn figure(value: &Value, unit: &str) -> String {
    let number = match value {
        Value::Object(map) => map
            .get("$dec")
            .or(map.get("$int"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match unit {
        "" | "1" => number,
        unit => format!("{number} {}", unit.trim_matches(['{', '}'])),
    }
}

/// A sentence with its figures in place, as plainly as a README needs it.
fn said(sentence: &str, args: &Value, word: &dyn Fn(&str) -> String) -> String {
    let part = |piece: Piece| match piece {
        Piece::Text(text) => text,
        Piece::Argument { name, .. } => {
            let argument = &args[&name];
            match argument["value"]["$key"].as_str() {
                Some(key) => word(key),
                None => figure(
                    &argument["value"],
                    argument["unit"].as_str().unwrap_or_default(),
                ),
            }
        }
    };
    let all = pieces(sentence).unwrap_or_default();
    all.into_iter().map(part).collect()
}
