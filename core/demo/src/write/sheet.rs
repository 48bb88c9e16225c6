//! A CSV file as the platforms write it: BOM or GB18030, TAB before ids, thousands in money, `-` for nothing.

use crate::calendar::{Calendar, DAY};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// How a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8 that begins with a byte order mark.
    Utf8Bom,
    /// GB18030, as older exports are.
    Gb18030,
}

/// A file being written, row by row.
#[derive(Debug)]
pub(crate) struct Sheet {
    file: BufWriter<File>,
    path: PathBuf,
    encoding: Encoding,
    columns: usize,
    row: String,
    cells: usize,
}

impl Sheet {
    /// A new file with its header row.
    pub(crate) fn create(
        path: &Path,
        encoding: Encoding,
        header: &[&str],
    ) -> Result<Self, Problems> {
        let mut file = File::create(path)
            .map(BufWriter::new)
            .map_err(|e| failed(path, &e))?;
        if encoding == Encoding::Utf8Bom {
            file.write_all("\u{feff}".as_bytes())
                .map_err(|e| failed(path, &e))?;
        }
        let mut sheet = Self {
            file,
            path: path.to_owned(),
            encoding,
            columns: header.len(),
            row: String::new(),
            cells: 0,
        };
        for title in header {
            sheet.text(title);
        }
        sheet.end()?;
        Ok(sheet)
    }

    fn next(&mut self) {
        if self.cells > 0 {
            self.row.push(',');
        }
        self.cells += 1;
    }

    /// Text that needs no quotes for sure: fixed words and codes.
    pub(crate) fn word(&mut self, text: &str) {
        self.next();
        self.row.push_str(text);
    }

    /// Text that may hold anything.
    pub(crate) fn text(&mut self, text: &str) {
        self.next();
        if text.contains(['"', ',', '\n', '\r', '\t']) {
            self.row.push('"');
            self.row.push_str(&text.replace('"', "\"\""));
            self.row.push('"');
        } else {
            self.row.push_str(text);
        }
    }

    /// An id, with the TAB in quotes that keeps spreadsheets from eating its digits.
    pub(crate) fn id(&mut self, id: i64) {
        self.next();
        self.show(format_args!("\"\t{id}\""));
    }

    /// A cipher in the place of a person.
    pub(crate) fn cipher(&mut self, mark: &str, noise: u64) {
        self.next();
        self.show(format_args!("{mark}{noise:016x}=="));
    }

    /// A count.
    pub(crate) fn int(&mut self, count: i64) {
        self.next();
        self.show(format_args!("{count}"));
    }

    /// Fen as yuan, with thousands: `"1,234.50"`.
    pub(crate) fn money(&mut self, fen: i64) {
        self.next();
        let (yuan, cents) = (fen / 100, fen % 100);
        if yuan >= 1_000_000 {
            let (millions, thousands) = (yuan / 1_000_000, yuan / 1000 % 1000);
            self.show(format_args!(
                "\"{millions},{thousands:03},{:03}.{cents:02}\"",
                yuan % 1000
            ));
        } else if yuan >= 1000 {
            self.show(format_args!(
                "\"{},{:03}.{cents:02}\"",
                yuan / 1000,
                yuan % 1000
            ));
        } else {
            self.show(format_args!("{yuan}.{cents:02}"));
        }
    }

    /// A ratio with two decimals; nothing divided by zero is `-`.
    pub(crate) fn ratio(&mut self, numerator: i64, denominator: i64, unit: &str) {
        if denominator == 0 {
            return self.word("-");
        }
        let percent = unit == "%";
        let hundredths =
            crate::random::of(numerator, if percent { 10_000 } else { 100 }, denominator);
        self.next();
        self.show(format_args!(
            "{}.{:02}{unit}",
            hundredths / 100,
            hundredths % 100
        ));
    }

