//! How exports merge: by key in both orders of arrival, by day, whole; and that the same rows are the same bytes.

use super::{Desk, Given, ORDERS, PRODUCTS, TRAFFIC, export, newest, texts};
use crate::{Lake, rebuild_catalogue};
use chenbao_model::catalogue::Revision;

const HEADERS: &[&str] = &["主订单编号", "下单时间", "金额(元)", "状态"];
const SHOP: (&str, &str, &str) = (ORDERS, "flagship", "orders");
const OLDER: &[(i64, &[&str])] = &[
    (1, &["A1", "2026-11-21 10:00:00", "10.00", "待支付"]),
    (1, &["A2", "2026-11-21 11:00:00", "20.00", "已完成"]),
];
const NEWER: &[(i64, &[&str])] = &[
    (2, &["A1", "2026-11-21 10:00:00", "10.00", "已完成"]),
    (2, &["A3", "2026-11-21 12:00:00", "30.00", "已完成"]),
];
const MORNING: &str = "2026-11-21T05:00:00Z";
const EVENING: &str = "2026-11-21T15:00:00Z";

async fn arrive(desk: &Desk, order: &[(Given<'_>, &str)]) -> Vec<Revision> {
    let mut all: Vec<Revision> = Vec::new();
    for (rows, made) in order {
        let facts = [export(rows[0].0, made)];
        all.extend(
            desk.ingest(SHOP, (HEADERS, rows), &facts, &newest(&all))
                .await
                .unwrap()
                .value,
        );
    }
    all
}

const STATES: &str = "select order_id, status, _exported_at from orders order by order_id";
const MERGED: &str =
    "A1|已完成|2026-11-21T23:00:00\nA2|已完成|2026-11-21T13:00:00\nA3|已完成|2026-11-21T23:00:00\n";

#[tokio::test]
async fn by_key_the_newer_export_wins_in_either_order_and_no_row_vanishes() {
    for order in [
        [(OLDER, MORNING), (NEWER, EVENING)],
        [(NEWER, EVENING), (OLDER, MORNING)],
    ] {
        let desk = Desk::new();
        let all = arrive(&desk, &order).await;
        assert_eq!(
            all.iter()
                .map(|one| (one.number, one.rows))
                .collect::<Vec<_>>(),
            [(1, 2), (2, 3)]
        );
        assert_eq!(all[1].base.as_ref(), Some(&all[0].digest));
        assert_eq!(all[1].exported_at, EVENING.parse().unwrap());
        assert_eq!(
            desk.sql(STATES, &["orders"], &newest(&all), &["flagship"])
                .await
                .unwrap(),
            MERGED
        );
    }
}

#[tokio::test]
async fn a_re_export_of_the_same_rows_makes_no_revision() {
    let desk = Desk::new();
    let all = arrive(&desk, &[(OLDER, MORNING), (OLDER, EVENING)]).await;
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn both_exports_in_one_collection_merge_as_if_they_came_one_by_one() {
    let desk = Desk::new();
    let rows: Vec<_> = OLDER.iter().chain(NEWER).copied().collect();
    let facts = [export(1, MORNING), export(2, EVENING)];
    let all = desk
        .ingest(SHOP, (HEADERS, &rows), &facts, &[])
        .await
        .unwrap();
    assert_eq!(texts(&all.warnings), "");
    assert_eq!(
        desk.sql(STATES, &["orders"], &all.value, &["flagship"])
            .await
            .unwrap(),
        MERGED
    );
}

#[tokio::test]
async fn the_last_of_a_key_in_one_export_counts_and_is_told() {
    let desk = Desk::new();
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-21 10:00:00", "10.00", "待支付"]),
        (1, &["A1", "2026-11-21 10:00:00", "10.00", "已关闭"]),
    ];
    let done = desk
        .ingest(SHOP, (HEADERS, rows), &[export(1, MORNING)], &[])
        .await
        .unwrap();
    assert!(
        texts(&done.warnings).contains("1 row with a key that comes again"),
        "{}",
        texts(&done.warnings)
    );
    let got = desk
        .sql(
            "select status from orders",
            &["orders"],
            &done.value,
            &["flagship"],
        )
        .await
        .unwrap();
    assert_eq!(got, "已关闭\n");
}

#[tokio::test]
async fn by_day_the_newest_export_replaces_the_day_and_an_older_one_does_not() {
    let desk = Desk::new();
    let headers: &[&str] = &["day", "grain", "hour", "clicks"];
    let shop = (TRAFFIC, "flagship", "traffic");
    let first: &[(i64, &[&str])] = &[
        (1, &["2026-11-20", "shop_day", "", "5"]),
        (1, &["2026-11-21", "shop_day", "", "7"]),
        (1, &["2026-11-21", "hour", "9", "3"]),
    ];
    let second: &[(i64, &[&str])] = &[(2, &["2026-11-21", "shop_day", "", "8"])];
    let mut all = desk
        .ingest(shop, (headers, first), &[export(1, MORNING)], &[])
        .await
        .unwrap()
        .value;
    all.extend(
        desk.ingest(
            shop,
            (headers, second),
            &[export(2, EVENING)],
            &newest(&all),
        )
        .await
        .unwrap()
        .value,
    );
    let late = desk
        .ingest(shop, (headers, first), &[export(1, MORNING)], &newest(&all))
        .await
        .unwrap()
        .value;
    assert_eq!(late, [], "an older export came late");
    let again = desk
        .ingest(
            shop,
            (headers, second),
            &[export(2, EVENING)],
            &newest(&all),
        )
        .await
        .unwrap()
        .value;
    assert_eq!(again, [], "the same export came again");
    let sql = "select day, grain, hour, clicks from traffic order by day, grain";
    let got = desk
        .sql(sql, &["traffic"], &newest(&all), &["flagship"])
        .await
        .unwrap();
    assert_eq!(got, "2026-11-20|shop_day||5\n2026-11-21|shop_day||8\n");
}

#[tokio::test]
async fn whole_tables_are_what_the_newest_export_says() {
    let desk = Desk::new();
    let headers: &[&str] = &["product_id", "cost"];
    let shop = (PRODUCTS, "flagship", "products");
    let rows: &[(i64, &[&str])] = &[(1, &["P1", "1"]), (1, &["P2", "2"]), (2, &["P2", "2.50"])];
    let facts = [export(1, MORNING), export(2, EVENING)];
    let all = desk
        .ingest(shop, (headers, rows), &facts, &[])
        .await
        .unwrap()
        .value;
    assert_eq!((all.len(), all[0].day, all[0].rows), (1, None, 1));
    assert!(
        all[0]
            .path
            .starts_with("tables/products/flagship/whole/products-1-"),
        "{}",
        all[0].path
    );
    let got = desk
        .sql(
            "select product_id, cost from products",
            &["products"],
            &all,
            &["flagship"],
        )
        .await
        .unwrap();
    assert_eq!(got, "P2|2.5000\n");
}

#[tokio::test]
async fn the_same_rows_are_the_same_bytes_however_they_were_cut() {
    let paths = |all: &[Revision]| all.iter().map(|one| one.path.clone()).collect::<Vec<_>>();
    let (one, two) = (Desk::new(), Desk::new());
    let many: Vec<Vec<String>> = (0..20_000)
        .map(|i| {
            vec![
                format!("A{:05}", (i * 7919) % 20_000),
                format!("2026-11-2{} 10:00", i % 3),
                format!("{i}.5"),
                "已完成".into(),
            ]
        })
        .collect();
    let cells: Vec<Vec<&str>> = many
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<(i64, &[&str])> = cells.iter().map(|row| (1, row.as_slice())).collect();
    let facts = [export(1, EVENING)];
    let first = one
        .ingest(SHOP, (HEADERS, &rows), &facts, &[])
        .await
        .unwrap()
        .value;
    let second = two
        .ingest(SHOP, (HEADERS, &rows), &facts, &[])
        .await
        .unwrap()
        .value;
    assert_eq!(paths(&first), paths(&second));
    assert_eq!(first.len(), 3);
    assert_eq!(first.iter().map(|one| one.rows).sum::<u64>(), 20_000);
}

#[tokio::test]
async fn a_covered_day_without_rows_is_known_to_be_empty() {
    let desk = Desk::new();
    let mut facts = export(1, "2026-11-22T01:00:00Z");
    facts.covers_from = Some("2026-11-20".parse().unwrap());
    facts.covers_to = Some("2026-11-22".parse().unwrap());
    let all = desk
        .ingest(SHOP, (HEADERS, OLDER), &[facts], &[])
        .await
        .unwrap()
        .value;
    let days: Vec<(String, u64)> = all
        .iter()
        .map(|one| (one.day.unwrap().to_string(), one.rows))
        .collect();
    assert_eq!(
        days,
        [("2026-11-21".to_owned(), 2), ("2026-11-20".to_owned(), 0)],
        "the day of the export is not over"
    );
    let got = desk
        .sql(
            "select count(*) from orders",
            &["orders"],
            &all,
            &["flagship"],
        )
        .await
        .unwrap();
    assert_eq!(got, "2\n");
}

#[tokio::test]
async fn the_catalogue_can_be_made_again_from_the_lake() {
    let desk = Desk::new();
    let all = arrive(&desk, &[(OLDER, MORNING), (NEWER, EVENING)]).await;
    let lake = Lake::open(desk.lake.dir()).unwrap();
    let rebuilt = rebuild_catalogue(&lake).unwrap();
    assert_eq!(
        (rebuilt.value, texts(&rebuilt.warnings)),
        (all.clone(), String::new())
    );
    std::fs::write(desk.lake.file(&all[0]), b"PAR1 no more").unwrap();
    let rebuilt = rebuild_catalogue(&lake).unwrap();
    assert_eq!((rebuilt.value.len(), rebuilt.warnings.len()), (1, 1));
}

#[tokio::test]
async fn two_feeds_that_tell_of_the_same_rows_are_found() {
    let desk = Desk::new();
    let facts = [export(1, MORNING), export(2, EVENING)];
    let mut all = desk
        .ingest(SHOP, (HEADERS, OLDER), &facts, &[])
        .await
        .unwrap()
        .value;
    all.extend(
        desk.ingest((ORDERS, "flagship", "erp"), (HEADERS, NEWER), &facts, &[])
            .await
            .unwrap()
            .value,
    );
    let snapshot = chenbao_model::catalogue::Snapshot::new(all);
    let table = chenbao_model::schema::canonical("orders").unwrap();
    let found = desk
        .engine
        .overlaps(&desk.lake, &snapshot, &table, &super::id("flagship"))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].keys, found[0].example.as_str()),
        (1, "day=2026-11-21 order_id=A1 line_id=1")
    );
}
