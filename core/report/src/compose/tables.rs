//! Result tables as tables of words: heads with units, cells formatted, changes toned, hidden columns not there.

use super::days::Days;
use super::figures::tone;
use super::results::label;
use super::sentence::data;
use super::templates::TemplateInfo;
use crate::format::{DASH, Formatter, Unit, fill};
use crate::input::MetricInput;
use chenbao_model::Decimal;
use chenbao_model::document::{Align, Exact, Head, Inline, Row, RowKind, Table, Tone};
use chenbao_model::result::{self, Better, Cell, ColumnType, ResultColumn, Series};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// What tables are said with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tabling<'a> {
    pub(super) format: &'a Formatter<'a>,
    pub(super) days: Days<'a>,
    pub(super) info: &'a TemplateInfo,
}

/// How a template wants a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted<'a> {
    /// Columns by index, in the template's order.
    pub(super) columns: Vec<(usize, &'a ResultColumn)>,
    /// At most so many rows.
    pub(super) most: Option<usize>,
    /// Title, for who does not see it.
    pub(super) title: Option<String>,
}

/// How a template wants the points of a series as a table.
#[derive(Debug, Clone, Default)]
pub(super) struct WantedPoints {
    /// Lines by index, in the template's order.
    pub(super) lines: Vec<usize>,
    /// Only the last so many points.
    pub(super) last: Option<usize>,
    /// Title, for who does not see it.
    pub(super) title: Option<String>,
}

