//! Making a backup while everything goes on: the rows first, as of one moment, then the files that they name, which never change.

use super::{ARCHIVE, Entry, FORMAT, LAKE, LEDGER, MANIFEST, Manifest, PROJECT, Progress};
use crate::audit;
use crate::config::Config;
use crate::config::meant::{MappingRef, Transport};
use crate::project::Project;
use crate::storage::{self, Aside};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read as _};
use std::path::{Component, Path, PathBuf};

/// What a backup holds.
#[derive(Debug)]
pub struct Made {
    /// Files in it.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of the ledger.
    pub rows: u64,
    /// What is not in it, and why; empty: everything is.
    pub left_out: Vec<Diagnostic>,
    /// The key that hides personal cells, where it is a file: a secret, so not in the backup.
    pub key: Option<PathBuf>,
}

/// Something that goes in.
struct Item {
    path: String,
    from: PathBuf,
    /// Known where the file's name says it.
    digest: Option<Digest>,
}

/// Writes a backup; the file appears when it is whole.
///
/// # Errors
/// The file is there already or cannot be written, or the ledger does not answer.
pub async fn make(
    project: &Project,
    file: &Path,
    progress: &Progress<'_>,
) -> Result<Made, Problems> {
    let now = project.clock.now();
    if file.exists() {
        return Err(Diagnostic::error("there is a file of that name already")
            .in_file(file.display().to_string())
            .hint("choose another name, or move the old backup away first")
            .into());
    }
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let fail = |why: io::Error| unwritten(file, &why);
    let rows = tempfile::Builder::new()
        .prefix(".part-rows-")
        .tempdir_in(folder)
        .map_err(fail)?;
    let exported = project.ledger.export_into(rows.path()).await?;
    let mut items: Vec<Item> = exported
        .rows
        .keys()
        .map(|table| item(LEDGER, &format!("{table}.jsonl"), rows.path(), None))
        .collect();
    items.extend(immutable(project).await?);
    let mut left_out = Vec::new();
    items.extend(of_the_project(&project.config, &mut left_out));
    let manifest = Manifest {
        format: FORMAT,
        chenbao: env!("CARGO_PKG_VERSION").to_owned(),
        made: now,
        schema: exported.schema,
        config: base(&project.config.file),
        files: Vec::new(),
    };
    let write = || write(file, folder, &items, (manifest, &mut left_out), progress);
    let files = tokio::task::block_in_place(write)?;
    let key = project.config.lake.dir.join("hash.key");
    Ok(Made {
        files: files.len(),
        bytes: files.iter().map(|entry| entry.bytes).sum(),
        rows: exported.rows.values().sum(),
        left_out,
        key: key.exists().then_some(key),
    })
}

fn base(file: &str) -> String {
    let name = Path::new(file).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn item(within: &str, path: &str, folder: &Path, digest: Option<&Digest>) -> Item {
    Item {
        path: format!("{within}/{path}"),
        from: folder.join(path),
        digest: digest.cloned(),
    }
}

/// The files of lake and archive that the ledger names.
async fn immutable(project: &Project) -> Result<Vec<Item>, Problems> {
    let (lake, archive) = (project.lake.dir(), &project.config.archive);
    let revisions = project.ledger.revisions().await?;
    let mut items: Vec<Item> = revisions
        .iter()
        .map(|revision| item(LAKE, &revision.path, lake, Some(&revision.digest)))
        .collect();
    for (source, digest, _) in project.ledger.raw_tables().await? {
        let file = project.lake.raw_file(&source, &digest);
        let path = file
            .strip_prefix(lake)
            .unwrap_or(&file)
            .display()
            .to_string();
        items.push(item(LAKE, &path, lake, Some(&digest)));
    }
    for digest in project.ledger.archived().await?.keys() {
        let file = project.archive.path(digest);
        let path = file
            .strip_prefix(archive)
            .unwrap_or(&file)
            .display()
            .to_string();
        items.push(item(ARCHIVE, &path, archive, Some(digest)));
    }
    Ok(items)
}

/// The configuration and the files of the project that it names, without secrets.
fn of_the_project(config: &Config, left_out: &mut Vec<Diagnostic>) -> Vec<Item> {
    let mut files = vec![PathBuf::from(&config.file)];
    let mappings = config.sources.values().flat_map(|source| &source.mappings);
    files.extend(mappings.filter_map(|mapping| match mapping {
        MappingRef::File(path) => Some(path.clone()),
        MappingRef::Preset(_) => None,
    }));
    if let Transport::Smtp(smtp) = &config.mail.transport {
        files.extend(smtp.ca.clone());
    }
    let lock = config.folder.join("plugins.lock");
    files.extend(lock.exists().then_some(lock));
    for folder in [&config.templates].into_iter().chain(&config.plugins.extra) {
        audit::list(folder, &mut |path| files.push(path.to_path_buf()));
    }
    let secrets = secret_files(config);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for from in files {
        if secrets.contains(&real(&from)) || !seen.insert(from.clone()) {
            continue;
        }
        match within(&from, &config.folder) {
            Some(path) => items.push(Item {
                path: format!("{PROJECT}/{path}"),
                from,
                digest: None,
            }),
            None => left_out.push(
                Diagnostic::warning(
                    "a file of the project lies outside of its folder and is not in the backup",
                )
                .in_file(from.display().to_string())
                .hint("keep a copy of it, or move it into the project"),
            ),
        }
    }
    items
}

/// A path below the project's folder, told from there.
fn within(path: &Path, folder: &Path) -> Option<String> {
    let inner = path.strip_prefix(folder).ok()?;
    let plain = inner
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| inner.display().to_string())
}

