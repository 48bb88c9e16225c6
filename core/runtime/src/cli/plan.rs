//! `plan`: when every report is due next, in its zone and in UTC, and what was missed and why.

use super::args::PlanArgs;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::config::meant::Report;
use crate::project::Project;
use crate::schedule::Fire;
use crate::{serve, words};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Period};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// So many missed times are told.
const MISSED: u32 = 20;

pub(super) async fn plan(project: &Project, args: &PlanArgs, voice: Voice) -> Answer {
    let now = project.clock.now();
    let (mut rows, mut json, mut unknown) = (Vec::new(), Vec::new(), BTreeSet::new());
    for report in project.config.reports.values() {
        for (fire, period) in serve::next(&project.config, report, now, args.next) {
            unknown.extend(fire.unknown_year);
            rows.push(row(project, report, &fire, period));
            json.push(value(report, &fire, period));
        }
    }
    let heads = [
        "report",
        "edition",
        "campaign",
        "deliver",
        "deliver (UTC)",
        "start",
        "data deadline",
        "period",
    ];
    voice.say(print::table(&heads, &rows));
    json.extend(missed(project, voice).await?);
    let guess = |year: &i16| Diagnostic::warning(words::unknown_year(*year, "en"));
    voice.tell(&unknown.iter().map(guess).collect::<Vec<_>>());
    voice.answer(&json.into());
    Ok(Ended::Done)
}

fn local(project: &Project, report: Option<&Report>, time: Timestamp) -> String {
    let schedule = report.and_then(|report| report.schedule.as_ref());
    let zone = schedule.map_or(&project.config.project.zone, |schedule| &schedule.zone);
    time.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

fn row(project: &Project, report: &Report, fire: &Fire, period: Option<Period>) -> Vec<String> {
    let at = |time| local(project, Some(report), time);
    vec![
        report.id.to_string(),
        fire.edition.to_string(),
        fire.subject
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        at(fire.times.deliver),
        fire.times.deliver.to_string(),
        at(fire.times.start),
        at(fire.times.data_deadline),
        period.map(|period| period.to_string()).unwrap_or_default(),
    ]
}

fn value(report: &Report, fire: &Fire, period: Option<Period>) -> Value {
    json!({
        "report": report.id, "edition": fire.edition, "subject": fire.subject, "period": period,
        "start": fire.times.start.to_string(), "data_deadline": fire.times.data_deadline.to_string(),
        "deliver": fire.times.deliver.to_string(),
    })
}

/// What the misfire policies left out, newest first.
async fn missed(project: &Project, voice: Voice) -> Result<Vec<Value>, Problems> {
    let missed = project.ledger.missed(MISSED).await?;
    if missed.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Vec<String>> = missed
        .iter()
        .map(|(what, why)| {
            let due = local(project, project.config.reports.get(&what.report), what.due);
            vec![
                what.report.to_string(),
                what.edition.to_string(),
                due,
                what.period.to_string(),
                why.clone(),
            ]
        })
        .collect();
    voice.say("");
    voice.say(print::table(
        &["missed", "edition", "was due", "period", "why"],
        &rows,
    ));
    let value = |(what, why): &(crate::schedule::Occurrence, String)| {
        json!({
            "report": what.report, "edition": what.edition, "subject": what.subject, "period": what.period,
            "deliver": what.due.to_string(), "missed": why,
        })
    };
    Ok(missed.iter().map(value).collect())
}
