//! A mapping: the header contract of one raw table, and one `select` per canonical table that it feeds.

use crate::columns::{EXPORT, ROW};
use crate::personal::Part;
use crate::sql::parse_select;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::{Diagnostic, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The table that a mapping's selects read.
pub(crate) const RAW_TABLE: &str = "raw";

/// What happens to a personal cell before it touches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// Replaced by a keyed hash: the same person stays the same, and nobody can be named.
    Hash,
    /// Not stored.
    Drop,
    /// Stored as it is: the author says that it names no buyer.
    Keep,
}

/// One column of the header contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Header in the export.
    pub header: String,
    /// Name in the select.
    pub name: String,
    /// Other headers of the same column, from other generations of the export.
    pub aliases: Vec<String>,
    /// Whether an export without it is refused.
    pub required: bool,
    /// Whether its cells are ids, which a spreadsheet may have destroyed.
    pub id: bool,
    /// Whether it names a person, and what happens then.
    pub personal: Option<Personal>,
    /// The part of a personal cell that is kept, under a name of its own.
    pub(crate) part: Option<(String, Part)>,
}

impl Contract {
    /// The header and its aliases.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.header.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// Whether a header of an export is this column's.
    pub(crate) fn is(&self, header: &str) -> bool {
        let header = normal_header(header);
        self.headers().any(|name| normal_header(name) == header)
    }
}

/// A checked mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its name: the preset, or the file.
    pub name: String,
    /// What it reads, for people.
    pub title: String,
    /// The raw table of the source that it reads.
    pub raw: String,
    /// The header contract, in the order of the file.
    pub columns: Vec<Contract>,
    /// Selects by canonical table.
    pub tables: BTreeMap<String, String>,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// Every problem of the text at once, each with its line where TOML gives one.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Problems> {
        let mut reader = Reader {
            name,
            text,
            problems: Vec::new(),
        };
        let (root, broken) = DeTable::parse_recoverable(text);
        for error in broken {
            reader.problem(error.span(), error.message().to_owned(), None);
        }
        let mapping = reader.mapping(root.get_ref());
        if reader.problems.is_empty() {
            Ok(mapping)
        } else {
            Err(Problems(reader.problems))
        }
    }

    /// Names that the select may use for columns: those of the contract and of kept parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let parts = self
            .columns
            .iter()
            .filter_map(|column| column.part.as_ref().map(|(name, _)| name.as_str()));
        self.columns
            .iter()
            .map(|column| column.name.as_str())
            .chain(parts)
    }
}

/// A header as it is compared: outer blanks and the width of brackets do not count.
pub(crate) fn normal_header(header: &str) -> String {
    let half = |c: char| match c {
        '（' => '(',
        '）' => ')',
        '：' => ':',
        other => other,
    };
    header
        .trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
        .chars()
        .map(half)
        .collect()
}

/// Collects problems while it reads.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    problems: Vec<Diagnostic>,
}

type Entry<'t> = (&'t str, Range<usize>, &'t DeValue<'t>);

fn entries<'t>(table: &'t DeTable<'_>) -> Vec<Entry<'t>> {
    let mut all: Vec<Entry<'t>> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value.get_ref()))
        .collect();
    all.sort_by_key(|(_, span, _)| span.start);
    all
}

