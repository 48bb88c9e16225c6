//! Packed months: the same rows from fewer files, and never rows of another state of the lake.

use super::{Desk, ORDERS, export, id, newest};
use chenbao_model::catalogue::Revision;
use std::path::Path;

const HEAD: &[&str] = &["主订单编号", "下单时间", "金额(元)", "状态"];
const PAID: &str =
    "select day, count(*) as n, sum(pay_amount) as paid from orders group by day order by day";
const BEFORE: &str =
    "2026-07-30|1|1.0000\n2026-07-31|2|5.0000\n2026-08-01|1|8.0000\n2026-09-02|1|16.0000\n";

/// Orders of three months.
async fn orders(desk: &Desk) -> Vec<Revision> {
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-07-30 10:00", "1", ""]),
        (1, &["A2", "2026-07-31 10:00", "2", ""]),
        (1, &["A3", "2026-07-31 10:00", "3", ""]),
        (1, &["A4", "2026-08-01 10:00", "8", ""]),
        (1, &["A5", "2026-09-02 10:00", "16", ""]),
    ];
    let facts = [export(1, "2026-11-22T01:00:00Z")];
    let made = desk.ingest((ORDERS, "shop", "files"), (HEAD, rows), &facts, &[]);
    made.await.unwrap().value
}

async fn shown(desk: &Desk, revisions: &[Revision]) -> String {
    desk.sql(PAID, &["orders"], revisions, &["shop"])
        .await
        .unwrap()
}

fn compact(desk: &Desk, current: &[Revision], before: &str) -> Vec<(String, usize, u64)> {
    let made = desk
        .lake
        .compact(current, before.parse().unwrap(), &[])
        .unwrap();
    assert!(
        made.iter().all(|pack| pack.table == "orders"
            && pack.shop == id("shop")
            && pack.feed == id("files"))
    );
    made.iter()
        .map(|pack| (pack.month.to_string(), pack.days, pack.rows))
        .collect()
}

fn remove(lake: &Path, revisions: &[Revision], month: &str) {
    for revision in revisions {
        if revision
            .day
            .is_some_and(|day| day.to_string().starts_with(month))
        {
            std::fs::remove_file(lake.join(&revision.path)).unwrap();
        }
    }
}

#[tokio::test]
async fn whole_months_are_read_from_their_pack_and_nothing_differs() {
    let desk = Desk::new();
    let all = orders(&desk).await;
    assert_eq!(shown(&desk, &all).await, BEFORE);
    let july = vec![("2026-07-01".to_owned(), 2, 3)];
    assert_eq!(compact(&desk, &all, "2026-08-01"), july);
    assert_eq!(compact(&desk, &all, "2026-08-01"), [], "it is there");
    assert_eq!(
        compact(&desk, &all, "2026-11-01"),
        [],
        "a month of one file gains nothing"
    );
    assert_eq!(shown(&desk, &all).await, BEFORE);
    remove(desk.lake.dir(), &all, "2026-07");
    assert_eq!(shown(&desk, &all).await, BEFORE, "the pack was read");
}

#[tokio::test]
async fn a_month_that_is_not_over_for_long_stays_in_days() {
    let desk = Desk::new();
    let all = orders(&desk).await;
    assert_eq!(compact(&desk, &all, "2026-07-31"), []);
}

#[tokio::test]
async fn a_corrected_day_and_an_older_snapshot_each_read_their_own_rows() {
    let desk = Desk::new();
    let old = orders(&desk).await;
    let _ = compact(&desk, &old, "2026-08-01");
    let rows: &[(i64, &[&str])] = &[(1, &["A2", "2026-07-31 10:00", "7", ""])];
    let facts = [export(1, "2026-11-23T01:00:00Z")];
    let made = desk.ingest((ORDERS, "shop", "files"), (HEAD, rows), &facts, &old);
    let mut all = old.clone();
    all.extend(made.await.unwrap().value);
    let after = BEFORE.replace("2|5.0000", "2|10.0000");
    assert_eq!(shown(&desk, &newest(&all)).await, after);
    assert_eq!(
        shown(&desk, &all).await,
        after,
        "two numbers of a day never count twice"
    );
    assert_eq!(shown(&desk, &old).await, BEFORE);
    assert_eq!(
        compact(&desk, &newest(&all), "2026-08-01").len(),
        1,
        "the month has changed"
    );
    assert_eq!(shown(&desk, &newest(&all)).await, after);
    assert_eq!(shown(&desk, &old).await, BEFORE);
}

#[tokio::test]
async fn a_day_file_that_lost_rows_is_not_packed() {
    let desk = Desk::new();
    let mut all = orders(&desk).await;
    all[0].rows += 1;
    let problems = desk
        .lake
        .compact(&all, "2026-08-01".parse().unwrap(), &[])
        .unwrap_err();
    assert!(problems.to_string().contains("rows, not 2"), "{problems}");
    assert_eq!(
        desk.lake
            .compact(&all, "2026-07-01".parse().unwrap(), &[])
            .unwrap(),
        []
    );
}
