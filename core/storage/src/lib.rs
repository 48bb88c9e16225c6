//! The one way to the disk: files that are wholly there or not at all, and what to say when the disk refuses.
//!
//! A file is written aside ([`Aside`]), synced ([`Aside::seal`]), renamed to its name, and then its folder is synced, and the
//! folders above that may be new ([`publish`]). So a name that the ledger refers to is a whole file, whatever moment the power
//! fails. [`refused`] turns an error into a sentence that names the folder and what is free in it.

use chenbao_model::Diagnostic;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// What the names of files begin with that are still being written; whoever lists a folder leaves them out.
pub const UNFINISHED: &str = ".part-";

/// A file that nobody sees yet; dropped, it disappears. Writes are not buffered.
#[derive(Debug)]
pub struct Aside(NamedTempFile);

/// A whole, synced file that only lacks its name; dropped, it disappears.
#[derive(Debug)]
pub struct Sealed(TempPath);

impl Aside {
    /// Begins a file in a folder that is there; its name must later be on the same disk.
    ///
    /// # Errors
    /// The disk is full or read-only, or the folder is not there.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        Self::with_mode(folder, 0o666)
    }

    /// The same, for its owner only.
    ///
    /// # Errors
    /// The disk is full or read-only, or the folder is not there.
    pub fn private(folder: &Path) -> io::Result<Self> {
        Self::with_mode(folder, 0o600)
    }

    /// The same with the permissions that it gets at most; the umask takes from them.
    fn with_mode(folder: &Path, mode: u32) -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map(Self)
    }

    /// Syncs and closes it.
    ///
    /// # Errors
    /// The disk did not take all of it.
    pub fn seal(self) -> io::Result<Sealed> {
        self.0.as_file().sync_all()?;
        Ok(Sealed(self.0.into_temp_path()))
    }
}

impl Write for Aside {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Gives sealed files their names, replacing what is there, then syncs their folders up to and including `top`. Folders are made
/// where they are missing.
///
/// # Errors
/// The disk refuses; the path is that of the file or folder. Names given before it stay: they are whole files that nothing
/// refers to.
pub fn publish(files: Vec<(Sealed, PathBuf)>, top: &Path) -> Result<(), (io::Error, PathBuf)> {
    let mut folders = BTreeSet::new();
    for (sealed, path) in files {
        let folder = folder_of(&path);
        let renamed = std::fs::create_dir_all(folder)
            .and_then(|()| sealed.0.persist(&path).map_err(|refused| refused.error));
        renamed.map_err(|why| (why, path.clone()))?;
        let above = folder.ancestors().take_while(|up| up.starts_with(top));
        folders.extend(above.map(Path::to_owned));
        folders.insert(folder.to_owned());
    }
    for folder in folders {
        sync(&folder).map_err(|why| (why, folder))?;
    }
    Ok(())
}

/// Writes a file, replacing one that is there; its folder is made if need be.
///
/// # Errors
/// The disk is full, or the folder cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &whole_path(path);
    let folder = folder_of(path);
    // The folder above is synced too, even where the folder is there: another process may have made it a moment ago.
    let there = folder.ancestors().find(|up| up.exists());
    let top = match there {
        Some(there) if there == folder => folder_of(folder),
        Some(there) => there,
        None => folder,
    };
    std::fs::create_dir_all(folder)?;
    let mut aside = Aside::begin(folder)?;
    aside.write_all(bytes)?;
    let sealed = aside.seal()?;
    publish(vec![(sealed, path.to_owned())], top).map_err(|(why, _)| why)
}

/// Writes a file, unless somebody else was first.
///
/// # Errors
/// It is there already, the disk is full, or the folder cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = Aside::begin(folder_of(path))?;
    aside.write_all(bytes)?;
    publish_new(aside.seal()?, path)
}

/// The same with a file that only its owner may read.
///
/// # Errors
/// It is there already, the disk is full, or the folder cannot be written.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = Aside::private(folder_of(path))?;
    aside.write_all(bytes)?;
    publish_new(aside.seal()?, path)
}

/// Writes a file in the place of one that is there; only its owner may read it.
///
/// # Errors
/// The disk is full, or the folder cannot be written.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &whole_path(path);
    let mut aside = Aside::private(folder_of(path))?;
    aside.write_all(bytes)?;
    publish(vec![(aside.seal()?, path.to_owned())], folder_of(path)).map_err(|(why, _)| why)
}

