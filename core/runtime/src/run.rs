//! One run in nine steps: plan, collect, gate, compute, compose, render, verify, deliver, record.

use crate::asking::Ask;
use crate::collect::{self, Collected};
use crate::compute::{self, Computed};
use crate::config::meant::{Audience, Report};
use crate::days;
use crate::gate::{self, Judgement, Need};
use crate::ledger::Issue;
use crate::life::{Doing, Part};
use crate::paper::{self, Desk, Paper};
use crate::project::Project;
use crate::recover::Mended;
use crate::schedule::Occurrence;
use crate::{deliver, disk, plan, record, recover};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id, Warned};
use chenbao_report::{Outcome, TemplateSet};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use tracing::Instrument as _;

/// Who gets what a run makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Send {
    /// Nobody: files only.
    Nobody,
    /// The audiences' recipients, not before this moment.
    Recipients(Timestamp),
    /// This address, as a marked test that uses up nothing.
    Test(String),
}

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which issue.
    pub occurrence: Occurrence,
    /// Zero for the first, counted up by corrections.
    pub revision: u32,
    /// Only audiences of this role.
    pub role: Option<Id>,
    /// How the sources are asked first; none: what is in the lake counts.
    pub collect: Option<Ask>,
    /// Who gets it.
    pub send: Send,
    /// Stop after compute: results only.
    pub results_only: bool,
    /// Read exactly this instead of the newest: a replay.
    pub pinned: Option<Snapshot>,
}

/// What a run made.
#[derive(Debug)]
pub struct Made {
    /// Run id.
    pub run: String,
    /// The issue.
    pub issue: Issue,
    /// What the sources brought.
    pub collected: Vec<Collected>,
    /// Whether the data is whole.
    pub judgement: Judgement,
    /// Results by set of shops.
    pub results: Vec<(Vec<Id>, Vec<Computed>)>,
    /// Reports by audience.
    pub papers: Vec<Paper>,
    /// The template that worked before, where today's broke.
    pub fallback: Option<Fallback>,
    /// Deliveries that were queued.
    pub queued: usize,
    /// Caveats of all steps.
    pub warnings: Vec<Diagnostic>,
}

/// A template that worked before, and what is wrong with today's.
#[derive(Debug)]
pub struct Fallback {
    /// The templates that were used.
    pub templates: TemplateSet,
    /// What is wrong with today's.
    pub problems: Problems,
}

impl Made {
    /// The results for an audience's shops.
    fn results_of(&self, audience: &Audience) -> &[Computed] {
        results_of(&self.results, audience)
    }

    /// Whether anything required was missing or a metric failed.
    #[must_use]
    pub fn partial(&self) -> bool {
        let failed = |computed: &Computed| matches!(computed.outcome, Outcome::Failed { .. });
        !self.judgement.ready() || self.results.iter().flat_map(|(_, all)| all).any(failed)
    }
}

/// What a report reads, gathered: after collect and gate, before compute.
#[derive(Debug)]
pub struct Gathered {
    /// Files of the lake that were damaged, and what became of them.
    pub mended: Vec<Mended>,
    /// What the sources brought.
    pub collected: Vec<Collected>,
    /// What is read.
    pub snapshot: Snapshot,
    /// Whether it is whole.
    pub judgement: Judgement,
    needs: Vec<Need>,
}

impl Gathered {
    /// What happened to files of the lake, and what the sources had to say.
    fn warnings(&self) -> Vec<Diagnostic> {
        let mended = self.mended.iter().map(Mended::warning);
        let collected = self.collected.iter();
        mended
            .chain(collected.flat_map(|collected| collected.warnings.clone()))
            .collect()
    }
}

