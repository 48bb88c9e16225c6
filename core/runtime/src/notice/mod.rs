//! What the owner hears: notices are written down the moment they are raised, and told in few messages, urgent ones first.
//!
//! [`raise`] writes one ledger row per kind, thing and day, counted up while it repeats; [`tell`] makes one message of all that is
//! untold and queues it like any mail, so it leaves exactly once. A storm becomes one message with counts.

pub mod sentence;
mod words;

use crate::config::meant::Transport;
use crate::config::{self, Config};
use crate::ledger::{self, Issue, LastTold, NewDelivery, NewNotice, Piece, delivery_id};
use crate::mail::{self, Body, Head, Letter};
use crate::project::Project;
use crate::robot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest, Id, Period};
use jiff::{SignedDuration, Timestamp};
pub use words::{Kind, Said};

/// The report and the audience that the owner's messages have in the ledger of deliveries.
pub const REPORT: &str = config::NOTICES;
/// See [`REPORT`].
pub const OWNER: &str = "owner";
/// A message that could not be mailed is not news after so long.
const OLD: SignedDuration = SignedDuration::from_hours(24);
/// Urgent messages keep at least this distance even when something is about to be too late.
const LEAST: SignedDuration = SignedDuration::from_mins(1);

/// What a notice is about: together with its kind, what makes it the same notice again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// One issue of a report: told once, however long it lasts.
    Issue(Issue),
    /// A report as a whole.
    Report(Id),
    /// Anything else by its name: an address, a source, a file, a robot, the ledger.
    Thing(String),
}

impl About {
    /// How people name it.
    fn shown(&self) -> String {
        match self {
            Self::Issue(issue) => {
                let mut shown = issue.report.to_string();
                if let Some(part) = &issue.subject {
                    shown.push_str(&format!(" {part}"));
                }
                shown.push_str(&format!(" {}", issue.period));
                if issue.edition != crate::schedule::Edition::Regular {
                    shown.push_str(&format!(" {}", issue.edition));
                }
                if issue.revision > 0 {
                    shown.push_str(&format!(" r{}", issue.revision));
                }
                shown
            }
            Self::Report(report) => report.to_string(),
            Self::Thing(name) => name.clone(),
        }
    }
}

/// Something that the owner must hear.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What kind of trouble.
    pub kind: Kind,
    /// What it is about.
    pub about: About,
    /// What and why, in whole sentences.
    pub lines: Vec<String>,
    /// The run that met it.
    pub run: Option<String>,
    /// When it is too late to be of use: the delivery that it speaks of.
    pub by: Option<Timestamp>,
    /// What tells it from another of its kind about the same thing; empty for most.
    because: &'static str,
}

impl Notice {
    /// A notice without run and without a moment when it is too late.
    #[must_use]
    pub fn new(kind: Kind, about: About, lines: Vec<String>) -> Self {
        Self {
            kind,
            about,
            lines,
            run: None,
            by: None,
            because: "",
        }
    }

    /// For this reason: another reason makes another notice of the same kind and thing.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// Met by this run.
    #[must_use]
    pub fn of_run(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }

    /// Of no use after this moment.
    #[must_use]
    pub fn by(mut self, by: Timestamp) -> Self {
        self.by = Some(by);
        self
    }
}

/// Writes a notice into the ledger. Raised again for the same thing (the same issue ever, else on the same day), it only counts up.
///
/// # Errors
/// The ledger does not answer: then nothing was written down, and the caller must not go on as if it had.
pub async fn raise(project: &Project, notice: &Notice) -> Result<(), Problems> {
    let now = project.clock.now();
    let new = written(notice, &project.config.project, now);
    let fresh = project.ledger.raise(&new, now).await?;
    if fresh {
        let (kind, about, run) = (&new.kind, &new.about, &new.run);
        tracing::warn!(%kind, %about, %run, "the owner is told: {}", new.lines.join("; "));
    }
    Ok(())
}

