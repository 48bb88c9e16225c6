//! One issue under way: how far it can be brought now, and what its owner hears of it.

use super::claim::Claim;
use super::due::{self, Task, Work};
use crate::asking::Ask;
use crate::config::meant::Report;
use crate::disk;
use crate::gate::Judgement;
use crate::ledger::{Issue, OccurrenceState, Open};
use crate::notice::{self, About, Kind, Notice};
use crate::plan;
use crate::project::Project;
use crate::run::{self, Made, Order, Send};
use crate::schedule::{Fire, Times};
use crate::words;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};

/// Sources that were not whole are asked again after this long.
pub(super) const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// A source that failed so often in a row is in trouble: the owner hears of it while there is time to mend it.
const IN_TROUBLE: i64 = 2;
/// A report that is ready so long after its time is late.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// An issue that the machine could not make is given up so long after its time.
const LATEST: SignedDuration = SignedDuration::from_hours(24);

/// How far an issue came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It was made.
    Made,
    /// It waits for its sources.
    Waits,
    /// The machine could not make it (a full disk), and may soon.
    Retries,
    /// It could not be made, and the owner was told.
    Failed,
    /// There was nothing to do: somebody else does it, or it was done before.
    Nothing,
}

/// Brings one issue as far as it goes now: waits for its sources until the data deadline, then makes it with what is there.
pub(super) async fn step(project: &Project, work: &Work) -> Result<Came, Problems> {
    let report = plan::report(&project.config, &work.report)?;
    match &work.task {
        Task::Begin(fire) => begin(project, report, fire).await,
        Task::GoOn(open) => go_on(project, report, open, work.times).await,
        Task::Complete(open) => complete(project, report, open).await,
    }
}

async fn begin(project: &Project, report: &Report, fire: &Fire) -> Result<Came, Problems> {
    match due::occurrence(project, report, fire).await? {
        Ok(occurrence) => {
            let open = Open {
                occurrence,
                revision: 0,
            };
            go_on(project, report, &open, fire.times).await
        }
        Err((occurrence, why)) => {
            let (state, now) = (OccurrenceState::Covered, project.clock.now());
            let all = [occurrence];
            project.ledger.leave_out(&all, (state, &why), now).await?;
            Ok(Came::Nothing)
        }
    }
}

async fn go_on(
    project: &Project,
    report: &Report,
    open: &Open,
    times: Times,
) -> Result<Came, Problems> {
    let occurrence = &open.occurrence;
    let Some(claim) = Claim::take(project, occurrence).await? else {
        return Ok(Came::Nothing);
    };
    if open.revision > 0 {
        return complete_again(project, report, open, claim).await;
    }
    if let Some(before) = project.ledger.covered_by(occurrence).await? {
        let why = format!("its issue was made already, due {before}");
        claim.settle(OccurrenceState::Covered, &why).await?;
        return Ok(Came::Nothing);
    }
    let now = project.clock.now();
    let over = plan::over_at(&project.config, report, occurrence.period);
    let mut order = order(open, occurrence.due);
    if now < times.data_deadline {
        let ask = Ask {
            since: now.checked_sub(ASK_AGAIN).ok(),
            until: Some(times.data_deadline),
        };
        order.collect = Some(ask);
        let is_over = over.is_none_or(|over| over <= now);
        let ready = is_over && is_ready(project, report, &order, times).await?;
        // A process that ends leaves the making to another, which finds what was collected.
        if !ready || project.life.stopping() {
            claim.give_back().await?;
            return Ok(Came::Waits);
        }
        order.collect = None;
    } else {
        order.collect = Some(last_question(times, now));
    }
    make(project, report, &order, claim, Some(times)).await
}

fn order(open: &Open, not_before: Timestamp) -> Order {
    Order {
        occurrence: open.occurrence.clone(),
        revision: open.revision,
        role: None,
        collect: None,
        send: Send::Recipients(not_before),
        results_only: false,
        pinned: None,
    }
}

