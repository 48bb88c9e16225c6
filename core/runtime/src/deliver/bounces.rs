//! What comes back: reads the bounce mailbox, believes what names a delivery's token, and lets nothing else do anything.

use super::trouble;
use crate::config;
use crate::ledger::{Block, BlockReason, Delivery, Meaning, Returned};
use crate::mail::{self, About, Action, Found, Kind, Line, Return, Returns};
use crate::notice::{self, Notice};
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use std::collections::BTreeMap;

/// Reads every message of the bounce mailbox that was not taken before; returns how many meant what. Without `[mail.bounces]` there
/// is nothing to read.
///
/// # Errors
/// The mailbox, or a message in it, cannot be read (the others are taken all the same), or the ledger does not answer.
pub async fn read_bounces(project: &Project) -> Result<BTreeMap<Meaning, u64>, Problems> {
    let mut counts = BTreeMap::new();
    let Some(bounces) = &project.config.mail.bounces else {
        return Ok(counts);
    };
    let (ledger, now) = (&project.ledger, project.clock.now());
    let name = bounces.path.display().to_string();
    let state = Returns::state(&bounces.path);
    let mark = state.map(|state| Digest::of(format!("{name}\n{state}")));
    if let Some(mark) = &mark
        && ledger.was_taken(mark).await?
    {
        return Ok(counts);
    }
    let unreadable = |why: std::io::Error| {
        Diagnostic::error(format!("the mailbox of bounces cannot be read: {why}"))
            .in_file(&name)
            .hint("mail.bounces.path names a Maildir folder or an mbox file that chenbao may read")
    };
    let mut lost = Vec::new();
    for found in Returns::open(&bounces.path).map_err(unreadable)? {
        // A message that cannot be read keeps none of the others; one that vanished was taken by somebody else.
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                lost.extend((why.kind() != std::io::ErrorKind::NotFound).then_some(why));
                continue;
            }
        };
        if let Some(meaning) = take(project, &found).await? {
            *counts.entry(meaning).or_default() += 1;
        }
        found.mark_seen();
    }
    if let Some(mark) = mark {
        ledger.mark_read(&mark, &name, now).await?;
    }
    match lost.pop() {
        None => Ok(counts),
        Some(why) => {
            let what = format!("{} messages, the last: {why}", lost.len() + 1);
            Err(unreadable(std::io::Error::other(what)).into())
        }
    }
}

/// Reads the bounce mailbox as `serve` does on every look: one that cannot be read is told, and stops nothing.
///
/// # Errors
/// The ledger does not answer.
pub async fn hear(project: &Project) -> Result<(), Problems> {
    let Err(problems) = read_bounces(project).await else {
        return Ok(());
    };
    let path = project.config.mail.bounces.as_ref().map(|it| &it.path);
    let path = path.map(|path| path.display().to_string());
    let about = notice::About::Thing(path.unwrap_or_default());
    let notice = Notice::new(notice::Kind::Deaf, about, vec![problems.to_string()]);
    notice::raise(project, &notice).await
}

/// Takes one message; none if it was taken before.
async fn take(project: &Project, found: &Found) -> Result<Option<Meaning>, Problems> {
    let digest = Digest::of(&found.bytes);
    let ledger = &project.ledger;
    if ledger.was_taken(&digest).await? {
        return Ok(None);
    }
    let (meaning, delivery, note) = understand(project, found).await?;
    let note = config::hide(&note).into_owned();
    let returned = Returned {
        digest,
        meaning,
        delivery: delivery.map(|delivery| delivery.id),
        note,
    };
    ledger.take(&returned, project.clock.now()).await?;
    tracing::info!(
        meaning = meaning.word(),
        delivery = returned.delivery,
        "came back: {}",
        returned.note
    );
    Ok(Some(meaning))
}

/// What a message means, and what follows from it beside its delivery's state.
async fn understand(
    project: &Project,
    found: &Found,
) -> Result<(Meaning, Option<Delivery>, String), Problems> {
    let Some(read) = Return::read(&found.bytes) else {
        return Ok((Meaning::Broken, None, "no message".to_owned()));
    };
    let Some(delivery) = known(project, &read).await? else {
        let note = "it names no delivery of ours".to_owned();
        return Ok((Meaning::Foreign, None, note));
    };
    match &read.kind {
        Kind::Other => Ok((Meaning::Foreign, None, "no report, no wish".to_owned())),
        Kind::Unsubscribe { from } => {
            let note = unsubscribe(project, &delivery, from).await?;
            Ok((Meaning::Unsubscribe, Some(delivery), note))
        }
        Kind::Report(lines) => {
            let Some(line) = line_of(lines, &delivery) else {
                let note = "a report without a line that can be read".to_owned();
                return Ok((Meaning::Broken, None, note));
            };
            let meaning = match line.action {
                Action::Failed => Meaning::Failed,
                Action::Delayed => Meaning::Delayed,
                Action::Delivered => Meaning::Delivered,
                Action::Relayed => Meaning::Relayed,
            };
            let said = [meaning.word(), &line.status, &line.remark];
            let said: Vec<&str> = said.into_iter().filter(|word| !word.is_empty()).collect();
            let note = format!("reported back: {}", said.join(" "));
            if meaning == Meaning::Failed && delivery.state.may_have_arrived() {
                let about = match mail::is_address_fault(&line.status) {
                    true => About::Address,
                    false => About::Message,
                };
                trouble::bounced(project, &delivery, about, &note).await?;
            }
            Ok((meaning, Some(delivery), note))
        }
    }
}

/// The delivery whose token or Message-ID a message holds.
async fn known(project: &Project, read: &Return) -> Result<Option<Delivery>, Problems> {
    let from = &project.config.mail.from;
    let by_token = read
        .tokens
        .iter()
        .map(|token| mail::message_id(token, from));
    for id in by_token.chain(read.message_ids.iter().cloned()) {
        if let Some(delivery) = project.ledger.delivery_of_message(&id).await? {
            return Ok(Some(delivery));
        }
    }
    Ok(None)
}

/// The line about a delivery's recipient; a forwarded message is reported under another address, so the first will do.
fn line_of<'a>(lines: &'a [Line], delivery: &Delivery) -> Option<&'a Line> {
    let to = delivery.recipient.to_lowercase();
    let own = lines.iter().find(|line| line.recipients.contains(&to));
    own.or_else(|| lines.first())
}

/// Takes a recipient off a report, if the wish comes from the recipient; the owner hears of it either way.
async fn unsubscribe(
    project: &Project,
    delivery: &Delivery,
    from: &str,
) -> Result<String, Problems> {
    let (to, report) = (delivery.recipient.to_lowercase(), &delivery.issue.report);
    let own = from == to;
    let note = match own {
        true => format!("{to} asked not to get `{report}` any more"),
        false => format!(
            "{from} asked that {to} no longer get `{report}`; nothing was changed, because that is another address"
        ),
    };
    let mut lines = vec![note.clone()];
    if own {
        let block = Block {
            recipient: to.clone(),
            report: Some(report.clone()),
            reason: BlockReason::Unsubscribed,
            since: project.clock.now(),
            note: note.clone(),
        };
        project.ledger.block(&block).await?;
        lines.push(format!(
            "to take it back: chenbao recipients subscribe {to} --report {report}"
        ));
    } else {
        lines.push(format!(
            "to do it: chenbao recipients unsubscribe {to} --report {report}"
        ));
    }
    let about = notice::About::Thing(format!("{to} · {report}"));
    let notice = Notice::new(notice::Kind::Unsubscribed, about, lines);
    notice::raise(project, &notice).await?;
    Ok(note)
}
