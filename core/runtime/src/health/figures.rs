//! The figures that are read at the moment of asking: from the ledger, and from what the process knows of itself.

use crate::ledger::Figures;
use crate::life::{self, Life, Sample, Unit};
use jiff::Timestamp;

/// A sample without labels.
fn one(name: &'static str, help: &'static str, unit: Unit, value: f64) -> Sample {
    Sample {
        name,
        help,
        unit,
        labels: Vec::new(),
        value,
    }
}

/// 1 for yes.
fn yes(name: &'static str, help: &'static str, value: bool) -> Sample {
    one(name, help, Unit::Count, if value { 1.0 } else { 0.0 })
}

/// Everything, in no order. Without `figures` the ledger does not answer, and what it would say is left out.
pub(super) fn samples(life: &Life, figures: Option<&Figures>, now: Timestamp) -> Vec<Sample> {
    let mut all = vec![
        Sample {
            labels: vec![
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
                ("node", life::node()),
            ],
            ..yes("build_info", "Version and process, always 1", true)
        },
        yes(
            "stopping",
            "Whether nothing new begins any more",
            life.stopping(),
        ),
        yes("ledger_up", "Whether the ledger answers", figures.is_some()),
    ];
    if let Some(at) = life.last_look() {
        let help = "When the last look at the ledger ended, in seconds since 1970";
        all.push(one("last_look_timestamp", help, Unit::Seconds, seconds(at)));
    }
    if let Some(next) = life.next_due() {
        let help = "Time until something is due, negative when it is late";
        let left = seconds(next) - seconds(now);
        all.push(one("next_due", help, Unit::Seconds, left));
    }
    if let Some(figures) = figures {
        all.extend(of_ledger(figures, now));
    }
    all
}

fn of_ledger(figures: &Figures, now: Timestamp) -> Vec<Sample> {
    let mut all = Vec::new();
    for (state, number) in &figures.occurrences {
        let labels = vec![("state", state.word().to_owned())];
        let help = "Issues by how they stand";
        all.push(counted("occurrences", help, labels, *number));
    }
    for (state, channel, number) in &figures.deliveries {
        let labels = vec![
            ("state", state.word().to_owned()),
            ("channel", channel.clone()),
        ];
        let help = "Deliveries by how they stand and by channel";
        all.push(counted("deliveries", help, labels, *number));
    }
    let held = counted("held_reports", "Reports on hold", Vec::new(), figures.held);
    all.push(held);
    for (reason, number) in &figures.blocked {
        let labels = vec![("reason", reason.word().to_owned())];
        let help = "Addresses that are left alone, by why";
        all.push(counted("blocked_addresses", help, labels, *number));
    }
    let waited = figures
        .oldest_waiting
        .map_or(0.0, |queued| (seconds(now) - seconds(queued)).max(0.0));
    let help = "Time that the oldest delivery has waited of those whose time has come";
    all.push(one("oldest_waiting_delivery", help, Unit::Seconds, waited));
    all
}

fn counted(
    name: &'static str,
    help: &'static str,
    labels: Vec<(&'static str, String)>,
    number: u64,
) -> Sample {
    // Nobody has more than four thousand million of them.
    let value = u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    Sample {
        labels,
        ..one(name, help, Unit::Count, value)
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
