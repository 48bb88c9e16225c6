//! PNG in few colours: a chart is some flat colours and the soft edges between them, which one byte per pixel can name.

use ::png::{BitDepth, ColorType, Encoder, Filter};
use std::collections::BTreeMap;
use tiny_skia::Pixmap;

/// How many bits of each part of a colour are not looked at when two colours are told apart.
const BLURRED: u8 = 4;
/// The most colours that a PNG can number.
const MOST: usize = 256;

type Rgb = [u8; 3];

/// The picture, which must be opaque, as a PNG: numbered colours where so few are enough, else all of them.
///
/// # Errors
/// When the encoder refuses.
pub(super) fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, pixmap.width(), pixmap.height());
    encoder.set_depth(BitDepth::Eight);
    let groups = groups(pixmap);
    let mut bytes = Vec::new();
    if groups.len() <= MOST {
        let palette = groups.values().flatten().copied();
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(palette.collect::<Vec<u8>>());
        // Neighbouring numbers are no neighbouring colours: a difference of them says nothing.
        encoder.set_filter(Filter::NoFilter);
        let numbers: BTreeMap<Rgb, u8> = groups.keys().copied().zip(0..=u8::MAX).collect();
        for (colour, count) in runs(pixmap) {
            let number = numbers.get(&group(colour)).copied().unwrap_or_default();
            bytes.extend(std::iter::repeat_n(number, count));
        }
    } else {
        encoder.set_color(ColorType::Rgb);
        for (colour, count) in runs(pixmap) {
            bytes.extend(std::iter::repeat_n(colour, count).flatten());
        }
    }
    encoder.write_header()?.write_image_data(&bytes)?;
    Ok(out)
}

/// Colours with how many pixels in a row have them: a chart is mostly long runs.
fn runs(pixmap: &Pixmap) -> impl Iterator<Item = (Rgb, usize)> {
    let runs = pixmap.pixels().chunk_by(|a, b| a == b);
    runs.filter_map(|run| {
        let first = run.first()?;
        Some(([first.red(), first.green(), first.blue()], run.len()))
    })
}

/// The colours that are not told apart from this one.
fn group(colour: Rgb) -> Rgb {
    colour.map(|part| part >> BLURRED)
}

/// Every group of colours with the one that stands for it: the most frequent, so that flat colours stay what they are.
fn groups(pixmap: &Pixmap) -> BTreeMap<Rgb, Rgb> {
    let mut counts: BTreeMap<Rgb, usize> = BTreeMap::new();
    for (colour, count) in runs(pixmap) {
        *counts.entry(colour).or_default() += count;
    }
    let mut best: BTreeMap<Rgb, (usize, Rgb)> = BTreeMap::new();
    for (colour, count) in counts {
        let held = best.entry(group(colour)).or_default();
        if count > held.0 {
            *held = (count, colour);
        }
    }
    let best = best.into_iter();
    best.map(|(group, (_, colour))| (group, colour)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_skia::{Color, Paint, Rect, Transform};

    #[test]
    fn flat_colours_stay_and_the_file_is_much_smaller() {
        let mut pixmap = Pixmap::new(300, 200).unwrap();
        pixmap.fill(Color::WHITE);
        let mut paint = Paint::default();
        for i in 0..20_u8 {
            paint.set_color_rgba8(26, 102, 224, 255);
            let x = f32::from(i).mul_add(13.3, 3.7);
            let rect = Rect::from_xywh(x, 10.5, 7.7, 150.3).unwrap();
            pixmap.fill_rect(rect, &paint, Transform::from_rotate(3.0), None);
        }
        let few = encode(&pixmap).unwrap();
        let all = pixmap.encode_png().unwrap();
        assert!(few.len() * 2 < all.len(), "{} {}", few.len(), all.len());
        let read = Pixmap::decode_png(&few).unwrap();
        let flat = |pixmap: &Pixmap| {
            let pixels = pixmap.pixels().iter();
            let blue = pixels.filter(|p| [p.red(), p.green(), p.blue()] == [26, 102, 224]);
            blue.count()
        };
        assert!(flat(&read) >= flat(&pixmap), "flat colours are exact");
        for (a, b) in read.pixels().iter().zip(pixmap.pixels()) {
            assert!(a.red().abs_diff(b.red()) < 16 && a.blue().abs_diff(b.blue()) < 16);
        }
    }

    #[test]
    fn a_picture_of_many_colours_keeps_all_of_them() {
        let mut pixmap = Pixmap::new(64, 64).unwrap();
        pixmap.fill(Color::WHITE);
        let mut paint = Paint::default();
        for (x, y) in (0..64_u8).flat_map(|x| (0..64_u8).map(move |y| (x, y))) {
            paint.set_color_rgba8(x * 4, y * 4, x.wrapping_mul(y), 255);
            let rect = Rect::from_xywh(f32::from(x), f32::from(y), 1.0, 1.0).unwrap();
            pixmap.fill_rect(rect, &paint, Transform::identity(), None);
        }
        let read = Pixmap::decode_png(&encode(&pixmap).unwrap()).unwrap();
        assert_eq!(read, pixmap);
    }
}
