//! Whether mail could leave, asked before it is due: a password that has run out is found while the report is being made, not at 08:00.

use super::trouble;
use crate::config;
use crate::config::Config;
use crate::config::meant::{Mail, Report, Transport};
use crate::mail::{Outcome, Sender};
use crate::project::Project;
use crate::schedule;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::time::Duration;

/// A server that did not answer is asked once more after this long, before anybody is disturbed.
const AGAIN: Duration = Duration::from_secs(10);

/// Why no mail would leave now.
#[derive(Debug)]
pub struct Fault {
    /// Whether a person must mend something.
    pub refused: bool,
    /// What happened.
    pub note: String,
}

/// Connects and signs in at the mail server as for a message, and sends nothing; none if it takes mail.
pub async fn probe(mail: &Mail) -> Option<Fault> {
    let mut senders = match senders(mail, 1) {
        Ok(senders) => senders,
        Err(problems) => {
            return Some(Fault {
                refused: true,
                note: unusable(&problems),
            });
        }
    };
    let answer = senders.first_mut()?.probe().await;
    (answer.outcome != Outcome::Sent).then_some(Fault {
        refused: answer.outcome == Outcome::Refused,
        note: answer.note,
    })
}

/// While a delivery is being prepared, tries the mail server and tells the owner what would keep it from leaving.
///
/// # Errors
/// The ledger does not answer.
pub async fn foresee(project: &Project) -> Result<(), Problems> {
    let config = &project.config;
    let Some(due) = prepared(config, project.clock.now()) else {
        return Ok(());
    };
    let fault = match probe(&config.mail).await {
        Some(fault) if !fault.refused => {
            tokio::time::sleep(AGAIN).await;
            probe(&config.mail).await
        }
        found => found,
    };
    match fault {
        None => Ok(()),
        Some(fault) => trouble::server(project, &fault.note, Some(due)).await,
    }
}

/// The first delivery by mail whose work has begun by now; none if nothing is being prepared.
fn prepared(config: &Config, now: Timestamp) -> Option<Timestamp> {
    let mailed = |report: &&Report| report.audiences.values().any(|one| !one.to.is_empty());
    let reports = config.reports.values().filter(mailed);
    let next = reports.filter_map(|report| {
        let schedule = report.schedule.as_ref()?;
        let next = schedule::next_fires(schedule, &config.campaigns, now, 1);
        Some(next.first()?.times)
    });
    let begun = next.filter(|times| times.start <= now);
    begun.map(|times| times.deliver).min()
}

/// So many senders by the configuration; nothing is connected yet.
///
/// # Errors
/// The password or a certificate cannot be read.
pub(super) fn senders(mail: &Mail, many: u16) -> Result<Vec<Sender>, Problems> {
    let password = match &mail.transport {
        Transport::Smtp(smtp) => {
            let reference = smtp.login.as_ref().map(|(_, reference)| reference);
            reference.map(config::fetch).transpose()?
        }
        Transport::Folder(_) => None,
    };
    let all: Result<Vec<Sender>, Diagnostic> = (0..many)
        .map(|_| Sender::new(mail, password.as_ref()))
        .collect();
    Ok(all?)
}

/// What is said of mail settings that cannot be used.
pub(super) fn unusable(problems: &Problems) -> String {
    format!("the mail settings cannot be used: {problems}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
[project]
name = "店"
zone = "Asia/Shanghai"
owner = "o@example.com"
[mail]
from = "c@example.com"
[shop.a]
name = "A"
platform = "douyin"
[role.boss]
name = "老板"
[metric.sales]
plugin = "sales"
[report.daily]
template = "daily"
metrics = ["sales"]
[report.daily.schedule]
deliver = "0 8 * * *"
start = "06:40"
data_deadline = "07:40"
[report.daily.audience.boss]
role = "boss"
shops = ["a"]
to = ["x@example.com"]
"#;

    fn at(text: &str, now: &str) -> Option<String> {
        let config = config::resolve(text, "/p/chenbao.toml").unwrap().value;
        let due = prepared(&config, now.parse().unwrap());
        due.map(|due| due.to_string())
    }

    #[test]
    fn the_server_is_asked_only_while_a_mail_is_prepared() {
        let due = Some("2026-11-22T00:00:00Z".to_owned());
        assert_eq!(at(CONFIG, "2026-11-22T06:39:59+08:00"), None);
        assert_eq!(at(CONFIG, "2026-11-22T06:40:00+08:00"), due);
        assert_eq!(at(CONFIG, "2026-11-22T07:59:59+08:00"), due);
        assert_eq!(at(CONFIG, "2026-11-22T08:00:00+08:00"), None);
        let nobody = CONFIG.replace("to = [\"x@example.com\"]", "folder = \"shared\"");
        assert_eq!(at(&nobody, "2026-11-22T07:00:00+08:00"), None);
    }
}
