//! The SDK compiled once, for every crate that a test makes outside the repository.

use crate::project::bin_dir;
use libtest_mimic::Failed;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What of a target folder is worth copying: what cargo made of the dependencies.
const PARTS: [&str; 3] = ["build", "deps", ".fingerprint"];

/// Which builds of the SDK there are in this process.
static DONE: LazyLock<Mutex<Vec<&'static str>>> = LazyLock::new(Mutex::default);

/// The folder of the crate whose dependencies are copied. It stays with the build of the workspace.
fn folder() -> PathBuf {
    bin_dir().join("../author-seed")
}

/// Gives a new crate the SDK's build of a profile (`debug` or `release`), so that only the crate itself is compiled.
///
/// # Errors
/// The SDK does not build here, from the packages that the workspace was built from.
pub fn plant(krate: &Path, profile: &'static str) -> Result<(), Failed> {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.contains(&profile) {
        build(profile)?;
        done.push(profile);
    }
    drop(done);
    let target = krate.join("target").join(profile);
    std::fs::create_dir_all(&target)?;
    // The same versions, whatever else lies in cargo's cache by now.
    std::fs::copy(folder().join("seed/Cargo.lock"), krate.join("Cargo.lock"))?;
    for part in PARTS {
        let from = folder().join("seed/target").join(profile).join(part);
        let copied = Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(&target)
            .status()?;
        if !copied.success() {
            return Err(format!("the SDK's `{part}` cannot be copied").into());
        }
    }
    Ok(())
}

/// Cargo and rustc as an author has them: nothing of this workspace's own build is in the way, and nothing is downloaded.
pub fn as_an_author(command: &mut Command) -> &mut Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(bin_dir()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(dirs) {
        command.env("PATH", path);
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = ["CARGO_", "CHENBAO_", "RUST_", "RUSTFLAGS"];
        if ours.iter().any(|prefix| name.starts_with(prefix)) && name != "CARGO_HOME" {
            command.env_remove(name.as_ref());
        }
    }
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
}

fn build(profile: &str) -> Result<(), Failed> {
    let seed = folder().join("seed");
    if !seed.exists() {
        std::fs::create_dir_all(folder())?;
        run(Command::new(bin_dir().join("chenbao"))
            .args(["plugin", "new", "seed", "--at"])
            .arg(folder()))?;
        // The versions that the workspace was built with are at hand.
        let locked = crate::house_rules::root().join("Cargo.lock");
        std::fs::copy(locked, seed.join("Cargo.lock"))?;
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--lib"]).current_dir(&seed);
    if profile == "release" {
        cargo.arg("--release");
    }
    run(&mut cargo)
}

fn run(command: &mut Command) -> Result<(), Failed> {
    let out = as_an_author(command).output()?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(format!("{command:?}:\n{said}").into())
}
