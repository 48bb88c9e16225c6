//! CSV files line by line: delimiter found in the header, quotes that never close noticed, bounded memory whatever the size.

use crate::lines::{Checked, Lines};
use crate::options::{Encoding, Options};
use crate::text::{END, Text};
use csv::{ReaderBuilder, StringRecord};
use std::path::Path;

/// Feeds every line of the file from the header row on.
pub(crate) fn each_line(
    path: &Path,
    encoding: Encoding,
    options: &Options,
    mut lines: Lines<'_>,
) -> Checked<()> {
    let mut text = Text::open(path, encoding).map_err(|e| e.to_string())?;
    text.skip_lines(options.header_row - 1)
        .map_err(|e| e.to_string())?;
    if text.ahead().map_err(|e| e.to_string())?.is_empty() {
        return lines.finish();
    }
    let delimiter = match options.fixed_delimiter()? {
        Some(fixed) => fixed,
        None => sniff(text.ahead().map_err(|e| e.to_string())?),
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text);
    let mut line = StringRecord::new();
    let mut read = 0_u64;
    while reader.read_record(&mut line).map_err(|e| e.to_string())? {
        reader.get_mut().row_ended();
        let last = line.get(line.len().saturating_sub(1)).unwrap_or_default();
        if last == END {
            return lines.finish();
        }
        if last.trim_end().ends_with(END) {
            break;
        }
        read += 1;
        if !lines.push(&line)? {
            return Ok(());
        }
    }
    Err(format!(
        "it ends inside a quoted cell that begins after {read} whole lines: the file is cut off, or a quote is never closed"
    ))
}

/// The most frequent of the usual delimiters in the first line, outside quotes.
fn sniff(text: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_u32), (b'\t', 0), (b';', 0), (b'|', 0)];
    for byte in text.iter().take_while(|byte| **byte != b'\n') {
        if *byte == b'"' {
            quoted = !quoted;
        } else if !quoted
            && let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte)
        {
            *count += 1;
        }
    }
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Width;
    use crate::lines::tests::Kept;

    fn read(bytes: &[u8], options: &str) -> Checked<Kept> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let options: Options = toml::from_str(options).unwrap();
        let mut kept = Kept::default();
        each_line(
            file.path(),
            options.encoding,
            &options,
            Lines::new(&options, Width::Exact, &mut kept),
        )?;
        Ok(kept)
    }

    #[test]
    fn bom_tabs_and_formula_quotes_come_off() {
        let kept = read(
            "\u{feff}订单,商品\r\n\"\t6917926768823643751\",\"=\"\"193\"\"\"\r\n".as_bytes(),
            "",
        )
        .unwrap();
        assert_eq!(kept.header, ["订单", "商品"]);
        assert_eq!(kept.rows, [["6917926768823643751", "193"]]);
        let kept = read("订单,商品\n=\"6917\",- \n".as_bytes(), "").unwrap();
        assert_eq!(kept.rows, [["6917", "- "]]);
    }

    #[test]
    fn gb18030_reads_as_utf8_does() {
        let (gbk, ..) = encoding_rs::GB18030.encode("商品,备注\n连衣裙,𠀀\n");
        let kept = read(&gbk, "encoding = \"gb18030\"").unwrap();
        assert_eq!(
            (kept.header, kept.rows),
            (
                vec!["商品".into(), "备注".into()],
                vec![vec!["连衣裙".to_owned(), "𠀀".to_owned()]]
            )
        );
    }

    #[test]
    fn every_usual_delimiter_is_found() {
        for delimiter in [',', '\t', ';', '|'] {
            let kept = read(
                format!("a{delimiter}\"x,y;z|\"{delimiter}b\n1{delimiter}2{delimiter}3\n")
                    .as_bytes(),
                "",
            )
            .unwrap();
            assert_eq!(kept.rows, [["1", "2", "3"]]);
        }
        assert_eq!(
            read(b"a,b:c\n1,2:3\n", "delimiter = \":\"").unwrap().header,
            ["a,b", "c"]
        );
    }

    #[test]
    fn a_header_below_title_lines_is_found_by_its_row() {
        let bytes = "推广报表,,\n\n日期,花费\n2026-01-01,5\n".as_bytes();
        assert_eq!(
            read(bytes, "header_row = 3").unwrap().rows,
            [["2026-01-01", "5"]]
        );
        assert!(
            read(bytes, "header_row = 9")
                .err()
                .unwrap()
                .contains("empty")
        );
    }

    #[test]
    fn a_line_break_in_quotes_is_part_of_the_cell() {
        assert_eq!(read(b"a,b\n\"1\n2\",3", "").unwrap().rows, [["1\n2", "3"]]);
    }

    #[test]
    fn a_file_cut_off_anywhere_before_its_last_cell_is_refused() {
        let whole = b"a,b,c\n1,\"two words\",3\n4,\"five\",6\n";
        assert_eq!(read(whole, "").unwrap().rows.len(), 2);
        let second = whole.iter().position(|byte| *byte == b'4').unwrap();
        for cut in second + 1..whole.len() - 2 {
            assert!(read(&whole[..cut], "").is_err(), "cut at {cut}");
        }
        assert!(
            read(b"a,b\n1,\"two\n3,4\n", "")
                .err()
                .unwrap()
                .contains("quoted cell that begins after 1 whole lines")
        );
    }
}
