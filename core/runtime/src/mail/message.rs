//! One message: mixed(alternative(text, related(html, pictures)), papers), with nothing in it that changes from run to run.

use crate::config::meant::Mailbox;
use chenbao_model::{Artifact, Diagnostic, Digest};
use jiff::Timestamp;
use lettre::message::header::{
    ContentDisposition, ContentId, ContentType, Date, From, Header, HeaderName, HeaderValue,
    Headers, MIME_VERSION_1_0, MessageId, ReplyTo, Subject, To,
};
use lettre::message::{Mailboxes, MultiPart, SinglePart};
use std::error::Error;
use std::fmt::Write as _;
use std::time::SystemTime;

/// What all recipients of an audience get alike.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// Plain text.
    pub text: &'a str,
    /// HTML; pictures are `cid:...`.
    pub html: &'a str,
    /// Pictures of the HTML, each with its Content-ID.
    pub pictures: &'a [Artifact],
    /// Papers: the PDF.
    pub papers: &'a [Artifact],
}

/// What is different for each recipient.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// Sender.
    pub from: &'a Mailbox,
    /// Recipient.
    pub to: &'a Mailbox,
    /// Where replies go: the owner of the report.
    pub reply_to: &'a Mailbox,
    /// Subject.
    pub subject: &'a str,
    /// Message-ID without angle brackets.
    pub message_id: &'a str,
    /// Date of the message: when it is delivered.
    pub date: Timestamp,
    /// Where a mail that unsubscribes goes, and its subject; none: nobody reads it.
    pub unsubscribe: Option<(&'a str, &'a str)>,
}

/// The Message-ID of a delivery, without angle brackets: stable, and telling nothing.
#[must_use]
pub fn message_id(token: &str, from: &Mailbox) -> String {
    let domain = from
        .address
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    format!("chenbao.{token}@{domain}")
}

/// The file name of a message.
#[must_use]
pub fn file_name<W: AsRef<str>>(words: &[W]) -> String {
    safe_name(words, ".eml")
}

/// A file name, safe on any disk and readable: words joined by `_`, at most 180 bytes, and an ending such as `.eml`.
#[must_use]
pub fn safe_name<W: AsRef<str>>(words: &[W], ending: &str) -> String {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '@' | '+' | '=');
    let words: Vec<String> = words
        .iter()
        .map(AsRef::as_ref)
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.chars()
                .map(|c| if good(c) { c } else { '-' })
                .collect()
        })
        .collect();
    let whole = words.join("_");
    let mut name = String::new();
    for c in whole.trim_start_matches('.').chars() {
        if name.len() + c.len_utf8() > 180 {
            // Two long names that begin alike stay apart.
            let _ = write!(name, "~{}", Digest::of(&whole).short());
            break;
        }
        name.push(c);
    }
    format!("{name}{ending}")
}

/// The head of a message as it is sent, up to the body.
///
/// # Errors
/// An address cannot be written.
pub fn head(head: &Head<'_>) -> Result<String, Diagnostic> {
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(mailbox(head.from)?)));
    headers.set(To::from(Mailboxes::from(mailbox(head.to)?)));
    headers.set(ReplyTo::from(Mailboxes::from(mailbox(head.reply_to)?)));
    headers.set(Subject::from(one_line(head.subject)));
    headers.set(Date::new(SystemTime::from(head.date)));
    headers.set(MessageId::from(format!("<{}>", head.message_id)));
    headers.set(MIME_VERSION_1_0);
    // Holiday replies and lists leave such mail alone (RFC 3834).
    raw(&mut headers, "Auto-Submitted", "auto-generated");
    if let Some((address, subject)) = head.unsubscribe {
        let subject = subject.replace(' ', "%20");
        let wish = format!("<mailto:{address}?subject={subject}>");
        raw(&mut headers, "List-Unsubscribe", &wish);
    }
    Ok(headers.to_string())
}

/// The lines of a head that put a message under those of these Message-IDs, oldest first; none begins a thread of its own.
#[must_use]
pub fn thread(earlier: &[String]) -> String {
    let Some(last) = earlier.last() else {
        return String::new();
    };
    let all: Vec<String> = earlier.iter().map(|id| format!("<{id}>")).collect();
    // One to a line: a line has 78 characters where it can.
    format!(
        "In-Reply-To: <{last}>\r\nReferences: {}\r\n",
        all.join("\r\n ")
    )
}

