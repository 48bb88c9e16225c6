//! One plugin process seen from the parent: started, spoken with under a deadline, and always ended with its whole group.

use super::cgroup::{self, Group, Subtree};
use super::keeper::{self, Keeper};
use super::opened::Opened;
use super::restrict::{Fence, Held};
use super::verdict::Verdict;
use super::wire::{self, Down, Up};
use crate::config::hide;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Loading must not take longer.
const LOAD: Duration = Duration::from_secs(5);
/// How long a process may take to read a frame: one that does not listen is not waited for.
const OUT: Duration = Duration::from_secs(5);
/// How long a process whose socket is closed may take to end.
const END: Duration = Duration::from_secs(2);
/// What of its error stream is kept, in bytes.
const LAST_WORDS: usize = 4096;
/// So much of a line is read, in bytes; the end of a longer one is dropped. Twice what is shown of it, in characters, so that
/// no half of a secret at the cut is shown.
const LINE: usize = 8192;
/// What a plugin's process may see of the environment: where zones, certificates and programs are, no names, no secrets.
const ENVIRONMENT: &[&str] = &[
    "PATH",
    "TZDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LD_LIBRARY_PATH",
    "RUST_BACKTRACE",
];
/// Signal of a spent processor limit.
const SIGXCPU: i32 = 24;
/// Signal of a forbidden system call.
const SIGSYS: i32 = 31;

/// The time that a call has. What the parent itself needs for rows does not count.
#[derive(Debug)]
pub(super) struct Clock {
    deadline: Instant,
    grace: Duration,
    /// The deadline has passed and the plugin was asked to stop.
    pub(super) expired: bool,
}

impl Clock {
    pub(super) fn new(deadline: Duration, grace: Duration) -> Self {
        Self {
            deadline: Instant::now() + deadline,
            grace,
            expired: false,
        }
    }

    /// Runs the parent's own part.
    pub(super) fn paused<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.deadline += started.elapsed();
        done
    }
}

/// A running plugin process.
pub(super) struct Session {
    child: Child,
    socket: UnixStream,
    last_words: Arc<Mutex<String>>,
    stderr_ended: Receiver<()>,
    /// Descriptor that the library carries.
    pub(super) descriptor: String,
    /// How it was built.
    pub(super) build: String,
    /// Whoever keeps state and secrets of a source.
    pub(super) keeper: Option<Arc<dyn Keeper>>,
    /// The last call came to its end in time, so the process waits for the next.
    pub(super) idle: bool,
    /// What keeps it from the rest of the machine.
    pub(super) held: Held,
    /// What limits it, where the system lets us.
    group: Option<Group>,
    /// The folder of the process; goes with it.
    folder: TempDir,
}

/// What to start.
pub(super) struct Start<'a> {
    /// This program.
    pub(super) exe: &'a Path,
    /// The library.
    pub(super) library: &'a Path,
    /// The same as it was looked at before, if it was.
    pub(super) opened: Option<&'a Opened>,
    /// Memory.
    pub(super) memory_bytes: u64,
    /// Processor time of a call.
    pub(super) cpu: Duration,
    /// What it may reach.
    pub(super) fence: Fence,
}

impl Start<'_> {
    fn file(&self) -> Result<OwnedFd, Verdict> {
        let unreadable = |e: std::io::Error| {
            Verdict::RefusedAtLoad(format!("{} cannot be read: {e}", self.library.display()))
        };
        let file = match self.opened {
            Some(opened) => opened
                .file()
                .map_err(Verdict::RefusedAtLoad)?
                .try_clone()
                .map_err(unreadable)?,
            None => std::fs::File::open(self.library).map_err(unreadable)?,
        };
        Ok(file.into())
    }
}

/// Starts a process from a thread that lives as long as this one: the kernel ends a child with the thread that started it.
fn spawned(command: Command) -> std::io::Result<Child> {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static STARTER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let gone = || std::io::Error::other("the thread that starts processes is gone");
    let (reply, started) = channel();
    STARTER.send((command, reply)).map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?
}

