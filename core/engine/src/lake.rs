//! The lake's folder: immutable Parquet files, written aside, synced, and renamed to the digest of their content.
//!
//! `raw/<source>/<digest>.parquet` as the sources found it, `tables/<table>/<shop>/<day|whole>/<feed>-<number>-<digest>.parquet`
//! as the mappings understood it, `packs/` old months of it in one file each, `aside/` for files still being written.

use crate::damage::Whole;
use chenbao_model::catalogue::Revision;
use chenbao_model::{Diagnostic, Digest, Id};
use chenbao_storage as storage;
use sha2::Digest as _;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ASIDE: &str = "aside";
/// Where canonical tables live, under the lake's folder.
pub(crate) const TABLES: &str = "tables";
/// Where old months lie as one file each.
pub(crate) const PACKS: &str = "packs";
const RAW: &str = "raw";
/// What a write that fails was for.
const WHAT: &str = "the lake";

/// A folder of Parquet files; everything in it has one name for ever.
#[derive(Debug, Clone)]
pub struct Lake {
    dir: PathBuf,
    whole: Whole,
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
        Ok(Self {
            dir,
            whole: Whole::default(),
            under: String::new(),
        })
    }

    /// The same lake, but new revisions land in a folder of their own that goes away with the answer's second half.
    pub(crate) fn scratch(&self) -> Result<(Self, TempDir), Diagnostic> {
        let aside = self.dir.join(ASIDE);
        let folder = TempDir::with_prefix_in("scratch-", &aside)
            .map_err(|e| storage::refused(WHAT, &aside, &e))?;
        let name = folder.path().file_name().unwrap_or_default();
        let scratch = Self {
            dir: self.dir.clone(),
            whole: self.whole.clone(),
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

    /// Which files are known to be whole.
    pub(crate) fn whole(&self) -> &Whole {
        &self.whole
    }

    /// A revision's file.
    #[must_use]
    pub fn file(&self, revision: &Revision) -> PathBuf {
        self.dir.join(&revision.path)
    }

    /// A raw table's file.
    #[must_use]
    pub fn raw_file(&self, source: &Id, digest: &Digest) -> PathBuf {
        self.dir.join(raw_path(source.as_str(), digest))
    }

    /// A new file, aside.
    pub(crate) fn aside(&self) -> io::Result<AsideFile> {
        let file = storage::Aside::begin(&self.dir.join(ASIDE))?;
        Ok(AsideFile {
            out: BufWriter::with_capacity(1 << 16, file),
            hash: sha2::Sha256::new(),
            bytes: 0,
        })
    }

    /// Gives synced files their names, then syncs the folders, so that a name that is seen is a whole file.
    pub(crate) fn publish(&self, files: Vec<(Sealed, String)>) -> Result<(), Diagnostic> {
        let named = |(sealed, path): (Sealed, String)| (sealed.file, self.dir.join(path));
        let files: Vec<_> = files.into_iter().map(named).collect();
        let paths: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
        storage::publish(files, &self.dir)
            .map_err(|(why, path)| storage::refused(WHAT, &path, &why))?;
        for path in paths {
            self.whole.written(&path);
        }
        Ok(())
    }

    /// A write into the lake that failed, as a sentence.
    pub(crate) fn unwritten(&self, why: &(dyn Error + 'static)) -> Diagnostic {
        storage::refused(WHAT, &self.dir, why)
    }
}

/// Where a raw table lives, under the lake's folder.
pub(crate) fn raw_path(source: &str, digest: &Digest) -> String {
    format!("{RAW}/{source}/{digest}.parquet")
}

/// A file that nobody sees yet; it hashes what passes through.
#[derive(Debug)]
pub(crate) struct AsideFile {
    out: BufWriter<storage::Aside>,
    hash: sha2::Sha256,
    bytes: u64,
}

/// A whole, synced file that only lacks its name; dropped, it disappears.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: storage::Sealed,
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
        let file = file.seal()?;
        let hex: String = self
            .hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let digest =
            Digest::parse(&hex).ok_or_else(|| io::Error::other("a digest has 64 digits"))?;
        Ok(Sealed {
            file,
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
