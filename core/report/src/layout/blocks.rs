//! Blocks become pieces: paragraphs, lists, notes, sections, columns, charts and actions.

use super::flow::{Flow, Piece};
use super::item::{Item, Stroke, Tag};
use super::look::Look;
use super::parts::{Parts, Role};
use super::text::{Line, Paragraph, Run, Style, Typesetter};
use crate::chart;
use chenbao_model::Diagnostic;
use chenbao_model::document::{Action, Block, Chart, Inline, Logo, Section, Tone, plain};

/// A note with at most so many lines is not parted by a page's end.
const SHORT_NOTE: usize = 10;

/// Makes pieces out of blocks.
pub(crate) struct Builder {
    pub(crate) look: Look,
    pub(crate) setter: Typesetter,
    pub(crate) parts: Parts,
    /// What stands in the masthead beside its words.
    pub(crate) logo: Option<Logo>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// How a paragraph stands: its left edge in the piece and the distance of its baselines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stand {
    pub(crate) x: f32,
    pub(crate) leading: f32,
    pub(crate) size: f32,
}

impl Stand {
    pub(crate) fn new(x: f32, leading: f32, size: f32) -> Self {
        Self { x, leading, size }
    }

    /// Baseline of the n-th line below `top`: letters stand in the middle of their leading.
    pub(crate) fn baseline(&self, top: f32, n: usize) -> f32 {
        top + (chart::index(n) + 0.5) * self.leading + 0.36 * self.size
    }

    /// Puts the lines of a text below `top`, from the left edge; gives back where they end.
    pub(crate) fn put(&self, text: &Paragraph, width: f32, top: f32, items: &mut Vec<Item>) -> f32 {
        let lines = text.lines(width);
        for (n, line) in lines.iter().enumerate() {
            text.place(
                line,
                self.x - text.outdent(line),
                self.baseline(top, n),
                items,
            );
        }
        top + self.leading * chart::index(lines.len())
    }

    /// The same, each line ending at the stand's `x`.
    pub(crate) fn put_right(
        &self,
        text: &Paragraph,
        width: f32,
        top: f32,
        items: &mut Vec<Item>,
    ) -> f32 {
        let lines = text.lines(width);
        for (n, line) in lines.iter().enumerate() {
            text.place(line, self.x - line.width, self.baseline(top, n), items);
        }
        top + self.leading * chart::index(lines.len())
    }
}

impl Builder {
    pub(crate) fn new(look: Look, setter: Typesetter) -> Self {
        Self {
            look,
            setter,
            parts: Parts::new(),
            logo: None,
            warnings: Vec::new(),
        }
    }

    /// The pieces of some blocks, one below the other.
    pub(crate) fn blocks(&mut self, blocks: &[Block], width: f32) -> Vec<Flow> {
        blocks
            .iter()
            .flat_map(|block| self.block(block, width))
            .collect()
    }

    fn block(&mut self, block: &Block, width: f32) -> Vec<Flow> {
        match block {
            Block::Masthead(masthead) => vec![Flow::Piece(self.masthead(masthead, width))],
            Block::Lede { inlines } => self.lede(inlines, width),
            Block::Kpis { kpis } => self.kpis(kpis, width),
            Block::Section(section) => self.section(section, width),
            Block::Columns { columns } => self.columns(columns, width),
            Block::Paragraph { inlines } => self.paragraph(inlines, width),
            Block::List { ordered, items } => self.list(*ordered, items, width),
            Block::Table(table) => self.table(table, width),
            Block::Chart(chart) => vec![self.chart(chart, width)],
            Block::Actions { actions } => self.actions(actions, width),
            Block::Note { inlines } => self.note(inlines, width),
            Block::PageBreak if self.look.paper.scrolls => Vec::new(),
            Block::PageBreak => vec![Flow::Break],
        }
    }

    /// Shapes inlines; tones become colours.
    pub(crate) fn inlines(&mut self, inlines: &[Inline], base: Style) -> Paragraph {
        let runs: Vec<Run<'_>> = inlines
            .iter()
            .map(|inline| {
                let color = match (inline.tone, &inline.link) {
                    (Tone::Plain, Some(_)) => self.look.palette.accent,
                    (Tone::Plain, None) => base.color,
                    (tone, _) => self.look.palette.tone(tone),
                };
                let style = Style { color, ..base };
                Run {
                    text: &inline.text,
                    style: if inline.bold { style.bold() } else { style },
                    link: inline.link.as_deref(),
                    from_data: inline.from_data,
                    unbroken: inline.unbroken,
                }
            })
            .collect();
        self.setter.set(&runs)
    }

