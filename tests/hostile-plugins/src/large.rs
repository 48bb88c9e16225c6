//! Tables that are too large for a document, right and wrong.

use crate::sent::Sent;
use chenbao_plugin::arrow_array::types::Int32Type;
use chenbao_plugin::arrow_array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use chenbao_plugin::arrow_schema::{ArrowError, DataType, Field, Schema};
use chenbao_plugin::{Report, Result, Rows, Table, bad_config};
use std::sync::Arc;

const BATCH: i64 = 8192;

/// A table of so many rows, `what` of them, with what is odd about them after a blank: `1000 names`, `1000 breaks`, `1000 panics`,
/// `1000 shapes`, and what [`Sent`] does to rows on their way.
pub(crate) fn table(what: &str) -> Result<Report> {
    let (count, wrong) = what.split_once(' ').unwrap_or((what, ""));
    let count: i64 = count.parse().map_err(|_| bad_config("no number of rows"))?;
    let name = if wrong == "names" { "other" } else { "n" };
    let schema = Arc::new(Schema::new(vec![
        Field::new(name, DataType::Int64, false),
        match wrong {
            "shapes" => Field::new_dictionary("order", DataType::Int32, DataType::Utf8, true),
            _ => Field::new("order", DataType::Utf8, true),
        },
    ]));
    let (columns, wrong) = (Arc::clone(&schema), wrong.to_owned());
    let mut sent = Sent::new(&wrong);
    let batches = (0..count)
        .step_by(usize::try_from(BATCH).unwrap_or(1))
        .map(move |start| {
            sent.meddle(start + BATCH >= count);
            match wrong.as_str() {
                "shapes" => shaped(&columns, start, count),
                _ => batch(&columns, start, count, &wrong),
            }
        });
    let table = Table::new("lines")
        .column("n", "number", "1")
        .column("order", "text", "");
    let rows = Rows::new(Box::new(RecordBatchIterator::new(batches, schema)));
    let mut report = Report::new();
    report.add_rows(table, rows);
    Ok(report)
}

#[expect(clippy::panic, reason = "fails as told")]
fn batch(
    schema: &Arc<Schema>,
    start: i64,
    count: i64,
    wrong: &str,
) -> Result<RecordBatch, ArrowError> {
    match wrong {
        "breaks" if start > 0 => {
            return Err(ArrowError::ComputeError(
                "the disk of the plugin is gone".to_owned(),
            ));
        }
        "panics" if start > 0 => panic!("in the middle of a table"),
        _ => {}
    }
    let numbers = start..(start + BATCH).min(count);
    let orders = numbers
        .clone()
        .map(|n| (n % 3 > 0).then(|| format!("订单-{n}")));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(numbers.clone())),
        Arc::new(orders.collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Batches as other programs send them: slices of longer arrays, dictionaries that differ, no rows at all, nothing but nulls.
fn shaped(schema: &Arc<Schema>, start: i64, count: i64) -> Result<RecordBatch, ArrowError> {
    let turn = (start / BATCH) % 4;
    let end = (start + BATCH).min(count);
    // Three rows more at each end, which the slice leaves out.
    let numbers: Vec<i64> = (start - 3..end + 3).collect();
    let order = |n: &i64| match turn {
        1 => None,
        2 => Some(format!("订单-{}", n % 2)),
        _ => (n % 3 > 0).then(|| format!("订单-{n}")),
    };
    let texts: Vec<Option<String>> = numbers.iter().map(order).collect();
    let orders: DictionaryArray<Int32Type> = texts.iter().map(Option::as_deref).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(numbers)), Arc::new(orders)];
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    let rows = usize::try_from(end - start).unwrap_or(0);
    Ok(batch.slice(3, rows))
}
