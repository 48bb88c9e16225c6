//! An outage of the ledger: nothing is begun and nothing sent meanwhile, it is asked again soon, and the owner hears of it once it
//! is over, because what he hears lies in the ledger too.

use crate::deliver;
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::time::Duration;

/// A ledger that does not answer is asked again after this long.
const AGAIN: Duration = Duration::from_secs(2);

/// Since when, and why, the ledger does not answer; none while it does.
#[derive(Debug, Default)]
pub(super) struct Outage(Option<(Timestamp, String)>);

impl Outage {
    /// Something could not be done. If the ledger is the reason, an outage begins.
    pub(super) async fn suspect(&mut self, project: &Project, problems: &Problems) {
        if self.0.is_none() && problems.machine() && project.ledger.writable().await.is_err() {
            self.0 = Some((project.clock.now(), problems.to_string()));
        }
    }

    /// Everything could be done. An outage is over when the owner's notice of it is written down.
    pub(super) async fn end(&mut self, project: &Project) {
        let Some((since, why)) = &self.0 else {
            return;
        };
        match deliver::ledger_was_away(project, *since, why).await {
            Ok(()) => self.0 = None,
            Err(problems) => tracing::error!("{problems}"),
        }
    }

    /// How long to rest at most; none while all is well.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.0.as_ref().map(|_| AGAIN)
    }
}
