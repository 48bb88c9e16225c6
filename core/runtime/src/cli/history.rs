//! Commands that look back: `history`, `show`, `notices`, `resend`.

use super::args::{HistoryArgs, NoticesArgs, ResendArgs};
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::deliver;
use crate::ledger::{Delivery, DeliveryState, NotMade, Run, Shown};
use crate::project::Project;
use crate::retention;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use serde_json::json;

pub(super) async fn history(project: &Project, args: &HistoryArgs, voice: Voice) -> Answer {
    let runs = project
        .ledger
        .history(args.report.as_ref(), args.limit)
        .await?;
    let not_made = project
        .ledger
        .not_made(args.report.as_ref(), args.limit)
        .await?;
    let run = |run: &Run| (run.started, history_row(project, run), run_json(run));
    let left = |one: &NotMade| {
        let value = super::plan::not_made_value(one);
        (one.occurrence.due, left_row(project, one), value)
    };
    let mut lines: Vec<Line> = runs.iter().map(run).collect();
    lines.extend(not_made.iter().map(left));
    lines.sort_by_key(|(at, _, _)| std::cmp::Reverse(*at));
    lines.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    let (rows, json): (Vec<_>, Vec<_>) =
        lines.into_iter().map(|(_, row, json)| (row, json)).unzip();
    voice.say(print::table(
        &[
            "run",
            "period",
            "edition",
            "state",
            "started",
            "deliveries",
            "note",
        ],
        &rows,
    ));
    for (report, hold) in project.ledger.holds().await? {
        voice.say(format!(
            "{report} is held since {}: {}",
            at(project, hold.since),
            hold.why
        ));
    }
    voice.answer(&json.into());
    Ok(Ended::Done)
}

/// A line of the history: when, for people, for scripts.
type Line = (Timestamp, Vec<String>, serde_json::Value);

/// A due time that made nothing, in the place of its run.
fn left_row(project: &Project, one: &NotMade) -> Vec<String> {
    let what = &one.occurrence;
    vec![
        format!("- {} due {}", what.report, at(project, what.due)),
        what.period.to_string(),
        what.edition.to_string(),
        one.state.to_string(),
        String::new(),
        String::new(),
        one.why.clone(),
    ]
}

fn history_row(project: &Project, run: &Run) -> Vec<String> {
    let deliveries: Vec<String> = run
        .deliveries
        .iter()
        .map(|(state, count)| {
            let next = run.next.filter(|_| *state == DeliveryState::Deferred);
            let next = next.map(|next| format!(" until {}", at(project, next)));
            format!("{count} {}{}", state.word(), next.unwrap_or_default())
        })
        .collect();
    vec![
        run.id.clone(),
        run.issue.period.to_string(),
        run.issue.edition.to_string(),
        run.state.word().to_owned(),
        at(project, run.started),
        deliveries.join(", "),
        run.note.lines().next().unwrap_or_default().to_owned(),
    ]
}

fn run_json(run: &Run) -> serde_json::Value {
    let deliveries: serde_json::Map<String, serde_json::Value> = run
        .deliveries
        .iter()
        .map(|(state, count)| (state.word().to_owned(), json!(count)))
        .collect();
    json!({
        "run": run.id, "report": run.issue.report, "subject": run.issue.subject, "period": run.issue.period,
        "edition": run.issue.edition, "revision": run.issue.revision, "state": run.state.word(),
        "started": run.started.to_string(), "deliveries": deliveries, "next": run.next.map(|next| next.to_string()),
        "note": run.note,
    })
}

