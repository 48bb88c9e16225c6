//! @title@: sales of a till that writes one text file a day.

use chenbao_plugin::arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use chenbao_plugin::{
    ColumnInfo, Days, ExportFact, Params, Result, Scan, ScanFacts, ScanRequest, Source, SourceCx, TableInfo, bad_data, export_plugin, io,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a project may set; each becomes a row of the README and a check of the configuration.
#[derive(Debug, Params)]
pub struct Options {
    /// Folder of the files, seen from the project.
    #[param(path = "folder")]
    folder: String,
    #[param(host)]
    base: Option<PathBuf>,
}

/// The source.
#[derive(Debug)]
pub struct @Type@ {
    folder: PathBuf,
}

/// Columns as they are found; texts stay texts, the mapping says what they mean.
const COLUMNS: [&str; 3] = ["order", "paid at", "amount"];

impl Source for @Type@ {
    const ID: &'static str = "@name@";
    type Options = Options;

    fn open(options: Options, _cx: &SourceCx) -> Result<Self> {
        Ok(Self { folder: options.base.unwrap_or_default().join(options.folder) })
    }

    fn check(&mut self, _cx: &SourceCx) -> Result<Vec<String>> {
        let days = days(&self.folder)?;
        Ok(vec![format!("{} days in {}", days.len(), self.folder.display())])
    }

    fn tables(&mut self, _cx: &SourceCx) -> Result<Vec<TableInfo>> {
        let columns = COLUMNS.map(|name| ColumnInfo { name: name.into(), kind: "Utf8".into() });
        Ok(vec![TableInfo { name: "sales".into(), description: "One row per sale.".into(), columns: columns.into() }])
    }

    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan> {
        let (mut batches, mut facts) = (Vec::new(), ScanFacts::default());
        for (day, path) in days(&self.folder)? {
            cx.checkpoint()?;
            let wanted = |days: &Days| days.start <= day && day < days.end;
            if !request.period.as_ref().is_none_or(wanted) {
                continue;
            }
            let export = i64::try_from(facts.exports.len()).unwrap_or(i64::MAX);
            let batch = read(&path, export)?;
            facts.exports.push(ExportFact {
                export,
                name: path.file_name().unwrap_or_default().to_string_lossy().into(),
                exported_at: format!("{day}T23:59:59Z"),
                covers: Some((day.clone(), day)),
                rows: batch.num_rows().try_into().unwrap_or(u64::MAX),
                columns: COLUMNS.map(String::from).into(),
                ..ExportFact::default()
            });
            batches.push(Ok(batch));
        }
        let schema = rows(&[], 0)?.schema();
        Ok(Scan {
            reader: Box::new(RecordBatchIterator::new(batches, schema)),
            facts: Box::new(move || Ok(facts)),
        })
    }
}

/// The days of which there is a file, `till-2026-11-21.txt`, in order.
fn days(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = std::fs::read_dir(folder).map_err(|why| io(format!("{}: {why}", folder.display())))?;
    let mut days = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(day) = name.strip_prefix("till-").and_then(|rest| rest.strip_suffix(".txt")) {
            days.push((day.to_owned(), path));
        }
    }
    days.sort();
    Ok(days)
}

fn read(path: &Path, export: i64) -> Result<RecordBatch> {
    let text = std::fs::read_to_string(path).map_err(|why| io(format!("{}: {why}", path.display())))?;
    let mut lines = text.lines();
    if lines.next() != Some("order;paid at;amount") {
        return Err(bad_data(format!("{} does not begin with `order;paid at;amount`", path.display())));
    }
    let cells: Vec<[&str; 3]> = lines.filter_map(|line| line.split(';').collect::<Vec<_>>().try_into().ok()).collect();
    rows(&cells, export)
}

fn rows(cells: &[[&str; 3]], export: i64) -> Result<RecordBatch> {
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for (at, name) in COLUMNS.into_iter().enumerate() {
        let texts: StringArray = cells.iter().map(|row| row.get(at).copied()).collect();
        columns.push((name, Arc::new(texts)));
    }
    let count = i64::try_from(cells.len()).unwrap_or(i64::MAX);
    columns.push(("_export", Arc::new(Int64Array::from(vec![export; cells.len()]))));
    columns.push(("_row", Arc::new(Int64Array::from_iter_values(1..=count))));
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

export_plugin! {
    files: ["source.toml", "presets/orders.toml"],
    sources: [@Type@]
}
