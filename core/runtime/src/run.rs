//! One run in nine steps: plan, collect, gate, compute, compose, render, verify, deliver, record.

use crate::collect::{self, Collected};
use crate::compute::{self, Computed};
use crate::config::meant::{Audience, Report};
use crate::gate::{self, Judgement, Need};
use crate::ledger::Issue;
use crate::project::Project;
use crate::schedule::Occurrence;
use crate::{deliver, plan, record, verify, words};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::ResultDoc;
use chenbao_model::{Artifact, Diagnostic, Id};
use chenbao_report::{
    CampaignInfo, Change, Completeness, ComposeInput, Format, MetricInput, Outcome, Pictures,
    RenderOptions, ReportContext, RoleInfo, ShopInfo,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

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
    /// Whether to fetch from the sources first.
    pub collect: bool,
    /// Who gets it.
    pub send: Send,
    /// Stop after compute: results only.
    pub results_only: bool,
    /// Read exactly this instead of the newest: a replay.
    pub pinned: Option<Snapshot>,
}

/// One audience's report.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Audience.
    pub audience: Id,
    /// Its role.
    pub role: Id,
    /// Subject of the mail.
    pub subject: String,
    /// Files for a folder: HTML with its pictures in it, text, PDF.
    pub files: Vec<Artifact>,
    /// Parts of the mail: HTML with pictures beside it, text, PDF.
    pub mail: Vec<Artifact>,
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
    /// Deliveries that were queued.
    pub queued: usize,
    /// Caveats of all steps.
    pub warnings: Vec<Diagnostic>,
}