/// A notice as the ledger holds it.
fn written(notice: &Notice, project: &config::meant::Project, now: Timestamp) -> NewNotice {
    let (about, kind) = (notice.about.shown(), notice.kind.word());
    let day = match notice.about {
        About::Issue(_) => String::new(),
        About::Report(_) | About::Thing(_) => now.to_zoned(project.zone.clone()).date().to_string(),
    };
    let digest = Digest::of(format!("{kind}\n{about}\n{day}{}", notice.because));
    NewNotice {
        id: digest.as_str().chars().take(32).collect(),
        kind: kind.to_owned(),
        todo: words::todo(notice, &project.lang),
        about,
        lines: notice.lines.clone(),
        run: notice.run.clone().unwrap_or_default(),
        urgent: notice.kind.urgent(),
        by: notice.by,
    }
}

/// One message of notices that are in no ledger: the watchdog's.
#[must_use]
pub fn say(notices: &[Notice], project: &config::meant::Project, now: Timestamp) -> Said {
    let notices: Vec<ledger::Notice> = notices
        .iter()
        .map(|notice| ledger::Notice {
            said: written(notice, project, now),
            times: 1,
            first: now,
            last: now,
            told: None,
            message: String::new(),
        })
        .collect();
    words::message(&notices, project)
}

/// Queues one message with everything that is untold, if it is time for one; true if it did. `deliver` sends it.
///
/// # Errors
/// The ledger or the archive does not take it.
pub async fn tell(project: &Project) -> Result<bool, Problems> {
    let (ledger, now) = (&project.ledger, project.clock.now());
    let again = say_elsewhere(project, now).await?;
    let untold = ledger.untold().await?;
    let every = project.config.notices.every;
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    if !is_time(&untold, ledger.last_told().await?, every, now) {
        return Ok(again);
    }
    let message = message_id_of(&untold);
    let mut deliveries = vec![letter(project, &untold, &message, now)?];
    if untold.iter().any(|one| one.said.urgent) {
        deliveries.extend(spoken(project, &untold, &message, now)?);
    }
    Ok(ledger.tell(&message, &untold, &deliveries, now).await? || again)
}

/// What mail could not bring to the owner, robots say.
async fn say_elsewhere(project: &Project, now: Timestamp) -> Result<bool, Problems> {
    if project.config.notices.also.is_empty() {
        return Ok(false);
    }
    let since = now.checked_sub(OLD).unwrap_or(Timestamp::MIN);
    let mut rows = Vec::new();
    for message in project.ledger.unsaid(REPORT, since).await? {
        let notices = project.ledger.notices_of(&message).await?;
        if !notices.is_empty() {
            rows.extend(spoken(project, &notices, &message, now)?);
        }
    }
    Ok(!project.ledger.queue(&rows, now).await?.is_empty())
}

/// A message is its notices.
fn message_id_of(notices: &[ledger::Notice]) -> String {
    // One that is told again is told in another message.
    let id = |one: &ledger::Notice| format!("{} {}", one.said.id, one.times);
    let ids: Vec<String> = notices.iter().map(id).collect();
    let digest = Digest::of(ids.join("\n"));
    digest.as_str().chars().take(16).collect()
}

/// Whether a message may leave now. Urgent: at once, but `every` after the last urgent one, unless something would be too late
/// by then. Not urgent: when it has been collected for `every`, and `every` after the last message.
fn is_time(
    untold: &[ledger::Notice],
    last: LastTold,
    every: SignedDuration,
    now: Timestamp,
) -> bool {
    let Some(oldest) = untold.first() else {
        return false;
    };
    let after = |at: Timestamp, by: SignedDuration| at.checked_add(by).unwrap_or(Timestamp::MAX);
    // After the clock was set back, a message of the future does not keep the owner in the dark.
    let past = |at: Option<Timestamp>| at.filter(|at| *at <= now);
    if !untold.iter().any(|one| one.said.urgent) {
        let free = past(last.any).map_or(Timestamp::MIN, |at| after(at, every));
        return now >= free.max(after(oldest.first, every));
    }
    let Some(urgent) = past(last.urgent) else {
        return true;
    };
    let regular = after(urgent, every);
    let too_late = untold.iter().filter_map(|one| one.said.by);
    let hurried = too_late
        .filter(|by| *by > now && *by < regular)
        .min()
        .map(|by| after(by, -LEAST).max(after(urgent, LEAST)));
    now >= hurried.unwrap_or(regular)
}

