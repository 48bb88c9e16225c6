//! Disks: full and read-only at every stage of a report, and files of the lake and the archive that are cut short or changed. Nothing
//! half-written may be left or referred to, the report must come once all the same, and what happened must be said.

use super::reader::{looker, whole};
use super::small_disk::SmallDisks;
use super::{Ask, Figures};
use crate::orders::{export, line};
use crate::project::Project;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Room on each disk while nothing is wrong.
const KIB: u64 = 8 << 10;
/// Folders on disks of their own: one for each stage.
const FOLDERS: [&str; 4] = ["lake", "archive", "ledger", "outbox"];
const EXPORT: &str = "exports/orders/1795276800_订单导出.csv"; // 2026-11-22T00:00:00+08:00

/// The trial: each stage once full and once read-only, then so many disks that fill up at any moment, then as many damaged files.
pub fn run(ask: Ask) -> Figures {
    let mut figures = Vec::new();
    for folder in FOLDERS {
        for closed in [Closed::Full, Closed::ReadOnly] {
            figures.push(stage(folder, closed)?);
        }
    }
    let count = ask.count.unwrap_or(100);
    figures.push(sweep(count, ask.seed)?);
    figures.push(super::damage::trial(count, ask.seed)?);
    figures.push(super::damage::message()?);
    figures.push(super::crash::run()?);
    Ok(figures)
}

/// One line of figures, or why it failed.
pub type Line = Result<String, String>;

/// How a disk refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Not a byte is free.
    Full,
    /// Mounted read-only.
    ReadOnly,
}

/// A shop whose lake, archive, ledger and outbox lie on small disks of their own.
struct Shop {
    project: Project,
    disks: SmallDisks,
}

/// What one look of `serve` answered and said.
struct Look {
    did: Value,
    said: String,
}

impl Look {
    fn count(&self, what: &str) -> u64 {
        self.did[what].as_u64().unwrap_or(0)
    }
}

impl Shop {
    /// Opens at 06:30, before anything is due; its orders are there.
    fn open(folders: &[&str], kib: u64) -> Result<Self, String> {
        let project = Project::from_case("one-shop");
        let ledger = "[ledger]\nurl = \"sqlite:ledger/ledger.sqlite\"\n\n[disk]\nwarn = \"32 KiB\"\n\n[mail]";
        let text = project.read("chenbao.toml").replace("[mail]", ledger);
        project.write("chenbao.toml", text);
        let lines: Vec<_> = (0..40)
            .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
            .collect();
        project.write(EXPORT, export(&lines));
        let paths: Vec<PathBuf> = folders
            .iter()
            .map(|folder| project.path().join(folder))
            .collect();
        let disks = SmallDisks::mount(&paths, kib)?;
        let shop = Self { project, disks };
        shop.look("06:30")?;
        Ok(shop)
    }

    fn path(&self, folder: &str) -> PathBuf {
        self.project.path().join(folder)
    }

    /// One look on 2026-11-22.
    fn look(&self, time: &str) -> Result<Look, String> {
        let mut command = self.project.command(&["serve", "--once", "--json"]);
        command.env("CHENBAO_NOW", format!("2026-11-22T{time}:00+08:00"));
        let out = self
            .disks
            .command(&command)
            .output()
            .map_err(|e| e.to_string())?;
        Ok(Look {
            did: serde_json::from_slice(&out.stdout).unwrap_or_default(),
            said: String::from_utf8_lossy(&out.stderr).into_owned(),
        })
    }

    fn close(&self, folder: &str, how: Closed) -> Result<(), String> {
        match how {
            Closed::Full => self.disks.fill(&self.path(folder), 0),
            Closed::ReadOnly => self.disks.remount(&self.path(folder), "ro"),
        }
    }

    fn reopen(&self, folder: &str, how: Closed) -> Result<(), String> {
        match how {
            Closed::Full => self.disks.free(&self.path(folder)),
            Closed::ReadOnly => self.disks.remount(&self.path(folder), "rw"),
        }
    }

    /// First editions to an address; a completed revision that follows a 部分 one does not count.
    fn mails(&self, address: &str) -> usize {
        let outbox = self.disks.seen(&self.path("outbox"));
        let names = files(&outbox)
            .into_iter()
            .filter_map(|path| path.file_name().map(ToOwned::to_owned));
        names
            .filter(|name| {
                name.to_string_lossy().contains(address) && !name.to_string_lossy().contains("_r1_")
            })
            .count()
    }

