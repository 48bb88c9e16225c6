//! Rows that are changed after they were handed over: the plugin goes through its process's open files and cuts and overwrites what it
//! may, or holds them so that they cannot be closed against it.
#![expect(unsafe_code, reason = "that is the misbehaviour")]

use std::os::fd::RawFd;

/// The files that a process of a plugin can have.
const FILES: std::ops::Range<RawFd> = 3..200;
const PAGE: usize = 4096;

// SAFETY: of the C library, declared as its manual pages say.
unsafe extern "C" {
    fn dup(fd: RawFd) -> RawFd;
    fn fcntl(fd: RawFd, command: i32, ...) -> i32;
    fn ftruncate(fd: RawFd, length: i64) -> i32;
    fn pwrite(fd: RawFd, bytes: *const u8, count: usize, offset: i64) -> isize;
    fn mmap(
        at: *mut u8,
        length: usize,
        protection: i32,
        flags: i32,
        fd: RawFd,
        offset: i64,
    ) -> *mut u8;
}

/// What is done to rows on their way.
pub(crate) enum Sent {
    Nothing,
    /// `rewrites`: every open file is cut and overwritten, also one that is being filled.
    Rewrites,
    /// `keeps`: files that are being filled are kept open, and cut and overwritten when they are long handed over.
    Keeps(Vec<RawFd>),
    /// `maps`: files that are being filled are kept mapped, to be written later.
    Maps,
}

impl Sent {
    pub(crate) fn new(how: &str) -> Self {
        match how {
            "rewrites" => Self::Rewrites,
            "keeps" => Self::Keeps(Vec::new()),
            "maps" => Self::Maps,
            _ => Self::Nothing,
        }
    }

    /// Before each batch. Panics at the last if there was nothing to do harm to: then the test tested nothing.
    #[expect(clippy::panic, reason = "fails as told")]
    pub(crate) fn meddle(&mut self, last: bool) {
        match self {
            Self::Nothing => {}
            Self::Rewrites => FILES.for_each(|fd| {
                spoil(fd);
            }),
            Self::Maps => FILES.for_each(map),
            Self::Keeps(kept) => {
                if kept.is_empty() {
                    let filled = FILES.filter(|fd| seals(*fd) == 0);
                    // SAFETY: without pointers.
                    kept.extend(filled.map(|fd| unsafe { dup(fd) }));
                }
                let handed_over: Vec<RawFd> =
                    kept.iter().copied().filter(|fd| seals(*fd) > 0).collect();
                let spoilt = handed_over.iter().filter(|fd| spoil(**fd)).count();
                if spoilt > 0 || (last && handed_over.is_empty()) {
                    panic!("{spoilt} of {} files could be spoilt", handed_over.len());
                }
            }
        }
    }
}

/// Cuts and overwrites a file; whether either worked.
fn spoil(fd: RawFd) -> bool {
    // SAFETY: the bytes are static, and what is no file is refused.
    unsafe { ftruncate(fd, 0) == 0 || pwrite(fd, b"spoilt".as_ptr(), 6, 0) > 0 }
}

/// The seals of a memory file; none yet: 0; negative where it is none.
fn seals(fd: RawFd) -> i32 {
    const GET_SEALS: i32 = 1034;
    // SAFETY: without pointers.
    unsafe { fcntl(fd, GET_SEALS) }
}

/// Keeps the first page writable.
fn map(fd: RawFd) {
    const READ_WRITE: i32 = 3;
    const SHARED: i32 = 1;
    // SAFETY: a new mapping that nothing in this process uses.
    unsafe { mmap(std::ptr::null_mut(), PAGE, READ_WRITE, SHARED, fd, 0) };
}
