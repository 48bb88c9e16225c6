//! Golden pages: what is placed where, per case one file; a difference makes a sheet that shows before and after.
//!
//! `UPDATE=1` rewrites the files and still fails: look at the sheet, then run again without it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

#[path = "golden/charts.rs"]
mod charts;
#[path = "golden/dump.rs"]
mod dump;
mod samples;
#[path = "golden/sheet.rs"]
mod sheet;

use chenbao_model::document::Document;
use chenbao_report::fonts::Fonts;
use chenbao_report::layout::{self, Item, Page};
use samples::{composed, everything, sample};
use std::path::{Path, PathBuf};

/// Name, template, sample, role, language, paper.
const CASES: [[&str; 6]; 10] = [
    ["daily", "daily", "full", "management", "zh-CN", "a4"],
    ["daily-finance", "daily", "full", "finance", "zh-CN", "a4"],
    ["daily-en", "daily", "full", "management", "en", "a4"],
    [
        "daily-missing",
        "daily",
        "missing",
        "management",
        "zh-CN",
        "a4",
    ],
    [
        "daily-landscape",
        "daily",
        "full",
        "management",
        "zh-CN",
        "a4-landscape",
    ],
    [
        "daily-phone",
        "daily",
        "full",
        "management",
        "zh-CN",
        "phone",
    ],
    ["weekly", "weekly", "full", "management", "zh-CN", "a4"],
    ["weekly-en", "weekly", "full", "management", "en", "a4"],
    ["campaign", "campaign", "full", "management", "zh-CN", "a4"],
    ["campaign-en", "campaign", "full", "management", "en", "a4"],
];

fn pages([_, template, name, role, lang, paper]: [&str; 6], fonts: &Fonts) -> Vec<Page> {
    let role_name = match (role, lang) {
        ("finance", _) => "财务",
        (_, "en") => "Management",
        _ => "管理层",
    };
    let sample = sample(template, name, (role, role_name), lang);
    let mut document = composed(template, &sample, lang, &everything());
    document.meta.theme.page = paper.to_owned();
    placed(&document, fonts)
}

fn placed(document: &Document, fonts: &Fonts) -> Vec<Page> {
    let mut pages = layout::pages(document, fonts).unwrap().value.pages;
    // What an item is to a reader who does not see it moves nothing; the tree has tests of its own.
    for page in &mut pages {
        page.items.retain(|item| !matches!(item, Item::Tag(_)));
    }
    pages
}

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{name}.txt"))
}

#[test]
fn pages_are_as_they_were() {
    let fonts = Fonts::embedded().unwrap();
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    let reports = CASES.into_iter().map(|case| (case[0], pages(case, &fonts)));
    let charts = ("charts", placed(&charts::document(), &fonts));
    for (name, after) in reports.chain([charts]) {
        let written = dump::write(&after);
        let before = std::fs::read_to_string(file(name)).unwrap_or_default();
        if written == before {
            continue;
        }
        different.push(sheet::Difference::new(name, &before, after));
        if update {
            std::fs::write(file(name), written).unwrap();
        }
    }
    if different.is_empty() {
        return;
    }
    let sheet = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden.html");
    std::fs::write(&sheet, sheet::write(&different, &fonts)).unwrap();
    let names: Vec<&str> = different.iter().map(|one| one.name.as_str()).collect();
    let what = if update {
        "rewritten; run again without UPDATE"
    } else {
        "UPDATE=1 rewrites what is expected"
    };
    let names = names.join(", ");
    panic!(
        "pages differ: {names}\nbefore and after: {}\n{what}",
        sheet.display()
    );
}

/// How much of a page's body its words fill, from 0 to 1; head and foot, which stand in the margins, are not looked at.
fn filled(page: &Page) -> f32 {
    let (top, bottom) = (40.0, page.height - 48.0);
    let ys = page.items.iter().filter_map(|item| match item {
        Item::Text(text) if (top..bottom).contains(&text.y) => Some(text.y),
        _ => None,
    });
    (ys.fold(top, f32::max) - top) / (bottom - top)
}

/// An art director would send back a last page with some notes alone on it, and a page in the middle that ends in white.
#[test]
fn no_page_of_a_report_holds_only_what_was_left_over() {
    let fonts = Fonts::embedded().unwrap();
    for template in ["daily", "weekly", "campaign"] {
        for role in ["management", "operations", "ads", "finance"] {
            for lang in ["zh-CN", "en"] {
                let pages = pages(["", template, "full", role, lang, "a4"], &fonts);
                let parts: Vec<f32> = pages.iter().map(filled).collect();
                let (last, before) = parts.split_last().unwrap();
                assert!(*last > 0.25, "{template} {role} {lang}: {parts:?}");
                assert!(
                    before.iter().all(|part| *part > 0.7),
                    "{template} {role} {lang}: {parts:?}"
                );
            }
        }
    }
}

/// What the sheet draws as before is the page that was dumped.
#[test]
fn a_dump_reads_back_as_the_page() {
    let fonts = Fonts::embedded().unwrap();
    let placed = pages(CASES[0], &fonts);
    let read = dump::read(&dump::write(&placed));
    assert_eq!(dump::write(&read), dump::write(&placed));
    let pixels = |pages: &[Page]| chenbao_report::png::pages(pages, &fonts, 1.0).unwrap();
    assert_eq!(pixels(&read).len(), pixels(&placed).len());
}
