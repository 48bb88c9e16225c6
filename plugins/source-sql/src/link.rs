//! One open connection that can only read, whichever database it is.

use crate::columns::Column;
use crate::options::Target;
use crate::stream::Output;
use crate::{mysql, postgres, sqlite};
use chenbao_plugin::{Error, ErrorCode};
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use std::path::PathBuf;

/// A failure of the database, or of what the rows are put into.
pub(crate) enum Failure {
    Database(sqlx::Error),
    Own(Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

/// An open connection; a transaction that only reads has begun.
pub(crate) enum Link {
    Sqlite(SqliteConnection, PathBuf),
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

impl Link {
    /// Connects; moments are given in that zone.
    pub(crate) async fn open(target: &Target, zone: &str) -> Result<Self, Failure> {
        match target {
            Target::Sqlite(path) => Ok(Self::Sqlite(sqlite::open(path).await?, path.clone())),
            Target::Postgres(url) => Ok(Self::Postgres(postgres::open(url, zone).await?)),
            Target::Mysql(url) => Ok(Self::Mysql(mysql::open(url, zone).await?)),
        }
    }

    /// The columns of the query, before it runs.
    pub(crate) async fn columns(&mut self, sql: &str) -> Result<Vec<Column>, Failure> {
        match self {
            Self::Sqlite(conn, _) => sqlite::columns(conn, sql).await,
            Self::Postgres(conn) => postgres::columns(conn, sql).await,
            Self::Mysql(conn) => mysql::columns(conn, sql).await,
        }
    }

    /// When the rows were as they are: the server's clock, or the file's own time.
    pub(crate) async fn as_of(&mut self) -> Result<String, Failure> {
        match self {
            Self::Sqlite(_, path) => sqlite::changed(path).ok_or_else(|| {
                Failure::Own(Error::new(
                    ErrorCode::Io,
                    format!("the time of file `{}` cannot be read", path.display()),
                ))
            }),
            Self::Postgres(conn) => Ok(postgres::now(conn).await?),
            Self::Mysql(conn) => Ok(mysql::now(conn).await?),
        }
    }

    /// Runs the query and hands its rows out as they come.
    pub(crate) async fn rows(&mut self, sql: &str, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Sqlite(conn, _) => sqlite::rows(conn, sql, output).await,
            Self::Postgres(conn) => postgres::rows(conn, sql, output).await,
            Self::Mysql(conn) => mysql::rows(conn, sql, output).await,
        }
    }

    /// Says goodbye. What fails now harms nobody: everything has been read.
    pub(crate) async fn close(self) {
        let _ = match self {
            Self::Sqlite(conn, _) => conn.close().await,
            Self::Postgres(conn) => conn.close().await,
            Self::Mysql(conn) => conn.close().await,
        };
    }
}

/// A text as an SQL literal, for the few catalogue queries.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
