//! Milliseconds and bytes per document: `bench_pages [ROUNDS [DIR [BURST]]]` for the two-page sample, for long tables, and for a burst
//! of so many different reports.
//!
//! DIR takes each table as `N.pdf` and, for other programs to set, as `N.tsv`; N is the number of rows.
//! Times are those of the fastest round: what else the machine does only adds to them.

#[path = "sample_pages/sample.rs"]
mod sample;

use chenbao_model::document::{Block, Document, Row, Table, plain};
use chenbao_report::fonts::Fonts;
use chenbao_report::{Format, Pictures, RenderOptions, layout, pdf, png, render};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: u32 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(50);
    let dir = std::env::args().nth(2).map(PathBuf::from);
    let many = std::env::args().nth(3).and_then(|text| text.parse().ok());
    let mut out = std::io::stdout().lock();
    let start = Instant::now();
    let fonts = Fonts::embedded()?;
    writeln!(out, "fonts {:.1} ms", millis(start.elapsed()))?;
    let sample = sample::daily();
    writeln!(
        out,
        "charts of the sample: {}",
        sample::charts(&sample).len()
    )?;
    // First, so that its memory is its own.
    if let Some(many) = many {
        bursts(&sample, &fonts, many, &mut out)?;
    }
    for rows in [0, 160, 1670, 16_760] {
        let document = if rows == 0 {
            sample.clone()
        } else {
            long(&sample, rows)
        };
        let rounds = if rows > 200 { rounds.min(3) } else { rounds };
        let bytes = measure(&document, &fonts, rounds, &mut out)?;
        if let Some(dir) = dir.as_ref().filter(|_| rows > 0) {
            std::fs::create_dir_all(dir)?;
            std::fs::write(dir.join(format!("{rows}.pdf")), bytes)?;
            std::fs::write(dir.join(format!("{rows}.tsv")), tsv(&document))?;
        }
    }
    let pages = layout::pages(&sample, &fonts)?.value;
    let start = Instant::now();
    png::pages(&pages.pages, &fonts, 100.0 / 72.0)?;
    writeln!(
        out,
        "png of the sample's pages {:.1} ms",
        millis(start.elapsed())
    )?;
    Ok(())
}

fn measure(
    document: &Document,
    fonts: &Fonts,
    rounds: u32,
    out: &mut impl std::io::Write,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut layout_time, mut write_time) = (Duration::MAX, Duration::MAX);
    let (mut pages, mut bytes) = (0, Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let made = layout::pages(document, fonts)?.value;
        layout_time = layout_time.min(start.elapsed());
        let start = Instant::now();
        bytes = pdf::write(document, &made, fonts)?;
        write_time = write_time.min(start.elapsed());
        pages = made.pages.len();
    }
    let (layout_time, write_time) = (millis(layout_time), millis(write_time));
    let sum = layout_time + write_time;
    writeln!(
        out,
        "{pages} pages: layout {layout_time:.1} + pdf {write_time:.1} = {sum:.1} ms, {} bytes",
        bytes.len()
    )?;
    Ok(bytes)
}

/// A burst of tables, and one of mails.
fn bursts(
    sample: &Document,
    fonts: &Fonts,
    many: usize,
    out: &mut impl std::io::Write,
) -> Result<(), Box<dyn std::error::Error>> {
    burst("PDF of 4 pages", many, out, |i| {
        let table = numbered(sample, 160, i);
        let laid = layout::pages(&table, fonts)?.value;
        Ok(pdf::write(&table, &laid, fonts)?.len())
    })?;
    burst("mail with its PDF of 2 pages", many, out, |i| {
        let mut daily = sample.clone();
        daily.meta.title = format!("{} {i}", daily.meta.title);
        let options = RenderOptions {
            fonts,
            pictures: Pictures::Cid,
            lacks: None,
        };
        let formats = [Format::Html, Format::Text, Format::Pdf];
        let made = render(&daily, &formats, &options)?.value;
        Ok(made.iter().map(|part| part.bytes.len()).sum())
    })
}

/// So many different reports in one process, one after the other: their time, their bytes, and the memory at its highest.
fn burst(
    what: &str,
    many: usize,
    out: &mut impl std::io::Write,
    mut report: impl FnMut(usize) -> Result<usize, Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut bytes = 0;
    for i in 0..many {
        bytes += report(i)?;
    }
    let took = millis(start.elapsed());
    // Linux alone says it; elsewhere it stays away.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap_or_default().trim();
    writeln!(
        out,
        "burst of {many}, {what}: {took:.0} ms, {bytes} bytes, peak {peak}"
    )?;
    Ok(())
}

/// The sample's product table, repeated to many rows.
fn long(sample: &Document, rows: usize) -> Document {
    numbered(sample, rows, 0)
}

/// The same with figures of its own for each number.
fn numbered(sample: &Document, rows: usize, number: usize) -> Document {
    fn first(blocks: &[Block]) -> Option<&Table> {
        blocks.iter().find_map(|block| match block {
            Block::Section(section) => section.blocks.iter().find_map(|block| match block {
                Block::Table(table) => Some(table),
                _ => None,
            }),
            _ => None,
        })
    }
    let table = first(&sample.blocks).cloned().unwrap_or_default();
    let rows: Vec<Row> = table
        .rows
        .iter()
        .filter(|row| !row.cells.is_empty())
        .cycle()
        .take(rows)
        .cloned()
        .collect();
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(i, mut row)| {
            row.cells[2][0].text = format!("{},{:03}", i + 1, (i + number) % 997);
            row
        })
        .collect();
    Document {
        meta: sample.meta.clone(),
        blocks: vec![Block::Table(Table { rows, ..table })],
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The words of a table: a line of heads, then a line per row, cells parted by tabs.
fn tsv(document: &Document) -> String {
    let mut lines = Vec::new();
    for block in &document.blocks {
        if let Block::Table(table) = block {
            let heads = table.heads.iter().map(|head| head.label.clone());
            lines.push(heads.collect::<Vec<_>>().join("\t"));
            lines.extend(table.rows.iter().map(|row| {
                let cells = row.cells.iter().map(|cell| plain(cell));
                cells.collect::<Vec<_>>().join("\t")
            }));
        }
    }
    lines.join("\n")
}
