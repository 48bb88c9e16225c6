//! What can be said of a plugin without calling it: its exports, its folder, its sample, its README.

use super::{Ending, Status, judged};
use crate::authoring::bench::OnBench;
use crate::authoring::{elf, readme};
use crate::plugin::descriptor::{Descriptor, Folder};
use chenbao_model::diagnostic::Problems;
use serde_json::Value;

/// A test of files.
pub(super) struct Test {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) run: fn(&OnBench) -> Ending,
}

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "loads",
        what: "it builds, loads with every symbol bound, and its descriptor reads",
        run: |_| (Status::Ok, String::new()),
    },
    Test {
        name: "one-symbol",
        what: "it exports its entry and nothing else",
        run: one_symbol,
    },
    Test {
        name: "carries-folder",
        what: "the library carries the folder's files as they are",
        run: carries_folder,
    },
    Test {
        name: "sample",
        what: "sample.toml names the plugin, with options that it has",
        run: sample,
    },
    Test {
        name: "readme",
        what: "README.md has its sections in order, and its generated parts are current",
        run: described,
    },
];

fn skipped(why: &str) -> Ending {
    (Status::Skipped, why.to_owned())
}

const ENTRY: &str = "chenbao_plugin_entry_v1";

fn one_symbol(on_bench: &OnBench) -> Ending {
    let Some(library) = &on_bench.component.library else {
        return skipped("it has no library");
    };
    let Some(exports) = std::fs::read(library)
        .ok()
        .and_then(|bytes| elf::exports(&bytes))
    else {
        return skipped("its exports are read from ELF files of 64 bits only");
    };
    let others: Vec<&String> = exports.iter().filter(|name| *name != ENTRY).collect();
    if others.is_empty() {
        return (Status::Ok, String::new());
    }
    let first: Vec<&str> = others.iter().take(5).map(|name| name.as_str()).collect();
    (
        Status::Warning,
        format!(
            "it exports {} symbols beside `{ENTRY}`, which another library may replace: {}; compile with -fvisibility=hidden",
            others.len(),
            first.join(", ")
        ),
    )
}

fn carries_folder(on_bench: &OnBench) -> Ending {
    let (Some(folder), Some(_)) = (&on_bench.folder, &on_bench.component.library) else {
        return skipped("there is no folder beside a library to compare");
    };
    let carried = &on_bench.component.descriptor;
    let mut read = match Folder::read(folder).and_then(|folder| Descriptor::parse(&folder)) {
        Ok(read) => read,
        Err(problems) => return (Status::Failed, problems.to_string()),
    };
    // What the code declares stands in the library alone.
    for (name, spec) in &carried.options {
        read.options
            .entry(name.clone())
            .or_insert_with(|| spec.clone());
    }
    if &read == carried {
        return (Status::Ok, String::new());
    }
    let mut differs = Vec::new();
    for (what, same) in [
        (
            "id, kind, version, title or summary",
            (
                &read.id,
                read.kind,
                &read.version,
                &read.title,
                &read.summary,
            ) == (
                &carried.id,
                carried.kind,
                &carried.version,
                &carried.title,
                &carried.summary,
            ),
        ),
        ("parameters", read.options == carried.options),
        ("inputs", read.inputs == carried.inputs),
        ("outputs", read.outputs == carried.outputs),
        ("words", read.words == carried.words),
        ("presets", read.presets == carried.presets),
    ] {
        if !same {
            differs.push(what);
        }
    }
    (
        Status::Failed,
        format!(
            "the library was built from another folder, or does not carry all of it: {} differ",
            differs.join(", ")
        ),
    )
}

fn sample(on_bench: &OnBench) -> Ending {
    let Some(folder) = &on_bench.folder else {
        return skipped("a library alone has no sample");
    };
    let Ok(text) = std::fs::read_to_string(folder.join("sample.toml")) else {
        return (Status::Failed, "there is no sample.toml".to_owned());
    };
    judged(sample_of(&on_bench.component.descriptor, &text))
}

fn sample_of(descriptor: &Descriptor, text: &str) -> Result<(), String> {
    let table: toml::Table = text.parse().map_err(|e| format!("sample.toml: {e}"))?;
    let sample = serde_json::to_value(table).map_err(|e| e.to_string())?;
    let kind = descriptor.kind.to_string();
    let uses = sample[&kind]
        .as_object()
        .into_iter()
        .flat_map(|all| all.values());
    let uses: Vec<&Value> = uses
        .filter(|one| one["plugin"] == descriptor.id.as_str())
        .collect();
    if uses.is_empty() {
        return Err(format!(
            "sample.toml has no [{kind}.*] with plugin = \"{}\"",
            descriptor.id
        ));
    }
    for one in uses {
        let with = one["with"].as_object().cloned().unwrap_or_default();
        descriptor
            .check_options(&with)
            .map_err(|problems| format!("sample.toml: {}", Problems(problems)))?;
    }
    Ok(())
}

fn described(on_bench: &OnBench) -> Ending {
    let Some(folder) = &on_bench.folder else {
        return skipped("a library alone has no README");
    };
    let Ok(text) = std::fs::read_to_string(folder.join("README.md")) else {
        return (Status::Failed, "there is no README.md".to_owned());
    };
    let mut found = readme::lint(&text, on_bench.component.descriptor.kind);
    if found.is_empty() && readme::generated(&text, folder, &on_bench.component.descriptor) != text
    {
        found.push(
            "its generated parts are not current: `chenbao plugin docs` writes them".to_owned(),
        );
    }
    judged(if found.is_empty() {
        Ok(())
    } else {
        Err(found.join("\n"))
    })
}
