//! Shaped text: runs become unbreakable units, and units become lines.
//!
//! harfrust shapes and ICU4X knows where Chinese and Latin may break (the two engines inside parley, whose own word
//! segmenter would write to stderr for every Chinese text). The lines are filled here, because a little space stands
//! between Han and Latin, full-width punctuation is squeezed, and figures never part from their signs.

use super::breaks::{breaks, gap, is_opening, squeezed};
use super::item::{Color, Glyph, Item, Text};
use crate::fonts::{FaceId, Fonts, Voice, Weight};
use chenbao_model::Diagnostic;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

/// Shown where no font has a glyph for a character of the data.
const REPLACEMENT: char = '□';

/// How a run looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) voice: Voice,
    pub(crate) color: Color,
}

impl Style {
    pub(crate) fn new(size: f32, color: Color) -> Self {
        Self {
            size,
            weight: Weight::Regular,
            voice: Voice::Text,
            color,
        }
    }

    /// A title: bold, in the family for titles.
    pub(crate) fn heading(self) -> Self {
        Self {
            voice: Voice::Heading,
            ..self.bold()
        }
    }

    pub(crate) fn bold(self) -> Self {
        Self {
            weight: Weight::Bold,
            ..self
        }
    }
}

/// Some characters in one style.
#[derive(Debug, Clone)]
pub(crate) struct Run<'a> {
    pub(crate) text: &'a str,
    pub(crate) style: Style,
    pub(crate) link: Option<&'a str>,
    pub(crate) from_data: bool,
    pub(crate) unbroken: bool,
}

impl<'a> Run<'a> {
    /// Words of the template.
    pub(crate) fn words(text: &'a str, style: Style) -> Self {
        Self {
            text,
            style,
            link: None,
            from_data: false,
            unbroken: false,
        }
    }

    /// Words that came formatted, perhaps with data in them.
    pub(crate) fn data(text: &'a str, style: Style) -> Self {
        Self {
            from_data: true,
            ..Self::words(text, style)
        }
    }
}

/// One glyph on its way to a line.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    id: u16,
    advance: f32,
    /// Extra space before it, except at a line's start.
    before: f32,
    /// Its left edge on an endless line.
    x: f32,
    start: usize,
    end: usize,
    span: usize,
    face: FaceId,
    space: bool,
}

/// What never parts.
#[derive(Debug, Clone)]
struct Unit {
    clusters: Range<usize>,
    /// The line ends after it.
    hard: bool,
}

/// A shaped text, ready to be broken at any width.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paragraph {
    text: String,
    spans: Vec<(Style, Option<String>)>,
    clusters: Vec<Cluster>,
    units: Vec<Unit>,
}

/// A broken line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    clusters: Range<usize>,
    /// Its length without the spaces at its end.
    pub(crate) width: f32,
}

/// Shapes texts and remembers what the fonts lack.
pub(crate) struct Typesetter {
    fonts: Fonts,
    single: HashMap<(String, [u32; 2], Color, bool), Rc<Paragraph>>,
    missing: BTreeSet<(bool, char, String)>,
}

impl Typesetter {
    pub(crate) fn new(fonts: &Fonts) -> Self {
        Self {
            fonts: fonts.clone(),
            single: HashMap::new(),
            missing: BTreeSet::new(),
        }
    }

    /// A text in one style; the same text is shaped once.
    pub(crate) fn one(&mut self, run: &Run<'_>) -> Rc<Paragraph> {
        let Style {
            size,
            weight,
            voice,
            color,
        } = run.style;
        let heading = voice == Voice::Heading;
        let flags = u32::from(run.from_data) + 2 * u32::from(run.unbroken) + 4 * u32::from(heading);
        let key = (
            run.text.to_owned(),
            [size.to_bits(), flags],
            color,
            weight == Weight::Bold,
        );
        if run.link.is_none()
            && let Some(known) = self.single.get(&key)
        {
            return Rc::clone(known);
        }
        let made = Rc::new(self.set(std::slice::from_ref(run)));
        if run.link.is_none() {
            self.single.insert(key, Rc::clone(&made));
        }
        made
    }

