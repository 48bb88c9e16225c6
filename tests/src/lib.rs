//! Integration tests: the product as its users run it, and the rules of the house.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is the message of a test"
)]

pub mod ads;
pub mod authoring;
pub mod authoring_dev;
pub mod bad_input;
pub mod compat;
pub mod completing;
pub mod contract;
pub mod databases;
pub mod demo;
pub mod duckdb;
pub mod faults;
pub mod fences;
pub mod guide;
pub mod hostile;
pub mod house_rules;
pub mod keeping;
pub mod languages;
pub mod mail_pages;
pub mod mails;
pub mod nodes;
pub mod notices;
pub mod ops;
pub mod orders;
pub mod own_tables;
pub mod packs;
pub mod preview;
pub mod project;
pub mod published;
pub mod remap;
pub mod returns;
pub mod robots;
pub mod rows;
pub mod schedule;
pub mod schema;
pub mod sdk_seed;
pub mod serving;
pub mod shared_folder;
pub mod templates;
pub mod token;
pub mod trust;
pub mod verdicts;
pub mod visibility;
pub mod watch;
pub mod workbook;

use libtest_mimic::{Failed, Trial};

/// Every integration test.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let mut all = house_rules::trials();
    all.extend(fences::trials());
    all.extend(hostile::trials());
    all.extend(contract::trials());
    all.extend(rows::trials());
    all.extend(compat::trials());
    all.extend(trust::trials());
    all.extend(languages::trials());
    all.extend(schema::trials());
    all.extend(verdicts::trials());
    all.extend(ads::trials());
    all.extend(authoring::trials());
    all.extend(authoring_dev::trials());
    all.extend(guide::trials());
    all.extend(bad_input::trials());
    all.extend(own_tables::trials());
    all.extend(packs::trials());
    all.extend(preview::trials());
    all.extend(published::trials());
    all.extend(mails::trials());
    all.extend(returns::trials());
    all.extend(keeping::trials());
    all.extend(nodes::trials());
    all.extend(templates::trials());
    all.extend(token::trials());
    all.extend(visibility::trials());
    all.extend(workbook::trials());
    all.extend(databases::trials());
    all.extend(serving::trials());
    all.extend(schedule::trials());
    all.extend(completing::trials());
    all.extend(notices::trials());
    all.extend(robots::trials());
    all.extend(shared_folder::trials());
    all.extend(watch::trials());
    all.extend(faults::trials());
    all.extend(ops::trials());
    let shop = demo::shared();
    all.extend(demo::trials(&shop));
    all.extend(duckdb::trials(&shop));
    all.extend(remap::trials(&shop));
    all.extend(mail_pages::trials(&shop));
    all
}

/// A test that needs nothing but the build.
pub fn trial(name: &str, body: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, body)
}

/// A test that needs programs on this machine: ignored, and so counted in the last line, where one is missing, unless
/// `CHENBAO_TESTS=strict` (CI) turns that into a failure.
pub fn trial_with(
    name: &str,
    programs: &[&str],
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let missing: Vec<String> = programs
        .iter()
        .filter(|program| !has(program))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return Trial::test(name, body);
    }
    let why = format!("missing on this machine: {}", missing.join(", "));
    let strict = std::env::var("CHENBAO_TESTS").is_ok_and(|mode| mode == "strict");
    Trial::test(name, move || Err(why.into()))
        .with_kind(format!("needs {}", missing.join(" ")))
        .with_ignored_flag(!strict)
}

/// Whether a program is here, or a Python module written `python:<module>`, a package of npm written `npm:<name>`, or a test data
/// file written `data:<name>`; `mounts` is the right to mount a small disk.
fn has(program: &str) -> bool {
    if let Some(module) = program.strip_prefix("python:") {
        let import = format!("import {module}");
        return std::process::Command::new("python3")
            .args(["-c", &import])
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    }
    if program == "mounts" {
        return faults::small_disk::SmallDisks::possible();
    }
    if let Some(file) = program.strip_prefix("data:") {
        return project::test_data(file).exists();
    }
    if let Some(package) = program.strip_prefix("npm:") {
        let modules = faults::smtp::npm().join("node_modules");
        return modules.join(package).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<std::path::PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps servers out of a user's path.
    folders.push("/usr/sbin".into());
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders.iter().any(|dir| dir.join(program).is_file())
}
