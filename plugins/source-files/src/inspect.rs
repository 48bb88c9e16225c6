//! The first pass over a file: digest, encoding, header, days covered, and whether it is whole. What fails here is never half loaded.

use crate::cells::clean;
use crate::delimited;
use crate::find::Found;
use crate::lines::{Checked, Lines, Sink, Width};
use crate::moment::{Covers, exported_at};
use crate::options::{Encoding, Format, Options};
use crate::text::Sniffer;
use crate::workbook;
use csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// Delimited text.
    Text(Encoding),
    /// A workbook.
    Workbook,
}

/// What the raw bytes say.
#[derive(Debug)]
pub(crate) struct Bytes {
    /// SHA-256, hex.
    pub(crate) digest: String,
    /// How to read them.
    pub(crate) container: Container,
    ends_with_line_break: bool,
}

/// A whole, readable export.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) file: Found,
    pub(crate) digest: String,
    pub(crate) container: Container,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: u64,
    pub(crate) covers: Option<(Date, Date)>,
    pub(crate) exported_at: Timestamp,
    pub(crate) provisional: bool,
    pub(crate) caveats: Vec<String>,
}

/// Reads all bytes once.
pub(crate) fn bytes(file: &Found, options: &Options) -> Checked<Bytes> {
    let mut reader = File::open(&file.path).map_err(|e| e.to_string())?;
    let mut buffer = vec![0; 256 * 1024];
    let (mut hash, mut sniffer, mut magic, mut last) =
        (Sha256::new(), Sniffer::default(), Vec::new(), b'\n');
    loop {
        let length = reader.read(&mut buffer).map_err(|e| e.to_string())?;
        let chunk = buffer.get(..length).unwrap_or_default();
        let Some(end) = chunk.last() else { break };
        last = *end;
        if magic.is_empty() {
            magic = chunk.iter().take(8).copied().collect();
        }
        hash.update(chunk);
        sniffer.feed(chunk);
    }
    let digest = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let container = match kind(&magic, options.format)? {
        Format::Xlsx => Container::Workbook,
        Format::Auto | Format::Csv => Container::Text(sniffer.finish(options.encoding)?),
    };
    Ok(Bytes {
        digest,
        container,
        ends_with_line_break: last == b'\n',
    })
}

fn kind(magic: &[u8], wanted: Format) -> Checked<Format> {
    let zip = magic.starts_with(b"PK\x03\x04");
    if magic.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(
            "it is an old .xls or a workbook with a password: save it as .xlsx or .csv without one"
                .to_owned(),
        );
    }
    if magic.starts_with(b"\xff\xfe") || magic.starts_with(b"\xfe\xff") {
        return Err("it is UTF-16 text: save it as CSV in UTF-8".to_owned());
    }
    match (wanted, zip) {
        (Format::Xlsx, false) => {
            Err("it is not a workbook, though option `format` says xlsx".to_owned())
        }
        (Format::Csv, true) => {
            Err("it is a workbook or an archive, though option `format` says csv".to_owned())
        }
        (_, true) => Ok(Format::Xlsx),
        (_, false) => Ok(Format::Csv),
    }
}

/// Parses the whole file and keeps what is worth knowing of it.
pub(crate) fn export(
    file: Found,
    bytes: Bytes,
    options: &Options,
    zone: &TimeZone,
) -> Checked<Export> {
    let mut notes = Notes {
        date_from: &options.date_from,
        columns: Vec::new(),
        date: None,
        covers: Covers::default(),
        rows: 0,
    };
    each_line(&file, bytes.container, options, &mut notes)?;
    let exported_at = exported_at(file.file_name(), file.modified, zone);
    let covers = notes.covers.days();
    let made_on = exported_at.to_zoned(zone.clone()).date();
    let mut caveats = Vec::new();
    if notes.rows == 0 {
        caveats.push(format!("{}: it has a header and no rows", file.name));
    } else if notes.date.is_some() && covers.is_none() {
        caveats.push(format!(
            "{}: no cell of its date column is a day",
            file.name
        ));
    }
    if bytes.container != Container::Workbook && !bytes.ends_with_line_break {
        caveats.push(format!(
            "{}: its last line has no line break; if it was cut off, its last cell is incomplete",
            file.name
        ));
    }
    // All of its days were still running when it was made: the platform may yet change them.
    let provisional = covers.is_some_and(|(first, _)| first >= made_on);
    let (digest, container, columns, rows) =
        (bytes.digest, bytes.container, notes.columns, notes.rows);
    Ok(Export {
        file,
        digest,
        container,
        columns,
        rows,
        covers,
        exported_at,
        provisional,
        caveats,
    })
}

/// Feeds the data rows of the file to the sink.
pub(crate) fn each_line(
    file: &Found,
    container: Container,
    options: &Options,
    sink: &mut dyn Sink,
) -> Checked<()> {
    match container {
        Container::Text(encoding) => delimited::each_line(
            &file.path,
            encoding,
            options,
            Lines::new(options, Width::Exact, sink),
        ),
        Container::Workbook => workbook::each_line(
            &file.path,
            options,
            Lines::new(options, Width::AtMost, sink),
        ),
    }
}

struct Notes<'a> {
    date_from: &'a [String],
    columns: Vec<String>,
    date: Option<usize>,
    covers: Covers,
    rows: u64,
}

impl Sink for Notes<'_> {
    fn header(&mut self, names: &[String]) -> Checked<()> {
        self.columns = names.to_vec();
        self.date = self
            .date_from
            .iter()
            .find_map(|wanted| names.iter().position(|name| name == wanted));
        Ok(())
    }

    fn row(&mut self, cells: &StringRecord, _: i64) -> Checked<bool> {
        self.rows += 1;
        if let Some(cell) = self.date.and_then(|at| cells.get(at)) {
            self.covers.see(clean(cell));
        }
        Ok(true)
    }
}
