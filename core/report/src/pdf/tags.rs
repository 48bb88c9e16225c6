//! The tagged PDF: parts of the layout as a structure tree, with the marked content and the links that belong to each.

use super::about::text;
use crate::layout::{Part, Role};
use lopdf::{Dictionary, Object, ObjectId, dictionary};

/// A link on the pages: its part, and where it leads.
#[derive(Debug)]
struct Link {
    part: usize,
    target: String,
    kids: Vec<Kid>,
}

/// What an element holds, in reading order.
#[derive(Debug, Clone, Copy)]
enum Kid {
    /// Marked content of a page.
    Content { page: usize, id: usize },
    /// An annotation of a page, by its number among all.
    Annotation { page: usize, index: usize },
    /// A part.
    Part(usize),
    /// A link.
    Link(usize),
}

/// Who owns a piece of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A part.
    Part(usize),
    /// A link in a part.
    Link(usize),
}

/// An annotation and the link that it belongs to.
#[derive(Debug)]
struct Annotation {
    page: usize,
    link: usize,
    words: String,
}

/// Collects what the pages hold of each part.
#[derive(Debug)]
pub(super) struct Tagged<'a> {
    parts: &'a [Part],
    kids: Vec<Vec<Kid>>,
    boxes: Vec<Option<[f32; 4]>>,
    links: Vec<Link>,
    annotations: Vec<Annotation>,
    /// Owners of marked content, by page.
    owners: Vec<Vec<Owner>>,
}

impl<'a> Tagged<'a> {
    pub(super) fn new(parts: &'a [Part]) -> Self {
        let mut kids = vec![Vec::new(); parts.len()];
        for (id, part) in parts.iter().enumerate() {
            if let Some(parent) = part.parent {
                kids[parent].push(Kid::Part(id));
            }
        }
        Self {
            parts,
            kids,
            boxes: vec![None; parts.len()],
            links: Vec::new(),
            annotations: Vec::new(),
            owners: Vec::new(),
        }
    }

    pub(super) fn turn_page(&mut self) {
        self.owners.push(Vec::new());
    }

    /// Whether a part is a figure, whose place on the page is told.
    pub(super) fn is_figure(&self, part: usize) -> bool {
        self.parts[part].role == Role::Figure
    }

    /// Widens the box of a figure: left, bottom, right, top.
    pub(super) fn widen(&mut self, part: usize, [left, bottom, right, top]: [f32; 4]) {
        let box_ = self.boxes[part].get_or_insert([left, bottom, right, top]);
        *box_ = [
            box_[0].min(left),
            box_[1].min(bottom),
            box_[2].max(right),
            box_[3].max(top),
        ];
    }

    /// Begins marked content on this page: its type and its number.
    pub(super) fn mark(&mut self, owner: Owner) -> (&'static str, usize) {
        let page = self.owners.len().saturating_sub(1);
        let Some(owners) = self.owners.last_mut() else {
            return ("Artifact", 0);
        };
        let id = owners.len();
        owners.push(owner);
        let kid = Kid::Content { page, id };
        match owner {
            Owner::Part(part) => {
                self.kids[part].push(kid);
                (kind(self.parts[part].role), id)
            }
            Owner::Link(link) => {
                self.links[link].kids.push(kid);
                ("Link", id)
            }
        }
    }

    /// A link annotation in a part; a link that goes on in the next line stays one.
    pub(super) fn link(&mut self, part: usize, target: &str) -> Owner {
        let goes_on = match self.kids[part].last() {
            Some(Kid::Link(link)) => (self.links[*link].target == target).then_some(*link),
            _ => None,
        };
        let link = goes_on.unwrap_or_else(|| {
            let link = self.links.len();
            self.links.push(Link {
                part,
                target: target.to_owned(),
                kids: Vec::new(),
            });
            self.kids[part].push(Kid::Link(link));
            link
        });
        let page = self.owners.len().saturating_sub(1);
        let index = self.annotations.len();
        self.links[link].kids.push(Kid::Annotation { page, index });
        self.annotations.push(Annotation {
            page,
            link,
            words: String::new(),
        });
        Owner::Link(link)
    }

    /// The words on the link that was begun last.
    pub(super) fn link_words(&mut self, words: &str) {
        if let Some(annotation) = self.annotations.last_mut() {
            words.clone_into(&mut annotation.words);
        }
    }

