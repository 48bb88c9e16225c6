//! How the process runs that serves: its logs, its page for machines, and how long it may take to end.

use super::meant::Config;
use super::values::{duration, word};
use super::written::{Read, Table, Value};
use chenbao_model::Diagnostic;
use std::net::SocketAddr;
use std::time::Duration;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object per line.
    Json,
}

/// `[serve]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// Where `/healthz`, `/readyz` and `/metrics` answer; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// How long the process may take to end once it was asked to.
    pub drain: Duration,
    /// So many issues are collected and made at once, those first that are due first.
    pub concurrency: usize,
}

impl Config {
    /// What a process that serves takes from its configuration once, when it starts, and what another one says otherwise.
    #[must_use]
    pub fn fixed_at_start(&self, began: &Self) -> Vec<Diagnostic> {
        let fixed = [
            ("[ledger] url", self.ledger == began.ledger),
            ("[lake] dir", self.lake.dir == began.lake.dir),
            ("[archive] dir", self.archive == began.archive),
            ("[serve] listen", self.serve.listen == began.serve.listen),
            ("[serve] drain", self.serve.drain == began.serve.drain),
            ("[log] format", self.log == began.log),
        ];
        let changed = fixed.iter().filter(|(_, same)| !same);
        let told = changed.map(|(what, _)| {
            Diagnostic::error(format!("{what} cannot change while chenbao serves"))
                .in_file(&self.file)
                .hint("stop `chenbao serve` and start it again: nothing is lost meanwhile")
        });
        told.collect()
    }
}

/// Issues made at once, where the configuration does not say.
const CONCURRENCY: usize = 4;

/// `[log]` and `[serve]`.
pub(super) fn all(root: &Table<'_>) -> (LogFormat, Serve) {
    (log(root.section("log")), serve(root.section("serve")))
}

fn log(table: Table<'_>) -> LogFormat {
    let formats = [("plain", LogFormat::Plain), ("json", LogFormat::Json)];
    let format = table.read("format", |v| word(v, &formats));
    table.end();
    format.unwrap_or(LogFormat::Plain)
}

fn serve(table: Table<'_>) -> Serve {
    let listen = table.read("listen", address);
    let public = table.read("public", |v| v.boolean()).unwrap_or(false);
    let drain = table
        .read("drain", duration)
        .unwrap_or(Duration::from_secs(60));
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback() && !public) {
        let problem = Diagnostic::error(format!("other machines could read `{address}`"));
        table.problem(problem.hint(
            "write listen = \"127.0.0.1:9464\"; or, in a network that you trust, public = true beside it",
        ));
    }
    let concurrency = table.read("concurrency", |v| {
        let count = usize::try_from(v.integer()?)
            .ok()
            .filter(|count| *count > 0);
        count.ok_or_else(|| {
            Diagnostic::error("`serve.concurrency` is at least 1")
                .hint("write concurrency = 4: so many issues are made at once")
        })
    });
    table.end();
    Serve {
        listen,
        drain,
        concurrency: concurrency.unwrap_or(CONCURRENCY),
    }
}

fn address(value: &Value<'_>) -> Read<SocketAddr> {
    let text = value.text()?;
    text.parse().map_err(|_| {
        Diagnostic::error(format!("`{text}` is not an address with a port"))
            .hint("write 127.0.0.1:9464 or [::1]:9464")
    })
}
