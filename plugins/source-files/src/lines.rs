//! From the lines of a sheet to its data rows: finds the header, leaves out what is not data, refuses rows that do not fit.

use crate::cells::{clean, header};
use crate::options::Options;
use csv::StringRecord;
use std::collections::VecDeque;

/// A result whose error is one sentence saying why the file is refused.
pub(crate) type Checked<T> = Result<T, String>;

/// Takes the header once and then each data row.
pub(crate) trait Sink {
    /// The names of the columns.
    fn header(&mut self, names: &[String]) -> Checked<()>;
    /// One data row, numbered from 1; the cells are not yet cleaned. Says whether to go on.
    fn row(&mut self, cells: &StringRecord, number: i64) -> Checked<bool>;
}

/// Whether a line shorter than the header is a fault: lines of text say every cell, sheets leave trailing blanks out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// Text: as many cells as the header.
    Exact,
    /// Sheets: at most as many.
    AtMost,
}

/// The state between header and last row of one file.
pub(crate) struct Lines<'a> {
    options: &'a Options,
    width: Width,
    sink: &'a mut dyn Sink,
    columns: Option<usize>,
    to_skip: usize,
    held: VecDeque<StringRecord>,
    rows: i64,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(options: &'a Options, width: Width, sink: &'a mut dyn Sink) -> Self {
        Self {
            options,
            width,
            sink,
            columns: None,
            to_skip: options.skip_rows_after_header,
            held: VecDeque::new(),
            rows: 0,
        }
    }

    /// Takes the next line, the first of which is the header; says whether to go on.
    pub(crate) fn push(&mut self, line: &StringRecord) -> Checked<bool> {
        if line.iter().all(|cell| clean(cell).trim().is_empty()) {
            return Ok(true);
        }
        let Some(columns) = self.columns else {
            let names = header(line.iter());
            self.columns = Some(names.len());
            self.sink.header(&names)?;
            return Ok(true);
        };
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return Ok(true);
        }
        let first = clean(line.get(0).unwrap_or_default()).trim();
        if self.options.drop_rows.iter().any(|total| total == first) {
            return Ok(true);
        }
        if self.options.skip_last == 0 {
            return self.emit(line, columns);
        }
        self.held.push_back(line.clone());
        if self.held.len() <= self.options.skip_last {
            return Ok(true);
        }
        match self.held.pop_front() {
            Some(oldest) => self.emit(&oldest, columns),
            None => Ok(true),
        }
    }

    /// Called after the last line.
    pub(crate) fn finish(self) -> Checked<()> {
        match self.columns {
            Some(_) => Ok(()),
            None => Err("it is empty: it has not even a header".to_owned()),
        }
    }

    fn emit(&mut self, line: &StringRecord, columns: usize) -> Checked<bool> {
        self.rows += 1;
        let row = self.rows;
        if line.len() < columns && self.width == Width::Exact {
            return Err(format!(
                "data row {row} has {} cells where the header has {columns}: the file is cut off or the row is damaged",
                line.len()
            ));
        }
        if let Some((at, extra)) = line
            .iter()
            .enumerate()
            .skip(columns)
            .find(|(_, cell)| !clean(cell).trim().is_empty())
        {
            return Err(format!(
                "data row {row} has `{extra}` in column {} where the header has {columns} columns: a delimiter stands unquoted in a cell, or the header row is another one (option `header_row`)",
                at + 1
            ));
        }
        self.sink.row(line, row)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keeps everything, for tests.
    #[derive(Default)]
    pub(crate) struct Kept {
        pub(crate) header: Vec<String>,
        pub(crate) rows: Vec<Vec<String>>,
    }

    impl Sink for Kept {
        fn header(&mut self, names: &[String]) -> Checked<()> {
            self.header = names.to_vec();
            Ok(())
        }
        fn row(&mut self, cells: &StringRecord, number: i64) -> Checked<bool> {
            assert_eq!(usize::try_from(number).unwrap(), self.rows.len() + 1);
            self.rows
                .push(cells.iter().map(|cell| clean(cell).to_owned()).collect());
            Ok(true)
        }
    }

    fn run(options: &str, width: Width, lines: &[&[&str]]) -> Checked<Kept> {
        let options: Options = toml::from_str(options).unwrap();
        let mut kept = Kept::default();
        let mut reading = Lines::new(&options, width, &mut kept);
        for line in lines {
            reading.push(&StringRecord::from(line.to_vec()))?;
        }
        reading.finish()?;
        Ok(kept)
    }

    #[test]
    fn formulas_totals_and_blank_lines_are_not_data() {
        let lines: &[&[&str]] = &[
            &["日期", "收入"],
            &["", "收入+支出"],
            &["2026-01-01", "5"],
            &["", ""],
            &["总计", "5"],
            &["整体", "5"],
        ];
        let kept = run(
            "skip_rows_after_header = 1\ndrop_rows = [\"总计\", \"整体\"]",
            Width::Exact,
            lines,
        )
        .unwrap();
        assert_eq!(kept.rows, [["2026-01-01", "5"]]);
        let kept = run(
            "skip_rows_after_header = 1\ndrop_rows = []\nskip_last = 2",
            Width::Exact,
            lines,
        )
        .unwrap();
        assert_eq!(kept.rows, [["2026-01-01", "5"]]);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_with_their_number() {
        let short: &[&[&str]] = &[&["a", "b"], &["1", "2"], &["3"]];
        let why = run("", Width::Exact, short).err().unwrap();
        assert!(
            why.contains("data row 2 has 1 cells where the header has 2"),
            "{why}"
        );
        assert_eq!(run("", Width::AtMost, short).unwrap().rows.len(), 2);
        let long: &[&[&str]] = &[&["a", "b"], &["1", "2", ""], &["1", "2", "x"]];
        let why = run("", Width::AtMost, long).err().unwrap();
        assert!(why.contains("data row 2 has `x` in column 3"), "{why}");
        assert!(run("", Width::Exact, &[]).err().unwrap().contains("empty"));
    }
}
