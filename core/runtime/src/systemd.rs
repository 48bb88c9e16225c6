//! systemd's protocol: ready, still turning, reloading, stopping, and what comes next. Without systemd nothing happens.

use sd_notify::NotifyState;
use std::time::Duration;

/// What a service manager hears.
#[derive(Debug, Clone, Copy)]
pub enum State {
    /// The ledger and the folders are open, and the loop begins; also the end of a reload.
    Ready,
    /// The loop turns.
    Turning,
    /// The configuration is read again.
    Reloading,
    /// The end has begun.
    Stopping,
}

/// Tells the service manager, if there is one, with a line for `systemctl status`.
pub fn tell(state: State, status: Option<&str>) {
    let now = NotifyState::monotonic_usec_now();
    let mut all = vec![match state {
        State::Ready => NotifyState::Ready,
        State::Turning => NotifyState::Watchdog,
        State::Reloading => NotifyState::Reloading,
        State::Stopping => NotifyState::Stopping,
    }];
    // A reload without its moment would be taken for one that failed.
    all.extend(now.ok().filter(|_| matches!(state, State::Reloading)));
    all.extend(status.map(NotifyState::Status));
    if let Err(why) = sd_notify::notify(&all) {
        tracing::warn!("systemd does not hear us: {why}");
    }
}

/// Says what `systemctl status` shows.
pub fn status(text: &str) {
    if let Err(why) = sd_notify::notify(&[NotifyState::Status(text)]) {
        tracing::debug!("systemd does not hear us: {why}");
    }
}

/// How often the service manager wants to hear [`State::Turning`]; none if it does not watch.
#[must_use]
pub fn watched() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}
