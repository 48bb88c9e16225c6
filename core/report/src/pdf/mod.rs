//! PDF: placed items become drawing operations of printpdf, each marked with the part that it belongs to; real text,
//! subset fonts, links.

mod about;
mod embed;
mod finish;
mod pictures;
mod save;
mod tags;
mod tongue;

#[cfg(test)]
mod read_back;
#[cfg(test)]
mod tests;

use crate::fonts::{FaceId, Fonts};
use crate::layout::{Color, Item, Page, Pages, Stroke, Tag, Text};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;
use embed::Embedded;
use printpdf::{
    Actions, BorderArray, Codepoint, Color as Ink, ColorArray, DictItem, HighlightingMode,
    Line as PdfLine, LineDashPattern, LineJoinStyle, LinePoint, LinkAnnotation, Op, PaintMode,
    PdfDocument, PdfPage, PdfSaveOptions, Point, Polygon, PolygonRing, Pt, Rect, Rgb, TextItem,
    TextMatrix, WindingOrder,
};
use std::collections::BTreeMap;
use tags::{Owner, Tagged};

/// Writes pages as a tagged PDF; the same pages give the same bytes.
///
/// # Errors
/// When a font cannot be cut to its used glyphs, or the file cannot be put together.
pub fn write(document: &Document, laid: &Pages, fonts: &Fonts) -> Result<Vec<u8>, Problems> {
    let pages = laid.pages.as_slice();
    let embedded = embed::faces(fonts, pages)?;
    let mut pdf = PdfDocument::new(&document.meta.title);
    for font in embedded.values() {
        font.register(&mut pdf);
    }
    pictures::register(pages, &mut pdf);
    let anchors = finish::anchors(pages);
    let mut tagged = Tagged::new(&laid.parts);
    let desk = Desk {
        fonts: &embedded,
        anchors: &anchors,
        lang: &document.meta.lang,
    };
    pdf.pages = pages
        .iter()
        .map(|page| write_page(page, desk, &mut tagged))
        .collect();
    let mut warnings = Vec::new();
    let options = PdfSaveOptions {
        subset_fonts: false,
        image_optimization: None,
        ..PdfSaveOptions::default()
    };
    let low = pdf.to_lopdf_document(&options, &mut warnings);
    let problems: Vec<Diagnostic> = warnings
        .iter()
        .filter(|warning| warning.severity == printpdf::PdfParseErrorSeverity::Error)
        .map(|warning| Diagnostic::error(format!("the PDF cannot be written: {}", warning.msg)))
        .collect();
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    finish::finish(low, document, &anchors, &tagged)
}

/// What all pages are written with.
#[derive(Clone, Copy)]
struct Desk<'a> {
    fonts: &'a BTreeMap<FaceId, Embedded>,
    anchors: &'a [finish::Anchor],
    lang: &'a str,
}

fn write_page<'a>(page: &Page, desk: Desk<'a>, tagged: &'a mut Tagged<'_>) -> PdfPage {
    tagged.turn_page();
    let mut pen = Pen {
        desk,
        tagged,
        height: page.height,
        ops: Vec::new(),
        fill: None,
        line: None,
        tag: Tag::Ornament,
        open: None,
        link: None,
    };
    for item in &page.items {
        pen.item(item);
    }
    pen.close();
    let size = Rect::from_wh(Pt(page.width), Pt(page.height));
    PdfPage {
        media_box: size.clone(),
        trim_box: size.clone(),
        crop_box: size,
        ops: pen.ops,
    }
}

/// What content is marked with: its owner in the tree, or that there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Owned(Owner),
    Artifact(Tag),
}

/// Turns items into operations; remembers what is set already.
struct Pen<'a, 'p> {
    desk: Desk<'a>,
    tagged: &'a mut Tagged<'p>,
    height: f32,
    ops: Vec<Op>,
    fill: Option<Color>,
    line: Option<Stroke>,
    tag: Tag,
    open: Option<Mark>,
    /// The link on which the next text stands.
    link: Option<Owner>,
}

