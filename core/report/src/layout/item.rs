//! Pages of placed items: what layout makes and the PDF, SVG and PNG writers only write. Points, y downwards.

use super::parts::Part;
use crate::fonts::FaceId;
use std::sync::Arc;

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// Reads `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6)?;
        let part = |i: usize| {
            hex.get(i..i + 2)
                .and_then(|two| u8::from_str_radix(two, 16).ok())
        };
        Some(Self(part(0)?, part(2)?, part(4)?))
    }

    /// This colour with so many percent of another in it.
    #[must_use]
    pub(crate) fn mixed(self, other: Self, percent: u8) -> Self {
        let share = u16::from(percent.min(100));
        let part = |own: u8, other: u8| {
            let sum = u16::from(own) * (100 - share) + u16::from(other) * share;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Self(
            part(self.0, other.0),
            part(self.1, other.1),
            part(self.2, other.2),
        )
    }

    /// As `#rrggbb`.
    #[must_use]
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Three parts from zero to one.
    pub(crate) fn parts(self) -> [f32; 3] {
        [self.0, self.1, self.2].map(|part| f32::from(part) / 255.0)
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Colour.
    pub color: Color,
    /// Thickness in points.
    pub width: f32,
    /// Length of dashes and gaps; zero for a whole line.
    pub dash: f32,
}

impl Stroke {
    /// A whole line.
    #[must_use]
    pub fn solid(color: Color, width: f32) -> Self {
        Self {
            color,
            width,
            dash: 0.0,
        }
    }
}

/// One shaped glyph and the text that it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    /// Index in the font.
    pub id: u16,
    /// Distance to the next glyph, with any extra space.
    pub advance: f32,
    /// How many bytes of the item's text it stands for (none for the second glyph of a cluster).
    pub bytes: u8,
}

/// A line of glyphs in one style.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Left end of the baseline.
    pub x: f32,
    /// Baseline.
    pub y: f32,
    /// Size.
    pub size: f32,
    /// The face of its glyphs.
    pub face: FaceId,
    /// Colour.
    pub color: Color,
    /// The characters.
    pub text: String,
    /// The glyphs.
    pub glyphs: Vec<Glyph>,
}

impl Text {
    /// The length of the line.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.glyphs.iter().map(|glyph| glyph.advance).sum()
    }

    /// Left, top, right, bottom of what it covers: capitals and figures reach so high, and commas so low.
    pub(crate) fn area(&self) -> [f32; 4] {
        [
            self.x,
            self.y - 0.74 * self.size,
            self.x + self.width(),
            self.y + 0.1 * self.size,
        ]
    }

    /// Each glyph with the characters that it stands for.
    pub fn clusters(&self) -> impl Iterator<Item = (&Glyph, &str)> {
        let mut at = 0;
        self.glyphs.iter().map(move |glyph| {
            let end = at + usize::from(glyph.bytes);
            let text = self.text.get(at..end).unwrap_or_default();
            at = end;
            (glyph, text)
        })
    }
}

/// What the items up to the next tag are to a reader who does not see the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Content of that part.
    Part(usize),
    /// Rules, grounds and repeated heads: nothing to read.
    Ornament,
    /// Words above the page.
    Header,
    /// Words below the page.
    Footer,
}

/// Something at its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Says what the following items are.
    Tag(Tag),
    /// Glyphs.
    Text(Text),
    /// A filled rectangle.
    Rect {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// Width.
        width: f32,
        /// Height.
        height: f32,
        /// Fill.
        fill: Color,
    },
    /// A straight line.
    Line {
        /// From.
        from: (f32, f32),
        /// To.
        to: (f32, f32),
        /// How.
        stroke: Stroke,
    },
    /// A polyline or an area.
    Path {
        /// Corners.
        points: Vec<(f32, f32)>,
        /// Whether the last corner leads back to the first.
        closed: bool,
        /// Inside.
        fill: Option<Color>,
        /// Outline.
        stroke: Option<Stroke>,
    },
    /// A picture.
    Picture {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// Width.
        width: f32,
        /// Height.
        height: f32,
        /// The PNG file.
        png: Arc<[u8]>,
    },
    /// A place that leads somewhere; the text that follows stands on it.
    Link {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// Width.
        width: f32,
        /// Height.
        height: f32,
        /// `https:`, `mailto:` or `#anchor`.
        target: String,
    },
    /// A place that links and the outline lead to.
    Anchor {
        /// Top.
        y: f32,
        /// Name and outline title.
        title: String,
        /// Depth in the outline, from one.
        level: u8,
    },
}

impl Item {
    /// The item elsewhere.
    pub(crate) fn shifted(mut self, dx: f32, dy: f32) -> Self {
        self.shift(dx, dy);
        self
    }

    /// The corners of what it covers; none for tags.
    pub(crate) fn corners(&self) -> Vec<(f32, f32)> {
        match self {
            Self::Tag(_) => Vec::new(),
            Self::Text(text) => {
                let [left, top, right, bottom] = text.area();
                vec![(left, top), (right, bottom)]
            }
            Self::Rect {
                x,
                y,
                width,
                height,
                ..
            }
            | Self::Picture {
                x,
                y,
                width,
                height,
                ..
            }
            | Self::Link {
                x,
                y,
                width,
                height,
                ..
            } => vec![(*x, *y), (x + width, y + height)],
            Self::Line { from, to, .. } => vec![*from, *to],
            Self::Path { points, .. } => points.clone(),
            Self::Anchor { y, .. } => vec![(0.0, *y)],
        }
    }

    /// Moves the item.
    pub(crate) fn shift(&mut self, dx: f32, dy: f32) {
        match self {
            Self::Tag(_) => {}
            Self::Text(text) => (text.x, text.y) = (text.x + dx, text.y + dy),
            Self::Rect { x, y, .. } | Self::Picture { x, y, .. } | Self::Link { x, y, .. } => {
                (*x, *y) = (*x + dx, *y + dy);
            }
            Self::Anchor { y, .. } => *y += dy,
            Self::Line { from, to, .. } => {
                *from = (from.0 + dx, from.1 + dy);
                *to = (to.0 + dx, to.1 + dy);
            }
            Self::Path { points, .. } => {
                for point in points {
                    *point = (point.0 + dx, point.1 + dy);
                }
            }
        }
    }
}

/// A document on pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// The pages.
    pub pages: Vec<Page>,
    /// What their items are, in reading order.
    pub parts: Vec<Part>,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Width in points.
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// What is on it, in reading order; later items cover earlier ones.
    pub items: Vec<Item>,
}
