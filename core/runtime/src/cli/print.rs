//! Printing: the only place that writes to the terminal.

#![expect(clippy::print_stderr, reason = "this is the place that prints")]

use crate::config::hide;
use chenbao_model::{Diagnostic, Severity};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// How much is said, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    /// JSON on stdout instead of text.
    pub(super) json: bool,
    /// 0 all, 1 no progress, 2 errors only.
    pub(super) quiet: u8,
    /// Notes too.
    pub(super) verbose: bool,
}

/// A line on stdout. A reader who has heard enough (`| head`) is no mistake.
fn out(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stdout(), "{line}"));
}

impl Voice {
    /// A line of the answer.
    pub(super) fn say(self, line: impl AsRef<str>) {
        if !self.json && self.quiet < 2 {
            out(line.as_ref());
        }
    }

    /// The answer for scripts; text was said line by line before.
    pub(super) fn answer(self, value: &serde_json::Value) {
        if self.json {
            out(&format!("{value:#}"));
        }
    }

    /// Problems and caveats, in the order found.
    pub(super) fn tell(self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            let loud = match diagnostic.severity {
                Severity::Note => self.verbose,
                Severity::Warning => self.quiet < 2,
                Severity::Error => true,
            };
            if loud {
                eprintln!("{}", hide(&diagnostic.to_string()));
            }
        }
    }

    /// A bar when a person watches, plain lines when not.
    pub(super) fn progress(self, what: &str) -> Progress {
        let watched = std::io::stderr().is_terminal() && self.quiet == 0;
        if !watched {
            if self.quiet == 0 {
                eprintln!("{what} ...");
            }
            return Progress(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        let style =
            ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(Some(bar))
    }
}

/// A running piece of work.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// So much is done, of so much.
    pub(super) fn at(&self, done: u64, total: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// What is worked on now.
    pub(super) fn note(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A number of things, for [`Progress::at`].
pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A table for the terminal: columns padded to their widest cell, East Asian characters counted double.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |text: &str| {
        text.chars()
            .map(|c| if u32::from(c) >= 0x1100 { 2 } else { 1 })
            .sum::<usize>()
    };
    let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
    for row in rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = (*column).max(width(cell));
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, column)| {
                format!("{cell}{}", " ".repeat(column.saturating_sub(width(cell))))
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut out = vec![line(heads.to_vec())];
    out.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    out.join("\n")
}
