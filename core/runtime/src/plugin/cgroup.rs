//! Limits by control groups of version 2, where the system gave this process a subtree of its own: memory as the kernel counts
//! it, no swap, and so many threads and processes; and a kill that nothing escapes.
//!
//! systemd gives one to a unit with `Delegate=memory pids`. A process may not stay in a group whose children it limits, so it
//! moves itself into one beside theirs first; that needs a group in which it is alone. Elsewhere the limits of the process
//! itself (`limits`) do what they can.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many threads and processes a plugin may have.
const TASKS: u32 = 512;
/// The kernel lets go of a group a moment after its last process.
const EMPTY: Duration = Duration::from_secs(2);

/// The subtree of this process.
#[derive(Debug, Clone)]
pub(super) struct Subtree {
    path: PathBuf,
}

/// The group of one plugin's process.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
}

/// The subtree of this process, prepared on the first call; or why there is none.
pub(super) fn subtree() -> Result<&'static Subtree, &'static str> {
    static SUBTREE: OnceLock<Result<Subtree, String>> = OnceLock::new();
    let found = SUBTREE.get_or_init(|| {
        let read = |path| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
        let own = own(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)?;
        Subtree::prepare(&own, std::process::id())
    });
    found.as_ref().map_err(String::as_str)
}

/// The folder of this process's group: the line of version 2 in `/proc/self/cgroup`, below the mount of that hierarchy.
fn own(cgroup: &str, mounts: &str) -> Result<PathBuf, String> {
    let line = cgroup.lines().find_map(|line| line.strip_prefix("0::/"));
    let mount = mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, at) = (place.next()?, place.next()?);
        kind.starts_with("cgroup2 ").then_some((root, at))
    });
    let (Some(line), Some((root, at))) = (line, mount) else {
        return Err("control groups of version 2 are not mounted".to_owned());
    };
    // A container may see a part of the tree only.
    let below = format!("/{line}");
    let below = below.strip_prefix(root).unwrap_or(&below);
    Ok(Path::new(at).join(below.trim_start_matches('/')))
}

impl Subtree {
    fn prepare(own: &Path, pid: u32) -> Result<Self, String> {
        let offered = read(&own.join("cgroup.controllers"))?;
        if !offered.split_whitespace().any(|one| one == "memory") {
            return Err(format!(
                "{} has no memory controller of version 2",
                own.display()
            ));
        }
        let tasks = read(&own.join("cgroup.procs"))?;
        if tasks.split_whitespace().any(|task| task != pid.to_string()) {
            return Err(format!(
                "{} is shared with other processes: not delegated",
                own.display()
            ));
        }
        let refused = |e: io::Error| format!("{} is not delegated: {e}", own.display());
        let home = own.join("chenbao");
        make(&home).map_err(refused)?;
        write(&home.join("cgroup.procs"), &pid.to_string()).map_err(refused)?;
        let children = own.join("cgroup.subtree_control");
        write(&children, "+memory").map_err(refused)?;
        // Without it a plugin is limited by its memory alone.
        let _ = write(&children, "+pids");
        Ok(Self {
            path: own.to_owned(),
        })
    }

    /// A group with its limits, for a process that is to be put in.
    pub(super) fn group(&self, memory_bytes: u64) -> io::Result<Group> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plugin-{}-{next}", std::process::id());
        let group = Group {
            path: self.path.join(name),
        };
        make(&group.path)?;
        group.set("memory.max", memory_bytes)?;
        // A kernel without swap accounting has no such file; a group that is ended as a whole leaves no half behind.
        let _ = group.set("memory.swap.max", 0_u64);
        let _ = group.set("memory.oom.group", 1_u64);
        let _ = group.set("pids.max", TASKS);
        Ok(group)
    }
}

impl Group {
    /// Puts a process in, and with it all that it will start.
    pub(super) fn take(&self, pid: u32) -> io::Result<()> {
        self.set("cgroup.procs", pid)
    }

    /// Whether the kernel ended something in it for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let events = read(&self.path.join("memory.events")).unwrap_or_default();
        events.lines().any(|line| {
            line.strip_prefix("oom_kill ")
                .is_some_and(|count| count.trim() != "0")
        })
    }

    /// Ends all that is in it, wherever it moved to.
    pub(super) fn kill(&self) {
        let _ = self.set("cgroup.kill", 1_u64);
    }

    fn set(&self, file: &str, value: impl ToString) -> io::Result<()> {
        write(&self.path.join(file), &value.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let until = Instant::now() + EMPTY;
        while std::fs::remove_dir(&self.path).is_err() && self.path.is_dir() {
            if Instant::now() > until {
                tracing::warn!("{} does not become empty", self.path.display());
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// One write to a file that the kernel made.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "24 30 0:22 / /sys rw - sysfs sysfs rw\n31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";

    /// What a kernel would have there; a folder of plain files takes the same reads and writes.
    fn tree(controllers: &str, tasks: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cgroup.controllers"), controllers).unwrap();
        std::fs::write(dir.path().join("cgroup.procs"), tasks).unwrap();
        std::fs::write(dir.path().join("cgroup.subtree_control"), "").unwrap();
        let home = dir.path().join("chenbao");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("cgroup.procs"), "").unwrap();
        dir
    }

    #[test]
    fn the_own_group_is_found_below_the_mount() {
        let unit = "0::/system.slice/chenbao.service\n";
        assert_eq!(
            own(unit, MOUNTS).unwrap(),
            Path::new("/sys/fs/cgroup/system.slice/chenbao.service")
        );
        // In a container that sees its own part only, the group's path is told from the root of that part.
        let part = MOUNTS.replace("0:27 / ", "0:27 /system.slice ");
        assert_eq!(
            own(unit, &part).unwrap(),
            Path::new("/sys/fs/cgroup/chenbao.service")
        );
        assert!(own("4:memory:/x\n", MOUNTS).is_err());
        assert!(own(unit, "24 30 0:22 / /sys rw - sysfs sysfs rw\n").is_err());
    }

    #[test]
    fn a_group_without_the_controller_or_shared_with_others_is_not_delegated() {
        let bare = tree("cpu io\n", "7\n");
        let why = Subtree::prepare(bare.path(), 7).unwrap_err();
        assert!(why.contains("no memory controller"), "{why}");
        let shared = tree("memory pids\n", "7\n8\n");
        let why = Subtree::prepare(shared.path(), 7).unwrap_err();
        assert!(why.contains("shared with other processes"), "{why}");
    }

    #[test]
    fn the_process_moves_aside_before_its_children_are_limited() {
        let dir = tree("memory pids\n", "7\n");
        Subtree::prepare(dir.path(), 7).unwrap();
        let moved = std::fs::read_to_string(dir.path().join("chenbao/cgroup.procs")).unwrap();
        assert_eq!(moved, "7");
        let children = std::fs::read_to_string(dir.path().join("cgroup.subtree_control")).unwrap();
        assert!(children.contains("+pids"), "{children}");
    }

    #[test]
    fn an_end_for_want_of_memory_is_told_by_the_kernels_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugin");
        std::fs::create_dir(&path).unwrap();
        let group = Group { path };
        let events = |count| format!("low 0\nhigh 0\nmax 12\noom 1\noom_kill {count}\n");
        std::fs::write(group.path.join("memory.events"), events(0)).unwrap();
        assert!(!group.ran_out_of_memory());
        std::fs::write(group.path.join("memory.events"), events(1)).unwrap();
        assert!(group.ran_out_of_memory());
        std::fs::remove_file(group.path.join("memory.events")).unwrap();
    }
}
