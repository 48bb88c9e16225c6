//! What became of a message: our own classifier, from the step that failed and the server's code.

use std::fmt;

/// What became of a message that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Sent,
    /// Not now: try again later.
    Deferred,
    /// Never: this recipient or this message is refused for good.
    Bounced,
    /// The connection was lost after the message began to leave: it may have arrived.
    Unknown,
    /// The server refuses us, not the recipient: login, protection, sender. Trying again helps once the configuration is right.
    Refused,
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
    /// Sending the message and waiting for the answer.
    Message,
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
            Self::Message => "after the message",
        })
    }
}

/// Why a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with 4yz.
    Transient,
    /// The server answered with 5yz.
    Permanent,
    /// We would not go on: no STARTTLS, no login that both know, a certificate that is not trusted.
    Ours,
    /// Nothing came, nothing sensible came, or the connection broke.
    Lost,
}

/// The verdict on a message whose `step` failed so.
pub(super) fn classify(step: Step, failure: Failure) -> Outcome {
    match (failure, step) {
        (Failure::Transient, _) => Outcome::Deferred,
        (Failure::Permanent, Step::Recipient | Step::Data | Step::Message) => Outcome::Bounced,
        (Failure::Permanent | Failure::Ours, _) => Outcome::Refused,
        (Failure::Lost, Step::Message) => Outcome::Unknown,
        (Failure::Lost, _) => Outcome::Deferred,
    }
}