    /// A moment, or `-`.
    pub(crate) fn moment(&mut self, calendar: &Calendar, at: Option<i64>) {
        let Some(at) = at else { return self.word("-") };
        self.next();
        self.row.push_str(calendar.date(at / DAY));
        let second = at % DAY;
        for (mark, number) in [
            (' ', second / 3600),
            (':', second / 60 % 60),
            (':', second % 60),
        ] {
            self.row.push(mark);
            self.row.push(digit(number / 10));
            self.row.push(digit(number % 10));
        }
    }

    /// So many cells without a value.
    pub(crate) fn nothing(&mut self, count: usize, mark: &str) {
        for _ in 0..count {
            self.word(mark);
        }
    }

    fn show(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _infallible = self.row.write_fmt(text);
    }

    /// Ends the row; a row with another number of cells than the header is a bug that no file should hide.
    pub(crate) fn end(&mut self) -> Result<(), Problems> {
        if self.cells != self.columns {
            let said = format!(
                "a row of {} cells under {} headers",
                self.cells, self.columns
            );
            return Err(Diagnostic::error(said)
                .in_file(self.path.display().to_string())
                .into());
        }
        self.row.push_str("\r\n");
        let written = match self.encoding {
            Encoding::Utf8Bom => self.file.write_all(self.row.as_bytes()),
            Encoding::Gb18030 => self
                .file
                .write_all(&encoding_rs::GB18030.encode(&self.row).0),
        };
        self.row.clear();
        self.cells = 0;
        written.map_err(|e| failed(&self.path, &e))
    }

    /// Writes what is buffered.
    pub(crate) fn finish(mut self) -> Result<(), Problems> {
        self.file.flush().map_err(|e| failed(&self.path, &e))
    }
}

fn digit(number: i64) -> char {
    u32::try_from(number)
        .ok()
        .and_then(|number| char::from_digit(number, 10))
        .unwrap_or('0')
}

/// What failed to be written, where and why.
pub(crate) fn failed(path: &Path, error: &dyn std::fmt::Display) -> Problems {
    Diagnostic::error(format!("the demo shop cannot be written: {error}"))
        .in_file(path.display().to_string())
        .hint("name a folder with room that you may write to: `chenbao demo --dir DIR`")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(encoding: Encoding, fill: impl FnOnce(&mut Sheet)) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut sheet = Sheet::create(&path, encoding, &["a", "b", "c"]).unwrap();
        fill(&mut sheet);
        sheet.end().unwrap();
        sheet.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn cells_look_as_the_platform_writes_them() {
        let bytes = written(Encoding::Utf8Bom, |sheet| {
            sheet.id(6_917_926_768_823_643_751);
            sheet.money(123_450);
            sheet.text("a \"b\"");
        });
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "\u{feff}a,b,c\r\n\"\t6917926768823643751\",\"1,234.50\",\"a \"\"b\"\"\"\r\n"
        );
    }

    #[test]
    fn ratios_and_millions() {
        let bytes = written(Encoding::Utf8Bom, |sheet| {
            sheet.ratio(1, 8, "%");
            sheet.ratio(1, 0, "");
            sheet.money(123_456_789);
        });
        assert!(
            String::from_utf8(bytes)
                .unwrap()
                .ends_with("12.50%,-,\"1,234,567.89\"\r\n")
        );
    }

    #[test]
    fn the_old_generation_is_not_utf8() {
        let bytes = written(Encoding::Gb18030, |sheet| {
            sheet.text("围巾🧣");
            sheet.nothing(2, "-");
        });
        assert!(std::str::from_utf8(&bytes).is_err());
        assert!(encoding_rs::GB18030.decode(&bytes).0.contains("围巾🧣"));
    }

    #[test]
    fn a_crooked_row_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut sheet =
            Sheet::create(&folder.path().join("a.csv"), Encoding::Utf8Bom, &["a", "b"]).unwrap();
        sheet.word("x");
        assert!(
            sheet
                .end()
                .unwrap_err()
                .to_string()
                .contains("1 cells under 2 headers")
        );
    }
}
