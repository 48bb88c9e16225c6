//! Pagination of random documents, on every paper: every row once and whole, totals and headings never alone, nothing
//! overlaps, nothing leaves the page.

use super::probe::{check, sample};
use super::tests::{found, meta, pages};
use crate::fonts::Fonts;
use crate::layout::{Item, Page};
use chenbao_model::document::{
    Action, Align, Block, Document, Head, Inline, Row, RowKind, Section, Table,
};
use fastrand::Rng;
use std::collections::BTreeMap;

const WORDS: [&str; 8] = [
    "加绒打底裤",
    "点击-成交率",
    "−¥13.9 万",
    "「保暖」",
    "iPhone17",
    "退款率 38.4%",
    "https://example.com/very/long/path/without/spaces",
    "常青。",
];

fn words(random: &mut Rng, most: usize) -> String {
    (0..random.usize(0..=most))
        .map(|_| WORDS[random.usize(0..WORDS.len())])
        .collect::<Vec<_>>()
        .join(",")
}

/// A table whose rows begin with `T3R17` and end with `E3R17`; its middle cells wrap and end with `M3R17`.
fn table(random: &mut Rng, number: usize) -> Table {
    let head = |label: String, align| Head { label, align };
    let mut heads = vec![head(format!("H{number}"), Align::Left)];
    heads.extend((1..random.usize(2..6)).map(|i| match i % 2 {
        0 => head(format!("列{i}"), Align::Left),
        _ => head(format!("数{i}"), Align::Right),
    }));
    heads.push(head("末".into(), Align::Left));
    let count = random.usize(0..90);
    let cell = |random: &mut Rng, head: &Head, row: usize| match (head.label.as_str(), head.align) {
        (label, _) if label.starts_with('H') => format!("T{number}R{row}"),
        ("末", _) => format!("E{number}R{row}"),
        (_, Align::Right) => format!("{}", random.u32(..)),
        (_, Align::Left) => format!("{} M{number}R{row}", words(random, 5)),
    };
    let rows = (0..count).map(|row| {
        let cells = heads
            .iter()
            .map(|head| vec![Inline::data(cell(random, head, row))]);
        let cells = cells.collect();
        let kind = match (row + 1 == count, random.u8(0..9)) {
            (true, 0..5) => RowKind::Total,
            (false, 0) => RowKind::Marked,
            _ => RowKind::Plain,
        };
        Row {
            kind,
            cells,
            ..Row::default()
        }
    });
    let rows = rows.collect();
    Table {
        heads,
        rows,
        ..Table::default()
    }
}

/// Something that is no table: every block of the vocabulary in turn.
fn filler(random: &mut Rng) -> Vec<Block> {
    let inlines = |random: &mut Rng, most| vec![Inline::words(words(random, most))];
    let action = |random: &mut Rng| Action {
        title: inlines(random, 4),
        reason: inlines(random, 14),
        stake: "¥8.6 万/天".into(),
        confidence: "把握 高".into(),
    };
    let mut blocks = sample::daily().blocks;
    match random.u8(0..7) {
        0 => vec![Block::Note {
            inlines: inlines(random, 60),
        }],
        1 => vec![Block::Actions {
            actions: (0..random.usize(1..4)).map(|_| action(random)).collect(),
        }],
        2 => vec![Block::List {
            ordered: random.bool(),
            items: (0..random.usize(1..9))
                .map(|_| inlines(random, 9))
                .collect(),
        }],
        3 => vec![Block::PageBreak],
        4 => vec![blocks.swap_remove(random.usize(0..blocks.len()))],
        5 => {
            let charts = sample::charts(&sample::daily());
            vec![Block::Chart(charts[random.usize(0..charts.len())].clone())]
        }
        _ => vec![Block::Paragraph {
            inlines: inlines(random, 40),
        }],
    }
}

fn document(random: &mut Rng, paper: &str) -> (Document, Vec<Table>) {
    let mut blocks = Vec::new();
    let mut tables = Vec::new();
    for number in 0..random.usize(1..4) {
        blocks.extend(filler(random));
        let table = table(random, number);
        tables.push(table.clone());
        let mut inner = vec![Block::Table(table)];
        inner.extend(filler(random));
        let section = Block::Section(Section {
            title: format!("S{number}"),
            note: words(random, 3),
            blocks: inner,
        });
        blocks.push(match random.u8(0..3) {
            0 => Block::Columns {
                columns: vec![vec![section], filler(random)],
            },
            _ => section,
        });
    }
    let meta = meta(paper);
    (Document { meta, blocks }, tables)
}

/// Where each token `T3R17`, `M3R17`, `E3R17`, `H3`, `S3` stands; a token may stand more than once.
fn tokens(pages: &[Page]) -> BTreeMap<String, Vec<usize>> {
    let is_token = |text: &str| {
        let first = text.chars().next();
        first.is_some_and(|c| "TMEHS".contains(c))
            && text.chars().skip(1).all(|c| c == 'R' || c.is_ascii_digit())
    };
    let mut out: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (page, text) in found(pages, |_| true) {
        for word in text.split([' ', ',']).filter(|word| is_token(word)) {
            out.entry(word.to_owned()).or_default().push(page);
        }
    }
    out
}

fn check_table(number: usize, table: &Table, seen: &BTreeMap<String, Vec<usize>>) {
    let at = |token: String| seen.get(&token).cloned().unwrap_or_default();
    let mut before: Option<usize> = None;
    for (i, row) in table.rows.iter().enumerate() {
        let first = at(format!("T{number}R{i}"));
        assert_eq!(first.len(), 1, "row {i} of table {number} stands once");
        let page = first[0];
        let parts = at(format!("M{number}R{i}"))
            .into_iter()
            .chain(at(format!("E{number}R{i}")));
        assert!(
            parts.into_iter().all(|part| part == page),
            "row {i} is cut in two"
        );
        assert!(
            at(format!("H{number}")).contains(&page),
            "the head stands on page {page}"
        );
        if row.kind == RowKind::Total && i > 0 {
            assert_eq!(before, Some(page), "the total stands alone");
        }
        before = Some(page);
    }
    let heading = at(format!("S{number}"));
    let content = at(format!("T{number}R0"));
    if let (Some(heading), Some(first)) = (heading.first(), content.first()) {
        assert_eq!(heading, first, "heading {number} stands alone");
    }
}

#[test]
fn random_documents_are_sound_on_every_paper() {
    let fonts = Fonts::embedded().unwrap();
    let mut random = Rng::with_seed(20_261_122);
    for round in 0..120 {
        let paper = ["a4", "a4-landscape", "phone"][round % 3];
        let (mut document, tables) = document(&mut random, paper);
        document.meta.theme.size = [100, 80, 140][round / 3 % 3];
        let pages = pages(&document, &fonts).unwrap().value;
        check(&pages);
        let seen = tokens(&pages);
        for (number, table) in tables.iter().enumerate() {
            check_table(number, table, &seen);
        }
        for (number, page) in pages.iter().enumerate() {
            // Beside what stands on every page: a rule, what the foot says, and the number.
            let placed = page
                .items
                .iter()
                .filter(|item| !matches!(item, Item::Tag(_)));
            assert!(
                placed.count() > 3,
                "page {} of {round} is blank",
                number + 1
            );
        }
    }
}
