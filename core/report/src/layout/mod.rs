//! Layout: a Document becomes pages of placed items; pure, and the only place that decides where anything stands.

mod blocks;
mod breaks;
mod flow;
mod head;
mod item;
mod kpis;
pub(crate) mod look;
mod table;
pub(crate) mod text;

pub use item::{Color, Glyph, Item, Page, Stroke, Text};

use crate::fonts::Fonts;
use blocks::Builder;
use chenbao_model::Warned;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Block, Document};
use flow::{Cursor, Pager};
use look::Look;
use text::{Run, Style, Typesetter};

/// Places a document on pages.
///
/// # Errors
/// When the theme cannot be read, or a template's text has a character that no font has; all at once.
pub fn pages(document: &Document, fonts: &Fonts) -> Result<Warned<Vec<Page>>, Problems> {
    let look = Look::new(&document.meta.theme)?;
    let mut builder = Builder::new(look, Typesetter::new(fonts));
    let flows = builder.blocks(&document.blocks, look.measure());
    let Look { paper, .. } = look;
    let mut pager = Pager::new(paper.top, paper.height - paper.bottom);
    pager.run(flows, paper.side, Cursor { page: 0, y: paper.top });

    let count = pager.pages.len();
    let mut pages = Vec::new();
    for (index, mut items) in pager.pages.into_iter().enumerate() {
        if index > 0 {
            running_head(document, &mut builder, &mut items);
        }
        foot(document, &mut builder, (index + 1, count), &mut items);
        pages.push(Page { width: paper.width, height: paper.height, items });
    }
    let (errors, missing) = builder.setter.missing();
    let mut warnings = builder.warnings;
    warnings.extend(missing);
    if errors.is_empty() { Ok(Warned { value: pages, warnings }) } else { Err(Problems(errors)) }
}

/// Small words above the second and later pages, so that a loose sheet can be put back.
fn running_head(document: &Document, builder: &mut Builder, items: &mut Vec<Item>) {
    let head = document.blocks.iter().find_map(|block| match block {
        Block::Masthead(masthead) => Some(masthead),
        _ => None,
    });
    let Some(head) = head else { return };
    let mut words = vec![head.title.as_str()];
    words.extend(head.parts.iter().map(String::as_str));
    let look = builder.look;
    let style = Style::new(look.s(6.4), look.palette.faint);
    let paragraph = builder.setter.one(&Run::data(&words.join(" · "), style));
    if let Some(line) = paragraph.lines(look.measure()).first() {
        paragraph.place(line, look.paper.side, look.paper.top - look.s(12.0), items);
    }
}

/// Rule, footer text, who may read it, and n/N.
fn foot(document: &Document, builder: &mut Builder, (number, count): (usize, usize), items: &mut Vec<Item>) {
    let look = builder.look;
    let (side, measure) = (look.paper.side, look.measure());
    let y = look.paper.height - look.paper.bottom + look.s(13.0);
    let stroke = Stroke::solid(look.palette.rule, 0.6);
    items.push(Item::Line { from: (side, y), to: (side + measure, y), stroke });
    let style = Style::new(look.s(6.4), look.palette.grey);
    let number = format!("{number} / {count}");
    let right = if document.meta.only_for.is_empty() {
        number
    } else {
        format!("{} · {number}", document.meta.only_for)
    };
    let right = builder.setter.one(&Run { unbroken: true, ..Run::words(&right, style) });
    let baseline = y + look.s(10.5);
    let width = right.width();
    for line in right.lines(f32::INFINITY).iter().take(1) {
        right.place(line, side + measure - width, baseline, items);
    }
    let left = builder.setter.one(&Run::data(&document.meta.footer, style));
    let space = measure - width - look.s(12.0);
    for (i, line) in left.lines(space).iter().take(2).enumerate() {
        left.place(line, side, baseline + if i == 0 { 0.0 } else { look.s(8.6) }, items);
    }
}
