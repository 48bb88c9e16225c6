//! What printpdf does not write: nested outline with places, language, title bar, metadata without a clock, fixed id.

use super::about::{self, text};
use super::save;
use super::tags::Tagged;
use crate::layout::{Item, Page};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;
use lopdf::{Dictionary, Object, ObjectId, dictionary};

/// A place that links and the outline lead to.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    pub(super) title: String,
    /// Depth in the outline, from one.
    level: u8,
    pub(super) page: usize,
    pub(super) from_bottom: f32,
}

/// All anchors of the pages, in order.
pub(super) fn anchors(pages: &[Page]) -> Vec<Anchor> {
    let mut found = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        for item in &page.items {
            if let Item::Anchor { y, title, level } = item {
                found.push(Anchor {
                    title: title.clone(),
                    level: *level,
                    page: index,
                    from_bottom: page.height - y + 4.0,
                });
            }
        }
    }
    found
}

/// Adds what is missing and saves.
pub(super) fn finish(
    mut pdf: lopdf::Document,
    document: &Document,
    anchors: &[Anchor],
    tagged: &Tagged<'_>,
) -> Result<Vec<u8>, Problems> {
    let broken = |what: &str, e: &dyn std::fmt::Display| {
        Diagnostic::error(format!("the PDF cannot be written: {what}: {e}"))
    };
    "1.7".clone_into(&mut pdf.version);
    let pages: Vec<ObjectId> = pdf.get_pages().into_values().collect();
    let outline = outline(&mut pdf, &pages, anchors);
    tagged.write(&mut pdf, &pages);
    let catalog = pdf.catalog_mut().map_err(|e| broken("catalog", &e))?;
    catalog.set("Lang", text(&document.meta.lang));
    catalog.set(
        "ViewerPreferences",
        dictionary! { "DisplayDocTitle" => true },
    );
    catalog.set(
        "PageMode",
        Object::Name(if outline.is_some() {
            b"UseOutlines".to_vec()
        } else {
            b"UseNone".to_vec()
        }),
    );
    if let Some(outline) = outline {
        catalog.set("Outlines", outline);
    }
    let info = pdf.add_object(about::info(&document.meta));
    pdf.trailer.set("Info", info);
    let xmp = pdf.add_object(about::xmp(&document.meta));
    pdf.catalog_mut()
        .map_err(|e| broken("catalog", &e))?
        .set("Metadata", xmp);
    pdf.compress();
    save::bytes(pdf).map_err(|e| broken("save", &e).into())
}

/// One entry per anchor, leading to its place on its page, below the entry of the section that it is in.
fn outline(pdf: &mut lopdf::Document, pages: &[ObjectId], anchors: &[Anchor]) -> Option<ObjectId> {
    let shown: Vec<(&Anchor, ObjectId)> = anchors
        .iter()
        .filter_map(|anchor| Some((anchor, *pages.get(anchor.page)?)))
        .collect();
    let ids: Vec<ObjectId> = shown.iter().map(|_| pdf.new_object_id()).collect();
    let above = above(
        &shown
            .iter()
            .map(|(anchor, _)| anchor.level)
            .collect::<Vec<_>>(),
    );
    let root = pdf.new_object_id();
    let family = |parent: Option<usize>| -> Vec<usize> {
        (0..ids.len()).filter(|i| above[*i] == parent).collect()
    };
    let adopt = |entry: &mut Dictionary, parent: Option<usize>, below: usize| {
        let children = family(parent);
        if let (Some(first), Some(last)) = (children.first(), children.last()) {
            entry.set("First", ids[*first]);
            entry.set("Last", ids[*last]);
            entry.set("Count", i64::try_from(below).unwrap_or(0));
        }
        children
    };
    let mut top = dictionary! { "Type" => "Outlines" };
    if adopt(&mut top, None, ids.len()).is_empty() {
        return None;
    }
    for (i, (anchor, page)) in shown.into_iter().enumerate() {
        let y = Object::Real((anchor.from_bottom * 100.0).round() / 100.0);
        let fit = Object::Name(b"XYZ".to_vec());
        let place = vec![Object::Reference(page), fit, Object::Null, y, Object::Null];
        let parent = above[i].map_or(root, |parent| ids[parent]);
        let mut entry =
            dictionary! { "Title" => text(&anchor.title), "Parent" => parent, "Dest" => place };
        let below = (i + 1..ids.len()).take_while(|next| inside(&above, *next, i));
        adopt(&mut entry, Some(i), below.count());
        let siblings = family(above[i]);
        let at = siblings
            .iter()
            .position(|sibling| *sibling == i)
            .unwrap_or(0);
        if let Some(previous) = at.checked_sub(1).and_then(|at| siblings.get(at)) {
            entry.set("Prev", ids[*previous]);
        }
        if let Some(next) = siblings.get(at + 1) {
            entry.set("Next", ids[*next]);
        }
        pdf.set_object(ids[i], entry);
    }
    pdf.set_object(root, top);
    Some(root)
}

/// The entry above each one: the last before it that is less deep.
fn above(levels: &[u8]) -> Vec<Option<usize>> {
    let shallower = |i: usize| (0..i).rev().find(|before| levels[*before] < levels[i]);
    (0..levels.len()).map(shallower).collect()
}

/// Whether an entry is somewhere below another.
fn inside(above: &[Option<usize>], entry: usize, other: usize) -> bool {
    above[entry].is_some_and(|parent| parent == other || inside(above, parent, other))
}
