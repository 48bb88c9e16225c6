//! Chained metrics: which metrics read others, the order in which all are computed, and an answer as the rows of an input.

use crate::config::meant::Metric;
use crate::plugin::descriptor::{FromMetric, Input};
use crate::project::Project;
use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, RecordBatch, StringArray};
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::{Cell, Item, ResultDoc, Scalar, Series, Table};
use chenbao_model::{Decimal, Diagnostic, Id};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::Arc;

/// The metrics of a report and all whose answers they read, each after those that it reads.
///
/// # Errors
/// Inputs that could be several metrics, and metrics that read each other in a circle; all of them.
pub fn order<'a>(project: &'a Project, metrics: &'a [Id]) -> Result<Vec<&'a Metric>, Problems> {
    let mut walk = Walk {
        project,
        path: Vec::new(),
        done: Vec::new(),
        problems: Vec::new(),
    };
    for metric in metrics
        .iter()
        .filter_map(|id| project.config.metrics.get(id))
    {
        walk.visit(metric);
    }
    if walk.problems.is_empty() {
        Ok(walk.done)
    } else {
        Err(Problems(walk.problems))
    }
}

/// A walk from each metric to those that it reads, depth first.
struct Walk<'a> {
    project: &'a Project,
    path: Vec<&'a Metric>,
    done: Vec<&'a Metric>,
    problems: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, metric: &'a Metric) {
        if self.done.iter().any(|done| done.id == metric.id) {
            return;
        }
        if let Some(start) = self.path.iter().position(|on| on.id == metric.id) {
            let circle = self.path.iter().skip(start).map(|on| on.id.as_str());
            let circle: Vec<&str> = circle.chain([metric.id.as_str()]).collect();
            let problem = Diagnostic::error(format!(
                "these metrics read each other in a circle: {}",
                circle.join(" -> ")
            ));
            let problem = problem.at(metric.place.clone());
            self.problems.push(problem.hint("one of them must do without the next; [metric.*.from] chooses which metric an input reads"));
            return;
        }
        // A plugin that cannot be used fails for itself when its turn comes: the others have their report.
        let Ok(component) = self.project.component(&metric.plugin) else {
            self.done.push(metric);
            return;
        };
        self.path.push(metric);
        for input in &component.descriptor.inputs {
            let Some(from) = &input.from else { continue };
            match read_by(self.project, metric, input, from) {
                Ok(Some(read)) => self.visit(read),
                Ok(None) => {}
                Err(problem) => self.problems.push(problem),
            }
        }
        self.path.pop();
        self.done.push(metric);
    }
}

/// The configured metric whose answer an input reads; none if there is no such metric.
///
/// # Errors
/// It could be several, or the configuration names one that is not there or is another plugin's.
pub fn read_by<'a>(
    project: &'a Project,
    metric: &Metric,
    input: &Input,
    from: &FromMetric,
) -> Result<Option<&'a Metric>, Diagnostic> {
    let metrics = &project.config.metrics;
    let told = |message: String| Diagnostic::error(message).at(metric.place.clone());
    if let Some(alias) = metric.from.get(&input.name) {
        return match metrics.get(alias) {
            Some(read) if read.plugin.as_str() == from.metric => Ok(Some(read)),
            Some(read) => Err(told(format!(
                "metric `{}`, input `{}`: `{alias}` is a metric of the plugin `{}`, not of `{}`",
                metric.id, input.name, read.plugin, from.metric
            ))),
            None => Err(told(format!(
                "metric `{}`, input `{}`: there is no metric `{alias}`",
                metric.id, input.name
            ))),
        };
    }
    let mut found = metrics
        .values()
        .filter(|read| read.plugin.as_str() == from.metric);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (Some(first), Some(second)) => Err(told(format!(
            "metric `{}`, input `{}`: `{}` and `{}` are both metrics of the plugin `{}`",
            metric.id, input.name, first.id, second.id, from.metric
        ))
        .hint(format!(
            "say which: [metric.{}.from] {} = \"{}\"",
            metric.id, input.name, first.id
        ))),
        (None, Some(_)) => Ok(None),
    }
}