impl Tabling<'_> {
    /// The points of a series as a table, a row for each: a period of several days, day by day.
    pub(super) fn points(
        &self,
        metric: &MetricInput,
        series: &Series,
        wanted: WantedPoints,
    ) -> Table {
        let skip = wanted
            .last
            .map_or(0, |last| series.points.len().saturating_sub(last));
        let table = result::Table {
            id: series.id.clone(),
            columns: std::iter::once(axis_column())
                .chain(
                    series
                        .y
                        .iter()
                        .map(|line| line_column(&line.id, &line.unit)),
                )
                .collect(),
            rows: series.points.iter().skip(skip).cloned().collect(),
            arrow: None,
            total_rows: None,
            marked: None,
            total_row: false,
            missing: series.missing.clone(),
            sensitivity: series.sensitivity.clone(),
        };
        let at = std::iter::once(0).chain(wanted.lines.iter().map(|line| line + 1));
        let columns = at.filter_map(|at| Some((at, table.columns.get(at)?)));
        let wanted = Wanted {
            columns: columns.collect(),
            most: None,
            title: wanted.title,
        };
        let mut shown = self.table(metric, &table, &wanted);
        if let Some(first) = shown.heads.first_mut() {
            first.label = self.format.word("column.day").to_owned();
        }
        for (row, point) in shown.rows.iter_mut().zip(&table.rows) {
            let day = match point.first() {
                Some(Cell::Text(text)) => text.parse::<Date>().ok(),
                _ => None,
            };
            if let (Some(day), Some(cell)) = (day, row.cells.first_mut()) {
                let said = format!("{} {}", self.days.axis(day), self.days.weekday_short(day));
                *cell = vec![Inline {
                    unbroken: true,
                    ..Inline::words(said)
                }];
            }
        }
        shown
    }

    /// The table in words.
    pub(super) fn table(
        &self,
        metric: &MetricInput,
        table: &result::Table,
        wanted: &Wanted<'_>,
    ) -> Table {
        let title = wanted.title.clone();
        let title = title
            .unwrap_or_else(|| label(&metric.strings, &[format!("item.{}", table.id)], &table.id));
        let shown = shown_rows(table, wanted.most);
        let on_page: BTreeSet<usize> = shown.iter().copied().collect();
        let left: Vec<usize> = (0..table.rows.len())
            .filter(|i| !on_page.contains(i))
            .collect();
        let places: Vec<u32> = wanted
            .columns
            .iter()
            .map(|(i, column)| places(table, *i, column))
            .collect();
        let cells = |row: &Vec<Cell>| -> Vec<Vec<Inline>> {
            let columns = wanted.columns.iter().zip(&places);
            columns
                .map(|((i, column), places)| self.cell(metric, row.get(*i), column, *places))
                .collect()
        };
        let kind = |i: usize| match i {
            i if table.marked == Some(i) => RowKind::Marked,
            i if table.total_row && i + 1 == table.rows.len() => RowKind::Total,
            _ => RowKind::Plain,
        };
        let rows = |chosen: &[usize]| -> Vec<Row> {
            let chosen = chosen
                .iter()
                .filter_map(|i| Some((*i, table.rows.get(*i)?)));
            let row = |(i, row): (usize, &Vec<Cell>)| Row {
                kind: kind(i),
                cells: cells(row),
                ..Row::default()
            };
            chosen.map(row).collect()
        };
        Table {
            title,
            heads: wanted
                .columns
                .iter()
                .map(|(_, column)| self.head(metric, table, column))
                .collect(),
            rows: rows(&shown),
            rest: rows(&left),
            empty: self.empty(table),
            more: self.more(table, shown.len()),
        }
    }

    fn empty(&self, table: &result::Table) -> Option<String> {
        match &table.missing {
            Some(missing) => Some(self.format.reason(missing)),
            None if table.rows.is_empty() => Some(self.format.word("missing.no_rows").to_owned()),
            None => None,
        }
    }

    fn more(&self, table: &result::Table, shown: usize) -> Option<String> {
        let known = u64::try_from(table.rows.len()).ok()?;
        let all = table.total_rows.unwrap_or(known).max(known);
        let hidden = all
            .checked_sub(u64::try_from(shown).ok()?)
            .filter(|hidden| *hidden > 0)?;
        Some(fill(
            self.format.word("table_more"),
            &[("n", &hidden.to_string())],
        ))
    }

    fn head(&self, metric: &MetricInput, table: &result::Table, column: &ResultColumn) -> Head {
        let keys = [
            format!("column.{}.{}", table.id, column.name),
            format!("series.{}.{}", table.id, column.name),
            format!("column.{}", column.name),
        ];
        let name = label(&metric.strings, &keys, &column.name);
        let money = column.kind == ColumnType::Number && Unit::of(&column.unit) == Unit::Money;
        let symbol = self.format.symbol().trim();
        Head {
            label: if money && !symbol.is_empty() {
                format!("{name} {symbol}")
            } else {
                name
            },
            align: if column.kind == ColumnType::Number {
                Align::Right
            } else {
                Align::Left
            },
        }
    }

    fn cell(
        &self,
        metric: &MetricInput,
        cell: Option<&Cell>,
        column: &ResultColumn,
        places: u32,
    ) -> Vec<Inline> {
        let one = match cell.unwrap_or(&Cell::Null) {
            Cell::Null => Inline {
                tone: Tone::Muted,
                ..Inline::words(DASH)
            },
            Cell::Bool(yes) => {
                Inline::words(self.format.word(if *yes { "cell.yes" } else { "cell.no" }))
            }
            Cell::Key(key) => Inline {
                tone: self.word_tone(key),
                ..Inline::words(value_word(metric, key))
            },
            Cell::Text(text) => match text
                .parse()
                .ok()
                .filter(|_| column.kind == ColumnType::Date)
            {
                Some(day) => Inline {
                    unbroken: true,
                    exact: Some(Exact::Day(day)),
                    ..Inline::words(self.days.axis(day))
                },
                None => data(text),
            },
            Cell::Number(value) => self.number(*value, column, places),
        };
        vec![one]
    }

    fn number(&self, value: Decimal, column: &ResultColumn, places: u32) -> Inline {
        let signed = is_change(column);
        let text = match Unit::of(&column.unit) {
            Unit::Percent if signed => self.format.percent_change_to(value, places),
            Unit::Money | Unit::Points if signed => {
                let body = self.format.cell(value, &column.unit, places);
                if value.is_sign_positive() && !value.is_zero() {
                    format!("+{body}")
                } else {
                    body
                }
            }
            _ if signed => self
                .format
                .signed(value, &column.unit, crate::format::Style::Full),
            _ => self.format.cell(value, &column.unit, places),
        };
        let tone = if signed {
            tone(value, column.better)
        } else {
            Tone::Plain
        };
        Inline {
            tone,
            unbroken: true,
            exact: Some(exact(value, &column.unit)),
            ..Inline::words(text)
        }
    }

    pub(super) fn word_tone(&self, key: &str) -> Tone {
        self.info
            .tones
            .get(key)
            .copied()
            .map(Tone::from)
            .unwrap_or_default()
    }
}

