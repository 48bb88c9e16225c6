//! PNG: the same placed items as pixels, for previews and for the charts of a mail; and the pictures that come from outside.

mod few;
mod logo;

pub(crate) use logo::{logo, raster};

use crate::chart::{self, Frame};
use crate::fonts::{FaceId, Fonts};
use crate::layout::look::Palette;
use crate::layout::text::Typesetter;
use crate::layout::{Color, Item, Page, Stroke, Text};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Chart, Spark, Theme};
use skrifa::outline::OutlinePen;
use std::collections::BTreeMap;
use tiny_skia::{
    FillRule, FilterQuality, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect,
    StrokeDash, Transform,
};

/// CSS pixels per point: pictures for mail are sized in pixels, layout works in points.
const PIXELS_PER_POINT: f32 = 96.0 / 72.0;

/// Size of a chart's labels, in CSS pixels: readable where the picture shrinks to a phone, calm where it does not.
const LABEL: f32 = 12.0;

/// A picture and the size at which it is meant to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub png: Vec<u8>,
    /// Width in CSS pixels; the file has `scale` times as many.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
}

/// Draws pages, `scale` pixels per point.
///
/// # Errors
/// When a picture would be empty or too large.
pub fn pages(pages: &[Page], fonts: &Fonts, scale: f32) -> Result<Vec<Vec<u8>>, Problems> {
    let mut brush = Brush::new(fonts);
    pages
        .iter()
        .map(|page| {
            let size = (pixels(page.width * scale), pixels(page.height * scale));
            let drawn = brush.drawn(&page.items, size, scale)?;
            Ok(drawn.encode_png().map_err(|e| not_encoded(&e))?)
        })
        .collect()
}

/// Draws a chart for mail, `width` CSS pixels wide and `scale` times as many in the file.
///
/// # Errors
/// When the theme cannot be read, the chart's words have a character that no font has, or the picture is too large.
pub fn chart(
    chart: &Chart,
    theme: &Theme,
    width: u32,
    scale: f32,
    fonts: &Fonts,
) -> Result<Picture, Problems> {
    let size = LABEL / PIXELS_PER_POINT * f32::from(theme.size) / 100.0;
    let height = pixels(chart::height(chart, size) * PIXELS_PER_POINT);
    let frame = Frame {
        width: points(width),
        height: points(height),
        palette: Palette::new(theme)?,
        size,
    };
    let mut setter = Typesetter::new(fonts);
    let items = chart::draw(chart, &frame, &mut setter);
    let (errors, _) = setter.missing();
    if !errors.is_empty() {
        return Err(Problems(errors));
    }
    picture(&items, (width, height), scale, fonts)
}

/// Draws a sparkline for mail.
///
/// # Errors
/// When the theme cannot be read or the picture is too large.
pub fn spark(
    spark: &Spark,
    theme: &Theme,
    size: (u32, u32),
    scale: f32,
    fonts: &Fonts,
) -> Result<Picture, Problems> {
    let palette = Palette::new(theme)?;
    let frame = Frame {
        width: points(size.0),
        height: points(size.1),
        palette,
        size: points(11),
    };
    picture(&chart::spark(spark, &frame), size, scale, fonts)
}

fn picture(
    items: &[Item],
    (width, height): (u32, u32),
    scale: f32,
    fonts: &Fonts,
) -> Result<Picture, Problems> {
    let per_point = PIXELS_PER_POINT * scale;
    let size = (
        pixels(points(width) * per_point),
        pixels(points(height) * per_point),
    );
    let drawn = Brush::new(fonts).drawn(items, size, per_point)?;
    let png = few::encode(&drawn).map_err(|e| not_encoded(&e))?;
    Ok(Picture { png, width, height })
}

fn not_encoded(error: &::png::EncodingError) -> Diagnostic {
    Diagnostic::error(format!("a picture cannot be encoded: {error}"))
}

fn points(pixels: u32) -> f32 {
    f32::from(u16::try_from(pixels).unwrap_or(u16::MAX)) / PIXELS_PER_POINT
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what a picture can be"
)]
fn pixels(length: f32) -> u32 {
    length.round().clamp(0.0, 30_000.0) as u32
}

/// Draws items; keeps the outlines of glyphs.
struct Brush<'a> {
    fonts: &'a Fonts,
    glyphs: BTreeMap<(FaceId, u16), Option<Path>>,
}

impl<'a> Brush<'a> {
    fn new(fonts: &'a Fonts) -> Self {
        Self {
            fonts,
            glyphs: BTreeMap::new(),
        }
    }

