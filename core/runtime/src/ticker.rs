//! The waker: tokio-cron-scheduler rings at the next due moment, and a heart-beat rings every 30 seconds anyway.
//!
//! It decides nothing. What is due is computed from the ledger, because the scheduler's own notion of it is wrong after
//! a DST change, a clock step, sleep, and across nodes.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// The longest time between two looks at the ledger.
pub const HEART_BEAT: Duration = Duration::from_secs(30);

/// An alarm clock with a heart-beat.
pub struct Ticker {
    scheduler: JobScheduler,
    bell: Arc<Notify>,
}

impl std::fmt::Debug for Ticker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}

impl Ticker {
    /// Starts the scheduler.
    ///
    /// # Errors
    /// The scheduler's own.
    pub async fn start() -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        scheduler.start().await?;
        Ok(Self {
            scheduler,
            bell: Arc::new(Notify::new()),
        })
    }

    /// Sleeps until the alarm, the heart-beat or a [`Bell`] rings. `until_due` is the time to the next due moment.
    pub async fn sleep(&mut self, until_due: Option<Duration>) {
        let bell = Arc::clone(&self.bell);
        // The scheduler polls every half second and refuses an alarm in the past.
        let job = until_due
            .filter(|wait| *wait < HEART_BEAT)
            .and_then(|wait| {
                Job::new_one_shot(wait.max(Duration::from_millis(1)), move |_, _| {
                    bell.notify_one();
                })
                .ok()
            });
        let alarm = match job {
            Some(job) => self.scheduler.add(job).await.ok(),
            None => None,
        };
        let rung = tokio::time::timeout(HEART_BEAT, self.bell.notified()).await;
        if rung.is_ok() {
            tracing::trace!("woken before the heart-beat");
        }
        if let Some(id) = alarm {
            // A one-shot job that has fired is gone already, which is no error.
            drop(self.scheduler.remove(&id).await);
        }
    }

    /// A handle with which others wake the loop early: a signal, a finished run.
    #[must_use]
    pub fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.bell))
    }
}

/// Wakes the loop.
#[derive(Debug, Clone)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}
