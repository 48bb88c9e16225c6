//! Fonts in the PDF: cut to the used glyphs, each with its width and its text.

use crate::fonts::{Face, Fonts, Weight};
use crate::layout::{Item, Page};
use chenbao_model::{Diagnostic, Digest};
use printpdf::{FontId, FontMetrics, ParsedFont, PdfDocument, PdfFont, PdfFontHandle};
use std::collections::{BTreeMap, BTreeSet};
use subsetter::GlyphRemapper;

/// One weight as it goes into the file.
pub(super) struct Embedded {
    id: FontId,
    font: Option<ParsedFont>,
    codes: BTreeMap<u16, u16>,
    /// By the font's own glyph, in thousandths of the size.
    widths: BTreeMap<u16, u16>,
}

impl Embedded {
    /// Cuts a font to what the pages show in this weight.
    pub(super) fn new(fonts: &Fonts, weight: Weight, pages: &[Page]) -> Result<Self, Diagnostic> {
        let face = fonts.face(weight);
        let used: BTreeSet<u16> = pages
            .iter()
            .flat_map(|page| &page.items)
            .filter_map(|item| match item {
                Item::Text(text) if text.weight == weight => {
                    Some(text.glyphs.iter().map(|glyph| glyph.id))
                }
                _ => None,
            })
            .flatten()
            .collect();
        let id = FontId(match weight {
            Weight::Regular => "R".to_owned(),
            Weight::Bold => "B".to_owned(),
        });
        let mut remapper = GlyphRemapper::new();
        let codes: BTreeMap<u16, u16> = used
            .iter()
            .map(|glyph| (*glyph, remapper.remap(*glyph)))
            .collect();
        let widths: BTreeMap<u16, u16> = used
            .iter()
            .map(|glyph| (*glyph, thousandths(face.advance(*glyph))))
            .collect();
        let font = if used.is_empty() {
            None
        } else {
            Some(parsed(face, &remapper, &codes, &widths)?)
        };
        Ok(Self {
            id,
            font,
            codes,
            widths,
        })
    }

    /// Puts the font into the document.
    pub(super) fn register(&self, pdf: &mut PdfDocument) {
        if let Some(font) = &self.font {
            pdf.resources
                .fonts
                .map
                .insert(self.id.clone(), PdfFont::new(font.clone()));
        }
    }

    pub(super) fn handle(&self) -> PdfFontHandle {
        PdfFontHandle::External(self.id.clone())
    }

    /// The glyph's number in the cut font.
    pub(super) fn code(&self, glyph: u16) -> u16 {
        self.codes.get(&glyph).copied().unwrap_or(0)
    }

    /// The glyph's width in thousandths of the size, as the file states it.
    pub(super) fn width(&self, glyph: u16) -> f32 {
        self.widths
            .get(&glyph)
            .map_or(0.0, |width| f32::from(*width))
    }
}

fn parsed(
    face: &Face,
    remapper: &GlyphRemapper,
    codes: &BTreeMap<u16, u16>,
    widths: &BTreeMap<u16, u16>,
) -> Result<ParsedFont, Diagnostic> {
    let bytes = subsetter::subset(face.data, 0, remapper).map_err(|e| {
        Diagnostic::error(format!(
            "font {} cannot be cut to its used glyphs: {e}",
            face.name
        ))
    })?;
    let tag: String = Digest::of(&bytes)
        .as_str()
        .bytes()
        .take(6)
        .map(|digit| char::from(b'A' + digit % 26))
        .collect();
    let coded = codes
        .iter()
        .map(|(glyph, code)| (*code, widths.get(glyph).copied().unwrap_or(0)))
        .collect();
    let per_mille = |part: f32| format!("{:.0}", part * 1000.0).parse::<i16>().unwrap_or(0);
    let metrics = FontMetrics {
        ascent: per_mille(face.metrics.ascent),
        descent: per_mille(-face.metrics.descent),
    };
    let name = Some(format!("{tag}+{}", face.name));
    let mut font =
        ParsedFont::with_glyph_data(bytes, 0, name, BTreeMap::new(), coded, 1000, metrics);
    let [left, bottom, right, top] = face.metrics.bounds.map(per_mille);
    let stub = &mut font.pdf_font_metrics;
    (stub.x_min, stub.y_min, stub.x_max, stub.y_max) = (left, bottom, right, top);
    stub.us_weight_class = if face.name.ends_with("Bold") {
        700
    } else {
        400
    };
    Ok(font)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a width is between 0 and a few ems"
)]
fn thousandths(part: f32) -> u16 {
    (part * 1000.0).round().clamp(0.0, 10_000.0) as u16
}
