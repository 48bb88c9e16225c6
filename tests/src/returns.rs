//! What comes back and what follows: reports on deliveries, quarantine, unsubscriptions; and what never leaves: drafts, too much at once.

use crate::faults::recorder::Recorder;
use crate::orders::{export, line};
use crate::project::{Project, Run};
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::time::Duration;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let recorder = &["python3", "python:aiosmtpd"];
    vec![
        trial(
            "returns::a_report_moves_its_own_delivery_once",
            reports_move_deliveries,
        ),
        trial(
            "returns::nobody_speaks_for_another_delivery",
            hostile_reports,
        ),
        trial(
            "returns::an_mbox_is_read_once_and_again_when_it_grows",
            mbox,
        ),
        trial(
            "returns::an_address_that_fails_again_and_again_is_left_alone",
            quarantine,
        ),
        trial(
            "returns::a_recipient_unsubscribes_and_comes_back",
            unsubscribe,
        ),
        trial("returns::drafts_use_up_nothing", drafts),
        trial_with(
            "returns::no_more_leaves_than_the_rate_allows_and_nothing_is_lost",
            recorder,
            rates,
        ),
    ]
}

const TWO: &str = "to = [\"boss@example.com\", \"cfo@example.com\"]";

/// A shop with three days of orders, two recipients and a bounce mailbox.
fn shop(path: &str) -> Project {
    let project = Project::from_case("one-shop");
    let bounces = format!(
        "folder = \"outbox\"\n\n[mail.bounces]\npath = \"{path}\"\nreturn_path = \"bounce@example.com\""
    );
    let text = project
        .read("chenbao.toml")
        .replace("folder = \"outbox\"", &bounces)
        .replace("to = [\"boss@example.com\"]", TWO);
    project.write("chenbao.toml", text);
    let lines: Vec<_> = (0..24)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(project.path().join("Maildir").join(folder)).unwrap();
    }
    project
}

/// Runs a command on 2026-11-22 at noon.
fn at_noon(project: &Project, args: &[&str]) -> Run {
    project.run_at("2026-11-22T12:00:00+08:00", args)
}

/// Delivers the report of a day and returns its run.
fn deliver(project: &Project, day: &str) -> Value {
    let run = at_noon(
        project,
        &["run", "daily", "--period", day, "--deliver", "--json"],
    );
    run.json()
}

/// State and note of the delivery of a day's report to an address.
fn state(project: &Project, day: &str, to: &str) -> (String, String) {
    let history = at_noon(project, &["history", "--json"]).exits(0).json();
    let runs = history.as_array().cloned().unwrap_or_default();
    let of_day = runs
        .iter()
        .find(|run| run["period"] == day && !run["deliveries"].as_object().unwrap().is_empty());
    let id = of_day.unwrap()["run"].as_str().unwrap().to_owned();
    let shown = at_noon(project, &["show", &id, "--json"]).exits(0).json();
    let sent = shown["sent"].as_array().unwrap();
    let one = sent.iter().find(|one| one["recipient"] == to).unwrap();
    let text = |key: &str| one[key].as_str().unwrap().to_owned();
    (text("state"), text("note"))
}

/// The mail of a day to an address, from the outbox.
fn mail(project: &Project, day: &str, to: &str) -> String {
    let files = project.files("outbox");
    let name = files
        .iter()
        .find(|name| name.contains(day) && name.contains(to))
        .unwrap_or_else(|| panic!("no mail of {day} to {to} in {files:?}"));
    project.read(name)
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    mail.lines()
        .find_map(|line| line.strip_prefix(start.as_str()))
        .unwrap_or_else(|| panic!("no {name} in {mail}"))
        .trim()
}

/// The token of a mail: the part of its Message-ID that nobody else knows.
fn token(mail: &str) -> String {
    let id = header(mail, "Message-ID");
    let inside = id
        .strip_prefix("<chenbao.")
        .and_then(|id| id.split_once('@'));
    inside.map(|(token, _)| token.to_owned()).unwrap()
}

/// A report by another server, to an address of ours.
fn report(to: &str, action: &str, status: &str, returned: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example.com\nTo: <{to}>\nSubject: Delivery Status Notification\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=b\"\n\n--=b\n\nSee below.\n--=b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n\
         Final-Recipient: rfc822; somebody@mx.example.com\nAction: {action}\nStatus: {status}\n\
         Diagnostic-Code: smtp; {status} as it was\n\n--=b\nContent-Type: text/rfc822-headers\n\n{returned}\n\n--=b--\n"
    )
}

