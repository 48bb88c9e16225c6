//! What comes back: reports on deliveries (RFC 3464) and unsubscriptions, read from bytes that anybody may have written.
//!
//! A report is believed for the delivery whose token it holds: each delivery has its own, keyed and unguessable, in its return
//! address, its envelope id and its Message-ID. Who does not have the message cannot know it.

use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};

/// Length of a token: hexadecimal digits.
pub const TOKEN: usize = 32;
/// More of a message than this says nothing about a delivery.
const ENOUGH: usize = 1 << 20;
/// Longest remark that is kept.
const REMARK: usize = 300;
/// Headers in which a mail server leaves the address that a message was sent to.
const SENT_TO: [&str; 5] = [
    "To",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
];

/// What a report says of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It will not arrive.
    Failed,
    /// It is late.
    Delayed,
    /// It arrived.
    Delivered,
    /// It was handed on to a server that reports nothing more, or to a list.
    Relayed,
}

/// One recipient's lines of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Addresses that it names, lower-case.
    pub recipients: Vec<String>,
    /// What happened.
    pub action: Action,
    /// Enhanced status code as written, for example `5.1.1`.
    pub status: String,
    /// What the other server said.
    pub remark: String,
}

/// What a message that came back is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A report on a delivery.
    Report(Vec<Line>),
    /// The wish not to get the report any more, from this address.
    Unsubscribe {
        /// Who wrote it, lower-case; empty if it does not say.
        from: String,
    },
    /// Anything else: an answer by a holiday program, advertisement.
    Other,
}

/// A message that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// What it is.
    pub kind: Kind,
    /// Tokens in it, in the order in which they are to be believed.
    pub tokens: Vec<String>,
    /// Message-IDs in it that may be ours, without angle brackets.
    pub message_ids: Vec<String>,
}

impl Return {
    /// Reads a message; none if it is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..ENOUGH).unwrap_or(bytes);
        let message = MessageParser::default().parse(bytes)?;
        message.parts.first()?;
        let mut tokens = Vec::new();
        let mut message_ids = Vec::new();
        for (name, value) in message.headers_raw() {
            if SENT_TO.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                tokens.extend(extension(value));
            }
        }
        let kind = match status_groups(&message) {
            Some(groups) => {
                let ids = groups
                    .iter()
                    .filter_map(|group| field(group, "original-envelope-id"));
                tokens.extend(ids.filter_map(token));
                message_ids.extend(returned_ids(&message));
                Kind::Report(groups.iter().filter_map(|group| line(group)).collect())
            }
            None => unsubscribe(&message, &mut tokens),
        };
        Some(Self {
            kind,
            tokens,
            message_ids,
        })
    }
}

/// The token of `name+<token>@...`, wherever in a text it stands.
fn extension(text: &str) -> Option<String> {
    text.split('+')
        .skip(1)
        .find_map(|rest| rest.split_once('@').and_then(|(inside, _)| token(inside)))
}

/// A text that is a token.
fn token(text: &str) -> Option<String> {
    let text = text.trim();
    let good = text.len() == TOKEN && text.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| text.to_ascii_lowercase())
}

