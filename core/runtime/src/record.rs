//! Step 9, record: what was made, from what, by which versions, goes to the ledger and the archive; and what differs from before.

use crate::compute::Computed;
use crate::config::meant::{Audience, Report};
use crate::ledger::{Issue, Keep, NewRun, ResultRow, Run, RunEnd, RunState};
use crate::plugin::holding::holding;
use crate::project::Project;
use crate::run::{Made, Order, Send};
use crate::schedule::Edition;
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::{Item, ResultDoc};
use chenbao_model::{Decimal, Digest, Id};
use chenbao_report::format::{Formatter, Style};
use chenbao_report::{Change, Outcome, TemplateSet};
use jiff::Timestamp;
use serde_json::json;

/// A run that has begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Run id.
    pub run: String,
    /// The issue.
    pub issue: Issue,
    /// Issue number, for regular editions.
    pub number: Option<u32>,
}

/// The first line of a run in the ledger.
///
/// # Errors
/// The ledger does not answer.
pub async fn begin(project: &Project, order: &Order, now: Timestamp) -> Result<Begun, Problems> {
    let occurrence = &order.occurrence;
    let mut issue = Issue::of(occurrence, order.revision);
    let local = now.to_zoned(project.config.project.zone.clone());
    let stamp = local.strftime("%Y%m%dT%H%M%S").to_string();
    let subject = occurrence
        .subject
        .as_ref()
        .map(|subject| format!("{subject}-"))
        .unwrap_or_default();
    let base = format!(
        "{}-{subject}{}-{}-r{}-{stamp}",
        occurrence.report, occurrence.period, occurrence.edition, order.revision
    );
    let run = unused(project, &base.replace(['/', '+'], "")).await?;
    if matches!(order.send, Send::Test(_)) {
        issue.edition = Edition::Test(run.clone());
    }
    let number = match (&occurrence.edition, &order.send) {
        (Edition::Test(_), _) | (_, Send::Test(_)) => None,
        (_, send) => {
            let keep = if matches!(send, Send::Recipients(_)) {
                Keep::Taken
            } else {
                Keep::Peeked
            };
            let subject = occurrence.subject.as_ref();
            Some(
                project
                    .ledger
                    .issue_number(&occurrence.report, subject, occurrence.period, keep)
                    .await?,
            )
        }
    };
    let new = NewRun {
        id: run.clone(),
        issue: issue.clone(),
        due: Some(occurrence.due),
        started: now,
    };
    project.ledger.begin_run(&new).await?;
    Ok(Begun { run, issue, number })
}

/// A run that began in the past, to be made again.
///
/// # Errors
/// The ledger does not answer.
pub async fn again(project: &Project, run: &Run) -> Result<Begun, Problems> {
    let issue = run.issue.clone();
    let number = match issue.edition {
        Edition::Test(_) => None,
        _ => Some(
            project
                .ledger
                .issue_number(
                    &issue.report,
                    issue.subject.as_ref(),
                    issue.period,
                    Keep::Peeked,
                )
                .await?,
        ),
    };
    Ok(Begun {
        run: run.id.clone(),
        issue,
        number,
    })
}

/// The id itself, or with a count behind it where two runs began in the same second.
async fn unused(project: &Project, base: &str) -> Result<String, Problems> {
    let mut id = base.to_owned();
    let mut count = 1_u32;
    while project
        .ledger
        .show(&id)
        .await?
        .is_some_and(|shown| shown.run.id == id)
    {
        count += 1;
        id = format!("{base}-{count}");
    }
    Ok(id)
}

/// The last line of a run in the ledger, whatever became of it.
///
/// # Errors
/// What the run failed with; or the ledger does not answer.
pub async fn finish(
    project: &Project,
    begun: &Begun,
    done: Result<(Made, Snapshot), Problems>,
    started: Timestamp,
) -> Result<Made, Problems> {
    let at = project.clock.now().max(started);
    match done {
        Ok((made, snapshot)) => {
            let results = made.results.iter().flat_map(|(shops, computed)| {
                computed.iter().filter_map(|one| {
                    Some((one.alias.clone(), shops_key(shops), one.digest.clone()?))
                })
            });
            let end = RunEnd {
                state: if made.partial() {
                    RunState::Partial
                } else {
                    RunState::Done
                },
                snapshot,
                record: what_it_rests_on(project, &made)?,
                results: results.collect(),
                note: note(&made),
                at,
            };
            project.ledger.finish_run(&begun.run, &end).await?;
            Ok(made)
        }
        Err(problems) => {
            let end = RunEnd {
                state: RunState::Failed,
                snapshot: Snapshot::default(),
                record: json!({}),
                results: Vec::new(),
                note: problems.to_string(),
                at,
            };
            if let Err(e) = project.ledger.finish_run(&begun.run, &end).await {
                tracing::error!(run = %begun.run, "the ledger does not take the failed run: {e}");
            }
            Err(problems)
        }
    }
}

/// The key of a set of shops in the index of results.
#[must_use]
pub fn shops_key(shops: &[Id]) -> String {
    shops.iter().map(Id::as_str).collect::<Vec<_>>().join(",")
}

fn note(made: &Made) -> String {
    let failed = made
        .results
        .iter()
        .flat_map(|(_, computed)| computed)
        .filter_map(|one| {
            let verdict = one.verdict.as_ref()?;
            Some(format!(
                "{}: {}",
                one.alias,
                verdict.lines().next().unwrap_or_default()
            ))
        });
    let missing = made
        .judgement
        .missing
        .iter()
        .map(|gap| format!("source {} is not in", gap.source));
    missing.chain(failed).collect::<Vec<_>>().join("; ")
}

