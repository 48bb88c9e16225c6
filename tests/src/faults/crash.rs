//! Power cuts: what a disk would hold that forgets everything not synced, after any write of a real run. The run's calls are recorded by
//! strace; from them the worst disk is built that the calls allow: a file has the bytes of its last sync, a folder the names of its last.
//!
//! Whatever the ledger on that disk refers to must be whole on it: tables and raw tables, results, papers, messages and mails handed over.

use super::disk::Line;
use super::reader::{looker, whole};
use crate::orders::{export, line};
use crate::project::Project;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Calls that change a disk or make it last.
const CALLS: &str = "openat,write,pwrite64,lseek,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat";
/// Files whose bytes are looked into; of others it is enough to know whether all of them were synced.
const LEDGER: [&str; 3] = [
    "ledger.sqlite",
    "ledger.sqlite-wal",
    "ledger.sqlite-journal",
];

/// The trial: a day of one report, cut after every sync of its ledger.
///
/// # Errors
/// After some cut the ledger refers to a file that is not whole.
pub fn run() -> Line {
    let project = Project::from_case("one-shop");
    let lines: Vec<_> = (0..40)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    let mut disk = Disk::new(project.path());
    let mut cuts = Cuts::default();
    for time in ["06:30", "06:45", "08:00"] {
        let trace = recorded(&project, time)?;
        for call in calls(&trace) {
            disk.apply(&call);
            if matches!(call.name.as_str(), "fsync" | "fdatasync") {
                cuts.look(&disk, &call)?;
            }
        }
    }
    if cuts.referred == 0 || cuts.sent == 0 {
        return Err("the recorded day refers to nothing: the trial saw nothing".to_owned());
    }
    Ok(format!(
        "power cut after each of {} syncs of the ledger ({} calls in all): {} files referred to at the end, each whole on a disk that forgets what was not synced",
        cuts.ledger, disk.calls, cuts.referred
    ))
}

/// One look of `serve`, recorded.
fn recorded(project: &Project, time: &str) -> Result<String, String> {
    let inner = project.command(&["serve", "--once"]);
    let log = project.path().with_extension("trace");
    let out = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-xx",
            "-s",
            "1000000",
            "-e",
            &format!("trace={CALLS}"),
            "-o",
        ])
        .arg(&log)
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(project.path())
        .env("CHENBAO_NOW", format!("2026-11-22T{time}:00+08:00"))
        .output()
        .map_err(|e| format!("strace does not start: {e}"))?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    let trace = std::fs::read_to_string(&log).map_err(|e| e.to_string())?;
    drop(std::fs::remove_file(&log));
    Ok(trace)
}

/// A call that succeeded.
#[derive(Debug)]
struct Call {
    name: String,
    args: Vec<String>,
    answer: String,
}

/// The calls of a trace in the order in which they ended.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut all = Vec::new();
    for text in trace.lines() {
        let Some((pid, text)) = text.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            begun.insert(pid, first);
        } else if let Some((_, rest)) = text.split_once(" resumed>") {
            all.extend(call(&format!(
                "{}{rest}",
                begun.remove(pid).unwrap_or_default()
            )));
        } else {
            all.extend(call(text));
        }
    }
    all
}

fn call(text: &str) -> Option<Call> {
    let (said, answer) = text.rsplit_once(" = ")?;
    let (name, args) = said.trim_end().strip_suffix(')')?.split_once('(')?;
    (!answer.starts_with('-')).then(|| Call {
        name: name.to_owned(),
        args: args.split(", ").map(|arg| arg.trim().to_owned()).collect(),
        answer: answer.to_owned(),
    })
}

/// Bytes that strace wrote as `\x61\x62`.
fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.split("\\x").skip(1);
    digits
        .filter_map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect()
}

/// The text between two marks.
fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.split_once(open)?
        .1
        .rsplit_once(close)
        .map(|(inner, _)| inner)
}

/// A file as it is, and as the disk would have it after a power cut.
#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// Whether bytes were written since the last sync.
    dirty: bool,
}