/// The groups of fields of the machine's part of a report; none if the message is no report.
fn status_groups(message: &Message<'_>) -> Option<Vec<Vec<(String, String)>>> {
    let part = message
        .parts
        .iter()
        .find(|part| part.is_content_type("message", "delivery-status"))?;
    let text = String::from_utf8_lossy(part.contents());
    let mut groups = vec![Vec::<(String, String)>::new()];
    for written in text.lines() {
        let last = groups.last_mut()?;
        match written.split_once(':') {
            _ if written.trim().is_empty() && last.is_empty() => {}
            _ if written.trim().is_empty() => groups.push(Vec::new()),
            _ if written.starts_with([' ', '\t']) => {
                if let Some((_, value)) = last.last_mut() {
                    value.push(' ');
                    value.push_str(written.trim());
                }
            }
            Some((name, value)) => {
                last.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => {}
        }
    }
    Some(groups)
}

fn field<'a>(group: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = group.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// What a group says of a recipient; none for the group about the whole message.
fn line(group: &[(String, String)]) -> Option<Line> {
    let action = field(group, "action")?.split_whitespace().next()?;
    let action = match action.to_ascii_lowercase().as_str() {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        "relayed" | "expanded" => Action::Relayed,
        _ => return None,
    };
    // `rfc822; boss@example.com`: what stands before the semicolon says how to read the rest.
    let value = |name: &str| {
        let written = field(group, name)?;
        Some(
            written
                .split_once(';')
                .map_or(written, |(_, rest)| rest)
                .trim(),
        )
    };
    let recipients = ["original-recipient", "final-recipient"]
        .into_iter()
        .filter_map(value)
        .map(|address| address.trim_matches(['<', '>']).to_lowercase());
    let status = field(group, "status").unwrap_or_default();
    let status = status.split_whitespace().next().unwrap_or_default();
    Some(Line {
        recipients: recipients.collect(),
        action,
        status: clean(status),
        remark: clean(value("diagnostic-code").unwrap_or_default()),
    })
}

/// One line without control characters, not too long.
fn clean(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(REMARK)
        .collect()
}

/// Message-IDs of the message, or of its headers, that a report returns.
fn returned_ids(message: &Message<'_>) -> Vec<String> {
    let mut ids = Vec::new();
    for part in &message.parts {
        match &part.body {
            PartType::Message(inner) => ids.extend(inner.message_id().map(str::to_owned)),
            PartType::Text(text) if part.is_content_type("text", "rfc822-headers") => {
                let inner = MessageParser::default().parse_headers(text.as_bytes());
                ids.extend(
                    inner
                        .as_ref()
                        .and_then(Message::message_id)
                        .map(str::to_owned),
                );
            }
            _ => {}
        }
    }
    ids
}

/// `Subject: unsubscribe <token>`, written by a person: a mail program fills it in from our List-Unsubscribe.
fn unsubscribe(message: &Message<'_>, tokens: &mut Vec<String>) -> Kind {
    let written_by_program = message.headers_raw().any(|(name, value)| {
        name.eq_ignore_ascii_case("Auto-Submitted") && !value.trim().eq_ignore_ascii_case("no")
    });
    let mut words = message.subject().unwrap_or_default().split_whitespace();
    let asked = words.any(|word| word.eq_ignore_ascii_case("unsubscribe"));
    let Some(token) = words
        .next()
        .and_then(token)
        .filter(|_| asked && !written_by_program)
    else {
        return Kind::Other;
    };
    tokens.insert(0, token);
    let from = message
        .from()
        .and_then(|from| from.first())
        .and_then(|from| from.address());
    Kind::Unsubscribe {
        from: from.unwrap_or_default().trim().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "0123456789abcdef0123456789abcdef";

    fn report(groups: &str, returned: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example.com\r\nTo: bounce+{T}@example.com\r\nSubject: Undelivered\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\
             Original-Envelope-Id: {T}\r\n\r\n{groups}\r\n--b\r\n{returned}\r\n--b--\r\n"
        )
    }

    const FAILED: &str = "Original-Recipient: rfc822;Boss@Example.com\r\nFinal-Recipient: rfc822; x@other.example\r\n\
        Action: failed\r\nStatus: 5.1.1 (no such user)\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n  unknown\r\n";

    #[test]
    fn a_report_is_read_by_its_fields() {
        let inner = "Content-Type: message/rfc822\r\n\r\nMessage-ID: <chenbao.abc@example.com>\r\nSubject: x\r\n\r\nhi";
        let read = Return::read(report(FAILED, inner).as_bytes()).unwrap();
        assert_eq!(read.tokens, [T, T]);
        assert_eq!(read.message_ids, ["chenbao.abc@example.com"]);
        let Kind::Report(lines) = read.kind else {
            panic!("{read:?}")
        };
        assert_eq!(
            lines,
            [Line {
                recipients: vec!["boss@example.com".into(), "x@other.example".into()],
                action: Action::Failed,
                status: "5.1.1".into(),
                remark: "550 5.1.1 unknown".into(),
            }]
        );
        let headers = "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <chenbao.abd@example.com>\r\nSubject: x\r\n";
        let read = Return::read(report(FAILED, headers).as_bytes()).unwrap();
        assert_eq!(read.message_ids, ["chenbao.abd@example.com"]);
    }

    #[test]
    fn every_action_is_known_and_no_other() {
        for (word, action) in [
            ("failed", Some(Action::Failed)),
            ("DELAYED", Some(Action::Delayed)),
            ("delivered", Some(Action::Delivered)),
            ("relayed", Some(Action::Relayed)),
            ("expanded (list)", Some(Action::Relayed)),
            ("eaten", None),
        ] {
            let groups =
                format!("Final-Recipient: rfc822;a@b.c\r\nAction: {word}\r\nStatus: 2.0.0\r\n");
            let read = Return::read(report(&groups, "\r\n").as_bytes()).unwrap();
            let Kind::Report(lines) = read.kind else {
                panic!("{read:?}")
            };
            assert_eq!(lines.first().map(|line| line.action), action, "{word}");
        }
    }

    #[test]
    fn an_unsubscription_is_a_persons_subject_with_a_token() {
        let mail = |subject: &str, more: &str| {
            let text = format!(
                "From: Boss <Boss@Example.com>\r\nTo: bounce@example.com\r\nSubject: {subject}\r\n{more}\r\nhi\r\n"
            );
            Return::read(text.as_bytes()).unwrap()
        };
        let read = mail(&format!("unsubscribe {T}"), "");
        let from = "boss@example.com".to_owned();
        assert_eq!(
            (read.kind, read.tokens),
            (Kind::Unsubscribe { from }, vec![T.into()])
        );
        for (subject, more) in [
            ("unsubscribe", ""),
            ("unsubscribe 0123", ""),
            ("Re: 经营日报", ""),
            (T, ""),
            (
                &format!("unsubscribe {T}"),
                "Auto-Submitted: auto-replied\r\n",
            ),
        ] {
            assert_eq!(mail(subject, more).kind, Kind::Other, "{subject}");
        }
    }

    /// Whatever somebody writes into our mailbox, reading it ends, and in nothing that we did not mean.
    #[test]
    fn broken_and_cut_messages_harm_nothing() {
        let whole = report(
            FAILED,
            "Content-Type: message/rfc822\r\n\r\nMessage-ID: <a@b>\r\n\r\nx",
        );
        for end in 0..whole.len() {
            drop(Return::read(&whole.as_bytes()[..end]));
        }
        let mut random = 1_u64;
        for _ in 0..2000 {
            let mut bytes = whole.clone().into_bytes();
            for _ in 0..8 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let at = usize::try_from(random >> 33).unwrap() % bytes.len();
                bytes[at] = u8::try_from((random >> 25) & 0xff).unwrap();
            }
            drop(Return::read(&bytes));
        }
        assert_eq!(Return::read(b""), None);
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(5000);
        drop(Return::read(nested.as_bytes()));
    }
}
