//! The one door of the tests: a project in a temporary folder, run by the built binary as a user would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The folder of the built binary and plugin libraries.
#[must_use]
pub fn bin_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let deps = exe.parent().unwrap_or(Path::new("."));
    let dir = if deps.ends_with("deps") {
        deps.parent().unwrap_or(deps)
    } else {
        deps
    };
    dir.to_path_buf()
}

/// A file of the shared test data (`CHENBAO_TEST_DATA`, default `../shared/data` beside the repository).
#[must_use]
pub fn test_data(name: &str) -> PathBuf {
    let dir = std::env::var_os("CHENBAO_TEST_DATA").map_or_else(
        || crate::house_rules::root().join("../shared/data"),
        PathBuf::from,
    );
    dir.join(name)
}

/// The content of an `.xz` file of the shared test data.
#[must_use]
pub fn test_data_unpacked(name: &str) -> Vec<u8> {
    let out = Command::new("xz")
        .arg("-dc")
        .arg(test_data(name))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "xz -dc {name}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// A project in a folder of its own.
#[derive(Debug)]
pub struct Project {
    dir: TempDir,
    /// Folder of the project within `dir`.
    inside: PathBuf,
    env: BTreeMap<String, String>,
}

impl Default for Project {
    fn default() -> Self {
        Self::empty()
    }
}

impl Project {
    /// An empty folder.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            dir: TempDir::with_prefix("chenbao-test-").unwrap(),
            inside: PathBuf::new(),
            env: BTreeMap::new(),
        }
    }

    /// A copy of `tests/cases/<name>`.
    #[must_use]
    pub fn from_case(name: &str) -> Self {
        let project = Self::empty();
        copy(
            &crate::house_rules::root().join("tests/cases").join(name),
            project.path(),
        );
        project
    }

    /// A copy of an example project in `examples/<name>`.
    #[must_use]
    pub fn from_example(name: &str) -> Self {
        let project = Self::empty();
        copy(
            &crate::house_rules::root().join("examples").join(name),
            project.path(),
        );
        project
    }

    /// The project in a folder of this one.
    #[must_use]
    pub fn inside(mut self, folder: &str) -> Self {
        self.inside = self.path().join(folder);
        self
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        if self.inside.as_os_str().is_empty() {
            self.dir.path()
        } else {
            &self.inside
        }
    }

    /// Adds or replaces a file. It is dated an hour ago, so that sources see it as settled.
    #[must_use]
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// The same on a project that is in use.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        settle(&path);
    }

    /// Sets an environment variable for its runs.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads a file of the project.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Files under a folder of the project, sorted, relative to it.
    #[must_use]
    pub fn files(&self, dir: &str) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.path().join(dir), self.path(), &mut found);
        found.sort();
        found
    }

    /// The command, ready for more settings.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(bin_dir().join("chenbao"));
        command
            .args(args)
            .current_dir(self.path())
            .envs(&self.env)
            .stdin(Stdio::null());
        command
    }

    /// Runs `chenbao` in the folder.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args), args)
    }

    /// The same at another moment.
    #[must_use]
    pub fn run_at(&self, now: &str, args: &[&str]) -> Run {
        Run::of(self.command(args).env("CHENBAO_NOW", now), args)
    }
}

/// What a run said.
#[derive(Debug)]
pub struct Run {
    what: String,
    /// Exit code; none when it was killed.
    pub code: Option<i32>,
    /// Its answer.
    pub stdout: String,
    /// Its messages.
    pub stderr: String,
}

impl Run {
    /// Runs it; `args` are for messages.
    pub fn of(command: &mut Command, args: &[&str]) -> Self {
        let out = command.output().unwrap();
        Self {
            what: args.join(" "),
            code: out.status.code(),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// It exited with this code.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "chenbao {}\n{}\n{}",
            self.what,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Each of these stands in its answer or messages.
    #[must_use]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            let said = self.stdout.contains(word) || self.stderr.contains(word);
            assert!(
                said,
                "chenbao {} does not say `{word}`\n{}\n{}",
                self.what, self.stdout, self.stderr
            );
        }
        self
    }

    /// Its answer as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!(
                "chenbao {}: {e}\n{}\n{}",
                self.what, self.stdout, self.stderr
            )
        })
    }
}

/// Dates a file back an hour.
pub fn settle(path: &Path) {
    let file = fs::File::options().append(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - std::time::Duration::from_secs(3600))
        .unwrap();
}

fn copy(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
            settle(&target);
        }
    }
}

fn list(dir: &Path, root: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            list(&path, root, found);
        } else if let Ok(name) = path.strip_prefix(root) {
            found.push(name.display().to_string());
        }
    }
}
