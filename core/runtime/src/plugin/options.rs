//! Options of a source and params of a metric: their declaration, and what a user gave checked against it.

use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::nearest;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The type of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionType {
    /// Text.
    String,
    /// Whole number.
    Integer,
    /// Any number.
    Number,
    /// Yes or no.
    Boolean,
    /// List of texts and numbers.
    Array,
    /// A table of its own, which the plugin checks.
    Table,
}

impl OptionType {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Table => value.is_object(),
        }
    }

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Array => "a list",
            Self::Table => "a table",
        }
    }
}

/// What an option names on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathKind {
    /// Files by a pattern: the folder above its first wildcard.
    Glob,
    /// One file.
    File,
    /// A folder with everything in it.
    Folder,
    /// The address of a database, which may be a file: it and what SQLite keeps beside it.
    Database,
}

/// One declared option.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionSpec {
    /// Type.
    #[serde(rename = "type")]
    pub kind: OptionType,
    /// Used when it is not given.
    #[serde(default)]
    pub default: Option<Value>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Of a source: that the value is a path, which its process may then read.
    #[serde(default)]
    pub path: Option<PathKind>,
    /// Least value of a number.
    #[serde(default)]
    pub min: Option<f64>,
    /// Greatest value of a number.
    #[serde(default)]
    pub max: Option<f64>,
    /// The values that it can have; any, if there are none.
    #[serde(default)]
    pub one_of: Vec<Value>,
    /// Unit, as of results, for people.
    #[serde(default)]
    pub unit: String,
    /// What it is.
    pub description: String,
}

/// Declared options by name.
pub type Options = BTreeMap<String, OptionSpec>;

impl OptionSpec {
    /// It as a JSON Schema.
    fn schema(&self) -> Value {
        let kind = match self.kind {
            OptionType::String => "string",
            OptionType::Integer => "integer",
            OptionType::Number => "number",
            OptionType::Boolean => "boolean",
            OptionType::Array => "array",
            OptionType::Table => "object",
        };
        let mut schema = json!({ "type": kind, "description": self.description });
        let optional = [
            ("default", self.default.clone()),
            ("minimum", self.min.map(Value::from)),
            ("maximum", self.max.map(Value::from)),
            (
                "enum",
                (!self.one_of.is_empty()).then(|| json!(self.one_of)),
            ),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                schema[key] = value;
            }
        }
        schema
    }

    /// What keeps it from being that value; none if nothing does.
    fn refuses(&self, value: &Value) -> Option<String> {
        if !self.kind.fits(value) {
            return Some(format!("wants {}, not `{value}`", self.kind.name()));
        }
        let number = value.as_f64();
        let beyond = |bound: Option<f64>, out: fn(f64, f64) -> bool| {
            number
                .zip(bound)
                .filter(|(n, bound)| out(*n, *bound))
                .map(|(_, bound)| bound)
        };
        if let Some(min) = beyond(self.min, |n, min| n < min) {
            return Some(format!("is at least {min}, not `{value}`"));
        }
        if let Some(max) = beyond(self.max, |n, max| n > max) {
            return Some(format!("is at most {max}, not `{value}`"));
        }
        let known = self.one_of.is_empty() || self.one_of.contains(value);
        (!known).then(|| {
            let all: Vec<String> = self.one_of.iter().map(ToString::to_string).collect();
            format!("is one of {}, not `{value}`", all.join(", "))
        })
    }
}

