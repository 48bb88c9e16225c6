//! `watchdog`: a round every minute, or one round for cron and timers.

use super::args::WatchdogArgs;
use super::print::Voice;
use super::serve::Signals;
use super::{Answer, Ended, clock};
use crate::config;
use crate::telemetry;
use crate::watchdog::{self, Round};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// From one round to the next.
const EVERY: Duration = Duration::from_secs(60);

pub(super) async fn watchdog(file: &Path, args: &WatchdogArgs, voice: Voice) -> Answer {
    let clock = clock()?;
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(problems) => {
            voice.tell(&problems.0);
            return Ok(Ended::Refused);
        }
    };
    let mut config = loaded.value;
    telemetry::start(if args.once { "error" } else { "info" }, config.log)?;
    if args.once {
        let mut memory = watchdog::remembered(&config)?;
        let round = watchdog::round(&config, &mut memory, clock.now()).await;
        return Ok(say(&round, voice));
    }
    voice.say("watching; stop with Ctrl-C");
    let mut signals = Signals::listen()?;
    let mut memory = watchdog::remembered(&config)?;
    loop {
        // What the configuration says now; a broken one is somebody else's notice, and the last that worked is good enough here.
        match config::load(file) {
            Ok(loaded) => config = loaded.value,
            Err(problems) => tracing::warn!("the configuration is not used as it is: {problems}"),
        }
        log(&watchdog::round(&config, &mut memory, clock.now()).await);
        tokio::select! {
            () = signals.next() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    voice.say("stopped");
    Ok(Ended::Done)
}

fn log(round: &Round) {
    for trouble in &round.troubles {
        let told = round.told.contains(&trouble.key);
        let lines = trouble.notice.lines.join("; ");
        tracing::warn!(trouble = %trouble.key, told, "{lines}");
    }
    for failed in &round.failed {
        tracing::error!("not told: {failed}");
    }
}

fn say(round: &Round, voice: Voice) -> Ended {
    if round.troubles.is_empty() {
        voice.say("all is well");
    }
    for trouble in &round.troubles {
        let told = match round.told.contains(&trouble.key) {
            true => "told now",
            false => "told before",
        };
        let lines = trouble.notice.lines.join("; ");
        voice.say(format!("{}: {lines} ({told})", trouble.key));
    }
    for failed in &round.failed {
        voice.say(format!("not told: {failed}"));
    }
    let troubles: Vec<serde_json::Value> = round
        .troubles
        .iter()
        .map(|trouble| {
            json!({"key": trouble.key, "kind": trouble.notice.kind.word(), "lines": trouble.notice.lines,
                   "told": round.told.contains(&trouble.key)})
        })
        .collect();
    voice.answer(
        &json!({"well": round.troubles.is_empty(), "troubles": troubles, "failed": round.failed}),
    );
    match (round.failed.is_empty(), round.troubles.is_empty()) {
        (false, _) => Ended::Failed,
        (true, false) => Ended::Undelivered,
        (true, true) => Ended::Done,
    }
}