impl Reader<'_> {
    fn problem(&mut self, span: Option<Range<usize>>, message: String, hint: Option<String>) {
        let mut place = Place {
            file: self.name.to_owned(),
            line: 0,
            column: 0,
            source: None,
        };
        if let Some(before) = span.and_then(|span| self.text.get(..span.start)) {
            place.line = before.matches('\n').count() + 1;
            place.column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            place.source = self.text.lines().nth(place.line - 1).map(str::to_owned);
        }
        let mut problem = Diagnostic::error(message).at(place);
        problem.hint = hint;
        self.problems.push(problem);
    }

    fn unknown(&mut self, (key, span, _): &Entry<'_>, known: &[&str]) {
        let hint = nearest(key, known.iter().copied()).map_or_else(
            || format!("known keys: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.problem(
            Some(span.clone()),
            format!("unknown key `{key}`"),
            Some(hint),
        );
    }

    fn text(&mut self, (key, span, value): &Entry<'_>) -> String {
        value.as_str().map(str::to_owned).unwrap_or_else(|| {
            self.problem(
                Some(span.clone()),
                format!("`{key}` is a {}, not a text", value.type_str()),
                None,
            );
            String::new()
        })
    }

    fn flag(&mut self, (key, span, value): &Entry<'_>) -> bool {
        value.as_bool().unwrap_or_else(|| {
            let message = format!("`{key}` is a {}, not true or false", value.type_str());
            self.problem(Some(span.clone()), message, None);
            false
        })
    }

    fn texts(&mut self, (key, span, value): &Entry<'_>) -> Vec<String> {
        let all = value.as_array().and_then(|array| {
            array
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        all.unwrap_or_else(|| {
            self.problem(
                Some(span.clone()),
                format!("`{key}` is not a list of texts"),
                None,
            );
            Vec::new()
        })
    }

    fn table<'t>(&mut self, (key, span, value): &Entry<'t>) -> Vec<Entry<'t>> {
        if let Some(table) = value.as_table() {
            return entries(table);
        }
        self.problem(
            Some(span.clone()),
            format!("`{key}` is a {}, not a table", value.type_str()),
            None,
        );
        Vec::new()
    }

    fn mapping(&mut self, root: &DeTable<'_>) -> Mapping {
        let mut mapping = Mapping {
            name: self.name.to_owned(),
            title: self.name.to_owned(),
            raw: String::new(),
            columns: Vec::new(),
            tables: BTreeMap::new(),
        };
        for entry in entries(root) {
            match entry.0 {
                "title" => mapping.title = self.text(&entry),
                "raw" => mapping.raw = self.text(&entry),
                "columns" => {
                    for column in self.table(&entry) {
                        let contract = self.column(&column);
                        mapping.columns.push(contract);
                    }
                }
                "tables" => {
                    for table in self.table(&entry) {
                        let select = self.select(&table);
                        mapping.tables.insert(table.0.to_owned(), select);
                    }
                }
                _ => self.unknown(&entry, &["title", "raw", "columns", "tables"]),
            }
        }
        self.whole(&mapping);
        mapping
    }

    fn column(&mut self, entry: &Entry<'_>) -> Contract {
        let mut contract = Contract {
            header: entry.0.to_owned(),
            name: entry.0.to_ascii_lowercase(),
            aliases: Vec::new(),
            required: false,
            id: false,
            personal: None,
            part: None,
        };
        for key in self.table(entry) {
            match key.0 {
                "as" => contract.name = self.text(&key),
                "aliases" => contract.aliases = self.texts(&key),
                "required" => contract.required = self.flag(&key),
                "id" => contract.id = self.flag(&key),
                "personal" => contract.personal = self.personal(&key),
                "part" => contract.part = self.part(&key),
                _ => self.unknown(
                    &key,
                    &["as", "aliases", "required", "id", "personal", "part"],
                ),
            }
        }
        contract
    }

    fn personal(&mut self, entry: &Entry<'_>) -> Option<Personal> {
        match self.text(entry).as_str() {
            "hash" => Some(Personal::Hash),
            "drop" => Some(Personal::Drop),
            "keep" => Some(Personal::Keep),
            "" => None,
            other => {
                let message = format!("`personal` is `{other}`");
                self.problem(
                    Some(entry.1.clone()),
                    message,
                    Some("one of hash, drop, keep".to_owned()),
                );
                None
            }
        }
    }

    fn part(&mut self, entry: &Entry<'_>) -> Option<(String, Part)> {
        let (mut name, mut how) = (String::new(), None);
        for key in self.table(entry) {
            match key.0 {
                "as" => name = self.text(&key),
                "how" => {
                    let text = self.text(&key);
                    how = Part::named(&text);
                    if how.is_none() {
                        let hint = Some("the only one so far is `province`".to_owned());
                        self.problem(Some(key.1.clone()), format!("`how` is `{text}`"), hint);
                    }
                }
                _ => self.unknown(&key, &["as", "how"]),
            }
        }
        if name.is_empty() || how.is_none() {
            let hint = Some("write part = { as = \"province\", how = \"province\" }".to_owned());
            self.problem(
                Some(entry.1.clone()),
                "`part` needs `as` and `how`".to_owned(),
                hint,
            );
        }
        how.map(|how| (name, how))
    }

    fn select(&mut self, entry: &Entry<'_>) -> String {
        let mut select = String::new();
        for key in self.table(entry) {
            match key.0 {
                "select" => {
                    select = self.text(&key);
                    if let Err(problem) = parse_select(&select, &[RAW_TABLE.to_owned()]) {
                        let message = format!("the select of `{}`: {}", entry.0, problem.message);
                        self.problem(Some(key.1.clone()), message, problem.hint);
                    }
                }
                _ => self.unknown(&key, &["select"]),
            }
        }
        if select.is_empty() {
            self.problem(
                Some(entry.1.clone()),
                format!("the table `{}` has no `select`", entry.0),
                None,
            );
        }
        select
    }

    /// What only the whole file shows: nothing missing, no name twice.
    fn whole(&mut self, mapping: &Mapping) {
        if mapping.raw.is_empty() {
            self.problem(
                None,
                "`raw` is missing: the raw table of the source".to_owned(),
                None,
            );
        }
        if mapping.tables.is_empty() {
            self.problem(
                None,
                "no `[tables.<table>]` says what the rows are".to_owned(),
                None,
            );
        }
        let mut names = BTreeSet::from([EXPORT, ROW]);
        for name in mapping
            .names()
            .filter(|name| !names.insert(name))
            .collect::<Vec<_>>()
        {
            let hint = Some(
                "give each column an `as` of its own; other headers of one column are `aliases`"
                    .to_owned(),
            );
            self.problem(
                None,
                format!("two columns are called `{name}` in the select"),
                hint,
            );
        }
        let mut headers = BTreeSet::new();
        let all = mapping.columns.iter().flat_map(Contract::headers);
        for header in all
            .filter(|header| !headers.insert(normal_header(header)))
            .collect::<Vec<_>>()
        {
            self.problem(
                None,
                format!("the header `{header}` belongs to two columns"),
                None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_come_at_once_with_their_lines() {
        let text = "raw = 'orders'\nrow = 1\n[columns.\"订单\"]\nas = 'order_id'\npersonal = 'hide'\nrequired = 'yes'\n[tables.orders]\nselect = 'insert into x values (1)'\n";
        let Problems(problems) = Mapping::from_toml("m", text).unwrap_err();
        let lines: Vec<usize> = problems
            .iter()
            .map(|p| p.place.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [2, 5, 6, 8], "{problems:#?}");
        assert_eq!(problems[0].hint.as_deref(), Some("did you mean `raw`?"));
    }

    #[test]
    fn a_header_may_not_belong_to_two_columns() {
        let text = "raw = 'o'\n[columns.a]\nas = 'x'\naliases = ['b（元）']\n[columns.\"b(元)\"]\nas = 'x'\n[tables.orders]\nselect = 'select 1 from raw'\n";
        let Problems(problems) = Mapping::from_toml("m", text).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:#?}");
    }

    #[test]
    fn a_name_defaults_to_the_header_as_sql_reads_it() {
        let text = "raw = 'o'\n[columns.Quantity]\nrequired = true\n[tables.orders]\nselect = 'select 1 from raw'\n";
        assert_eq!(
            Mapping::from_toml("m", text).unwrap().columns[0].name,
            "quantity"
        );
    }
}
