//! The file of a document, as small as its tree allows: a tagged table has an object per cell, so what an object costs counts.
//!
//! lopdf finds used objects by looking through a list for each reference, and leaves the cross-reference table as it is.
//! Here both grow with the number of objects and no faster, and the table is packed.

use chenbao_model::Digest;
use lopdf::{
    Dictionary, Document, Object, ObjectId, ObjectStream, SaveOptions, Stream, StringFormat,
    dictionary,
};
use std::collections::{BTreeMap, VecDeque};
use std::io::{Error, Result, Write as _};

/// Bytes of an entry of the table: kind, place, and index or generation.
const ENTRY: usize = 7;

/// Writes the file; equal documents are equal bytes.
pub(super) fn bytes(mut pdf: Document) -> Result<Vec<u8>> {
    number(&mut pdf);
    pdf.trailer.remove(b"ID");
    let options = SaveOptions::builder()
        .use_object_streams(true)
        .use_xref_streams(true)
        .max_objects_per_stream(250)
        .compression_level(9)
        .build();
    let mut written = Vec::new();
    pdf.save_with_options(&mut written, options)?;
    pack_table(&pdf, written)
}

/// Drops what nothing refers to and numbers the rest in the order in which a reader comes to it: neighbours in the tree are
/// neighbours in the file, so that an object looks like the one before it.
fn number(pdf: &mut Document) {
    let mut numbers: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    let mut waiting = VecDeque::new();
    let mut meet = |object: &Object, waiting: &mut VecDeque<ObjectId>| {
        references(object, &mut |id| {
            let next = u32::try_from(numbers.len() + 1).unwrap_or(u32::MAX);
            numbers.entry(id).or_insert_with(|| {
                waiting.push_back(id);
                (next, 0)
            });
        });
    };
    for (_, object) in &pdf.trailer {
        meet(object, &mut waiting);
    }
    while let Some(id) = waiting.pop_front() {
        if let Some(object) = pdf.objects.get(&id) {
            meet(object, &mut waiting);
        }
    }
    let old = std::mem::take(&mut pdf.objects);
    pdf.objects = old
        .into_iter()
        .filter_map(|(id, object)| Some((*numbers.get(&id)?, object)))
        .collect();
    let renamed = |id: ObjectId| numbers.get(&id).copied().unwrap_or(id);
    for object in pdf.objects.values_mut() {
        rename(object, &renamed);
    }
    for (_, object) in &mut pdf.trailer {
        rename(object, &renamed);
    }
    pdf.max_id = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
}

/// Calls for each object that this one refers to, in its order.
fn references(object: &Object, found: &mut impl FnMut(ObjectId)) {
    match object {
        Object::Reference(id) => found(*id),
        Object::Array(items) => items.iter().for_each(|item| references(item, found)),
        Object::Dictionary(entries) => entries.iter().for_each(|(_, item)| references(item, found)),
        Object::Stream(stream) => stream
            .dict
            .iter()
            .for_each(|(_, item)| references(item, found)),
        _ => {}
    }
}

/// Gives each reference its new number.
fn rename(object: &mut Object, renamed: &impl Fn(ObjectId) -> ObjectId) {
    match object {
        Object::Reference(id) => *id = renamed(*id),
        Object::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        Object::Dictionary(entries) => entries
            .iter_mut()
            .for_each(|(_, item)| rename(item, renamed)),
        Object::Stream(stream) => stream
            .dict
            .iter_mut()
            .for_each(|(_, item)| rename(item, renamed)),
        _ => {}
    }
}

