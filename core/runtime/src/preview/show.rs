//! What the page shows: a template's sample or a past run, for one audience, as mail, pages, text and workbook.

use super::guest::Guest;
use crate::config::meant::{Audience, Report};
use crate::paper::{self, Desk};
use crate::project::Project;
use crate::run::Again;
use crate::schedule::Edition;
use crate::{plan, record, replay, run, templates};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::document::Document;
use chenbao_model::{Artifact, Diagnostic, Id, Warned};
use chenbao_report::{
    ComposeInput, Format, MetricInput, Pictures, RenderOptions, Sample, TemplateSet,
};
use serde_json::{Value, json};

/// Samples that a template may have, the first of them shown first.
const SAMPLES: [&str; 3] = ["full", "empty", "missing"];
/// So many past runs are offered.
const RUNS: u32 = 20;

/// What the page asks for, as its address says it; `-` leaves a choice to the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) report: &'a str,
    pub(super) audience: &'a str,
    pub(super) lang: &'a str,
    /// For samples: a past run has its own.
    pub(super) edition: &'a str,
    /// `sample-full`, or `run-` and the id of a past run.
    pub(super) data: &'a str,
}

/// A past run, computed again.
#[derive(Debug)]
pub(super) struct Shown {
    /// Its id, and the configuration that it was computed with.
    key: (String, String),
    shown: crate::ledger::Shown,
    again: Again,
}

/// Everything that can be chosen.
///
/// # Errors
/// The ledger does not answer.
pub(super) async fn choices(project: &Project) -> Result<Value, Problems> {
    let mut reports = Vec::new();
    for report in project.config.reports.values() {
        let audiences = report.audiences.values().map(|audience| {
            let role = paper::role(&project.config, audience);
            json!({"id": audience.id, "role": role.name, "lang": audience.lang})
        });
        let runs = project.ledger.history(Some(&report.id), RUNS).await?;
        let runs = runs.iter().map(|run| {
            let issue = &run.issue;
            let edition = (issue.edition != Edition::Regular).then(|| issue.edition.to_string());
            let revision = (issue.revision > 0).then(|| format!("r{}", issue.revision));
            let words = [Some(issue.period.to_string()), edition, revision];
            let name: Vec<String> = words.into_iter().flatten().collect();
            json!({"id": run.id, "name": name.join(" "), "state": run.state.word()})
        });
        reports.push(json!({
            "id": report.id, "name": report.name.as_ref().map(|name| name.in_lang(&report.lang)),
            "template": report.template, "audiences": audiences.collect::<Vec<_>>(), "runs": runs.collect::<Vec<_>>(),
        }));
    }
    let config = &project.config;
    Ok(
        json!({"project": config.project.name, "lang": config.project.lang, "reports": reports, "samples": SAMPLES}),
    )
}

/// One view as JSON.
///
/// # Errors
/// Everything that is wrong with the template, the sample or the run.
pub(super) async fn show(
    project: &Project,
    wish: &Wish<'_>,
    guest: Option<&Guest>,
    last: &tokio::sync::Mutex<Option<Shown>>,
) -> Result<Value, Problems> {
    let id = named::<Id>(wish.report, "report")?;
    let report = plan::report(&project.config, &id)?;
    let audience = audience(report, wish)?;
    let texts = templates::read(&project.config.templates)?;
    let templates = TemplateSet::builtin().overlaid(texts);
    let document = match wish.data.split_once('-') {
        Some(("sample", name)) => {
            let sample = templates.sample(&report.template, name)?;
            of_sample(
                project,
                &templates,
                report,
                (&audience, wish, guest),
                sample,
            )?
        }
        Some(("run", id)) => {
            let mut last = last.lock().await;
            let shown = match last.take_if(|shown| shown.key == key(project, id)) {
                Some(shown) => shown,
                None => compute(project, id).await?,
            };
            let document = of_run(project, &templates, report, (&audience, &shown)).await;
            *last = Some(shown);
            document?
        }
        _ => {
            let problem =
                Diagnostic::error(format!("`{}` is neither a sample nor a run", wish.data));
            return Err(problem.hint("write sample-full or run-<id>").into());
        }
    };
    written(project, &audience, document)
}

fn named<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Problems>
where
    T::Err: std::fmt::Display,
{
    let parsed = text.parse();
    parsed.map_err(|why| Diagnostic::error(format!("`{text}` is no {what}: {why}")).into())
}