    /// A text in several styles.
    pub(crate) fn set(&mut self, runs: &[Run<'_>]) -> Paragraph {
        let mut paragraph = Paragraph::default();
        let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
        for run in runs {
            let start = paragraph.text.len();
            self.clean(run, &mut paragraph.text);
            ranges.push((start..paragraph.text.len(), run.unbroken));
            paragraph
                .spans
                .push((run.style, run.link.map(str::to_owned)));
        }
        if !paragraph.text.is_empty() {
            self.shape(&mut paragraph, &ranges);
            paragraph.space();
        }
        paragraph
    }

    /// Copies what can be shown; what cannot is noted, and replaced visibly if it came from data.
    fn clean(&mut self, run: &Run<'_>, out: &mut String) {
        let mut replaced = false;
        for character in run.text.chars() {
            let shown = match character {
                '\n' => Some('\n'),
                '\t' | '\u{a0}' => Some(' '),
                '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}' => None,
                '\u{fe00}'..='\u{fe0f}' | '\u{ad}' => None,
                c if c.is_control() => None,
                c if self.pick(run.style, c, false).is_some() => Some(c),
                c => {
                    self.missing.insert((run.from_data, c, run.text.to_owned()));
                    // One box for an emoji of several parts.
                    (!std::mem::replace(&mut replaced, true)).then_some(REPLACEMENT)
                }
            };
            if let Some(shown) = shown {
                replaced &= shown == REPLACEMENT;
                out.push(shown);
            }
        }
    }

    /// Shapes each run and joins clusters to units that never part.
    fn shape(&mut self, paragraph: &mut Paragraph, ranges: &[(Range<usize>, bool)]) {
        let ends = breaks(&paragraph.text, ranges);
        for (span, ((range, _), (style, _))) in ranges.iter().zip(&paragraph.spans).enumerate() {
            let Some(text) = paragraph
                .text
                .get(range.clone())
                .filter(|text| !text.is_empty())
            else {
                continue;
            };
            for (part, face) in self.faces(text, *style) {
                let from = range.start + part.start;
                let part = text.get(part).unwrap_or_default();
                for glyph in self.fonts.face(face).shape(part) {
                    let (start, end) = (from + glyph.start, from + glyph.end);
                    let space = paragraph.text.get(start..end) == Some(" ");
                    let advance = glyph.advance * style.size;
                    paragraph.clusters.push(Cluster {
                        id: glyph.id,
                        advance,
                        before: 0.0,
                        x: 0.0,
                        start,
                        end,
                        span,
                        face,
                        space,
                    });
                }
            }
        }
        let newline =
            |cluster: &Cluster| paragraph.text.get(cluster.start..cluster.end) == Some("\n");
        let mut first = 0;
        let mut shown = Vec::with_capacity(paragraph.clusters.len());
        for cluster in &paragraph.clusters {
            let hard = newline(cluster);
            if !hard {
                shown.push(*cluster);
            }
            if hard || ends.contains(&cluster.end) {
                paragraph.units.push(Unit {
                    clusters: first..shown.len(),
                    hard,
                });
                first = shown.len();
            }
        }
        if first < shown.len() {
            paragraph.units.push(Unit {
                clusters: first..shown.len(),
                hard: false,
            });
        }
        paragraph.clusters = shown;
    }

    fn pick(&self, style: Style, character: char, figure: bool) -> Option<FaceId> {
        self.fonts
            .pick((style.voice, style.weight), character, figure)
    }

    /// The parts of a text and the face of each: the first font that has its characters.
    fn faces(&self, text: &str, style: Style) -> Vec<(Range<usize>, FaceId)> {
        let mut parts: Vec<(Range<usize>, FaceId)> = Vec::new();
        let mut after_digit = false;
        for (at, c) in text.char_indices() {
            let figure = is_figure(c, after_digit);
            after_digit = c.is_ascii_digit();
            let end = at + c.len_utf8();
            let last = parts.last_mut();
            // A space is of the face before it, and so is what no font has (a line's end).
            let stays = |face: FaceId| match c {
                ' ' => self.fonts.face(face).has(c),
                _ => false,
            };
            let own = self.pick(style, c, figure);
            match (last, own) {
                (Some((part, face)), own)
                    if own == Some(*face) || own.is_none() || stays(*face) =>
                {
                    part.end = end;
                }
                // A text may begin with a line's end: it must not be lost.
                (None, None) => parts.push((at..end, FaceId::REGULAR)),
                (_, Some(face)) => parts.push((at..end, face)),
                (Some(_), None) => {}
            }
        }
        parts
    }

    /// What the fonts lack: errors for the template's words, warnings for data.
    pub(crate) fn missing(&self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for (from_data, character, text) in &self.missing {
            if !seen.insert((*from_data, *character)) {
                continue;
            }
            let what = format!(
                "no font has the character `{character}` (U+{:04X}) of the text `{text}`; tried {}",
                u32::from(*character),
                self.fonts.names(Weight::Regular)
            );
            if *from_data {
                warnings.push(Diagnostic::warning(format!(
                    "{what}; `{REPLACEMENT}` is shown"
                )));
            } else {
                errors.push(Diagnostic::error(what).hint("use another character in the template"));
            }
        }
        (errors, warnings)
    }
}

/// Whether a character belongs to a number: digits, what stands between them, and their signs.
fn is_figure(c: char, after_digit: bool) -> bool {
    c.is_ascii_digit() || "+−%¥$€£".contains(c) || after_digit && matches!(c, '.' | ',')
}

impl Paragraph {
    /// Adds the space between Han and Latin and squeezes full-width punctuation.
    fn space(&mut self) {
        for i in 1..self.clusters.len() {
            let (a, b) = (self.clusters[i - 1], self.clusters[i]);
            let last = self
                .text
                .get(a.start..a.end)
                .and_then(|text| text.chars().next_back());
            let next = self
                .text
                .get(b.start..b.end)
                .and_then(|text| text.chars().next());
            let (Some(last), Some(next)) = (last, next) else {
                continue;
            };
            let size = self.size(a).min(self.size(b));
            if (last, next) == ('—', '—') {
                // The two halves of a Chinese dash are one stroke.
                self.clusters[i].before = -0.1 * size;
            } else if squeezed(last, next) && a.advance > 0.9 * size {
                self.clusters[i].before = -0.5 * size;
            } else if gap(last, next) {
                self.clusters[i].before = 0.09 * size;
            }
        }
        let mut pen = 0.0;
        for cluster in &mut self.clusters {
            cluster.x = pen + cluster.before;
            pen = cluster.x + cluster.advance;
        }
    }

