//! The first rows of a table as one sentence: `用户支付金额前 3：缎面连衣裙 ¥21.8 万、…。`

use super::build::{Composer, knows_column};
use super::markup::Element;
use super::results::{Found, label, unknown};
use super::sentence::{Run, data};
use super::tables::value_word;
use crate::format::{Style, fill};
use crate::input::MetricInput;
use chenbao_model::Decimal;
use chenbao_model::document::Inline;
use chenbao_model::result::{Cell, ColumnType, Item, Missing, ResultColumn, Table, Why};
use chenbao_model::strings::{Piece, pieces};

/// Rows of a sentence, unless a template says otherwise.
const ROWS: usize = 3;

impl<'a> Composer<'a> {
    /// The sentence; why there is none; a gap where this reader may not see what it is about.
    pub(super) fn top(&mut self, element: &Element) -> Vec<Run> {
        let (Some(path), Some(by)) = (element.attribute("data"), element.attribute("by")) else {
            return Vec::new();
        };
        let n = self.number(element, "n").unwrap_or(ROWS);
        match self.find(element, path) {
            None => Vec::new(),
            Some(Found::NotConfigured(_) | Found::Hidden) => self.untold(),
            Some(Found::Gap { why, .. }) => self.why_not(&why),
            Some(Found::Item(metric, Item::Table(table), None)) => {
                let Some(columns) = self.top_columns(element, metric, (table, by)) else {
                    return self.untold();
                };
                self.shown_columns(metric, table, &columns);
                self.ranked_rows(metric, table, &columns, n)
            }
            Some(Found::Item(..)) => {
                self.mismatch(element, path, "the first rows of a table");
                Vec::new()
            }
        }
    }

    /// A sentence that is left out; the next one stays.
    fn untold(&self) -> Vec<Run> {
        vec![Run::Gap, self.stop()]
    }

    /// Why there is no sentence, in its place.
    fn why_not(&self, why: &str) -> Vec<Run> {
        vec![Run::Said(self.saying.missing(why)), self.stop()]
    }

    fn stop(&self) -> Run {
        Run::Said(Inline::words(self.frame.format.word("sentence.end")))
    }

    /// The column that names a row, and the one by which rows are ranked; none where this reader has not both.
    fn top_columns(
        &mut self,
        element: &Element,
        metric: &MetricInput,
        (table, by): (&'a Table, &str),
    ) -> Option<[(usize, &'a ResultColumn); 2]> {
        let shown = self.frame.results.columns(table);
        let mut column = |wanted: &str| {
            let there = table.columns.iter().any(|column| column.name == wanted);
            if !there && !table.columns.is_empty() && !knows_column(metric, &table.id, wanted) {
                let names = shown.iter().map(|(_, column)| column.name.as_str());
                let message = format!("the table `{}` has no column `{wanted}`", table.id);
                let problem = unknown(message, wanted, names).0;
                self.problem(element, problem);
            }
            shown
                .iter()
                .find(|(_, column)| column.name == wanted)
                .copied()
        };
        let name = match element.attribute("name") {
            Some(name) => column(name),
            None => shown
                .iter()
                .find(|(_, column)| column.kind == ColumnType::Text)
                .copied(),
        };
        let by = column(by);
        if let Some((_, column)) = by.filter(|(_, column)| column.kind != ColumnType::Number) {
            let message = format!(
                "rows cannot be ranked by `{}`: it holds no figures",
                column.name
            );
            self.problem(element, chenbao_model::Diagnostic::error(message));
        }
        Some([name?, by?])
    }

    fn ranked_rows(
        &self,
        metric: &MetricInput,
        table: &Table,
        [(name, _), (by, column)]: &[(usize, &ResultColumn); 2],
        n: usize,
    ) -> Vec<Run> {
        let format = self.frame.format;
        let rows = table.rows.len() - usize::from(table.total_row && !table.rows.is_empty());
        // A row without a figure has no rank: missing is not zero.
        let mut ranked: Vec<(Decimal, &Cell)> = table
            .rows
            .iter()
            .take(rows)
            .filter_map(|row| Some((row.get(*by)?.number()?, row.get(*name)?)))
            .collect();
        ranked.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
        ranked.truncate(n);
        if ranked.is_empty() {
            let none = Missing {
                why: Why::NoRows,
                have: None,
                need: None,
            };
            let why = format.reason(table.missing.as_ref().unwrap_or(&none));
            return self.why_not(&why);
        }
        let key = if ranked.len() == 1 {
            "top.one"
        } else {
            "top.some"
        };
        let keys = [
            format!("column.{}.{}", table.id, column.name),
            format!("column.{}", column.name),
        ];
        let by = label(&metric.strings, &keys, &column.name);
        let count = ranked.len().to_string();
        let mut runs = Vec::new();
        for piece in pieces(format.word(key)).unwrap_or_default() {
            match piece {
                Piece::Text(text) => runs.push(Run::Said(Inline::words(text))),
                Piece::Argument { name, .. } if name == "items" => {
                    runs.extend(self.listed(metric, &ranked, &column.unit));
                }
                Piece::Argument { name, .. } => {
                    let text = fill(&format!("{{{name}}}"), &[("n", &count), ("by", &by)]);
                    runs.push(Run::Said(Inline::words(text)));
                }
            }
        }
        runs
    }

    /// `缎面连衣裙 ¥21.8 万、羊毛大衣 ¥18.4 万`.
    fn listed(&self, metric: &MetricInput, rows: &[(Decimal, &Cell)], unit: &str) -> Vec<Run> {
        let format = self.frame.format;
        let mut all = Vec::new();
        for (value, cell) in rows {
            if !all.is_empty() {
                all.push(Run::Said(Inline::words(format.word("list.and"))));
            }
            let figure = Inline {
                unbroken: true,
                ..Inline::words(format.figure(*value, unit, Style::Short))
            };
            all.extend([named(metric, cell), Inline::words(" "), figure].map(Run::Said));
        }
        all
    }
}

fn named(metric: &MetricInput, cell: &Cell) -> Inline {
    match cell {
        Cell::Text(text) => data(text),
        Cell::Key(key) => Inline::words(value_word(metric, key)),
        Cell::Number(value) => Inline::words(value.normalize().to_string()),
        Cell::Bool(_) | Cell::Null => Inline::words(crate::format::DASH),
    }
}