/// Digests of everything that decides what a run says, and the papers themselves in the archive.
fn what_it_rests_on(project: &Project, made: &Made) -> Result<serde_json::Value, Problems> {
    let mut papers = serde_json::Map::new();
    for paper in &made.papers {
        let mut files = serde_json::Map::new();
        for file in &paper.files {
            let digest = project.archive.put(&file.bytes)?;
            files.insert(file.name.clone(), json!(digest.as_str()));
        }
        papers.insert(paper.audience.to_string(), files.into());
    }
    let plugins: serde_json::Map<String, serde_json::Value> = project
        .plugins
        .components()
        .map(|component| {
            (
                component.id.clone(),
                json!(component.digest.as_ref().map(Digest::as_str)),
            )
        })
        .collect();
    let warnings: Vec<String> = made.warnings.iter().map(ToString::to_string).collect();
    let report = project.config.reports.get(&made.issue.report);
    let templates = match &made.fallback {
        Some(older) => &older.templates,
        None => &project.templates,
    };
    let text = templates.text(report.map_or("", |report| report.template.as_str()));
    let template = project.archive.put(text.as_bytes())?;
    Ok(json!({
        "config": project.config.digest.as_str(),
        "template": template.as_str(),
        "plugins": plugins,
        "hosts": holding(project.config.plugins.sandbox).words(),
        "papers": papers,
        "warnings": warnings,
        "completeness": format!("{}/{}", made.judgement.have, made.judgement.need),
    }))
}

/// The template that a report was last made with, if it is another than today's and still in the archive.
///
/// # Errors
/// The ledger does not answer.
pub async fn template_before(
    project: &Project,
    report: &Report,
) -> Result<Option<TemplateSet>, Problems> {
    let today = project.templates.digest(&report.template);
    let used = project.ledger.templates_used(&report.id).await?;
    let older = used.iter().filter(|digest| **digest != today);
    let mut texts = older.filter_map(|digest| project.archive.get(digest).ok());
    let text = texts.next();
    Ok(text.map(|text| TemplateSet::from_text(&String::from_utf8_lossy(&text))))
}

/// What a later revision or edition says differently from the one before: figures that a reader saw.
///
/// # Errors
/// The ledger does not answer.
pub async fn changes(
    project: &Project,
    report: &Report,
    audience: &Audience,
    begun: &Begun,
    computed: &[Computed],
) -> Result<Vec<Change>, Problems> {
    let mut changes = Vec::new();
    let later = begun.issue.revision > 0 || matches!(begun.issue.edition, Edition::After(_));
    if !later {
        return Ok(changes);
    }
    let shops = shops_key(&audience.shops);
    let shows = project
        .config
        .roles
        .get(&audience.role)
        .map(|role| role.shows.clone())
        .unwrap_or_default();
    for one in computed {
        let Outcome::Done(now) = &one.outcome else {
            continue;
        };
        let rows = project
            .ledger
            .results_for(&report.id, &one.alias, begun.issue.period, &shops)
            .await?;
        let Some(before) = earlier(project, &rows, &begun.issue) else {
            continue;
        };
        let component = one
            .plugin
            .parse()
            .ok()
            .and_then(|id| project.component(&id).ok());
        let strings = component
            .map(|component| component.descriptor.strings(&audience.lang))
            .unwrap_or_default();
        let currency = crate::compute::currency(project, &audience.shops);
        let formatter = Formatter::new(&audience.lang, &currency, &strings);
        for (id, unit, was, is) in differences(&before, now, &shows) {
            let label = strings.get(&format!("item.{id}")).unwrap_or(&id).to_owned();
            // Two metrics may say a figure of one name by their own definitions; the report's first metric is the one told.
            if changes.iter().any(|told: &Change| told.label == label) {
                continue;
            }
            let show = |value: Decimal| formatter.figure(value, &unit, Style::Full);
            changes.push(Change {
                label,
                before: show(was),
                after: show(is),
            });
        }
    }
    Ok(changes)
}

/// The newest result of an earlier revision or edition of the same subject.
fn earlier(project: &Project, rows: &[ResultRow], issue: &Issue) -> Option<ResultDoc> {
    let row = rows.iter().find(|row| {
        let same = row.issue.subject == issue.subject;
        same && (row.issue.edition != issue.edition || row.issue.revision < issue.revision)
            && row.issue.edition <= issue.edition
    })?;
    let bytes = project.archive.get(&row.digest).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Scalars that both have and that differ when shown: id, unit, before, after.
fn differences(
    before: &ResultDoc,
    now: &ResultDoc,
    shows: &chenbao_model::Sensitivities,
) -> Vec<(String, String, Decimal, Decimal)> {
    let scalar = |item: &Item| match item {
        Item::Scalar(scalar) => Some((scalar.unit.clone(), scalar.value.number()?)),
        _ => None,
    };
    now.items
        .iter()
        .filter(|item| chenbao_model::sensitivity::visible(item.sensitivity(), shows))
        .filter_map(|item| {
            let (unit, is) = scalar(item)?;
            let (_, was) = before.item(item.id()).and_then(scalar)?;
            let shown = |value: Decimal| chenbao_model::money::round(value, 2);
            (shown(was) != shown(is)).then(|| (item.id().to_owned(), unit, was, is))
        })
        .collect()
}
