//! Mail: builds messages whose bytes never change, hands them to a server or a folder, and reads what comes back. The only user
//! of lettre and mail-parser.
//!
//! A message is a head of its own for each recipient, and one encoded body that all recipients of an audience share.

mod folder;
mod mailbox;
mod message;
mod outcome;
mod returned;
mod smtp;
#[cfg(test)]
mod tests;

pub use folder::put;
pub use mailbox::{Found, Returns};
pub use message::{Body, Head, body, draft_head, file_name, head, message_id, safe_name, thread};
pub use outcome::{About, Answer, Outcome, Step, is_address_fault};
pub use returned::{Action, Kind, Line, Return, TOKEN};

use crate::config::meant::{Mail, Transport};
use crate::config::{Secret, hide};
use chenbao_model::Diagnostic;

/// A message on its way.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Envelope sender.
    pub from: &'a str,
    /// Envelope recipient.
    pub to: &'a str,
    /// What reports on its delivery are to name; none: no reports are asked for.
    pub envid: Option<&'a str>,
    /// The whole message.
    pub bytes: &'a [u8],
    /// Its file name, for a folder.
    pub file_name: &'a str,
}

/// Hands messages over, one after the other; a connection is kept between them.
#[derive(Debug)]
pub struct Sender {
    way: Way,
    max_size: u64,
}

#[derive(Debug)]
enum Way {
    Folder(folder::Outbox),
    Smtp(Box<smtp::Smtp>),
}

impl Sender {
    /// A sender by the configuration. Nothing is connected yet.
    ///
    /// # Errors
    /// A certificate cannot be read.
    pub fn new(mail: &Mail, password: Option<&Secret>) -> Result<Self, Diagnostic> {
        let way = match &mail.transport {
            Transport::Folder(folder) => Way::Folder(folder::Outbox::new(folder)),
            Transport::Smtp(settings) => Way::Smtp(Box::new(smtp::Smtp::new(settings, password)?)),
        };
        Ok(Self {
            way,
            max_size: mail.max_size,
        })
    }

    /// Hands one message over and says what became of it, and what the other side said.
    pub async fn send(&mut self, letter: &Letter<'_>) -> Answer {
        let size = letter.bytes.len();
        if u64::try_from(size).unwrap_or(u64::MAX) > self.max_size {
            return Answer::too_big(format!(
                "the message has {size} bytes, more than mail.max_size = {}",
                self.max_size
            ));
        }
        tellable(match &mut self.way {
            Way::Folder(outbox) => outbox.write(letter).await,
            Way::Smtp(smtp) => smtp.send(letter).await,
        })
    }

    /// Whether mail could leave now: connects and signs in, sends nothing. A folder is always there; its disk is watched elsewhere.
    pub async fn probe(&mut self) -> Answer {
        match &mut self.way {
            Way::Folder(_) => Answer::sent("mail goes into a folder".to_owned()),
            Way::Smtp(smtp) => tellable(smtp.probe().await),
        }
    }

    /// Says goodbye to the server, if one is connected.
    pub async fn close(&mut self) {
        if let Way::Smtp(smtp) = &mut self.way {
            smtp.close().await;
        }
    }
}

/// A server may repeat the login that it refuses.
fn tellable(mut answer: Answer) -> Answer {
    answer.note = hide(&answer.note).into_owned();
    answer
}