    /// One piece per line, each of one part; the first two and the last two lines stay together.
    fn lines(&self, paragraph: &Paragraph, part: &Item, stand: Stand, width: f32) -> Vec<Piece> {
        let lines = paragraph.lines(width - stand.x);
        let count = lines.len();
        let piece = |(i, line): (usize, &Line)| {
            let mut items = vec![part.clone()];
            let x = stand.x - paragraph.outdent(line);
            paragraph.place(line, x, stand.baseline(0.0, 0), &mut items);
            let keep = i + 1 < count && (i == 0 || i + 2 == count);
            Piece {
                height: stand.leading,
                items,
                keep,
                ..Piece::default()
            }
        };
        lines.iter().enumerate().map(piece).collect()
    }

    fn text(
        &mut self,
        inlines: &[Inline],
        part: &Item,
        stand: Stand,
        (gap, width): (f32, f32),
    ) -> Vec<Flow> {
        let base = Style::new(stand.size, self.look.palette.ink);
        let paragraph = self.inlines(inlines, base);
        let mut pieces = self.lines(&paragraph, part, stand, width);
        if let Some(first) = pieces.first_mut() {
            first.gap = gap;
        }
        pieces.into_iter().map(Flow::Piece).collect()
    }

    fn lede(&mut self, inlines: &[Inline], width: f32) -> Vec<Flow> {
        let size = self.look.s(9.9);
        let stand = Stand {
            x: 0.0,
            leading: self.look.s(18.0),
            size,
        };
        let part = self.parts.leaf(Role::Paragraph);
        let gap = self.look.s(9.0);
        self.text(inlines, &part, stand, (gap, width))
    }

    fn paragraph(&mut self, inlines: &[Inline], width: f32) -> Vec<Flow> {
        let size = self.look.s(7.8);
        let stand = Stand {
            x: 0.0,
            leading: self.look.s(12.6),
            size,
        };
        // Bold words alone head what follows them.
        let heads = inlines.iter().all(|inline| inline.bold);
        let part = if heads {
            self.parts.heading_below()
        } else {
            self.parts.leaf(Role::Paragraph)
        };
        let gap = self.look.s(5.0);
        let mut flows = self.text(inlines, &part, stand, (gap, width));
        if heads {
            flows.iter_mut().for_each(Flow::keep_with_next);
            if let Some(Flow::Piece(first)) = flows.first_mut() {
                let title = plain(inlines);
                let level = self.parts.depth() + 1;
                first.items.insert(
                    0,
                    Item::Anchor {
                        y: 0.0,
                        title,
                        level,
                    },
                );
            }
        }
        flows
    }

    fn list(&mut self, ordered: bool, items: &[Vec<Inline>], width: f32) -> Vec<Flow> {
        let size = self.look.s(7.8);
        let indent = self.look.s(if ordered { 14.0 } else { 12.5 });
        let stand = Stand {
            x: indent,
            leading: self.look.s(12.6),
            size,
        };
        let base = Style::new(size, self.look.palette.ink);
        let mut flows = Vec::new();
        self.parts.begin(Role::List { ordered }, "");
        for (i, inlines) in items.iter().enumerate() {
            self.parts.begin(Role::Item, "");
            let label = self.parts.leaf(Role::Label);
            let body = self.parts.leaf(Role::Body);
            self.parts.end();
            let paragraph = self.inlines(inlines, base);
            let mut pieces = self.lines(&paragraph, &body, stand, width);
            let mark = if ordered {
                format!("{}.", i + 1)
            } else {
                "•".to_owned()
            };
            let mark = self.setter.one(&Run::words(
                &mark,
                Style {
                    color: self.look.palette.grey,
                    ..base
                },
            ));
            if let (Some(first), Some(line)) = (pieces.first_mut(), mark.lines(indent).first()) {
                first.gap = self.look.s(if i == 0 { 5.0 } else { 1.5 });
                let mut out = vec![label];
                mark.place(line, 0.0, stand.baseline(0.0, 0), &mut out);
                first.items.splice(0..0, out);
            }
            flows.extend(pieces.into_iter().map(Flow::Piece));
        }
        self.parts.end();
        flows
    }

