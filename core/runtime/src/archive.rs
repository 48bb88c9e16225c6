//! The archive: bytes by their digest in a folder; written once, never changed, checked whenever they are read.

use crate::storage;
use chenbao_model::{Diagnostic, Digest};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An archive folder.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Opens an archive; the folder is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, Diagnostic> {
        std::fs::create_dir_all(folder).map_err(|why| {
            Diagnostic::error(format!(
                "the archive {} cannot be made: {why}",
                folder.display()
            ))
            .hint("check [archive] dir and who may write there")
        })?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    /// Keeps bytes and returns their name. Bytes that are there already, whole, are not written again, but count as new for
    /// whoever removes old ones.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Diagnostic> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        let there = std::fs::read(&path).is_ok_and(|there| there == bytes);
        if !there || touch(&path).is_err() {
            storage::write(&path, bytes)
                .map_err(|why| storage::refused("the archive", &path, &why))?;
        }
        Ok(digest)
    }

    /// The bytes of a digest.
    ///
    /// # Errors
    /// They are not there, or not what they were.
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, Diagnostic> {
        let path = self.path(digest);
        let problem = |what: String| Diagnostic::error(what).in_file(path.display().to_string());
        let bytes = std::fs::read(&path).map_err(|why| match why.kind() {
            ErrorKind::NotFound => {
                problem(format!("the archive no longer holds {}", digest.short()))
                    .hint("retention may have removed it; a backup may still have it")
            }
            _ => problem(format!("the archive cannot be read: {why}"))
                .hint("check the disk and who may read the folder"),
        })?;
        if Digest::of(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(problem(format!(
                "the archived file {} was changed or cut short",
                digest.short()
            ))
            .hint("restore it from a backup; a file that does not match its digest is never sent"))
        }
    }

    /// Where the bytes of a digest lie.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let first: String = digest.as_str().chars().take(2).collect();
        self.folder.join(first).join(digest.as_str())
    }
}

/// Dates a file now.
fn touch(path: &Path) -> std::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
    let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps {
        last_access: at(UTIME_OMIT),
        last_modification: at(UTIME_NOW),
    };
    Ok(utimensat(CWD, path, &times, AtFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_by_digest() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("a")).unwrap();
        let digest = archive.put(b"abc").unwrap();
        assert_eq!(digest, Digest::of("abc"));
        assert_eq!(archive.put(b"abc").unwrap(), digest);
        assert_eq!(archive.get(&digest).unwrap(), b"abc");
    }

    #[test]
    fn damage_and_absence_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        let digest = archive.put(b"abc").unwrap();
        std::fs::write(archive.path(&digest), b"abd").unwrap();
        assert!(
            archive
                .get(&digest)
                .unwrap_err()
                .message
                .contains("changed or cut short")
        );
        std::fs::remove_file(archive.path(&digest)).unwrap();
        assert!(
            archive
                .get(&digest)
                .unwrap_err()
                .message
                .contains("no longer holds")
        );
    }

    #[test]
    fn a_file_cut_short_or_changed_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        let digest = archive.put(b"abc").unwrap();
        for damage in ["a", "abd"] {
            std::fs::write(archive.path(&digest), damage).unwrap();
            archive.put(b"abc").unwrap();
            assert_eq!(archive.get(&digest).unwrap(), b"abc");
        }
    }
}
