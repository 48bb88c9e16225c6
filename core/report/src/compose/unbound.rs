//! `<unbound/>`: results that no template places appear here, so that a new metric shows up at once.

use super::build::Composer;
use super::charts;
use super::results::label;
use super::tables::{self, value_word};
use crate::format::{DASH, Style};
use crate::input::MetricInput;
use chenbao_model::document::{self, Align, Block, ChartKind, Head, Inline, Row, Section, Tone};
use chenbao_model::result::{Item, Scalar, Series};
use std::collections::BTreeSet;

/// One section per metric that has something unplaced.
pub(super) fn blocks(composer: &mut Composer<'_>) -> Vec<Block> {
    let mut out = Vec::new();
    let metrics: Vec<&MetricInput> = composer.frame.results.metrics().collect();
    for metric in metrics {
        let left = left(composer, metric);
        let blocks = of_metric(composer, metric, &left);
        if !blocks.is_empty() {
            let key = format!("alias.{}", metric.alias);
            let named = metric
                .strings
                .get("title")
                .or_else(|| composer.frame.words.get(&key));
            let title = named.unwrap_or(&metric.alias).to_owned();
            out.push(Block::Section(Section {
                title,
                note: composer.frame.format.word("unbound.note").to_owned(),
                blocks,
            }));
        }
    }
    out
}

/// Paths of all that stands here.
pub(super) fn paths(composer: &Composer<'_>) -> BTreeSet<String> {
    let metrics = composer.frame.results.metrics();
    let of = |metric: &MetricInput| {
        let alias = metric.alias.clone();
        left(composer, metric)
            .into_iter()
            .map(move |item| format!("{alias}.{}", item.id()))
            .collect::<Vec<String>>()
    };
    metrics.flat_map(of).collect()
}

fn left<'m>(composer: &Composer<'m>, metric: &'m MetricInput) -> Vec<&'m Item> {
    let placed = placed(composer, metric);
    let items = composer.frame.results.items(metric);
    items.filter(|item| !placed.contains(item.id())).collect()
}

/// Ids that some variant of the template places, that stand behind a sparkline, or that the template keeps quiet.
fn placed(composer: &Composer<'_>, metric: &MetricInput) -> BTreeSet<String> {
    let prefix = format!("{}.", metric.alias);
    let mut ids = BTreeSet::new();
    for item in composer.frame.results.items(metric) {
        let path = format!("{prefix}{}", item.id());
        let written = || {
            let mut pages = composer.input.templates.pages(composer.input.template);
            pages.any(|(_, text)| names(text, &path))
        };
        let quiet = composer
            .frame
            .info
            .quiet
            .iter()
            .any(|quiet| *quiet == path || *quiet == format!("{prefix}*"));
        let bound = composer
            .placed
            .iter()
            .any(|placed| *placed == path || placed.starts_with(&format!("{path}.")));
        if quiet || bound || matches!(item, Item::Finding(_)) || written() {
            ids.insert(item.id().to_owned());
        }
        if let Item::Scalar(Scalar {
            spark: Some(spark), ..
        }) = item
        {
            ids.extend(spark.rsplit_once('.').map(|(series, _)| series.to_owned()));
        }
    }
    ids
}

/// Whether a template's text names a path, as a whole.
fn names(text: &str, path: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(path)
        .skip(1)
        .any(|after| !after.starts_with(inside))
        && text.match_indices(path).any(|(at, _)| {
            !text
                .get(..at)
                .is_some_and(|before| before.ends_with(inside))
        })
}

