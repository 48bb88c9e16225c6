//! Layout: a Document becomes pages of placed items; pure, and the only place that decides where anything stands.

mod air;
mod blocks;
mod breaks;
mod flow;
mod head;
mod item;
mod kpis;
pub(crate) mod look;
mod parts;
mod table;
pub(crate) mod text;

#[cfg(test)]
pub(crate) mod probe;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use item::{Color, Glyph, Item, Page, Pages, Stroke, Tag, Text};
pub use parts::{Part, Role};

use crate::chart::index;
use crate::fonts::Fonts;
use blocks::Builder;
use chenbao_model::Warned;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Block, Document};
use look::Look;
use std::rc::Rc;
use text::{Line, Paragraph, Run, Style, Typesetter};

/// Places a document on pages.
///
/// # Errors
/// When the theme cannot be read, or a template's text has a character that no font has; all at once.
pub fn pages(document: &Document, fonts: &Fonts) -> Result<Warned<Pages>, Problems> {
    let look = Look::new(&document.meta.theme)?;
    let mut builder = Builder::new(look, Typesetter::new(fonts));
    builder.logo.clone_from(&document.meta.logo);
    let mut first = Vec::new();
    cover_line(document, &mut builder, &mut first);
    let Look { paper, .. } = look;
    let foot = Foot::new(document, &mut builder);
    let bottom = paper.height - paper.bottom - foot.extra;
    let placed = builder.pages(&document.blocks, bottom);

    let count = placed.len();
    let mut pages = Vec::new();
    for (i, mut items) in placed.into_iter().enumerate() {
        if i == 0 {
            items.append(&mut first);
        } else {
            running_head(document, &mut builder, &mut items);
        }
        foot.place(document, &mut builder, (i + 1, count), &mut items);
        pages.push(Page {
            width: paper.width,
            height: paper.height,
            items,
        });
    }
    let (errors, missing) = builder.setter.missing();
    let mut warnings = builder.warnings;
    warnings.extend(missing);
    if errors.is_empty() {
        let parts = builder.parts.finish();
        Ok(Warned {
            value: Pages { pages, parts },
            warnings,
        })
    } else {
        Err(Problems(errors))
    }
}

/// Who may read it, above the first page, where that is not everybody's to know.
fn cover_line(document: &Document, builder: &mut Builder, items: &mut Vec<Item>) {
    let words = &document.meta.confidential;
    if words.is_empty() {
        return;
    }
    let look = builder.look;
    let style = Style::new(look.s(6.4), look.palette.bad).bold();
    let text = builder.setter.one(&Run::data(words, style));
    items.push(builder.parts.leaf(Role::Paragraph));
    if let Some(line) = text.lines(look.measure()).first() {
        text.place(line, look.paper.side, look.paper.top - look.s(12.0), items);
    }
}

/// Small words above the second and later pages, so that a loose sheet can be put back.
fn running_head(document: &Document, builder: &mut Builder, items: &mut Vec<Item>) {
    let head = document.blocks.iter().find_map(|block| match block {
        Block::Masthead(masthead) => Some(masthead),
        _ => None,
    });
    let Some(head) = head else { return };
    let look = builder.look;
    let style = Style::new(look.s(6.4), look.palette.faint);
    let all: Vec<&str> = [&head.title]
        .into_iter()
        .chain(&head.parts)
        .map(String::as_str)
        .collect();
    // Where all of it does not fit, the title and the last part (the date) tell the sheet.
    let short: Vec<&str> = [all.first(), all.last()]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    for words in [all, short] {
        let text = builder.setter.one(&Run::data(&words.join(" · "), style));
        if let [line] = text.lines(look.measure()).as_slice() {
            items.push(Item::Tag(Tag::Header));
            text.place(line, look.paper.side, look.paper.top - look.s(12.0), items);
            return;
        }
    }
}

/// Rule, footer text, who may read it, and n/N; as tall as its text needs.
struct Foot {
    left: Rc<Paragraph>,
    lines: Vec<Line>,
    /// Whether the text stands below the page number, where there is no room beside it.
    below: bool,
    leading: f32,
    /// What it needs beyond the bottom margin.
    extra: f32,
}

impl Foot {
    fn new(document: &Document, builder: &mut Builder) -> Self {
        let look = builder.look;
        let widest = Self::right(document, builder, (888, 888)).width();
        let left = builder
            .setter
            .one(&Run::data(&document.meta.footer, Self::style(&look)));
        let below = look.measure() < look.s(330.0);
        let space = if below {
            look.measure()
        } else {
            look.measure() - widest - look.s(12.0)
        };
        let lines = left.lines(space);
        let leading = look.s(8.8);
        let more = lines.len().saturating_sub(usize::from(!below));
        let extra = index(more) * leading;
        Self {
            left,
            lines,
            below,
            leading,
            extra,
        }
    }

    fn style(look: &Look) -> Style {
        Style::new(look.s(6.4), look.palette.grey)
    }

    fn right(
        document: &Document,
        builder: &mut Builder,
        (number, count): (usize, usize),
    ) -> Rc<Paragraph> {
        let number = format!("{number} / {count}");
        let only_for = &document.meta.only_for;
        let words = if only_for.is_empty() {
            number
        } else {
            format!("{only_for} · {number}")
        };
        let run = Run {
            unbroken: true,
            ..Run::data(&words, Self::style(&builder.look))
        };
        builder.setter.one(&run)
    }

    fn place(
        &self,
        document: &Document,
        builder: &mut Builder,
        page: (usize, usize),
        items: &mut Vec<Item>,
    ) {
        let look = builder.look;
        let (side, measure) = (look.paper.side, look.measure());
        let y = look.paper.height - look.paper.bottom - self.extra + look.s(13.0);
        let stroke = Stroke::solid(look.palette.rule, 0.6);
        items.push(Item::Tag(Tag::Footer));
        items.push(Item::Line {
            from: (side, y),
            to: (side + measure, y),
            stroke,
        });
        let mut baseline = y + look.s(10.5);
        let right = Self::right(document, builder, page);
        for line in right.lines(f32::INFINITY).iter().take(1) {
            right.place(line, side + measure - line.width, baseline, items);
        }
        if self.below {
            baseline += self.leading;
        }
        for line in &self.lines {
            self.left.place(line, side, baseline, items);
            baseline += self.leading;
        }
    }
}
