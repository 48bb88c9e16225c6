//! Steps 5 to 7 for one audience: compose, render, verify; the result is a paper, ready to be delivered.

use crate::calendar::{self, Work};
use crate::compute::{self, Computed};
use crate::config::Config;
use crate::config::attach::Attachment;
use crate::config::meant::{Audience, Report};
use crate::gate::Judgement;
use crate::project::Project;
use crate::run::{Order, Send};
use crate::{record, robot, verify, words};
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;
use chenbao_model::result::ResultDoc;
use chenbao_model::{Artifact, Diagnostic, Id, Sensitivities, Warned};
use chenbao_report::text::Brief;
use chenbao_report::{
    CampaignInfo, Completeness, ComposeInput, Format, MetricInput, Outcome, Pictures,
    RenderOptions, ReportContext, RoleInfo, ShopInfo, TemplateSet,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One audience's report.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Audience.
    pub audience: Id,
    /// Subject of the mail.
    pub subject: String,
    /// What a message in a group says.
    pub brief: Brief,
    /// Files for a folder: HTML with its pictures in it, text, PDF, XLSX.
    pub files: Vec<Artifact>,
    /// Parts of the mail: HTML with pictures beside it, text, and the files that the audience asks for.
    pub mail: Vec<Artifact>,
}

/// What all papers of a run share.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The open project.
    pub project: &'a Project,
    /// The templates: today's, or the last that worked.
    pub templates: &'a TemplateSet,
    /// The report.
    pub report: &'a Report,
    /// What was asked for.
    pub order: &'a Order,
    /// The run.
    pub begun: &'a record::Begun,
    /// Its moment.
    pub now: Timestamp,
    /// Whether the data is whole.
    pub judgement: &'a Judgement,
}

/// The Document of one audience from the results for its shops: step 5.
///
/// # Errors
/// The template's mistakes, all at once.
pub async fn document(
    desk: &Desk<'_>,
    audience: &Audience,
    computed: &[Computed],
) -> Result<Warned<Document>, Problems> {
    let project = desk.project;
    let metrics: Vec<MetricInput> = computed
        .iter()
        .map(|one| metric_input(project, one, &audience.lang))
        .collect();
    let mut context = context(desk, audience);
    context.changes = record::changes(project, desk.report, audience, desk.begun, computed).await?;
    chenbao_report::compose(&ComposeInput {
        templates: desk.templates,
        template: &desk.report.template,
        lang: &audience.lang,
        shows: &shows(project, audience),
        context: &context,
        metrics: &metrics,
    })
}

/// Labels that an audience may see.
#[must_use]
pub fn shows(project: &Project, audience: &Audience) -> Sensitivities {
    let role = project.config.roles.get(&audience.role);
    role.map(|role| role.shows.clone()).unwrap_or_default()
}

/// Writes the paper of one audience from the results for its shops.
///
/// # Errors
/// The template's mistakes, all at once; or what verify refuses.
pub async fn write(
    desk: &Desk<'_>,
    audience: &Audience,
    computed: &[Computed],
) -> Result<Warned<Paper>, Problems> {
    let project = desk.project;
    let composed = document(desk, audience, computed).await?;
    let document = composed.value;
    let link = robot::link(&project.config, &desk.begun.issue, audience);
    let (mail, left) = mail(project, audience, &document, link.as_deref())?;
    let options = RenderOptions {
        fonts: &project.fonts,
        pictures: Pictures::Inline,
        lacks: None,
    };
    let disk = chenbao_report::render(&document, &left, &options)?;
    let shows = shows(project, audience);
    let checked = verify::verify(&mail.value, &answers(computed), &shows)?;
    let caveats = composed.warnings.into_iter().chain(mail.warnings);
    let paper = Paper {
        audience: audience.id.clone(),
        brief: chenbao_report::text::brief(&document),
        subject: document.meta.subject,
        files: for_disk(disk.value, &mail.value),
        mail: mail.value,
    };
    Ok(Warned {
        value: paper,
        warnings: caveats.chain(checked).collect(),
    })
}

