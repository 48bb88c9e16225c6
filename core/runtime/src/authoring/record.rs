//! A slice of a lake as a case: the columns that a metric's SQL names, with other names in place of what leads to a person.

use crate::days;
use crate::plugin::descriptor::Input;
use crate::project::Project;
use crate::tables::{configured, is_configured};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chenbao_engine::{Slice, Window, arrow_schema};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::schema::{Kind, PERSONAL, TableSchema, canonical};
use chenbao_model::{Diagnostic, Id, Period};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The period of the case's call.
    pub period: Period,
    /// Whose rows.
    pub shops: &'a [Id],
    /// Rows of each table at most.
    pub most: usize,
    /// Columns that get other names too.
    pub mask: &'a [String],
    /// Columns that keep theirs.
    pub keep: &'a [String],
}

/// One recorded table.
#[derive(Debug)]
pub struct Recorded {
    /// Its name.
    pub table: String,
    /// As a file.
    pub csv: Vec<u8>,
    /// Rows in it.
    pub rows: usize,
    /// Rows that there are.
    pub of: usize,
    /// Its columns that have other names in it.
    pub masked: Vec<String>,
    /// Its columns and their types, if it is a team's own.
    pub own: Option<BTreeMap<String, Kind>>,
}

/// What some inputs read of a table: columns, and days (`None`: all).
#[derive(Debug)]
struct Part {
    schema: TableSchema,
    columns: BTreeSet<String>,
    days: Option<BTreeSet<Date>>,
}

/// The tables that the inputs read.
///
/// # Errors
/// A table that is not in the lake, a column that no table has, or a lake that does not read.
pub async fn tables(
    project: &Project,
    snapshot: &Snapshot,
    inputs: &[Input],
    wanted: &Wanted<'_>,
) -> Result<Vec<Recorded>, Problems> {
    let mut parts: BTreeMap<TableName<'_>, Part> = BTreeMap::new();
    for input in inputs {
        for table in input.tables.iter().filter(|table| !is_configured(table)) {
            let schema = known(project, table)?;
            let days = days::days_of(input.window, wanted.period);
            let part = parts.entry(table).or_insert_with(|| Part {
                schema,
                columns: BTreeSet::new(),
                days: Some(BTreeSet::new()),
            });
            let named = named(&input.sql, &part.schema, wanted.shops);
            part.columns.extend(named);
            part.days = match (part.days.take(), days) {
                (Some(known), Some(more)) => Some(known.into_iter().chain(more).collect()),
                _ => None,
            };
        }
    }
    exist(&parts, wanted)?;
    let mut masks = Masks::default();
    let mut all = made(project, inputs)?;
    for (table, part) in parts {
        let schema = part.schema;
        let columns = arrow_schema(&schema);
        let columns = columns.fields().iter().map(|field| field.name().clone());
        let columns: Vec<String> = columns.filter(|name| part.columns.contains(name)).collect();
        let slice = Slice {
            table,
            columns: &columns,
            window: part.days.map_or(Window::All, Window::Days),
            scope: wanted.shops,
            most: wanted.most,
            custom: &project.config.tables,
        };
        let (batches, of) = project
            .engine
            .slice(&project.lake, snapshot, &slice)
            .await?;
        let masked: Vec<String> = columns
            .iter()
            .filter(|name| is_masked(name, &schema, wanted))
            .cloned()
            .collect();
        let (csv, rows) = written(&columns, &batches, &masked, &mut masks)?;
        all.push(Recorded {
            table: table.to_owned(),
            csv,
            rows,
            of,
            masked,
            own: canonical(table).is_none().then(|| kinds(&schema, &columns)),
        });
    }
    Ok(all)
}

type TableName<'a> = &'a str;

/// The types of the recorded columns.
fn kinds(schema: &TableSchema, columns: &[String]) -> BTreeMap<String, Kind> {
    let kind = |name: &String| Some((name.clone(), schema.column(name)?.kind));
    columns.iter().filter_map(kind).collect()
}

fn known(project: &Project, table: &str) -> Result<TableSchema, Diagnostic> {
    let known = project.config.table(table);
    known.ok_or_else(|| Diagnostic::error(format!("there is no table `{table}`")))
}

/// Tables that are made from the configuration: whole, as they are.
fn made(project: &Project, inputs: &[Input]) -> Result<Vec<Recorded>, Problems> {
    let read: BTreeSet<&String> = inputs.iter().flat_map(|input| &input.tables).collect();
    let read: Vec<String> = read.into_iter().cloned().collect();
    let mut all = Vec::new();
    for (table, batch) in configured(&project.config, &read)? {
        let schema = batch.schema();
        let fields = schema.fields().iter();
        let own = fields.map(|field| (field.name().clone(), kind_of(field.data_type())));
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let (csv, rows) = written(&columns, &[batch], &[], &mut Masks::default())?;
        all.push(Recorded {
            table,
            csv,
            rows,
            of: rows,
            masked: Vec::new(),
            own: Some(own.collect()),
        });
    }
    Ok(all)
}

/// The types of such tables' columns.
fn kind_of(kind: &DataType) -> Kind {
    match kind {
        DataType::Date32 => Kind::Day,
        DataType::Decimal128(..) => Kind::Money,
        _ => Kind::Text,
    }
}

