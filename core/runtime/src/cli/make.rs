//! Commands that collect and make reports: `collect`, `backfill`, `run`, `rerun`.

use super::args::{BackfillArgs, CollectArgs, RerunArgs, RunArgs};
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::asking::Ask;
use crate::collect::{self, Collected, Windows};
use crate::ledger::{DeliveryState, OccurrenceState};
use crate::plan::{self, Wish};
use crate::project::Project;
use crate::run::{self, Made, Order, Send};
use crate::schedule::Edition;
use crate::serve::claim::Claim;
use crate::{deliver, notice, record, recover, storage};
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::{Cell, Item};
use chenbao_model::{Diagnostic, Id, Period};
use chenbao_report::Outcome;
use jiff::{Span, ToSpan};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// Longest stretch that a backfill asks a source for at once.
const BACKFILL_DAYS: i64 = 31;
/// So many reasons why messages are not out are said at once.
const REASONS: usize = 3;

pub(super) async fn collect(project: &Project, args: &CollectArgs, voice: Voice) -> Answer {
    let today = project
        .clock
        .now()
        .to_zoned(project.config.project.zone.clone())
        .date();
    let window = today
        .checked_sub(i64::from(args.days.max(1)).days())
        .map_err(|e| e.to_string())
        .and_then(|first| Period::span(first, today.yesterday().map_err(|e| e.to_string())?))
        .map_err(Diagnostic::error)?;
    fetch(project, &args.sources, &[window], voice).await
}

pub(super) async fn backfill(project: &Project, args: &BackfillArgs, voice: Voice) -> Answer {
    let whole = Period::span(args.from, args.to).map_err(Diagnostic::error)?;
    let mut windows = Vec::new();
    let mut first = whole.start();
    while first <= whole.last() {
        let last = first
            .checked_add(Span::new().days(BACKFILL_DAYS - 1))
            .unwrap_or(whole.last())
            .min(whole.last());
        windows.push(Period::span(first, last).map_err(Diagnostic::error)?);
        first = last
            .tomorrow()
            .map_err(|e| Diagnostic::error(e.to_string()))?;
    }
    fetch(project, &args.sources, &windows, voice).await
}

async fn fetch(project: &Project, wanted: &[Id], windows: &[Period], voice: Voice) -> Answer {
    let unknown: Vec<Diagnostic> = wanted
        .iter()
        .filter(|id| !project.config.sources.contains_key(*id))
        .map(|id| {
            Diagnostic::error(format!("there is no source `{id}`")).in_file(&project.config.file)
        })
        .collect();
    if !unknown.is_empty() {
        voice.tell(&unknown);
        return Ok(Ended::Refused);
    }
    let sources: Vec<Id> = if wanted.is_empty() {
        project.config.sources.keys().cloned().collect()
    } else {
        wanted.to_vec()
    };
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    {
        let progress = voice.progress("collecting");
        let mended = recover::mend(project, &sources).await?;
        warnings.extend(mended.iter().map(recover::Mended::warning));
        for window in windows {
            all.extend(
                collect::collect(
                    project,
                    &sources,
                    Windows::only(*window),
                    Ask::default(),
                    &|what| {
                        progress.note(&format!("collecting {what} {window}"));
                    },
                )
                .await,
            );
        }
    }
    voice.tell(&warnings);
    Ok(say_collected(&all, voice))
}

