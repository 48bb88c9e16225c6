//! The engine through its public API, on small data in a folder of its own.

mod loads;
mod merging;
mod packs;
mod presets;
mod remapping;
mod retail;
mod scale;
mod scope;

use crate::{Engine, EngineOptions, Ingest, Lake, Mapping, Param, Query, RawTable, Window};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chenbao_model::catalogue::{ExportFacts, Revision, Snapshot};
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::TableSchema;
use chenbao_model::{Diagnostic, Id, Warned};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

/// A lake and an engine in a folder that goes away.
struct Desk {
    dir: TempDir,
    lake: Lake,
    engine: Engine,
    zone: TimeZone,
    custom: Vec<TableSchema>,
}

/// A mapping with everything that orders need in small.
const ORDERS: &str = r#"
title = "订单"
raw = "rows"
[columns."主订单编号"]
as = "order_id"
aliases = ["订单编号"]
required = true
id = true
[columns."下单时间"]
as = "ordered"
required = true
[columns."金额(元)"]
as = "amount"
[columns."状态"]
as = "status"
[columns."收件人手机号"]
as = "phone"
personal = "hash"
[columns."详细地址"]
as = "address"
personal = "drop"
part = { as = "province", how = "province" }
[tables.orders]
select = """
select blank(order_id) as order_id, '1' as line_id, cast(at(ordered) as date) as day, at(ordered) as ordered_at,
       money(amount) as pay_amount, blank(status) as status, phone as buyer_key, province
from raw
"""
"#;

/// By day: the newest export replaces.
const TRAFFIC: &str = r#"
raw = "rows"
[columns.day]
required = true
[columns.grain]
required = true
[columns.hour]
[columns.clicks]
[tables.traffic]
select = "select cast(at(day) as date) as day, grain, cast(num(hour) as bigint) as hour, cast(num(clicks) as bigint) as clicks from raw"
"#;

/// The newest export is the table.
const PRODUCTS: &str = r#"
raw = "rows"
[columns.product_id]
required = true
[columns.cost]
[tables.products]
select = "select product_id, money(cost) as cost from raw"
"#;

/// Rows of texts, each with its export.
type Given<'a> = &'a [(i64, &'a [&'a str])];

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// The facts of an export made at that moment.
fn export(number: i64, exported_at: &str) -> ExportFacts {
    ExportFacts {
        export: number,
        name: format!("export-{number}.csv"),
        digest: None,
        exported_at: exported_at.parse().unwrap(),
        covers_from: None,
        covers_to: None,
        provisional: false,
        truncated: false,
        rows: 0,
    }
}

