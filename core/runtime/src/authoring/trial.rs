//! `plugin test`: every test of a plugin in a process of its own, and what came of each.
//!
//! Three kinds: what the files say by themselves, calls straight through the C tables ([`crate::plugin::probe`]), and
//! cases, which go the whole way through the plugin's host, as a report's do.

mod cases;
mod golden;
mod notebook;
mod process;
mod still;

use super::bench::OnBench;
use super::case::{self, Case, SqlBench};
use crate::plugin::descriptor::ComponentKind;
use crate::plugin::probe::{self, Found};
use chenbao_model::diagnostic::Problems;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It does not apply, or there is nothing to try it with.
    Skipped,
    /// Not wrong, but worth mending.
    Warning,
    /// Not as the contract wants it.
    Failed,
    /// The test's process ended or hung.
    Crashed,
}

/// One test that was run.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// Name.
    pub name: String,
    /// What it tries.
    pub what: String,
    /// How it ended.
    pub status: Status,
    /// In words.
    pub detail: String,
    /// Milliseconds.
    pub millis: u64,
}

/// How to test.
pub struct Plan<'a> {
    /// This program.
    pub exe: PathBuf,
    /// Seed of whatever is drawn at random.
    pub seed: u64,
    /// Which tests; the rest is left out.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
    /// Run the tests of the C tables in this process, for a debugger.
    pub in_process: bool,
    /// Write what is expected again.
    pub update: bool,
    /// Told as each test ends.
    pub told: &'a mut dyn FnMut(&Tried),
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Plan<'_> {
    fn record(
        &mut self,
        all: &mut Vec<Tried>,
        (name, what): (&str, &str),
        begun: Instant,
        found: Ending,
    ) {
        let (status, detail) = found;
        let tried = Tried {
            name: name.to_owned(),
            what: what.to_owned(),
            status,
            detail,
            millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        (self.told)(&tried);
        all.push(tried);
    }
}

/// Status and words.
type Ending = (Status, String);

fn ending(found: Found) -> Ending {
    match found {
        Found::Ok(detail) => (Status::Ok, detail),
        Found::Warning(detail) => (Status::Warning, detail),
        Found::Failed(detail) => (Status::Failed, detail),
        Found::Skipped(detail) => (Status::Skipped, detail),
    }
}

fn judged(result: Result<(), String>) -> Ending {
    match result {
        Ok(()) => (Status::Ok, String::new()),
        Err(why) => (Status::Failed, why),
    }
}

/// Runs the tests of a plugin.
///
/// # Errors
/// Its cases cannot be read at all.
pub async fn run(on_bench: &OnBench, mut plan: Plan<'_>) -> Result<Vec<Tried>, Problems> {
    let mut all = Vec::new();
    let cases = match &on_bench.folder {
        Some(folder) => case::all(folder)?,
        None => Vec::new(),
    };
    still(on_bench, &mut plan, &mut all);
    let bench = SqlBench::open()?;
    if let Some(library) = &on_bench.component.library {
        let scratch = process::Scratch::of(on_bench, &cases, &bench, &plan.exe).await?;
        for test in probe::tests(&on_bench.component.descriptor) {
            if !(plan.wanted)(test.name) {
                continue;
            }
            let begun = Instant::now();
            let ending = scratch.run(&test, library, &plan);
            plan.record(&mut all, (test.name, test.what), begun, ending);
        }
    }
    for one in &cases {
        whole(on_bench, one, &bench, &mut plan, &mut all).await;
    }
    Ok(all)
}

/// What can be said without calling it.
fn still(on_bench: &OnBench, plan: &mut Plan<'_>, all: &mut Vec<Tried>) {
    for test in still::TESTS {
        if !(plan.wanted)(test.name) {
            continue;
        }
        let begun = Instant::now();
        let ending = (test.run)(on_bench);
        plan.record(all, (test.name, test.what), begun, ending);
    }
}

/// A case, the whole way.
async fn whole(
    on_bench: &OnBench,
    one: &Case,
    bench: &SqlBench,
    plan: &mut Plan<'_>,
    all: &mut Vec<Tried>,
) {
    let name = format!("case:{}", one.name);
    if !(plan.wanted)(&name) {
        return;
    }
    let begun = Instant::now();
    let got = match on_bench.component.descriptor.kind {
        ComponentKind::Metric => cases::metric(on_bench, one, bench, &plan.exe).await,
        ComponentKind::Source => cases::source(on_bench, one, &plan.exe),
    };
    let ending = match got {
        Ok(got) => golden::compare(&one.folder.join("expected.json"), &got, plan.update),
        Err(ending) => ending,
    };
    plan.record(
        all,
        (&name, "the case gives what is expected"),
        begun,
        ending,
    );
}

/// What a plugin makes of a case, as JSON.
///
/// # Errors
/// What is wrong, in words.
pub async fn answer(
    on_bench: &OnBench,
    one: &Case,
    bench: &SqlBench,
    exe: &std::path::Path,
) -> Result<serde_json::Value, String> {
    let answered = match on_bench.component.descriptor.kind {
        ComponentKind::Metric => cases::metric(on_bench, one, bench, exe).await,
        ComponentKind::Source => cases::source(on_bench, one, exe),
    };
    answered.map_err(|(_, why)| why)
}

pub use golden::against;
