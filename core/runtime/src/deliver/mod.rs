//! Step 8, deliver: a row per recipient before a byte leaves, exact bytes from archived parts, and an outcome for each.

mod bounces;
mod letter;
mod probe;
mod round;
mod scribe;
mod send;
mod shelf;
mod spoken;
mod trouble;

pub use bounces::{hear, read_bounces};
pub use probe::{foresee, probe};
pub use send::{mail_due, send_due};
pub use spoken::say_due;
pub use trouble::ledger_was_away;

use self::letter::{Outgoing, archived_body};
use crate::config::meant::{Audience, Mailbox, Report};
use crate::erase::Forgets;
use crate::ledger::NewDelivery;
use crate::paper::Paper;
use crate::project::Project;
use crate::robot::{self, Message};
use crate::run::{Made, Order, Send};
use crate::{mail, storage};
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::path::Path;

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
    let forgets = Forgets::of(project).await?;
    let mut deliveries = Vec::new();
    for paper in &made.papers {
        let Some(audience) = report.audiences.get(&paper.audience) else {
            continue;
        };
        if order.revision > 0 && !audience.revisions {
            continue;
        }
        let body = archived_body(project, paper)?;
        for to in recipients(order, audience) {
            if forgets.has(&to.address) {
                tracing::warn!(audience = %audience.id, "a recipient was erased and is not mailed");
                continue;
            }
            let letter = Outgoing {
                issue: &made.issue,
                audience: &audience.id,
                to: &to,
                subject: &paper.subject,
                run: &made.run,
            };
            deliveries.push(letter.row(project, body.clone(), not_before).await?);
        }
    }
    if !matches!(order.send, Send::Test(_)) {
        for paper in &made.papers {
            let Some(audience) = report.audiences.get(&paper.audience) else {
                continue;
            };
            deliveries.extend(spoken(project, audience, made, (paper, not_before)));
            deliveries.extend(shelf::rows(project, made, (audience, paper), not_before)?);
        }
    }
    let new = project.ledger.queue(&deliveries, now).await?;
    Ok(new.len())
}

/// What the robots of an audience say of its paper.
fn spoken(
    project: &Project,
    audience: &Audience,
    made: &Made,
    (paper, not_before): (&Paper, Timestamp),
) -> Vec<NewDelivery> {
    let card = robot::card(&project.config, &made.issue, audience, paper);
    let message = Message {
        issue: &made.issue,
        audience: &audience.id,
        run: &made.run,
        card: &card,
        not_before,
    };
    let channels = audience
        .robots
        .iter()
        .filter_map(|id| project.config.channels.get(id));
    channels.map(|channel| message.row(channel)).collect()
}

/// Keeps what the messages and files of some papers are made of.
///
/// # Errors
/// The archive does not take one.
pub fn keep(project: &Project, papers: &[Paper]) -> Result<(), Problems> {
    for paper in papers {
        archived_body(project, paper)?;
        for file in &paper.files {
            project.archive.put(&file.bytes)?;
        }
    }
    Ok(())
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

/// Writes the messages as drafts that a mail program opens as still to be sent; nothing is queued, nothing is used up. Returns the
/// files.
///
/// # Errors
/// The folder cannot be written.
pub fn drafts(project: &Project, made: &Made, folder: &Path) -> Result<Vec<String>, Problems> {
    let report = project.config.reports.get(&made.issue.report);
    let mut files = Vec::new();
    for paper in &made.papers {
        let Some(audience) = report.and_then(|report| report.audiences.get(&paper.audience)) else {
            continue;
        };
        let body = letter::encoded_body(paper)?;
        for to in &audience.to {
            let mut bytes = mail::draft_head(to, &paper.subject)?.into_bytes();
            bytes.extend_from_slice(&body);
            let letter = Outgoing {
                issue: &made.issue,
                audience: &audience.id,
                to,
                subject: &paper.subject,
                run: &made.run,
            };
            let path = folder.join(letter.file_name());
            storage::write(&path, &bytes)
                .map_err(|why| storage::refused("the draft", &path, &why))?;
            files.push(path.display().to_string());
        }
    }
    Ok(files)
}