/// At the deadline too: a file that came a minute before it still counts. Sources get half of the time that is left, the rest is for
/// making and sending.
fn last_question(times: Times, now: Timestamp) -> Ask {
    let half = times.deliver.duration_since(now) / 2;
    Ask {
        since: Some(times.data_deadline),
        until: (half > SignedDuration::ZERO).then(|| now.checked_add(half).unwrap_or(now)),
    }
}

/// Whether everything that an issue needs is in. If a source is in trouble, or the issue could not even be begun, the owner hears it.
async fn is_ready(
    project: &Project,
    report: &Report,
    order: &Order,
    times: Times,
) -> Result<bool, Problems> {
    let lines = match run::gather(project, report, order, &|_| {}).await {
        Ok(gathered) if gathered.judgement.ready() => return Ok(true),
        Ok(gathered) => in_trouble(project, &gathered.judgement, times).await?,
        // Mended before the deadline, it is made after all.
        Err(problems) => vec![problems.to_string()],
    };
    if !lines.is_empty() {
        let about = About::Issue(Issue::of(&order.occurrence, order.revision));
        let notice = Notice::new(Kind::Late, about, lines)
            .because("sources")
            .by(times.deliver);
        notice::raise(project, &notice).await?;
    }
    Ok(false)
}

/// The required sources that failed again and again since the work began, in the owner's words.
async fn in_trouble(
    project: &Project,
    judgement: &Judgement,
    times: Times,
) -> Result<Vec<String>, Problems> {
    let mut troubled = judgement.clone();
    troubled.missing.clear();
    for gap in judgement.missing.iter().filter(|gap| gap.trouble.is_some()) {
        let failures = project.ledger.failures_in_row(&gap.source, times.start);
        if failures.await? >= IN_TROUBLE {
            troubled.missing.push(gap.clone());
        }
    }
    let config = &project.config;
    Ok(words::gaps(&troubled, config, &config.project.lang))
}

/// Makes the revision that completes a 部分 report, once its missing data is there.
async fn complete(project: &Project, report: &Report, open: &Open) -> Result<Came, Problems> {
    let order = order(open, project.clock.now());
    if !is_whole(project, report, &order).await? {
        return Ok(Came::Nothing);
    }
    match Claim::again(project, open).await? {
        Some(claim) => make(project, report, &order, claim, None).await,
        None => Ok(Came::Nothing),
    }
}

/// Goes on with a revision whose process died: it is still made only if it is whole.
async fn complete_again(
    project: &Project,
    report: &Report,
    open: &Open,
    claim: Claim,
) -> Result<Came, Problems> {
    let order = order(open, project.clock.now());
    if is_whole(project, report, &order).await? {
        return make(project, report, &order, claim, None).await;
    }
    let why = format!("revision {} waits for its data", open.revision);
    claim.settle(OccurrenceState::Done, &why).await?;
    Ok(Came::Nothing)
}

/// Whether everything that a 部分 report lacked is in by now; the owner hears if that cannot even be asked.
async fn is_whole(project: &Project, report: &Report, order: &Order) -> Result<bool, Problems> {
    let asked = Ask {
        since: project.clock.now().checked_sub(ASK_AGAIN).ok(),
        until: None,
    };
    let asking = Order {
        collect: Some(asked),
        ..order.clone()
    };
    match run::gather(project, report, &asking, &|_| {}).await {
        Ok(gathered) => Ok(gathered.judgement.ready()),
        Err(problems) if problems.machine() => Err(problems),
        Err(problems) => {
            let about = About::Issue(Issue::of(&order.occurrence, order.revision));
            let told = Notice::new(Kind::Failed, about, vec![problems.to_string()]);
            notice::raise(project, &told).await?;
            Ok(false)
        }
    }
}

