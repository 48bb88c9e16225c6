//! MariaDB and MySQL through their text protocol: the server writes every value out exactly.

use crate::columns::{Column, Kind};
use crate::link::{Failure, literal};
use crate::stream::Output;
use chenbao_plugin::bad_config;
use futures::TryStreamExt;
use jiff::tz::TimeZone;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Executor, Row, SqlSafeStr, Statement, TypeInfo,
};

/// The server has no tables of zones.
const UNKNOWN_ZONE: &str = "Unknown or incorrect time zone";

pub(crate) async fn open(url: &str, zone: &str) -> Result<MySqlConnection, Failure> {
    let options: MySqlConnectOptions = url.parse()?;
    let mut conn = options.disable_statement_logging().connect().await?;
    in_zone(&mut conn, zone).await?;
    for statement in [
        "set session transaction read only",
        "start transaction with consistent snapshot, read only",
    ] {
        sqlx::raw_sql(statement)
            .execute_many(&mut conn)
            .try_collect::<Vec<_>>()
            .await?;
    }
    Ok(conn)
}

/// Sets the session's zone: by name where the server knows names, else by an offset that never changes.
async fn in_zone(conn: &mut MySqlConnection, zone: &str) -> Result<(), Failure> {
    if zone.is_empty() {
        return Ok(());
    }
    let set = |to: &str| AssertSqlSafe(format!("set time_zone = {}", literal(to)));
    match sqlx::raw_sql(set(zone))
        .execute_many(&mut *conn)
        .try_collect::<Vec<_>>()
        .await
    {
        Err(sqlx::Error::Database(error)) if error.message().contains(UNKNOWN_ZONE) => {}
        done => return Ok(done.map(|_| ())?),
    }
    let Some(offset) = fixed_offset(zone) else {
        let hint = format!(
            "the server knows no zone `{zone}`; hint: load its zone tables (mariadb-tzinfo-to-sql), because this zone has summer time"
        );
        return Err(bad_config(hint).into());
    };
    sqlx::raw_sql(set(&offset))
        .execute_many(conn)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

/// `+08:00` of a zone that has the same offset in winter and summer of recent years.
fn fixed_offset(zone: &str) -> Option<String> {
    let zone = TimeZone::get(zone).ok()?;
    let offsets: Vec<_> = (2010..=2035_i16)
        .flat_map(|year| [1_i8, 7].map(|month| jiff::civil::date(year, month, 1).at(0, 0, 0, 0)))
        .map(|moment| {
            moment
                .to_zoned(zone.clone())
                .map(|at| at.offset().seconds())
        })
        .collect::<Result<_, _>>()
        .ok()?;
    let first = *offsets.first()?;
    let sign = if first < 0 { '-' } else { '+' };
    let minutes = first.abs() / 60;
    offsets
        .iter()
        .all(|offset| *offset == first)
        .then(|| format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

pub(crate) async fn columns(conn: &mut MySqlConnection, sql: &str) -> Result<Vec<Column>, Failure> {
    let statement = (&mut *conn)
        .prepare(AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await?;
    let mut columns = Vec::new();
    for column in statement.columns() {
        let kind = match column.type_info().name() {
            "BIGINT UNSIGNED" => Kind::decimal(20, 0),
            "BOOLEAN" | "YEAR" => Kind::Int,
            name if name.trim_end_matches(" UNSIGNED").ends_with("INT") => Kind::Int,
            "TIMESTAMP" | "DATETIME" | "DATE" => Kind::Moment,
            "DECIMAL" => match column.origin().table_column() {
                Some(origin) => declared(conn, &origin.table, &origin.name).await?,
                None => Kind::Text,
            },
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
async fn declared(conn: &mut MySqlConnection, table: &str, column: &str) -> Result<Kind, Failure> {
    let (schema, table) = table
        .split_once('.')
        .map_or(("database()".to_owned(), table), |(schema, table)| {
            (literal(schema), table)
        });
    let sql = format!(
        "select cast(numeric_precision as char), cast(numeric_scale as char) from information_schema.columns \
         where table_schema = {schema} and table_name = {} and column_name = {}",
        literal(table),
        literal(column)
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(&mut *conn)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Kind::Text);
    };
    let number = |at: usize| {
        row.try_get_unchecked::<Option<&str>, _>(at)
            .map(|text| text.and_then(|text| text.parse::<i64>().ok()))
    };
    Ok(match (number(0)?, number(1)?) {
        (Some(precision), Some(scale)) => Kind::decimal(precision, scale),
        _ => Kind::Text,
    })
}

pub(crate) async fn now(conn: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let row = sqlx::raw_sql("select date_format(utc_timestamp(), '%Y-%m-%dT%H:%i:%sZ')")
        .fetch_one(&mut *conn)
        .await?;
    row.try_get_unchecked::<String, _>(0)
}

pub(crate) async fn rows(
    conn: &mut MySqlConnection,
    sql: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch(&mut *conn);
    while let Some(row) = rows.try_next().await? {
        for at in 0..output.width() {
            let text = row.try_get_unchecked::<Option<&str>, _>(at)?;
            // What MySQL writes for a day that it does not know.
            let unknown = output.kind(at) == Kind::Moment
                && text.is_some_and(|text| text.starts_with("0000-00-00"));
            output.cell(at, text.filter(|_| !unknown))?;
        }
        output.row()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fixed_offset;

    #[test]
    fn only_zones_without_summer_time_have_an_offset() {
        assert_eq!(fixed_offset("Asia/Shanghai").as_deref(), Some("+08:00"));
        assert_eq!(fixed_offset("Asia/Kolkata").as_deref(), Some("+05:30"));
        assert_eq!(fixed_offset("Europe/Berlin"), None);
        assert_eq!(fixed_offset("Nowhere/Town"), None);
    }
}
