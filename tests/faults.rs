//! Trials under faults: `cargo run -p integration-tests --bin faults -- kill|smtp|disk|load|time [--seed N] [--count N]`.
//!
//! Each prints its seed and its figures and exits non-zero on a failure. A short version of each is part of the tests.

use integration_tests::faults;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    faults::main(&args)
}
