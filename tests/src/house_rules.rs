//! The rules of the house as tests: layers, owners of libraries, sizes, names in ARCHITECTURE.md, docs that run.

use crate::trial;
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom inside `core/runtime/src`: a module may name modules of lower layers only.
const LAYERS: &[(u8, &[&str])] = &[
    (1, &["config", "calendar", "cron", "policy", "schedule"]),
    (
        ADAPTERS,
        &[
            "clock",
            "fonts",
            "ledger",
            "archive",
            "plugin",
            "templates",
            "mail",
            "ticker",
            "telemetry",
            "life",
            "systemd",
            "webhook",
        ],
    ),
    (
        3,
        &[
            "plan",
            "asking",
            "kept",
            "authoring",
            "collect",
            "chain",
            "days",
            "remap",
            "gate",
            "compute",
            "verify",
            "deliver",
            "record",
            "run",
            "project",
            "paper",
            "tables",
            "words",
            "notice",
            "quarantine",
            "robot",
            "disk",
            "recover",
            "audit",
            "backup",
            "identity",
            "erase",
            "replay",
            "retention",
        ],
    ),
    (4, &["serve", "health", "watchdog", "preview"]),
    (5, &["cli", "main", "lib"]),
];
/// Modules of this layer never import each other.
const ADAPTERS: u8 = 2;

/// One third-party library, one owner.
const OWNERS: &[(&str, &[&str])] = &[
    ("tera", &["core/report/src/compose"]),
    ("printpdf", &["core/report/src/pdf"]),
    ("rust_xlsxwriter", &["core/report/src/xlsx"]),
    ("datafusion", &["core/engine/"]),
    ("lettre", &["core/runtime/src/mail"]),
    ("mail_parser", &["core/runtime/src/mail"]),
    ("libloading", &["core/runtime/src/plugin/library.rs"]),
    ("landlock", &["core/runtime/src/plugin/restrict.rs"]),
    ("seccompiler", &["core/runtime/src/plugin/calls.rs"]),
    ("minisign_verify", &["core/runtime/src/plugin/trust.rs"]),
    (
        "sqlx",
        &[
            "core/runtime/src/ledger",
            "core/demo/",
            "plugins/source-sql/",
        ],
    ),
    ("tokio_cron_scheduler", &["core/runtime/src/ticker"]),
    (
        "axum",
        &["core/runtime/src/health", "core/runtime/src/preview"],
    ),
    ("prometheus_client", &["core/runtime/src/life/meter.rs"]),
    ("sd_notify", &["core/runtime/src/systemd.rs"]),
    ("ureq", &["core/runtime/src/webhook"]),
    ("resvg", &["core/report/src/png/logo.rs"]),
    // With its colons: `png` alone is our own module.
    ("::png", &["core/report/src/png"]),
];

/// All rules.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("house_rules::layers", layers),
        trial("house_rules::one_library_one_owner", owners),
        trial("house_rules::only_storage_writes_files", writers),
        trial(
            "house_rules::every_file_says_its_purpose_and_stays_short",
            files,
        ),
        trial(
            "house_rules::names_in_architecture_exist",
            architecture_names,
        ),
        trial("house_rules::plugin_folders_are_complete", plugin_folders),
        trial(
            "house_rules::plugins_do_not_depend_on_core",
            plugin_dependencies,
        ),
        trial("house_rules::readme_has_its_two_commands", readme),
    ]
}

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
    out.sort();
}

fn all_rust() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    for dir in ["core", "plugins", "tests"] {
        rust_files(&root.join(dir), &mut files);
    }
    files
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .unwrap_or(&path)
                .display()
                .to_string();
            (name, fs::read_to_string(&path).unwrap_or_default())
        })
        .collect()
}

fn verdict(problems: Vec<String>) -> Result<(), Failed> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n").into())
    }
}

fn layers() -> Result<(), Failed> {
    let layer: BTreeMap<&str, u8> = LAYERS
        .iter()
        .flat_map(|(n, names)| names.iter().map(move |name| (*name, *n)))
        .collect();
    let mut problems = Vec::new();
    for (file, text) in all_rust() {
        let Some(inside) = file.strip_prefix("core/runtime/src/") else {
            continue;
        };
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        let Some(mine) = layer.get(module) else {
            problems.push(format!("{file}: module `{module}` is in no layer"));
            continue;
        };
        let body = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in body
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                let Some(theirs) = layer.get(used.as_str()) else {
                    continue;
                };
                let adapter_to_adapter = *mine == ADAPTERS && *theirs == ADAPTERS && used != module;
                if theirs > mine || adapter_to_adapter {
                    problems.push(format!(
                        "{file}: layer {mine} names `crate::{used}` of layer {theirs}"
                    ));
                }
            }
        }
    }
    verdict(problems)
}

