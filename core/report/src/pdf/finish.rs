//! What printpdf does not write: nested outline with places, language, title bar, metadata without a clock, fixed id.

use crate::layout::{Item, Page};
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Document, Meta};
use chenbao_model::{Diagnostic, Digest};
use lopdf::{Dictionary, Object, ObjectId, StringFormat, dictionary};

/// A place that links and the outline lead to.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    pub(super) title: String,
    pub(super) page: usize,
    pub(super) from_bottom: f32,
}

/// All anchors of the pages, in order.
pub(super) fn anchors(pages: &[Page]) -> Vec<Anchor> {
    let mut found = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        for item in &page.items {
            if let Item::Anchor { y, title, .. } = item {
                found.push(Anchor {
                    title: title.clone(),
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
) -> Result<Vec<u8>, Problems> {
    let broken = |what: &str, e: &dyn std::fmt::Display| {
        Diagnostic::error(format!("the PDF cannot be written: {what}: {e}"))
    };
    "1.7".clone_into(&mut pdf.version);
    let pages: Vec<ObjectId> = pdf.get_pages().into_values().collect();
    let outline = outline(&mut pdf, &pages, anchors);
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
    let info = pdf.add_object(info(&document.meta));
    pdf.trailer.set("Info", info);
    pdf.prune_objects();
    pdf.renumber_objects();
    pdf.compress();
    // The identifier is a digest of everything else, so that equal reports are equal files.
    pdf.trailer.set("ID", identifier(&[0; 16]));
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).map_err(|e| broken("save", &e))?;
    let digest = Digest::of(&bytes);
    let id: Vec<u8> = digest.as_str().bytes().take(16).collect();
    pdf.trailer.set("ID", identifier(&id));
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).map_err(|e| broken("save", &e))?;
    Ok(bytes)
}

fn identifier(id: &[u8]) -> Object {
    let half = || Object::String(id.to_vec(), StringFormat::Hexadecimal);
    Object::Array(vec![half(), half()])
}

/// One entry per section, leading to its place on its page.
fn outline(pdf: &mut lopdf::Document, pages: &[ObjectId], anchors: &[Anchor]) -> Option<ObjectId> {
    let shown: Vec<(&Anchor, ObjectId)> = anchors
        .iter()
        .filter_map(|anchor| Some((anchor, *pages.get(anchor.page)?)))
        .collect();
    let ids: Vec<ObjectId> = shown.iter().map(|_| pdf.new_object_id()).collect();
    let (first, last) = (*ids.first()?, *ids.last()?);
    let root = pdf.add_object(dictionary! {
        "Type" => "Outlines", "First" => first, "Last" => last, "Count" => i64::try_from(ids.len()).unwrap_or(0),
    });
    for (i, (anchor, page)) in shown.into_iter().enumerate() {
        let top = Object::Real((anchor.from_bottom * 100.0).round() / 100.0);
        let place = vec![
            Object::Reference(page),
            Object::Name(b"XYZ".to_vec()),
            Object::Null,
            top,
            Object::Null,
        ];
        let mut entry =
            dictionary! { "Title" => text(&anchor.title), "Parent" => root, "Dest" => place };
        if let Some(previous) = i.checked_sub(1).and_then(|i| ids.get(i)) {
            entry.set("Prev", *previous);
        }
        if let Some(next) = ids.get(i + 1) {
            entry.set("Next", *next);
        }
        pdf.set_object(ids[i], entry);
    }
    Some(root)
}

fn info(meta: &Meta) -> Dictionary {
    let mut info = dictionary! {
        "Title" => text(&meta.title),
        "Author" => text(&meta.author),
        "Subject" => text(&meta.subject),
        "Creator" => text("Chenbao"),
        "Producer" => text("Chenbao (printpdf)"),
    };
    if let Some(date) = pdf_date(&meta.created) {
        let date = Object::String(date.into_bytes(), StringFormat::Literal);
        info.set("CreationDate", date.clone());
        info.set("ModDate", date);
    }
    info
}

/// `2026-11-22T07:40:00+08:00` as `D:20261122074000+08'00`.
fn pdf_date(rfc3339: &str) -> Option<String> {
    let digits = |range: std::ops::Range<usize>| {
        rfc3339
            .get(range)
            .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    let time = [
        digits(0..4)?,
        digits(5..7)?,
        digits(8..10)?,
        digits(11..13)?,
        digits(14..16)?,
        digits(17..19)?,
    ]
    .concat();
    let zone = rfc3339
        .get(19..)?
        .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let zone = match (zone.get(0..1)?, zone.get(1..3), zone.get(4..6)) {
        ("Z", ..) => "Z".to_owned(),
        (sign @ ("+" | "-"), Some(hours), Some(minutes)) => format!("{sign}{hours}'{minutes}"),
        _ => return None,
    };
    Some(format!("D:{time}{zone}"))
}

/// A text string: ASCII as it is, anything else as UTF-16 with its mark.
fn text(words: &str) -> Object {
    if words.is_ascii() {
        return Object::String(words.as_bytes().to_vec(), StringFormat::Literal);
    }
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(words.encode_utf16().flat_map(u16::to_be_bytes));
    Object::String(bytes, StringFormat::Hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_zone_and_refuse_nonsense() {
        assert_eq!(
            pdf_date("2026-11-22T07:40:00+08:00").as_deref(),
            Some("D:20261122074000+08'00")
        );
        assert_eq!(
            pdf_date("2026-11-22T07:40:00.123Z").as_deref(),
            Some("D:20261122074000Z")
        );
        assert_eq!(pdf_date("yesterday"), None);
    }
}
