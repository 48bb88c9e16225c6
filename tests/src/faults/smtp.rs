//! The matrix of SMTP faults: two independent mail servers fail at every step as they are told, and each failure has its state and its
//! sentence in the ledger. One report is made once and sent again for each case.

use super::{Ask, Figures};
use crate::orders::{export, line};
use crate::project::Project;
use serde_json::{Value, json};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Recipients of the report; most cases send to the second alone.
const TO: &str =
    "to = [\"bad@example.com\", \"boss@example.com\", \"cfo@example.com\", \"ops@example.com\"]";
const BOSS: &str = "boss@example.com";
/// The server from npm; `.ci/run` installs it.
pub const NPM: &str = "npm:smtp-server";

/// The trial: every case with both servers.
pub fn run(_: Ask) -> Figures {
    let mut figures = trial("aiosmtpd", &|_| true)?;
    figures.extend(trial("smtp-server", &|_| true)?);
    Ok(figures)
}

/// What is expected of one message.
struct Case {
    name: &'static str,
    /// How the server is reached: a name of its ports, or `nowhere`, `noname`, `unknownca`.
    way: &'static str,
    /// What the server does wrong, as `faulty.py` reads it.
    fault: Value,
    state: &'static str,
    /// Words of its sentence.
    says: &'static str,
    /// State and words that are as right, where it depends on how far a message had come.
    or: Option<(&'static str, &'static str)>,
}

fn case(
    name: &'static str,
    way: &'static str,
    fault: Value,
    (state, says): (&'static str, &'static str),
) -> Case {
    Case {
        name,
        way,
        fault,
        state,
        says,
        or: None,
    }
}

impl Case {
    fn expects(&self, state: &str, note: &str) -> bool {
        let mut right = std::iter::once((self.state, self.says)).chain(self.or);
        right.any(|(right, words)| state == right && note.contains(words))
    }
}

const GONE: (&str, &str) = ("deferred", "cannot be reached");
const BROKE: (&str, &str) = ("deferred", "before it had the message");
const UNKNOWN: (&str, &str) = ("unknown", "it may have arrived");
const TORN: (&str, &str) = ("deferred", "before the whole message had left");
const UNTRUSTED: (&str, &str) = ("deferred", "certificate is not trusted");
const SENT: (&str, &str) = ("sent", "250");

/// Every line of the matrix.
fn cases() -> Vec<Case> {
    let mut all = vec![
        case("all well", "plain", json!({}), SENT),
        case("all well, STARTTLS and login", "starttls", json!({}), SENT),
        case("all well, TLS and login", "tls", json!({}), SENT),
        case("refused", "nowhere", json!({}), GONE),
        case(
            "no such name",
            "noname",
            json!({}),
            ("deferred", "name of the mail server is not known"),
        ),
        case("TLS: wrong name", "othername", json!({}), UNTRUSTED),
        case("TLS: expired", "expired", json!({}), UNTRUSTED),
        case("TLS: unknown authority", "unknownca", json!({}), UNTRUSTED),
        case(
            "STARTTLS stripped",
            "stripped",
            json!({}),
            ("deferred", "offers no protection (STARTTLS)"),
        ),
    ];
    all.extend(refusals());
    for at in [
        "CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE",
    ] {
        let expected = match at {
            "MAIL" | "RCPT" | "DATA" => BROKE,
            "MESSAGE" => UNKNOWN,
            _ => GONE,
        };
        for (does, name) in [("silent", "silence"), ("drop", "dropped")] {
            let name: &'static str = format!("{name} at {at}").leak();
            all.push(case(
                name,
                "starttls",
                json!({"at": at, "does": does}),
                expected,
            ));
        }
    }
    // The machine takes a message of this size into its own buffers, and does not say how much of it the server has read.
    let fault = |does| json!({"at": "BODY", "does": does});
    all.push(case("slow reader", "plain", fault("stall"), UNKNOWN));
    // A connection may be cut before or after the last byte has gone into them.
    all.push(Case {
        or: Some(TORN),
        ..case("dropped in DATA", "plain", fault("drop"), UNKNOWN)
    });
    all
}