/// What others read of a metric.
fn tables_read(project: &Project, order: &[&Metric], metric: &Metric) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for reader in order {
        let Ok(component) = project.component(&reader.plugin) else {
            continue;
        };
        for input in &component.descriptor.inputs {
            let Some(from) = &input.from else { continue };
            if let Ok(Some(read)) = read_by(project, reader, input, from)
                && read.id == metric.id
            {
                all.extend(from.item.clone());
            }
        }
    }
    all
}

/// The rows of one large table, on disk while the report is made.
struct Spool {
    /// Without a name: whatever happens, nothing of it stays.
    file: File,
    writer: Option<FileWriter<File>>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spool").field(&self.file).finish()
    }
}

impl Spool {
    /// Begins one with the columns of its first batch.
    fn begin(folder: &Path, first: &RecordBatch) -> Result<Self, String> {
        let told = |why: std::io::Error| format!("rows for other metrics cannot be kept: {why}");
        std::fs::create_dir_all(folder).map_err(told)?;
        let file = tempfile::tempfile_in(folder).map_err(told)?;
        let writer = FileWriter::try_new(file.try_clone().map_err(told)?, &first.schema());
        let writer = Some(writer.map_err(|e| e.to_string())?);
        Ok(Self { file, writer })
    }

    /// Adds rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        match &mut self.writer {
            Some(writer) => writer.write(batch).map_err(|e| e.to_string()),
            None => Err("rows came after their end".to_owned()),
        }
    }

    /// Ends it.
    fn end(&mut self) -> Result<(), String> {
        let writer = self.writer.take();
        writer.map_or(Ok(()), |mut writer| {
            writer.finish().map_err(|e| e.to_string())
        })
    }

    /// The rows, from the first on.
    fn rows(&self) -> Result<Rows, String> {
        // Opened again, so that each reader has a place of its own in it.
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let file = File::open(path).map_err(|e| e.to_string())?;
        let reader = FileReader::try_new(file, None).map_err(|e| e.to_string())?;
        let empty = RecordBatch::new_empty(reader.schema());
        let rows = reader.map(|batch| batch.map_err(|e| e.to_string()));
        Ok(Box::new(std::iter::once(Ok(empty)).chain(rows)))
    }
}

/// The large tables of one metric that others read.
#[derive(Debug, Default)]
pub struct Spools {
    wanted: BTreeSet<String>,
    kept: BTreeMap<String, Spool>,
}

impl Spools {
    /// Those of a metric, before it is computed.
    #[must_use]
    pub fn of(project: &Project, order: &[&Metric], metric: &Metric) -> Self {
        Self {
            wanted: tables_read(project, order, metric),
            kept: BTreeMap::new(),
        }
    }

    /// Takes in a batch of a table, if anybody reads that table.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn take(&mut self, folder: &Path, table: &str, batch: &RecordBatch) -> Result<(), String> {
        if !self.wanted.contains(table) {
            return Ok(());
        }
        if let Some(spool) = self.kept.get_mut(table) {
            return spool.write(batch);
        }
        let mut spool = Spool::begin(folder, batch)?;
        spool.write(batch)?;
        self.kept.insert(table.to_owned(), spool);
        Ok(())
    }

    /// Ends them all.
    ///
    /// # Errors
    /// The disk does not take the rest.
    pub fn end(&mut self) -> Result<(), String> {
        self.kept.values_mut().try_for_each(Spool::end)
    }
}

/// The rows of an input.
pub type Rows = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

/// An item of an answer as rows: a table with its columns; a series with `x` and a column per line; a scalar, or all of them,
/// with `id`, `unit`, `value` and `missing`. Figures are exact decimals.
///
/// # Errors
/// There is no such item, or its cells make no columns.
pub fn rows(doc: &ResultDoc, item: Option<&str>) -> Result<RecordBatch, String> {
    let scalars = |only: Option<&Scalar>| {
        let all = doc.items.iter().filter_map(|item| match item {
            Item::Scalar(scalar) => Some(scalar),
            _ => None,
        });
        scalar_rows(&only.map_or_else(|| all.collect(), |one| vec![one]))
    };
    let Some(id) = item else {
        return scalars(None);
    };
    match doc.item(id) {
        Some(Item::Scalar(scalar)) => scalars(Some(scalar)),
        Some(Item::Series(series)) => series_rows(series),
        Some(Item::Table(table)) => table_rows(table),
        Some(Item::Finding(_)) => Err(format!("`{id}` is a finding, which has no rows")),
        None => Err(format!("there is no `{id}` in its answer")),
    }
}

