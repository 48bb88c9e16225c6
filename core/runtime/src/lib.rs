//! Placeholder until the first slice.

pub mod archive;
pub mod calendar;
pub mod clock;
pub mod config;
pub mod cron;
pub mod ledger;
pub mod mail;
pub mod policy;
pub mod schedule;
pub mod storage;
