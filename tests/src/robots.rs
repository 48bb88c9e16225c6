//! Robots of 飞书, 钉钉 and 企业微信 on loopback: what a group is told of a report, signed and sized, once, and what a refusal means.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const PLATFORMS: [&str; 3] = ["feishu", "dingtalk", "wecom"];
/// What the server signs with, and the key in its addresses.
const SECRET: &str = "SEC密钥-for-tests";
const KEY: &str = "0123456789abcdef-robot-key";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let needs = &["python3"];
    let mut all = vec![
        trial_with("robots::a_wrong_secret_is_told_and_mended", needs, refused),
        trial_with("robots::an_answer_that_is_lost_is_unknown", needs, lost),
        trial_with("robots::the_rate_of_a_platform_is_kept", needs, rate),
    ];
    for platform in PLATFORMS {
        all.push(trial_with(
            &format!("robots::{platform}_says_the_lede_once"),
            needs,
            move || says(platform),
        ));
        all.push(trial_with(
            &format!("robots::{platform}_too_often_goes_out_later"),
            needs,
            move || often(platform),
        ));
    }
    all
}

/// The server, with its folder.
pub struct Robots {
    child: Child,
    folder: tempfile::TempDir,
}

impl std::fmt::Debug for Robots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Robots({})", self.child.id())
    }
}

impl Drop for Robots {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Robots {
    /// Starts it and waits for its port.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = crate::house_rules::root().join("tests/servers/robot.py");
        let child = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .spawn()
            .unwrap();
        let server = Self { child, folder };
        let began = Instant::now();
        while !server.path("port").exists() {
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(60), "the robots did not start");
            std::thread::yield_now();
        }
        server
    }

    /// A file of its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a platform's robot.
    #[must_use]
    pub fn url(&self, platform: &str) -> String {
        let port = std::fs::read_to_string(self.path("port")).unwrap();
        let key = match platform {
            "dingtalk" => format!("?access_token={KEY}"),
            "wecom" => format!("?key={KEY}"),
            _ => String::new(),
        };
        format!("http://127.0.0.1:{port}/{platform}{key}")
    }

    /// What was taken, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        let mut names: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
            .collect();
        names.sort();
        names
            .iter()
            .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
            .collect()
    }

    /// Sets what it does from now on.
    pub fn set(&self, what: &str, to: &str) {
        std::fs::write(self.path(what), to).unwrap();
    }

    /// Lets it do as it should again.
    pub fn unset(&self, what: &str) {
        std::fs::remove_file(self.path(what)).unwrap();
    }
}

/// A shop whose daily report a robot says too, and whose owner hears through it.
#[must_use]
pub fn shop(robots: &Robots, platform: &str) -> Project {
    let project = Project::from_case("one-shop")
        .env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00")
        .env("ROBOT_URL", &robots.url(platform))
        .env("ROBOT_SECRET", SECRET);
    let secret = match platform {
        "wecom" => "",
        _ => "secret = \"env:ROBOT_SECRET\"\n",
    };
    let text = project.read("chenbao.toml").replace(
        "to = [\"boss@example.com\"]",
        "to = [\"boss@example.com\"]\nrobots = [\"ops-group\"]",
    );
    let more = format!(
        "\n[channel.ops-group]\nkind = \"{platform}\"\nurl = \"env:ROBOT_URL\"\n{secret}\n[notices]\nalso = [\"ops-group\"]\n\
         [deliver]\nlink = \"https://reports.example.com/{{report}}/{{period}}/{{audience}}\"\n"
    );
    project.write("chenbao.toml", text + &more);
    let lines: Vec<_> = (1..=40)
        .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
        .collect();
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    project
}

/// The deliveries of the newest run, by channel.
fn deliveries(project: &Project, channel: &str) -> Vec<Value> {
    let history = project.run(&["history", "--json"]).exits(0).json();
    let run = history[0]["run"].as_str().unwrap().to_owned();
    let shown = project.run(&["show", &run, "--json"]).exits(0).json();
    let sent = shown["sent"].as_array().cloned().unwrap_or_default();
    sent.into_iter()
        .filter(|delivery| delivery["channel"] == channel)
        .collect()
}

fn state(project: &Project) -> (String, String) {
    let delivery = deliveries(project, "ops-group").remove(0);
    let text = |key: &str| delivery[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("note"))
}

