//! Words by key and language: no plugin result and no document carries a sentence that only one language can read.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The words of one language by key. In TOML, nested tables flatten to dotted keys (`finding.break = "..."`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strings(pub BTreeMap<String, String>);

impl Strings {
    /// Reads a `strings.<lang>.toml`; nested tables become dotted keys.
    ///
    /// # Errors
    /// The TOML parser's message, or the key whose value is not a text.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut flat)?;
        Ok(Self(flat))
    }

    /// The words for a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// These words, with `over` on top.
    #[must_use]
    pub fn overlaid(mut self, over: &Self) -> Self {
        self.0.extend(over.0.clone());
        self
    }
}

fn flatten(
    prefix: &str,
    table: &toml::Table,
    flat: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::String(text) => {
                flat.insert(key, text.clone());
            }
            toml::Value::Table(inner) => flatten(&key, inner, flat)?,
            other => return Err(format!("`{key}` is a {}, not a text", other.type_str())),
        }
    }
    Ok(())
}

/// A piece of a sentence with placeholders `{name}` or `{name:style}`; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Literal words.
    Text(String),
    /// The argument of that name, shown in that style (`""`, `change`, `money`, `plain`).
    Argument {
        /// Name of the argument.
        name: String,
        /// How to show it.
        style: String,
    },
}

/// Splits a sentence into words and placeholders.
///
/// # Errors
/// Says which brace is left open.
pub fn pieces(sentence: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut text = String::new();
    let mut chars = sentence.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                text.push(c);
            }
            '{' => {
                if !text.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut text)));
                }
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(other) => inner.push(other),
                        None => return Err(format!("`{{{inner}` has no closing brace")),
                    }
                }
                let (name, style) = inner.split_once(':').unwrap_or((&inner, ""));
                out.push(Piece::Argument {
                    name: name.to_owned(),
                    style: style.to_owned(),
                });
            }
            '}' => return Err("a `}` without its `{`; write `}}` for a brace".to_owned()),
            other => text.push(other),
        }
    }
    if !text.is_empty() {
        out.push(Piece::Text(text));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_tables_become_dotted_keys() {
        let strings = Strings::from_toml("a = 'x'\n[finding]\nbreak = 'y'").unwrap();
        assert_eq!(strings.get("finding.break"), Some("y"));
        assert!(
            Strings::from_toml("a = 1")
                .unwrap_err()
                .contains("`a` is a integer")
        );
    }

    #[test]
    fn placeholders_split_and_braces_escape() {
        let got = pieces("跌至 {rate:change},{{原样}}").unwrap();
        assert_eq!(got.len(), 3);
        assert_eq!(
            got[1],
            Piece::Argument {
                name: "rate".into(),
                style: "change".into()
            }
        );
        assert!(pieces("{open").is_err());
    }
}
