//! Load: fifty audiences, each with a paper of its own, and thousands of recipients, all due at 08:00 on one machine with one real mail
//! server. How long until the last mail, what it costs, and what bounds it; each source is asked once.

use super::reader;
use super::sink::Sink;
use super::{Ask, Figures};
use crate::orders::{export, line};
use crate::project::Project;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shops, whose sets the audiences read.
const SHOPS: u32 = 5;
/// Audiences: 25 sets of shops, each for two roles in two languages.
const AUDIENCES: u64 = 50;
/// Without a message for so long, the trial has failed: making fifty papers on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(600);

/// The trial with so many recipients.
pub fn run(ask: Ask) -> Figures {
    trial(ask.count.unwrap_or(10_000).div_ceil(AUDIENCES))
}

/// Fifty audiences of so many recipients each.
///
/// # Errors
/// A recipient got no message or two, or a source was asked more than once.
pub fn trial(each: u64) -> Figures {
    let sink = Sink::start()?;
    let project = shop(each, sink.port());
    look(&project, "06:30")?;
    let expected = usize::try_from(each * AUDIENCES).map_err(|e| e.to_string())?;
    let began = Instant::now();
    let mut serving = Serving::start(&project)?;
    let mut last = (0, Instant::now());
    while sink.count() < expected {
        std::thread::sleep(Duration::from_millis(20));
        if sink.count() > last.0 {
            last = (sink.count(), Instant::now());
        }
        if last.1.elapsed() > PATIENCE || serving.ended() {
            return Err(format!(
                "{} of {expected} messages came; {}",
                last.0,
                serving.said()
            ));
        }
    }
    let ledger = project.path().join("ledger.sqlite");
    settled(&ledger, expected)?;
    let mut figures = vec![times(&sink, &serving, began)?];
    figures.push(serving.cost()?);
    drop(serving);
    figures.push(judged(&sink, &project, expected)?);
    let size = sink.taken().first().map_or(0, |one| one.size);
    figures.push(format!(
        "the mail server alone, fed by eight clients: {:.0} messages/s",
        alone(size)?
    ));
    Ok(figures)
}

/// A fifth of the shops' orders each, and an audience for each set of shops, role and language.
fn shop(each: u64, port: u16) -> Project {
    let project = Project::from_case("one-shop");
    let mut text = project.read("chenbao.toml");
    let begin = text.find("[shop.main]").unwrap_or(text.len());
    text.truncate(begin);
    let smtp =
        format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"");
    text = text.replace("transport = \"folder\"\nfolder = \"outbox\"", &smtp);
    // What bounds it is not to be a limit that somebody set.
    text.push_str("[mail.rate]\ndefault = \"none\"\nconnections = 8\n");
    text.push_str("[role.management]\nname = \"管理层\"\nshows = [\"cost\", \"finance\"]\n[role.operations]\nname = \"运营\"\n");
    text.push_str("[metric.sales]\nplugin = \"sales\"\n[report.daily]\ntemplate = \"daily\"\nmetrics = [\"sales\"]\n");
    text.push_str("[report.daily.schedule]\ndeliver = \"0 8 * * *\"\nstart = \"06:40\"\ndata_deadline = \"07:40\"\nperiod = \"yesterday\"\n");
    for shop in 0..SHOPS {
        let _ = write!(
            text,
            "[shop.s{shop}]\nname = \"店{shop}\"\nplatform = \"douyin\"\n[source.o{shop}]\nplugin = \"files\"\nshop = \"s{shop}\"\n\
             mapping = \"doudian-orders\"\n[source.o{shop}.with]\npath = \"exports/{shop}/*.csv\"\n"
        );
        let lines: Vec<_> = (0..600_u64)
            .map(|n| {
                line(
                    u64::from(shop) * 1000 + n,
                    &format!("2026-11-{:02} 10:00:00", 2 + n % 20),
                    "12.50",
                )
            })
            .collect();
        project.write(
            &format!("exports/{shop}/1795276800_订单导出.csv"),
            export(&lines),
        );
    }
    for audience in 0..AUDIENCES {
        let set = 1 + audience / 2;
        let shops: Vec<String> = (0..SHOPS)
            .filter(|shop| set >> shop & 1 == 1)
            .map(|shop| format!("\"s{shop}\""))
            .collect();
        let (role, lang) = if audience % 2 == 0 {
            ("management", "zh-CN")
        } else {
            ("operations", "en")
        };
        let to: Vec<String> = (0..each)
            .map(|n| format!("\"r{n}@a{audience}.example.com\""))
            .collect();
        let _ = write!(
            text,
            "[report.daily.audience.a{audience}]\nrole = \"{role}\"\nlang = \"{lang}\"\nshops = [{}]\nto = [{}]\n",
            shops.join(", "),
            to.join(", ")
        );
    }
    project.write("chenbao.toml", text);
    project
}

fn look(project: &Project, time: &str) -> Result<(), String> {
    let mut command = project.command(&["serve", "--once"]);
    command.env("CHENBAO_NOW", format!("2026-11-22T{time}:00+08:00"));
    let out = command.output().map_err(|e| e.to_string())?;
    match out.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
    }
}

/// Waits until the ledger calls all of them sent.
fn settled(ledger: &std::path::Path, expected: usize) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let rows = reader::rows(
            ledger,
            "SELECT COUNT(*) FROM deliveries WHERE state = 'sent'",
        )?;
        let sent = rows
            .first()
            .and_then(|row| row.first()?.as_u64())
            .unwrap_or(0);
        if u64::try_from(expected) == Ok(sent) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("the ledger calls {sent} of {expected} sent"));
        }
    }
}