fn scalar_rows(scalars: &[&Scalar]) -> Result<RecordBatch, String> {
    let text = |of: fn(&Scalar) -> Cell| scalars.iter().map(|s| of(s)).collect::<Vec<_>>();
    let why = |scalar: &Scalar| {
        let why = scalar
            .missing
            .as_ref()
            .and_then(|missing| serde_json::to_value(missing.why).ok());
        let why = why.and_then(|why| why.as_str().map(str::to_owned));
        why.map_or(Cell::Null, Cell::Text)
    };
    batch(vec![
        ("id", text(|s| Cell::Text(s.id.clone()))),
        ("unit", text(|s| Cell::Text(s.unit.clone()))),
        ("value", text(|s| s.value.clone())),
        ("missing", text(why)),
    ])
}

fn series_rows(series: &Series) -> Result<RecordBatch, String> {
    let names = std::iter::once("x").chain(series.y.iter().map(|line| line.id.as_str()));
    columns(names, &series.points)
}

fn table_rows(table: &Table) -> Result<RecordBatch, String> {
    columns(
        table.columns.iter().map(|column| column.name.as_str()),
        &table.rows,
    )
}

fn columns<'a>(
    names: impl Iterator<Item = &'a str>,
    rows: &[Vec<Cell>],
) -> Result<RecordBatch, String> {
    let cells = |at: usize| {
        let cells = rows.iter().map(|row| row.get(at).cloned());
        cells.map(Option::unwrap_or_default).collect()
    };
    batch(
        names
            .enumerate()
            .map(|(at, name)| (name, cells(at)))
            .collect(),
    )
}

fn batch(columns: Vec<(&str, Vec<Cell>)>) -> Result<RecordBatch, String> {
    let arrays = columns.iter().map(|(name, cells)| {
        array(cells)
            .map(|array| (*name, array))
            .map_err(|why| format!("column `{name}`: {why}"))
    });
    let arrays: Vec<(&str, ArrayRef)> = arrays.collect::<Result<_, String>>()?;
    RecordBatch::try_from_iter_with_nullable(
        arrays.into_iter().map(|(name, array)| (name, array, true)),
    )
    .map_err(|e| e.to_string())
}

/// Cells as a column: numbers with as many decimals as the finest of them has, yes or no, or text.
fn array(cells: &[Cell]) -> Result<ArrayRef, String> {
    let known = || cells.iter().filter(|cell| **cell != Cell::Null);
    if known().next().is_some() && known().all(|cell| matches!(cell, Cell::Number(_))) {
        return decimals(cells);
    }
    if known().next().is_some() && known().all(|cell| matches!(cell, Cell::Bool(_))) {
        let yes = cells.iter().map(|cell| match cell {
            Cell::Bool(yes) => Some(*yes),
            _ => None,
        });
        return Ok(Arc::new(yes.collect::<BooleanArray>()));
    }
    let texts = cells.iter().map(|cell| match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) | Cell::Key(text) => Ok(Some(text.as_str())),
        Cell::Number(_) | Cell::Bool(_) => Err("it mixes texts with other cells".to_owned()),
    });
    Ok(Arc::new(texts.collect::<Result<StringArray, String>>()?))
}

