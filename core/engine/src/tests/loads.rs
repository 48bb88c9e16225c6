//! What stops a load, what is only told, and what happens to people before anything is stored.

use super::{Desk, ORDERS, export, texts};
use crate::Mapping;
use chenbao_model::diagnostic::Problems;

const SHOP: (&str, &str, &str) = (ORDERS, "flagship", "orders");
const HEADERS: &[&str] = &["订单编号", "下单时间", "金额（元）", "状态"];
const MADE: &str = "2026-11-22T01:00:00Z";

async fn refused(desk: &Desk, mapping: &str, rows: &[(i64, &[&str])]) -> String {
    let shop = (mapping, "flagship", "orders");
    let Problems(problems) = desk
        .ingest(shop, (HEADERS, rows), &[export(1, MADE)], &[])
        .await
        .unwrap_err();
    let kept = std::fs::read_dir(desk.lake.dir().join("tables"))
        .unwrap()
        .count();
    assert_eq!(kept, 0, "a refused load left something behind");
    assert_eq!(
        std::fs::read_dir(desk.lake.dir().join("aside"))
            .unwrap()
            .count(),
        0
    );
    texts(&problems)
}

#[tokio::test]
async fn an_id_that_a_spreadsheet_ruined_stops_the_load_with_its_place() {
    let rows: &[(i64, &[&str])] = &[
        (1, &["6917926768823643751", "2026-11-21 10:00", "1", ""]),
        (1, &["6.9E+18", "2026/11/21 8:00", "1", ""]),
    ];
    let told = refused(&Desk::new(), ORDERS, rows).await;
    assert!(
        told.contains("`6.9E+18` in `主订单编号`, row 2") && told.contains("export-1.csv"),
        "{told}"
    );
}

#[tokio::test]
async fn a_row_without_key_or_day_stops_the_load_with_its_place() {
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-21 10:00", "1", ""]),
        (1, &["A2", "-", "1", ""]),
    ];
    let told = refused(&Desk::new(), ORDERS, rows).await;
    assert!(
        told.contains("1 row without `day`: export-1.csv row 2"),
        "{told}"
    );
}

#[tokio::test]
async fn a_column_of_which_nothing_can_be_read_stops_the_load_and_single_cells_are_told() {
    let all_bad: &[(i64, &[&str])] = &[(1, &["A1", "2026-11-21 10:00", "many", ""])];
    let told = refused(&Desk::new(), ORDERS, all_bad).await;
    assert!(
        told.contains("money(): no cell of `amount` can be read: `many`"),
        "{told}"
    );
    let one_bad: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-21 10:00", "many", ""]),
        (1, &["A2", "2026-11-21 10:00", "¥1,234.50", ""]),
    ];
    let desk = Desk::new();
    let done = desk
        .ingest(SHOP, (HEADERS, one_bad), &[export(1, MADE)], &[])
        .await
        .unwrap();
    assert!(
        texts(&done.warnings).contains("some cells of `amount`"),
        "{}",
        texts(&done.warnings)
    );
    let got = desk
        .sql(
            "select pay_amount from orders order by 1",
            &["orders"],
            &done.value,
            &["flagship"],
        )
        .await;
    assert_eq!(got.unwrap(), "1234.5000\n\n");
}

#[tokio::test]
async fn negative_and_huge_amounts_are_told() {
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-21 10:00", "-5", ""]),
        (1, &["A2", "2026-11-21 10:00", "12,345,678", ""]),
    ];
    let desk = Desk::new();
    let told = texts(
        &desk
            .ingest(SHOP, (HEADERS, rows), &[export(1, MADE)], &[])
            .await
            .unwrap()
            .warnings,
    );
    assert!(
        told.contains("1 row with a negative `pay_amount`: export-1.csv row 1"),
        "{told}"
    );
    assert!(
        told.contains("1 row with `pay_amount` of ten million or more: export-1.csv row 2"),
        "{told}"
    );
}

