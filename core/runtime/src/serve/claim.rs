//! Whose an issue is: a claim in the ledger, renewed while its work is under way, so that a dead node loses it within minutes.

use crate::clock::Clock;
use crate::ledger::{Ledger, OccurrenceState, Open};
use crate::life::node;
use crate::project::Project;
use crate::schedule::Occurrence;
use chenbao_model::diagnostic::Problems;
use std::sync::Arc;
use std::time::Duration;

/// A node that dies loses its claim after this long.
const LEASE: Duration = Duration::from_secs(2 * 60);
/// A node that lives renews its claim this often.
const BEAT: Duration = Duration::from_secs(30);

/// An issue that this process alone makes.
#[derive(Debug)]
pub struct Claim {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    occurrence: Occurrence,
    beat: tokio::task::JoinHandle<()>,
}

impl Claim {
    /// Takes an occurrence for the schedule; none if another process has it, or if its issue is being made under another due time.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn take(project: &Project, what: &Occurrence) -> Result<Option<Self>, Problems> {
        let (ledger, now) = (&project.ledger, project.clock.now());
        let mine = ledger.claim(what, &node(), now, LEASE).await?;
        Ok(mine.then(|| Self::held(project, what)))
    }

    /// Takes an issue for a person, beside the schedule.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn by_hand(project: &Project, what: &Occurrence) -> Result<Option<Self>, Problems> {
        let (ledger, now) = (&project.ledger, project.clock.now());
        let mine = ledger.claim_by_hand(what, &node(), now, LEASE).await?;
        Ok(mine.then(|| Self::held(project, what)))
    }

    /// Takes an occurrence that is done, to make a later revision of it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn again(project: &Project, open: &Open) -> Result<Option<Self>, Problems> {
        let (ledger, now) = (&project.ledger, project.clock.now());
        let mine = ledger.reopen(open, &node(), now, LEASE).await?;
        Ok(mine.then(|| Self::held(project, &open.occurrence)))
    }

    fn held(project: &Project, what: &Occurrence) -> Self {
        let (ledger, clock) = (project.ledger.clone(), Arc::clone(&project.clock));
        let beat = beat((ledger.clone(), Arc::clone(&clock)), what.clone(), BEAT);
        Self {
            ledger,
            clock,
            occurrence: what.clone(),
            beat,
        }
    }

    /// Gives it back unfinished: whoever looks next goes on, be it another process.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn give_back(self) -> Result<(), Problems> {
        self.beat.abort();
        let (now, node) = (self.clock.now(), node());
        let given = self
            .ledger
            .renew(&self.occurrence, &node, now, Duration::ZERO);
        given.await.map(|_| ()).map_err(Problems::from)
    }

    /// Ends it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn settle(self, state: OccurrenceState, note: &str) -> Result<(), Problems> {
        let now = self.clock.now();
        let (verdict, node) = ((state, note), node());
        let settled = self.ledger.settle(&self.occurrence, &node, verdict, now);
        if !settled.await? {
            tracing::warn!(report = %self.occurrence.report, "another node took this over, and its word counts");
        }
        Ok(())
    }

    /// Whether it is still this process's: a machine that stood still may have lost it.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn holds(&self) -> Result<bool, Problems> {
        let (now, node) = (self.clock.now(), node());
        let mine = self.ledger.renew(&self.occurrence, &node, now, LEASE);
        Ok(mine.await?)
    }

    /// Ends it without a trace: a part of an issue was made by hand, and the schedule makes the rest.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn forget(self) -> Result<(), Problems> {
        let forgotten = self.ledger.forget(&self.occurrence, &node()).await;
        forgotten.map_err(Problems::from)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

/// Renews a claim until it is aborted.
fn beat(
    (ledger, clock): (Ledger, Arc<dyn Clock>),
    occurrence: Occurrence,
    every: Duration,
) -> tokio::task::JoinHandle<()> {
    let node = node();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            match ledger.renew(&occurrence, &node, clock.now(), LEASE).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(
                    report = %occurrence.report, due = %occurrence.due,
                    "another node took this over; what is queued is sent once all the same"
                ),
                Err(e) => tracing::warn!("the claim was not renewed: {e}"),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::schedule::Edition;
    use chenbao_model::Period;
    use jiff::{SignedDuration, Timestamp};

    /// A run longer than its lease is not taken over; once its work has ended or died, it is.
    #[tokio::test]
    async fn a_claim_lasts_as_long_as_its_work() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.sqlite").display());
        let ledger = Ledger::open(&url).await.unwrap();
        let due: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let what = Occurrence {
            report: "daily".parse().unwrap(),
            subject: None,
            period: Period::day("2026-11-21".parse().unwrap()).unwrap(),
            edition: Edition::Regular,
            due,
        };
        assert!(ledger.claim(&what, &node(), due, LEASE).await.unwrap());
        let later = due + SignedDuration::from_mins(10);
        assert_eq!(ledger.open_claims(later).await.unwrap().len(), 1);
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(later));
        let every = Duration::from_millis(1);
        let beat = beat((ledger.clone(), clock), what.clone(), every);
        while !ledger.open_claims(later).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(!ledger.claim(&what, "another", later, LEASE).await.unwrap());
        beat.abort();
        let much_later = later + SignedDuration::from_mins(3);
        assert!(
            ledger
                .claim(&what, "another", much_later, LEASE)
                .await
                .unwrap()
        );
    }
}
