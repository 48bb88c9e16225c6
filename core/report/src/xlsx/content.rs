//! What goes on which sheet: tables and charts of a Document as columns and typed cells.

use super::exact;
use crate::text::width;
use chenbao_model::Decimal;
use chenbao_model::document::{
    Align, Block, Chart, Document, Inline, Masthead, Measure, Row as PageRow, RowKind, Table, plain,
};
use jiff::civil::Date;
use rust_decimal::prelude::FromPrimitive as _;

/// The widest column, in characters.
const WIDEST: usize = 46;

/// A number and what it counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) value: Decimal,
    pub(super) unit: String,
    /// What the page writes behind it.
    pub(super) suffix: String,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(Number),
    Day(Date),
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) total: bool,
    pub(super) cells: Vec<Cell>,
}

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) head: String,
    pub(super) right: bool,
    /// Whether the page shows a plus.
    pub(super) signed: bool,
    /// Decimals of its numbers: none, or two.
    pub(super) places: u8,
    widest: usize,
}

impl Column {
    /// Its width, with room for the filter's button.
    pub(super) fn width(&self) -> f64 {
        let wanted = self.widest.max(width(&self.head) + 3).clamp(8, WIDEST) + 2;
        f64::from(u8::try_from(wanted).unwrap_or(u8::MAX))
    }
}

/// One sheet.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    pub(super) note: Option<String>,
}

/// What the first sheet says.
#[derive(Debug)]
pub(super) struct About {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
}

/// The first sheet, and one per table and chart in reading order, the passports last.
pub(super) fn sheets(document: &Document) -> (About, Vec<Sheet>) {
    let meta = &document.meta;
    let mut found = Vec::new();
    found.extend(
        meta.sheets
            .figures
            .as_ref()
            .map(|table| of_table(table, "")),
    );
    collect(&document.blocks, "", &mut found);
    found.extend(
        meta.sheets
            .passports
            .as_ref()
            .map(|table| of_table(table, "")),
    );
    let title = if meta.sheets.about.is_empty() {
        meta.title.clone()
    } else {
        meta.sheets.about.clone()
    };
    let lines = about(document);
    (About { title, lines }, found)
}

fn about(document: &Document) -> Vec<String> {
    let meta = &document.meta;
    let mut lines = Vec::new();
    for block in &document.blocks {
        match block {
            Block::Masthead(Masthead {
                title,
                parts,
                stamp,
                facts,
            }) => {
                lines.extend([title.clone(), parts.join(" · ")]);
                lines.extend(stamp.iter().map(|stamp| stamp.text.clone()));
                lines.extend(facts.iter().cloned());
            }
            Block::Lede { inlines } => lines.push(plain(inlines)),
            _ => {}
        }
    }
    lines.extend([&meta.confidential, &meta.only_for, &meta.footer].map(String::clone));
    lines.retain(|line| !line.is_empty());
    lines
}

fn collect(blocks: &[Block], section: &str, found: &mut Vec<Sheet>) {
    let mut section = section.to_owned();
    for block in blocks {
        match block {
            // Bold words alone head what follows them.
            Block::Paragraph { inlines } if inlines.iter().all(|inline| inline.bold) => {
                section = plain(inlines);
            }
            Block::Section(inner) => collect(&inner.blocks, &inner.title, found),
            Block::Columns { columns } => {
                columns
                    .iter()
                    .for_each(|inner| collect(inner, &section, found));
            }
            Block::Table(table) if !table.rows.is_empty() => found.push(of_table(table, &section)),
            Block::Chart(chart) if chart.empty.is_none() => found.push(of_chart(chart, &section)),
            _ => {}
        }
    }
}

/// A table whole: the rows of the page, those that it leaves out, and the total at the end.
fn of_table(table: &Table, section: &str) -> Sheet {
    let is_total = |row: &&PageRow| row.kind == RowKind::Total;
    let rows = || table.rows.iter().chain(&table.rest);
    let ordered = rows()
        .filter(|row| !is_total(row))
        .chain(rows().filter(is_total));
    let rows: Vec<Row> = ordered
        .map(|row| Row {
            total: row.kind == RowKind::Total,
            cells: row.cells.iter().map(|cell| of_cell(cell)).collect(),
        })
        .collect();
    let columns = table.heads.iter().enumerate().map(|(at, head)| {
        let texts = table.rows.iter().chain(&table.rest);
        let texts = texts.filter_map(|row| row.cells.get(at).map(|cell| plain(cell)));
        Column {
            right: head.align == Align::Right,
            ..column(
                &head.label,
                texts,
                rows.iter().filter_map(|row| row.cells.get(at)),
            )
        }
    });
    // What the page leaves out is here, so the sentence about it is not; only what nobody has stays said.
    let note = table.more.clone().filter(|_| table.rest.is_empty());
    Sheet {
        title: if table.title.is_empty() {
            section
        } else {
            &table.title
        }
        .to_owned(),
        columns: columns.collect(),
        rows,
        note,
    }
}

fn column<'c>(
    head: &str,
    texts: impl Iterator<Item = String>,
    cells: impl Iterator<Item = &'c Cell>,
) -> Column {
    let (mut widest, mut signed) = (0, false);
    for text in texts {
        widest = widest.max(width(&text));
        signed |= text.starts_with('+');
    }
    let mut places = 0;
    for cell in cells {
        if let Cell::Number(number) = cell
            && !number.value.fract().is_zero()
        {
            places = 2;
        }
    }
    Column {
        head: head.to_owned(),
        right: false,
        signed,
        places,
        widest,
    }
}

fn of_cell(cell: &[Inline]) -> Cell {
    match cell {
        [] => Cell::Empty,
        [
            Inline {
                exact: Some(value),
                text,
                ..
            },
        ] => exact(value, text),
        inlines => Cell::Text(plain(inlines)),
    }
}

/// A chart's figures: one row per x.
fn of_chart(chart: &Chart, section: &str) -> Sheet {
    let unit = match chart.measure {
        Measure::Money => "money",
        Measure::Percent => "%",
        Measure::Count => "{}",
        Measure::Times => "x",
        Measure::Number => "1",
    };
    let cell = |value: Option<&Option<f64>>| {
        let value = value.copied().flatten().and_then(Decimal::from_f64);
        value.map_or(Cell::Empty, |value| {
            Cell::Number(Number {
                value,
                unit: unit.to_owned(),
                suffix: String::new(),
            })
        })
    };
    let rows: Vec<Row> = chart
        .x
        .iter()
        .enumerate()
        .map(|(at, x)| Row {
            total: false,
            cells: std::iter::once(Cell::Text(x.clone()))
                .chain(chart.plots.iter().map(|plot| cell(plot.values.get(at))))
                .collect(),
        })
        .collect();
    let title = chart_title(chart, section);
    let mut columns = vec![column(&title, chart.x.iter().cloned(), std::iter::empty())];
    for (at, plot) in chart.plots.iter().enumerate() {
        let head = if plot.label.is_empty() {
            &title
        } else {
            &plot.label
        };
        let cells = rows.iter().filter_map(|row| row.cells.get(at + 1));
        columns.push(Column {
            right: true,
            widest: 12,
            ..column(head, std::iter::empty(), cells)
        });
    }
    Sheet {
        title,
        columns,
        rows,
        note: None,
    }
}

/// The section of a chart, else the first words of what is said in its place.
fn chart_title(chart: &Chart, section: &str) -> String {
    if !section.is_empty() {
        return section.to_owned();
    }
    let end = ['：', ':', '，', ','];
    chart.alt.split(end).next().unwrap_or_default().to_owned()
}