/// The columns that a select names, by their words; all of them for a star. Days and shops are always told apart.
fn named(sql: &str, schema: &TableSchema, shops: &[Id]) -> BTreeSet<String> {
    let code: Vec<&str> = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect();
    let code = code.join(" ").to_lowercase();
    let words: BTreeSet<&str> = code
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let squeezed: String = code.split_whitespace().collect();
    let star = ["select*", ",*", ".*", "distinct*"]
        .iter()
        .any(|star| squeezed.contains(star));
    let columns = arrow_schema(schema);
    let names = columns.fields().iter().map(|field| field.name());
    names
        .filter(|name| {
            let own = schema.column(name).is_some();
            (star && own)
                || words.contains(name.as_str())
                || *name == "day"
                || (*name == "shop_id" && shops.len() > 1)
        })
        .cloned()
        .collect()
}

/// A column that is named in vain hides nothing, or keeps nothing.
fn exist(parts: &BTreeMap<&str, Part>, wanted: &Wanted<'_>) -> Result<(), Problems> {
    let known: BTreeSet<&String> = parts.values().flat_map(|part| &part.columns).collect();
    let is_text = |column: &String| {
        let schemas = parts.values().map(|part| &part.schema);
        let mut columns = schemas.filter_map(|schema| Some(schema.column(column)?.kind));
        columns.any(|kind| kind == Kind::Text)
    };
    let numbers = wanted.mask.iter();
    let numbers = numbers.filter(|column| known.contains(column) && !is_text(column));
    let numbers = numbers.map(|column| {
        Diagnostic::error(format!("`{column}` is no text: it cannot have other names"))
            .hint("leave it out of --mask, or take less: --rows, or a metric that does not read it")
    });
    let strange = wanted.mask.iter().chain(wanted.keep);
    let strange: Vec<Diagnostic> = strange
        .filter(|column| !known.contains(column))
        .map(|column| {
            let problem = Diagnostic::error(format!("the metric's SQL reads no column `{column}`"));
            match nearest(column, known.iter().map(|name| name.as_str())) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            }
        })
        .chain(numbers)
        .collect();
    if strange.is_empty() {
        Ok(())
    } else {
        Err(Problems(strange))
    }
}

/// Only texts can have other names; [`exist`] refuses to be asked for others. Of a team's own table nobody here knows which of them
/// lead to a person: all have.
fn is_masked(name: &str, schema: &TableSchema, wanted: &Wanted<'_>) -> bool {
    let text = schema
        .column(name)
        .is_some_and(|column| column.kind == Kind::Text);
    let listed = |list: &[String]| list.iter().any(|one| one == name);
    let own = canonical(&schema.name).is_none();
    text && !listed(wanted.keep) && (own || PERSONAL.contains(&name) || listed(wanted.mask))
}

/// Other names: the same for the same text of a column, in whatever table it stands.
#[derive(Debug, Default)]
struct Masks(BTreeMap<String, BTreeMap<String, usize>>);

impl Masks {
    fn of(&mut self, column: &str, text: &str) -> String {
        let names = self.0.entry(column.to_owned()).or_default();
        let next = names.len() + 1;
        let n = *names.entry(text.to_owned()).or_insert(next);
        let short = column.trim_end_matches("_id").trim_end_matches("_key");
        format!("{short}-{n}")
    }
}

/// Rows as CSV, the oldest day first, so that a file grows at its end.
fn written(
    columns: &[String],
    batches: &[RecordBatch],
    masked: &[String],
    masks: &mut Masks,
) -> Result<(Vec<u8>, usize), Diagnostic> {
    let wrong = |why: String| Diagnostic::error(format!("a table cannot be written: {why}"));
    let options = FormatOptions::default();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for batch in batches {
        let shown = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| wrong(e.to_string()))?;
        let cell = |row: usize, shown: &ArrayFormatter<'_>| shown.value(row).to_string();
        let cells = |row: usize| shown.iter().map(|column| cell(row, column)).collect();
        rows.extend((0..batch.num_rows()).map(cells));
    }
    // Within a day they stay in the order of their key.
    if let Some(day) = columns.iter().position(|name| name == "day") {
        rows.sort_by(|a, b| a.get(day).cmp(&b.get(day)));
    }
    for row in &mut rows {
        let cells = columns.iter().zip(row);
        for (name, cell) in cells.filter(|(name, cell)| masked.contains(name) && !cell.is_empty()) {
            *cell = masks.of(name, cell);
        }
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(columns)
        .map_err(|e| wrong(e.to_string()))?;
    for row in &rows {
        csv.write_record(row).map_err(|e| wrong(e.to_string()))?;
    }
    let bytes = csv.into_inner().map_err(|e| wrong(e.to_string()))?;
    Ok((bytes, rows.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_that_the_sql_names_are_read() {
        let orders = canonical("orders").unwrap();
        let shops = ["main".parse().unwrap()];
        let of = |sql: &str, shops: &[Id]| -> Vec<String> {
            named(sql, &orders, shops).into_iter().collect()
        };
        let sql = "-- buyer_key is not read\nselect count(*) as n, sum(Pay_Amount * 2) from orders where paid_at < $end";
        assert_eq!(of(sql, &shops), ["day", "paid_at", "pay_amount"]);
        let two = ["main".parse().unwrap(), "other".parse().unwrap()];
        assert_eq!(of("select 1 from orders", &two), ["day", "shop_id"]);
        assert!(of("select o.* from orders as o", &shops).contains(&"buyer_key".to_owned()));
    }

    #[test]
    fn the_same_has_the_same_other_name_in_every_table() {
        let mut masks = Masks::default();
        assert_eq!(masks.of("buyer_key", "x"), "buyer-1");
        assert_eq!(masks.of("buyer_key", "y"), "buyer-2");
        assert_eq!(masks.of("order_id", "x"), "order-1");
        assert_eq!(masks.of("buyer_key", "x"), "buyer-1");
    }
}
