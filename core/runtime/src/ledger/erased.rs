//! Erasing a person: in every row a pseudonym takes the place of the address, and what can be tied to it is gone.

use super::deliveries::{DeliveryState, Piece, delivery};
use super::error::{LedgerError, Result};
use super::lines::{self, Column};
use super::rows::{ms, text, to_json};
use super::{Engine, Ledger};
use chenbao_model::Digest;
use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Transaction};
use std::collections::BTreeSet;

/// Who is erased, and under which name what is kept goes from now on.
#[derive(Debug, Clone, Copy)]
pub struct Erase<'a> {
    /// The address.
    pub address: &'a str,
    /// Its pseudonym: a keyed hash.
    pub pseudonym: &'a str,
    /// When.
    pub at: Timestamp,
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages to the person; their heads are gone.
    pub messages: u64,
    /// Of these, those that were still to be sent and never will be.
    pub withdrawn: u64,
    /// Other texts of the ledger in which the address stood.
    pub texts: u64,
    /// Files that the folder channel gave the messages.
    pub files: Vec<String>,
}

impl Ledger {
    /// Everybody who was erased, as pseudonyms.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn erased(&self) -> Result<BTreeSet<String>> {
        let rows = sqlx::query("SELECT address FROM erased")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| text(row, "address")).collect()
    }

    /// Erases a person, all or nothing.
    ///
    /// # Errors
    /// The ledger does not answer, or a message to the person is leaving at this moment.
    pub async fn erase(&self, who: Erase<'_>) -> Result<Erased> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO erased (address, erased_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(who.pseudonym)
        .bind(ms(who.at))
        .execute(&mut *tx)
        .await?;
        let mut erased = Erased::default();
        let rows = sqlx::query("SELECT * FROM deliveries WHERE lower(recipient) = $1 ORDER BY id")
            .bind(who.address.to_ascii_lowercase())
            .fetch_all(&mut *tx)
            .await?;
        let mut columns = Vec::new();
        for table in lines::tables() {
            let all = lines::columns(self.engine, &mut tx, table).await?;
            columns.extend(all.into_iter().map(|column| (table, column)));
        }
        columns.retain(|(_, column)| !column.number);
        for row in &rows {
            one(&mut tx, who, &columns, &mut erased, delivery(row)?).await?;
        }
        for (table, column) in &columns {
            erased.texts += scrub(&mut tx, self.engine, who, (table, &column.name)).await?;
        }
        tx.commit().await?;
        Ok(erased)
    }
}

/// One message: without its head, under another id, because an id can be guessed from the address.
async fn one(
    tx: &mut Transaction<'static, Any>,
    who: Erase<'_>,
    columns: &[(&str, Column)],
    erased: &mut Erased,
    old: super::Delivery,
) -> Result<()> {
    if old.state == DeliveryState::Sending {
        return Err(LedgerError::Gone(format!(
            "a message of run `{}` is leaving for that address right now; nothing was erased",
            old.run
        )));
    }
    let id: String = Digest::of(format!("{}\n{}", who.pseudonym, old.id))
        .as_str()
        .chars()
        .take(32)
        .collect();
    let domain = old
        .message_id
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    let message_id = format!("{id}@{domain}");
    let shared = old.pieces.iter();
    let pieces: Vec<&Piece> = shared
        .filter(|piece| matches!(piece, Piece::Digest(_)))
        .collect();
    let waits = matches!(old.state, DeliveryState::Queued | DeliveryState::Deferred);
    let state = if waits {
        DeliveryState::Suppressed
    } else {
        old.state
    };
    sqlx::query(
        "UPDATE deliveries SET id = $2, recipient = $3, message_id = $4, pieces = $5, file_name = '', state = $6,
         note = 'the recipient was erased' WHERE id = $1",
    )
    .bind(old.id.as_str())
    .bind(id.as_str())
    .bind(who.pseudonym)
    .bind(message_id.as_str())
    .bind(to_json(&pieces)?)
    .bind(state.word())
    .execute(&mut **tx)
    .await?;
    rename(tx, who, columns, (&old, &id, &message_id)).await?;
    erased.messages += 1;
    erased.withdrawn += u64::from(waits);
    if old.channel == super::FOLDER {
        erased.files.push(old.file_name);
    }
    Ok(())
}

