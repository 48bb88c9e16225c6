//! What a call left behind: threads and processes that are still there when the answer is.
//!
//! Counted in the plugin's own process, by a folder that was opened before files were fenced off.
#![expect(
    unsafe_code,
    reason = "a look for children that does not wait for them"
)]

use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A thread that was told to end is given so long to be gone.
const ENDING: Duration = Duration::from_millis(500);

/// Counts what runs in this process.
pub(super) struct Tasks {
    /// `/proc/self/task`, one entry a thread.
    folder: Mutex<Option<rustix::fs::Dir>>,
    /// Threads between calls; none where the plugin's language has threads of its own that come and go.
    usual: Option<usize>,
}

/// What is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) threads: usize,
    pub(super) processes: bool,
}

impl Tasks {
    /// Opens the folder.
    pub(super) fn open() -> Self {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open("/proc/self/task", flags, Mode::empty());
        Self {
            folder: Mutex::new(folder.and_then(rustix::fs::Dir::new).ok()),
            usual: None,
        }
    }

    /// The library is loaded and prepared: what runs now may go on. A library in a language whose runtime keeps threads
    /// says `"runtime_threads": true` in how it was built; of it only processes are looked for.
    pub(super) fn settle(&mut self, build: &str) {
        let build: serde_json::Value = serde_json::from_str(build).unwrap_or_default();
        self.usual = (build["runtime_threads"] != true).then(|| self.threads());
    }

    fn threads(&self) -> usize {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = folder.as_mut() else {
            return 0;
        };
        folder.rewind();
        let tasks = folder.filter(|entry| {
            entry.as_ref().is_ok_and(|entry| {
                entry
                    .file_name()
                    .to_bytes()
                    .first()
                    .is_some_and(u8::is_ascii_digit)
            })
        });
        tasks.count()
    }

    /// What is left after a call, if anything; threads on their way out are waited for.
    pub(super) fn left(&self) -> Option<Leftover> {
        let until = Instant::now() + ENDING;
        loop {
            let left = Leftover {
                threads: self
                    .usual
                    .map_or(0, |usual| self.threads().saturating_sub(usual)),
                processes: children(),
            };
            match left {
                Leftover {
                    threads: 0,
                    processes: false,
                } => return None,
                Leftover {
                    processes: true, ..
                } => return Some(left),
                _ if Instant::now() > until => return Some(left),
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// Whether this process has children that still run. One that has ended and was not waited for is none.
fn children() -> bool {
    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the struct is ours and lives for the call, which answers at once and takes nothing away.
    let answer = unsafe { libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), how) };
    // SAFETY: zeroed before, and zero where no child has ended.
    answer == 0 && unsafe { about.assume_init().si_pid() } == 0
}

impl Leftover {
    /// In words, as the end of a sentence.
    pub(super) fn words(self) -> String {
        let threads = match self.threads {
            0 => None,
            1 => Some("a thread".to_owned()),
            n => Some(format!("{n} threads")),
        };
        let processes = self.processes.then(|| "a process of its own".to_owned());
        let parts: Vec<String> = threads.into_iter().chain(processes).collect();
        parts.join(" and ")
    }
}
