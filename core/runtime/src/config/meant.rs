//! What the configuration means: checked values, every reference resolvable, every path absolute or relative to the working folder.

use super::attach::Attachment;
use super::fonts::Fonts;
pub use super::host::{LogFormat, Serve};
pub use super::kept::{Age, Disk, Lake, LedgerUrl, Retention};
pub use super::notices::{Channel, Notices, Platform, Watchdog};
use super::secret::SecretRef;
use crate::cron::Pattern;
use crate::policy::{Misfire, Rate};
use crate::schedule::DayOff;
use chenbao_model::schema::{TableSchema, canonical, canonical_names};
use chenbao_model::{Decimal, Digest, Id, Place, Sensitivities};
use jiff::SignedDuration;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A whole project.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file as the user named it.
    pub file: String,
    /// The folder of the file: relative paths in it start here.
    pub folder: PathBuf,
    /// Digest of the text, for the snapshot of a run.
    pub digest: Digest,
    /// `[project]`.
    pub project: Project,
    /// `[plugins]`.
    pub plugins: super::plugins::Plugins,
    /// `[templates] dir`: overrides the built-in templates file by file; it need not exist.
    pub templates: PathBuf,
    /// `[fonts]`.
    pub fonts: Fonts,
    /// `[lake]`.
    pub lake: Lake,
    /// `[archive] dir`.
    pub archive: PathBuf,
    /// `[ledger] url`.
    pub ledger: LedgerUrl,
    /// `[disk]`.
    pub disk: Disk,
    /// `[retention]`.
    pub retention: Retention,
    /// `[mail]`.
    pub mail: Mail,
    /// `[notices]`.
    pub notices: Notices,
    /// `[log] format`.
    pub log: LogFormat,
    /// `[serve]`.
    pub serve: Serve,
    /// `[watchdog]`.
    pub watchdog: Watchdog,
    /// `[channel.*]`.
    pub channels: BTreeMap<Id, Channel>,
    /// `[deliver] link`: where a robot's message leads, with places in braces.
    pub link: Option<String>,
    /// `[deliver] allow`: domains, lower-case; empty means every domain.
    pub allow: Vec<String>,
    /// `[shop.*]`.
    pub shops: BTreeMap<Id, Shop>,
    /// `[role.*]`.
    pub roles: BTreeMap<Id, Role>,
    /// `[table.*]`, by name.
    pub tables: Vec<TableSchema>,
    /// `[source.*]`.
    pub sources: BTreeMap<Id, Source>,
    /// `[metric.*]`.
    pub metrics: BTreeMap<Id, Metric>,
    /// `[campaign.*]`.
    pub campaigns: BTreeMap<Id, Campaign>,
    /// `[report.*]`.
    pub reports: BTreeMap<Id, Report>,
}

impl Config {
    /// A table that mappings may feed: the product's, or the team's own.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<TableSchema> {
        let own = || self.tables.iter().find(|table| table.name == name).cloned();
        canonical(name).or_else(own)
    }

    /// Names of all tables that mappings may feed.
    #[must_use]
    pub fn table_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = canonical_names().collect();
        names.extend(self.tables.iter().map(|table| table.name.as_str()));
        names
    }

    /// Who answers for a report and gets the replies to it.
    #[must_use]
    pub fn owner_of(&self, report: &Id) -> &Mailbox {
        let own = self.reports.get(report).and_then(|it| it.owner.as_ref());
        own.unwrap_or(&self.project.owner)
    }

    /// Whether mail may go to this address under `deliver.allow`.
    #[must_use]
    pub fn may_mail(&self, address: &str) -> bool {
        is_allowed(address, &self.allow)
    }
}

/// Whether `deliver.allow` lets mail go to an address; an empty list lets every domain pass.
pub(super) fn is_allowed(address: &str, allow: &[String]) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    allow.is_empty() || allow.contains(&domain.to_ascii_lowercase())
}

/// `[project]`.
#[derive(Debug, Clone)]
pub struct Project {
    /// The team or shop, as pages show it.
    pub name: String,
    /// Zone of schedules and shops that name none.
    pub zone: TimeZone,
    /// ISO 4217 code of shops that name none.
    pub currency: String,
    /// Language of reports that name none.
    pub lang: String,
    /// Who hears of trouble, and where replies go.
    pub owner: Mailbox,
}

/// `[mail]`.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Sender.
    pub from: Mailbox,
    /// How messages leave.
    pub transport: Transport,
    /// Largest message in bytes; a larger one fails before it is sent.
    pub max_size: u64,
    /// `[mail.rate]`.
    pub rates: Rates,
    /// `[mail.quarantine]`.
    pub quarantine: Quarantine,
    /// `[mail.bounces]`; none: nobody reads what comes back.
    pub bounces: Option<Bounces>,
}

