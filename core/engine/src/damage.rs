//! Whether files of the lake still are what the catalogue says: size and digest, looked at before anything is read from them.

use crate::Lake;
use chenbao_model::catalogue::Revision;
use chenbao_model::{Diagnostic, Digest};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A file that is not what the catalogue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// What the catalogue says of it.
    pub revision: Revision,
    /// What is wrong: `it is gone`, `it was cut short ...`, `it was changed ...`.
    pub why: String,
}

impl Damaged {
    /// What is wrong as a sentence that names the file.
    #[must_use]
    pub fn problem(&self, lake: &Lake) -> Diagnostic {
        broken(&lake.file(&self.revision), &self.why)
    }
}

/// A file of the lake that is not what it was.
pub(crate) fn broken(file: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(format!("a file of the lake is damaged: {why}"))
        .in_file(file.display().to_string())
        .hint("`chenbao collect` withdraws it and makes it again from the raw tables or from its source")
}

/// Files that were found whole by this process, each with the size and time that it had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whole(Arc<Mutex<Seen>>);

type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Whole {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that this process has just written whole.
    pub(crate) fn written(&self, file: &Path) {
        if let Ok(about) = std::fs::metadata(file) {
            self.lock()
                .insert(file.to_owned(), (about.len(), about.modified().ok()));
        }
    }
}

impl Lake {
    /// Those of some revisions whose files are not what the catalogue says. A file is read through once in a process, and again
    /// when its size or time shows that somebody has touched it.
    #[must_use]
    pub fn damaged<'a>(&self, revisions: impl IntoIterator<Item = &'a Revision>) -> Vec<Damaged> {
        let found = revisions.into_iter().filter_map(|revision| {
            let why = self.flaw(
                &self.file(revision),
                (&revision.digest, Some(revision.bytes)),
            )?;
            Some(Damaged {
                revision: revision.clone(),
                why,
            })
        });
        found.collect()
    }

    /// Why a file is not the one with this digest and size; none if it is.
    pub(crate) fn flaw(
        &self,
        file: &Path,
        (digest, bytes): (&Digest, Option<u64>),
    ) -> Option<String> {
        let about = match std::fs::metadata(file) {
            Ok(about) => about,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Some("it is gone".to_owned());
            }
            Err(why) => return Some(format!("it cannot be read: {why}")),
        };
        let there = about.len();
        if let Some(bytes) = bytes.filter(|bytes| *bytes != there) {
            return Some(format!("it has {there} bytes instead of {bytes}"));
        }
        let seen = (there, about.modified().ok());
        if self.whole().lock().get(file) == Some(&seen) {
            return None;
        }
        match digest_of(file) {
            Ok((found, _)) if found == *digest => {
                self.whole().lock().insert(file.to_owned(), seen);
                None
            }
            Ok(_) => Some("its content has changed since it was written".to_owned()),
            Err(why) => Some(format!("it cannot be read: {why}")),
        }
    }
}

/// Digest and size of a file.
pub(crate) fn digest_of(file: &Path) -> io::Result<(Digest, u64)> {
    Digest::of_reader(std::fs::File::open(file)?)
}
