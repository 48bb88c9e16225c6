//! The catalogue from the lake alone: every footer repeats its revision, so a lost ledger can be made again.

use crate::damage::digest_of;
use crate::ingest::{FOOTER, Footer};
use crate::lake::{Lake, TABLES};
use crate::parquet_file::inspect;
use chenbao_model::catalogue::{Revision, Snapshot};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Warned};
use std::io;
use std::path::{Path, PathBuf};

/// Reads every table file's footer back into a revision, in the catalogue's order.
///
/// Files that are broken, renamed or not ours are left out, each with a warning: the rest of the lake is still good.
///
/// # Errors
/// A folder of the lake cannot be listed.
pub fn rebuild_catalogue(lake: &Lake) -> Result<Warned<Vec<Revision>>, Problems> {
    let mut files = Vec::new();
    list(&lake.dir().join(TABLES), &mut files).map_err(|e| {
        Diagnostic::error(format!("the lake cannot be listed: {e}"))
            .in_file(lake.dir().display().to_string())
    })?;
    let (mut revisions, mut warnings) = (Vec::new(), Vec::new());
    for file in files {
        match revision(lake, &file) {
            Ok(revision) => revisions.push(revision),
            Err(why) => warnings.push(
                Diagnostic::warning(format!("left out of the catalogue: {why}"))
                    .in_file(file.display().to_string()),
            ),
        }
    }
    Ok(Warned {
        value: Snapshot::new(revisions).revisions,
        warnings,
    })
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(())
}

fn revision(lake: &Lake, file: &Path) -> Result<Revision, String> {
    let (_, rows, note) =
        inspect(file, FOOTER).map_err(|e| format!("it is no whole Parquet file: {e}"))?;
    let note = note.ok_or("its footer says nothing about a revision")?;
    let footer: Footer =
        serde_json::from_str(&note).map_err(|e| format!("its footer cannot be read: {e}"))?;
    let (digest, bytes) = digest_of(file).map_err(|e| format!("it cannot be read: {e}"))?;
    if u64::try_from(rows) != Ok(footer.rows) {
        return Err(format!(
            "its footer promises {} rows, it holds {rows}",
            footer.rows
        ));
    }
    let revision = footer.revision(digest, bytes);
    if lake.file(&revision) == file {
        Ok(revision)
    } else {
        Err(format!("its content belongs at {}", revision.path))
    }
}
