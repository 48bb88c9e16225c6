//! Pagination: pieces that are never cut are put one below the other, over columns and pages.

use super::item::{Item, Tag};
use std::rc::Rc;

/// What stands at the top of a page again when a table goes on there.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) height: f32,
    pub(crate) items: Vec<Item>,
}

/// A part of the page that is never cut; its items are placed from its own top left corner.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Space before it, except at the top of a page.
    pub(crate) gap: f32,
    pub(crate) height: f32,
    pub(crate) items: Vec<Item>,
    /// Never the last on a page: what follows comes with it.
    pub(crate) keep: bool,
    /// Kept with what follows even where all that wants to stay together is too tall for a page: headings, heads of
    /// tables, the row before a total.
    pub(crate) firm: bool,
    pub(crate) head: Option<Rc<Head>>,
}

/// The content of a report, ready to be put on pages.
#[derive(Debug)]
pub(crate) enum Flow {
    /// One piece.
    Piece(Piece),
    /// Side by side: each column with its left edge.
    Columns {
        gap: f32,
        columns: Vec<(f32, Vec<Flow>)>,
    },
    /// A new page.
    Break,
}

impl Flow {
    pub(crate) fn gap_mut(&mut self) -> Option<&mut f32> {
        match self {
            Self::Piece(piece) => Some(&mut piece.gap),
            Self::Columns { gap, .. } => Some(gap),
            Self::Break => None,
        }
    }

    /// Never the last on a page.
    pub(crate) fn keep_with_next(&mut self) {
        if let Self::Piece(piece) = self {
            piece.keep = true;
        }
    }

    fn gap(&self) -> f32 {
        match self {
            Self::Piece(piece) => piece.gap,
            Self::Columns { gap, .. } => *gap,
            Self::Break => 0.0,
        }
    }

    /// The height that it needs at least on the page where it begins.
    fn least(&self) -> f32 {
        match self {
            Self::Piece(piece) => piece.height,
            Self::Columns { columns, .. } => columns
                .iter()
                .map(|(_, flows)| chain(flows, Self::keeps))
                .fold(0.0, f32::max),
            Self::Break => 0.0,
        }
    }

    fn keeps(&self) -> bool {
        matches!(self, Self::Piece(piece) if piece.keep)
    }

    fn firm(&self) -> bool {
        matches!(self, Self::Piece(piece) if piece.firm)
    }

    /// The whole height on one endless page.
    fn whole(&self) -> f32 {
        match self {
            Self::Columns { columns, .. } => columns
                .iter()
                .map(|(_, flows)| height(flows))
                .fold(0.0, f32::max),
            Self::Piece(_) | Self::Break => self.least(),
        }
    }
}

/// The height of some content on one endless page.
fn height(flows: &[Flow]) -> f32 {
    flows
        .iter()
        .enumerate()
        .map(|(i, flow)| flow.whole() + if i == 0 { 0.0 } else { flow.gap() })
        .sum()
}

/// The height of what must begin on one page: pieces that keep with the next, and that next.
fn chain(flows: &[Flow], keeps: fn(&Flow) -> bool) -> f32 {
    let mut sum = 0.0;
    for (i, flow) in flows.iter().enumerate() {
        sum += flow.least() + if i == 0 { 0.0 } else { flow.gap() };
        if !keeps(flow) {
            break;
        }
    }
    sum
}

/// A place in the pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) page: usize,
    pub(crate) y: f32,
}

/// Puts content on pages.
#[derive(Debug)]
pub(crate) struct Pager {
    /// Items of each page.
    pub(crate) pages: Vec<Vec<Item>>,
    top: f32,
    bottom: f32,
}

impl Pager {
    pub(crate) fn new(top: f32, bottom: f32) -> Self {
        Self {
            pages: vec![Vec::new()],
            top,
            bottom,
        }
    }

    /// Puts some content below the cursor and says where it ends.
    pub(crate) fn run(&mut self, flows: Vec<Flow>, x: f32, from: Cursor) -> Cursor {
        let body = self.bottom - self.top;
        let mut torn = false;
        let mut needs = Vec::with_capacity(flows.len());
        for (i, flow) in flows.iter().enumerate() {
            let whole = chain(&flows[i..], Flow::keeps);
            // What is too tall to stay together goes on as it comes, all of it.
            torn = torn || whole > body;
            needs.push(if torn {
                chain(&flows[i..], Flow::firm)
            } else {
                whole
            });
            torn = torn && flow.keeps();
        }
        let mut cursor = from;
        for (flow, need) in flows.into_iter().zip(needs) {
            cursor = self.next(flow, need, x, cursor);
        }
        cursor
    }

    fn next(&mut self, flow: Flow, need: f32, x: f32, cursor: Cursor) -> Cursor {
        let at_top = cursor.y <= self.top + 0.01;
        if matches!(flow, Flow::Break) {
            return if at_top { cursor } else { self.turn(cursor) };
        }
        let body = self.bottom - self.top;
        let least = if need <= body { need } else { flow.least() };
        // Columns that would fit a new page well are not torn over two.
        let wanted = if flow.whole() <= 0.6 * body {
            least.max(flow.whole())
        } else {
            least
        };
        let mut cursor = cursor;
        if !at_top {
            cursor.y += flow.gap();
            if cursor.y + wanted > self.bottom + 0.01 {
                cursor = self.turn(cursor);
            }
        }
        match flow {
            Flow::Piece(piece) => self.put(piece, x, cursor),
            Flow::Columns { columns, .. } => {
                let ends: Vec<Cursor> = columns
                    .into_iter()
                    .map(|(left, flows)| self.run(flows, x + left, cursor))
                    .collect();
                let page = ends.iter().map(|end| end.page).max().unwrap_or(cursor.page);
                let y = ends
                    .iter()
                    .filter(|end| end.page == page)
                    .map(|end| end.y)
                    .fold(self.top, f32::max);
                Cursor { page, y }
            }
            Flow::Break => cursor,
        }
    }

    fn turn(&mut self, cursor: Cursor) -> Cursor {
        let page = cursor.page + 1;
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, Vec::new);
        }
        Cursor { page, y: self.top }
    }

    fn put(&mut self, piece: Piece, x: f32, mut cursor: Cursor) -> Cursor {
        if let Some(head) = piece.head.as_ref().filter(|_| cursor.y <= self.top + 0.01) {
            self.place(head.items.iter().cloned(), x, cursor);
            cursor.y += head.height;
        }
        let height = piece.height;
        self.place(piece.items, x, cursor);
        Cursor {
            y: cursor.y + height,
            ..cursor
        }
    }

    fn place(&mut self, items: impl IntoIterator<Item = Item>, x: f32, cursor: Cursor) {
        let Some(page) = self.pages.get_mut(cursor.page) else {
            return;
        };
        // What a piece does not tag is there for the eye only, whatever stands before it.
        page.push(Item::Tag(Tag::Ornament));
        page.extend(items.into_iter().map(|item| item.shifted(x, cursor.y)));
    }
}