/// Replaces the cross-reference table at the end, which lopdf writes in full, by its packed form, and sets the identifier.
fn pack_table(pdf: &Document, mut written: Vec<u8>) -> Result<Vec<u8>> {
    let broken = || Error::other("the cross-reference table is not where it was written");
    let from = written
        .windows(9)
        .rposition(|window| window == b"startxref")
        .ok_or_else(broken)?;
    let place: usize = std::str::from_utf8(&written[from + 9..])
        .ok()
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(broken)?;
    let length = pdf.trailer.get(b"Length").and_then(Object::as_i64);
    let length = usize::try_from(length.map_err(Error::other)?).map_err(Error::other)?;
    let table = written.get(place..from).ok_or_else(broken)?;
    let start = table
        .windows(7)
        .position(|window| window == b"stream\n")
        .ok_or_else(broken)?;
    let entries = table
        .get(start + 7..start + 7 + length)
        .ok_or_else(broken)?;
    let mut dictionary = pdf.trailer.clone();
    dictionary.set(
        "DecodeParms",
        dictionary! { "Predictor" => 12, "Columns" => i64::try_from(ENTRY).unwrap_or(0) },
    );
    // The identifier is a digest of everything before the table, so that equal reports are equal files.
    let id = Digest::of(written.get(..place).ok_or_else(broken)?);
    let id = Object::String(half(id.as_str()), StringFormat::Hexadecimal);
    dictionary.set("ID", vec![id.clone(), id]);
    let mut stream = Stream::new(dictionary, differences(entries));
    stream.compress().map_err(Error::other)?;
    written.truncate(place);
    write!(
        written,
        "{} 0 obj\n{}stream\n",
        pdf.max_id,
        source(&stream.dict)?
    )?;
    written.extend_from_slice(&stream.content);
    write!(written, "\nendstream\nendobj\n\nstartxref\n{place}\n%%EOF")?;
    Ok(written)
}

/// The first sixteen bytes of a digest that is written in hexadecimal figures.
fn half(digest: &str) -> Vec<u8> {
    let pairs = (0..32).step_by(2).filter_map(|at| digest.get(at..at + 2));
    pairs
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}

/// A dictionary as it stands in a file. lopdf shows how it writes one only as the content of an object stream: after the
/// object's number and place.
fn source(dictionary: &Dictionary) -> Result<String> {
    let mut stream = ObjectStream::builder().build();
    let object = Object::Dictionary(dictionary.clone());
    let content = stream
        .add_object((0, 0), object)
        .and_then(|()| stream.build_stream_content())
        .map_err(Error::other)?;
    let written = String::from_utf8(content).map_err(Error::other)?;
    Ok(written.trim_start_matches("0 0 ").trim_end().to_owned())
}

/// Each entry as its difference from the one above (predictor "up"): places that grow evenly become the same few bytes.
fn differences(entries: &[u8]) -> Vec<u8> {
    let mut above = [0_u8; ENTRY];
    let mut out = Vec::with_capacity(entries.len() + entries.len() / ENTRY);
    for entry in entries.chunks_exact(ENTRY) {
        out.push(2);
        out.extend(
            entry
                .iter()
                .zip(above)
                .map(|(byte, above)| byte.wrapping_sub(above)),
        );
        above.copy_from_slice(entry);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::bytes;
    use lopdf::{Document, Object, dictionary};

    /// A chain of objects from the catalog, and one that nothing refers to.
    fn chain(length: usize) -> Document {
        let mut pdf = Document::with_version("1.7");
        pdf.add_object(dictionary! { "Nobody" => "refers to this" });
        let mut next = pdf.add_object(dictionary! { "S" => "TD" });
        for _ in 1..length {
            next = pdf.add_object(dictionary! { "S" => "TD", "K" => next });
        }
        let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "First" => next });
        pdf.trailer.set("Root", catalog);
        pdf
    }

    #[test]
    fn what_is_used_is_read_back_in_reading_order_and_the_rest_is_gone() {
        let read = Document::load_mem(&bytes(chain(600)).unwrap()).unwrap();
        let mut at = read.catalog().unwrap().get(b"First").unwrap();
        let mut numbers = Vec::new();
        while let Object::Reference(id) = at {
            numbers.push(id.0);
            match read.get_dictionary(*id).unwrap().get(b"K") {
                Ok(next) => at = next,
                Err(_) => break,
            }
        }
        assert_eq!(numbers, (2..=601).collect::<Vec<u32>>());
        let left = read
            .objects
            .values()
            .filter_map(|object| object.as_dict().ok());
        assert_eq!(left.filter(|entries| entries.has(b"Nobody")).count(), 0);
    }

    #[test]
    fn an_object_more_costs_a_few_bytes_and_no_more_in_a_long_file() {
        let size = |length| bytes(chain(length)).unwrap().len();
        let (short, long, longer) = (size(500), size(1000), size(2000));
        assert!(long - short < 500 * 10, "{short} {long}");
        assert!(longer - long < 1000 * 10, "{long} {longer}");
    }

    #[test]
    fn equal_documents_have_equal_identifiers_and_others_do_not() {
        let id = |length| {
            let read = Document::load_mem(&bytes(chain(length)).unwrap()).unwrap();
            format!("{:?}", read.trailer.get(b"ID").unwrap())
        };
        assert_eq!(id(10), id(10));
        assert_ne!(id(10), id(11));
    }
}
