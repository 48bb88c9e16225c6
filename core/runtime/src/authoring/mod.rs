//! What authors of plugins are given: a folder to begin with, a bench that builds and tries it, and its documentation.

pub mod bench;
pub mod case;
pub mod elf;
pub mod readme;
pub mod record;
pub mod scaffold;
pub mod trial;
pub mod watch;
