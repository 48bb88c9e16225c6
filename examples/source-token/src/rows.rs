//! Orders as a raw table: text as text, as the API gave it.

use crate::api::Order;
use chenbao_plugin::Result;
use chenbao_plugin::arrow_array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray,
};
use std::sync::Arc;

/// Columns after `_export` and `_row`.
pub(crate) const COLUMNS: [&str; 7] = [
    "order_id",
    "line_id",
    "ordered_at",
    "paid_at",
    "pay_amount",
    "qty",
    "status",
];

/// The rows of one export.
pub(crate) fn reader(orders: &[Order]) -> Result<Box<dyn RecordBatchReader + Send>> {
    let numbers = 1..=i64::try_from(orders.len()).unwrap_or(i64::MAX);
    let exports: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone().map(|_| 1)));
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    let text = |of: fn(&Order) -> Option<&str>| -> ArrayRef {
        Arc::new(orders.iter().map(of).collect::<StringArray>())
    };
    let columns = [
        text(|o| Some(&o.order_id)),
        text(|o| Some(&o.line_id)),
        text(|o| Some(&o.ordered_at)),
        text(|o| o.paid_at.as_deref()),
        text(|o| Some(&o.pay_amount)),
        text(|o| Some(&o.qty)),
        text(|o| Some(&o.status)),
    ];
    let named = [("_export", exports), ("_row", rows)]
        .into_iter()
        .chain(COLUMNS.into_iter().zip(columns))
        .map(|(name, column)| (name, column, !name.starts_with('_')));
    let batch = RecordBatch::try_from_iter_with_nullable(named)?;
    let schema = batch.schema();
    Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
}
