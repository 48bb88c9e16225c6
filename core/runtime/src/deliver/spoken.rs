//! Messages of robots on their way: past the mail server, within each platform's rate, every attempt in the ledger, and the owner told
//! of what a person must mend.

use super::{shelf, trouble};
use crate::config::meant::Channel;
use crate::ledger::{Claimed, Delivery, DeliveryState, FILES, Piece, Verdict, Wish};
use crate::life::{self, Doing, Part};
use crate::mail;
use crate::notice::{self, About, Kind, Notice};
use crate::policy::{Rate, Retry};
use crate::project::Project;
use crate::robot;
use crate::webhook::{self, Outcome};
use chenbao_model::Digest;
use chenbao_model::Id;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tracing::Instrument as _;

/// A sender that dies loses what it holds after this long; a call takes seconds.
pub(super) const LEASE: Duration = Duration::from_secs(3 * 60);
/// So many are taken at once.
const BATCH: u32 = 20;
/// Whoever did not take something is left alone for so long.
const REST: Duration = Duration::from_secs(60);
/// 飞书 takes five a second.
const GAP: Duration = Duration::from_millis(200);

/// Lets robots say, and folders get, everything whose time has come; returns how many messages and files were taken.
///
/// # Errors
/// The ledger does not answer. Who does not answer rests for a while, and holds up nobody else.
pub async fn say_due(project: &Project) -> Result<usize, Problems> {
    let holder = life::node();
    let mut said = 0;
    let mut silent: BTreeSet<String> = BTreeSet::new();
    while !project.life.stopping() {
        let (ledger, now) = (&project.ledger, project.clock.now());
        let batch = ledger.claim_spoken(&holder, now, LEASE, BATCH).await?;
        if batch.is_empty() {
            break;
        }
        for claimed in &batch {
            project.life.turn(Part::Talk, Doing::Work);
            let delivery = &claimed.delivery;
            let whose = whose(delivery);
            if silent.contains(&whose) {
                let (back, now) = (std::slice::from_ref(claimed), project.clock.now());
                ledger.hand_back(back, later(now, REST)).await?;
                continue;
            }
            let span = tracing::error_span!(
                "delivery", delivery = %delivery.id, run = %delivery.run, report = %delivery.issue.report,
                period = %delivery.issue.period, audience = %delivery.audience, channel = %delivery.channel,
            );
            let done = match delivery.channel == FILES {
                true => shelf::put(project, claimed).instrument(span).await?,
                false => one(project, claimed).instrument(span).await?,
            };
            match done {
                true => said += 1,
                false => drop(silent.insert(whose)),
            }
        }
    }
    Ok(said)
}

/// Who is meant: a robot, or a folder.
fn whose(delivery: &Delivery) -> String {
    let folder = Path::new(&delivery.recipient).parent();
    match (delivery.channel == FILES, folder) {
        (true, Some(folder)) => folder.display().to_string(),
        _ => delivery.channel.clone(),
    }
}

/// Says one; true if the platform took it.
async fn one(project: &Project, claimed: &Claimed) -> Result<bool, Problems> {
    let (ledger, now) = (&project.ledger, project.clock.now());
    let id: Option<Id> = claimed.delivery.channel.parse().ok();
    let Some(channel) = id.and_then(|id| project.config.channels.get(&id)) else {
        let note = "the configuration has no such channel any more".to_owned();
        trouble::bounced(project, &claimed.delivery, mail::About::Message, &note).await?;
        finish(project, claimed, DeliveryState::Suppressed, None, &note).await?;
        return Ok(false);
    };
    let rate = Rate {
        count: webhook::per_minute(channel.platform),
        window: Duration::from_secs(60),
    };
    let wish = Wish {
        domain: &format!("robot {}", channel.id),
        rate,
        wanted: 1,
    };
    for (granted, free) in ledger.grant(&[wish], now).await? {
        if granted == 0 {
            let back = std::slice::from_ref(claimed);
            ledger.hand_back(back, free).await?;
            return Ok(false);
        }
    }
    let text = stored(claimed);
    let digest = Digest::of(&text);
    if !ledger.start_attempt(claimed, &digest, now, LEASE).await? {
        return Ok(false);
    }
    let (outcome, note) = robot::speak(channel, &text, now).await;
    tokio::time::sleep(GAP).await;
    settle(project, channel, claimed, (outcome, &note)).await
}

fn stored(claimed: &Claimed) -> String {
    let pieces = claimed.delivery.pieces.iter();
    pieces
        .filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Digest(_) => None,
        })
        .collect()
}

/// Says what became of it: to the owner where he must know, then to the ledger. Who dies between the two says it again.
async fn settle(
    project: &Project,
    channel: &Channel,
    claimed: &Claimed,
    (outcome, note): (Outcome, &str),
) -> Result<bool, Problems> {
    let (delivery, now) = (&claimed.delivery, project.clock.now());
    let waited = Duration::try_from(now.duration_since(delivery.due)).unwrap_or_default();
    let (state, pause) = match outcome {
        Outcome::Sent => (DeliveryState::Sent, None),
        Outcome::Unknown => (DeliveryState::Unknown, None),
        Outcome::Bounced => (DeliveryState::Bounced, None),
        Outcome::Deferred => (DeliveryState::Deferred, Retry::MAIL.pause(waited)),
        Outcome::Refused => (DeliveryState::Deferred, Retry::OURS.pause(waited)),
    };
    let given_up = state == DeliveryState::Deferred && pause.is_none();
    let state = match given_up {
        true => DeliveryState::Bounced,
        false => state,
    };
    if outcome == Outcome::Refused {
        let about = About::Thing(channel.id.to_string());
        let told = Notice::new(Kind::RobotBroken, about, vec![note.to_owned()]);
        notice::raise(project, &told).await?;
    }
    match state {
        DeliveryState::Unknown => trouble::unknown(project, delivery, note).await?,
        DeliveryState::Bounced => {
            trouble::bounced(project, delivery, mail::About::Message, note).await?;
        }
        _ => {}
    }
    finish(
        project,
        claimed,
        state,
        pause.map(|pause| later(now, pause)),
        note,
    )
    .await?;
    Ok(state == DeliveryState::Sent)
}

pub(super) async fn finish(
    project: &Project,
    claimed: &Claimed,
    state: DeliveryState,
    retry_at: Option<Timestamp>,
    note: &str,
) -> Result<(), Problems> {
    tracing::info!(attempt = claimed.attempt, state = state.word(), "{note}");
    let now = project.clock.now();
    let meter = project.life.meter();
    meter.sent(&claimed.delivery.channel, state.word(), Duration::ZERO);
    let verdict = Verdict {
        state,
        retry_at,
        note: note.to_owned(),
    };
    let done = project.ledger.finish_attempt(claimed, &verdict, now).await;
    Ok(done?)
}

pub(super) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