type Names = BTreeMap<PathBuf, usize>;

/// The disk under a folder: names as they are, names that would last, and files by number.
struct Disk {
    root: PathBuf,
    files: Vec<File>,
    names: Names,
    lasting: Names,
    /// Folders that the run has made.
    made: BTreeSet<PathBuf>,
    /// Folders whose own names would last.
    folders: BTreeSet<PathBuf>,
    offsets: BTreeMap<String, u64>,
    calls: usize,
}

impl Disk {
    fn new(root: &Path) -> Self {
        // What lies there before the run was there before the power was on.
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Self {
            folders: root.ancestors().map(Path::to_owned).collect(),
            root,
            made: BTreeSet::new(),
            files: Vec::new(),
            names: Names::new(),
            lasting: Names::new(),
            offsets: BTreeMap::new(),
            calls: 0,
        }
    }

    /// The path of an open file, as strace shows it: `10</a/b>`.
    fn open_path(&self, fd: &str) -> Option<PathBuf> {
        let path = String::from_utf8(bytes(between(fd, '<', '>')?)).ok()?;
        let path = PathBuf::from(path);
        path.starts_with(&self.root).then_some(path)
    }

    /// A path that a call names, from the folder that it starts in.
    fn named(&self, text: &str) -> Option<PathBuf> {
        let path = String::from_utf8(bytes(between(text, '"', '"')?)).ok()?;
        let path = self.root.join(path);
        let flat = path
            .components()
            .filter(|part| part.as_os_str() != ".")
            .collect::<PathBuf>();
        flat.starts_with(&self.root).then_some(flat)
    }

