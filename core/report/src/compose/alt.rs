//! The sentence for who does not see a chart: what it shows and which way it goes, then the figures that matter.

use super::charts::{Charting, Wanted, column, totals};
use crate::format::{Style, fill};
use chenbao_model::Decimal;
use chenbao_model::document::{ChartKind, Plot};
use chenbao_model::result::{Axis, Cell};

/// So many figures are all told; of more, only those that matter.
const FEW: usize = 8;

/// What a chart shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) title: &'a str,
    /// Unit of its figures.
    pub(super) unit: &'a str,
    /// What stands along x, and what kind of thing that is.
    pub(super) x: (&'a [String], Axis),
    pub(super) plots: &'a [Plot],
    pub(super) points: &'a [&'a Vec<Cell>],
}

/// A name along x with its figure.
type Known<'a> = (&'a str, Decimal);

impl Charting<'_> {
    /// The sentence of a chart that has figures.
    pub(super) fn told(&self, shown: &Shown<'_>, wanted: &Wanted<'_>) -> String {
        let main = wanted.lines.first().copied().unwrap_or(0);
        let name = shown.plots.first().map_or("", |plot| &plot.label);
        let values = column(shown.points, main + 1);
        let parts = match wanted.kind {
            ChartKind::Heatmap => self.grid(shown, wanted),
            ChartKind::Waterfall => vec![self.bridge(&known(shown, &values), shown.unit)],
            ChartKind::StackedBar => {
                let sums = totals(shown.points, &wanted.lines);
                let all = self.format.word("alt.total");
                let mut parts = self.course(all, &known(shown, &sums), shown);
                parts.extend(self.last_of_each(shown, &wanted.lines));
                parts
            }
            _ => {
                let mut parts = self.course(name, &known(shown, &values), shown);
                if shown.x.1 != Axis::Category {
                    let others = wanted.lines.get(1..).unwrap_or_default();
                    parts.extend(self.last_of_each(shown, others));
                }
                parts
            }
        };
        self.sentence(shown.title, &parts)
    }

    /// A title and what is said below it.
    pub(super) fn sentence(&self, title: &str, parts: &[String]) -> String {
        let parts = parts.join(self.format.word("alt.pause"));
        fill(
            self.format.word("alt.all"),
            &[("title", title), ("parts", &parts)],
        )
    }

    fn said(&self, value: Decimal, unit: &str) -> String {
        self.format.figure(value, unit, Style::Short)
    }

    /// Which way a line goes, from where to where, and its highest figure; of names without an order, the highest and the lowest.
    fn course(&self, name: &str, known: &[Known<'_>], shown: &Shown<'_>) -> Vec<String> {
        let ([first, .., last], false) = (known, shown.x.1 == Axis::Category) else {
            return self.named(name, known, shown.unit);
        };
        let way = match last.1.cmp(&first.1) {
            _ if self.said(first.1, shown.unit) == self.said(last.1, shown.unit) => "alt.level",
            std::cmp::Ordering::Greater => "alt.rises",
            std::cmp::Ordering::Less => "alt.falls",
            std::cmp::Ordering::Equal => "alt.level",
        };
        let mut parts = vec![self.passage(way, name, (first, last), shown.unit)];
        if known.len() <= FEW {
            parts.extend(self.between(known, shown.unit));
        } else if let Some(top) = highest(known).filter(|top| ![first, last].contains(top)) {
            parts.push(self.at("alt.highest", top, shown.unit));
        }
        parts
    }

    fn passage(
        &self,
        key: &str,
        name: &str,
        (a, b): (&Known<'_>, &Known<'_>),
        unit: &str,
    ) -> String {
        let (first, last) = (self.said(a.1, unit), self.said(b.1, unit));
        let args = [
            ("name", name),
            ("first_x", a.0),
            ("first", &first),
            ("last_x", b.0),
            ("last", &last),
        ];
        fill(self.format.word(key), &args)
    }

    fn at(&self, key: &str, (x, value): &Known<'_>, unit: &str) -> String {
        let args = [("x", *x), ("value", &self.said(*value, unit))];
        fill(self.format.word(key), &args)
    }

    /// The figures between the first and the last, where there are any.
    fn between(&self, known: &[Known<'_>], unit: &str) -> Option<String> {
        let inner = known.get(1..known.len().saturating_sub(1))?;
        let parts = inner
            .iter()
            .map(|(x, value)| format!("{x} {}", self.said(*value, unit)));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join(self.format.word("list.comma")))
    }

    /// Names with their figures: all of a few, else the highest and the lowest.
    fn named(&self, name: &str, known: &[Known<'_>], unit: &str) -> Vec<String> {
        let lead = |text: String| format!("{name} {text}").trim().to_owned();
        if known.len() <= FEW {
            let parts = known
                .iter()
                .map(|(x, value)| format!("{x} {}", self.said(*value, unit)));
            let parts: Vec<String> = parts.collect();
            return vec![lead(parts.join(self.format.word("list.comma")))];
        }
        let top = highest(known).map(|top| lead(self.at("alt.highest", top, unit)));
        let low = lowest(known).map(|low| self.at("alt.lowest", low, unit));
        top.into_iter().chain(low).collect()
    }

    /// Where each further line ends.
    fn last_of_each(&self, shown: &Shown<'_>, lines: &[usize]) -> Option<String> {
        let all = shown.plots.len();
        let plots = shown.plots.get(all - lines.len().min(all)..)?;
        let last = |(line, plot): (&usize, &Plot)| {
            let values = column(shown.points, line + 1);
            let (x, value) = known(shown, &values).pop()?;
            let args = [
                ("name", plot.label.as_str()),
                ("x", x),
                ("value", &self.said(value, shown.unit)),
            ];
            Some(fill(self.format.word("alt.ends"), &args))
        };
        let parts: Vec<String> = lines.iter().zip(plots).filter_map(last).collect();
        (!parts.is_empty()).then(|| parts.join(self.format.word("list.comma")))
    }

    /// From the first total to the last, and all that lies between them.
    fn bridge(&self, known: &[Known<'_>], unit: &str) -> String {
        let [first, parts @ .., last] = known else {
            return self.named("", known, unit).concat();
        };
        let part = |(x, value): &Known<'_>| {
            format!("{x} {}", self.format.signed(*value, unit, Style::Short))
        };
        let parts: Vec<String> = parts.iter().map(part).collect();
        let parts = parts.join(self.format.word("list.comma"));
        let args = [
            ("first_x", first.0),
            ("first", &self.said(first.1, unit)),
            ("last_x", last.0),
            ("last", &self.said(last.1, unit)),
            ("parts", &parts),
        ];
        let way = match last.1 < first.1 {
            true => "alt.bridge_down",
            false => "alt.bridge_up",
        };
        fill(self.format.word(way), &args)
    }

    /// What the rows and columns of a heat map are, and where it is darkest and lightest.
    fn grid(&self, shown: &Shown<'_>, wanted: &Wanted<'_>) -> Vec<String> {
        let rows = wanted.lines.iter().zip(shown.plots);
        let cells = rows.flat_map(|(line, plot)| {
            let values = column(shown.points, line + 1);
            let known = known(shown, &values).into_iter();
            let name = |(x, value)| (format!("{} {x}", plot.label), value);
            known.map(name).collect::<Vec<(String, Decimal)>>()
        });
        let cells: Vec<(String, Decimal)> = cells.collect();
        let cells: Vec<Known<'_>> = cells
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let rows: Vec<&str> = shown.plots.iter().map(|plot| plot.label.as_str()).collect();
        let columns: Vec<&str> = shown.x.0.iter().map(String::as_str).collect();
        let edges = self.edges(&rows, &columns);
        let top = highest(&cells).map(|top| self.at("alt.highest", top, shown.unit));
        let low = lowest(&cells).map(|low| self.at("alt.lowest", low, shown.unit));
        edges.into_iter().chain(top).chain(low).collect()
    }

    /// What the rows and columns of a grid are, by the first and the last of each.
    pub(super) fn edges(&self, rows: &[&str], columns: &[&str]) -> Option<String> {
        let args = [
            ("first_row", *rows.first()?),
            ("last_row", *rows.last()?),
            ("first_x", *columns.first()?),
            ("last_x", *columns.last()?),
        ];
        Some(fill(self.format.word("alt.grid"), &args))
    }
}

/// What is known along x.
fn known<'a>(shown: &Shown<'a>, values: &[Option<Decimal>]) -> Vec<Known<'a>> {
    let pairs = shown.x.0.iter().zip(values);
    let known = pairs.filter_map(|(x, value)| Some((x.as_str(), (*value)?)));
    known.collect()
}

/// The first of the highest.
fn highest<'k, 'a>(known: &'k [Known<'a>]) -> Option<&'k Known<'a>> {
    known.iter().rev().max_by(|a, b| a.1.cmp(&b.1))
}

fn lowest<'k, 'a>(known: &'k [Known<'a>]) -> Option<&'k Known<'a>> {
    known.iter().min_by(|a, b| a.1.cmp(&b.1))
}
