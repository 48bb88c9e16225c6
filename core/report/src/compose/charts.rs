//! Result series as charts: labels along x, and texts on bars.

use super::alt::Shown;
use super::days::Days;
use super::results::label;
use super::tables::value_word;
use crate::format::{Formatter, Style, Unit, fill};
use crate::input::{CampaignInfo, MetricInput};
use chenbao_model::Decimal;
use chenbao_model::document::{Band, Chart, ChartKind, Mark, Plot, PlotKind, Span};
use chenbao_model::result::{Axis, Cell, Line, Series};
use chenbao_model::strings::Strings;
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;

/// What charts are said with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charting<'a> {
    pub(super) format: &'a Formatter<'a>,
    pub(super) days: Days<'a>,
    pub(super) lang: &'a str,
}

/// The point of the first line that is shown with its figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// The highest.
    Highest,
    /// The last known.
    Last,
}

/// What stands along x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    /// Days, moments, categories or numbers, as the series has them.
    Series,
    /// Hours of the day.
    Hours,
}

/// A named stretch of days.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) name: String,
}

/// How a template wants a chart.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) id: String,
    pub(super) kind: ChartKind,
    /// Lines by index into the points, the main one first.
    pub(super) lines: Vec<usize>,
    /// Which of them were planned or are to be expected.
    pub(super) expected: Vec<usize>,
    /// The lines that are the lower and upper edge of what is usual.
    pub(super) band: Option<(usize, usize)>,
    /// The point that is shown with its figure.
    pub(super) point: Option<Point>,
    /// Whether the area between the first two lines says which is above.
    pub(super) between: bool,
    /// Only the last so many points.
    pub(super) last: Option<usize>,
    /// What x are.
    pub(super) x: Along,
    /// Campaigns to mark.
    pub(super) marks: &'a [CampaignInfo],
    /// Named stretches of days.
    pub(super) spans: Vec<Stretch>,
    /// Whether less is better.
    pub(super) falling_is_good: bool,
    /// Title, for who does not see it.
    pub(super) title: Option<String>,
}

