//! Logs: one subscriber, set once by the edge; one line per event to stderr, plain or JSON, so that results on stdout stay clean.

mod flat;
mod line;

use crate::config::meant::LogFormat;
use chenbao_model::Diagnostic;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;

/// Starts logging. `CHENBAO_LOG` (for example `info,sqlx=warn`) wins over `default`, `CHENBAO_LOG_FORMAT` over `format`. Only the
/// first call of a process counts.
///
/// # Errors
/// One of the two variables cannot be understood.
pub fn start(default: &str, format: LogFormat) -> Result<(), Diagnostic> {
    let filter = filter(default)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match chosen(format)? {
        LogFormat::Plain => logs
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(line::Stderr)
            .try_init(),
        LogFormat::Json => logs
            .fmt_fields(JsonFields::new())
            .event_format(flat::Flat)
            .with_writer(line::Stderr)
            .try_init(),
    };
    if started.is_err() {
        tracing::debug!("a subscriber is already set");
    }
    Ok(())
}

fn filter(default: &str) -> Result<EnvFilter, Diagnostic> {
    match std::env::var(LEVELS) {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text).map_err(|why| {
            Diagnostic::error(format!("{LEVELS} is no filter: {why}"))
                .hint("write error, warn, info, debug or trace, or info,sqlx=warn")
        }),
        _ => Ok(EnvFilter::new(default)),
    }
}

fn chosen(format: LogFormat) -> Result<LogFormat, Diagnostic> {
    match std::env::var(FORMAT).as_deref() {
        Ok("plain") => Ok(LogFormat::Plain),
        Ok("json") => Ok(LogFormat::Json),
        Ok("") | Err(_) => Ok(format),
        Ok(other) => Err(Diagnostic::error(format!(
            "{FORMAT} is `{other}`, which is no format of logs"
        ))
        .hint("write plain or json")),
    }
}

const LEVELS: &str = "CHENBAO_LOG";
const FORMAT: &str = "CHENBAO_LOG_FORMAT";
