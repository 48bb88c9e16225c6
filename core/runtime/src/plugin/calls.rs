//! The system calls that a plugin's process is not given, each group with its reason.
//!
//! A list of what is forbidden, not of what is allowed: what a C library needs for arithmetic, threads and memory differs from
//! version to version, and a plugin must not die of a newer glibc. Files are landlock's part.

#![expect(
    unsafe_code,
    reason = "one question to the kernel that no crate asks for us"
)]

use libc as sys;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};
use std::collections::BTreeMap;

/// Numbers of the kernel that the crate does not have for every system.
const F_SETOWN: u32 = 8;
const F_SETSIG: u32 = 10;
const F_SETOWN_EX: u32 = 15;
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Nobody calls these by accident: they look into other processes, or change the machine under all of them. The process ends
/// with SIGSYS, which is a verdict of its own.
const FORBIDDEN: &[i64] = &[
    // Another process's memory, descriptors and state.
    sys::SYS_ptrace,
    sys::SYS_process_vm_readv,
    sys::SYS_process_vm_writev,
    sys::SYS_process_madvise,
    sys::SYS_pidfd_getfd,
    sys::SYS_kcmp,
    // Other roots, mounts and namespaces, in which the rules for files could mean something else.
    sys::SYS_chroot,
    sys::SYS_pivot_root,
    sys::SYS_mount,
    sys::SYS_umount2,
    sys::SYS_move_mount,
    sys::SYS_open_tree,
    sys::SYS_fsopen,
    sys::SYS_fsconfig,
    sys::SYS_fsmount,
    sys::SYS_fspick,
    sys::SYS_mount_setattr,
    sys::SYS_setns,
    sys::SYS_unshare,
    // A file by its number instead of its path.
    sys::SYS_open_by_handle_at,
    // Code and settings of the kernel.
    sys::SYS_bpf,
    sys::SYS_init_module,
    sys::SYS_finit_module,
    sys::SYS_delete_module,
    sys::SYS_kexec_load,
    sys::SYS_reboot,
    sys::SYS_swapon,
    sys::SYS_swapoff,
    sys::SYS_acct,
    sys::SYS_quotactl,
    sys::SYS_settimeofday,
    sys::SYS_clock_settime,
    sys::SYS_sethostname,
    sys::SYS_setdomainname,
    sys::SYS_fanotify_init,
];

/// Libraries try these and go another way where they are refused: they answer EPERM.
const REFUSED: &[i64] = &[
    // A plugin computes; it starts no program.
    sys::SYS_execve,
    sys::SYS_execveat,
    // It stays in the process group that is ended with it.
    sys::SYS_setsid,
    sys::SYS_setpgid,
    // Signals by thread alone, by descriptor, and with data: the plain ones are looked at below.
    sys::SYS_tkill,
    sys::SYS_pidfd_open,
    sys::SYS_pidfd_send_signal,
    // What others of this user may run, and when.
    sys::SYS_setpriority,
    sys::SYS_ioprio_set,
    sys::SYS_sched_setaffinity,
    sys::SYS_sched_setscheduler,
    sys::SYS_sched_setparam,
    sys::SYS_sched_setattr,
    // Owners, modes and times of files: landlock does not look at them, and they would lock others out.
    sys::SYS_fchmod,
    sys::SYS_fchmodat,
    sys::SYS_fchown,
    sys::SYS_fchownat,
    sys::SYS_utimensat,
    sys::SYS_setxattr,
    sys::SYS_lsetxattr,
    sys::SYS_fsetxattr,
    sys::SYS_removexattr,
    sys::SYS_lremovexattr,
    sys::SYS_fremovexattr,
    // Doors past this list, and large parts of the kernel that nothing here needs.
    sys::SYS_io_uring_setup,
    sys::SYS_io_uring_enter,
    sys::SYS_io_uring_register,
    sys::SYS_userfaultfd,
    sys::SYS_perf_event_open,
    // Memory and messages that outlive the process and count nowhere.
    sys::SYS_shmget,
    sys::SYS_shmat,
    sys::SYS_semget,
    sys::SYS_msgget,
    sys::SYS_mq_open,
    // Keys that belong to the session of whoever started Chenbao.
    sys::SYS_add_key,
    sys::SYS_request_key,
    sys::SYS_keyctl,
];

/// The same by their older names, which not every processor has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    sys::SYS_fork,
    sys::SYS_vfork,
    sys::SYS_chmod,
    sys::SYS_chown,
    sys::SYS_lchown,
    sys::SYS_utime,
    sys::SYS_utimes,
    sys::SYS_futimesat,
    sys::SYS_iopl,
    sys::SYS_ioperm,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// A metric has no network at all. A pair of connected sockets inside the process stays.
const METRIC: &[i64] = &[
    sys::SYS_socket,
    sys::SYS_connect,
    sys::SYS_bind,
    sys::SYS_listen,
    sys::SYS_accept,
    sys::SYS_accept4,
];
/// A source speaks to servers and is none.
const SOURCE: &[i64] = &[sys::SYS_listen, sys::SYS_accept, sys::SYS_accept4];
/// Kinds of sockets for a source: on this machine, by IPv4 and IPv6, and the one by which the resolver learns of addresses.
const FAMILIES: [i32; 4] = [sys::AF_UNIX, sys::AF_INET, sys::AF_INET6, sys::AF_NETLINK];