fn owners() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for (file, text) in all_rust()
        .iter()
        .filter(|(file, _)| !file.starts_with("tests/"))
    {
        for (library, places) in OWNERS {
            let uses = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| {
                    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
                        .any(|word| word == *library || word.starts_with(&format!("{library}::")))
                        && (line.contains(&format!("{library}::"))
                            || line.contains(&format!("use {library}")))
                });
            if uses && !places.iter().any(|place| file.starts_with(place)) {
                problems.push(format!(
                    "{file} uses `{library}`, which belongs to {}",
                    places.join(", ")
                ));
            }
        }
    }
    verdict(problems)
}

/// Calls that write a file without the order write, sync, rename, sync of the folder.
const BARE_WRITES: [&str; 4] = ["fs::write(", "File::create", "OpenOptions", "NamedTempFile"];

fn writers() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for (file, text) in all_rust() {
        let durable = ["core/engine/src/", "core/runtime/src/"]
            .iter()
            .any(|dir| file.starts_with(dir));
        let body = text.split("#[cfg(test)]").next().unwrap_or_default();
        if !durable || file.contains("/tests") {
            continue;
        }
        for call in BARE_WRITES.iter().filter(|call| body.contains(**call)) {
            problems.push(format!(
                "{file} calls `{call}`; `core/storage` writes files that survive a power cut"
            ));
        }
    }
    verdict(problems)
}

fn files() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for (file, text) in all_rust() {
        if !text.starts_with("//!") {
            problems.push(format!("{file} does not begin with its purpose (`//!`)"));
        }
        let lines = text.lines().count();
        if lines > 600 {
            problems.push(format!("{file} has {lines} lines; 600 is the end"));
        }
    }
    verdict(problems)
}

fn architecture_names() -> Result<(), Failed> {
    let root = root();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let mut everything: String = all_rust()
        .into_iter()
        .map(|(file, text)| format!("{file}\n{text}\n"))
        .collect();
    everything.push_str(&fs::read_to_string(root.join("Cargo.lock"))?);
    let mut problems = Vec::new();
    for name in text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !name.contains(['\n', ' ', '*', '<', '"']))
    {
        let path = name.trim_end_matches('/');
        let known = root.join(path).exists()
            || everything.contains(path.rsplit("::").next().unwrap_or(path));
        if !known {
            problems.push(format!(
                "ARCHITECTURE.md names `{name}`, which is nowhere in the tree"
            ));
        }
    }
    verdict(problems)
}

fn plugin_folders() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("plugins"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("source-") && !name.starts_with("metric-") || name == "metric-kit" {
            continue;
        }
        let dir = entry.path();
        let kind = name.split('-').next().unwrap_or_default();
        for file in ["README.md", "sample.toml", "cases", &format!("{kind}.toml")] {
            if !dir.join(file).exists() {
                problems.push(format!("plugins/{name} lacks {file}"));
            }
        }
    }
    verdict(problems)
}

fn plugin_dependencies() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("plugins"))?.flatten() {
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
        for ours in [
            "chenbao-model",
            "chenbao-engine",
            "chenbao-report",
            "chenbao.workspace",
            "chenbao =",
        ] {
            if manifest.contains(ours) {
                problems.push(format!(
                    "plugins/{} depends on core ({ours})",
                    entry.file_name().to_string_lossy()
                ));
            }
        }
    }
    verdict(problems)
}

fn readme() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for file in ["README.md", "README.zh-CN.md"] {
        let text = fs::read_to_string(root().join(file))?;
        for heading in ["## Run", "## Test"] {
            let block = text
                .split(heading)
                .nth(1)
                .and_then(|rest| rest.split("```sh\n").nth(1));
            let lines = block
                .and_then(|rest| rest.split("```").next())
                .map_or(0, |body| body.trim().lines().count());
            if lines != 1 {
                problems.push(format!("{file}: `{heading}` should be followed by one line in an sh block, found {lines}"));
            }
        }
    }
    verdict(problems)
}
