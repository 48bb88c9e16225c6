//! What can go wrong with the ledger.

use crate::config::hide;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use std::path::PathBuf;

/// A result of the ledger.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL names no engine that is known.
    #[error("the ledger's URL begins with neither `sqlite:` nor `postgres://`")]
    Scheme,
    /// The folder of an SQLite file cannot be made.
    #[error("the ledger's folder {} cannot be made: {why}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Written by a newer version.
    #[error("the ledger has schema {found}, this chenbao knows {known}")]
    Newer {
        /// Schema in the database.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// Written by an older version, where nothing may be changed.
    #[error("the ledger has schema {found}, this chenbao needs {known}")]
    Older {
        /// Schema in the database.
        found: i64,
        /// Schema needed here.
        known: i64,
    },
    /// A row that no version of ours wrote.
    #[error("the ledger holds {what} `{value}`, which cannot be read")]
    Corrupt {
        /// What kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The row asked for is not there (any more) or is not in the state that the change needs.
    #[error("{0}")]
    Gone(String),
    /// The rows cannot be written where they were asked for.
    #[error("the ledger's rows cannot be written: {0}")]
    Export(std::io::Error),
    /// The database's own error.
    #[error("the ledger does not work: {}", hide(&.0.to_string()))]
    Database(#[from] sqlx::Error),
}

impl LedgerError {
    /// A value that cannot be read.
    pub(super) fn corrupt(what: &'static str, value: impl Into<String>) -> Self {
        Self::Corrupt {
            what,
            value: value.into(),
        }
    }

    /// Whether another writer was first with the same key.
    pub(super) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(e)) if e.is_unique_violation())
    }
}

/// Whether SQLite says that the disk is full, broken or closed to us.
pub(super) fn is_disk(why: &sqlx::Error) -> bool {
    /// READONLY, IOERR, FULL, CANTOPEN; the code behind them says which kind.
    const DISK: [i32; 4] = [8, 10, 13, 14];
    let code = why.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| DISK.contains(&(code & 0xff)))
}

impl From<LedgerError> for Diagnostic {
    fn from(error: LedgerError) -> Self {
        let hint = match &error {
            LedgerError::Scheme => "write sqlite:ledger.sqlite or postgres://host/database",
            LedgerError::Folder { .. } => "check that the folder above exists and is writable",
            LedgerError::Newer { .. } => {
                "run the newer chenbao, or restore the backup made before the upgrade"
            }
            LedgerError::Older { .. } => {
                "start `chenbao serve` once: it brings the ledger up to date"
            }
            LedgerError::Corrupt { .. } => "restore the ledger from a backup",
            LedgerError::Export(_) => {
                "check that the disk has room and that the folder is writable"
            }
            LedgerError::Gone(_) => "look at `chenbao history`",
            LedgerError::Database(_) => {
                "check that the database runs, that its disk has room and that its file is writable; until then nothing is sent, and nothing is lost"
            }
        };
        let problem = Self::error(error.to_string()).hint(hint);
        match error {
            LedgerError::Database(_) | LedgerError::Folder { .. } => problem.machine(),
            _ => problem,
        }
    }
}

impl From<LedgerError> for Problems {
    fn from(error: LedgerError) -> Self {
        Diagnostic::from(error).into()
    }
}
