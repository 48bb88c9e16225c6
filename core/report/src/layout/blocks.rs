//! Blocks become pieces: paragraphs, lists, notes, sections, columns, charts and actions.

use super::flow::{Flow, Piece};
use super::item::{Item, Stroke};
use super::look::Look;
use super::text::{Line, Paragraph, Run, Style, Typesetter};
use crate::chart;
use chenbao_model::Diagnostic;
use chenbao_model::document::{Action, Block, Chart, ChartKind, Inline, Section, Tone};

/// Makes pieces out of blocks.
pub(crate) struct Builder {
    pub(crate) look: Look,
    pub(crate) setter: Typesetter,
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
    /// Baseline of the n-th line below `top`: the line's letters stand in the middle of its leading.
    pub(crate) fn baseline(&self, top: f32, n: usize) -> f32 {
        top + (chart::index(n) + 0.5) * self.leading + 0.36 * self.size
    }
}

impl Builder {
    pub(crate) fn new(look: Look, setter: Typesetter) -> Self {
        Self {
            look,
            setter,
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
            Block::Actions { actions } => actions
                .iter()
                .enumerate()
                .map(|(i, action)| self.action(i + 1, action, width))
                .collect(),
            Block::Note { inlines } => self.note(inlines, width),
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

    /// One piece per line; the first two and the last two lines stay together.
    fn lines(&mut self, paragraph: &Paragraph, stand: Stand, width: f32) -> Vec<Piece> {
        let lines = paragraph.lines(width - stand.x);
        let count = lines.len();
        let piece = |(i, line): (usize, &Line)| {
            let mut items = Vec::new();
            paragraph.place(line, stand.x, stand.baseline(0.0, 0), &mut items);
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
        base: Style,
        stand: Stand,
        (gap, width): (f32, f32),
    ) -> Vec<Flow> {
        let paragraph = self.inlines(inlines, base);
        let mut pieces = self.lines(&paragraph, stand, width);
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
        let gap = self.look.s(9.0);
        self.text(
            inlines,
            Style::new(size, self.look.palette.ink),
            stand,
            (gap, width),
        )
    }

    fn paragraph(&mut self, inlines: &[Inline], width: f32) -> Vec<Flow> {
        let size = self.look.s(7.8);
        let stand = Stand {
            x: 0.0,
            leading: self.look.s(12.6),
            size,
        };
        let gap = self.look.s(5.0);
        self.text(
            inlines,
            Style::new(size, self.look.palette.ink),
            stand,
            (gap, width),
        )
    }

    fn list(&mut self, ordered: bool, items: &[Vec<Inline>], width: f32) -> Vec<Flow> {
        let size = self.look.s(7.8);
        let indent = self.look.s(if ordered { 14.0 } else { 10.0 });
        let stand = Stand {
            x: indent,
            leading: self.look.s(12.6),
            size,
        };
        let base = Style::new(size, self.look.palette.ink);
        let mut flows = Vec::new();
        for (i, inlines) in items.iter().enumerate() {
            let paragraph = self.inlines(inlines, base);
            let mut pieces = self.lines(&paragraph, stand, width);
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
                let mut out = Vec::new();
                mark.place(line, 0.0, stand.baseline(0.0, 0), &mut out);
                first.items.splice(0..0, out);
            }
            flows.extend(pieces.into_iter().map(Flow::Piece));
        }
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
        let mut pieces = self.lines(&paragraph, stand, width - pad);
        let last = pieces.len().saturating_sub(1);
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
        let mut flows = vec![Flow::Piece(self.heading(section, width))];
        let mut content = self.blocks(&section.blocks, width);
        if let Some(gap) = content.first_mut().and_then(Flow::gap_mut) {
            *gap = self.look.s(3.5);
        }
        if content.is_empty()
            && let Some(Flow::Piece(heading)) = flows.first_mut()
        {
            heading.keep = false;
        }
        flows.extend(content);
        flows
    }

    /// Accent bar, title, and the note beside it, or below where there is no room.
    fn heading(&mut self, section: &Section, width: f32) -> Piece {
        let look = self.look;
        let (size, small, left) = (look.s(9.5), look.s(7.3), look.s(7.4));
        let stand = Stand {
            x: left,
            leading: look.s(13.0),
            size,
        };
        let title = self.setter.one(&Run::data(
            &section.title,
            Style::new(size, look.palette.ink).bold(),
        ));
        let note = self.setter.one(&Run::data(
            &section.note,
            Style::new(small, look.palette.grey),
        ));
        let mut items = vec![Item::Anchor {
            y: 0.0,
            title: section.title.clone(),
            level: 1,
        }];
        let lines = title.lines(width - left);
        let bar = stand.leading * chart::index(lines.len().max(1)) - look.s(1.6);
        items.push(Item::Rect {
            x: 0.0,
            y: look.s(0.8),
            width: look.s(2.2),
            height: bar,
            fill: look.palette.accent,
        });
        let mut height = 0.0;
        for line in &lines {
            title.place(line, left, stand.baseline(height, 0), &mut items);
            height += stand.leading;
        }
        let beside = left + lines.last().map_or(0.0, |line| line.width) + look.s(5.5);
        if note.is_empty() {
        } else if beside + note.width() <= width {
            if let Some(line) = note.lines(f32::INFINITY).first() {
                note.place(
                    line,
                    beside,
                    stand.baseline(height - stand.leading, 0),
                    &mut items,
                );
            }
        } else {
            let stand = Stand {
                x: left,
                leading: look.s(10.6),
                size: small,
            };
            for line in &note.lines(width - left) {
                note.place(line, left, stand.baseline(height, 0), &mut items);
                height += stand.leading;
            }
        }
        Piece {
            gap: look.s(13.0),
            height: height.max(stand.leading),
            items,
            keep: true,
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
        let wide = width > self.look.s(380.0);
        let height = match (chart.kind, chart.empty.is_some()) {
            (_, true) => 42.0,
            (ChartKind::Waterfall, _) => 112.0,
            (ChartKind::Line | ChartKind::Bar, _) if wide => 118.0,
            (ChartKind::Line | ChartKind::Bar, _) => 104.0,
        };
        let height = self.look.s(height);
        let frame = chart::Frame {
            width,
            height,
            palette: self.look.palette,
            size: self.look.s(7.3),
        };
        let items = chart::draw(chart, &frame, &mut self.setter);
        Flow::Piece(Piece {
            gap: self.look.s(5.0),
            height,
            items,
            ..Piece::default()
        })
    }

    /// Number, what to do, why, and what is at stake.
    fn action(&mut self, number: usize, action: &Action, width: f32) -> Flow {
        let look = self.look;
        let palette = look.palette;
        let stake = self.setter.one(&Run::data(
            &action.stake,
            Style::new(look.s(7.7), palette.ink).bold(),
        ));
        let sure = self.setter.one(&Run::data(
            &action.confidence,
            Style::new(look.s(6.7), palette.grey),
        ));
        let right = stake.width().max(sure.width()).min(0.35 * width);
        let left = look.s(21.0);
        let inner = width
            - left
            - if right > 0.0 {
                right + look.s(12.0)
            } else {
                0.0
            };
        let title = self.inlines(&action.title, Style::new(look.s(8.0), palette.ink).bold());
        let reason = self.inlines(&action.reason, Style::new(look.s(7.5), palette.grey));

        let mut items = Vec::new();
        let mut y = look.s(6.0);
        let digit = self.setter.one(&Run::words(
            &number.to_string(),
            Style::new(look.s(11.6), palette.accent).bold(),
        ));
        if let Some(line) = digit.lines(f32::INFINITY).first() {
            digit.place(line, 0.0, y + look.s(10.2), &mut items);
        }
        let mut aside = y;
        for (text, size) in [(&stake, 7.7), (&sure, 6.7)] {
            let stand = Stand {
                x: 0.0,
                leading: look.s(11.6),
                size: look.s(size),
            };
            for line in &text.lines(right) {
                text.place(
                    line,
                    width - line.width,
                    stand.baseline(aside, 0),
                    &mut items,
                );
                aside += stand.leading;
            }
        }
        for (text, size, leading) in [(&title, 8.0, 13.0), (&reason, 7.5, 12.0)] {
            let stand = Stand {
                x: left,
                leading: look.s(leading),
                size: look.s(size),
            };
            for line in &text.lines(inner) {
                text.place(line, left, stand.baseline(y, 0), &mut items);
                y += stand.leading;
            }
        }
        let height = y.max(aside) + look.s(6.0);
        let stroke = Stroke::solid(palette.rule, 0.6);
        items.push(Item::Line {
            from: (0.0, height),
            to: (width, height),
            stroke,
        });
        Flow::Piece(Piece {
            gap: 0.0,
            height,
            items,
            ..Piece::default()
        })
    }
}
