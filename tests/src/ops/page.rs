//! The page for machines: alive, ready, and figures that Prometheus' own parser reads.

use super::{Serving, rewrite, shop};
use crate::project::Project;
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("ops::the_page_says_alive_and_ready_and_why_not", ready),
        trial_with(
            "ops::prometheus_reads_the_figures",
            &["python3", "python:prometheus_client"],
            figures,
        ),
        trial("ops::a_taken_port_is_refused_with_a_sentence", taken),
    ]
}

/// A shop with a page on a free port.
fn with_page() -> Project {
    let project = shop();
    rewrite(
        &project,
        "[shop.main]",
        "[serve]\nlisten = \"127.0.0.1:0\"\n\n[shop.main]",
    );
    project
}

/// Where the page is, once it is there.
fn address(serving: &mut Serving) -> String {
    serving.says("/metrics answer");
    let said = serving.said();
    let after = said.split("http://").nth(1).unwrap_or_default();
    after.split('/').next().unwrap_or_default().to_owned()
}

/// Status, and what was said.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn ready() -> Result<(), Failed> {
    let project = with_page();
    let mut serving = Serving::start(&project, "06:30:00", &[]);
    let at = address(&mut serving);
    serving.says("serving");
    super::until("the first look", || {
        let (status, body) = get(&at, "/healthz");
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["standing"], serde_json::json!([]), "{body}");
        body["last_look"].is_string().then_some(())
    });
    assert_eq!(get(&at, "/readyz").0, 200);
    assert_eq!(get(&at, "/").0, 404);
    std::fs::rename(project.path().join("archive"), project.path().join("gone"))?;
    let (status, why) = get(&at, "/readyz");
    assert_eq!(status, 503);
    assert!(why.contains("the archive folder is not seen"), "{why}");
    assert_eq!(get(&at, "/healthz").0, 200, "it lives all the same");
    std::fs::rename(project.path().join("gone"), project.path().join("archive"))?;
    assert_eq!(get(&at, "/readyz").0, 200);
    Ok(())
}

/// The families and samples of a text, as the parser of the Prometheus project sees them.
fn parsed(text: &str) -> Vec<(String, Value, f64)> {
    let script = "import sys, json\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        json.dump([[s.name, s.labels, s.value] for f in parse(sys.stdin.read()) for s in f.samples], sys.stdout)";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let out = python.wait_with_output().unwrap();
    assert!(
        out.status.success(),
        "not the format of Prometheus:\n{text}"
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

/// A report without a schedule, to be put on hold.
const OTHER: &str = "[report.other]\ntemplate = \"daily\"\nmetrics = [\"sales\"]\n[report.other.audience.boss]\n\
    role = \"management\"\nshops = [\"main\"]\nto = [\"boss@example.com\"]\n\n[report.daily]";

/// Name, labels and value of a sample.
type Sample = (&'static str, &'static [(&'static str, &'static str)], f64);

/// What is said after the report has gone out: name, labels and figure. The clock stands at 08:00, the next work begins at 06:40.
const EXPECTED: &[Sample] = &[
    ("occurrences", &[("state", "done")], 1.0),
    (
        "deliveries",
        &[("state", "sent"), ("channel", "folder")],
        1.0,
    ),
    (
        "attempts_total",
        &[("channel", "folder"), ("outcome", "sent")],
        1.0,
    ),
    ("send_duration_seconds_count", &[("channel", "folder")], 1.0),
    (
        "run_duration_seconds_count",
        &[("report", "daily"), ("state", "done")],
        1.0,
    ),
    (
        "collections_total",
        &[("source", "orders"), ("state", "done")],
        1.0,
    ),
    ("oldest_waiting_delivery_seconds", &[], 0.0),
    ("held_reports", &[], 1.0),
    ("ledger_up", &[], 1.0),
    ("stopping", &[], 0.0),
    ("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ("next_due_seconds", &[], 22.0 * 3600.0 + 2400.0),
    ("last_look_timestamp_seconds", &[], 1_795_305_600.0),
];

fn figures() -> Result<(), Failed> {
    let project = with_page();
    let mut first = project.command(&["serve", "--once"]);
    first.env("CHENBAO_NOW", "2026-11-22T06:30:00+08:00");
    assert!(first.output()?.status.success());
    rewrite(&project, "[report.daily]", OTHER);
    let _ = project.run(&["hold", "other"]).exits(0);
    let mut serving = Serving::start(&project, "08:00:00", &[]);
    let at = address(&mut serving);
    let text = super::until("the report is out", || {
        let text = get(&at, "/metrics").1;
        let sent = "chenbao_attempts_total{channel=\"folder\",outcome=\"sent\"} 1";
        let done = "chenbao_occurrences{state=\"done\"}";
        // The process counts an attempt a moment before the ledger has its outcome.
        let kept = "chenbao_deliveries{state=\"sent\",channel=\"folder\"} 1";
        let all = [sent, kept, done, "next_due"]
            .iter()
            .all(|words| text.contains(words));
        all.then_some(text)
    });
    let all = parsed(&text);
    for (name, labels, wanted) in EXPECTED {
        let mine = |(n, l, _): &&(String, Value, f64)| {
            let same = n.strip_prefix("chenbao_") == Some(name);
            same && labels.iter().all(|(key, text)| l[*key] == **text)
        };
        let found: Vec<f64> = all.iter().filter(mine).map(|(.., value)| *value).collect();
        assert!(
            found.len() == 1 && (found[0] - wanted).abs() < 0.001,
            "{name} {labels:?}: {found:?}, not {wanted}\n{text}"
        );
    }
    assert!(!text.contains('@'), "no recipient:\n{text}");
    Ok(())
}

fn taken() -> Result<(), Failed> {
    let other = std::net::TcpListener::bind("127.0.0.1:0")?;
    let project = shop();
    let listen = format!(
        "[serve]\nlisten = \"{}\"\n\n[shop.main]",
        other.local_addr()?
    );
    rewrite(&project, "[shop.main]", &listen);
    let _ = project
        .run(&["serve"])
        .exits(1)
        .says(&["the page for machines cannot open at 127.0.0.1", "hint: "]);
    Ok(())
}
