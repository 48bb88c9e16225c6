//! The scheduler: looks at the ledger, does what is due, sends what is queued, and sleeps until the next due moment.

mod issue;

use crate::config::meant::Report;
use crate::deliver;
use crate::notice;
use crate::project::Project;
use crate::schedule::{self, Fire};
use crate::ticker::{Bell, Ticker};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What one look at the ledger did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Issues that were made.
    pub made: usize,
    /// Issues that wait for their sources.
    pub waiting: usize,
    /// Issues that failed.
    pub failed: usize,
    /// Due times that the misfire policy left out.
    pub missed: usize,
    /// Messages that were handed over.
    pub sent: usize,
}

/// A way to stop a serving loop: what is under way is finished, nothing new begins.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    bell: Bell,
}

impl Stop {
    /// Asks the loop to end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.bell.ring();
    }
}

/// Serves until told to stop. `started` gets the handle that stops it.
///
/// # Errors
/// The waker cannot be started. A ledger that does not answer is waited for, nothing is sent meanwhile.
pub async fn serve(project: &Project, started: impl FnOnce(Stop)) -> Result<(), Problems> {
    let mut ticker = Ticker::start()
        .await
        .map_err(|e| Diagnostic::error(format!("the scheduler cannot start: {e}")))?;
    let stop = Stop {
        asked: Arc::new(AtomicBool::new(false)),
        bell: ticker.bell(),
    };
    let asked = Arc::clone(&stop.asked);
    started(stop);
    while !asked.load(Ordering::SeqCst) {
        let look = look(project).await;
        match look {
            Ok(look) if look != Look::default() => tracing::info!(?look, "looked"),
            Ok(_) => {}
            Err(problems) => tracing::error!("{problems}"),
        }
        if asked.load(Ordering::SeqCst) {
            break;
        }
        ticker.sleep(until_next(project).await).await;
    }
    Ok(())
}

/// One look: everything that is due now is done, in the order of its delivery time; then what is queued is sent.
///
/// # Errors
/// The ledger does not answer.
pub async fn look(project: &Project) -> Result<Look, Problems> {
    let mut look = Look::default();
    let mut open = Vec::new();
    for report in project.config.reports.values() {
        if let Some(schedule) = &report.schedule {
            open.extend(issue::due(project, report, schedule, &mut look).await?);
        }
    }
    open.sort_by_key(|(_, fire)| fire.times.deliver);
    look.sent += deliver::send_due(project).await?;
    for (report, fire) in open {
        issue::step(project, report, &fire, &mut look).await?;
        notice::tell(project).await?;
        look.sent += deliver::send_due(project).await?;
    }
    issue::take_over(project, &mut look).await?;
    notice::tell(project).await?;
    look.sent += deliver::send_due(project).await?;
    Ok(look)
}

/// Time until something is due: a delivery, or the work for the next issue.
async fn until_next(project: &Project) -> Option<Duration> {
    let now = project.clock.now();
    let delivery = project.ledger.next_delivery().await.ok().flatten();
    let starts = project.config.reports.values().filter_map(|report| {
        let schedule = report.schedule.as_ref()?;
        schedule::next_fires(schedule, &project.config.campaigns, now, 1)
            .first()
            .map(|fire| fire.times.start)
    });
    let next = starts.chain(delivery).filter(|at| *at > now).min()?;
    Duration::try_from(next.duration_since(now)).ok()
}

/// What a person asks of a schedule: the next delivery times of a report.
#[must_use]
pub fn next(
    project: &crate::config::Config,
    report: &Report,
    now: Timestamp,
    count: usize,
) -> Vec<(Fire, Option<chenbao_model::Period>)> {
    let Some(schedule) = &report.schedule else {
        return Vec::new();
    };
    let fires = schedule::next_fires(schedule, &project.campaigns, now, count);
    let period = |fire: &Fire| {
        let campaign = fire
            .subject
            .as_ref()
            .and_then(|id| project.campaigns.get(id));
        schedule::period(schedule.period, fire.day, None, campaign).ok()
    };
    fires
        .into_iter()
        .map(|fire| (fire.clone(), period(&fire)))
        .collect()
}
