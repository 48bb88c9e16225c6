//! The ledger: the truth about what the lake holds, what was due, what ran and what was sent. SQLite or PostgreSQL, one code base.
//!
//! Every write is one transaction (`BEGIN IMMEDIATE` on SQLite), every time is handed in, nothing here asks a clock.

mod audit;
mod catalogue;
mod collections;
mod crashes;
mod deliveries;
mod erased;
mod error;
mod facts;
mod figures;
mod holds;
mod lines;
mod migrate;
mod nodes;
mod notices;
mod occurrences;
mod outlook;
mod recipients;
mod removed;
mod restored;
mod returned;
mod rows;
mod runs;
mod sending;
#[cfg(test)]
mod tests;
mod watch;

pub use audit::{Catalogue, Named, Stale};
pub use catalogue::{Commit, FeedDay};
pub use collections::{Collection, CollectionState};
pub use crashes::Crashes;
pub use deliveries::{
    Attempt, Delivery, DeliveryState, FILES, FOLDER, Issue, MAIL, NewDelivery, Piece, delivery_id,
};
pub use erased::{Erase, Erased};
pub use error::{LedgerError, Result};
pub use figures::Figures;
pub use holds::{Hold, Waiting};
pub use lines::{Exported, Loading, TakeLine};
pub use nodes::Node;
pub use notices::{LastTold, NewNotice, Notice};
pub use occurrences::{Keep, NotMade, OccurrenceState, Open};
pub use recipients::{Block, BlockReason};
pub use removed::{Mode, Removed, RemovedKind};
pub use restored::Waited;
pub use returned::{Meaning, Returned};
pub use runs::{NewRun, ResultRow, Run, RunEnd, RunState, Shown};
pub use sending::{Claimed, Entry, SENDER_STOPPED, Verdict, Wish};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};
use std::fmt;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

/// How long a writer waits for another before it gives up.
const BUSY: Duration = Duration::from_secs(10);

/// A server that has given no connection for so long counts as away.
const AWAY: Duration = Duration::from_secs(8);

/// Connections kept at most: SQLite has one writer anyway, and a node needs few.
const CONNECTIONS: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// An open ledger; clones share its connections.
#[derive(Clone)]
pub struct Ledger {
    pool: AnyPool,
    engine: Engine,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({:?})", self.engine)
    }
}

impl Ledger {
    /// Opens `sqlite:PATH` (made with its folder if it is not there) or `postgres://...`, and brings its schema up to date.
    ///
    /// # Errors
    /// The database cannot be reached or written, or a newer chenbao has written it.
    pub async fn open(url: &str) -> Result<Self> {
        let ledger = Self::connect(url).await?;
        migrate::run(&ledger).await?;
        Ok(ledger)
    }

    /// Opens a ledger that a backup with this schema is to be loaded into; [`Ledger::modernise`] comes after that.
    ///
    /// # Errors
    /// The database cannot be reached or written, or the backup is of a newer chenbao.
    pub async fn open_at(url: &str, schema: i64) -> Result<Self> {
        let known = migrate::newest();
        if schema > known {
            return Err(LedgerError::Newer {
                found: schema,
                known,
            });
        }
        let ledger = Self::connect(url).await?;
        migrate::run_to(&ledger, schema).await?;
        Ok(ledger)
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn modernise(&self) -> Result<()> {
        migrate::run(self).await
    }

    async fn connect(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let ledger = match url.strip_prefix("sqlite:") {
            Some(path) => {
                Self::open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await?
            }
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => Self {
                pool: pool_on_server(url).await?,
                engine: Engine::Postgres,
            },
            None => return Err(LedgerError::Scheme),
        };
        Ok(ledger)
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|why| LedgerError::Folder {
                path: folder.to_path_buf(),
                why,
            })?;
        }
        let url = format!("sqlite:{}?mode=rwc", escaped(path));
        look_first(&url).await?;
        let pool = pool(&url, |options| {
            options.after_connect(|connection, _| {
                Box::pin(async move {
                    let busy = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
                    connection.execute(sqlx::AssertSqlSafe(busy)).await?;
                    connection.execute("PRAGMA synchronous = FULL").await?;
                    Ok(())
                })
            })
        })
        .await?;
        let ledger = Self {
            pool,
            engine: Engine::Sqlite,
        };
        ledger.use_wal().await?;
        Ok(ledger)
    }

    /// Turns on write-ahead logging, which stays on. Changing the mode does not honour the busy timeout, so it is tried again
    /// while other processes open the same new file.
    async fn use_wal(&self) -> Result<()> {
        let mut left = 50_u32;
        loop {
            match self.pool.execute("PRAGMA journal_mode = WAL").await {
                Ok(_) => return Ok(()),
                Err(_) if left > 0 => left -= 1,
                Err(why) => return Err(why.into()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Closes all connections; later calls fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the ledger answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Whether the ledger takes a change: it answers, and no other process holds it.
    ///
    /// # Errors
    /// It does not.
    pub async fn writable(&self) -> Result<()> {
        Ok(self.begin().await?.rollback().await?)
    }

    /// A transaction that may write.
    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        Ok(match self.engine {
            Engine::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.pool.begin().await?,
        })
    }

    /// A transaction that alone counts up in a table: `lock` is for PostgreSQL, SQLite has one writer anyway.
    async fn begin_alone(&self, lock: &'static str) -> Result<Transaction<'static, Any>> {
        let mut tx = self.begin().await?;
        if self.engine == Engine::Postgres {
            sqlx::query(lock).execute(&mut *tx).await?;
        }
        Ok(tx)
    }
}

/// Connections to a server that may be starting. A pool says only that it waited in vain; the reason is asked for afterwards.
async fn pool_on_server(url: &str) -> Result<AnyPool> {
    match pool(url, |options| options.acquire_timeout(AWAY)).await {
        Err(LedgerError::Database(sqlx::Error::PoolTimedOut)) => {
            let late = AnyConnection::connect(url).await?;
            late.close().await?;
            pool(url, |options| options.acquire_timeout(AWAY)).await
        }
        answer => answer,
    }
}

/// Opens an SQLite file once before the pool does: the pool tries again for a long time and then says only that it waited. A file
/// that another process is busy with is left to the pool.
async fn look_first(url: &str) -> Result<()> {
    let opened = async {
        let mut connection = AnyConnection::connect(url).await?;
        connection.execute("PRAGMA synchronous = FULL").await?;
        connection.close().await
    };
    match opened.await {
        Err(why) if error::is_disk(&why) => Err(why.into()),
        _ => Ok(()),
    }
}

async fn pool(url: &str, more: impl FnOnce(AnyPoolOptions) -> AnyPoolOptions) -> Result<AnyPool> {
    let options = AnyConnectOptions::from_str(url)?;
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(BUSY * 2);
    Ok(more(pool).connect_with(options).await?)
}

/// A path as part of a URL: the characters that a URL would read differently are escaped.
fn escaped(path: &Path) -> String {
    let mut url = String::new();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            ' ' => url.push_str("%20"),
            _ => url.push(c),
        }
    }
    url
}
