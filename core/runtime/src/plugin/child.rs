//! `chenbao plugin-host`: the process around one plugin library. Its socket is its whole world.
//!
//! The parent hands the socket in as standard input; it is moved away before the library is opened, standard output
//! becomes the error stream, and when the parent's end closes the whole process group ends at once.
#![expect(unsafe_code, reason = "the host's half of the C boundary of plugins")]

use super::leftover::Tasks;
use super::library::Loaded;
use super::limits;
use super::restrict::{self, Held};
use super::wire::{self, Down, Up};
use chenbao_plugin::abi::{ABI_MAJOR, ABI_MINOR, CbHost, CbStr, size_of_u32};
use rustix::process::{Signal, kill_current_process_group};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io::Write as _;
use std::os::fd::{AsFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// A frame from the parent, with its file.
type Frame = (Down, Option<OwnedFd>);

/// The line to the parent. Lives until the process ends.
pub(super) struct Link {
    socket: UnixStream,
    inbox: Mutex<Receiver<Frame>>,
    sending: Mutex<()>,
    cancelled: AtomicBool,
    /// Of a source; a metric has none to be asked for.
    pub(super) secrets: Mutex<Option<BTreeMap<String, String>>>,
    /// A folder of this process, which the parent removes.
    pub(super) folder: PathBuf,
}

impl Link {
    /// Sends a frame. A parent that is gone ends this process by itself.
    pub(super) fn send(&self, frame: &Up, fd: Option<&OwnedFd>) {
        let _one_at_a_time = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = wire::send(&self.socket, frame, fd.map(OwnedFd::as_fd), None);
    }

    /// Waits for the next frame; `None` when there is no parent any more.
    pub(super) fn wait(&self) -> Option<Frame> {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    }

    /// Asks and waits for the reply, as one step: the reply to one thread's question is never another's.
    pub(super) fn exchange(&self, question: &Up, fd: Option<&OwnedFd>) -> Option<Frame> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(question, fd);
        inbox.recv().ok()
    }
}

/// Entry point of the hidden subcommand; the exit code is for people who call it by hand.
#[must_use]
pub fn host_main() -> i32 {
    let Ok(socket) = take_socket() else {
        let _ = writeln!(
            std::io::stderr(),
            "error: plugin-host is started by chenbao itself, not by hand"
        );
        return 2;
    };
    // Also where a plugin keeps the thread below from seeing that the parent is gone.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let Ok(reading) = socket.try_clone() else {
        return 1;
    };
    // The first frame is read before there is a second thread, so that the library is loaded under its limits.
    let Ok(Some((
        Down::Load {
            library,
            memory_bytes,
            cpu_seconds,
            fence,
        },
        Some(file),
    ))) = wire::receive(&reading, None)
    else {
        return 1;
    };
    let (sender, inbox) = channel();
    let link: &'static Link = Box::leak(Box::new(Link {
        socket,
        inbox: Mutex::new(inbox),
        sending: Mutex::new(()),
        cancelled: AtomicBool::new(false),
        secrets: Mutex::default(),
        folder: std::env::current_dir().unwrap_or_default(),
    }));
    let mut tasks = Tasks::open();
    let held = limits::set(memory_bytes).and_then(|()| restrict::restrict(&fence, file.as_fd()));
    std::thread::spawn(move || watch(&reading, &sender, link));
    let loaded = held.and_then(|held| load(file, &library, link, held));
    match loaded {
        Ok((loaded, host, answer)) => {
            link.send(&answer, None);
            tasks.settle(&loaded.build());
            let library = (loaded, tasks);
            super::answer::serve(link, host, &library, cpu_seconds);
        }
        Err(why) => {
            link.send(&Up::Refused { why }, None);
            // Until the parent has read it and closes its end.
            while link.wait().is_some() {}
        }
    }
    0
}

/// Moves the socket off standard input, which becomes empty, and turns standard output into the error stream.
fn take_socket() -> std::io::Result<UnixStream> {
    let stdin = std::io::stdin();
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(stdin.as_fd())?.st_mode);
    if !kind.is_socket() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: nothing of this process is open there yet; what is was left by whoever started Chenbao.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), 3)?;
    replace(0, &std::fs::File::open("/dev/null")?.into())?;
    replace(
        1,
        &rustix::io::fcntl_dupfd_cloexec(std::io::stderr().as_fd(), 3)?,
    )?;
    Ok(socket.into())
}

/// Puts a copy of `file` at a standard descriptor.
fn replace(descriptor: i32, file: &OwnedFd) -> std::io::Result<()> {
    // SAFETY: 0 and 1 are open for the life of the process; ownership is given back below, so nothing is closed.
    let mut place = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let done = rustix::io::dup2(file, &mut place);
    let _ = place.into_raw_fd();
    Ok(done?)
}

/// Reads the socket until the parent is gone, then ends the process and everything that the plugin started.
fn watch(reading: &UnixStream, sender: &Sender<Frame>, link: &'static Link) {
    while let Ok(Some(frame)) = wire::receive(reading, None) {
        match frame {
            (Down::Cancel, _) => link.cancelled.store(true, Ordering::Release),
            other => {
                if sender.send(other).is_err() {
                    break;
                }
            }
        }
    }
    let _ = kill_current_process_group(Signal::KILL);
}

fn load(
    file: OwnedFd,
    library: &Path,
    link: &'static Link,
    held: Held,
) -> Result<(Loaded, &'static CbHost, Up), String> {
    let loaded = Loaded::open(file, library)?;
    let host: &'static CbHost = Box::leak(Box::new(CbHost {
        struct_size: size_of_u32::<CbHost>(),
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        ctx: std::ptr::from_ref(link).cast_mut().cast(),
        log,
        is_cancelled,
        progress,
        get_service: super::services::get_service,
    }));
    loaded.init(host)?;
    let answer = Up::Loaded {
        descriptor: loaded.descriptor()?,
        build: loaded.build(),
        held,
    };
    Ok((loaded, host, answer))
}

/// # Safety
/// `ctx` is the one in the host table: a `Link` that lives as long as the process.
pub(super) unsafe fn link(ctx: *mut c_void) -> Option<&'static Link> {
    // SAFETY: as the caller vouches.
    unsafe { ctx.cast::<Link>().as_ref::<'static>() }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn log(ctx: *mut c_void, level: i32, message: CbStr) {
    // SAFETY: the plugin hands back our `ctx` and a text that is valid for the call.
    let (link, message) = unsafe { (link(ctx), message.copied()) };
    if let (Some(link), Some(message)) = (link, message) {
        link.send(&Up::Log { level, message }, None);
    }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn is_cancelled(ctx: *mut c_void) -> i32 {
    // SAFETY: the plugin hands back our `ctx`.
    i32::from(unsafe { link(ctx) }.is_some_and(|link| link.cancelled.load(Ordering::Acquire)))
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn progress(ctx: *mut c_void, done: f64, total: f64, note: CbStr) {
    // SAFETY: the plugin hands back our `ctx` and a text that is valid for the call.
    let (link, note) = unsafe { (link(ctx), note.copied()) };
    if let (Some(link), Some(note)) = (link, note)
        && done.is_finite()
        && total.is_finite()
    {
        link.send(&Up::Progress { done, total, note }, None);
    }
}
