//! The clock: the one place that asks what time it is; tests hand in their own.

use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// Something that knows the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved, to the millisecond.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at this time.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millisecond()))
    }

    /// Steps to this time, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }

    /// Steps by this much, forward or back.
    pub fn step(&self, by: SignedDuration) {
        self.0
            .fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_by_hand() {
        let start: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let clock = FixedClock::at(start);
        assert_eq!(clock.now(), start);
        clock.step(SignedDuration::from_hours(-2));
        assert_eq!(clock.now().to_string(), "2026-11-21T22:00:00Z");
        clock.set(start);
        assert_eq!(clock.now(), start);
    }
}
