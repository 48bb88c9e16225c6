//! What a plugin's process may use up: memory, processor time, files. Set in the process itself, before its library is opened.

#![expect(
    unsafe_code,
    reason = "the processor clock of this process has no safe door in the tree"
)]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// So many files at a time are enough for a database or a folder of exports, and too few to starve the machine.
const OPEN_FILES: u64 = 1024;

/// Memory that the library may have, how large its files may grow, and no core files, which could hold secrets.
pub(super) fn set(memory_bytes: u64) -> Result<(), String> {
    let set = |resource, value| {
        let most = getrlimit(resource)
            .maximum
            .map_or(value, |most| most.min(value));
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )
        .map_err(|e| format!("limits cannot be set: {e}"))
    };
    set(Resource::Core, 0)?;
    set(Resource::Nofile, OPEN_FILES)?;
    // A file of what is in between, or rows on their way: neither needs more than the memory.
    set(Resource::Fsize, memory_bytes)?;
    // RLIMIT_DATA counts what is private and writable; RLIMIT_AS would count the mapped rows too.
    set(Resource::Data, memory_bytes)
}

/// Gives the coming call its processor time: what was used so far does not count.
pub(super) fn allow_cpu(seconds: u64) {
    let end = used().saturating_add(seconds).saturating_add(1);
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(maximum.map_or(end, |most| most.min(end)));
    let _ = setrlimit(Resource::Cpu, Rlimit { current, maximum });
}

/// Whole seconds of processor time of all threads so far.
fn used() -> u64 {
    let mut used = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the struct is ours and lives for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    u64::try_from(used.tv_sec).unwrap_or_default()
}