fn drop_in(project: &Project, name: &str, mail: &str) {
    project.write(&format!("Maildir/new/{name}"), mail);
}

fn bounces(project: &Project) -> Value {
    at_noon(project, &["bounces", "--json"]).exits(0).json()
}

fn reports_move_deliveries() -> Result<(), Failed> {
    let project = shop("Maildir");
    deliver(&project, "2026-11-21");
    deliver(&project, "2026-11-20");
    let boss = mail(&project, "2026-11-21", "boss@");
    let cfo = mail(&project, "2026-11-21", "cfo@");
    let verp = format!("bounce+{}@example.com", token(&boss));
    let failed = report(&verp, "failed", "5.1.1", "Subject: x");
    drop_in(&project, "1", &failed);
    let returned = format!("Message-ID: {}\nSubject: x", header(&cfo, "Message-ID"));
    drop_in(
        &project,
        "2",
        &report("chenbao@example.com", "delivered", "2.1.5", &returned),
    );
    let older = format!(
        "bounce+{}@example.com",
        token(&mail(&project, "2026-11-20", "boss@"))
    );
    drop_in(
        &project,
        "3",
        &report(&older, "delayed", "4.4.1", "Subject: x"),
    );
    drop_in(
        &project,
        "4",
        "From: a@b.c\nTo: bounce@example.com\nSubject: hello\n\nbuy!\n",
    );
    drop_in(&project, "5", "");
    // The same message once more, as mail servers at times do.
    drop_in(&project, "6", &failed);
    let counts = json!({"delivered": 1, "delayed": 1, "failed": 1, "foreign": 1, "broken": 1});
    assert_eq!(bounces(&project), counts);
    let (now, note) = state(&project, "2026-11-21", "boss@example.com");
    assert_eq!(now, "bounced");
    assert!(note.contains("failed 5.1.1 5.1.1 as it was"), "{note}");
    assert_eq!(
        state(&project, "2026-11-21", "cfo@example.com").0,
        "delivered"
    );
    let (now, note) = state(&project, "2026-11-20", "boss@example.com");
    assert_eq!(now, "sent", "late is not lost");
    assert!(note.contains("delayed 4.4.1"), "{note}");
    assert_eq!(bounces(&project), json!({}), "each is taken once");
    assert_eq!(project.files("Maildir/new"), Vec::<String>::new());
    assert_eq!(project.files("Maildir/cur").len(), 6, "and none is deleted");
    let notices = at_noon(&project, &["notices", "--json"]).exits(0).json();
    let bounced = notices
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "bounced");
    let about = bounced.unwrap()["about"].as_str().unwrap();
    assert!(about.contains("boss@example.com"), "{about}");
    Ok(())
}

fn hostile_reports() -> Result<(), Failed> {
    let project = shop("Maildir");
    deliver(&project, "2026-11-21");
    let mine = token(&mail(&project, "2026-11-21", "cfo@"));
    // Whoever has a mail of his own still knows nothing of the next recipient's: not by counting, not by the address.
    let guess: String = mine.chars().rev().collect();
    let other =
        "Original-Recipient: rfc822; boss@example.com\nFinal-Recipient: rfc822; boss@example.com";
    let lies = [
        report(
            &format!("bounce+{guess}@example.com"),
            "failed",
            "5.1.1",
            "Subject: x",
        ),
        report(
            "bounce@example.com",
            "failed",
            "5.1.1",
            "Message-ID: <chenbao.0@example.com>",
        ),
        report("bounce@example.com", "failed", "5.1.1", "Subject: x")
            .replace("Final-Recipient: rfc822; somebody@mx.example.com", other),
        format!(
            "From: boss@example.com\nTo: bounce@example.com\nSubject: unsubscribe {guess}\n\nx\n"
        ),
        "From: boss@example.com\nTo: bounce@example.com\nSubject: unsubscribe boss@example.com\n\nx\n"
            .to_owned(),
    ];
    for (n, lie) in lies.iter().enumerate() {
        drop_in(&project, &n.to_string(), lie);
    }
    // His own token moves his own delivery, whoever he names.
    let own = report(
        &format!("bounce+{mine}@example.com"),
        "failed",
        "5.7.1",
        "Subject: x",
    );
    drop_in(
        &project,
        "own",
        &own.replace("Final-Recipient: rfc822; somebody@mx.example.com", other),
    );
    assert_eq!(bounces(&project), json!({"foreign": 5, "failed": 1}));
    assert_eq!(state(&project, "2026-11-21", "boss@example.com").0, "sent");
    assert_eq!(
        state(&project, "2026-11-21", "cfo@example.com").0,
        "bounced"
    );
    Ok(())
}

