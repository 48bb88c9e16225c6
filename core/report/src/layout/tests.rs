//! Pages as a whole: heads, headings, short tables, missing glyphs, the sample on every paper.

use super::probe::{check, sample, texts};
use crate::fonts::Fonts;
use crate::layout::{Item, Page, Role};
use chenbao_model::Warned;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{
    Align, Block, Document, Head, Inline, Logo, Meta, Row, RowKind, Section, Table, Theme, Tone,
};

/// The pages alone.
pub(super) fn pages(document: &Document, fonts: &Fonts) -> Result<Warned<Vec<Page>>, Problems> {
    let made = super::pages(document, fonts)?;
    Ok(Warned {
        value: made.value.pages,
        warnings: made.warnings,
    })
}

pub(super) fn meta(page: &str) -> Meta {
    let theme = Theme {
        page: page.into(),
        ..Theme::default()
    };
    Meta {
        title: "测试".into(),
        lang: "zh-CN".into(),
        footer: "运行 test/r0".into(),
        theme,
        ..Meta::default()
    }
}

pub(super) fn found(pages: &[Page], mut wanted: impl FnMut(&str) -> bool) -> Vec<(usize, String)> {
    let of_page = |(number, page)| {
        texts(page)
            .map(move |text| (number, text.text.clone()))
            .collect::<Vec<_>>()
    };
    pages
        .iter()
        .map(|page| page.items.as_slice())
        .enumerate()
        .flat_map(of_page)
        .filter(|(_, text)| wanted(text))
        .collect()
}

#[test]
fn a_head_stands_on_every_page_of_its_table() {
    let fonts = Fonts::embedded().unwrap();
    let heads = vec![
        Head {
            label: "名字".into(),
            align: Align::Left,
        },
        Head {
            label: "数".into(),
            align: Align::Right,
        },
    ];
    let row = |i: usize| Row {
        kind: RowKind::Plain,
        cells: vec![
            vec![Inline::data(format!("row{i}"))],
            vec![Inline::data("1")],
        ],
        ..Row::default()
    };
    let table = Table {
        heads,
        rows: (0..150).map(row).collect(),
        ..Table::default()
    };
    let document = Document {
        meta: meta("a4"),
        blocks: vec![Block::Table(table)],
    };
    let pages = pages(&document, &fonts).unwrap().value;
    assert!(pages.len() >= 3);
    for page in &pages {
        let heads = texts(&page.items)
            .filter(|text| text.text == "名字")
            .count();
        assert_eq!(heads, 1);
    }
}

#[test]
fn the_sample_is_sound_on_every_paper() {
    let fonts = Fonts::embedded().unwrap();
    for (page, count) in [("a4", 2), ("a4-landscape", 4), ("phone", 6)] {
        let mut document = sample::daily();
        document.meta.theme.page = page.into();
        let made = pages(&document, &fonts).unwrap();
        check(&made.value);
        assert!(made.value.len() <= count, "{page}: {}", made.value.len());
        let last = format!("{0} / {0}", made.value.len());
        assert!(
            !found(&made.value, |text| text.ends_with(&last)).is_empty(),
            "{page}"
        );
        assert!(
            !found(&made.value, |text| text.contains("次日稳定值")).is_empty(),
            "{page}"
        );
    }
}

#[test]
fn a_heading_never_stands_alone_at_the_foot_of_a_page() {
    let fonts = Fonts::embedded().unwrap();
    for lines in 30..60 {
        let mut blocks: Vec<Block> = (0..lines)
            .map(|i| Block::Paragraph {
                inlines: vec![Inline::words(format!("行{i}"))],
            })
            .collect();
        let body = vec![Block::Paragraph {
            inlines: vec![Inline::words("正文")],
        }];
        blocks.push(Block::Section(Section {
            title: "标题".into(),
            note: String::new(),
            blocks: body,
        }));
        let document = Document {
            meta: meta("a4"),
            blocks,
        };
        let pages = pages(&document, &fonts).unwrap().value;
        let places = found(&pages, |text| text == "标题" || text == "正文");
        assert_eq!(places[0].0, places[1].0, "{lines}");
    }
}

#[test]
fn a_short_table_and_its_bold_title_stay_on_one_page() {
    let fonts = Fonts::embedded().unwrap();
    let line = |text: &str, bold| Block::Paragraph {
        inlines: vec![Inline {
            bold,
            ..Inline::words(text)
        }],
    };
    let head = |label: &str, align| Head {
        label: label.into(),
        align,
    };
    let row = |i: usize| Row {
        cells: ["行", "1", "词"]
            .map(|text| vec![Inline::words(format!("{text}{i}"))])
            .to_vec(),
        ..Row::default()
    };
    for lines in 35..60 {
        let mut blocks: Vec<Block> = (0..lines).map(|_| line("正文", false)).collect();
        blocks.push(line("小标题", true));
        blocks.push(Block::Table(Table {
            heads: vec![
                head("名", Align::Left),
                head("数", Align::Right),
                head("判断", Align::Left),
            ],
            rows: (0..5).map(row).collect(),
            more: Some("另有 5 行。".into()),
            ..Table::default()
        }));
        let document = Document {
            meta: meta("a4"),
            blocks,
        };
        let pages = pages(&document, &fonts).unwrap().value;
        check(&pages);
        let places = found(&pages, |text| {
            text == "小标题" || text.starts_with("行") || text.starts_with("另有")
        });
        assert_eq!(places.len(), 7, "{places:?}");
        assert!(
            places.iter().all(|(page, _)| *page == places[0].0),
            "{lines}: {places:?}"
        );
    }
}

