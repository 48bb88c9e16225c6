//! Signs of life in the ledger: that this process serves, however long a look takes, so that a watchdog sees when nobody does.

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
    pub(super) fn start(project: &Project) -> Self {
        let (ledger, clock) = (project.ledger.clone(), Arc::clone(&project.clock));
        Self(tokio::spawn(async move {
            loop {
                if let Err(problems) = seen(&ledger, clock.now()).await {
                    tracing::warn!("this node was not seen: {problems}");
                }
                tokio::time::sleep(EVERY).await;
            }
        }))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.abort();
    }
}
