//! The schedule as `serve` keeps it: the four times of a delivery, what was missed, a killed server, and a metric that fails beside others.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let gap = |how: &'static str, sentence: &'static str| {
        trial(
            &format!("serving::a_metric_that_does_{how}_leaves_a_gap_with_a_sentence"),
            move || gap(how, sentence),
        )
    };
    vec![
        trial(
            "serving::four_times_with_data_that_comes_too_late",
            too_late,
        ),
        trial("serving::four_times_with_data_that_is_there", in_time),
        trial(
            "serving::data_that_comes_while_waiting_is_used",
            while_waiting,
        ),
        trial("serving::three_days_down_are_caught_up_by_policy", misfire),
        trial(
            "serving::killed_between_queue_and_send_sends_once",
            killed_after_queue,
        ),
        trial(
            "serving::killed_while_making_is_taken_over",
            killed_while_making,
        ),
        gap("panic", "计算程序出错中止"),
        gap("segfault", "计算程序崩溃"),
        gap("hang", "计算超时"),
        gap("exit0", "计算程序中途退出"),
    ]
}

/// An export made at that moment with a line on each of the four days before 2026-11-22.
pub(crate) fn orders() -> String {
    let lines: Vec<_> = (0..24)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    export(&lines)
}

/// The export of [`orders`].
pub(crate) const EXPORT: &str = "exports/orders/1795276800_订单导出.csv"; // 2026-11-22T00:00:00+08:00

/// The shop whose daily report starts at 06:40, waits for data until 07:40 and leaves at 08:00.
pub(crate) fn shop() -> Project {
    Project::from_case("one-shop")
}

/// One look of `serve` on 2026-11-22 at that time of day.
pub(crate) fn look(project: &Project, time: &str) -> Value {
    look_at(project, &format!("2026-11-22T{time}+08:00"))
}

pub(crate) fn look_at(project: &Project, now: &str) -> Value {
    let out = project
        .command(&["serve", "--once", "--json"])
        .env("CHENBAO_NOW", now)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{now}: {e}\n{said}"))
}

pub(crate) fn did(made: u32, waiting: u32, missed: u32, sent: u32) -> Value {
    json!({"made": made, "waiting": waiting, "failed": 0, "missed": missed, "sent": sent})
}

/// Mails to an address, by their file names.
pub(crate) fn mails(project: &Project, address: &str) -> Vec<String> {
    project
        .files("outbox")
        .into_iter()
        .filter(|mail| mail.contains(address))
        .collect()
}

pub(crate) fn history(project: &Project) -> Vec<Value> {
    project
        .run(&["history", "--json"])
        .exits(0)
        .json()
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// Deliveries of all runs that are in a state.
pub(crate) fn deliveries(project: &Project, state: &str) -> u64 {
    history(project)
        .iter()
        .filter_map(|run| run["deliveries"][state].as_u64())
        .sum()
}

fn too_late() -> Result<(), Failed> {
    let project = shop();
    assert_eq!(
        look(&project, "06:30:00"),
        did(0, 0, 0, 0),
        "before its start"
    );
    assert_eq!(
        look(&project, "06:40:00"),
        did(0, 1, 0, 0),
        "its source has nothing yet"
    );
    assert_eq!(look(&project, "07:39:00"), did(0, 1, 0, 0));
    assert_eq!(project.files("outbox"), Vec::<String>::new());
    assert_eq!(
        look(&project, "07:40:00"),
        did(1, 0, 0, 1),
        "at the data deadline: made with what is there; the owner hears of it"
    );
    assert_eq!(
        (
            mails(&project, "owner@").len(),
            mails(&project, "boss@").len()
        ),
        (1, 0)
    );
    assert!(
        project
            .read(&mails(&project, "owner@")[0])
            .contains("Subject: ")
    );
    assert_eq!(
        look(&project, "07:59:59"),
        did(0, 0, 0, 0),
        "nothing leaves before its time"
    );
    assert_eq!(deliveries(&project, "queued"), 1);
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 1));
    assert_eq!(mails(&project, "boss@").len(), 1);
    project.write(EXPORT, orders());
    assert_eq!(
        look(&project, "14:00:01"),
        did(0, 0, 0, 0),
        "data that comes when nobody waits for it any more sends nothing"
    );
    let again = project
        .command(&["run", "daily", "--deliver", "--json"])
        .env("CHENBAO_NOW", "2026-11-22T14:30:00+08:00")
        .output()?;
    let again: Value = serde_json::from_slice(&again.stdout)?;
    assert_eq!(
        (&again["partial"], &again["queued"]),
        (&json!(false), &json!(0)),
        "a period is never delivered twice"
    );
    assert_eq!(project.files("outbox").len(), 2);
    Ok(())
}

