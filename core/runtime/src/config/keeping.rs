//! Where things are kept, and how long: `[lake]`, `[ledger]`, `[retention]`.

use super::meant::{Age, Lake, LedgerUrl, Retention};
use super::resolve::{path, secret};
use super::secret::SecretRef;
use super::values::split_unit;
use super::written::{Read, Table, Value};
use chenbao_model::Diagnostic;
use std::path::Path;

pub(super) fn lake(table: Table<'_>, folder: &Path) -> Lake {
    let dir = table
        .read("dir", |v| path(v, folder))
        .unwrap_or_else(|| folder.join("lake"));
    let hash_key = table.read("hash_key", |v| secret(v, folder));
    let compact_after = table.read("compact_after", months).unwrap_or(3);
    table.end();
    Lake {
        dir,
        hash_key,
        compact_after,
    }
}

fn months(value: &Value<'_>) -> Read<u16> {
    let number = value.integer()?;
    let months = u16::try_from(number).ok().filter(|months| *months <= 120);
    months.ok_or_else(|| {
        Diagnostic::error(format!("{number} is no number of months"))
            .hint("write a whole number from 0 to 120")
    })
}

pub(super) fn ledger(table: Table<'_>, folder: &Path) -> Option<LedgerUrl> {
    let beside = || LedgerUrl::Plain(format!("sqlite:{}", folder.join("ledger.sqlite").display()));
    let url = match table.value("url") {
        Some(value) => value.told(ledger_url(&value, folder)),
        None => Some(beside()),
    };
    table.end();
    url
}

fn ledger_url(value: &Value<'_>, folder: &Path) -> Read<LedgerUrl> {
    let text = value.text()?;
    let wrong = |why: &str| Diagnostic::error(format!("the ledger's URL {why}"));
    if let Some(path) = text
        .strip_prefix("sqlite:")
        .map(|path| path.strip_prefix("//").unwrap_or(path))
    {
        return if path.is_empty() {
            Err(wrong("names no file").hint("write sqlite:ledger.sqlite"))
        } else {
            Ok(LedgerUrl::Plain(format!(
                "sqlite:{}",
                folder.join(path).display()
            )))
        };
    }
    if let Some(rest) = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
    {
        let user = rest
            .split('/')
            .next()
            .and_then(|host| host.rsplit_once('@'))
            .map_or("", |(user, _)| user);
        return if user.contains(':') || rest.contains("password=") {
            Err(wrong("holds a password")
                .hint("put the whole URL into a variable and write env:CHENBAO_LEDGER"))
        } else {
            Ok(LedgerUrl::Plain(text.to_owned()))
        };
    }
    SecretRef::parse(text, folder)
        .map(LedgerUrl::Secret)
        .map_err(|_| {
            wrong("names neither SQLite nor PostgreSQL").hint(
                "write sqlite:ledger.sqlite, postgres://user@host/database or env:CHENBAO_LEDGER",
            )
        })
}

pub(super) fn retention(root: &Table<'_>) -> Retention {
    let table = root.section("retention");
    let retention = Retention {
        raw: table.read("raw", age).flatten(),
        lake_revisions: table.read("lake_revisions", age).flatten(),
        archive: table.read("archive", age).flatten(),
        ledger: table.read("ledger", age).flatten(),
    };
    table.end();
    retention
}

/// `90d`, `8w`, `2y`; `forever` is none.
fn age(value: &Value<'_>) -> Read<Option<Age>> {
    let text = value.text()?.trim();
    if text == "forever" {
        return Ok(None);
    }
    let (number, unit) = split_unit(text);
    let days = match unit {
        "d" => 1_u32,
        "w" => 7,
        "y" => 365,
        _ => 0,
    };
    let days = number.parse().ok().and_then(|n: u32| n.checked_mul(days));
    match days.filter(|days| (1..=36_500).contains(days)) {
        Some(days) => Ok(Some(Age {
            days,
            written: text.to_owned(),
        })),
        None => Err(Diagnostic::error(format!("`{text}` is not an age"))
            .hint(r#"write "90d", "8w", "2y" or "forever""#)),
    }
}
