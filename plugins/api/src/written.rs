//! Rows written as JSON in tests and cases, turned into the batches that a metric is given.

use crate::error::{Result, bad_data};
use crate::rows::{Rows, batch};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One input: an array of objects. A column is what its first cell that is not null says.
pub(crate) fn rows(name: &str, json: &Value) -> Result<Rows> {
    let wrong = || bad_data(format!("input `{name}` is not an array of objects"));
    let objects: Vec<&Map<String, Value>> = json
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|row| row.as_object().ok_or_else(wrong))
        .collect::<Result<_>>()?;
    let mut names: Vec<&String> = Vec::new();
    for key in objects.iter().flat_map(|row| row.keys()) {
        if !names.contains(&key) {
            names.push(key);
        }
    }
    let mut columns = Vec::new();
    for key in names {
        let cells: Vec<&Value> = objects
            .iter()
            .map(|row| row.get(key).unwrap_or(&Value::Null))
            .collect();
        let array = column(&cells)
            .ok_or_else(|| bad_data(format!("column `{key}` of input `{name}` mixes types")))?;
        columns.push((key.clone(), array));
    }
    let (schema, batch) = batch(columns, objects.len())?;
    Ok(Rows::of(schema, vec![batch]))
}

fn column(cells: &[&Value]) -> Option<ArrayRef> {
    fn all<T>(cells: &[&Value], get: impl Fn(&Value) -> Option<T>) -> Option<Vec<Option<T>>> {
        cells
            .iter()
            .map(|cell| {
                if cell.is_null() {
                    Some(None)
                } else {
                    get(cell).map(Some)
                }
            })
            .collect()
    }
    if let Some(values) = all(cells, |cell| cell.as_str().map(str::to_owned)) {
        return Some(Arc::new(StringArray::from(values)));
    }
    if let Some(values) = all(cells, Value::as_i64) {
        return Some(Arc::new(Int64Array::from(values)));
    }
    if let Some(values) = all(cells, Value::as_bool) {
        return Some(Arc::new(BooleanArray::from(values)));
    }
    all(cells, Value::as_f64).map(|values| Arc::new(Float64Array::from(values)) as ArrayRef)
}
