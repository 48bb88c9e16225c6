//! Ways out of the fence that are no files and no addresses, and a line to the parent that is used against it.
#![expect(unsafe_code, reason = "that is the misbehaviour")]

use super::rows;
use chenbao_plugin::{Report, Result};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::parent_id;
use std::time::Duration;

// SAFETY: of the C library, declared as its manual pages say.
unsafe extern "C" {
    fn shmget(key: i32, size: usize, flags: i32) -> i32;
    fn fcntl(fd: i32, command: i32, ...) -> i32;
    fn mmap(
        at: *mut u8,
        length: usize,
        protection: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> *mut u8;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn tgkill(group: i32, thread: i32, number: i32) -> i32;
    fn gettid() -> i32;
    fn send(fd: i32, bytes: *const u8, count: usize, flags: i32) -> isize;
}

fn last() -> Result<Report> {
    Err(std::io::Error::last_os_error().into())
}

/// A pair of sockets that speaks to a third.
pub(crate) fn datagram(path: &str) -> Result<Report> {
    let (mine, _) = UnixDatagram::pair()?;
    mine.send_to(b"rows of a metric", path)?;
    Ok(rows(1))
}

/// Memory that outlives the process.
pub(crate) fn segment() -> Result<Report> {
    const CREATE: i32 = 0o1600;
    // SAFETY: without pointers.
    match unsafe { shmget(0, 1 << 20, CREATE) } {
        -1 => last(),
        id => Ok(rows(id)),
    }
}

/// More memory than it may have, where no limit of a process counts it.
pub(crate) fn nameless() -> Result<Report> {
    const READ_WRITE: i32 = 3;
    const SHARED_NAMELESS: i32 = 0x21;
    // SAFETY: a new mapping that nothing in this process uses.
    let at = unsafe {
        mmap(
            std::ptr::null_mut(),
            1 << 30,
            READ_WRITE,
            SHARED_NAMELESS,
            -1,
            0,
        )
    };
    match at.addr() {
        usize::MAX => last(),
        _ => Ok(rows(1)),
    }
}

/// A descriptor whose signals go to whoever started this process.
pub(crate) fn owner() -> Result<Report> {
    const SET_OWNER: i32 = 8;
    // SAFETY: without pointers.
    match unsafe { fcntl(0, SET_OWNER, parent_id()) } {
        -1 => last(),
        _ => Ok(rows(1)),
    }
}

extern "C" fn stand_still(_: i32) {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// Stops the thread that reads the parent's words, and asks and asks until none of the answers fits on the line.
pub(crate) fn deaf() -> Result<Report> {
    const USER: i32 = 10;
    const QUESTION: &[u8] = br#"{"say":"asked","for":"state","key":"x"}"#;
    let group = i32::try_from(std::process::id()).unwrap_or_default();
    // SAFETY: a handler that never returns touches nothing; threads that are not there are refused.
    unsafe {
        signal(USER, stand_still);
        let me = gettid();
        let others = (group..group + 16).filter(|thread| *thread != me);
        others.for_each(|thread| {
            tgkill(group, thread, USER);
        });
    }
    let mut frame = u32::try_from(QUESTION.len())
        .unwrap_or_default()
        .to_le_bytes()
        .to_vec();
    frame.extend_from_slice(QUESTION);
    loop {
        for fd in 3..64 {
            // SAFETY: the bytes live for the call; what is no socket is refused.
            unsafe { send(fd, frame.as_ptr(), frame.len(), 0) };
        }
    }
}
