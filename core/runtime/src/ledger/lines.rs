//! The ledger as lines: every row of every table in one fixed order, out of one consistent view, and back into an empty ledger.

use super::error::{LedgerError, Result};
use super::migrate::{self, MIGRATIONS};
use super::rows::{number, text};
use super::{Engine, Ledger};
use crate::storage::{self, Aside};
use futures::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Whoever takes lines: the table and the row as one JSON object.
pub type TakeLine<'a> = dyn FnMut(&str, &str) -> io::Result<()> + Send + 'a;

/// What an export held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Version of the schema.
    pub schema: i64,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

/// A column, and whether it holds texts or whole numbers: the schema has nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) number: bool,
}

/// The tables that the migrations make: a database may hold others, which are not ours.
pub(super) fn tables() -> BTreeSet<&'static str> {
    let made = MIGRATIONS
        .iter()
        .flat_map(|sql| sql.split("CREATE TABLE ").skip(1));
    made.map(|rest| rest.trim_start_matches("IF NOT EXISTS "))
        .filter_map(|rest| rest.split([' ', '(']).next())
        .collect()
}

impl Ledger {
    /// Hands out every row as it was at one moment, tables and rows in a fixed order, while others go on writing.
    ///
    /// # Errors
    /// The ledger does not answer, or the taker refuses a line.
    pub async fn export(&self, take: &mut TakeLine<'_>) -> Result<Exported> {
        let mut tx = match self.engine {
            // The first read of a deferred transaction fixes what it sees.
            Engine::Sqlite => self.pool.begin().await?,
            Engine::Postgres => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                self.pool.begin_with(begin).await?
            }
        };
        let schema = migrate::version(&mut tx).await?;
        let mut rows = BTreeMap::new();
        for table in tables() {
            let columns = columns(self.engine, &mut tx, table).await?;
            let select = select(self.engine, table, &columns);
            let mut lines = sqlx::query(AssertSqlSafe(select)).fetch(&mut *tx);
            let mut count = 0;
            while let Some(row) = lines.try_next().await? {
                take(table, &line(&row, &columns)?).map_err(LedgerError::Export)?;
                count += 1;
            }
            drop(lines);
            rows.insert(table.to_owned(), count);
        }
        tx.commit().await?;
        Ok(Exported { schema, rows })
    }

    /// Writes a file `<table>.jsonl` per table into a folder, which is made if need be.
    ///
    /// # Errors
    /// The ledger does not answer, or the folder cannot be written.
    pub async fn export_into(&self, dir: &Path) -> Result<Exported> {
        let open = || -> io::Result<BTreeMap<&str, BufWriter<Aside>>> {
            std::fs::create_dir_all(dir)?;
            let file = |table| Ok((table, BufWriter::new(Aside::begin(dir)?)));
            tables().into_iter().map(file).collect()
        };
        let mut files = open().map_err(LedgerError::Export)?;
        let exported = self
            .export(&mut |table, row| match files.get_mut(table) {
                Some(file) => writeln!(file, "{row}"),
                None => Ok(()),
            })
            .await?;
        let mut sealed = Vec::new();
        for (table, file) in files {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error);
            let file = file.and_then(Aside::seal).map_err(LedgerError::Export)?;
            sealed.push((file, dir.join(format!("{table}.jsonl"))));
        }
        storage::publish(sealed, dir).map_err(|(why, _)| LedgerError::Export(why))?;
        Ok(exported)
    }

    /// Begins to fill an empty ledger with lines.
    ///
    /// # Errors
    /// The ledger does not answer, or holds rows already.
    pub async fn loading(&self) -> Result<Loading> {
        let mut tx = self.begin().await?;
        let mut all = BTreeMap::new();
        for table in tables() {
            let columns = columns(self.engine, &mut tx, table).await?;
            // A table of a later schema than the one that is filled is not there yet.
            if columns.is_empty() {
                continue;
            }
            let count = format!("SELECT COUNT(*) AS many FROM {table}");
            let row = sqlx::query(AssertSqlSafe(count))
                .fetch_one(&mut *tx)
                .await?;
            if number(&row, "many")? > 0 {
                return Err(LedgerError::Gone(format!(
                    "the ledger to be filled has rows in `{table}` already"
                )));
            }
            all.insert(table.to_owned(), columns);
        }
        Ok(Loading { tx, tables: all })
    }
}

/// A ledger that is being filled: nobody sees any of it before the end.
#[derive(Debug)]
pub struct Loading {
    pub(super) tx: Transaction<'static, Any>,
    tables: BTreeMap<String, Vec<Column>>,
}

impl Loading {
    /// Adds one row of a table, as [`Ledger::export`] wrote it.
    ///
    /// # Errors
    /// The ledger does not answer, or the line is not a row of that table.
    pub async fn line(&mut self, table: &str, line: &str) -> Result<()> {
        let corrupt = || LedgerError::corrupt("a line of a backup", format!("{table}: {line}"));
        let columns = self.tables.get(table).ok_or_else(corrupt)?;
        let row: Map<String, Value> = serde_json::from_str(line).map_err(|_| corrupt())?;
        if row.len() != columns.len() {
            return Err(corrupt());
        }
        let mut query = sqlx::query(AssertSqlSafe(insert(table, columns)));
        for column in columns {
            let value = row.get(&column.name).ok_or_else(corrupt)?;
            query = match (column.number, value) {
                (true, Value::Number(number)) => query.bind(number.as_i64().ok_or_else(corrupt)?),
                (false, Value::String(text)) => query.bind(text.clone()),
                _ => return Err(corrupt()),
            };
        }
        query.execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Whether the schema that is filled has a table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Makes all rows visible.
    ///
    /// # Errors
    /// The ledger does not answer; then it stays empty.
    pub async fn end(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

pub(super) async fn columns(
    engine: Engine,
    tx: &mut Transaction<'static, Any>,
    table: &str,
) -> Result<Vec<Column>> {
    let sql = match engine {
        Engine::Sqlite => "SELECT name, type AS kind FROM pragma_table_info($1) ORDER BY cid",
        Engine::Postgres => {
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    let rows = sqlx::query(sql).bind(table).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            Ok(Column {
                name: text(row, "name")?,
                number: text(row, "kind")?.eq_ignore_ascii_case("bigint"),
            })
        })
        .collect()
}

/// All rows of a table by all their columns, texts by their bytes on both databases.
fn select(engine: Engine, table: &str, columns: &[Column]) -> String {
    let bytes = |column: &Column| match (engine, column.number) {
        (Engine::Postgres, false) => format!("{} COLLATE \"C\"", column.name),
        _ => column.name.clone(),
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let order: Vec<String> = columns.iter().map(bytes).collect();
    format!(
        "SELECT {} FROM {table} ORDER BY {}",
        names.join(", "),
        order.join(", ")
    )
}

fn insert(table: &str, columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}

fn line(row: &AnyRow, columns: &[Column]) -> Result<String> {
    let mut line = Map::new();
    for column in columns {
        let value = match column.number {
            true => number(row, &column.name)?.into(),
            false => text(row, &column.name)?.into(),
        };
        line.insert(column.name.clone(), value);
    }
    super::rows::to_json(&line)
}
