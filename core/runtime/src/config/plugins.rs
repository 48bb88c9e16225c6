//! `[plugins]`: where plugins lie, and what one of their processes may take and do.

use super::resolve::path;
use super::values::{duration, size, word};
use super::written::{Read, Table, Value};
use chenbao_model::Diagnostic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[plugins]`.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// Where libraries lie; none: beside the executable.
    pub dir: Option<PathBuf>,
    /// More folders, searched after `dir`; they need not exist.
    pub extra: Vec<PathBuf>,
    /// Longest time of one call of a plugin.
    pub deadline: Duration,
    /// Most memory of one plugin host, in bytes.
    pub memory: u64,
    /// How much of the kernel's fences is asked for.
    pub sandbox: Sandbox,
    /// Which libraries are loaded; none: the pinned ones where there are pins.
    pub trust: Option<TrustPolicy>,
    /// Public minisign keys of those whose libraries are loaded.
    pub keys: Vec<String>,
    /// After so many crashes in a row a library is left alone; 0: never.
    pub quarantine_after: u32,
}

/// Which libraries are loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrustPolicy {
    /// Those that plugins.lock pins.
    Lock,
    /// Those, and what one of the keys signed.
    Signed,
    /// All but those that were modified.
    #[default]
    Any,
}

impl TrustPolicy {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Signed => "signed",
            Self::Any => "any",
        }
    }
}

/// How a plugin's process is kept from files, connections and other processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// By all that this kernel offers.
    #[default]
    Best,
    /// By landlock and seccomp, or it does not start.
    Require,
    /// By nothing but its limits: for a debugger.
    Off,
}

impl Sandbox {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Require => "require",
            Self::Off => "off",
        }
    }
}

/// Crashes in a row, where the configuration does not say.
const QUARANTINE_AFTER: u32 = 3;

fn crashes(value: &Value<'_>) -> Read<u32> {
    u32::try_from(value.integer()?).map_err(|_| {
        Diagnostic::error("`plugins.quarantine_after` is not negative")
            .hint("write quarantine_after = 3; 0 never gives up")
    })
}

pub(super) fn plugins(table: Table<'_>, folder: &Path) -> Plugins {
    let sandboxes = [Sandbox::Best, Sandbox::Require, Sandbox::Off].map(|one| (one.word(), one));
    let policies =
        [TrustPolicy::Lock, TrustPolicy::Signed, TrustPolicy::Any].map(|one| (one.word(), one));
    let plugins = Plugins {
        dir: table.read("dir", |v| path(v, folder)),
        extra: table
            .read("extra", |v| v.each(|v| path(v, folder)))
            .unwrap_or_else(|| vec![folder.join("plugins")]),
        deadline: table
            .read("deadline", duration)
            .unwrap_or(Duration::from_secs(300)),
        memory: table.read("memory", size).unwrap_or(2 << 30),
        sandbox: table
            .read("sandbox", |v| word(v, &sandboxes))
            .unwrap_or_default(),
        trust: table.read("trust", |v| word(v, &policies)),
        keys: table
            .read("keys", |v| v.each(|v| v.text().map(str::to_owned)))
            .unwrap_or_default(),
        quarantine_after: table
            .read("quarantine_after", crashes)
            .unwrap_or(QUARANTINE_AFTER),
    };
    table.end();
    plugins
}