/// Steps 2 and 3: fetches what the report needs, pins it, and judges it.
///
/// # Errors
/// The configuration's plugins or mappings cannot be read, or the ledger does not answer.
pub async fn gather(
    project: &Project,
    report: &Report,
    order: &Order,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Gathered, Problems> {
    let period = order.occurrence.period;
    let tables = compute::tables(project, &report.metrics)?;
    let shops: BTreeSet<Id> = audiences(report, order)
        .flat_map(|audience| audience.shops.iter().cloned())
        .collect();
    let mut needs = collect::needs(project, &tables, &shops)?;
    let (mut collected, mut mended) = (Vec::new(), Vec::new());
    let sources: Vec<Id> = needs.iter().map(|need| need.source.clone()).collect();
    if order.pinned.is_none() {
        mended = recover::mend(project, &sources).await?;
    }
    if let Some(ask) = order.collect.filter(|_| order.pinned.is_none()) {
        let windows = days::reach(project, &report.metrics, period);
        collected = collect::collect(project, &sources, windows, ask, progress).await;
        for (need, collected) in needs.iter_mut().zip(&collected) {
            need.trouble = collected.trouble_sentence();
        }
    }
    let snapshot = match &order.pinned {
        Some(snapshot) => snapshot.clone(),
        None => {
            recover::note_lost(project, &mut needs).await?;
            collect::pin(project, &tables, &shops).await?
        }
    };
    let judgement = gate::judge(&project.config, &needs, &snapshot, period);
    Ok(Gathered {
        mended,
        collected,
        snapshot,
        judgement,
        needs,
    })
}

/// Makes an issue: all nine steps.
///
/// # Errors
/// What stops a report altogether: configuration, templates, the ledger. Missing data and failed metrics do not.
pub async fn run(
    project: &Project,
    order: &Order,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Made, Problems> {
    let report = plan::report(&project.config, &order.occurrence.report)?;
    let now = project.clock.now();
    let begun = record::begin(project, order, now).await?;
    let span = tracing::error_span!(
        "run", run = %begun.run, report = %report.id, period = %begun.issue.period, edition = %begun.issue.edition,
    );
    let turning = |what: &str| {
        project.life.turn(Part::Loop, Doing::Work);
        progress(what);
    };
    async {
        tracing::info!("begins");
        let done = make(project, report, order, (&begun, now), &turning).await;
        let done = done.map_err(|problems| disk::explain(&project.config, problems));
        let done = record::finish(project, &begun, done, now).await;
        told(project, report, &done, now);
        done
    }
    .instrument(span)
    .await
}

/// What the log and the meter hear of a run that has ended.
fn told(project: &Project, report: &Report, done: &Result<Made, Problems>, started: Timestamp) {
    let took = project.clock.now().duration_since(started);
    let took = Duration::try_from(took).unwrap_or_default();
    let state = match done {
        Ok(made) if made.partial() => "partial",
        Ok(_) => "done",
        Err(_) => "failed",
    };
    project.life.meter().ran(report.id.as_str(), state, took);
    let queued = done.as_ref().map_or(0, |made| made.queued);
    tracing::info!(state, queued, seconds = took.as_secs(), "ended");
}

/// Everything between the first and the last line of the ledger.
async fn make(
    project: &Project,
    report: &Report,
    order: &Order,
    (begun, now): (&record::Begun, Timestamp),
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(Made, Snapshot), Problems> {
    let gathered = gather(project, report, order, progress).await?;
    let fed = fed(&gathered.needs);
    let mut made = Made {
        run: begun.run.clone(),
        issue: begun.issue.clone(),
        warnings: gathered.warnings(),
        collected: gathered.collected,
        judgement: gathered.judgement,
        results: Vec::new(),
        papers: Vec::new(),
        fallback: None,
        queued: 0,
    };
    made.results = compute_all(
        project,
        report,
        order,
        (&gathered.snapshot, &fed, &begun.run, now),
        progress,
    )
    .await?;
    if let Some(problem) = wait_for_the_machine(&made, order, now) {
        return Err(problem.into());
    }
    if order.results_only {
        return Ok((made, gathered.snapshot));
    }
    let desk = Desk {
        project,
        templates: &project.templates,
        report,
        order,
        begun,
        now,
        judgement: &Judgement::default(),
    };
    let about = (&gathered.snapshot, gathered.needs.as_slice());
    write_papers(&desk, &mut made, about, progress).await?;
    tracing::info!(run = %made.run, papers = made.papers.len(), "papers made");
    made.queued = deliver::queue(project, report, order, &made, now).await?;
    tracing::info!(run = %made.run, messages = made.queued, "messages queued");
    Ok((made, gathered.snapshot))
}

/// Makes the papers of a past run again from its snapshot, as of its moment, and keeps what comes out: the same bytes have the same
/// digests, so a message whose archived body was damaged is whole again. Nothing is recorded, nothing is sent.
///
/// # Errors
/// There is no such run, or its configuration, template or snapshot is no longer what it was.
pub async fn remake(project: &Project, id: &str) -> Result<(), Problems> {
    let shown = project.ledger.show(id).await?;
    let shown = shown.ok_or_else(|| Diagnostic::error(format!("there is no run `{id}`")))?;
    let (run, issue) = (&shown.run, &shown.run.issue);
    let report = plan::report(&project.config, &issue.report)?;
    let order = Order {
        occurrence: Occurrence {
            report: issue.report.clone(),
            subject: issue.subject.clone(),
            period: issue.period,
            edition: issue.edition.clone(),
            due: run.due.unwrap_or(run.started),
        },
        revision: issue.revision,
        role: None,
        collect: None,
        send: Send::Nobody,
        results_only: false,
        pinned: Some(shown.snapshot.clone()),
    };
    let begun = record::again(project, run).await?;
    let made = make(project, report, &order, (&begun, run.started), &|_| {}).await;
    deliver::keep(project, &made?.0.papers)
}

/// What the machine could not do for a metric, while there is time before the delivery to try again; afterwards the report goes
/// out without it, as with any other gap.
fn wait_for_the_machine(made: &Made, order: &Order, now: Timestamp) -> Option<Diagnostic> {
    let time = matches!(order.send, Send::Recipients(at) if now < at);
    let mut computed = made.results.iter().flat_map(|(_, computed)| computed);
    let failed = computed.find(|one| time && one.machine)?;
    let sentence = failed.verdict.as_deref().unwrap_or_default();
    Some(Diagnostic::error(format!("{}: {sentence}", failed.alias)).machine())
}

/// Steps 5 to 7 with today's template, else with the last that worked.
async fn write_papers(
    desk: &Desk<'_>,
    made: &mut Made,
    about: (&Snapshot, &[Need]),
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Problems> {
    let papers = match write_all(desk, made, about, progress).await {
        Ok(papers) => papers,
        Err(problems) => {
            let (older, papers) = fall_back(desk, made, about, problems).await?;
            let broken = format!(
                "the template `{}` is broken, so the last that worked was used",
                desk.report.template
            );
            made.warnings.push(Diagnostic::warning(broken));
            made.fallback = Some(older);
            papers
        }
    };
    made.warnings.extend(papers.warnings);
    made.papers = papers.value;
    Ok(())
}

/// Steps 5 to 7 for every audience. Each is told of its own shops' sources: another shop's gap is not its business.
async fn write_all(
    desk: &Desk<'_>,
    made: &Made,
    (snapshot, needs): (&Snapshot, &[Need]),
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Warned<Vec<Paper>>, Problems> {
    let (config, period) = (&desk.project.config, desk.order.occurrence.period);
    let (mut value, mut warnings) = (Vec::new(), Vec::new());
    for audience in audiences(desk.report, desk.order) {
        progress(audience.id.as_str());
        let needs = needs_of(desk.project, needs, audience);
        let judgement = gate::judge(config, &needs, snapshot, period);
        let desk = Desk {
            judgement: &judgement,
            ..*desk
        };
        let paper = paper::write(&desk, audience, made.results_of(audience)).await?;
        warnings.extend(paper.warnings);
        value.push(paper.value);
    }
    Ok(Warned { value, warnings })
}

/// A template that breaks on its way to the recipients is replaced by the last that worked. Whoever tries a template sees its mistakes.
async fn fall_back(
    desk: &Desk<'_>,
    made: &Made,
    about: (&Snapshot, &[Need]),
    problems: Problems,
) -> Result<(Fallback, Warned<Vec<Paper>>), Problems> {
    let older = match &desk.order.send {
        Send::Recipients(_) => record::template_before(desk.project, desk.report).await?,
        Send::Nobody | Send::Test(_) => None,
    };
    let Some(templates) = older.filter(|_| !problems.machine()) else {
        return Err(problems);
    };
    let desk = Desk {
        templates: &templates,
        ..*desk
    };
    match write_all(&desk, made, about, &|_| {}).await {
        Ok(papers) => {
            let older = Fallback {
                templates,
                problems,
            };
            Ok((older, papers))
        }
        // It was not the template.
        Err(_) => Err(problems),
    }
}

/// Step 4 for every set of shops once: audiences of equal shops share their results.
async fn compute_all(
    project: &Project,
    report: &Report,
    order: &Order,
    (snapshot, fed, run, now): (&Snapshot, &BTreeSet<String>, &str, Timestamp),
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<(Vec<Id>, Vec<Computed>)>, Problems> {
    let mut results: Vec<(Vec<Id>, Vec<Computed>)> = Vec::new();
    let until = match &order.send {
        Send::Recipients(at) => Some(*at),
        Send::Nobody | Send::Test(_) => None,
    };
    let sets: BTreeSet<&[Id]> = audiences(report, order)
        .map(|audience| audience.shops.as_slice())
        .collect();
    for audience in audiences(report, order) {
        if results.iter().any(|(shops, _)| shops == &audience.shops) {
            continue;
        }
        let shops = audience.shops.clone();
        let job = compute::Job {
            occurrence: &order.occurrence,
            snapshot,
            shops: &shops,
            run,
            now: plan::known_at(&order.occurrence, now, &project.config.project.zone),
            fed,
            until,
            sets: sets.len() - results.len(),
        };
        let computed = compute::compute(project, &report.metrics, &job, progress).await?;
        results.push((shops, computed));
    }
    Ok(results)
}

/// A past run again: what it read, and what comes out of it now.
#[derive(Debug)]
pub struct Again {
    gathered: Gathered,
    /// Results by set of shops.
    pub results: Vec<(Vec<Id>, Vec<Computed>)>,
}

impl Again {
    /// The results for an audience's shops.
    #[must_use]
    pub fn results_of(&self, audience: &Audience) -> &[Computed] {
        results_of(&self.results, audience)
    }

    /// Whether the data of an audience's shops is whole.
    #[must_use]
    pub fn judgement_of(&self, project: &Project, audience: &Audience, order: &Order) -> Judgement {
        let needs = needs_of(project, &self.gathered.needs, audience);
        let period = order.occurrence.period;
        gate::judge(&project.config, &needs, &self.gathered.snapshot, period)
    }
}

/// The results of a past run again, from its snapshot and as of its moment; nothing is recorded, nothing is sent.
///
/// # Errors
/// The configuration no longer has what the run needs.
pub async fn recompute(
    project: &Project,
    order: &Order,
    run: &str,
    then: Timestamp,
) -> Result<Again, Problems> {
    let report = plan::report(&project.config, &order.occurrence.report)?;
    let gathered = gather(project, report, order, &|_| {}).await?;
    let fed = fed(&gathered.needs);
    let about = (&gathered.snapshot, &fed, run, then);
    let results = compute_all(project, report, order, about, &|_| {}).await?;
    Ok(Again { gathered, results })
}

fn results_of<'a>(all: &'a [(Vec<Id>, Vec<Computed>)], audience: &Audience) -> &'a [Computed] {
    let mine = all.iter().find(|(shops, _)| shops == &audience.shops);
    mine.map_or(&[], |(_, computed)| computed)
}

/// What is needed of the sources of an audience's shops.
fn needs_of(project: &Project, needs: &[Need], audience: &Audience) -> Vec<Need> {
    let mine = |need: &&Need| {
        let source = project.config.sources.get(&need.source);
        source.is_some_and(|source| audience.shops.contains(&source.shop))
    };
    needs.iter().filter(mine).cloned().collect()
}

fn fed(needs: &[Need]) -> BTreeSet<String> {
    needs
        .iter()
        .flat_map(|need| need.tables.iter().cloned())
        .collect()
}

fn audiences<'a>(report: &'a Report, order: &'a Order) -> impl Iterator<Item = &'a Audience> {
    report.audiences.values().filter(|audience| {
        order
            .role
            .as_ref()
            .is_none_or(|role| role == &audience.role)
    })
}
