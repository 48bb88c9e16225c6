//! Values in a result: exact numbers, texts from data, keys into the strings, and sentences' arguments.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A value: number, text, key, yes/no or null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Cell(pub(crate) Value);

impl Cell {
    /// Not known.
    #[must_use]
    pub fn null() -> Self {
        Self(Value::Null)
    }

    /// A key into `strings.*.toml`, for words that the plugin knows and data does not.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self(json!({ "$key": key }))
    }

    /// An exact number from its text.
    #[must_use]
    pub fn number(text: impl std::fmt::Display) -> Self {
        Self(json!({ "$dec": text.to_string() }))
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl From<Decimal> for Cell {
    fn from(value: Decimal) -> Self {
        Self::number(value)
    }
}

impl From<&Decimal> for Cell {
    fn from(value: &Decimal) -> Self {
        Self::number(value)
    }
}

impl From<f64> for Cell {
    /// Not-a-number and the infinities become null.
    fn from(value: f64) -> Self {
        Self(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
}

macro_rules! plain {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Self(Value::from(value))
            }
        }
    )*};
}
plain!(i32, i64, u32, u64, usize, bool, &str, String);

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self(Value::from(value.as_str()))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::null, Into::into)
    }
}

/// An argument of a sentence: a value with its unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arg {
    value: Cell,
    #[serde(skip_serializing_if = "String::is_empty")]
    unit: String,
}

impl Arg {
    /// A figure with its unit.
    pub fn new(value: impl Into<Cell>, unit: &str) -> Self {
        Self {
            value: value.into(),
            unit: unit.to_owned(),
        }
    }

    /// A text from data.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into(), "")
    }

    /// A word by key.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self::new(Cell::key(key), "")
    }
}

/// A sentence by key with arguments, as JSON.
pub(crate) fn words<'a>(key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Value {
    let args: Map<String, Value> = args
        .into_iter()
        .map(|(name, arg)| (name.to_owned(), json!(arg)))
        .collect();
    if args.is_empty() {
        json!({ "key": key })
    } else {
        json!({ "key": key, "args": args })
    }
}
