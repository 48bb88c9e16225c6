//! What became of a message: our own classifier, from the step that failed, the server's code and its enhanced status code.

use crate::policy::Retry;
use std::fmt;
use std::time::Duration;

/// What became of a message that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Sent,
    /// Not now: try again later.
    Deferred,
    /// Never: this recipient or this message is refused for good.
    Bounced,
    /// The connection was lost after the whole message had left: it may have arrived.
    Unknown,
    /// The server refuses us, not the recipient: login, protection, sender. A person must mend the configuration.
    Refused,
}

/// Whose matter an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The server's: no other message would fare better now.
    Server,
    /// The address's: it counts towards its quarantine if it is permanent.
    Address,
    /// This message's alone.
    Message,
}

/// The answer to a message that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What became of it.
    pub outcome: Outcome,
    /// Whose matter that is.
    pub about: About,
    /// How to try again, where that is to be done.
    pub retry: Retry,
    /// Whether the other side fell silent or broke off rather than answered: several in a row are the server's matter.
    pub lost: bool,
    /// One plain sentence, with what the other side said.
    pub note: String,
}

impl Answer {
    /// The server, or the folder, took it.
    pub(super) fn sent(note: String) -> Self {
        Self {
            outcome: Outcome::Sent,
            about: About::Message,
            retry: Retry::MAIL,
            lost: false,
            note,
        }
    }

    /// A message whose parts cannot be read: the disk's matter, which somebody may mend.
    #[must_use]
    pub fn not_assembled(note: String) -> Self {
        Self {
            outcome: Outcome::Deferred,
            retry: Retry::OURS,
            ..Self::sent(note)
        }
    }

    /// A message that is larger than a limit of ours or the server's.
    pub(super) fn too_big(note: String) -> Self {
        Self {
            outcome: Outcome::Bounced,
            about: About::Message,
            ..Self::sent(note)
        }
    }
}

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Connecting, with TLS from the first byte where that is asked for, and greeting.
    Connect,
    /// Turning to TLS.
    Starttls,
    /// Logging in.
    Login,
    /// Naming the sender.
    Sender,
    /// Naming the recipient.
    Recipient,
    /// Asking to send the message.
    Data,
    /// Sending the message; without its end the server has nothing.
    Body,
    /// Waiting for the answer to the whole message.
    End,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "on connecting",
            Self::Starttls => "at STARTTLS",
            Self::Login => "at the login",
            Self::Sender => "at MAIL FROM",
            Self::Recipient => "at RCPT TO",
            Self::Data => "at DATA",
            Self::Body => "while the message was leaving",
            Self::End => "after the message",
        })
    }
}

/// How a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with 4yz or 5yz.
    Said {
        /// The code.
        code: u16,
        /// The text, which may begin with an enhanced status code.
        text: String,
    },
    /// We would not go on: no STARTTLS, no login that both know, a certificate that is not trusted.
    Ours(String),
    /// Nothing sensible came, or the connection broke or was never made.
    Lost(String),
    /// Nothing came in time.
    Silent(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { code, text } => write!(f, "{code} {text}"),
            Self::Ours(why) | Self::Lost(why) => f.write_str(why),
            Self::Silent(within) => write!(f, "no answer within {} s", within.as_secs_f32()),
        }
    }
}

/// The subject and detail of the enhanced status code (RFC 3463) that a text begins with: `5.1.1` is (1, 1).
pub(super) fn enhanced(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split_whitespace().next()?.split('.');
    let class = parts.next()?;
    let (subject, detail) = (parts.next()?, parts.next()?);
    let known = matches!(class, "2" | "4" | "5") && parts.next().is_none();
    known.then_some((subject.parse().ok()?, detail.parse().ok()?))
}

/// Whether an enhanced status code, as a report writes it, says that an address or its mailbox is no good for ever.
#[must_use]
pub fn is_address_fault(status: &str) -> bool {
    status.starts_with('5') && matches!(enhanced(status), Some((1 | 2, _)))
}

/// Why a message did not go out, in words that decide what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Name,
    Unreachable,
    Busy,
    Broke,
    Closed,
    Login,
    NoLogin,
    Certificate,
    NoTls,
    Rejected,
    Sender,
    NoMailbox,
    NoAddress,
    Full,
    StillFull,
    Greylisted,
    Later,
    Policy,
    TooBig,
    Content,
    CutShort,
    Unanswered,
}

