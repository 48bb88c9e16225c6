//! Time: a year of due times against croniter, which shares no code with us; due moments met by a `serve` under libfaketime; a clock that
//! jumps under it; and a thousand schedules of one minute in one look.
//!
//! Where croniter means something else: a fixed time in the hour that the clocks repeat comes twice there, and once (at first) here. Such
//! moments are counted apart, and nothing else may differ.

use super::{Ask, Figures};
use crate::project::Project;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The year: a leap year, so that its 29 February is met. From 2027-12-31 to 2028-12-31, in seconds since 1970.
const YEAR: (i64, i64) = (1_830_211_200, 1_861_833_600);
/// Zones with different rules, one of them without any change, one with a change of half an hour.
const ZONES: [&str; 6] = [
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];
/// A due moment met later than this is not met.
const SLACK: Duration = Duration::from_secs(20);

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Schedules compared with croniter through the year.
    pub patterns: usize,
    /// Due times of the year at which a look is handed the clock.
    pub looks: usize,
    /// Due times at which a serving process lives under libfaketime.
    pub live: usize,
    /// Whether the clock jumps under a serving process: each jump takes up to a heart-beat.
    pub jumps: bool,
    /// Schedules of one minute.
    pub crowd: usize,
}

/// The trial: `--count` is the number of schedules that are compared.
pub fn run(ask: Ask) -> Figures {
    let patterns = usize::try_from(ask.count.unwrap_or(120)).unwrap_or(usize::MAX);
    let whole = Size {
        patterns,
        looks: 60,
        live: 12,
        jumps: true,
        crowd: 1000,
    };
    trial(whole, ask.seed)
}

/// As much of it as is asked for.
///
/// # Errors
/// A due time differs without a reason, a report leaves early, late or twice, or a program does not start.
pub fn trial(size: Size, seed: u64) -> Figures {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut figures = compared(size.patterns, &mut random)?;
    figures.extend(looked_at(size.looks, &mut random)?);
    figures.extend(lived_through(size.live, &mut random)?);
    if size.jumps {
        figures.extend(jumped()?);
    }
    figures.extend(crowd(size.crowd)?);
    Ok(figures)
}

/// The shop with these schedules beside or instead of its own.
fn shop(schedules: &[(String, &str)]) -> Project {
    let project = Project::from_case("one-shop");
    let text = project.read("chenbao.toml");
    let (head, _) = text.split_once("[report.daily]").unwrap_or((&text, ""));
    let mut text = head.to_owned();
    for (n, (cron, zone)) in schedules.iter().enumerate() {
        text.push_str(&format!(
            "[report.r{n}]\ntemplate = \"daily\"\nmetrics = [\"sales\"]\n[report.r{n}.schedule]\ndeliver = \"{cron}\"\nzone = \"{zone}\"\n\
             misfire = \"skip\"\n[report.r{n}.audience.boss]\nrole = \"management\"\nshops = [\"main\"]\nto = [\"r{n}@example.com\"]\n"
        ));
    }
    project.write("chenbao.toml", text);
    project
}