/// 4yz and 5yz at every command: name, where, what is said, the state, words of its sentence.
const REFUSALS: &str = "
4yz at CONNECT | CONNECT | 421 4.3.2 too busy | deferred | closes the connection
5yz at CONNECT | CONNECT | 554 5.7.1 go away | deferred | refuses to talk to us
4yz at EHLO | EHLO | 451 4.3.0 later | deferred | does not take mail now
5yz at EHLO | EHLO | 550 5.7.1 bad name | deferred | refuses to talk to us
4yz at STARTTLS | STARTTLS | 454 4.7.0 later | deferred | does not take mail now
5yz at STARTTLS | STARTTLS | 501 5.5.2 no | deferred | refuses to talk to us
4yz at AUTH | AUTH | 454 4.7.0 later | deferred | does not take mail now
AUTH refused | AUTH | 535 5.7.8 bad password | deferred | refuses our login
4yz at MAIL | MAIL | 451 4.3.0 later | deferred | does not take mail now
5yz at MAIL | MAIL | 553 5.7.1 not yours | deferred | refuses our sender
not logged in | MAIL | 530 5.7.0 log in first | deferred | refuses our login
greylisted | RCPT | 451 4.7.1 greylisted | deferred | come back in a few minutes
mailbox full for now | RCPT | 452 4.2.2 full | deferred | mailbox is full
mailbox full for good | RCPT | 552 5.2.2 full | bounced | mailbox is full
5yz at RCPT | RCPT | 550 5.1.1 no such user | bounced | address does not exist
forbidden | RCPT | 554 5.7.1 not from you | bounced | a rule of the mail server
4yz at DATA | DATA | 451 4.3.0 later | deferred | does not take this message now
5yz at DATA | DATA | 554 5.6.0 no | bounced | refuses this message
4yz after the message | MESSAGE | 452 4.3.1 disk full | deferred | does not take this message now
5yz after the message | MESSAGE | 554 5.6.0 a virus | bounced | refuses this message
552 at MAIL | MAIL | 552 5.3.4 too big | bounced | larger than the mail server allows
552 after the message | MESSAGE | 552 5.3.4 too big | bounced | larger than the mail server allows";

fn refusals() -> Vec<Case> {
    let said = REFUSALS.lines().filter_map(|row| {
        let mut words = row.split('|').map(str::trim);
        let (name, at, answer) = (words.next()?, words.next()?, words.next()?);
        let expected = (words.next()?, words.next()?);
        let way = match at {
            "STARTTLS" | "AUTH" => "starttls",
            _ => "plain",
        };
        let fault = json!({"at": at, "does": "say", "answer": answer});
        Some(case(name, way, fault, expected))
    });
    let mut all: Vec<Case> = said.collect();
    let limit = ("bounced", "(SIZE)");
    all.push(case(
        "size limit at EHLO",
        "plain",
        json!({"size": 2000}),
        limit,
    ));
    all
}

/// The cases whose names a day's tests run.
pub fn brief(name: &str) -> bool {
    [
        "all well, STARTTLS and login",
        "refused",
        "TLS: wrong name",
        "TLS: unknown authority",
        "STARTTLS stripped",
        "AUTH refused",
        "greylisted",
        "5yz at RCPT",
        "silence at RCPT",
        "dropped at MESSAGE",
        "slow reader",
        "size limit at EHLO",
    ]
    .contains(&name)
}

