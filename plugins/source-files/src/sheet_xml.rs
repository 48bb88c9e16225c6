//! Sheets that calamine refuses: cells named `A` instead of `A1`, texts inline. Reads the sheet's XML as a stream.

use crate::lines::Checked;
use crate::workbook::Grid;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The cell that is being read.
#[derive(Default)]
struct CellText {
    column: u32,
    shared: bool,
    inside: bool,
    text: String,
}

/// Feeds the cells of the sheet at that place in the workbook.
pub(crate) fn each_cell(path: &Path, sheet: usize, grid: &mut Grid<'_>) -> Checked<()> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    let entry = format!("xl/worksheets/sheet{}.xml", sheet + 1);
    let xml = archive
        .by_name(&entry)
        .map_err(|e| format!("its part `{entry}` cannot be read: {e}"))?;
    let mut reader = Reader::from_reader(BufReader::new(xml));
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut row, mut next, mut cell) = (Vec::new(), 0_u32, 0_u32, CellText::default());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|e| format!("its part `{entry}` is damaged: {e}"))? {
            Event::Start(start) => match start.local_name().as_ref() {
                "row" => (row, next) = (row_number(&start).unwrap_or(row), 0),
                "c" => cell = begin(&start, next),
                "t" | "v" => cell.inside = true,
                _ => {}
            },
            Event::Text(text) if cell.inside => cell.text.push_str(&text.xml10_content()),
            Event::CData(text) if cell.inside => cell.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) if cell.inside => cell.text.push_str(&entity(&name)),
            Event::End(end) => match end.local_name().as_ref() {
                "t" | "v" => cell.inside = false,
                "c" if cell.shared => return Err("its texts are shared, yet its cells have no row numbers: save it as XLSX again".to_owned()),
                "c" => {
                    next = cell.column.saturating_add(1);
                    if !grid.put((row, cell.column), &cell.text)? {
                        return Ok(());
                    }
                }
                "row" => row = row.saturating_add(1),
                "sheetData" => return Ok(()),
                _ => {}
            },
            Event::Eof => return Err(format!("its part `{entry}` ends before the sheet does: the file is cut off")),
            _ => {}
        }
    }
}

fn row_number(row: &BytesStart<'_>) -> Option<u32> {
    attribute(row, "r")?.parse::<u32>().ok()?.checked_sub(1)
}

fn begin(cell: &BytesStart<'_>, next: u32) -> CellText {
    let column = attribute(cell, "r")
        .and_then(|name| column_number(&name))
        .unwrap_or(next);
    CellText {
        column,
        shared: attribute(cell, "t").as_deref() == Some("s"),
        inside: false,
        text: String::new(),
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element
        .attributes()
        .flatten()
        .find(|a| a.key.as_ref() == name)?;
    Some(found.value.into_owned())
}

/// `A` is 0, `AB` is 27; digits after the letters are the row and left aside.
fn column_number(name: &str) -> Option<u32> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic);
    let count = letters.fold(0_u32, |sum, letter| {
        sum.saturating_mul(26)
            .saturating_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    count.checked_sub(1)
}

fn entity(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(char)) = name.resolve_char_ref() {
        return char.to_string();
    }
    let known = name.xml10_content();
    match known.as_ref() {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}

#[cfg(test)]
mod tests {
    use super::column_number;

    #[test]
    fn columns_count_in_letters() {
        for (name, number) in [
            ("A", Some(0)),
            ("B7", Some(1)),
            ("Z", Some(25)),
            ("AA", Some(26)),
            ("AB12", Some(27)),
            ("7", None),
        ] {
            assert_eq!(column_number(name), number);
        }
    }
}
