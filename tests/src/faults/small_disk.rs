//! Disks so small that a test can fill them: tmpfs in a mount namespace of their own, which ends with its owner.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts in a namespace of their own.
#[derive(Debug)]
pub struct SmallDisks {
    holder: Child,
    enter: &'static [&'static str],
}

/// Words of a command line.
type Words = &'static [&'static str];

/// How to make a namespace, and how to enter it: as root, or as whoever may be root in a user namespace.
const WAYS: [(Words, Words); 2] = [
    (&["--mount", "--propagation", "private"], &["--mount"]),
    (
        &[
            "--user",
            "--map-root-user",
            "--mount",
            "--propagation",
            "private",
        ],
        &["--mount", "--user", "--preserve-credentials"],
    ),
];

/// What the file is called that takes up the room.
const BALLAST: &str = "ballast";

impl SmallDisks {
    /// A disk of so many KiB on each of these folders.
    ///
    /// # Errors
    /// This machine does not let us mount.
    pub fn mount(folders: &[PathBuf], kib: u64) -> Result<Self, String> {
        let mut why = String::new();
        for way in WAYS {
            match Self::try_mount(way, folders, kib) {
                Ok(disks) => return Ok(disks),
                Err(e) => why = e,
            }
        }
        Err(why)
    }

    /// Whether this machine lets us mount at all.
    #[must_use]
    pub fn possible() -> bool {
        let folder = std::env::temp_dir();
        Self::mount(&[folder], 64).is_ok()
    }

    fn try_mount(
        (make, enter): (Words, Words),
        folders: &[PathBuf],
        kib: u64,
    ) -> Result<Self, String> {
        for folder in folders {
            fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        }
        let script = format!(
            "for folder in \"$@\"; do mount -t tmpfs -o size={kib}k tmpfs \"$folder\" || exit 1; done; echo ready; exec cat"
        );
        let mut holder = Command::new("unshare")
            .args(make)
            .args(["sh", "-c", &script, "sh"])
            .args(folders)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("unshare does not start: {e}"))?;
        let mut line = String::new();
        if let Some(out) = holder.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .map_err(|e| e.to_string())?;
        }
        let disks = Self { holder, enter };
        if line.trim() == "ready" {
            Ok(disks)
        } else {
            Err("this machine does not let us mount a tmpfs".to_owned())
        }
    }

    /// The same command, run where these disks are.
    #[must_use]
    pub fn command(&self, inner: &Command) -> Command {
        let pid = self.holder.id().to_string();
        let mut outer = Command::new("nsenter");
        outer.args(["--target", &pid]).args(self.enter);
        outer.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]);
        outer.arg(inner.get_current_dir().unwrap_or(Path::new("/")));
        outer.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            outer.env(name, value.unwrap_or(OsStr::new("")));
        }
        outer.stdin(Stdio::null());
        outer
    }

    /// A path on these disks, as seen from here.
    #[must_use]
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Takes up the room of a disk until so many bytes are free, in steps of a page.
    ///
    /// # Errors
    /// The disk does not answer.
    pub fn fill(&self, folder: &Path, leave: u64) -> Result<(), String> {
        let path = self.seen(folder).join(BALLAST);
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| e.to_string())?;
        let page = [0_u8; 4096];
        while file.write_all(&page).is_ok() {}
        let whole = file.metadata().map_err(|e| e.to_string())?.len() / 4096;
        let keep = whole.saturating_sub(leave.div_ceil(4096)) * 4096;
        file.set_len(keep).map_err(|e| e.to_string())
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// The disk does not answer.
    pub fn free(&self, folder: &Path) -> Result<(), String> {
        let path = self.seen(folder).join(BALLAST);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {e}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Mounts a disk again with other options: `ro`, `rw`.
    ///
    /// # Errors
    /// The machine refuses.
    pub fn remount(&self, folder: &Path, options: &str) -> Result<(), String> {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", &format!("remount,{options}")])
            .arg(folder);
        let status = self.command(&mount).status().map_err(|e| e.to_string())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{} cannot be mounted {options}", folder.display()))
        }
    }
}

impl Drop for SmallDisks {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