pub(super) async fn notices(project: &Project, args: &NoticesArgs, voice: Voice) -> Answer {
    let notices = project.ledger.notices(args.limit).await?;
    let rows: Vec<Vec<String>> = notices
        .iter()
        .map(|notice| {
            let told = notice.told.map(|told| at(project, told));
            vec![
                notice.said.kind.clone(),
                notice.said.about.clone(),
                at(project, notice.first),
                notice.times.to_string(),
                told.unwrap_or_else(|| "not yet".to_owned()),
                notice.said.lines.join("; ").replace('\n', " "),
            ]
        })
        .collect();
    voice.say(print::table(
        &["kind", "about", "since", "times", "told", "what"],
        &rows,
    ));
    let json: Vec<serde_json::Value> = notices
        .iter()
        .map(|notice| {
            json!({
                "kind": notice.said.kind, "about": notice.said.about, "lines": notice.said.lines, "todo": notice.said.todo,
                "run": notice.said.run, "urgent": notice.said.urgent, "times": notice.times, "first": notice.first.to_string(),
                "last": notice.last.to_string(), "told": notice.told.map(|told| told.to_string()), "message": notice.message,
            })
        })
        .collect();
    voice.answer(&json.into());
    Ok(Ended::Done)
}

pub(super) fn at(project: &Project, time: Timestamp) -> String {
    time.to_zoned(project.config.project.zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// The run whose id begins so.
pub(super) async fn find(project: &Project, run: &str) -> Result<Shown, Problems> {
    if let Some(shown) = project.ledger.show(run).await? {
        return Ok(shown);
    }
    let removed = retention::removed_runs(project).await?;
    let hint = removed.map_or_else(
        || "see `chenbao history`".to_owned(),
        |removed| format!("see `chenbao history`; {removed}"),
    );
    Err(
        Diagnostic::error(format!("there is no one run that begins with `{run}`"))
            .hint(hint)
            .into(),
    )
}

pub(super) async fn show(project: &Project, run: &str, voice: Voice) -> Answer {
    let shown = find(project, run).await?;
    let run = &shown.run;
    voice.say(format!("run       {}", run.id));
    voice.say(format!(
        "issue     {} {} {} revision {}",
        run.issue.report, run.issue.period, run.issue.edition, run.issue.revision
    ));
    voice.say(format!("state     {}", run.state.word()));
    voice.say(format!("started   {}", at(project, run.started)));
    voice.say(format!(
        "read      {} revisions, snapshot {}",
        shown.snapshot.revisions.len(),
        shown.snapshot.digest().short()
    ));
    if !run.note.is_empty() {
        voice.say(format!("note      {}", run.note));
    }
    if let Some(hosts) = shown.record["hosts"].as_str() {
        voice.say(format!("plugins   {hosts}"));
    }
    let results: Vec<Vec<String>> = shown
        .results
        .iter()
        .map(|row| {
            vec![
                row.alias.to_string(),
                row.shops.clone(),
                row.digest.short().to_owned(),
            ]
        })
        .collect();
    voice.say(print::table(&["metric", "shops", "result"], &results));
    say_deliveries(project, &shown.deliveries, voice);
    let mut json = run_json(run);
    json["snapshot"] = json!(shown.snapshot.digest());
    json["record"] = shown.record.clone();
    json["results"] = shown
        .results
        .iter()
        .map(|row| json!({"alias": row.alias, "shops": row.shops, "digest": row.digest}))
        .collect();
    json["sent"] = shown.deliveries.iter().map(delivery_json).collect();
    voice.answer(&json);
    Ok(Ended::Done)
}

fn say_deliveries(project: &Project, deliveries: &[Delivery], voice: Voice) {
    let rows: Vec<Vec<String>> = deliveries
        .iter()
        .map(|delivery| delivery_row(project, delivery))
        .collect();
    voice.say(print::table(
        &[
            "audience",
            "channel",
            "recipient",
            "state",
            "attempts",
            "changed",
            "next",
            "note",
        ],
        &rows,
    ));
}

fn delivery_row(project: &Project, delivery: &Delivery) -> Vec<String> {
    vec![
        delivery.audience.to_string(),
        delivery.channel.clone(),
        delivery.recipient.clone(),
        delivery.state.word().to_owned(),
        delivery.attempts.to_string(),
        at(project, delivery.changed),
        next_of(delivery).map_or_else(String::new, |next| at(project, next)),
        delivery.note.lines().next().unwrap_or_default().to_owned(),
    ]
}

/// When a delivery is tried next, if it is.
fn next_of(delivery: &Delivery) -> Option<Timestamp> {
    let waits = matches!(
        delivery.state,
        DeliveryState::Queued | DeliveryState::Deferred
    );
    waits.then_some(delivery.next)
}

fn delivery_json(delivery: &Delivery) -> serde_json::Value {
    json!({
        "audience": delivery.audience, "channel": delivery.channel, "recipient": delivery.recipient,
        "state": delivery.state.word(), "attempts": delivery.attempts, "message_id": delivery.message_id, "note": delivery.note,
        "next": next_of(delivery).map(|next| next.to_string()),
    })
}

pub(super) async fn resend(project: &Project, args: &ResendArgs, voice: Voice) -> Answer {
    let candidates = match (&args.run, args.unknown) {
        (Some(run), _) => find(project, run).await?.deliveries,
        (None, true) => {
            let unknown = project.ledger.deliveries_in(DeliveryState::Unknown);
            unknown.await?
        }
        (None, false) => {
            return Err(Diagnostic::error("which delivery?")
                .hint("give a run id, or --unknown")
                .into());
        }
    };
    let states: &[DeliveryState] = match args.unknown {
        true => &[DeliveryState::Unknown],
        false => &[
            DeliveryState::Sent,
            DeliveryState::Delivered,
            DeliveryState::Bounced,
            DeliveryState::Deferred,
            DeliveryState::Suppressed,
        ],
    };
    let unknown = |one: &&Delivery| one.state == DeliveryState::Unknown;
    let left = candidates.iter().filter(unknown).count();
    if left > 0 && !args.unknown {
        let told = format!("{left} of them may have arrived already and are left out");
        let again = "ask the recipients first; if nothing came: chenbao resend --unknown";
        voice.tell(&[Diagnostic::warning(told).hint(again)]);
    }
    let now = project.clock.now();
    let (mut ids, mut lost) = (Vec::new(), 0);
    for delivery in candidates {
        let wanted = args
            .recipient
            .as_ref()
            .is_none_or(|recipient| recipient == &delivery.recipient);
        if wanted && states.contains(&delivery.state) {
            let missing = retention::missing_parts(project, &delivery).await?;
            if !missing.is_empty() {
                voice.tell(&missing);
                lost += 1;
                continue;
            }
            project.ledger.requeue(&delivery.id, states, now).await?;
            ids.push(delivery.id);
        }
    }
    deliver::send_due(project).await?;
    say_resent(project, &ids, lost, voice).await
}

/// What became of deliveries that were queued again, beside those that could not be.
async fn say_resent(project: &Project, ids: &[String], lost: usize, voice: Voice) -> Answer {
    let mut resent = Vec::new();
    for id in ids {
        resent.extend(project.ledger.delivery(id).await?);
    }
    let (sent, others): (Vec<_>, Vec<_>) = resent
        .iter()
        .partition(|delivery| delivery.state == DeliveryState::Sent);
    voice.say(format!(
        "{} of {} messages handed over again, the same bytes, checked against their digests",
        sent.len(),
        ids.len()
    ));
    for delivery in &others {
        voice.say(format!(
            "{} {}: {}",
            delivery.recipient, delivery.state, delivery.note
        ));
    }
    let all: Vec<serde_json::Value> = resent.iter().map(delivery_json).collect();
    voice
        .answer(&json!({"queued": ids.len(), "sent": sent.len(), "lost": lost, "deliveries": all}));
    Ok(match others.is_empty() && lost == 0 {
        true => Ended::Done,
        false => Ended::Undelivered,
    })
}
