//! The SVG of the design pictures' document: every word and every outline is there, and nothing but.

use super::{Short, escaped, pages};
use crate::fonts::Fonts;
use crate::layout::probe::{sample, texts};
use crate::layout::{self, Page};
use std::collections::BTreeSet;

fn laid(fonts: &Fonts) -> Vec<Page> {
    layout::pages(&sample::daily(), fonts).unwrap().value.pages
}

/// What stands behind each `key="`.
fn values<'a>(svg: &'a str, key: &str) -> Vec<&'a str> {
    let begins = format!(" {key}=\"");
    let parts = svg.split(begins.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn the_same_pages_give_the_same_text() {
    let fonts = Fonts::embedded().unwrap();
    let written = pages(&laid(&fonts), &fonts);
    assert_eq!(written, pages(&laid(&fonts), &fonts));
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|page| page.len() < 400_000));
}

#[test]
fn every_word_is_named_and_every_glyph_is_drawn_from_an_outline_that_is_there() {
    let fonts = Fonts::embedded().unwrap();
    let laid = laid(&fonts);
    for (page, svg) in laid.iter().zip(pages(&laid, &fonts)) {
        let named: BTreeSet<&str> = values(&svg, "aria-label").into_iter().collect();
        for text in texts(&page.items).filter(|text| !text.text.trim().is_empty()) {
            assert!(
                named.contains(escaped(&text.text).as_str()),
                "{}",
                text.text
            );
        }
        let outlines = values(&svg, "id");
        let known: BTreeSet<&str> = outlines.iter().copied().collect();
        assert_eq!(outlines.len(), known.len(), "each outline once");
        let used: BTreeSet<&str> = values(&svg, "href")
            .into_iter()
            .map(|name| name.trim_start_matches('#'))
            .collect();
        assert_eq!(used, known, "no outline too many, none too few");
    }
}

#[test]
fn what_data_says_is_words_and_nothing_else() {
    let fonts = Fonts::embedded().unwrap();
    let all = pages(&laid(&fonts), &fonts).concat();
    assert!(all.contains("&lt;b>&amp;&quot;{{ x }}&lt;/td> =cmd()"));
    assert!(!all.contains("<b>") && !all.contains("</td>"));
    assert_eq!(escaped("a\u{0}\u{1b}b\u{ffff}"), "ab");
}

#[test]
fn lengths_are_short() {
    for (length, written) in [
        (1.0, "1"),
        (0.126, "0.13"),
        (-0.001, "0"),
        (841.89, "841.89"),
    ] {
        assert_eq!(Short(length).to_string(), written);
    }
}