impl Pen<'_, '_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Tag(tag) => {
                self.tag = *tag;
                return;
            }
            Item::Link {
                x,
                y,
                width,
                height,
                target,
            } => return self.link((*x, *y), (*width, *height), target),
            Item::Anchor { .. } => return,
            _ => {}
        }
        self.mark(item);
        match item {
            Item::Text(text) => self.text(text),
            Item::Rect {
                x,
                y,
                width,
                height,
                fill,
            } => {
                self.set_fill(*fill);
                let mut rectangle = self.rect((*x, *y), (*width, *height));
                rectangle.mode = Some(PaintMode::Fill);
                self.ops.push(Op::DrawRectangle { rectangle });
            }
            Item::Line { from, to, stroke } => {
                self.set_stroke(*stroke);
                let line = PdfLine {
                    points: vec![self.corner(*from), self.corner(*to)],
                    is_closed: false,
                };
                self.ops.push(Op::DrawLine { line });
            }
            Item::Path {
                points,
                closed,
                fill,
                stroke,
            } => self.path(points, *closed, *fill, *stroke),
            Item::Picture {
                x,
                y,
                width,
                height,
                png,
            } => {
                let place = (*x, self.height - y - height);
                self.ops
                    .push(pictures::shown(png, place, (*width, *height)));
            }
            Item::Tag(_) | Item::Link { .. } | Item::Anchor { .. } => {}
        }
    }

    /// Opens the marked content that an item belongs to, unless it is open.
    fn mark(&mut self, item: &Item) {
        let mark = match (self.tag, self.link.take()) {
            (Tag::Part(_), Some(link)) => Mark::Owned(link),
            (Tag::Part(part), None) => Mark::Owned(Owner::Part(part)),
            (artifact, _) => Mark::Artifact(artifact),
        };
        if let Tag::Part(part) = self.tag
            && self.tagged.is_figure(part)
        {
            for (x, y) in item.corners() {
                let y = self.height - y;
                self.tagged.widen(part, [x, y, x, y]);
            }
        }
        if self.open == Some(mark) {
            return;
        }
        self.close();
        let name = |text: &str| DictItem::Name(text.as_bytes().to_vec());
        let (tag, properties) = match mark {
            Mark::Owned(owner) => {
                let (tag, id) = self.tagged.mark(owner);
                let id = DictItem::Int(i64::try_from(id).unwrap_or(i64::MAX));
                (tag, vec![("MCID", id)])
            }
            Mark::Artifact(Tag::Header) => {
                let kind = [("Type", name("Pagination")), ("Subtype", name("Header"))];
                ("Artifact", kind.to_vec())
            }
            Mark::Artifact(Tag::Footer) => {
                let kind = [("Type", name("Pagination")), ("Subtype", name("Footer"))];
                ("Artifact", kind.to_vec())
            }
            Mark::Artifact(Tag::Ornament | Tag::Part(_)) => {
                ("Artifact", vec![("Type", name("Layout"))])
            }
        };
        self.begin(tag, properties);
        self.open = Some(mark);
    }

    fn begin(&mut self, tag: &str, properties: Vec<(&str, DictItem)>) {
        let map = properties
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        self.ops.push(Op::BeginMarkedContentWithProperties {
            tag: tag.to_owned(),
            properties: DictItem::Dict { map },
        });
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.ops.push(Op::EndMarkedContent);
        }
    }

    /// An annotation over the next text, which becomes a link of its part.
    fn link(&mut self, place: (f32, f32), size: (f32, f32), target: &str) {
        let (Tag::Part(part), Some(actions)) = (self.tag, self.action(target)) else {
            return;
        };
        let rect = self.rect(place, size);
        let border = Some(BorderArray::Solid([0.0, 0.0, 0.0]));
        let (color, none) = (Some(ColorArray::Transparent), Some(HighlightingMode::None));
        let link = LinkAnnotation::new(rect, actions, border, color, none);
        self.ops.push(Op::LinkAnnotation { link });
        self.link = Some(self.tagged.link(part, target));
    }

    fn text(&mut self, text: &Text) {
        if let Some(Mark::Owned(Owner::Link(_))) = self.open {
            self.tagged.link_words(&text.text);
        }
        let Some(font) = self.desk.fonts.get(&text.face) else {
            return;
        };
        let count = text.glyphs.len();
        let glyphs: Vec<Codepoint> = text
            .clusters()
            .enumerate()
            .map(|(i, (glyph, characters))| {
                let natural = font.width(glyph.id);
                // Positive numbers move left: what layout added to the natural width goes in negated.
                let extra = natural - glyph.advance / text.size * 1000.0;
                let offset = if i + 1 == count || extra.abs() < 0.5 {
                    0.0
                } else {
                    extra.round()
                };
                Codepoint::with_cid(font.code(glyph.id), offset, characters.to_owned())
            })
            .collect();
        let (font, size) = (font.handle(), Pt(round(text.size)));
        self.set_fill(text.color);
        let place = [round(text.x), round(self.height - text.y)];
        let matrix = TextMatrix::Raw([1.0, 0.0, 0.0, 1.0, place[0], place[1]]);
        self.ops.extend([
            Op::StartTextSection,
            Op::SetFont { font, size },
            Op::SetTextMatrix { matrix },
        ]);
        self.show(text, glyphs);
        self.ops.push(Op::EndTextSection);
    }

    /// Shows glyphs; where the words are of another language than the document's, that is said.
    fn show(&mut self, text: &Text, glyphs: Vec<Codepoint>) {
        let clusters: Vec<&str> = text.clusters().map(|(_, characters)| characters).collect();
        let mut glyphs = glyphs.into_iter();
        for (lang, count) in tongue::spans(&clusters, self.desk.lang) {
            let spoken = lang.filter(|_| matches!(self.open, Some(Mark::Owned(_))));
            if let Some(lang) = spoken {
                let lang = DictItem::String {
                    data: lang.as_bytes().to_vec(),
                    literal: true,
                };
                self.begin("Span", vec![("Lang", lang)]);
            }
            let part: Vec<Codepoint> = glyphs.by_ref().take(count).collect();
            self.ops.push(Op::ShowText {
                items: vec![TextItem::GlyphIds(part)],
            });
            if spoken.is_some() {
                self.ops.push(Op::EndMarkedContent);
            }
        }
    }

    fn path(
        &mut self,
        points: &[(f32, f32)],
        closed: bool,
        fill: Option<Color>,
        stroke: Option<Stroke>,
    ) {
        let corners: Vec<LinePoint> = points.iter().map(|point| self.corner(*point)).collect();
        if let Some(fill) = fill {
            self.set_fill(fill);
            let rings = vec![PolygonRing {
                points: corners.clone(),
            }];
            let polygon = Polygon {
                rings,
                mode: PaintMode::Fill,
                winding_order: WindingOrder::NonZero,
            };
            self.ops.push(Op::DrawPolygon { polygon });
        }
        if let Some(stroke) = stroke {
            self.set_stroke(stroke);
            self.ops.push(Op::SetLineJoinStyle {
                join: LineJoinStyle::Round,
            });
            self.ops.push(Op::DrawLine {
                line: PdfLine {
                    points: corners,
                    is_closed: closed,
                },
            });
        }
    }

    fn action(&self, target: &str) -> Option<Actions> {
        let Some(name) = target.strip_prefix('#') else {
            return Some(Actions::uri(encoded(target)));
        };
        let anchor = self
            .desk
            .anchors
            .iter()
            .find(|anchor| anchor.title == name)?;
        let destination = printpdf::Destination::Xyz {
            page: anchor.page + 1,
            left: None,
            top: Some(round(anchor.from_bottom)),
            zoom: None,
        };
        Some(Actions::go_to(destination))
    }

    fn set_fill(&mut self, color: Color) {
        if self.fill.replace(color) != Some(color) {
            self.ops.push(Op::SetFillColor { col: ink(color) });
        }
    }

    fn set_stroke(&mut self, stroke: Stroke) {
        if self.line.replace(stroke) == Some(stroke) {
            return;
        }
        let dash = if stroke.dash > 0.0 {
            LineDashPattern::new(0.0, &[stroke.dash, stroke.dash])
        } else {
            LineDashPattern::solid()
        };
        self.ops.push(Op::SetOutlineColor {
            col: ink(stroke.color),
        });
        self.ops.push(Op::SetOutlineThickness {
            pt: Pt(stroke.width),
        });
        self.ops.push(Op::SetLineDashPattern { dash });
    }

    fn corner(&self, (x, y): (f32, f32)) -> LinePoint {
        LinePoint {
            p: Point {
                x: Pt(round(x)),
                y: Pt(round(self.height - y)),
            },
            bezier: false,
        }
    }

    fn rect(&self, (x, y): (f32, f32), (width, height): (f32, f32)) -> Rect {
        Rect::from_xywh(
            Pt(round(x)),
            Pt(round(self.height - y - height)),
            Pt(round(width)),
            Pt(round(height)),
        )
    }
}

/// An address may hold ASCII only: the bytes of anything else are percent-encoded.
fn encoded(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn ink(color: Color) -> Ink {
    let [r, g, b] = color.parts().map(|part| (part * 1000.0).round() / 1000.0);
    Ink::Rgb(Rgb::new(r, g, b, None))
}

/// Hundredths of a point: finer than any printer, and short in the file.
fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
