//! systemd: the units are right, and the protocol is kept, against a socket of the test.

use super::{Serving, shop};
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with(
            "ops::systemd_finds_no_fault_in_the_units",
            &["systemd-analyze"],
            units,
        ),
        trial("ops::systemd_hears_ready_turning_and_stopping", protocol),
        trial("ops::systemd_hears_nothing_from_commands", silent),
    ]
}

/// Each unit as shipped, but for the place of the program.
fn units() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let program = crate::project::bin_dir().join("chenbao");
    let packaging = crate::house_rules::root().join("packaging");
    let mut units = Vec::new();
    for entry in std::fs::read_dir(&packaging)?.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ext| ext != "service") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        assert!(text.contains("/usr/bin/chenbao "), "{}", path.display());
        let text = text.replace("/usr/bin/chenbao", &program.display().to_string());
        let copy = folder.path().join(path.file_name().unwrap_or_default());
        std::fs::write(&copy, text)?;
        units.push(copy);
    }
    assert_eq!(units.len(), 2, "{units:?}");
    let out = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&units)
        .output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    // What it says of other units of this machine is not ours.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("chenbao"))
        .collect();
    assert!(out.status.success() && ours.is_empty(), "{said}");
    Ok(())
}

fn listen(folder: &std::path::Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(folder.join("notify")).unwrap();
    socket.set_read_timeout(Some(super::PATIENCE)).unwrap();
    socket
}

/// Receives until a message has this line; everything that was heard.
fn heard(socket: &UnixDatagram, line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let size = socket
            .recv(&mut buffer)
            .unwrap_or_else(|e| panic!("no `{line}`: {e}, but {all:?}"));
        let message = String::from_utf8_lossy(&buffer[..size]).into_owned();
        let found = message.lines().any(|one| one.starts_with(line));
        all.push(message);
        if found {
            return all;
        }
    }
}

fn protocol() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let socket = listen(folder.path());
    let project = shop();
    let path = folder.path().join("notify").display().to_string();
    let env = [
        ("NOTIFY_SOCKET", path.as_str()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let mut serving = Serving::start(&project, "06:30:00", &env);
    let first = heard(&socket, "READY=1");
    assert!(
        project.path().join("ledger.sqlite").exists() && project.path().join("archive").is_dir(),
        "ready means that ledger and folders are open"
    );
    assert!(
        first.iter().all(|message| !message.contains("STOPPING")),
        "{first:?}"
    );
    let waiting = heard(&socket, "STATUS=waits for 2026-11-22 06:40:00 +08:00");
    let turns = |messages: &[String]| {
        let turn = |message: &&String| message.contains("WATCHDOG=1");
        messages.iter().filter(turn).count()
    };
    let mut seen = turns(&first) + turns(&waiting);
    while seen < 3 {
        seen += turns(&heard(&socket, "WATCHDOG=1"));
    }
    serving.signal("HUP");
    let reloading = heard(&socket, "RELOADING=1");
    assert!(
        reloading
            .last()
            .is_some_and(|message| message.contains("\nMONOTONIC_USEC=")),
        "{reloading:?}"
    );
    heard(&socket, "READY=1");
    serving.signal("TERM");
    heard(&socket, "STOPPING=1");
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.said());
    Ok(())
}

/// A report by hand is no service, and a plugin's process even less.
fn silent() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let socket = listen(folder.path());
    socket.set_read_timeout(Some(Duration::from_millis(1)))?;
    let project = shop()
        .env(
            "NOTIFY_SOCKET",
            &folder.path().join("notify").display().to_string(),
        )
        .env("CHENBAO_NOW", "2026-11-22T07:50:00+08:00");
    let _ = project.run(&["run", "daily"]).exits(0);
    let mut buffer = [0; 64];
    assert!(socket.recv(&mut buffer).is_err(), "{buffer:?}");
    Ok(())
}