fn mbox() -> Result<(), Failed> {
    let project = shop("returned.mbox");
    let _ = at_noon(&project, &["bounces"])
        .exits(1)
        .says(&["the mailbox of bounces cannot be read", "hint:"]);
    deliver(&project, "2026-11-21");
    let to = |name: &str| {
        format!(
            "bounce+{}@example.com",
            token(&mail(&project, "2026-11-21", name))
        )
    };
    let first = format!(
        "From MAILER-DAEMON Sun Nov 22 09:00:00 2026\n{}\n",
        report(&to("boss@"), "delivered", "2.0.0", "Subject: x")
    );
    project.write("returned.mbox", &first);
    assert_eq!(bounces(&project), json!({"delivered": 1}));
    assert_eq!(bounces(&project), json!({}));
    let second = format!(
        "From MAILER-DAEMON Sun Nov 22 09:30:00 2026\n{}\n",
        report(&to("cfo@"), "relayed", "2.0.0", "Subject: x")
    );
    project.write("returned.mbox", first + &second);
    assert_eq!(bounces(&project), json!({"relayed": 1}));
    assert_eq!(
        state(&project, "2026-11-21", "boss@example.com").0,
        "delivered"
    );
    assert_eq!(state(&project, "2026-11-21", "cfo@example.com").0, "sent");
    Ok(())
}

fn quarantine() -> Result<(), Failed> {
    let project = shop("Maildir");
    let text = project.read("chenbao.toml").replace(
        "[mail.bounces]",
        "[mail.quarantine]\nerrors = 2\n\n[mail.bounces]",
    );
    project.write("chenbao.toml", text);
    for (n, day) in ["2026-11-18", "2026-11-19"].iter().enumerate() {
        deliver(&project, day);
        let verp = format!(
            "bounce+{}@example.com",
            token(&mail(&project, day, "boss@"))
        );
        drop_in(
            &project,
            &n.to_string(),
            &report(&verp, "failed", "5.1.1", "Subject: x"),
        );
        assert_eq!(bounces(&project), json!({"failed": 1}));
    }
    let list = at_noon(&project, &["recipients", "list", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&list[0]["address"], &list[0]["why"]),
        (&json!("boss@example.com"), &json!("quarantined"))
    );
    let next = at_noon(
        &project,
        &["run", "daily", "--period", "2026-11-20", "--deliver"],
    )
    .exits(4);
    let _ = next.says(&["1 of 2 messages handed over"]);
    let (now, note) = state(&project, "2026-11-20", "boss@example.com");
    assert_eq!(now, "suppressed");
    assert!(
        note.contains("quarantined: 2 permanent errors within 30 days"),
        "{note}"
    );
    assert_eq!(state(&project, "2026-11-20", "cfo@example.com").0, "sent");
    let _ = at_noon(&project, &["check"]).exits(0).says(&[
        "boss@example.com gets no mail",
        "recipients release boss@example.com",
    ]);
    let notices = at_noon(&project, &["notices"]).exits(0);
    let _ = notices.says(&["quarantined"]);
    let _ = at_noon(&project, &["recipients", "release", "cfo@example.com"])
        .exits(1)
        .says(&["is not in quarantine"]);
    let _ = at_noon(&project, &["recipients", "release", "Boss@example.com"]).exits(0);
    let run = deliver(&project, "2026-11-21");
    assert_eq!(run["undelivered"], 0, "{run}");
    assert_eq!(state(&project, "2026-11-21", "boss@example.com").0, "sent");
    Ok(())
}

