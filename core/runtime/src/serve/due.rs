//! What is due: new due times of every schedule, claims that are free to go on with, and 部分 reports whose data may have come.

use super::Look;
use crate::config::meant::{Campaign, PeriodRule, Report};
use crate::ledger::{OccurrenceState, Open};
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::schedule::{self, Fire, Occurrence, Times};
use crate::words;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Id, Period};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// An issue to be brought as far as it goes now.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Report.
    pub(super) report: Id,
    /// What is to be done about it.
    pub(super) task: Task,
    /// Its four times.
    pub(super) times: Times,
}

/// What is to be done about an issue.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// A due time that nobody has claimed yet.
    Begin(Fire),
    /// A claim that waits for its sources, or whose holder died.
    GoOn(Open),
    /// A 部分 report that went out; its missing data may have come.
    Complete(Open),
}

/// What makes two pieces of work the same: one of them is enough in one look.
pub(super) type Key = (Timestamp, Id, Option<Id>, u32);

impl Work {
    /// In this order work is begun: what is due first, first.
    pub(super) fn key(&self) -> Key {
        let (subject, revision) = match &self.task {
            Task::Begin(fire) => (fire.subject.clone(), 0),
            Task::GoOn(open) | Task::Complete(open) => {
                (open.occurrence.subject.clone(), open.revision)
            }
        };
        (self.times.deliver, self.report.clone(), subject, revision)
    }
}

/// Everything that may be worked on now, in the order of delivery. Due times that a misfire policy leaves out are recorded, and the
/// owner hears of them.
pub(super) async fn due(project: &Project, look: &mut Look) -> Result<Vec<Work>, Problems> {
    let (config, now) = (&project.config, project.clock.now());
    let scheduled = || {
        config
            .reports
            .values()
            .filter(|report| report.schedule.is_some())
    };
    let ids: Vec<&Id> = scheduled().map(|report| &report.id).collect();
    let served = project.ledger.served(&ids, now).await?;
    let mut all = Vec::new();
    for report in scheduled() {
        let since = served.get(&report.id).copied().unwrap_or(now);
        all.extend(begins(project, report, since, look).await?);
    }
    for open in project.ledger.open_claims(now).await? {
        all.extend(work(project, open, Task::GoOn));
    }
    let longest = scheduled().filter_map(|report| Some(report.schedule.as_ref()?.complete_within));
    let since = now
        .checked_sub(longest.max().unwrap_or_default())
        .unwrap_or(now);
    for open in project.ledger.incomplete(since).await? {
        let wanted = |work: &Work| is_awaited(project, work, now);
        all.extend(work(project, open, Task::Complete).filter(wanted));
    }
    all.sort_by_cached_key(Work::key);
    Ok(all)
}

/// New due times of one report.
async fn begins(
    project: &Project,
    report: &Report,
    since: Timestamp,
    look: &mut Look,
) -> Result<Vec<Work>, Problems> {
    let Some(schedule) = &report.schedule else {
        return Ok(Vec::new());
    };
    let now = project.clock.now();
    let open = schedule::due(schedule, &project.config.campaigns, since, now);
    let mut missed = Vec::new();
    for fire in &open.missed {
        if let Ok(occurrence) = occurrence(project, report, fire).await? {
            missed.push(occurrence);
        }
    }
    if !missed.is_empty() {
        let why = format!(
            "due while nobody looked; misfire = \"{}\"",
            schedule.misfire
        );
        // A campaign's deliveries of the same moment come up again; what was made or left out before is no news.
        let state = OccurrenceState::Missed;
        let new = project
            .ledger
            .leave_out(&missed, (state, &why), now)
            .await?;
        look.missed += new.len();
        if !new.is_empty() {
            tell_missed(project, report, &new).await?;
        }
    }
    let begin = |fire: Fire| Work {
        report: report.id.clone(),
        times: fire.times,
        task: Task::Begin(fire),
    };
    Ok(open.run.into_iter().map(begin).collect())
}

async fn tell_missed(
    project: &Project,
    report: &Report,
    missed: &[Occurrence],
) -> Result<(), Problems> {
    let config = &project.config;
    let zone = report
        .schedule
        .as_ref()
        .map_or(&config.project.zone, |schedule| &schedule.zone);
    let policy = report
        .schedule
        .as_ref()
        .map_or_else(String::new, |schedule| schedule.misfire.to_string());
    let due: Vec<String> = missed
        .iter()
        .map(|one| {
            one.due
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        })
        .collect();
    let lines = vec![words::missed(&due, &policy, &config.project.lang)];
    let notice = Notice::new(Kind::Missed, About::Report(report.id.clone()), lines);
    notice::raise(project, &notice).await
}

/// Work on an occurrence that is in the ledger; none if its report is no longer scheduled.
fn work(project: &Project, open: Open, task: impl FnOnce(Open) -> Task) -> Option<Work> {
    let report = project.config.reports.get(&open.occurrence.report)?;
    // The schedule may be another by now: what was begun keeps its delivery time.
    let times = schedule::times_at(report.schedule.as_ref()?, open.occurrence.due);
    Some(Work {
        report: report.id.clone(),
        times,
        task: task(open),
    })
}

/// Whether anybody still waits for the missing part of a 部分 report.
fn is_awaited(project: &Project, work: &Work, now: Timestamp) -> bool {
    let report = project.config.reports.get(&work.report);
    let wanted = report.is_some_and(|report| report.audiences.values().any(|one| one.revisions));
    let within = report.and_then(|report| Some(report.schedule.as_ref()?.complete_within));
    let age = now.duration_since(work.times.deliver);
    wanted && within.is_some_and(|within| age <= within) && age >= SignedDuration::ZERO
}

/// The occurrence of a due time, or the issue that has covered its days already and why.
pub(super) async fn occurrence(
    project: &Project,
    report: &Report,
    fire: &Fire,
) -> Result<Result<Occurrence, (Occurrence, String)>, Problems> {
    let rule = report
        .schedule
        .as_ref()
        .map_or(PeriodRule::Yesterday, |schedule| schedule.period);
    let due = fire.times.deliver;
    let last = project.ledger.last_period(&report.id, due).await?;
    let campaign = campaign(project, fire);
    let of = |period: Period| Occurrence {
        report: report.id.clone(),
        subject: fire.subject.clone(),
        period,
        edition: fire.edition.clone(),
        due,
    };
    match (schedule::period(rule, fire.day, last, campaign), last) {
        (Ok(period), _) => Ok(Ok(of(period))),
        (Err(why), Some(last)) => Ok(Err((of(last), why))),
        (Err(why), None) => Err(chenbao_model::Diagnostic::error(why).into()),
    }
}

fn campaign<'a>(project: &'a Project, fire: &Fire) -> Option<&'a Campaign> {
    let id = fire.subject.as_ref()?;
    project.config.campaigns.get(id)
}

/// The next moment at which something is due: a delivery, or the work for the next issue.
pub(super) async fn next(project: &Project, now: Timestamp) -> Option<Timestamp> {
    let delivery = project.ledger.next_delivery_after(now).await.ok().flatten();
    let reports = project.config.reports.values();
    let schedules: BTreeSet<Timestamp> = reports
        .filter_map(|report| {
            let schedule = report.schedule.as_ref()?;
            let next = schedule::next_fires(schedule, &project.config.campaigns, now, 1);
            next.first().map(|fire| fire.times)
        })
        .flat_map(|times| [times.start, times.data_deadline])
        .collect();
    let all = schedules.into_iter().chain(delivery);
    all.filter(|at| *at > now).min()
}
