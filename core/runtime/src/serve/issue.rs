//! One issue under way: what is due, whose it is, how far it can be brought now, and what its owner hears of it.

use super::Look;
use crate::clock::Clock;
use crate::config::meant::{PeriodRule, Report, Schedule};
use crate::ledger::{Issue, Ledger, OccurrenceState};
use crate::life::node;
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::run::{self, Made, Order, Send};
use crate::schedule::{self, Fire, Occurrence};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// A node that dies loses its claim after this long.
const LEASE: Duration = Duration::from_secs(2 * 60);
/// A node that lives renews its claim this often.
const BEAT: Duration = Duration::from_secs(30);
/// An issue that the machine could not make is given up so long after its time.
const LATEST: SignedDuration = SignedDuration::from_hours(24);
/// Sources that were not whole are asked again after this long.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn due<'a>(
    project: &'a Project,
    report: &'a Report,
    schedule: &Schedule,
    look: &mut Look,
) -> Result<Vec<(&'a Report, Fire)>, Problems> {
    let now = project.clock.now();
    let since = project.ledger.served_since(&report.id, now).await?;
    let last = project.ledger.last_due(&report.id).await?;
    let open = schedule::due(
        schedule,
        &project.config.campaigns,
        last.unwrap_or(since).max(since),
        now,
    );
    let mut missed = Vec::new();
    for fire in &open.missed {
        if let Ok(occurrence) = occurrence(project, report, fire).await {
            missed.push(occurrence);
        }
    }
    let note = format!(
        "due while nobody looked; misfire = \"{}\"",
        schedule.misfire
    );
    project.ledger.mark_missed(&missed, &note, now).await?;
    look.missed += missed.len();
    let mut fires: Vec<(&Report, Fire)> = open.run.into_iter().map(|fire| (report, fire)).collect();
    fires.extend(
        under_way(project, report, schedule, now)
            .await?
            .into_iter()
            .map(|fire| (report, fire)),
    );
    Ok(fires)
}

