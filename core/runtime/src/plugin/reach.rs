//! What a plugin's process may reach: the paths that a source's options name, and nothing beside them.
//!
//! A source says in its `source.toml` which options are paths (`path = "glob" | "file" | "folder" | "database"`); the value that
//! the user gave becomes files and folders that its process can read.

use super::options::{OptionSpec, Options, PathKind};
use crate::config::Sandbox;
use chenbao_model::Diagnostic;
use rustix::fs::{Mode, OFlags};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// What a plugin's process may reach beyond its library; by default as little as the kernel allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Files and folders that it may read.
    pub read: Vec<PathBuf>,
    /// Files that it must be able to write too: the sidecars of an open database.
    pub write: Vec<PathBuf>,
    /// How it is held.
    pub sandbox: Sandbox,
}

/// What the options of a source name, and its secrets where one stands in an option's place. Folders that hold something of
/// `kept` (the configuration, the lake, the archive, the ledger) are refused: a source of exports has no business there.
pub(super) fn of(
    options: &Options,
    given: &Value,
    secrets: &BTreeMap<String, String>,
    kept: &[PathBuf],
) -> Result<Reach, Vec<Diagnostic>> {
    let base = PathBuf::from(given["_base"].as_str().unwrap_or_default());
    let mut reach = Reach::default();
    let mut problems = Vec::new();
    for (name, spec) in options {
        let Some(kind) = spec.path else { continue };
        for path in texts(&given[name.as_str()], secrets.get(name)) {
            match kind {
                PathKind::Glob => reach.read.push(base.join(literal(path))),
                PathKind::File | PathKind::Folder => reach.read.push(base.join(path)),
                PathKind::Database => {
                    if let Some(file) = database(path) {
                        sidecars(&base.join(file), &mut reach);
                    }
                }
            }
        }
        problems.extend(too_wide(name, spec, &reach.read, kept));
    }
    match problems.is_empty() {
        true => Ok(reach),
        false => Err(problems),
    }
}

fn texts<'a>(given: &'a Value, secret: Option<&'a String>) -> Vec<&'a str> {
    match given {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => secret.map(String::as_str).into_iter().collect(),
    }
}

/// The folder above the first name with a wildcard, or the one file that a glob without any names.
fn literal(glob: &str) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?']);
    Path::new(glob).components().take_while(plain).collect()
}

/// The file behind the address of a database, if it is one.
fn database(address: &str) -> Option<&str> {
    match address.split_once(':') {
        Some(("sqlite" | "file", rest)) => Some(rest.strip_prefix("//").unwrap_or(rest)),
        Some((_, rest)) if rest.starts_with("//") => None,
        _ => Some(address),
    }
}

/// An SQLite file with what lies beside it. Readers of a write-ahead log share a small file that they write; where it is not
/// there yet it is made here, empty and with the mode of the database, as SQLite would, so that the folder stays closed.
fn sidecars(file: &Path, reach: &mut Reach) {
    let beside = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let (wal, shared) = (beside("-wal"), beside("-shm"));
    if let Some(mode) = write_ahead(file) {
        for path in [&wal, &shared] {
            let new = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
            // It is there already, or the folder is closed to this user: then SQLite says so.
            let _ = rustix::fs::open(path.as_path(), new, mode);
        }
        reach.write.extend([wal, shared]);
    }
    reach.read.extend([file.to_owned(), beside("-journal")]);
}

/// The mode of an SQLite file that has a write-ahead log.
fn write_ahead(file: &Path) -> Option<Mode> {
    let mut head = [0; 20];
    let mut open = std::fs::File::open(file).ok()?;
    open.read_exact(&mut head).ok()?;
    let mode = rustix::fs::fstat(&open).ok()?.st_mode;
    (head.starts_with(b"SQLite format 3") && head.ends_with(&[2, 2]))
        .then(|| Mode::from_raw_mode(mode))
}

/// Folders in which something of ours lies.
fn too_wide(name: &str, spec: &OptionSpec, read: &[PathBuf], kept: &[PathBuf]) -> Vec<Diagnostic> {
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let folders = read.iter().filter(|path| path.is_dir());
    let hits =
        folders.filter(|folder| kept.iter().any(|ours| real(ours).starts_with(real(folder))));
    hits.map(|folder| {
        Diagnostic::error(format!(
            "option `{name}` would let the plugin read all of {}, where Chenbao keeps its own files",
            folder.display()
        ))
        .hint(format!("put what it reads into a folder of its own and name that. {}", spec.description))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options() -> Options {
        toml::from_str(
            "[path]\ntype = 'string'\npath = 'glob'\ndescription = 'Glob.'\n\
             [paths]\ntype = 'array'\npath = 'glob'\ndescription = 'Globs.'\n\
             [url]\ntype = 'string'\npath = 'database'\ndescription = 'Address.'\n\
             [sheet]\ntype = 'string'\ndescription = 'Sheet.'\n",
        )
        .unwrap()
    }

    fn paths(given: &Value, secrets: &BTreeMap<String, String>) -> Vec<String> {
        let reach = of(&options(), given, secrets, &[]).unwrap();
        let all = reach.read.iter();
        all.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_glob_is_the_folder_above_its_first_wildcard() {
        let given = json!({"_base": "/p", "path": "exports/*/a.csv", "paths": ["/data/x/2026-??.csv", "one.csv"], "sheet": "s"});
        assert_eq!(
            paths(&given, &BTreeMap::new()),
            ["/p/exports", "/data/x", "/p/one.csv"]
        );
    }

    #[test]
    fn a_database_on_a_server_is_no_path_and_a_file_may_stand_in_a_secret() {
        let none = BTreeMap::new();
        for server in ["postgres://u:p@h/b", "mysql://h/b"] {
            assert!(paths(&json!({"_base": "/p", "url": server}), &none).is_empty());
        }
        for file in [
            "erp.sqlite",
            "sqlite:erp.sqlite",
            "sqlite://erp.sqlite",
            "file:erp.sqlite",
        ] {
            assert_eq!(
                paths(&json!({"_base": "/p", "url": file}), &none),
                ["/p/erp.sqlite", "/p/erp.sqlite-journal"]
            );
        }
        let secret = BTreeMap::from([("url".to_owned(), "/srv/erp.sqlite".to_owned())]);
        assert_eq!(
            paths(&json!({"_base": "/p"}), &secret)[0],
            "/srv/erp.sqlite"
        );
    }

    #[test]
    fn the_sidecars_of_a_write_ahead_log_are_there_before_the_folder_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("erp.sqlite");
        let mut head = b"SQLite format 3\0\x10\x00\x02\x02".to_vec();
        head.resize(4096, 0);
        std::fs::write(&file, head).unwrap();
        let given = json!({"_base": dir.path(), "url": "erp.sqlite"});
        let reach = of(&options(), &given, &BTreeMap::new(), &[]).unwrap();
        assert_eq!(reach.write.len(), 2);
        assert!(reach.write.iter().all(|path| path.exists()), "{reach:?}");
    }

    #[test]
    fn the_projects_own_folder_is_too_wide() {
        let dir = tempfile::tempdir().unwrap();
        let lake = dir.path().join("lake");
        std::fs::create_dir_all(&lake).unwrap();
        let given = json!({"_base": dir.path(), "path": "*.csv"});
        let problems = of(&options(), &given, &BTreeMap::new(), &[lake]).unwrap_err();
        assert!(
            problems[0].to_string().contains("option `path`"),
            "{problems:?}"
        );
    }
}