    /// Writes the tree and ties pages and annotations to it.
    pub(super) fn write(&self, pdf: &mut lopdf::Document, pages: &[ObjectId]) {
        let annotations = self.annotations(pdf, pages);
        let root = pdf.new_object_id();
        let mut tree = Tree {
            tagged: self,
            pages,
            annotations,
            parts: vec![None; self.parts.len()],
            links: Vec::new(),
        };
        for id in (0..self.parts.len()).filter(|id| self.lives(*id)) {
            tree.parts[id] = Some(pdf.new_object_id());
        }
        tree.links = self.links.iter().map(|_| pdf.new_object_id()).collect();
        tree.elements(pdf, root);
        let parents = tree.parent_tree(pdf);
        let next = self.owners.len() + tree.annotations.len();
        let mut dictionary = dictionary! {
            "Type" => "StructTreeRoot", "ParentTree" => parents, "ParentTreeNextKey" => number(next),
        };
        if let Some(document) = tree.parts.first().copied().flatten() {
            dictionary.set("K", document);
        }
        pdf.set_object(root, dictionary);
        if let Ok(catalog) = pdf.catalog_mut() {
            catalog.set("StructTreeRoot", root);
            catalog.set("MarkInfo", dictionary! { "Marked" => true });
        }
    }

    /// Whether a part has anything to say: cells always stand, the rest only with content.
    fn lives(&self, id: usize) -> bool {
        use Role::{Cell, ColumnHead, Document, RowHead};
        let always = matches!(self.parts[id].role, Document | Cell | ColumnHead | RowHead);
        always
            || self.kids[id].iter().any(|kid| match kid {
                Kid::Part(part) => self.lives(*part),
                Kid::Content { .. } | Kid::Annotation { .. } | Kid::Link(_) => true,
            })
    }

    /// Annotations as objects of their own, by their order; each page and annotation gets its key in the tree.
    fn annotations(&self, pdf: &mut lopdf::Document, pages: &[ObjectId]) -> Vec<ObjectId> {
        let mut ids = Vec::new();
        for (number_of_page, page) in pages.iter().enumerate() {
            let own = self.annotations.iter().filter(|a| a.page == number_of_page);
            let Ok(dictionary) = pdf.get_dictionary_mut(*page) else {
                continue;
            };
            dictionary.set("StructParents", number(number_of_page));
            dictionary.set("Tabs", Object::Name(b"S".to_vec()));
            let Ok(Object::Array(drawn)) = dictionary.get(b"Annots").cloned() else {
                continue;
            };
            let mut references = Vec::new();
            for (object, annotation) in drawn.into_iter().zip(own) {
                let Object::Dictionary(mut link) = object else {
                    continue;
                };
                link.set("StructParent", number(pages.len() + ids.len()));
                link.set("Contents", text(&annotation.words));
                // Printed with the page, as the rules for accessible files want it.
                link.set("F", Object::Integer(4));
                let id = pdf.add_object(link);
                ids.push(id);
                references.push(Object::Reference(id));
            }
            if let Ok(dictionary) = pdf.get_dictionary_mut(*page) {
                if references.is_empty() {
                    dictionary.remove(b"Annots");
                } else {
                    dictionary.set("Annots", references);
                }
            }
        }
        ids
    }
}

/// The tree while it is written.
struct Tree<'a> {
    tagged: &'a Tagged<'a>,
    pages: &'a [ObjectId],
    annotations: Vec<ObjectId>,
    parts: Vec<Option<ObjectId>>,
    links: Vec<ObjectId>,
}

