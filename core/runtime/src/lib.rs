//! Chenbao's runtime: from a project's configuration to reports in mailboxes, and the record of it.
//!
//! Read [`mod@run`] first: one run in nine steps, each a module of the same name. [`plan`] says which issue is due;
//! [`collect`] fetches what it needs from source plugins into the lake; [`gate`] judges whether the data is whole;
//! [`compute`] asks metric plugins; [`paper`] takes one audience through compose, render (the two entry functions of
//! `chenbao-report`) and [`verify`]; [`deliver`] sends, once; [`record`] keeps what was made from what. [`serve`] does this on schedules.

/// The one way to the disk.
pub use chenbao_storage as storage;

// 1 pure: no file, no clock, no network.
pub mod calendar;
pub mod config;
pub mod cron;
pub mod policy;
pub mod schedule;

// 2 adapters: one outside world each.
pub mod archive;
pub mod clock;
pub mod fonts;
pub mod ledger;
pub mod life;
pub mod mail;
pub mod plugin;
pub mod systemd;
pub mod telemetry;
pub mod templates;
pub mod ticker;
pub mod webhook;

// 3 stages.
pub mod asking;
pub mod audit;
pub mod authoring;
pub mod backup;
pub mod chain;
pub mod collect;
pub mod compute;
pub mod days;
pub mod deliver;
pub mod disk;
pub mod erase;
pub mod gate;
pub mod identity;
pub mod kept;
pub mod notice;
pub mod paper;
pub mod plan;
pub mod project;
pub mod quarantine;
pub mod record;
pub mod recover;
pub mod remap;
pub mod replay;
pub mod retention;
pub mod robot;
pub mod run;
pub mod tables;
pub mod verify;
pub mod words;

// 4 hosts.
pub mod health;
pub mod preview;
pub mod serve;
pub mod watchdog;

// 5 edge.
pub mod cli;
