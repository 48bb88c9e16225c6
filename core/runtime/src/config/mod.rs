//! The project's configuration: what was written becomes what it means, and all problems are told at once.

pub mod meant;
pub mod secret;

pub use meant::Config;
pub use secret::{Secret, SecretRef};
