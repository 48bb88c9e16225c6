//! Air: how much room stands between things. Each stretch of pages up to a page break has its own, so that no page holds only what was
//! left over and none ends in white that its charts could use.

use super::blocks::Builder;
use super::flow::{Cursor, Pager};
use super::item::Item;
use super::parts::Parts;
use chenbao_model::Diagnostic;
use chenbao_model::document::Block;

/// What is tried where a last page would hold only what was left over, until it needs no page of its own.
const TIGHTER: [f32; 3] = [0.85, 0.7, 0.6];
/// What is tried where a page stands alone and ends in white.
const LOOSER: [f32; 4] = [1.6, 1.45, 1.3, 1.15];
/// A last page filled less than this is what was left over.
const LEFT_OVER: f32 = 0.3;
/// A page filled more than this needs no more air.
const FULL: f32 = 0.85;
/// Nobody looks for white in a longer list.
const MOST_PAGES: usize = 8;

/// A stretch of pages as it was laid out once.
struct Stretch {
    pages: Vec<Vec<Item>>,
    /// How much of the last page is filled, from 0 to 1.
    filled: f32,
    parts: Parts,
    warnings: Vec<Diagnostic>,
}

impl Builder {
    /// The pages of all blocks, down to `bottom`.
    pub(crate) fn pages(&mut self, blocks: &[Block], bottom: f32) -> Vec<Vec<Item>> {
        // A phone scrolls: a break would only leave half a screen empty, and so would air.
        if self.look.paper.scrolls {
            let laid = self.laid(blocks, bottom, 1.0);
            return self.kept(laid);
        }
        let mut pages = Vec::new();
        let stretches = blocks.split(|block| *block == Block::PageBreak);
        for stretch in stretches.filter(|blocks| !blocks.is_empty()) {
            let laid = self.aired(stretch, bottom);
            // Blocks may have nothing to show; no page is turned for them.
            if laid.pages.iter().any(|items| !items.is_empty()) {
                pages.append(&mut self.kept(laid));
            }
        }
        if pages.is_empty() {
            pages.push(Vec::new());
        }
        pages
    }

    /// A stretch with the air that suits it.
    fn aired(&mut self, blocks: &[Block], bottom: f32) -> Stretch {
        let usual = self.laid(blocks, bottom, 1.0);
        let count = usual.pages.len();
        let other = match count {
            1 if usual.filled < FULL => {
                let mut looser = LOOSER.iter().map(|air| self.laid(blocks, bottom, *air));
                looser.find(|laid| laid.pages.len() == count)
            }
            2..=MOST_PAGES if usual.filled < LEFT_OVER => {
                let mut tighter = TIGHTER.iter().map(|air| self.laid(blocks, bottom, *air));
                tighter.find(|laid| laid.pages.len() < count)
            }
            _ => None,
        };
        other.unwrap_or(usual)
    }

    /// Lays a stretch out; nothing of it stays with the builder until it is kept.
    fn laid(&mut self, blocks: &[Block], bottom: f32, air: f32) -> Stretch {
        let (parts, warned) = (self.parts.clone(), self.warnings.len());
        self.look.air = air;
        let (paper, width) = (self.look.paper, self.look.measure());
        let flows = self.blocks(blocks, width);
        let mut pager = Pager::new(paper.top, bottom);
        let top = Cursor {
            page: 0,
            y: paper.top,
        };
        let end = pager.run(flows, paper.side, top);
        let mut filled = (end.y - paper.top) / (bottom - paper.top);
        // A break at the end of a section is one with nothing behind it.
        while pager.pages.len() > 1 && pager.pages.last().is_some_and(Vec::is_empty) {
            pager.pages.pop();
            filled = 1.0;
        }
        Stretch {
            pages: pager.pages,
            filled,
            parts: std::mem::replace(&mut self.parts, parts),
            warnings: self.warnings.split_off(warned),
        }
    }

