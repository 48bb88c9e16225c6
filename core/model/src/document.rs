//! The neutral document: what one template makes and every writer (mail HTML, text, PDF, PNG, XLSX) reads.
//!
//! All figures in it are already words: formatted for the language, with missing-value texts in place. Charts keep
//! their numbers as well, because drawing needs them, and figures in tables keep theirs for the workbook.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One report for one audience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What surrounds the page.
    pub meta: Meta,
    /// What is on it, in reading order.
    pub blocks: Vec<Block>,
}

/// What surrounds the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Title: `经营日报`.
    pub title: String,
    /// BCP 47 language: `zh-CN`, `en`.
    pub lang: String,
    /// Mail subject, with stamp and the one figure that matters.
    pub subject: String,
    /// What mail clients show beside the subject.
    pub preheader: String,
    /// Author for metadata: the shop or team.
    pub author: String,
    /// When the run made it, `2026-11-22T07:40:00+08:00`: metadata never asks a clock.
    pub created: String,
    /// Left of the page footer: run, clocks, denominators.
    pub footer: String,
    /// `仅供「管理层」`, for the footer.
    pub only_for: String,
    /// Above the first page where it shows what not everybody may see: `含成本与财务数据，仅供「财务」，请勿转发`; else empty.
    #[serde(default)]
    pub confidential: String,
    /// Base of file names: `经营日报-2026-11-21-管理层`.
    pub file_stem: String,
    /// Colours and sizes.
    pub theme: Theme,
    /// The picture of the shop or company.
    #[serde(default)]
    pub logo: Option<Logo>,
    /// What the workbook carries beside the tables and charts of the page.
    #[serde(default)]
    pub sheets: Sheets,
}

/// The picture that stands in the masthead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// A PNG file.
    pub png: Vec<u8>,
    /// How wide it is shown, in CSS pixels.
    pub width: u16,
    /// How high it is shown, in CSS pixels.
    pub height: u16,
    /// Whose it is, for who does not see it.
    pub alt: String,
}

/// What a workbook carries beside the tables and charts of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheets {
    /// Name of the sheet that says what this is: report, day, completeness, reader.
    pub about: String,
    /// The figures of the strip.
    pub figures: Option<Table>,
    /// What a reader must know to use each figure: unit, formula, clock, denominator, version.
    pub passports: Option<Table>,
}

/// Colours as `#rrggbb`, page, size of type, and logo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Theme {
    /// Text.
    pub ink: String,
    /// Secondary text.
    pub grey: String,
    /// Faint text, axes.
    pub faint: String,
    /// Thin rules.
    pub rule: String,
    /// Soft fill behind bands, notes and marked rows' neighbours.
    pub soft: String,
    /// The one accent.
    pub accent: String,
    /// Good news.
    pub good: String,
    /// Bad news.
    pub bad: String,
    /// Fill behind a marked row.
    pub bad_soft: String,
    /// Totals in waterfalls.
    pub total: String,
    /// Rising is red and falling is green (红涨绿跌): swaps good and bad for changes.
    pub red_up: bool,
    /// `a4`, `a4-landscape` or `phone`.
    pub page: String,
    /// How large type and what stands around it are, in percent: 80 to 140.
    pub size: u16,
    /// File beside the theme, PNG or SVG, that stands in the masthead; empty for none.
    pub logo: String,
}

impl Default for Theme {
    fn default() -> Self {
        let s = str::to_owned;
        Self {
            ink: s("#1a1d21"),
            grey: s("#5f6670"),
            faint: s("#9aa1ab"),
            rule: s("#d9dce1"),
            soft: s("#eef2f7"),
            accent: s("#1a66e0"),
            good: s("#0a7d4f"),
            bad: s("#c9301f"),
            bad_soft: s("#fdeeec"),
            total: s("#9aa5b4"),
            red_up: false,
            page: s("a4"),
            size: 100,
            logo: String::new(),
        }
    }
}

/// What a word or figure means; the writer picks the colour, a sign or word always stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Plain.
    #[default]
    Plain,
    /// Secondary.
    Muted,
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// The accent.
    Accent,
}

