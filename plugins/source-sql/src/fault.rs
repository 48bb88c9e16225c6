//! What went wrong at a database, told apart by what a person has to do, never with the password in it.

use crate::options::Target;
use chenbao_plugin::{Error, ErrorCode, io};
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// The error for people; `table` names the query it happened in.
pub(crate) fn fault(error: &sqlx::Error, target: &Target, table: Option<&str>) -> Error {
    let place = match table {
        Some(table) => format!("{}, query of `{table}`", target.name()),
        None => target.name(),
    };
    let told = match error {
        sqlx::Error::Database(database) => refused(database.as_ref(), &place),
        sqlx::Error::Configuration(why) => Error::new(
            ErrorCode::InvalidConfig,
            format!(
                "{place}: the address is not understood ({why}); hint: `kind://user:password@host:port/base`, with special characters as %40"
            ),
        ),
        sqlx::Error::Tls(why) => io(format!(
            "{place}: no secure connection ({why}); hint: `?sslmode=` (PostgreSQL) or `?ssl-mode=` (MySQL) in the address"
        )),
        sqlx::Error::Io(why) => unreachable_server(&place, &why.to_string()),
        other => io(format!("{place}: {other}")),
    };
    Error {
        message: without_password(&told.message, target),
        ..told
    }
}

/// The server does not answer.
pub(crate) fn unreachable_server(place: &str, why: &str) -> Error {
    io(format!(
        "{place} cannot be reached: {why}; hint: is it running, and do host and port in the address fit?"
    ))
}

fn refused(error: &dyn DatabaseError, place: &str) -> Error {
    let message = error.message();
    let (code, hint) = match classify(error) {
        Trouble::Login => (
            ErrorCode::Auth,
            "user or password in the secret `url` are refused",
        ),
        Trouble::Rights => (
            ErrorCode::Auth,
            "this user may not read it, or it is not there; give the user `select` on the table",
        ),
        Trouble::Absent => (
            ErrorCode::NotFound,
            "compare base, table and column names with the database",
        ),
        Trouble::Writes => (
            ErrorCode::InvalidConfig,
            "a source reads only; the query must be a `select`",
        ),
        Trouble::Syntax => (
            ErrorCode::InvalidConfig,
            "try the query in the database's own shell",
        ),
        Trouble::Busy => return io(format!("{place} is busy: {message}")),
        Trouble::Other => return io(format!("{place}: {message}")),
    };
    Error::new(code, format!("{place}: {message}; hint: {hint}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Login,
    Rights,
    Absent,
    Writes,
    Syntax,
    Busy,
    Other,
}

fn classify(error: &dyn DatabaseError) -> Trouble {
    if let Some(mysql) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return by_mysql_number(mysql.number());
    }
    let code = error.code().unwrap_or_default();
    if code.len() == 5 {
        by_sqlstate(&code)
    } else {
        by_sqlite(&code, error.message())
    }
}

fn by_mysql_number(number: u16) -> Trouble {
    match number {
        1045 | 1698 => Trouble::Login,
        1044 | 1142 | 1143 | 1227 => Trouble::Rights,
        1046 | 1049 | 1051 | 1054 | 1109 | 1146 => Trouble::Absent,
        1792 | 1290 => Trouble::Writes,
        1064 | 1149 => Trouble::Syntax,
        1040 | 1205 | 1213 => Trouble::Busy,
        _ => Trouble::Other,
    }
}

fn by_sqlstate(code: &str) -> Trouble {
    match code {
        "28P01" | "28000" => Trouble::Login,
        "42501" => Trouble::Rights,
        "3D000" | "3F000" | "42P01" | "42703" | "42883" => Trouble::Absent,
        "25006" => Trouble::Writes,
        "42601" => Trouble::Syntax,
        "53300" | "57P03" | "40001" | "55P03" => Trouble::Busy,
        _ => Trouble::Other,
    }
}

fn by_sqlite(code: &str, message: &str) -> Trouble {
    match code {
        "8" => Trouble::Writes,
        "5" | "6" => Trouble::Busy,
        "26" => Trouble::Syntax,
        _ if message.starts_with("no such ") => Trouble::Absent,
        _ if message.contains("syntax error") || message.starts_with("incomplete input") => {
            Trouble::Syntax
        }
        _ => Trouble::Other,
    }
}

fn without_password(message: &str, target: &Target) -> String {
    match target.password() {
        Some(password) => message.replace(password, "***"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_never_shows() {
        let target = Target::Postgres("postgres://u:geheim@db/erp".into());
        let error = sqlx::Error::Io(std::io::Error::other("no route for u:geheim@db"));
        let told = fault(&error, &target, Some("products"));
        assert_eq!(told.code, ErrorCode::Io);
        assert!(
            told.retryable
                && told
                    .message
                    .contains("PostgreSQL at db, query of `products`")
                && !told.message.contains("geheim")
        );
    }

    #[test]
    fn codes_are_told_apart() {
        assert_eq!(by_mysql_number(1045), Trouble::Login);
        assert_eq!(by_mysql_number(1146), Trouble::Absent);
        assert_eq!(by_sqlstate("42P01"), Trouble::Absent);
        assert_eq!(by_sqlstate("25006"), Trouble::Writes);
        assert_eq!(by_sqlite("1", "no such table: x"), Trouble::Absent);
        assert_eq!(
            by_sqlite("1", "near \"selec\": syntax error"),
            Trouble::Syntax
        );
    }
}
