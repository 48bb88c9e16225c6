//! A metric's answer, built item by item; serialises to `chenbao.result/1`.
//!
//! Ids are declared in `metric.toml`, words stand in `strings.<lang>.toml`. The host checks the whole document.

use crate::cell::{Arg, Cell, words};
use crate::rows::Rows;
use crate::shapes::Table;
use serde_json::{Map, Value, json};

/// The result document under construction.
#[derive(Debug, Default)]
pub struct Report {
    items: Vec<Value>,
    quality: Vec<Value>,
    tables: Vec<(String, Rows)>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item, in chains.
    #[must_use]
    pub fn push(mut self, item: impl Into<Value>) -> Self {
        self.add(item);
        self
    }

    /// Adds an item, in loops.
    pub fn add(&mut self, item: impl Into<Value>) -> &mut Self {
        self.items.push(item.into());
        self
    }

    /// Adds a table whose rows are too many for the document: they travel as Arrow, batch by batch, after `compute` has
    /// returned. The columns of `rows` are those of `table`, by name and in order; what the table holds itself is dropped.
    pub fn add_rows(&mut self, table: Table, rows: Rows) -> &mut Self {
        let (id, item) = table.by_stream();
        self.tables.push((id, rows));
        self.add(item)
    }

    /// Takes the large tables out.
    pub(crate) fn take_tables(&mut self) -> Vec<(String, Rows)> {
        std::mem::take(&mut self.tables)
    }

    /// Adds a caveat about the data: level `info`, `warning` or `error`, string `quality.<key>`, ids of items it touches.
    pub fn quality<'a>(
        &mut self,
        level: &str,
        key: &str,
        args: impl IntoIterator<Item = (&'a str, Arg)>,
        affects: &[&str],
    ) -> &mut Self {
        self.quality
            .push(json!({ "level": level, "words": words(key, args), "affects": affects }));
        self
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut doc = json!({ "schema": "chenbao.result/1", "items": self.items });
        if !self.quality.is_empty() {
            doc["quality"] = json!(self.quality);
        }
        doc
    }
}

/// A builder's JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Item(pub(crate) Map<String, Value>);

impl Item {
    pub(crate) fn new(kind: &str, id: &str) -> Self {
        let mut map = Map::new();
        map.insert("type".into(), kind.into());
        map.insert("id".into(), id.into());
        Self(map)
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.into(), value.into());
    }

    pub(crate) fn array(&mut self, key: &str) -> &mut Vec<Value> {
        let slot = self
            .0
            .entry(key)
            .or_insert_with(|| Value::Array(Vec::new()));
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        match slot {
            Value::Array(list) => list,
            _ => unreachable!("made an array above"),
        }
    }

    pub(crate) fn passport(&mut self, key: &str, value: impl Into<Value>) {
        let slot = self.0.entry("passport").or_insert_with(|| json!({}));
        slot[key] = value.into();
    }

    pub(crate) fn missing(&mut self, why: &str, have: Option<String>, need: Option<String>) {
        let mut reason = json!({ "why": why });
        if let Some(have) = have {
            reason["have"] = have.into();
        }
        if let Some(need) = need {
            reason["need"] = need.into();
        }
        self.set("missing", reason);
    }
}