/// The issue that a message is in the ledger of deliveries.
fn issue_of(project: &Project, message: &str, now: Timestamp) -> Result<Issue, Problems> {
    let today = now.to_zoned(project.config.project.zone.clone()).date();
    Ok(Issue {
        report: REPORT.parse().map_err(Diagnostic::error)?,
        subject: Some(message.parse().map_err(Diagnostic::error)?),
        period: Period::day(today).map_err(Diagnostic::error)?,
        edition: crate::schedule::Edition::Regular,
        revision: 0,
    })
}

/// The message as a mail to the owner.
fn letter(
    project: &Project,
    notices: &[ledger::Notice],
    message: &str,
    now: Timestamp,
) -> Result<NewDelivery, Problems> {
    let config = &project.config;
    let said = words::message(notices, &config.project);
    let issue = issue_of(project, message, now)?;
    let audience: Id = OWNER.parse().map_err(Diagnostic::error)?;
    let to = &config.project.owner.address;
    let channel = project.mail_channel();
    let id = delivery_id(&issue, &audience, channel, to);
    let message_id = mail::message_id(&project.delivery_token(&id), &config.mail.from);
    let (head, body) = parts(config, &said, &message_id, now)?;
    let names = [REPORT, &issue.period.to_string(), message, to];
    Ok(NewDelivery {
        file_name: mail::file_name(&names),
        issue,
        audience,
        channel: channel.to_owned(),
        recipient: to.clone(),
        run: String::new(),
        message_id,
        sender: config.mail.from.address.clone(),
        pieces: vec![
            Piece::Literal(head),
            // In the ledger itself: an archive that is full or damaged does not keep the owner in the dark.
            Piece::Literal(String::from_utf8_lossy(&body).into_owned()),
        ],
        not_before: now,
    })
}