/// Files that the configuration names as secrets, whichever key does: every text that reads `file:PATH`.
fn secret_files(config: &Config) -> BTreeSet<PathBuf> {
    fn walk(value: &toml::Value, folder: &Path, found: &mut BTreeSet<PathBuf>) {
        match value {
            toml::Value::String(text) => {
                if let Some(path) = text.strip_prefix("file:") {
                    let path = folder.join(path);
                    found.insert(path.canonicalize().unwrap_or(path));
                }
            }
            toml::Value::Array(list) => list.iter().for_each(|value| walk(value, folder, found)),
            toml::Value::Table(table) => {
                table.values().for_each(|value| walk(value, folder, found));
            }
            _ => {}
        }
    }
    let text = std::fs::read_to_string(&config.file).unwrap_or_default();
    let mut found = BTreeSet::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk(&toml::Value::Table(table), &config.folder, &mut found);
    }
    found
}

fn write(
    file: &Path,
    folder: &Path,
    items: &[Item],
    (mut manifest, left_out): (Manifest, &mut Vec<Diagnostic>),
    progress: &Progress<'_>,
) -> Result<Vec<Entry>, Problems> {
    let fail = |why: io::Error| unwritten(file, &why);
    let size = |item: &Item| std::fs::metadata(&item.from).map_or(0, |about| about.len());
    let total: u64 = items.iter().map(size).sum();
    // Addresses are in it: it is for its owner only.
    let aside = Aside::private(folder).map_err(fail)?;
    let mut tar = tar::Builder::new(BufWriter::with_capacity(1 << 20, aside));
    let mut done = 0;
    for item in items {
        match add(&mut tar, item, manifest.made) {
            Ok(Ok(entry)) => manifest.files.push(entry),
            Ok(Err(why)) => left_out.push(
                Diagnostic::warning(format!("not in the backup: {why}"))
                    .in_file(item.from.display().to_string())
                    .hint("chenbao ledger check --deep"),
            ),
            Err(why) => return Err(fail(why).into()),
        }
        done += size(item);
        progress(done, total);
    }
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| fail(e.into()))?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut head = header(length, manifest.made);
    tar.append_data(&mut head, MANIFEST, text.as_slice())
        .map_err(fail)?;
    let aside = tar
        .into_inner()
        .and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error))
        .map_err(fail)?;
    let sealed = aside.seal().map_err(fail)?;
    storage::publish_new(sealed, file).map_err(fail)?;
    Ok(manifest.files)
}

fn header(bytes: u64, made: Timestamp) -> tar::Header {
    let mut head = tar::Header::new_gnu();
    head.set_size(bytes);
    head.set_mode(0o644);
    head.set_mtime(u64::try_from(made.as_second()).unwrap_or(0));
    head
}

/// Adds a file. The outer error is the backup's, the inner one the file's: gone, unreadable, or not what its name says.
fn add(
    tar: &mut tar::Builder<BufWriter<Aside>>,
    item: &Item,
    made: Timestamp,
) -> io::Result<Result<Entry, String>> {
    let opened = File::open(&item.from).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = match opened {
        Ok(opened) => opened,
        Err(why) => return Ok(Err(format!("it cannot be read: {why}"))),
    };
    // Hashed before it is copied: what is not whole never gets in.
    let digest = match Digest::of_reader(&file) {
        Ok((digest, read)) if read == bytes => digest,
        Ok(_) => return Ok(Err("it changed while it was read".to_owned())),
        Err(why) => return Ok(Err(format!("it cannot be read: {why}"))),
    };
    if item.digest.as_ref().is_some_and(|wanted| *wanted != digest) {
        return Ok(Err(
            "it was changed or cut short: its content has another digest".to_owned(),
        ));
    }
    let again = File::open(&item.from)?.take(bytes);
    tar.append_data(&mut header(bytes, made), &item.path, again)?;
    let path = item.path.clone();
    Ok(Ok(Entry {
        path,
        bytes,
        digest,
    }))
}

fn unwritten(file: &Path, why: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("the backup cannot be written: {why}"))
        .in_file(file.display().to_string())
        .hint("check that the disk has room and that the folder is writable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_project_is_of_it() {
        let folder = Path::new("/p");
        assert_eq!(
            within(Path::new("/p/a/b.toml"), folder).as_deref(),
            Some("a/b.toml")
        );
        assert_eq!(within(Path::new("/p/../q"), folder), None);
        assert_eq!(within(Path::new("/q/a"), folder), None);
        assert_eq!(
            within(Path::new("a.toml"), Path::new("")).as_deref(),
            Some("a.toml")
        );
    }
}
