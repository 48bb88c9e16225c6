//! Which files there are: globs, files still being written, and the one look at the clock.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its path from the project's folder on, for people.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// When it last changed.
    pub(crate) modified: SystemTime,
}

impl Found {
    /// The last part of the name.
    pub(crate) fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Whether the file on the disk is still this one.
    pub(crate) fn unchanged(&self) -> bool {
        std::fs::metadata(&self.path)
            .is_ok_and(|now| now.len() == self.size && now.modified().ok() == Some(self.modified))
    }
}

/// All files that match any of the globs, each once, in the order of their names.
pub(crate) fn all(base: &Path, globs: &[&str]) -> io::Result<Vec<Found>> {
    let mut paths = Vec::new();
    for glob in globs {
        let parts: Vec<&str> = glob
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let start = if glob.starts_with('/') {
            PathBuf::from("/")
        } else {
            base.to_owned()
        };
        walk(start, &parts, &mut paths)?;
    }
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| found(base, path)).collect()
}

fn found(base: &Path, path: PathBuf) -> io::Result<Found> {
    let about = std::fs::metadata(&path)?;
    let name = path
        .strip_prefix(base)
        .unwrap_or(&path)
        .to_string_lossy()
        .into_owned();
    Ok(Found {
        name,
        size: about.len(),
        modified: about.modified()?,
        path,
    })
}

fn walk(at: PathBuf, parts: &[&str], out: &mut Vec<PathBuf>) -> io::Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        if at.is_file() {
            out.push(at);
        }
        return Ok(());
    };
    if *part == "**" {
        walk(at.clone(), rest, out)?;
        for entry in entries(&at)?
            .into_iter()
            .filter(|entry| entry.is_dir() && !entry.is_symlink())
        {
            walk(entry, parts, out)?;
        }
        return Ok(());
    }
    if !part.contains(['*', '?']) {
        return walk(at.join(part), rest, out);
    }
    for entry in entries(&at)? {
        if entry
            .file_name()
            .is_some_and(|name| matches(part, &name.to_string_lossy()))
        {
            walk(entry, rest, out)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("folder `{}`: {error}", folder.display()),
        )),
    }
}

/// Whether the name matches: `*` any run of characters, `?` one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    p = at + 1;
                    n = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// Why the file is left for the next time, if it is not complete yet.
pub(crate) fn unfinished(file: &Found, now: SystemTime, settle: Duration) -> Option<String> {
    let name = file.file_name();
    let ending = [".part", ".crdownload", ".tmp", ".download"]
        .into_iter()
        .find(|ending| name.ends_with(ending));
    if let Some(ending) = ending {
        return Some(format!("a download under way ({ending})"));
    }
    if name.starts_with("~$") || name.starts_with('.') {
        return Some("a program's own lock or hidden file".to_owned());
    }
    // A clock that is behind the file server's shows a time to come; that far off it says nothing.
    let age = now
        .duration_since(file.modified)
        .unwrap_or_else(|ahead| ahead.duration());
    (age < settle).then(|| {
        format!(
            "changed {} s ago; it is read once it has been still for {} s",
            age.as_secs(),
            settle.as_secs()
        )
    })
}

/// The machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a file is still being written is a question to the machine's clock and file system alone"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_names() {
        for (pattern, name, fits) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.part", false),
            ("订单*_?.csv", "订单导出_1.csv", true),
            ("*a*b", "xaybzb", true),
            ("?", "", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn folders_are_walked_and_each_file_found_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/1.csv", "a/b/2.csv", "a/b/x.txt", "3.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let names = |globs: &[&str]| {
            all(folder.path(), globs)
                .unwrap()
                .into_iter()
                .map(|f| f.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["a/*.csv"]), ["a/1.csv"]);
        assert_eq!(
            names(&["**/*.csv", "3.csv"]),
            ["3.csv", "a/1.csv", "a/b/2.csv"]
        );
        assert_eq!(names(&["*/*/2.csv"]), ["a/b/2.csv"]);
        assert_eq!(names(&["none/*.csv", "none.csv"]), Vec::<String>::new());
        let absolute = folder.path().join("a/1.csv");
        assert_eq!(names(&[absolute.to_str().unwrap()]), ["a/1.csv"]);
    }

    #[test]
    fn files_still_being_written_are_left_alone() {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let file = |name: &str| Found {
            path: name.into(),
            name: name.into(),
            size: 1,
            modified: long_ago,
        };
        let settle = Duration::from_secs(10);
        let after = |seconds| long_ago + Duration::from_secs(seconds);
        assert_eq!(unfinished(&file("x/a.csv"), after(10), settle), None);
        assert!(
            unfinished(&file("x/a.csv"), after(3), settle)
                .unwrap()
                .starts_with("changed 3 s ago")
        );
        assert_eq!(unfinished(&file("x/a.csv"), after(0), Duration::ZERO), None);
        for name in [
            "a.csv.part",
            "a.csv.crdownload",
            "x/~$a.xlsx",
            "a.tmp",
            "x/.a.csv",
        ] {
            assert!(
                unfinished(&file(name), after(100), settle).is_some(),
                "{name}"
            );
        }
    }
}