/// The cases of one server that `wanted` names, and those of many recipients.
///
/// # Errors
/// A case has another state or sentence than it should, or the server does not start.
pub fn trial(server: &'static str, wanted: &dyn Fn(&str) -> bool) -> Figures {
    let mut world = World::new(server)?;
    let mut figures = vec![format!(
        "{:<28} {:<12} {:<9} sentence",
        "case", "server", "state"
    )];
    let mut wrong = Vec::new();
    let mut told = |name: &str, state: &str, note: &str, right: bool| {
        let row = format!("{name:<28} {server:<12} {state:<9} {note}");
        if !right {
            wrong.push(row.clone());
        }
        figures.push(row);
    };
    for case in cases().iter().filter(|case| wanted(case.name)) {
        let sent = world.send(case, Some(BOSS))?;
        let (state, note) = (text(&sent[0]["state"]), text(&sent[0]["note"]));
        let arrived = world.arrived();
        // Whoever counts as sent has arrived, and nobody else but those of whom nobody knows.
        let honest = match state.as_str() {
            "sent" => arrived == 1,
            "unknown" => true,
            _ => arrived == 0,
        };
        let right = case.expects(&state, &note) && honest;
        told(case.name, &state, &note, right);
    }
    for (name, state, note, right) in world.many()? {
        told(name, &state, &note, right);
    }
    match wrong.is_empty() {
        true => Ok(figures),
        false => Err(format!(
            "{}\nwrong:\n{}",
            figures.join("\n"),
            wrong.join("\n")
        )),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A mail server that fails as told, and a report that was made once.
struct World {
    project: Project,
    child: Child,
    folder: tempfile::TempDir,
    ports: Value,
    run: String,
    /// Hours that have passed.
    hours: u32,
    seen: usize,
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl World {
    fn new(server: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let child = start(server, folder.path())?;
        let mut world = Self {
            project: Project::from_case("one-shop").env("MAIL_PASSWORD", "geheim-密码"),
            child,
            folder,
            ports: Value::Null,
            run: String::new(),
            hours: 0,
            seen: 0,
        };
        let began = Instant::now();
        let ports = world.folder.path().join("ports");
        while !ports.exists() {
            if began.elapsed() > Duration::from_secs(60) {
                return Err(format!("{server} did not start"));
            }
            std::thread::yield_now();
        }
        let ports = std::fs::read(ports).map_err(|e| e.to_string())?;
        world.ports = serde_json::from_slice(&ports).map_err(|e| e.to_string())?;
        let lines: Vec<_> = (1..=40)
            .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
            .collect();
        world
            .project
            .write("exports/orders/1795276800_订单导出.csv", export(&lines));
        world.configure("plain")?;
        let made = world.json(&["run", "daily", "--deliver", "--json"])?;
        world.run = text(&made["run"]);
        world.arrived();
        Ok(world)
    }

    /// Points the project to one of the server's ways in.
    fn configure(&self, way: &str) -> Result<(), String> {
        let port = match way {
            "nowhere" => closed_port()?,
            "unknownca" | "noname" => self.ports["starttls"].as_u64().unwrap_or_default(),
            _ => self.ports[way].as_u64().unwrap_or_default(),
        };
        let security = match way {
            "plain" | "nowhere" => "none",
            "tls" => "tls",
            _ => "starttls",
        };
        let mut lines = vec![
            "transport = \"smtp\"".to_owned(),
            format!("port = {port}"),
            format!("security = \"{security}\""),
            "timeout = \"1s\"".to_owned(),
        ];
        let host = if way == "noname" {
            "mail.invalid"
        } else {
            "127.0.0.1"
        };
        lines.push(format!("host = \"{host}\""));
        if security != "none" {
            lines.push("user = \"chenbao\"\npassword = \"env:MAIL_PASSWORD\"".to_owned());
        }
        if way != "unknownca" {
            let ca = self.folder.path().join("ca.pem");
            lines.push(format!("ca = \"{}\"", ca.display()));
        }
        let case = Project::from_case("one-shop");
        let text = case
            .read("chenbao.toml")
            .replace(
                "transport = \"folder\"\nfolder = \"outbox\"",
                &lines.join("\n"),
            )
            .replace("to = [\"boss@example.com\"]", TO);
        self.project.write("chenbao.toml", text);
        Ok(())
    }

    fn json(&self, args: &[&str]) -> Result<Value, String> {
        let now = format!(
            "2026-{:02}-{:02}T{:02}:00:00+08:00",
            12,
            1 + self.hours / 24,
            self.hours % 24
        );
        let out = self
            .project
            .command(args)
            .env("CHENBAO_NOW", now)
            .output()
            .map_err(|e| e.to_string())?;
        serde_json::from_slice(&out.stdout)
            .map_err(|e| format!("{args:?}: {e}\n{}", String::from_utf8_lossy(&out.stderr)))
    }

    /// Sends the report again, to one recipient or all, under a fault; returns what became of each.
    fn send(&mut self, case: &Case, to: Option<&str>) -> Result<Vec<Value>, String> {
        self.hours += 1;
        self.configure(case.way)?;
        // What may have arrived before is sent again only if somebody says so, here before the fault begins.
        self.fail(&json!({}))?;
        self.json(&["resend", self.run.as_str(), "--unknown", "--json"])?;
        self.fail(&case.fault)?;
        self.arrived();
        let mut args = vec!["resend", self.run.as_str(), "--json"];
        args.extend(to.map(|to| ["--recipient", to]).into_iter().flatten());
        let answer = self.json(&args)?;
        let all = answer["deliveries"].as_array().cloned().unwrap_or_default();
        match all.is_empty() {
            true => Err(format!("{}: nothing was sent: {answer}", case.name)),
            false => Ok(all),
        }
    }

    /// A fault that the server has from now on, in one step so that it never reads a half.
    fn fail(&self, fault: &Value) -> Result<(), String> {
        let (new, path) = ("fault.new", "fault");
        let folder = self.folder.path();
        std::fs::write(folder.join(new), fault.to_string()).map_err(|e| e.to_string())?;
        std::fs::rename(folder.join(new), folder.join(path)).map_err(|e| e.to_string())
    }

    /// How many messages arrived since this was asked last.
    fn arrived(&mut self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let all = log.lines().count();
        let new = all - self.seen;
        self.seen = all;
        new
    }

    /// Faults that show only with several recipients.
    fn many(&mut self) -> Result<Vec<(&'static str, String, String, bool)>, String> {
        let mut rows = Vec::new();
        let bad = json!({"at": "RCPT", "does": "say", "answer": "550 5.1.1 no such user", "match": "bad@"});
        rows.push(self.row(
            "one bad recipient of four",
            "plain",
            bad,
            &["bounced", "sent", "sent", "sent"],
        )?);
        let poison = json!({"at": "RCPT", "does": "drop", "match": "bad@"});
        rows.push(self.row(
            "one that breaks the line",
            "plain",
            poison,
            &["deferred", "sent", "sent", "sent"],
        )?);
        let few = json!({"connections": 1});
        rows.push(self.row("connection limit of one", "plain", few, &["sent"; 4])?);
        let login = json!({"at": "AUTH", "does": "say", "answer": "535 5.7.8 bad password"});
        rows.push(self.row(
            "AUTH refused defers all",
            "starttls",
            login,
            &["deferred"; 4],
        )?);
        // Half an hour later everything leaves by itself, once.
        self.fail(&json!({}))?;
        self.hours += 1;
        self.arrived();
        self.json(&["serve", "--once", "--json"])?;
        self.json(&["serve", "--once", "--json"])?;
        let shown = self.json(&["show", &self.run, "--json"])?;
        let states = states(shown["sent"].as_array().map_or(&[], Vec::as_slice));
        // The owner's message about the refused login comes with them.
        let (arrived, right) = (self.arrived(), states == ["sent"; 4]);
        let note = format!("{arrived} messages arrived, the owner's among them");
        rows.push((
            "and all leave when it is mended",
            states.join(" "),
            note,
            right && arrived == 5,
        ));
        Ok(rows)
    }

    fn row(
        &mut self,
        name: &'static str,
        way: &'static str,
        fault: Value,
        expected: &[&str],
    ) -> Result<(&'static str, String, String, bool), String> {
        let one = case(name, way, fault, ("", ""));
        let mut sent = self.send(&one, None)?;
        sent.sort_by_key(|delivery| text(&delivery["recipient"]));
        let states = states(&sent);
        let arrived = self.arrived();
        let right =
            states == expected && arrived == states.iter().filter(|state| *state == "sent").count();
        let note = text(&sent[0]["note"]);
        Ok((
            name,
            states.join(" "),
            format!("{arrived} arrived; the first: {note}"),
            right,
        ))
    }
}

fn states(deliveries: &[Value]) -> Vec<String> {
    deliveries.iter().map(|one| text(&one["state"])).collect()
}

fn closed_port() -> Result<u64, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    Ok(address.port().into())
}

/// Where npm installed the independent server.
#[must_use]
pub fn npm() -> std::path::PathBuf {
    let target = crate::project::bin_dir();
    target
        .parent()
        .map_or_else(|| target.clone(), |dir| dir.join("npm"))
}

fn start(server: &str, folder: &std::path::Path) -> Result<Child, String> {
    let scripts = crate::house_rules::root().join("tests/servers");
    let mut command;
    if server == "aiosmtpd" {
        command = Command::new("python3");
        command.arg(scripts.join("faulty.py")).arg(folder);
    } else {
        let made = Command::new("python3")
            .arg(scripts.join("certs.py"))
            .arg(folder)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("certs.py made no certificates".to_owned());
        }
        command = Command::new("node");
        command
            .arg(scripts.join("faulty.mjs"))
            .arg(folder)
            .arg(npm());
    }
    command
        .spawn()
        .map_err(|e| format!("{server} does not start: {e}"))
}
