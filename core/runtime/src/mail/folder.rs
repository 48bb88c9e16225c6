//! The folder outbox: each message becomes an `.eml` file, whole or not at all; writing it again changes nothing.

use super::{About, Answer, Letter, Outcome};
use crate::policy::Retry;
use crate::storage;
use chenbao_model::Diagnostic;
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
        let why = match put("the outbox", path, letter.bytes.to_vec()).await {
            Ok(()) => return Answer::sent(format!("written to {shown}")),
            Err(problem) => problem.to_string(),
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

/// Writes a file whole or not at all. A share that does not answer may keep its thread, but not whoever waits for it.
///
/// # Errors
/// The disk refuses, or does not answer.
pub async fn put(what: &'static str, path: PathBuf, bytes: Vec<u8>) -> Result<(), Diagnostic> {
    let shown = path.display().to_string();
    let write =
        move || storage::write(&path, &bytes).map_err(|why| storage::refused(what, &path, &why));
    within(PATIENCE, &shown, write).await
}

async fn within(
    patience: Duration,
    shown: &str,
    write: impl FnOnce() -> Result<(), Diagnostic> + Send + 'static,
) -> Result<(), Diagnostic> {
    let writing = tokio::task::spawn_blocking(write);
    let lost = |why: &str| {
        Err(Diagnostic::error(format!("{shown} was not written: {why}")).hint("it is tried again"))
    };
    match tokio::time::timeout(patience, writing).await {
        Ok(written) => written.unwrap_or_else(|why| lost(&why.to_string())),
        Err(_) => lost("the folder does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A share whose server is gone holds the thread that writes, for as long as it likes, and nobody else.
    #[tokio::test]
    async fn a_share_that_hangs_is_left_alone() {
        let (come_back, gone) = mpsc::channel::<()>();
        let write = move || {
            assert!(gone.recv().is_err(), "nobody ever sends");
            Ok(())
        };
        let problem = within(Duration::from_millis(10), "/srv/reports/a.pdf", write).await;
        let said = problem.unwrap_err().to_string();
        assert!(
            said.contains("/srv/reports/a.pdf was not written: the folder does not answer"),
            "{said}"
        );
        drop(come_back);
        assert!(
            within(Duration::from_secs(60), "b", || Ok(()))
                .await
                .is_ok()
        );
    }
}
