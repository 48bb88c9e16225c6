//! Plugins that were built when a version of the contract was frozen: every later program loads them and computes the same.

use crate::house_rules::root;
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One test for each frozen version.
#[must_use]
pub fn trials() -> Vec<Trial> {
    // The libraries are of one kind of machine.
    let elsewhere = !cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    ));
    let versions = std::fs::read_dir(root().join("tests/compat"));
    let mut versions: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    versions.sort();
    assert!(!versions.is_empty(), "contract 1.0 is frozen");
    let trials = versions.into_iter().map(|version| {
        let name = version.file_name().unwrap_or_default().to_string_lossy();
        trial(
            &format!("compat::plugins_of_{name}_compute_what_they_did"),
            move || frozen(&version),
        )
        .with_ignored_flag(elsewhere)
    });
    trials.collect()
}

fn copied(version: &Path) -> Result<Project, Failed> {
    let mut project = Project::empty().env("COUNTER_PIN", "1234");
    for folder in ["", "till", "x86_64-linux"] {
        for entry in std::fs::read_dir(version.join(folder))?.flatten() {
            if entry.path().is_file() {
                let name = Path::new(folder).join(entry.file_name());
                project = project.file(&name.to_string_lossy(), std::fs::read(entry.path())?);
            }
        }
    }
    Ok(project)
}

fn frozen(version: &Path) -> Result<(), Failed> {
    const NOW: &str = "2026-11-22T08:00:00+08:00";
    let project = copied(version)?;
    let sums = std::process::Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(project.path())
        .output()?;
    assert!(sums.status.success(), "a frozen library was changed");
    for library in project.files("x86_64-linux") {
        let tried = project.run(&["plugin", "test", &library]);
        let _ = tried.exits(0).says(&["0 failed, 0 crashed"]);
    }
    let _ = project.run(&["check"]).exits(0);
    // Twice: the counter goes on where it was.
    for _ in 0..2 {
        let _ = project.run_at(NOW, &["collect", "--days", "1"]).exits(0);
    }
    let run = project.run_at(
        NOW,
        &["run", "daily", "--no-collect", "--results", "--json"],
    );
    let mut computed = run.json()["results"][0]["metrics"].clone();
    // The page needs it; it is not what was frozen.
    let all = computed.as_object_mut().ok_or("there are no metrics")?;
    drop(all.remove("sales"));
    let frozen: Value = serde_json::from_str(&project.read("results.json"))?;
    assert_eq!(computed, frozen, "{computed:#}");
    Ok(())
}