fn decimals(cells: &[Cell]) -> Result<ArrayRef, String> {
    const DIGITS: u8 = 38;
    let numbers = || cells.iter().filter_map(Cell::number);
    let scale = numbers()
        .map(|number| number.normalize().scale())
        .max()
        .unwrap_or(0);
    let exact = |number: Decimal| {
        let number = number.normalize();
        let factor = 10_i128.checked_pow(scale - number.scale());
        factor
            .and_then(|factor| number.mantissa().checked_mul(factor))
            .ok_or_else(|| format!("`{number}` and the others do not fit {DIGITS} digits together"))
    };
    let values = cells
        .iter()
        .map(|cell| cell.number().map(exact).transpose());
    let values: Decimal128Array = values
        .collect::<Result<Vec<Option<i128>>, String>>()?
        .into();
    let scale = i8::try_from(scale).map_err(|e| e.to_string())?;
    let values = values
        .with_precision_and_scale(DIGITS, scale)
        .map_err(|e| e.to_string())?;
    values
        .validate_decimal_precision(DIGITS)
        .map_err(|e| e.to_string())?;
    Ok(Arc::new(values))
}

/// The rows of an input that reads another metric.
///
/// # Errors
/// The answer has no such rows.
pub fn input_rows(doc: &ResultDoc, spools: &Spools, from: &FromMetric) -> Result<Rows, String> {
    let spool = from.item.as_ref().and_then(|item| spools.kept.get(item));
    match spool {
        Some(spool) => spool.rows(),
        None => Ok(Box::new(std::iter::once(rows(doc, from.item.as_deref())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chenbao_plugin::arrow_array::cast::AsArray as _;

    fn doc() -> ResultDoc {
        serde_json::from_str(
            r#"{"schema":"chenbao.result/1","items":[
            {"type":"scalar","id":"paid","unit":"money","value":{"$dec":"94405.5200"}},
            {"type":"scalar","id":"roi","unit":"1","value":null,"missing":{"why":"no_rows"}},
            {"type":"series","id":"daily","x":"time","y":[{"id":"paid","unit":"money"}],
             "points":[["2026-11-20",{"$dec":"0.1"}],["2026-11-21",{"$dec":"12345678901234.5678"}],["2026-11-22",null]]},
            {"type":"table","id":"mixed","columns":[{"name":"a","type":"text"}],"rows":[["x"],[1]]},
            {"type":"finding","id":"f","kind":"f","severity":"info"}]}"#,
        )
        .unwrap()
    }

    fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
        arrow::util::display::array_value_to_string(batch.column_by_name(column).unwrap(), row)
            .unwrap()
    }

    #[test]
    fn figures_keep_every_digit() {
        let daily = rows(&doc(), Some("daily")).unwrap();
        assert_eq!(text(&daily, "paid", 0), "0.1000");
        assert_eq!(text(&daily, "paid", 1), "12345678901234.5678");
        assert_eq!(text(&daily, "x", 2), "2026-11-22");
        assert!(daily.column(1).is_null(2));
    }

    #[test]
    fn all_scalars_are_one_row_each_with_the_reason_of_what_is_missing() {
        let all = rows(&doc(), None).unwrap();
        assert_eq!((all.num_rows(), text(&all, "id", 1).as_str()), (2, "roi"));
        assert_eq!(text(&all, "value", 0), "94405.52");
        assert_eq!(all.column(3).as_string::<i32>().value(1), "no_rows");
        assert_eq!(rows(&doc(), Some("roi")).unwrap().num_rows(), 1);
    }

    #[test]
    fn what_has_no_rows_is_said() {
        let told = |item: &str| rows(&doc(), Some(item)).unwrap_err();
        assert!(told("nowhere").contains("no `nowhere`"));
        assert!(told("f").contains("finding"));
        assert!(told("mixed").contains("column `a`: it mixes"));
    }

    #[test]
    fn a_spool_gives_its_rows_as_often_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let daily = rows(&doc(), Some("daily")).unwrap();
        let mut spool = Spool::begin(folder.path(), &daily).unwrap();
        for _ in 0..3 {
            spool.write(&daily).unwrap();
        }
        spool.end().unwrap();
        for _ in 0..2 {
            let counted: usize = spool
                .rows()
                .unwrap()
                .map(|batch| batch.unwrap().num_rows())
                .sum();
            assert_eq!(counted, 9);
        }
    }
}
