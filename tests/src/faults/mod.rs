//! Trials under faults: what is asked of one, and the list of them. Each runs the built binary as a machine would.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a trial prints its figures: it is a program"
)]

pub mod crash;
pub mod damage;
pub mod disk;
pub mod kill;
pub mod load;
pub mod reader;
pub mod recorder;
pub mod sink;
pub mod small_disk;
pub mod smtp;
pub mod time;

use crate::trial_with;
use libtest_mimic::Trial;
use std::process::ExitCode;

/// What is asked of a trial.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Where its randomness begins; printed, so that a failure can be run again.
    pub seed: u64,
    /// How often: kills, faults, recipients, as the trial says; none: the trial's own default.
    pub count: Option<u64>,
}

/// Figures of a trial, one line each, or why it failed.
pub type Figures = Result<Vec<String>, String>;

/// One trial by name.
type Named = (&'static str, &'static str, Body);

/// What a trial does.
type Body = fn(Ask) -> Figures;

/// All trials: name, what it shows, and the trial.
const TRIALS: [Named; 5] = [
    (
        "kill",
        "a server that is killed again and again sends each report once",
        kill::run,
    ),
    (
        "smtp",
        "whatever a mail server does wrong has its state and its sentence",
        smtp::run,
    ),
    (
        "disk",
        "disks that are full, read-only or lose bytes cost no report and no truth",
        disk::run,
    ),
    (
        "load",
        "ten thousand recipients of fifty audiences, all at 08:00",
        load::run,
    ),
    (
        "time",
        "a year of due times agrees with croniter, and is met under a clock that is handed in, faked or set",
        time::run,
    ),
];

/// A short version of each, for every day.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let brief = |nodes, needs: &[&str]| {
        let name = format!("faults::kill_{nodes}_node_sends_each_report_once");
        trial_with(&name, needs, move || {
            let figures = kill::trial(nodes, 16, 20_261_122)?;
            println!("{}", figures.join("\n"));
            Ok(())
        })
    };
    let matrix = |server, needs: &[&str]| {
        let name = format!("faults::smtp_each_fault_has_its_state_{server}");
        trial_with(&name, needs, move || {
            let figures = smtp::trial(server, &smtp::brief)?;
            println!("{}", figures.join("\n"));
            Ok(())
        })
    };
    let python = ["python3", "python:aiosmtpd", "python:cryptography"];
    let short = time::Size {
        patterns: 2,
        looks: 2,
        live: 1,
        jumps: false,
        crowd: 20,
    };
    let time = trial_with(
        "faults::time_is_met_and_agrees_with_croniter",
        &["python3", "python:croniter", "faketime"],
        move || {
            let figures = time::trial(short, 20_261_122)?;
            println!("{}", figures.join("\n"));
            Ok(())
        },
    );
    let mut all = on_disks();
    all.extend([
        time,
        matrix("aiosmtpd", &python),
        matrix(
            "smtp-server",
            &["python3", "python:cryptography", "node", smtp::NPM],
        ),
        brief(1, &["python3", "python:aiosmtpd"]),
        brief(
            2,
            &["python3", "python:aiosmtpd", "initdb", "pg_ctl", "psql"],
        ),
    ]);
    all
}

/// Disks that refuse or lose bytes, and many recipients.
fn on_disks() -> Vec<Trial> {
    let told = |name: &str, needs: &[&str], body: fn() -> Figures| {
        trial_with(&format!("faults::{name}"), needs, move || {
            println!("{}", body()?.join("\n"));
            Ok(())
        })
    };
    let full = |folder: &'static str, how: disk::Closed| {
        let name = format!("faults::disk_{folder}_{how:?}").to_lowercase();
        trial_with(&name, &["python3", "nsenter", "mounts"], move || {
            println!("{}", disk::stage(folder, how)?);
            Ok(())
        })
    };
    vec![
        told(
            "disk_power_cut_after_every_sync",
            &["python3", "strace"],
            || Ok(vec![crash::run()?]),
        ),
        told("disk_damaged_files_are_made_again", &["python3"], || {
            Ok(vec![damage::each()?, damage::message()?])
        }),
        told("disk_a_lost_day_is_said", &[], || Ok(vec![damage::lost()?])),
        told("load_of_fifty_audiences", &["python3"], || load::trial(4)),
        full("lake", disk::Closed::Full),
        full("archive", disk::Closed::Full),
        full("ledger", disk::Closed::Full),
        full("outbox", disk::Closed::Full),
        full("archive", disk::Closed::ReadOnly),
    ]
}

/// The program: one trial, by the words of a command line.
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    let run = read(args).and_then(|(trial, ask)| {
        println!("seed: {}", ask.seed);
        let started = std::time::Instant::now();
        let figures = trial(ask)?;
        for line in figures {
            println!("{line}");
        }
        println!("took: {:.1} s", started.elapsed().as_secs_f64());
        Ok(())
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn read(args: &[String]) -> Result<(Body, Ask), String> {
    let usage = || {
        let names: Vec<String> = TRIALS
            .iter()
            .map(|(name, what, _)| format!("  {name:<6}{what}"))
            .collect();
        format!("faults TRIAL [--seed N] [--count N]\n{}", names.join("\n"))
    };
    let (name, rest) = args.split_first().ok_or_else(usage)?;
    let trial = TRIALS.iter().find(|(known, _, _)| known == name);
    let (_, _, trial) = trial.ok_or_else(usage)?;
    let mut ask = Ask {
        seed: u64::from(fastrand::u32(..)),
        count: None,
    };
    for pair in rest.chunks(2) {
        let number = pair.get(1).and_then(|text| text.parse::<u64>().ok());
        match (pair.first().map(String::as_str), number) {
            (Some("--seed"), Some(number)) => ask.seed = number,
            (Some("--count"), Some(number)) => ask.count = Some(number),
            _ => return Err(usage()),
        }
    }
    Ok((*trial, ask))
}
