//! Cases of a plugin: `cases/<name>/` with what goes in, and `expected.json` with what must come out.
//!
//! A metric's case is a call (`case.toml`, or `period.json`, `context.json` and `params.json`) with the shop's tables as
//! `tables/<table>.csv`, which go through the metric's own SQL, or with the rows that the SQL would give as `inputs.json`.

use crate::days;
use crate::plugin::descriptor::{Descriptor, Input};
use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use chenbao_engine::{Engine, Lake, Param, Query, Window, arrow_schema};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::{Column, Kind, Merge, TableSchema, canonical, canonical_names};
use chenbao_model::{Diagnostic, Grain, Id, Period};
use futures::StreamExt as _;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `case.toml` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    period: String,
    as_of: Option<String>,
    currency: Option<String>,
    zone: Option<String>,
    shops: Option<Vec<String>>,
    with: Map<String, Value>,
    secrets: BTreeMap<String, String>,
    state: BTreeMap<String, String>,
    /// A team's own tables: columns with their types, as the configuration declares them.
    tables: BTreeMap<String, BTreeMap<String, Kind>>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Params or options as given, without defaults.
    pub with: Map<String, Value>,
    /// Secrets of a source.
    pub secrets: BTreeMap<String, String>,
    /// What a source has kept before.
    pub state: BTreeMap<String, String>,
    /// Period of the call.
    pub period: Value,
    /// Context of the call.
    pub context: Value,
    /// A team's own tables, and those that are made from a configuration.
    tables: Vec<TableSchema>,
    /// The days of the period.
    days: Option<Period>,
    as_of: String,
}

/// The cases of a plugin's folder, by name.
///
/// # Errors
/// Everything that is wrong with them.
pub fn all(folder: &Path) -> Result<Vec<Case>, Problems> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder.join("cases"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let mut cases = Vec::new();
    let mut problems = Vec::new();
    for folder in folders {
        match read(&folder) {
            Ok(Some(case)) => cases.push(case),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(Problems(problems))
    }
}

/// A case of this form; folders with neither of its files are a plugin's own affair.
fn read(folder: &Path) -> Result<Option<Case>, Diagnostic> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let whole = |period, context, days, as_of: String, written: Written| Case {
        name: name.clone().into_owned(),
        folder: folder.to_owned(),
        with: written.with,
        secrets: written.secrets,
        state: written.state,
        tables: written.tables.into_iter().map(own_table).collect(),
        period,
        context,
        days,
        as_of,
    };
    let file = folder.join("case.toml");
    if file.is_file() {
        let text = text(&file)?;
        let wrong = |why: String| Diagnostic::error(why).in_file(file.display().to_string());
        let written: Written = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if written.period.is_empty() {
            return Ok(Some(whole(
                Value::Null,
                Value::Null,
                None,
                String::new(),
                written,
            )));
        }
        let period: Period = written.period.parse().map_err(wrong)?;
        let (period_json, context, as_of) = call(period, &written).map_err(wrong)?;
        return Ok(Some(whole(
            period_json,
            context,
            Some(period),
            as_of,
            written,
        )));
    }
    if !folder.join("inputs.json").is_file() {
        return Ok(None);
    }
    let period = parsed(&folder.join("period.json"))?;
    let context = parsed(&folder.join("context.json"))?;
    let mut written = Written::default();
    if folder.join("params.json").is_file()
        && let Value::Object(params) = parsed(&folder.join("params.json"))?
    {
        written.with = params;
    }
    Ok(Some(whole(period, context, None, String::new(), written)))
}

/// How a team's own table merges does not matter here: a case has its rows once.
fn own_table((name, columns): (String, BTreeMap<String, Kind>)) -> TableSchema {
    let column = |(name, kind)| Column {
        name,
        kind,
        required: false,
        description: String::new(),
    };
    TableSchema {
        name,
        description: String::new(),
        key: Vec::new(),
        merge: Merge::ByDay,
        columns: columns.into_iter().map(column).collect(),
    }
}

fn text(path: &Path) -> Result<String, Diagnostic> {
    std::fs::read_to_string(path).map_err(|e| {
        Diagnostic::error(format!("cannot be read: {e}")).in_file(path.display().to_string())
    })
}

fn parsed(path: &Path) -> Result<Value, Diagnostic> {
    serde_json::from_str(&text(path)?)
        .map_err(|e| Diagnostic::error(e.to_string()).in_file(path.display().to_string()))
}

