//! `<unbound/>`: results that no template places appear here, so that a new metric shows up at once: its sentences, its
//! figures in a table, each series as a chart, each table with its first rows.

use super::build::Composer;
use super::charts;
use super::findings;
use super::results::label;
use super::tables;
use crate::format::{DASH, Style};
use crate::input::MetricInput;
use chenbao_model::document::{self, Align, Block, ChartKind, Head, Inline, Row, Section, Tone};
use chenbao_model::result::{Axis, Item, ResultColumn, Scalar, Series, Table};
use chenbao_model::sensitivity::visible;
use std::collections::BTreeSet;

/// Rows of a table at most; the workbook has them all.
const MOST_ROWS: usize = 20;
/// Points of a chart over time at most.
const LAST_POINTS: usize = 60;

/// One section per metric that has something unplaced.
pub(super) fn blocks(composer: &mut Composer<'_>) -> Vec<Block> {
    let mut out = Vec::new();
    let metrics: Vec<&MetricInput> = composer.frame.results.metrics().collect();
    for metric in metrics {
        let left = left(composer, metric);
        let blocks = of_metric(composer, metric, &left);
        if !blocks.is_empty() {
            out.push(Block::Section(Section {
                title: composer.frame.name(metric),
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
        if !(quiet || bound || matches!(item, Item::Finding(_)) || written()) {
            continue;
        }
        ids.insert(item.id().to_owned());
        // A sparkline is drawn where its figure is placed; the table of figures has none.
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
    let mut blocks: Vec<Block> = said(composer, metric).into_iter().collect();
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
            Item::Series(series) => blocks.extend(charts_of(composer, metric, series)),
            Item::Table(table) => blocks.extend(table_of(composer, metric, table)),
            _ => {}
        }
    }
    blocks
}

/// The findings of a metric that the template does not know, so that nothing else on the page need speak of them. What asks
/// for an action stands among the actions.
fn said(composer: &Composer<'_>, metric: &MetricInput) -> Option<Block> {
    if composer.frame.info.aliases.contains_key(&metric.alias) {
        return None;
    }
    let ranked = composer.ranked.iter();
    let own = ranked.filter(|one| one.metric.alias == metric.alias);
    let items: Vec<Vec<Inline>> = own
        .filter(|one| one.finding.action.is_none())
        .map(findings::toned)
        .collect();
    (!items.is_empty()).then_some(Block::List {
        ordered: false,
        items,
    })
}

fn table_of(composer: &mut Composer<'_>, metric: &MetricInput, table: &Table) -> [Block; 2] {
    let shows = composer.input.shows;
    let seen = |(_, column): &(usize, &ResultColumn)| visible(&column.sensitivity, shows);
    let wanted = tables::Wanted {
        columns: table.columns.iter().enumerate().filter(seen).collect(),
        most: Some(MOST_ROWS),
        title: None,
    };
    let title = label(&metric.strings, &[format!("item.{}", table.id)], &table.id);
    let table = composer.result_table(metric, table, &wanted);
    [titled(title), Block::Table(table)]
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

/// A chart for each unit: lines of different units share no axis.
fn charts_of(composer: &mut Composer<'_>, metric: &MetricInput, series: &Series) -> Vec<Block> {
    let units: BTreeSet<&str> = series.y.iter().map(|line| line.unit.as_str()).collect();
    let several = units.len() > 1;
    let name = label(
        &metric.strings,
        &[format!("item.{}", series.id)],
        &series.id,
    );
    let mut blocks = Vec::new();
    let mut done = BTreeSet::new();
    composer.shown_series(metric, series);
    for line in &series.y {
        if !done.insert(line.unit.as_str()) {
            continue;
        }
        let lines = series.y.iter().enumerate();
        let lines: Vec<usize> = lines
            .filter_map(|(at, one)| (one.unit == line.unit).then_some(at))
            .collect();
        let title = match lines.as_slice() {
            [_] if several => format!(
                "{name} · {}",
                charts::line_label(&metric.strings, series, line)
            ),
            _ => name.clone(),
        };
        blocks.push(titled(title.clone()));
        blocks.push(chart(composer, (metric, series), lines, title));
    }
    blocks
}

fn chart(
    composer: &mut Composer<'_>,
    (metric, series): (&MetricInput, &Series),
    lines: Vec<usize>,
    title: String,
) -> Block {
    let waterfall = series.shape == "waterfall";
    let time = series.x == Axis::Time;
    let wanted = charts::Wanted {
        id: composer.chart_id(),
        kind: match (waterfall, series.x) {
            (true, _) => ChartKind::Waterfall,
            (_, Axis::Category) => ChartKind::Bar,
            (_, Axis::Time | Axis::Number) => ChartKind::Line,
        },
        lines,
        expected: Vec::new(),
        band: None,
        point: None,
        between: false,
        last: time.then_some(LAST_POINTS),
        x: charts::Along::Series,
        marks: if time {
            &composer.input.context.campaigns
        } else {
            &[]
        },
        spans: Vec::new(),
        falling_is_good: false,
        title: Some(title),
    };
    Block::Chart(composer.charting().chart(metric, series, &wanted))
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
