//! Plugins, each in a process of its own: the parent never loads a library, and a crash is a verdict, not an outage.
//!
//! [`store`] finds plugins, [`descriptor`] reads their folders, [`host`] runs calls and judges them ([`verdict`]),
//! [`no_code`] answers for folders without a library. In the child, [`host_main`] loads exactly one library.

mod answer;
mod builtin;
mod calls;
mod cgroup;
mod child;
mod conformance;
pub mod descriptor;
mod folder;
pub mod holding;
pub mod host;
mod input;
pub mod keeper;
mod large;
mod leftover;
mod library;
mod limits;
pub mod lock;
pub mod no_code;
pub mod opened;
pub mod options;
pub mod probe;
mod reach;
mod reading;
pub mod restrict;
mod rows;
mod services;
mod session;
pub mod store;
pub mod trust;
pub mod verdict;
mod wire;

pub use child::host_main;
