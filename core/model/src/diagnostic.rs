//! What went wrong or needs a caveat: what, where, why, and a `hint:`; all problems at once.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The result stands, with a caveat that travels with it.
    Warning,
    /// The thing asked for was not done.
    Error,
}

/// Where in a file a diagnostic points. Lines and columns count from one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, from one; zero when only the file is known.
    pub line: usize,
    /// Column in characters, from one; zero when only the line is known.
    pub column: usize,
    /// The line itself, for the caret.
    pub source: Option<String>,
}

/// One problem: message without a full stop, place, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What went wrong and why, in one sentence without a full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the machine stood in the way (a full disk, a ledger that does not answer) and not the work itself: trying
    /// again later can succeed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub machine: bool,
}

impl Diagnostic {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A note.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            place: None,
            hint: None,
            machine: false,
        }
    }

    /// Marks it as the machine's: trying again later can succeed.
    #[must_use]
    pub fn machine(mut self) -> Self {
        self.machine = true;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds only the file.
    #[must_use]
    pub fn in_file(self, file: impl Into<String>) -> Self {
        self.at(Place {
            file: file.into(),
            line: 0,
            column: 0,
            source: None,
        })
    }

    /// Whether this stops the work.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}: {}", self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n  --> {}", place.file)?;
            if place.line > 0 {
                write!(f, ":{}", place.line)?;
            }
            if place.column > 0 {
                write!(f, ":{}", place.column)?;
            }
            if let Some(source) = &place.source {
                write!(f, "\n   | {source}")?;
                if place.column > 0 {
                    write!(f, "\n   | {:>1$}", "^", place.column)?;
                }
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// A result with the caveats that must travel with it to the page, the CLI and the ledger.
#[derive(Debug, Clone)]
pub struct Warned<T> {
    /// The result.
    pub value: T,
    /// Its caveats.
    pub warnings: Vec<Diagnostic>,
}

/// Several problems at once; displays all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Diagnostic>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// Whether the machine stood in the way of any of it.
    #[must_use]
    pub fn machine(&self) -> bool {
        self.0.iter().any(|problem| problem.machine)
    }
}

impl From<Diagnostic> for Problems {
    fn from(problem: Diagnostic) -> Self {
        Self(vec![problem])
    }
}

/// The nearest of `names` to a mistyped `name`, for hints ("did you mean ...").
#[must_use]
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(d, candidate)| *d <= 1 + candidate.chars().count().max(name.chars().count()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_says_what_where_and_hint() {
        let d = Diagnostic::error("unknown element `kpii`")
            .at(Place {
                file: "daily.html".into(),
                line: 3,
                column: 2,
                source: Some("<kpii>".into()),
            })
            .hint("did you mean `kpi`?");
        assert_eq!(
            d.to_string(),
            "error: unknown element `kpii`\n  --> daily.html:3:2\n   | <kpii>\n   |  ^\nhint: did you mean `kpi`?"
        );
    }

    #[test]
    fn nearest_finds_a_typo_and_refuses_nonsense() {
        assert_eq!(nearest("kpii", ["kpis", "kpi", "lede"]), Some("kpi"));
        assert_eq!(nearest("zzzzzz", ["kpis", "kpi", "lede"]), None);
    }
}
