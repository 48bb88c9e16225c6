//! PostgreSQL through its text protocol: the server writes every value out exactly.

use crate::columns::{Column, Kind};
use crate::link::{Failure, literal};
use crate::stream::Output;
use futures::TryStreamExt;
use sqlx::postgres::{PgColumn, PgConnectOptions, PgConnection};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Executor, Row, SqlSafeStr, Statement, TypeInfo,
};

pub(crate) async fn open(url: &str, zone: &str) -> Result<PgConnection, Failure> {
    let options: PgConnectOptions = url.parse()?;
    let mut conn = options
        .application_name("chenbao")
        .disable_statement_logging()
        .connect()
        .await?;
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let session = format!(
        "set session characteristics as transaction read only; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; \
         set time zone {}; begin transaction isolation level repeatable read read only",
        literal(zone)
    );
    sqlx::raw_sql(AssertSqlSafe(session))
        .execute_many(&mut conn)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(conn)
}

pub(crate) async fn columns(conn: &mut PgConnection, sql: &str) -> Result<Vec<Column>, Failure> {
    let statement = (&mut *conn)
        .prepare(AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await?;
    let mut columns = Vec::new();
    for column in statement.columns() {
        let kind = match column.type_info().name() {
            "INT2" | "INT4" | "INT8" | "OID" => Kind::Int,
            "BOOL" => Kind::Bool,
            "TIMESTAMP" | "TIMESTAMPTZ" => Kind::Moment,
            "NUMERIC" => numeric(conn, column).await?,
            _ => Kind::Text,
        };
        columns.push(Column {
            name: column.name().to_owned(),
            kind,
        });
    }
    Ok(columns)
}

/// The scale that the table declares; a computed column has none and stays text.
async fn numeric(conn: &mut PgConnection, column: &PgColumn) -> Result<Kind, Failure> {
    let (Some(table), Some(number)) = (column.relation_id(), column.relation_attribute_no()) else {
        return Ok(Kind::Text);
    };
    let sql = format!(
        "select atttypmod::text from pg_catalog.pg_attribute where attrelid = {} and attnum = {number}",
        table.0
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(&mut *conn)
        .await?;
    let modifier = match rows.first() {
        Some(row) => row
            .try_get_unchecked::<&str, _>(0)?
            .parse::<i64>()
            .unwrap_or(-1),
        None => -1,
    };
    // Precision in the high half, scale in the low eleven bits, both shifted by four; -1 is `numeric` without either.
    let packed = modifier - 4;
    Ok(if packed < 0 {
        Kind::Text
    } else {
        Kind::decimal((packed >> 16) & 0xffff, packed & 0x7ff)
    })
}

pub(crate) async fn now(conn: &mut PgConnection) -> Result<String, sqlx::Error> {
    let sql = "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let row = sqlx::raw_sql(sql).fetch_one(&mut *conn).await?;
    row.try_get_unchecked::<String, _>(0)
}

pub(crate) async fn rows(
    conn: &mut PgConnection,
    sql: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch(&mut *conn);
    while let Some(row) = rows.try_next().await? {
        for at in 0..output.width() {
            output.cell(at, row.try_get_unchecked::<Option<&str>, _>(at)?)?;
        }
        output.row()?;
    }
    Ok(())
}
