//! A mapping that was wrong and was mended: the lake is mapped again, and the report corrected.

use crate::demo::Demo;
use crate::project::Project;
use crate::published::bare;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::sync::Arc;

/// All of them.
#[must_use]
pub fn trials(demo: &Demo) -> Vec<Trial> {
    let demo = Arc::clone(demo);
    vec![
        trial(
            "remap::every_source_of_the_demo_maps_to_what_it_was",
            move || unchanged(&demo),
        ),
        trial(
            "remap::a_mended_mapping_corrects_what_was_collected_and_the_report",
            mended,
        ),
        trial("remap::the_same_mapping_makes_no_revision", same),
        trial("remap::without_raw_tables_it_says_so", no_raw),
    ]
}

/// Forgets that a line has more than one piece.
const WRONG: &str = r#"
title = "收银台"
raw = "rows"
[columns."单号"]
as = "order_id"
required = true
[columns."时间"]
as = "paid"
required = true
[columns."单价"]
as = "price"
required = true
[columns."件数"]
as = "pieces"
required = true
[tables.orders]
select = """
select blank(order_id) as order_id, '1' as line_id, cast(at(paid) as date) as day, at(paid) as ordered_at, at(paid) as paid_at,
       money(price) as pay_amount, cast(num(pieces) as bigint) as qty, '已完成' as status
from raw
"""
"#;

/// Two days of a till, whose export of the second day came twice, and a second shop that nothing happens to.
fn shop() -> Project {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let config = project.read("chenbao.toml").replacen(
        "mapping = \"doudian-orders\"",
        "mapping = \"mappings/till.toml\"",
        1,
    );
    project.write("chenbao.toml", config);
    project.write("mappings/till.toml", WRONG);
    let other = [crate::orders::line(7, "2026-11-21 10:00:00", "7.00")];
    project.write(
        "exports/other/1795276800_订单.csv",
        crate::orders::export(&other),
    );
    let head = "单号,时间,单价,件数\n";
    let rows = "A1,2026-11-20 10:00:00,10.00,1\nA2,2026-11-21 10:00:00,10.00,3\n";
    project.write(
        "exports/orders/1795276800_till.csv",
        format!("{head}{rows}"),
    );
    let _ = project.run(&["collect"]).exits(0);
    let again = "A2,2026-11-21 10:00:00,12.00,3\nA3,2026-11-21 11:00:00,5.00,2\n";
    project.write(
        "exports/orders/1795280400_till.csv",
        format!("{head}{again}"),
    );
    let _ = project.run(&["collect"]).exits(0);
    project
}

fn mend(project: &Project) {
    let text = WRONG.replace(
        "money(price) as",
        "cast(money(price) * num(pieces) as decimal(18, 4)) as",
    );
    project.write("mappings/till.toml", text);
}

/// Paid amounts by shop and day.
fn paid(project: &Project) -> Value {
    let sql = "select shop_id, day, sum(pay_amount) as paid from orders group by shop_id, day order by shop_id, day";
    let rows = project.run(&["sql", "--json", sql]).exits(0).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| bare(row["paid"].as_str().unwrap()))
        .collect()
}

/// Names of the files that hold tables.
fn tables(project: &Project) -> Vec<String> {
    project.files("lake/tables")
}

fn mended() -> Result<(), Failed> {
    let project = shop();
    assert_eq!(paid(&project), json!(["10", "17", "7"]));
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    mend(&project);
    let before = tables(&project);

    let would = project
        .run(&["remap", "--dry-run", "--json"])
        .exits(0)
        .json();
    let changes =
        json!([{"table": "orders", "day": "2026-11-21", "before": 2, "after": 2, "differ": 2}]);
    assert_eq!(would[0]["changes"], changes, "{would}");
    assert_eq!(
        would[1]["changes"],
        json!([]),
        "the other shop's source: {would}"
    );
    assert_eq!(tables(&project), before, "a dry run writes nothing");
    assert_eq!(paid(&project), json!(["10", "17", "7"]));

    let done = project.run(&["remap", "orders"]).exits(0);
    let _ = done.says(&["orders", "2026-11-21", "1 day changed"]);
    assert_eq!(paid(&project), json!(["10", "46", "7"]));
    let after = tables(&project);
    assert_eq!(
        after.len(),
        before.len() + 1,
        "one day has one more revision"
    );
    assert!(
        before.iter().all(|file| after.contains(file)),
        "old revisions stay for replays"
    );

    let _ = project
        .run(&["rerun", "daily", "--period", "2026-11-21"])
        .exits(0);
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    assert!(page.contains("46"), "{page}");
    assert!(
        page.contains("17"),
        "the correction names what it was: {page}"
    );
    let mails = project.files("outbox");
    assert_eq!(mails.len(), 2, "the report and its correction: {mails:?}");
    Ok(())
}

fn same() -> Result<(), Failed> {
    let project = shop();
    let before = tables(&project);
    let _ = project.run(&["remap"]).exits(0).says(&["nothing changed"]);
    assert_eq!(tables(&project), before);
    mend(&project);
    let _ = project.run(&["remap"]).exits(0).says(&["1 day changed"]);
    let _ = project.run(&["remap"]).exits(0).says(&["nothing changed"]);
    Ok(())
}

/// Files of five presets, a database with two mappings and several collections, exports that overlap.
fn unchanged(demo: &Project) -> Result<(), Failed> {
    let sources = demo.run(&["remap", "--dry-run", "--json"]).exits(0).json();
    for source in sources.as_array().unwrap() {
        assert!(source["rows"].as_u64().unwrap() > 0, "{source}");
        assert_eq!(
            (&source["changes"], &source["warnings"]),
            (&json!([]), &json!([])),
            "{source}"
        );
    }
    assert_eq!(sources.as_array().unwrap().len(), 12);
    Ok(())
}

fn no_raw() -> Result<(), Failed> {
    let project = shop();
    std::fs::remove_dir_all(project.path().join("lake/raw/orders"))?;
    mend(&project);
    let _ = project
        .run(&["remap", "orders"])
        .exits(1)
        .says(&["no raw tables", "hint:"]);
    assert_eq!(paid(&project), json!(["10", "17", "7"]));
    let _ = project
        .run(&["remap", "order"])
        .exits(2)
        .says(&["there is no source `order`"]);
    Ok(())
}