    /// How many files the ledger refers to, if all of them are whole and nothing half-written lies about.
    fn whole(&self) -> Result<u64, String> {
        let seen = |folder: &str| self.disks.seen(&self.path(folder));
        // SQLite follows links, so the reader has to be where the disks are.
        let looker = looker(
            &self.path("ledger/ledger.sqlite"),
            &[self.project.path().as_ref()],
        );
        let (looked, _) = whole(self.disks.command(&looker))?;
        for folder in FOLDERS {
            let half: Vec<PathBuf> = files(&seen(folder))
                .into_iter()
                .filter(|path| is_unfinished(path))
                .collect();
            if !half.is_empty() {
                return Err(format!("half-written files were left: {half:?}"));
            }
        }
        Ok(looked)
    }
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".part-") || path.components().any(|part| part.as_os_str() == "aside")
}

/// All files under a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn ensure(true_: bool, what: &str, look: &Look) -> Result<(), String> {
    match true_ {
        true => Ok(()),
        false => Err(format!("{what}: {} {}", look.did, look.said)),
    }
}

/// One disk that refuses while its stage is at work, and takes again ten minutes later.
///
/// # Errors
/// The report did not come once, something is half-written, or nothing was said.
pub fn stage(folder: &str, how: Closed) -> Line {
    let shop = Shop::open(&FOLDERS, KIB)?;
    let outbox = folder == "outbox";
    if outbox {
        let made = shop.look("06:45")?;
        ensure(made.count("made") == 1, "made in time", &made)?;
    }
    shop.close(folder, how)?;
    let at = if outbox {
        ["08:00", "08:05", "08:10"]
    } else {
        ["06:45", "06:55", "08:00"]
    };
    let during = shop.look(at[0])?;
    let told = during
        .said
        .contains(&shop.path(folder).display().to_string());
    ensure(
        told,
        &format!("{folder}, {how:?}: the folder is named"),
        &during,
    )?;
    ensure(
        how == Closed::ReadOnly || during.said.contains(" free of "),
        &format!("{folder}, {how:?}: what is free is said"),
        &during,
    )?;
    ensure(shop.mails("boss@") == 0, "nothing has left", &during)?;
    shop.reopen(folder, how)?;
    let after = shop.look(at[1])?;
    if !outbox {
        ensure(
            after.count("made") == 1,
            &format!("{folder}, {how:?}: made once there is room"),
            &after,
        )?;
    }
    let sent = shop.look(at[2])?;
    ensure(
        shop.mails("boss@") == 1,
        &format!("{folder}, {how:?}: sent once"),
        &sent,
    )?;
    let again = shop.look("08:40")?;
    ensure(shop.mails("boss@") == 1, "never twice", &again)?;
    let files = shop.whole()?;
    Ok(format!(
        "{folder} {how:?}: said, nothing half-written, made and sent once after there was room; {files} files whole"
    ))
}

/// The whole project on one disk that fills up to a random byte at every look of a day, and has room in the evening.
///
/// # Errors
/// The report did not come exactly once, or something is half-written.
pub fn sweep(count: u64, seed: u64) -> Line {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut hit, mut files) = (0, 0);
    for round in 0..count {
        let shop = Shop::open(&FOLDERS, KIB)?;
        let mut trouble = false;
        for time in ["06:45", "07:00", "07:15", "08:00", "08:10"] {
            for folder in FOLDERS {
                shop.disks
                    .fill(&shop.path(folder), random.u64(0..160 << 10))?;
            }
            let look = shop.look(time)?;
            trouble |= look.said.contains(" free of ");
            for folder in FOLDERS {
                shop.disks.free(&shop.path(folder))?;
            }
        }
        for time in ["08:20", "08:40", "09:20"] {
            shop.look(time)?;
        }
        if shop.mails("boss@") != 1 {
            let last = shop.look("10:00")?;
            return Err(format!(
                "round {round}: {} mails; {}",
                shop.mails("boss@"),
                last.said
            ));
        }
        files += shop.whole().map_err(|e| format!("round {round}: {e}"))?;
        hit += u64::from(trouble);
    }
    Ok(format!(
        "{count} days on disks that fill up at random bytes: {hit} met a full disk, each report came once; {files} files whole"
    ))
}