/// Before the first plugin runs: the memory, environment and files of this process are not to be read by others of its user,
/// also where the kernel has no landlock, and no core file of it holds a secret.
fn unreadable() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(e) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!("this process can be read by others of its user: {e}");
        }
    });
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("pid", &self.child.id())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Starts a process and lets it load a library.
    pub(super) fn start(start: &Start<'_>) -> Result<Self, Verdict> {
        unreadable();
        // Before the first child: a group in which it is not alone is not taken for this process's own.
        let subtree = cgroup::subtree().ok();
        let exe = start.exe;
        let trouble = |what: &str, e: std::io::Error| Verdict::Host(format!("{what}: {e}"));
        let (socket, theirs) = UnixStream::pair().map_err(|e| trouble("no socket", e))?;
        let file = start.file()?;
        let allowed = ENVIRONMENT
            .iter()
            .filter_map(|name| std::env::var_os(name).map(|value| (name, value)));
        let folder = TempDir::with_prefix("chenbao-plugin-")
            .map_err(|e| trouble("no folder for its process", e))?;
        let program = std::path::absolute(exe).map_err(|e| trouble("no program", e))?;
        let mut command = Command::new(program);
        command
            .arg("plugin-host")
            .env_clear()
            .envs(allowed)
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = spawned(command)
            .map_err(|e| trouble(&format!("`{}` does not start", exe.display()), e))?;
        let last_words = Arc::new(Mutex::new(String::new()));
        let stderr_ended = listen(&mut child, &last_words);
        let mut session = Self {
            child,
            socket,
            last_words,
            stderr_ended,
            descriptor: String::new(),
            build: String::new(),
            keeper: None,
            idle: false,
            held: Held::default(),
            group: None,
            folder,
        };
        if let Some(subtree) = subtree {
            session.limit(subtree, start.memory_bytes)?;
        }
        session.load(start, &file)?;
        Ok(session)
    }

    /// Puts the process into a group of its own before it is told what to load.
    fn limit(&mut self, subtree: &Subtree, memory_bytes: u64) -> Result<(), Verdict> {
        let group = subtree.group(memory_bytes);
        let taken = group.and_then(|group| group.take(self.child.id()).map(|()| group));
        self.group = Some(taken.map_err(|e| Verdict::Host(format!("no control group: {e}")))?);
        Ok(())
    }

    fn load(&mut self, start: &Start<'_>, file: &OwnedFd) -> Result<(), Verdict> {
        // Its process stands in a folder of its own.
        let library = std::path::absolute(start.library)
            .map_err(|e| Verdict::RefusedAtLoad(format!("its path: {e}")))?;
        let mut fence = start.fence.clone();
        fence.write.push(self.folder.path().to_owned());
        self.say(
            &Down::Load {
                library,
                // Where a group counts what is used, what is only reserved may be more.
                memory_bytes: match self.group {
                    Some(_) => start.memory_bytes.saturating_mul(4),
                    None => start.memory_bytes,
                },
                cpu_seconds: start.cpu.as_secs().max(1),
                fence,
            },
            Some(file),
        )?;
        let mut clock = Clock::new(LOAD, Duration::ZERO);
        let refused = |why: String| Verdict::RefusedAtLoad(why);
        match self.hear(&mut clock) {
            Ok((
                Up::Loaded {
                    descriptor,
                    build,
                    held,
                },
                _,
            )) => {
                self.descriptor = descriptor;
                self.build = build;
                self.held = held;
                Ok(())
            }
            Ok((Up::Refused { why }, _)) => Err(refused(why)),
            Ok(_) => Err(out_of_turn()),
            Err(Verdict::Timeout) => Err(refused(format!(
                "it did not load within {} s",
                LOAD.as_secs()
            ))),
            Err(verdict @ Verdict::Host(_)) => Err(verdict),
            Err(verdict) => Err(refused(format!("while it was loaded, {verdict}"))),
        }
    }

    /// Sends a frame. A process that is gone is found out by the next [`Session::hear`].
    pub(super) fn say(&mut self, frame: &Down, file: Option<&OwnedFd>) -> Result<(), Verdict> {
        self.idle = false;
        match wire::send(
            &self.socket,
            frame,
            file.map(|file| file.as_fd()),
            Some(OUT),
        ) {
            Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::TimedOut => Err(Verdict::Timeout),
            other => {
                other.map_err(|e| Verdict::Host(format!("cannot speak with its process: {e}")))
            }
        }
    }

    /// The next frame that is not a log line or progress. At the deadline the plugin is asked to stop, and after the
    /// grace time the verdict is [`Verdict::Timeout`].
    pub(super) fn hear(&mut self, clock: &mut Clock) -> Result<(Up, Option<OwnedFd>), Verdict> {
        loop {
            // A plugin that never stops talking has a deadline too.
            let late = Instant::now() >= clock.deadline;
            let heard = if late {
                Err(ErrorKind::TimedOut.into())
            } else {
                wire::receive(&self.socket, Some(clock.deadline))
            };
            let heard = heard.map(|frame| frame.map(|(frame, file)| (hidden(frame), file)));
            match heard {
                Ok(Some((Up::Log { level, message }, _))) => log(level, &message),
                Ok(Some((Up::Progress { done, total, note }, _))) => {
                    log(1, &format!("{done} of {total} {note}"));
                }
                Ok(Some((Up::Asked(asked), _))) => {
                    let keeper = self.keeper.clone();
                    let served = clock.paused(|| keeper::serve(keeper.as_deref(), asked));
                    self.say(&Down::Served(served), None)?;
                }
                Ok(Some(frame)) => {
                    let last = matches!(
                        frame.0,
                        Up::Answer { .. } | Up::Failed { .. } | Up::Unfit { .. }
                    );
                    self.idle = last && !clock.expired;
                    return Ok(frame);
                }
                Ok(None) => return Err(self.autopsy()),
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Err(self.autopsy()),
                Err(e) if e.kind() == ErrorKind::TimedOut && !clock.expired => {
                    clock.expired = true;
                    clock.deadline = Instant::now() + clock.grace;
                    self.say(&Down::Cancel, None)?;
                }
                Err(e) if e.kind() == ErrorKind::TimedOut => return Err(Verdict::Timeout),
                Err(e) => {
                    return Err(Verdict::Breach(vec![format!(
                        "its process does not keep to the protocol: {e}"
                    )]));
                }
            }
        }
    }

    /// Why the process closed its end.
    fn autopsy(&mut self) -> Verdict {
        let Some(status) = self.wait_for_end() else {
            return Verdict::Breach(vec!["it closed the line to Chenbao".to_owned()]);
        };
        self.kill_group();
        let _ = self.stderr_ended.recv_timeout(END);
        let last_words = last_line(
            &self
                .last_words
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        match status.signal() {
            Some(SIGXCPU) => Verdict::CpuLimit,
            Some(SIGSYS) => Verdict::Forbidden,
            Some(_) if self.group.as_ref().is_some_and(Group::ran_out_of_memory) => {
                Verdict::MemoryLimit { group: true }
            }
            Some(_) if ran_out_of_memory(&last_words) => Verdict::MemoryLimit { group: false },
            Some(signal) => Verdict::Crashed { signal, last_words },
            None => Verdict::Vanished {
                exit: status.code().unwrap_or_default(),
            },
        }
    }

    fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + END;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }

    /// Ends the process and everything that it started and did not move to a group of its own.
    fn kill_group(&self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(group) = &self.group {
            group.kill();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}

/// What a frame that nobody asked for means.
pub(super) fn out_of_turn() -> Verdict {
    Verdict::Breach(vec!["its process spoke out of turn".to_owned()])
}

/// What a plugin says to people, without the secrets that it was given. Answers are figures and stay as they are.
fn hidden(frame: Up) -> Up {
    let clean = |text: String| hide(&text).into_owned();
    match frame {
        Up::Log { level, message } => Up::Log {
            level,
            message: clean(message),
        },
        Up::Progress { done, total, note } => Up::Progress {
            done,
            total,
            note: clean(note),
        },
        Up::Failed {
            code,
            message,
            retryable,
            retry_after_ms,
        } => Up::Failed {
            code,
            message: clean(message),
            retryable,
            retry_after_ms,
        },
        Up::Refused { why } => Up::Refused { why: clean(why) },
        Up::Unfit { why } => Up::Unfit { why: clean(why) },
        silent @ (Up::Loaded { .. }
        | Up::Next { .. }
        | Up::Rows
        | Up::TableRows { .. }
        | Up::Asked(_)
        | Up::Left { .. }
        | Up::Answer { .. }) => silent,
    }
}

/// Reads the error stream to its end, so that nobody blocks on it; keeps its tail.
fn listen(child: &mut Child, last_words: &Arc<Mutex<String>>) -> Receiver<()> {
    let (ended, receiver) = channel();
    if let Some(stderr) = child.stderr.take() {
        let last_words = Arc::clone(last_words);
        let asked_by = tracing::Span::current();
        std::thread::spawn(move || {
            let _asked_by = asked_by.entered();
            let mut stderr = BufReader::new(stderr);
            while let Some(line) = next_line(&mut stderr) {
                let line: String = hide(&line).chars().take(LINE / 2).collect();
                tracing::debug!(target: "chenbao::plugin", "{}", line.trim_end());
                let mut kept = last_words.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
                let excess = kept.len().saturating_sub(LAST_WORDS);
                let whole = kept.ceil_char_boundary(excess);
                kept.drain(..whole);
            }
            let _ = ended.send(());
        });
    }
    receiver
}

/// The next line, of which the end is dropped where it is longer than [`LINE`].
fn next_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let mut begun = false;
    loop {
        let chunk = match stream.fill_buf() {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) | Ok([]) => break,
            Ok(chunk) => chunk,
        };
        begun = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let room = LINE.saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(part.get(..room).unwrap_or_default());
        let used = end.map_or(chunk.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            break;
        }
    }
    begun.then(|| String::from_utf8_lossy(&line).into_owned())
}

/// What tells why a process ended, among what its language adds around it.
const TELLING: &[&str] = &[
    "memory allocation of",
    "std::bad_alloc",
    "overflowed its stack",
    "panicked at",
];

/// The last telling line, else the last line with words in it.
fn last_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines().rfind(|line| TELLING.iter().any(|words| line.contains(words)));
    telling
        .or_else(|| lines().next_back())
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}

/// What the allocators of Rust and C++ say before they abort.
fn ran_out_of_memory(last_words: &str) -> bool {
    last_words.contains("memory allocation of") || last_words.contains("std::bad_alloc")
}

fn log(level: i32, message: &str) {
    let end = message.char_indices().nth(LAST_WORDS).map(|(at, _)| at);
    let message = end.and_then(|end| message.get(..end)).unwrap_or(message);
    match level {
        4.. => tracing::error!(target: "chenbao::plugin", "{message}"),
        3 => tracing::warn!(target: "chenbao::plugin", "{message}"),
        2 => tracing::info!(target: "chenbao::plugin", "{message}"),
        _ => tracing::debug!(target: "chenbao::plugin", "{message}"),
    }
}