impl Mail {
    /// Mail from there by this way, and all else by default.
    #[must_use]
    pub fn by(from: Mailbox, transport: Transport) -> Self {
        Self {
            from,
            transport,
            max_size: 20_000_000,
            rates: Rates::default(),
            quarantine: Quarantine::default(),
            bounces: None,
        }
    }

    /// The envelope sender of a delivery: where its bounces go, told apart by its token (VERP) where somebody reads them.
    #[must_use]
    pub fn return_path(&self, token: &str) -> String {
        let bounces = self.bounces.as_ref();
        let own = bounces.and_then(|bounces| bounces.return_path.as_deref()?.split_once('@'));
        own.map_or_else(
            || self.from.address.clone(),
            |(user, domain)| format!("{user}+{token}@{domain}"),
        )
    }
}

/// `[mail.rate]`: how fast messages leave.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Messages to a domain that is not named; none: as fast as the server takes them.
    pub default: Option<Rate>,
    /// Messages to a domain, lower-case.
    pub domains: BTreeMap<String, Option<Rate>>,
    /// Connections to the server at once.
    pub connections: u16,
}

impl Default for Rates {
    fn default() -> Self {
        let per_minute = Rate {
            count: 60,
            window: Duration::from_secs(60),
        };
        Self {
            default: Some(per_minute),
            domains: BTreeMap::new(),
            connections: 2,
        }
    }
}

impl Rates {
    /// The limit of a domain, lower-case.
    #[must_use]
    pub fn of(&self, domain: &str) -> Option<Rate> {
        self.domains.get(domain).copied().unwrap_or(self.default)
    }
}

/// `[mail.quarantine]`: an address that failed for good so often gets nothing more until somebody releases it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// Permanent errors of an address; zero: never.
    pub errors: u16,
    /// Within so many days.
    pub days: u16,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            errors: 3,
            days: 30,
        }
    }
}

/// `[mail.bounces]`: where bounces and unsubscriptions arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounces {
    /// A Maildir folder or an mbox file.
    pub path: PathBuf,
    /// Address that bounces go to, each delivery by its own `+` extension; none: the sender's address, without extension.
    pub return_path: Option<String>,
}

/// How messages leave.
#[derive(Debug, Clone)]
pub enum Transport {
    /// As `.eml` files in a folder.
    Folder(PathBuf),
    /// Through a mail server.
    Smtp(Smtp),
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection of the connection.
    pub security: Security,
    /// User and password, both or neither.
    pub login: Option<(String, SecretRef)>,
    /// PEM file of an authority to trust beside the system's, for servers with a certificate of their own.
    pub ca: Option<PathBuf>,
    /// Longest time of one send, from connecting to the last answer.
    pub timeout: Duration,
}

/// Protection of the connection to a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None: loopback only.
    None,
}

/// A mail address with an optional display name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mailbox {
    /// Display name.
    pub name: Option<String>,
    /// `user@example.com`.
    pub address: String,
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// A name for people: one for all languages, or one per language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(pub BTreeMap<String, String>);

impl Names {
    /// The same name in every language.
    #[must_use]
    pub fn one(name: impl Into<String>) -> Self {
        Self(BTreeMap::from([(String::new(), name.into())]))
    }

    /// The name in a language; else in a language that shares its first part; else the first there is.
    #[must_use]
    pub fn in_lang(&self, lang: &str) -> &str {
        let primary = |tag: &str| {
            tag.split('-')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        self.0
            .get(lang)
            .or_else(|| {
                self.0
                    .iter()
                    .find(|(tag, _)| primary(tag) == primary(lang))
                    .map(|(_, name)| name)
            })
            .or_else(|| self.0.values().next())
            .map_or("", String::as_str)
    }
}

/// `[shop.<id>]`.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Id.
    pub id: Id,
    /// Name on pages.
    pub name: Names,
    /// `douyin`, `taobao`, ...
    pub platform: Id,
    /// Zone of its days and times.
    pub zone: TimeZone,
    /// ISO 4217 code of its money.
    pub currency: String,
}

/// `[role.<id>]`.
#[derive(Debug, Clone)]
pub struct Role {
    /// Id.
    pub id: Id,
    /// Name on pages.
    pub name: Names,
    /// Labels beyond `public` that it is shown.
    pub shows: Sensitivities,
}

/// `[source.<id>]`.
#[derive(Debug, Clone)]
pub struct Source {
    /// Id.
    pub id: Id,
    /// Where it is written, for problems found later.
    pub place: Place,
    /// Component id of the plugin.
    pub plugin: Id,
    /// Shop whose rows it brings.
    pub shop: Id,
    /// Mappings of its raw tables; each names its raw table.
    pub mappings: Vec<MappingRef>,
    /// Raw table to read instead of the one that the mapping names; only with a single mapping.
    pub raw: Option<String>,
    /// Whether a report without it is 部分 rather than complete.
    pub required: bool,
    /// What the plugin asks for by name.
    pub secrets: BTreeMap<String, SecretRef>,
    /// The plugin's own options as JSON, checked against its descriptor later.
    pub with: serde_json::Map<String, serde_json::Value>,
}