fn says(platform: &str) -> Result<(), Failed> {
    let robots = Robots::start();
    let project = shop(&robots, platform);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    assert_eq!(state(&project).0, "sent");
    let project = project.env("CHENBAO_NOW", "2026-11-22T08:03:00+08:00");
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    let taken = robots.taken();
    assert_eq!(taken.len(), 1, "once: {taken:?}");
    let said = taken[0]["body"].to_string();
    for words in [
        "晨报",
        "小店",
        "¥500",
        "完整",
        "https://reports.example.com/daily/2026-11-21/boss",
    ] {
        assert!(
            said.contains(words),
            "{platform} does not say {words}: {said}"
        );
    }
    let ledger = std::fs::read(project.path().join("ledger.sqlite"))?;
    let ledger = String::from_utf8_lossy(&ledger);
    assert!(
        !ledger.contains(KEY) && !ledger.contains(SECRET),
        "no secret is stored"
    );
    Ok(())
}

fn often(platform: &str) -> Result<(), Failed> {
    let robots = Robots::start();
    let project = shop(&robots, platform);
    robots.set("most", "0");
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4);
    let (state_then, note) = state(&project);
    assert_eq!(state_then, "deferred", "{note}");
    assert!(note.contains("too many messages"), "{note}");
    robots.unset("most");
    let later = project.env("CHENBAO_NOW", "2026-11-22T08:05:00+08:00");
    let _ = later.run(&["serve", "--once"]).exits(0);
    let _ = later.run(&["serve", "--once"]).exits(0);
    assert_eq!(robots.taken().len(), 1, "it goes out later, once");
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = shop(&robots, "dingtalk").env("ROBOT_SECRET", "another");
    let run = project.run(&["run", "daily", "--deliver"]).exits(4);
    assert!(!run.stderr.contains(KEY), "{}", run.stderr);
    let (state_then, note) = state(&project);
    assert_eq!(
        state_then, "deferred",
        "it helps to mend the secret: {note}"
    );
    assert!(note.contains("the signature is not accepted"), "{note}");
    assert!(!note.contains(KEY), "{note}");
    let mails: Vec<String> = project
        .files("outbox")
        .into_iter()
        .filter(|mail| mail.contains("owner@"))
        .collect();
    assert_eq!(
        mails.len(),
        1,
        "the owner hears by mail that the robot refuses"
    );
    let notices = project.run(&["notices", "--json"]).exits(0).json();
    assert_eq!(notices[0]["kind"], "robot-broken", "{notices}");
    let mended = project
        .env("ROBOT_SECRET", SECRET)
        .env("CHENBAO_NOW", "2026-11-22T09:05:00+08:00");
    let _ = mended.run(&["serve", "--once"]).exits(0);
    let reports = robots
        .taken()
        .iter()
        .filter(|taken| taken.to_string().contains("¥500"))
        .count();
    assert_eq!(reports, 1, "and it goes out once the secret is right");
    Ok(())
}

fn lost() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = shop(&robots, "feishu");
    robots.set("drop", "");
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4);
    let (state_then, note) = state(&project);
    assert_eq!(state_then, "unknown", "{note}");
    robots.unset("drop");
    let before = robots.taken().len();
    let later = project.env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let _ = later.run(&["serve", "--once"]).exits(0);
    let again = |taken: &Value| taken.to_string().contains("¥500");
    let reports = robots.taken().into_iter().filter(again).count();
    assert_eq!(
        reports, 1,
        "what may have arrived is not said again by itself"
    );
    assert!(robots.taken().len() >= before);
    let notices = later.run(&["notices", "--json"]).exits(0).json();
    assert!(notices.to_string().contains("\"unknown\""), "{notices}");
    Ok(())
}

/// Twenty-two audiences of one robot that takes twenty messages a minute.
fn rate() -> Result<(), Failed> {
    let robots = Robots::start();
    let project = shop(&robots, "wecom");
    let text = project.read("chenbao.toml");
    let audiences: String = (1..22)
        .map(|n| {
            format!(
                "[report.daily.audience.group-{n}]\nrole = \"management\"\nshops = [\"main\"]\nrobots = [\"ops-group\"]\n"
            )
        })
        .collect();
    project.write("chenbao.toml", text + &audiences);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4);
    assert_eq!(
        robots.taken().len(),
        20,
        "as many as the platform takes in a minute"
    );
    let later = project.env("CHENBAO_NOW", "2026-11-22T08:01:05+08:00");
    let _ = later.run(&["serve", "--once"]).exits(0);
    assert_eq!(robots.taken().len(), 22, "the others a minute later");
    Ok(())
}