    fn size(&self, cluster: Cluster) -> f32 {
        self.spans
            .get(cluster.span)
            .map_or(0.0, |(style, _)| style.size)
    }

    /// The length on one line (of the longest line where the text breaks itself).
    pub(crate) fn width(&self) -> f32 {
        self.lines(f32::INFINITY)
            .iter()
            .map(|line| line.width)
            .fold(0.0, f32::max)
    }

    /// The longest unit: below this width, units are cut.
    pub(crate) fn least(&self) -> f32 {
        self.units
            .iter()
            .map(|unit| self.span_width(unit.clusters.clone()))
            .fold(0.0, f32::max)
    }

    fn span_width(&self, range: Range<usize>) -> f32 {
        let visible = self.trimmed(range);
        match (
            self.clusters.get(visible.start),
            self.clusters
                .get(visible.start..visible.end)
                .and_then(<[Cluster]>::last),
        ) {
            (Some(first), Some(last)) => last.x + last.advance - first.x,
            _ => 0.0,
        }
    }

    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let spaces = self.clusters[range.clone()]
            .iter()
            .rev()
            .take_while(|cluster| cluster.space)
            .count();
        range.start..range.end - spaces
    }

    /// Breaks into lines no longer than `width`; only a unit longer than that is cut.
    pub(crate) fn lines(&self, width: f32) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut current: Option<Range<usize>> = None;
        for unit in &self.units {
            let whole = current
                .as_ref()
                .map_or(unit.clusters.start, |line| line.start)
                ..unit.clusters.end;
            if self.span_width(whole.clone()) <= width + 0.01 {
                current = Some(whole);
            } else {
                if let Some(done) = current.take().filter(|line| !line.is_empty()) {
                    lines.push(done);
                }
                current = Some(self.cut(unit.clusters.clone(), width, &mut lines));
            }
            if unit.hard {
                lines.extend(current.take());
            }
        }
        lines.extend(current);
        lines
            .into_iter()
            .map(|range| Line {
                width: self.span_width(range.clone()),
                clusters: self.trimmed(range),
            })
            .collect()
    }

    /// Cuts a unit that is longer than a line wherever the line ends; gives back the last, unfinished line.
    fn cut(&self, unit: Range<usize>, width: f32, lines: &mut Vec<Range<usize>>) -> Range<usize> {
        let mut start = unit.start;
        for end in unit.clone() {
            if end > start && self.span_width(start..end + 1) > width + 0.01 {
                lines.push(start..end);
                start = end;
            }
        }
        start..unit.end
    }

    /// How far a line at the left edge reaches out: the empty half of an opening mark, so that edges look straight.
    pub(crate) fn outdent(&self, line: &Line) -> f32 {
        let Some(first) = self.clusters.get(line.clusters.start) else {
            return 0.0;
        };
        let opens = self
            .text
            .get(first.start..first.end)
            .is_some_and(|text| text.chars().all(is_opening));
        if opens { 0.45 * self.size(*first) } else { 0.0 }
    }

    /// Puts a line at a place: one text per style, and its links.
    pub(crate) fn place(&self, line: &Line, x: f32, baseline: f32, out: &mut Vec<Item>) {
        let mut pen = x;
        let mut i = line.clusters.start;
        while i < line.clusters.end {
            let Cluster { span, face, .. } = self.clusters[i];
            let other =
                |j: &usize| (self.clusters[*j].span, self.clusters[*j].face) != (span, face);
            let end = (i..line.clusters.end)
                .find(other)
                .unwrap_or(line.clusters.end);
            let Some((style, link)) = self.spans.get(span) else {
                return;
            };
            if i > line.clusters.start {
                pen += self.clusters[i].before;
            }
            let mut text = self.text_item(i..end, *style, (pen, baseline));
            if end == line.clusters.end {
                self.hang_space(end, &mut text);
            }
            let width = text.width();
            if let Some(target) = link {
                let (y, height) = (baseline - style.size, style.size * 1.3);
                out.push(Item::Link {
                    x: pen,
                    y,
                    width,
                    height,
                    target: target.clone(),
                });
            }
            if !text.text.trim().is_empty() {
                out.push(Item::Text(text));
            }
            pen += width;
            i = end;
        }
    }

    /// The space at which a line was broken takes no room, but who hears or copies the text needs it between two words.
    fn hang_space(&self, next: usize, text: &mut Text) {
        if let Some(space) = self.clusters.get(next).filter(|cluster| cluster.space) {
            text.text.push(' ');
            text.glyphs.push(Glyph {
                id: space.id,
                advance: 0.0,
                bytes: 1,
            });
        }
    }

    fn text_item(&self, range: Range<usize>, style: Style, (x, y): (f32, f32)) -> Text {
        let mut text = String::new();
        let glyphs = range
            .clone()
            .map(|i| {
                let cluster = self.clusters[i];
                let part = self
                    .text
                    .get(cluster.start..cluster.end)
                    .unwrap_or_default();
                text.push_str(part);
                let after = if i + 1 < range.end {
                    self.clusters[i + 1].before
                } else {
                    0.0
                };
                let bytes = u8::try_from(part.len()).unwrap_or(u8::MAX);
                Glyph {
                    id: cluster.id,
                    advance: cluster.advance + after,
                    bytes,
                }
            })
            .collect();
        let first = self.clusters.get(range.start);
        Text {
            x,
            y,
            size: style.size,
            face: first.map(|cluster| cluster.face).unwrap_or_default(),
            color: style.color,
            text,
            glyphs,
        }
    }
}