fn say_collected(all: &[Collected], voice: Voice) -> Ended {
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let state = if one.trouble.is_some() {
                "failed"
            } else {
                "ok"
            };
            vec![
                one.source.to_string(),
                state.into(),
                one.exports.to_string(),
                one.rows.to_string(),
                one.revisions.to_string(),
            ]
        })
        .collect();
    voice.say(print::table(
        &["source", "state", "exports", "rows", "revisions"],
        &rows,
    ));
    for one in all {
        voice.tell(&one.warnings);
        if let Some(problems) = &one.trouble {
            voice.tell(&problems.0);
        }
    }
    let json: Vec<serde_json::Value> = all
        .iter()
        .map(|one| {
            json!({
                "source": one.source, "exports": one.exports, "rows": one.rows, "revisions": one.revisions,
                "warnings": one.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "trouble": one.trouble.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    voice.answer(&json.into());
    if all.iter().any(|one| one.trouble.is_some()) {
        Ended::Failed
    } else {
        Ended::Done
    }
}

pub(super) async fn run(project: &Project, args: &RunArgs, voice: Voice) -> Answer {
    let report = plan::report(&project.config, &args.report)?;
    let edition = args
        .edition
        .as_deref()
        .map(str::parse::<Edition>)
        .transpose()
        .map_err(Diagnostic::error)?;
    let wish = Wish {
        period: args.period,
        campaign: args.campaign.clone(),
        edition,
    };
    let now = project.clock.now();
    let occurrence = plan::by_hand(&project.config, report, &wish, now)?;
    if let Some(role) = args.role.as_ref().filter(|role| {
        report
            .audiences
            .values()
            .all(|audience| &audience.role != *role)
    }) {
        return Err(Diagnostic::error(format!(
            "no audience of `{}` has the role `{role}`",
            report.id
        ))
        .in_file(&project.config.file)
        .into());
    }
    let send = match (&args.to, args.deliver) {
        (Some(address), _) => Send::Test(address.clone()),
        (None, true) => Send::Recipients(now),
        (None, false) => Send::Nobody,
    };
    let order = Order {
        occurrence,
        revision: 0,
        role: args.role.clone(),
        collect: (!args.no_collect).then(Ask::default),
        send,
        results_only: args.results,
        pinned: None,
    };
    if let Some(folder) = &args.drafts {
        return draft(project, &order, folder, voice).await;
    }
    let out = (!args.results).then(|| project.config.folder.join(&args.out));
    alone(project, &order, out.as_deref(), voice).await
}

/// Runs an order. One that goes to the recipients is claimed first, so that it is made nowhere else meanwhile.
async fn alone(project: &Project, order: &Order, out: Option<&Path>, voice: Voice) -> Answer {
    if !matches!(order.send, Send::Recipients(_)) {
        return order_now(project, order, out, voice).await;
    }
    let what = &order.occurrence;
    let Some(claim) = Claim::by_hand(project, what).await? else {
        let problem = Diagnostic::error(format!(
            "the report {} for {} is being made right now",
            what.report, what.period
        ));
        return Err(problem
            .hint("`chenbao history` says when it is done; nothing is made twice at once")
            .into());
    };
    let ended = order_now(project, order, out, voice).await;
    if project.ledger.holds().await?.contains_key(&what.report) {
        voice.tell(&[Diagnostic::warning(format!(
            "the report `{0}` is held: nothing of it leaves until `chenbao release {0}`",
            what.report
        ))]);
    }
    match &ended {
        // A part of the audiences has it; the schedule makes it for the others.
        Ok(_) if order.role.is_some() => claim.forget().await?,
        Ok(_) => claim.settle(OccurrenceState::Done, "by hand").await?,
        Err(problems) => {
            let why = problems.to_string();
            claim.settle(OccurrenceState::Failed, &why).await?;
        }
    }
    ended
}

/// Runs an order and writes its mails as drafts.
async fn draft(project: &Project, order: &Order, folder: &Path, voice: Voice) -> Answer {
    let made = run::run(project, order, &|_| {}).await?;
    voice.tell(&made.warnings);
    let files = deliver::drafts(project, &made, &project.config.folder.join(folder))?;
    for file in &files {
        voice.say(file);
    }
    voice.answer(&json!({"run": made.run, "partial": made.partial(), "drafts": files}));
    Ok(match made.partial() {
        true => Ended::Partial,
        false => Ended::Done,
    })
}

/// Runs an order, writes its files, sends what is to be sent, and says what became of it.
pub(super) async fn order_now(
    project: &Project,
    order: &Order,
    out: Option<&Path>,
    voice: Voice,
) -> Answer {
    let made = {
        let progress = voice.progress(&format!(
            "{} {}",
            order.occurrence.report, order.occurrence.period
        ));
        run::run(project, order, &|what| progress.note(what)).await?
    };
    voice.tell(&made.warnings);
    for collected in &made.collected {
        if let Some(problems) = &collected.trouble {
            voice.tell(&problems.0);
        }
    }
    let mut files = Vec::new();
    if let Some(out) = out {
        files = write_files(&made, out)?;
        for file in &files {
            voice.say(file);
        }
    } else {
        say_results(&made, voice);
    }
    let mut undelivered = 0;
    if order.send != Send::Nobody {
        deliver::send_due(project).await?;
        if notice::tell(project).await? {
            deliver::send_due(project).await?;
        }
        undelivered = say_sent(project, &made, voice).await?;
    }
    voice.answer(&json!({
        "run": made.run, "period": made.issue.period, "edition": made.issue.edition, "revision": made.issue.revision,
        "partial": made.partial(), "files": files, "queued": made.queued, "undelivered": undelivered,
        "results": results_json(&made),
        "warnings": made.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(match (undelivered > 0, made.partial()) {
        (true, _) => Ended::Undelivered,
        (false, true) => Ended::Partial,
        (false, false) => Ended::Done,
    })
}

/// Says what became of the messages of a run, and why some are not out; returns how many.
async fn say_sent(project: &Project, made: &Made, voice: Voice) -> Result<usize, Problems> {
    let shown = project.ledger.show(&made.run).await?;
    let mut left = shown.map(|shown| shown.deliveries).unwrap_or_default();
    left.retain(|one| !matches!(one.state, DeliveryState::Sent | DeliveryState::Delivered));
    let out = made.queued.saturating_sub(left.len());
    voice.say(match made.queued {
        0 => "nothing new to send: `history` has every delivery of this issue".to_owned(),
        queued => format!("{out} of {queued} messages handed over"),
    });
    let why: BTreeSet<String> = left
        .iter()
        .map(|one| format!("{}: {}", one.state.word(), one.note))
        .collect();
    for why in why.iter().take(REASONS) {
        voice.say(why.trim_end_matches([':', ' ']));
    }
    if !left.is_empty() {
        voice.say(format!("each of them: chenbao show {}", made.run));
    }
    Ok(left.len())
}

/// `reports/<report>/<period>/<audience>.{html,txt,pdf}`.
pub(super) fn write_files(made: &Made, out: &Path) -> Result<Vec<String>, Problems> {
    let subject = made
        .issue
        .subject
        .as_ref()
        .map(|subject| format!("{subject}-"))
        .unwrap_or_default();
    let edition = match &made.issue.edition {
        Edition::Regular => String::new(),
        other => format!("-{}", other.to_string().replace('/', "-")),
    };
    let dir = out
        .join(made.issue.report.as_str())
        .join(format!("{subject}{}{edition}", made.issue.period));
    let mut written = Vec::new();
    for paper in &made.papers {
        for file in &paper.files {
            let extension = file.name.rsplit('.').next().unwrap_or("bin");
            let path = dir.join(format!("{}.{extension}", paper.audience));
            storage::write(&path, &file.bytes)
                .map_err(|why| storage::refused("the report", &path, &why))?;
            written.push(path.display().to_string());
        }
    }
    Ok(written)
}

fn results_json(made: &Made) -> serde_json::Value {
    let one = |computed: &crate::compute::Computed| match &computed.outcome {
        Outcome::Done(doc) => serde_json::to_value(doc).unwrap_or_default(),
        Outcome::Absent { need } => json!({"absent": need}),
        Outcome::Failed { verdict } => json!({"failed": verdict, "sentence": computed.verdict}),
    };
    let sets = made.results.iter().map(|(shops, computed)| {
        let metrics: serde_json::Map<String, serde_json::Value> = computed
            .iter()
            .map(|metric| (metric.alias.to_string(), one(metric)))
            .collect();
        json!({"shops": record::shops_key(shops), "metrics": metrics})
    });
    sets.collect::<Vec<_>>().into()
}

fn say_results(made: &Made, voice: Voice) {
    for (shops, computed) in &made.results {
        voice.say(format!("shops: {}", record::shops_key(shops)));
        let mut rows = Vec::new();
        for metric in computed {
            match &metric.outcome {
                Outcome::Done(doc) => rows.extend(
                    doc.items
                        .iter()
                        .filter_map(|item| scalar_row(metric.alias.as_str(), item)),
                ),
                Outcome::Absent { need } => rows.push(vec![
                    metric.alias.to_string(),
                    "absent".into(),
                    need.join(", "),
                ]),
                Outcome::Failed { verdict } => rows.push(vec![
                    metric.alias.to_string(),
                    "failed".into(),
                    verdict.clone(),
                ]),
            }
        }
        voice.say(print::table(&["figure", "value", "unit"], &rows));
    }
}

fn scalar_row(alias: &str, item: &Item) -> Option<Vec<String>> {
    let Item::Scalar(scalar) = item else {
        return None;
    };
    let value = match (&scalar.value, &scalar.missing) {
        (Cell::Number(value), _) => value.normalize().to_string(),
        (_, Some(missing)) => format!("missing: {:?}", missing.why),
        _ => "missing".to_owned(),
    };
    Some(vec![
        format!("{alias}.{}", scalar.id),
        value,
        scalar.unit.clone(),
    ])
}

pub(super) async fn rerun(project: &Project, args: &RerunArgs, voice: Voice) -> Answer {
    let report = plan::report(&project.config, &args.report)?;
    let edition = args
        .edition
        .as_deref()
        .map(str::parse::<Edition>)
        .transpose()
        .map_err(Diagnostic::error)?;
    let wish = Wish {
        period: Some(args.period),
        campaign: args.campaign.clone(),
        edition,
    };
    let now = project.clock.now();
    let occurrence = plan::by_hand(&project.config, report, &wish, now)?;
    let issue = crate::ledger::Issue::of(&occurrence, 0);
    let revision = project.ledger.next_revision(&issue).await?;
    if revision == 0 {
        voice.say("nothing of this issue was sent before: this is its first revision");
    }
    let order = Order {
        occurrence,
        revision,
        role: None,
        collect: Some(Ask::default()),
        send: Send::Recipients(now),
        results_only: false,
        pinned: None,
    };
    let out = project.config.folder.join("reports");
    alone(project, &order, Some(&out), voice).await
}
