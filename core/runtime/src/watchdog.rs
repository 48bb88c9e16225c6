//! The watchdog: a small process of its own that compares what was due with what is out, and tells the owner through the second channel.
//!
//! It needs the configuration and the ledger, nothing else, and changes neither; what it told it remembers in a file of its own.

use crate::config;
use crate::config::Config;
use crate::config::meant::{LedgerUrl, Report, Schedule};
use crate::ledger::{DeliveryState, Ledger, OccurrenceState};
use crate::notice::{self, About, Kind, Notice, Said};
use crate::robot;
use crate::schedule::{self, Fire};
use crate::storage;
use crate::webhook;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Older due times are nobody's surprise any more.
const BACK: SignedDuration = SignedDuration::from_hours(26);
/// Of one report so many of the newest due times are looked at.
const NEWEST: usize = 60;
/// What was told is remembered so long.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Something that is not as it should be.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What makes it the same trouble in the next round.
    pub key: String,
    /// What the owner hears.
    pub notice: Notice,
}

/// What one round found and did.
#[derive(Debug, Default)]
pub struct Round {
    /// Everything that is wrong now.
    pub troubles: Vec<Trouble>,
    /// Of these, what was told in this round, by key.
    pub told: Vec<String>,
    /// What could not be told or called, one sentence each.
    pub failed: Vec<String>,
}

/// What the watchdog remembers between rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// When it looked first: what was due before is not its business.
    first: Option<Timestamp>,
    /// Since when the ledger has not answered.
    ledger_away: Option<Timestamp>,
    /// What was told, and when.
    told: BTreeMap<String, Timestamp>,
}

/// One round: looks, tells what is new, calls the dead-man's address. A memory that cannot be written down is kept all the same, so
/// that the process does not tell the same thing every minute.
pub async fn round(config: &Config, memory: &mut Memory, now: Timestamp) -> Round {
    let first = *memory.first.get_or_insert(now);
    let mut round = Round {
        troubles: find(config, memory, first, now).await,
        ..Round::default()
    };
    let news: Vec<&Trouble> = round
        .troubles
        .iter()
        .filter(|trouble| !memory.told.contains_key(&trouble.key))
        .collect();
    if !news.is_empty() {
        let notices: Vec<Notice> = news.iter().map(|trouble| trouble.notice.clone()).collect();
        let said = notice::say(&notices, &config.project, now);
        match tell(config, &said, now).await {
            Ok(()) => round.told = news.iter().map(|trouble| trouble.key.clone()).collect(),
            Err(failed) => round.failed = failed,
        }
    }
    let told = round.told.iter().map(|key| (key.clone(), now));
    memory.told.extend(told);
    memory
        .told
        .retain(|_, at| now.duration_since(*at) < REMEMBERED);
    if let Err(problem) = remember(config, memory) {
        round
            .failed
            .extend(Problems::from(problem).0.iter().map(ToString::to_string));
    }
    round.failed.extend(ping(config, &round).await);
    round
}

/// Everything that is wrong now.
async fn find(
    config: &Config,
    memory: &mut Memory,
    first: Timestamp,
    now: Timestamp,
) -> Vec<Trouble> {
    let after = SignedDuration::try_from(config.watchdog.after).unwrap_or(SignedDuration::MAX);
    let looked = match open(config).await {
        Ok(ledger) => {
            let looked = look(config, &ledger, (first, after), now).await;
            ledger.close().await;
            looked
        }
        Err(problems) => Err(problems),
    };
    match looked {
        Ok(troubles) => {
            memory.ledger_away = None;
            troubles
        }
        Err(problems) => {
            let since = *memory.ledger_away.get_or_insert(now);
            let away = now.duration_since(since) >= after;
            let why = problems.to_string();
            let key = format!("ledger {since}");
            let notice = Notice::new(Kind::Ledger, About::Thing("ledger".to_owned()), vec![why]);
            away.then_some(Trouble { key, notice })
                .into_iter()
                .collect()
        }
    }
}