fn in_time() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(
        look(&project, "06:45:00"),
        did(1, 0, 0, 0),
        "everything is there: made at once, sent later"
    );
    assert_eq!(look(&project, "07:45:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 1));
    assert_eq!(look(&project, "08:01:00"), did(0, 0, 0, 0));
    assert_eq!(
        project.files("outbox"),
        mails(&project, "boss@"),
        "a whole report tells the owner nothing"
    );
    assert_eq!(
        look_at(&project, "2026-11-23T06:00:00+08:00"),
        did(0, 0, 0, 0)
    );
    Ok(())
}

/// Each look is a process of its own: the next may go on at once where the one before left off.
fn while_waiting() -> Result<(), Failed> {
    let project = shop();
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "07:00:00"), did(0, 1, 0, 0));
    project.write(EXPORT, orders());
    assert_eq!(
        look(&project, "07:06:00"),
        did(1, 0, 0, 0),
        "asked again after five minutes"
    );
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 1));
    assert_eq!(project.files("outbox").len(), 1);
    Ok(())
}

fn misfire() -> Result<(), Failed> {
    for (policy, made) in [("skip", 0), ("latest", 1), ("all(2)", 2), ("all", 4)] {
        let project = shop().file(EXPORT, orders());
        let text = project.read("chenbao.toml").replace(
            "period = \"yesterday\"",
            &format!("period = \"yesterday\"\nmisfire = \"{policy}\""),
        );
        project.write("chenbao.toml", text);
        assert_eq!(
            look_at(&project, "2026-11-19T06:00:00+08:00"),
            did(0, 0, 0, 0),
            "served since then"
        );
        let caught_up = look(&project, "09:00:00");
        // The owner hears of what went out late at once, in one message; of what is missed only in the next one.
        let told = u32::from(made > 0);
        assert_eq!(caught_up, did(made, 0, 4 - made, made + told), "{policy}");
        let runs = history(&project);
        let mut periods: Vec<&str> = runs
            .iter()
            .filter(|line| line["run"].is_string())
            .filter_map(|run| run["period"].as_str())
            .collect();
        periods.sort_unstable();
        let all = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"];
        let newest: Vec<&str> = all.into_iter().skip(4 - usize::try_from(made)?).collect();
        assert_eq!(periods, newest, "{policy}: the newest are made");
        let missed = runs.iter().filter(|line| line["missed"].is_string());
        assert_eq!(
            missed.count(),
            4 - newest.len(),
            "{policy}: the others are told"
        );
        assert_eq!(
            look(&project, "09:05:00"),
            did(0, 0, 0, 0),
            "{policy}: once"
        );
        assert_eq!(
            mails(&project, "boss@").len(),
            usize::try_from(made)?,
            "{policy}"
        );
        let plan = project
            .command(&["plan", "--next", "1", "--json"])
            .env("CHENBAO_NOW", "2026-11-22T09:05:00+08:00")
            .output()?;
        let plan: Value = serde_json::from_slice(&plan.stdout)?;
        assert_eq!(
            plan[0]["deliver"], "2026-11-23T00:00:00Z",
            "{policy}: goes on tomorrow"
        );
    }
    Ok(())
}

/// A serving process that is killed as by a power cut when the test is done with it.
pub(crate) struct Serving(Child);

impl Serving {
    pub(crate) fn start(project: &Project, time: &str) -> Self {
        let mut command = project.command(&["serve"]);
        command
            .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = Self(command.spawn().unwrap());
        // Its first words say that it hears signals.
        let mut said = [0_u8; 7];
        let stdout = server.0.stdout.as_mut().unwrap();
        stdout.read_exact(&mut said).unwrap();
        server
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until the ledger says so.
    pub(crate) fn until(
        &mut self,
        project: &Project,
        what: &str,
        reached: impl Fn(&[Value]) -> bool,
    ) {
        let began = Instant::now();
        while !reached(&history(project)) {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "{what}: not within two minutes"
            );
            assert!(
                self.0.try_wait().unwrap().is_none(),
                "the server ended by itself"
            );
        }
    }
}

