//! The lake's folder: immutable Parquet files, written aside, synced, and renamed to the digest of their content.
//!
//! `raw/<source>/<digest>.parquet` as the sources found it, `tables/<table>/<shop>/<day|whole>/<feed>-<number>-<digest>.parquet`
//! as the mappings understood it, `packs/` old months of it in one file each, `aside/` for files still being written.

use chenbao_model::catalogue::Revision;
use chenbao_model::{Diagnostic, Digest};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir, TempPath};

const ASIDE: &str = "aside";
/// Where canonical tables live, under the lake's folder.
pub(crate) const TABLES: &str = "tables";
/// Where old months lie as one file each.
pub(crate) const PACKS: &str = "packs";
const RAW: &str = "raw";

/// A folder of Parquet files; everything in it has one name for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lake {
    dir: PathBuf,
    /// Folder under `dir` whose `tables` new revisions go to; empty but for a scratch lake.
    under: String,
}

impl Lake {
    /// Opens a lake; makes its folders where they are missing.
    ///
    /// # Errors
    /// The folder cannot be made or found.
    pub fn open(dir: &Path) -> Result<Self, Diagnostic> {
        let open = || -> io::Result<PathBuf> {
            for part in [RAW, TABLES, ASIDE] {
                std::fs::create_dir_all(dir.join(part))?;
            }
            dir.canonicalize()
        };
        let dir = open().map_err(|e| {
            Diagnostic::error(format!("the lake cannot be opened: {e}"))
                .in_file(dir.display().to_string())
                .hint("choose a folder that this user may write")
        })?;
        let under = String::new();
        Ok(Self { dir, under })
    }

    /// The same lake, but new revisions land in a folder of their own that goes away with the answer's second half.
    pub(crate) fn scratch(&self) -> Result<(Self, TempDir), Diagnostic> {
        let aside = self.dir.join(ASIDE);
        let folder = TempDir::with_prefix_in("scratch-", &aside)
            .map_err(|e| unwritten(&e, aside.display().to_string()))?;
        let name = folder.path().file_name().unwrap_or_default();
        let scratch = Self {
            dir: self.dir.clone(),
            under: format!("{ASIDE}/{}/", name.to_string_lossy()),
        };
        Ok((scratch, folder))
    }

    /// Where a new revision goes, given its path in the lake.
    pub(crate) fn home(&self, path: &str) -> String {
        format!("{}{path}", self.under)
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A revision's file.
    #[must_use]
    pub fn file(&self, revision: &Revision) -> PathBuf {
        self.dir.join(&revision.path)
    }

    /// A new file, aside.
    pub(crate) fn aside(&self) -> io::Result<AsideFile> {
        let file = NamedTempFile::new_in(self.dir.join(ASIDE))?;
        Ok(AsideFile {
            out: BufWriter::with_capacity(1 << 16, file),
            hash: sha2::Sha256::new(),
            bytes: 0,
        })
    }

    /// Gives synced files their names, then syncs the folders, so that a name that is seen is a whole file.
    pub(crate) fn publish(&self, files: Vec<(Sealed, String)>) -> Result<(), Diagnostic> {
        let mut folders = BTreeSet::new();
        for (sealed, path) in files {
            let target = self.dir.join(&path);
            let place = || target.display().to_string();
            let folder = target.parent().unwrap_or(&self.dir).to_owned();
            std::fs::create_dir_all(&folder).map_err(|e| unwritten(&e, place()))?;
            sealed
                .path
                .persist(&target)
                .map_err(|e| unwritten(&e.error, place()))?;
            folders.extend(
                folder
                    .ancestors()
                    .take_while(|up| up.starts_with(&self.dir))
                    .map(Path::to_owned),
            );
        }
        for folder in folders {
            let synced = File::open(&folder).and_then(|dir| dir.sync_all());
            synced.map_err(|e| unwritten(&e, folder.display().to_string()))?;
        }
        Ok(())
    }
}

/// Where a raw table lives, under the lake's folder.
pub(crate) fn raw_path(source: &str, digest: &Digest) -> String {
    format!("{RAW}/{source}/{digest}.parquet")
}

/// A write into the lake that failed.
pub(crate) fn unwritten(error: &dyn std::error::Error, place: String) -> Diagnostic {
    Diagnostic::error(format!("a lake file cannot be written: {error}"))
        .in_file(place)
        .hint("is the disk full, or the lake's folder read-only?")
}

/// A file that nobody sees yet; it hashes what passes through.
#[derive(Debug)]
pub(crate) struct AsideFile {
    out: BufWriter<NamedTempFile>,
    hash: sha2::Sha256,
    bytes: u64,
}

/// A whole, synced file that only lacks its name; dropped, it disappears.
#[derive(Debug)]
pub(crate) struct Sealed {
    path: TempPath,
    /// Digest of its content.
    pub(crate) digest: Digest,
    /// Its size.
    pub(crate) bytes: u64,
}

impl AsideFile {
    /// Flushes, syncs and closes it.
    pub(crate) fn seal(self) -> io::Result<Sealed> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let hex: String = self
            .hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let digest =
            Digest::parse(&hex).ok_or_else(|| io::Error::other("a digest has 64 digits"))?;
        Ok(Sealed {
            path: file.into_temp_path(),
            digest,
            bytes: self.bytes,
        })
    }
}

impl Write for AsideFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.hash.update(buffer.get(..written).unwrap_or(buffer));
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
