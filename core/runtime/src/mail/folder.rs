//! The folder outbox: each message becomes an `.eml` file, whole or not at all; writing it again changes nothing.

use super::{About, Answer, Letter, Outcome};
use crate::policy::Retry;
use crate::storage;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A share that does not answer keeps nobody longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of `.eml` files.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    pub(super) async fn write(&self, letter: &Letter<'_>) -> Answer {
        // Names come from `file_name`; whatever else a caller hands in stays inside the folder.
        let name = letter.file_name.replace(['/', '\\', '\0'], "_");
        let path = self.folder.join(name.trim_start_matches('.'));
        let shown = path.display().to_string();
        let bytes = letter.bytes.to_vec();
        let writing = tokio::task::spawn_blocking(move || {
            storage::write(&path, &bytes).map_err(|why| storage::refused("the outbox", &path, &why))
        });
        let why = match tokio::time::timeout(PATIENCE, writing).await {
            Ok(Ok(Ok(()))) => return Answer::sent(format!("written to {shown}")),
            Ok(Ok(Err(problem))) => problem.to_string(),
            Ok(Err(why)) => format!("{shown} was not written: {why}"),
            Err(_) => format!("{shown} was not written: the folder does not answer"),
        };
        // A disk that is full is full for every message.
        Answer {
            outcome: Outcome::Deferred,
            about: About::Server,
            retry: Retry::SERVER,
            ..Answer::sent(why)
        }
    }
}
