//! Result series as charts: labels along x, texts on bars, and the sentence for who does not see the picture.

use super::days::Days;
use super::results::label;
use super::tables::value_word;
use crate::format::{Formatter, Style, Unit, fill};
use crate::input::{CampaignInfo, MetricInput};
use chenbao_model::Decimal;
use chenbao_model::document::{Chart, ChartKind, Mark, Plot};
use chenbao_model::result::{Cell, Line, Series};
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;

/// What charts are said with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charting<'a> {
    pub(super) format: &'a Formatter<'a>,
    pub(super) days: Days<'a>,
    pub(super) lang: &'a str,
    pub(super) campaigns: &'a [CampaignInfo],
}

/// How a template wants a chart.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) kind: ChartKind,
    /// Lines by index into the points, the main one first.
    pub(super) lines: Vec<usize>,
    /// Only the last so many points.
    pub(super) last: Option<usize>,
    /// Whether campaigns are marked.
    pub(super) marks: bool,
    /// Whether more is better.
    pub(super) up_is_good: bool,
    /// Title, for who does not see it.
    pub(super) title: Option<String>,
}

impl Charting<'_> {
    /// The chart.
    pub(super) fn chart(&self, metric: &MetricInput, series: &Series, wanted: &Wanted) -> Chart {
        let skip = wanted
            .last
            .map_or(0, |last| series.points.len().saturating_sub(last));
        let points: Vec<&Vec<Cell>> = series.points.iter().skip(skip).collect();
        let x: Vec<String> = points
            .iter()
            .map(|point| self.x(metric, point.first()))
            .collect();
        let title = wanted.title.clone().unwrap_or_else(|| {
            label(
                &metric.strings,
                &[format!("item.{}", series.id)],
                &series.id,
            )
        });
        let plots: Vec<Plot> = wanted
            .lines
            .iter()
            .enumerate()
            .filter_map(|(i, line)| {
                Some(self.plot(
                    metric,
                    series,
                    series.y.get(*line)?,
                    &column(&points, *line + 1),
                    (i, wanted.kind),
                ))
            })
            .collect();
        let main = wanted.lines.first().copied().unwrap_or(0);
        let unit = series
            .y
            .get(main)
            .map(|line| line.unit.as_str())
            .unwrap_or_default();
        let empty = match &series.missing {
            Some(missing) => Some(self.format.reason(missing)),
            None if plots
                .iter()
                .all(|plot| plot.values.iter().all(Option::is_none)) =>
            {
                Some(self.format.word("missing.no_rows").to_owned())
            }
            None => None,
        };
        let alt = match &empty {
            Some(why) => fill(
                self.format.word("alt.empty"),
                &[("title", &title), ("why", why)],
            ),
            None => self.alt(&title, &x, &column(&points, main + 1), unit, wanted.kind),
        };
        let marks = if wanted.marks {
            self.marks(&points, main + 1)
        } else {
            Vec::new()
        };
        Chart {
            id: wanted.id.clone(),
            kind: wanted.kind,
            alt,
            x,
            plots,
            measure: Unit::of(unit).measure(),
            lang: self.lang.to_owned(),
            marks,
            up_is_good: wanted.up_is_good,
            empty,
        }
    }

    fn x(&self, metric: &MetricInput, cell: Option<&Cell>) -> String {
        match cell {
            Some(Cell::Text(text)) => match (text.parse::<Date>(), text.split_once(['T', ' '])) {
                (_, Some((_, time))) if text.len() >= 13 && date_of(text).is_some() => {
                    time.chars().take(5).collect()
                }
                (Ok(day), _) => self.days.axis(day),
                _ => super::sentence::data(text).text,
            },
            Some(Cell::Key(key)) => value_word(metric, key),
            Some(Cell::Number(value)) => value.normalize().to_string(),
            _ => String::new(),
        }
    }

    fn plot(
        &self,
        metric: &MetricInput,
        series: &Series,
        line: &Line,
        values: &[Option<Decimal>],
        (i, kind): (usize, ChartKind),
    ) -> Plot {
        let keys = [
            format!("series.{}.{}", series.id, line.id),
            format!("column.{}", line.id),
            format!("item.{}", line.id),
        ];
        let last = values.len().saturating_sub(1);
        let text = |(at, value): (usize, &Option<Decimal>)| match value {
            None => String::new(),
            Some(value) if kind == ChartKind::Waterfall && at > 0 && at < last => {
                self.format.signed(*value, &line.unit, Style::Tight)
            }
            Some(value) => self.format.figure(*value, &line.unit, Style::Tight),
        };
        Plot {
            label: label(&metric.strings, &keys, &line.id),
            values: values
                .iter()
                .map(|value| value.and_then(|value| value.to_f64()))
                .collect(),
            texts: if kind == ChartKind::Line {
                Vec::new()
            } else {
                values.iter().enumerate().map(text).collect()
            },
            muted: i > 0,
        }
    }

    /// One sentence with the figures: all of a waterfall; first, highest and last of the others.
    fn alt(
        &self,
        title: &str,
        x: &[String],
        values: &[Option<Decimal>],
        unit: &str,
        kind: ChartKind,
    ) -> String {
        let known: Vec<(&String, Decimal)> = x
            .iter()
            .zip(values)
            .filter_map(|(x, value)| Some((x, (*value)?)))
            .collect();
        let said = |value: Decimal| self.format.figure(value, unit, Style::Short);
        if kind == ChartKind::Waterfall || known.len() <= 8 {
            let last = known.len().saturating_sub(1);
            let parts = known.iter().enumerate().map(|(i, (x, value))| match kind {
                ChartKind::Waterfall if i > 0 && i < last => {
                    format!("{x} {}", self.format.signed(*value, unit, Style::Short))
                }
                _ => format!("{x} {}", said(*value)),
            });
            let parts: Vec<String> = parts.collect();
            let parts = parts.join(self.format.word("list.comma"));
            return fill(
                self.format.word("alt.all"),
                &[("title", title), ("parts", &parts)],
            );
        }
        let (Some(first), Some(last)) = (known.first(), known.last()) else {
            return title.to_owned();
        };
        let top = known.iter().max_by(|a, b| a.1.cmp(&b.1)).unwrap_or(last);
        fill(
            self.format.word("alt.line"),
            &[
                ("title", title),
                ("first_x", first.0),
                ("first", &said(first.1)),
                ("top_x", top.0),
                ("top", &said(top.1)),
                ("last_x", last.0),
                ("last", &said(last.1)),
            ],
        )
    }

    /// A campaign's name at its highest day.
    fn marks(&self, points: &[&Vec<Cell>], line: usize) -> Vec<Mark> {
        let day = |point: &&Vec<Cell>| point.first().and_then(Cell::text).and_then(date_of);
        let mut marks: Vec<Mark> = self
            .campaigns
            .iter()
            .filter_map(|campaign| {
                let inside = points.iter().enumerate().filter(|(_, point)| {
                    day(point)
                        .is_some_and(|day| campaign.starts_on <= day && day <= campaign.ends_on)
                });
                let value = |point: &&&Vec<Cell>| point.get(line).and_then(Cell::number);
                let (at, _) = inside
                    .filter(|(_, p)| value(p).is_some())
                    .max_by(|a, b| value(&a.1).cmp(&value(&b.1)))?;
                Some(Mark {
                    at,
                    label: campaign.name.clone(),
                })
            })
            .collect();
        marks.sort_by_key(|mark| mark.at);
        marks
    }
}

fn column(points: &[&Vec<Cell>], index: usize) -> Vec<Option<Decimal>> {
    points
        .iter()
        .map(|point| point.get(index).and_then(Cell::number))
        .collect()
}

fn date_of(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}