/// Issues that were claimed before and wait for their sources: their delivery is still ahead or just past.
async fn under_way(
    project: &Project,
    report: &Report,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<Vec<Fire>, Problems> {
    let day_before = now
        .checked_sub(SignedDuration::from_hours(24))
        .unwrap_or(now);
    let mut open = Vec::new();
    for fire in schedule::next_fires(schedule, &project.config.campaigns, day_before, 8) {
        if fire.times.start > now {
            continue;
        }
        let Ok(occurrence) = occurrence(project, report, &fire).await else {
            continue;
        };
        let state = project.ledger.occurrence_state(&occurrence).await?;
        if state == Some(OccurrenceState::Claimed) {
            open.push(fire);
        }
    }
    Ok(open)
}

async fn occurrence(
    project: &Project,
    report: &Report,
    fire: &Fire,
) -> Result<Occurrence, Problems> {
    let rule = report
        .schedule
        .as_ref()
        .map_or(PeriodRule::Yesterday, |schedule| schedule.period);
    let last = project
        .ledger
        .last_period(&report.id, fire.times.deliver)
        .await?;
    let campaign = fire
        .subject
        .as_ref()
        .and_then(|id| project.config.campaigns.get(id));
    let period = schedule::period(rule, fire.day, last, campaign).map_err(Diagnostic::error)?;
    Ok(Occurrence {
        report: report.id.clone(),
        subject: fire.subject.clone(),
        period,
        edition: fire.edition.clone(),
        due: fire.times.deliver,
    })
}

/// Brings one issue as far as it goes now: waits for its sources until the data deadline, then makes it with what is there.
pub(super) async fn step(
    project: &Project,
    report: &Report,
    fire: &Fire,
    look: &mut Look,
) -> Result<(), Problems> {
    let now = project.clock.now();
    let occurrence = match occurrence(project, report, fire).await {
        Ok(occurrence) => occurrence,
        Err(problems) => {
            tracing::info!(report = %report.id, "nothing to make: {problems}");
            return Ok(());
        }
    };
    let node = node();
    let mine = project.ledger.claim(&occurrence, &node, now, LEASE).await?
        || project.ledger.renew(&occurrence, &node, now, LEASE).await?;
    if !mine {
        return Ok(());
    }
    let order = Order {
        occurrence: occurrence.clone(),
        revision: 0,
        role: None,
        // At the deadline too: a file that came a minute before it still counts.
        collect: true,
        send: Send::Recipients(fire.times.deliver),
        results_only: false,
        pinned: None,
    };
    let beat = HeartBeat::of(project, &occurrence);
    let order = if now < fire.times.data_deadline {
        let ready = asked_long_ago(project, report, now).await?
            && run::gather(project, report, &order, &|_| {})
                .await
                .map_or(true, |gathered| gathered.judgement.ready());
        // A process that ends leaves the making to another, which finds what was collected.
        if !ready || project.life.stopping() {
            look.waiting += 1;
            drop(beat);
            // Nobody works on it now: whoever looks next goes on, be it another process.
            let released = project
                .ledger
                .renew(&occurrence, &node, now, Duration::ZERO);
            released.await?;
            return Ok(());
        }
        Order {
            collect: false,
            ..order
        }
    } else {
        order
    };
    make(project, report, &order, look).await
}

async fn make(
    project: &Project,
    report: &Report,
    order: &Order,
    look: &mut Look,
) -> Result<(), Problems> {
    let issue = Issue::of(&order.occurrence, order.revision);
    let (state, note, told) = match run::run(project, order, &|_| {}).await {
        Ok(made) => {
            look.made += 1;
            let note = format!("run {}", made.run);
            let told = made.partial().then(|| partial(project, &issue, &made));
            (OccurrenceState::Done, note, told)
        }
        Err(problems) if problems.machine() && time_left(project, order) => {
            // The claim stays with this node: the next look goes on, and another node's when this one dies.
            look.waiting += 1;
            tracing::warn!(report = %report.id, "not made yet, to be tried again: {problems}");
            return Ok(());
        }
        Err(problems) => {
            look.failed += 1;
            tracing::error!(report = %report.id, "not made: {problems}");
            let why = problems.to_string();
            let told = Notice::new(Kind::Failed, About::Issue(issue), vec![why.clone()]);
            (OccurrenceState::Failed, why, Some(told))
        }
    };
    // First the notice, then the state: who dies between the two makes it again, and says the same thing again.
    if let Some(notice) = told {
        notice::raise(project, &notice.by(order.occurrence.due)).await?;
    }
    let (ledger, now) = (&project.ledger, project.clock.now());
    ledger
        .settle(&order.occurrence, state, &note, now)
        .await
        .map_err(Problems::from)
}

/// Whether an issue that the machine could not make (a full disk, a ledger that does not answer) is worth another try: for a day
/// after its time.
fn time_left(project: &Project, order: &Order) -> bool {
    project.clock.now().duration_since(order.occurrence.due) < LATEST
}

/// What the owner hears of a report that goes out with something missing.
fn partial(project: &Project, issue: &Issue, made: &Made) -> Notice {
    let lang = &project.config.project.lang;
    let missing = crate::words::gaps(&made.judgement, &project.config, lang);
    let computed = made.results.iter().flat_map(|(_, all)| all);
    let failed = computed.filter_map(|one| one.verdict.clone());
    let lines = missing.into_iter().chain(failed).collect();
    Notice::new(Kind::Partial, About::Issue(issue.clone()), lines).of_run(&made.run)
}

/// Whether the sources of a report were last asked long enough ago to ask again.
async fn asked_long_ago(
    project: &Project,
    report: &Report,
    now: Timestamp,
) -> Result<bool, Problems> {
    Ok(last_asked(project, report)
        .await?
        .is_none_or(|at| now.duration_since(at) >= ASK_AGAIN))
}

async fn last_asked(project: &Project, report: &Report) -> Result<Option<Timestamp>, Problems> {
    let shops: std::collections::BTreeSet<_> = report
        .audiences
        .values()
        .flat_map(|audience| &audience.shops)
        .collect();
    let mut newest = None;
    for source in project
        .config
        .sources
        .values()
        .filter(|source| shops.contains(&source.shop))
    {
        let last = project.ledger.last_collection(&source.id, None).await?;
        newest = newest.max(last.map(|collection| collection.at));
    }
    Ok(newest)
}

/// Makes what a node that died had claimed, however long ago: somebody waits for it.
pub(super) async fn take_over(project: &Project, look: &mut Look) -> Result<(), Problems> {
    let (ledger, now) = (&project.ledger, project.clock.now());
    let mut abandoned = ledger.abandoned(now).await?;
    // What is still ahead waits for its sources: it is under way, and free for whoever looks next.
    abandoned.retain(|occurrence| occurrence.due <= now);
    for occurrence in abandoned {
        if project.life.stopping() {
            break;
        }
        let Some(report) = project.config.reports.get(&occurrence.report) else {
            continue;
        };
        let claimed = ledger.claim(&occurrence, &node(), now, LEASE).await;
        if claimed? {
            let order = Order {
                send: Send::Recipients(occurrence.due),
                occurrence,
                revision: 0,
                role: None,
                collect: true,
                results_only: false,
                pinned: None,
            };
            let _beat = HeartBeat::of(project, &order.occurrence);
            make(project, report, &order, look).await?;
        }
    }
    Ok(())
}

/// Renews a claim while its work is under way, so that a long run is not taken over and a dead node is within minutes.
struct HeartBeat(tokio::task::JoinHandle<()>);

impl HeartBeat {
    fn of(project: &Project, occurrence: &Occurrence) -> Self {
        let clock = Arc::clone(&project.clock);
        Self::start(project.ledger.clone(), clock, occurrence.clone(), BEAT)
    }

    fn start(
        ledger: Ledger,
        clock: Arc<dyn Clock>,
        occurrence: Occurrence,
        every: Duration,
    ) -> Self {
        let node = node();
        Self(tokio::spawn(async move {
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
        }))
    }
}

impl Drop for HeartBeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::schedule::Edition;
    use chenbao_model::Period;

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
        assert_eq!(ledger.abandoned(later).await.unwrap().len(), 1);
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(later));
        let every = Duration::from_millis(1);
        let beat = HeartBeat::start(ledger.clone(), clock, what.clone(), every);
        while !ledger.abandoned(later).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(!ledger.claim(&what, "another", later, LEASE).await.unwrap());
        drop(beat);
        let much_later = later + SignedDuration::from_mins(3);
        assert!(
            ledger
                .claim(&what, "another", much_later, LEASE)
                .await
                .unwrap()
        );
    }
}
