//! Decisions that are rules, not work: what to do about missed reports, and when to try again.

use std::fmt;
use std::str::FromStr;

/// What to do about due times that passed while nobody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfire {
    /// None of them is made.
    Skip,
    /// The newest is made, the others are missed.
    Latest,
    /// The newest so many are made, older ones are missed.
    All(u32),
}

impl FromStr for Misfire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |inner: &str| {
            inner
                .strip_suffix(')')
                .and_then(|n| n.trim().parse().ok())
                .filter(|n| *n > 0)
        };
        match text {
            "skip" => Ok(Self::Skip),
            "latest" => Ok(Self::Latest),
            "all" => Ok(Self::All(u32::MAX)),
            _ => match text.strip_prefix("all(").and_then(count) {
                Some(n) => Ok(Self::All(n)),
                None => Err(format!(
                    "`{text}` is not a misfire policy; write skip, latest, all or all(3)"
                )),
            },
        }
    }
}

impl fmt::Display for Misfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Latest => f.write_str("latest"),
            Self::All(u32::MAX) => f.write_str("all"),
            Self::All(n) => write!(f, "all({n})"),
        }
    }
}