/// The exact value behind a text: a workbook calculates with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exact {
    /// A figure.
    Number {
        /// The value: 3.12 is 3.12 %.
        value: Decimal,
        /// Its unit, as results write it: `CNY`, `%`, `{order}`.
        unit: String,
    },
    /// A day.
    Day(Date),
}

/// A run of text in one style.
#[expect(
    clippy::struct_excessive_bools,
    reason = "three independent properties of a run; an enum of their products would say less"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inline {
    /// The text. A line break is `\n`.
    pub text: String,
    /// Heavy.
    pub bold: bool,
    /// What it means.
    pub tone: Tone,
    /// Where it leads: `https:`, `mailto:` or `#anchor`.
    pub link: Option<String>,
    /// Whether it came from data: a missing glyph becomes a visible replacement and a warning instead of an error.
    pub from_data: bool,
    /// Never broken over two lines (`−¥13.9 万`).
    pub unbroken: bool,
    /// The value that it shows, where a table holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
}

impl Inline {
    /// Plain words of the template.
    pub fn words(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A text from data.
    pub fn data(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            from_data: true,
            ..Self::default()
        }
    }
}

/// The plain text of some runs.
#[must_use]
pub fn plain(inlines: &[Inline]) -> String {
    inlines.iter().map(|inline| inline.text.as_str()).collect()
}

/// One block of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "kebab-case")]
pub enum Block {
    /// Head of the report.
    Masthead(Masthead),
    /// The point, in two or three sentences.
    Lede {
        /// Sentences.
        inlines: Vec<Inline>,
    },
    /// Five to seven figures.
    Kpis {
        /// The figures.
        kpis: Vec<Kpi>,
    },
    /// A titled part.
    Section(Section),
    /// Side by side on a page, stacked in mail.
    Columns {
        /// Each column's blocks.
        columns: Vec<Vec<Block>>,
    },
    /// A paragraph.
    Paragraph {
        /// Words.
        inlines: Vec<Inline>,
    },
    /// A list.
    List {
        /// Numbered rather than dotted.
        ordered: bool,
        /// Items.
        items: Vec<Vec<Inline>>,
    },
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// What to do today.
    Actions {
        /// At most a few.
        actions: Vec<Action>,
    },
    /// Small print: data notes, restatements.
    Note {
        /// Words.
        inlines: Vec<Inline>,
    },
    /// A new page in paged writers; nothing in mail.
    PageBreak,
}

/// Head of the report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masthead {
    /// `经营日报`.
    pub title: String,
    /// `示例女装旗舰店 · 抖音 · 管理层 · 2026 年 11 月 21 日 星期六`, in parts.
    pub parts: Vec<String>,
    /// `完整 6/6`.
    pub stamp: Option<Inline>,
    /// Lines at the right: data-through time, issue number, edition, revision.
    pub facts: Vec<String>,
}

/// One figure of the strip.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    /// Label.
    pub label: String,
    /// The figure with its unit, or the word for missing.
    pub value: String,
    /// The value that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// Whether it is missing; the note then says why.
    pub missing: bool,
    /// Change against the basis.
    pub change: Option<Inline>,
    /// `较上周六`.
    pub basis: String,
    /// One note.
    pub note: String,
    /// History.
    pub spark: Option<Spark>,
    /// How far it is towards its target.
    pub bullet: Option<Bullet>,
}

/// A figure and its target; the note beside it says both in words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bullet {
    /// What is.
    pub actual: f64,
    /// What should be.
    pub target: f64,
}

/// A line without axes: 28 days, with the band of its quartiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spark {
    /// Values, oldest first; gaps are gaps.
    pub values: Vec<Option<f64>>,
    /// First and third quartile.
    pub band: Option<(f64, f64)>,
}

/// A titled part of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Title; it is in the outline and keeps with what follows.
    pub title: String,
    /// Beside the title: definition, unit, basis.
    pub note: String,
    /// Content.
    pub blocks: Vec<Block>,
}

/// How a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Texts.
    #[default]
    Left,
    /// Numbers: by the last digit, tabular figures.
    Right,
}

