//! Placeholder until the first slice.

pub mod calendar;
pub mod clock;
pub mod config;
pub mod cron;
pub mod ledger;
pub mod policy;
pub mod schedule;