/// The head of a draft: what a mail program needs to open it as a message that is still to be sent, by whoever opens it.
///
/// # Errors
/// An address cannot be written.
pub fn draft_head(to: &Mailbox, subject: &str) -> Result<String, Diagnostic> {
    let mut headers = Headers::new();
    raw(&mut headers, "X-Unsent", "1");
    headers.set(To::from(Mailboxes::from(mailbox(to)?)));
    headers.set(Subject::from(one_line(subject)));
    headers.set(MIME_VERSION_1_0);
    Ok(headers.to_string())
}

fn raw(headers: &mut Headers, name: &'static str, value: &str) {
    let name = HeaderName::new_from_ascii_str(name);
    headers.insert_raw(HeaderValue::new(name, value.to_owned()));
}

/// The encoded body with its own Content-Type header: what follows the head. Equal bodies give equal bytes.
///
/// # Errors
/// A media type cannot be written.
pub fn body(body: &Body<'_>) -> Result<Vec<u8>, Diagnostic> {
    let seed = seed(body);
    let boundary = |level: &str| format!("=_chenbao_{level}_{seed}");
    let html = SinglePart::html(body.html.to_owned());
    let mut related = MultiPart::related()
        .boundary(boundary("related"))
        .singlepart(html);
    for picture in body.pictures {
        related = related.singlepart(part(picture, Place::Inline)?);
    }
    let alternative = MultiPart::alternative()
        .boundary(boundary("alternative"))
        .singlepart(SinglePart::plain(body.text.to_owned()))
        .multipart(related);
    let mut mixed = MultiPart::mixed()
        .boundary(boundary("mixed"))
        .multipart(alternative);
    for paper in body.papers {
        mixed = mixed.singlepart(part(paper, Place::Attached)?);
    }
    Ok(mixed.formatted())
}

/// What the boundaries are made of: the same for the same content, and in no content.
fn seed(body: &Body<'_>) -> String {
    let mut all = format!("{}\n{}", Digest::of(body.text), Digest::of(body.html));
    for artifact in body.pictures.iter().chain(body.papers) {
        let _ = write!(all, "\n{} {}", artifact.name, artifact.digest);
    }
    Digest::of(all).as_str().chars().take(24).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inline,
    Attached,
}

fn part(artifact: &Artifact, place: Place) -> Result<SinglePart, Diagnostic> {
    let media: ContentType = artifact.media_type.parse().map_err(|_| {
        Diagnostic::error(format!(
            "`{}` is not a media type, so {} cannot be mailed",
            artifact.media_type, artifact.name
        ))
        .hint("a writer must name a media type such as application/pdf")
    })?;
    let name = one_line(&artifact.name);
    let disposition = match place {
        Place::Inline => ContentDisposition::inline_with_name(&name),
        Place::Attached => ContentDisposition::attachment(&name),
    };
    let mut builder = SinglePart::builder()
        .header(NamedType::new(&media, &artifact.media_type, &name))
        .header(disposition);
    if let Some(cid) = &artifact.cid {
        builder = builder.header(ContentId::from(format!("<{cid}>")));
    }
    Ok(builder.body(artifact.bytes.clone()))
}

/// A Content-Type with the file's name, which old Outlook and 企业微信 look for there.
#[derive(Clone)]
struct NamedType(HeaderValue);

impl NamedType {
    fn new(_checked: &ContentType, media: &str, name: &str) -> Self {
        let encoded = format!("{media};\r\n name=\"{}\"", encoded_words(name));
        Self(HeaderValue::dangerous_new_pre_encoded(
            Self::name(),
            media.to_owned(),
            encoded,
        ))
    }
}

impl Header for NamedType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Err("a named type is only written".into())
    }

    fn display(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// A text as RFC 2047 words of at most 75 characters, folded; plain where it can be.
fn encoded_words(text: &str) -> String {
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c))
        && text.len() < 60
    {
        return text.to_owned();
    }
    let mut words = String::new();
    let mut word = String::new();
    for c in text.chars() {
        let mut letter = String::new();
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            letter.push(c);
        } else {
            for byte in c.to_string().bytes() {
                let _ = write!(letter, "={byte:02X}");
            }
        }
        if word.len() + letter.len() > 60 {
            let _ = write!(words, "=?utf-8?Q?{word}?=\r\n ");
            word.clear();
        }
        word.push_str(&letter);
    }
    let _ = write!(words, "=?utf-8?Q?{word}?=");
    words
}

/// A header is one line, whatever a product or a shop is called.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn mailbox(of: &Mailbox) -> Result<lettre::message::Mailbox, Diagnostic> {
    let address = of.address.parse().map_err(|why| {
        Diagnostic::error(format!("`{}` is not a mail address: {why}", of.address))
            .hint("correct it in the configuration")
    })?;
    Ok(lettre::message::Mailbox::new(
        of.name.as_deref().map(one_line),
        address,
    ))
}
