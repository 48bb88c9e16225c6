//! Online Retail (UCI), which nobody here made: a year of a real shop through the mapping alone gives the published totals.

use super::{Desk, export, id, newest, texts};
use crate::{Ingest, Mapping, RawTable};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use chenbao_model::catalogue::Revision;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

const MAPPING: &str = r#"
title = "Online Retail"
raw = "rows"
[columns.InvoiceNo]
as = "invoice"
required = true
[columns.StockCode]
as = "stock_code"
required = true
[columns.Quantity]
required = true
[columns.InvoiceDate]
as = "invoiced"
required = true
[columns.UnitPrice]
as = "unit_price"
required = true
[columns.CustomerID]
as = "customer"
personal = "keep"
[tables.orders]
select = """
select invoice as order_id, cast(line as varchar) as line_id, cast(at(invoiced) as date) as day, blank(customer) as buyer_key,
       at(invoiced) as ordered_at, money(quantity) * money(unit_price) as pay_amount, cast(num(quantity) as bigint) as qty
from (select *, row_number() over (partition by invoice order by _row) as line from raw) as numbered
where left(invoice, 1) <> 'C' and money(quantity) > 0 and money(unit_price) > 0
"""
"#;

fn data() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let dir = std::env::var("CHENBAO_TEST_DATA").unwrap_or_else(|_| default.to_owned());
    PathBuf::from(dir).join("online_retail_uci_2010-12_2011-12.csv.xz")
}

/// A line of the file: no cell of it spans lines, some are quoted.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}

fn raw(desk: &Desk, mapping: &Mapping) -> RawTable {
    let mut child = Command::new("xz")
        .arg("-dc")
        .arg(data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let headers = cells(&lines.next().unwrap());
    let mut fields: Vec<Field> = headers
        .iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    fields.extend(["_export", "_row"].map(|name| Field::new(name, DataType::Int64, false)));
    let schema = Arc::new(Schema::new(fields));
    let mut writer = desk.lake.raw_writer(mapping, &id("retail"), b"");
    let mut first = 1;
    loop {
        let rows: Vec<Vec<String>> = lines
            .by_ref()
            .take(50_000)
            .map(|line| cells(&line))
            .collect();
        if rows.is_empty() {
            break;
        }
        let mut columns: Vec<ArrayRef> = (0..headers.len())
            .map(|i| {
                Arc::new(StringArray::from_iter_values(
                    rows.iter().map(|row| row[i].as_str()),
                )) as ArrayRef
            })
            .collect();
        let n = i64::try_from(rows.len()).unwrap();
        columns.push(Arc::new(Int64Array::from(vec![1; rows.len()])));
        columns.push(Arc::new(Int64Array::from_iter_values(first..first + n)));
        writer
            .write(&RecordBatch::try_new(Arc::clone(&schema), columns).unwrap())
            .unwrap();
        first += n;
    }
    assert!(child.wait().unwrap().success());
    writer.finish().unwrap().unwrap()
}

async fn load(
    desk: &Desk,
    mapping: &Mapping,
    raw: &RawTable,
    current: &[Revision],
) -> Vec<Revision> {
    let job = Ingest {
        lake: &desk.lake,
        mapping,
        raw: std::slice::from_ref(raw),
        facts: &[export(1, "2011-12-10T00:00:00Z")],
        shop: &id("retail"),
        platform: "web",
        zone: &jiff::tz::TimeZone::UTC,
        feed: &id("retail"),
        current,
        custom: &[],
    };
    let done = desk.engine.ingest(&job).await.unwrap();
    assert_eq!(texts(&done.warnings), "");
    done.value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn online_retail_gives_its_published_clean_totals() {
    if !data().exists() {
        eprintln!(
            "SKIPPED: {} is not there (CHENBAO_TEST_DATA)",
            data().display()
        );
        return;
    }
    let desk = Desk::new();
    let mapping = Mapping::from_toml("online-retail", MAPPING).unwrap();
    let raw = raw(&desk, &mapping);
    assert_eq!(raw.rows, 541_909);
    let all = load(&desk, &mapping, &raw, &[]).await;
    assert_eq!(all.len(), 305);
    // references.md section 1, clean: customer known, no cancellation, quantity and price above zero.
    let sql = "select count(*), count(distinct buyer_key), count(distinct order_id), sum(pay_amount) from orders \
               where buyer_key is not null";
    let got = desk.sql(sql, &["orders"], &all, &["retail"]).await.unwrap();
    assert_eq!(got, "397884|4338|18532|8911407.9040\n");
    let again = load(&desk, &mapping, &raw, &newest(&all)).await;
    assert_eq!(again, [], "the same export again says nothing new");
}
