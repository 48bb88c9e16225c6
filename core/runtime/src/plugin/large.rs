//! Tables that are too large for a result document: their rows come as Arrow, the document keeps the first and the count.

use super::no_code::rows_as_cells;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use chenbao_model::result::{ColumnType, Item, ResultDoc, Table};
use std::collections::BTreeMap;

/// So many rows stand in the document.
const FIRST: usize = 1000;

/// What has arrived of an answer's large tables.
#[derive(Default)]
pub(super) struct Large {
    tables: BTreeMap<String, Arrived>,
}

struct Arrived {
    schema: SchemaRef,
    first: Vec<RecordBatch>,
    kept: usize,
    rows: u64,
}

impl Large {
    /// Takes in a batch of a table.
    pub(super) fn add(&mut self, table: &str, batch: &RecordBatch) -> Result<(), String> {
        let arrived = self
            .tables
            .entry(table.to_owned())
            .or_insert_with(|| Arrived {
                schema: batch.schema(),
                first: Vec::new(),
                kept: 0,
                rows: 0,
            });
        if arrived.schema != batch.schema() {
            return Err(format!("table `{table}` changes its columns on the way"));
        }
        arrived.rows += batch.num_rows() as u64;
        let wanted = (FIRST - arrived.kept).min(batch.num_rows());
        if wanted > 0 {
            // Without a copy the slice would keep the whole file of the batch.
            let first = arrow::compute::concat_batches(&batch.schema(), [&batch.slice(0, wanted)]);
            arrived.first.push(first.map_err(|e| e.to_string())?);
            arrived.kept += wanted;
        }
        Ok(())
    }

    /// Puts the first rows of each table into the document; what does not fit is a breach of the contract.
    pub(super) fn fill(&self, doc: &mut ResultDoc) -> Vec<String> {
        let mut found = Vec::new();
        let mut named = Vec::new();
        for item in &mut doc.items {
            let Item::Table(table) = item else { continue };
            // A table whose stream did not come keeps its name, and is told as a breach with the rest.
            let Some(stream) = table.arrow.clone() else {
                continue;
            };
            let Some(arrived) = self.tables.get(&stream) else {
                continue;
            };
            match arrived.put_into(table) {
                Ok(()) => named.push(stream),
                Err(why) => found.push(why),
            }
        }
        let unnamed = self.tables.keys().filter(|stream| !named.contains(stream));
        if found.is_empty() {
            found.extend(unnamed.map(|stream| {
                format!("the rows of `{stream}` came with the answer, and no table names them")
            }));
        }
        found
    }
}

impl Arrived {
    fn put_into(&self, table: &mut Table) -> Result<(), String> {
        if !table.rows.is_empty() {
            return Err(format!(
                "`{}` has rows of its own beside its stream",
                table.id
            ));
        }
        let fields = self.schema.fields();
        let fits = fields.len() == table.columns.len()
            && fields.iter().zip(&table.columns).all(|(field, column)| {
                field.name() == &column.name && kind_of(field.data_type()) == column.kind
            });
        if !fits {
            let columns: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), field.data_type()))
                .collect();
            return Err(format!(
                "the columns of `{}` are not those of its stream: {}",
                table.id,
                columns.join(", ")
            ));
        }
        table.rows = rows_as_cells(self.first.clone())
            .map_err(|why| format!("a cell of `{}` cannot be read: {why}", table.id))?;
        table.arrow = None;
        table.total_rows = Some(self.rows);
        Ok(())
    }
}

fn kind_of(kind: &DataType) -> ColumnType {
    match kind {
        DataType::Boolean => ColumnType::Bool,
        DataType::Date32 => ColumnType::Date,
        kind if kind.is_numeric() => ColumnType::Number,
        _ => ColumnType::Text,
    }
}