impl Reason {
    fn sentence(self) -> &'static str {
        match self {
            Self::Name => {
                "the name of the mail server is not known; check mail.host and the network"
            }
            Self::Unreachable => "the mail server cannot be reached",
            Self::Busy => "the mail server does not take mail now",
            Self::Broke => {
                "the mail server fell silent or broke the connection before it had the message"
            }
            Self::Closed => "the mail server closes the connection",
            Self::Login => "the mail server refuses our login; check mail.user and mail.password",
            Self::NoLogin => {
                "the mail server offers no login that we know; check mail.port, mail.security and mail.user"
            }
            Self::Certificate => {
                "the mail server's certificate is not trusted, so nothing was said to it; check mail.host and mail.ca, or have it renewed"
            }
            Self::NoTls => {
                "the mail server offers no protection (STARTTLS), so nothing was said to it; check mail.security and mail.port"
            }
            Self::Rejected => "the mail server refuses to talk to us",
            Self::Sender => {
                "the mail server refuses our sender; check mail.from, mail.user and mail.bounces.return_path"
            }
            Self::NoMailbox => "the address does not exist",
            Self::NoAddress => "the address is refused",
            Self::Full | Self::StillFull => "the mailbox is full",
            Self::Greylisted => "the mail server asks to come back in a few minutes",
            Self::Later => "the mail server does not take this message now",
            Self::Policy => "a rule of the mail server forbids this message to this address",
            Self::TooBig => "the message is larger than the mail server allows; see mail.max_size",
            Self::Content => "the mail server refuses this message",
            Self::CutShort => {
                "the connection broke before the whole message had left, so it has not arrived"
            }
            Self::Unanswered => {
                "the connection broke after the whole message had left: it may have arrived"
            }
        }
    }

    fn verdict(self) -> (Outcome, About, Retry) {
        use About::{Address, Message, Server};
        use Outcome::{Bounced, Deferred, Refused, Unknown};
        match self {
            Self::Name | Self::Unreachable | Self::Busy | Self::Closed => {
                (Deferred, Server, Retry::SERVER)
            }
            Self::Broke | Self::CutShort | Self::Later => (Deferred, Message, Retry::MAIL),
            Self::Login
            | Self::NoLogin
            | Self::Certificate
            | Self::NoTls
            | Self::Rejected
            | Self::Sender => (Refused, Server, Retry::OURS),
            Self::NoMailbox | Self::NoAddress | Self::StillFull => (Bounced, Address, Retry::MAIL),
            Self::Full => (Deferred, Address, Retry::FULL),
            Self::Greylisted => (Deferred, Message, Retry::GREYLISTED),
            Self::Policy | Self::TooBig | Self::Content => (Bounced, Message, Retry::MAIL),
            Self::Unanswered => (Unknown, Message, Retry::MAIL),
        }
    }
}

/// The answer to a message whose `step` failed so.
pub(super) fn classify(step: Step, failure: &Failure) -> Answer {
    let reason = match failure {
        Failure::Said { code, text } => said(step, *code, enhanced(text)),
        Failure::Ours(why) => ours(step, why),
        Failure::Lost(why) => lost(step, why),
        Failure::Silent(_) => lost(step, ""),
    };
    let (outcome, about, retry) = reason.verdict();
    Answer {
        outcome,
        about,
        retry,
        lost: matches!(failure, Failure::Lost(_) | Failure::Silent(_)),
        note: format!("{}: {step}: {failure}", reason.sentence()),
    }
}

fn said(step: Step, code: u16, status: Option<(u16, u16)>) -> Reason {
    match (step, code, status) {
        // Whenever it is said: we are not logged in, or the server goes away.
        (_, 421, _) => Reason::Closed,
        (_, 530 | 534 | 535 | 538, _) => Reason::Login,
        (Step::Login, 500.., _) => Reason::Login,
        (Step::Connect | Step::Starttls, 500.., _) => Reason::Rejected,
        (Step::Connect | Step::Starttls | Step::Login, _, _) => Reason::Busy,
        (Step::Sender | Step::Recipient | Step::Data | Step::Body | Step::End, 500.., status) => {
            refused(step, code, status)
        }
        (_, _, Some((2, 2))) => Reason::Full,
        (Step::Sender, _, _) => Reason::Busy,
        (Step::Recipient, 450 | 451, None) | (_, _, Some((7, _))) => Reason::Greylisted,
        (_, _, _) => Reason::Later,
    }
}

