//! XLSX: one sheet per table and chart of the Document, typed cells, and the passport of every figure.
//!
//! Text is always written as text: a name from data that looks like a formula stays a name.

mod content;
mod names;

#[cfg(test)]
mod tests;

use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Document, Exact, Meta};
use content::{Cell, Column, Sheet};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
    XlsxError,
};

/// What a cell holds at most; Excel repairs a file with more, so it is cut, visibly.
const MOST_CHARACTERS: usize = 32_000;
/// A sheet's rows below its head at most.
const MOST_ROWS: usize = 1_048_000;

/// Writes the workbook; the same Document gives the same bytes.
///
/// # Errors
/// When a sheet cannot be written.
pub fn write(document: &Document) -> Result<Vec<u8>, Problems> {
    book(document)
        .map_err(|e| Diagnostic::error(format!("the workbook cannot be written: {e}")).into())
}

fn book(document: &Document) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    book.set_properties(&properties(&document.meta)?);
    let paper = Paper::new(&document.meta);
    let (about, sheets) = content::sheets(document);
    let sheet_names = names::unique(
        std::iter::once(about.title.as_str())
            .chain(sheets.iter().map(|sheet| sheet.title.as_str())),
    );
    let mut named = sheet_names.iter();
    let first = book.add_worksheet();
    first.set_name(named.next().map_or("1", String::as_str))?;
    paper.about(&about.lines, first)?;
    for (sheet, name) in sheets.iter().zip(named) {
        let out = book.add_worksheet();
        out.set_name(name)?;
        paper.sheet(sheet, out)?;
    }
    book.save_to_buffer()
}

/// Title and dates from the run, never from a clock.
fn properties(meta: &Meta) -> Result<DocProperties, XlsxError> {
    let properties = DocProperties::new()
        .set_title(&meta.title)
        .set_subject(&meta.subject)
        .set_author(&meta.author)
        .set_status(&meta.only_for);
    let civil = meta.created.get(..19).unwrap_or("2000-01-01T00:00:00");
    let created =
        ExcelDateTime::parse_from_str(civil).or_else(|_| ExcelDateTime::from_ymd(2000, 1, 1))?;
    Ok(properties.set_creation_datetime(&created))
}

/// How cells look.
struct Paper {
    plain: Format,
    head: Format,
    title: Format,
    total: Format,
}

impl Paper {
    fn new(meta: &Meta) -> Self {
        let color = |written: &str| {
            let digits = written.trim_start_matches('#');
            Color::RGB(u32::from_str_radix(digits, 16).unwrap_or(0))
        };
        let plain = Format::new()
            .set_font_name("Microsoft YaHei")
            .set_font_size(10)
            .set_font_color(color(&meta.theme.ink))
            .set_align(FormatAlign::VerticalCenter);
        Self {
            head: plain
                .clone()
                .set_bold()
                .set_background_color(color(&meta.theme.soft))
                .set_border_bottom(FormatBorder::Thin)
                .set_border_bottom_color(color(&meta.theme.ink)),
            title: plain.clone().set_bold().set_font_size(16),
            total: plain
                .clone()
                .set_bold()
                .set_border_top(FormatBorder::Thin)
                .set_border_top_color(color(&meta.theme.ink)),
            plain,
        }
    }

    /// The lines that say what this is.
    fn about(&self, lines: &[String], out: &mut Worksheet) -> Result<(), XlsxError> {
        out.set_column_width(0, 100)?;
        let wrapped = self.plain.clone().set_text_wrap();
        for (row, line) in (0..).zip(lines) {
            let format = if row == 0 { &self.title } else { &wrapped };
            out.write_string_with_format(row, 0, cut(line), format)?;
        }
        Ok(())
    }

