//! The project's configuration: what was written becomes what it means, and all problems are told at once.

mod asked;
pub mod attach;
mod disk;
pub mod fonts;
mod hide;
mod host;
mod keeping;
mod kept;
mod load;
mod mail;
pub mod meant;
mod notices;
mod plugins;
mod report;
mod resolve;
mod schedule;
mod schema;
mod secret;
pub mod table;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub use hide::{SHORTEST, hide};
pub use load::{fetch, load, replace};
pub use meant::Config;
pub use notices::NOTICES;
pub use plugins::{Plugins, Sandbox, TrustPolicy};
pub use resolve::resolve;
pub use schema::schema;
pub use secret::{Secret, SecretRef};
