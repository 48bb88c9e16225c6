//! Walks the markup and makes blocks: figures are bound by path here, what is not configured or hidden is left out,
//! what failed stands and says why.

use super::figures::{self, Saying};
use super::findings::{self, Ranked};
use super::frame::{CHANGES, Frame};
use super::markup::Element;
use super::places::Source;
use super::results::{Found, done, unknown};
use super::sentence::without_gaps;
use super::sheets::Shown;
use super::tables::{self, Tabling};
use super::unbound;
use crate::format::DASH;
use crate::input::{ComposeInput, MetricInput};
use chenbao_model::Diagnostic;
use chenbao_model::document::{self, Block, ChartKind, Inline, Kpi, Section, plain};
use chenbao_model::result::{Item, Scalar, Table};
use std::collections::BTreeSet;

/// Composes blocks and collects every problem on the way.
pub(super) struct Composer<'a> {
    pub(super) input: &'a ComposeInput<'a>,
    source: &'a Source,
    pub(super) frame: Frame<'a>,
    pub(super) saying: Saying<'a>,
    pub(super) ranked: Vec<Ranked<'a>>,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// Passports of what is shown, for the footer and the workbook.
    pub(super) passports: Vec<Shown>,
    unconfigured: BTreeSet<String>,
    /// Paths of items that the template places.
    pub(super) placed: BTreeSet<String>,
    /// Paths of items that are on the page: placed, or shown by `<unbound/>`.
    shown: BTreeSet<String>,
    pub(super) charts: usize,
    /// What a block counts, for the section around it that has no note of its own.
    pub(super) caption: Option<String>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(
        input: &'a ComposeInput<'a>,
        source: &'a Source,
        frame: Frame<'a>,
        saying: Saying<'a>,
        ranked: Vec<Ranked<'a>>,
    ) -> Self {
        Self {
            input,
            source,
            frame,
            saying,
            ranked,
            problems: Vec::new(),
            warnings: Vec::new(),
            passports: Vec::new(),
            unconfigured: BTreeSet::new(),
            placed: BTreeSet::new(),
            shown: BTreeSet::new(),
            charts: 0,
            caption: None,
        }
    }

    /// All blocks of the report.
    pub(super) fn compose(&mut self, report: &Element) -> Vec<Block> {
        self.survey(report);
        self.shown.extend(self.placed.iter().cloned());
        if holds(report, "unbound") {
            self.shown.extend(unbound::paths(self));
        }
        self.blocks(report)
    }

    /// Notes and `<unbound/>` speak about the whole page, wherever they stand: so paths are looked at first.
    fn survey(&mut self, element: &Element) {
        for key in ["of", "value", "data", "note", "target", "spans"] {
            let Some(path) = element
                .attribute(key)
                .filter(|_| key != "note" || element.name == "kpi")
            else {
                continue;
            };
            if matches!(element.name, "actions" | "note") {
                continue;
            }
            self.placed.insert(path.to_owned());
            if let Ok(Found::NotConfigured(alias)) =
                self.frame.results.find(path, self.frame.format)
            {
                self.unconfigured.insert(alias);
            }
        }
        for child in element.elements() {
            self.survey(child);
        }
    }

    pub(super) fn problem(&mut self, element: &Element, mut problem: Diagnostic) {
        problem.place = self.source.place(element.at);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn find(&mut self, element: &Element, path: &str) -> Option<Found<'a>> {
        match self.frame.results.find(path, self.frame.format) {
            Ok(found) => Some(found),
            Err(problem) => {
                self.problem(element, problem);
                None
            }
        }
    }

    pub(super) fn mismatch(&mut self, element: &Element, path: &str, wanted: &str) {
        let name = element.name;
        let problem = Diagnostic::error(format!("`<{name}>` shows {wanted}, and `{path}` is none"));
        self.problem(element, problem);
    }

    pub(super) fn number(&mut self, element: &Element, key: &str) -> Option<usize> {
        let written = element.attribute(key)?;
        let number = written.parse().ok().filter(|n| *n > 0);
        if number.is_none() {
            self.problem(
                element,
                Diagnostic::error(format!("`{key}` is a number from one, not `{written}`")),
            );
        }
        number
    }

    fn blocks(&mut self, element: &Element) -> Vec<Block> {
        element
            .elements()
            .flat_map(|child| self.block(child))
            .collect()
    }

    fn block(&mut self, element: &Element) -> Vec<Block> {
        match element.name {
            "masthead" => vec![Block::Masthead(
                self.frame.masthead(element.attribute("title")),
            )],
            "lede" => filled(self.inlines(element), |inlines| Block::Lede { inlines }),
            "p" => filled(self.inlines(element), |inlines| Block::Paragraph {
                inlines,
            }),
            "ul" | "ol" => self.list(element),
            "kpis" => {
                let kpis: Vec<Kpi> = element.elements().filter_map(|kpi| self.kpi(kpi)).collect();
                filled(kpis, |kpis| Block::Kpis { kpis })
            }
            "section" => self.section(element),
            "columns" => self.columns(element),
            "column" => self.blocks(element),
            "table" => self.table(element).map(Block::Table).into_iter().collect(),
            "line" => self.chart(element, ChartKind::Line),
            "bar" => self.chart(element, ChartKind::Bar),
            "stacked-bar" => self.chart(element, ChartKind::StackedBar),
            "waterfall" => self.chart(element, ChartKind::Waterfall),
            "heatmap" => self.chart(element, ChartKind::Heatmap),
            "funnel" => self.chart(element, ChartKind::Funnel),
            "sparkline" => self.chart(element, ChartKind::Sparkline),
            "bullet" => self.chart(element, ChartKind::Bullet),
            "cohort" => self.cohort(element),
            "alerts" => self.alerts(element),
            "decisions" => self.decisions(element),
            "actions" => self.actions(element),
            "note" => self.note(element),
            "unbound" => unbound::blocks(self),
            "page-break" => vec![Block::PageBreak],
            _ => Vec::new(),
        }
    }

    fn list(&mut self, element: &Element) -> Vec<Block> {
        let items: Vec<_> = element
            .elements()
            .map(|li| self.inlines(li))
            .filter(|li| !li.is_empty())
            .collect();
        filled(items, |items| Block::List {
            ordered: element.name == "ol",
            items,
        })
    }

    fn section(&mut self, element: &Element) -> Vec<Block> {
        let outer = self.caption.take();
        let blocks = self.blocks(element);
        let caption = std::mem::replace(&mut self.caption, outer);
        if blocks.is_empty() {
            return Vec::new();
        }
        let written = element.attribute("note").map(str::to_owned);
        let mut note = written.or(caption).unwrap_or_default();
        if let Some(path) = element.attribute("value") {
            let runs = self.value(element, path);
            let figure = plain(&without_gaps(runs));
            note = [note, figure]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
        }
        let title = element.attribute("title").unwrap_or_default().to_owned();
        vec![Block::Section(Section {
            title,
            note,
            blocks,
        })]
    }

    /// A column that is left out gives its room to the other.
    fn columns(&mut self, element: &Element) -> Vec<Block> {
        let columns: Vec<Vec<Block>> = element
            .elements()
            .map(|child| self.block(child))
            .filter(|blocks| !blocks.is_empty())
            .collect();
        if columns.len() > 1 {
            vec![Block::Columns { columns }]
        } else {
            columns.into_iter().flatten().collect()
        }
    }

    fn note(&mut self, element: &Element) -> Vec<Block> {
        match element.attribute("data") {
            Some("notes") => vec![self.frame.notes(&self.unconfigured, &self.shown)],
            Some(other) => {
                let problem = Diagnostic::error(format!("`<note>` has no data `{other}`"))
                    .hint("write `data=\"notes\"`");
                self.problem(element, problem);
                Vec::new()
            }
            None => filled(self.inlines(element), |inlines| Block::Note { inlines }),
        }
    }

    fn actions(&mut self, element: &Element) -> Vec<Block> {
        let most = self.number(element, "most").unwrap_or(3);
        let everyones = match element.attribute("for") {
            None | Some("role") => false,
            Some("all") => true,
            Some(other) => {
                let problem = Diagnostic::error(format!("`for` is `role` or `all`, not `{other}`"));
                self.problem(element, problem);
                false
            }
        };
        let role = &self.input.context.role.id;
        let mine: Vec<&Ranked<'_>> = self
            .ranked
            .iter()
            .filter(|r| everyones || findings::is_work_of(r.finding, role))
            .collect();
        let actions = findings::actions(&mine, most, self.frame.format, &mut self.warnings);
        if !actions.is_empty() {
            return vec![Block::Actions { actions }];
        }
        let whole = self.input.context.completeness.whole()
            && self.frame.results.metrics().all(|m| done(m).is_some());
        let is_now = self.input.context.period.end() == self.input.context.today;
        let key = match (whole, is_now) {
            (false, _) => "actions.unknown",
            (true, true) => "actions.none",
            (true, false) => "actions.none_then",
        };
        let word = self.frame.format.word(key);
        vec![Block::Paragraph {
            inlines: vec![Inline::words(word)],
        }]
    }

    fn kpi(&mut self, element: &Element) -> Option<Kpi> {
        let path = element.attribute("value")?;
        let mut kpi = match self.find(element, path)? {
            Found::Item(metric, Item::Scalar(scalar), _) => {
                self.scalar_kpi(element, metric, scalar)
            }
            Found::Gap { label, why } => Kpi {
                label,
                value: DASH.to_owned(),
                missing: true,
                note: why,
                ..Kpi::default()
            },
            Found::Item(..) => {
                self.mismatch(element, path, "one figure");
                return None;
            }
            Found::NotConfigured(_) | Found::Hidden => return None,
        };
        if let Some(label) = element.attribute("label") {
            kpi.label = label.to_owned();
        }
        if let Some(path) = element.attribute("target") {
            self.kpi_target(element, path, &mut kpi);
        }
        if let Some(note) = element
            .attribute("note")
            .and_then(|path| self.kpi_note(element, path))
            .filter(|_| !kpi.missing)
        {
            kpi.note = note;
        }
        Some(kpi)
    }

    fn scalar_kpi(
        &mut self,
        element: &Element,
        metric: &'a MetricInput,
        scalar: &'a Scalar,
    ) -> Kpi {
        self.shown_scalar(metric, scalar);
        let mut kpi = self.saying.kpi(metric, scalar, element.attribute("vs"));
        let results = self.frame.results;
        kpi.spark = figures::spark(metric, scalar, |id| results.series(metric, id).is_some());
        kpi
    }

    /// Another figure as the note: `件 18,215`.
    fn kpi_note(&mut self, element: &Element, path: &str) -> Option<String> {
        match self.find(element, path)? {
            Found::Item(metric, Item::Scalar(scalar), _) => {
                let value = scalar.value.number()?;
                let figure =
                    self.frame
                        .format
                        .figure(value, &scalar.unit, crate::format::Style::Full);
                Some(format!("{} {figure}", self.saying.label(metric, scalar)))
            }
            Found::Item(..) => {
                self.mismatch(element, path, "one figure");
                None
            }
            _ => None,
        }
    }

    /// A figure's target: a bullet, and how much of it is reached as the note.
    fn kpi_target(&mut self, element: &Element, path: &str, kpi: &mut Kpi) {
        let target = match self.find(element, path) {
            Some(Found::Item(metric, Item::Scalar(target), _)) => {
                self.shown_scalar(metric, target);
                target
            }
            Some(Found::Item(..)) => return self.mismatch(element, path, "one figure"),
            _ => return,
        };
        let value = element.attribute("value").unwrap_or_default();
        let Some(Found::Item(_, Item::Scalar(actual), _)) = self.find(element, value) else {
            return;
        };
        if let Some((bullet, note)) = self.saying.target(actual, target) {
            kpi.bullet = Some(bullet);
            kpi.note = note;
        }
    }

    pub(super) fn table(&mut self, element: &Element) -> Option<document::Table> {
        let path = element.attribute("data")?;
        if path == CHANGES {
            return self.frame.changes();
        }
        let title = element.attribute("title").map(str::to_owned);
        let most = self.number(element, "most");
        match self.find(element, path)? {
            Found::Item(metric, Item::Table(table), None) => {
                let columns = self.wanted_columns(element, metric, table);
                Some(self.result_table(
                    metric,
                    table,
                    &tables::Wanted {
                        columns,
                        most,
                        title,
                    },
                ))
            }
            Found::Item(metric, Item::Series(series), None) => {
                self.shown_series(metric, series);
                let wanted = tables::WantedPoints {
                    lines: self.lines_of(element, "columns", series),
                    last: self.number(element, "last"),
                    title,
                };
                Some(self.tabling().points(metric, series, wanted))
            }
            Found::Gap { label, why } => {
                let title = title.unwrap_or(label);
                Some(document::Table {
                    title,
                    empty: Some(why),
                    ..document::Table::default()
                })
            }
            Found::Item(..) => {
                self.mismatch(element, path, "a table or a series");
                None
            }
            Found::NotConfigured(_) | Found::Hidden => None,
        }
    }

    pub(super) fn result_table(
        &mut self,
        metric: &MetricInput,
        table: &Table,
        wanted: &tables::Wanted<'_>,
    ) -> document::Table {
        self.shown_columns(metric, table, &wanted.columns);
        self.tabling().table(metric, table, wanted)
    }

    fn tabling(&self) -> Tabling<'a> {
        Tabling {
            format: self.frame.format,
            days: self.frame.days,
            info: self.frame.info,
        }
    }

    /// What a word in a cell means.
    pub(super) fn tone_of(&self, key: &str) -> document::Tone {
        self.tabling().word_tone(key)
    }

    pub(super) fn wanted_columns(
        &mut self,
        element: &Element,
        metric: &MetricInput,
        table: &'a Table,
    ) -> Vec<(usize, &'a chenbao_model::result::ResultColumn)> {
        let shown = self.frame.results.columns(table);
        let Some(written) = element.attribute("columns") else {
            return shown;
        };
        let mut wanted = Vec::new();
        for name in written.split(',').map(str::trim) {
            match table.columns.iter().position(|column| column.name == name) {
                Some(at) => wanted.extend(shown.iter().find(|(i, _)| *i == at)),
                // The plugin knows the column and did not answer it this time.
                None if table.columns.is_empty() || knows_column(metric, &table.id, name) => {}
                None => {
                    let names = shown.iter().map(|(_, column)| column.name.as_str());
                    let problem = unknown(
                        format!("the table `{}` has no column `{name}`", table.id),
                        name,
                        names,
                    )
                    .0;
                    self.problem(element, problem);
                }
            }
        }
        wanted
    }
}

/// Whether an element of that name is somewhere inside.
fn holds(element: &Element, name: &str) -> bool {
    element
        .elements()
        .any(|child| child.name == name || holds(child, name))
}

fn filled<T>(content: Vec<T>, block: impl FnOnce(Vec<T>) -> Block) -> Vec<Block> {
    if content.is_empty() {
        Vec::new()
    } else {
        vec![block(content)]
    }
}

pub(super) fn knows_column(metric: &MetricInput, table: &str, column: &str) -> bool {
    [
        format!("column.{table}.{column}"),
        format!("column.{column}"),
    ]
    .iter()
    .any(|key| metric.strings.get(key).is_some())
}
