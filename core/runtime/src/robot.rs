//! Robots as recipients: the row of one message to one robot, what it says of a report, and the call.

use crate::config;
use crate::config::meant::{Audience, Channel};
use crate::ledger::{Issue, NewDelivery, Piece};
use crate::paper::Paper;
use crate::webhook::{self, Card, Outcome, Robot};
use crate::words;
use chenbao_model::{Diagnostic, Id};
use jiff::Timestamp;

/// A message to a robot, before it is anybody's delivery.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What it tells of.
    pub issue: &'a Issue,
    /// Whose message it is.
    pub audience: &'a Id,
    /// The run that made it; empty for notices.
    pub run: &'a str,
    /// What it says.
    pub card: &'a Card,
    /// Nothing leaves before.
    pub not_before: Timestamp,
}

impl Message<'_> {
    /// Its row for one robot: the channel is the robot, the recipient the platform.
    #[must_use]
    pub fn row(&self, channel: &Channel) -> NewDelivery {
        NewDelivery {
            issue: self.issue.clone(),
            audience: self.audience.clone(),
            channel: channel.id.to_string(),
            recipient: channel.platform.word().to_owned(),
            run: self.run.to_owned(),
            message_id: String::new(),
            sender: String::new(),
            pieces: vec![Piece::Literal(webhook::payload(
                channel.platform,
                self.card,
            ))],
            file_name: String::new(),
            not_before: self.not_before,
        }
    }
}

/// What a robot says of a report: its head and the sentences of its lede, from the audience's own Document, and where the whole is.
#[must_use]
pub fn card(config: &config::Config, issue: &Issue, audience: &Audience, paper: &Paper) -> Card {
    let brief = &paper.brief;
    let stamp = match brief.stamp.is_empty() {
        true => String::new(),
        false => format!(" · {}", brief.stamp),
    };
    let head = std::iter::once(brief.about.clone()).filter(|about| !about.is_empty());
    Card {
        // The word that a robot with a keyword wants.
        title: format!("[晨报] {}{stamp}", brief.title),
        lines: head.chain(brief.lede.iter().cloned()).collect(),
        link: link(config, issue, audience),
        open: words::open_report(&audience.lang).to_owned(),
    }
}

/// Where the whole report of an audience is to be found, if the configuration says so.
#[must_use]
pub fn link(config: &config::Config, issue: &Issue, audience: &Audience) -> Option<String> {
    let link = config.link.as_deref();
    link.map(|link| filled(link, issue, audience))
}

fn filled(link: &str, issue: &Issue, audience: &Audience) -> String {
    let campaign = issue.subject.as_ref().map_or("", Id::as_str);
    link.replace("{report}", issue.report.as_str())
        .replace("{period}", &issue.period.to_string())
        .replace("{edition}", &issue.edition.to_string().replace('+', "%2B"))
        .replace("{audience}", audience.id.as_str())
        .replace("{campaign}", campaign)
}

/// Hands a stored message to a robot and says what became of it.
pub async fn speak(channel: &Channel, stored: &str, now: Timestamp) -> (Outcome, String) {
    match fetched(channel) {
        Ok(robot) => robot.send(stored, now).await,
        Err(problem) => (Outcome::Refused, problem.to_string()),
    }
}

fn fetched(channel: &Channel) -> Result<Robot, Diagnostic> {
    let url = config::fetch(&channel.url)?;
    let secret = channel.secret.as_ref().map(config::fetch).transpose()?;
    Robot::new(channel.platform, url, secret)
}
