//! Pages as text, one line per item, and back: what the text stands for is drawn with the same fonts.

use chenbao_report::fonts::FaceId;
use chenbao_report::layout::{Color, Glyph, Item, Page, Stroke, Text};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};
use std::fmt::Write as _;

const REGULAR: &[u8] = include_bytes!("../../fonts/NotoSansSC-Regular-gbk.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/NotoSansSC-Bold-gbk.ttf");

/// All pages.
pub(crate) fn write(pages: &[Page]) -> String {
    let mut out = String::new();
    for (i, page) in pages.iter().enumerate() {
        let size = points(&[(page.width, page.height)]);
        writeln!(out, "page {} {size}", i + 1).unwrap();
        for item in &page.items {
            if let Some(line) = item_line(item) {
                writeln!(out, "{line}").unwrap();
            }
        }
    }
    out
}

fn weight(face: FaceId) -> &'static str {
    match face == FaceId::BOLD {
        true => "bold",
        false => "regular",
    }
}

fn item_line(item: &Item) -> Option<String> {
    Some(match item {
        Item::Tag(_) => String::new(),
        Item::Text(text) => format!(
            "text {} {} {} {} {} {}",
            points(&[(text.x, text.y)]),
            number(text.width()),
            number(text.size),
            weight(text.face),
            hex(text.color),
            text.text
        ),
        Item::Rect {
            x,
            y,
            width,
            height,
            fill,
        } => format!(
            "rect {} {}",
            points(&[(*x, *y), (*width, *height)]),
            hex(*fill)
        ),
        Item::Line { from, to, stroke } => {
            format!("line {} {}", points(&[*from, *to]), pen(Some(*stroke)))
        }
        Item::Path {
            points: corners,
            closed,
            fill,
            stroke,
        } => format!(
            "path {} {} {} {}",
            if *closed { "closed" } else { "open" },
            fill.map_or("-".to_owned(), hex),
            pen(*stroke),
            points(corners)
        ),
        Item::Picture {
            x,
            y,
            width,
            height,
            png,
        } => format!(
            "picture {} {} bytes",
            points(&[(*x, *y), (*width, *height)]),
            png.len()
        ),
        Item::Link {
            x,
            y,
            width,
            height,
            target,
        } => format!("link {} {target}", points(&[(*x, *y), (*width, *height)])),
        Item::Anchor { y, title, level } => format!("anchor {} {level} {title}", number(*y)),
    })
}

fn number(value: f32) -> String {
    let text = format!("{value:.1}");
    if text == "-0.0" {
        "0.0".to_owned()
    } else {
        text
    }
}

fn points(points: &[(f32, f32)]) -> String {
    let one = |(x, y): &(f32, f32)| format!("{},{}", number(*x), number(*y));
    points.iter().map(one).collect::<Vec<String>>().join(" ")
}

fn hex(color: Color) -> String {
    format!("#{:02x}{:02x}{:02x}", color.0, color.1, color.2)
}

fn pen(stroke: Option<Stroke>) -> String {
    stroke.map_or("- - -".to_owned(), |stroke| {
        format!(
            "{} {:.2} {:.2}",
            hex(stroke.color),
            stroke.width,
            stroke.dash
        )
    })
}

/// The pages of a dump. Glyphs come from the fonts of today; their line is as long as it was.
pub(crate) fn read(dump: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for line in dump.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "page" {
            let (width, height) = point(rest.split(' ').nth(1).unwrap_or("0,0"));
            pages.push(Page {
                width,
                height,
                items: Vec::new(),
            });
        } else if let (Some(page), Some(item)) = (pages.last_mut(), item(kind, rest)) {
            page.items.push(item);
        }
    }
    pages
}

fn item(kind: &str, rest: &str) -> Option<Item> {
    let limit = match kind {
        "text" => 6,
        "link" => 3,
        "anchor" => 3,
        _ => usize::MAX,
    };
    let parts: Vec<&str> = rest.splitn(limit, ' ').collect();
    Some(match (kind, parts.as_slice()) {
        ("text", [at, width, size, weight, color, text]) => Item::Text(set(
            point(at),
            (float(width), float(size)),
            (*weight == "bold", Color::parse(color)?),
            text,
        )),
        ("rect", [at, size, fill]) => Item::Rect {
            x: point(at).0,
            y: point(at).1,
            width: point(size).0,
            height: point(size).1,
            fill: Color::parse(fill)?,
        },
        ("line", [from, to, pen @ ..]) => Item::Line {
            from: point(from),
            to: point(to),
            stroke: stroke(pen)?,
        },
        ("path", [closed, fill, color, width, dash, corners @ ..]) => Item::Path {
            points: corners.iter().map(|text| point(text)).collect(),
            closed: *closed == "closed",
            fill: Color::parse(fill),
            stroke: stroke(&[*color, *width, *dash]),
        },
        ("link", [at, size, target]) => Item::Link {
            x: point(at).0,
            y: point(at).1,
            width: point(size).0,
            height: point(size).1,
            target: (*target).to_owned(),
        },
        ("anchor", [y, level, title]) => Item::Anchor {
            y: float(y),
            title: (*title).to_owned(),
            level: level.parse().ok()?,
        },
        _ => return None,
    })
}

fn float(text: &str) -> f32 {
    text.parse().unwrap_or_default()
}

fn point(text: &str) -> (f32, f32) {
    let (x, y) = text.split_once(',').unwrap_or((text, "0"));
    (float(x), float(y))
}

fn stroke(pen: &[&str]) -> Option<Stroke> {
    let [color, width, dash] = pen else {
        return None;
    };
    Some(Stroke {
        color: Color::parse(color)?,
        width: float(width),
        dash: float(dash),
    })
}

fn set(
    (x, y): (f32, f32),
    (width, size): (f32, f32),
    (bold, color): (bool, Color),
    text: &str,
) -> Text {
    let font = FontRef::new(if bold { BOLD } else { REGULAR }).unwrap();
    let (map, metrics) = (
        font.charmap(),
        font.glyph_metrics(Size::new(size), LocationRef::default()),
    );
    let glyph = |c: char| {
        let id = map.map(c).unwrap_or_default();
        Glyph {
            id: u16::try_from(id.to_u32()).unwrap_or_default(),
            advance: metrics.advance_width(id).unwrap_or_default(),
            bytes: u8::try_from(c.len_utf8()).unwrap_or_default(),
        }
    };
    let mut glyphs: Vec<Glyph> = text.chars().map(glyph).collect();
    let natural: f32 = glyphs.iter().map(|glyph| glyph.advance).sum();
    for glyph in &mut glyphs {
        glyph.advance *= if natural > 0.0 { width / natural } else { 1.0 };
    }
    Text {
        x,
        y,
        size,
        face: if bold { FaceId::BOLD } else { FaceId::REGULAR },
        color,
        text: text.to_owned(),
        glyphs,
    }
}
