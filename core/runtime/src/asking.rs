//! Asking sources: one report at a time asks a source, what one asked others share, and none is waited for longer than there is time; nor
//! is a metric.

use crate::collect::Collected;
use crate::config::meant::Source;
use crate::ledger::CollectionState;
use crate::project::Project;
use chenbao_model::{Diagnostic, Id, Period};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A source that is asked at all has at least this long to answer.
const LEAST: Duration = Duration::from_secs(5);

/// How sources are asked; by default in any case, and as long as a plugin's call may take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    /// A source that was asked at or after this moment is not asked again: its answer is shared.
    pub since: Option<Timestamp>,
    /// No source is waited for beyond this moment.
    pub until: Option<Timestamp>,
}

impl Ask {
    /// The time that is left to answer, none where only the plugin's own deadline counts.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.until?.duration_since(now);
        Some(Duration::try_from(left).unwrap_or_default().max(LEAST))
    }
}

/// The time of one of so many calls that a report still has to make: its part of what is left until the report leaves, of which a tenth
/// is kept for making and sending it, and never more than a plugin may have at all.
#[must_use]
pub fn part(deadline: Duration, left: Option<Duration>, calls: usize) -> Duration {
    let Some(left) = left else {
        return deadline;
    };
    let calls = u32::try_from(calls.max(1)).unwrap_or(u32::MAX);
    deadline.min((left * 9 / 10 / calls).max(LEAST))
}

/// Whose turn it is to ask each source, within this process.
#[derive(Debug, Default)]
pub struct Turns(Mutex<BTreeMap<Id, Arc<Mutex<()>>>>);

impl Turns {
    /// Waits until nobody else asks the source: at most as long as there is time.
    ///
    /// # Errors
    /// Somebody is still asking it when the time is over.
    pub async fn of(
        &self,
        source: &Id,
        left: Option<Duration>,
    ) -> Result<OwnedMutexGuard<()>, Diagnostic> {
        let turn = Arc::clone(self.0.lock().await.entry(source.clone()).or_default());
        let Some(left) = left else {
            return Ok(turn.lock_owned().await);
        };
        let waited = tokio::time::timeout(left, turn.lock_owned()).await;
        waited.map_err(|_| {
            Diagnostic::error(format!(
                "source `{source}` did not answer another report in time, so it was not asked again"
            ))
        })
    }
}

/// What a source brought when it was last asked, if that is recent enough and reaches as far as is wanted now.
pub async fn shared(
    project: &Project,
    source: &Source,
    window: Period,
    ask: Ask,
) -> Option<Collected> {
    let since = ask.since?;
    // A ledger that does not answer stops the collection a moment later, with its reason.
    let last = project
        .ledger
        .last_collection(&source.id, None)
        .await
        .ok()??;
    let (first, end) = last.window?;
    let reaches = first <= window.start() && window.last() <= end;
    if last.at < since || last.at > project.clock.now() || !reaches {
        return None;
    }
    let mut collected = Collected::nothing(&source.id);
    if last.state == CollectionState::Failed {
        let why = last.note.lines().next().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        collected.trouble = Some(Diagnostic::error(why).at(source.place.clone()).into());
    }
    Some(collected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_share_the_time_that_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(part(seconds(300), None, 12), seconds(300));
        assert_eq!(part(seconds(300), Some(seconds(1200)), 12), seconds(90));
        assert_eq!(part(seconds(300), Some(seconds(1200)), 1), seconds(300));
        assert_eq!(part(seconds(300), Some(seconds(1)), 12), LEAST);
        assert_eq!(part(seconds(2), Some(seconds(1)), 0), seconds(2));
    }
}
