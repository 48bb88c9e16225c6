//! What a PDF says about itself: title, author, subject, language and dates, all from the document and none from a clock.

use chenbao_model::document::Meta;
use lopdf::{Dictionary, Object, Stream, StringFormat, dictionary};

const CREATOR: &str = "Chenbao";
const PRODUCER: &str = "Chenbao (printpdf)";

pub(super) fn info(meta: &Meta) -> Dictionary {
    let mut info = dictionary! {
        "Title" => text(&meta.title),
        "Author" => text(&meta.author),
        "Subject" => text(&meta.subject),
        "Creator" => text(CREATOR),
        "Producer" => text(PRODUCER),
    };
    if let Some(date) = pdf_date(&meta.created) {
        let date = Object::String(date.into_bytes(), StringFormat::Literal);
        info.set("CreationDate", date.clone());
        info.set("ModDate", date);
    }
    info
}

/// The same as XMP, for programs that sort and search files. It says PDF/UA-1 (ISO 14289-1): the tree, the words of figures, the
/// language and the title that it asks for are there in every file, and a validator found nothing missing (docs/figures.md).
pub(super) fn xmp(meta: &Meta) -> Stream {
    let [title, author, subject] =
        [&meta.title, &meta.author, &meta.subject].map(|words| escaped(words));
    let lang = escaped(&meta.lang);
    let created = escaped(&meta.created);
    let dates = if pdf_date(&meta.created).is_some() {
        format!(
            "<xmp:CreateDate>{created}</xmp:CreateDate><xmp:ModifyDate>{created}</xmp:ModifyDate>"
        )
    } else {
        String::new()
    };
    let packet = format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" \
         xmlns:pdfuaid=\"http://www.aiim.org/pdfua/ns/id/\">\
         <pdfuaid:part>1</pdfuaid:part>\
         <dc:format>application/pdf</dc:format>\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title>\
         <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{subject}</rdf:li></rdf:Alt></dc:description>\
         <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>\
         <dc:language><rdf:Bag><rdf:li>{lang}</rdf:li></rdf:Bag></dc:language>\
         <xmp:CreatorTool>{CREATOR}</xmp:CreatorTool>{dates}<pdf:Producer>{PRODUCER}</pdf:Producer>\
         </rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>"
    );
    let kind = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
    // Search tools read it without knowing PDF, so it stays as it is.
    Stream::new(kind, packet.into_bytes()).with_compression(false)
}

fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
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
pub(super) fn text(words: &str) -> Object {
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
