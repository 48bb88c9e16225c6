//! What a serving process knows of itself: whether it may begin something new, when it last turned, and what it has done so far.

mod meter;

pub use meter::{Meter, Sample, Unit};

use jiff::Timestamp;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Stands for "not yet".
const NEVER: i64 = i64::MIN;
/// A loop that only waits looks at the ledger more often than this.
const AT_REST: Duration = Duration::from_secs(2 * 60);

/// Signs of life. Clones are the same life.
#[derive(Debug, Clone, Default)]
pub struct Life(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stopping: AtomicBool,
    turned: Mutex<Turn>,
    looked_ms: AtomicI64,
    next_ms: AtomicI64,
    meter: Meter,
}

/// What the loop did last.
#[derive(Debug, Clone, Copy)]
struct Turn {
    doing: Doing,
    at: Instant,
}

/// What a loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It waits for the next due moment.
    Rest,
    /// It works; one step of its work may take long.
    Work,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            stopping: AtomicBool::new(false),
            turned: Mutex::new(Turn {
                doing: Doing::Rest,
                at: Instant::now(),
            }),
            looked_ms: AtomicI64::new(NEVER),
            next_ms: AtomicI64::new(NEVER),
            meter: Meter::default(),
        }
    }
}

impl Life {
    /// Nothing new begins from now on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether nothing new may begin.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// Says that the loop has turned: a look, a source, a metric, a message is done, and this comes next.
    pub fn turn(&self, doing: Doing) {
        let turn = Turn {
            doing,
            at: Instant::now(),
        };
        *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// Whether the loop turns: at rest it turned within two minutes, at work within these and its longest step.
    #[must_use]
    pub fn alive(&self, longest_step: Duration) -> bool {
        let turned = *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner);
        alive(turned.doing, turned.at.elapsed(), longest_step)
    }

    /// A look at the ledger has ended.
    pub fn looked(&self, at: Timestamp) {
        self.0
            .looked_ms
            .store(at.as_millisecond(), Ordering::SeqCst);
    }

    /// When the last look at the ledger ended.
    #[must_use]
    pub fn last_look(&self) -> Option<Timestamp> {
        read(&self.0.looked_ms)
    }

    /// When something is due next, as the loop sees it.
    pub fn expect(&self, next: Option<Timestamp>) {
        let next = next.map_or(NEVER, Timestamp::as_millisecond);
        self.0.next_ms.store(next, Ordering::SeqCst);
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        read(&self.0.next_ms)
    }

    /// What was done so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }
}

/// Who holds a claim: this process on this machine. Containers may share a host's name and their process's number, so a mark of its
/// own is part of it.
#[must_use]
pub fn node() -> String {
    static MARK: LazyLock<String> = LazyLock::new(|| {
        let random = RandomState::new().build_hasher().finish();
        format!("{:08x}", random & 0xffff_ffff)
    });
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    format!("{}:{}:{}", host.trim(), std::process::id(), *MARK)
}

fn read(ms: &AtomicI64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms.load(Ordering::SeqCst)).ok()
}

fn alive(doing: Doing, silent: Duration, longest_step: Duration) -> bool {
    silent
        <= match doing {
            Doing::Rest => AT_REST,
            Doing::Work => AT_REST + longest_step,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_does_not_turn_is_not_alive() {
        let (minute, step) = (Duration::from_secs(60), Duration::from_secs(300));
        assert!(alive(Doing::Rest, 2 * minute, step));
        assert!(!alive(Doing::Rest, 3 * minute, step));
        assert!(alive(Doing::Work, 7 * minute, step));
        assert!(!alive(Doing::Work, 8 * minute, step));
    }

    #[test]
    fn clones_are_one_life() {
        let life = Life::default();
        let other = life.clone();
        assert!(life.alive(Duration::ZERO) && !other.stopping());
        assert_eq!((other.last_look(), other.next_due()), (None, None));
        life.stop();
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        life.looked(now);
        life.expect(Some(now));
        assert!(other.stopping());
        assert_eq!(
            (other.last_look(), other.next_due()),
            (Some(now), Some(now))
        );
        life.expect(None);
        assert_eq!(other.next_due(), None);
    }
}
