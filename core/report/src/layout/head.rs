//! The masthead: logo, title and parts at the left, stamp and facts at the right, a strong rule below.

use super::blocks::{Builder, Stand};
use super::flow::Piece;
use super::item::{Item, Stroke, Tag};
use super::parts::Role;
use super::text::{Run, Style};
use chenbao_model::document::{Inline, Masthead, Tone};

impl Builder {
    pub(crate) fn masthead(&mut self, masthead: &Masthead, width: f32) -> Piece {
        let look = self.look;
        let small = Style::new(look.s(7.6), look.palette.grey);
        let narrow = width < look.s(330.0);
        let mut items = Vec::new();
        let tags = [Role::Heading(1), Role::Paragraph, Role::Paragraph];
        let [title_tag, parts_tag, stamp_tag] = tags.map(|role| self.parts.leaf(role));

        let (mut right, mut right_end) = (0.0_f32, 0.0_f32);
        if let Some(stamp) = &masthead.stamp {
            items.push(stamp_tag);
            let (stamp_width, stamp_height) = self.stamp(stamp, width, &mut items);
            (right, right_end) = (stamp_width, stamp_height + look.s(1.0));
        }
        let facts = masthead.facts.as_slice();
        let (beside, below) = if narrow {
            (&[][..], facts)
        } else {
            (facts, &[][..])
        };
        for fact in beside {
            // Each is a part of its own: read as one, the end of a line would be no gap.
            items.push(self.parts.leaf(Role::Paragraph));
            let fact = self.setter.one(&Run::data(fact, small));
            let stand = Stand::new(width, look.s(11.2), small.size);
            right = right.max(fact.width().min(0.42 * width));
            right_end = stand.put_right(&fact, 0.42 * width, right_end, &mut items);
        }

        let (indent, logo_end) = self.logo(width, narrow, &mut items);
        let inner = width - right - look.s(14.0) - indent;
        let title = Style::new(look.s(17.6), look.palette.ink).heading();
        let stand = Stand::new(indent, look.s(23.0), title.size);
        let title = self.setter.one(&Run::data(&masthead.title, title));
        items.push(title_tag);
        let mut end = stand.put(
            &title,
            inner,
            if narrow { 0.0 } else { look.s(0.8) },
            &mut items,
        );
        // On narrow paper the words begin below the logo, at the edge.
        let (indent, least) = if narrow {
            (0.0, logo_end)
        } else {
            (indent, 0.0)
        };
        end = end.max(least);
        for (words, tag) in [
            (masthead.parts.as_slice(), parts_tag),
            (below, self.parts.leaf(Role::Paragraph)),
        ] {
            items.push(tag);
            let words = self.setter.one(&Run::data(&words.join(" · "), small));
            let stand = Stand::new(indent, look.s(11.2), small.size);
            end = stand.put(&words, if narrow { width } else { inner }, end, &mut items);
        }
        let end = end.max(right_end).max(logo_end);
        self.closed(items, end + look.s(5.0), width)
    }

    /// The logo in the middle of the title and the line below it (of the title alone on narrow paper); gives back how far
    /// it pushes the words to the right, and where it ends.
    fn logo(&mut self, width: f32, narrow: bool, items: &mut Vec<Item>) -> (f32, f32) {
        let Some(logo) = self
            .logo
            .clone()
            .filter(|logo| logo.width.min(logo.height) > 0)
        else {
            return (0.0, 0.0);
        };
        let look = self.look;
        let (room, line) = if narrow { (18.0, 24.6) } else { (30.0, 35.0) };
        // CSS pixels to points; never taller than its room, nor so wide that it drives the title into a corner.
        let [wide, high] = [logo.width, logo.height].map(|side| 0.75 * f32::from(side));
        let most = 0.25 * width / look.paper.scale;
        let part = (room / high).min(most / wide).min(1.0);
        let [width, height] = [wide, high].map(|side| look.s(part * side));
        let y = 0.5 * (look.s(line) - height);
        items.push(self.parts.figure(Role::Figure, &logo.alt));
        items.push(Item::Picture {
            x: 0.0,
            y,
            width,
            height,
            png: logo.png.into(),
        });
        (width + look.s(9.0), y + height)
    }

    /// The piece with its strong rule below.
    fn closed(&self, mut items: Vec<Item>, height: f32, width: f32) -> Piece {
        let stroke = Stroke::solid(self.look.palette.ink, self.look.s(1.3));
        items.push(Item::Tag(Tag::Ornament));
        items.push(Item::Line {
            from: (0.0, height),
            to: (width, height),
            stroke,
        });
        Piece {
            height,
            items,
            ..Piece::default()
        }
    }

    /// A word in a rounded frame at the right; gives back its size.
    fn stamp(&mut self, stamp: &Inline, width: f32, items: &mut Vec<Item>) -> (f32, f32) {
        let look = self.look;
        // A stamp is a verdict, not a change: 红涨绿跌 does not touch it.
        let color = match stamp.tone {
            Tone::Good => look.palette.good,
            Tone::Bad => look.palette.bad,
            Tone::Plain | Tone::Muted | Tone::Accent => look.palette.tone(stamp.tone),
        };
        let style = Style::new(look.s(7.2), color).bold();
        let text = self.setter.one(&Run {
            unbroken: true,
            ..Run::data(&stamp.text, style)
        });
        let (pad, height) = (look.s(4.2), look.s(11.8));
        let text_width = text.width();
        let box_width = text_width + 2.0 * pad;
        let stroke = Stroke::solid(color, look.s(0.75));
        let points = rounded((width - box_width, 0.0), (box_width, height), look.s(1.8));
        items.push(Item::Path {
            points,
            closed: true,
            fill: None,
            stroke: Some(stroke),
        });
        if let Some(line) = text.lines(f32::INFINITY).first() {
            text.place(
                line,
                width - pad - text_width,
                0.5 * height + 0.36 * style.size,
                items,
            );
        }
        (box_width, height)
    }
}

/// The corners of a rectangle with small round corners.
fn rounded((x, y): (f32, f32), (width, height): (f32, f32), r: f32) -> Vec<(f32, f32)> {
    // A quarter of a circle in four chords: at this size nobody sees the difference.
    const ARC: [(f32, f32); 4] = [(0.0, 1.0), (0.259, 0.966), (0.707, 0.707), (0.966, 0.259)];
    let (right, bottom) = (x + width, y + height);
    let mut points = Vec::with_capacity(16);
    points.extend(ARC.map(|(c, s)| (right - r + r * c, y + r - r * s)));
    points.extend(ARC.map(|(c, s)| (right - r + r * s, bottom - r + r * c)));
    points.extend(ARC.map(|(c, s)| (x + r - r * c, bottom - r + r * s)));
    points.extend(ARC.map(|(c, s)| (x + r - r * s, y + r - r * c)));
    points
}
