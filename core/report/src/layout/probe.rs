//! What tests ask of placed items: does anything leave the page, does any text touch another.

use super::item::{Item, Page, Text};

/// The design pictures' document, as the example builds it.
#[path = "../../examples/sample_pages/sample.rs"]
pub(crate) mod sample;

/// The first item that leaves `width` x `height`.
pub(crate) fn outside(items: &[Item], (width, height): (f32, f32)) -> Option<&Item> {
    let inside =
        |(x, y): &(f32, f32)| *x >= -0.6 && *y >= -0.6 && *x <= width + 0.6 && *y <= height + 0.6;
    items.iter().find(|item| !item.corners().iter().all(inside))
}

/// The first two texts that touch; a hair is allowed between neighbours on one line.
pub(crate) fn overlap(items: &[Item]) -> Option<(&str, &str)> {
    let texts: Vec<&Text> = texts(items).collect();
    for (i, a) in texts.iter().enumerate() {
        for b in &texts[i + 1..] {
            let ([al, at, ar, ab], [bl, bt, br, bb]) = (a.area(), b.area());
            if al + 0.2 < br && bl + 0.2 < ar && at < bb && bt < ab {
                return Some((&a.text, &b.text));
            }
        }
    }
    None
}

/// All texts, in order.
pub(crate) fn texts(items: &[Item]) -> impl Iterator<Item = &Text> {
    items.iter().filter_map(|item| match item {
        Item::Text(text) => Some(text),
        _ => None,
    })
}

/// Every page is sound.
pub(crate) fn check(pages: &[Page]) {
    for (number, page) in pages.iter().enumerate() {
        assert_eq!(
            outside(&page.items, (page.width, page.height)),
            None,
            "page {}",
            number + 1
        );
        assert_eq!(overlap(&page.items), None, "page {}", number + 1);
    }
}