fn of_metric(composer: &mut Composer<'_>, metric: &MetricInput, left: &[&Item]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let scalars: Vec<&Scalar> = left
        .iter()
        .filter_map(|item| {
            if let Item::Scalar(s) = item {
                Some(s)
            } else {
                None
            }
        })
        .collect();
    if !scalars.is_empty() {
        scalars
            .iter()
            .for_each(|scalar| composer.shown_scalar(metric, scalar));
        blocks.push(Block::Table(figures(composer, metric, &scalars)));
    }
    for item in left {
        match item {
            Item::Series(series) => {
                blocks.push(titled(label(
                    &metric.strings,
                    &[format!("item.{}", series.id)],
                    &series.id,
                )));
                blocks.push(series_block(composer, metric, series));
            }
            Item::Table(table) => {
                let columns = table.columns.iter().enumerate();
                let hidden = |sensitivity| {
                    !chenbao_model::sensitivity::visible(sensitivity, composer.input.shows)
                };
                let columns = columns
                    .filter(|(_, column)| !hidden(&column.sensitivity))
                    .collect();
                let wanted = tables::Wanted {
                    columns,
                    most: None,
                    title: None,
                };
                let title = label(&metric.strings, &[format!("item.{}", table.id)], &table.id);
                blocks.push(titled(title));
                blocks.push(Block::Table(composer.result_table(metric, table, &wanted)));
            }
            _ => {}
        }
    }
    blocks
}

fn titled(title: String) -> Block {
    Block::Paragraph {
        inlines: vec![Inline {
            bold: true,
            ..Inline::words(title)
        }],
    }
}

fn figures(composer: &Composer<'_>, metric: &MetricInput, scalars: &[&Scalar]) -> document::Table {
    let format = composer.frame.format;
    let head = |key: &str, align| Head {
        label: format.word(key).to_owned(),
        align,
    };
    let row = |scalar: &&Scalar| {
        let kpi = composer.saying.kpi(metric, scalar, None);
        let value = scalar.value.number().map_or(DASH.to_owned(), |v| {
            format.figure(v, &scalar.unit, Style::Full)
        });
        let change = kpi.change.unwrap_or_else(|| Inline {
            tone: Tone::Muted,
            ..Inline::words(DASH)
        });
        let basis = if kpi.missing { kpi.note } else { kpi.basis };
        Row {
            cells: vec![
                vec![Inline::words(kpi.label)],
                vec![Inline {
                    unbroken: true,
                    exact: kpi.exact,
                    ..Inline::words(value)
                }],
                vec![change],
                vec![Inline {
                    tone: Tone::Muted,
                    ..Inline::words(basis)
                }],
            ],
            ..Row::default()
        }
    };
    document::Table {
        title: format.word("unbound.figures").to_owned(),
        heads: vec![
            head("unbound.name", Align::Left),
            head("unbound.value", Align::Right),
            head("unbound.change", Align::Right),
            head("unbound.basis", Align::Left),
        ],
        rows: scalars.iter().map(row).collect(),
        ..document::Table::default()
    }
}

fn series_block(composer: &mut Composer<'_>, metric: &MetricInput, series: &Series) -> Block {
    let waterfall = series.shape == "waterfall";
    let time = series.x == chenbao_model::result::Axis::Time;
    let kind = match (waterfall, time) {
        (true, _) => ChartKind::Waterfall,
        (_, true) => ChartKind::Line,
        _ => ChartKind::Bar,
    };
    let unit = series.y.first().map(|line| line.unit.clone());
    let lines = (0..series.y.len())
        .filter(|i| series.y.get(*i).map(|line| line.unit.clone()) == unit)
        .collect();
    composer.shown_series(metric, series);
    let wanted = charts::Wanted {
        id: composer.chart_id(),
        kind,
        lines,
        expected: Vec::new(),
        band: None,
        point: None,
        between: false,
        last: time.then_some(60),
        x: charts::Along::Series,
        marks: if time {
            &composer.input.context.campaigns
        } else {
            &[]
        },
        spans: Vec::new(),
        falling_is_good: false,
        title: Some(value_word_or_label(metric, series)),
    };
    Block::Chart(composer.charting().chart(metric, series, &wanted))
}

fn value_word_or_label(metric: &MetricInput, series: &Series) -> String {
    let named = label(&metric.strings, &[format!("item.{}", series.id)], "");
    if named.is_empty() {
        value_word(metric, &series.id)
    } else {
        named
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_path_is_named_as_a_whole() {
        assert!(names("<v of=\"sales.aov\"/>", "sales.aov"));
        assert!(names("sales.aov.x", "sales.aov"));
        assert!(!names("sales.aov_plus", "sales.aov"));
        assert!(!names("presales.aov", "sales.aov"));
    }
}
