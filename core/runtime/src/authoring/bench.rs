//! From the path of a plugin to something that can be called: built first, if it has code.

use crate::plugin::store::{self, Component};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A plugin on the bench.
#[derive(Debug)]
pub struct OnBench {
    /// Its folder, if it was named by it.
    pub folder: Option<PathBuf>,
    /// What it declares, and its library.
    pub component: Component,
}

/// Builds what a path names, looks at it, and answers with it. `exe` is the program that becomes plugin processes. Of a
/// folder whose `library` was built elsewhere nothing is built.
///
/// # Errors
/// There is no plugin, it does not build, or it cannot be used.
pub fn open(path: &Path, library: Option<&Path>, exe: &Path) -> Result<OnBench, Problems> {
    let path = there(path)?;
    if path.is_file() {
        return Ok(OnBench {
            folder: None,
            component: inspected(&path, exe)?,
        });
    }
    let built = match library {
        Some(library) => Some(there(library)?),
        None => build(&path)?,
    };
    of(path, built.as_deref(), exe)
}

fn there(path: &Path) -> Result<PathBuf, Diagnostic> {
    path.canonicalize().map_err(|e| {
        Diagnostic::error(format!("there is no plugin here: {e}"))
            .in_file(path.display().to_string())
            .hint("give a library, or a plugin's folder")
    })
}

/// A folder as it was built.
///
/// # Errors
/// It cannot be used.
pub fn of(folder: PathBuf, library: Option<&Path>, exe: &Path) -> Result<OnBench, Problems> {
    let component = match library {
        Some(library) => inspected(library, exe)?,
        None => store::without_code(&folder)?,
    };
    Ok(OnBench {
        folder: Some(folder),
        component,
    })
}

fn inspected(library: &Path, exe: &Path) -> Result<Component, Diagnostic> {
    store::inspect(library, exe).map_err(|why| {
        Diagnostic::error(format!("it cannot be used: {why}"))
            .in_file(library.display().to_string())
    })
}

/// Builds a folder: with cargo if it is a crate, with make if it has a Makefile. `None`: there is nothing to build.
///
/// # Errors
/// The build fails, or makes no library.
pub fn build(folder: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    if folder.join("Cargo.toml").is_file() {
        return cargo(folder).map(Some);
    }
    if folder.join("Makefile").is_file() {
        return make(folder).map(Some);
    }
    if folder.join("metric.toml").is_file() {
        return Ok(None);
    }
    Err(Diagnostic::error(
        "this is no plugin's folder: it has no metric.toml, Cargo.toml or Makefile",
    )
    .in_file(folder.display().to_string())
    .hint("`chenbao plugin new NAME` makes one"))
}

fn ran(command: &mut Command, folder: &Path, what: &str) -> Result<Vec<u8>, Diagnostic> {
    let failed = |why: String| {
        Diagnostic::error(format!("{what} failed:\n{}", why.trim_end()))
            .in_file(folder.display().to_string())
    };
    let out = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()).hint(format!("is {what} installed?")))?;
    if out.status.success() {
        return Ok(out.stdout);
    }
    Err(failed(String::from_utf8_lossy(&out.stderr).into_owned()))
}

fn cargo(folder: &Path) -> Result<PathBuf, Diagnostic> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = folder.join("Cargo.toml");
    let mut command = Command::new(program);
    command
        .args([
            "build",
            "--lib",
            "--message-format=json-render-diagnostics",
            "--manifest-path",
        ])
        .arg(&manifest);
    let told = ran(&mut command, folder, "cargo build")?;
    let ours = String::from_utf8_lossy(&told)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().map(Path::new) == Some(&manifest))
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|name| is_library(name));
    ours.ok_or_else(|| {
        Diagnostic::error("cargo built no dynamic library")
            .in_file(manifest.display().to_string())
            .hint("write crate-type = [\"cdylib\", \"rlib\"] under [lib]")
    })
}

fn make(folder: &Path) -> Result<PathBuf, Diagnostic> {
    ran(
        Command::new("make").arg("-s").arg("-C").arg(folder),
        folder,
        "make",
    )?;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut libraries: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_library(path))
        .collect();
    libraries.sort();
    match libraries.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Diagnostic::error("make built no library (lib*.so)")
            .in_file(folder.join("Makefile").display().to_string())),
        more => Err(
            Diagnostic::error(format!("there are {} libraries here", more.len()))
                .in_file(folder.display().to_string())
                .hint("a plugin is one library: remove the others, or name the one you mean"),
        ),
    }
}

fn is_library(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext == std::env::consts::DLL_EXTENSION)
}