/// The audience, in the language that the page wants.
fn audience(report: &Report, wish: &Wish<'_>) -> Result<Audience, Problems> {
    let found = report
        .audiences
        .values()
        .find(|one| one.id.as_str() == wish.audience);
    let Some(found) = found else {
        let names = report.audiences.keys().map(Id::as_str);
        let problem = Diagnostic::error(format!(
            "`{}` has no audience `{}`",
            report.id, wish.audience
        ));
        return Err(match nearest(wish.audience, names) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        }
        .into());
    };
    let mut audience = found.clone();
    if wish.lang != "-" {
        wish.lang.clone_into(&mut audience.lang);
    }
    Ok(audience)
}

/// The Document of one of the template's samples.
fn of_sample(
    project: &Project,
    templates: &TemplateSet,
    report: &Report,
    (audience, wish, guest): (&Audience, &Wish<'_>, Option<&Guest>),
    sample: Sample,
) -> Result<Warned<Document>, Problems> {
    let mut context = sample.context;
    context.role = paper::role(&project.config, audience);
    if wish.edition != "-" {
        context.edition = named::<Edition>(wish.edition, "edition")?.to_string();
    }
    let in_words = |metric: &MetricInput| {
        let mut metric = metric.clone();
        metric.strings = match project.plugins.component(&metric.plugin) {
            Ok(component) => component.descriptor.strings(&audience.lang),
            Err(_) => templates.sample_words(&metric.plugin, &audience.lang),
        };
        metric
    };
    let mut metrics: Vec<MetricInput> = sample.metrics.iter().map(in_words).collect();
    if let Some(guest) = guest {
        let guest = guest.metric(&audience.lang);
        metrics.retain(|metric| metric.alias != guest.alias);
        metrics.push(guest);
    }
    chenbao_report::compose(&ComposeInput {
        templates,
        template: &report.template,
        lang: &audience.lang,
        shows: &paper::shows(project, audience),
        context: &context,
        metrics: &metrics,
    })
}

fn key(project: &Project, id: &str) -> (String, String) {
    (id.to_owned(), project.config.digest.as_str().to_owned())
}

/// A past run from its snapshot, computed again.
async fn compute(project: &Project, id: &str) -> Result<Shown, Problems> {
    let shown = project.ledger.show(id).await?;
    let shown = shown.ok_or_else(|| Diagnostic::error(format!("there is no run `{id}`")))?;
    let order = replay::order(&shown);
    let again = run::recompute(project, &order, id, shown.run.started).await?;
    Ok(Shown {
        key: key(project, id),
        shown,
        again,
    })
}

/// The Document of a past run with the template of today.
async fn of_run(
    project: &Project,
    templates: &TemplateSet,
    report: &Report,
    (audience, past): (&Audience, &Shown),
) -> Result<Warned<Document>, Problems> {
    let order = replay::order(&past.shown);
    let begun = record::again(project, &past.shown.run).await?;
    let desk = Desk {
        project,
        templates,
        report,
        order: &order,
        begun: &begun,
        now: past.shown.run.started,
        judgement: &past.again.judgement_of(project, audience, &order),
    };
    paper::document(&desk, audience, past.again.results_of(audience)).await
}

/// The Document as everything that becomes of it.
fn written(
    project: &Project,
    audience: &Audience,
    document: Warned<Document>,
) -> Result<Value, Problems> {
    let (files, _) = paper::mail(project, audience, &document.value, None)?;
    let options = RenderOptions {
        fonts: &project.fonts,
        pictures: Pictures::Cid,
        lacks: None,
    };
    let subject = document.value.meta.subject.clone();
    let pages = chenbao_report::render(&document.value, &[Format::Pdf, Format::Svg], &options)?;
    let (pdf, pages): (Vec<&Artifact>, Vec<&Artifact>) = pages
        .value
        .iter()
        .partition(|file| file.media_type == "application/pdf");
    let text = |media: &str| {
        let file = files
            .value
            .iter()
            .find(|file| file.media_type.starts_with(media));
        file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
    };
    // A browser has the pictures of a mail only where they stand in it.
    let mut html = text("text/html").unwrap_or_default();
    for picture in &files.value {
        if let Some(cid) = &picture.cid {
            html = html.replace(&format!("\"cid:{cid}\""), &format!("\"{}\"", data(picture)));
        }
    }
    let warnings = document.warnings.into_iter().chain(files.warnings);
    Ok(json!({
        "subject": subject, "lang": audience.lang, "html": html, "text": text("text/plain"),
        "pages": pages.into_iter().map(data).collect::<Vec<_>>(),
        "pdf": pdf.first().map(|file| json!({"name": file.name, "data": data(file)})),
        "warnings": warnings.collect::<Vec<_>>(),
    }))
}

/// A file as an address that holds it.
fn data(file: &Artifact) -> String {
    let bytes = STANDARD.encode(&file.bytes);
    format!("data:{};base64,{bytes}", file.media_type)
}