/// The message as the owner's robots say it.
fn spoken(
    project: &Project,
    notices: &[ledger::Notice],
    message: &str,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, Problems> {
    let config = &project.config;
    let issue = issue_of(project, message, now)?;
    let audience: Id = OWNER.parse().map_err(Diagnostic::error)?;
    let card = words::message(notices, &config.project).card();
    let message = robot::Message {
        issue: &issue,
        audience: &audience,
        run: "",
        card: &card,
        not_before: now,
    };
    let channels = config.notices.also.iter();
    let channels = channels.filter_map(|id| config.channels.get(id));
    Ok(channels.map(|channel| message.row(channel)).collect())
}

/// Head and body of a mail to the owner.
fn parts(
    config: &Config,
    said: &Said,
    message_id: &str,
    now: Timestamp,
) -> Result<(String, Vec<u8>), Diagnostic> {
    let html = format!(
        "<pre style=\"white-space:pre-wrap;font-family:inherit\">{}</pre>",
        words::escaped(&said.text)
    );
    let body = mail::body(&Body {
        text: &said.text,
        html: &html,
        pictures: &[],
        papers: &[],
    })?;
    let owner = &config.project.owner;
    let head = mail::head(&Head {
        from: &config.mail.from,
        to: owner,
        reply_to: owner,
        subject: &said.subject,
        message_id,
        date: now,
        unsubscribe: None,
    })?;
    Ok((head, body))
}

/// Mails the owner without ledger and archive: for the watchdog, when a ledger is away or nobody serves. It may arrive twice.
///
/// # Errors
/// Why it was not taken.
pub async fn mail_past_the_ledger(
    config: &Config,
    said: &Said,
    now: Timestamp,
) -> Result<(), String> {
    let to = &config.project.owner.address;
    let name = format!("watchdog-{}", now.as_millisecond());
    let message_id = mail::message_id(&name, &config.mail.from);
    let told = |problem: Diagnostic| problem.to_string();
    let (head, body) = parts(config, said, &message_id, now).map_err(told)?;
    let password = match &config.mail.transport {
        Transport::Smtp(smtp) => smtp
            .login
            .as_ref()
            .map(|(_, reference)| config::fetch(reference))
            .transpose()
            .map_err(told)?,
        Transport::Folder(_) => None,
    };
    let mut sender = mail::Sender::new(&config.mail, password.as_ref()).map_err(told)?;
    let letter = Letter {
        from: &config.mail.from.address,
        to,
        bytes: &[head.into_bytes(), body].concat(),
        envid: None,
        file_name: &mail::file_name(&[&name, to]),
    };
    let answer = sender.send(&letter).await;
    sender.close().await;
    match answer.outcome {
        mail::Outcome::Sent | mail::Outcome::Unknown => Ok(()),
        _ => Err(answer.note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        noon + SignedDuration::from_mins(minute)
    }

    fn untold(urgent: bool, first: i64, by: Option<i64>) -> ledger::Notice {
        ledger::Notice {
            said: NewNotice {
                id: format!("{urgent}{first}"),
                kind: "partial".into(),
                about: "daily".into(),
                lines: Vec::new(),
                todo: String::new(),
                run: String::new(),
                urgent,
                by: by.map(at),
            },
            times: 1,
            first: at(first),
            last: at(first),
            told: None,
            message: String::new(),
        }
    }

    fn told(any: Option<i64>, urgent: Option<i64>) -> LastTold {
        LastTold {
            any: any.map(at),
            urgent: urgent.map(at),
        }
    }

    /// The first minute from `from` on at which a message leaves.
    fn leaves(notices: &[ledger::Notice], last: LastTold, from: i64) -> Option<i64> {
        let every = SignedDuration::from_mins(10);
        (from..from + 60).find(|minute| is_time(notices, last, every, at(*minute)))
    }

    #[test]
    fn urgent_ones_are_told_at_once_and_then_in_groups() {
        let urgent = [untold(true, 0, None)];
        assert_eq!(leaves(&[], told(None, None), 0), None);
        assert_eq!(leaves(&urgent, told(None, None), 0), Some(0));
        assert_eq!(
            leaves(&urgent, told(Some(-1), None), 0),
            Some(0),
            "a message about small things does not hold it back"
        );
        assert_eq!(leaves(&urgent, told(Some(-1), Some(-1)), 0), Some(9));
        let mixed = [untold(false, 0, None), untold(true, 2, None)];
        assert_eq!(
            leaves(&mixed, told(None, None), 2),
            Some(2),
            "and takes the small ones with it"
        );
    }

    #[test]
    fn small_things_are_collected_first() {
        let small = [untold(false, 0, None), untold(false, 4, None)];
        assert_eq!(leaves(&small, told(None, None), 0), Some(10));
        assert_eq!(leaves(&small, told(Some(5), None), 5), Some(15));
    }

    #[test]
    fn nobody_hears_of_eight_o_clock_after_it() {
        let last = told(Some(0), Some(0));
        assert_eq!(leaves(&[untold(true, 1, Some(20))], last, 1), Some(10));
        assert_eq!(
            leaves(&[untold(true, 1, Some(6))], last, 1),
            Some(5),
            "a minute before it is too late"
        );
        assert_eq!(
            leaves(&[untold(true, 0, Some(1))], last, 0),
            Some(10),
            "but never two messages within a minute"
        );
    }

    #[test]
    fn a_clock_set_back_does_not_silence_it() {
        assert_eq!(
            leaves(&[untold(true, 0, None)], told(Some(500), Some(500)), 0),
            Some(0)
        );
    }
}
