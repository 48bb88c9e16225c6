//! The fonts that come with the build: two weights, what they cover, their metrics and outlines.

use chenbao_model::Diagnostic;
use parley::FontContext;
use parley::fontique::{Blob, Collection, CollectionOptions, FontInfoOverride, FontWeight, SourceCache};
use skrifa::instance::{LocationRef, Size};
use skrifa::raw::FontRef;
use skrifa::{GlyphId, MetadataProvider as _};
use std::fmt;
use std::sync::Arc;

/// The family name under which both weights are known to the shaper.
pub(crate) const FAMILY: &str = "Chenbao Sans";

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

    /// The number that CSS and fonts use.
    #[must_use]
    pub fn value(self) -> f32 {
        match self {
            Self::Regular => 400.0,
            Self::Bold => 700.0,
        }
    }
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
}

impl Face {
    fn new(data: &'static [u8], name: &'static str) -> Result<Self, Diagnostic> {
        let font = FontRef::from_index(data, 0).map_err(|e| Diagnostic::error(format!("font {name} does not parse: {e}")))?;
        let m = font.metrics(Size::new(1.0), LocationRef::default());
        let box_ = m.bounds.map_or([0.0, -0.2, 1.0, 0.9], |b| [b.x_min, b.y_min, b.x_max, b.y_max]);
        let metrics = Metrics { ascent: m.ascent, descent: -m.descent, bounds: box_ };
        Ok(Self { data, font, name, metrics })
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
    context: FontContext,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.faces.iter().map(|face| face.name)).finish()
    }
}

impl Fonts {
    /// The fonts that come with the build, and no system font: the same page on every machine.
    ///
    /// # Errors
    /// When a font file in the build does not parse.
    pub fn embedded() -> Result<Self, Diagnostic> {
        let faces = [Face::new(REGULAR, "NotoSansSC-Regular")?, Face::new(BOLD, "NotoSansSC-Bold")?];
        let mut collection = Collection::new(CollectionOptions { shared: false, system_fonts: false });
        for (face, weight) in faces.iter().zip(Weight::ALL) {
            let info = FontInfoOverride {
                family_name: Some(FAMILY),
                weight: Some(FontWeight::new(weight.value())),
                ..FontInfoOverride::default()
            };
            collection.register_fonts(Blob::new(Arc::new(face.data)), Some(info));
        }
        let context = FontContext { collection, source_cache: SourceCache::default() };
        Ok(Self { faces: Arc::new(faces), context })
    }

    /// The file of a weight.
    pub(crate) fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.faces[0],
            Weight::Bold => &self.faces[1],
        }
    }

    /// The shaper's view of the fonts.
    pub(crate) fn context(&self) -> FontContext {
        self.context.clone()
    }

    /// Whether a weight has a glyph for a character.
    #[must_use]
    pub fn has(&self, weight: Weight, character: char) -> bool {
        self.face(weight).font.charmap().map(character).is_some_and(|glyph| glyph.to_u32() != 0)
    }

    /// The names of the fonts, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        self.faces.iter().map(|face| face.name).collect::<Vec<_>>().join(", ")
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
                .map(|c| face.advance(u16::try_from(face.font.charmap().map(c).unwrap().to_u32()).unwrap()))
                .collect();
            assert!(widths.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-6), "{widths:?}");
            assert!(!fonts.has(weight, '😀'));
        }
    }
}