async fn make(
    project: &Project,
    report: &Report,
    order: &Order,
    claim: Claim,
    times: Option<Times>,
) -> Result<Came, Problems> {
    let issue = Issue::of(&order.occurrence, order.revision);
    let over = plan::over_at(&project.config, report, issue.period);
    let made = match over.filter(|over| *over > project.clock.now()) {
        None => run::run(project, order, &|_| {}).await,
        Some(over) => Err(chenbao_model::Diagnostic::error(format!(
            "the period {} is not over before {over} in the zone of its shops",
            issue.period
        ))
        .hint("deliver later, or set `zone` of the schedule to the shops' own")
        .into()),
    };
    let (came, state, note, told) = match made {
        Ok(made) => {
            let told = told_of(project, report, order, &made);
            let note = format!("run {}", made.run);
            (Came::Made, OccurrenceState::Done, note, told)
        }
        Err(problems) if problems.machine() && time_left(project, order) => {
            tracing::warn!(report = %report.id, "not made yet, to be tried again: {problems}");
            disk::tell(project, About::Issue(issue), &problems).await;
            claim.give_back().await?;
            return Ok(Came::Retries);
        }
        // A template or configuration that is mended before the deadline still makes it.
        Err(problems) if times.is_some_and(|times| project.clock.now() < times.data_deadline) => {
            tracing::error!(report = %report.id, "cannot be made yet: {problems}");
            let lines = vec![problems.to_string()];
            let told = Notice::new(Kind::Late, About::Issue(issue), lines).because("broken");
            notice::raise(project, &told.by(order.occurrence.due)).await?;
            claim.give_back().await?;
            return Ok(Came::Waits);
        }
        Err(problems) => {
            tracing::error!(report = %report.id, "not made: {problems}");
            let why = problems.to_string();
            let told = Notice::new(Kind::Failed, About::Issue(issue), vec![why.clone()]);
            (Came::Failed, OccurrenceState::Failed, why, vec![told])
        }
    };
    if !claim.holds().await? {
        return Ok(Came::Nothing);
    }
    // First the notices, then the state: who dies between the two makes it again, and says the same thing again.
    for notice in told {
        notice::raise(project, &notice.by(order.occurrence.due)).await?;
    }
    claim.settle(state, &note).await?;
    Ok(came)
}

/// Whether an issue that the machine could not make (a full disk, a ledger that does not answer) is worth another try: for a day
/// after its time.
fn time_left(project: &Project, order: &Order) -> bool {
    project.clock.now().duration_since(order.occurrence.due) < LATEST
}

/// What the owner hears of a report that was made: that something is missing, that it is late.
fn told_of(project: &Project, report: &Report, order: &Order, made: &Made) -> Vec<Notice> {
    let (config, lang) = (&project.config, &project.config.project.lang);
    let mut told = Vec::new();
    let about = || About::Issue(made.issue.clone());
    if made.partial() {
        let missing = words::gaps(&made.judgement, config, lang);
        let computed = made.results.iter().flat_map(|(_, all)| all);
        let failed = computed.filter_map(|one| one.verdict.clone());
        let lines = missing.into_iter().chain(failed).collect();
        told.push(Notice::new(Kind::Partial, about(), lines).of_run(&made.run));
    }
    if let Some(older) = &made.fallback {
        let about = About::Thing(format!("template {}", report.template));
        let lines = older.problems.0.iter().map(ToString::to_string).collect();
        told.push(Notice::new(Kind::Fallback, about, lines).of_run(&made.run));
    }
    let (due, now) = (order.occurrence.due, project.clock.now());
    if order.revision == 0 && now.duration_since(due) > LATE {
        let line = words::made_late(&said(config, report, due), &said(config, report, now), lang);
        told.push(
            Notice::new(Kind::Late, about(), vec![line])
                .because("made")
                .of_run(&made.run),
        );
    }
    told
}

/// A moment in a report's zone.
pub(super) fn said(config: &crate::config::Config, report: &Report, at: Timestamp) -> String {
    let zone = report
        .schedule
        .as_ref()
        .map_or(&config.project.zone, |schedule| &schedule.zone);
    at.to_zoned(zone.clone())
        .strftime("%m-%d %H:%M")
        .to_string()
}
