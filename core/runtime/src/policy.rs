//! Decisions that are rules, not work: what to do about missed reports, and when to try again.

use jiff::SignedDuration;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A report that is found due within this time is on time; later, the misfire policy of its schedule decides.
pub const GRACE: SignedDuration = SignedDuration::from_mins(10);

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

/// How work that failed for a passing reason is tried again: after a pause that doubles up to a limit, until it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Pause after the first failure.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
    /// Given up when so much time has passed since the first attempt.
    pub give_up: Duration,
}

impl Retry {
    /// Mail: a minute, doubling to half an hour, for a day; a daily report is worthless after the next one.
    pub const MAIL: Self = Self {
        first: Duration::from_secs(60),
        longest: Duration::from_secs(30 * 60),
        give_up: Duration::from_secs(24 * 3600),
    };

    /// The pause after the `failures`-th failure (from one), `since_first` after the first attempt; none: give up.
    #[must_use]
    pub fn pause(&self, failures: u32, since_first: Duration) -> Option<Duration> {
        if since_first >= self.give_up {
            return None;
        }
        let factor = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.longest))
    }
}

/// What a report is made again for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// What was missing has come.
    Completed,
    /// Somebody asked for it.
    Asked,
    /// Refunds and late figures changed it.
    Matured,
}

/// Whether a report that was already sent becomes a new revision: maturing figures never do, they are restated in the next
/// issue; completing does if the sent one was 部分; asking always does.
#[must_use]
pub fn makes_revision(why: Again, was_partial: bool) -> bool {
    match why {
        Again::Completed => was_partial,
        Again::Asked => true,
        Again::Matured => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misfire_policies_read_back() {
        for text in ["skip", "latest", "all", "all(3)"] {
            assert_eq!(text.parse::<Misfire>().unwrap().to_string(), text);
        }
        for text in ["", "all(0)", "all()", "newest", "all(-1)"] {
            assert!(
                text.parse::<Misfire>().unwrap_err().contains("all(3)"),
                "{text}"
            );
        }
    }

    #[test]
    fn pauses_double_to_the_limit_and_end() {
        let pause =
            |failures, minutes: u64| Retry::MAIL.pause(failures, Duration::from_secs(minutes * 60));
        let minutes = |m: u64| Some(Duration::from_secs(m * 60));
        assert_eq!(
            [1, 2, 3, 4, 5, 6].map(|n| pause(n, 10)),
            [1, 2, 4, 8, 16, 30].map(minutes)
        );
        assert_eq!(pause(200, 10), minutes(30));
        assert_eq!(pause(3, 24 * 60), None);
    }

    #[test]
    fn only_completion_and_people_make_revisions() {
        assert!(makes_revision(Again::Completed, true));
        assert!(!makes_revision(Again::Completed, false));
        assert!(makes_revision(Again::Asked, false));
        assert!(!makes_revision(Again::Matured, true));
    }
}
