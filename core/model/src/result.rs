//! A metric's answer: scalars, series, tables and findings, each with its passport and sensitivity, none with a sentence.
//!
//! The JSON form (`chenbao.result/1`) is the plugin contract; this is the host's checked reading of it. Labels and
//! sentences are keys into the `strings` of the plugin's descriptor.

pub use crate::breach::breaches;

use crate::Sensitivities;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The one schema name of this major version.
pub const SCHEMA: &str = "chenbao.result/1";

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultDoc {
    /// [`SCHEMA`].
    pub schema: String,
    /// Items in the author's order; ids are unique.
    pub items: Vec<Item>,
    /// Caveats about the data, as keys with arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<Quality>,
}

impl ResultDoc {
    /// The item of that id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id() == id)
    }
}

/// One thing a metric says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Item {
    /// One figure.
    Scalar(Scalar),
    /// Figures along an axis.
    Series(Series),
    /// Rows.
    Table(Table),
    /// Something found.
    Finding(Finding),
}

impl Item {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Scalar(x) => &x.id,
            Self::Series(x) => &x.id,
            Self::Table(x) => &x.id,
            Self::Finding(x) => &x.id,
        }
    }

    /// Who may see it.
    #[must_use]
    pub fn sensitivity(&self) -> &Sensitivities {
        match self {
            Self::Scalar(x) => &x.sensitivity,
            Self::Series(x) => &x.sensitivity,
            Self::Table(x) => &x.sensitivity,
            Self::Finding(x) => &x.sensitivity,
        }
    }
}

/// A cell: JSON number, exact decimal `{"$dec": "1.50"}`, big integer `{"$int": "..."}`, text, yes/no or null.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Not known. The reason stands beside it (`missing`) for scalars.
    #[default]
    Null,
    /// An exact number.
    Number(Decimal),
    /// A text, shown as it is: it comes from data.
    Text(String),
    /// A key into the plugin's strings, written `{"$key": "..."}`.
    Key(String),
    /// Yes or no.
    Bool(bool),
}

impl Cell {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Key(text) => Some(text),
            _ => None,
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Number(value) => one_entry(serializer, "$dec", &value.to_string()),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Key(key) => one_entry(serializer, "$key", key),
            Self::Bool(value) => serializer.serialize_bool(*value),
        }
    }
}

fn one_entry<S: serde::Serializer>(
    serializer: S,
    key: &str,
    value: &str,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let decimal = |text: &str| {
            text.parse()
                .or_else(|_| Decimal::from_scientific(text))
                .map_err(|_| D::Error::custom(format!("`{text}` is not a decimal")))
        };
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => Ok(Self::Null),
            serde_json::Value::Bool(value) => Ok(Self::Bool(value)),
            serde_json::Value::String(text) => Ok(Self::Text(text)),
            serde_json::Value::Number(number) => decimal(&number.to_string()).map(Self::Number),
            serde_json::Value::Object(map) if map.len() == 1 => {
                let (key, value) = map.into_iter().next().unwrap_or_default();
                match (key.as_str(), value) {
                    ("$dec" | "$int", serde_json::Value::String(text)) => {
                        decimal(&text).map(Self::Number)
                    }
                    ("$key", serde_json::Value::String(text)) => Ok(Self::Key(text)),
                    (other, _) => Err(D::Error::custom(format!("`{other}` is not a cell"))),
                }
            }
            _ => Err(D::Error::custom(
                "a cell is a number, text, true, false, null, $dec, $int or $key",
            )),
        }
    }
}

/// Why a figure is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The source has no rows for the period.
    NoRows,
    /// A denominator is zero.
    Undefined,
    /// Too few cases to show.
    Suppressed,
    /// Makes no sense here.
    NotApplicable,
    /// No source gives this; `need` names what would.
    SourceAbsent,
    /// The plugin failed; the run's verdict says how.
    PluginFailed,
    /// Too young to be final.
    Immature,
    /// Too few comparable days; `have` of `need`.
    BaselineShort,
}

/// Why a figure is not there, with what there is and what it would need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The reason.
    pub why: Why,
    /// What there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<String>,
    /// What it would need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<String>,
}

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// Neither; a change is shown without colour.
    #[default]
    None,
}

/// What a reader must know to use a figure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passport {
    /// Formula in the metric's own terms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub formula: String,
    /// Clock: `pay`, `refund`, `settle`, `order`, `event` or `snapshot`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub clock: String,
    /// What it is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<String>,
    /// Days that refunds have had to arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_age_days: Option<i64>,
    /// Whether the platform may still change it.
    #[serde(default)]
    pub provisional: bool,
    /// Counts up when the definition changes; a change cuts the series, visibly.
    #[serde(default = "one")]
    pub version: u32,
}

fn one() -> u32 {
    1
}

/// What a figure is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compare {
    /// The basis, a key `basis.<id>` of the strings: `weekday` (the comparable day), `weekday_median`, `previous`,
    /// `plan`, `last_campaign`, `edition`.
    pub basis: String,
    /// The figure to compare with.
    pub value: Cell,
    /// How many comparable days went in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// How many there should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
}

