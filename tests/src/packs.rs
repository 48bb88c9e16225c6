//! Old months as one file: the same answers, and the same replays, from fewer files.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::json;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![trial(
        "packs::old_months_become_one_file_and_nothing_differs",
        compacted,
    )]
}

const PAID: &str =
    "select day, count(*) as n, sum(pay_amount) as paid from orders group by day order by day";

fn compacted() -> Result<(), Failed> {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let days = [
        "2026-07-30",
        "2026-07-31",
        "2026-08-01",
        "2026-11-20",
        "2026-11-21",
    ];
    let lines: Vec<_> = days
        .iter()
        .zip(1..)
        .map(|(day, order)| line(order, &format!("{day} 10:00:00"), &format!("{order}.50")))
        .collect();
    project.write("exports/orders/1795276800_订单.csv", export(&lines));
    let _ = project.run(&["collect"]).exits(0);
    let made = project.run(&["run", "daily", "--json"]).exits(0).json();
    let before = project.run(&["sql", "--json", PAID]).exits(0).json();
    let files = project.files("lake/tables");

    let packed = project.run(&["lake", "compact", "--json"]).exits(0).json();
    let july = json!([{"table": "orders", "shop": "main", "feed": "orders", "month": "2026-07", "days": 2, "rows": 2}]);
    assert_eq!(packed, july);
    let _ = project
        .run(&["lake", "compact"])
        .exits(0)
        .says(&["nothing to pack"]);
    assert_eq!(
        project.files("lake/tables"),
        files,
        "day files stay for replays"
    );
    assert_eq!(project.files("lake/packs").len(), 1);
    assert_eq!(
        project.run(&["sql", "--json", PAID]).exits(0).json(),
        before
    );
    let run = made["run"].as_str().unwrap();
    let _ = project
        .run(&["replay", run])
        .exits(0)
        .says(&["all the same"]);

    // The pack is what is read: without its day files the answer is the same.
    for file in files.iter().filter(|file| file.contains("/2026-07-")) {
        std::fs::remove_file(project.path().join(file))?;
    }
    assert_eq!(
        project.run(&["sql", "--json", PAID]).exits(0).json(),
        before
    );

    let config = project.read("chenbao.toml") + "\n[lake]\ncompact_after = 500\n";
    project.write("chenbao.toml", config);
    let _ = project
        .run(&["lake", "compact"])
        .exits(2)
        .says(&["500 is no number of months", "0 to 120"]);
    Ok(())
}
