//! What a plugin's process can still do, decided before its library is opened and while there is one thread only.
//!
//! Landlock says which files there are for it, seccomp which system calls. Both hold for every thread that comes later, and
//! nothing in the process can lift them. A kernel that lacks one of the two is told by `Kernel`, and `[plugins] sandbox`
//! says whether that is good enough.

use super::calls;
use crate::config::Sandbox;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// The newest version of landlock whose rights were tried here. Version 9 asks for a right to speak to sockets in the file
/// system, which a database on this machine would need; it is taken when there is a kernel to try it on.
const NEWEST: ABI = ABI::V7;
/// Where the dynamic loader looks for the libraries that a library needs.
const LOADER: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/nix/store",
    "/gnu/store",
];
/// Zones, for a plugin that reckons with days.
const ZONES: &[&str] = &["/usr/share/zoneinfo", "/etc/localtime", "/etc/timezone"];
/// Names of servers and who vouches for them.
const NETWORK: &[&str] = &[
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// What one process may reach beyond its library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fence {
    /// Files and folders that it may read.
    pub(super) read: Vec<PathBuf>,
    /// Files and folders that it may read and write: its own folder for what is in between, sidecars of an open database.
    pub(super) write: Vec<PathBuf>,
    /// Whether it may speak to servers.
    pub(super) network: bool,
    /// Whether less than all of it will do.
    pub(super) sandbox: Sandbox,
}

/// What held a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Version of landlock in force; 0: none.
    pub landlock: u32,
    /// Whether a list of forbidden system calls is in force.
    pub seccomp: bool,
}

impl Held {
    /// Nothing is missing of what this program asks of a kernel: files, and signals to other processes.
    #[must_use]
    pub fn whole(self) -> bool {
        self.landlock >= 3 && self.seccomp
    }

    /// In words, for people: `landlock 7, seccomp`.
    #[must_use]
    pub fn words(self) -> String {
        let landlock = (self.landlock > 0).then(|| format!("landlock {}", self.landlock));
        let seccomp = self.seccomp.then(|| "seccomp".to_owned());
        let parts: Vec<String> = landlock.into_iter().chain(seccomp).collect();
        match parts.is_empty() {
            true => "none".to_owned(),
            false => parts.join(", "),
        }
    }
}

/// What the running kernel offers.
#[must_use]
pub fn kernel() -> Held {
    Held {
        landlock: calls::landlock().min(version(NEWEST)),
        seccomp: calls::offered(),
    }
}

/// What a kernel lacks, one sentence each.
#[must_use]
pub fn lacking(held: Held) -> Vec<String> {
    let mut lacks = Vec::new();
    match held.landlock {
        0 => lacks.push(
            "this kernel has no landlock (Linux 5.13, enabled with `lsm=…,landlock`): a metric could read every file that this user can read".to_owned(),
        ),
        1 | 2 => lacks.push(format!(
            "this kernel's landlock is version {}: a plugin could empty files that it cannot read (version 3, Linux 6.2)",
            held.landlock
        )),
        _ => {}
    }
    if !held.seccomp {
        lacks.push("this kernel has no seccomp filters: a metric could open connections, and a plugin start programs".to_owned());
    }
    lacks
}

fn version(abi: ABI) -> u32 {
    u32::try_from(abi as i32).unwrap_or_default()
}

/// Restricts this process for good. `library` is the open file that will be loaded.
///
/// # Errors
/// The kernel refuses what it claims to have, or lacks what the configuration requires.
pub(super) fn restrict(fence: &Fence, library: BorrowedFd<'_>) -> Result<Held, String> {
    if fence.sandbox == Sandbox::Off {
        return Ok(Held::default());
    }
    let landlock = match calls::landlock() {
        0 => None,
        offered => {
            let status = files(fence, library);
            let status = status.map_err(|e| format!("landlock refuses its rules: {e}"))?;
            let holds = status.ruleset != RulesetStatus::NotEnforced;
            holds.then_some(offered.min(version(NEWEST)))
        }
    };
    let held = Held {
        landlock: landlock.unwrap_or_default(),
        seccomp: calls::forbid(fence.network)?,
    };
    match fence.sandbox {
        Sandbox::Require if !held.whole() => Err(format!(
            "[plugins] sandbox = \"require\" asks for more than this kernel has: {}",
            lacking(held).join("; ")
        )),
        _ => Ok(held),
    }
}

/// Files, and which connections, by landlock. What it does not know on this kernel is left out.
fn files(fence: &Fence, library: BorrowedFd<'_>) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        // A source connects wherever its server is, but nothing is a server here.
        .handle_access(if fence.network {
            AccessNet::BindTcp.into()
        } else {
            AccessNet::from_all(NEWEST)
        })?
        // Neither signals nor abstract sockets reach whoever started it.
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rule(PathBeneath::new(library, AccessFs::ReadFile))?;
    let fixed = LOADER
        .iter()
        .chain(ZONES)
        .chain(if fence.network { NETWORK } else { &[] });
    for path in fixed {
        rules = allow(rules, Path::new(path), read)?;
    }
    for path in named(fence.network).iter().chain(&fence.read) {
        rules = allow(rules, path, read)?;
    }
    for path in &fence.write {
        rules = allow(rules, path, AccessFs::from_all(NEWEST) & !AccessFs::Execute)?;
    }
    rules = allow(
        rules,
        Path::new("/dev/null"),
        AccessFs::ReadFile | AccessFs::WriteFile,
    )?;
    rules = allow(rules, Path::new("/dev/urandom"), AccessFs::ReadFile.into())?;
    rules.restrict_self()
}

/// Folders that the environment of this process names for the loader, for zones and for certificates.
fn named(network: bool) -> Vec<PathBuf> {
    let certificates: &[&str] = if network {
        &["SSL_CERT_FILE", "SSL_CERT_DIR"]
    } else {
        &[]
    };
    ["LD_LIBRARY_PATH", "TZDIR"]
        .iter()
        .chain(certificates)
        .filter_map(std::env::var_os)
        .flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>())
        .filter(|path| path.is_absolute())
        .collect()
}

/// A rule for what is there; what is not there cannot be read either.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(at) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = match path.is_dir() {
        true => access,
        false => access & AccessFs::from_file(NEWEST),
    };
    rules.add_rule(PathBeneath::new(at, access))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_is_said_for_each_half() {
        let whole = Held {
            landlock: 7,
            seccomp: true,
        };
        assert!(whole.whole() && lacking(whole).is_empty());
        assert_eq!(whole.words(), "landlock 7, seccomp");
        let old = Held {
            landlock: 2,
            seccomp: true,
        };
        assert!(!old.whole() && lacking(old)[0].contains("version 2"));
        let nothing = Held::default();
        assert_eq!(lacking(nothing).len(), 2);
        assert_eq!(nothing.words(), "none");
    }
}