async fn open(config: &Config) -> Result<Ledger, Problems> {
    let url = match &config.ledger {
        LedgerUrl::Plain(url) => url.clone(),
        LedgerUrl::Secret(reference) => config::fetch(reference)?.expose().to_owned(),
    };
    Ok(Ledger::open_to_read(&url).await?)
}

async fn look(
    config: &Config,
    ledger: &Ledger,
    (first, after): (Timestamp, SignedDuration),
    now: Timestamp,
) -> Result<Vec<Trouble>, Problems> {
    let mut troubles = Vec::new();
    // Somebody holds it on purpose.
    let held = ledger.holds().await?;
    let scheduled = config
        .reports
        .values()
        .filter(|report| !held.contains_key(&report.id))
        .filter_map(|report| Some((report, report.schedule.as_ref()?)));
    for (report, schedule) in scheduled {
        let served = ledger.first_served(&report.id).await?;
        let since = served.unwrap_or(first);
        for fire in past(config, schedule, since, now, after) {
            troubles.extend(overdue(config, ledger, report, &fire).await?);
        }
    }
    let any = config
        .reports
        .values()
        .any(|report| report.schedule.is_some());
    if any {
        troubles.extend(nobody_serves(config, ledger, (first, after), now).await?);
    }
    Ok(troubles)
}

/// Due times that have passed by more than `after`, oldest first.
fn past(
    config: &Config,
    schedule: &Schedule,
    since: Timestamp,
    now: Timestamp,
    after: SignedDuration,
) -> Vec<Fire> {
    let back = now.checked_sub(BACK).unwrap_or(now).max(since);
    let late = now.checked_sub(after).unwrap_or(now);
    let fires = schedule::next_fires(schedule, &config.campaigns, back, 2_000);
    let mut fires: Vec<Fire> = fires
        .into_iter()
        .filter(|fire| fire.times.deliver <= late)
        .collect();
    fires.split_off(fires.len().saturating_sub(NEWEST))
}

