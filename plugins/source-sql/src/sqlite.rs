//! SQLite: opened read-only; a value has its own type there, so each is written out by what it is.

use crate::columns::{Column, Kind, decimal};
use crate::link::{Failure, literal};
use crate::stream::Output;
use chenbao_plugin::{Error, ErrorCode, bad_data};
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Executor, Row, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) async fn open(path: &Path) -> Result<SqliteConnection, Failure> {
    if !path.is_file() {
        let message = format!(
            "there is no SQLite file `{}`; hint: option `url` is relative to the project",
            path.display()
        );
        return Err(Error::new(ErrorCode::NotFound, message).into());
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .pragma("query_only", "on");
    let mut conn = options.disable_statement_logging().connect().await?;
    // One view of the file for columns and rows.
    conn.execute("begin").await?;
    Ok(conn)
}

pub(crate) async fn columns(
    conn: &mut SqliteConnection,
    sql: &str,
) -> Result<Vec<Column>, Failure> {
    let statement = (&mut *conn)
        .prepare(AssertSqlSafe(sql).into_sql_str())
        .await?;
    let mut columns = Vec::new();
    for column in statement.columns() {
        let kind = match (column.type_info().name(), column.origin().table_column()) {
            ("INTEGER" | "BOOLEAN", _) => Kind::Int,
            // Neither whole number nor text: perhaps a declared decimal.
            ("NULL", Some(origin)) => declared(conn, &origin.table, &origin.name).await?,
            _ => Kind::Text,
        };
        columns.push(Column {
            name: column.name().to_owned(),
            kind,
        });
    }
    Ok(columns)
}

async fn declared(conn: &mut SqliteConnection, table: &str, column: &str) -> Result<Kind, Failure> {
    let (schema, table) = table.split_once('.').unwrap_or(("main", table));
    let sql = format!(
        "select type from pragma_table_info({}, {}) where name = {}",
        sqlite_literal(table),
        sqlite_literal(schema),
        sqlite_literal(column)
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(&mut *conn)
        .await?;
    let written: Option<String> = row.first().and_then(|row| row.try_get(0).ok());
    Ok(written
        .as_deref()
        .and_then(decimal_type)
        .unwrap_or(Kind::Text))
}

/// SQLite knows no backslash in literals.
fn sqlite_literal(text: &str) -> String {
    literal(text).replace("\\\\", "\\")
}

/// `DECIMAL(10,2)`; a decimal without a scale is not known well enough.
fn decimal_type(written: &str) -> Option<Kind> {
    let lower = written.to_ascii_lowercase();
    let (name, rest) = lower.split_once('(')?;
    let (precision, scale) = rest.trim_end().strip_suffix(')')?.split_once(',')?;
    let known = matches!(name.trim(), "decimal" | "numeric" | "number" | "dec");
    known.then(|| {
        Kind::decimal(
            precision.trim().parse().unwrap_or(0),
            scale.trim().parse().unwrap_or(0),
        )
    })
}

/// When the file or its log last changed.
pub(crate) fn changed(path: &Path) -> Option<String> {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let times = [path, log.as_path()]
        .into_iter()
        .filter_map(|file| std::fs::metadata(file).ok()?.modified().ok());
    let seconds = times
        .max()?
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .as_secs();
    Some(
        jiff::Timestamp::from_second(i64::try_from(seconds).ok()?)
            .ok()?
            .to_string(),
    )
}

pub(crate) async fn rows(
    conn: &mut SqliteConnection,
    sql: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch(&mut *conn);
    while let Some(row) = rows.try_next().await? {
        for at in 0..output.width() {
            let text = written(&row, at, output.kind(at))?;
            output.cell(at, text.as_deref())?;
        }
        output.row()?;
    }
    Ok(())
}

fn written(row: &SqliteRow, at: usize, kind: Kind) -> Result<Option<Cow<'_, str>>, Failure> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(match value.type_info().name() {
        "INTEGER" => Cow::Owned(row.try_get_unchecked::<i64, _>(at)?.to_string()),
        "REAL" => Cow::Owned(real(row.try_get_unchecked::<f64, _>(at)?, kind)),
        "TEXT" => Cow::Borrowed(row.try_get_unchecked::<&str, _>(at)?),
        other => {
            let message = format!(
                "column `{}` holds a {other} value: leave it out of the query or cast it to text",
                row.column(at).name()
            );
            return Err(bad_data(message).into());
        }
    }))
}

/// The shortest text that is this float: what was once written as 12.5 is 12.5 again. In a decimal column the noise of float sums
/// (0.30000000000000004) is taken off; anything more stays and is refused.
fn real(value: f64, kind: Kind) -> String {
    let exact = value.to_string();
    let Kind::Decimal(precision, scale) = kind else {
        return exact;
    };
    if decimal(&exact, precision, scale).is_some() {
        return exact;
    }
    let places = usize::try_from(scale).unwrap_or(0);
    let rounded = format!("{value:.places$}");
    let near = rounded
        .parse::<f64>()
        .is_ok_and(|back| (back - value).abs() <= value.abs().max(1.0) * 1e-12);
    if near { rounded } else { exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_decimals_are_read() {
        assert_eq!(decimal_type("DECIMAL(10,2)"), Some(Kind::Decimal(10, 2)));
        assert_eq!(
            decimal_type("numeric( 18 , 4 )"),
            Some(Kind::Decimal(18, 4))
        );
        for other in ["NUMERIC", "varchar(10,2)", "decimal(10)", ""] {
            assert_eq!(decimal_type(other), None, "{other}");
        }
    }

    #[test]
    fn floats_come_out_as_they_went_in() {
        let money = Kind::Decimal(10, 2);
        assert_eq!(real(12.5, Kind::Text), "12.5");
        assert_eq!(real(0.1 + 0.2, Kind::Text), "0.30000000000000004");
        assert_eq!(real(0.1 + 0.2, money), "0.30");
        assert_eq!(real(1.005, money), "1.005");
    }
}
