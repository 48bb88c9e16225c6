//! Facts: the few things that a ledger knows of the world around it, each under a name.

use super::Ledger;
use super::error::Result;
use super::rows::text;

impl Ledger {
    /// A fact, if it is known.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn fact(&self, name: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT value FROM facts WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| text(&row, "value")).transpose()
    }

    /// Learns a fact for good: whoever is first says it, and everybody hears what was said.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn learn(&self, name: &str, value: &str) -> Result<String> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&mut *tx)
            .await?;
        let row = sqlx::query("SELECT value FROM facts WHERE name = $1")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        text(&row, "value")
    }

    /// Moves a fact on from one value (none: it was not known) to another: true for exactly one of all who try.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn move_fact(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool> {
        let query = match from {
            None => sqlx::query(
                "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(name)
            .bind(to),
            Some(from) => sqlx::query("UPDATE facts SET value = $2 WHERE name = $1 AND value = $3")
                .bind(name)
                .bind(to)
                .bind(from),
        };
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }
}