/// The parts of the mail, and what else a folder gets beside it. A mail that would be larger than `[mail] max_size` draws its charts
/// smaller, then leaves out its workbook, then its pages, then its charts, and says so. It is not split over two messages: the ledger
/// knows a delivery by issue, audience, channel and recipient, once, and a second message would need a second row that may bounce, be
/// withheld or stay unknown while the first has promised it. The link to the archive has no such half.
///
/// # Errors
/// A glyph that no font has, a page that does not fit.
pub fn mail(
    project: &Project,
    audience: &Audience,
    document: &Document,
    link: Option<&str>,
) -> Result<(Warned<Vec<Artifact>>, Vec<Format>), Problems> {
    let limit = project.config.mail.max_size;
    let mut wanted: Option<(u64, bool)> = None;
    for (attach, pictures) in smaller_and_smaller(&audience.attach) {
        let lacks = match wanted {
            // Without charts there is nothing to draw smaller.
            Some((_, false)) if attach == audience.attach && pictures == Pictures::Small => {
                continue;
            }
            None => None,
            Some((size, drawn)) => {
                let left_out = audience.attach.iter().copied();
                let left_out: Vec<_> = left_out.filter(|it| !attach.contains(it)).collect();
                let pictures = if drawn { pictures } else { Pictures::Cid };
                let lacks = words::Lacks {
                    files: &left_out,
                    pictures,
                    size,
                    limit,
                };
                words::too_large(&lacks, link, &audience.lang)
            }
        };
        let options = RenderOptions {
            fonts: &project.fonts,
            pictures,
            lacks: lacks.as_deref(),
        };
        let (carried, left) = formats(&attach);
        let mut made = chenbao_report::render(document, &carried, &options)?;
        let size = encoded_size(&made.value);
        if size <= limit || pictures == Pictures::Without {
            made.warnings.extend(lacks.map(Diagnostic::warning));
            return Ok((made, left));
        }
        wanted.get_or_insert_with(|| (size, has_charts(&made.value)));
    }
    Err(Diagnostic::error("a mail of words alone was not made").into())
}

/// What a mail carries, in the order in which it is tried: charts as they should be, then less and less.
fn smaller_and_smaller(attach: &[Attachment]) -> Vec<(Vec<Attachment>, Pictures)> {
    let pages = attach.iter().copied();
    let pages: Vec<_> = pages.filter(|it| *it != Attachment::Xlsx).collect();
    let mut steps = vec![
        (attach.to_vec(), Pictures::Cid),
        (attach.to_vec(), Pictures::Small),
        (pages, Pictures::Small),
        (Vec::new(), Pictures::Small),
        (Vec::new(), Pictures::Without),
    ];
    // What an audience does not ask for cannot be left out.
    steps.dedup();
    steps
}

/// Whether a mail has pictures beside its logo.
fn has_charts(parts: &[Artifact]) -> bool {
    let mut cids = parts.iter().filter_map(|part| part.cid.as_deref());
    cids.any(|cid| cid != chenbao_report::html::LOGO_CID)
}

/// Bytes of a mail with these parts: three of them are four letters, and each line has two more.
fn encoded_size(parts: &[Artifact]) -> u64 {
    /// The heads of the message and of each part.
    const HEADS: u64 = 512;
    let parts = parts.iter().map(|part| {
        let bytes = u64::try_from(part.bytes.len()).unwrap_or(u64::MAX);
        bytes.div_ceil(57).saturating_mul(78).saturating_add(HEADS)
    });
    parts.fold(2 * HEADS, u64::saturating_add)
}

/// What the mail is made of, and what a folder gets beside it: HTML of its own, and every file that the mail does without.
fn formats(attach: &[Attachment]) -> (Vec<Format>, Vec<Format>) {
    let files = [
        (Attachment::Pdf, Format::Pdf),
        (Attachment::Xlsx, Format::Xlsx),
    ];
    let (carried, left): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(file, _)| attach.contains(file));
    let of = |files: Vec<(Attachment, Format)>| files.into_iter().map(|(_, format)| format);
    let mail = [Format::Html, Format::Text].into_iter().chain(of(carried));
    let disk = std::iter::once(Format::Html).chain(of(left));
    (mail.collect(), disk.collect())
}

fn answers(computed: &[Computed]) -> Vec<&ResultDoc> {
    let docs = computed.iter().filter_map(|one| match &one.outcome {
        Outcome::Done(doc) => Some(doc),
        Outcome::Absent { .. } | Outcome::Failed { .. } => None,
    });
    docs.collect()
}

/// The HTML that carries its pictures, and whatever of the mail is neither HTML nor one of its pictures.
fn for_disk(html: Vec<Artifact>, mail: &[Artifact]) -> Vec<Artifact> {
    let other = |artifact: &&Artifact| {
        artifact.cid.is_none() && !artifact.media_type.starts_with("text/html")
    };
    html.into_iter()
        .chain(mail.iter().filter(other).cloned())
        .collect()
}

