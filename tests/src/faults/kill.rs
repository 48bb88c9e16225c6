//! Kills: a real `serve` and a real mail server; the first is ended with SIGKILL at random moments, over many due times. Nothing may
//! arrive twice, nothing may be missing, and each outcome that nobody can know is in the ledger as `unknown` and in a notice to the owner.
//! A folder that people share gets each of its files once, whole.
//!
//! The clock is handed to each process when it starts and moves on between starts, so that leases run out as they would.

use super::recorder::{Arrived, Recorder};
use super::{Ask, Figures};
use crate::databases::servers::Postgres;
use crate::orders::{export, line};
use crate::project::Project;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Who gets the report: two audiences.
const BOSSES: &str = "to = [\"boss@example.com\", \"cfo@example.com\", \"老板 <ceo@example.com>\"]";
const OPERATIONS: &str = "\n[report.daily.audience.ops]\nrole = \"management\"\nshops = [\"main\"]\nto = [\"ops@example.com\", \"ads@example.com\"]\nfolder = \"shared\"\n";
const RECIPIENTS: usize = 5;
/// The folder that gets the files of the second audience.
const SHARED: &str = "shared";
/// Who hears of trouble, as the case says.
const OWNER: &str = "owner@example.com";
/// A day that is not whole after so many undisturbed looks never will be.
const LOOKS: u32 = 20;

/// The trial: so many kills with a ledger in SQLite, and as many with one in PostgreSQL that two processes share.
pub fn run(ask: Ask) -> Figures {
    let kills = ask.count.unwrap_or(1000);
    let mut figures = Vec::new();
    for nodes in [1, 2] {
        figures.extend(trial(nodes, kills, ask.seed)?);
    }
    Ok(figures)
}

/// One ledger: SQLite for one node, PostgreSQL for more.
///
/// # Errors
/// A message arrived twice, one is missing, or the servers do not start.
pub fn trial(nodes: u32, kills: u64, seed: u64) -> Figures {
    let mut world = World::new(nodes, seed)?;
    let calm = world.calm_day()?;
    while world.kills < kills {
        world.wild_day(calm)?;
    }
    let tally = world.tally()?;
    tally.judge(&world)
}

struct World {
    project: Project,
    mail: Recorder,
    postgres: Option<Postgres>,
    nodes: u32,
    random: fastrand::Rng,
    /// Days that have passed; the first is 2026-01-02.
    days: u32,
    kills: u64,
}

/// How long the two halves of a day take undisturbed.
#[derive(Clone, Copy)]
struct Calm {
    making: Duration,
    sending: Duration,
}

impl World {
    fn new(nodes: u32, seed: u64) -> Result<Self, String> {
        let mail = Recorder::start(Duration::from_millis(80))?;
        let postgres = match nodes {
            1 => None,
            _ => Some(Postgres::start().ok_or("PostgreSQL's programs are not complete")?),
        };
        let project = Project::from_case("one-shop");
        let smtp = format!(
            "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"",
            mail.port()
        );
        let mut text = project
            .read("chenbao.toml")
            .replace("transport = \"folder\"\nfolder = \"outbox\"", &smtp)
            .replace("to = [\"boss@example.com\"]", BOSSES);
        text.push_str(OPERATIONS);
        if let Some(server) = &postgres {
            let ledger = format!("[ledger]\nurl = \"{}\"\n\n[mail]", server.url("chenbao"));
            text = text.replace("[mail]", &ledger);
        }
        project.write("chenbao.toml", text);
        Ok(Self {
            project,
            mail,
            postgres,
            nodes,
            random: fastrand::Rng::with_seed(seed),
            days: 0,
            kills: 0,
        })
    }

