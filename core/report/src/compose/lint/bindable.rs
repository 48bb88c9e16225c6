//! Everything that a template can bind: each path with its unit, a sample value and its passport.

use super::super::results::label;
use super::super::sheets;
use super::super::tables::value_word;
use super::{Bench, SAMPLES};
use crate::format::{Formatter, Style};
use crate::input::{MetricInput, Outcome};
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::{Cell, Item, Passport, ResultDoc, Series, Table};
use chenbao_model::strings::Strings;
use chenbao_model::{Sensitivities, Sensitivity};
use serde::Serialize;

/// A path with what an editor needs to know before it stands in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bindable {
    /// As it is written: `sales.paid_amount`, `sales.products.paid`.
    pub path: String,
    /// `figure`, `series`, `line`, `table` or `column`.
    pub kind: &'static str,
    /// Its name on pages.
    pub label: String,
    /// Unit as people write it.
    pub unit: String,
    /// A sample value as pages show it: never the shop's own.
    pub sample: Option<String>,
    /// Who made the figure: plugin, formula, clock and what it is divided by.
    pub plugin: String,
    /// Formula, clock, denominator.
    pub passport: Passport,
    /// Labels that a reader's role must show; empty for everybody.
    pub only_for: Sensitivities,
}

impl Bench<'_> {
    /// What the metrics of a report let its template bind: `declared` by their plugins, with the template's full sample on top.
    ///
    /// # Errors
    /// The template has no sample or no words, or they do not parse.
    pub fn bindable(
        &self,
        template: &str,
        lang: &str,
        declared: Vec<MetricInput>,
    ) -> Result<Vec<Bindable>, Problems> {
        let sample = self.sample(template, SAMPLES[0], lang)?;
        let words = self.templates.words(template, lang)?;
        let format = Formatter::new(lang, &sample.context.currency, &words);
        let mut all = Vec::new();
        for declared in declared {
            let same =
                |one: &&MetricInput| one.alias == declared.alias && one.plugin == declared.plugin;
            let sampled = sample.metrics.iter().find(same).and_then(answer);
            let declares = |id: &str| answer(&declared).and_then(|doc| doc.item(id));
            let more = answer(&declared).into_iter().flat_map(|doc| &doc.items);
            let more = more.filter(|item| sampled.is_none_or(|doc| doc.item(item.id()).is_none()));
            let sampled = sampled.into_iter().flat_map(|doc| &doc.items);
            let sampled = sampled.map(|item| whole(item, declares(item.id())));
            let said = Said {
                metric: &declared,
                format: &format,
                words: &words,
            };
            for item in sampled.chain(more.cloned()) {
                all.extend(said.item(&known(item, &declared.strings)));
            }
        }
        Ok(all)
    }
}

/// A sampled item with the columns and lines that its plugin declares besides, and with the clock that the sample is silent about.
fn whole(sampled: &Item, declared: Option<&Item>) -> Item {
    let mut item = sampled.clone();
    let clock = |passport: &mut Passport, declared: &Passport| {
        if passport.clock.is_empty() {
            passport.clock.clone_from(&declared.clock);
        }
    };
    match (&mut item, declared) {
        (Item::Table(table), Some(Item::Table(declared))) => {
            for column in &declared.columns {
                match table.columns.iter_mut().find(|own| own.name == column.name) {
                    Some(own) => clock(&mut own.passport, &column.passport),
                    None => table.columns.push(column.clone()),
                }
            }
        }
        (Item::Series(series), Some(Item::Series(declared))) => {
            clock(&mut series.passport, &declared.passport);
            for line in &declared.y {
                if !series.y.iter().any(|own| own.id == line.id) {
                    series.y.push(line.clone());
                }
            }
        }
        _ => {}
    }
    item
}

/// The item with the columns of which nothing is known but the plugin's word for them: it may answer with any of these.
fn known(mut item: Item, strings: &Strings) -> Item {
    if let Item::Table(table) = &mut item {
        let prefix = format!("column.{}.", table.id);
        for name in strings.0.keys().filter_map(|key| key.strip_prefix(&prefix)) {
            if !table.columns.iter().any(|column| column.name == name) {
                table.columns.push(super::super::tables::bare_column(name));
            }
        }
    }
    item
}

