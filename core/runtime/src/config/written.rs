//! What was written: TOML with the place of every key, read piece by piece so that all problems are told at once.
//!
//! The keys that are asked for are the keys that exist: every other one is refused with the nearest of them.

use super::asked::{Asked, Kind, Shape};
use chenbao_model::diagnostic::nearest;
use chenbao_model::{Diagnostic, Id, Place};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// What a value reader answers; the place is added here.
pub(super) type Read<T> = Result<T, Diagnostic>;

/// A file, and everything that is wrong with it.
pub(super) struct Written<'a> {
    file: &'a str,
    text: &'a str,
    problems: RefCell<Vec<(usize, Diagnostic)>>,
    asked: Asked,
}

impl<'a> Written<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::default(),
            asked: Asked::default(),
        }
    }

    /// The root of a parsed document.
    pub(super) fn root(&'a self, table: &'a DeTable<'a>) -> Table<'a> {
        Table {
            written: self,
            table: Some(table),
            at: 0..0,
            path: String::new(),
            pattern: String::new(),
            known: RefCell::default(),
        }
    }

    /// Records a problem at bytes of the file.
    pub(super) fn problem(&self, at: &Range<usize>, problem: Diagnostic) {
        let problem = if problem.place.is_some() {
            problem
        } else {
            problem.at(self.place(at))
        };
        self.problems.borrow_mut().push((at.start, problem));
    }

    /// Where bytes of the file are. The line itself is left out where a secret may stand in it.
    pub(super) fn place(&self, at: &Range<usize>) -> Place {
        let file = self.file.to_owned();
        if at.end == 0 {
            return Place {
                file,
                line: 0,
                column: 0,
                source: None,
            };
        }
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let rest = self
            .text
            .get(at.start..)
            .and_then(|rest| rest.split('\n').next())
            .unwrap_or_default();
        let source = format!("{line}{}", rest.trim_end());
        let secret = ["pass", "secret", "token", "key", "url"]
            .iter()
            .any(|word| source.to_ascii_lowercase().contains(word));
        Place {
            file,
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            source: (!secret).then_some(source),
        }
    }

    /// All problems in the order of the file.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|(at, _)| *at);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// What was asked for, and what is taken there.
    pub(super) fn shapes(&self) -> BTreeMap<String, Shape> {
        self.asked.shapes()
    }
}

/// A table, written or left out.
pub(super) struct Table<'a> {
    written: &'a Written<'a>,
    table: Option<&'a DeTable<'a>>,
    at: Range<usize>,
    path: String,
    pattern: String,
    known: RefCell<BTreeSet<&'static str>>,
}

/// A value and where it stands.
pub(super) struct Value<'a> {
    written: &'a Written<'a>,
    pub(super) value: &'a DeValue<'a>,
    pub(super) at: Range<usize>,
    path: String,
    pattern: String,
}

impl<'a> Table<'a> {
    /// Where the table begins.
    pub(super) fn place(&self) -> Place {
        self.written.place(&self.at)
    }

    /// Records a problem of the table as a whole.
    pub(super) fn problem(&self, problem: Diagnostic) {
        self.written.problem(&self.at, problem);
    }

    /// The value of a key, which is known from now on.
    pub(super) fn value(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().insert(key);
        self.written.asked.key(&join(&self.pattern, key));
        let value = self.table?.get(key)?;
        Some(Value {
            written: self.written,
            value: value.get_ref(),
            at: value.span(),
            path: join(&self.path, key),
            pattern: join(&self.pattern, key),
        })
    }