    /// Small print on a soft ground that goes on over pages.
    fn note(&mut self, inlines: &[Inline], width: f32) -> Vec<Flow> {
        let (size, pad) = (self.look.s(7.4), self.look.s(7.2));
        let stand = Stand {
            x: pad,
            leading: self.look.s(11.6),
            size,
        };
        let paragraph = self.inlines(inlines, Style::new(size, self.look.palette.ink));
        let part = self.parts.leaf(Role::Paragraph);
        let mut pieces = self.lines(&paragraph, &part, stand, width - pad);
        let last = pieces.len().saturating_sub(1);
        let short = pieces.len() <= SHORT_NOTE;
        let inner = self.look.s(5.0);
        for (i, piece) in pieces.iter_mut().enumerate() {
            if i == 0 {
                piece.gap = self.look.s(5.0);
                piece.height += inner;
                piece
                    .items
                    .iter_mut()
                    .for_each(|item| item.shift(0.0, inner));
            }
            if i == last {
                piece.height += inner;
            } else {
                piece.keep |= short;
            }
            let fill = self.look.palette.soft;
            // The ground reaches into the next line, so that no seam shows.
            let height = piece.height + if i == last { 0.0 } else { 0.3 };
            piece.items.insert(
                0,
                Item::Rect {
                    x: 0.0,
                    y: 0.0,
                    width,
                    height,
                    fill,
                },
            );
        }
        pieces.into_iter().map(Flow::Piece).collect()
    }

    fn section(&mut self, section: &Section, width: f32) -> Vec<Flow> {
        self.parts.begin(Role::Section, "");
        let mut flows = vec![Flow::Piece(self.heading(section, width))];
        let mut content = self.blocks(&section.blocks, width);
        self.parts.end();
        if let Some(gap) = content.first_mut().and_then(Flow::gap_mut) {
            *gap = self.look.s(3.5);
        }
        if content.is_empty()
            && let Some(Flow::Piece(heading)) = flows.first_mut()
        {
            (heading.keep, heading.firm) = (false, false);
        }
        flows.extend(content);
        flows
    }

    /// Accent bar, title, and the note beside it, or below where there is no room.
    fn heading(&mut self, section: &Section, width: f32) -> Piece {
        let look = self.look;
        let left = look.s(7.4);
        let title = Style::new(look.s(9.5), look.palette.ink).heading();
        let note = Style::new(look.s(7.3), look.palette.grey);
        let stand = Stand::new(left, look.s(13.0), title.size);
        let title = self.setter.one(&Run::data(&section.title, title));
        let text = self.setter.one(&Run::data(&section.note, note));

        let anchor = Item::Anchor {
            y: 0.0,
            title: section.title.clone(),
            level: self.parts.depth(),
        };
        let mut items = vec![anchor, self.parts.heading()];
        let mut height = stand
            .put(&title, width - left, 0.0, &mut items)
            .max(stand.leading);
        items.push(Item::Tag(Tag::Ornament));
        let (y, bar, fill) = (look.s(0.8), height - look.s(1.6), look.palette.accent);
        items.push(Item::Rect {
            x: 0.0,
            y,
            width: look.s(2.2),
            height: bar,
            fill,
        });
        let last = title
            .lines(width - left)
            .last()
            .map_or(0.0, |line| line.width);
        let beside = left + last + look.s(5.5);
        items.push(self.parts.leaf(Role::Paragraph));
        if beside + text.width() <= width {
            let stand = Stand::new(beside, stand.leading, stand.size);
            stand.put(&text, f32::INFINITY, height - stand.leading, &mut items);
        } else {
            let stand = Stand::new(left, look.s(10.6), note.size);
            height = stand.put(&text, width - left, height, &mut items);
        }
        Piece {
            gap: look.between(13.0),
            height,
            items,
            keep: true,
            firm: true,
            head: None,
        }
    }

    fn columns(&mut self, columns: &[Vec<Block>], width: f32) -> Vec<Flow> {
        let gutter = self.look.s(14.0);
        let count = chart::index(columns.len().max(1));
        let each = (width - gutter * (count - 1.0)) / count;
        if each < self.look.s(150.0) {
            return columns
                .iter()
                .flat_map(|blocks| self.blocks(blocks, width))
                .collect();
        }
        let mut left = 0.0;
        let mut placed = Vec::new();
        let mut gap: f32 = 0.0;
        for blocks in columns {
            let mut flows = self.blocks(blocks, each);
            if let Some(own) = flows.first_mut().and_then(Flow::gap_mut) {
                gap = gap.max(std::mem::take(own));
            }
            placed.push((left, flows));
            left += each + gutter;
        }
        vec![Flow::Columns {
            gap,
            columns: placed,
        }]
    }

