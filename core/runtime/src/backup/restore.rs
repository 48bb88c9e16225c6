//! Restoring a backup into an empty folder: everything is verified first, the ledger becomes visible at once, the configuration comes last.
//!
//! A restored ledger sends nothing again: what waited to be sent counts as unknown, because it may have been sent since the
//! backup was made, and the schedules begin anew now.

use super::{ARCHIVE, Entry, FORMAT, LAKE, LEDGER, MANIFEST, Manifest, PROJECT, Progress};
use crate::config::meant::LedgerUrl;
use crate::config::{self, Config};
use crate::identity;
use crate::ledger::{Ledger, Waited};
use crate::storage::{self, Aside, Sealed};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Component, Path, PathBuf};

/// What is to be restored.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The backup.
    pub file: &'a Path,
    /// The folder of the project; empty or not there.
    pub dir: &'a Path,
    /// A configuration to use instead of the one in the backup: other folders, another ledger.
    pub with: Option<&'a Path>,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The configuration.
    pub config: PathBuf,
    /// When the backup was made.
    pub made: Timestamp,
    /// Files.
    pub files: usize,
    /// Rows of the ledger.
    pub rows: u64,
    /// What waited to be sent or made.
    pub waited: Waited,
    /// Where the key that hides personal cells has to lie; none where the configuration says where it is.
    pub key: Option<PathBuf>,
}

/// Restores a backup.
///
/// # Errors
/// The backup is damaged (everything that is, at once), a folder is not empty, or the ledger has rows already.
pub async fn restore(
    asked: Asked<'_>,
    now: Timestamp,
    progress: &Progress<'_>,
) -> Result<Restored, Problems> {
    let verified = tokio::task::block_in_place(|| verify(asked.file, progress))?;
    let Verified { manifest, small } = verified;
    let config_file = asked.dir.join(&manifest.config);
    let text = match asked.with {
        Some(path) => std::fs::read(path).map_err(|why| unreadable(path, &why))?,
        None => small
            .get(&format!("{PROJECT}/{}", manifest.config))
            .cloned()
            .unwrap_or_default(),
    };
    let meant = String::from_utf8_lossy(&text).into_owned();
    let config = config::resolve(&meant, &config_file.display().to_string())?.value;
    refuse_what_is_there(asked.dir, &config)?;
    let url = match &config.ledger {
        LedgerUrl::Plain(url) => url.clone(),
        LedgerUrl::Secret(reference) => config::fetch(reference)?.expose().to_owned(),
    };
    let ledger = Ledger::open_at(&url, manifest.schema)
        .await
        .map_err(into_other)?;
    let mut loading = ledger.loading().await.map_err(into_other)?;
    let homes = Homes {
        lake: config.lake.dir.clone(),
        archive: config.archive.clone(),
        project: asked.dir.to_path_buf(),
        rows: aside(asked.dir).map_err(|why| unwritten(asked.dir, &why))?,
        config: config_file.clone(),
    };
    tokio::task::block_in_place(|| unpack(asked.file, &homes, progress))?;
    let mut rows = 0;
    let tables = manifest.files.iter().filter_map(|entry| table(&entry.path));
    for table in tables {
        let path = homes.rows.path().join(format!("{table}.jsonl"));
        let file = File::open(&path).map_err(|why| unreadable(&path, &why))?;
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|why| unreadable(&path, &why))?;
            loading.line(table, &line).await?;
            rows += 1;
        }
    }
    let waited = loading.settle(manifest.made, now, &identity::FACTS).await?;
    loading.end().await?;
    ledger.modernise().await?;
    ledger.close().await;
    storage::write(&config_file, &text).map_err(|why| unwritten(&config_file, &why))?;
    Ok(Restored {
        config: config_file,
        made: manifest.made,
        files: manifest.files.len(),
        rows,
        waited,
        key: config
            .lake
            .hash_key
            .is_none()
            .then(|| config.lake.dir.join("hash.key")),
    })
}

/// A folder for the rows on their way into the ledger; it goes away.
fn aside(dir: &Path) -> io::Result<tempfile::TempDir> {
    std::fs::create_dir_all(dir)?;
    tempfile::Builder::new()
        .prefix(".part-rows-")
        .tempdir_in(dir)
}

/// The table of an entry of rows.
fn table(path: &str) -> Option<&str> {
    path.strip_prefix(LEDGER)?
        .strip_prefix('/')?
        .strip_suffix(".jsonl")
}

fn into_other(error: crate::ledger::LedgerError) -> Diagnostic {
    Diagnostic::from(error).hint(
        "a backup is restored into an empty ledger; --with FILE takes another configuration, with other folders and another ledger",
    )
}

