//! What a page is to a reader who does not see it: parts with roles in reading order, beside the placed items.

use super::item::{Item, Tag};

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The whole report.
    Document,
    /// A titled part.
    Section,
    /// A heading, with its depth from one.
    Heading(u8),
    /// Some sentences.
    Paragraph,
    /// A list, numbered or not.
    List {
        /// Numbered rather than dotted.
        ordered: bool,
    },
    /// One entry of a list.
    Item,
    /// Its number, dot or name.
    Label,
    /// What it says.
    Body,
    /// A table; its words say what it is about.
    Table,
    /// The rows with the heads of its columns.
    Head,
    /// The rows with its content.
    Rows,
    /// One row.
    Row,
    /// The head of a column.
    ColumnHead,
    /// The cell that names its row.
    RowHead,
    /// Any other cell.
    Cell,
    /// A chart; its words stand for it.
    Figure,
}

/// One part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part that it is in: an earlier one; none for the document.
    pub parent: Option<usize>,
    /// What it is.
    pub role: Role,
    /// What is said about it or in its place.
    pub words: String,
}

/// Parts as layout makes them, with those that are not finished.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    all: Vec<Part>,
    open: Vec<usize>,
}

impl Parts {
    pub(crate) fn new() -> Self {
        let mut parts = Self {
            all: Vec::new(),
            open: Vec::new(),
        };
        parts.begin(Role::Document, "");
        parts
    }

    /// All of them, in reading order.
    pub(crate) fn finish(self) -> Vec<Part> {
        self.all
    }

    /// Opens a part that holds the next ones.
    pub(crate) fn begin(&mut self, role: Role, words: &str) {
        let id = self.add(role, words);
        self.open.push(id);
    }

    /// Closes the part that was opened last.
    pub(crate) fn end(&mut self) {
        self.open.pop();
    }

    /// Adds a part that holds items: those that follow its tag.
    pub(crate) fn leaf(&mut self, role: Role) -> Item {
        self.figure(role, "")
    }

    /// The same with words that stand for it.
    pub(crate) fn figure(&mut self, role: Role, words: &str) -> Item {
        Item::Tag(Tag::Part(self.add(role, words)))
    }

    /// A heading as deep as the sections around it.
    pub(crate) fn heading(&mut self) -> Item {
        let level = self.depth() + 1;
        self.leaf(Role::Heading(level))
    }

    /// A heading inside the section.
    pub(crate) fn heading_below(&mut self) -> Item {
        let level = self.depth() + 2;
        self.leaf(Role::Heading(level))
    }

    /// How many sections are open.
    pub(crate) fn depth(&self) -> u8 {
        let sections = self
            .open
            .iter()
            .filter(|id| self.all[**id].role == Role::Section);
        u8::try_from(sections.count()).unwrap_or(u8::MAX - 1)
    }

    fn add(&mut self, role: Role, words: &str) -> usize {
        self.all.push(Part {
            parent: self.open.last().copied(),
            role,
            words: words.to_owned(),
        });
        self.all.len() - 1
    }
}
