//! What a query sees: its shops, its days, its tables; and nothing else, whatever the SQL says.

use super::{Desk, ORDERS, TRAFFIC, batch, export, id};
use crate::{Param, Query, Window};
use chenbao_model::catalogue::Revision;
use std::collections::{BTreeMap, BTreeSet};

const HEADERS: &[&str] = &["主订单编号", "下单时间", "金额(元)", "状态"];

async fn two_shops(desk: &Desk) -> Vec<Revision> {
    let facts = [export(1, "2026-11-22T01:00:00Z")];
    let mut all = Vec::new();
    for (shop, order) in [("flagship", "A1"), ("outlet", "B1")] {
        let rows: &[(i64, &[&str])] = &[
            (1, &[order, "2026-11-20 10:00", "1.10", ""]),
            (1, &[&format!("{order}2"), "2026-11-21 10:00", "2.20", ""]),
        ];
        all.extend(
            desk.ingest((ORDERS, shop, "orders"), (HEADERS, rows), &facts, &[])
                .await
                .unwrap()
                .value,
        );
    }
    all
}

#[tokio::test]
async fn another_shop_does_not_exist() {
    let desk = Desk::new();
    let all = two_shops(&desk).await;
    let sql = "select shop_id, count(*), sum(pay_amount) from orders group by 1 order by 1";
    assert_eq!(
        desk.sql(sql, &["orders"], &all, &["flagship"])
            .await
            .unwrap(),
        "flagship|2|3.3000\n"
    );
    assert_eq!(desk.sql(sql, &["orders"], &all, &[]).await.unwrap(), "");
    let both = desk
        .sql(sql, &["orders"], &all, &["flagship", "outlet"])
        .await
        .unwrap();
    assert_eq!(both, "flagship|2|3.3000\noutlet|2|3.3000\n");
}

#[tokio::test]
async fn only_days_of_the_window_exist() {
    let desk = Desk::new();
    let all = two_shops(&desk).await;
    let day = |text: &str| text.parse().unwrap();
    for (window, want) in [
        (Window::All, "A1\nA12\n"),
        (
            Window::Span {
                start: day("2026-11-21"),
                end: day("2026-11-22"),
            },
            "A12\n",
        ),
        (
            Window::Span {
                start: day("2026-11-20"),
                end: day("2026-11-21"),
            },
            "A1\n",
        ),
        (Window::Days(BTreeSet::from([day("2026-11-20")])), "A1\n"),
    ] {
        let query = Query {
            sql: "select order_id from orders order by 1",
            tables: &["orders".to_owned()],
            window,
            params: BTreeMap::new(),
            scope: &[id("flagship")],
            extra: Vec::new(),
            custom: &[],
        };
        assert_eq!(
            desk.ask(&query, &all).await.unwrap(),
            want,
            "{:?}",
            query.window
        );
    }
}

/// DataFusion 55.2 answered the right join with A12 alone: its physical filter pushdown took both columns for the same one.
#[tokio::test]
async fn a_filter_over_equal_names_of_both_sides_of_a_join_loses_no_rows() {
    let desk = Desk::new();
    let rows: &[(i64, &[&str])] = &[
        (1, &["A1", "2026-11-20 10:00", "1.10", ""]),
        (1, &["A12", "2026-11-21 10:00", "2.20", "paid"]),
    ];
    let facts = [export(1, "2026-11-22T01:00:00Z")];
    let to = (ORDERS, "flagship", "orders");
    let all = desk.ingest(to, (HEADERS, rows), &facts, &[]).await;
    let all = all.unwrap().value;
    for (join, want) in [
        (
            "orders as b right join orders as o on b.order_id = o.order_id || '2'",
            "A1\nA12\n",
        ),
        (
            "orders as o left join orders as b on b.order_id = o.order_id || '2'",
            "A1\nA12\n",
        ),
        (
            "orders as b full join orders as o on b.order_id = o.order_id || '2'",
            "\nA1\nA12\n",
        ),
        (
            "orders as b join orders as o on b.order_id = o.order_id || '2'",
            "A1\n",
        ),
    ] {
        let sql = format!(
            "select o.order_id from {join} where coalesce(o.status, b.status) is not null or o.order_id is null order by 1 nulls first"
        );
        let got = desk.sql(&sql, &["orders"], &all, &["flagship"]).await;
        assert_eq!(got.unwrap(), want, "{join}");
    }
}

#[tokio::test]
async fn a_declared_table_without_data_is_empty_and_typed() {
    let desk = Desk::new();
    let sql = "select count(*), sum(amount), max(refunded_at) from refunds where day >= $start_day";
    assert_eq!(
        desk.sql(sql, &["refunds"], &[], &["flagship"])
            .await
            .unwrap(),
        "0||\n"
    );
}