/// What is not out of a due time that has passed.
async fn overdue(
    config: &Config,
    ledger: &Ledger,
    report: &Report,
    fire: &Fire,
) -> Result<Option<Trouble>, Problems> {
    let due = fire.times.deliver;
    let lang = config.project.lang.as_str();
    let zone = &config.project.zone;
    let at = due
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string();
    let rows = ledger.due_at(&report.id, due).await?;
    let mut lines = Vec::new();
    let mine = |subject: &Option<chenbao_model::Id>| *subject == fire.subject;
    let row = rows.iter().find(|(what, _, _)| mine(&what.subject));
    match row {
        None => lines.push(notice::sentence::not_begun(&at, lang)),
        Some((_, OccurrenceState::Claimed, _)) => lines.push(notice::sentence::not_made(&at, lang)),
        Some((_, OccurrenceState::Failed, why)) => {
            lines.push(notice::sentence::could_not(&at, why, lang));
        }
        Some((what, OccurrenceState::Done, _)) => {
            let states = ledger.delivery_states(what).await?;
            let waiting = [
                DeliveryState::Queued,
                DeliveryState::Sending,
                DeliveryState::Deferred,
            ];
            let waiting: u32 = waiting.iter().filter_map(|state| states.get(state)).sum();
            let all: u32 = states.values().sum();
            let kept = [DeliveryState::Bounced, DeliveryState::Suppressed];
            let kept: u32 = kept.iter().filter_map(|state| states.get(state)).sum();
            if waiting > 0 {
                lines.push(notice::sentence::waiting(&at, (waiting, all), lang));
            } else if all > 0 && kept == all {
                lines.push(notice::sentence::nobody_got_it(&at, all, lang));
            }
        }
        Some(_) => {}
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let about = match row {
        Some((what, _, _)) => About::Issue(crate::ledger::Issue::of(what, 0)),
        None => About::Thing(format!("{} {at}", report.id)),
    };
    Ok(Some(Trouble {
        key: format!(
            "overdue {} {} {due}",
            report.id,
            fire.subject.as_ref().map_or("", chenbao_model::Id::as_str)
        ),
        notice: Notice::new(Kind::Overdue, about, lines),
    }))
}

/// That no `serve` has been seen for too long.
async fn nobody_serves(
    config: &Config,
    ledger: &Ledger,
    (first, after): (Timestamp, SignedDuration),
    now: Timestamp,
) -> Result<Option<Trouble>, Problems> {
    let nodes = ledger.nodes().await?;
    let seen = nodes.first().map(|node| node.seen);
    let since = seen.unwrap_or(first);
    if now.duration_since(since) < after {
        return Ok(None);
    }
    let local = since
        .to_zoned(config.project.zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string();
    let node = nodes.first().map(|node| node.node.as_str());
    let line = notice::sentence::nobody_serves(&local, node, &config.project.lang);
    Ok(Some(Trouble {
        key: format!("nobody {since}"),
        notice: Notice::new(
            Kind::Silent,
            About::Thing("chenbao serve".to_owned()),
            vec![line],
        ),
    }))
}

/// Through every robot of `[notices] also`; through the mail server, past the ledger, where there is none or none takes it.
async fn tell(config: &Config, said: &Said, now: Timestamp) -> Result<(), Vec<String>> {
    let mut failed = Vec::new();
    let mut told = false;
    for id in &config.notices.also {
        match say(config, id, said, now).await {
            Ok(()) => told = true,
            Err(why) => failed.push(format!("{id}: {why}")),
        }
    }
    if told {
        return Ok(());
    }
    match notice::mail_past_the_ledger(config, said, now).await {
        Ok(()) => Ok(()),
        Err(why) => {
            failed.push(format!("mail: {why}"));
            Err(failed)
        }
    }
}

async fn say(
    config: &Config,
    id: &chenbao_model::Id,
    said: &Said,
    now: Timestamp,
) -> Result<(), String> {
    let Some(channel) = config.channels.get(id) else {
        return Err("there is no such channel".to_owned());
    };
    let body = webhook::payload(channel.platform, &said.card());
    match robot::speak(channel, &body, now).await {
        (webhook::Outcome::Sent | webhook::Outcome::Unknown, _) => Ok(()),
        (_, note) => Err(note),
    }
}

/// Calls the dead-man's address, if there is one: well, or not.
async fn ping(config: &Config, round: &Round) -> Option<String> {
    let reference = config.watchdog.ping.as_ref()?;
    let well = round.troubles.is_empty() && round.failed.is_empty();
    let text: Vec<String> = round
        .troubles
        .iter()
        .map(|trouble| trouble.key.clone())
        .collect();
    let url = match config::fetch(reference) {
        Ok(url) => url,
        Err(problem) => return Some(format!("ping: {problem}")),
    };
    let called = webhook::ping(url, well, text.join("\n")).await;
    called.err().map(|why| format!("ping: {why}"))
}

fn trouble_with(config: &Config, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(format!("the watchdog cannot keep what it told: {why}"))
        .in_file(config.watchdog.state.display().to_string())
        .hint("make the file's folder writable, or name another with [watchdog] state")
}

/// What was told before.
///
/// # Errors
/// Its file is there and cannot be read.
pub fn remembered(config: &Config) -> Result<Memory, Diagnostic> {
    match std::fs::read(&config.watchdog.state) {
        // A file that nobody can read is begun anew: better told twice than never.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(why) => Err(trouble_with(config, why)),
    }
}

fn remember(config: &Config, memory: &Memory) -> Result<(), Diagnostic> {
    let text = serde_json::to_string_pretty(memory).map_err(|why| trouble_with(config, why))?;
    storage::write(&config.watchdog.state, text.as_bytes()).map_err(|why| trouble_with(config, why))
}
