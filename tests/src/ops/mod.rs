//! Run by people who did not write it: secrets, logs, the page for machines, systemd, an end in time, and packages.

mod drain;
mod foresee;
mod logs;
mod packages;
mod page;
mod secrets;
mod systemd;

use crate::project::Project;
use libtest_mimic::Trial;
use std::fs::File;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let mut all = drain::trials();
    all.extend(foresee::trials());
    all.extend(logs::trials());
    all.extend(packages::trials());
    all.extend(page::trials());
    all.extend(secrets::trials());
    all.extend(systemd::trials());
    all
}

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is there.
fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A `chenbao serve` whose words end up in a file; killed with the test.
struct Serving {
    child: Child,
    log: tempfile::TempPath,
}

impl Serving {
    /// Starts one at a time of 2026-11-22.
    fn start(project: &Project, time: &str, env: &[(&str, &str)]) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let file = File::create(&log).unwrap();
        let child = project
            .command(&["serve"])
            .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
            .envs(env.iter().copied())
            .stdout(Stdio::from(file.try_clone().unwrap()))
            .stderr(Stdio::from(file))
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// What it has said so far.
    fn said(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Waits until it says so.
    fn says(&mut self, words: &str) {
        let began = Instant::now();
        while !self.said().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "it does not say `{words}` ({ended:?}):\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// Waits for its end.
    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The shop with its orders of the four days before 2026-11-22.
fn shop() -> Project {
    use crate::orders::{export, line};
    let lines: Vec<_> = (0..24)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    Project::from_case("one-shop").file("exports/orders/1795276800_订单导出.csv", export(&lines))
}

/// Changes the configuration.
fn rewrite(project: &Project, from: &str, to: &str) {
    let text = project.read("chenbao.toml");
    assert!(text.contains(from), "{from}");
    project.write("chenbao.toml", text.replace(from, to));
}
