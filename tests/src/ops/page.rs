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

fn figures() -> Result<(), Failed> {
    let project = with_page();
    assert_eq!(
        project
            .command(&["serve", "--once"])
            .env("CHENBAO_NOW", "2026-11-22T06:30:00+08:00")
            .status()?
            .code(),
        Some(0)
    );
    rewrite(
        &project,
        "[report.daily]",
        "[report.other]\ntemplate = \"daily\"\nmetrics = [\"sales\"]\n[report.other.audience.boss]\nrole = \"management\"\nshops = [\"main\"]\nto = [\"boss@example.com\"]\n\n[report.daily]",
    );
    let _ = project.run(&["hold", "other"]).exits(0);
    let mut serving = Serving::start(&project, "08:00:00", &[]);
    let at = address(&mut serving);
    let all = super::until("the report is out", || {
        let text = get(&at, "/metrics").1;
        let sent = text.contains("chenbao_attempts_total{channel=\"folder\",outcome=\"sent\"} 1");
        (sent && text.contains("last_look")).then(|| parsed(&text))
    });
    let value = |name: &str, labels: &[(&str, &str)]| {
        let mine = |(n, l, _): &&(String, Value, f64)| {
            n == name && labels.iter().all(|(key, text)| l[*key] == **text)
        };
        let found: Vec<f64> = all.iter().filter(mine).map(|(.., value)| *value).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?} in {all:?}");
        found[0]
    };
    for (name, labels, wanted) in [
        ("chenbao_occurrences", vec![("state", "done")], 1.0),
        (
            "chenbao_deliveries",
            vec![("state", "sent"), ("channel", "folder")],
            1.0,
        ),
        (
            "chenbao_attempts_total",
            vec![("channel", "folder"), ("outcome", "sent")],
            1.0,
        ),
        (
            "chenbao_send_duration_seconds_count",
            vec![("channel", "folder")],
            1.0,
        ),
        (
            "chenbao_run_duration_seconds_count",
            vec![("report", "daily"), ("state", "done")],
            1.0,
        ),
        (
            "chenbao_collections_total",
            vec![("source", "orders"), ("state", "done")],
            1.0,
        ),
        ("chenbao_oldest_waiting_delivery_seconds", vec![], 0.0),
        ("chenbao_held_reports", vec![], 1.0),
        ("chenbao_ledger_up", vec![], 1.0),
        ("chenbao_stopping", vec![], 0.0),
        (
            "chenbao_build_info",
            vec![("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        ),
        // The clock stands at 08:00; the next work begins at 06:40.
        ("chenbao_next_due_seconds", vec![], 22.0 * 3600.0 + 2400.0),
        (
            "chenbao_last_look_timestamp_seconds",
            vec![],
            1_795_305_600.0,
        ),
    ] {
        let found = value(name, &labels);
        assert!(
            (found - wanted).abs() < 0.001,
            "{name} {labels:?}: {found}, not {wanted}"
        );
    }
    let text = get(&at, "/metrics").1;
    assert!(
        !text.contains('@') && !text.contains("boss@"),
        "no recipient:\n{text}"
    );
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
