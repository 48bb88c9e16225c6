//! The sheet: each page that differs, before and after side by side, with the lines that differ.

use crate::dump;
use chenbao_report::fonts::Fonts;
use chenbao_report::layout::Page;
use chenbao_report::png;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// More lines than this tell nobody more.
const MOST_LINES: usize = 40;

/// One case that is not as it was.
pub(crate) struct Difference {
    /// Its name.
    pub(crate) name: String,
    before: Vec<Page>,
    after: Vec<Page>,
}

impl Difference {
    /// What was expected, as dumped, and what came.
    pub(crate) fn new(name: &str, before: &str, after: Vec<Page>) -> Self {
        Self {
            name: name.to_owned(),
            before: dump::read(before),
            after,
        }
    }
}

/// The sheet as one HTML file with its pictures in it.
pub(crate) fn write(differences: &[Difference], fonts: &Fonts) -> String {
    let mut out = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Golden pages</title><style>body{font:14px sans-serif;margin:20px;background:#ddd}\
         img{background:#fff;width:48vw;vertical-align:top;border:1px solid #999}pre{white-space:pre-wrap}.gone{color:#a00}.new{color:#060}</style>\n",
    );
    for one in differences {
        for i in 0..one.before.len().max(one.after.len()) {
            let lines = |pages: &[Page]| {
                let page = pages.get(i).map(std::slice::from_ref).unwrap_or_default();
                dump::write(page)
            };
            let (before, after) = (lines(&one.before), lines(&one.after));
            if before == after {
                continue;
            }
            writeln!(out, "<h2>{} · page {}</h2>", one.name, i + 1).unwrap();
            for pages in [&one.before, &one.after] {
                match pages.get(i) {
                    Some(page) => picture(page, fonts, &mut out),
                    None => out.push_str("<i>no such page</i> "),
                }
            }
            changed(&before, &after, &mut out);
        }
    }
    out
}

fn picture(page: &Page, fonts: &Fonts, out: &mut String) {
    let png = png::pages(std::slice::from_ref(page), fonts, 1.6).unwrap();
    let coded = base64(&png[0]);
    writeln!(out, "<img src=\"data:image/png;base64,{coded}\">").unwrap();
}

fn changed(before: &str, after: &str, out: &mut String) {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (before.lines().collect(), after.lines().collect());
    out.push_str("<pre>");
    for (class, sign, lines) in [
        ("gone", '−', old.difference(&new)),
        ("new", '+', new.difference(&old)),
    ] {
        for line in lines.take(MOST_LINES) {
            let line = line.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(out, "<span class=\"{class}\">{sign} {line}</span>").unwrap();
        }
    }
    out.push_str("</pre>\n");
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0);
            let coded = char::from(ALPHABET[index]);
            out.push(if i <= chunk.len() { coded } else { '=' });
        }
    }
    out
}
