//! 部分 reports that are completed when their data comes, also when a process died over it.

use crate::orders::{export, line};
use crate::serving::{EXPORT, did, history, look, mails, orders, shop};
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::process::Command;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("completing::a_partial_report_is_completed_once", completed),
        trial_with(
            "completing::a_revision_whose_process_died_still_waits_for_its_data",
            &["python3"],
            died_completing,
        ),
    ]
}

/// An export of the evening before: a part of yesterday.
fn half_a_day() -> String {
    let lines: Vec<_> = (0..12)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    export(&lines)
}

fn completed() -> Result<(), Failed> {
    let project = shop().file("exports/orders/1795262400_订单导出.csv", half_a_day());
    let quiet = "\n[report.daily.audience.quiet]\nrole = \"management\"\nshops = [\"main\"]\nto = [\"quiet@example.com\"]\nrevisions = false\n";
    project.write("chenbao.toml", project.read("chenbao.toml") + quiet);
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "06:40:00"), did(0, 1, 0, 0));
    assert_eq!(
        look(&project, "07:40:00"),
        did(1, 0, 0, 1),
        "部分, and the owner hears"
    );
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 2));
    assert_eq!(
        look(&project, "08:10:00"),
        did(0, 0, 0, 0),
        "still not there"
    );
    project.write(EXPORT, orders());
    assert_eq!(
        look(&project, "08:20:00"),
        did(1, 0, 0, 1),
        "completed, for who wants it"
    );
    assert_eq!(look(&project, "08:40:00"), did(0, 0, 0, 0), "once");
    assert_eq!(
        (
            mails(&project, "boss@").len(),
            mails(&project, "quiet@").len()
        ),
        (2, 1)
    );
    let runs = history(&project);
    assert_eq!(
        (&runs[0]["revision"], &runs[0]["state"]),
        (&Value::from(1), &Value::from("done"))
    );
    let run = runs[0]["run"].as_str().unwrap_or_default();
    let shown = project.run(&["show", run, "--json"]).exits(0).json();
    assert_eq!(shown["sent"].as_array().map(Vec::len), Some(1));
    Ok(())
}

/// What a process leaves in the ledger that dies right after it took a report again to complete it.
fn died_completing() -> Result<(), Failed> {
    let project = shop().file("exports/orders/1795262400_订单导出.csv", half_a_day());
    for time in ["06:30:00", "06:40:00", "07:40:00", "08:00:00"] {
        look(&project, time);
    }
    assert_eq!(mails(&project, "boss@").len(), 1, "部分");
    let die = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(\"UPDATE occurrences SET \
               state = 'claimed', revision = 1, holder = 'dead', lease_ms = 0\"); db.commit(); print(db.total_changes)";
    let ledger = project.path().join("ledger.sqlite");
    let died = Command::new("python3")
        .args(["-c", die])
        .arg(ledger)
        .output()?;
    assert_eq!(died.stdout, b"1\n");
    assert_eq!(
        look(&project, "08:10:00"),
        did(0, 0, 0, 0),
        "taken over, and still not whole"
    );
    project.write(EXPORT, orders());
    assert_eq!(look(&project, "08:20:00"), did(1, 0, 0, 1), "completed");
    assert_eq!(look(&project, "08:40:00"), did(0, 0, 0, 0), "once");
    let runs = history(&project);
    assert_eq!(
        (&runs[0]["revision"], &runs[0]["state"]),
        (&Value::from(1), &Value::from("done"))
    );
    assert_eq!(mails(&project, "boss@").len(), 2);
    Ok(())
}