fn unsubscribe() -> Result<(), Failed> {
    let project = shop("Maildir");
    deliver(&project, "2026-11-19");
    let boss = mail(&project, "2026-11-19", "boss@");
    let wish = header(&boss, "List-Unsubscribe");
    let (address, subject) = wish
        .trim_start_matches("<mailto:")
        .trim_end_matches('>')
        .split_once("?subject=")
        .unwrap();
    let asks = |from: &str| {
        let subject = subject.replace("%20", " ");
        format!("From: <{from}>\nTo: {address}\nSubject: {subject}\n\n退订\n")
    };
    // Somebody to whom it was forwarded.
    drop_in(&project, "1", &asks("friend@example.com"));
    assert_eq!(bounces(&project), json!({"unsubscribe": 1}));
    let _ = at_noon(&project, &["recipients", "list"])
        .exits(0)
        .says(&["every recipient gets"]);
    let notices = at_noon(&project, &["notices"]).exits(0);
    let _ = notices.says(&[
        "friend@example.com asked that boss@example.com",
        "recipients unsubscribe boss@example.com --report daily",
    ]);
    drop_in(&project, "2", &asks("Boss@Example.com"));
    assert_eq!(bounces(&project), json!({"unsubscribe": 1}));
    deliver(&project, "2026-11-20");
    let (now, note) = state(&project, "2026-11-20", "boss@example.com");
    assert_eq!(now, "suppressed");
    assert!(
        note.contains("unsubscribed: boss@example.com asked not to get `daily`"),
        "{note}"
    );
    let taken_back = at_noon(
        &project,
        &[
            "recipients",
            "subscribe",
            "boss@example.com",
            "--report",
            "daily",
        ],
    );
    let _ = taken_back.exits(0);
    deliver(&project, "2026-11-21");
    assert_eq!(state(&project, "2026-11-21", "boss@example.com").0, "sent");
    let by_hand = at_noon(
        &project,
        &[
            "recipients",
            "unsubscribe",
            "nobody@example.com",
            "--report",
            "daily",
        ],
    );
    let _ = by_hand.exits(1).says(&["is no recipient of `daily`"]);
    Ok(())
}

fn drafts() -> Result<(), Failed> {
    let project = shop("Maildir");
    let text = project.read("chenbao.toml").replace(
        "metrics = [\"sales\"]\n",
        "metrics = [\"sales\"]\nowner = \"王经理 <manager@example.com>\"\n",
    );
    project.write("chenbao.toml", text);
    let made = at_noon(
        &project,
        &[
            "run",
            "daily",
            "--period",
            "2026-11-21",
            "--drafts",
            "drafts",
            "--json",
        ],
    );
    let made = made.exits(0).json();
    assert_eq!(made["drafts"].as_array().map(Vec::len), Some(2), "{made}");
    let drafts = project.files("drafts");
    let draft = project.read(&drafts[0]);
    assert!(
        draft.starts_with("X-Unsent: 1\r\nTo: boss@example.com\r\n"),
        "{draft}"
    );
    assert!(draft.contains("application/pdf"));
    for foreign in ["Message-ID:", "\nFrom:", "List-Unsubscribe:"] {
        let head = draft.split("\r\n\r\n").next().unwrap_or_default();
        assert!(!head.contains(foreign), "{head}");
    }
    assert_eq!(project.files("outbox"), Vec::<String>::new());
    let run = deliver(&project, "2026-11-21");
    assert_eq!(
        (&run["queued"], &run["undelivered"]),
        (&json!(2), &json!(0)),
        "nothing was used up"
    );
    let sent = mail(&project, "2026-11-21", "boss@");
    assert!(
        header(&sent, "Reply-To").ends_with("<manager@example.com>"),
        "{sent}"
    );
    Ok(())
}

fn rates() -> Result<(), Failed> {
    let server = Recorder::start(Duration::ZERO)?;
    let project = shop("Maildir");
    let smtp = format!(
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"",
        server.port()
    );
    let six = "to = [\"a@example.com\", \"b@example.com\", \"c@example.com\", \"d@example.com\", \"e@other.example\", \"f@free.example\"]";
    let text = project
        .read("chenbao.toml")
        .replace("transport = \"folder\"\nfolder = \"outbox\"", &smtp)
        .replace(TWO, six)
        + "\n[mail.rate]\ndefault = \"2/m\"\n[mail.rate.domains]\n\"other.example\" = \"1/h\"\n\"free.example\" = \"none\"\n";
    project.write("chenbao.toml", text);
    let _ = at_noon(
        &project,
        &["run", "daily", "--period", "2026-11-21", "--deliver"],
    )
    .exits(4)
    .says(&["4 of 6 messages handed over"]);
    let history = at_noon(&project, &["history", "--json"]).exits(0).json();
    assert_eq!(
        history[0]["deliveries"],
        json!({"queued": 2, "sent": 4}),
        "{history}"
    );
    let mut arrived = Vec::new();
    for (now, sent) in [("12:00:59", 0), ("12:01:02", 2), ("12:02:30", 0)] {
        let now = format!("2026-11-22T{now}+08:00");
        let look = project.run_at(&now, &["serve", "--once", "--json"]).json();
        assert_eq!(look["sent"], sent, "{now}: {look}");
        arrived = server.arrived();
    }
    let mut to: Vec<&str> = arrived.iter().map(|one| one.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(
        to,
        [
            "a@example.com",
            "b@example.com",
            "c@example.com",
            "d@example.com",
            "e@other.example",
            "f@free.example"
        ]
    );
    Ok(())
}
