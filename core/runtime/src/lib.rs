//! Placeholder until the first slice.

pub mod config;
pub mod policy;
