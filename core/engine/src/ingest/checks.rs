//! What is looked at in every row before it may be published: what is missing, ruined, out of range or of another day.

use super::Job;
use super::plan::needed;
use crate::cells::day_of;
use crate::columns::{EXPORT, ROW};
use crate::functions::Seen;
use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use arrow::record_batch::RecordBatch;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::schema::{Kind, TableSchema};
use std::collections::{BTreeMap, BTreeSet};

/// An amount of one row from which on a slip is likelier than a sale: ten million.
const HUGE: i128 = 10_000_000 * 10_000;
/// How many places a message names.
const PLACES: usize = 3;

/// How often something was seen, and the first places where.
#[derive(Debug, Default)]
struct Found {
    times: u64,
    places: BTreeSet<(i64, i64)>,
}

impl Found {
    fn add(&mut self, place: (i64, i64)) {
        self.times += 1;
        self.places.insert(place);
        if self.places.len() > PLACES {
            self.places.pop_last();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Missing,
    Negative,
    Huge,
    Duplicate,
}

/// Everything seen in one collection.
pub(super) struct Checks<'a> {
    job: &'a Job<'a>,
    table: String,
    /// Columns to look at, by what they must not be.
    needed: Vec<String>,
    money: Vec<String>,
    found: BTreeMap<(String, Matter, String), Found>,
    /// Rows outside the days that their export says it covers: by export and day.
    outside: BTreeMap<(i64, i32), u64>,
    unknown_exports: BTreeSet<i64>,
    problems: Vec<Diagnostic>,
    doomed: bool,
}

impl<'a> Checks<'a> {
    /// Nothing seen so far.
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        Self {
            job,
            table: String::new(),
            needed: Vec::new(),
            money: Vec::new(),
            found: BTreeMap::new(),
            outside: BTreeMap::new(),
            unknown_exports: BTreeSet::new(),
            problems: Vec::new(),
            doomed: false,
        }
    }

    /// From now on rows are of this table.
    pub(super) fn begin(&mut self, table: &TableSchema) {
        self.table.clone_from(&table.name);
        self.needed = needed(table).map(str::to_owned).collect();
        // What a shop gets back from a fee is an ordinary negative cost.
        let money = table
            .columns
            .iter()
            .filter(|column| column.kind == Kind::Money && table.name != "fees");
        self.money = money.map(|column| column.name.clone()).collect();
    }

