//! `serve`: the schedules are kept until the process is told to stop, and then it ends in time.

use super::args::ServeArgs;
use super::print::Voice;
use super::{Answer, Ended, check, open};
use crate::health;
use crate::ledger::Ledger;
use crate::life::node;
use crate::project::Project;
use crate::serve::{self, Control, Look};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A ledger that does not take the claims back within this time is left alone: they run out by themselves.
const GIVE_UP: Duration = Duration::from_secs(3);

pub(super) async fn serve(project: &Arc<Project>, args: &ServeArgs, voice: Voice) -> Answer {
    if args.once {
        let look = serve::look(project).await?;
        return Ok(tell(&look, voice));
    }
    let signals = Signals::listen()?;
    let health = health::open(project).await?;
    if let Some(address) = health.address() {
        voice.say(format!(
            "http://{address}/healthz, /readyz and /metrics answer"
        ));
    }
    let hangups = listen(SignalKind::hangup())?;
    voice.say("serving; stop with Ctrl-C, read the configuration again with SIGHUP");
    let (ledger, drain) = (project.ledger.clone(), project.config.serve.drain);
    let reopen = reopener(project.config.file.clone().into(), voice);
    serve::serve(Arc::clone(project), reopen, |control| {
        tokio::spawn(again(hangups, control.clone()));
        tokio::spawn(end(signals, control, ledger, drain));
    })
    .await?;
    voice.say("stopped; what was under way is finished");
    Ok(Ended::Done)
}

fn tell(look: &Look, voice: Voice) -> Ended {
    voice.say(format!(
        "{} made, {} waiting for their sources, {} failed, {} missed, {} sent",
        look.made, look.waiting, look.failed, look.missed, look.sent
    ));
    voice.answer(&json!({
        "made": look.made, "waiting": look.waiting, "failed": look.failed, "missed": look.missed, "sent": look.sent,
    }));
    if look.failed > 0 {
        Ended::Failed
    } else {
        Ended::Done
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Problems> {
    signal(kind)
        .map_err(|e| Problems::from(Diagnostic::error(format!("signals cannot be heard: {e}"))))
}

/// How a serving loop opens its project again: with everything that `check` would say.
fn reopener(file: PathBuf, voice: Voice) -> serve::Reopen {
    Box::new(move || {
        let file = file.clone();
        Box::pin(async move {
            let project = open(&file, "info", voice).await?;
            let problems = check::problems(&project).into_iter();
            let errors: Vec<Diagnostic> = problems.filter(Diagnostic::is_error).collect();
            match errors.is_empty() {
                true => Ok(project),
                false => Err(Problems(errors)),
            }
        })
    })
}

/// SIGHUP, again and again.
async fn again(mut hangups: Signal, control: Control) {
    while hangups.recv().await.is_some() {
        control.reload();
    }
}

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Problems> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// On the first signal the loop ends by itself, and with it this task. What does not end in time is given up, so that another process
/// goes on with it; a second signal ends at once.
#[expect(
    clippy::exit,
    reason = "a plugin's call blocks its thread, and the process must end in time all the same; its hosts end with it"
)]
async fn end(mut signals: Signals, control: Control, ledger: Ledger, drain: Duration) {
    signals.next().await;
    tracing::info!(
        seconds = drain.as_secs(),
        "stopping: what is under way is finished"
    );
    control.stop();
    let patient = tokio::select! {
        () = tokio::time::sleep(drain) => true,
        () = signals.next() => false,
    };
    tracing::warn!(
        patient,
        "what is under way is given up; another process, or the next start, goes on with it"
    );
    let released = tokio::time::timeout(GIVE_UP, ledger.release(&node())).await;
    if !matches!(released, Ok(Ok(()))) {
        tracing::warn!("the claims were not given back: they run out by themselves");
    }
    std::process::exit(i32::from(!patient));
}
