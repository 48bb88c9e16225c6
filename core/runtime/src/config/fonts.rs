//! `[fonts]`: the families that a team puts before the build's own.

use super::resolve::path;
use super::values::words;
use super::written::{Table, Value};
use chenbao_model::{Diagnostic, Place};
use chenbao_report::fonts::Families;
use std::path::{Path, PathBuf};

/// `[fonts]`.
#[derive(Debug, Clone)]
pub struct Fonts {
    /// Where it is written.
    pub place: Place,
    /// Folder of font files, searched before those of the system.
    pub dir: Option<PathBuf>,
    /// The families that go before the build's own.
    pub families: Families,
}

pub(super) fn fonts(table: Table<'_>, folder: &Path) -> Fonts {
    let list = |key| {
        let names = table.read(key, |value: &Value<'_>| value.each(words));
        names.unwrap_or_default()
    };
    let families = Families {
        text: list("text"),
        headings: list("headings"),
        figures: list("figures"),
    };
    let dir = table.read("dir", |value| path(value, folder));
    if dir.is_some() && families.names().next().is_none() {
        let problem = Diagnostic::error("`fonts.dir` is given, and no family is named");
        table.problem(
            problem
                .hint("write text = [\"Source Han Sans SC\"], the family to use from the folder"),
        );
    }
    let place = table.place();
    table.end();
    Fonts {
        place,
        dir,
        families,
    }
}
