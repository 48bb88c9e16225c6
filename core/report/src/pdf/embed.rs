//! Fonts in the PDF: cut to the used glyphs, each with its width and its text.

use crate::fonts::{Face, FaceId, Fonts};
use crate::layout::{Item, Page};
use chenbao_model::{Diagnostic, Digest};
use printpdf::{FontId, FontMetrics, ParsedFont, PdfDocument, PdfFont, PdfFontHandle};
use std::collections::{BTreeMap, BTreeSet};
use subsetter::GlyphRemapper;

/// One face as it goes into the file.
pub(super) struct Embedded {
    id: FontId,
    font: ParsedFont,
    codes: BTreeMap<u16, u16>,
    /// By the font's own glyph, in thousandths of the size.
    widths: BTreeMap<u16, u16>,
}

/// Every face that the pages show, cut to what they show of it.
pub(super) fn faces(
    fonts: &Fonts,
    pages: &[Page],
) -> Result<BTreeMap<FaceId, Embedded>, Diagnostic> {
    let mut used: BTreeMap<FaceId, BTreeSet<u16>> = BTreeMap::new();
    for item in pages.iter().flat_map(|page| &page.items) {
        if let Item::Text(text) = item {
            let glyphs = used.entry(text.face).or_default();
            glyphs.extend(text.glyphs.iter().map(|glyph| glyph.id));
        }
    }
    used.into_iter()
        .enumerate()
        .map(|(n, (id, glyphs))| Ok((id, Embedded::new(fonts.face(id), n, &glyphs)?)))
        .collect()
}

impl Embedded {
    fn new(face: &Face, number: usize, used: &BTreeSet<u16>) -> Result<Self, Diagnostic> {
        let mut remapper = GlyphRemapper::new();
        let codes: BTreeMap<u16, u16> = used
            .iter()
            .map(|glyph| (*glyph, remapper.remap(*glyph)))
            .collect();
        let widths: BTreeMap<u16, u16> = used
            .iter()
            .map(|glyph| (*glyph, thousandths(face.advance(*glyph))))
            .collect();
        Ok(Self {
            id: FontId(format!("F{number}")),
            font: parsed(face, &remapper, &codes, &widths)?,
            codes,
            widths,
        })
    }

    /// Puts the font into the document.
    pub(super) fn register(&self, pdf: &mut PdfDocument) {
        let font = PdfFont::new(self.font.clone());
        pdf.resources.fonts.map.insert(self.id.clone(), font);
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
    let bytes = subsetter::subset(face.bytes(), face.index, remapper).map_err(|e| {
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
    stub.us_weight_class = face.weight;
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
