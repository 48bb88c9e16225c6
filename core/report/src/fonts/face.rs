//! One face of a font file: what it covers, its measures, and how it shapes a text.

use chenbao_model::Diagnostic;
use harfrust::{
    Direction, Feature, ShapeOptions, ShapePlan, ShaperData, Tag, UnicodeBuffer, script,
};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::{FontRef, TableProvider as _};
use skrifa::string::StringId;
use skrifa::{GlyphId, MetadataProvider as _};
use std::borrow::Cow;
use std::sync::Arc;

/// Figures as wide as each other, so that they stand under each other.
const TABULAR: Feature = Feature {
    tag: Tag::new(b"tnum"),
    value: 1,
    start: 0,
    end: u32::MAX,
};

/// The characters up to here are looked up in a bit map.
const COVERED: u32 = 0x4_0000;

/// Measures of a face, as parts of its size.
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

/// One face.
pub(crate) struct Face {
    data: Cow<'static, [u8]>,
    /// Which face of a collection.
    pub(crate) index: u32,
    /// PostScript name, for the PDF and for messages.
    pub(crate) name: String,
    /// 400 is regular, 700 is bold.
    pub(crate) weight: u16,
    /// Its measures.
    pub(crate) metrics: Metrics,
    covered: Vec<u64>,
    shaper: ShaperData,
    /// How Latin and how Han is shaped: an ellipsis stands on the line here, in the middle there.
    plans: [ShapePlan; 2],
    units: f32,
}

impl Face {
    /// Reads a face of a file.
    pub(super) fn new(data: Cow<'static, [u8]>, index: u32) -> Result<Arc<Self>, Diagnostic> {
        let broken = |e: &dyn std::fmt::Display| {
            Diagnostic::error(format!("a font file does not parse: {e}"))
        };
        let font = FontRef::from_index(&data, index).map_err(|e| broken(&e))?;
        let raw = harfrust::FontRef::from_index(&data, index).map_err(|e| broken(&e))?;
        let m = font.metrics(Size::new(1.0), LocationRef::default());
        let bounds = m.bounds.map_or([0.0, -0.2, 1.0, 0.9], |b| {
            [b.x_min, b.y_min, b.x_max, b.y_max]
        });
        let metrics = Metrics {
            ascent: m.ascent,
            descent: -m.descent,
            bounds,
        };
        let shaper = ShaperData::new(&raw);
        let plan = |script| {
            let shaper = shaper.shaper(&raw).build();
            let features = [TABULAR];
            ShapePlan::new(
                &shaper,
                Direction::LeftToRight,
                Some(script),
                None,
                &features,
            )
        };
        let plans = [plan(script::LATIN), plan(script::HAN)];
        let units = f32::from(font.head().map_or(1000, |head| head.units_per_em()));
        let name = postscript_name(&font);
        let weight = weight(&font);
        let covered = covered(&font);
        Ok(Arc::new(Self {
            data,
            index,
            name,
            weight,
            metrics,
            covered,
            shaper,
            plans,
            units,
        }))
    }

    /// The file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The parsed file; it parsed when the face was made.
    pub(crate) fn font(&self) -> Option<FontRef<'_>> {
        FontRef::from_index(&self.data, self.index).ok()
    }

    /// Whether it has a glyph for a character.
    pub(crate) fn has(&self, character: char) -> bool {
        let code = u32::from(character);
        let word = usize::try_from(code / 64)
            .ok()
            .and_then(|at| self.covered.get(at));
        word.is_some_and(|word| word & (1 << (code % 64)) != 0)
    }

    /// The glyphs of a text from left to right.
    pub(crate) fn shape(&self, text: &str) -> Vec<Shaped> {
        let Ok(font) = harfrust::FontRef::from_index(&self.data, self.index) else {
            return Vec::new();
        };
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(Direction::LeftToRight);
        let han = text.chars().any(|c| matches!(c, '\u{3000}'..='\u{9fff}'));
        buffer.set_script(if han { script::HAN } else { script::LATIN });
        let shaper = self.shaper.shaper(&font).build();
        let options = ShapeOptions::new()
            .plan(Some(&self.plans[usize::from(han)]))
            .features(&[TABULAR]);
        let shaped = shaper.shape(buffer, options);
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

    /// Draws a glyph at a size, y upwards; nothing where it has no outline.
    pub(crate) fn outline(&self, glyph: u16, size: f32, pen: &mut impl OutlinePen) {
        let font = self.font();
        let found = font.and_then(|font| font.outline_glyphs().get(GlyphId::from(glyph)));
        if let Some(outline) = found {
            let settings = DrawSettings::unhinted(Size::new(size), LocationRef::default());
            // A glyph whose outline does not parse leaves what was drawn of it.
            drop(outline.draw(settings, pen));
        }
    }

    /// The width of a glyph as part of the size.
    pub(crate) fn advance(&self, glyph: u16) -> f32 {
        let font = self.font();
        font.and_then(|font| {
            font.glyph_metrics(Size::new(1.0), LocationRef::default())
                .advance_width(GlyphId::from(glyph))
        })
        .unwrap_or(1.0)
    }
}

/// A face of a file, as far as it must be known to choose it.
pub(super) struct Named {
    /// Its family in every language that the file has.
    pub(super) families: Vec<String>,
    pub(super) weight: u16,
    pub(super) index: u32,
}

/// The upright faces of a file.
pub(super) fn named(bytes: &[u8]) -> Vec<Named> {
    let mut faces = Vec::new();
    for index in 0..64 {
        let Ok(font) = FontRef::from_index(bytes, index) else {
            break;
        };
        if font.attributes().style != skrifa::attribute::Style::Normal {
            continue;
        }
        let ids = [StringId::TYPOGRAPHIC_FAMILY_NAME, StringId::FAMILY_NAME];
        let mut families: Vec<String> = ids
            .into_iter()
            .flat_map(|id| font.localized_strings(id))
            .map(|name| name.to_string())
            .collect();
        families.sort();
        families.dedup();
        faces.push(Named {
            families,
            weight: weight(&font),
            index,
        });
    }
    faces
}

fn weight(font: &FontRef<'_>) -> u16 {
    font.os2().map_or(400, |os2| os2.us_weight_class())
}

fn postscript_name(font: &FontRef<'_>) -> String {
    let name = font
        .localized_strings(StringId::POSTSCRIPT_NAME)
        .english_or_first()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let plain: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    if plain.is_empty() {
        "Font".to_owned()
    } else {
        plain
    }
}

fn covered(font: &FontRef<'_>) -> Vec<u64> {
    let mut bits = vec![0_u64; 0];
    for (code, glyph) in font.charmap().mappings() {
        if glyph.to_u32() == 0 || code >= COVERED {
            continue;
        }
        let Ok(at) = usize::try_from(code / 64) else {
            continue;
        };
        if bits.len() <= at {
            bits.resize(at + 1, 0);
        }
        bits[at] |= 1 << (code % 64);
    }
    bits
}
