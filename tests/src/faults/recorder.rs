//! A mail server process that records every recipient and message that it was given.

use serde_json::Value;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The server; it ends with its owner.
#[derive(Debug)]
pub struct Recorder {
    child: Child,
    folder: tempfile::TempDir,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrived {
    /// Recipient.
    pub to: String,
    /// Message-ID.
    pub id: String,
    /// Subject.
    pub subject: String,
}

impl Recorder {
    /// Starts one that waits so long before each answer.
    ///
    /// # Errors
    /// It does not start within a minute.
    pub fn start(delay: Duration) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let script = crate::house_rules::root().join("tests/servers/recorder.py");
        let child = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .arg(delay.as_secs_f64().to_string())
            .spawn()
            .map_err(|e| format!("python3 does not start: {e}"))?;
        let server = Self { child, folder };
        let began = Instant::now();
        while !server.folder.path().join("port").exists() {
            if began.elapsed() > Duration::from_secs(60) {
                return Err("the recording mail server did not start".into());
            }
            std::thread::yield_now();
        }
        Ok(server)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("port")).unwrap_or_default()
    }

    /// All messages that arrived so far, in order.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines
            .filter(|line| line["event"] == "message")
            .map(|line| Arrived {
                to: text(&line["to"]),
                id: text(&line["id"]),
                subject: text(&line["subject"]),
            })
            .collect()
    }

    /// How often a recipient was named, whether or not a message followed.
    #[must_use]
    pub fn named(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.matches("\"event\": \"rcpt\"").count()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