    fn file(&mut self, path: &Path) -> usize {
        if let Some(number) = self.names.get(path) {
            return *number;
        }
        self.files.push(File::default());
        self.names.insert(path.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }

    fn apply(&mut self, call: &Call) {
        self.calls += 1;
        let arg = |n: usize| call.args.get(n).map(String::as_str).unwrap_or_default();
        match call.name.as_str() {
            "openat" => self.opened(&call.answer, arg(2)),
            "lseek" => {
                if let Ok(at) = call.answer.parse() {
                    self.offsets.insert(arg(0).to_owned(), at);
                }
            }
            "write" | "pwrite64" => self.written(arg(0), arg(1), arg(3).parse().ok()),
            "ftruncate" => self.cut(arg(0), arg(1)),
            "fsync" | "fdatasync" => self.synced(arg(0)),
            "rename" | "link" => self.renamed(arg(0), arg(1), call.name == "link"),
            "renameat" | "renameat2" | "linkat" => {
                self.renamed(arg(1), arg(3), call.name == "linkat");
            }
            "mkdir" => self.made.extend(self.named(arg(0))),
            "mkdirat" => self.made.extend(self.named(arg(1))),
            "unlink" => self.removed(arg(0)),
            "unlinkat" => self.removed(arg(1)),
            _ => {}
        }
    }

    fn opened(&mut self, fd: &str, flags: &str) {
        self.offsets.remove(fd);
        let Some(path) = self.open_path(fd) else {
            return;
        };
        if flags.contains("O_CREAT") {
            let number = self.file(&path);
            if flags.contains("O_TRUNC") {
                self.change(number, Vec::clear);
            }
        }
    }

    fn change(&mut self, number: usize, how: impl FnOnce(&mut Vec<u8>)) {
        if let Some(file) = self.files.get_mut(number) {
            how(&mut file.bytes);
            file.dirty = true;
        }
    }

    fn written(&mut self, fd: &str, text: &str, at: Option<u64>) {
        let Some(path) = self.open_path(fd) else {
            return;
        };
        let number = self.file(&path);
        let new = bytes(between(text, '"', '"').unwrap_or_default());
        let place = at.or_else(|| self.offsets.get(fd).copied());
        let is_ledger = is_ledger(&path);
        let begin = usize::try_from(place.unwrap_or(0)).unwrap_or(0);
        let length = new.len();
        self.change(number, |old| {
            // Only the ledger's bytes matter; of others, how many there are tells one state from the next.
            let begin = if is_ledger { begin } else { old.len() };
            old.resize(old.len().max(begin + length), 0);
            if let Some(slot) = old.get_mut(begin..begin + length) {
                slot.copy_from_slice(&new);
            }
        });
        if at.is_none() {
            let next = place.unwrap_or(0) + u64::try_from(length).unwrap_or(0);
            self.offsets.insert(fd.to_owned(), next);
        }
    }

    fn cut(&mut self, fd: &str, length: &str) {
        let (Some(path), Ok(length)) = (self.open_path(fd), length.parse()) else {
            return;
        };
        let number = self.file(&path);
        self.change(number, |bytes| bytes.resize(length, 0));
    }

    fn synced(&mut self, fd: &str) {
        let Some(path) = self.open_path(fd) else {
            return;
        };
        if let Some(file) = self
            .names
            .get(&path)
            .and_then(|number| self.files.get_mut(*number))
        {
            file.synced.clone_from(&file.bytes);
            file.dirty = false;
            return;
        }
        // A folder: exactly the names that it has now would last.
        let inside = |name: &PathBuf| name.parent() == Some(path.as_path());
        self.lasting.retain(|name, _| !inside(name));
        let now = self.names.iter().filter(|(name, _)| inside(name));
        self.lasting
            .extend(now.map(|(name, number)| (name.clone(), *number)));
        let folders = self.made.iter().filter(|folder| inside(folder));
        self.folders.extend(folders.cloned());
    }

    fn renamed(&mut self, from: &str, to: &str, stays: bool) {
        let (Some(from), Some(to)) = (self.named(from), self.named(to)) else {
            return;
        };
        if let Some(number) = self.names.get(&from).copied() {
            self.names.insert(to, number);
            if !stays {
                self.names.remove(&from);
            }
        }
    }

    fn removed(&mut self, path: &str) {
        if let Some(path) = self.named(path) {
            self.names.remove(&path);
        }
    }

    /// What lasts: files whose names and the names of all folders above last.
    fn after_a_cut(&self) -> impl Iterator<Item = (&Path, &File)> {
        let reached = |path: &Path| {
            path.ancestors()
                .skip(1)
                .all(|folder| self.folders.contains(folder))
        };
        let lasting = self.lasting.iter().filter(move |(path, _)| reached(path));
        lasting.filter_map(|(path, number)| Some((path.as_path(), self.files.get(*number)?)))
    }
}

fn is_ledger(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    LEDGER.iter().any(|ledger| name == *ledger)
}

/// What the cuts have shown.
#[derive(Default)]
struct Cuts {
    ledger: usize,
    referred: u64,
    sent: u64,
}

impl Cuts {
    /// After a sync of the ledger: is all whole that it now refers to?
    fn look(&mut self, disk: &Disk, call: &Call) -> Result<(), String> {
        let path = call.args.first().and_then(|fd| disk.open_path(fd));
        if !path.is_some_and(|path| is_ledger(&path)) {
            return Ok(());
        }
        self.ledger += 1;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut listed = String::new();
        for (path, file) in disk.after_a_cut() {
            if is_ledger(path) {
                let name = path.file_name().unwrap_or_default();
                std::fs::write(folder.path().join(name), &file.synced)
                    .map_err(|e| e.to_string())?;
            } else if !file.dirty {
                let inside = path.strip_prefix(&disk.root).unwrap_or(path);
                listed.push_str(&format!("{}\n", inside.display()));
            }
        }
        std::fs::write(folder.path().join("listed"), listed).map_err(|e| e.to_string())?;
        let ledger = folder.path().join("ledger.sqlite");
        let listed = folder.path().join("listed");
        let looker = looker(&ledger, &["--listed".as_ref(), listed.as_ref()]);
        let found = whole(looker)
            .map_err(|why| format!("cut after sync {} of the ledger: {why}", self.ledger))?;
        (self.referred, self.sent) = found;
        Ok(())
    }
}
