//! What the owner hears of deliveries, and when an address is left alone.

use crate::config::meant::Transport;
use crate::ledger::{Block, BlockReason, Delivery};
use crate::mail;
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::schedule::Edition;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};

/// A delivery as people name it. Each is a notice of its own: several of one issue are grouped when they are told.
fn name(delivery: &Delivery) -> String {
    let issue = &delivery.issue;
    // A robot is known by its channel, not by its platform.
    let to = match delivery.recipient.contains('@') {
        true => &delivery.recipient,
        false => &delivery.channel,
    };
    format!("{to} · {} {}", issue.report, issue.period)
}

/// Whether nobody but the person who waits for it needs to hear: a test, or the owner's own message, which the second channel
/// watches.
fn quiet(delivery: &Delivery) -> bool {
    delivery.issue.report.as_str() == notice::REPORT
        || matches!(delivery.issue.edition, Edition::Test(_))
}

async fn tell(
    project: &Project,
    kind: Kind,
    delivery: &Delivery,
    line: String,
) -> Result<(), Problems> {
    if quiet(delivery) {
        return Ok(());
    }
    let notice = Notice::new(kind, About::Thing(name(delivery)), vec![line]);
    notice::raise(project, &notice.of_run(&delivery.run)).await
}

/// The ledger did not answer for a while, and does again: what the owner hears of it lies in the ledger too.
///
/// # Errors
/// It does not answer after all.
pub async fn ledger_was_away(
    project: &Project,
    since: Timestamp,
    why: &str,
) -> Result<(), Problems> {
    let config = &project.config.project;
    let at = |time: Timestamp| {
        let time = time.to_zoned(config.zone.clone());
        time.strftime("%m-%d %H:%M:%S").to_string()
    };
    let (from, until) = (at(since), at(project.clock.now()));
    let line = notice::sentence::ledger_was_away((&from, &until), why, &config.lang);
    let about = About::Thing("ledger".to_owned());
    tracing::warn!(since = %since, "the ledger answers again: {why}");
    notice::raise(project, &Notice::new(Kind::Ledger, about, vec![line])).await
}

/// Nobody knows whether a message arrived.
pub(super) async fn unknown(
    project: &Project,
    delivery: &Delivery,
    note: &str,
) -> Result<(), Problems> {
    tell(project, Kind::Unknown, delivery, note.to_owned()).await
}

/// The archive has lost a part of a message; whether it could be made again, byte for byte.
pub(super) async fn damaged(
    project: &Project,
    delivery: &Delivery,
    problem: &Diagnostic,
    again: bool,
) {
    let fate = if again {
        "made again from its snapshot, with the same bytes"
    } else {
        "it cannot be made again with the same bytes and waits: restore the archive from a backup, or `chenbao rerun` the report"
    };
    let line = format!("{}: {fate}", problem.message);
    let place = problem
        .place
        .as_ref()
        .map_or("", |place| place.file.as_str());
    let notice = Notice::new(Kind::Damaged, About::Thing(place.to_owned()), vec![line]);
    if let Err(e) = notice::raise(project, &notice.of_run(&delivery.run)).await {
        tracing::error!("the owner cannot be told of a damaged message: {e}");
    }
}

/// A message was refused for good, or given up. If it is the address's matter, it counts towards its quarantine.
pub(super) async fn bounced(
    project: &Project,
    delivery: &Delivery,
    about: mail::About,
    note: &str,
) -> Result<(), Problems> {
    tell(project, Kind::Bounced, delivery, note.to_owned()).await?;
    if about == mail::About::Address {
        count_fault(project, delivery, note).await?;
    }
    Ok(())
}

/// A message was given up because its server took nothing for too long.
pub(super) async fn given_up(project: &Project, delivery: &Delivery) -> Result<(), Problems> {
    tell(project, Kind::Bounced, delivery, delivery.note.clone()).await
}

/// The mail server takes nothing; what is due then would not leave.
pub(super) async fn server(
    project: &Project,
    note: &str,
    due: Option<Timestamp>,
) -> Result<(), Problems> {
    let name = match &project.config.mail.transport {
        Transport::Smtp(smtp) => format!("{}:{}", smtp.host, smtp.port),
        Transport::Folder(folder) => folder.display().to_string(),
    };
    let mut notice = Notice::new(Kind::MailBroken, About::Thing(name), vec![note.to_owned()]);
    notice.by = due;
    notice::raise(project, &notice).await
}

/// Counts a permanent error of an address; too many put it into quarantine. The owners' own addresses are never left alone:
/// trouble must reach them.
async fn count_fault(project: &Project, delivery: &Delivery, note: &str) -> Result<(), Problems> {
    let rule = project.config.mail.quarantine;
    let now = project.clock.now();
    let span = SignedDuration::from_hours(24 * i64::from(rule.days));
    let since = now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let to = delivery.recipient.to_lowercase();
    let faults = project
        .ledger
        .count_fault((&to, &delivery.id), note, now, since)
        .await?;
    let owners = project.config.reports.keys();
    let mut owners = owners.map(|report| project.config.owner_of(report));
    let is_owner = to == project.config.project.owner.address.to_lowercase()
        || owners.any(|owner| owner.address.to_lowercase() == to);
    if rule.errors == 0 || faults < u32::from(rule.errors) || is_owner {
        return Ok(());
    }
    let block = Block {
        recipient: to.clone(),
        report: None,
        reason: BlockReason::Quarantined,
        since: now,
        note: format!(
            "{faults} permanent errors within {} days, the last: {note}",
            rule.days
        ),
    };
    if project.ledger.block(&block).await? {
        let line = format!(
            "{}; to lift it: chenbao recipients release {to}",
            block.note
        );
        let notice = Notice::new(Kind::Quarantined, About::Thing(to), vec![line]);
        notice::raise(project, &notice).await?;
    }
    Ok(())
}
