//! SVG: the same placed items as vectors, for the preview: sharp at any zoom, and the browser needs none of the fonts,
//! because glyphs are written as outlines, each once a page.

#[cfg(test)]
mod tests;

use crate::fonts::{FaceId, Fonts};
use crate::layout::{Item, Page, Stroke, Text};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use skrifa::outline::OutlinePen;
use std::collections::BTreeMap;
use std::fmt;

/// Outlines are written in so many units of a glyph's size: whole numbers are finer than any screen.
const EM: f32 = 1000.0;

/// Writes each page as a file of its own; the same pages give the same text.
#[must_use]
pub fn pages(pages: &[Page], fonts: &Fonts) -> Vec<String> {
    pages
        .iter()
        .map(|page| Sheet::new(fonts).page(page))
        .collect()
}

/// One page: what is on it, and the glyphs that it needs.
struct Sheet<'a> {
    fonts: &'a Fonts,
    /// Outlines by glyph; empty for one that leaves no ink.
    glyphs: BTreeMap<(FaceId, u16), String>,
    body: String,
}

impl<'a> Sheet<'a> {
    fn new(fonts: &'a Fonts) -> Self {
        Self {
            fonts,
            glyphs: BTreeMap::new(),
            body: String::new(),
        }
    }

    fn page(mut self, page: &Page) -> String {
        for item in &page.items {
            self.item(item);
        }
        let (width, height) = (Short(page.width), Short(page.height));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" viewBox=\"0 0 {width} {height}\">\n<defs>\n"
        );
        for ((face, glyph), outline) in &self.glyphs {
            if !outline.is_empty() {
                let id = id(*face, *glyph);
                out.push_str(&format!("<path id=\"{id}\" d=\"{outline}\"/>\n"));
            }
        }
        out.push_str("</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }

    fn item(&mut self, item: &Item) {
        let written = match item {
            Item::Text(text) => return self.text(text),
            Item::Rect {
                x,
                y,
                width,
                height,
                fill,
            } => {
                let ([x, y], [width, height]) = ([*x, *y].map(Short), [*width, *height].map(Short));
                let fill = fill.hex();
                format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>\n"
                )
            }
            Item::Line { from, to, stroke } => {
                let way = polyline(&[*from, *to], false);
                format!("<path d=\"{way}\" fill=\"none\"{}/>\n", line(*stroke))
            }
            Item::Path {
                points,
                closed,
                fill,
                stroke,
            } => {
                let way = polyline(points, *closed);
                let fill = fill.map_or("none".to_owned(), |fill| fill.hex());
                let stroke = stroke.map(line).unwrap_or_default();
                format!("<path d=\"{way}\" fill=\"{fill}\"{stroke}/>\n")
            }
            Item::Picture {
                x,
                y,
                width,
                height,
                png,
            } => {
                let ([x, y], [width, height]) = ([*x, *y].map(Short), [*width, *height].map(Short));
                let data = BASE64_STANDARD.encode(png);
                format!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{data}\"/>\n"
                )
            }
            // A page that is shown as a picture leads nowhere.
            Item::Tag(_) | Item::Link { .. } | Item::Anchor { .. } => return,
        };
        self.body.push_str(&written);
    }

    /// A line of glyphs: drawn by outlines, named by its words.
    fn text(&mut self, text: &Text) {
        let size = text.size / EM;
        let (mut pen, mut glyphs) = (0.0, String::new());
        for glyph in &text.glyphs {
            if self.has_ink(text.face, glyph.id) {
                let (id, x) = (id(text.face, glyph.id), Short(pen / size));
                glyphs.push_str(&format!("<use href=\"#{id}\" x=\"{x}\"/>"));
            }
            pen += glyph.advance;
        }
        if glyphs.is_empty() {
            return;
        }
        let ([x, y], fill) = ([text.x, text.y].map(Short), text.color.hex());
        let words = escaped(&text.text);
        self.body.push_str(&format!(
            "<g role=\"img\" aria-label=\"{words}\" fill=\"{fill}\" transform=\"translate({x} {y}) scale({size:.6})\">{glyphs}</g>\n"
        ));
    }

    fn has_ink(&mut self, face: FaceId, glyph: u16) -> bool {
        let fonts = self.fonts;
        let outline = self.glyphs.entry((face, glyph)).or_insert_with(|| {
            let mut pen = Pen::default();
            fonts.face(face).outline(glyph, EM, &mut pen);
            pen.0
        });
        !outline.is_empty()
    }
}

fn id(face: FaceId, glyph: u16) -> String {
    format!("f{}g{glyph}", face.number())
}

fn polyline(points: &[(f32, f32)], closed: bool) -> String {
    let mut way = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let step = if i == 0 { 'M' } else { 'L' };
        way.push_str(&format!("{step}{} {}", Short(*x), Short(*y)));
    }
    if closed {
        way.push('Z');
    }
    way
}

/// The attributes of a stroke.
fn line(stroke: Stroke) -> String {
    let (color, width) = (stroke.color.hex(), Short(stroke.width));
    let dash = if stroke.dash > 0.0 {
        format!(" stroke-dasharray=\"{}\"", Short(stroke.dash))
    } else {
        String::new()
    };
    format!(" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}")
}

/// Words as the value of an attribute; what XML cannot hold is left out.
fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

/// A length with two decimals at most, as the PDF has it, and without zeros behind.
struct Short(f32);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero makes -0 a plain one.
        write!(f, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

/// Writes an outline as path data, with y downwards.
#[derive(Default)]
struct Pen(String);

impl Pen {
    fn step(&mut self, letter: char, points: &[(f32, f32)]) {
        self.0.push(letter);
        for (i, (x, y)) in points.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            let [x, y] = [*x, -*y].map(|part| part.round() + 0.0);
            self.0.push_str(&format!("{gap}{x} {y}"));
        }
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.step('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.step('L', &[(x, y)]);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.step('Q', &[(cx, cy), (x, y)]);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.step('C', &[(cx0, cy0), (cx1, cy1), (x, y)]);
    }

    fn close(&mut self) {
        self.0.push('Z');
    }
}
