//! PDF: placed items become drawing operations of printpdf; real text, subset fonts, links.

mod embed;
mod finish;

#[cfg(test)]
mod tests;

use crate::fonts::{Fonts, Weight};
use crate::layout::{Color, Item, Page, Stroke, Text};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;
use embed::Embedded;
use printpdf::{
    Actions, BorderArray, Codepoint, Color as Ink, ColorArray, HighlightingMode, Line as PdfLine,
    LineDashPattern, LineJoinStyle, LinePoint, LinkAnnotation, Op, PaintMode, PdfDocument, PdfPage,
    PdfSaveOptions, Point, Polygon, PolygonRing, Pt, Rect, Rgb, TextItem, TextMatrix, WindingOrder,
};

/// Writes pages as a PDF; the same pages give the same bytes.
///
/// # Errors
/// When a font cannot be cut to its used glyphs, or the file cannot be put together.
pub fn write(document: &Document, pages: &[Page], fonts: &Fonts) -> Result<Vec<u8>, Problems> {
    let embedded = [
        Embedded::new(fonts, Weight::Regular, pages)?,
        Embedded::new(fonts, Weight::Bold, pages)?,
    ];
    let mut pdf = PdfDocument::new(&document.meta.title);
    for font in &embedded {
        font.register(&mut pdf);
    }
    let anchors = finish::anchors(pages);
    pdf.pages = pages
        .iter()
        .map(|page| write_page(page, &embedded, &anchors))
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
    finish::finish(low, document, &anchors)
}

fn write_page(page: &Page, fonts: &[Embedded; 2], anchors: &[finish::Anchor]) -> PdfPage {
    let mut pen = Pen {
        height: page.height,
        ops: Vec::new(),
        fill: None,
        line: None,
    };
    for item in &page.items {
        pen.item(item, fonts, anchors);
    }
    let size = Rect::from_wh(Pt(page.width), Pt(page.height));
    PdfPage {
        media_box: size.clone(),
        trim_box: size.clone(),
        crop_box: size,
        ops: pen.ops,
    }
}

/// Turns items into operations; remembers what is set already.
struct Pen {
    height: f32,
    ops: Vec<Op>,
    fill: Option<Color>,
    line: Option<Stroke>,
}

impl Pen {
    fn item(&mut self, item: &Item, fonts: &[Embedded; 2], anchors: &[finish::Anchor]) {
        match item {
            Item::Text(text) => self.text(text, fonts),
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
            Item::Link {
                x,
                y,
                width,
                height,
                target,
            } => {
                if let Some(actions) = self.action(target, anchors) {
                    let rect = self.rect((*x, *y), (*width, *height));
                    let border = Some(BorderArray::Solid([0.0, 0.0, 0.0]));
                    let (color, none) =
                        (Some(ColorArray::Transparent), Some(HighlightingMode::None));
                    let link = LinkAnnotation::new(rect, actions, border, color, none);
                    self.ops.push(Op::LinkAnnotation { link });
                }
            }
            Item::Anchor { .. } => {}
        }
    }

    fn text(&mut self, text: &Text, fonts: &[Embedded; 2]) {
        let font = match text.weight {
            Weight::Regular => &fonts[0],
            Weight::Bold => &fonts[1],
        };
        let count = text.glyphs.len();
        let glyphs = text
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
        self.set_fill(text.color);
        let matrix = TextMatrix::Raw([
            1.0,
            0.0,
            0.0,
            1.0,
            round(text.x),
            round(self.height - text.y),
        ]);
        self.ops.extend([
            Op::StartTextSection,
            Op::SetFont {
                font: font.handle(),
                size: Pt(round(text.size)),
            },
            Op::SetTextMatrix { matrix },
            Op::ShowText {
                items: vec![TextItem::GlyphIds(glyphs)],
            },
            Op::EndTextSection,
        ]);
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

    fn action(&self, target: &str, anchors: &[finish::Anchor]) -> Option<Actions> {
        let Some(name) = target.strip_prefix('#') else {
            return Some(Actions::uri(target.to_owned()));
        };
        let anchor = anchors.iter().find(|anchor| anchor.title == name)?;
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

fn ink(color: Color) -> Ink {
    let [r, g, b] = color.parts().map(|part| (part * 1000.0).round() / 1000.0);
    Ink::Rgb(Rgb::new(r, g, b, None))
}

/// Hundredths of a point: finer than any printer, and short in the file.
fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
