//! Decisions that are rules, not work: what to do about missed reports, and when to try again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
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

/// How work that failed for a passing reason is tried again: after a pause as long as it has been waiting for already, within
/// limits, until it is given up. So pauses double, whoever counts, and a restart forgets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Shortest pause: the one after the first failure.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
    /// Given up when so much time has passed since it was due.
    pub give_up: Duration,
}

/// A daily report is worthless after the next one.
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Retry {
    /// A message that was refused for now, for no reason that we know better.
    pub const MAIL: Self = Self::between(60, 30 * 60);
    /// A server that is not there, is busy, or broke the connection: nothing else can leave either, so it is asked soon.
    pub const SERVER: Self = Self::between(30, 15 * 60);
    /// A server that refuses us until somebody mends the configuration: asking often locks accounts.
    pub const OURS: Self = Self::between(5 * 60, 30 * 60);
    /// Greylisting, which wants a few minutes of patience.
    pub const GREYLISTED: Self = Self::between(5 * 60, 30 * 60);
    /// A full mailbox, which somebody must empty.
    pub const FULL: Self = Self::between(30 * 60, 4 * 3600);

    /// A message that was only handed to the wrong connection.
    pub const AT_ONCE: Self = Self::between(0, 0);

    const fn between(first: u64, longest: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
            give_up: DAY,
        }
    }

    /// The pause after a failure, `waited` after the work was due; none: give up.
    #[must_use]
    pub fn pause(&self, waited: Duration) -> Option<Duration> {
        (waited < self.give_up).then(|| waited.clamp(self.first, self.longest))
    }
}

/// At most so many within a time, written `60/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// Within how long.
    pub window: Duration,
}

const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (count, unit) = text.split_once('/')?;
            let count = count.trim().parse().ok().filter(|count| *count > 0)?;
            let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
            let window = Duration::from_secs(*seconds);
            Some(Self { count, window })
        };
        read().ok_or_else(|| format!("`{text}` is not a rate"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(_, seconds)| *seconds == self.window.as_secs());
        write!(f, "{}/{}", self.count, unit.map_or("?", |(name, _)| *name))
    }
}

/// What was used of a rate: how many were granted at which moment (in milliseconds), oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent(Vec<(i64, u32)>);

impl Spent {
    /// Grants up to `wanted` now, so that no stretch of time as long as the window ever holds more than the rate. Returns how
    /// many, and when more may be asked for.
    pub fn grant(&mut self, rate: Rate, now: Timestamp, wanted: u32) -> (u32, Timestamp) {
        let window = i64::try_from(rate.window.as_millis()).unwrap_or(i64::MAX);
        let now = now.as_millisecond();
        // A grant of the future was made before the clock was set back; it counts, but blocks no longer than a window.
        self.0
            .retain(|(at, _)| at.saturating_add(window) > now && *at < now.saturating_add(window));
        let used: u32 = self.0.iter().map(|(_, count)| *count).sum();
        let granted = wanted.min(rate.count.saturating_sub(used));
        if granted > 0 {
            // Moments are kept by sixtieths of the window, rounded up, so that the list stays short.
            let step = (window / 60).max(1);
            let at = now.div_euclid(step).saturating_mul(step);
            let at = if at < now {
                at.saturating_add(step)
            } else {
                at
            };
            match self.0.last_mut() {
                Some((last, count)) if *last == at => *count = count.saturating_add(granted),
                _ => self.0.push((at, granted)),
            }
        }
        let free = if granted < wanted {
            self.0
                .first()
                .map_or(now, |(at, _)| at.saturating_add(window))
        } else {
            now
        };
        let free = Timestamp::from_millisecond(free).unwrap_or(Timestamp::MAX);
        (granted, free)
    }
}

/// When each piece of work in a queue will be done, if they are begun in order as slots become free: `free` says when each slot is.
#[must_use]
pub fn forecast(free: &[Timestamp], queue: &[SignedDuration]) -> Vec<Timestamp> {
    let mut free = free.to_vec();
    let mut ends = Vec::with_capacity(queue.len());
    for takes in queue {
        let Some(first) = free.iter_mut().min() else {
            break;
        };
        *first = first.checked_add(*takes).unwrap_or(Timestamp::MAX);
        ends.push(*first);
    }
    ends
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
        let minutes = |m: u64| Duration::from_secs(m * 60);
        let mut waited = Duration::ZERO;
        let mut pauses = Vec::new();
        while let Some(pause) = Retry::MAIL.pause(waited) {
            pauses.push(pause);
            waited += pause;
        }
        let first: Vec<_> = [1, 1, 2, 4, 8, 16, 30, 30].map(minutes).into();
        assert_eq!(pauses.iter().take(8).copied().collect::<Vec<_>>(), first);
        assert!(waited >= minutes(24 * 60) && waited < minutes(24 * 60 + 31));
        assert_eq!(Retry::OURS.pause(Duration::ZERO), Some(minutes(5)));
    }

    #[test]
    fn rates_read_back() {
        for text in ["60/m", "10/s", "500/h", "1/d"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "60", "0/m", "/m", "60/w", "-1/m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    /// However the messages come, no stretch of a minute holds more than the rate, and nothing waits for ever.
    #[test]
    fn no_minute_holds_more_than_its_rate() {
        let rate: Rate = "60/m".parse().unwrap();
        let start: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let mut random = 20_261_122_u64;
        let mut spent = Spent::default();
        let (mut now, mut left, mut sent) = (start, 1000_u32, Vec::new());
        while left > 0 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let wanted = u32::try_from(random >> 60).unwrap() + 1;
            let (granted, free) = spent.grant(rate, now, wanted.min(left));
            sent.extend(std::iter::repeat_n(now.as_millisecond(), granted as usize));
            left -= granted;
            let pause = SignedDuration::from_millis(i64::try_from(random >> 50).unwrap() % 3000);
            now = free.max(now + pause);
        }
        for (n, at) in sent.iter().enumerate() {
            let within = sent[n..].iter().take_while(|later| **later < at + 60_000);
            assert!(within.count() <= 60, "a minute from {at} holds too many");
        }
        let took = now.duration_since(start);
        assert!(took < SignedDuration::from_mins(20), "{took}");
    }

    #[test]
    fn a_clock_set_back_blocks_no_longer_than_a_window() {
        let rate: Rate = "2/m".parse().unwrap();
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut spent = Spent::default();
        assert_eq!(spent.grant(rate, noon, 5).0, 2);
        assert_eq!(
            spent.grant(rate, noon, 5),
            (0, noon + SignedDuration::from_mins(1))
        );
        let back = noon - SignedDuration::from_hours(2);
        assert_eq!(spent.grant(rate, back, 5).0, 2);
    }

    #[test]
    fn a_queue_ends_as_its_slots_become_free() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let queue = [10, 30, 5, 1].map(SignedDuration::from_mins);
        assert_eq!(
            forecast(&[at(0), at(0)], &queue),
            [at(10), at(30), at(15), at(16)]
        );
        assert_eq!(forecast(&[at(7)], &queue), [at(17), at(47), at(52), at(53)]);
        assert_eq!(forecast(&[], &queue), []);
    }

    #[test]
    fn only_completion_and_people_make_revisions() {
        assert!(makes_revision(Again::Completed, true));
        assert!(!makes_revision(Again::Completed, false));
        assert!(makes_revision(Again::Asked, false));
        assert!(!makes_revision(Again::Matured, true));
    }
}
