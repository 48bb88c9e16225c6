//! A metric that is being written: its latest answer stands on the samples' pages, where `<unbound/>` shows it.

use super::Desk;
use crate::plugin::descriptor::Descriptor;
use chenbao_report::{MetricInput, Outcome};
use std::sync::{Arc, PoisonError};

/// What is known of it.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What it declares, and its words.
    pub descriptor: Descriptor,
    /// What became of its last call.
    pub outcome: Outcome,
}

impl Guest {
    /// As a metric of the page.
    pub(super) fn metric(&self, lang: &str) -> MetricInput {
        MetricInput {
            alias: self.descriptor.id.clone(),
            plugin: self.descriptor.id.clone(),
            strings: self.descriptor.strings(lang),
            outcome: self.outcome.clone(),
        }
    }
}

/// The guest's place on a preview.
#[derive(Debug)]
pub struct Seat(Arc<Desk>);

impl Seat {
    pub(super) fn of(desk: Arc<Desk>) -> Self {
        Self(desk)
    }

    /// Puts a guest there, in place of the one before; pages that are open follow.
    pub fn take(&self, guest: Guest) {
        *self.0.guest.lock().unwrap_or_else(PoisonError::into_inner) = Some(guest);
        self.0.version.send_modify(|version| *version += 1);
    }
}

/// The guest of now.
pub(super) fn seated(desk: &Desk) -> Option<Guest> {
    let guest = desk.guest.lock().unwrap_or_else(PoisonError::into_inner);
    guest.clone()
}
