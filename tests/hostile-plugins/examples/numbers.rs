//! The smallest source: rows out of nothing, for tests and measurements; fails in the middle as told.

use chenbao_plugin::arrow_array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchReader, StringArray,
};
use chenbao_plugin::arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use chenbao_plugin::{
    Error, ErrorCode, ExportFact, Level, Result, Scan, ScanFacts, ScanRequest, Skipped, Source,
    SourceCx, TableInfo, bad_config, export_plugin,
};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const BATCH: i64 = 8192;

/// The source.
#[derive(Debug)]
pub struct Numbers {
    options: Options,
}

/// Its options.
#[derive(Debug, Clone, Deserialize)]
pub struct Options {
    rows: i64,
    fail: String,
    #[serde(default)]
    file: String,
}

impl Source for Numbers {
    const ID: &'static str = "numbers";
    type Options = Options;

    fn open(options: Options, _cx: &SourceCx) -> Result<Self> {
        if options.fail == "open" {
            Err(bad_config("`fail` says so"))
        } else {
            Ok(Self { options })
        }
    }

    fn check(&mut self, cx: &SourceCx) -> Result<Vec<String>> {
        let token = cx.secret("token")?;
        Ok(vec![format!(
            "a token of {} characters",
            token.expose().chars().count()
        )])
    }

    fn tables(&mut self, _cx: &SourceCx) -> Result<Vec<TableInfo>> {
        Ok(vec![TableInfo {
            name: "numbers".to_owned(),
            ..TableInfo::default()
        }])
    }

    fn scan(&mut self, request: &ScanRequest, cx: &SourceCx) -> Result<Scan> {
        if request.table != "numbers" {
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("there is no table `{}`", request.table),
            ));
        }
        match self.options.fail.as_str() {
            "another secret" => drop(cx.secret("password")?),
            "lake" => drop(std::fs::read_to_string(&self.options.file)?),
            _ => {}
        }
        let told = self.tell(cx)?;
        let given = Arc::new(AtomicU64::new(0));
        let reader = Reader {
            options: self.options.clone(),
            next: 0,
            given: Arc::clone(&given),
            cx: cx.clone(),
        };
        let name = request
            .period
            .as_ref()
            .map(|days| days.start.clone())
            .unwrap_or_default();
        let facts = move || {
            let rows = given.load(Ordering::Relaxed);
            let fact = ExportFact {
                export: 1,
                name,
                exported_at: "2026-11-22T07:00:00+08:00".to_owned(),
                rows,
                ..ExportFact::default()
            };
            Ok(ScanFacts {
                exports: vec![fact],
                skipped: told.iter().map(|why| skipped(why)).collect(),
                warnings: told,
                more: false,
            })
        };
        Ok(Scan {
            reader: Box::new(reader),
            facts: Box::new(facts),
        })
    }
}

impl Numbers {
    /// Tells its token to everybody who listens, or dies with it; and what else there is to say of it.
    #[expect(clippy::print_stderr, reason = "fails as told")]
    fn tell(&self, cx: &SourceCx) -> Result<Vec<String>> {
        if !["tell", "refused", "crash"].contains(&self.options.fail.as_str()) {
            return Ok(Vec::new());
        }
        let secret = cx.secret("token")?;
        let token = secret.expose();
        let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let said = format!("the token is {token}, in an address {encoded}, quoted {token:?}");
        for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
            cx.log(level, &said);
        }
        cx.progress(1.0, 2.0, &said);
        eprintln!("{said}");
        match self.options.fail.as_str() {
            "refused" => Err(Error::new(ErrorCode::Auth, said)),
            "crash" => std::process::abort(),
            _ => Ok(vec![said]),
        }
    }
}

fn skipped(why: &str) -> Skipped {
    Skipped {
        name: "another".to_owned(),
        why: why.to_owned(),
    }
}

struct Reader {
    options: Options,
    next: i64,
    given: Arc<AtomicU64>,
    cx: SourceCx,
}

impl Reader {
    #[expect(clippy::panic, reason = "fails as told")]
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        self.cx.checkpoint()?;
        let end = (self.next + BATCH).min(self.options.rows);
        if self.next > 0 && self.next >= self.options.rows / 2 {
            match self.options.fail.as_str() {
                "error" => {
                    return Err(
                        Error::new(ErrorCode::Auth, "the token has run out").retry_after(1000)
                    );
                }
                "panic" => panic!("in the middle of a stream"),
                "exit" => std::process::exit(0),
                _ => {}
            }
        }
        if self.next >= end {
            return Ok(None);
        }
        let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(self.next..end));
        let exports: ArrayRef = Arc::new(Int64Array::from_iter_values((self.next..end).map(|_| 1)));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
            (self.next..end).map(|n| format!("订单-{n:08}")),
        ));
        self.given.fetch_add(rows.len() as u64, Ordering::Relaxed);
        self.next = end;
        Ok(Some(RecordBatch::try_new(
            self.schema(),
            vec![exports, rows, texts],
        )?))
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().map_err(ArrowError::from).transpose()
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("_export", DataType::Int64, false),
            Field::new("_row", DataType::Int64, false),
            Field::new("order", DataType::Utf8, false),
        ]))
    }
}

export_plugin! {
    files: ["source.toml"],
    sources: [Numbers]
}
