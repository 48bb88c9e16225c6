//! How a call to a plugin ended when there is no answer: one plain sentence and a stable code each.

use chenbao_plugin::ErrorCode;
use std::fmt;

/// Why there is no answer. A verdict is about one plugin; the others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The plugin said why it has no answer.
    PluginError {
        /// Name of the code in the contract: `data`, `io`, `auth`, ...
        code: String,
        /// Its sentence.
        message: String,
        /// Whether the same call may work later.
        retryable: bool,
        /// Its advice for the retry, 0 for none.
        retry_after_ms: i64,
    },
    /// The answer breaks the contract; every breach.
    Breach(Vec<String>),
    /// It panicked; the panic's words.
    Panic(String),
    /// A signal ended it.
    Crashed {
        /// Signal.
        signal: i32,
        /// The last thing it wrote to its error stream, if anything.
        last_words: String,
    },
    /// It wanted more memory than it may have: its control group's, or what a process may have where it has no group.
    MemoryLimit {
        /// Whether a group held it.
        group: bool,
    },
    /// It used more processor time than it may.
    CpuLimit,
    /// It made a system call that no plugin may make, and was ended for it.
    Forbidden,
    /// It answered and left something running.
    LeftRunning(String),
    /// It did not answer in time.
    Timeout,
    /// It stopped because it was asked to.
    Cancelled,
    /// Its process ended without an answer, as by `exit(0)`.
    Vanished {
        /// Exit code.
        exit: i32,
    },
    /// The library cannot be used at all.
    RefusedAtLoad(String),
    /// Chenbao itself could not do its part: start the process, read the rows for it, take its rows.
    Host(String),
}

impl Verdict {
    /// Stable code for ledger, logs and words (`verdict.<code>`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PluginError { code, .. } if code == ErrorCode::Denied.name() => "denied",
            Self::PluginError { .. } => "error",
            Self::Breach(_) => "breach",
            Self::Panic(_) => "panic",
            Self::Crashed { .. } => "crashed",
            Self::MemoryLimit { group: true } => "memory_limit_group",
            Self::MemoryLimit { group: false } => "memory_limit",
            Self::CpuLimit => "cpu_limit",
            Self::Forbidden => "forbidden",
            Self::LeftRunning(_) => "left_running",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Vanished { .. } => "vanished",
            Self::RefusedAtLoad(_) => "refused_at_load",
            Self::Host(_) => "host",
        }
    }

    /// Whether the same call may work later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::PluginError { retryable, .. } => *retryable,
            Self::Timeout | Self::Cancelled => true,
            _ => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PluginError { code, message, .. } => {
                write!(f, "the plugin has no answer ({code}): {message}")
            }
            Self::Breach(all) => write!(
                f,
                "the plugin's answer breaks the contract: {}",
                all.join("; ")
            ),
            Self::Panic(words) => write!(f, "the plugin panicked: {words}"),
            Self::Crashed { signal, last_words } if last_words.is_empty() => {
                write!(
                    f,
                    "the plugin crashed (signal {signal}, {})",
                    signal_name(*signal)
                )
            }
            Self::Crashed { signal, last_words } => {
                write!(
                    f,
                    "the plugin crashed (signal {signal}, {}); its last words: {last_words}",
                    signal_name(*signal)
                )
            }
            Self::MemoryLimit { group } => write!(
                f,
                "the plugin wanted more memory than it may have (limit of {})",
                if *group { "its control group" } else { "its process" }
            ),
            Self::CpuLimit => f.write_str("the plugin used more processor time than it may"),
            Self::Forbidden => f.write_str(
                "the plugin was ended: it made a system call that no plugin may make, such as looking into another process",
            ),
            Self::LeftRunning(what) => write!(
                f,
                "the plugin left {what} running after its answer, which is not used"
            ),
            Self::Timeout => f.write_str("the plugin did not answer in time"),
            Self::Cancelled => f.write_str("the plugin stopped because it was asked to"),
            Self::Vanished { exit } => write!(
                f,
                "the plugin ended its process (exit {exit}) without an answer"
            ),
            Self::RefusedAtLoad(why) => write!(f, "the plugin library cannot be used: {why}"),
            Self::Host(why) => write!(f, "the plugin could not be run: {why}"),
        }
    }
}

impl std::error::Error for Verdict {}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => "illegal instruction",
        6 => "abort",
        7 => "bus error",
        8 => "arithmetic error",
        9 => "killed from outside, often for want of memory",
        11 => "segmentation fault",
        15 => "terminated from outside",
        25 => "a file larger than it may write",
        _ => "see `man 7 signal`",
    }
}