fn metric_input(project: &Project, computed: &Computed, lang: &str) -> MetricInput {
    let component = computed
        .plugin
        .parse()
        .ok()
        .and_then(|id| project.component(&id).ok());
    let strings = component.map(|component| component.descriptor.strings(lang));
    MetricInput {
        alias: computed.alias.to_string(),
        plugin: computed.plugin.clone(),
        strings: strings.unwrap_or_default(),
        outcome: computed.outcome.clone(),
    }
}

fn context(desk: &Desk<'_>, audience: &Audience) -> ReportContext {
    let (config, lang) = (&desk.project.config, audience.lang.as_str());
    let (report, issue) = (desk.report, &desk.begun.issue);
    let zone = zone(config, audience);
    let campaigns = campaigns(config, lang);
    let about = desk.order.occurrence.subject.as_ref().map(Id::as_str);
    let local = desk.now.to_zoned(zone.clone());
    ReportContext {
        report: report.id.to_string(),
        report_name: report
            .name
            .as_ref()
            .map_or("", |name| name.in_lang(lang))
            .to_owned(),
        role: role(config, audience),
        shops: shops(config, audience),
        currency: compute::currency(desk.project, &audience.shops),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        period: desk.order.occurrence.period,
        today: local.date(),
        edition: issue.edition.to_string(),
        revision: issue.revision,
        issue: desk.begun.number,
        completeness: completeness(desk.judgement, config, lang),
        data_through: desk.judgement.through.map(|at| written(at, &zone)),
        run_id: desk.begun.run.clone(),
        created: written(desk.now, &zone),
        campaign: campaigns
            .iter()
            .find(|campaign| Some(campaign.id.as_str()) == about)
            .cloned(),
        campaigns,
        notes: notes(desk, local.date(), lang),
        changes: Vec::new(),
        owner: Some(config.owner_of(&report.id).to_string()),
        test: matches!(desk.order.send, Send::Test(_)),
    }
}

/// Caveats of the runtime: doubtful row counts, and a calendar that had to guess.
fn notes(desk: &Desk<'_>, today: Date, lang: &str) -> Vec<String> {
    let mut notes = words::doubts(&desk.judgement.doubts, lang);
    let workdays = desk
        .report
        .schedule
        .as_ref()
        .is_some_and(|schedule| schedule.workdays_only);
    if workdays && matches!(calendar::work(today), Work::Unknown { .. }) {
        notes.push(words::unknown_year(today.year(), lang));
    }
    notes
}

/// A moment as RFC 3339 in a zone.
fn written(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn zone(config: &Config, audience: &Audience) -> TimeZone {
    let shop = audience.shops.first().and_then(|id| config.shops.get(id));
    shop.map_or_else(|| config.project.zone.clone(), |shop| shop.zone.clone())
}

/// The role of an audience, named in its language.
#[must_use]
pub fn role(config: &Config, audience: &Audience) -> RoleInfo {
    let role = config.roles.get(&audience.role);
    RoleInfo {
        id: audience.role.to_string(),
        name: role
            .map_or("", |role| role.name.in_lang(&audience.lang))
            .to_owned(),
    }
}

fn shops(config: &Config, audience: &Audience) -> Vec<ShopInfo> {
    let lang = audience.lang.as_str();
    let known = audience.shops.iter().filter_map(|id| config.shops.get(id));
    known
        .map(|shop| ShopInfo {
            id: shop.id.to_string(),
            name: shop.name.in_lang(lang).to_owned(),
            platform: shop.platform.to_string(),
            platform_name: words::platform(shop.platform.as_str(), lang),
        })
        .collect()
}

fn campaigns(config: &Config, lang: &str) -> Vec<CampaignInfo> {
    let info = config.campaigns.values().map(|campaign| CampaignInfo {
        id: campaign.id.to_string(),
        name: campaign.name.in_lang(lang).to_owned(),
        starts_on: campaign.starts,
        ends_on: campaign.ends,
    });
    info.collect()
}

fn completeness(judgement: &Judgement, config: &Config, lang: &str) -> Completeness {
    Completeness {
        have: judgement.have,
        need: judgement.need,
        days: (judgement.days.1 > 1).then_some(judgement.days),
        missing: words::gaps(judgement, config, lang),
    }
}
