//! A library as it was looked at: the open file itself, so that what was judged is what is loaded, whatever lies at its path by then.

use chenbao_model::Digest;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

/// An open library with the digest of its bytes.
#[derive(Debug, Clone)]
pub struct Opened {
    file: Arc<File>,
    digest: Digest,
    seen: Seen,
}

/// What changes when somebody writes into a file: the kernel alone sets the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    fn of(file: &File) -> std::io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

impl Opened {
    /// Opens a library and reads it whole; its digest and its bytes go to `look`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open<T>(
        path: &Path,
        look: impl FnOnce(&Digest, &[u8]) -> T,
    ) -> std::io::Result<(Self, T)> {
        let mut file = File::open(path)?;
        let seen = Seen::of(&file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let digest = Digest::of(&bytes);
        let looked = look(&digest, &bytes);
        let opened = Self {
            file: Arc::new(file),
            digest,
            seen,
        };
        Ok((opened, looked))
    }

    /// SHA-256 of its bytes when it was looked at.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The file, if it still holds those bytes. A file that was replaced by another is not touched by that; one that was
    /// written into is read again.
    ///
    /// # Errors
    /// It says something else now.
    pub(super) fn file(&self) -> Result<&File, String> {
        let now = Seen::of(&self.file).map_err(|e| e.to_string())?;
        if now == self.seen || self.same_bytes(now.size) {
            return Ok(&self.file);
        }
        Err("the library was written into since it was looked at; hint: replace a library by moving a new file into its place, then reload".to_owned())
    }

    fn same_bytes(&self, size: u64) -> bool {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, 0).is_ok() && Digest::of(bytes) == self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_was_written_into_is_no_longer_the_one_that_was_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libx.so");
        std::fs::write(&path, "one").unwrap();
        let (opened, length) = Opened::open(&path, |_, bytes| bytes.len()).unwrap();
        assert_eq!((length, opened.digest()), (3, &Digest::of("one")));
        assert!(opened.file().is_ok());
        // The same bytes again, and another file in its place, change nothing.
        std::fs::write(&path, "one").unwrap();
        assert!(opened.file().is_ok());
        let other = dir.path().join("new");
        std::fs::write(&other, "two").unwrap();
        let (held, ()) = Opened::open(&path, |_, _| ()).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(opened.file().is_ok() && held.file().is_ok());
        // Other bytes in the same file.
        let (opened, ()) = Opened::open(&path, |_, _| ()).unwrap();
        std::fs::write(&path, "six").unwrap();
        assert!(opened.file().unwrap_err().contains("written into"));
    }
}
