//! Source of export files: CSV and XLSX as the platforms' back offices write them, handed out as raw tables.
//!
//! `find` says which files match and have settled. `inspect` is a first pass that digests, decodes and parses each whole file, so that
//! a damaged one is refused with a sentence and the others load. `stream` is a second pass that hands the rows out in batches. Between
//! bytes and rows stand `text` (encodings), `delimited` (CSV), `workbook` and `sheet_xml` (XLSX), `lines` (header, totals, ragged
//! rows) and `cells` (what is wrapped around a value); `moment` reads when a file was made and which days it covers.

mod cells;
mod delimited;
mod find;
mod inspect;
mod lines;
mod moment;
mod options;
mod sheet_xml;
mod stream;
mod text;
mod workbook;

pub use cells::clean;
pub use options::{Encoding, Format, Globs, Options};

use chenbao_plugin::{
    ColumnInfo, ExportFact, Result, Scan, ScanFacts, ScanRequest, Skipped, Source, SourceCx,
    TableInfo,
};
use chenbao_plugin::{Error, ErrorCode, bad_config, io};
use find::Found;
use inspect::Export;
use jiff::tz::TimeZone;
use std::time::Duration;

/// The source `files`.
#[derive(Debug)]
pub struct Files {
    options: Options,
}

/// What a look at the folder gave: exports by age, files left alone.
struct Seen {
    exports: Vec<Export>,
    skipped: Vec<Skipped>,
    warnings: Vec<String>,
}

impl Files {
    fn settled(&self) -> Result<(Vec<Found>, Vec<Skipped>)> {
        let files =
            find::all(&self.options.base, &self.options.globs()).map_err(|e| io(e.to_string()))?;
        let (now, settle) = (
            find::now(),
            Duration::from_secs(self.options.settle_seconds),
        );
        let mut skipped = Vec::new();
        let mut settled = Vec::new();
        for file in files {
            match find::unfinished(&file, now, settle) {
                Some(why) => skipped.push(Skipped {
                    name: file.name,
                    why,
                }),
                None => settled.push(file),
            }
        }
        Ok((settled, skipped))
    }

    fn look(&self, known: &[String], zone: &TimeZone, cx: &SourceCx) -> Result<Seen> {
        let (files, skipped) = self.settled()?;
        let mut seen = Seen {
            exports: Vec::new(),
            skipped,
            warnings: Vec::new(),
        };
        if files.is_empty() && seen.skipped.is_empty() {
            seen.warnings.push(format!(
                "no file matches {}",
                self.options.globs().join(", ")
            ));
        }
        let total = files.iter().map(|file| file.size).sum::<u64>();
        let mut done = 0;
        for file in files {
            cx.checkpoint()?;
            cx.progress(megabytes(done), megabytes(total), &file.name);
            done += file.size;
            self.take(file, known, zone, &mut seen);
        }
        seen.exports
            .sort_by(|a, b| (a.exported_at, &a.file.name).cmp(&(b.exported_at, &b.file.name)));
        Ok(seen)
    }

    /// Inspects one file and puts it where it belongs.
    fn take(&self, file: Found, known: &[String], zone: &TimeZone, seen: &mut Seen) {
        let name = file.name.clone();
        let twin = |digest: &str, exports: &[Export]| {
            exports
                .iter()
                .find(|e| e.digest == digest)
                .map(|e| e.file.name.clone())
        };
        let read = inspect::bytes(&file, &self.options).and_then(|bytes| {
            if known.contains(&bytes.digest) {
                return Ok(None);
            }
            if let Some(twin) = twin(&bytes.digest, &seen.exports) {
                return Err(format!("a copy of {twin}"));
            }
            inspect::export(file, bytes, &self.options, zone).map(Some)
        });
        match read {
            // The host knows what it has: not worth a word.
            Ok(None) => {}
            Ok(Some(export)) => {
                seen.warnings.extend(export.caveats.iter().cloned());
                seen.exports.push(export);
            }
            Err(why) => seen.skipped.push(Skipped { name, why }),
        }
    }
}

impl Source for Files {
    const ID: &'static str = "files";
    type Options = Options;

    fn open(options: Options, _: &SourceCx) -> Result<Self> {
        match options.problems() {
            problems if problems.is_empty() => Ok(Self { options }),
            problems => Err(bad_config(problems.join("; "))),
        }
    }

    fn check(&mut self, cx: &SourceCx) -> Result<Vec<String>> {
        let seen = self.look(&[], &TimeZone::UTC, cx)?;
        let mut notes = seen.warnings;
        notes.extend(
            seen.skipped
                .iter()
                .map(|file| format!("{}: {}", file.name, file.why)),
        );
        let rows: u64 = seen.exports.iter().map(|export| export.rows).sum();
        notes.push(format!(
            "{} readable files with {rows} rows",
            seen.exports.len()
        ));
        Ok(notes)
    }

    fn tables(&mut self, cx: &SourceCx) -> Result<Vec<TableInfo>> {
        let seen = self.look(&[], &TimeZone::UTC, cx)?;
        let schema = stream::schema(&seen.exports);
        let columns = schema.fields().iter().map(|field| ColumnInfo {
            name: field.name().clone(),
            kind: field.data_type().to_string(),
        });
        let description = format!("rows of {}", self.options.globs().join(", "));
        Ok(vec![TableInfo {
            name: self.options.table.clone(),
            description,
            columns: columns.collect(),
        }])
    }

    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan> {
        if request.table != self.options.table {
            let message = format!(
                "there is no raw table `{}`; these files make `{}` (option `table`)",
                request.table, self.options.table
            );
            return Err(Error::new(ErrorCode::NotFound, message));
        }
        let zone = zone(&request.zone)?;
        let seen = self.look(&request.known, &zone, cx)?;
        let mut facts = ScanFacts {
            exports: Vec::new(),
            skipped: seen.skipped,
            warnings: seen.warnings,
            more: false,
        };
        for (number, export) in (0..).zip(&seen.exports) {
            facts.exports.push(fact(number, export));
        }
        let reader = stream::Batches::start(seen.exports, self.options.clone());
        Ok(Scan {
            reader: Box::new(reader),
            facts: Box::new(move || Ok(facts)),
        })
    }
}

fn zone(name: &str) -> Result<TimeZone> {
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name)
        .map_err(|e| bad_config(format!("time zone `{name}` is not known here: {e}")))
}

fn fact(number: i64, export: &Export) -> ExportFact {
    ExportFact {
        export: number,
        name: export.file.name.clone(),
        digest: Some(export.digest.clone()),
        exported_at: export.exported_at.to_string(),
        covers: export
            .covers
            .map(|(first, last)| (first.to_string(), last.to_string())),
        provisional: export.provisional,
        truncated: false,
        rows: export.rows,
        columns: export.columns.clone(),
    }
}

/// Progress is counted in megabytes; what is lost below one does not matter.
fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1_000_000).unwrap_or(u32::MAX))
}

chenbao_plugin::export_plugin! {
    files: [
        "source.toml", "README.md", "sample.toml",
        "presets/compass-lives.toml", "presets/compass-traffic.toml", "presets/doudian-inventory.toml", "presets/doudian-orders.toml",
        "presets/doudian-products.toml", "presets/doudian-refunds.toml", "presets/online-retail.toml", "presets/qianchuan-ads.toml",
        "presets/tmall-orders.toml",
    ],
    sources: [Files]
}

#[cfg(test)]
mod presets;
#[cfg(test)]
mod tests;
