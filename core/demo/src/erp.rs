//! The team's own ERP as a SQLite file: who bought an order, and what a product costs. The platform's files know neither.

use crate::calendar::{Calendar, DAY};
use crate::catalog::Shop;
use crate::orders::Order;
use crate::stories::yuan;
use crate::write::sheet::failed;
use chenbao_model::diagnostic::Problems;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Orders that go in with one statement.
const BATCH: usize = 4000;

const TABLES: &str = "
create table buyers (order_id text not null, buyer_id text not null, ordered_at text not null, shop_id text not null);
create table products (product_id text not null primary key, name text not null, category text not null, supplier text not null,
  cost text not null, list_price text not null, lead_time integer not null, shop_id text not null) without rowid;
";

/// The file being filled.
#[derive(Debug)]
pub(crate) struct Erp {
    path: PathBuf,
    db: SqliteConnection,
}

impl Erp {
    /// A new file in the place of an older one.
    pub(crate) async fn create(path: &Path) -> Result<Self, Problems> {
        if let Err(e) = std::fs::remove_file(path)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            return Err(failed(path, &e));
        }
        // Nobody else sees the file before it is whole, and an interrupted demo is made anew: no journal.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let mut db = options.connect().await.map_err(|e| failed(path, &e))?;
        sqlx::raw_sql(TABLES)
            .execute(&mut db)
            .await
            .map_err(|e| failed(path, &e))?;
        sqlx::raw_sql("begin")
            .execute(&mut db)
            .await
            .map_err(|e| failed(path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            db,
        })
    }

    /// The products of a shop with what the platform does not know.
    pub(crate) async fn products(&mut self, shop: &Shop) -> Result<(), Problems> {
        for product in &shop.products {
            sqlx::query("insert into products values (?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(product.id.to_string())
                .bind(&product.name)
                .bind(product.category)
                .bind(product.supplier)
                .bind(yuan(product.cost))
                .bind(yuan(product.price))
                .bind(product.lead_time)
                .bind(shop.id)
                .execute(&mut self.db)
                .await
                .map_err(|e| failed(&self.path, &e))?;
        }
        Ok(())
    }

    /// The buyers of a day's orders.
    pub(crate) async fn buyers(
        &mut self,
        calendar: &Calendar,
        shop: &Shop,
        orders: &[Order],
    ) -> Result<(), Problems> {
        for batch in orders.chunks(BATCH) {
            sqlx::query(
                "insert into buyers select value->>0, value->>1, value->>2, ?2 from json_each(?1)",
            )
            .bind(as_json(calendar, batch))
            .bind(shop.id)
            .execute(&mut self.db)
            .await
            .map_err(|e| failed(&self.path, &e))?;
        }
        Ok(())
    }

    /// Makes the file whole.
    pub(crate) async fn finish(mut self) -> Result<(), Problems> {
        sqlx::raw_sql("commit; create index buyers_by_time on buyers (ordered_at);")
            .execute(&mut self.db)
            .await
            .map_err(|e| failed(&self.path, &e))?;
        self.db.close().await.map_err(|e| failed(&self.path, &e))
    }
}

/// `[["6917…","U3f…","2026-11-21 20:15:33"],…]`: nothing in it needs an escape.
fn as_json(calendar: &Calendar, orders: &[Order]) -> String {
    let mut text = String::with_capacity(orders.len() * 72 + 2);
    for order in orders {
        text.push(if text.is_empty() { '[' } else { ',' });
        let second = order.placed % DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        // Writing to a `String` cannot fail.
        let _infallible = write!(
            text,
            "[\"{}\",\"U{:016x}\",\"{} {hour:02}:{minute:02}:{second:02}\"]",
            order.id,
            order.buyer,
            calendar.date(order.placed / DAY)
        );
    }
    text.push(']');
    text
}
