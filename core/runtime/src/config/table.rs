//! `[table.<name>]`: a team's own table, filled by mappings and read by metrics like the product's.

use super::values::word;
use super::written::{Read, Table, Value};
use chenbao_model::schema::{Column, Kind, Merge, TableSchema, canonical};
use chenbao_model::{Diagnostic, Id};

/// Tables that are made from the configuration itself.
pub const CAMPAIGNS: &str = "campaigns";
/// See [`CAMPAIGNS`].
pub const PHASES: &str = "campaign_phases";

/// Columns that every table gets.
const COMMON: [&str; 5] = ["shop_id", "platform", "_exported_at", "_export", "_row"];
const KINDS: [(&str, Kind); 7] = [
    ("text", Kind::Text),
    ("int", Kind::Int),
    ("money", Kind::Money),
    ("num", Kind::Num),
    ("day", Kind::Day),
    ("at", Kind::At),
    ("bool", Kind::Bool),
];
const MERGES: [(&str, Merge); 3] = [
    ("by_key", Merge::ByKey),
    ("by_day", Merge::ByDay),
    ("whole", Merge::Whole),
];

/// Reads one table.
pub(super) fn table(id: Id, table: Table<'_>) -> Option<TableSchema> {
    let name = id.to_string();
    if canonical(&name).is_some() || [CAMPAIGNS, PHASES].contains(&name.as_str()) {
        let taken = Diagnostic::error(format!("the product has a table `{name}` of its own"));
        table.problem(taken.hint("choose another name"));
    }
    if !plain(&name) {
        let odd = Diagnostic::error(format!("`{name}` is no name for a table"));
        table.problem(odd.hint("lower-case letters, digits and `_`, as SQL writes it"));
    }
    let merge = table.need("merge", "\"by_day\"", |v| word(v, &MERGES));
    let key = table.read("key", |v| v.each(|v| v.text().map(str::to_owned)));
    let key = key.unwrap_or_default();
    let description = table.read("description", |v| v.text().map(str::to_owned));
    let columns = table.section("columns").entries();
    let columns = columns.iter().filter_map(|(name, kind)| {
        let kind = kind.told(column(name, kind))?;
        Some(Column {
            name: name.clone(),
            kind,
            required: name == "day" || key.contains(name),
            description: String::new(),
        })
    });
    let schema = TableSchema {
        name,
        description: description.unwrap_or_default(),
        merge: merge.unwrap_or(Merge::ByDay),
        columns: columns.collect(),
        key,
    };
    if merge.is_some() {
        for problem in misfits(&schema) {
            table.problem(problem);
        }
    }
    table.end();
    merge.map(|_| schema)
}

fn plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letter)
}

fn column(name: &str, kind: &Value<'_>) -> Read<Kind> {
    if COMMON.contains(&name) {
        let taken = Diagnostic::error(format!("every table has a column `{name}` already"));
        return Err(taken.hint("leave it out"));
    }
    if !plain(name) {
        let odd = Diagnostic::error(format!("`{name}` is no name for a column"));
        return Err(odd.hint("lower-case letters, digits and `_`, as SQL writes it"));
    }
    word(kind, &KINDS)
}

/// What the lake could not hold.
fn misfits(table: &TableSchema) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let name = &table.name;
    let day = table.column("day").map(|day| day.kind);
    if table.merge != Merge::Whole && day != Some(Kind::Day) {
        problems.push(
            Diagnostic::error(format!("the table `{name}` has no column `day` of type day"))
                .hint("days are what rows are filed by: write day = \"day\" in its columns, or merge = \"whole\""),
        );
    }
    if table.merge != Merge::ByDay && table.key.is_empty() {
        problems.push(
            Diagnostic::error(format!(
                "the table `{name}` has no key, so that its rows cannot be told apart"
            ))
            .hint("write key = [\"...\"] with the columns that name a row"),
        );
    }
    for key in table.key.iter().filter(|key| table.column(key).is_none()) {
        problems.push(
            Diagnostic::error(format!(
                "the key `{key}` is no column of the table `{name}`"
            ))
            .hint("name columns of `columns`"),
        );
    }
    problems
}