impl Charting<'_> {
    /// The chart.
    pub(super) fn chart(
        &self,
        metric: &MetricInput,
        series: &Series,
        wanted: &Wanted<'_>,
    ) -> Chart {
        let skip = wanted
            .last
            .map_or(0, |last| series.points.len().saturating_sub(last));
        let points: Vec<&Vec<Cell>> = series.points.iter().skip(skip).collect();
        let x: Vec<String> = points
            .iter()
            .map(|point| self.x(metric, point.first(), wanted.x))
            .collect();
        let plots = self.plots(metric, series, &points, wanted);
        let main = wanted.lines.first().copied().unwrap_or(0);
        let unit = series
            .y
            .get(main)
            .map(|line| line.unit.as_str())
            .unwrap_or_default();
        let empty = self.nothing(series, &plots);
        let name = || {
            label(
                &metric.strings,
                &[format!("item.{}", series.id)],
                &series.id,
            )
        };
        let title = wanted.title.clone().unwrap_or_else(name);
        let alt = match &empty {
            Some(why) => fill(
                self.format.word("alt.empty"),
                &[("title", &title), ("why", why)],
            ),
            None => {
                let said = self.numbered(metric, series, &x);
                let shown = Shown {
                    title: &title,
                    unit,
                    x: (&said, series.x),
                    plots: &plots,
                    points: &points,
                };
                self.told(&shown, wanted)
            }
        };
        let mut marks = marks(wanted.marks, &points, main + 1);
        marks.extend(self.point(&column(&points, main + 1), unit, wanted.point));
        Chart {
            id: wanted.id.clone(),
            kind: wanted.kind,
            alt,
            x,
            band: self.band(&points, &plots, wanted),
            plots,
            measure: Unit::of(unit).measure(),
            lang: self.lang.to_owned(),
            marks,
            spans: spans(&wanted.spans, &points),
            between: wanted.between,
            totals: self.totals(&points, unit, wanted),
            marked: None,
            falling_is_good: wanted.falling_is_good,
            empty,
        }
    }

    /// Why there is nothing to draw.
    fn nothing(&self, series: &Series, plots: &[Plot]) -> Option<String> {
        let mut values = plots.iter().flat_map(|plot| &plot.values);
        match &series.missing {
            Some(missing) => Some(self.format.reason(missing)),
            None => {
                let nothing = values.all(Option::is_none);
                nothing.then(|| self.format.word("missing.no_rows").to_owned())
            }
        }
    }

    /// The point of the first line that is shown with its figure.
    fn point(&self, values: &[Option<Decimal>], unit: &str, point: Option<Point>) -> Option<Mark> {
        let known = values.iter().enumerate();
        let mut known = known.filter_map(|(at, value)| Some((at, (*value)?)));
        let (at, value) = match point? {
            Point::Highest => known.max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0))),
            Point::Last => known.next_back(),
        }?;
        Some(Mark {
            at,
            label: self.format.figure(value, unit, Style::Tight),
            point: true,
        })
    }

    /// What is usual: two lines of the series, or the quartiles of a sparkline.
    fn band(&self, points: &[&Vec<Cell>], plots: &[Plot], wanted: &Wanted<'_>) -> Option<Band> {
        if wanted.kind == ChartKind::Sparkline {
            let first = plots.first()?;
            let (low, high) = super::figures::band(&first.values)?;
            let all = |value: f64| vec![Some(value); first.values.len()];
            return Some(Band {
                label: String::new(),
                low: all(low),
                high: all(high),
            });
        }
        let (low, high) = wanted.band?;
        let edge = |line: usize| numbers(&column(points, line + 1));
        Some(Band {
            label: self.format.word("chart.usual").to_owned(),
            low: edge(low),
            high: edge(high),
        })
    }

    /// One figure per stack.
    fn totals(&self, points: &[&Vec<Cell>], unit: &str, wanted: &Wanted<'_>) -> Vec<String> {
        if wanted.kind != ChartKind::StackedBar {
            return Vec::new();
        }
        let said = |sum: Decimal| self.format.figure(sum, unit, Style::Tight);
        let sums = totals(points, &wanted.lines).into_iter();
        sums.map(|sum| sum.map(said).unwrap_or_default()).collect()
    }

    fn plots(
        &self,
        metric: &MetricInput,
        series: &Series,
        points: &[&Vec<Cell>],
        wanted: &Wanted<'_>,
    ) -> Vec<Plot> {
        let plot = |(i, at): (usize, &usize)| {
            let line = series.y.get(*at)?;
            let values = column(points, *at + 1);
            Some(Plot {
                label: line_label(&metric.strings, series, line),
                values: numbers(&values),
                texts: self.texts(&values, line, wanted.kind),
                kind: match wanted.kind {
                    ChartKind::Line | ChartKind::Bar if wanted.expected.contains(at) => {
                        PlotKind::Expected
                    }
                    ChartKind::Line | ChartKind::Bar if i > 0 => PlotKind::Muted,
                    _ => PlotKind::Main,
                },
            })
        };
        wanted.lines.iter().enumerate().filter_map(plot).collect()
    }

    /// The figures on bars; parts of a waterfall carry their sign.
    fn texts(&self, values: &[Option<Decimal>], line: &Line, kind: ChartKind) -> Vec<String> {
        let last = values.len().saturating_sub(1);
        let text = |(at, value): (usize, &Option<Decimal>)| match value {
            None => String::new(),
            Some(value) if kind == ChartKind::Waterfall && at > 0 && at < last => {
                self.format.signed(*value, &line.unit, Style::Tight)
            }
            Some(value) => self.format.figure(*value, &line.unit, Style::Tight),
        };
        if matches!(kind, ChartKind::Line | ChartKind::Heatmap) {
            Vec::new()
        } else {
            values.iter().enumerate().map(text).collect()
        }
    }

    fn x(&self, metric: &MetricInput, cell: Option<&Cell>, along: Along) -> String {
        match cell {
            Some(Cell::Text(hour)) if along == Along::Hours => {
                fill(self.format.word("x.hour"), &[("hour", hour)])
            }
            Some(Cell::Text(text)) => match (text.parse::<Date>(), text.split_once(['T', ' '])) {
                (_, Some((_, time))) if text.len() >= 13 && date_of(text).is_some() => {
                    time.chars().take(5).collect()
                }
                (Ok(day), _) => self.days.axis(day),
                _ => super::sentence::data(text).text,
            },
            Some(Cell::Key(key)) => capitalised(&value_word(metric, key)),
            Some(Cell::Number(value)) => value.normalize().to_string(),
            _ => String::new(),
        }
    }

    /// What stands along x as a sentence says it: bare numbers get the word for what they count.
    fn numbered(&self, metric: &MetricInput, series: &Series, x: &[String]) -> Vec<String> {
        if series.x != Axis::Number {
            return x.to_vec();
        }
        let own = metric.strings.get(&format!("x.{}", series.id));
        let word = own.unwrap_or_else(|| self.format.word("x.number"));
        x.iter().map(|n| fill(word, &[("n", n)])).collect()
    }
}

