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
    turned: Mutex<[Turn; Part::ALL.len()]>,
    looked_ms: AtomicI64,
    next_ms: AtomicI64,
    meter: Meter,
}

/// What a part did last.
#[derive(Debug, Clone, Copy)]
struct Turn {
    doing: Doing,
    at: Instant,
}

/// The parts of a serving process that may each stand still while the others turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The loop, and the issues that it makes.
    Loop,
    /// The sender of mail.
    Mail,
    /// What is said elsewhere: the owner's notices, robots, folders.
    Talk,
}

impl Part {
    const ALL: [Self; 3] = [Self::Loop, Self::Mail, Self::Talk];

    /// Its name for machines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Mail => "mail",
            Self::Talk => "talk",
        }
    }
}

/// What a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It waits: the loop for the next due moment, the others for it.
    Rest,
    /// It works; one step of its work may take long.
    Work,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            stopping: AtomicBool::new(false),
            turned: Mutex::new(Part::ALL.map(|_| Turn::now(Doing::Rest))),
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

    /// Says that a part has turned: a look, a source, a metric, a message is done, and this comes next.
    pub fn turn(&self, part: Part, doing: Doing) {
        let mut turned = self.0.turned.lock().unwrap_or_else(PoisonError::into_inner);
        turned[part as usize] = Turn::now(doing);
    }

    /// The parts that stand still. At rest the loop turns within two minutes, at work every part within these and its longest step.
    #[must_use]
    pub fn standing(&self, longest_step: Duration) -> Vec<Part> {
        let turned = *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |part: &Part| {
            let Turn { doing, at } = turned[*part as usize];
            stands(*part, doing, at.elapsed(), longest_step)
        };
        Part::ALL.into_iter().filter(stands).collect()
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

impl Turn {
    fn now(doing: Doing) -> Self {
        let at = Instant::now();
        Self { doing, at }
    }
}

fn stands(part: Part, doing: Doing, silent: Duration, longest_step: Duration) -> bool {
    match (part, doing) {
        (_, Doing::Work) => silent > AT_REST + longest_step,
        (Part::Loop, Doing::Rest) => silent > AT_REST,
        // Nobody wants anything of it.
        (Part::Mail | Part::Talk, Doing::Rest) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_does_not_turn_stands_still() {
        let (minute, step) = (Duration::from_secs(60), Duration::from_secs(300));
        let stands = |part, doing, minutes: u32| stands(part, doing, minutes * minute, step);
        assert!(!stands(Part::Loop, Doing::Rest, 2));
        assert!(stands(Part::Loop, Doing::Rest, 3));
        for part in Part::ALL {
            assert!(!stands(part, Doing::Work, 7));
            assert!(stands(part, Doing::Work, 8));
        }
        assert!(!stands(Part::Mail, Doing::Rest, 1000));
    }

    /// The loop turns on while the sender of mail does not come back: that is seen.
    #[test]
    fn a_part_does_not_hide_another() {
        let life = Life::default();
        let long_ago = Instant::now().checked_sub(AT_REST * 2).unwrap();
        let mut turned = life.0.turned.lock().unwrap();
        turned[Part::Mail as usize] = Turn {
            doing: Doing::Work,
            at: long_ago,
        };
        drop(turned);
        life.turn(Part::Loop, Doing::Work);
        assert_eq!(life.standing(Duration::ZERO), [Part::Mail]);
        life.turn(Part::Mail, Doing::Rest);
        assert_eq!(life.standing(Duration::ZERO), []);
    }

    #[test]
    fn clones_are_one_life() {
        let life = Life::default();
        let other = life.clone();
        assert!(life.standing(Duration::ZERO).is_empty() && !other.stopping());
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