    fn drawn(
        &mut self,
        items: &[Item],
        (width, height): (u32, u32),
        scale: f32,
    ) -> Result<Pixmap, Diagnostic> {
        let mut pixmap = Pixmap::new(width, height).ok_or_else(|| {
            Diagnostic::error(format!(
                "a picture of {width} x {height} pixels cannot be drawn"
            ))
        })?;
        pixmap.fill(tiny_skia::Color::WHITE);
        let transform = Transform::from_scale(scale, scale);
        for item in items {
            self.item(item, transform, &mut pixmap);
        }
        Ok(pixmap)
    }

    fn item(&mut self, item: &Item, transform: Transform, pixmap: &mut Pixmap) {
        match item {
            Item::Text(text) => self.text(text, transform, pixmap),
            Item::Rect {
                x,
                y,
                width,
                height,
                fill,
            } => {
                if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                    pixmap.fill_rect(rect, &paint(*fill), transform, None);
                }
            }
            Item::Line { from, to, stroke } => {
                if let Some(path) = polyline(&[*from, *to], false) {
                    draw_stroke(&path, *stroke, transform, pixmap);
                }
            }
            Item::Path {
                points,
                closed,
                fill,
                stroke,
            } => {
                let Some(path) = polyline(points, *closed) else {
                    return;
                };
                if let Some(fill) = fill {
                    pixmap.fill_path(&path, &paint(*fill), FillRule::Winding, transform, None);
                }
                if let Some(stroke) = stroke {
                    draw_stroke(&path, *stroke, transform, pixmap);
                }
            }
            Item::Picture {
                x,
                y,
                width,
                height,
                png,
            } => paste(png, (*x, *y), (*width, *height), transform, pixmap),
            Item::Tag(_) | Item::Link { .. } | Item::Anchor { .. } => {}
        }
    }

    fn text(&mut self, text: &Text, transform: Transform, pixmap: &mut Pixmap) {
        let paint = paint(text.color);
        let mut pen = text.x;
        for glyph in &text.glyphs {
            if let Some(path) = self.outline(text.face, glyph.id) {
                let place = transform
                    .pre_translate(pen, text.y)
                    .pre_scale(text.size, -text.size);
                pixmap.fill_path(path, &paint, FillRule::Winding, place, None);
            }
            pen += glyph.advance;
        }
    }

    fn outline(&mut self, face: FaceId, glyph: u16) -> Option<&Path> {
        let fonts = self.fonts;
        self.glyphs
            .entry((face, glyph))
            .or_insert_with(|| {
                let mut pen = Pen(PathBuilder::new());
                fonts.face(face).outline(glyph, 1.0, &mut pen);
                pen.0.finish()
            })
            .as_ref()
    }
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(color.0, color.1, color.2, 255);
    paint.anti_alias = true;
    paint
}

fn polyline(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (i, (x, y)) in points.iter().enumerate() {
        if i == 0 {
            builder.move_to(*x, *y);
        } else {
            builder.line_to(*x, *y);
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// A picture at its place; one that cannot be read was refused when the theme was.
fn paste(
    png: &[u8],
    (x, y): (f32, f32),
    (width, height): (f32, f32),
    transform: Transform,
    pixmap: &mut Pixmap,
) {
    let Ok(picture) = Pixmap::decode_png(png) else {
        return;
    };
    let [across, down] = [picture.width(), picture.height()]
        .map(|side| f32::from(u16::try_from(side).unwrap_or(u16::MAX)));
    let place = transform
        .pre_translate(x, y)
        .pre_scale(width / across, height / down);
    let paint = PixmapPaint {
        quality: FilterQuality::Bicubic,
        ..PixmapPaint::default()
    };
    pixmap.draw_pixmap(0, 0, picture.as_ref(), &paint, place, None);
}

fn draw_stroke(path: &Path, stroke: Stroke, transform: Transform, pixmap: &mut Pixmap) {
    let dash = (stroke.dash > 0.0)
        .then(|| StrokeDash::new(vec![stroke.dash, stroke.dash], 0.0))
        .flatten();
    let pen = tiny_skia::Stroke {
        width: stroke.width,
        dash,
        line_join: LineJoin::Round,
        ..tiny_skia::Stroke::default()
    };
    pixmap.stroke_path(path, &paint(stroke.color), &pen, transform, None);
}

/// Collects an outline.
struct Pen(PathBuilder);

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.0.quad_to(cx, cy, x, y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.0.cubic_to(cx0, cy0, cx1, cy1, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
