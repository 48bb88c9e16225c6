//! Delivery to a real mail server: once, whole, readable by another language's parser, and later when it was refused first.

use crate::orders::{export, line};
use crate::project::Project;
use crate::serving::{EXPORT, look, look_at};
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const NEEDS: &[&str] = &[
    "python3",
    "python:aiosmtpd",
    "python:cryptography",
    "pdftotext",
    "qpdf",
    "pdffonts",
];

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial_with("mails::a_report_arrives_once_and_whole", NEEDS, arrives),
        trial_with(
            "mails::a_refused_report_waits_and_goes_out_once",
            NEEDS,
            refused_first,
        ),
        trial_with(
            "mails::a_connection_lost_after_data_is_never_silently_resent",
            NEEDS,
            lost_after_data,
        ),
        trial_with(
            "mails::a_completed_report_answers_the_first_message",
            NEEDS,
            threads,
        ),
    ]
}

/// A server process with its folder.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = crate::house_rules::root().join("tests/servers/smtp.py");
        let child = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .spawn()
            .unwrap();
        let server = Self { child, folder };
        let began = Instant::now();
        while !server.folder.path().join("port").exists() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the mail server did not start"
            );
            std::thread::yield_now();
        }
        server
    }

    fn port(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("port")).unwrap()
    }

    fn mails(&self) -> Vec<PathBuf> {
        let mut mails: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "eml"))
            .collect();
        mails.sort();
        mails
    }

    fn switch(&self, what: &str, on: bool) {
        let path = self.folder.path().join(what);
        if on {
            std::fs::write(path, "").unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// A shop whose mail goes to the server.
fn shop(server: &Server) -> Project {
    let project = Project::from_case("one-shop")
        .env("CHENBAO_NOW", "2026-11-22T07:50:00+08:00")
        .env("MAIL_PASSWORD", "geheim-密码");
    let smtp = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"starttls\"\nca = \"{}\"\nuser = \"chenbao\"\npassword = \"env:MAIL_PASSWORD\"",
        server.port(),
        server.folder.path().join("ca.pem").display()
    );
    replace(
        &project,
        "transport = \"folder\"\nfolder = \"outbox\"",
        &smtp,
    );
    replace(
        &project,
        "to = [\"boss@example.com\"]",
        "to = [\"老板 <boss@example.com>\", \"cfo@example.com\"]",
    );
    project.write(EXPORT, day(40));
    project
}

/// Replaces a piece of the configuration.
fn replace(project: &Project, from: &str, to: &str) {
    let text = project.read("chenbao.toml");
    assert!(text.contains(from), "{from} is not in\n{text}");
    project.write("chenbao.toml", text.replace(from, to));
}

/// An export with so many orders of yesterday.
fn day(orders: u64) -> String {
    let lines: Vec<_> = (1..=orders)
        .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
        .collect();
    export(&lines)
}

fn parse(mail: &Path, pdf: &Path) -> Value {
    let script = crate::house_rules::root().join("tests/servers/parse_mail.py");
    let out = Command::new("python3")
        .arg(script)
        .arg(mail)
        .arg(pdf)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

fn text_of(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn arrives() -> Result<(), Failed> {
    let server = Server::start();
    let project = shop(&server);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    assert_eq!(
        server.mails().len(),
        2,
        "one message per recipient, however often the run is asked for"
    );

    let pdf = project.path().join("got.pdf");
    let seen = parse(&server.mails()[0], &pdf);
    assert!(
        seen["subject"].as_str().unwrap().contains("11月21日")
            && seen["subject"].as_str().unwrap().contains("¥500"),
        "{seen}"
    );
    assert_eq!(seen["defects"].as_array().map(Vec::len), Some(0), "{seen}");
    assert_eq!(seen["reply_to"], "owner@example.com");
    let parts = seen["parts"].as_array().unwrap();
    let types: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["type"].as_str())
        .collect();
    assert!(
        types.starts_with(&["text/plain", "text/html"]) && types.ends_with(&["application/pdf"]),
        "{types:?}"
    );
    let name = parts.last().unwrap()["name"].as_str().unwrap();
    assert!(
        name.contains("2026-11-21") && name.ends_with(".pdf") && !name.is_ascii(),
        "{name}"
    );

    let text = text_of(Command::new("pdftotext").args(["-layout", pdf.to_str().unwrap(), "-"]));
    assert!(text.contains("¥500") && text.contains("管理层"), "{text}");
    let _ = text_of(Command::new("qpdf").arg("--check").arg(&pdf));
    let fonts = text_of(Command::new("pdffonts").arg(&pdf));
    assert!(
        fonts.lines().skip(2).all(|line| line.contains(" yes ")),
        "every font is embedded\n{fonts}"
    );
    Ok(())
}

fn refused_first() -> Result<(), Failed> {
    let server = Server::start();
    let project = shop(&server);
    server.switch("refuse", true);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4);
    assert_eq!(server.mails().len(), 0);
    let history = project.run(&["history", "--json"]).exits(0).json();
    assert_eq!(history[0]["deliveries"]["deferred"], 2, "{history}");
    server.switch("refuse", false);
    let later = project.env("CHENBAO_NOW", "2026-11-22T07:59:00+08:00");
    let _ = later.run(&["serve", "--once"]).exits(0);
    let _ = later.run(&["serve", "--once"]).exits(0);
    let for_boss = server
        .mails()
        .iter()
        .filter(|mail| {
            std::fs::read_to_string(mail.with_extension("to"))
                .is_ok_and(|to| to == "boss@example.com")
        })
        .count();
    assert_eq!(for_boss, 1, "it goes out later, once");
    Ok(())
}

fn lost_after_data() -> Result<(), Failed> {
    let server = Server::start();
    let project = shop(&server);
    server.switch("drop", true);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4);
    let taken = server.mails().len();
    server.switch("drop", false);
    let history = project.run(&["history", "--json"]).exits(0).json();
    assert_eq!(history[0]["deliveries"]["unknown"], 2, "{history}");
    let later = project.env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let _ = later.run(&["run", "daily", "--deliver"]);
    assert_eq!(
        server.mails().len(),
        taken,
        "what may have arrived is not sent again by itself"
    );
    let _ = later
        .run(&["resend", "--unknown"])
        .exits(0)
        .says(&["3 of 3"]);
    // The two, and what the owner was told of them over the same line.
    assert_eq!(server.mails().len(), taken + 3);
    let bytes: Vec<Vec<u8>> = server
        .mails()
        .iter()
        .map(|mail| std::fs::read(mail).unwrap())
        .collect();
    assert!(
        bytes
            .iter()
            .all(|mail| bytes.iter().filter(|other| *other == mail).count() == 2),
        "the same bytes"
    );
    Ok(())
}

