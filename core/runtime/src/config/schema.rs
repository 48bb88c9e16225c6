//! The configuration as a JSON Schema, for editors: keys and types as the readers ask for them, sentences, defaults and examples as
//! `config.example.toml` has them.

use super::asked::{Kind, Shape};
use super::resolve::asked;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every key with its sentence.
pub(super) const EXAMPLE: &str = include_str!("../../../../config.example.toml");

/// The example with its `#key` lines made keys.
pub(super) fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with('#') => key.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The schema of a `chenbao.toml`, JSON Schema draft 7, which editors of TOML speak.
#[must_use]
pub fn schema() -> Value {
    let shapes = asked(&uncommented());
    let written = Written {
        told: told(&shapes),
        shapes,
    };
    let mut schema = written.object("");
    schema.insert(
        "$schema".to_owned(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("title".to_owned(), json!("chenbao.toml"));
    Value::Object(schema)
}

/// What the example says of one place.
#[derive(Debug, Default, Clone)]
struct Told {
    sentence: String,
    value: Option<Value>,
    is_default: bool,
}

struct Written {
    shapes: BTreeMap<String, Shape>,
    told: BTreeMap<String, Told>,
}

impl Written {
    /// The names directly below a place, `*` among them where they are the user's own.
    fn below<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a str> {
        self.shapes.keys().filter_map(move |key| {
            let name = match place {
                "" => key,
                _ => key.strip_prefix(place)?.strip_prefix('.')?,
            };
            (!name.contains(['.', '['])).then_some(name)
        })
    }

    fn needed(&self, place: &str) -> bool {
        let shape = self.shapes.get(place);
        shape.is_some_and(|shape| {
            shape.needed
                || (shape.always
                    && self
                        .below(place)
                        .any(|name| name != "*" && self.needed(&join(place, name))))
        })
    }

    /// A table: its keys, and no others.
    fn object(&self, place: &str) -> Map<String, Value> {
        let names: BTreeSet<&str> = self.below(place).collect();
        let own = names.contains("*");
        let named = || names.iter().filter(|name| **name != "*");
        let required: Vec<&&str> = named()
            .filter(|name| self.needed(&join(place, name)))
            .collect();
        let mut object = Map::from_iter([("type".to_owned(), json!("object"))]);
        let properties: Map<String, Value> = named()
            .map(|name| ((*name).to_owned(), self.value(&join(place, name))))
            .collect();
        if !properties.is_empty() {
            object.insert("properties".to_owned(), Value::Object(properties));
        }
        let others = match (own, names.is_empty()) {
            (true, _) => self.value(&join(place, "*")),
            // A table whose keys the example does not show holds texts: a name for each language.
            (false, true) => json!({ "type": "string" }),
            (false, false) => json!(false),
        };
        object.insert("additionalProperties".to_owned(), others);
        if !required.is_empty() {
            object.insert("required".to_owned(), json!(required));
        }
        object
    }

    fn value(&self, place: &str) -> Value {
        let Some(shape) = self.shapes.get(place) else {
            return json!({});
        };
        let mut schema = Map::new();
        let all: Vec<&str> = shape.kinds.iter().map(|kind| kind.name()).collect();
        // Where every type is taken, as among a plugin's own options, the plugin says more.
        if all.len() < Kind::ALL.len() {
            if shape.kinds.contains(&Kind::Object) {
                schema = self.object(place);
            }
            if shape.kinds.contains(&Kind::Array) {
                let member = format!("{place}[]");
                let items = match self.shapes.contains_key(&member) {
                    true => self.value(&member),
                    // Lists that are empty in the example are lists of texts.
                    false => json!({ "type": "string" }),
                };
                schema.insert("items".to_owned(), items);
            }
            match all.as_slice() {
                [] => {}
                [one] => drop(schema.insert("type".to_owned(), json!(one))),
                several => drop(schema.insert("type".to_owned(), json!(several))),
            }
            if !shape.words.is_empty() {
                schema.insert("enum".to_owned(), json!(shape.words));
            }
        }
        // What is said above a table of a list is said of the list.
        let told = self.told.get(place);
        if let Some(told) = told.or_else(|| self.told.get(&format!("{place}[]"))) {
            if !told.sentence.is_empty() {
                schema.insert("description".to_owned(), json!(told.sentence));
            }
            if let Some(value) = &told.value {
                let (key, value) = match told.is_default {
                    true => ("default", value.clone()),
                    false => ("examples", json!([value])),
                };
                schema.insert(key.to_owned(), value);
            }
        }
        Value::Object(schema)
    }
}

/// The example's lines, each under its place.
fn told(shapes: &BTreeMap<String, Shape>) -> BTreeMap<String, Told> {
    let mut all = BTreeMap::new();
    let (mut section, mut prose, mut last) = (String::new(), Vec::new(), String::new());
    for line in EXAMPLE.lines() {
        if let Some(sentence) = line.strip_prefix("##") {
            prose.push(sentence.trim());
            continue;
        }
        let sentence = prose.join(" ");
        if line.starts_with('[') {
            section = place_of(line.trim_matches(['[', ']']), shapes);
            if line.starts_with("[[") {
                section += "[]";
            }
            all.entry(section.clone()).or_insert(Told {
                sentence,
                ..Told::default()
            });
            last = String::new();
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ") {
            // A sentence may stand above two keys that belong together.
            let sentence = if prose.is_empty() { last } else { sentence };
            let own = join(&section, "*");
            let named = join(&section, key);
            let place = if shapes.contains_key(&named) {
                named
            } else {
                own
            };
            let is_example =
                sentence.contains("line is an example") || sentence.contains("lines are examples");
            all.entry(place).or_insert(Told {
                sentence: sentence.clone(),
                value: json_of(value),
                is_default: line.starts_with('#') && !is_example,
            });
            last = sentence;
        }
        prose.clear();
    }
    all
}

/// `shop.flagship` is `shop.*`.
fn place_of(header: &str, shapes: &BTreeMap<String, Shape>) -> String {
    header.split('.').fold(String::new(), |place, name| {
        let named = join(&place, name);
        match shapes.contains_key(&named) {
            true => named,
            false => join(&place, "*"),
        }
    })
}

fn join(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        _ => format!("{place}.{name}"),
    }
}

/// A value of TOML; days become texts.
fn json_of(value: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {value}").parse().ok()?;
    match table.get("value")? {
        toml::Value::Datetime(day) => Some(json!(day.to_string())),
        other => serde_json::to_value(other).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place of the schema with what it says there.
    fn walk(schema: &Value, place: &str, seen: &mut BTreeMap<String, Value>) {
        seen.insert(place.to_owned(), schema.clone());
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            walk(below, &join(place, name), seen);
        }
        for (key, name) in [("additionalProperties", "*"), ("items", "[]")] {
            if schema[key].is_object() {
                walk(&schema[key], &join(place, name), seen);
            }
        }
    }

    fn places() -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        walk(&schema(), "", &mut seen);
        seen
    }

    #[test]
    fn every_key_has_a_type_and_a_sentence() {
        let mut silent = Vec::new();
        for (place, schema) in places() {
            let name = place.rsplit('.').next().unwrap_or_default();
            let section = schema["type"] == "object";
            let own = place.contains(".with.*") || name == "*" || name == "[]";
            if !(place.is_empty() || own || section) {
                assert!(schema["type"] != Value::Null, "{place}: {schema}");
                if schema["description"].as_str().is_none_or(str::is_empty) {
                    silent.push(place);
                }
            }
        }
        assert_eq!(silent, Vec::<String>::new());
    }

    #[test]
    fn words_types_and_defaults_are_those_of_the_readers_and_the_example() {
        let places = places();
        let at = |place: &str| places.get(place).unwrap_or_else(|| panic!("{place}"));
        assert_eq!(at("mail.transport")["enum"], json!(["folder", "smtp"]));
        assert_eq!(at("mail.transport")["default"], "folder");
        assert_eq!(at("mail.host")["examples"], json!(["smtp.example.com"]));
        assert_eq!(at("mail.port")["type"], "integer");
        assert_eq!(at("shop.*.name")["type"], json!(["object", "string"]));
        assert_eq!(at("source.*.mapping")["type"], json!(["array", "string"]));
        assert_eq!(at("campaign.*.plan")["type"], json!(["integer", "string"]));
        assert_eq!(at("campaign.*.phase.[].starts")["type"], "string");
        assert_eq!(
            at("source.*")["required"],
            json!(["mapping", "plugin", "shop"])
        );
        assert_eq!(at("")["required"], json!(["mail", "project"]));
        assert_eq!(at("mail")["required"], json!(["from"]));
        assert_eq!(at("mail.bounces")["required"], json!(["path"]));
        assert_eq!(
            at("role.*.shows.[]")["enum"],
            json!(["cost", "finance", "personal"])
        );
        assert_eq!(at("project")["additionalProperties"], json!(false));
    }
}