/// A value for the workbook.
pub(super) fn exact(value: Decimal, unit: &str) -> Exact {
    Exact::Number {
        value,
        unit: unit.to_owned(),
    }
}

/// The words of a `{"$key": …}` cell.
pub(super) fn value_word(metric: &MetricInput, key: &str) -> String {
    label(
        &metric.strings,
        &[format!("value.{key}"), key.to_owned()],
        key,
    )
}

/// The axis of a series as a column.
fn axis_column() -> ResultColumn {
    ResultColumn {
        kind: ColumnType::Date,
        ..line_column("day", "")
    }
}

/// A column of which only the name is known.
pub(super) fn bare_column(name: &str) -> ResultColumn {
    ResultColumn {
        kind: ColumnType::Text,
        ..line_column(name, "")
    }
}

/// A line of a series as a column.
fn line_column(id: &str, unit: &str) -> ResultColumn {
    ResultColumn {
        name: id.to_owned(),
        kind: ColumnType::Number,
        unit: unit.to_owned(),
        better: Better::None,
        passport: result::Passport::default(),
        sensitivity: chenbao_model::Sensitivities::default(),
    }
}

/// Differences show their sign: points, and columns named for a change.
fn is_change(column: &ResultColumn) -> bool {
    let named = ["change", "delta", "diff"].iter().any(|word| {
        column.name == *word
            || column.name.ends_with(&format!("_{word}"))
            || column.name.contains(&format!("{word}_"))
    });
    named || Unit::of(&column.unit) == Unit::Points && column.better != Better::None
}

/// A total row stays whatever the cap.
fn shown_rows(table: &result::Table, most: Option<usize>) -> Vec<usize> {
    let all = table.rows.len();
    let most = most.unwrap_or(all).min(all);
    let mut shown: Vec<usize> = (0..most).collect();
    if table.total_row && most < all {
        shown.pop();
        shown.push(all - 1);
    }
    shown
}

fn places(table: &result::Table, at: usize, column: &ResultColumn) -> u32 {
    let numbers: Vec<Decimal> = table
        .rows
        .iter()
        .filter_map(|row| row.get(at)?.number())
        .collect();
    if is_change(column) && Unit::of(&column.unit) == Unit::Percent {
        let short = numbers.iter().all(|n| n.abs() < Decimal::ONE_THOUSAND);
        return u32::from(short);
    }
    Formatter::places(&numbers, &column.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_keeps_the_total() {
        let table: result::Table = serde_json::from_str(
            r#"{"id":"t","columns":[{"name":"x","type":"number","unit":"money"}],"rows":[[1],[2],[3],[6]],"total_row":true}"#,
        )
        .unwrap();
        assert_eq!(shown_rows(&table, Some(3)), [0, 1, 3]);
        assert_eq!(shown_rows(&table, None), [0, 1, 2, 3]);
        assert_eq!(places(&table, 0, &table.columns[0]), 2);
    }

    #[test]
    fn changes_of_a_column_have_as_many_decimals() {
        let of = |rows: &str| {
            let json = format!(
                r#"{{"id":"t","columns":[{{"name":"change","type":"number","unit":"%"}}],"rows":{rows}}}"#
            );
            let table: result::Table = serde_json::from_str(&json).unwrap();
            places(&table, 0, &table.columns[0])
        };
        assert_eq!(of("[[99.97],[101],[-3]]"), 1);
        assert_eq!(of("[[99.97],[1012],[-3]]"), 0);
    }
}
