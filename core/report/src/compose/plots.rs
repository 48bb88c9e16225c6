//! Chart elements become charts: series by their lines, and tables whose columns are names, bars and words.

use super::build::Composer;
use super::charts::{self, Along, Charting, Point};
use super::markup::Element;
use super::results::{Found, unknown};
use super::tables;
use crate::format::{Unit, fill};
use crate::input::MetricInput;
use chenbao_model::Diagnostic;
use chenbao_model::document::{self, Block, Chart, ChartKind, Plot, PlotKind, RowKind, plain};
use chenbao_model::result::{Cell, ColumnType, Item, Series, Table};
use rust_decimal::prelude::ToPrimitive;

/// Names, bars and words of a table that becomes a chart, its total row left out.
struct Words {
    /// Names of the rows.
    names: Vec<String>,
    /// One plot per further column.
    plots: Vec<Plot>,
    marked: Option<usize>,
}

impl<'a> Composer<'a> {
    pub(super) fn chart(&mut self, element: &Element, kind: ChartKind) -> Vec<Block> {
        let Some(path) = element.attribute("data") else {
            return Vec::new();
        };
        let title = element.attribute("title").map(str::to_owned);
        let of_series = !matches!(kind, ChartKind::Funnel | ChartKind::Bullet);
        let of_table = !of_series || kind == ChartKind::Heatmap;
        match self.find(element, path) {
            Some(Found::Item(metric, Item::Series(series), None)) if of_series => {
                self.shown_series(metric, series);
                let wanted = self.wanted(element, kind, series);
                vec![Block::Chart(self.charting().chart(metric, series, &wanted))]
            }
            Some(Found::Item(metric, Item::Table(table), None)) if of_table => {
                vec![self.table_chart(element, kind, (metric, table))]
            }
            Some(Found::Gap { label, why }) => vec![Block::Chart(self.empty_chart(
                kind,
                &title.unwrap_or(label),
                why,
            ))],
            Some(Found::Item(..)) => {
                let what = if of_series { "a series" } else { "a table" };
                self.mismatch(element, path, what);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn wanted(
        &mut self,
        element: &Element,
        kind: ChartKind,
        series: &Series,
    ) -> charts::Wanted<'a> {
        let lines = self.wanted_lines(element, series);
        let expected = self.named_lines(element, "expected", series);
        let band = match self.named_lines(element, "band", series).as_slice() {
            [] => None,
            [low, high] => Some((*low, *high)),
            _ => {
                let problem = Diagnostic::error("`band` names two lines, the lower and the upper");
                self.problem(element, problem);
                None
            }
        };
        let point = match element.attribute("point") {
            None => None,
            Some("highest") => Some(Point::Highest),
            Some("last") => Some(Point::Last),
            Some(other) => {
                let message = format!("`point` is `highest` or `last`, not `{other}`");
                self.problem(element, Diagnostic::error(message));
                None
            }
        };
        charts::Wanted {
            id: self.chart_id(),
            kind,
            lines,
            expected,
            band,
            point,
            between: element.attribute("between") == Some("yes"),
            last: self.number(element, "last"),
            x: match element.attribute("x") {
                Some("hour") => Along::Hours,
                _ => Along::Series,
            },
            marks: if element.attribute("mark").is_some() {
                &self.input.context.campaigns
            } else {
                &[]
            },
            spans: self.spans(element),
            falling_is_good: element.attribute("good") == Some("down"),
            title: element.attribute("title").map(str::to_owned),
        }
    }

    /// Named stretches of days, out of a table with a name and two dates.
    fn spans(&mut self, element: &Element) -> Vec<charts::Stretch> {
        let Some(path) = element.attribute("spans") else {
            return Vec::new();
        };
        let (metric, table) = match self.find(element, path) {
            Some(Found::Item(metric, Item::Table(table), None)) => (metric, table),
            Some(Found::Item(..)) => {
                self.mismatch(element, path, "a table");
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        let shown = self.frame.results.columns(table);
        let of = |kind: ColumnType| {
            let all = shown.iter().filter(move |(_, column)| column.kind == kind);
            all.map(|(i, _)| *i).collect::<Vec<usize>>()
        };
        let (names, days) = (of(ColumnType::Text), of(ColumnType::Date));
        let ([name, ..], [first, last, ..]) = (names.as_slice(), days.as_slice()) else {
            return Vec::new();
        };
        let day = |cell: Option<&Cell>| cell?.text()?.parse().ok();
        let stretch = |row: &Vec<Cell>| {
            Some(charts::Stretch {
                first: day(row.get(*first))?,
                last: day(row.get(*last))?,
                name: match row.get(*name)? {
                    Cell::Key(key) => tables::value_word(metric, key),
                    other => other.text()?.to_owned(),
                },
            })
        };
        // A total has the first and the last day of all, and is no stretch of its own.
        let stretches = table.rows.len() - usize::from(table.total_row && !table.rows.is_empty());
        let rows = table.rows.iter().take(stretches);
        rows.filter_map(stretch).collect()
    }

    fn table_chart(
        &mut self,
        element: &Element,
        kind: ChartKind,
        (metric, table): (&'a MetricInput, &'a Table),
    ) -> Block {
        let columns = self.wanted_columns(element, metric, table);
        let mut units = columns.iter().map(|(_, column)| &column.unit);
        let unit = units.find(|unit| !unit.is_empty()).cloned();
        let wanted = tables::Wanted {
            columns,
            most: None,
            title: element.attribute("title").map(str::to_owned),
        };
        let said = self.result_table(metric, table, &wanted);
        if let Some(why) = said.empty {
            return Block::Chart(self.empty_chart(kind, &said.title, why));
        }
        let words = words(&said, table, &wanted);
        let alt = self.table_alt(&said.title, &words, kind);
        let mut chart = Chart {
            id: self.chart_id(),
            kind,
            alt,
            measure: Unit::of(&unit.unwrap_or_default()).measure(),
            lang: self.input.lang.to_owned(),
            marked: words.marked,
            ..Chart::default()
        };
        if kind == ChartKind::Heatmap {
            chart.x = words.plots.iter().map(|plot| plot.label.clone()).collect();
            let row = |(i, label): (usize, &String)| Plot {
                label: label.clone(),
                values: words.plots.iter().map(|plot| plot.values[i]).collect(),
                ..Plot::default()
            };
            chart.plots = words.names.iter().enumerate().map(row).collect();
        } else {
            (chart.x, chart.plots) = (words.names, words.plots);
        }
        Block::Chart(chart)
    }

    /// The sentence for who does not see it: from where to where, and each row; of a heat map its extremes.
    fn table_alt(&self, title: &str, words: &Words, kind: ChartKind) -> String {
        let charting = self.charting();
        let parts = match kind {
            ChartKind::Heatmap => self.extremes(words),
            ChartKind::Funnel => self.steps(words),
            _ => vec![self.rows(words, true)],
        };
        charting.sentence(title, &parts)
    }

    /// Each row with its first two figures, which are named where they do not explain themselves.
    fn rows(&self, words: &Words, named: bool) -> String {
        let row = |(i, name): (usize, &String)| {
            let plots = words.plots.iter().take(2);
            let said = |plot: &Plot| {
                let text = plot.texts.get(i)?;
                Some(match named {
                    true => format!("{} {text}", plot.label),
                    false => text.clone(),
                })
            };
            let texts: Vec<String> = plots.filter_map(said).collect();
            format!("{name} {}", texts.join(" / "))
        };
        let rows: Vec<String> = words.names.iter().enumerate().take(8).map(row).collect();
        rows.join(self.frame.format.word("list.comma"))
    }

    /// From the first step to the last, where it breaks, and each step.
    fn steps(&self, words: &Words) -> Vec<String> {
        let format = self.frame.format;
        let count = |i: usize| Some(words.plots.first()?.texts.get(i)?.as_str());
        let last = words.names.len().saturating_sub(1);
        let whole = words.names.first().zip(words.names.last()).map(|(a, b)| {
            let counts = (
                count(0).unwrap_or_default(),
                count(last).unwrap_or_default(),
            );
            let args = [
                ("first_x", a.as_str()),
                ("first", counts.0),
                ("last_x", b),
                ("last", counts.1),
            ];
            fill(format.word("alt.steps"), &args)
        });
        let broken = words.marked.and_then(|at| words.names.get(at));
        let broken = broken.map(|x| fill(format.word("alt.broken"), &[("x", x)]));
        let rows = std::iter::once(self.rows(words, false));
        whole.into_iter().chain(broken).chain(rows).collect()
    }

    /// What the rows and columns are, and where it is darkest and lightest.
    fn extremes(&self, words: &Words) -> Vec<String> {
        let cells = words.plots.iter().flat_map(|plot| {
            let values = plot.values.iter().enumerate();
            values.filter_map(move |(i, value)| Some((plot, i, (*value)?)))
        });
        let cells: Vec<(&Plot, usize, f64)> = cells.collect();
        let said = |key: &str, (plot, i, _): &(&Plot, usize, f64)| {
            let row = words.names.get(*i).map_or("", String::as_str);
            let x = format!("{row} {}", plot.label);
            fill(
                self.frame.format.word(key),
                &[("x", &x), ("value", &plot.texts[*i])],
            )
        };
        let top = cells.iter().rev().max_by(|a, b| a.2.total_cmp(&b.2));
        let low = cells.iter().min_by(|a, b| a.2.total_cmp(&b.2));
        let rows: Vec<&str> = words.names.iter().map(String::as_str).collect();
        let columns: Vec<&str> = words.plots.iter().map(|plot| plot.label.as_str()).collect();
        let edges = self.charting().edges(&rows, &columns);
        let top = top.map(|cell| said("alt.highest", cell));
        let low = low.map(|cell| said("alt.lowest", cell));
        edges.into_iter().chain(top).chain(low).collect()
    }

    pub(super) fn charting(&self) -> Charting<'a> {
        Charting {
            format: self.frame.format,
            days: self.frame.days,
            lang: self.input.lang,
        }
    }

    pub(super) fn chart_id(&mut self) -> String {
        self.charts += 1;
        format!("chart-{}", self.charts)
    }

    fn empty_chart(&mut self, kind: ChartKind, title: &str, why: String) -> Chart {
        let alt = crate::format::fill(
            self.frame.format.word("alt.empty"),
            &[("title", title), ("why", &why)],
        );
        Chart {
            id: self.chart_id(),
            kind,
            alt,
            lang: self.input.lang.to_owned(),
            empty: Some(why),
            ..Chart::default()
        }
    }

    /// The lines of a chart: one unit, the main one first.
    fn wanted_lines(&mut self, element: &Element, series: &Series) -> Vec<usize> {
        let all: Vec<usize> = match element.attribute("series") {
            None => {
                let band = self.named_lines(element, "band", series);
                (0..series.y.len()).filter(|i| !band.contains(i)).collect()
            }
            Some(_) => self.named_lines(element, "series", series),
        };
        let unit = |line: &usize| series.y.get(*line).map(|line| line.unit.as_str());
        let first = all.first().and_then(unit);
        let (same, other): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|line| unit(line) == first);
        if !other.is_empty() {
            let problem =
                Diagnostic::error(format!("the lines of `{}` have different units", series.id))
                    .hint("choose lines of one unit with `series=\"…\"`");
            self.problem(element, problem);
        }
        same
    }

    /// The lines that an attribute names, or all.
    pub(super) fn lines_of(&mut self, element: &Element, key: &str, series: &Series) -> Vec<usize> {
        match element.attribute(key) {
            None => (0..series.y.len()).collect(),
            Some(_) => self.named_lines(element, key, series),
        }
    }

    /// The lines that an attribute names, by index.
    fn named_lines(&mut self, element: &Element, key: &str, series: &Series) -> Vec<usize> {
        let mut lines = Vec::new();
        let written = element.attribute(key).into_iter();
        for name in written
            .flat_map(|written| written.split(','))
            .map(str::trim)
        {
            match series.y.iter().position(|line| line.id == name) {
                Some(at) => lines.push(at),
                None if series.y.is_empty() => {}
                None => {
                    let names = series.y.iter().map(|line| line.id.as_str());
                    let message = format!("the series `{}` has no line `{name}`", series.id);
                    self.problem(element, unknown(message, name, names).0);
                }
            }
        }
        lines
    }
}

/// A cell of a rate as a number: only those have a ground.
/// A table in words as names and plots.
fn words(said: &document::Table, table: &Table, wanted: &tables::Wanted<'_>) -> Words {
    let rows: Vec<usize> = (0..said.rows.len())
        .filter(|i| said.rows[*i].kind != RowKind::Total)
        .collect();
    let text = |row: usize, column: usize| {
        let cells = said.rows.get(row).map(|row| &row.cells);
        let cell = cells.and_then(|cells| cells.get(column));
        cell.map(|cell| plain(cell)).unwrap_or_default()
    };
    let plot = |(at, (column, _)): (usize, &(usize, _))| Plot {
        label: said.heads.get(at).map_or("", |head| &head.label).to_owned(),
        values: rows
            .iter()
            .map(|row| table.rows.get(*row)?.get(*column)?.number()?.to_f64())
            .collect(),
        texts: rows.iter().map(|row| text(*row, at)).collect(),
        kind: PlotKind::Main,
    };
    Words {
        names: rows.iter().map(|row| text(*row, 0)).collect(),
        plots: wanted
            .columns
            .iter()
            .enumerate()
            .skip(1)
            .map(plot)
            .collect(),
        marked: rows
            .iter()
            .position(|row| said.rows[*row].kind == RowKind::Marked),
    }
}
