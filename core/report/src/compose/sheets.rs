//! What only a workbook carries: the strip as a table, and the passport of every figure that the page shows.

use super::build::Composer;
use super::results::label;
use super::sentence::data;
use crate::format::{Formatter, Unit};
use crate::input::MetricInput;
use chenbao_model::document::{Align, Block, Head, Inline, Kpi, Row, Sheets, Table};
use chenbao_model::result::{self, Passport, ResultColumn, Scalar, Series};

/// A figure that the page shows, and what a reader must know to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    label: String,
    unit: String,
    pub(super) passport: Passport,
}

impl Composer<'_> {
    /// Notes that a figure is shown.
    pub(super) fn shown_scalar(&mut self, metric: &MetricInput, scalar: &Scalar) {
        let label = self.saying.label(metric, scalar);
        self.remember(label, &scalar.unit, &scalar.passport);
    }

    /// Notes that the lines of a series are shown.
    pub(super) fn shown_series(&mut self, metric: &MetricInput, series: &Series) {
        let of = label(
            &metric.strings,
            &[format!("item.{}", series.id)],
            &series.id,
        );
        for line in &series.y {
            let key = format!("series.{}.{}", series.id, line.id);
            let own = label(&metric.strings, &[key, format!("column.{}", line.id)], "");
            self.remember(joined(&of, &own), &line.unit, &series.passport);
        }
    }

    /// Notes that columns of a table are shown.
    pub(super) fn shown_columns(
        &mut self,
        metric: &MetricInput,
        table: &result::Table,
        columns: &[(usize, &ResultColumn)],
    ) {
        let of = label(&metric.strings, &[format!("item.{}", table.id)], &table.id);
        for (_, column) in columns {
            let keys = [
                format!("column.{}.{}", table.id, column.name),
                format!("column.{}", column.name),
            ];
            let own = label(&metric.strings, &keys, &column.name);
            self.remember(joined(&of, &own), &column.unit, &column.passport);
        }
    }

    fn remember(&mut self, label: String, unit: &str, passport: &Passport) {
        let shown = Shown {
            label,
            unit: unit.to_owned(),
            passport: passport.clone(),
        };
        if !self.passports.contains(&shown) {
            self.passports.push(shown);
        }
    }
}

fn joined(of: &str, own: &str) -> String {
    [of, own]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// The sheets beside those of the page's own tables and charts.
pub(super) fn sheets(format: &Formatter<'_>, blocks: &[Block], shown: &[Shown]) -> Sheets {
    let kpis: Vec<&Kpi> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Kpis { kpis } => Some(kpis),
            _ => None,
        })
        .flatten()
        .collect();
    // Words of a dimension have no passport worth a row.
    let known: Vec<&Shown> = shown
        .iter()
        .filter(|shown| !shown.unit.is_empty() || !shown.passport.formula.is_empty())
        .collect();
    Sheets {
        about: format.word("sheet.about").to_owned(),
        figures: (!kpis.is_empty()).then(|| figures(format, &kpis)),
        passports: (!known.is_empty()).then(|| passports(format, &known)),
    }
}

fn heads(format: &Formatter<'_>, keys: &[(&str, Align)]) -> Vec<Head> {
    let head = |(key, align): &(&str, Align)| Head {
        label: format.word(key).to_owned(),
        align: *align,
    };
    keys.iter().map(head).collect()
}

fn figures(format: &Formatter<'_>, kpis: &[&Kpi]) -> Table {
    use Align::{Left, Right};
    let row = |kpi: &&Kpi| {
        let value = Inline {
            exact: kpi.exact.clone(),
            ..data(&kpi.value)
        };
        let change = kpi.change.iter().cloned().collect();
        let cells = [&kpi.label, &kpi.basis, &kpi.note].map(|text| vec![data(text)]);
        let [label, basis, note] = cells;
        Row {
            cells: vec![label, vec![value], change, basis, note],
            ..Row::default()
        }
    };
    Table {
        title: format.word("sheet.figures").to_owned(),
        heads: heads(
            format,
            &[
                ("sheet.name", Left),
                ("sheet.value", Right),
                ("sheet.change", Right),
                ("sheet.basis", Left),
                ("sheet.note", Left),
            ],
        ),
        rows: kpis.iter().map(row).collect(),
        ..Table::default()
    }
}

fn passports(format: &Formatter<'_>, shown: &[&Shown]) -> Table {
    use Align::{Left, Right};
    let row = |shown: &&Shown| {
        let passport = &shown.passport;
        let age = passport.refund_age_days.map(|days| days.to_string());
        let provisional = if passport.provisional {
            format.word("cell.yes")
        } else {
            format.word("cell.no")
        };
        let texts = [
            shown.label.clone(),
            unit(format, &shown.unit),
            passport.formula.clone(),
            clock(format, &passport.clock),
            passport.denominator.clone().unwrap_or_default(),
            age.unwrap_or_default(),
            provisional.to_owned(),
            passport.version.to_string(),
        ];
        Row {
            cells: texts.iter().map(|text| vec![data(text)]).collect(),
            ..Row::default()
        }
    };
    Table {
        title: format.word("sheet.passports").to_owned(),
        heads: heads(
            format,
            &[
                ("sheet.name", Left),
                ("sheet.unit", Left),
                ("sheet.formula", Left),
                ("sheet.clock", Left),
                ("sheet.denominator", Left),
                ("sheet.refund_age", Right),
                ("sheet.provisional", Left),
                ("sheet.version", Right),
            ],
        ),
        rows: shown.iter().map(row).collect(),
        ..Table::default()
    }
}

/// A unit as people write it: the currency's code, `%`, 单, 人.
pub(super) fn unit(format: &Formatter<'_>, unit: &str) -> String {
    let counted = unit.trim_matches(['{', '}']);
    let key = match Unit::of(unit) {
        Unit::Count => format!("unit.{counted}"),
        Unit::Money if unit == "money" => return format.symbol().trim().to_owned(),
        Unit::Points => "unit.points".to_owned(),
        Unit::Days => "unit.days".to_owned(),
        Unit::Times => return "×".to_owned(),
        Unit::Number if unit == "1" => return String::new(),
        Unit::Money | Unit::Percent | Unit::Number => return unit.to_owned(),
    };
    let word = format.word(&key);
    if word == key { counted } else { word.trim() }.to_owned()
}

fn clock(format: &Formatter<'_>, clock: &str) -> String {
    let key = format!("clock.{clock}");
    let word = format.word(&key);
    if word == key { clock } else { word }.to_owned()
}
