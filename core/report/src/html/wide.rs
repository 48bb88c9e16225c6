//! Tables that are wider than a phone: parted into tables that fit. Programs that drop the style block, as QQ 邮箱 and 163 do, would
//! neither move them sideways nor lay them out anew.

use chenbao_model::document::{Align, Row, Table, plain};

/// Pixels between the edges of a mail on a phone.
const ROOM: f32 = 335.0;
/// Pixels of a Han character, of a digit or letter, and of the marks between digits, in the type that tables have there, rather too
/// many than too few: every machine has its own fonts. And around a cell.
const HAN: f32 = 12.0;
const LATIN: f32 = 7.2;
const MARK: f32 = 3.8;
const AROUND: f32 = 6.0;
/// Words wrap: a column of them needs no more than six Han characters, and a head four, but for the longest word in letters.
const WORDS: f32 = 6.0 * HAN;
const HEAD: f32 = 4.0 * HAN;

/// The table in parts that a phone's width holds: each begins with the column that names the rows, and has about as many of the others.
pub(super) fn parts(table: &Table) -> Vec<Table> {
    let widths: Vec<f32> = (0..table.heads.len()).map(|i| width(table, i)).collect();
    let Some((first, others)) = widths.split_first() else {
        return vec![table.clone()];
    };
    let fits = |each: usize| {
        let mut chunks = others.chunks(each);
        chunks.all(|chunk| first + chunk.iter().sum::<f32>() <= ROOM)
    };
    let counts = 1..=others.len();
    let each = counts
        .map(|count| others.len().div_ceil(count))
        .find(|each| fits(*each));
    let columns: Vec<usize> = (1..widths.len()).collect();
    match each.unwrap_or(1) {
        each if each >= columns.len() => vec![table.clone()],
        each => columns
            .chunks(each)
            .map(|chosen| part(table, chosen))
            .collect(),
    }
}

/// The table with its first column and these.
fn part(table: &Table, chosen: &[usize]) -> Table {
    let columns = || std::iter::once(0).chain(chosen.iter().copied());
    let row = |row: &Row| Row {
        kind: row.kind,
        cells: columns()
            .filter_map(|i| row.cells.get(i).cloned())
            .collect(),
        shades: columns()
            .filter_map(|i| row.shades.get(i).copied())
            .collect(),
    };
    Table {
        heads: columns()
            .filter_map(|i| table.heads.get(i).cloned())
            .collect(),
        rows: table.rows.iter().map(row).collect(),
        ..Table::default()
    }
}

/// What a column needs, in pixels: figures never wrap.
fn width(table: &Table, column: usize) -> f32 {
    let head = table.heads.get(column);
    let words = head.is_none_or(|head| head.align == Align::Left);
    let cells = table.rows.iter().filter_map(|row| row.cells.get(column));
    let needs = |text: String| match words {
        true => wrapped(&text, WORDS),
        false => long(&text),
    };
    let longest = cells.map(|cell| needs(plain(cell))).fold(0.0, f32::max);
    let head = head.map_or(0.0, |head| wrapped(&head.label, HEAD));
    longest.max(head) + AROUND
}

/// What words need that may wrap: no more than so much, unless one of them is longer.
fn wrapped(text: &str, most: f32) -> f32 {
    let words = text.split(|c: char| c.is_whitespace() || !c.is_ascii());
    let word = words.map(long).fold(0.0, f32::max);
    long(text).min(most).max(word)
}

fn long(text: &str) -> f32 {
    let pixels = |c: char| match c {
        ',' | '.' | ' ' => MARK,
        c if c.is_ascii() => LATIN,
        _ => HAN,
    };
    text.chars().map(pixels).sum()
}