#[test]
fn a_missing_glyph_is_an_error_in_words_and_a_box_in_data() {
    let fonts = Fonts::embedded().unwrap();
    let document = |inline| Document {
        meta: meta("a4"),
        blocks: vec![Block::Paragraph {
            inlines: vec![inline],
        }],
    };
    let problems = pages(&document(Inline::words("好消息😀")), &fonts).unwrap_err();
    let message = problems.to_string();
    assert!(
        message.contains("😀") && message.contains("U+1F600") && message.contains("好消息"),
        "{message}"
    );
    let made = pages(&document(Inline::data("好消息😀👍🏽了")), &fonts).unwrap();
    assert_eq!(made.warnings.len(), 3);
    assert!(!found(&made.value, |text| text == "好消息□了").is_empty());
}

#[test]
fn no_line_of_the_hard_paragraph_breaks_a_rule() {
    let fonts = Fonts::embedded().unwrap();
    for width in ["a4", "phone"] {
        let blocks = vec![Block::Paragraph {
            inlines: sample::hard(),
        }];
        let made = pages(
            &Document {
                meta: meta(width),
                blocks,
            },
            &fonts,
        )
        .unwrap();
        let mut lines: Vec<(f32, String)> = Vec::new();
        for text in made
            .value
            .iter()
            .flat_map(|page| texts(&page.items))
            .filter(|text| text.size > 7.0 && text.text != "1 / 1")
        {
            match lines.last_mut().filter(|(y, _)| (*y - text.y).abs() < 0.01) {
                Some((_, line)) => line.push_str(&text.text),
                None => lines.push((text.y, text.text.clone())),
            }
        }
        assert!(lines.len() > 1);
        for (_, line) in lines {
            let (first, last) = (
                line.chars().next().unwrap(),
                line.chars().next_back().unwrap(),
            );
            assert!(
                !"，。、；：！？）」』》】”,;:!?)%".contains(first),
                "{line}"
            );
            assert!(!"（「『《【“(−¥+".contains(last), "{line}");
            assert!(
                !line.ends_with("−¥13.9") && !line.ends_with("¥128.4"),
                "{line}"
            );
        }
    }
}

#[test]
fn the_same_document_gives_the_same_pages() {
    let fonts = Fonts::embedded().unwrap();
    let document = sample::daily();
    assert_eq!(
        pages(&document, &fonts).unwrap().value,
        pages(&document, &Fonts::embedded().unwrap()).unwrap().value
    );
}

#[test]
fn a_long_cell_is_cut_with_a_warning_and_stays_on_its_page() {
    let fonts = Fonts::embedded().unwrap();
    let cell = vec![Inline {
        tone: Tone::Plain,
        ..Inline::data("很长的一个单元格。".repeat(200))
    }];
    let heads = vec![
        Head {
            label: "一".into(),
            align: Align::Left,
        },
        Head {
            label: "二".into(),
            align: Align::Left,
        },
    ];
    let row = Row {
        kind: RowKind::Plain,
        cells: vec![vec![Inline::data("短")], cell],
        ..Row::default()
    };
    let table = Table {
        heads,
        rows: vec![row],
        ..Table::default()
    };
    let made = pages(
        &Document {
            meta: meta("a4-landscape"),
            blocks: vec![Block::Table(table)],
        },
        &fonts,
    )
    .unwrap();
    check(&made.value);
    assert_eq!(made.warnings.len(), 1);
}

/// A logo of three shapes, on every paper in every size: it stands at the edge, touches no words, and pushes the title.
#[test]
fn a_logo_has_its_room_on_every_paper_and_in_every_size() {
    let fonts = Fonts::embedded().unwrap();
    for paper in ["a4", "a4-landscape", "phone"] {
        for size in [80, 100, 140] {
            for (width, height) in [(40, 40), (120, 40), (120, 12)] {
                let mut document = sample::daily();
                document.meta.theme.page = paper.into();
                document.meta.theme.size = size;
                document.meta.logo = Some(Logo {
                    png: vec![1],
                    width,
                    height,
                    alt: "晨光".into(),
                });
                let made = super::pages(&document, &fonts).unwrap().value;
                check(&made.pages);
                let first = &made.pages[0].items;
                let logo = first
                    .iter()
                    .find(|item| matches!(item, Item::Picture { .. }));
                let corners = logo.unwrap().corners();
                let [(left, top), (right, bottom)] = corners[..] else {
                    panic!("a picture has two corners");
                };
                let shape = (right - left) / (bottom - top);
                assert!((shape - f32::from(width) / f32::from(height)).abs() < 0.01);
                for text in texts(first) {
                    let [l, t, r, b] = text.area();
                    let apart = l >= right || r <= left || t >= bottom || b <= top;
                    assert!(apart, "{paper} {size} {width}x{height}: {}", text.text);
                }
                let title = texts(first).find(|text| text.text.starts_with("经营"));
                let title = title.unwrap();
                assert!(title.x > right, "{paper} {size}");
                let figure = made.parts.iter().find(|part| part.role == Role::Figure);
                assert_eq!(figure.unwrap().words, "晨光", "it is read first");
            }
        }
    }
}

#[test]
fn a_theme_sizes_type_and_not_the_paper() {
    let fonts = Fonts::embedded().unwrap();
    let at = |size: u16| {
        let mut document = sample::daily();
        document.meta.theme.size = size;
        let made = pages(&document, &fonts).unwrap().value;
        check(&made);
        let title = texts(&made[0].items).find(|text| text.text == "经营日报");
        let title = title.map(|text| (text.size, text.x)).unwrap();
        ((made[0].width, made[0].height), title)
    };
    let (paper, (plain, edge)) = at(100);
    let (larger_paper, (larger, larger_edge)) = at(125);
    assert_eq!((paper, edge), (larger_paper, larger_edge));
    assert!((larger / plain - 1.25).abs() < 0.001);
}