    fn chart(&mut self, chart: &Chart, width: f32) -> Flow {
        let size = self.look.s(7.3);
        let height = chart::height(chart, size) * self.look.stretch();
        let frame = chart::Frame {
            width,
            height,
            palette: self.look.palette,
            size,
        };
        let mut items = vec![self.parts.figure(Role::Figure, &chart.alt)];
        items.extend(chart::draw(chart, &frame, &mut self.setter));
        Flow::Piece(Piece {
            gap: self.look.s(5.0),
            height,
            items,
            ..Piece::default()
        })
    }

    fn actions(&mut self, actions: &[Action], width: f32) -> Vec<Flow> {
        self.parts.begin(Role::List { ordered: true }, "");
        let mut flows: Vec<Flow> = actions
            .iter()
            .enumerate()
            .map(|(i, action)| {
                self.parts.begin(Role::Item, "");
                let flow = self.action(i + 1, action, width);
                self.parts.end();
                flow
            })
            .collect();
        self.parts.end();
        // What to do is one list, seen at one glance.
        if let Some((_, before)) = flows.split_last_mut() {
            before.iter_mut().for_each(Flow::keep_with_next);
        }
        flows
    }

    /// Number, what to do, why, and what is at stake.
    fn action(&mut self, number: usize, action: &Action, width: f32) -> Flow {
        let look = self.look;
        let palette = look.palette;
        let mut items = Vec::new();
        let top = look.inside(6.0);
        let number_tag = self.parts.leaf(Role::Label);
        self.parts.begin(Role::Body, "");
        let [title_tag, reason_tag] = [Role::Paragraph; 2].map(|role| self.parts.leaf(role));
        let (right, aside_end) = self.stake(action, width, top, &mut items);
        self.parts.end();
        let left = look.s(21.0);
        let inner = width - left - right;

        let digit = Style::new(look.s(11.6), palette.accent).bold();
        let stand = Stand::new(0.0, look.s(12.0), digit.size);
        let digit = self.setter.one(&Run::words(&number.to_string(), digit));
        items.push(number_tag);
        stand.put(&digit, left, top, &mut items);
        items.push(title_tag);
        let title = Style::new(look.s(8.0), palette.ink).bold();
        let text = self.inlines(&action.title, title);
        let end = Stand::new(left, look.s(13.0), title.size).put(&text, inner, top, &mut items);
        items.push(reason_tag);
        let reason = Style::new(look.s(7.5), palette.grey);
        let text = self.inlines(&action.reason, reason);
        let end = Stand::new(left, look.s(12.0), reason.size).put(&text, inner, end, &mut items);

        let height = end.max(aside_end) + look.inside(6.0);
        let stroke = Stroke::solid(palette.rule, 0.6);
        items.push(Item::Tag(Tag::Ornament));
        items.push(Item::Line {
            from: (0.0, height),
            to: (width, height),
            stroke,
        });
        Flow::Piece(Piece {
            height,
            items,
            ..Piece::default()
        })
    }

    /// Money and confidence at the right; gives back the room that they take, and where they end.
    fn stake(
        &mut self,
        action: &Action,
        width: f32,
        top: f32,
        items: &mut Vec<Item>,
    ) -> (f32, f32) {
        let look = self.look;
        let money = Style::new(look.s(7.7), look.palette.ink).bold();
        let sure = Style::new(look.s(6.7), look.palette.grey);
        let (mut room, mut end) = (0.0_f32, top);
        for (words, style) in [(&action.stake, money), (&action.confidence, sure)] {
            let text = self.setter.one(&Run::data(words, style));
            items.push(self.parts.leaf(Role::Paragraph));
            let stand = Stand::new(width, look.s(11.6), style.size);
            end = stand.put_right(&text, 0.35 * width, end, items);
            room = room.max(text.width().min(0.35 * width));
        }
        (if room > 0.0 { room + look.s(12.0) } else { 0.0 }, end)
    }
}
