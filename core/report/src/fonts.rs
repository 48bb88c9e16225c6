//! The fonts that come with the build: two weights, what they cover, their metrics and outlines.

use chenbao_model::Diagnostic;
use harfrust::{Direction, ShapeOptions, ShapePlan, ShaperData, UnicodeBuffer, script};
use skrifa::instance::{LocationRef, Size};
use skrifa::raw::{FontRef, TableProvider as _};
use skrifa::{GlyphId, MetadataProvider as _};
use std::fmt;
use std::sync::Arc;

static REGULAR: &[u8] = include_bytes!("../fonts/NotoSansSC-Regular-gbk.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/NotoSansSC-Bold-gbk.ttf");

/// One of the two weights of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weight {
    /// 400.
    #[default]
    Regular,
    /// 700.
    Bold,
}

impl Weight {
    /// Both weights, in the order of their fonts.
    pub const ALL: [Self; 2] = [Self::Regular, Self::Bold];
}

/// Measures of a font, as parts of its size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metrics {
    /// Above the baseline.
    pub(crate) ascent: f32,
    /// Below the baseline, positive.
    pub(crate) descent: f32,
    /// The box that holds every glyph: left, bottom, right, top.
    pub(crate) bounds: [f32; 4],
}

/// A glyph of a shaped text, as parts of the size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shaped {
    /// Index in the font.
    pub(crate) id: u16,
    /// Distance to the next glyph.
    pub(crate) advance: f32,
    /// The bytes that it stands for; none for the second glyph of a cluster.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One font file.
pub(crate) struct Face {
    /// The file.
    pub(crate) data: &'static [u8],
    /// The parsed file.
    pub(crate) font: FontRef<'static>,
    /// PostScript name, for the PDF.
    pub(crate) name: &'static str,
    /// Its measures.
    pub(crate) metrics: Metrics,
    shaper: ShaperData,
    /// How Latin and how Han is shaped: an ellipsis stands on the line here, in the middle there.
    plans: [ShapePlan; 2],
    units: f32,
}

impl Face {
    fn new(data: &'static [u8], name: &'static str) -> Result<Self, Diagnostic> {
        let font = FontRef::from_index(data, 0)
            .map_err(|e| Diagnostic::error(format!("font {name} does not parse: {e}")))?;
        let m = font.metrics(Size::new(1.0), LocationRef::default());
        let box_ = m.bounds.map_or([0.0, -0.2, 1.0, 0.9], |b| {
            [b.x_min, b.y_min, b.x_max, b.y_max]
        });
        let metrics = Metrics {
            ascent: m.ascent,
            descent: -m.descent,
            bounds: box_,
        };
        let raw = harfrust::FontRef::new(data)
            .map_err(|e| Diagnostic::error(format!("font {name} does not parse: {e}")))?;
        let shaper = ShaperData::new(&raw);
        let plan = |script| {
            let shaper = shaper.shaper(&raw).build();
            ShapePlan::new(&shaper, Direction::LeftToRight, Some(script), None, &[])
        };
        let plans = [plan(script::LATIN), plan(script::HAN)];
        let units = f32::from(font.head().map_or(1000, |head| head.units_per_em()));
        Ok(Self {
            data,
            font,
            name,
            metrics,
            shaper,
            plans,
            units,
        })
    }

    /// The glyphs of a text from left to right.
    pub(crate) fn shape(&self, text: &str) -> Vec<Shaped> {
        let Ok(font) = harfrust::FontRef::new(self.data) else {
            return Vec::new();
        };
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(Direction::LeftToRight);
        let han = text.chars().any(|c| matches!(c, '\u{3000}'..='\u{9fff}'));
        buffer.set_script(if han { script::HAN } else { script::LATIN });
        let shaper = self.shaper.shaper(&font).build();
        let shaped = shaper.shape(
            buffer,
            ShapeOptions::new().plan(Some(&self.plans[usize::from(han)])),
        );
        let (infos, positions) = (shaped.glyph_infos(), shaped.glyph_positions());
        let at = |i: usize| {
            infos
                .get(i)
                .and_then(|info| usize::try_from(info.cluster).ok())
                .unwrap_or(text.len())
        };
        let mut glyphs = Vec::with_capacity(infos.len());
        for (i, (info, position)) in infos.iter().zip(positions).enumerate() {
            let start = at(i);
            let later = (i + 1..=infos.len())
                .map(at)
                .find(|next| *next != start)
                .unwrap_or(text.len());
            let first = i == 0 || at(i - 1) != start;
            glyphs.push(Shaped {
                id: u16::try_from(info.glyph_id).unwrap_or(0),
                advance: f32::from(i16::try_from(position.x_advance).unwrap_or(i16::MAX))
                    / self.units,
                start: if first { start } else { later },
                end: later,
            });
        }
        glyphs
    }

    /// The width of a glyph as part of the size.
    pub(crate) fn advance(&self, glyph: u16) -> f32 {
        self.font
            .glyph_metrics(Size::new(1.0), LocationRef::default())
            .advance_width(GlyphId::from(glyph))
            .unwrap_or(1.0)
    }
}

/// The embedded fonts; cheap to clone, shared by layout and writers.
#[derive(Clone)]
pub struct Fonts {
    faces: Arc<[Face; 2]>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.faces.iter().map(|face| face.name))
            .finish()
    }
}

impl Fonts {
    /// The fonts that come with the build, and no system font: the same page on every machine.
    ///
    /// # Errors
    /// When a font file in the build does not parse.
    pub fn embedded() -> Result<Self, Diagnostic> {
        let faces = [
            Face::new(REGULAR, "NotoSansSC-Regular")?,
            Face::new(BOLD, "NotoSansSC-Bold")?,
        ];
        Ok(Self {
            faces: Arc::new(faces),
        })
    }

    /// The file of a weight.
    pub(crate) fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.faces[0],
            Weight::Bold => &self.faces[1],
        }
    }

    /// Whether a weight has a glyph for a character.
    #[must_use]
    pub fn has(&self, weight: Weight, character: char) -> bool {
        self.face(weight)
            .font
            .charmap()
            .map(character)
            .is_some_and(|glyph| glyph.to_u32() != 0)
    }

    /// The names of the fonts, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        self.faces
            .iter()
            .map(|face| face.name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_cover_the_page_and_have_tabular_figures() {
        let fonts = Fonts::embedded().unwrap();
        for weight in Weight::ALL {
            let face = fonts.face(weight);
            for character in "0123456789.,+−¥%·□●—…→×「」,。、晨报".chars() {
                assert!(fonts.has(weight, character), "{character}");
            }
            let widths: Vec<f32> = "0123456789"
                .chars()
                .map(|c| {
                    face.advance(
                        u16::try_from(face.font.charmap().map(c).unwrap().to_u32()).unwrap(),
                    )
                })
                .collect();
            assert!(
                widths.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-6),
                "{widths:?}"
            );
            assert!(!fonts.has(weight, '😀'));
        }
    }
}
