//! The watchdog: a server that is killed for good before 08:00, a ledger that does not answer, and the dead-man's address.

use crate::project::Project;
use crate::robots::{self, Robots};
use crate::serving::Serving;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::time::{Duration, Instant};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let needs = &["python3"];
    vec![
        trial_with(
            "watch::a_server_killed_for_good_is_told_once",
            needs,
            killed_for_good,
        ),
        trial_with("watch::a_ledger_that_is_away_is_told", needs, ledger_away),
        trial_with(
            "watch::without_a_robot_the_owner_gets_a_mail",
            needs,
            by_mail,
        ),
        trial_with(
            "watch::a_report_that_nobody_gets_is_told",
            needs,
            nobody_gets_it,
        ),
        trial_with("watch::the_process_tells_within_its_round", needs, process),
    ]
}

/// One round at that time of 2026-11-22, which ends with this code.
fn round(project: &Project, time: &str, code: i32) -> Value {
    let out = project
        .command(&["watchdog", "--once", "--json"])
        .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(
        out.status.code(),
        Some(code),
        "{time}: {said}\n{}",
        String::from_utf8_lossy(&out.stdout)
    );
    serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
}

/// The troubles of a round: kind, and whether it was told in it.
fn troubles(round: &Value) -> Vec<(String, bool)> {
    let all = round["troubles"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|one| {
            let kind = one["kind"].as_str().unwrap_or_default().to_owned();
            (kind, one["told"] == true)
        })
        .collect()
}

fn is(kinds: &[(&str, bool)]) -> Vec<(String, bool)> {
    kinds
        .iter()
        .map(|(kind, told)| ((*kind).to_owned(), *told))
        .collect()
}

/// A shop that was served until 07:45, and whose server is dead since.
fn dead(robots: &Robots) -> Project {
    let project = robots::shop(robots, "feishu");
    // What is due at 08:00 is queued, and the report is done with.
    crate::serving::look(&project, "07:45:00");
    drop(Serving::start(&project, "07:45:00"));
    project
}

/// With a dead-man's address.
fn pinged(robots: &Robots, project: Project) -> Project {
    let text = project.read("chenbao.toml");
    project.write(
        "chenbao.toml",
        format!("{text}\n[watchdog]\nping = \"env:PING\"\n"),
    );
    project.env("PING", &robots.url("ping"))
}

fn killed_for_good() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = dead(&robots);
    let project = pinged(&robots, project);
    assert_eq!(troubles(&round(&project, "07:59:00", 0)), is(&[]));
    // Fifteen minutes after it was last seen, before anything is overdue.
    assert_eq!(
        troubles(&round(&project, "08:00:30", 4)),
        is(&[("silent", true)])
    );
    assert_eq!(
        troubles(&round(&project, "08:01:30", 4)),
        is(&[("silent", false)])
    );
    assert_eq!(
        troubles(&round(&project, "08:15:00", 4)),
        is(&[("overdue", true), ("silent", false)])
    );
    assert_eq!(
        troubles(&round(&project, "08:16:00", 4)),
        is(&[("overdue", false), ("silent", false)]),
        "once per issue"
    );
    let taken = robots.taken();
    assert_eq!(taken.len(), 2, "{taken:?}");
    let said = taken[1].to_string();
    for words in [
        "到点未送达",
        "daily 2026-11-21",
        "2 封中还有 2 封没有发出",
        "chenbao serve",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let pings = std::fs::read_to_string(robots.path("pings"))?;
    let pings: Vec<&str> = pings.lines().collect();
    assert_eq!(
        pings,
        [
            "/ping",
            "/ping/fail",
            "/ping/fail",
            "/ping/fail",
            "/ping/fail"
        ]
    );

    let back = project
        .command(&["serve", "--once"])
        .env("CHENBAO_NOW", "2026-11-22T08:20:00+08:00")
        .status()?;
    assert!(back.success());
    assert_eq!(
        troubles(&round(&project, "08:20:30", 0)),
        is(&[]),
        "all is out"
    );
    Ok(())
}

/// It was made in time, and kept back from everybody: for the schedule all is well.
fn nobody_gets_it() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = robots::shop(&robots, "feishu");
    let text = project.read("chenbao.toml");
    let alone = text.replace("\nrobots = [\"ops-group\"]", "");
    assert_ne!(alone, text, "the audience has no robot");
    project.write("chenbao.toml", alone);
    let off = [
        "recipients",
        "unsubscribe",
        "boss@example.com",
        "--report",
        "daily",
    ];
    drop(project.run(&off).exits(0));
    for time in ["06:30:00", "06:45:00", "08:00:00"] {
        crate::serving::look(&project, time);
    }
    assert_eq!(troubles(&round(&project, "08:14:00", 0)), is(&[]));
    assert_eq!(
        troubles(&round(&project, "08:15:00", 4)),
        is(&[("overdue", true), ("silent", true)])
    );
    let said = robots
        .taken()
        .last()
        .cloned()
        .unwrap_or_default()
        .to_string();
    assert!(said.contains("1 封全部被退回或被拦下"), "{said}");
    Ok(())
}

fn ledger_away() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = dead(&robots);
    let text = project.read("chenbao.toml");
    project.write(
        "chenbao.toml",
        format!("{text}\n[ledger]\nurl = \"sqlite:elsewhere.sqlite\"\n"),
    );
    assert_eq!(
        troubles(&round(&project, "07:46:00", 0)),
        is(&[]),
        "a moment is no trouble"
    );
    assert_eq!(
        troubles(&round(&project, "08:01:00", 4)),
        is(&[("ledger", true)])
    );
    assert_eq!(
        troubles(&round(&project, "08:02:00", 4)),
        is(&[("ledger", false)])
    );
    assert!(
        !project.path().join("elsewhere.sqlite").exists(),
        "it makes nothing"
    );
    assert_eq!(robots.taken().len(), 1);
    project.write("chenbao.toml", text);
    assert_eq!(
        troubles(&round(&project, "08:03:00", 4)),
        is(&[("silent", true)])
    );
    Ok(())
}

fn by_mail() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = dead(&robots);
    robots.set(
        "answer",
        r#"{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}"#,
    );
    assert_eq!(
        troubles(&round(&project, "08:01:00", 4)),
        is(&[("silent", true)])
    );
    let mails: Vec<String> = project
        .files("outbox")
        .into_iter()
        .filter(|mail| mail.contains("watchdog") && mail.contains("owner@"))
        .collect();
    assert_eq!(mails.len(), 1, "no robot took it, so a mail did");
    Ok(())
}

fn process() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = dead(&robots);
    let mut watchdog = project
        .command(&["watchdog"])
        .env("CHENBAO_NOW", "2026-11-22T08:16:00+08:00")
        .spawn()?;
    let began = Instant::now();
    while robots.taken().is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it told nothing within a minute"
        );
        assert!(watchdog.try_wait()?.is_none(), "it ended by itself");
    }
    watchdog.kill()?;
    watchdog.wait()?;
    assert!(robots.taken()[0].to_string().contains("到点未送达"));
    Ok(())
}
