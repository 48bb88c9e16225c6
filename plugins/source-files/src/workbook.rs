//! XLSX sheets line by line through calamine; sheets whose cells carry no row number, as 千川 writes them, through their XML.

use crate::lines::{Checked, Lines};
use crate::options::Options;
use crate::sheet_xml;
use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError, open_workbook};
use csv::StringRecord;
use jiff::ToSpan;
use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

type Book = Xlsx<BufReader<File>>;

/// From here on a float no longer tells neighbouring integers apart as Excel shows them: an id is lost.
const LARGEST_EXACT: f64 = 1e15;

/// Feeds every line of the sheet from the header row on.
pub(crate) fn each_line(path: &Path, options: &Options, lines: Lines<'_>) -> Checked<()> {
    let mut book: Book = open_workbook(path).map_err(|e: XlsxError| {
        format!("it is not a readable workbook ({e}): cut off, or protected by a password")
    })?;
    let (at, sheet) = choose(&book.sheet_names(), options.sheet.as_deref())?;
    let mut grid = Grid::new(options.header_row, lines);
    if lacks_row_numbers(&mut book, &sheet) {
        drop(book);
        sheet_xml::each_cell(path, at, &mut grid)?;
    } else {
        each_cell(&mut book, &sheet, &mut grid)?;
    }
    grid.finish()
}

fn choose(names: &[String], wanted: Option<&str>) -> Checked<(usize, String)> {
    let found = match wanted {
        None => names.first().map(|name| (0, name.clone())),
        Some(wanted) => names
            .iter()
            .position(|name| name == wanted)
            .map(|at| (at, wanted.to_owned())),
    };
    found.ok_or_else(|| match wanted {
        Some(wanted) => format!("it has no sheet `{wanted}`; it has {}", names.join(", ")),
        None => "it has no sheet".to_owned(),
    })
}

fn lacks_row_numbers(book: &mut Book, sheet: &str) -> bool {
    let first = book
        .worksheet_cells_reader(sheet)
        .and_then(|mut cells| cells.next_cell().map(|_| ()));
    matches!(first, Err(XlsxError::RangeWithoutRowComponent))
}

fn each_cell(book: &mut Book, sheet: &str, grid: &mut Grid<'_>) -> Checked<()> {
    let damaged = |e: XlsxError| format!("sheet `{sheet}` cannot be read to its end: {e}");
    let mut cells = book.worksheet_cells_reader(sheet).map_err(damaged)?;
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        if !grid.put(cell.get_position(), &written(cell.get_value()))? {
            break;
        }
    }
    Ok(())
}

/// Puts cells that come one by one into lines.
pub(crate) struct Grid<'a> {
    header_row: u32,
    lines: Lines<'a>,
    row: u32,
    line: StringRecord,
    going: bool,
}

impl<'a> Grid<'a> {
    fn new(header_row: u32, lines: Lines<'a>) -> Self {
        Self {
            header_row,
            lines,
            row: 0,
            line: StringRecord::new(),
            going: true,
        }
    }

    /// Takes the cell at (row, column), both from 0; says whether to go on.
    pub(crate) fn put(&mut self, (row, column): (u32, u32), text: &str) -> Checked<bool> {
        if row != self.row {
            self.flush()?;
            self.row = row;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if text.is_empty() {
            return Ok(self.going);
        }
        if column < self.line.len() || column > 16_384 {
            return Err(format!(
                "the cells of row {} are out of order",
                row.saturating_add(1)
            ));
        }
        while self.line.len() < column {
            self.line.push_field("");
        }
        self.line.push_field(text);
        Ok(self.going)
    }

    fn flush(&mut self) -> Checked<()> {
        if self.going && self.row.saturating_add(1) >= self.header_row {
            self.going = self.lines.push(&self.line)?;
        }
        self.line.clear();
        Ok(())
    }

    fn finish(mut self) -> Checked<()> {
        self.flush()?;
        if self.going {
            self.lines.finish()
        } else {
            Ok(())
        }
    }
}

/// The value as a person would read it in the sheet, exact: whole numbers without a point, moments in ISO.
fn written<'a>(value: &'a DataRef<'_>) -> Cow<'a, str> {
    match value {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cow::Borrowed(text)
        }
        DataRef::SharedString(text) => Cow::Borrowed(text),
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        DataRef::Float(number) => Cow::Owned(number_text(*number)),
        DataRef::Bool(yes) => Cow::Borrowed(if *yes { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => Cow::Owned(moment_text(moment)),
        DataRef::Error(error) => Cow::Owned(error.to_string()),
    }
}

/// Long ids that Excel has turned into floats are written as 6.91793E+18, so that the mapping refuses them.
pub(crate) fn number_text(number: f64) -> String {
    if number.abs() >= LARGEST_EXACT {
        format!("{number:E}").replace('E', "E+")
    } else {
        format!("{number}")
    }
}

fn moment_text(moment: &ExcelDateTime) -> String {
    let days = moment.as_f64();
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    if moment.is_duration() || days < 1.0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let small = |part: u8| i8::try_from(part).unwrap_or(i8::MAX);
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    let built = jiff::civil::DateTime::new(
        year,
        small(month),
        small(day),
        small(hour),
        small(minute),
        small(second),
        0,
    );
    match built.and_then(|at| {
        if milli >= 500 {
            at.checked_add(1.second())
        } else {
            Ok(at)
        }
    }) {
        Ok(at) if days.fract() == 0.0 => at.date().to_string(),
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => number_text(days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType::DateTime;

    #[test]
    fn numbers_are_written_exactly_and_lost_ids_visibly() {
        for (number, text) in [
            (862.5, "862.5"),
            (13.0, "13"),
            (-0.1, "-0.1"),
            (19.9, "19.9"),
            (6.917926768823643e18, "6.917926768823643E+18"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn moments_are_written_in_iso() {
        for (days, text) in [
            (45943.5, "2025-10-13 12:00:00"),
            (45943.0, "2025-10-13"),
            (45943.333333333336, "2025-10-13 08:00:00"),
            (0.25, "06:00:00"),
        ] {
            assert_eq!(
                moment_text(&ExcelDateTime::new(days, DateTime, false)),
                text
            );
        }
    }

    #[test]
    fn a_sheet_is_chosen_by_name_or_is_the_first() {
        let names = ["全部".to_owned(), "说明".to_owned()];
        assert_eq!(choose(&names, None).unwrap().0, 0);
        assert_eq!(choose(&names, Some("说明")).unwrap().0, 1);
        assert_eq!(
            choose(&names, Some("x")).unwrap_err(),
            "it has no sheet `x`; it has 全部, 说明"
        );
    }
}
