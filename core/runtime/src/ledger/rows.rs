//! Reading columns: the few conversions between what both databases store and our values.

use super::error::{LedgerError, Result};
use chenbao_model::{Digest, Id, Period};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::str::FromStr;

/// Stands for "no time" in a column.
pub(super) const NEVER: i64 = i64::MIN;

pub(super) fn text(row: &AnyRow, column: &str) -> Result<String> {
    Ok(row.try_get(column)?)
}

pub(super) fn number(row: &AnyRow, column: &str) -> Result<i64> {
    Ok(row.try_get(column)?)
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<u64> {
    let value = number(row, column)?;
    u64::try_from(value).map_err(|_| LedgerError::corrupt("the count", value.to_string()))
}

pub(super) fn small(row: &AnyRow, column: &str) -> Result<u32> {
    let value = number(row, column)?;
    u32::try_from(value).map_err(|_| LedgerError::corrupt("the count", value.to_string()))
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column whose text reads back as a value.
pub(super) fn parsed<T: FromStr>(row: &AnyRow, column: &str, what: &'static str) -> Result<T> {
    let value = text(row, column)?;
    value.parse().map_err(|_| LedgerError::corrupt(what, value))
}

pub(super) fn id(row: &AnyRow, column: &str) -> Result<Id> {
    parsed(row, column, "the id")
}

pub(super) fn maybe_id(row: &AnyRow, column: &str) -> Result<Option<Id>> {
    if text(row, column)?.is_empty() {
        Ok(None)
    } else {
        id(row, column).map(Some)
    }
}

pub(super) fn maybe_day(row: &AnyRow, column: &str) -> Result<Option<Date>> {
    if text(row, column)?.is_empty() {
        Ok(None)
    } else {
        parsed(row, column, "the day").map(Some)
    }
}

pub(super) fn period(row: &AnyRow, column: &str) -> Result<Period> {
    parsed(row, column, "the period")
}

pub(super) fn digest(row: &AnyRow, column: &str) -> Result<Digest> {
    let value = text(row, column)?;
    Digest::parse(&value).ok_or_else(|| LedgerError::corrupt("the digest", value))
}

pub(super) fn time(row: &AnyRow, column: &str) -> Result<Timestamp> {
    let ms = number(row, column)?;
    Timestamp::from_millisecond(ms).map_err(|_| LedgerError::corrupt("the time", ms.to_string()))
}

pub(super) fn maybe_time(row: &AnyRow, column: &str) -> Result<Option<Timestamp>> {
    if number(row, column)? == NEVER {
        Ok(None)
    } else {
        time(row, column).map(Some)
    }
}

pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn maybe_ms(at: Option<Timestamp>) -> i64 {
    at.map_or(NEVER, ms)
}

/// A time so much later; the end of time where it would pass it.
pub(super) fn later(at: Timestamp, by: std::time::Duration) -> i64 {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    ms(at).saturating_add(by)
}

pub(super) fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T> {
    let value = text(row, column)?;
    serde_json::from_str(&value).map_err(|_| LedgerError::corrupt("the JSON", value))
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|why| LedgerError::corrupt("a value without JSON form", why.to_string()))
}

/// An optional id as part of a key.
pub(super) fn or_empty(id: Option<&Id>) -> &str {
    id.map_or("", Id::as_str)
}

/// Declares an enum of states with the words that stand in the ledger.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word in the ledger and in `history`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!(concat!("`{}` is not the state of ", $what), text)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(super) use states;
