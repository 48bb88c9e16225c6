//! Metrics without code: outputs that show the rows of an input as they are, so that an analyst needs SQL and words only.

use super::conformance;
use super::descriptor::{Descriptor, Output, OutputKind};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use chenbao_model::Decimal;
use chenbao_model::result::{
    Axis, Cell, ColumnType, Compare, Item, Line, Missing, Passport, ResultColumn, ResultDoc,
    SCHEMA, Scalar, Series, Table, Why,
};
use chenbao_plugin::Rows;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of an answer at most; a report is not a file.
const MAX_ROWS: usize = 1000;

/// The answer of a metric without code. An input that is absent (`None`) leaves its outputs out with a reason.
///
/// # Errors
/// Everything in which rows and declaration do not fit together.
pub fn answer(
    descriptor: &Descriptor,
    inputs: BTreeMap<String, Option<Vec<RecordBatch>>>,
) -> Result<ResultDoc, Vec<String>> {
    let mut problems = Vec::new();
    let mut sets = BTreeMap::new();
    for (name, batches) in inputs {
        match batches.map(Set::read).transpose() {
            Ok(set) => {
                sets.insert(name, set);
            }
            Err(why) => problems.push(format!("input `{name}`: {why}")),
        }
    }
    let mut items = Vec::new();
    for output in &descriptor.outputs {
        let Some(from) = &output.from else {
            problems.push(format!(
                "output `{}` has no `from`, so it needs a library",
                output.id
            ));
            continue;
        };
        match sets.get(from) {
            Some(Some(set)) => match set.item(output) {
                Ok(item) => items.push(item),
                Err(why) => problems.push(format!("output `{}`: {why}", output.id)),
            },
            Some(None) => items.push(absent(descriptor, output, from)),
            None if problems.is_empty() => problems.push(format!(
                "output `{}`: input `{from}` was not read",
                output.id
            )),
            None => {}
        }
    }
    let doc = ResultDoc {
        schema: SCHEMA.to_owned(),
        items,
        quality: Vec::new(),
    };
    if problems.is_empty() {
        problems = conformance::breaches(&doc, descriptor, None);
    }
    if problems.is_empty() {
        Ok(doc)
    } else {
        Err(problems)
    }
}

/// Rows as cells, in the order of their columns.
pub(super) fn rows_as_cells(batches: Vec<RecordBatch>) -> Result<Vec<Vec<Cell>>, String> {
    let set = Set::read(batches)?;
    let schema = Arc::clone(&set.schema);
    let fields = schema.fields().iter();
    let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    set.cells(&names)
}

/// A result set with its rows as cells.
struct Set {
    schema: SchemaRef,
    rows: Vec<Map<String, Value>>,
}

impl Set {
    fn read(batches: Vec<RecordBatch>) -> Result<Self, String> {
        let schema = batches
            .first()
            .map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        let rows = Rows::of(Arc::clone(&schema), batches)
            .read()
            .map_err(|e| e.message)?;
        Ok(Self { schema, rows })
    }

    fn item(&self, output: &Output) -> Result<Item, String> {
        if self.schema.fields().is_empty() {
            return Ok(empty(
                output,
                Missing {
                    why: Why::NoRows,
                    have: None,
                    need: None,
                },
            ));
        }
        match output.kind {
            OutputKind::Scalar => self.scalar(output).map(Item::Scalar),
            OutputKind::Series => self.series(output).map(Item::Series),
            OutputKind::Table => self.table(output).map(Item::Table),
            OutputKind::Finding => Err("findings need a library".to_owned()),
        }
    }

