//! What of a plugin's folder was saved since the last look.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Size and time of each file that has a part in the plugin.
type Stamps = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// A folder under watch.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    before: Stamps,
}

impl Watch {
    /// From now on.
    #[must_use]
    pub fn begin(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            before: stamps(folder),
        }
    }

    /// The files that were saved, made or removed since the last look, by their path in the folder.
    pub fn saved(&mut self) -> Vec<PathBuf> {
        let now = stamps(&self.folder);
        let new = now
            .iter()
            .filter(|(path, stamp)| self.before.get(*path) != Some(*stamp));
        let gone = self.before.keys().filter(|path| !now.contains_key(*path));
        let all = new.map(|(path, _)| path).chain(gone);
        let inside = |path: &PathBuf| path.strip_prefix(&self.folder).unwrap_or(path).to_owned();
        let saved = all.map(inside).collect();
        self.before = now;
        saved
    }
}

fn stamps(folder: &Path) -> Stamps {
    let mut found = Stamps::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if !counts(&path) {
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(about) if about.is_dir() => folders.push(path),
                Ok(about) => {
                    found.insert(path, (about.len(), about.modified().ok()));
                }
                Err(_) => {}
            }
        }
    }
    found
}

/// What builds write and what people only read has no part in it.
fn counts(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let made = [std::env::consts::DLL_EXTENSION, "o", "md"];
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    !name.starts_with('.')
        && !["target", "Cargo.lock"].contains(&name.as_ref())
        && !made.contains(&ending.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_told_once_and_builds_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("metric.toml", "one");
        let mut watch = Watch::begin(dir.path());
        assert!(watch.saved().is_empty());
        write("sql/days.sql", "select 1");
        write("metric.toml", "more");
        write("target/debug/x", "built");
        write("libx.so", "built");
        write("README.md", "words");
        let saved = watch.saved();
        assert_eq!(
            saved,
            [PathBuf::from("metric.toml"), PathBuf::from("sql/days.sql")]
        );
        assert!(watch.saved().is_empty());
        std::fs::remove_file(dir.path().join("metric.toml")).unwrap();
        assert_eq!(watch.saved(), [PathBuf::from("metric.toml")]);
    }
}
