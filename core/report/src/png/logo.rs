//! A team's logo: read, and made a PNG of the size in which it is shown. Nothing that it names is fetched or opened.

use super::pixels;
use resvg::usvg;
use tiny_skia::{Pixmap, Transform};

/// The room of a logo in a masthead, in CSS pixels: as high as the title with the line below it.
const ROOM: (f32, f32) = (120.0, 40.0);
/// The most pixels of a side: decoding more costs memory, and nobody sees them.
const MOST_PIXELS: u32 = 2_000;
/// Pixels per CSS pixel of a drawing: sharp in print, too.
const SHARP: f32 = 5.0;
/// What drawings may not hold: words need fonts, and pictures and pages need files.
const REFUSED: [(&str, &str); 3] = [
    ("<text", "turn its text into paths and save it again"),
    ("<image", "save it as PNG: it holds a picture"),
    ("<foreignObject", "save it as PNG: it holds a web page"),
];

/// A logo that can be shown: the PNG file, and its size in CSS pixels.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) png: Vec<u8>,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// Why a picture cannot be shown, and what helps.
pub(crate) type Refused = (String, String);

/// Reads a logo.
pub(crate) fn logo(bytes: &[u8], svg: bool) -> Result<Shown, Refused> {
    if svg { drawing(bytes) } else { picture(bytes) }
}

fn picture(bytes: &[u8]) -> Result<Shown, Refused> {
    let hint = "save it as PNG again; other kinds of pictures cannot be shown";
    // The size stands in the first chunk: it is looked at before memory is asked for.
    let side = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four))
    };
    if let (Some(width), Some(height)) = (side(16), side(20))
        && bytes.starts_with(b"\x89PNG")
        && width.max(height) > MOST_PIXELS
    {
        let why = format!("has {width} x {height} pixels");
        let hint = format!("make it no larger than {MOST_PIXELS} x {MOST_PIXELS}");
        return Err((why, hint));
    }
    let read = Pixmap::decode_png(bytes)
        .map_err(|e| (format!("cannot be read as PNG: {e}"), hint.to_owned()))?;
    let [width, height] = [read.width(), read.height()].map(f32_of);
    let (width, height) = fitted(width, height, 1.0);
    Ok(Shown {
        png: bytes.to_vec(),
        width,
        height,
    })
}

fn drawing(bytes: &[u8]) -> Result<Shown, Refused> {
    let hint = "save it as plain SVG again, or as PNG";
    let unreadable = |why: String| (format!("cannot be read as SVG: {why}"), hint.to_owned());
    let text = str::from_utf8(bytes).map_err(|e| unreadable(e.to_string()))?;
    if let Some((element, hint)) = REFUSED.iter().find(|(tag, _)| text.contains(tag)) {
        let why = format!("holds `{element}>`, which a logo cannot show");
        return Err((why, (*hint).to_owned()));
    }
    let options = usvg::Options {
        // The default opens files and decodes addresses: what a page shows may not depend on either.
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(text, &options).map_err(|e| unreadable(e.to_string()))?;
    let (across, down) = (tree.size().width(), tree.size().height());
    let (width, height) = fitted(across, down, f32::INFINITY);
    let [wide, high] = [width, height].map(|side| f32::from(side) * SHARP);
    let drawn = Pixmap::new(pixels(wide), pixels(high)).and_then(|mut pixmap| {
        let place = Transform::from_scale(wide / across, high / down);
        resvg::render(&tree, place, &mut pixmap.as_mut());
        pixmap.encode_png().ok()
    });
    let png = drawn.ok_or_else(|| unreadable("it has no size".to_owned()))?;
    Ok(Shown { png, width, height })
}

/// The size in which it fits its room, at most so many times its own; at least a pixel.
fn fitted(width: f32, height: f32, most: f32) -> (u16, u16) {
    let part = (ROOM.0 / width).min(ROOM.1 / height).min(most);
    let side = |length: f32| u16::try_from(pixels((length * part).max(1.0))).unwrap_or(u16::MAX);
    (side(width), side(height))
}

fn f32_of(side: u32) -> f32 {
    f32::from(u16::try_from(side).unwrap_or(u16::MAX))
}

/// A picture's pixels as print wants them: on white, three bytes each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

/// The pixels of a PNG file that was read before.
pub(crate) fn raster(png: &[u8]) -> Option<Raster> {
    let read = Pixmap::decode_png(png).ok()?;
    let on_white = |pixel: &tiny_skia::PremultipliedColorU8| {
        let rest = 255 - pixel.alpha();
        [pixel.red(), pixel.green(), pixel.blue()].map(|part| part.saturating_add(rest))
    };
    Some(Raster {
        width: usize::try_from(read.width()).ok()?,
        height: usize::try_from(read.height()).ok()?,
        rgb: read.pixels().iter().flat_map(on_white).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="10" height="10" fill="#ff0000"/></svg>"##;

    #[test]
    fn a_drawing_fills_its_room_and_keeps_its_shape() {
        let shown = logo(SQUARE.as_bytes(), true).unwrap();
        assert_eq!(
            (shown.width, shown.height),
            (80, 40),
            "twice as wide as high"
        );
        let pixels = raster(&shown.png).unwrap();
        assert_eq!((pixels.width, pixels.height), (400, 200));
        assert_eq!(pixels.rgb[..3], [255, 0, 0], "its left half is red");
        let last = pixels.rgb.len() - 3;
        assert_eq!(
            pixels.rgb[last..],
            [255, 255, 255],
            "its right half is empty: paper"
        );
        assert_eq!(
            logo(SQUARE.as_bytes(), true).unwrap(),
            shown,
            "again the same bytes"
        );
    }

    #[test]
    fn a_picture_is_never_enlarged() {
        let mut small = Pixmap::new(16, 8).unwrap();
        small.fill(tiny_skia::Color::BLACK);
        let png = small.encode_png().unwrap();
        let shown = logo(&png, false).unwrap();
        assert_eq!((shown.width, shown.height), (16, 8));
        let mut large = Pixmap::new(480, 60).unwrap();
        large.fill(tiny_skia::Color::BLACK);
        let shown = logo(&large.encode_png().unwrap(), false).unwrap();
        assert_eq!((shown.width, shown.height), (120, 15));
    }

    #[test]
    fn what_cannot_be_shown_says_why() {
        let why = |bytes: &[u8], svg: bool| logo(bytes, svg).unwrap_err();
        assert!(why(b"GIF89a", false).0.contains("cannot be read as PNG"));
        assert!(why(b"<svg", true).0.contains("cannot be read as SVG"));
        let words = SQUARE.replace("<rect", "<text>Shop</text><rect");
        assert!(why(words.as_bytes(), true).1.contains("paths"));
        // A head that claims 100,000 pixels each way; the rest is never looked at.
        let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bomb.extend([0, 1, 134, 160, 0, 1, 134, 160, 8, 6, 0, 0, 0]);
        assert!(why(&bomb, false).0.contains("100000 x 100000"));
    }
}