#[tokio::test]
async fn parameters_are_typed_values() {
    let desk = Desk::new();
    let all = two_shops(&desk).await;
    let query = Query {
        sql: "select order_id, $who, $n + 1 from orders where ordered_at >= $start and day < $end_day \
              and ordered_at >= $start - interval '1 hour'",
        tables: &["orders".to_owned()],
        window: Window::All,
        params: BTreeMap::from([
            (
                "start".to_owned(),
                Param::At("2026-11-21T00:00:00".parse().unwrap()),
            ),
            (
                "end_day".to_owned(),
                Param::Day("2026-11-22".parse().unwrap()),
            ),
            (
                "who".to_owned(),
                Param::Text("'; drop table orders --".to_owned()),
            ),
            ("n".to_owned(), Param::Int(41)),
        ]),
        scope: &[id("outlet")],
        extra: Vec::new(),
        custom: &[],
    };
    assert_eq!(
        desk.ask(&query, &all).await.unwrap(),
        "B12|'; drop table orders --|42\n"
    );
}

#[tokio::test]
async fn extra_tables_stand_beside_the_lake() {
    let desk = Desk::new();
    let query = Query {
        sql: "select campaign_id from campaigns",
        tables: &[],
        window: Window::All,
        params: BTreeMap::new(),
        scope: &[],
        extra: vec![(
            "campaigns".to_owned(),
            batch(&["campaign_id"], &[(1, &["d11-2026"])]),
        )],
        custom: &[],
    };
    assert_eq!(desk.ask(&query, &[]).await.unwrap(), "d11-2026\n");
}

#[tokio::test]
async fn texts_are_plain_and_money_is_decimal() {
    use arrow::datatypes::DataType;
    let desk = Desk::new();
    let all = two_shops(&desk).await;
    let snapshot = chenbao_model::catalogue::Snapshot::new(all);
    let query = Query {
        sql: "select order_id, substr(order_id, 1, 1) || 'x', upper(status), cast(day as varchar) as t, pay_amount, \
              sum(pay_amount) over (), ordered_at, day, count(*) over () from orders",
        tables: &["orders".to_owned()],
        window: Window::All,
        params: BTreeMap::new(),
        scope: &[id("flagship")],
        extra: Vec::new(),
        custom: &[],
    };
    let rows = desk
        .engine
        .query(&desk.lake, &snapshot, &query)
        .await
        .unwrap();
    let kinds: Vec<DataType> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    let utf8 = DataType::Utf8;
    let at = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None);
    let money = |precision| DataType::Decimal128(precision, 4);
    let want = [
        utf8.clone(),
        utf8.clone(),
        utf8.clone(),
        utf8,
        money(18),
        money(28),
        at,
        DataType::Date32,
        DataType::Int64,
    ];
    assert_eq!(kinds, want);
    assert_eq!(
        rows.collect()
            .await
            .unwrap()
            .iter()
            .map(|batch| batch.num_rows())
            .sum::<usize>(),
        2
    );
}

#[tokio::test]
async fn sql_that_does_more_than_read_its_tables_is_refused_at_run_too() {
    let desk = Desk::new();
    let all = two_shops(&desk).await;
    let file = desk.lake.file(&all[0]).display().to_string();
    let other = all
        .iter()
        .find(|one| one.shop.as_str() == "outlet")
        .unwrap()
        .path
        .clone();
    for sql in [
        "insert into orders select * from orders".to_owned(),
        "copy orders to 'out.csv'".to_owned(),
        "create external table x stored as parquet location '/'".to_owned(),
        "create view x as select * from orders".to_owned(),
        format!("select * from '{file}'"),
        format!("select * from \"{file}\""),
        format!("select * from 'lake://lake/{other}'"),
        "select * from refunds".to_owned(),
        "select * from information_schema.tables".to_owned(),
        "set datafusion.catalog.information_schema = true".to_owned(),
    ] {
        assert!(
            desk.sql(&sql, &["orders"], &all, &["flagship"])
                .await
                .is_err(),
            "{sql}"
        );
    }
    // Even a table that is declared under a file's name finds nothing but the lake's own tables.
    assert!(
        desk.sql(
            &format!("select * from \"{file}\""),
            &[&file],
            &all,
            &["flagship"]
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn null_key_cells_of_a_grain_are_no_fault() {
    let desk = Desk::new();
    let rows: &[(i64, &[&str])] = &[(1, &["2026-11-21", "shop_day", "-", "7"])];
    let headers: &[&str] = &["day", "grain", "hour", "clicks"];
    let facts = [export(1, "2026-11-22T01:00:00Z")];
    let done = desk
        .ingest(
            (TRAFFIC, "flagship", "traffic"),
            (headers, rows),
            &facts,
            &[],
        )
        .await
        .unwrap();
    assert_eq!(done.value.len(), 1);
}