/// Period and context as the host gives them.
fn call(period: Period, written: &Written) -> Result<(Value, Value, String), String> {
    let previous = period.previous()?;
    let grain = match period.grain() {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Span => "span",
    };
    let as_of = written
        .as_of
        .clone()
        .unwrap_or_else(|| format!("{}T09:00:00+08:00", period.end()));
    let shops = written
        .shops
        .clone()
        .unwrap_or_else(|| vec!["main".to_owned()]);
    let shops: Vec<Value> = shops
        .iter()
        .map(|shop| json!({"id": shop, "platform": "douyin"}))
        .collect();
    let period_json = json!({
        "start": period.start().to_string(), "end": period.end().to_string(),
        "prev_start": previous.start().to_string(), "prev_end": previous.end().to_string(),
        "grain": grain, "tz": written.zone.as_deref().unwrap_or("Asia/Shanghai"),
    });
    let context = json!({
        "run_id": "case", "as_of": as_of, "report": "case", "edition": "regular", "seed": 0,
        "currency": written.currency.as_deref().unwrap_or("CNY"), "shops": shops, "campaigns": [], "campaign": null,
        "edition_age_days": null,
    });
    Ok((period_json, context, as_of))
}

/// The result sets of a call by input; `None` for one whose tables the case does not have.
pub type Sets = BTreeMap<String, Option<Vec<RecordBatch>>>;

impl Case {
    /// What a metric is given: `inputs.json` as it stands, the rest by its own SQL over `tables/*.csv`.
    ///
    /// # Errors
    /// A file that does not read, or SQL that fails.
    pub async fn sets(&self, descriptor: &Descriptor, bench: &SqlBench) -> Result<Sets, Problems> {
        let written = self.folder.join("inputs.json");
        let mut given = match written.is_file() {
            true => Some(
                chenbao_plugin::Inputs::from_json(&parsed(&written)?).map_err(|e| {
                    Diagnostic::error(e.message).in_file(written.display().to_string())
                })?,
            ),
            false => None,
        };
        let mut sets = Sets::new();
        for input in &descriptor.inputs {
            let rows = given.as_mut().and_then(|given| given.optional(&input.name));
            let set = match rows {
                Some(rows) => {
                    let schema = rows.schema();
                    let mut batches = vec![RecordBatch::new_empty(schema)];
                    for batch in rows {
                        batches.push(batch.map_err(|e| Diagnostic::error(e.message))?);
                    }
                    Some(batches)
                }
                None => self.queried(input, bench).await?,
            };
            sets.insert(input.name.clone(), set);
        }
        Ok(sets)
    }

    async fn queried(
        &self,
        input: &Input,
        bench: &SqlBench,
    ) -> Result<Option<Vec<RecordBatch>>, Problems> {
        let Some(period) = self.days else {
            return Ok(None);
        };
        let files: Vec<(String, PathBuf)> = input
            .tables
            .iter()
            .map(|table| {
                (
                    table.clone(),
                    self.folder.join(format!("tables/{table}.csv")),
                )
            })
            .collect();
        if files.is_empty() || !files.iter().all(|(_, file)| file.is_file()) {
            return Ok(None);
        }
        let days = days::days_of(input.window, period);
        let mut extra = Vec::new();
        for (table, file) in files {
            let batch = self.table(&table, &file)?;
            extra.push((table, within(batch, days.as_ref())?));
        }
        let shops: [Id; 0] = [];
        let query = Query {
            sql: &input.sql,
            tables: &input.tables,
            window: Window::All,
            params: self.params(period)?,
            scope: &shops,
            extra,
            custom: &[],
        };
        let snapshot = Snapshot::default();
        let at = |problem: Diagnostic| problem.in_file(input.sql_file.clone());
        let mut rows = bench
            .engine
            .query(&bench.lake, &snapshot, &query)
            .await
            .map_err(at)?;
        let mut batches = vec![RecordBatch::new_empty(rows.schema())];
        while let Some(batch) = rows.next().await {
            batches.push(batch.map_err(at)?);
        }
        Ok(Some(batches))
    }

    fn params(&self, period: Period) -> Result<BTreeMap<String, Param>, Diagnostic> {
        days::params(period, self.moment()?)
    }

    fn moment(&self) -> Result<jiff::civil::DateTime, Diagnostic> {
        let wrong = |e: jiff::Error| {
            Diagnostic::error(format!("`as_of` is no time: {e}"))
                .in_file(self.folder.join("case.toml").display().to_string())
                .hint("write 2026-11-22T09:00:00+08:00")
        };
        self.as_of.parse().map_err(wrong)
    }