    /// Reads a key that may be left out.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Read<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        value.told(read(&value))
    }

    /// Reads a key that must be there.
    pub(super) fn need<T>(
        &self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Value<'a>) -> Read<T>,
    ) -> Option<T> {
        self.written.asked.needed(&join(&self.pattern, key));
        if self.value(key).is_none() {
            let missing = Diagnostic::error(format!("`{}` is missing", join(&self.path, key)));
            self.problem(missing.hint(format!("write {key} = {example}")));
        }
        self.read(key, read)
    }

    fn takes(&self, key: &str, kind: Kind) {
        self.written.asked.kind(&join(&self.pattern, key), kind);
    }

    /// A table below, which counts as empty if it is left out.
    pub(super) fn section(&self, key: &'static str) -> Table<'a> {
        self.takes(key, Kind::Object);
        self.written.asked.always(&join(&self.pattern, key));
        self.value(key)
            .and_then(|value| value.told(value.table()))
            .unwrap_or_else(|| Table {
                written: self.written,
                table: None,
                at: self.at.clone(),
                path: join(&self.path, key),
                pattern: join(&self.pattern, key),
                known: RefCell::default(),
            })
    }

    /// A table below, if it is there.
    pub(super) fn maybe_section(&self, key: &'static str) -> Option<Table<'a>> {
        self.takes(key, Kind::Object);
        self.value(key).and_then(|value| value.told(value.table()))
    }

    /// The tables of `[key.<id>]`, by id.
    pub(super) fn items(&self, key: &'static str) -> Vec<(Id, Table<'a>)> {
        let mut items = Vec::new();
        let Some(Some(entries)) = self.maybe_section(key).map(|section| section.table) else {
            return items;
        };
        for (name, value) in entries {
            let value = Value {
                written: self.written,
                value: value.get_ref(),
                at: name.span(),
                path: join(&join(&self.path, key), name.get_ref()),
                pattern: join(&join(&self.pattern, key), "*"),
            };
            let id = value.told(name.get_ref().parse::<Id>().map_err(Diagnostic::error));
            let table = value.told(value.table());
            items.extend(id.zip(table));
        }
        items
    }

    /// The names below `[key.*]` as written, whether the tables are right or not.
    pub(super) fn names(&self, key: &'static str) -> BTreeSet<String> {
        let section = self
            .table
            .and_then(|table| table.get(key))
            .and_then(|value| value.get_ref().as_table());
        section
            .map(|table| {
                table
                    .keys()
                    .map(|name| name.get_ref().clone().into_owned())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Every key with its value, for tables whose keys are the user's own.
    pub(super) fn entries(&self) -> Vec<(String, Value<'a>)> {
        let entries = self.table.into_iter().flatten();
        entries
            .map(|(name, value)| {
                let value = Value {
                    written: self.written,
                    value: value.get_ref(),
                    at: value.span(),
                    path: join(&self.path, name.get_ref()),
                    pattern: join(&self.pattern, "*"),
                };
                (name.get_ref().clone().into_owned(), value)
            })
            .collect()
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn end(self) {
        let known = self.known.borrow();
        for (name, _) in self.table.into_iter().flatten() {
            let key: &str = name.get_ref();
            if known.contains(key) {
                continue;
            }
            let problem = Diagnostic::error(format!("unknown key `{}`", join(&self.path, key)));
            let hint = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "known here: {}",
                    known.iter().copied().collect::<Vec<_>>().join(", ")
                ),
            };
            self.written.problem(&name.span(), problem.hint(hint));
        }
    }
}

impl<'a> Value<'a> {
    /// The value read, or its problem recorded.
    pub(super) fn told<T>(&self, read: Read<T>) -> Option<T> {
        read.map_err(|problem| self.problem(problem)).ok()
    }

    /// Records a problem of this value.
    pub(super) fn problem(&self, problem: Diagnostic) {
        self.written.problem(&self.at, problem);
    }

    /// The problem of a value of the wrong type.
    fn wrong(&self, wanted: &str) -> Diagnostic {
        Diagnostic::error(format!(
            "`{}` is {}, not {}",
            self.path,
            article(self.value.type_str()),
            wanted
        ))
    }

    /// Notes a type that is taken here, whether or not this value has it.
    pub(super) fn takes(&self, kind: Kind) {
        self.written.asked.kind(&self.pattern, kind);
    }

    /// Notes the words that are taken here.
    pub(super) fn takes_words<'w>(&self, words: impl Iterator<Item = &'w str>) {
        self.written.asked.words(&self.pattern, words);
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        self.takes(Kind::String);
        self.value
            .as_str()
            .ok_or_else(|| self.wrong("a text in quotes"))
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        self.takes(Kind::Boolean);
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    pub(super) fn integer(&self) -> Read<i64> {
        self.takes(Kind::Integer);
        let wrong = || self.wrong("a whole number");
        let number = self.value.as_integer().ok_or_else(wrong)?;
        i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| wrong())
    }

    /// A text, or a date without quotes, as text.
    pub(super) fn text_or_date(&self) -> Read<String> {
        self.takes(Kind::String);
        match self.value.as_datetime() {
            Some(date) => Ok(date.to_string()),
            None => self.text().map(str::to_owned),
        }
    }

    pub(super) fn table(&self) -> Read<Table<'a>> {
        self.takes(Kind::Object);
        let table = self.value.as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Table {
            written: self.written,
            table: Some(table),
            at: self.at.clone(),
            path: self.path.clone(),
            pattern: self.pattern.clone(),
            known: RefCell::default(),
        })
    }

    /// The members of a list.
    pub(super) fn list(&self) -> Read<Vec<Value<'a>>> {
        self.takes(Kind::Array);
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("a list in brackets"))?;
        Ok(list
            .iter()
            .map(|member| Value {
                written: self.written,
                value: member.get_ref(),
                at: member.span(),
                path: self.path.clone(),
                pattern: format!("{}[]", self.pattern),
            })
            .collect())
    }

    /// Reads every member of a list; all bad ones are told.
    pub(super) fn each<T>(&self, read: impl Fn(&Value<'a>) -> Read<T>) -> Read<Vec<T>> {
        Ok(self
            .list()?
            .iter()
            .filter_map(|member| member.told(read(member)))
            .collect())
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
