//! The pen with which all connections write into the ledger: whoever waits for it is written down together, in one transaction. So
//! a message costs a share of a disk's two syncs, not two of its own.

use super::trouble;
use crate::ledger::Entry;
use crate::project::Project;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// So often, with a second between, entries are offered to a ledger that does not answer.
const PATIENCE: u32 = 60;

/// An entry, and whom to answer.
type Waiting = (Entry, oneshot::Sender<Result<bool, Problems>>);

/// The pen of one batch.
pub(super) struct Scribe<'a> {
    project: &'a Project,
    pen: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

impl<'a> Scribe<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self {
            project,
            pen: tokio::sync::Mutex::new(()),
            waiting: Mutex::new(Vec::new()),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an entry down, with all that wait; the answer comes when it is safe on the disk.
    pub(super) async fn write(&self, entry: Entry) -> Result<bool, Problems> {
        let (tell, told) = oneshot::channel();
        self.waiting().push((entry, tell));
        let pen = self.pen.lock().await;
        // Whoever had the pen before may have written this entry already.
        let waiting = std::mem::take(&mut *self.waiting());
        let (entries, tells): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        if !entries.is_empty() {
            let written = self.written(&entries).await;
            for (n, tell) in tells.into_iter().enumerate() {
                let answer = match &written {
                    Ok(all) => Ok(all.get(n).copied().unwrap_or(false)),
                    Err(problems) => Err(problems.clone()),
                };
                // Nobody listens only if the connection was given up.
                drop(tell.send(answer));
            }
        }
        drop(pen);
        told.await.unwrap_or_else(|_| {
            let lost = Diagnostic::error("an entry of the ledger was lost before it was written");
            Err(lost
                .hint("it counts as not sent, and is tried again")
                .into())
        })
    }

    /// Writes entries down. A ledger that does not answer is waited for with the pen in hand: nothing more leaves meanwhile, and
    /// what became of a message that has left is known to nobody else.
    async fn written(&self, entries: &[Entry]) -> Result<Vec<bool>, Problems> {
        let (project, since) = (self.project, self.project.clock.now());
        let (mut left, mut away) = (PATIENCE, None);
        let written = loop {
            let written = project.ledger.write_down(entries, project.clock.now());
            match written.await {
                Ok(written) => break written,
                Err(error) if left == 0 || project.life.stopping() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!("what was sent waits for the ledger: {error}");
                    away.get_or_insert(error.to_string());
                }
            }
            left -= 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        if let Some(why) = away
            && let Err(problems) = trouble::ledger_was_away(project, since, &why).await
        {
            tracing::error!("{problems}");
        }
        Ok(written)
    }
}
