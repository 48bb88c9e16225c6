//! What surrounds a call: period and context as the host gave them, log, progress, cancellation, secrets.

use crate::abi::{CbHost, STATE_WITH_ROWS};
use crate::error::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The period of a report: civil days in the shop's zone, ends exclusive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodArgs {
    /// First day, `2026-11-21`.
    pub start: String,
    /// Day after the last.
    pub end: String,
    /// First day of the period before.
    pub prev_start: String,
    /// Day after the last of the period before.
    pub prev_end: String,
    /// `day`, `week`, `month` or `span`.
    pub grain: String,
    /// IANA zone of the shop.
    pub tz: String,
}

/// A shop in scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopArgs {
    /// Id.
    pub id: String,
    /// Platform.
    pub platform: String,
}

/// A campaign's days; ends inclusive as people say them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignDays {
    /// Id.
    pub id: String,
    /// Type (`d11`), by which campaigns are compared.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// First day.
    pub starts_on: String,
    /// Last day.
    pub ends_on: String,
}

/// A phase of the campaign that the report is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseArgs {
    /// `warmup`, `burst` or `return`.
    pub id: String,
    /// Name.
    pub name: String,
    /// First day.
    pub starts_on: String,
    /// Last day.
    pub ends_on: String,
    /// Planned paid amount, exact text.
    #[serde(default)]
    pub plan: Option<String>,
}

/// The campaign that a campaign report is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignArgs {
    /// Id.
    pub id: String,
    /// Type.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// First day.
    #[serde(default)]
    pub starts_on: String,
    /// Last day.
    #[serde(default)]
    pub ends_on: String,
    /// Phases in order.
    #[serde(default)]
    pub phases: Vec<PhaseArgs>,
    /// Planned paid amount of the whole, exact text.
    #[serde(default)]
    pub plan: Option<String>,
    /// The last campaign of its type.
    #[serde(default)]
    pub last: Option<CampaignDays>,
}

/// What else a computation may know. There is no clock and no locale besides this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextArgs {
    /// Run.
    #[serde(default)]
    pub run_id: String,
    /// The moment that counts as now, RFC 3339.
    #[serde(default)]
    pub as_of: String,
    /// Report id.
    #[serde(default)]
    pub report: String,
    /// Edition.
    #[serde(default)]
    pub edition: String,
    /// Seed of whatever is drawn at random.
    #[serde(default)]
    pub seed: u64,
    /// Currency of money.
    #[serde(default)]
    pub currency: String,
    /// Shops in scope.
    #[serde(default)]
    pub shops: Vec<ShopArgs>,
    /// All known campaigns, so that baselines can leave their days out.
    #[serde(default)]
    pub campaigns: Vec<CampaignDays>,
    /// The campaign of a campaign report.
    #[serde(default)]
    pub campaign: Option<CampaignArgs>,
    /// Days since the period ended, for `D+n` editions.
    #[serde(default)]
    pub edition_age_days: Option<i64>,
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// For the author.
    Debug = 1,
    /// Worth knowing.
    Info = 2,
    /// Worth a look.
    Warn = 3,
    /// Wrong.
    Error = 4,
}

/// What surrounds one call of a metric.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The period.
    pub period: PeriodArgs,
    /// The rest.
    pub context: ContextArgs,
    host: Option<&'a CbHost>,
}

impl<'a> Cx<'a> {
    /// A context without a host, for tests: logs nowhere, is never cancelled.
    #[must_use]
    pub fn offline(period: PeriodArgs, context: ContextArgs) -> Self {
        Self {
            period,
            context,
            host: None,
        }
    }

    pub(crate) fn with_host(period: PeriodArgs, context: ContextArgs, host: &'a CbHost) -> Self {
        Self {
            period,
            context,
            host: Some(host),
        }
    }

    /// Writes a line to the run's log.
    pub fn log(&self, level: Level, message: &str) {
        crate::host::log(self.host, level, message);
    }

    /// Says how far the work is; `total` of 0 means unknown.
    pub fn progress(&self, done: f64, total: f64, note: &str) {
        crate::host::progress(self.host, done, total, note);
    }

    /// A folder of this process, gone when it ends.
    ///
    /// # Errors
    /// There is none.
    pub fn temp_dir(&self) -> Result<PathBuf> {
        crate::host::tempdir(self.host)
    }

    /// Stops here if the host asked for it: once per batch is right.
    ///
    /// # Errors
    /// [`ErrorCode::Cancelled`].
    pub fn checkpoint(&self) -> Result<()> {
        checkpoint(self.host)
    }
}

/// What surrounds a source, from `open` on; a reader may keep a clone.
#[derive(Debug, Clone, Default)]
pub struct SourceCx {
    host: Option<&'static CbHost>,
}

impl SourceCx {
    /// A context without a host, for tests: it has no secrets.
    #[must_use]
    pub fn offline() -> Self {
        Self::default()
    }

    pub(crate) fn with_host(host: &'static CbHost) -> Self {
        Self { host: Some(host) }
    }

    /// The secret of that name, as configured for this source.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn secret(&self, name: &str) -> Result<Secret> {
        crate::host::secret(self.host, name).map(Secret)
    }

    /// Puts a new secret in the place of the one that is known, for tokens that rotate; durable when it returns. Call it
    /// before the new token is used for the first time.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if the secret is another by now, [`ErrorCode::NotSupported`] if it stands where Chenbao
    /// cannot write.
    pub fn replace_secret(&self, name: &str, was: &Secret, now: &str) -> Result<()> {
        crate::host::replace_secret(self.host, name, was.expose(), now)
    }

    /// A small value that this source keeps from call to call, on all nodes of an installation.
    ///
    /// # Errors
    /// The ledger does not answer, or the key is none.
    pub fn state(&self, key: &str) -> Result<Option<String>> {
        crate::host::state(self.host, key)
    }

    /// Compare and set: `now` takes the place of `was` (`None`: there was none). Durable when it returns.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if it is another value by now.
    pub fn swap_state(&self, key: &str, was: Option<&str>, now: &str) -> Result<()> {
        crate::host::swap(self.host, key, (was, now), 0)
    }

    /// The same for a cursor: it becomes durable together with the rows that the running scan hands out, or never was.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if it is another value by now.
    pub fn advance(&self, key: &str, was: Option<&str>, now: &str) -> Result<()> {
        crate::host::swap(self.host, key, (was, now), STATE_WITH_ROWS)
    }

    /// A folder of this process, gone when it ends.
    ///
    /// # Errors
    /// There is none.
    pub fn temp_dir(&self) -> Result<PathBuf> {
        crate::host::tempdir(self.host)
    }

    /// Writes a line to the run's log.
    pub fn log(&self, level: Level, message: &str) {
        crate::host::log(self.host, level, message);
    }

    /// Says how far the work is; `total` of 0 means unknown.
    pub fn progress(&self, done: f64, total: f64, note: &str) {
        crate::host::progress(self.host, done, total, note);
    }

    /// Stops here if the host asked for it.
    ///
    /// # Errors
    /// [`ErrorCode::Cancelled`].
    pub fn checkpoint(&self) -> Result<()> {
        checkpoint(self.host)
    }
}

fn checkpoint(host: Option<&CbHost>) -> Result<()> {
    if crate::host::is_cancelled(host) {
        Err(Error::new(ErrorCode::Cancelled, "stopped as asked"))
    } else {
        Ok(())
    }
}

/// A secret: cannot be printed, compared or serialised by accident.
pub struct Secret(String);

impl Secret {
    /// The secret itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}
