//! Signs of life in the ledger: that this process serves, however long a look takes, so that a watchdog sees when nobody does;
//! and the owner hears of a ledger that was away once it is back.

use crate::deliver;
use crate::ledger::Ledger;
use crate::life::node;
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// From one sign to the next.
const EVERY: Duration = Duration::from_secs(30);

/// Says in the ledger that this process lives.
pub(super) async fn seen(ledger: &Ledger, now: Timestamp) -> Result<(), Problems> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(ledger.seen(&node(), version, now).await?)
}

/// Says so again and again, until it is dropped.
pub(super) struct Alive(tokio::task::JoinHandle<()>);

impl Alive {
    pub(super) fn start(project: &Arc<Project>) -> Self {
        let project = Arc::clone(project);
        Self(tokio::spawn(async move {
            let mut away = None;
            loop {
                let now = project.clock.now();
                match seen(&project.ledger, now).await {
                    Ok(()) => back(&project, &mut away).await,
                    Err(problems) => {
                        tracing::warn!("this node was not seen: {problems}");
                        away.get_or_insert((now, problems.to_string()));
                    }
                }
                tokio::time::sleep(EVERY).await;
            }
        }))
    }
}

/// Tells the owner of a ledger that was away since then, and why; it is told again until the ledger takes it.
async fn back(project: &Project, away: &mut Option<(Timestamp, String)>) {
    let Some((since, why)) = away.as_ref() else {
        return;
    };
    match deliver::ledger_was_away(project, *since, why).await {
        Ok(()) => *away = None,
        Err(problems) => tracing::warn!("the owner cannot be told yet: {problems}"),
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.abort();
    }
}