/// The messages to an address, oldest first: bytes, and what Python's parser reads.
fn to(server: &Server, address: &str) -> Vec<(Vec<u8>, Value)> {
    let mails = server.mails().into_iter().filter(|mail| {
        std::fs::read_to_string(mail.with_extension("to")).is_ok_and(|to| to == address)
    });
    mails
        .map(|mail| {
            let seen = parse(&mail, &server.folder.path().join("got.pdf"));
            (std::fs::read(&mail).unwrap(), seen)
        })
        .collect()
}

fn threads() -> Result<(), Failed> {
    let server = Server::start();
    let project = shop(&server);
    // The export of the evening before is a part of yesterday.
    std::fs::remove_file(project.path().join(EXPORT))?;
    project.write("exports/orders/1795262400_订单导出.csv", day(12));
    for time in ["06:40:00", "07:40:00", "08:00:00"] {
        let _ = look(&project, time);
    }
    replace(&project, "\"cfo@example.com\"", "\"new@example.com\"");
    project.write(EXPORT, day(40));
    let _ = look(&project, "08:20:00");

    let boss = to(&server, "boss@example.com");
    let seen: Vec<&Value> = boss.iter().map(|(_, seen)| seen).collect();
    let text = |n: usize, field: &str| seen[n][field].as_str().unwrap_or_default();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(
        text(0, "subject").contains("[部分"),
        "{}",
        seen[0]["subject"]
    );
    assert!(
        !text(1, "subject").contains("[部分"),
        "{}",
        seen[1]["subject"]
    );
    assert_eq!(
        (&seen[0]["in_reply_to"], &seen[0]["references"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(seen[1]["in_reply_to"], seen[0]["message_id"]);
    assert_eq!(seen[1]["references"], seen[0]["message_id"]);
    assert_ne!(seen[1]["message_id"], seen[0]["message_id"]);
    assert_eq!(seen[1]["defects"].as_array().map(Vec::len), Some(0));
    let new = to(&server, "new@example.com");
    assert_eq!(new.len(), 1, "it gets the completed one");
    assert_eq!(new[0].1["in_reply_to"], Value::Null, "and begins a thread");

    // Sent again, a message has the bytes that it had, its thread with them.
    let history = project.run(&["history", "--json"]).exits(0).json();
    let run = history[0]["run"].as_str().unwrap_or_default();
    let _ = project.run(&["resend", run]).exits(0);
    let again = to(&server, "boss@example.com");
    assert_eq!(again.len(), 3);
    assert_eq!(again[2].0, boss[1].0);
    // Computed again, it is the same message and nobody gets it.
    let _ = project.run(&["replay", run]).exits(0);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    assert_eq!(to(&server, "boss@example.com").len(), 3);

    // The next day's report is another matter.
    project.write(
        "exports/orders/1795363200_订单导出.csv",
        export(&[line(77, "2026-11-22 10:00:00", "12.50")]),
    );
    for time in ["06:40:00", "08:00:00"] {
        let _ = look_at(&project, &format!("2026-11-23T{time}+08:00"));
    }
    let boss = to(&server, "boss@example.com");
    assert_eq!(boss.len(), 4);
    assert_eq!(boss[3].1["references"], Value::Null);
    Ok(())
}
