//! Parameters declared where they are used: what `#[derive(Params)]` says of a struct, and how it reaches the descriptor.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value, json};

/// One declared parameter; values are JSON texts, empty where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamSpec {
    /// Name in the configuration.
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean`, `array` or `table`.
    pub kind: &'static str,
    /// What it is: the field's doc comment.
    pub description: &'static str,
    /// Whether the user must give it.
    pub required: bool,
    /// Default.
    pub default: &'static str,
    /// Least value.
    pub min: &'static str,
    /// Greatest value.
    pub max: &'static str,
    /// List of the values that it can have.
    pub one_of: &'static str,
    /// Unit, as of results.
    pub unit: &'static str,
    /// Of a source: what kind of path the value is, which its process may then read.
    pub path: &'static str,
}

impl ParamSpec {
    fn to_json(self) -> Value {
        let mut spec = json!({ "type": self.kind, "description": self.description });
        if self.required {
            spec["required"] = true.into();
        }
        if !self.unit.is_empty() {
            spec["unit"] = self.unit.into();
        }
        if !self.path.is_empty() {
            spec["path"] = self.path.into();
        }
        for (key, text) in [
            ("default", self.default),
            ("min", self.min),
            ("max", self.max),
            ("one_of", self.one_of),
        ] {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                spec[key] = value;
            }
        }
        spec
    }
}

/// A struct whose fields are declared parameters; `#[derive(Params)]` writes it, together with how it is read.
pub trait Params {
    /// The fields, in order.
    const DECLARED: &'static [ParamSpec];
}

/// Declared parameters as the descriptor carries them.
pub(crate) fn declared(specs: &[ParamSpec]) -> Map<String, Value> {
    specs
        .iter()
        .map(|spec| (spec.name.to_owned(), spec.to_json()))
        .collect()
}

/// Reads a struct of parameters with defaults filled in; for the derive macro. The host's own names (`_base`) pass only if
/// the struct wants them.
///
/// # Errors
/// The values do not fit the fields.
pub fn params<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
    specs: &[ParamSpec],
) -> Result<T, D::Error> {
    let mut given = <Map<String, Value> as serde::Deserialize>::deserialize(deserializer)?;
    for spec in specs
        .iter()
        .filter(|spec| !given.contains_key(spec.name))
        .collect::<Vec<_>>()
    {
        if let Ok(default) = serde_json::from_str(spec.default) {
            given.insert(spec.name.to_owned(), default);
        }
    }
    serde_json::from_value(Value::Object(given)).map_err(D::Error::custom)
}