/// A backup goes where nothing is: a live project is never mixed with an old one.
fn refuse_what_is_there(dir: &Path, config: &Config) -> Result<(), Problems> {
    let holds = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some());
    let all = [
        ("project", dir),
        ("lake", &config.lake.dir),
        ("archive", &config.archive),
    ];
    let problems: Vec<Diagnostic> = all
        .into_iter()
        .filter(|(_, folder)| holds(folder))
        .map(|(what, folder)| {
            Diagnostic::error(format!("the {what}'s folder is not empty"))
                .in_file(folder.display().to_string())
                .hint("give an empty --dir; --with FILE takes another configuration, with other folders and another ledger")
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

struct Verified {
    manifest: Manifest,
    /// The files of the project by path: the configuration is among them.
    small: BTreeMap<String, Vec<u8>>,
}

/// Reads the whole backup once and compares it with what it says of itself.
fn verify(file: &Path, progress: &Progress<'_>) -> Result<Verified, Problems> {
    let mut found: BTreeMap<String, (Digest, u64)> = BTreeMap::new();
    let mut small = BTreeMap::new();
    let mut manifest = None;
    walk(file, progress, &mut |path, entry| {
        if path == MANIFEST {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            manifest = Some(serde_json::from_slice::<Manifest>(&text)?);
        } else if path.starts_with(PROJECT) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            found.insert(path.to_owned(), (Digest::of(&bytes), length));
            small.insert(path.to_owned(), bytes);
        } else {
            found.insert(path.to_owned(), Digest::of_reader(entry)?);
        }
        Ok(())
    })?;
    let manifest = manifest.ok_or_else(|| {
        damaged(
            file,
            "it ends before its list of contents: it was cut short, or is no backup of chenbao"
                .to_owned(),
        )
    })?;
    if manifest.format != FORMAT {
        let what = format!(
            "it has format {}, this chenbao reads {FORMAT}",
            manifest.format
        );
        return Err(Diagnostic::error(what)
            .in_file(file.display().to_string())
            .hint(format!("restore it with chenbao {}", manifest.chenbao))
            .into());
    }
    let problems: Vec<Diagnostic> = manifest
        .files
        .iter()
        .filter_map(|entry| Some(damaged(file, wrong(entry, found.get(&entry.path))?)))
        .collect();
    if problems.is_empty() {
        Ok(Verified { manifest, small })
    } else {
        Err(Problems(problems))
    }
}

fn wrong(entry: &Entry, found: Option<&(Digest, u64)>) -> Option<String> {
    match found {
        None => Some(format!("`{}` is not in it any more", entry.path)),
        Some((digest, _)) if *digest != entry.digest => Some(format!(
            "`{}` was changed: its content has another digest",
            entry.path
        )),
        Some(_) => None,
    }
}

/// Where the parts of a backup go.
struct Homes {
    lake: PathBuf,
    archive: PathBuf,
    project: PathBuf,
    rows: tempfile::TempDir,
    config: PathBuf,
}

impl Homes {
    /// The folder that a part goes to, and its whole path.
    fn of(&self, path: &str) -> Option<(&Path, PathBuf)> {
        let (within, rest) = path.split_once('/')?;
        let home = match within {
            LEDGER => self.rows.path(),
            LAKE => self.lake.as_path(),
            ARCHIVE => &self.archive,
            PROJECT => &self.project,
            _ => return None,
        };
        // The configuration makes a project of the folder: it is written when all else is there.
        Some((home, home.join(rest))).filter(|(_, path)| *path != self.config)
    }
}

/// Unpacks everything aside, then gives every file its name.
fn unpack(file: &Path, homes: &Homes, progress: &Progress<'_>) -> Result<(), Problems> {
    let mut all: BTreeMap<&Path, Vec<(Sealed, PathBuf)>> = BTreeMap::new();
    walk(file, progress, &mut |path, entry| {
        let Some((home, path)) = homes.of(path) else {
            return Ok(());
        };
        std::fs::create_dir_all(home)?;
        let mut out = Aside::begin(home)?;
        io::copy(entry, &mut out)?;
        all.entry(home).or_default().push((out.seal()?, path));
        Ok(())
    })?;
    for (home, files) in all {
        storage::publish(files, home).map_err(|(why, path)| unwritten(&path, &why))?;
    }
    Ok(())
}

/// Reads every entry in order.
fn walk(
    file: &Path,
    progress: &Progress<'_>,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Problems> {
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
    let (total, opened) = opened.map_err(|why| unreadable(file, &why))?;
    let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 20, opened));
    let mut last = String::new();
    let broken = |last: &str, why: io::Error| {
        let after = match last {
            "" => "at its beginning".to_owned(),
            last => format!("after `{last}`"),
        };
        damaged(file, format!("it cannot be read {after}: {why}"))
    };
    for entry in tar.entries().map_err(|why| broken("", why))? {
        let mut entry = entry.map_err(|why| broken(&last, why))?;
        let path = plain(&entry).map_err(|why| broken(&last, why))?;
        each(&path, &mut entry).map_err(|why| broken(&path, why))?;
        progress(entry.raw_file_position() + entry.size(), total);
        last = path;
    }
    Ok(())
}

/// The path of a regular file that stays inside.
fn plain(entry: &tar::Entry<'_, impl Read>) -> io::Result<String> {
    let path = entry.path()?.into_owned();
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if inside && entry.header().entry_type().is_file() {
        Ok(path.to_string_lossy().into_owned())
    } else {
        Err(io::Error::other(format!(
            "`{}` is no plain file of a backup",
            path.display()
        )))
    }
}

fn damaged(file: &Path, what: String) -> Diagnostic {
    Diagnostic::error(format!("the backup is damaged: {what}"))
        .in_file(file.display().to_string())
        .hint("take another copy of it, or an older backup; nothing was restored")
}

fn unreadable(path: &Path, why: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("the file cannot be read: {why}"))
        .in_file(path.display().to_string())
        .hint("check the path and who may read it")
}

fn unwritten(path: &Path, why: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("the project cannot be restored here: {why}"))
        .in_file(path.display().to_string())
        .hint("check that the disk has room and that the folder is writable; then remove what is there and restore again")
}
