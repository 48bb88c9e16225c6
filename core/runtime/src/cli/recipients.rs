//! Commands about addresses: `recipients` (who gets nothing, and why) and `bounces` (what came back).

use super::args::{RecipientsCommand, SubscriptionArgs};
use super::history::at;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::ledger::{Block, BlockReason};
use crate::project::Project;
use crate::{deliver, erase, plan};
use chenbao_model::Diagnostic;
use serde_json::json;

pub(super) async fn recipients(
    project: &Project,
    command: &RecipientsCommand,
    voice: Voice,
) -> Answer {
    match command {
        RecipientsCommand::List => list(project, voice).await,
        RecipientsCommand::Release { address } => release(project, address, voice).await,
        RecipientsCommand::Subscribe(args) => subscribe(project, args, voice).await,
        RecipientsCommand::Unsubscribe(args) => unsubscribe(project, args, voice).await,
        RecipientsCommand::Erase { address } => erase(project, address, voice).await,
    }
}

async fn list(project: &Project, voice: Voice) -> Answer {
    let blocks = project.ledger.blocks().await?;
    if blocks.is_empty() {
        voice.say("every recipient gets what the configuration says");
    } else {
        let row = |block: &Block| {
            vec![
                block.recipient.clone(),
                block
                    .report
                    .as_ref()
                    .map_or("all", |id| id.as_str())
                    .to_owned(),
                block.reason.word().to_owned(),
                at(project, block.since),
                block.note.clone(),
            ]
        };
        let rows: Vec<Vec<String>> = blocks.iter().map(row).collect();
        voice.say(print::table(
            &["address", "report", "why", "since", "note"],
            &rows,
        ));
    }
    let json: Vec<serde_json::Value> = blocks
        .iter()
        .map(|block| {
            json!({
                "address": block.recipient, "report": block.report, "why": block.reason.word(),
                "since": block.since.to_string(), "note": block.note,
            })
        })
        .collect();
    voice.answer(&json.into());
    Ok(Ended::Done)
}

async fn release(project: &Project, address: &str, voice: Voice) -> Answer {
    lifted(project.ledger.unblock(address, None).await?, || {
        Diagnostic::error(format!("{address} is not in quarantine"))
            .hint("see `chenbao recipients list`")
    })?;
    voice.say(format!(
        "{address} gets mail again; what was not sent meanwhile: chenbao resend RUN --recipient {address}"
    ));
    voice.answer(&json!({"released": address}));
    Ok(Ended::Done)
}

async fn subscribe(project: &Project, args: &SubscriptionArgs, voice: Voice) -> Answer {
    let (address, report) = (&args.address, &args.report);
    let lift = project.ledger.unblock(address, Some(report)).await?;
    lifted(lift, || {
        Diagnostic::error(format!("{address} has not unsubscribed from `{report}`"))
            .hint("recipients stand in the report's audiences; see `chenbao recipients list`")
    })?;
    voice.say(format!("{address} gets `{report}` again"));
    voice.answer(&json!({"subscribed": address, "report": report}));
    Ok(Ended::Done)
}

fn lifted(lifted: bool, otherwise: impl Fn() -> Diagnostic) -> Result<(), Diagnostic> {
    match lifted {
        true => Ok(()),
        false => Err(otherwise()),
    }
}

async fn unsubscribe(project: &Project, args: &SubscriptionArgs, voice: Voice) -> Answer {
    let report = plan::report(&project.config, &args.report)?;
    let address = args.address.to_lowercase();
    let known = report.audiences.values().flat_map(|audience| &audience.to);
    if !known
        .into_iter()
        .any(|to| to.address.to_lowercase() == address)
    {
        return Err(
            Diagnostic::error(format!("{address} is no recipient of `{}`", report.id))
                .in_file(&project.config.file)
                .into(),
        );
    }
    let block = Block {
        recipient: address.clone(),
        report: Some(report.id.clone()),
        reason: BlockReason::Unsubscribed,
        since: project.clock.now(),
        note: "by hand".to_owned(),
    };
    let fresh = project.ledger.block(&block).await?;
    voice.say(match fresh {
        true => format!("{address} gets `{}` no more", report.id),
        false => format!("{address} got `{}` no more already", report.id),
    });
    voice.answer(&json!({"unsubscribed": address, "report": report.id, "new": fresh}));
    Ok(Ended::Done)
}

async fn erase(project: &Project, address: &str, voice: Voice) -> Answer {
    let address = address.trim();
    if !address.contains('@') {
        let problem = Diagnostic::error(format!("`{address}` is no mail address"));
        voice.tell(&[problem.hint("write the address alone: boss@example.com")]);
        return Ok(Ended::Refused);
    }
    let forgotten = erase::erase(project, address).await?;
    let erased = &forgotten.erased;
    voice.tell(&forgotten.remains);
    voice.say(format!(
        "erased: {} messages have no head and no address any more ({} of them were still to be sent), {} other texts of the \
         ledger and {} files of the outbox named it; the rest goes by {}",
        erased.messages, erased.withdrawn, erased.texts, forgotten.files, forgotten.pseudonym
    ));
    voice.say(
        "not reached: backups made before, mail servers, and notices to the owner that named it, which [retention] archive removes",
    );
    voice.answer(&json!({
        "pseudonym": forgotten.pseudonym, "messages": erased.messages, "withdrawn": erased.withdrawn, "texts": erased.texts,
        "files": forgotten.files, "remains": forgotten.remains.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(Ended::Done)
}

pub(super) async fn bounces(project: &Project, voice: Voice) -> Answer {
    if project.config.mail.bounces.is_none() {
        return Err(Diagnostic::error("nobody said where bounces arrive")
            .in_file(&project.config.file)
            .hint("write [mail.bounces] with path = a Maildir folder or an mbox file")
            .into());
    }
    let counts = deliver::read_bounces(project).await?;
    let said: Vec<String> = counts
        .iter()
        .map(|(meaning, count)| format!("{count} {meaning}"))
        .collect();
    voice.say(match said.is_empty() {
        true => "nothing new came back".to_owned(),
        false => said.join(", "),
    });
    let json: serde_json::Map<String, serde_json::Value> = counts
        .iter()
        .map(|(meaning, count)| (meaning.to_string(), json!(count)))
        .collect();
    voice.answer(&json.into());
    Ok(Ended::Done)
}