fn answer(metric: &MetricInput) -> Option<&ResultDoc> {
    match &metric.outcome {
        Outcome::Done(doc) => Some(doc),
        Outcome::Absent { .. } | Outcome::Failed { .. } => None,
    }
}

struct Said<'a> {
    metric: &'a MetricInput,
    format: &'a Formatter<'a>,
    words: &'a Strings,
}

impl Said<'_> {
    fn item(&self, item: &Item) -> Vec<Bindable> {
        match item {
            Item::Scalar(scalar) => vec![Bindable {
                sample: self.shown(&scalar.value, &scalar.unit),
                passport: scalar.passport.clone(),
                ..self.bindable("figure", &scalar.id, &scalar.unit, &scalar.sensitivity)
            }],
            Item::Series(series) => self.series(series),
            Item::Table(table) => self.table(table),
            // Findings are asked for by kind, not by path.
            Item::Finding(_) => Vec::new(),
        }
    }

    fn series(&self, series: &Series) -> Vec<Bindable> {
        let whole = Bindable {
            passport: series.passport.clone(),
            ..self.bindable("series", &series.id, "", &series.sensitivity)
        };
        let line = |(at, line): (usize, &chenbao_model::result::Line)| {
            let newest = series.points.iter().rev();
            let mut shown = newest.filter_map(|point| self.shown(point.get(at + 1)?, &line.unit));
            let id = format!("{}.{}", series.id, line.id);
            Bindable {
                label: self.label(
                    &[format!("series.{id}"), format!("series.{}", line.id)],
                    &line.id,
                ),
                sample: shown.next(),
                passport: series.passport.clone(),
                ..self.bindable("line", &id, &line.unit, &series.sensitivity)
            }
        };
        let lines = series.y.iter().enumerate().map(line);
        std::iter::once(whole).chain(lines).collect()
    }

    fn table(&self, table: &Table) -> Vec<Bindable> {
        let whole = self.bindable("table", &table.id, "", &table.sensitivity);
        let column = |(at, column): (usize, &chenbao_model::result::ResultColumn)| {
            let mut shown = table
                .rows
                .iter()
                .filter_map(|row| self.shown(row.get(at)?, &column.unit));
            let id = format!("{}.{}", table.id, column.name);
            let seen = column.sensitivity.union(&table.sensitivity);
            let keys = [format!("column.{id}"), format!("column.{}", column.name)];
            Bindable {
                label: self.label(&keys, &column.name),
                sample: shown.next(),
                passport: column.passport.clone(),
                ..self.bindable("column", &id, &column.unit, &seen.copied().collect())
            }
        };
        let columns = table.columns.iter().enumerate().map(column);
        std::iter::once(whole).chain(columns).collect()
    }

    fn bindable(
        &self,
        kind: &'static str,
        id: &str,
        unit: &str,
        only_for: &std::collections::BTreeSet<Sensitivity>,
    ) -> Bindable {
        Bindable {
            path: format!("{}.{id}", self.metric.alias),
            kind,
            label: self.label(&[format!("item.{id}")], ""),
            unit: sheets::unit(self.format, unit),
            sample: None,
            plugin: self.metric.plugin.clone(),
            passport: Passport::default(),
            only_for: only_for.clone(),
        }
    }

    /// The plugin's word, else the template's own.
    fn label(&self, keys: &[String], id: &str) -> String {
        let own = label(&self.metric.strings, keys, "");
        if own.is_empty() {
            label(self.words, keys, id)
        } else {
            own
        }
    }

    fn shown(&self, cell: &Cell, unit: &str) -> Option<String> {
        Some(match cell {
            Cell::Null => return None,
            Cell::Number(value) if unit.is_empty() => value.normalize().to_string(),
            Cell::Number(value) => self.format.figure(*value, unit, Style::Full),
            Cell::Text(text) => text.clone(),
            Cell::Key(key) => value_word(self.metric, key),
            Cell::Bool(true) => self.format.word("cell.yes").to_owned(),
            Cell::Bool(false) => self.format.word("cell.no").to_owned(),
        })
    }
}