/// A real `serve` at 08:00, with the moments of its log.
struct Serving {
    child: Child,
    log: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Serving {
    fn start(project: &Project) -> Result<Self, String> {
        let mut command = project.command(&["serve"]);
        command
            .env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| e.to_string())?;
        let log = Arc::new(Mutex::new(Vec::new()));
        if let Some(said) = child.stderr.take() {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(said).lines().map_while(Result::ok) {
                    log.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((Instant::now(), line));
                }
            });
        }
        Ok(Self { child, log })
    }

    fn ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    fn said(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<&str> = log
            .iter()
            .rev()
            .take(20)
            .map(|(_, line)| line.as_str())
            .collect();
        last.join("\n")
    }

    /// When its log first had a word.
    fn moment(&self, word: &str) -> Option<Instant> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .find(|(_, line)| line.contains(word))
            .map(|(at, _)| *at)
    }

    /// Memory and bytes written, as the system counts them.
    fn cost(&self) -> Result<String, String> {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))
                .map_err(|e| e.to_string())
        };
        let field = |text: &str, name: &str| -> u64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default();
            line.split_whitespace()
                .find_map(|word| word.parse().ok())
                .unwrap_or(0)
        };
        let (status, io, stat) = (read("status")?, read("io")?, read("stat")?);
        let ticks: Vec<u64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|word| word.parse().ok())
            .collect();
        Ok(format!(
            "peak memory {} MB; written to disk {} MB; processor {} s of its own and {} s of plugins",
            field(&status, "VmHWM:") / 1000,
            field(&io, "write_bytes:") / 1_000_000,
            ticks.iter().take(2).sum::<u64>() / 100,
            ticks.iter().skip(2).sum::<u64>() / 100,
        ))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn times(sink: &Sink, serving: &Serving, began: Instant) -> Result<String, String> {
    let taken = sink.taken();
    let first = taken.iter().map(|one| one.at).min().ok_or("nothing came")?;
    let last = taken.iter().map(|one| one.at).max().ok_or("nothing came")?;
    let seconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64();
    let (made, queued) = (
        serving.moment("papers made").unwrap_or(first),
        serving.moment("messages queued").unwrap_or(first),
    );
    let sending = seconds(first, last);
    Ok(format!(
        "{} messages: the last {:.1} s after the start; collecting and making {:.1} s, queueing {:.1} s, sending {sending:.1} s ({:.0} messages/s)",
        taken.len(),
        seconds(began, last),
        seconds(began, made),
        seconds(made, queued),
        f64::from(u32::try_from(taken.len()).unwrap_or(u32::MAX)) / sending.max(0.001),
    ))
}

/// Each recipient once, all of the ledger's rows sent, each source asked once.
fn judged(sink: &Sink, project: &Project, expected: usize) -> Result<String, String> {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for one in sink.taken() {
        *times.entry(one.to).or_default() += 1;
    }
    let twice = times.values().filter(|times| **times > 1).count();
    if times.len() != expected || twice > 0 {
        return Err(format!(
            "{} of {expected} recipients got a message, {twice} of them several",
            times.len()
        ));
    }
    let ledger = project.path().join("ledger.sqlite");
    let asked = reader::rows(
        &ledger,
        "SELECT source, COUNT(*) FROM collections WHERE collected_ms >= 1795305600000 GROUP BY source",
    )?;
    if asked
        .iter()
        .any(|row| row.get(1).and_then(serde_json::Value::as_u64) != Some(1))
        || asked.len() != SHOPS as usize
    {
        return Err(format!("sources asked: {asked:?}"));
    }
    let bytes: u64 = ["ledger.sqlite", "ledger.sqlite-wal"]
        .iter()
        .filter_map(|name| std::fs::metadata(project.path().join(name)).ok())
        .map(|about| about.len())
        .sum();
    Ok(format!(
        "each of {expected} recipients got one message; each of {SHOPS} sources was asked once; ledger {} MB",
        bytes / 1_000_000
    ))
}

/// How fast the mail server takes messages of that size from clients that do nothing else.
fn alone(size: usize) -> Result<f64, String> {
    const CLIENTS: u32 = 8;
    const MESSAGES: u32 = 250;
    let sink = Sink::start()?;
    let line = "x".repeat(76) + "\r\n";
    let body = Arc::new(line.repeat(size / line.len() + 1) + ".\r\n");
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (port, body) = (sink.port(), Arc::clone(&body));
            std::thread::spawn(move || feed(port, &body, MESSAGES))
        })
        .collect();
    for client in clients {
        client
            .join()
            .map_err(|_| "a client of the mail server panicked")?
            .map_err(|e| e.to_string())?;
    }
    Ok(f64::from(CLIENTS * MESSAGES) / began.elapsed().as_secs_f64())
}

fn feed(port: u16, body: &str, messages: u32) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut answer = [0_u8; 512];
    let mut hear = |stream: &mut TcpStream| stream.read(&mut answer).map(drop);
    hear(&mut stream)?;
    for _ in 0..messages {
        for words in [
            "MAIL FROM:<a@example.com>\r\n",
            "RCPT TO:<b@example.com>\r\n",
            "DATA\r\n",
            body,
        ] {
            stream.write_all(words.as_bytes())?;
            hear(&mut stream)?;
        }
    }
    Ok(())
}