/// What is declared as the JSON Schema of a table, for editors.
#[must_use]
pub fn schema(options: &Options) -> Value {
    let required: Vec<&String> = options
        .iter()
        .filter(|(_, spec)| spec.required && spec.default.is_none())
        .map(|(name, _)| name)
        .collect();
    let properties: Map<String, Value> = options
        .iter()
        .map(|(name, spec)| (name.clone(), spec.schema()))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What is wrong with the declaration itself.
pub(super) fn mistakes(options: &Options) -> impl Iterator<Item = String> {
    options.iter().filter_map(|(name, spec)| {
        let no_path =
            spec.path.is_some() && !matches!(spec.kind, OptionType::String | OptionType::Array);
        let refused = spec
            .default
            .as_ref()
            .and_then(|default| spec.refuses(default));
        let refused = refused.map(|why| {
            format!("the default of `{name}` does not fit its own declaration: it {why}")
        });
        refused.or_else(|| {
            no_path.then(|| format!("`{name}` is a path, so its type is string or array"))
        })
    })
}

/// Fills defaults in and finds every problem. Names that begin with `_` are the host's own and pass.
pub(super) fn checked(
    options: &Options,
    given: &Map<String, Value>,
) -> Result<Value, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut all = Map::new();
    for (name, value) in given {
        match options.get(name) {
            _ if name.starts_with('_') => {}
            None => problems.push(unknown(options, name)),
            Some(spec) => problems.extend(spec.refuses(value).map(|why| {
                Diagnostic::error(format!("`{name}` {why}")).hint(spec.description.clone())
            })),
        }
        all.insert(name.clone(), value.clone());
    }
    for (name, spec) in options
        .iter()
        .filter(|(name, _)| !given.contains_key(*name))
    {
        match &spec.default {
            Some(default) => {
                all.insert(name.clone(), default.clone());
            }
            None if spec.required => problems.push(
                Diagnostic::error(format!("`{name}` is missing")).hint(spec.description.clone()),
            ),
            None => {}
        }
    }
    if problems.is_empty() {
        Ok(Value::Object(all))
    } else {
        Err(problems)
    }
}

fn unknown(options: &Options, name: &str) -> Diagnostic {
    let problem = Diagnostic::error(format!("the plugin has no option `{name}`"));
    match nearest(name, options.keys().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None if options.is_empty() => problem.hint("it has none"),
        None => problem.hint(format!(
            "it has: {}",
            options
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Options {
        toml::from_str(
            "[path]\ntype = 'string'\nrequired = true\ndescription = 'Glob.'\n\
             [rows]\ntype = 'integer'\ndefault = 30\ndescription = 'Rows.'\n\
             [share]\ntype = 'number'\ndefault = 2.5\ndescription = 'Share.'\n\
             [sheet]\ntype = 'string'\ndescription = 'Sheet.'\n",
        )
        .unwrap()
    }

    #[test]
    fn defaults_are_filled_in_and_the_hosts_own_names_pass() {
        let given = json!({"path": "*.csv", "share": 3, "_base": "/srv"});
        let all = checked(&declared(), given.as_object().unwrap()).unwrap();
        assert_eq!(
            all,
            json!({"path": "*.csv", "share": 3, "_base": "/srv", "rows": 30})
        );
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let given = json!({"rows": "x", "shere": 1});
        let problems = checked(&declared(), given.as_object().unwrap()).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.concat().contains("`path` is missing"));
        assert!(told.concat().contains("`rows` wants a whole number"));
        assert!(told.concat().contains("did you mean `share`?"));
    }

    #[test]
    fn bounds_and_lists_of_values_hold() {
        let options: Options = toml::from_str(
            "[share]\ntype = 'number'\nmin = 0\nmax = 100\ndescription = 'Share.'\n\
             [basis]\ntype = 'string'\none_of = ['weekday', 'previous']\ndescription = 'Basis.'\n",
        )
        .unwrap();
        let given = json!({"share": 101.5, "basis": "month"});
        let problems = checked(&options, given.as_object().unwrap()).unwrap_err();
        let told: String = problems.iter().map(ToString::to_string).collect();
        for words in [
            "`share` is at most 100, not `101.5`",
            "`basis` is one of \"weekday\", \"previous\"",
        ] {
            assert!(told.contains(words), "{words} in {told}");
        }
        let good = json!({"share": 0, "basis": "previous"});
        assert!(checked(&options, good.as_object().unwrap()).is_ok());
    }

    #[test]
    fn a_default_of_the_wrong_type_is_a_mistake_of_the_author() {
        let options: Options =
            toml::from_str("[n]\ntype = 'integer'\ndefault = 'x'\ndescription = 'N.'").unwrap();
        assert_eq!(mistakes(&options).count(), 1);
    }
}
