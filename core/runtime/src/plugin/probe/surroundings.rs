//! What a plugin must leave as it was: signals, working folder, environment, open files, threads, standard output.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What this process looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    signals: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    environment: BTreeMap<std::ffi::OsString, std::ffi::OsString>,
    pub(super) files: usize,
    threads: usize,
}

impl Surroundings {
    pub(super) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let signals = status.lines().filter_map(|line| line.split_once(':'));
        let signals = signals.filter(|(name, _)| ["SigIgn", "SigCgt", "SigBlk"].contains(name));
        Self {
            signals: signals
                .map(|(name, mask)| (name.to_owned(), mask.trim().to_owned()))
                .collect(),
            folder: std::env::current_dir().ok(),
            environment: std::env::vars_os().collect(),
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    /// Everything that is not as it was, in words.
    pub(super) fn changed(&self, before: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        for (differs, what) in [
            (self.signals != before.signals, "signal handlers or masks"),
            (self.folder != before.folder, "the working folder"),
            (self.environment != before.environment, "the environment"),
            (self.files > before.files, "files left open"),
            (self.threads > before.threads, "threads left running"),
        ] {
            if differs {
                changed.push(what);
            }
        }
        changed
    }
}

fn entries(dir: &str) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

/// How many of this process's open files are sockets.
pub(super) fn sockets() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| {
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    })
}
