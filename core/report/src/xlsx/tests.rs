//! The workbook read back by another program's eyes: types, names, formulas that are none, equal bytes.

use super::write;
use crate::layout::probe::sample;
use calamine::{Data, Reader as _, Xlsx};
use chenbao_model::document::{
    Align, Block, Document, Exact, Head, Inline, Row, RowKind, Section, Sheets, Table,
};
use std::io::Cursor;

fn number(text: &str, value: &str, unit: &str) -> Vec<Inline> {
    vec![Inline {
        exact: Some(Exact::Number {
            value: value.parse().unwrap(),
            unit: unit.into(),
        }),
        ..Inline::words(text)
    }]
}

/// A product table of which the page shows one row.
fn products() -> Table {
    let head = |label: &str, align| Head {
        label: label.into(),
        align,
    };
    let row = |name: &str, paid: &str, rate: &str, change: &str| Row {
        kind: RowKind::Plain,
        cells: vec![
            vec![Inline::data(name)],
            number("…", paid, "CNY"),
            number("…", rate, "%"),
            number(&format!("+{change}%"), change, "%"),
            vec![Inline {
                exact: Some(Exact::Day("2026-11-21".parse().unwrap())),
                ..Inline::words("11-21")
            }],
        ],
        ..Row::default()
    };
    let total = Row {
        kind: RowKind::Total,
        ..row("合计", "300.5", "3", "9")
    };
    Table {
        title: "商品榜".into(),
        heads: vec![
            head("商品", Align::Left),
            head("支付 ¥", Align::Right),
            head("退款率", Align::Right),
            head("较上周", Align::Right),
            head("日期", Align::Left),
        ],
        rows: vec![row("=cmd|' /C calc'!A0", "100.25", "3.12", "8.2"), total],
        rest: vec![row("@SUM(1)\u{1}", "200.25", "2.9", "10")],
        more: Some("另有 1 行。".into()),
        ..Table::default()
    }
}

fn document() -> Document {
    let mut document = sample::daily();
    document.blocks.push(Block::Section(Section {
        title: "明细".into(),
        blocks: vec![Block::Table(products())],
        ..Section::default()
    }));
    document.meta.sheets = Sheets {
        about: "说明".into(),
        figures: None,
        passports: Some(Table {
            title: "口径".into(),
            heads: vec![Head::default()],
            rows: vec![Row {
                cells: vec![vec![Inline::data("支付金额")]],
                ..Row::default()
            }],
            ..Table::default()
        }),
    };
    document
}

fn opened(document: &Document) -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(write(document).unwrap())).unwrap()
}

#[test]
fn there_is_one_sheet_per_table_and_chart_and_names_are_unique() {
    let book = opened(&document());
    assert_eq!(
        book.sheet_names(),
        [
            "说明",
            "为什么变了",
            "漏斗",
            "近 35 天",
            "商品榜",
            "时段效率",
            "渠道结构",
            "商品榜 2",
            "口径"
        ]
    );
}

#[test]
fn cells_have_their_types_and_the_whole_table_is_there() {
    let mut book = opened(&document());
    let sheet = book.worksheet_range("商品榜 2").unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    let text = |text: &str| Data::String(text.into());
    assert_eq!(rows[0][0], text("商品"));
    assert_eq!(rows[1][0], text("=cmd|' /C calc'!A0"));
    assert_eq!(rows[1][1], Data::Float(100.25));
    assert_eq!(rows[1][2], Data::Float(0.0312));
    assert!(
        matches!(&rows[1][4], Data::DateTime(day) if (day.as_f64() - 46_347.0).abs() < 1e-6),
        "{:?}",
        rows[1][4]
    );
    // The page left this row out; the total stays the last.
    assert_eq!(rows[2][0], text("@SUM(1)"));
    assert_eq!(rows[3][0], text("合计"));
    assert_eq!(rows.len(), 4);
    let formulas = book.worksheet_formula("商品榜 2").unwrap();
    assert!(formulas.used_cells().next().is_none(), "{formulas:?}");
}

#[test]
fn a_chart_is_its_figures() {
    let mut book = opened(&document());
    let sheet = book.worksheet_range("近 35 天").unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    assert_eq!(rows.len(), 36);
    assert_eq!(rows[0][1], Data::String("支付".into()));
    assert_eq!(rows[25][1], Data::Float(1_680_000.0));
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    assert_eq!(write(&document()).unwrap(), write(&document()).unwrap());
}
