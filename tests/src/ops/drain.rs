//! An end in time: the message under way gets its answer, nothing new begins, and what was held is free for others at once.

use super::{Serving, rewrite, shop, until};
use crate::faults::recorder::Recorder;
use crate::project::Project;
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::time::{Duration, Instant};

const SERVER: &[&str] = &["python3", "python:aiosmtpd"];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with(
            "ops::stopped_in_the_middle_of_a_message_it_is_sent_once_and_the_rest_waits",
            SERVER,
            in_a_message,
        ),
        trial(
            "ops::a_report_that_takes_too_long_is_free_for_others_at_once",
            too_long,
        ),
        trial("ops::a_second_signal_ends_at_once", twice),
    ]
}

/// One look of another process.
fn look(project: &Project, time: &str) -> Value {
    let out = project
        .command(&["serve", "--once", "--json"])
        .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{time}: {e}\n{said}"))
}

fn in_a_message() -> Result<(), Failed> {
    let mail = Recorder::start(Duration::from_millis(700))?;
    let project = shop();
    let smtp = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n\n[mail.rate]\nconnections = 1",
        mail.port()
    );
    rewrite(
        &project,
        "transport = \"folder\"\nfolder = \"outbox\"",
        &smtp,
    );
    rewrite(
        &project,
        "to = [\"boss@example.com\"]",
        "to = [\"boss@example.com\", \"cfo@example.com\", \"ceo@example.com\"]",
    );
    assert_eq!(look(&project, "06:30:00")["made"], 0, "served since then");
    assert_eq!(look(&project, "06:45:00")["made"], 1);
    let mut serving = Serving::start(&project, "08:00:00", &[]);
    // The server has all of the first message, and its answer is on its way.
    until("a message arrives", || {
        (!mail.arrived().is_empty()).then_some(())
    });
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.said());
    assert!(serving.said().contains("what was under way is finished"));
    assert_eq!(mail.arrived().len(), 1, "nothing new begins");
    let history = project.run(&["history", "--json"]).exits(0).json();
    let states = &history[0]["deliveries"];
    assert_eq!(
        (&states["sent"], &states["queued"]),
        (&1.into(), &2.into()),
        "{history}"
    );
    assert_eq!(
        look(&project, "08:00:01")["sent"],
        2,
        "another process goes on at once"
    );
    let mut arrived = mail.arrived();
    arrived.dedup_by(|a, b| a.id == b.id);
    assert_eq!((arrived.len(), mail.arrived().len()), (3, 3), "each once");
    Ok(())
}

/// A shop whose report hangs in a metric for ten minutes.
fn hanging(drain: &str) -> Project {
    let project = shop();
    rewrite(
        &project,
        "metrics = [\"sales\"]",
        "metrics = [\"sales\", \"odd\"]",
    );
    let odd = format!(
        "[serve]\ndrain = \"{drain}\"\n[plugins]\ndeadline = \"10m\"\n[metric.odd]\nplugin = \"hostile\"\n[metric.odd.with]\nhow = \"hang\"\n[metric.sales]"
    );
    rewrite(&project, "[metric.sales]", &odd);
    assert_eq!(look(&project, "06:30:00")["made"], 0, "served since then");
    project
}

/// A `serve` that is making the report.
fn making(project: &Project) -> Serving {
    let serving = Serving::start(project, "06:45:00", &[]);
    until("it works", || {
        let history = project.run(&["history", "--json"]).json();
        (history[0]["state"] == "running").then_some(())
    });
    serving
}

fn too_long() -> Result<(), Failed> {
    let project = hanging("1s");
    let mut serving = making(&project);
    let began = Instant::now();
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.said());
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(serving.said().contains("given up"), "{}", serving.said());
    rewrite(&project, "how = \"hang\"", "how = \"count\"");
    assert_eq!(
        look(&project, "06:45:30")["made"],
        1,
        "its lease would hold for two minutes, and another takes it up now"
    );
    assert_eq!(look(&project, "08:00:00")["sent"], 1);
    assert_eq!(project.files("outbox").len(), 1);
    Ok(())
}

fn twice() -> Result<(), Failed> {
    let project = hanging("10m");
    let mut serving = making(&project);
    serving.signal("TERM");
    serving.says("stopping");
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(1), "{}", serving.said());
    Ok(())
}
