//! The result sets that a metric is given: Arrow batches as they come, or small sets read row by row into structs.

use crate::error::{Error, ErrorCode, Result, bad_data};
use crate::{arrow_array, arrow_schema};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The inputs of one call by name. What is not taken is released when the call returns.
#[derive(Debug, Default)]
pub struct Inputs {
    sets: Vec<(String, Rows)>,
}

impl Inputs {
    /// No inputs; for tests, with [`Inputs::with`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a result set.
    #[must_use]
    pub fn with(mut self, name: &str, rows: Rows) -> Self {
        self.sets.push((name.to_owned(), rows));
        self
    }

    /// Inputs written as `{"days": [{"day": "2026-11-21", "paid": "12.50", "orders": 3}]}`: what `read` sees of the real
    /// ones, for tests and cases.
    ///
    /// # Errors
    /// Says which input is not an array of objects or mixes types in a column.
    pub fn from_json(json: &Value) -> Result<Self> {
        let Value::Object(sets) = json else {
            return Err(bad_data("inputs are an object of arrays"));
        };
        let mut inputs = Self::new();
        for (name, rows) in sets {
            inputs = inputs.with(name, crate::written::rows(name, rows)?);
        }
        Ok(inputs)
    }

    /// A result set that the metric cannot do without.
    ///
    /// # Errors
    /// The input is absent or was taken before.
    pub fn take(&mut self, name: &str) -> Result<Rows> {
        self.optional(name)
            .ok_or_else(|| Error::new(ErrorCode::NotFound, format!("input `{name}` is absent")))
    }

    /// A result set that may be absent.
    pub fn optional(&mut self, name: &str) -> Option<Rows> {
        let at = self.sets.iter().position(|(known, _)| known == name)?;
        Some(self.sets.swap_remove(at).1)
    }
}

/// One result set: an iterator of batches.
pub struct Rows(Box<dyn RecordBatchReader + Send>);

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rows").field(&self.0.schema()).finish()
    }
}

impl Rows {
    /// Rows that come out of a reader.
    #[must_use]
    pub fn new(reader: Box<dyn RecordBatchReader + Send>) -> Self {
        Self(reader)
    }

    /// Rows that are already there; all batches have this schema.
    #[must_use]
    pub fn of(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self(Box::new(RecordBatchIterator::new(
            batches.into_iter().map(Ok),
            schema,
        )))
    }

    /// The reader itself.
    pub(crate) fn into_reader(self) -> Box<dyn RecordBatchReader + Send> {
        self.0
    }

    /// Columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    /// Everything, row by row, into structs by column name: for small result sets. Decimals arrive as exact text
    /// (`rust_decimal::Decimal` reads it), days and times as ISO text, nulls as `None`.
    ///
    /// # Errors
    /// A batch does not arrive, a column has a type that has no such form, or a row does not fit `T`.
    pub fn read<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let mut out: Vec<T> = Vec::new();
        for batch in self {
            let batch = batch?;
            let schema = batch.schema();
            for row in 0..batch.num_rows() {
                let mut map = Map::new();
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    map.insert(
                        field.name().clone(),
                        value(column, row)
                            .map_err(|why| bad_data(format!("column `{}`: {why}", field.name())))?,
                    );
                }
                let item = serde_json::from_value(Value::Object(map))
                    .map_err(|why| bad_data(format!("row {}: {why}", out.len())))?;
                out.push(item);
            }
        }
        Ok(out)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|batch| batch.map_err(Error::from))
    }
}