/// One figure. Units: ISO 4217 (`CNY`), `{order}` `{buyer}` `{item}` for counts, `%` (3.12 is 3.12 %), `pp`, `d`, `x` (4.42 is 4.42×), `1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scalar {
    /// Id; its label is the string `item.<id>`.
    pub id: String,
    /// Unit.
    pub unit: String,
    /// The figure; null with a reason.
    pub value: Cell,
    /// Why it is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Cases behind it (the denominator of a rate).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Whether more is better.
    #[serde(default)]
    pub better: Better,
    /// Comparisons, the main one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compare>,
    /// Its history: `<series id>.<y id>` in the same result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark: Option<String>,
    /// One note beside it: a string key `note.<id>` with these arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
    /// Passport.
    #[serde(default)]
    pub passport: Passport,
    /// Who may see it.
    #[serde(default, skip_serializing_if = "Sensitivities::is_empty")]
    pub sensitivity: Sensitivities,
}

/// A sentence by key, with arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// Key into the strings.
    pub key: String,
    /// Arguments of its placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Argument>,
}

/// An argument: a value with its unit, so that formatting happens in one place. A bare text is a text from data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// The value.
    pub value: Cell,
    /// Its unit; empty for texts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// The kind of a series' x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// ISO dates or date-times, ascending and unique.
    Time,
    /// Texts or keys, in the author's order.
    Category,
    /// Numbers, ascending.
    Number,
}

/// One line of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Id; its label is the string `series.<series>.<id>`.
    pub id: String,
    /// Unit.
    pub unit: String,
}

/// Figures along an axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Id; its label is the string `item.<id>`.
    pub id: String,
    /// Axis.
    pub x: Axis,
    /// Lines.
    pub y: Vec<Line>,
    /// Points: x, then a cell per line.
    pub points: Vec<Vec<Cell>>,
    /// What it shows: `daily` history, `waterfall` (first and last point are totals, the rest are parts), or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shape: String,
    /// Why it has no points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Passport.
    #[serde(default)]
    pub passport: Passport,
    /// Who may see it.
    #[serde(default, skip_serializing_if = "Sensitivities::is_empty")]
    pub sensitivity: Sensitivities,
}

/// The type of a table column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text from data, or keys.
    Text,
    /// Number with the column's unit.
    Number,
    /// ISO date.
    Date,
    /// Yes or no.
    Bool,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultColumn {
    /// Name; its label is the string `column.<table>.<name>`, else `column.<name>`.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Unit of numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Whether more is better.
    #[serde(default)]
    pub better: Better,
    /// Passport.
    #[serde(default)]
    pub passport: Passport,
    /// Who may see the column.
    #[serde(default, skip_serializing_if = "Sensitivities::is_empty")]
    pub sensitivity: Sensitivities,
}

/// Rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Id; its label is the string `item.<id>`.
    pub id: String,
    /// Columns.
    pub columns: Vec<ResultColumn>,
    /// Rows, each as long as `columns`.
    #[serde(default)]
    pub rows: Vec<Vec<Cell>>,
    /// Name of the stream that holds the rows of a table too large for a document; the host puts the first of them in its
    /// place, so only a plugin's own answer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrow: Option<String>,
    /// How many rows there are in all, if these are the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_rows: Option<u64>,
    /// Index of the row that deserves the eye (the first broken step).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<usize>,
    /// Whether the last row is a total of the others.
    #[serde(default)]
    pub total_row: bool,
    /// Why it has no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Who may see it.
    #[serde(default, skip_serializing_if = "Sensitivities::is_empty")]
    pub sensitivity: Sensitivities,
}

/// How loud a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loudness {
    /// Context for the lede.
    Info,
    /// Good news.
    Notice,
    /// Needs a look.
    Warning,
    /// Needs a hand today.
    Critical,
}

/// Something found: a kind with arguments, never one finished sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Id.
    pub id: String,
    /// Kind; its sentence is the string `finding.<kind>`.
    pub kind: String,
    /// How loud.
    pub severity: Loudness,
    /// Arguments of its sentence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Argument>,
    /// Money at stake, signed; ranks it.
    #[serde(default)]
    pub money: Cell,
    /// 0 to 1: how sure.
    #[serde(default = "half")]
    pub confidence: f64,
    /// 0 to 1: how much the reader can do.
    #[serde(default = "half")]
    pub controllability: f64,
    /// What was ruled out: string keys `excluded.<key>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Words>,
    /// What to do: string key `action.<key>`; none if there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Words>,
    /// Roles whose work it is; empty means everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Items that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Who may see it: at least the union of its evidence.
    #[serde(default, skip_serializing_if = "Sensitivities::is_empty")]
    pub sensitivity: Sensitivities,
}

fn half() -> f64 {
    0.5
}

/// A caveat about the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// `info`, `warning` or `error`.
    pub level: String,
    /// Sentence: string key `quality.<key>`.
    pub words: Words,
    /// Items it touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<String>,
}