    /// What a table looks like: the case's own say, else the product's.
    fn schema(&self, name: &str) -> Result<TableSchema, Diagnostic> {
        let own = self.tables.iter().find(|table| table.name == name);
        own.cloned().or_else(|| canonical(name)).ok_or_else(|| {
            let problem = Diagnostic::error(format!("there is no table `{name}`"));
            match chenbao_model::diagnostic::nearest(name, canonical_names()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("a team's own table stands in case.toml: [tables.NAME] with its columns, such as day = \"day\""),
            }
        })
    }

    /// A table of the lake, read from CSV: columns by name, texts cast to the table's types, empty cells null.
    fn table(&self, name: &str, file: &Path) -> Result<RecordBatch, Diagnostic> {
        let wrong = |why: String| Diagnostic::error(why).in_file(file.display().to_string());
        let schema = self
            .schema(name)
            .map_err(|problem| problem.in_file(file.display().to_string()))?;
        let schema = arrow_schema(&schema);
        let mut reader = csv::Reader::from_path(file).map_err(|e| wrong(e.to_string()))?;
        let heads = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
        if let Some(strange) = heads
            .iter()
            .find(|head| schema.field_with_name(head).is_err())
        {
            let known: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            return Err(wrong(format!("`{name}` has no column `{strange}`"))
                .hint(format!("it has {}", known.join(", "))));
        }
        let rows = reader
            .records()
            .collect::<Result<Vec<csv::StringRecord>, _>>()
            .map_err(|e| wrong(e.to_string()))?;
        let exported = self.moment()?.to_string();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for field in schema.fields() {
            let at = heads.iter().position(|head| head == field.name());
            let usual = match field.name().as_str() {
                "shop_id" => Some("main"),
                "platform" => Some("douyin"),
                "_exported_at" => Some(exported.as_str()),
                _ => None,
            };
            let texts: StringArray = rows
                .iter()
                .map(|row| match at {
                    Some(at) => row.get(at).map(str::trim).filter(|cell| !cell.is_empty()),
                    None => usual,
                })
                .collect();
            let column = cast(&texts, field.data_type())
                .map_err(|e| wrong(format!("column `{}`: {e}", field.name())))?;
            let unread = (0..texts.len()).find(|row| column.is_null(*row) && !texts.is_null(*row));
            if let Some(row) = unread {
                return Err(wrong(format!(
                    "line {}: `{}` is no {} for `{}`",
                    row + 2,
                    texts.value(row),
                    field.data_type(),
                    field.name()
                )));
            }
            columns.push(column);
        }
        RecordBatch::try_new(schema, columns).map_err(|e| wrong(e.to_string()))
    }
}

/// The rows of the days that an input may read, as in the lake.
fn within(batch: RecordBatch, days: Option<&BTreeSet<Date>>) -> Result<RecordBatch, Diagnostic> {
    let (Some(days), Some(column)) = (days, batch.column_by_name("day")) else {
        return Ok(batch);
    };
    let Some(column) = column.as_any().downcast_ref::<Date32Array>() else {
        return Ok(batch);
    };
    let kept: BooleanArray = (0..column.len())
        .map(|row| {
            let day = (!column.is_null(row))
                .then(|| column.value_as_date(row))
                .flatten();
            Some(day.is_none_or(|day| {
                days.iter()
                    .any(|known| known.to_string() == day.to_string())
            }))
        })
        .collect();
    filter_record_batch(&batch, &kept).map_err(|e| Diagnostic::error(e.to_string()))
}

/// An engine over an empty lake, for the SQL of cases.
#[derive(Debug)]
pub struct SqlBench {
    engine: Engine,
    lake: Lake,
    _folder: Arc<tempfile::TempDir>,
}

impl SqlBench {
    /// In a folder of its own, which goes with it.
    ///
    /// # Errors
    /// There is no room for temporary files.
    pub fn open() -> Result<Self, Problems> {
        let folder = tempfile::TempDir::with_prefix("chenbao-bench-")
            .map_err(|e| Diagnostic::error(format!("no temporary folder can be made: {e}")))?;
        let engine = Engine::new(chenbao_engine::EngineOptions {
            memory_bytes: 256 << 20,
            temp_dir: folder.path().join("tmp"),
            threads: 2,
        })?;
        let lake = Lake::open(&folder.path().join("lake"))?;
        Ok(Self {
            engine,
            lake,
            _folder: Arc::new(folder),
        })
    }
}