    fn sheet(&self, sheet: &Sheet, out: &mut Worksheet) -> Result<(), XlsxError> {
        for (at, column) in (0..).zip(&sheet.columns) {
            let head = if column.right {
                self.head.clone().set_align(FormatAlign::Right)
            } else {
                self.head.clone()
            };
            out.write_string_with_format(0, at, cut(&column.head), &head)?;
            out.set_column_width(at, column.width())?;
        }
        let rows = sheet.rows.iter().take(MOST_ROWS);
        let mut last = 0;
        let mut filtered = 0;
        for (at, row) in (1..).zip(rows) {
            let base = if row.total { &self.total } else { &self.plain };
            for ((at_column, cell), column) in (0..).zip(&row.cells).zip(&sheet.columns) {
                put(out, (at, at_column), cell, (base, column))?;
            }
            last = at;
            if !row.total {
                filtered = at;
            }
        }
        if let Some(note) = &sheet.note {
            out.write_string_with_format(last + 2, 0, cut(note), &self.plain)?;
        }
        out.set_freeze_panes(1, u16::from(sheet.columns.len() > 4))?;
        let wide = u16::try_from(sheet.columns.len()).unwrap_or(u16::MAX);
        if let Some(right) = wide.checked_sub(1).filter(|_| filtered > 0) {
            out.autofilter(0, 0, filtered, right)?;
        }
        out.set_landscape();
        out.set_print_fit_to_pages(1, 0);
        out.set_repeat_rows(0, 0)?;
        Ok(())
    }
}

impl Column {
    /// The number format of a unit, as Excel writes it.
    fn number_format(&self, cell: &content::Number) -> String {
        use crate::format::Unit;
        let body = match Unit::of(&cell.unit) {
            Unit::Percent => "0.00%".to_owned(),
            Unit::Points | Unit::Days => {
                let suffix = cell.suffix.replace('"', "");
                let body = if self.places == 0 { "0" } else { "0.00" };
                if suffix.is_empty() {
                    body.to_owned()
                } else {
                    format!("{body}\"{suffix}\"")
                }
            }
            Unit::Count => "#,##0".to_owned(),
            Unit::Times => "0.00\"×\"".to_owned(),
            Unit::Money | Unit::Number if self.places == 0 => "#,##0".to_owned(),
            Unit::Money | Unit::Number => "#,##0.00".to_owned(),
        };
        if self.signed {
            format!("+{body};-{body};{body}")
        } else {
            body
        }
    }
}

fn put(
    out: &mut Worksheet,
    (row, at): (u32, u16),
    cell: &Cell,
    (base, column): (&Format, &Column),
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => {
            let format = if column.right {
                base.clone().set_align(FormatAlign::Right)
            } else {
                base.clone()
            };
            out.write_string_with_format(row, at, cut(text), &format)?;
        }
        Cell::Number(number) => {
            let format = base.clone().set_num_format(column.number_format(number));
            out.write_number_with_format(row, at, number.shown(), &format)?;
        }
        Cell::Day(day) => {
            let format = base.clone().set_num_format("yyyy-mm-dd");
            let year = u16::try_from(day.year()).unwrap_or(1900);
            let parts = [day.month(), day.day()].map(|part| u8::try_from(part).unwrap_or(1));
            let date = ExcelDateTime::from_ymd(year, parts[0], parts[1])?;
            out.write_datetime_with_format(row, at, &date, &format)?;
        }
        Cell::Empty => {
            out.write_blank(row, at, base)?;
        }
    }
    Ok(())
}

impl content::Number {
    /// As the cell holds it: 3.12 % is 0.0312.
    fn shown(&self) -> f64 {
        let value = if crate::format::Unit::of(&self.unit) == crate::format::Unit::Percent {
            self.value / Decimal::ONE_HUNDRED
        } else {
            self.value
        };
        value.to_f64().unwrap_or_default()
    }
}

/// Text as a cell may hold it: not too long, and without what XML cannot carry.
fn cut(text: &str) -> String {
    let clean = |c: &char| !c.is_control() || *c == '\n';
    let mut out: String = text.chars().filter(clean).take(MOST_CHARACTERS).collect();
    if text.chars().count() > MOST_CHARACTERS {
        out.push('…');
    }
    out
}

/// The value of a cell, where it has one.
fn exact(exact: &Exact, text: &str) -> Cell {
    match exact {
        Exact::Number { value, unit } => Cell::Number(content::Number {
            value: *value,
            unit: unit.clone(),
            suffix: text
                .trim_start_matches(|c: char| !c.is_alphabetic())
                .to_owned(),
        }),
        Exact::Day(day) => Cell::Day(*day),
    }
}
