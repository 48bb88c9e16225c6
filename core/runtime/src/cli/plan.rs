//! `plan`: when every report is due next, in its zone and in UTC, why then, what is left out, and what was missed and why.

use super::args::PlanArgs;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::config::meant::Report;
use crate::ledger::{Hold, NotMade};
use crate::plan::{self, Coming};
use crate::project::Project;
use crate::schedule::Ahead;
use crate::words;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// So many times that made nothing are told.
const NOT_MADE: u32 = 20;

/// Heads of the table of what lies ahead.
const HEADS: [&str; 9] = [
    "report",
    "edition",
    "campaign",
    "deliver",
    "deliver (UTC)",
    "start",
    "data deadline",
    "period",
    "why",
];

pub(super) async fn plan(project: &Project, args: &PlanArgs, voice: Voice) -> Answer {
    let now = project.clock.now();
    let holds = project.ledger.holds().await?;
    let (mut rows, mut json, mut unknown) = (Vec::new(), Vec::new(), BTreeSet::new());
    for report in project.config.reports.values() {
        let last = project
            .ledger
            .last_period(&report.id, Timestamp::MAX)
            .await?;
        for one in plan::coming(&project.config, report, (now, args.next), last) {
            if let Ahead::Fire(fire) = &one.ahead {
                unknown.extend(fire.why.unknown_year());
            }
            rows.push(row(project, report, &one));
            json.push(value(report, &one, holds.get(&report.id)));
        }
    }
    voice.say(print::table(&HEADS, &rows));
    say_held(project, &holds, voice);
    json.extend(not_made(project, voice).await?);
    let guess = |year: &i16| Diagnostic::warning(words::unknown_year(*year, "en"));
    voice.tell(&unknown.iter().map(guess).collect::<Vec<_>>());
    voice.answer(&json.into());
    Ok(Ended::Done)
}

/// Which reports are held: nothing of them leaves, whatever the table says.
fn say_held(project: &Project, holds: &BTreeMap<Id, Hold>, voice: Voice) {
    for (report, hold) in holds {
        let since = local(project, project.config.reports.get(report), hold.since);
        let why = match hold.why.as_str() {
            "" => String::new(),
            why => format!(": {why}"),
        };
        voice.say(format!(
            "{report} is held since {since}{why}; nothing of it leaves until `chenbao release {report}`"
        ));
    }
}

fn local(project: &Project, report: Option<&Report>, time: Timestamp) -> String {
    let schedule = report.and_then(|report| report.schedule.as_ref());
    let zone = schedule.map_or(&project.config.project.zone, |schedule| &schedule.zone);
    time.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %a %H:%M %Z")
        .to_string()
}

fn row(project: &Project, report: &Report, one: &Coming) -> Vec<String> {
    let at = |time| local(project, Some(report), time);
    match &one.ahead {
        Ahead::Fire(fire) => {
            let subject = fire.subject.as_ref();
            let (period, why) = match &one.period {
                Ok(period) => (period.to_string(), fire.why.to_string()),
                Err(why) => (String::new(), format!("nothing: {why}")),
            };
            vec![
                report.id.to_string(),
                fire.edition.to_string(),
                subject.map(ToString::to_string).unwrap_or_default(),
                at(fire.times.deliver),
                fire.times.deliver.to_string(),
                at(fire.times.start),
                at(fire.times.data_deadline),
                period,
                why,
            ]
        }
        Ahead::LeftOut { deliver, why } => vec![
            report.id.to_string(),
            "left out".to_owned(),
            String::new(),
            at(*deliver),
            deliver.to_string(),
            String::new(),
            String::new(),
            String::new(),
            why.to_string(),
        ],
    }
}

fn value(report: &Report, one: &Coming, hold: Option<&Hold>) -> Value {
    match &one.ahead {
        Ahead::Fire(fire) => json!({
            "report": report.id, "edition": fire.edition, "subject": fire.subject, "period": one.period.as_ref().ok(),
            "start": fire.times.start.to_string(), "data_deadline": fire.times.data_deadline.to_string(),
            "deliver": fire.times.deliver.to_string(), "why": fire.why.to_string(),
            "held": hold.map(|hold| json!({"since": hold.since.to_string(), "why": hold.why})),
        }),
        Ahead::LeftOut { deliver, why } => json!({
            "report": report.id, "deliver": deliver.to_string(), "left_out": why.to_string(),
        }),
    }
}

/// Due times that made nothing, newest first: left out by a misfire policy, or covered by an issue that was out already.
async fn not_made(project: &Project, voice: Voice) -> Result<Vec<Value>, Problems> {
    let all = project.ledger.not_made(None, NOT_MADE).await?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let row = |NotMade {
                   occurrence: what,
                   state,
                   why,
               }: &NotMade| {
        let due = local(project, project.config.reports.get(&what.report), what.due);
        vec![
            what.report.to_string(),
            what.edition.to_string(),
            due,
            what.due.to_string(),
            what.period.to_string(),
            state.to_string(),
            why.clone(),
        ]
    };
    voice.say("");
    voice.say(print::table(
        &[
            "not made",
            "edition",
            "was due",
            "was due (UTC)",
            "period",
            "state",
            "why",
        ],
        &all.iter().map(row).collect::<Vec<_>>(),
    ));
    Ok(all.iter().map(not_made_value).collect())
}

/// A due time that made nothing, for scripts.
pub(super) fn not_made_value(one: &NotMade) -> Value {
    let what = &one.occurrence;
    json!({
        "report": what.report, "edition": what.edition, "subject": what.subject, "period": what.period,
        "deliver": what.due.to_string(), (one.state.word()): one.why,
    })
}
