//! A reader of SQLite ledgers that is not ours: Python's own sqlite3.

use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Rows of one `select`.
const SELECT: &str = "import json, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(json.dumps(db.execute(sys.argv[2]).fetchall()))";

/// The rows that a `select` finds in a ledger.
///
/// # Errors
/// It is no ledger, or the SQL is wrong.
pub fn rows(ledger: &Path, sql: &str) -> Result<Vec<Vec<Value>>, String> {
    let mut command = Command::new("python3");
    command.args(["-c", SELECT]).arg(ledger).arg(sql);
    let answer = answer(&mut command)?;
    serde_json::from_value(answer).map_err(|e| e.to_string())
}

/// The command that looks whether all that a ledger refers to is whole; the rest of the arguments are those of `whole.py`.
#[must_use]
pub fn looker(ledger: &Path, rest: &[&OsStr]) -> Command {
    let mut command = Command::new("python3");
    command
        .arg(crate::house_rules::root().join("tests/servers/whole.py"))
        .arg(ledger)
        .args(rest);
    command
}

/// What it found: how many files the ledger refers to, and how many mails it calls sent.
///
/// # Errors
/// One sentence for each file that is not whole.
pub fn whole(mut looker: Command) -> Result<(u64, u64), String> {
    let found = answer(&mut looker)?;
    let count = |what: &str| found[what].as_u64().unwrap_or(0);
    match found["wrong"].as_array() {
        Some(wrong) if wrong.is_empty() => Ok((count("looked"), count("sent"))),
        wrong => Err(format!("{wrong:?}")),
    }
}

fn answer(command: &mut Command) -> Result<Value, String> {
    let out = command.output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stderr);
    serde_json::from_slice(&out.stdout).map_err(|e| format!("{e}: {said}"))
}
