//! One conformance test of a library, in this process: for `chenbao plugin test`, which gives each test a process of its own.
//!
//! The calls go straight through the C tables, with streams that count their releases and a host that can say "stop".
#![expect(unsafe_code, reason = "the host's half of the C boundary of plugins")]

mod calls;
mod metric;
mod rows;
mod source;
mod surroundings;

use super::descriptor::Descriptor;
use super::library::Loaded;
use arrow::array::RecordBatch;
use chenbao_plugin::abi::CbHost;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a test of a library needs; travels to its process as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Request {
    /// The library.
    pub library: PathBuf,
    /// Name of the test.
    pub test: String,
    /// Seed of whatever is drawn at random.
    pub seed: u64,
    /// Component id.
    pub component: String,
    /// Params of a metric or options of a source, defaults filled in.
    pub params: Value,
    /// Period of a metric's call.
    pub period: Value,
    /// Context of a metric's call.
    pub context: Value,
    /// Files of result sets (Arrow IPC streams) by input.
    pub inputs: Vec<(String, PathBuf)>,
    /// The outputs of a metric that are expected, if not all.
    pub outputs: Option<BTreeSet<String>>,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// As the contract wants it; a figure for `other-machine`.
    Ok(String),
    /// Not wrong, but worth mending.
    Warning(String),
    /// Not as the contract wants it.
    Failed(String),
    /// It does not apply, or there is nothing to try it with.
    Skipped(String),
}

/// A test: its name, what it tries, and which kinds it is for.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// Name.
    pub name: &'static str,
    /// What it tries.
    pub what: &'static str,
    run: fn(&Probe) -> Result<Found, String>,
}

/// What all plugins are tried with.
const COMMON: &[Test] = &[
    Test {
        name: "looks-quickly",
        what: "loading takes less than 100 ms",
        run: calls::looks_quickly,
    },
    Test {
        name: "entry-stable",
        what: "the entry answers the same twice",
        run: calls::entry_stable,
    },
    Test {
        name: "unknown-ids",
        what: "unknown kinds and extensions are NULL",
        run: calls::unknown_ids,
    },
];

/// The tests of a kind, beside those that go through the host.
pub fn tests(descriptor: &Descriptor) -> impl Iterator<Item = Test> {
    let own = match descriptor.kind {
        super::descriptor::ComponentKind::Metric => metric::TESTS,
        super::descriptor::ComponentKind::Source => source::TESTS,
    };
    COMMON.iter().chain(own).copied()
}

/// A loaded library and what to call it with.
struct Probe {
    loaded: Loaded,
    host: &'static CbHost,
    descriptor: Descriptor,
    request: Request,
    inputs: Vec<(String, Vec<RecordBatch>)>,
}

/// Runs one test in this process.
#[must_use]
pub fn run(request: Request) -> Found {
    let found = Probe::open(request).and_then(|(probe, test)| (test.run)(&probe));
    found.unwrap_or_else(Found::Failed)
}

impl Probe {
    fn open(request: Request) -> Result<(Self, Test), String> {
        let loaded = calls::load(&request.library)?;
        let host = calls::host();
        loaded.init(host)?;
        let descriptor =
            Descriptor::from_library(&loaded.descriptor()?).map_err(|e| e.to_string())?;
        let test = tests(&descriptor)
            .find(|test| test.name == request.test)
            .ok_or_else(|| format!("there is no test `{}`", request.test))?;
        let inputs = request.inputs.iter();
        let inputs = inputs.map(|(name, path)| Ok((name.clone(), rows::read(path)?)));
        let inputs = inputs.collect::<Result<_, String>>()?;
        let probe = Self {
            loaded,
            host,
            descriptor,
            request,
            inputs,
        };
        Ok((probe, test))
    }
}

/// Entry point of the hidden subcommand: the request stands in a file, the answer goes to another beside it. Whatever the
/// library writes to standard output stays there, for the parent to see.
#[must_use]
pub fn main(request: &std::path::Path) -> i32 {
    let answered = std::fs::read(request)
        .map_err(|e| e.to_string())
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()))
        .map(run)
        .and_then(|found| serde_json::to_vec(&found).map_err(|e| e.to_string()))
        .and_then(|bytes| {
            chenbao_storage::write(&request.with_extension("answer"), &bytes)
                .map_err(|e| e.to_string())
        });
    i32::from(answered.is_err())
}