/// Whatever else tells of a message goes by its new names: attempts, bounces.
async fn rename(
    tx: &mut Transaction<'static, Any>,
    who: Erase<'_>,
    columns: &[(&str, Column)],
    (old, id, message_id): (&super::Delivery, &str, &str),
) -> Result<()> {
    // What was said of its own attempts is about nobody else: file names run the address together with other words.
    sqlx::query("UPDATE attempts SET note = replace(note, $2, $3) WHERE delivery = $1")
        .bind(old.id.as_str())
        .bind(old.recipient.as_str())
        .bind(who.pseudonym)
        .execute(&mut **tx)
        .await?;
    let names = [
        ("delivery", old.id.as_str(), id),
        ("message_id", &old.message_id, message_id),
    ];
    for (column, from, to) in names {
        for (table, _) in columns.iter().filter(|(_, known)| known.name == column) {
            let update = format!("UPDATE {table} SET {column} = $2 WHERE {column} = $1");
            sqlx::query(AssertSqlSafe(update))
                .bind(from)
                .bind(to)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Puts the pseudonym in the place of the address wherever it stands as a word in a column.
async fn scrub(
    tx: &mut Transaction<'static, Any>,
    engine: Engine,
    who: Erase<'_>,
    (table, column): (&str, &str),
) -> Result<u64> {
    let place = match engine {
        Engine::Sqlite => "instr",
        Engine::Postgres => "strpos",
    };
    let select = format!(
        "SELECT DISTINCT {column} AS said FROM {table} WHERE {place}(lower({column}), $1) > 0"
    );
    let address = who.address.to_ascii_lowercase();
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(address.as_str())
        .fetch_all(&mut **tx)
        .await?;
    let mut texts = 0;
    for row in &rows {
        let said = text(row, "said")?;
        let scrubbed = without(&said, &address, who.pseudonym);
        if scrubbed == said {
            continue;
        }
        let update = format!("UPDATE {table} SET {column} = $2 WHERE {column} = $1");
        let done = sqlx::query(AssertSqlSafe(update))
            .bind(said)
            .bind(scrubbed)
            .execute(&mut **tx)
            .await?;
        texts += done.rows_affected();
    }
    Ok(texts)
}

/// A text with another name for an address (in lower case); addresses that only end or begin alike stay.
fn without(said: &str, address: &str, name: &str) -> String {
    let lower = said.to_ascii_lowercase();
    let of_address = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
    let mut out = String::new();
    let mut rest = 0;
    for (at, _) in lower.match_indices(address) {
        let before = said.get(..at).unwrap_or_default().chars().next_back();
        let after = said.get(at + address.len()..).unwrap_or_default();
        let mut next = after.chars();
        let goes_on = match next.next() {
            // A full stop ends a sentence, or goes on with the domain.
            Some('.') => next.next().is_some_and(|c| c.is_ascii_alphanumeric()),
            Some(c) => c.is_ascii_alphanumeric() || c == '-',
            None => false,
        };
        if at < rest || before.is_some_and(of_address) || goes_on {
            continue;
        }
        out.push_str(said.get(rest..at).unwrap_or_default());
        out.push_str(name);
        rest = at + address.len();
    }
    out.push_str(said.get(rest..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn only_the_whole_address_goes() {
        let scrub = |said: &str| without(said, "boss@x.com", "E");
        assert_eq!(
            scrub("550 <Boss@X.com>: no such user, boss@x.com."),
            "550 <E>: no such user, E."
        );
        assert_eq!(
            scrub("big.boss@x.com boss@x.com.cn boss@x.community"),
            "big.boss@x.com boss@x.com.cn boss@x.community"
        );
        assert_eq!(scrub("老板boss@x.com，boss@x.com"), "老板E，E");
        assert_eq!(scrub("nothing"), "nothing");
    }
}
