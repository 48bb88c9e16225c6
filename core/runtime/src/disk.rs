//! The disks that a project writes to: what is free on them, and what is too little.

use crate::config::Config;
use crate::config::meant::{LedgerUrl, Transport};
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::storage::{self, Room, amount};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk with less than this is full: what little is left is gone with the next file.
const FULL: u64 = 1 << 20;

/// A folder that the project writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What it is for: `lake`, `spill`, `archive`, `ledger`, `outbox`, or `files` for an audience's folder.
    pub what: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// What its disk has to give; none where the disk does not answer.
    pub room: Option<Room>,
}

/// Every folder that the project writes to, with the room on its disk.
#[must_use]
pub fn folders(config: &Config) -> Vec<Folder> {
    let mut folders = vec![
        ("lake", config.lake.dir.clone()),
        ("spill", spill(config)),
        ("archive", config.archive.clone()),
    ];
    if let LedgerUrl::Plain(url) = &config.ledger
        && let Some(file) = url.strip_prefix("sqlite:")
        && let Some(folder) = Path::new(file).parent()
    {
        folders.push(("ledger", folder.to_owned()));
    }
    if let Transport::Folder(outbox) = &config.mail.transport {
        folders.push(("outbox", outbox.clone()));
    }
    let audiences = config.reports.values().flat_map(|it| it.audiences.values());
    let shared: BTreeSet<&PathBuf> = audiences.filter_map(|it| it.folder.as_ref()).collect();
    folders.extend(shared.into_iter().map(|path| ("files", path.clone())));
    let with_room = |(what, path): (&'static str, PathBuf)| Folder {
        what,
        room: storage::room(&path).ok(),
        path,
    };
    folders.into_iter().map(with_room).collect()
}

/// Where queries spill that need more than memory.
#[must_use]
pub fn spill(config: &Config) -> PathBuf {
    config.lake.dir.join("tmp")
}

/// What is wrong with the disks now: full or closed ones are errors, those that fill up are warnings. One sentence a disk.
#[must_use]
pub fn problems(config: &Config) -> Vec<Diagnostic> {
    let mut told: Vec<Diagnostic> = Vec::new();
    let mut seen: Vec<Option<Room>> = Vec::new();
    for folder in folders(config) {
        if seen.contains(&folder.room) {
            continue;
        }
        seen.push(folder.room);
        told.extend(folder.problem(config.disk.warn));
    }
    told
}

impl Folder {
    fn problem(&self, warn: u64) -> Option<Diagnostic> {
        let Some(room) = self.room else {
            return Some(
                Diagnostic::error(format!("the {} folder's disk does not answer", self.what))
                    .machine(),
            );
        };
        let free = format!("{} free of {}", amount(room.free), amount(room.total));
        let problem = if !room.writable {
            Diagnostic::error(format!("the {} folder cannot be written", self.what)).machine()
        } else if room.free < FULL {
            Diagnostic::error(format!(
                "the disk of the {} folder is full: {free}",
                self.what
            ))
            .machine()
        } else if room.free < warn {
            Diagnostic::warning(format!(
                "the disk of the {} folder fills up: {free}",
                self.what
            ))
        } else {
            return None;
        };
        let problem = problem.in_file(storage::whole_path(&self.path).display().to_string());
        Some(problem.hint(
            "make room there, or check who may write it; [disk] warn says when to speak of it",
        ))
    }
}

/// What the machine refused, with what is wrong with its disks beside it.
#[must_use]
pub fn explain(config: &Config, mut refused: Problems) -> Problems {
    if refused.machine() {
        let disks = problems(config).into_iter();
        let new = disks.filter(|problem| problem.is_error() && !refused.0.contains(problem));
        let new: Vec<Diagnostic> = new.collect();
        refused.0.extend(new);
    }
    refused
}

/// Tells the owner of disks that are full, closed or filling up: once a day for each.
pub async fn watch(project: &Arc<Project>) {
    let seen = Arc::clone(project);
    // A disk that does not answer keeps a thread, not the loop.
    let found = tokio::task::spawn_blocking(move || problems(&seen.config)).await;
    for problem in found.unwrap_or_default() {
        let place = problem
            .place
            .as_ref()
            .map_or("", |place| place.file.as_str());
        tell(project, About::Thing(place.to_owned()), &problem.into()).await;
    }
}

/// Tells the owner what the machine refused. Where the ledger is on the full disk, only the log hears of it, and the watchdog, which
/// misses the report.
pub async fn tell(project: &Project, about: About, refused: &Problems) {
    let line = |problem: &Diagnostic| {
        let place = problem.place.as_ref();
        place.map_or_else(
            || problem.message.clone(),
            |place| format!("{} ({})", problem.message, place.file),
        )
    };
    let lines: Vec<String> = refused.0.iter().map(line).collect();
    let kind = if problems(&project.config).is_empty() {
        Kind::Ledger
    } else {
        Kind::Disk
    };
    if let Err(e) = notice::raise(project, &Notice::new(kind, about, lines)).await {
        tracing::error!("the owner cannot be told: {e}");
    }
}