/// Which mapping a source uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingRef {
    /// One that ships with the plugin.
    Preset(String),
    /// A team's own file.
    File(PathBuf),
}

/// `[metric.<id>]`; the id is the alias.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Alias: the first segment of every path in a template.
    pub id: Id,
    /// Where it is written.
    pub place: Place,
    /// Component id of the plugin.
    pub plugin: Id,
    /// Parameters as JSON, checked against the descriptor later.
    pub with: serde_json::Map<String, serde_json::Value>,
    /// Which metrics its inputs read, where a plugin's name alone does not tell: alias by input.
    pub from: BTreeMap<String, Id>,
}

/// `[campaign.<id>]`.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Id.
    pub id: Id,
    /// Name on pages.
    pub name: Names,
    /// What it is compared with: the last campaign of the same type.
    pub kind: Id,
    /// First day.
    pub starts: Date,
    /// Last day.
    pub ends: Date,
    /// Phases, in order of time.
    pub phases: Vec<Phase>,
    /// Planned paid amount.
    pub plan: Option<Decimal>,
}

/// `[[campaign.<id>.phase]]`.
#[derive(Debug, Clone)]
pub struct Phase {
    /// Id.
    pub id: Id,
    /// Name on pages.
    pub name: Names,
    /// First day.
    pub starts: Date,
    /// Last day.
    pub ends: Date,
    /// Planned paid amount.
    pub plan: Option<Decimal>,
}

/// `[report.<id>]`.
#[derive(Debug, Clone)]
pub struct Report {
    /// Id.
    pub id: Id,
    /// Where it is written.
    pub place: Place,
    /// Name on pages; none: the template's own.
    pub name: Option<Names>,
    /// Template folder.
    pub template: String,
    /// Aliases of its metrics, in the order written.
    pub metrics: Vec<Id>,
    /// Language of audiences that name none.
    pub lang: String,
    /// When it goes out; none: only by hand.
    pub schedule: Option<Schedule>,
    /// Who answers for it and gets the replies; none: the project's owner.
    pub owner: Option<Mailbox>,
    /// Who gets it.
    pub audiences: BTreeMap<Id, Audience>,
}

/// `[report.<id>.schedule]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// When nothing may have left before, and everything should.
    pub deliver: When,
    /// Zone of all its times.
    pub zone: TimeZone,
    /// Collect from this time of day on; none: 80 minutes before delivery.
    pub start: Option<Time>,
    /// Go with what is there at this time of day; none: 20 minutes before delivery.
    pub data_deadline: Option<Time>,
    /// What to do about missed ones.
    pub misfire: Misfire,
    /// Which days a report covers; with [`When::Campaign`] always [`PeriodRule::Campaign`].
    pub period: PeriodRule,
    /// Whether it skips weekends and holidays of the Chinese calendar.
    pub workdays_only: bool,
    /// Days that it leaves out besides.
    pub not_on: Vec<DayOff>,
    /// How much later than `start` this report's work begins: its share of `jitter`.
    pub spread: SignedDuration,
    /// So long after delivery, missing data that comes still makes a completed revision of a 部分 report.
    pub complete_within: SignedDuration,
}

/// When a report is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At the times of a cron pattern.
    Cron(Pattern),
    /// At a time of day so many days after each campaign's last day: `D+1`, `D+7`, `D+30`, ascending.
    Campaign {
        /// Time of day.
        at: Time,
        /// Days after the campaign's last day.
        editions: Vec<u16>,
    },
}

/// Which days a report covers, seen from its delivery day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodRule {
    /// The day before.
    Yesterday,
    /// The ISO week before.
    LastWeek,
    /// The calendar month before.
    LastMonth,
    /// Every day since the last issue's period, up to the day before.
    SinceLast,
    /// The whole campaign.
    Campaign,
}

/// `[report.<id>.audience.<id>]`.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Id.
    pub id: Id,
    /// Role: whose words, and which labels are shown.
    pub role: Id,
    /// Shops whose rows it sees, sorted; one currency and one zone.
    pub shops: Vec<Id>,
    /// Language.
    pub lang: String,
    /// Recipients of mail.
    pub to: Vec<Mailbox>,
    /// Whether it is sent corrections of an issue that it already has.
    pub revisions: bool,
    /// Robots that say its lede in their groups.
    pub robots: Vec<Id>,
    /// Folder that gets every file of its report.
    pub folder: Option<PathBuf>,
    /// What its mail carries beside the words, in this order.
    pub attach: Vec<Attachment>,
}
