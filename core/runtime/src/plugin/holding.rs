//! What holds the plugins of this process on this machine, in words for `check`, for runs and for whoever looks at a plugin.

use super::cgroup;
use super::restrict::{self, Held};
use crate::config::Sandbox;

/// What holds every plugin that this process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Fences.
    pub held: Held,
    /// Why limits are those of a process and not of a control group; none where they are.
    pub no_group: Option<&'static str>,
}

/// What holds them where the configuration asks for this much.
#[must_use]
pub fn holding(sandbox: Sandbox) -> Holding {
    Holding {
        held: match sandbox {
            Sandbox::Off => Held::default(),
            Sandbox::Best | Sandbox::Require => restrict::kernel(),
        },
        no_group: cgroup::subtree().err(),
    }
}

impl Holding {
    /// `cgroup` or `rlimit`.
    #[must_use]
    pub fn limits(self) -> &'static str {
        match self.no_group {
            None => "cgroup",
            Some(_) => "rlimit",
        }
    }

    /// One line: `held by landlock 7, seccomp; limits by rlimit`.
    #[must_use]
    pub fn words(self) -> String {
        format!("held by {}; limits by {}", self.held.words(), self.limits())
    }
}
