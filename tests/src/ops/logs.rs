//! Logs: one line per event, with the ids that lead to the ledger, and no whole address of a recipient.

use super::{rewrite, shop};
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("ops::json_logs_name_run_delivery_audience_and_source", json),
        trial("ops::plain_logs_are_one_line_per_event", plain),
        trial(
            "ops::a_wrong_log_setting_is_refused_with_a_sentence",
            refused,
        ),
    ]
}

/// What two looks say in their log, at 06:30 and at 08:00.
fn log(project: &Project, env: &[(&str, &str)]) -> String {
    let mut said = String::new();
    for time in ["06:30", "08:00"] {
        let out = project
            .command(&["serve", "--once"])
            .env("CHENBAO_NOW", format!("2026-11-22T{time}:00+08:00"))
            .envs(env.iter().copied())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        said.push_str(&String::from_utf8_lossy(&out.stderr));
    }
    said
}

fn json() -> Result<(), Failed> {
    let project = shop();
    rewrite(
        &project,
        "[shop.main]",
        "[log]\nformat = \"json\"\n\n[shop.main]",
    );
    let said = log(&project, &[]);
    let events: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let find = |message: &str| {
        let mine = |event: &&Value| {
            event["message"]
                .as_str()
                .is_some_and(|said| said.contains(message))
        };
        events
            .iter()
            .find(mine)
            .unwrap_or_else(|| panic!("no `{message}`:\n{said}"))
    };
    let history = project.run(&["history", "--json"]).exits(0).json();
    let run = &history[0]["run"];
    for (message, keys) in [
        ("begins", vec!["run", "report", "period"]),
        ("collected", vec!["run", "report", "period", "source"]),
        ("ended", vec!["run", "report", "period", "state", "queued"]),
        (
            "written",
            vec![
                "run",
                "report",
                "period",
                "delivery",
                "audience",
                "channel",
                "recipient",
            ],
        ),
    ] {
        let event = find(message);
        for key in ["time", "level"].into_iter().chain(keys) {
            assert!(!event[key].is_null(), "`{key}` in {event}");
        }
        assert_eq!(&event["run"], run, "{event}");
    }
    assert_eq!(find("collected")["source"], "orders");
    assert_eq!(find("written")["recipient"], "b***@example.com");
    assert!(!said.contains("boss@"), "{said}");
    Ok(())
}

fn plain() -> Result<(), Failed> {
    let broken = shop().file(
        "exports/orders/1795276801_订单导出.csv",
        "\u{feff}甲,乙\n1,2\n",
    );
    let said = log(&broken, &[("NO_COLOR", "")]);
    let levels = ["ERROR", "WARN", "INFO"];
    for line in said.lines() {
        let level = line.split_whitespace().nth(1).unwrap_or_default();
        assert!(
            levels.contains(&level),
            "no event begins so: {line}\n{said}"
        );
        assert!(!line.contains('\u{1b}'), "no colours in a file: {line}");
    }
    let told = said.lines().find(|line| line.contains("not collected"));
    let told = told.unwrap_or_else(|| panic!("{said}"));
    assert!(
        told.contains("source=orders") && told.contains("hint: "),
        "{told}"
    );
    assert!(!said.contains("owner@"), "{said}");
    let debugged = log(&shop(), &[("CHENBAO_LOG", "info,chenbao=debug")]);
    assert!(debugged.contains("boss@example.com"), "{debugged}");
    Ok(())
}

fn refused() -> Result<(), Failed> {
    for (name, value, words) in [
        ("CHENBAO_LOG_FORMAT", "xml", "write plain or json"),
        ("CHENBAO_LOG", "info,=,", "CHENBAO_LOG is no filter"),
    ] {
        let project = shop().env(name, value);
        let _ = project.run(&["plan"]).exits(2).says(&[words]);
    }
    Ok(())
}
