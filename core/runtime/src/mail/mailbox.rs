//! The mailbox that bounces arrive in: a Maildir folder or an mbox file. Nothing in it is deleted.

use mail_parser::mailbox::mbox;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// Messages of a mailbox that nobody has marked as seen.
#[derive(Debug)]
pub enum Returns {
    /// Files of a Maildir.
    Maildir(std::vec::IntoIter<PathBuf>),
    /// Messages of one file.
    Mbox(Box<Mbox>),
}

/// An mbox file that is being read.
pub struct Mbox(mbox::MessageIterator<BufReader<File>>);

impl std::fmt::Debug for Mbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mbox")
    }
}

/// A message that was found.
#[derive(Debug)]
pub struct Found {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its file in a Maildir.
    file: Option<PathBuf>,
}

impl Returns {
    /// Opens a mailbox.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            let file = BufReader::new(File::open(path)?);
            return Ok(Self::Mbox(Box::new(Mbox(mbox::MessageIterator::new(file)))));
        }
        let mut files = Vec::new();
        for folder in ["new", "cur"] {
            for entry in std::fs::read_dir(path.join(folder))? {
                let file = entry?.path();
                if !seen(&file) {
                    files.push(file);
                }
            }
        }
        files.sort();
        Ok(Self::Maildir(files.into_iter()))
    }

    /// What changes whenever a mailbox that is one file changes: its length and the moment of its last change. None for a folder.
    #[must_use]
    pub fn state(path: &Path) -> Option<String> {
        let file = std::fs::metadata(path).ok().filter(|file| file.is_file())?;
        Some(format!("{} {:?}", file.len(), file.modified().ok()?))
    }
}

impl Iterator for Returns {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Mbox(mbox) => mbox.0.next().map(|message| {
                message.map(|message| Found {
                    bytes: message.unwrap_contents(),
                    file: None,
                })
            }),
            Self::Maildir(files) => files.next().map(|file| {
                std::fs::read(&file).map(|bytes| Found {
                    bytes,
                    file: Some(file),
                })
            }),
        }
    }
}

impl Found {
    /// Marks a message of a Maildir as seen, as any mail program does. Where that is not allowed it is simply read again next
    /// time, and known by its digest.
    pub fn mark_seen(&self) {
        let Some(file) = &self.file else { return };
        let name = file.file_name().map(|name| name.to_string_lossy());
        let (Some(name), Some(mailbox)) = (name, file.parent().and_then(Path::parent)) else {
            return;
        };
        let marked = match name.split_once(":2,") {
            Some((base, flags)) => format!("{base}:2,{flags}S"),
            None => format!("{name}:2,S"),
        };
        if let Err(why) = std::fs::rename(file, mailbox.join("cur").join(marked)) {
            tracing::debug!(file = %file.display(), "not marked as seen: {why}");
        }
    }
}

fn seen(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy());
    name.is_none_or(|name| {
        let flags = name.split_once(":2,").map_or("", |(_, flags)| flags);
        name.starts_with('.') || flags.contains('S')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(path: &Path) -> Vec<Found> {
        Returns::open(path).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_maildir_gives_what_is_not_seen_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new/a", "cur/b:2,R", "cur/c:2,S", "new/.hidden", "tmp/d"] {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, name).unwrap();
        }
        let found = all(folder.path());
        let bytes: Vec<_> = found.iter().map(|one| one.bytes.as_slice()).collect();
        assert_eq!(bytes, [b"cur/b:2,R".as_slice(), b"new/a"]);
        found.iter().for_each(Found::mark_seen);
        assert_eq!(all(folder.path()).len(), 0);
        assert!(folder.path().join("cur/b:2,RS").exists());
        assert!(folder.path().join("cur/a:2,S").exists());
    }

    #[test]
    fn an_mbox_gives_each_message() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "From a Sun Nov 22\nTo: x\n\n>From here\n\nFrom b Sun Nov 22\nTo: y\n\nhi\n",
        )
        .unwrap();
        let found = all(file.path());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bytes, b"To: x\n\nFrom here\n\n");
        let before = Returns::state(file.path());
        std::fs::write(file.path(), "").unwrap();
        assert!(before.is_some() && before != Returns::state(file.path()));
        assert!(Returns::open(&file.path().join("gone")).is_err());
    }
}