impl Tree<'_> {
    fn elements(&self, pdf: &mut lopdf::Document, root: ObjectId) {
        for (id, part) in self.tagged.parts.iter().enumerate() {
            let Some(own) = self.parts[id] else { continue };
            let parent = part.parent.and_then(|parent| self.parts[parent]);
            let mut element = dictionary! { "S" => kind(part.role), "P" => parent.unwrap_or(root) };
            self.describe(id, part, &mut element);
            self.kids(&self.tagged.kids[id], &mut element);
            pdf.set_object(own, element);
        }
        for (link, own) in self.tagged.links.iter().zip(&self.links) {
            let parent = self.parts[link.part].unwrap_or(root);
            let mut element = dictionary! { "S" => "Link", "P" => parent };
            self.kids(&link.kids, &mut element);
            pdf.set_object(*own, element);
        }
    }

    /// What is said about a part: scope of heads, numbering of lists, words in place of figures.
    fn describe(&self, id: usize, part: &Part, element: &mut Dictionary) {
        let attributes = match part.role {
            Role::ColumnHead => dictionary! { "O" => "Table", "Scope" => "Column" },
            Role::RowHead => dictionary! { "O" => "Table", "Scope" => "Row" },
            Role::Table if !part.words.is_empty() => {
                dictionary! { "O" => "Table", "Summary" => text(&part.words) }
            }
            Role::List { ordered } => {
                let numbering = if ordered { "Decimal" } else { "Disc" };
                dictionary! { "O" => "List", "ListNumbering" => numbering }
            }
            Role::Figure => {
                element.set("Alt", text(&part.words));
                let Some(corners) = self.tagged.boxes[id] else {
                    return;
                };
                let corners = corners.map(|corner| Object::Real((corner * 100.0).round() / 100.0));
                dictionary! { "O" => "Layout", "Placement" => "Block", "BBox" => corners.to_vec() }
            }
            _ => return,
        };
        element.set("A", attributes);
    }

    fn kids(&self, kids: &[Kid], element: &mut Dictionary) {
        let page = kids.iter().find_map(|kid| match kid {
            Kid::Content { page, .. } => Some(*page),
            _ => None,
        });
        if let Some(page) = page.and_then(|page| self.pages.get(page)) {
            element.set("Pg", *page);
        }
        let mut out: Vec<Object> = kids.iter().filter_map(|kid| self.kid(*kid, page)).collect();
        match out.len() {
            0 => {}
            1 => element.set("K", out.remove(0)),
            _ => element.set("K", out),
        }
    }

    fn kid(&self, kid: Kid, own_page: Option<usize>) -> Option<Object> {
        Some(match kid {
            Kid::Content { page, id } if Some(page) == own_page => number(id),
            Kid::Content { page, id } => Object::Dictionary(dictionary! {
                "Type" => "MCR", "Pg" => *self.pages.get(page)?, "MCID" => number(id),
            }),
            Kid::Annotation { page, index } => {
                let annotation = *self.annotations.get(index)?;
                Object::Dictionary(dictionary! {
                    "Type" => "OBJR", "Pg" => *self.pages.get(page)?, "Obj" => annotation,
                })
            }
            Kid::Part(part) => Object::Reference(self.parts[part]?),
            Kid::Link(link) => Object::Reference(*self.links.get(link)?),
        })
    }

    /// Which element owns each piece of content of a page, and each annotation.
    fn parent_tree(&self, pdf: &mut lopdf::Document) -> ObjectId {
        let owner = |owner: &Owner| match owner {
            Owner::Part(part) => self.parts[*part].map_or(Object::Null, Object::Reference),
            Owner::Link(link) => Object::Reference(self.links[*link]),
        };
        let mut numbers = Vec::new();
        for (page, owners) in self.tagged.owners.iter().enumerate() {
            let list: Vec<Object> = owners.iter().map(owner).collect();
            let list = pdf.add_object(list);
            numbers.extend([number(page), Object::Reference(list)]);
        }
        for (i, annotation) in self.tagged.annotations.iter().enumerate() {
            let key = number(self.tagged.owners.len() + i);
            numbers.extend([key, owner(&Owner::Link(annotation.link))]);
        }
        pdf.add_object(dictionary! { "Nums" => numbers })
    }
}

fn number(value: usize) -> Object {
    Object::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The standard structure type of a role (ISO 32000-1, 14.8.4).
fn kind(role: Role) -> &'static str {
    match role {
        Role::Document => "Document",
        Role::Section => "Sect",
        Role::Heading(level) => {
            ["H1", "H2", "H3", "H4", "H5", "H6"][usize::from(level.clamp(1, 6)) - 1]
        }
        Role::Paragraph => "P",
        Role::List { .. } => "L",
        Role::Item => "LI",
        Role::Label => "Lbl",
        Role::Body => "LBody",
        Role::Table => "Table",
        Role::Head => "THead",
        Role::Rows => "TBody",
        Role::Row => "TR",
        Role::ColumnHead | Role::RowHead => "TH",
        Role::Cell => "TD",
        Role::Figure => "Figure",
    }
}