/// Seconds since 1970 as the clock that is handed in.
fn clock(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days: the tests link no calendar.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A pattern that a person might write, with at most a few times a day.
fn pattern(random: &mut fastrand::Rng) -> String {
    let minute = ["0", "30", "15", "5,35", "*/20"][random.usize(..5)];
    let hour = match random.u8(..6) {
        0 => format!("{}", random.u8(..24)),
        1 => format!("{},{}", random.u8(..3), random.u8(3..24)),
        2 => "*/6".to_owned(),
        3 => "1-3".to_owned(),
        4 => "2".to_owned(),
        _ => "8".to_owned(),
    };
    let day = ["*", "*", "*", "1", "1,15", "29", "31", "*/10"][random.usize(..8)];
    let month = ["*", "*", "*", "2", "3,10", "*/3", "1-6"][random.usize(..7)];
    let weekday = match day {
        "*" => ["*", "*", "1-5", "0", "6", "1,4"][random.usize(..6)],
        // Croniter takes either of the two, and so do we; that is one of the things compared.
        _ => ["*", "*", "*", "1"][random.usize(..4)],
    };
    format!("{minute} {hour} {day} {month} {weekday}")
}

/// What croniter says is due.
fn oracle(schedules: &[(String, &str)]) -> Result<Vec<Vec<i64>>, String> {
    let asks: Vec<Value> = schedules
        .iter()
        .map(|(cron, zone)| json!({"cron": cron, "zone": zone, "from": YEAR.0, "to": YEAR.1}))
        .collect();
    let script = crate::house_rules::root().join("tests/servers/due.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("python3 does not start: {e}"))?;
    let asked = serde_json::to_vec(&asks).map_err(|e| e.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&asked).map_err(|e| e.to_string())?;
    }
    let out = child.wait_with_output().map_err(|e| e.to_string())?;
    serde_json::from_slice(&out.stdout).map_err(|e| format!("croniter did not answer: {e}"))
}

/// What `chenbao plan` says is due, handed the clock at the year's beginning.
fn planned(project: &Project, most: usize) -> Result<BTreeMap<String, Vec<String>>, String> {
    let out = project
        .command(&["plan", "--json", "--next", &most.to_string()])
        .env("CHENBAO_NOW", clock(YEAR.0))
        .output()
        .map_err(|e| e.to_string())?;
    let plan: Vec<Value> = serde_json::from_slice(&out.stdout)
        .map_err(|e| format!("plan: {e}\n{}", String::from_utf8_lossy(&out.stderr)))?;
    let mut due: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in plan {
        let (report, at) = (one["report"].as_str(), one["deliver"].as_str());
        if let (Some(report), Some(at)) = (report, at) {
            due.entry(report.to_owned())
                .or_default()
                .push(at.to_owned());
        }
    }
    Ok(due)
}

/// A year of due times of random schedules beside what croniter says.
fn compared(count: usize, random: &mut fastrand::Rng) -> Figures {
    let mut schedules = Vec::new();
    for n in 0..count {
        schedules.push((pattern(random), ZONES[n % ZONES.len()]));
    }
    let theirs = oracle(&schedules)?;
    let most = theirs.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let ours = planned(&shop(&schedules), most)?;
    let end = clock(YEAR.1);
    let (mut agreed, mut twice, mut wrong) = (0_usize, 0_usize, Vec::new());
    for (n, due) in theirs.iter().enumerate() {
        let theirs: BTreeSet<String> = due.iter().map(|at| clock(*at)).collect();
        let mine = ours.get(&format!("r{n}")).cloned().unwrap_or_default();
        let mine: BTreeSet<String> = mine.into_iter().filter(|at| *at <= end).collect();
        agreed += mine.intersection(&theirs).count();
        for at in theirs.symmetric_difference(&mine) {
            // The same wall time once more within the hour that the clocks repeat: half an hour on Lord Howe.
            let again = due.iter().any(|one| {
                let repeated = [1800, 3600].iter().any(|by| clock(one + by) == *at);
                repeated && mine.contains(&clock(*one))
            });
            match theirs.contains(at) && again && schedules[n].1 != "Asia/Shanghai" {
                true => twice += 1,
                false => wrong.push(format!("{} in {}: {at}", schedules[n].0, schedules[n].1)),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(format!(
            "{} due times differ:\n{}",
            wrong.len(),
            wrong.join("\n")
        ));
    }
    Ok(vec![format!(
        "a year against croniter: {count} schedules in {} zones, {agreed} due times agree; {twice} in a repeated hour come once here and twice there; \
         0 others differ",
        ZONES.len()
    )])
}

/// One look with the clock handed in: made, waiting and sent.
fn look(project: &Project, at: i64) -> Result<Value, String> {
    let out = project
        .command(&["serve", "--once", "--json"])
        .env("CHENBAO_NOW", clock(at))
        .output()
        .map_err(|e| e.to_string())?;
    serde_json::from_slice(&out.stdout).map_err(|e| {
        format!(
            "{}: {e}\n{}",
            clock(at),
            String::from_utf8_lossy(&out.stderr)
        )
    })
}

/// Messages to the reports' readers that have left.
fn left(project: &Project) -> usize {
    let all = project.files("outbox").into_iter();
    // A file that is still being written has another name.
    all.filter(|name| name.ends_with(".eml") && !name.contains("owner@"))
        .count()
}

/// A seeded choice of due times, with the days on which the clocks change and the leap day among them.
fn chosen(due: &[i64], count: usize, random: &mut fastrand::Rng) -> Vec<i64> {
    let (mut all, mut some) = (due.to_vec(), BTreeSet::new());
    let special = ["2028-03-12", "2028-11-05", "2028-02-29"];
    some.extend(special.iter().take(count).filter_map(|day| {
        let on_day = |at: &&i64| clock(**at).starts_with(day);
        all.iter().find(on_day).copied()
    }));
    random.shuffle(&mut all);
    for at in all {
        if some.len() >= count {
            break;
        }
        some.insert(at);
    }
    some.into_iter().collect()
}

/// 08:00 in New York through the year: nothing a second before, one report at the second.
fn looked_at(count: usize, random: &mut fastrand::Rng) -> Figures {
    let schedule = [("0 8 * * *".to_owned(), "America/New_York")];
    let due = oracle(&schedule)?.pop().unwrap_or_default();
    let project = shop(&schedule);
    look(&project, YEAR.0)?;
    let days = chosen(&due, count, random);
    for (done, at) in days.iter().enumerate() {
        look(&project, at - 1)?;
        let before = left(&project);
        look(&project, *at)?;
        look(&project, at + 1)?;
        let after = left(&project);
        if (before, after) != (done, done + 1) {
            return Err(format!(
                "at {}: {before} reports before, {after} after, {done} expected before",
                clock(*at)
            ));
        }
    }
    Ok(vec![format!(
        "handed-in clock: {} due times of the year looked at, each report left at its second and once",
        days.len()
    )])
}

/// A serving process whose clock starts at a moment of ours and runs on.
struct Faked {
    child: Child,
    began: Instant,
    /// The file that moves its clock.
    clock: PathBuf,
}

impl Faked {
    fn start(project: &Project, at: i64) -> Result<Self, String> {
        let clock_file = project.path().join("clock");
        std::fs::write(&clock_file, faked(at)).map_err(|e| e.to_string())?;
        let child = project
            .command(&["serve"])
            .env("LD_PRELOAD", library()?)
            .env("FAKETIME_TIMESTAMP_FILE", &clock_file)
            .env("FAKETIME_NO_CACHE", "1")
            // As when a machine's clock is set: what counts the seconds goes on.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("TZ", "UTC")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        Ok(Self {
            child,
            began: Instant::now(),
            clock: clock_file,
        })
    }

    /// Waits until so many reports have left, and says after how long.
    fn until_left(
        &self,
        project: &Project,
        count: usize,
        most: Duration,
    ) -> Result<Duration, String> {
        while left(project) < count {
            if self.began.elapsed() > most {
                return Err(format!(
                    "{} of {count} reports left within {most:?}",
                    left(project)
                ));
            }
            std::thread::yield_now();
        }
        Ok(self.began.elapsed())
    }
}

impl Drop for Faked {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A moment as libfaketime reads it: from there on, the clock runs.
fn faked(at: i64) -> String {
    format!("@{}", clock(at).replace('T', " ").trim_end_matches('Z'))
}

/// The library of Debian's package `faketime`.
fn library() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib")
        .map_err(|e| e.to_string())?
        .flatten();
    let mut found = folders.map(|dir| dir.path().join("faketime/libfaketimeMT.so.1"));
    found
        .find(|path| path.exists())
        .ok_or_else(|| "libfaketime is not here; install the package `faketime`".to_owned())
}

/// The whole program with its clock faked: the report waits for its second, and leaves soon after it.
fn lived_through(count: usize, random: &mut fastrand::Rng) -> Figures {
    let schedule = [("0 8 * * *".to_owned(), "America/New_York")];
    let due = oracle(&schedule)?.pop().unwrap_or_default();
    let project = shop(&schedule);
    look(&project, YEAR.0)?;
    let (mut longest, days) = (Duration::ZERO, chosen(&due, count, random));
    for (done, at) in days.iter().enumerate() {
        // Made and queued by then.
        look(&project, at - 60)?;
        let lead = 4;
        let server = Faked::start(&project, at - lead)?;
        let lead = Duration::from_secs(u64::try_from(lead).unwrap_or(0));
        let took = server.until_left(&project, done + 1, lead + SLACK)?;
        // Its clock began a moment after it was started, so it is never ahead of ours.
        if took + Duration::from_millis(50) < lead {
            return Err(format!(
                "at {}: left {:?} too early",
                clock(*at),
                lead - took
            ));
        }
        longest = longest.max(took.saturating_sub(lead));
    }
    Ok(vec![format!(
        "libfaketime: {} due times of the year lived through by `serve`, none early, the latest {:.1} s after its second",
        days.len(),
        longest.as_secs_f64()
    )])
}

/// Three days of sleep, and a clock that is set back: the newest is made up, nothing leaves twice.
fn jumped() -> Figures {
    let project = shop(&[("0 8 * * *".to_owned(), "America/New_York")]);
    let text = project
        .read("chenbao.toml")
        .replace("\"skip\"", "\"latest\"");
    project.write("chenbao.toml", text);
    // 2028-03-10 08:00 in New York; the clocks change on the 12th.
    let friday = 1_836_306_000;
    look(&project, friday - 86_000)?;
    look(&project, friday)?;
    let before = left(&project);
    let server = Faked::start(&project, friday + 60)?;
    let set = |at: i64| std::fs::write(&server.clock, faked(at)).map_err(|e| e.to_string());
    // Asleep until Monday 09:00: Saturday's and Sunday's are missed, Monday's is made up.
    set(friday + 3 * 86_400)?;
    server.until_left(&project, before + 1, Duration::from_secs(90))?;
    // Two hours back, past 08:00, and forward again: two heart-beats of each.
    for at in [friday + 3 * 86_400 - 2 * 3600, friday + 3 * 86_400] {
        set(at)?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(62) {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    drop(server);
    let runs = project.run(&["history", "--json"]).json();
    let lines = runs.as_array().cloned().unwrap_or_default();
    let missed = lines.iter().filter(|one| one["missed"].is_string()).count();
    let (sent, again) = (left(&project), left(&project) - before);
    if (missed, again) != (2, 1) {
        return Err(format!(
            "after the jumps: {missed} missed, {sent} sent\n{runs:#}"
        ));
    }
    Ok(vec![
        "jumps under a living `serve`: three days of sleep missed 2 and made up 1; two hours back and forth again sent nothing twice".to_owned(),
    ])
}

/// So many schedules of one minute, in one look before their data is there, and in one when it is due.
fn crowd(count: usize) -> Figures {
    let schedules: Vec<(String, &str)> = (0..count)
        .map(|_| ("0 8 * * *".to_owned(), "Asia/Shanghai"))
        .collect();
    let project = shop(&schedules);
    // 2028-01-10 06:45 in Shanghai; the schedules count from the evening before.
    let morning = 1_831_070_700;
    look(&project, morning - 36_000)?;
    let began = Instant::now();
    let first = look(&project, morning)?;
    let took = began.elapsed();
    let began = Instant::now();
    let idle = look(&project, morning)?;
    let again = began.elapsed();
    if first["waiting"] != count || idle["waiting"] != count {
        return Err(format!(
            "{count} schedules were due: {first} and then {idle}"
        ));
    }
    Ok(vec![format!(
        "{count} schedules of one minute: the first look took {:.1} s, the next {:.1} s",
        took.as_secs_f64(),
        again.as_secs_f64()
    )])
}
