//! Logs: one subscriber, set once by the edge; plain lines to stderr, so that results on stdout stay clean.

use tracing_subscriber::EnvFilter;

/// Starts logging. `CHENBAO_LOG` (for example `info,sqlx=warn`) wins over `default`.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("CHENBAO_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
    if started.is_err() {
        tracing::debug!("a subscriber is already set");
    }
}
