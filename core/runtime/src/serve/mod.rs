//! The scheduler: looks at the ledger, does what is due, sends what is queued, and sleeps until the next due moment.

mod issue;

use crate::config::meant::Report;
use crate::life::{Doing, Life};
use crate::project::Project;
use crate::schedule::{self, Fire};
use crate::systemd::{self, State};
use crate::ticker::{Bell, Ticker};
use crate::{deliver, disk, notice};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
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
    life: Life,
    bell: Bell,
}

impl Stop {
    /// Asks the loop to end.
    pub fn ask(&self) {
        systemd::tell(State::Stopping, Some("finishing what is under way"));
        self.life.stop();
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
        life: project.life.clone(),
        bell: ticker.bell(),
    };
    let life = &project.life;
    started(stop);
    systemd::tell(State::Ready, None);
    while !life.stopping() {
        life.turn(Doing::Work);
        let look = look(project).await;
        match look {
            Ok(look) if look != Look::default() => tracing::info!(?look, "looked"),
            Ok(_) => {}
            Err(problems) => {
                let problems = disk::explain(&project.config, problems);
                tracing::error!("nothing more is done until the next look: {problems}");
            }
        }
        if life.stopping() {
            break;
        }
        let now = project.clock.now();
        life.looked(now);
        let next = next_moment(project, now).await;
        tell_next(project, next);
        life.turn(Doing::Rest);
        ticker.sleep(next.and_then(|at| until(at, now))).await;
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
        if project.life.stopping() {
            return Ok(look);
        }
        issue::step(project, report, &fire, &mut look).await?;
        notice::tell(project).await?;
        look.sent += deliver::send_due(project).await?;
    }
    issue::take_over(project, &mut look).await?;
    deliver::hear(project).await?;
    notice::tell(project).await?;
    look.sent += deliver::send_due(project).await?;
    Ok(look)
}

/// When something is due next: a delivery, or the work for the next issue.
async fn next_moment(project: &Project, now: Timestamp) -> Option<Timestamp> {
    let delivery = project.ledger.next_delivery().await.ok().flatten();
    let starts = project.config.reports.values().filter_map(|report| {
        let schedule = report.schedule.as_ref()?;
        schedule::next_fires(schedule, &project.config.campaigns, now, 1)
            .first()
            .map(|fire| fire.times.start)
    });
    starts.chain(delivery).filter(|at| *at > now).min()
}

fn until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(at.duration_since(now)).ok()
}

/// Says what comes next to whoever asks the process or systemd.
fn tell_next(project: &Project, next: Option<Timestamp>) {
    project.life.expect(next);
    let text = match next {
        Some(at) => {
            let at = at.to_zoned(project.config.project.zone.clone());
            format!("waits for {}", at.strftime("%Y-%m-%d %H:%M:%S %:z"))
        }
        None => "nothing is scheduled".to_owned(),
    };
    systemd::status(&text);
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