impl Made {
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
    /// What the sources brought.
    pub collected: Vec<Collected>,
    /// What is read.
    pub snapshot: Snapshot,
    /// Whether it is whole.
    pub judgement: Judgement,
    needs: Vec<Need>,
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
    let mut collected = Vec::new();
    if order.collect && order.pinned.is_none() {
        let sources: Vec<Id> = needs.iter().map(|need| need.source.clone()).collect();
        let windows = compute::reach(project, &report.metrics, period);
        collected = collect::collect(project, &sources, windows, progress).await;
        for (need, collected) in needs.iter_mut().zip(&collected) {
            need.trouble = collected.trouble_sentence();
        }
    }
    let snapshot = match &order.pinned {
        Some(snapshot) => snapshot.clone(),
        None => collect::pin(project, &tables, &shops).await?,
    };
    let judgement = gate::judge(&project.config, &needs, &snapshot, period);
    Ok(Gathered {
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
    let done = make(project, report, order, (&begun, now), progress).await;
    record::finish(project, &begun, done, now).await
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
        collected: gathered.collected,
        judgement: gathered.judgement,
        results: Vec::new(),
        papers: Vec::new(),
        queued: 0,
        warnings: Vec::new(),
    };
    made.warnings.extend(
        made.collected
            .iter()
            .flat_map(|collected| collected.warnings.clone()),
    );
    made.results = compute_all(
        project,
        report,
        order,
        (&gathered.snapshot, &fed, &begun.run, now),
        progress,
    )
    .await;
    if order.results_only {
        return Ok((made, gathered.snapshot));
    }
    for audience in audiences(report, order) {
        progress(audience.id.as_str());
        let paper = write(project, report, audience, (order, begun, now), &mut made).await?;
        made.papers.push(paper);
    }
    made.queued = deliver::queue(project, report, order, &made, now).await?;
    Ok((made, gathered.snapshot))
}

/// Step 4 for every set of shops once: audiences of equal shops share their results.
async fn compute_all(
    project: &Project,
    report: &Report,
    order: &Order,
    (snapshot, fed, run, now): (&Snapshot, &BTreeSet<String>, &str, Timestamp),
    progress: &(dyn Fn(&str) + Sync),
) -> Vec<(Vec<Id>, Vec<Computed>)> {
    let mut results: Vec<(Vec<Id>, Vec<Computed>)> = Vec::new();
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
            now,
            fed,
        };
        let computed = compute::compute(project, &report.metrics, &job, progress).await;
        results.push((shops, computed));
    }
    results
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
) -> Result<Vec<(Vec<Id>, Vec<Computed>)>, Problems> {
    let report = plan::report(&project.config, &order.occurrence.report)?;
    let gathered = gather(project, report, order, &|_| {}).await?;
    let fed = fed(&gathered.needs);
    Ok(compute_all(
        project,
        report,
        order,
        (&gathered.snapshot, &fed, run, then),
        &|_| {},
    )
    .await)
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

/// Steps 5 to 7 for one audience.
async fn write(
    project: &Project,
    report: &Report,
    audience: &Audience,
    (order, begun, now): (&Order, &record::Begun, Timestamp),
    made: &mut Made,
) -> Result<Paper, Problems> {
    let role = project.config.roles.get(&audience.role);
    let shows = role.map(|role| role.shows.clone()).unwrap_or_default();
    let none = Vec::new();
    let computed = made
        .results
        .iter()
        .find(|(shops, _)| shops == &audience.shops)
        .map_or(&none, |(_, computed)| computed);
    let metrics: Vec<MetricInput> = computed
        .iter()
        .map(|one| metric_input(project, one, &audience.lang))
        .collect();
    let mut context = context(
        project,
        report,
        audience,
        (order, begun, now),
        &made.judgement,
    );
    context.changes = record::changes(project, report, audience, begun, computed).await?;
    let input = ComposeInput {
        templates: &project.templates,
        template: &report.template,
        lang: &audience.lang,
        shows: &shows,
        context: &context,
        metrics: &metrics,
    };
    let document = chenbao_report::compose(&input)?;
    let with = |pictures| RenderOptions {
        fonts: &project.fonts,
        pictures,
    };
    let formats = [Format::Html, Format::Text, Format::Pdf];
    let mail = chenbao_report::render(&document.value, &formats, &with(Pictures::Cid))?;
    let html = chenbao_report::render(&document.value, &[Format::Html], &with(Pictures::Inline))?;
    let docs: Vec<&ResultDoc> = computed
        .iter()
        .filter_map(|one| match &one.outcome {
            Outcome::Done(doc) => Some(doc),
            _ => None,
        })
        .collect();
    let checked = verify::verify(&mail.value, &docs, &shows)?;
    let others = mail
        .value
        .iter()
        .filter(|artifact| artifact.cid.is_none() && !artifact.media_type.starts_with("text/html"));
    let files = html.value.into_iter().chain(others.cloned()).collect();
    let subject = document.value.meta.subject.clone();
    made.warnings.extend(
        document
            .warnings
            .into_iter()
            .chain(mail.warnings)
            .chain(checked),
    );
    Ok(Paper {
        audience: audience.id.clone(),
        role: audience.role.clone(),
        subject,
        files,
        mail: mail.value,
    })
}

fn metric_input(project: &Project, computed: &Computed, lang: &str) -> MetricInput {
    let component = computed
        .plugin
        .parse()
        .ok()
        .and_then(|id| project.component(&id).ok());
    let strings = component
        .map(|component| component.descriptor.strings(lang))
        .unwrap_or_default();
    MetricInput {
        alias: computed.alias.to_string(),
        plugin: computed.plugin.clone(),
        strings,
        outcome: computed.outcome.clone(),
    }
}

fn context(
    project: &Project,
    report: &Report,
    audience: &Audience,
    (order, begun, now): (&Order, &record::Begun, Timestamp),
    judgement: &Judgement,
) -> ReportContext {
    let config = &project.config;
    let lang = audience.lang.as_str();
    let zone = audience
        .shops
        .first()
        .and_then(|id| config.shops.get(id))
        .map_or_else(|| config.project.zone.clone(), |shop| shop.zone.clone());
    let local = now.to_zoned(zone.clone());
    let shops = audience
        .shops
        .iter()
        .filter_map(|id| config.shops.get(id))
        .map(|shop| ShopInfo {
            id: shop.id.to_string(),
            name: shop.name.in_lang(lang).to_owned(),
            platform: shop.platform.to_string(),
            platform_name: words::platform(shop.platform.as_str(), lang),
        });
    let campaigns: Vec<CampaignInfo> = config
        .campaigns
        .values()
        .map(|campaign| CampaignInfo {
            id: campaign.id.to_string(),
            name: campaign.name.in_lang(lang).to_owned(),
            starts_on: campaign.starts,
            ends_on: campaign.ends,
        })
        .collect();
    let subject = order
        .occurrence
        .subject
        .as_ref()
        .map(Id::as_str)
        .unwrap_or_default();
    let through = judgement.through.map(|at| {
        at.to_zoned(zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    });
    let days = (judgement.days.1 > 1).then_some(judgement.days);
    ReportContext {
        report: report.id.to_string(),
        report_name: report
            .name
            .as_ref()
            .map(|name| name.in_lang(lang).to_owned())
            .unwrap_or_default(),
        role: RoleInfo {
            id: audience.role.to_string(),
            name: config
                .roles
                .get(&audience.role)
                .map_or("", |role| role.name.in_lang(lang))
                .to_owned(),
        },
        shops: shops.collect(),
        currency: compute::currency(project, &audience.shops),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        period: order.occurrence.period,
        today: local.date(),
        edition: begun.issue.edition.to_string(),
        revision: begun.issue.revision,
        issue: begun.number,
        completeness: Completeness {
            have: judgement.have,
            need: judgement.need,
            days,
            missing: words::gaps(judgement, config, lang),
        },
        data_through: through,
        run_id: begun.run.clone(),
        created: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        campaign: campaigns
            .iter()
            .find(|campaign| campaign.id == subject)
            .cloned(),
        campaigns,
        notes: words::doubts(&judgement.doubts, lang),
        changes: Vec::<Change>::new(),
        owner: Some(config.project.owner.to_string()),
        test: matches!(order.send, Send::Test(_)),
    }
}
