//! `chenbao plugin dev`: builds, runs and shows a plugin whenever it is saved.

use super::args::DevArgs;
use crate::authoring::bench::{self, OnBench};
use crate::authoring::case::{self, Case, SqlBench};
use crate::authoring::trial;
use crate::authoring::watch::Watch;
use crate::cli::print::Voice;
use crate::cli::serve::Signals;
use crate::cli::{Answer, Ended, clock, exe, open_at};
use crate::preview::{self, Guest, Seat};
use crate::storage;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::ResultDoc;
use chenbao_report::Outcome;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From one look at the folder to the next.
const EVERY: Duration = Duration::from_millis(100);
/// The project that the page shows: the daily report's samples, for someone who sees everything.
const PROJECT: &str = include_str!("dev.toml");

pub(super) async fn dev(args: &DevArgs, voice: Voice) -> Answer {
    let mut signals = Signals::listen()?;
    let exe = exe()?;
    let folder = args.path.canonicalize().map_err(|e| {
        Diagnostic::error(format!("there is no plugin here: {e}"))
            .in_file(args.path.display().to_string())
            .hint("give a plugin's folder; `chenbao plugin new NAME` makes one")
    })?;
    let scratch = tempfile::TempDir::with_prefix("chenbao-dev-")
        .map_err(|e| Diagnostic::error(format!("no temporary folder can be made: {e}")))?;
    // A source has no figures to show.
    let seat = match args.no_preview || folder.join("source.toml").is_file() {
        true => None,
        false => Some(page(scratch.path(), args.port, voice).await?),
    };
    let job = Arc::new(Job {
        folder: folder.clone(),
        exe,
        case: args.case.clone(),
        bench: SqlBench::open()?,
    });
    let mut watch = Watch::begin(&folder);
    let mut saved: Vec<PathBuf> = Vec::new();
    loop {
        let job = Arc::clone(&job);
        // In a task of its own, so that Ctrl-C is heard while it builds.
        let round = tokio::spawn(async move { job.round().await });
        let round = tokio::select! {
            round = round => round.map_err(|e| Diagnostic::error(format!("the trial ended: {e}")))?,
            () = signals.next() => return Ok(Ended::Done),
        };
        // The page first: who reads the line finds it done.
        if let (Some(seat), Ok(round)) = (&seat, &round) {
            seat.take(round.guest());
        }
        say(&saved, &round, voice);
        saved = tokio::select! {
            saved = change(&mut watch) => saved,
            () = signals.next() => return Ok(Ended::Done),
        };
    }
}

/// Waits until something was saved.
async fn change(watch: &mut Watch) -> Vec<PathBuf> {
    loop {
        let saved = watch.saved();
        if !saved.is_empty() {
            return saved;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The page, in a task that ends with the command.
async fn page(scratch: &Path, port: u16, voice: Voice) -> Result<Seat, Problems> {
    let file = scratch.join("chenbao.toml");
    storage::write(&file, PROJECT.as_bytes())
        .map_err(|e| storage::refused("the page's project", &file, &e))?;
    let quiet = Voice { quiet: 2, ..voice };
    let project = open_at(&file, clock()?, "error", quiet).await?;
    let reopen = Box::new(move || -> futures::future::BoxFuture<'static, _> {
        let file = file.clone();
        Box::pin(async move { open_at(&file, clock()?, "error", quiet).await })
    });
    let preview = preview::open(project, reopen, port).await?;
    // A mail may leave the last sections to its attachment; the pages have them all.
    let url = format!("http://{}/?panes=pages", preview.address());
    voice.say(format!(
        "{url}  its figures in the daily report; stop with Ctrl-C"
    ));
    voice.answer(&json!({"url": url}));
    let seat = preview.seat();
    tokio::spawn(preview.run());
    Ok(seat)
}

/// What is done after every change.
struct Job {
    folder: PathBuf,
    exe: PathBuf,
    case: Option<String>,
    bench: SqlBench,
}

/// A case and what became of it: the answer with what differs, or what is wrong.
type Ran = (Case, Result<(Value, Vec<String>), String>);

/// What came of a change.
struct Round {
    on_bench: OnBench,
    built: Duration,
    ran: Vec<Ran>,
    answered: Duration,
}

impl Job {
    async fn round(&self) -> Result<Round, Problems> {
        let begun = Instant::now();
        let library = tokio::task::block_in_place(|| bench::build(&self.folder))?;
        let built = begun.elapsed();
        let begun = Instant::now();
        let on_bench = bench::of(self.folder.clone(), library.as_deref(), &self.exe)?;
        let mut cases = case::all(&self.folder)?;
        if let Some(name) = &self.case {
            cases.retain(|case| case.name == *name);
        }
        let mut ran = Vec::new();
        for one in cases {
            let got = trial::answer(&on_bench, &one, &self.bench, &self.exe).await;
            let got = got.map(|got| {
                let found = trial::against(&one.folder.join("expected.json"), &got);
                (got, found)
            });
            ran.push((one, got));
        }
        Ok(Round {
            on_bench,
            built,
            ran,
            answered: begun.elapsed(),
        })
    }
}

impl Round {
    /// The first case's answer, for the page.
    fn guest(&self) -> Guest {
        let outcome = match self.ran.first() {
            Some((_, Ok((got, _)))) => match serde_json::from_value::<ResultDoc>(got.clone()) {
                Ok(doc) => Outcome::Done(doc),
                Err(why) => Outcome::Failed {
                    verdict: why.to_string(),
                },
            },
            Some((_, Err(why))) => Outcome::Failed {
                verdict: why.clone(),
            },
            None => Outcome::Absent { need: Vec::new() },
        };
        Guest {
            descriptor: self.on_bench.component.descriptor.clone(),
            outcome,
        }
    }
}

fn say(saved: &[PathBuf], round: &Result<Round, Problems>, voice: Voice) {
    let what = match saved {
        [] => String::new(),
        [one] => format!("{}: ", one.display()),
        [one, rest @ ..] => format!("{} and {} more: ", one.display(), rest.len()),
    };
    let round = match round {
        Ok(round) => round,
        Err(problems) => {
            voice.say(format!("{what}it does not build, or cannot be used"));
            voice.tell(&problems.0);
            voice.answer(&json!({"saved": saved, "problems": problems.0}));
            return;
        }
    };
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f32());
    let (built, answered) = (seconds(round.built), seconds(round.answered));
    voice.say(format!("{what}built in {built}, answered in {answered}"));
    if round.ran.is_empty() {
        voice.say("  there is no such case: `cases/<name>/case.toml` makes one");
    }
    for (case, got) in &round.ran {
        let lines: Vec<&str> = match got {
            Ok((_, found)) => found.iter().map(String::as_str).collect(),
            Err(why) => why.lines().collect(),
        };
        match lines.as_slice() {
            [] => voice.say(format!("  {:<12} as expected", case.name)),
            lines => {
                let wrong = if got.is_ok() { "differs" } else { "FAILED" };
                voice.say(format!("  {:<12} {wrong}", case.name));
                lines
                    .iter()
                    .for_each(|line| voice.say(format!("    {line}")));
            }
        }
    }
    let cases: Vec<Value> = round
        .ran
        .iter()
        .map(|(case, got)| match got {
            Ok((got, found)) => json!({"case": case.name, "answer": got, "differs": found}),
            Err(why) => json!({"case": case.name, "problem": why}),
        })
        .collect();
    voice.answer(&json!({"saved": saved, "built_ms": millis(round.built), "answered_ms": millis(round.answered), "cases": cases}));
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