/// One cell as JSON.
fn value(column: &ArrayRef, row: usize) -> Result<Value, String> {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return Ok(Value::Null);
    }
    macro_rules! number {
        ($kind:ty) => {
            Ok(Value::from(column.as_primitive::<$kind>().value(row)))
        };
    }
    match column.data_type() {
        DataType::Boolean => Ok(Value::from(column.as_boolean().value(row))),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => finite(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => finite(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Ok(Value::from(column.as_string::<i32>().value(row))),
        DataType::LargeUtf8 => Ok(Value::from(column.as_string::<i64>().value(row))),
        DataType::Utf8View => Ok(Value::from(column.as_string_view().value(row))),
        DataType::Decimal128(..) => Ok(Value::from(
            column.as_primitive::<Decimal128Type>().value_as_string(row),
        )),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let key = dictionary
                .normalized_keys()
                .get(row)
                .copied()
                .ok_or("a dictionary key out of range")?;
            value(dictionary.values(), key)
        }
        DataType::Date32 | DataType::Timestamp(..) => moment(column, row),
        other => Err(format!(
            "type {other} has no form for `read`; take the batches or cast it in the SQL"
        )),
    }
}

fn finite(number: f64) -> Result<Value, String> {
    serde_json::Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| format!("{number} is not a number to reckon with"))
}

/// Days as `2026-11-21`, times as `2026-11-21T08:00:00`, with `Z` if the column has a zone.
fn moment(column: &ArrayRef, row: usize) -> Result<Value, String> {
    macro_rules! time {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value_as_datetime(row)
        };
    }
    let time = match column.data_type() {
        DataType::Date32 => {
            let day = column.as_primitive::<Date32Type>().value_as_date(row);
            return day
                .map(|day| Value::from(day.to_string()))
                .ok_or_else(|| "a day out of the calendar".to_owned());
        }
        DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType),
        _ => time!(TimestampNanosecondType),
    };
    let zone = if matches!(column.data_type(), DataType::Timestamp(_, Some(_))) {
        "Z"
    } else {
        ""
    };
    time.map(|time| Value::from(format!("{time:?}{zone}")))
        .ok_or_else(|| "a time out of the calendar".to_owned())
}

/// Puts columns of one length together.
pub(crate) fn batch(
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
) -> Result<(SchemaRef, RecordBatch)> {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, column)| arrow_schema::Field::new(name, column.data_type().clone(), true))
        .collect();
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    Ok((
        schema.clone(),
        RecordBatch::try_new_with_options(schema, arrays, &options)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        day: String,
        at: Option<String>,
        paid: String,
        orders: Option<i64>,
        name: String,
    }

    #[test]
    fn cells_of_every_clock_and_exact_money_reach_the_struct() {
        let paid = Decimal128Array::from(vec![12_345_000_i128, -1])
            .with_precision_and_scale(38, 4)
            .unwrap();
        let (schema, batch) = batch(
            vec![
                (
                    "day".into(),
                    Arc::new(Date32Array::from(vec![20_778, 0])) as ArrayRef,
                ),
                (
                    "at".into(),
                    Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None])),
                ),
                ("paid".into(), Arc::new(paid)),
                (
                    "orders".into(),
                    Arc::new(Int64Array::from(vec![Some(3), None])),
                ),
                ("name".into(), Arc::new(StringArray::from(vec!["晨", "报"]))),
            ],
            2,
        )
        .unwrap();
        let rows: Vec<Row> = Rows::of(schema, vec![batch]).read().unwrap();
        let first = Row {
            day: "2026-11-21".into(),
            at: Some("1970-01-01T00:00:01.500".into()),
            paid: "1234.5000".into(),
            orders: Some(3),
            name: "晨".into(),
        };
        let second = Row {
            day: "1970-01-01".into(),
            at: None,
            paid: "-0.0001".into(),
            orders: None,
            name: "报".into(),
        };
        assert_eq!(rows, vec![first, second]);
    }

    #[test]
    fn a_row_that_does_not_fit_names_itself() {
        let json = serde_json::json!({"days": [{"day": "x"}]});
        let mut inputs = Inputs::from_json(&json).unwrap();
        let error = inputs.take("days").unwrap().read::<Row>().unwrap_err();
        assert_eq!(error.code, ErrorCode::Data);
        assert!(error.message.starts_with("row 0: missing field"), "{error}");
        assert_eq!(inputs.take("days").unwrap_err().code, ErrorCode::NotFound);
    }
}