    /// Its ledger, as the figures name it.
    fn name(&self) -> &'static str {
        match self.postgres {
            None => "SQLite, one node",
            Some(_) => "PostgreSQL, two nodes",
        }
    }

    /// The next day begins: yesterday's orders are there.
    fn dawn(&mut self) {
        self.days += 1;
        let day = civil(self.days - 1);
        let lines: Vec<_> = (0..10)
            .map(|n| {
                line(
                    u64::from(self.days) * 10 + n,
                    &format!("{day} 10:00:00"),
                    "12.50",
                )
            })
            .collect();
        // The platform puts the moment of an export into its name: midnight in Shanghai.
        let midnight = 1_767_283_200 + u64::from(self.days - 1) * 86_400;
        self.project.write(
            &format!("exports/orders/{midnight}_订单导出.csv"),
            export(&lines),
        );
    }

    /// A moment of today, in minutes after midnight.
    fn at(&self, minutes: u32) -> String {
        let (days, minutes) = (minutes / 1440, minutes % 1440);
        format!(
            "{}T{:02}:{:02}:00+08:00",
            civil(self.days + days),
            minutes / 60,
            minutes % 60
        )
    }

    fn look(&self, minutes: u32) -> Result<Value, String> {
        let out = self
            .project
            .command(&["serve", "--once", "--json"])
            .env("CHENBAO_NOW", self.at(minutes))
            .output()
            .map_err(|e| e.to_string())?;
        serde_json::from_slice(&out.stdout).map_err(|e| {
            format!(
                "{}: {e}\n{}",
                self.at(minutes),
                String::from_utf8_lossy(&out.stderr)
            )
        })
    }

    /// A day without kills, measured.
    fn calm_day(&mut self) -> Result<Calm, String> {
        self.dawn();
        // The schedule counts from when it is first served.
        self.look(390)?;
        let timed = |minutes| {
            let began = Instant::now();
            self.look(minutes).map(|_| began.elapsed())
        };
        let calm = Calm {
            making: timed(401)?,
            sending: timed(480)?,
        };
        if self.mail.arrived().len() != RECIPIENTS {
            return Err(format!("a calm day went wrong: {:?}", self.mail.arrived()));
        }
        Ok(calm)
    }

    /// A day on which every process is killed, and then its evening, in which nobody is.
    fn wild_day(&mut self, calm: Calm) -> Result<(), String> {
        self.dawn();
        let mut minutes = 401;
        for _ in 0..self.random.u32(2..6) {
            self.kill_all(minutes.min(479), calm.making)?;
            minutes += self.random.u32(0..20);
        }
        minutes = 480;
        for _ in 0..self.random.u32(2..6) {
            self.kill_all(minutes, calm.making.max(calm.sending))?;
            minutes += self.random.u32(0..15);
        }
        self.evening(minutes + 60)
    }

    /// Starts every node, and kills each at a moment of its own.
    fn kill_all(&mut self, minutes: u32, usual: Duration) -> Result<(), String> {
        let mut nodes = Vec::new();
        for _ in 0..self.nodes {
            let life = usual.mul_f64(self.random.f64() * 1.1);
            nodes.push((life, self.start(minutes)?));
        }
        nodes.sort_by_key(|(life, _)| *life);
        let began = Instant::now();
        for (life, mut node) in nodes {
            std::thread::sleep(life.saturating_sub(began.elapsed()));
            let ended = node.try_wait().map_err(|e| e.to_string())?;
            if let Some(status) = ended {
                return Err(format!(
                    "a server ended by itself at {}: {status}",
                    self.at(minutes)
                ));
            }
            node.kill().map_err(|e| e.to_string())?;
            node.wait().map_err(|e| e.to_string())?;
            self.kills += 1;
        }
        Ok(())
    }

    fn start(&self, minutes: u32) -> Result<Child, String> {
        self.project
            .command(&["serve"])
            .env("CHENBAO_NOW", self.at(minutes))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())
    }

    /// Looks until nothing is left to do; leases run out between the looks.
    fn evening(&self, mut minutes: u32) -> Result<(), String> {
        for _ in 0..LOOKS {
            let look = self.look(minutes)?;
            minutes += 35;
            let idle = ["made", "waiting", "failed", "sent"]
                .iter()
                .all(|what| look[what] == 0);
            if idle && self.open()?.is_empty() {
                return Ok(());
            }
        }
        let mut open = Vec::new();
        for run in self.open()? {
            let shown = self.json(&["show", &text(&run["run"]), "--json"])?;
            open.push(shown["sent"].clone());
        }
        Err(format!(
            "the day {} never came to rest: {open:?}",
            self.at(0)
        ))
    }

    /// Runs of the last days with deliveries that are still to be sent.
    fn open(&self) -> Result<Vec<Value>, String> {
        let open = |run: &Value| {
            ["queued", "sending", "deferred"]
                .iter()
                .any(|state| run["deliveries"][state].as_u64().unwrap_or(0) > 0)
        };
        Ok(self.history(40)?.into_iter().filter(open).collect())
    }

    fn history(&self, limit: u32) -> Result<Vec<Value>, String> {
        self.json(&["history", "--json", "--limit", &limit.to_string()])
            .map(|runs| runs.as_array().cloned().unwrap_or_default())
    }

    /// What the notices of unknown messages are about.
    fn told(&self) -> Result<Vec<String>, String> {
        let notices = self.json(&["notices", "--json", "--limit", "1000000"])?;
        let all = notices.as_array().into_iter().flatten();
        let unknown = all.filter(|one| one["kind"] == "unknown");
        Ok(unknown.map(|one| text(&one["about"])).collect())
    }

    fn json(&self, args: &[&str]) -> Result<Value, String> {
        let out = self
            .project
            .command(args)
            .env("CHENBAO_NOW", self.at(1439))
            .output()
            .map_err(|e| e.to_string())?;
        serde_json::from_slice(&out.stdout)
            .map_err(|e| format!("{args:?}: {e}\n{}", String::from_utf8_lossy(&out.stderr)))
    }

    /// Every delivery of the ledger beside what the mail server was given, what lies in the folder and what the owner was told.
    fn tally(&self) -> Result<Tally, String> {
        // Of a file whose writer was killed a part may lie there under a hidden name; the nightly cleaning removes it when it is old.
        let (parts, files) = self
            .project
            .files(SHARED)
            .into_iter()
            .partition(|file| file.starts_with(&format!("{SHARED}/.part-")));
        let mut tally = Tally {
            arrived: self.mail.arrived(),
            files,
            parts,
            told: self.told()?,
            ..Tally::default()
        };
        for run in self.history(1_000_000)? {
            let some = run["deliveries"]
                .as_object()
                .is_some_and(|all| !all.is_empty());
            let id = run["run"].as_str().unwrap_or_default();
            if !some || id.is_empty() {
                continue;
            }
            let shown = self.json(&["show", id, "--json"])?;
            let period = text(&shown["period"]);
            for sent in shown["sent"].as_array().into_iter().flatten() {
                tally.deliveries.push(Delivery {
                    period: period.clone(),
                    file: sent["channel"] == "files",
                    to: text(&sent["recipient"]),
                    message: text(&sent["message_id"]),
                    state: text(&sent["state"]),
                });
            }
        }
        Ok(tally)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// So many days after 2026-01-01.
fn civil(days: u32) -> String {
    let mut left = days;
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut year = 2026;
    loop {
        for (month, length) in (1..).zip(lengths) {
            if left < length {
                return format!("{year}-{month:02}-{:02}", left + 1);
            }
            left -= length;
        }
        year += 1;
    }
}

#[derive(Debug)]
struct Delivery {
    period: String,
    /// Whether it is a file for the folder.
    file: bool,
    to: String,
    message: String,
    state: String,
}

/// What was to arrive, and what did.
#[derive(Debug, Default)]
struct Tally {
    arrived: Vec<Arrived>,
    deliveries: Vec<Delivery>,
    /// Files in the shared folder.
    files: Vec<String>,
    /// Parts of files whose writer was killed.
    parts: Vec<String>,
    /// Messages that the owner was told nobody knows of: recipient, report and days.
    told: Vec<String>,
}

impl Tally {
    fn judge(&self, world: &World) -> Figures {
        let mut count: BTreeMap<&str, u32> = BTreeMap::new();
        for one in &self.arrived {
            *count.entry(&one.id).or_default() += 1;
        }
        let times =
            |delivery: &Delivery| count.get(delivery.message.as_str()).copied().unwrap_or(0);
        let of = |state: &str| {
            let mails = self.deliveries.iter().filter(|one| !one.file);
            mails
                .filter(move |one| one.state == state)
                .collect::<Vec<_>>()
        };
        let (twice, missing) = (self.twice(), self.missing(world));
        let known: Vec<&str> = self
            .deliveries
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        // What the owner is told belongs to no run.
        let (told, others): (Vec<_>, Vec<_>) = self.arrived.iter().partition(|one| one.to == OWNER);
        let stray: Vec<_> = others
            .into_iter()
            .filter(|one| !known.contains(&one.id.as_str()))
            .collect();
        let (sent, unknown) = (of("sent"), of("unknown"));
        let lost: Vec<_> = sent.iter().filter(|one| times(one) == 0).collect();
        let untold: Vec<_> = unknown.iter().filter(|one| !self.was_told(one)).collect();
        let misplaced = self.misplaced(world.days);
        let arrived = unknown.iter().filter(|one| times(one) == 1).count();
        let name = world.name();
        let figures = vec![format!(
            "{name}: {} kills over {} due times; {} RCPT, {} messages arrived; {} duplicates, {} missing, {} sent but not arrived, {} stray; \
             {} unknown ({arrived} of them had arrived, {} not told); {} to the owner; {} files in the folder, {} wrong, \
             {} parts of killed writers",
            world.kills,
            world.days,
            world.mail.named(),
            self.arrived.len(),
            twice.len(),
            missing.len(),
            lost.len(),
            stray.len(),
            unknown.len(),
            untold.len(),
            told.len(),
            self.files.len(),
            misplaced.len(),
            self.parts.len(),
        )];
        let wrong = [
            ("duplicates", format!("{twice:?}"), twice.len()),
            ("missing", format!("{missing:?}"), missing.len()),
            ("lost", format!("{lost:?}"), lost.len()),
            ("stray", format!("{stray:?}"), stray.len()),
            ("not told", format!("{untold:?}"), untold.len()),
            ("files", format!("{misplaced:?}"), misplaced.len()),
        ];
        said(figures, &wrong)
    }

    /// Messages that a recipient got more than once, by their subject.
    fn twice(&self) -> Vec<(&str, &str)> {
        let mut again: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for one in &self.arrived {
            *again.entry((&one.to, &one.subject)).or_default() += 1;
        }
        let twice = again.into_iter().filter(|(_, times)| *times > 1);
        twice.map(|(what, _)| what).collect()
    }

    /// Whether the owner was told that nobody knows of this message.
    fn was_told(&self, delivery: &Delivery) -> bool {
        let name = format!("{} · daily {}", delivery.to, delivery.period);
        self.told.contains(&name)
    }

    /// Files that no delivery names or that are not whole, deliveries whose file is not there, and days without files.
    fn misplaced(&self, days: u32) -> Vec<String> {
        let placed: Vec<String> = self
            .deliveries
            .iter()
            .filter(|one| one.file && one.state == "sent")
            .filter_map(|one| Some(format!("{SHARED}/{}", one.to.rsplit_once('/')?.1)))
            .collect();
        let stray = self.files.iter().filter(|file| !placed.contains(file));
        let lost = placed.iter().filter(|file| !self.files.contains(file));
        let kinds = [".html", ".pdf", ".txt", ".xlsx"];
        let all = (0..days)
            .map(civil)
            .flat_map(|day| kinds.map(|kind| (day.clone(), kind)));
        let there = |(day, kind): &(String, &str)| {
            let mut files = self.files.iter();
            files.any(|file| file.contains(&format!("_{day}_")) && file.ends_with(kind))
        };
        let missing = all
            .filter(|one| !there(one))
            .map(|(day, kind)| format!("{day} {kind}"));
        stray.chain(lost).cloned().chain(missing).collect()
    }

    /// Days and recipients whose report was neither sent nor is known to be unknown.
    fn missing(&self, world: &World) -> Vec<(String, &'static str)> {
        let due = (0..world.days).map(civil);
        let all = due
            .flat_map(|day| ["boss", "cfo", "ceo", "ops", "ads"].map(|name| (day.clone(), name)));
        let there = |(day, name): &(String, &str)| {
            self.deliveries.iter().any(|one| {
                one.period == *day
                    && one.to == format!("{name}@example.com")
                    && ["sent", "unknown"].contains(&one.state.as_str())
            })
        };
        all.filter(|one| !there(one)).collect()
    }
}

/// The figures; or, with them, everything that is wrong: what it is, which, how many.
fn said(figures: Vec<String>, wrong: &[(&str, String, usize)]) -> Figures {
    let wrong = wrong.iter().filter(|(_, _, many)| *many > 0);
    let wrong: Vec<String> = wrong
        .map(|(what, which, _)| format!("{what} {which}"))
        .collect();
    match wrong.is_empty() {
        true => Ok(figures),
        false => Err(format!("{}\n{}", figures.join("\n"), wrong.join("\n"))),
    }
}