    /// A problem found elsewhere.
    pub(super) fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
        self.doomed = true;
    }

    /// Whether the load has failed already, so that nothing more need be written.
    pub(super) fn doomed(&self) -> bool {
        self.doomed
    }

    /// Looks at a batch of mapped rows.
    pub(super) fn look(&mut self, batch: &RecordBatch) {
        let number = |name| {
            batch
                .column_by_name(name)
                .map(|column| column.as_primitive::<Int64Type>())
        };
        let (Some(exports), Some(rows)) = (number(EXPORT), number(ROW)) else {
            return;
        };
        let place = |i: usize| (exports.value(i), rows.value(i));
        for name in self.needed.clone() {
            let Some(column) = batch
                .column_by_name(&name)
                .filter(|column| column.null_count() > 0)
            else {
                continue;
            };
            self.doomed = true;
            for i in (0..column.len()).filter(|i| column.is_null(*i)) {
                self.add(Matter::Missing, &name, place(i));
            }
        }
        for name in self.money.clone() {
            let Some(column) = batch.column_by_name(&name) else {
                continue;
            };
            for (i, value) in column.as_primitive::<Decimal128Type>().iter().enumerate() {
                match value {
                    Some(value) if value < 0 => self.add(Matter::Negative, &name, place(i)),
                    Some(value) if value >= HUGE => self.add(Matter::Huge, &name, place(i)),
                    _ => {}
                }
            }
        }
        self.days(batch, exports);
    }

    fn days(&mut self, batch: &RecordBatch, exports: &Int64Array) {
        let days = batch
            .column_by_name("day")
            .map(|column| column.as_primitive::<Date32Type>());
        let mut last: Option<(i64, Option<(i32, i32)>)> = None;
        for (i, export) in exports.iter().enumerate() {
            let export = export.unwrap_or(-1);
            let covered = match last {
                Some((same, covered)) if same == export => covered,
                _ => self.covered(export),
            };
            last = Some((export, covered));
            let (Some((from, to)), Some(days)) = (covered, days) else {
                continue;
            };
            if !days.is_null(i) && !(from..=to).contains(&days.value(i)) {
                *self.outside.entry((export, days.value(i))).or_default() += 1;
            }
        }
    }

    /// The days that an export says it covers; one without facts cannot be dated at all.
    fn covered(&mut self, export: i64) -> Option<(i32, i32)> {
        let Some(facts) = self.job.export(export) else {
            self.unknown_exports.insert(export);
            self.doomed = true;
            return None;
        };
        let number = crate::cells::day_number;
        Some((
            facts.covers_from.map_or(i32::MIN, number),
            facts.covers_to.map_or(i32::MAX, number),
        ))
    }

    /// A key twice in one export.
    pub(super) fn duplicate(&mut self, place: (i64, i64)) {
        self.add(Matter::Duplicate, "", place);
    }

    fn add(&mut self, matter: Matter, column: &str, place: (i64, i64)) {
        self.found
            .entry((self.table.clone(), matter, column.to_owned()))
            .or_default()
            .add(place);
    }

    fn name(&self, export: i64) -> String {
        self.job
            .export(export)
            .map_or_else(|| format!("export {export}"), |facts| facts.name.clone())
    }

    fn places(&self, places: &BTreeSet<(i64, i64)>) -> String {
        let named = places
            .iter()
            .map(|(export, row)| format!("{} row {row}", self.name(*export)));
        named.collect::<Vec<_>>().join(", ")
    }

    /// The warnings; or everything that stops the load.
    pub(super) fn verdict(self, seen: &Seen) -> Result<Vec<Diagnostic>, Problems> {
        let mut warnings = Vec::new();
        let mut problems = self.ruined(seen);
        for export in &self.unknown_exports {
            problems.push(
                Diagnostic::error(format!(
                    "rows of export {export} came without the facts of that export"
                ))
                .hint("a source gives the facts of every export whose rows it gave"),
            );
        }
        for ((function, column), sample) in seen
            .unreadable
            .iter()
            .filter(|(_, sample)| !sample.bad.is_empty())
        {
            let bad = sample
                .bad
                .iter()
                .map(|cell| format!("`{cell}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let mapping = self.job.given.mapping.name.clone();
            if sample.some_good {
                let text = format!(
                    "{function}(): some cells of `{column}` cannot be read and are missing now: {bad}"
                );
                warnings.push(Diagnostic::warning(text).in_file(mapping));
            } else {
                let text = format!("{function}(): no cell of `{column}` can be read: {bad}");
                let hint = "has the export changed its format, or is the column another one?";
                problems.push(Diagnostic::error(text).in_file(mapping).hint(hint));
            }
        }
        for ((table, matter, column), found) in &self.found {
            let told = self.told(table, *matter, column, found);
            if told.is_error() {
                problems.push(told);
            } else {
                warnings.push(told);
            }
        }
        warnings.extend(self.strays());
        problems.extend(self.problems);
        if problems.is_empty() {
            Ok(warnings)
        } else {
            Err(Problems(problems))
        }
    }

    fn ruined(&self, seen: &Seen) -> Vec<Diagnostic> {
        let ruined = seen.ruined.iter().map(|(export, row, column, cell)| {
            Diagnostic::error(format!(
                "the id `{cell}` in `{column}`, row {row}, has lost its digits"
            ))
            .in_file(self.name(*export))
            .hint("a spreadsheet has re-saved the file: export it again and do not open it before")
        });
        ruined.collect()
    }

    fn told(&self, table: &str, matter: Matter, column: &str, found: &Found) -> Diagnostic {
        let (n, places) = (found.times, self.places(&found.places));
        let rows = if n == 1 {
            "1 row".to_owned()
        } else {
            format!("{n} rows")
        };
        match matter {
            Matter::Missing => Diagnostic::error(format!("`{table}`: {rows} without `{column}`: {places}"))
                .hint("leave such rows out in the mapping with `where ... is not null`, if they are no data"),
            Matter::Negative => Diagnostic::warning(format!("`{table}`: {rows} with a negative `{column}`: {places}")),
            Matter::Huge => {
                Diagnostic::warning(format!("`{table}`: {rows} with `{column}` of ten million or more: {places}"))
            }
            Matter::Duplicate => Diagnostic::warning(format!(
                "`{table}`: {rows} with a key that comes again later in the same export, where the last one counts: {places}"
            )),
        }
    }

    /// Rows of days that their export does not cover.
    fn strays(&self) -> Vec<Diagnostic> {
        let stray = |((export, day), rows): (&(i64, i32), &u64)| {
            let day = day_of(*day)?;
            let facts = self.job.export(*export)?;
            let bound = |day: Option<jiff::civil::Date>| {
                day.map_or_else(String::new, |day| day.to_string())
            };
            let (from, to) = (bound(facts.covers_from), bound(facts.covers_to));
            Some(
                Diagnostic::warning(format!(
                    "{rows} rows are of {day}, but the export covers {from}..{to}; they are kept"
                ))
                .in_file(facts.name.clone()),
            )
        };
        self.outside.iter().filter_map(stray).collect()
    }
}
