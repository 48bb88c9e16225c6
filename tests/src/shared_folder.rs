//! An audience's own folder: every file of its report lies there once its time has come, whole, and trouble with it is told and mended.

use crate::orders::{export, line};
use crate::project::Project;
use crate::serving::Serving;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::time::Instant;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("shared_folder::it_gets_every_file_at_its_time", at_its_time),
        trial("shared_folder::a_living_server_looks_at_its_disks", disks),
        trial(
            "shared_folder::one_that_is_closed_is_told_and_filled_later",
            closed,
        ),
        trial(
            "shared_folder::a_file_that_the_archive_lost_is_made_again",
            lost,
        ),
    ]
}

/// Before the delivery.
const EARLY: &str = "2026-11-22T07:41:00+08:00";
/// At it.
const TIME: &str = "2026-11-22T08:00:00+08:00";

/// A shop whose boss looks into a folder, and gets no mail.
fn shop() -> Project {
    let project = Project::from_case("one-shop");
    let text = project.read("chenbao.toml").replace(
        "to = [\"boss@example.com\"]",
        "folder = \"shared/boss\"\nattach = [\"pdf\", \"xlsx\"]",
    );
    project.write("chenbao.toml", text);
    write_sales(&project, 1_795_276_800, "12.50");
    // The schedule counts from here.
    let _ = project
        .run_at("2026-11-22T06:30:00+08:00", &["serve", "--once"])
        .exits(0);
    project
}

fn write_sales(project: &Project, exported: u64, amount: &str) {
    let lines: Vec<_> = (1..=40)
        .map(|n| line(n, "2026-11-21 10:00:00", amount))
        .collect();
    project.write(
        &format!("exports/orders/{exported}_订单导出.csv"),
        export(&lines),
    );
}

fn states(project: &Project) -> Vec<(String, String)> {
    let history = project.run_at(TIME, &["history", "--json"]).exits(0).json();
    let run = history[0]["run"].as_str().unwrap().to_owned();
    let shown = project
        .run_at(TIME, &["show", &run, "--json"])
        .exits(0)
        .json();
    let deliveries = shown["sent"].as_array().unwrap();
    let of = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let files = deliveries.iter().filter(|one| one["channel"] == "files");
    files
        .map(|one| (of(one, "recipient"), of(one, "state")))
        .collect()
}

fn at_its_time() -> Result<(), Failed> {
    let project = shop();
    let _ = project.run_at(EARLY, &["serve", "--once"]).exits(0);
    assert_eq!(
        project.files("shared/boss"),
        Vec::<String>::new(),
        "not yet"
    );
    let _ = project.run_at(TIME, &["serve", "--once"]).exits(0);
    let names = project.files("shared/boss");
    let of = |ending: &str| format!("shared/boss/daily_2026-11-21_boss.{ending}");
    assert_eq!(
        names,
        ["html", "pdf", "txt", "xlsx"].map(of),
        "one of each kind"
    );
    let read = |name: &String| std::fs::read(project.path().join(name)).unwrap();
    assert!(read(&names[1]).starts_with(b"%PDF") && read(&names[3]).starts_with(b"PK"));
    let html = String::from_utf8(read(&names[0])).unwrap();
    assert!(
        html.contains("¥500") && !html.contains("cid:"),
        "it stands alone"
    );
    assert_eq!(states(&project).len(), 4);
    assert!(
        states(&project)
            .iter()
            .all(|(path, state)| state == "sent" && path.starts_with('/'))
    );
    let before: Vec<Vec<u8>> = names.iter().map(read).collect();

    // A correction lies beside it, under a name of its own.
    write_sales(&project, 1_795_363_200, "13.00");
    let later = "2026-11-22T10:00:00+08:00";
    let _ = project
        .run_at(later, &["rerun", "daily", "--period", "2026-11-21"])
        .exits(0);
    let _ = project.run_at(later, &["serve", "--once"]).exits(0);
    let names = project.files("shared/boss");
    assert!(
        names.contains(&"shared/boss/daily_2026-11-21_r1_boss.pdf".to_owned()),
        "{names:?}"
    );
    let after: Vec<Vec<u8>> = ["html", "pdf", "txt", "xlsx"]
        .map(of)
        .iter()
        .map(read)
        .collect();
    assert!(before == after, "what lies there is not touched");
    Ok(())
}

fn closed() -> Result<(), Failed> {
    let project = shop();
    // A file where the folder should be refuses everybody, root too.
    project.write("shared", "not a folder");
    let _ = project.run_at(TIME, &["serve", "--once"]).exits(0);
    let told = project
        .files("outbox")
        .into_iter()
        .find(|name| name.contains("owner@example.com"));
    let told = project.read(&told.ok_or("the owner hears nothing")?);
    assert!(told.contains("To: owner@example.com"), "{told}");
    // One was tried; the others of that folder wait without being tried.
    let waits: Vec<String> = states(&project)
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    assert_eq!(
        waits.iter().filter(|state| *state == "deferred").count(),
        1,
        "{waits:?}"
    );
    assert_eq!(
        waits.iter().filter(|state| *state == "queued").count(),
        3,
        "{waits:?}"
    );
    std::fs::remove_file(project.path().join("shared"))?;
    let _ = project
        .run_at("2026-11-22T08:31:00+08:00", &["serve", "--once"])
        .exits(0);
    assert_eq!(
        project.files("shared/boss").len(),
        4,
        "it goes on by itself"
    );
    assert!(states(&project).iter().all(|(_, state)| state == "sent"));
    Ok(())
}

fn lost() -> Result<(), Failed> {
    let project = shop();
    let _ = project.run_at(EARLY, &["serve", "--once"]).exits(0);
    for name in project.files("archive") {
        let path = project.path().join(&name);
        let bytes = std::fs::read(&path)?;
        if bytes.starts_with(b"%PDF") {
            std::fs::write(&path, &bytes[..bytes.len() / 2])?;
        }
    }
    let _ = project.run_at(TIME, &["serve", "--once"]).exits(0);
    let pdf = std::fs::read(project.path().join("shared/boss/daily_2026-11-21_boss.pdf"))?;
    assert!(
        pdf.ends_with(b"%%EOF") || pdf.ends_with(b"%%EOF\n"),
        "whole again"
    );
    Ok(())
}

/// Nobody asks it to: a disk that fills up is told by the process that serves.
fn disks() -> Result<(), Failed> {
    let project = shop();
    let text = project.read("chenbao.toml") + "[disk]\nwarn = \"900000 GB\"\n";
    project.write("chenbao.toml", text);
    let server = Serving::start(&project, "06:31:00");
    let told = || {
        let notices = project.run_at(TIME, &["notices", "--json"]).exits(0).json();
        let all = notices.as_array().cloned().unwrap_or_default();
        all.iter().any(|one| one["kind"] == "disk")
    };
    let began = Instant::now();
    while !told() {
        assert!(began.elapsed().as_secs() < 60, "nobody is told of the disk");
    }
    drop(server);
    Ok(())
}