    fn kind(&self, column: &str) -> Result<&DataType, String> {
        let known = || {
            self.schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let field = self
            .schema
            .field_with_name(column)
            .map_err(|_| format!("the SQL gives no column `{column}`; it gives {}", known()))?;
        Ok(field.data_type())
    }

    fn cell(&self, row: &Map<String, Value>, column: &str) -> Result<Cell, String> {
        let kind = self.kind(column)?;
        match row.get(column).unwrap_or(&Value::Null) {
            Value::Null => Ok(Cell::Null),
            Value::Bool(value) => Ok(Cell::Bool(*value)),
            Value::String(text) if !kind.is_numeric() => Ok(Cell::Text(text.clone())),
            Value::String(text) => number(text),
            other => number(&other.to_string()),
        }
    }

    fn scalar(&self, output: &Output) -> Result<Scalar, String> {
        if self.rows.len() > 1 {
            return Err(format!(
                "the SQL gives {} rows; a scalar wants one",
                self.rows.len()
            ));
        }
        let figure = |column: &String| {
            self.rows
                .first()
                .map_or(Ok(Cell::Null), |row| self.cell(row, column))
        };
        let value = output.column.as_ref().map_or(Ok(Cell::Null), figure)?;
        let mut scalar = blank(output);
        if value == Cell::Null {
            scalar.missing = Some(Missing {
                why: Why::NoRows,
                have: None,
                need: None,
            });
        }
        scalar.value = value;
        if let Some(spec) = &output.compare {
            let value = figure(&spec.column)?;
            if value != Cell::Null {
                scalar.compare.push(Compare {
                    basis: spec.basis.clone(),
                    value,
                    n: None,
                    of: None,
                });
            }
        }
        Ok(scalar)
    }

    fn series(&self, output: &Output) -> Result<Series, String> {
        let x = output.x.as_deref().unwrap_or_default();
        let axis = match self.kind(x)? {
            DataType::Date32 | DataType::Timestamp(..) => Axis::Time,
            kind if kind.is_numeric() => Axis::Number,
            _ => Axis::Category,
        };
        let unit = |line: &String| {
            output
                .columns
                .get(line)
                .map_or_else(|| output.unit.clone(), |spec| spec.unit.clone())
        };
        let columns: Vec<&str> = std::iter::once(x)
            .chain(output.y.iter().map(String::as_str))
            .collect();
        Ok(Series {
            id: output.id.clone(),
            x: axis,
            y: output
                .y
                .iter()
                .map(|line| Line {
                    id: line.clone(),
                    unit: unit(line),
                })
                .collect(),
            points: self.cells(&columns)?,
            shape: if axis == Axis::Time {
                "daily".to_owned()
            } else {
                String::new()
            },
            missing: self.no_rows(),
            passport: passport(output),
            sensitivity: output.sensitivity.clone(),
        })
    }

    fn table(&self, output: &Output) -> Result<Table, String> {
        let names: Vec<&str> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        for spec in output.columns.keys() {
            self.kind(spec)?;
        }
        let columns = names.iter().map(|name| {
            let spec = output.columns.get(*name).cloned().unwrap_or_default();
            let kind = match self.kind(name)? {
                DataType::Boolean => ColumnType::Bool,
                DataType::Date32 => ColumnType::Date,
                kind if kind.is_numeric() => ColumnType::Number,
                _ => ColumnType::Text,
            };
            Ok(ResultColumn {
                name: (*name).to_owned(),
                kind,
                unit: spec.unit,
                better: spec.better,
                passport: Passport {
                    version: 1,
                    ..Passport::default()
                },
                sensitivity: spec.sensitivity,
            })
        });
        let columns = columns.collect::<Result<_, String>>()?;
        let mut rows = self.cells(&names)?;
        let total = u64::try_from(rows.len())
            .ok()
            .filter(|_| rows.len() > MAX_ROWS);
        rows.truncate(MAX_ROWS);
        let (id, sensitivity) = (output.id.clone(), output.sensitivity.clone());
        Ok(Table {
            id,
            columns,
            rows,
            arrow: None,
            total_rows: total,
            marked: None,
            total_row: false,
            missing: self.no_rows(),
            sensitivity,
        })
    }

    fn cells(&self, columns: &[&str]) -> Result<Vec<Vec<Cell>>, String> {
        self.rows
            .iter()
            .map(|row| {
                columns
                    .iter()
                    .map(|column| self.cell(row, column))
                    .collect()
            })
            .collect()
    }

    fn no_rows(&self) -> Option<Missing> {
        self.rows.is_empty().then_some(Missing {
            why: Why::NoRows,
            have: None,
            need: None,
        })
    }
}

fn number(text: &str) -> Result<Cell, String> {
    let parsed = text
        .parse::<Decimal>()
        .or_else(|_| Decimal::from_scientific(text));
    parsed
        .map(Cell::Number)
        .map_err(|_| format!("`{text}` has more digits than a figure can hold"))
}

fn passport(output: &Output) -> Passport {
    Passport {
        formula: output.formula.clone(),
        clock: output.clock.clone(),
        version: 1,
        ..Passport::default()
    }
}

fn blank(output: &Output) -> Scalar {
    Scalar {
        id: output.id.clone(),
        unit: output.unit.clone(),
        value: Cell::Null,
        missing: None,
        n: None,
        better: output.better,
        compare: Vec::new(),
        spark: output.spark.clone(),
        note: None,
        passport: passport(output),
        sensitivity: output.sensitivity.clone(),
    }
}

/// An output whose input no source gives.
fn absent(descriptor: &Descriptor, output: &Output, from: &str) -> Item {
    let need = descriptor
        .inputs
        .iter()
        .find(|input| input.name == from)
        .map(|input| input.tables.join(", "));
    empty(
        output,
        Missing {
            why: Why::SourceAbsent,
            have: None,
            need,
        },
    )
}

/// An output without figures, and why.
fn empty(output: &Output, missing: Missing) -> Item {
    let (id, sensitivity, missing) = (output.id.clone(), output.sensitivity.clone(), Some(missing));
    match output.kind {
        OutputKind::Series => {
            let unit = |line: &String| {
                output
                    .columns
                    .get(line)
                    .map_or_else(|| output.unit.clone(), |spec| spec.unit.clone())
            };
            let y = output
                .y
                .iter()
                .map(|line| Line {
                    id: line.clone(),
                    unit: unit(line),
                })
                .collect();
            Item::Series(Series {
                id,
                x: Axis::Category,
                y,
                points: Vec::new(),
                shape: String::new(),
                missing,
                passport: passport(output),
                sensitivity,
            })
        }
        OutputKind::Table => {
            let (columns, rows) = (Vec::new(), Vec::new());
            Item::Table(Table {
                id,
                columns,
                rows,
                arrow: None,
                total_rows: None,
                marked: None,
                total_row: false,
                missing,
                sensitivity,
            })
        }
        OutputKind::Scalar | OutputKind::Finding => Item::Scalar(Scalar {
            missing,
            ..blank(output)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::descriptor::Folder;
    use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray};

    fn descriptor() -> Descriptor {
        let metric = "id = 'ads'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Ads'\nsummary = 'Ads.'\n\
            [inputs.total]\ndescription = 'One row.'\ntables = ['ads']\nwindow = 'period'\nsql = 'q.sql'\n\
            [inputs.days]\ndescription = 'Days.'\ntables = ['ads']\nwindow = 'days(7)'\nsql = 'q.sql'\noptional = true\n\
            [outputs.spend]\ntype = 'scalar'\nunit = 'money'\nfrom = 'total'\ncolumn = 'spend'\ncompare = { basis = 'weekday', column = 'before' }\nspark = 'daily.spend'\n\
            [outputs.daily]\ntype = 'series'\nfrom = 'days'\nx = 'day'\ny = ['spend']\n[outputs.daily.columns.spend]\nunit = 'money'\n\
            [outputs.plans]\ntype = 'table'\nfrom = 'days'\n[outputs.plans.columns.spend]\nunit = 'money'\nsensitivity = ['cost']\n";
        let words = "[item]\nspend = 'a'\ndaily = 'b'\nplans = 'c'\n[series.daily]\nspend = 'd'\n[column]\nday = 'e'\nspend = 'f'\nplan = 'g'\n";
        let files = [
            ("metric.toml", metric),
            ("q.sql", "select 1"),
            ("strings.en.toml", words),
            ("strings.zh-CN.toml", words),
        ];
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Descriptor::parse(&Folder {
            files,
            ..Folder::default()
        })
        .unwrap()
    }

    fn money(cents: Vec<Option<i128>>) -> ArrayRef {
        Arc::new(
            Decimal128Array::from(cents)
                .with_precision_and_scale(38, 4)
                .unwrap(),
        )
    }

    fn total(before: Option<i128>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("spend", money(vec![Some(123_450_000)]), true),
            ("before", money(vec![before]), true),
        ])
        .unwrap()
    }

    fn days() -> RecordBatch {
        let day: ArrayRef = Arc::new(Date32Array::from(vec![20_777, 20_778]));
        let plan: ArrayRef = Arc::new(StringArray::from(vec!["甲", "乙"]));
        RecordBatch::try_from_iter([
            ("day", day),
            ("plan", plan),
            ("spend", money(vec![Some(10_000), None])),
        ])
        .unwrap()
    }

    #[test]
    fn rows_become_figures_lines_and_tables() {
        let inputs = BTreeMap::from([
            ("total".to_owned(), Some(vec![total(Some(10_000))])),
            ("days".to_owned(), Some(vec![days()])),
        ]);
        let doc = answer(&descriptor(), inputs).unwrap();
        let Some(Item::Scalar(spend)) = doc.item("spend") else {
            panic!("{doc:?}")
        };
        assert_eq!(spend.value, Cell::Number("12345.0000".parse().unwrap()));
        assert_eq!(spend.compare[0].basis, "weekday");
        assert_eq!(spend.spark.as_deref(), Some("daily.spend"));
        let Some(Item::Series(daily)) = doc.item("daily") else {
            panic!("{doc:?}")
        };
        assert_eq!((daily.x, daily.y[0].unit.as_str()), (Axis::Time, "money"));
        assert_eq!(daily.points[0][0], Cell::Text("2026-11-20".into()));
        let Some(Item::Table(plans)) = doc.item("plans") else {
            panic!("{doc:?}")
        };
        assert_eq!(plans.columns[2].sensitivity.len(), 1);
        assert_eq!(
            plans.rows[1],
            vec![
                Cell::Text("2026-11-21".into()),
                Cell::Text("乙".into()),
                Cell::Null
            ]
        );
    }

    #[test]
    fn what_is_not_there_says_why() {
        let none = RecordBatch::new_empty(total(None).schema());
        let inputs = BTreeMap::from([
            ("total".to_owned(), Some(vec![none])),
            ("days".to_owned(), None),
        ]);
        let doc = answer(&descriptor(), inputs).unwrap();
        let Some(Item::Scalar(spend)) = doc.item("spend") else {
            panic!("{doc:?}")
        };
        assert_eq!(spend.missing.as_ref().unwrap().why, Why::NoRows);
        let Some(Item::Table(plans)) = doc.item("plans") else {
            panic!("{doc:?}")
        };
        assert_eq!(plans.missing.as_ref().unwrap().need.as_deref(), Some("ads"));
    }

    #[test]
    fn rows_that_do_not_fit_are_all_named() {
        let wrong: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("other", wrong)]).unwrap();
        let inputs = BTreeMap::from([
            ("total".to_owned(), Some(vec![batch.clone()])),
            ("days".to_owned(), Some(vec![batch])),
        ]);
        let told = answer(&descriptor(), inputs).unwrap_err().join("\n");
        for word in ["a scalar wants one", "no column `day`", "no column `spend`"] {
            assert!(told.contains(word), "{word} in {told}");
        }
    }
}
