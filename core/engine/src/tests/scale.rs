//! Ten million order lines in bounded memory. Minutes long, so it is asked for by name:
//! `cargo test -p chenbao-engine -- --ignored scale --nocapture`.

use super::{Desk, ORDERS, batch, export, id, texts};
use crate::{Ingest, Mapping};
use std::time::Instant;

/// The most memory that this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes long"]
async fn scale_ten_million_lines_stay_in_bounded_memory() {
    let lines =
        std::env::var("CHENBAO_TEST_LINES").map_or(10_000_000, |lines| lines.parse().unwrap());
    let desk = Desk::new();
    let mapping = Mapping::from_toml("orders", ORDERS).unwrap();
    let begun = Instant::now();
    let mut writer = desk.lake.raw_writer(&mapping, &id("files"), b"salt");
    let first: jiff::civil::Date = "2025-01-01".parse().unwrap();
    for chunk in 0..lines / 10_000 {
        // Scattered keys over 400 days, as shuffled as an export can be.
        let texts: Vec<[String; 4]> = (0..10_000_u64)
            .map(|i| {
                let n = (chunk * 10_000 + i) * 7_919 % lines;
                let day = first
                    .checked_add(jiff::ToSpan::days(i64::try_from(n % 400).unwrap()))
                    .unwrap();
                [
                    format!("69179267{n:011}"),
                    format!("{day} 10:00:00"),
                    format!("{}.50", n % 500),
                    "已完成".to_owned(),
                ]
            })
            .collect();
        let cells: Vec<[&str; 4]> = texts
            .iter()
            .map(|row| row.each_ref().map(String::as_str))
            .collect();
        let rows: Vec<(i64, &[&str])> = cells.iter().map(|row| (1, row.as_slice())).collect();
        writer
            .write(&batch(
                &["主订单编号", "下单时间", "金额(元)", "状态"],
                &rows,
            ))
            .unwrap();
    }
    let raw = [writer.finish().unwrap().unwrap()];
    println!("raw {:?}, peak {} MiB", begun.elapsed(), peak());
    let job = Ingest {
        lake: &desk.lake,
        mapping: &mapping,
        raw: &raw,
        facts: &[export(1, "2026-11-22T01:00:00Z")],
        shop: &id("flagship"),
        platform: "douyin",
        zone: &desk.zone,
        feed: &id("orders"),
        current: &[],
        custom: &[],
    };
    let done = desk.engine.ingest(&job).await.unwrap();
    println!("ingested {:?}, peak {} MiB", begun.elapsed(), peak());
    assert_eq!(texts(&done.warnings), "");
    assert_eq!(done.value.len(), 400);
    // `count(distinct)` beside other aggregates keeps every value in memory; a group spills.
    let sql = "select count(*), sum(n) from (select order_id, count(*) as n from orders group by order_id) as lines";
    let got = desk
        .sql(sql, &["orders"], &done.value, &["flagship"])
        .await
        .unwrap();
    assert_eq!(got, format!("{lines}|{lines}\n"));
    println!("queried {:?}, peak {} MiB", begun.elapsed(), peak());
    assert!(peak() < 1_500, "{} MiB", peak());
}