/// Rows as a source gives them: texts, with the export's number; `_row` counts within the export.
fn batch(headers: &[&str], rows: &[(i64, &[&str])]) -> RecordBatch {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    let numbers: Vec<i64> = rows
        .iter()
        .map(|(export, _)| {
            let count = counts.entry(*export).or_default();
            *count += 1;
            *count
        })
        .collect();
    let mut fields: Vec<Field> = headers
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    fields.extend(["_export", "_row"].map(|name| Field::new(name, DataType::Int64, false)));
    let mut columns: Vec<ArrayRef> = (0..headers.len())
        .map(|i| {
            Arc::new(
                rows.iter()
                    .map(|(_, cells)| Some(cells[i]))
                    .collect::<StringArray>(),
            ) as ArrayRef
        })
        .collect();
    columns.push(Arc::new(Int64Array::from_iter_values(
        rows.iter().map(|(export, _)| *export),
    )));
    columns.push(Arc::new(Int64Array::from(numbers)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A folder as people have them: a blank, a bracket, Chinese.
        let lake = Lake::open(&dir.path().join("数据 [1]").join("lake")).unwrap();
        let options = EngineOptions {
            memory_bytes: 256 << 20,
            temp_dir: dir.path().join("spill"),
            threads: 2,
        };
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        Self {
            dir,
            lake,
            engine: Engine::new(options).unwrap(),
            zone,
            custom: Vec::new(),
        }
    }

    fn raw(&self, mapping: &Mapping, headers: &[&str], rows: &[(i64, &[&str])]) -> RawTable {
        let mut writer = self.lake.raw_writer(mapping, &id("files"), b"salt");
        writer.write(&batch(headers, rows)).unwrap();
        writer.finish().unwrap().unwrap()
    }

    /// Ingests rows for a shop and feed, on top of `current`.
    async fn ingest(
        &self,
        (mapping, shop, feed): (&str, &str, &str),
        (headers, rows): (&[&str], &[(i64, &[&str])]),
        facts: &[ExportFacts],
        current: &[Revision],
    ) -> Result<Warned<Vec<Revision>>, Problems> {
        let mapping = Mapping::from_toml("mapping.toml", mapping)?;
        let raw = [self.raw(&mapping, headers, rows)];
        let job = Ingest {
            lake: &self.lake,
            mapping: &mapping,
            raw: &raw,
            facts,
            shop: &id(shop),
            platform: "douyin",
            zone: &self.zone,
            feed: &id(feed),
            current,
            custom: &self.custom,
        };
        self.engine.ingest(&job).await
    }

    /// The answer of a query over these revisions, a line per row, cells parted by `|`.
    async fn sql(
        &self,
        sql: &str,
        tables: &[&str],
        revisions: &[Revision],
        scope: &[&str],
    ) -> Result<String, Diagnostic> {
        let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
        let scope: Vec<Id> = scope.iter().map(|shop| id(shop)).collect();
        let query = Query {
            sql,
            tables: &tables,
            window: Window::All,
            params: BTreeMap::from([(
                "start_day".to_owned(),
                Param::Day("2026-11-21".parse().unwrap()),
            )]),
            scope: &scope,
            extra: Vec::new(),
            custom: &self.custom,
        };
        self.ask(&query, revisions).await
    }

    async fn ask(&self, query: &Query<'_>, revisions: &[Revision]) -> Result<String, Diagnostic> {
        let snapshot = Snapshot::new(revisions.to_vec());
        let batches = self
            .engine
            .query(&self.lake, &snapshot, query)
            .await?
            .collect()
            .await?;
        Ok(batches.iter().map(lines).collect())
    }
}

fn lines(batch: &RecordBatch) -> String {
    let options = FormatOptions::default();
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let line = |row: usize| {
        columns
            .iter()
            .map(|cell| cell.value(row).to_string())
            .collect::<Vec<_>>()
            .join("|")
    };
    (0..batch.num_rows()).map(|row| line(row) + "\n").collect()
}

/// The newest of each day: what a catalogue would hand out.
fn newest(all: &[Revision]) -> Vec<Revision> {
    let mut newest: BTreeMap<(String, Id, Id, Option<jiff::civil::Date>), Revision> =
        BTreeMap::new();
    for one in all {
        let key = (
            one.table.clone(),
            one.shop.clone(),
            one.feed.clone(),
            one.day,
        );
        if newest.get(&key).is_none_or(|have| have.number < one.number) {
            newest.insert(key, one.clone());
        }
    }
    newest.into_values().collect()
}

fn texts(found: &[Diagnostic]) -> String {
    found
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn its_futures_may_move_between_threads() {
    fn send<T: Send>(_: T) {}
    let desk = Desk::new();
    let mapping = Mapping::from_toml("m", ORDERS).unwrap();
    let (shop, feed) = (id("shop"), id("feed"));
    let job = Ingest {
        lake: &desk.lake,
        mapping: &mapping,
        raw: &[],
        facts: &[],
        shop: &shop,
        platform: "douyin",
        zone: &desk.zone,
        feed: &feed,
        current: &[],
        custom: &[],
    };
    send(desk.engine.ingest(&job));
    send(desk.sql("select 1", &[], &[], &[]));
    assert!(desk.dir.path().exists());
}
