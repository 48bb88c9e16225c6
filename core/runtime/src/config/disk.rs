//! `[disk]`: when to speak of a disk that is filling up.

use super::meant::Disk;
use super::values::size;
use super::written::Table;

pub(super) fn disk(table: Table<'_>) -> Disk {
    let warn = table.read("warn", size).unwrap_or(1 << 30);
    table.end();
    Disk { warn }
}
