//! `serve`: the schedules are kept until the process is told to stop, and then it ends in time.

use super::args::ServeArgs;
use super::print::Voice;
use super::{Answer, Ended};
use crate::health;
use crate::ledger::Ledger;
use crate::life::node;
use crate::project::Project;
use crate::serve::{self, Look, Stop};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::json;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A ledger that does not take the claims back within this time is left alone: they run out by themselves.
const GIVE_UP: Duration = Duration::from_secs(3);

pub(super) async fn serve(project: &Project, args: &ServeArgs, voice: Voice) -> Answer {
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
    voice.say("serving; stop with Ctrl-C");
    let (ledger, drain) = (project.ledger.clone(), project.config.serve.drain);
    serve::serve(project, |stop| {
        tokio::spawn(end(signals, stop, ledger, drain));
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

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Problems> {
        let listen = |kind| {
            signal(kind).map_err(|e| {
                Problems::from(Diagnostic::error(format!("signals cannot be heard: {e}")))
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
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
async fn end(mut signals: Signals, stop: Stop, ledger: Ledger, drain: Duration) {
    signals.next().await;
    tracing::info!(
        seconds = drain.as_secs(),
        "stopping: what is under way is finished"
    );
    stop.ask();
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