/// Head of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Label.
    pub label: String,
    /// Alignment of head and cells.
    pub align: Align,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// A row.
    #[default]
    Plain,
    /// The one that deserves the eye.
    Marked,
    /// The total.
    Total,
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// Cells, as many as heads.
    pub cells: Vec<Vec<Inline>>,
    /// How dark the ground of each cell is, in percent of the darkest; empty for a row without grounds.
    pub shades: Vec<u8>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// For the reader who does not see it, and for the XLSX sheet.
    pub title: String,
    /// Heads.
    pub heads: Vec<Head>,
    /// The rows of the page; mail shows the first ones and says where the rest is.
    pub rows: Vec<Row>,
    /// Rows that the page leaves out: the workbook has them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rest: Vec<Row>,
    /// A sentence in place of rows: why there are none.
    pub empty: Option<String>,
    /// A sentence below: how many more rows there are.
    pub more: Option<String>,
}

/// What kind of chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChartKind {
    /// Lines over time or categories.
    #[default]
    Line,
    /// Vertical bars, one or more per x.
    Bar,
    /// Vertical bars whose parts stand on each other.
    StackedBar,
    /// From the first total through parts to the last total.
    Waterfall,
    /// A grid of shades: one row per plot, one column per x.
    Heatmap,
    /// One bar per step; the first plot is drawn, the others are columns of words beside it.
    Funnel,
    /// A line without axes: the first plot, its last text beside its end.
    Sparkline,
    /// One bar per x towards a mark: the first plot is what is, the second what should be, a third only words.
    Bullet,
}

/// Unit of an axis, for ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Money.
    Money,
    /// Counts.
    #[default]
    Count,
    /// Percent.
    Percent,
    /// How many times something else.
    Times,
    /// Bare numbers.
    Number,
}

/// What a plot is beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlotKind {
    /// What the chart is about.
    #[default]
    Main,
    /// Secondary: grey and behind.
    Muted,
    /// What was planned or to be expected: dashed.
    Expected,
}

/// A line, a family of bars, a row of a heat map, or a column of words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// Direct label.
    pub label: String,
    /// One value per x; gaps are gaps, never zero.
    pub values: Vec<Option<f64>>,
    /// One text per value (`+14.2 万`); empty for lines.
    pub texts: Vec<String>,
    /// What it is beside the others.
    pub kind: PlotKind,
}

/// A word at an x (`双11`), or a point of the first line with its figure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Index of the x.
    pub at: usize,
    /// The word.
    pub label: String,
    /// Whether the first line's point is shown with it.
    pub point: bool,
}

/// What is usual: an area behind the lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Direct label.
    pub label: String,
    /// Lower edge, one value per x.
    pub low: Vec<Option<f64>>,
    /// Upper edge, one value per x.
    pub high: Vec<Option<f64>>,
}

/// A named stretch of x (`爆发`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index of its first x.
    pub first: usize,
    /// Index of its last x.
    pub last: usize,
    /// Its name.
    pub label: String,
}

/// A chart: drawn as vectors on pages and as a picture in mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Unique in the document; also the Content-ID of its picture.
    pub id: String,
    /// Kind.
    pub kind: ChartKind,
    /// The sentence for who does not see it; carries the figure.
    pub alt: String,
    /// Labels along x.
    pub x: Vec<String>,
    /// What is drawn.
    pub plots: Vec<Plot>,
    /// Unit of y.
    pub measure: Measure,
    /// Language of ticks (`zh-CN`: 万/亿).
    pub lang: String,
    /// Words at some x.
    pub marks: Vec<Mark>,
    /// For lines: what is usual.
    pub band: Option<Band>,
    /// For lines: named stretches of x.
    pub spans: Vec<Span>,
    /// For lines: the area between the first two shows where the first is above and where it is below.
    pub between: bool,
    /// For stacked bars: one figure per x above the stack.
    pub totals: Vec<String>,
    /// The x that deserves the eye: a funnel's first broken step.
    pub marked: Option<usize>,
    /// For waterfalls: falling is good (costs).
    pub falling_is_good: bool,
    /// Why there is nothing to draw.
    pub empty: Option<String>,
}

/// One thing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What to do.
    pub title: Vec<Inline>,
    /// What was found and what was ruled out.
    pub reason: Vec<Inline>,
    /// Money at stake: `¥8.6 万/天`.
    pub stake: String,
    /// `把握 高`.
    pub confidence: String,
}