    fn kept(&mut self, laid: Stretch) -> Vec<Vec<Item>> {
        self.parts = laid.parts;
        self.warnings.extend(laid.warnings);
        laid.pages
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::Look;
    use super::super::probe::{check, sample, texts};
    use super::super::tests::meta;
    use super::super::text::Typesetter;
    use super::*;
    use crate::fonts::Fonts;
    use chenbao_model::document::{Align, Document, Head, Inline, Row, Section, Table};

    /// Three sections: a table of so many rows, a chart, and a note of four lines.
    fn blocks(rows: usize) -> Vec<Block> {
        let head = |label: &str| Head {
            label: label.into(),
            align: Align::Left,
        };
        let cells = |i: usize| ["行", "词"].map(|text| vec![Inline::words(format!("{text}{i}"))]);
        let row = |i: usize| Row {
            cells: cells(i).to_vec(),
            ..Row::default()
        };
        let table = Table {
            heads: vec![head("一"), head("二")],
            rows: (0..rows).map(row).collect(),
            ..Table::default()
        };
        let chart = sample::charts(&sample::daily())[0].clone();
        let inlines = vec![Inline::words(["脚注"; 4].join("\n"))];
        let parts = [
            ("表", Block::Table(table)),
            ("图", Block::Chart(chart)),
            ("注", Block::Note { inlines }),
        ];
        let section = |(title, block): (&str, Block)| {
            Block::Section(Section {
                title: title.into(),
                blocks: vec![block],
                ..Section::default()
            })
        };
        parts.map(section).to_vec()
    }

    fn builder(fonts: &Fonts) -> Builder {
        Builder::new(
            Look::new(&meta("a4").theme).unwrap(),
            Typesetter::new(fonts),
        )
    }

    const BOTTOM: f32 = 790.0;

    #[test]
    fn a_remainder_needs_no_page_of_its_own() {
        let fonts = Fonts::embedded().unwrap();
        let mut saved = 0;
        for rows in 20..45 {
            let blocks = blocks(rows);
            let usual = builder(&fonts).laid(&blocks, BOTTOM, 1.0);
            let aired = builder(&fonts).aired(&blocks, BOTTOM);
            assert!(aired.pages.len() <= usual.pages.len(), "{rows}");
            saved += usual.pages.len() - aired.pages.len();
            let document = Document {
                meta: meta("a4"),
                blocks,
            };
            check(&super::super::pages(&document, &fonts).unwrap().value.pages);
        }
        assert!(saved >= 4, "{saved}");
    }

    #[test]
    fn a_page_that_ends_in_white_gives_it_to_its_charts_and_not_to_its_rows() {
        let fonts = Fonts::embedded().unwrap();
        let blocks = blocks(9);
        let usual = builder(&fonts).laid(&blocks, BOTTOM, 1.0);
        let aired = builder(&fonts).aired(&blocks, BOTTOM);
        assert_eq!((usual.pages.len(), aired.pages.len()), (1, 1));
        let at = |laid: &Stretch, words: &str| {
            let found = texts(&laid.pages[0]).find(|text| text.text == words);
            found.unwrap().y
        };
        let between = |a: &str, b: &str| [&usual, &aired].map(|laid| at(laid, b) - at(laid, a));
        let [usual_rows, aired_rows] = between("行1", "行8");
        assert!((usual_rows - aired_rows).abs() < 0.01);
        let [usual_chart, aired_chart] = between("图", "注");
        assert!(
            aired_chart > 1.2 * usual_chart,
            "{usual_chart} {aired_chart}"
        );
    }

    #[test]
    fn what_is_laid_out_and_not_kept_leaves_nothing_behind() {
        let fonts = Fonts::embedded().unwrap();
        let mut builder = builder(&fonts);
        let mut stretches = blocks(9);
        stretches.push(Block::PageBreak);
        stretches.extend(blocks(36));
        builder.pages(&stretches, BOTTOM);
        let parts = builder.parts.finish();
        let tables = parts
            .iter()
            .filter(|part| part.role == super::super::Role::Table);
        assert_eq!(tables.count(), 2, "each table is read once");
    }
}
