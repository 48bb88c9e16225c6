//! How the owner is told, and who speaks to groups: `[notices]`, `[watchdog]`, `[channel.*]`, and the link below a robot's message.

use super::resolve::{collect, path, secret};
use super::secret::SecretRef;
use super::values::{domain, duration, one_of, word, words};
use super::written::{Read, Table, Value};
use chenbao_model::{Diagnostic, Id};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The word under which messages to the owner stand in the ledger, where a report has its id.
pub const NOTICES: &str = "notices";

/// `[notices]`: how the owner is told.
#[derive(Debug, Clone)]
pub struct Notices {
    /// Messages to the owner keep at least this distance, except the first urgent one.
    pub every: Duration,
    /// Robots that tell the owner too: what is urgent, what mail could not tell, and what the watchdog finds.
    pub also: Vec<Id>,
}

/// `[watchdog]`: who looks whether everything that was due is out.
#[derive(Debug, Clone)]
pub struct Watchdog {
    /// What is not out so long after its time is told.
    pub after: Duration,
    /// A dead-man's address that is called on every round.
    pub ping: Option<SecretRef>,
    /// File that remembers what was told.
    pub state: PathBuf,
}

/// `[channel.<id>]`: a robot in a group.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Id; also the channel of its deliveries in the ledger.
    pub id: Id,
    /// Whose robot it is.
    pub platform: Platform,
    /// Its address, which holds its key.
    pub url: SecretRef,
    /// What it signs with, where its security is a signature.
    pub secret: Option<SecretRef>,
}

/// Whose robot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// 飞书.
    Feishu,
    /// 钉钉.
    Dingtalk,
    /// 企业微信.
    Wecom,
}

impl Platform {
    /// The word in the configuration and in `history`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Feishu => "feishu",
            Self::Dingtalk => "dingtalk",
            Self::Wecom => "wecom",
        }
    }
}

/// What may stand in braces in `deliver.link`.
const PLACES: [&str; 5] = ["report", "period", "edition", "audience", "campaign"];

/// `[deliver]`: the domains that mail may go to, and the link.
pub(super) fn deliver(table: Table<'_>) -> (Vec<String>, Option<String>) {
    let allow = table.read("allow", |v| v.each(domain)).unwrap_or_default();
    let link = table.read("link", link);
    table.end();
    (allow, link)
}

/// The three tables of telling people things.
pub(super) fn all(
    root: &Table<'_>,
    known: &BTreeSet<String>,
    folder: &Path,
) -> (Notices, Watchdog, BTreeMap<Id, Channel>) {
    let channels = collect(root.items("channel"), |id, table| {
        channel(id, table, folder)
    });
    (
        notices(root.section("notices"), known),
        watchdog(root.section("watchdog"), folder),
        channels,
    )
}

fn notices(table: Table<'_>, channels: &BTreeSet<String>) -> Notices {
    let every = table.read("every", duration);
    let also = table.read("also", |v| v.each(|v| one_of(v, "channel", channels)));
    table.end();
    Notices {
        every: every.unwrap_or(Duration::from_secs(600)),
        also: also.unwrap_or_default(),
    }
}

fn watchdog(table: Table<'_>, folder: &Path) -> Watchdog {
    let after = table.read("after", duration);
    let ping = table.read("ping", |v| secret(v, folder));
    let state = table.read("state", |v| path(v, folder));
    table.end();
    Watchdog {
        after: after.unwrap_or(Duration::from_secs(15 * 60)),
        ping,
        state: state.unwrap_or_else(|| folder.join("watchdog.json")),
    }
}

fn channel(id: Id, table: Table<'_>, folder: &Path) -> Option<Channel> {
    let platforms = [
        ("feishu", Platform::Feishu),
        ("dingtalk", Platform::Dingtalk),
        ("wecom", Platform::Wecom),
    ];
    let platform = table.need("kind", "\"feishu\"", |v| word(v, &platforms));
    let url = table.need("url", "\"env:ROBOT_URL\"", |v| secret(v, folder));
    let key = table.read("secret", |v| secret(v, folder));
    if platform == Some(Platform::Wecom) && key.is_some() {
        let problem = Diagnostic::error("robots of 企业微信 do not sign");
        table.problem(problem.hint("leave out `secret`: the key is in the url"));
    }
    if ["mail", "folder", "files"].contains(&id.as_str()) {
        let problem = Diagnostic::error(format!("a channel cannot be called `{id}`"));
        table
            .problem(problem.hint("that word stands for mail or files in `history`; take another"));
    }
    table.end();
    Some(Channel {
        id,
        platform: platform?,
        url: url?,
        secret: key,
    })
}

/// `https://reports.example.com/{report}/{period}/{audience}`.
fn link(value: &Value<'_>) -> Read<String> {
    let text = words(value)?;
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(Diagnostic::error(format!("`{text}` is not a link"))
            .hint("write https://reports.example.com/{report}/{period}/{audience}"));
    }
    for place in text.split('{').skip(1) {
        let name = place.split('}').next().unwrap_or_default();
        if !PLACES.contains(&name) {
            return Err(
                Diagnostic::error(format!("a link has no place `{{{name}}}`"))
                    .hint(format!("known: {}", PLACES.join(", "))),
            );
        }
    }
    Ok(text)
}