/// What a 5yz answer to a message means.
fn refused(step: Step, code: u16, status: Option<(u16, u16)>) -> Reason {
    match (step, code, status) {
        (_, _, Some((3, 4))) => Reason::TooBig,
        (_, _, Some((2, 2))) => Reason::StillFull,
        (Step::Sender, 552, _) => Reason::TooBig,
        (Step::Sender, _, _) => Reason::Sender,
        (_, _, Some((1, 1 | 2 | 3 | 6 | 10) | (2, 0 | 1))) => Reason::NoMailbox,
        (_, _, Some((1, 7 | 8))) => Reason::Sender,
        (_, _, Some((1 | 2, _))) => Reason::NoAddress,
        (_, _, Some((7, _))) => Reason::Policy,
        (Step::Recipient, 550, None) => Reason::NoMailbox,
        (Step::Recipient, 552, None) => Reason::StillFull,
        (Step::Recipient, 551 | 553, None) => Reason::NoAddress,
        (Step::Data | Step::Body | Step::End, 552, None) => Reason::TooBig,
        (_, _, _) => Reason::Content,
    }
}

fn ours(step: Step, why: &str) -> Reason {
    match step {
        Step::Starttls if why.contains("STARTTLS") => Reason::NoTls,
        Step::Connect | Step::Starttls => Reason::Certificate,
        Step::Login => Reason::NoLogin,
        Step::Sender => Reason::Sender,
        Step::Recipient => Reason::NoAddress,
        Step::Data | Step::Body | Step::End => Reason::Content,
    }
}

fn lost(step: Step, why: &str) -> Reason {
    match step {
        Step::Connect if why.contains("failed to lookup address") => Reason::Name,
        Step::Connect | Step::Starttls | Step::Login => Reason::Unreachable,
        Step::Sender | Step::Recipient | Step::Data => Reason::Broke,
        Step::Body => Reason::CutShort,
        Step::End => Reason::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read_and_other_words_are_not() {
        assert_eq!(enhanced("5.1.1 no such user"), Some((1, 1)));
        assert_eq!(enhanced("4.7.123 later"), Some((7, 123)));
        for text in ["", "no such user", "1.2.3.4 is listed", "9.1.1 x", "5.1 x"] {
            assert_eq!(enhanced(text), None, "{text}");
        }
    }

    #[test]
    fn the_enhanced_code_decides_whose_matter_it_is() {
        use About::{Address, Message, Server};
        use Outcome::{Bounced, Deferred, Refused};
        for (step, code, text, outcome, about) in [
            (Step::Recipient, 550, "5.1.1 no such user", Bounced, Address),
            (Step::Recipient, 550, "5.2.1 disabled", Bounced, Address),
            (Step::Recipient, 552, "5.2.2 full", Bounced, Address),
            (Step::Recipient, 452, "4.2.2 full", Deferred, Address),
            (
                Step::Recipient,
                554,
                "5.7.1 relaying denied",
                Bounced,
                Message,
            ),
            (
                Step::Recipient,
                530,
                "5.7.0 authenticate first",
                Refused,
                Server,
            ),
            (Step::Sender, 552, "5.3.4 too big", Bounced, Message),
            (Step::Sender, 553, "5.7.1 not your address", Refused, Server),
            (Step::Sender, 452, "4.3.1 disk full", Deferred, Server),
            (Step::End, 550, "5.1.1 found out late", Bounced, Address),
            (Step::End, 554, "5.6.0 a virus", Bounced, Message),
            (Step::End, 452, "4.3.1 disk full", Deferred, Message),
            (
                Step::Recipient,
                421,
                "4.3.2 shutting down",
                Deferred,
                Server,
            ),
        ] {
            let text = text.to_owned();
            let answer = classify(step, &Failure::Said { code, text });
            assert_eq!(
                (answer.outcome, answer.about),
                (outcome, about),
                "{}",
                answer.note
            );
        }
    }

    #[test]
    fn patience_fits_the_reason() {
        let retry = |step, code, text: &str| {
            let text = text.to_owned();
            classify(step, &Failure::Said { code, text }).retry
        };
        assert_eq!(retry(Step::Recipient, 450, "greylisted"), Retry::GREYLISTED);
        assert_eq!(
            retry(Step::Recipient, 451, "4.7.1 greylisted"),
            Retry::GREYLISTED
        );
        assert_eq!(retry(Step::Recipient, 452, "4.2.2 full"), Retry::FULL);
        assert_eq!(retry(Step::Login, 535, "5.7.8 bad"), Retry::OURS);
        assert_eq!(retry(Step::Login, 454, "4.7.0 later"), Retry::SERVER);
        assert_eq!(retry(Step::End, 451, "4.3.0 later"), Retry::MAIL);
    }

    #[test]
    fn only_a_whole_message_without_an_answer_is_unknown() {
        let outcome = |step| classify(step, &Failure::Lost("broken pipe".into())).outcome;
        assert_eq!(outcome(Step::Body), Outcome::Deferred);
        assert_eq!(outcome(Step::Data), Outcome::Deferred);
        assert_eq!(outcome(Step::End), Outcome::Unknown);
    }
}
