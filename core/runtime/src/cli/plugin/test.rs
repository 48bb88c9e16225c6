//! `chenbao plugin test`: the contract and the cases, tried.

use super::args::TestArgs;
use crate::authoring::bench;
use crate::authoring::trial::{self, Plan, Status, Tried};
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended, exe};
use chenbao_model::Diagnostic;
use regex::Regex;
use serde_json::json;

pub(super) async fn test(args: &TestArgs, voice: Voice) -> Answer {
    let include = args
        .include
        .as_deref()
        .map(Regex::new)
        .transpose()
        .map_err(|e| {
            Diagnostic::error(format!("--include is no regular expression: {e}"))
                .hint("write a part of a test's name, such as `case:`")
        })?;
    let exe = exe()?;
    let on_bench = match bench::open(&args.path, args.library.as_deref(), &exe) {
        Ok(on_bench) => on_bench,
        Err(problems) => {
            voice.tell(&problems.0);
            return Ok(Ended::Refused);
        }
    };
    let plan = Plan {
        exe,
        seed: args.seed,
        wanted: &|name| include.as_ref().is_none_or(|wanted| wanted.is_match(name)),
        in_process: args.in_process,
        update: std::env::var_os("UPDATE").is_some_and(|value| value == "1"),
        told: &mut |tried| say(tried, args.only_failed, voice),
    };
    let all = trial::run(&on_bench, plan).await?;
    let count = |status: Status| all.iter().filter(|tried| tried.status == status).count();
    let bad = count(Status::Failed) + count(Status::Crashed);
    voice.say(format!(
        "{}: {} ok, {} failed, {} crashed, {} warnings, {} skipped (seed {})",
        on_bench.component.id,
        count(Status::Ok),
        count(Status::Failed),
        count(Status::Crashed),
        count(Status::Warning),
        count(Status::Skipped),
        args.seed
    ));
    voice.answer(&json!({"plugin": on_bench.component.id, "seed": args.seed, "tests": all}));
    Ok(if all.is_empty() {
        voice.tell(&[
            Diagnostic::error("no test has such a name").hint("without --include, all are run")
        ]);
        Ended::Refused
    } else if bad > 0 {
        Ended::Failed
    } else {
        Ended::Done
    })
}

fn say(tried: &Tried, only_failed: bool, voice: Voice) {
    if only_failed && !matches!(tried.status, Status::Failed | Status::Crashed) {
        return;
    }
    let status = match tried.status {
        Status::Ok => "ok",
        Status::Skipped => "skipped",
        Status::Warning => "warning",
        Status::Failed => "FAILED",
        Status::Crashed => "CRASHED",
    };
    voice.say(format!("{status:<8} {:<18} {}", tried.name, tried.what));
    if tried.status != Status::Ok || voice.verbose {
        for line in tried.detail.lines().filter(|line| !line.is_empty()) {
            voice.say(format!("           {line}"));
        }
    }
}