/// Gives a sealed file its name, unless somebody else was first.
///
/// # Errors
/// The name is taken, or the disk refuses.
pub fn publish_new(sealed: Sealed, path: &Path) -> io::Result<()> {
    let named = sealed.0.persist_noclobber(path);
    named.map_err(|refused| refused.error)?;
    sync(folder_of(path))
}

/// Removes a file that may be gone already, and makes that last.
///
/// # Errors
/// The disk refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync(folder_of(path)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(why),
    }
}

/// The folder of a path; the current one for a mere name.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Makes what was renamed or removed in a folder last.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What a disk has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Whether this user may write there: not on a disk that is mounted read-only.
    pub writable: bool,
}

/// The room on the disk of a folder, or of the nearest folder above that is there.
///
/// # Errors
/// The disk does not answer.
pub fn room(folder: &Path) -> io::Result<Room> {
    let there = folder.ancestors().find(|up| up.exists());
    let there = there.unwrap_or(Path::new("."));
    let about = rustix::fs::statvfs(there)?;
    Ok(Room {
        free: about.f_bavail.saturating_mul(about.f_frsize),
        total: about.f_blocks.saturating_mul(about.f_frsize),
        writable: rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_ok(),
    })
}

/// Bytes for people: `512 kB`, `1.4 GB`.
#[must_use]
pub fn amount(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000_u64), ("MB", 1_000_000), ("kB", 1_000)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) if bytes < unit * 10 => {
            format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

/// A write that failed, as a sentence: what was to be written, why not, and what is free in its folder. Where the disk is the
/// reason, trying again later can succeed.
#[must_use]
pub fn refused(what: &str, path: &Path, why: &(dyn Error + 'static)) -> Diagnostic {
    let folder = if path.is_dir() { path } else { folder_of(path) };
    let deepest = std::iter::successors(Some(why), |why| behind(*why)).last();
    let said = deepest.unwrap_or(why).to_string();
    let said = said.split(" (os error").next().unwrap_or(&said);
    let room = room(folder).map_or_else(|_| String::new(), |room| told(folder, room));
    let problem = Diagnostic {
        machine: is_disk(why),
        ..Diagnostic::error(format!("{what} cannot be written: {said}{room}"))
    };
    problem
        .in_file(path.display().to_string())
        .hint("make room on that disk, or check who may write there; then it goes on by itself")
}

fn told(folder: &Path, room: Room) -> String {
    let (free, total) = (amount(room.free), amount(room.total));
    format!(
        "; {} has {free} free of {total}",
        whole_path(folder).display()
    )
}

/// A path from the root, so that whoever reads it in a mail finds it.
#[must_use]
pub fn whole_path(path: &Path) -> PathBuf {
    // The folder of a bare file name is the empty path, which `absolute` does not know.
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether an error, or one behind it, is a disk that is full, read-only, at its quota, broken, or closed to this user.
#[must_use]
pub fn is_disk(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kinds = [
        PermissionDenied,
        QuotaExceeded,
        ReadOnlyFilesystem,
        StorageFull,
    ];
    let disk = |io: &io::Error| kinds.contains(&io.kind()) || io.raw_os_error() == Some(BROKEN);
    std::iter::successors(Some(error), |error| behind(*error))
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(disk)
}

/// The error behind an error. An I/O error that wraps another one names that one's source, and skips the one itself.
fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// EIO, which has no kind of its own.
const BROKEN: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("晨报/a.txt");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_private_file_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"k").unwrap();
        let second = create_private(&path, b"other").unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"k");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"").unwrap();
        let path = folder.path().join("a/b");
        let why = write(&path, b"x").unwrap_err();
        let told = refused("the archive", &path, &why);
        assert!(
            !told.machine
                && told
                    .message
                    .starts_with("the archive cannot be written: File exists; "),
            "{told}"
        );
        assert!(told.message.contains(" free of "));
    }

    #[test]
    fn a_full_disk_is_told_through_other_errors() {
        let full = io::Error::from_raw_os_error(28);
        assert!(is_disk(&full));
        assert!(is_disk(&io::Error::other(io::Error::from_raw_os_error(30))));
        assert!(!is_disk(&io::Error::from_raw_os_error(2)));
    }

    #[test]
    fn amounts_have_two_digits_at_least() {
        let told = [0, 999, 1_400, 25_999_999, 1_400_000_000].map(amount);
        assert_eq!(told, ["0 B", "999 B", "1.4 kB", "25 MB", "1.4 GB"]);
    }
}
