//! Several processes and one ledger: they share the work, and a ledger that goes away in the middle stops it until it is back.

use crate::databases::servers::Postgres;
use crate::faults::recorder::Recorder;
use crate::orders::{export, line};
use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const NEEDS: &[&str] = &["initdb", "pg_ctl", "psql", "python3", "python:aiosmtpd"];
const REPORTS: usize = 20;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial_with("nodes::two_servers_share_twenty_reports", NEEDS, shared),
        trial_with("nodes::a_ledger_that_goes_away_is_waited_for", NEEDS, away),
    ]
}

/// The one-shop project with its ledger in PostgreSQL and its mail through a real server.
fn project(server: &Postgres, mail: &Recorder, reports: usize, to: &str) -> Project {
    let project = Project::from_case("one-shop");
    let smtp = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"",
        mail.port()
    );
    let text = project.read("chenbao.toml");
    let (head, daily) = text.split_once("[report.daily]").unwrap();
    let head = head
        .replace("transport = \"folder\"\nfolder = \"outbox\"", &smtp)
        .replace(
            "[mail]",
            &format!("[ledger]\nurl = \"{}\"\n\n[mail]", server.url("chenbao")),
        );
    let daily = format!("[report.daily]{daily}").replace("\"boss@example.com\"", to);
    let mut whole = head;
    for number in 1..=reports {
        whole.push_str(&daily.replace("report.daily", &format!("report.daily{number}")));
        whole.push('\n');
    }
    project.write("chenbao.toml", whole);
    let lines: Vec<_> = (0..4)
        .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
        .collect();
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    project
}

/// A serving process; it is killed when the test is done with it.
struct Node(Child);

impl Node {
    fn start(project: &Project, time: &str) -> Self {
        let mut command = project.command(&["serve"]);
        let log = std::fs::File::create(project.path().join("log")).unwrap();
        command
            .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
            .stdout(Stdio::null())
            .stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Looks again and again until it is so.
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{what}: not within two minutes"
        );
        std::thread::yield_now();
    }
}

fn look(project: &Project, time: &str) {
    let now = format!("2026-11-22T{time}+08:00");
    let _ = project.run_at(&now, &["serve", "--once"]).exits(0);
}

/// Rows of a table of the ledger.
fn rows(project: &Project, table: &str) -> Vec<Value> {
    let lines = project
        .run_at("2026-11-22T08:00:00+08:00", &["ledger", "export"])
        .exits(0)
        .stdout;
    let rows = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["table"] == table).collect()
}

fn shared() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    let mail = Recorder::start(Duration::ZERO)?;
    let project = project(&server, &mail, REPORTS, "\"boss@example.com\"");
    look(&project, "06:30:00");
    let nodes = [(); 2].map(|()| Node::start(&project, "06:45:00"));
    until("made", || {
        rows(&project, "occurrences")
            .iter()
            .filter(|row| row["state"] == "done")
            .count()
            == REPORTS
    });
    drop(nodes);
    let made = rows(&project, "occurrences");
    let holders: BTreeSet<&str> = made
        .iter()
        .filter_map(|row| row["holder"].as_str())
        .collect();
    assert_eq!(holders.len(), 2, "each of the two made some: {made:?}");
    assert_eq!(
        rows(&project, "runs").len(),
        REPORTS,
        "each report was made once"
    );
    let nodes = [(); 2].map(|()| Node::start(&project, "08:00:00"));
    until("sent", || {
        rows(&project, "deliveries")
            .iter()
            .filter(|row| row["state"] == "sent")
            .count()
            == REPORTS
    });
    drop(nodes);
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for arrived in mail.arrived() {
        *times.entry(arrived.id).or_default() += 1;
    }
    assert_eq!(
        (times.len(), times.values().max()),
        (REPORTS, Some(&1)),
        "each message once"
    );
    Ok(())
}

fn away() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    // The server waits before each answer: the ledger goes away while a message is on its way.
    let mail = Recorder::start(Duration::from_millis(300))?;
    let to: Vec<String> = (0..8).map(|n| format!("\"boss{n}@example.com\"")).collect();
    let project = project(&server, &mail, 1, &to.join(", "));
    look(&project, "06:30:00");
    look(&project, "06:45:00");
    let node = Node::start(&project, "08:00:00");
    until("the first message", || !mail.arrived().is_empty());
    server.stop();
    until("the outage", || {
        project.read("log").contains("waits for the ledger")
    });
    let before = mail.arrived().len();
    server.go_on();
    until("all messages", || {
        let sent = rows(&project, "deliveries");
        sent.iter()
            .filter(|row| row["state"] == "sent" && row["channel"] == "mail")
            .count()
            >= 8
    });
    until("the notice", || {
        rows(&project, "notices")
            .iter()
            .any(|row| row["kind"] == "ledger")
    });
    drop(node);
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for arrived in mail
        .arrived()
        .into_iter()
        .filter(|one| one.to.starts_with("boss"))
    {
        *times.entry(arrived.to).or_default() += 1;
    }
    assert_eq!(
        (times.len(), times.values().max()),
        (8, Some(&1)),
        "each message once: {times:?}"
    );
    assert!(before < 8, "the ledger went away in the middle");
    Ok(())
}
