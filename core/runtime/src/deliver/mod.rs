//! Step 8, deliver: a row per recipient before a byte leaves, exact bytes from archived parts, and an outcome for each.

mod letter;

use self::letter::{Outgoing, archived_body};
use crate::config;
use crate::config::meant::{Audience, Mailbox, Report, Transport};
use crate::ledger::{Claimed, DeliveryState, Piece, Verdict};
use crate::life::{self, Doing};
use crate::mail::{Letter, Outcome, Sender};
use crate::policy::Retry;
use crate::project::Project;
use crate::run::{Made, Order, Send};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tracing::Instrument as _;

/// A sender that dies loses its claim after this long; one send never takes so long.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// Queues one message per recipient of every paper. What is in the ledger already is left alone: nothing is sent twice.
///
/// # Errors
/// The archive or the ledger does not take it; then nothing is sent.
pub async fn queue(
    project: &Project,
    report: &Report,
    order: &Order,
    made: &Made,
    now: Timestamp,
) -> Result<usize, Problems> {
    let not_before = match &order.send {
        Send::Nobody => return Ok(0),
        Send::Recipients(at) => *at,
        Send::Test(_) => now,
    };
    let mut deliveries = Vec::new();
    for paper in &made.papers {
        let Some(audience) = report.audiences.get(&paper.audience) else {
            continue;
        };
        let body = archived_body(project, paper)?;
        for to in recipients(order, audience) {
            let letter = Outgoing {
                issue: &made.issue,
                audience: &audience.id,
                to: &to,
                subject: &paper.subject,
                run: &made.run,
            };
            deliveries.push(letter.row(project, body.clone(), not_before)?);
        }
    }
    let new = project.ledger.queue(&deliveries, now).await?;
    Ok(new.len())
}

fn recipients(order: &Order, audience: &Audience) -> Vec<Mailbox> {
    match &order.send {
        Send::Test(address) => vec![Mailbox {
            name: None,
            address: address.clone(),
        }],
        _ => audience.to.clone(),
    }
}

/// Sends everything whose time has come; returns how many messages were taken.
///
/// # Errors
/// The ledger does not answer, or the mail settings' secret is not there.
pub async fn send_due(project: &Project) -> Result<usize, Problems> {
    let now = project.clock.now();
    for id in project.ledger.reclaim(now).await? {
        tracing::warn!(delivery = %id, "outcome unknown: its sender died after the message began to leave; see `chenbao resend --unknown`");
    }
    let holder = life::node();
    let mut sender = None;
    let mut sent = 0;
    while !project.life.stopping()
        && let Some(claimed) = project
            .ledger
            .claim_due(&holder, project.clock.now(), LEASE)
            .await?
    {
        project.life.turn(Doing::Work);
        let out = match sender.as_mut() {
            Some(out) => out,
            None => sender.insert(new_sender(project)?),
        };
        let delivery = &claimed.delivery;
        let span = tracing::error_span!(
            "delivery", delivery = %delivery.id, run = %delivery.run, report = %delivery.issue.report,
            period = %delivery.issue.period, audience = %delivery.audience, channel = %delivery.channel,
        );
        if send_one(project, out, &claimed).instrument(span).await? {
            sent += 1;
        }
    }
    if let Some(mut sender) = sender {
        sender.close().await;
    }
    Ok(sent)
}

fn new_sender(project: &Project) -> Result<Sender, Problems> {
    let mail = &project.config.mail;
    let password = match &mail.transport {
        Transport::Smtp(smtp) => smtp
            .login
            .as_ref()
            .map(|(_, reference)| config::fetch(reference))
            .transpose()?,
        Transport::Folder(_) => None,
    };
    Ok(Sender::new(mail, password.as_ref())?)
}

async fn send_one(
    project: &Project,
    sender: &mut Sender,
    claimed: &Claimed,
) -> Result<bool, Problems> {
    let delivery = &claimed.delivery;
    if !project.config.may_mail(&delivery.recipient) {
        let note = format!("{} is outside [deliver] allow", delivery.recipient);
        finish(project, claimed, DeliveryState::Suppressed, None, note).await?;
        return Ok(false);
    }
    let bytes = match assemble(project, &delivery.pieces) {
        Ok(bytes) => bytes,
        Err(problem) => {
            finish(
                project,
                claimed,
                DeliveryState::Bounced,
                None,
                problem.to_string(),
            )
            .await?;
            return Ok(false);
        }
    };
    if !project
        .ledger
        .start_attempt(claimed, project.clock.now(), LEASE)
        .await?
    {
        return Ok(false);
    }
    let letter = Letter {
        from: &delivery.sender,
        to: &delivery.recipient,
        bytes: &bytes,
        file_name: &delivery.file_name,
    };
    let began = project.clock.now();
    let (outcome, note) = sender.send(&letter).await;
    let now = project.clock.now();
    let since_first = Duration::try_from(now.duration_since(delivery.created)).unwrap_or_default();
    let again = Retry::MAIL.pause(claimed.attempt, since_first);
    let (state, retry_at) = match (outcome, again) {
        (Outcome::Sent, _) => (DeliveryState::Sent, None),
        (Outcome::Unknown, _) => (DeliveryState::Unknown, None),
        (Outcome::Deferred | Outcome::Refused, Some(pause)) => {
            (DeliveryState::Deferred, later(now, pause))
        }
        (Outcome::Bounced, _) | (Outcome::Deferred | Outcome::Refused, None) => {
            (DeliveryState::Bounced, None)
        }
    };
    let took = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    let meter = project.life.meter();
    meter.sent(&delivery.channel, state.word(), took);
    tracing::info!(recipient = %delivery.recipient, attempt = claimed.attempt, state = state.word(), "{note}");
    finish(project, claimed, state, retry_at, note).await?;
    Ok(state == DeliveryState::Sent)
}

fn later(now: Timestamp, pause: Duration) -> Option<Timestamp> {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.checked_add(pause).ok())
}

async fn finish(
    project: &Project,
    claimed: &Claimed,
    state: DeliveryState,
    retry_at: Option<Timestamp>,
    note: String,
) -> Result<(), Problems> {
    let verdict = Verdict {
        state,
        retry_at,
        note,
    };
    project
        .ledger
        .finish_attempt(claimed, &verdict, project.clock.now())
        .await
        .map_err(Problems::from)
}

/// The exact message: concatenated, never rebuilt.
fn assemble(project: &Project, pieces: &[Piece]) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => bytes.extend_from_slice(text.as_bytes()),
            Piece::Digest(digest) => bytes.extend_from_slice(&project.archive.get(digest)?),
        }
    }
    Ok(bytes)
}