/// Version of landlock that this kernel speaks; 0: none.
pub(super) fn landlock() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call reads no memory and only answers.
    let answer = unsafe {
        sys::syscall(
            sys::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(answer).unwrap_or_default()
}

/// Whether this kernel takes such lists.
pub(super) fn offered() -> bool {
    std::path::Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
        || std::fs::read_to_string("/proc/self/status")
            .is_ok_and(|status| status.lines().any(|line| line.starts_with("Seccomp:")))
}

/// Takes them from this process, for good; `false` where the kernel cannot.
pub(super) fn forbid(network: bool) -> Result<bool, String> {
    if !offered() {
        return Ok(false);
    }
    let why = |e: &dyn std::fmt::Display| format!("seccomp refuses its list: {e}");
    for (rules, action) in lists(network).map_err(|e| why(&e))? {
        let filter = program(rules, action).map_err(|e| why(&e))?;
        apply_filter(&filter).map_err(|e| why(&e))?;
    }
    #[cfg(target_arch = "x86_64")]
    apply_filter(&no_second_numbering()).map_err(|e| why(&e))?;
    Ok(true)
}

fn program(rules: Rules, action: SeccompAction) -> Result<BpfProgram, seccompiler::BackendError> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::Allow, action, here)?.try_into()
}

type Condition = Result<SeccompCondition, seccompiler::BackendError>;

fn lists(network: bool) -> Result<Vec<(Rules, SeccompAction)>, seccompiler::BackendError> {
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let always =
        |calls: &[i64]| -> Rules { calls.iter().map(|call| (*call, Vec::new())).collect() };
    let me = u64::from(std::process::id());
    let not = |argument: u8, value: u64| -> Condition {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
    };
    let mut refused = always(REFUSED);
    refused.extend(always(REFUSED_HERE));
    refused.extend(always(if network { SOURCE } else { METRIC }));
    // A new process; a new thread has this flag.
    let thread = u64::from(sys::CLONE_THREAD.unsigned_abs());
    let process = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(thread),
        0,
    )?;
    refused.insert(sys::SYS_clone, vec![SeccompRule::new(vec![process])?]);
    // Signals and limits for itself (0 is its own group, or itself), never for whoever started it.
    for call in [
        sys::SYS_kill,
        sys::SYS_tgkill,
        sys::SYS_rt_sigqueueinfo,
        sys::SYS_rt_tgsigqueueinfo,
        sys::SYS_prlimit64,
    ] {
        let others = SeccompRule::new(vec![not(0, me)?, not(0, 0)?])?;
        refused.insert(call, vec![others]);
    }
    for (call, rules) in indirect(network)? {
        refused.insert(call, rules);
    }
    if network {
        let other = FAMILIES
            .iter()
            .map(|family| not(0, u64::from(family.unsigned_abs())));
        let other = SeccompRule::new(other.collect::<Result<Vec<_>, _>>()?)?;
        refused.insert(sys::SYS_socket, vec![other]);
    }
    Ok(vec![
        (always(FORBIDDEN), SeccompAction::KillProcess),
        (refused, errno(sys::EPERM)),
        // Its flags are behind a pointer, where no list can look: glibc goes on with `clone`.
        (always(&[sys::SYS_clone3]), errno(sys::ENOSYS)),
    ])
}

/// Doors to others that are no calls of their own, but arguments of calls that everybody makes.
fn indirect(network: bool) -> Result<Rules, seccompiler::BackendError> {
    let masked = |argument: u8, mask: u64, value: u64| -> Result<SeccompRule, _> {
        let op = SeccompCmpOp::MaskedEq(mask);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)?;
        SeccompRule::new(vec![condition])
    };
    let any = |argument: u8, values: &[u32]| -> Result<Vec<SeccompRule>, _> {
        let all = u64::from(u32::MAX);
        let values = values.iter();
        values
            .map(|value| masked(argument, all, u64::from(*value)))
            .collect()
    };
    let mut rules = Rules::new();
    // A descriptor that signals somebody when there is something to read.
    rules.insert(sys::SYS_fcntl, any(1, &[F_SETOWN, F_SETOWN_EX, F_SETSIG])?);
    rules.insert(sys::SYS_ioctl, any(1, &[FIOSETOWN, SIOCSPGRP])?);
    // The end of this process with its parent.
    rules.insert(
        sys::SYS_prctl,
        any(0, &[sys::PR_SET_PDEATHSIG.unsigned_abs()])?,
    );
    // Memory that is shared and has no name counts in no limit of a process; what is shared with nobody can be private.
    let nameless = u64::from((sys::MAP_SHARED | sys::MAP_ANONYMOUS).unsigned_abs());
    rules.insert(sys::SYS_mmap, vec![masked(3, nameless, nameless)?]);
    if !network {
        // A pair of datagram sockets would reach every socket of this machine that has a name.
        let stream = u64::from(sys::SOCK_STREAM.unsigned_abs());
        let others = (0..16).filter(|kind| *kind != stream);
        let others = others.map(|kind| masked(1, 0xf, kind));
        rules.insert(sys::SYS_socketpair, others.collect::<Result<_, _>>()?);
    }
    Ok(rules)
}

/// x86-64 kernels may know every call by a second number (x32), which the lists above do not name.
#[cfg(target_arch = "x86_64")]
fn no_second_numbering() -> BpfProgram {
    let step = |code: u16, jt: u8, jf: u8, k: u32| sock_filter { code, jt, jf, k };
    vec![
        // The number of the call; at or above bit 30 it is one of those.
        step(0x20, 0, 0, 0),
        step(0x35, 0, 1, 0x4000_0000),
        step(0x06, 0, 0, sys::SECCOMP_RET_KILL_PROCESS),
        step(0x06, 0, 0, sys::SECCOMP_RET_ALLOW),
    ]
}