impl Serving {
    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        let id = self.0.id().to_string();
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -HUP {id}")])
            .status();
        assert!(kill.is_ok_and(|status| status.success()));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn killed_after_queue() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    let mut server = Serving::start(&project, "06:45:00");
    server.until(&project, "queued", |runs| {
        runs.iter().any(|run| run["deliveries"]["queued"] == 1)
    });
    drop(server);
    assert_eq!(project.files("outbox"), Vec::<String>::new());
    assert_eq!(
        look(&project, "08:00:00")["sent"],
        1,
        "a second one sends what the first queued"
    );
    assert_eq!(
        look(&project, "08:40:00")["sent"],
        0,
        "whoever takes over the rest finds it sent"
    );
    assert_eq!(mails(&project, "boss@").len(), 1);
    assert_eq!(project.files("outbox").len(), 1);
    Ok(())
}

/// The server dies within a metric's call; the claim that it held runs out, and another makes the report, though late.
fn killed_while_making() -> Result<(), Failed> {
    let project = with_hostile("hang", "5m");
    let mut server = Serving::start(&project, "06:45:00");
    server.until(&project, "running", |runs| {
        runs.iter().any(|run| run["state"] == "running")
    });
    drop(server);
    let healed = project
        .read("chenbao.toml")
        .replace("how = \"hang\"", "how = \"count\"");
    project.write("chenbao.toml", healed);
    assert_eq!(
        look(&project, "06:46:00"),
        did(0, 0, 0, 0),
        "it may be alive: its claim still holds"
    );
    assert_eq!(look(&project, "06:51:00")["made"], 1);
    assert_eq!(look(&project, "08:00:00")["sent"], 1);
    assert_eq!(mails(&project, "boss@").len(), 1);
    Ok(())
}

/// The shop with a metric beside its sales that misbehaves.
pub(crate) fn with_hostile(how: &str, deadline: &str) -> Project {
    let project = shop().file(EXPORT, orders());
    let text = project
        .read("chenbao.toml")
        .replace("metrics = [\"sales\"]", "metrics = [\"sales\", \"odd\"]");
    let odd = format!(
        "\n[plugins]\ndeadline = \"{deadline}\"\n[metric.odd]\nplugin = \"hostile\"\n[metric.odd.with]\nhow = \"{how}\"\n"
    );
    project.write("chenbao.toml", text + &odd);
    project
}

fn sales(project: &Project) -> Value {
    let out = project
        .command(&["run", "daily", "--results", "--json"])
        .env("CHENBAO_NOW", "2026-11-22T06:31:00+08:00")
        .output()
        .unwrap();
    let run: Value = serde_json::from_slice(&out.stdout).unwrap();
    run["results"][0]["metrics"]["sales"].clone()
}

fn gap(how: &str, sentence: &str) -> Result<(), Failed> {
    let project = with_hostile(how, "15s");
    let alone = shop().file(EXPORT, orders());
    assert_eq!(
        sales(&project),
        sales(&alone),
        "the other metric is untouched"
    );
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(
        look(&project, "06:45:00"),
        did(1, 0, 0, 1),
        "made, and the owner hears why it is incomplete"
    );
    assert_eq!(
        look(&project, "08:00:00"),
        did(0, 0, 0, 1),
        "it goes out at its time"
    );
    let run = project
        .command(&["run", "daily"])
        .env("CHENBAO_NOW", "2026-11-22T08:01:00+08:00")
        .output()?;
    assert_eq!(
        run.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let page = project
        .read("reports/daily/2026-11-21/boss.txt")
        .replace(['\n', ' '], "");
    assert!(page.contains(&format!("Hostile：{sentence}")), "{page}");
    assert!(page.contains("部分1/1·1项指标未出"), "{page}");
    assert!(
        page.contains("用户支付金额") && page.contains("75"),
        "{page}"
    );
    Ok(())
}
