//! What the outside sees of a serving process: a page for machines, and systemd's watchdog.
//!
//! `/healthz` says whether the loop turns, `/readyz` whether it could work now, `/metrics` everything in figures. The page tells ids of
//! reports and sources, never a figure of a report and never a recipient.

mod figures;

use crate::clock::Clock;
use crate::config::Config;
use crate::config::meant::Transport;
use crate::ledger::Ledger;
use crate::life::{Life, Part};
use crate::project::Project;
use crate::systemd::{self, State};
use axum::Router;
use axum::extract::State as Of;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chenbao_model::Diagnostic;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A ledger that does not answer within this time is not there.
const ANSWER: Duration = Duration::from_secs(2);

/// The page and the watchdog; both end with it.
#[derive(Debug)]
pub struct Health {
    address: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Health {
    /// Where the page answers; none if there is none.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What the page speaks of.
#[derive(Debug)]
struct Subject {
    life: Life,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// Folders that must be seen, and what they are called.
    folders: [(&'static str, PathBuf); 2],
    longest_step: Duration,
}

/// Opens the page, if the configuration wants one, and answers systemd's watchdog, if it watches.
///
/// # Errors
/// The address is taken or not this machine's.
pub async fn open(project: &Project) -> Result<Health, Diagnostic> {
    let mut health = Health {
        address: None,
        tasks: Vec::new(),
    };
    if let Some(every) = systemd::watched() {
        let life = project.life.clone();
        let longest_step = longest_step(&project.config);
        health
            .tasks
            .push(tokio::spawn(watch(life, longest_step, every)));
    }
    if let Some(wanted) = project.config.serve.listen {
        let fail = |e: std::io::Error| {
            Diagnostic::error(format!(
                "the page for machines cannot open at {wanted}: {e}"
            ))
            .in_file(&project.config.file)
            .hint("another process may have this port: change [serve] listen, or leave it out")
        };
        let listener = TcpListener::bind(wanted).await.map_err(fail)?;
        health.address = Some(listener.local_addr().map_err(fail)?);
        health
            .tasks
            .push(tokio::spawn(answer(listener, page(project))));
    }
    Ok(health)
}

/// A step of the work ends within this time: a plugin's call, which is repeated once at most, or a message on its way.
fn longest_step(config: &Config) -> Duration {
    let message = match &config.mail.transport {
        Transport::Smtp(smtp) => smtp.timeout.saturating_mul(2),
        Transport::Folder(_) => Duration::ZERO,
    };
    config.plugins.deadline.saturating_mul(2).max(message)
}

async fn watch(life: Life, longest_step: Duration, every: Duration) {
    loop {
        let standing = life.standing(longest_step);
        if standing.is_empty() {
            systemd::tell(State::Turning, None);
        } else {
            let standing = words(&standing);
            tracing::error!(
                ?standing,
                "it has not turned for too long; systemd is not told that this process lives"
            );
        }
        tokio::time::sleep(every).await;
    }
}

fn page(project: &Project) -> Router {
    let subject = Subject {
        life: project.life.clone(),
        ledger: project.ledger.clone(),
        clock: Arc::clone(&project.clock),
        folders: [
            ("lake", project.config.lake.dir.clone()),
            ("archive", project.config.archive.clone()),
        ],
        longest_step: longest_step(&project.config),
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(subject))
}

async fn answer(listener: TcpListener, page: Router) {
    if let Err(why) = axum::serve(listener, page).await {
        tracing::error!("the page for machines has ended: {why}");
    }
}

/// 200 or 503, with the reasons as JSON.
fn verdict(fine: bool, body: &Value) -> Response {
    let status = if fine {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let head = [(header::CONTENT_TYPE, "application/json")];
    (status, head, format!("{body}\n")).into_response()
}

async fn healthz(Of(subject): Of<Arc<Subject>>) -> Response {
    let standing = subject.life.standing(subject.longest_step);
    let last = subject.life.last_look().map(|at| at.to_string());
    let alive = standing.is_empty();
    let said = json!({"alive": alive, "standing": words(&standing), "last_look": last});
    verdict(alive, &said)
}

fn words(parts: &[Part]) -> Vec<&'static str> {
    parts.iter().map(|part| part.word()).collect()
}

async fn readyz(Of(subject): Of<Arc<Subject>>) -> Response {
    let mut not = Vec::new();
    if subject.life.stopping() {
        not.push("it is stopping".to_owned());
    }
    if !answers(&subject.ledger).await {
        not.push("the ledger does not answer".to_owned());
    }
    for (name, folder) in &subject.folders {
        if !folder.is_dir() {
            not.push(format!("the {name} folder is not seen"));
        }
    }
    verdict(
        not.is_empty(),
        &json!({"ready": not.is_empty(), "not": not}),
    )
}

async fn answers(ledger: &Ledger) -> bool {
    let answer = tokio::time::timeout(ANSWER, ledger.ping()).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

async fn metrics(Of(subject): Of<Arc<Subject>>) -> Response {
    let now = subject.clock.now();
    let figures = tokio::time::timeout(ANSWER, subject.ledger.figures(now)).await;
    let figures = match figures {
        Ok(Ok(figures)) => Some(figures),
        Ok(Err(why)) => {
            tracing::warn!("the ledger has no figures: {why}");
            None
        }
        Err(_) => None,
    };
    let samples = figures::samples(&subject.life, figures.as_ref(), now);
    let text = subject.life.meter().exposition(&samples);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