#[tokio::test]
async fn rows_of_the_next_day_are_kept_and_told() {
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-21 23:59:59", "1", ""]),
        (1, &["A2", "2026-11-22 00:00:01", "1", ""]),
        (1, &["A3", "2026-11-22 00:00:02", "1", ""]),
    ];
    let desk = Desk::new();
    let mut facts = export(1, MADE);
    facts.covers_from = Some("2026-11-21".parse().unwrap());
    facts.covers_to = facts.covers_from;
    let done = desk
        .ingest(SHOP, (HEADERS, rows), &[facts], &[])
        .await
        .unwrap();
    let told = texts(&done.warnings);
    assert!(
        told.contains("2 rows are of 2026-11-22, but the export covers 2026-11-21..2026-11-21"),
        "{told}"
    );
    assert_eq!(
        done.value.iter().map(|one| one.rows).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[tokio::test]
async fn what_may_no_longer_change_is_a_revision_even_with_the_same_rows() {
    let rows: &[(i64, &[&str])] = &[(1, &["A1", "2026-11-21 10:00", "1", ""])];
    let desk = Desk::new();
    let mut facts = export(1, MADE);
    facts.provisional = true;
    let first = desk
        .ingest(SHOP, (HEADERS, rows), &[facts], &[])
        .await
        .unwrap()
        .value;
    assert!(first[0].provisional);
    let facts = [export(1, "2026-11-23T01:00:00Z")];
    let second = desk
        .ingest(SHOP, (HEADERS, rows), &facts, &first)
        .await
        .unwrap()
        .value;
    assert_eq!(
        (second.len(), second[0].provisional, second[0].number),
        (1, false, 2)
    );
}

#[tokio::test]
async fn rows_of_an_export_without_facts_stop_the_load() {
    let rows: &[(i64, &[&str])] = &[(7, &["A1", "2026-11-21 10:00", "1", ""])];
    let told = refused(&Desk::new(), ORDERS, rows).await;
    assert!(
        told.contains("rows of export 7 came without the facts"),
        "{told}"
    );
}

#[tokio::test]
async fn a_select_that_does_not_fit_its_table_says_all_that_is_wrong() {
    let mapping = "raw = 'rows'\n[columns.'订单编号']\nas = 'order_id'\n[tables.orders]\nselect = 'select order_id, order_id as prodct_id from raw'\n[tables.refunds]\nselect = 'select order_id as refund_id, count(*) as amount from raw group by 1'\n[tables.ordrs]\nselect = 'select 1 from raw'\n";
    let rows: &[(i64, &[&str])] = &[(1, &["A1", "2026-11-21 10:00", "1", ""])];
    let told = refused(&Desk::new(), mapping, rows).await;
    assert!(
        told.contains("there is no table `ordrs`") && told.contains("did you mean `orders`?"),
        "{told}"
    );
    let mapping = mapping.replace("[tables.ordrs]\nselect = 'select 1 from raw'\n", "");
    let told = refused(&Desk::new(), &mapping, rows).await;
    for want in [
        "`orders` has no column `prodct_id`",
        "did you mean `product_id`?",
        "it gives no `line_id`",
        "it gives no `day`",
        "the select of `refunds`: it does not say which export and row",
    ] {
        assert!(told.contains(want), "{want}\n{told}");
    }
}

const PEOPLE: &[&str] = &[
    "订单编号",
    "下单时间",
    "收件人手机号",
    "详细地址",
    "收件人",
    "颜色",
];

#[tokio::test]
async fn people_are_treated_before_anything_touches_the_disk() {
    let desk = Desk::new();
    let text = "A1,13800001111,浙江省杭州市西湖区1号\nA2,13800001111,****\nA3,138****1111,-";
    let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let cells: Vec<[&str; 6]> = cells
        .iter()
        .map(|row| [row[0], "2026-11-21 10:00", row[1], row[2], "王小明", "红"])
        .collect();
    let rows: Vec<(i64, &[&str])> = cells.iter().map(|row| (1, row.as_slice())).collect();
    let (headers, rows) = (PEOPLE, rows.as_slice());
    let mapping = Mapping::from_toml("mapping.toml", ORDERS).unwrap();
    let raw = desk.raw(&mapping, headers, rows);
    let stored = [
        "订单编号",
        "下单时间",
        "收件人手机号",
        "province",
        "颜色",
        "_export",
        "_row",
    ];
    assert_eq!(raw.columns, stored);
    assert!(
        texts(&raw.warnings).contains("`收件人`"),
        "{}",
        texts(&raw.warnings)
    );
    let done = desk
        .ingest(SHOP, (headers, rows), &[export(1, MADE)], &[])
        .await
        .unwrap();
    for folder in walk(desk.lake.dir()) {
        let bytes = std::fs::read(&folder).unwrap();
        for secret in ["13800001111", "西湖区", "王小明"] {
            assert!(!holds(&bytes, secret), "{secret} in {}", folder.display());
        }
    }
    let sql = "select order_id, length(buyer_key), province, count(*) over (partition by buyer_key) from orders order by 1";
    let got = desk
        .sql(sql, &["orders"], &done.value, &["flagship"])
        .await
        .unwrap();
    assert_eq!(got, "A1|32|浙江|2\nA2|32||2\nA3|||1\n");
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