/// A label begins with a capital, whatever its words are in a sentence.
/// What a line of a series is called.
pub(super) fn line_label(strings: &Strings, series: &Series, line: &Line) -> String {
    let keys = [
        format!("series.{}.{}", series.id, line.id),
        format!("column.{}", line.id),
    ];
    label(strings, &keys, &line.id)
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Each campaign's name at its highest day.
fn marks(campaigns: &[CampaignInfo], points: &[&Vec<Cell>], line: usize) -> Vec<Mark> {
    let day = |point: &Vec<Cell>| point.first().and_then(Cell::text).and_then(date_of);
    let value = |point: &Vec<Cell>| point.get(line).and_then(Cell::number);
    let mark = |campaign: &CampaignInfo| {
        let within = |point: &Vec<Cell>| {
            day(point).is_some_and(|day| campaign.starts_on <= day && day <= campaign.ends_on)
        };
        let inside = points
            .iter()
            .enumerate()
            .filter(|(_, point)| within(point) && value(point).is_some());
        let (at, _) = inside.max_by(|a, b| value(a.1).cmp(&value(b.1)))?;
        Some(Mark {
            at,
            label: campaign.name.clone(),
            point: false,
        })
    };
    let mut marks: Vec<Mark> = campaigns.iter().filter_map(mark).collect();
    marks.sort_by_key(|mark| mark.at);
    marks
}

/// The sum of each point's known values.
pub(super) fn totals(points: &[&Vec<Cell>], lines: &[usize]) -> Vec<Option<Decimal>> {
    let total = |point: &&Vec<Cell>| {
        let cells = lines.iter().filter_map(|line| point.get(line + 1));
        let known = cells.filter_map(Cell::number);
        known.fold(None, |sum: Option<Decimal>, value| {
            Some(sum.unwrap_or_default() + value)
        })
    };
    points.iter().map(total).collect()
}

fn numbers(values: &[Option<Decimal>]) -> Vec<Option<f64>> {
    let values = values.iter();
    values.map(|value| value.as_ref()?.to_f64()).collect()
}

/// The stretches that the points reach, by index.
fn spans(stretches: &[Stretch], points: &[&Vec<Cell>]) -> Vec<Span> {
    let days: Vec<Option<Date>> = points
        .iter()
        .map(|point| point.first().and_then(Cell::text).and_then(date_of))
        .collect();
    let span = |stretch: &Stretch| {
        let inside =
            |day: &Option<Date>| day.is_some_and(|day| stretch.first <= day && day <= stretch.last);
        Some(Span {
            first: days.iter().position(inside)?,
            last: days.iter().rposition(inside)?,
            label: stretch.name.clone(),
        })
    };
    stretches.iter().filter_map(span).collect()
}

pub(super) fn column(points: &[&Vec<Cell>], index: usize) -> Vec<Option<Decimal>> {
    points
        .iter()
        .map(|point| point.get(index).and_then(Cell::number))
        .collect()
}

fn date_of(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}
