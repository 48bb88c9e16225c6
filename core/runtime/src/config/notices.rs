//! How the owner is told: `[notices]`.

use super::meant::Notices;
use super::values::duration;
use super::written::Table;
use std::time::Duration;

pub(super) fn notices(table: Table<'_>) -> Notices {
    let every = table.read("every", duration);
    table.end();
    Notices {
        every: every.unwrap_or(Duration::from_secs(600)),
    }
}
