//! One message to one recipient: its head, the body that its audience shares, and its row in the ledger.

use crate::config::meant::Mailbox;
use crate::ledger::{Issue, NewDelivery, Piece, delivery_id};
use crate::mail::{self, Body, Head};
use crate::paper::Paper;
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Artifact, Id};
use jiff::Timestamp;

/// A thread names no more messages than this: a report that is corrected every hour keeps a short head.
const LONGEST_THREAD: u32 = 10;

/// The encoded body that all recipients of an audience share, kept once.
pub(super) fn archived_body(project: &Project, paper: &Paper) -> Result<Piece, Problems> {
    let bytes = encoded_body(paper)?;
    Ok(Piece::Digest(project.archive.put(&bytes)?))
}

/// The encoded body of a paper.
pub(super) fn encoded_body(paper: &Paper) -> Result<Vec<u8>, Problems> {
    let of = |media: &str| {
        paper
            .mail
            .iter()
            .find(|artifact| artifact.media_type.starts_with(media))
    };
    let text = |media: &str| {
        of(media)
            .map(|artifact| String::from_utf8_lossy(&artifact.bytes).into_owned())
            .unwrap_or_default()
    };
    let (plain, html) = (text("text/plain"), text("text/html"));
    let (pictures, rest): (Vec<Artifact>, Vec<Artifact>) = paper
        .mail
        .iter()
        .cloned()
        .partition(|artifact| artifact.cid.is_some());
    let papers: Vec<Artifact> = rest
        .into_iter()
        .filter(|artifact| !artifact.media_type.starts_with("text/"))
        .collect();
    Ok(mail::body(&Body {
        text: &plain,
        html: &html,
        pictures: &pictures,
        papers: &papers,
    })?)
}

/// A message to one recipient.
pub(super) struct Outgoing<'a> {
    pub(super) issue: &'a Issue,
    pub(super) audience: &'a Id,
    pub(super) to: &'a Mailbox,
    pub(super) subject: &'a str,
    pub(super) run: &'a str,
}

impl Outgoing<'_> {
    pub(super) async fn row(
        &self,
        project: &Project,
        body: Piece,
        not_before: Timestamp,
    ) -> Result<NewDelivery, Problems> {
        let from = &project.config.mail.from;
        let channel = project.mail_channel();
        let id = delivery_id(self.issue, self.audience, channel, &self.to.address);
        let token = project.delivery_token(&id);
        let message_id = mail::message_id(&token, from);
        let sender = project.config.mail.return_path(&token);
        let wish = format!("unsubscribe {token}");
        let readable = project.config.mail.bounces.is_some();
        let head = mail::head(&Head {
            from,
            to: self.to,
            reply_to: project.config.owner_of(&self.issue.report),
            subject: self.subject,
            message_id: &message_id,
            date: not_before,
            unsubscribe: readable.then_some((sender.as_str(), wish.as_str())),
        })?;
        let mut new = NewDelivery {
            issue: self.issue.clone(),
            audience: self.audience.clone(),
            channel: channel.to_owned(),
            recipient: self.to.address.clone(),
            run: self.run.to_owned(),
            message_id,
            sender,
            pieces: Vec::new(),
            file_name: self.file_name(),
            not_before,
        };
        let thread = mail::thread(&project.ledger.earlier(&new, LONGEST_THREAD).await?);
        new.pieces = vec![Piece::Literal(head + &thread), body];
        Ok(new)
    }

    /// A name that tells people what a file of this message is.
    pub(super) fn file_name(&self) -> String {
        let mut words = self.issue.words();
        words.extend([self.audience.to_string(), self.to.address.clone()]);
        mail::file_name(&words)
    }
}