/// Methods that every item with a passport has.
macro_rules! shared {
    ($($item:ident),*) => {$(
        impl $item {
            /// Formula in the metric's own terms.
            #[must_use]
            pub fn formula(mut self, formula: &str) -> Self {
                self.0.passport("formula", formula);
                self
            }

            /// Clock: `pay`, `refund`, `settle`, `order`, `event` or `snapshot`.
            #[must_use]
            pub fn clock(mut self, clock: &str) -> Self {
                self.0.passport("clock", clock);
                self
            }

            /// What it is divided by.
            #[must_use]
            pub fn denominator(mut self, denominator: &str) -> Self {
                self.0.passport("denominator", denominator);
                self
            }

            /// Days that refunds have had to arrive.
            #[must_use]
            pub fn refund_age(mut self, days: i64) -> Self {
                self.0.passport("refund_age_days", days);
                self
            }

            /// The platform may still change it.
            #[must_use]
            pub fn provisional(mut self) -> Self {
                self.0.passport("provisional", true);
                self
            }

            /// Version of the definition; counts up when it changes.
            #[must_use]
            pub fn version(mut self, version: u32) -> Self {
                self.0.passport("version", version);
                self
            }

            /// Why there is nothing: `no_rows`, `undefined`, `suppressed`, `not_applicable`, `source_absent`, `immature`,
            /// `baseline_short`.
            #[must_use]
            pub fn missing(mut self, why: &str) -> Self {
                self.0.missing(why, None, None);
                self
            }

            /// Why there is nothing, with what there is and what it would need.
            #[must_use]
            pub fn missing_of(mut self, why: &str, have: impl std::fmt::Display, need: impl std::fmt::Display) -> Self {
                self.0.missing(why, Some(have.to_string()), Some(need.to_string()));
                self
            }
        }
    )*};
}
pub(crate) use shared;

/// Conversion and sensitivity, which every item has.
macro_rules! item {
    ($($item:ident),*) => {$(
        impl $item {
            /// Hides it from roles that are not shown `cost`, `finance` or `personal` figures.
            #[must_use]
            pub fn sensitivity(mut self, label: &str) -> Self {
                self.0.array("sensitivity").push(label.into());
                self
            }
        }

        impl From<$item> for Value {
            fn from(item: $item) -> Self {
                Self::Object(item.0.0)
            }
        }
    )*};
}
pub(crate) use item;

/// One figure.
#[derive(Debug, Clone)]
pub struct Scalar(Item);

impl Scalar {
    /// A figure of that id and unit (`money`, `{order}`, `%`, `pp`, `d`, `x` for multiples, `1`), still without value.
    #[must_use]
    pub fn new(id: &str, unit: &str) -> Self {
        let mut item = Item::new("scalar", id);
        item.set("unit", unit);
        item.set("value", Value::Null);
        Self(item)
    }

    /// The figure; give `missing` too where it may be none.
    #[must_use]
    pub fn value(mut self, value: impl Into<Cell>) -> Self {
        self.0.set("value", value.into().0);
        self
    }

    /// The figure, or why there is none.
    #[must_use]
    pub fn value_or(self, value: Option<impl Into<Cell>>, why: &str) -> Self {
        match value.map(Into::into).filter(|cell| !cell.is_null()) {
            Some(cell) => self.value(cell),
            None => self.missing(why),
        }
    }

    /// Cases behind it.
    #[must_use]
    pub fn n(mut self, n: u64) -> Self {
        self.0.set("n", n);
        self
    }

    /// More is better.
    #[must_use]
    pub fn better_up(mut self) -> Self {
        self.0.set("better", "up");
        self
    }

    /// Less is better.
    #[must_use]
    pub fn better_down(mut self) -> Self {
        self.0.set("better", "down");
        self
    }

    /// A comparison; the first is the main one. No value, no comparison.
    #[must_use]
    pub fn compare(mut self, basis: &str, value: impl Into<Cell>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.0
                .array("compare")
                .push(json!({ "basis": basis, "value": value }));
        }
        self
    }

    /// How many comparable days the last comparison rests on, of how many there should be.
    #[must_use]
    pub fn n_of(mut self, n: u32, of: u32) -> Self {
        if let Some(last) = self
            .0
            .0
            .get_mut("compare")
            .and_then(Value::as_array_mut)
            .and_then(|list| list.last_mut())
        {
            last["n"] = n.into();
            last["of"] = of.into();
        }
        self
    }

    /// Its history: `<series id>.<line id>`.
    #[must_use]
    pub fn spark(mut self, path: &str) -> Self {
        self.0.set("spark", path);
        self
    }

    /// A note beside it: string `note.<key>`.
    #[must_use]
    pub fn note<'a>(mut self, key: &str, args: impl IntoIterator<Item = (&'a str, Arg)>) -> Self {
        self.0.set("note", words(key, args));
        self
    }
}
shared!(Scalar);
item!(Scalar);
