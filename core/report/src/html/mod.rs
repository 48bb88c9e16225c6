//! Mail HTML: tables, inline styles, 640 pixels wide and one column on phones, readable without pictures.
//!
//! Mail carries what stands before the first page break, the actions and the data notes; the rest is in the attached pages, and a
//! sentence says so. A file on disk carries everything.

mod blocks;
mod parts;
mod size;
mod wide;

use crate::fonts::Fonts;
use crate::render::Pictures;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Block, Document, Section};
use chenbao_model::{Artifact, Diagnostic, Warned};
use parts::{Style, escape};

/// Mail clients cut what is longer (Gmail at about 102 kB).
pub const MOST_BYTES: usize = 90_000;
/// Content-ID of the logo; every other picture of a mail is a chart.
pub const LOGO_CID: &str = "logo";
/// Rows of a table in a mail, tried in this order until the mail is small enough.
const ROW_CAPS: [usize; 4] = [20, 10, 5, 2];

/// The attached PDF.
#[derive(Debug, Clone)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// How many pages it has.
    pub pages: usize,
    /// Name of the workbook beside it, if there is one.
    pub workbook: Option<String>,
}

/// How to write.
#[derive(Debug, Clone)]
pub struct HtmlOptions<'a> {
    /// Fonts of pictures.
    pub fonts: &'a Fonts,
    /// Where pictures are.
    pub pictures: Pictures,
    /// The attached PDF; without one, the HTML carries everything.
    pub attached: Option<Attached>,
    /// Why something is not attached that should be; then the HTML is as short as with it.
    pub lacks: Option<String>,
}

/// Writes the HTML, and the pictures that stand beside it.
///
/// # Errors
/// A theme that cannot be read.
pub fn write(
    document: &Document,
    options: &HtmlOptions<'_>,
) -> Result<Warned<(String, Vec<Artifact>)>, Problems> {
    let apart = options.attached.is_some() || options.lacks.is_some();
    let whole = !apart || options.pictures == Pictures::Inline;
    let mut warnings = Vec::new();
    if whole {
        let mut page = blocks::Page::new(document, options, None);
        let html = shell(document, options, &page.blocks(&document.blocks), &[]);
        warnings.append(&mut page.warnings);
        return Ok(Warned {
            value: (html, page.pictures),
            warnings,
        });
    }
    let (carried, left) = carried(&document.blocks);
    let mut last = None;
    for cap in ROW_CAPS {
        let mut page = blocks::Page::new(document, options, Some(cap));
        let body = page.blocks(&carried);
        let html = shell(document, options, &body, &left);
        let fits = html.len() <= MOST_BYTES;
        last = Some((html, page));
        if fits {
            break;
        }
    }
    let Some((html, mut page)) = last else {
        return Err(Problems(Vec::new()));
    };
    warnings.append(&mut page.warnings);
    if html.len() > MOST_BYTES {
        let message = format!(
            "the mail has {} kB, and clients cut it at about 100",
            html.len() / 1000
        );
        warnings.push(
            Diagnostic::warning(message)
                .hint("move sections behind the template's `<page-break/>`"),
        );
    }
    Ok(Warned {
        value: (html, page.pictures),
        warnings,
    })
}

/// What a mail carries of the blocks, and the titles of the sections that it leaves to the pages.
fn carried(blocks: &[Block]) -> (Vec<Block>, Vec<String>) {
    let first = blocks
        .iter()
        .position(|block| *block == Block::PageBreak)
        .unwrap_or(blocks.len());
    let (before, after) = blocks.split_at(first);
    let mut carried = before.to_vec();
    let mut left = Vec::new();
    for block in after {
        match block {
            Block::Section(section)
                if section
                    .blocks
                    .iter()
                    .all(|b| matches!(b, Block::Note { .. } | Block::Actions { .. })) =>
            {
                carried.push(block.clone());
            }
            other => titles(other, &mut left),
        }
    }
    (carried, left)
}

fn titles(block: &Block, out: &mut Vec<String>) {
    match block {
        Block::Section(Section { title, .. }) => out.push(title.clone()),
        Block::Columns { columns } => columns
            .iter()
            .flatten()
            .for_each(|inner| titles(inner, out)),
        _ => {}
    }
}

/// The page around the blocks.
fn shell(document: &Document, options: &HtmlOptions<'_>, body: &str, left: &[String]) -> String {
    let meta = &document.meta;
    let style = Style::new(&meta.theme);
    let footer = footer(document, options, &style, left);
    let preheader = format!(
        "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;color:#ffffff\">{}{}</div>",
        escape(&meta.preheader),
        "&#8203;&#160;".repeat(40)
    );
    let sheet = style.sheet();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\" xmlns=\"http://www.w3.org/1999/xhtml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\">\n<head>\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"supported-color-schemes\" content=\"light dark\">\n\
         <meta name=\"format-detection\" content=\"telephone=no,date=no,address=no,email=no\">\n<title>{title}</title>\n\
         <!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><![endif]-->\n\
         <style>{sheet}</style>\n</head>\n\
         <body class=\"bg\" style=\"margin:0;padding:0;background-color:#ffffff;-webkit-text-size-adjust:100%\">\n{preheader}\n\
         <!--[if mso]><table role=\"presentation\" width=\"640\" align=\"center\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr><td><![endif]-->\n\
         <table role=\"presentation\" class=\"bg\" width=\"100%\" align=\"center\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" bgcolor=\"#ffffff\" style=\"max-width:640px;margin:0 auto;table-layout:fixed;background-color:#ffffff\">\n\
         <tr><td class=\"ink\" style=\"padding:20px;{base}\">\n{body}{footer}</td></tr>\n</table>\n\
         <!--[if mso]></td></tr></table><![endif]-->\n</body>\n</html>\n",
        lang = escape(&meta.lang),
        title = escape(&meta.title),
        base = style.base(),
    );
    size::scaled(html, meta.theme.size)
}

/// What is attached and where the rest is; then the run, the clocks, and for whom this is.
fn footer(
    document: &Document,
    options: &HtmlOptions<'_>,
    style: &Style<'_>,
    left: &[String],
) -> String {
    let meta = &document.meta;
    let words = parts::Words::of(&meta.lang);
    let mut out = String::new();
    if options.pictures != Pictures::Inline {
        out.push_str(&attachments(options, style, &words, left));
    }
    let facts = document.blocks.iter().find_map(|block| match block {
        Block::Masthead(masthead) => Some(masthead.facts.join(" · ")),
        _ => None,
    });
    let lines = [
        facts.unwrap_or_default(),
        meta.footer.clone(),
        format!("{} · {}", meta.only_for, words.forward),
    ];
    let lines: Vec<String> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| escape(line))
        .collect();
    out.push_str(&format!(
        "<p class=\"grey\" style=\"margin:20px 0 0;font-size:12px;line-height:20px;{}\">{}</p>\n",
        style.grey(),
        lines.join("<br>")
    ));
    out
}

/// What is attached, what is only there, and why something is not attached.
fn attachments(
    options: &HtmlOptions<'_>,
    style: &Style<'_>,
    words: &parts::Words,
    left: &[String],
) -> String {
    let mut lines = Vec::new();
    if let Some(attached) = &options.attached {
        let pages = format!("{}{}", attached.name, words.pages(attached.pages));
        let files: Vec<String> = std::iter::once(pages)
            .chain(attached.workbook.clone())
            .map(|name| escape(&name))
            .collect();
        let files = files.join(" · ");
        lines.push(format!("<b>{}</b>&#160; {files}", words.attached));
        let rest = match left {
            [] => words.details.to_owned(),
            titles => words.left(titles),
        };
        lines.push(style.aside(&rest));
    } else if !left.is_empty() {
        lines.push(style.aside(&words.not_here(left)));
    }
    lines.extend(options.lacks.as_deref().map(|why| style.aside(why)));
    match lines.is_empty() {
        true => String::new(),
        false => style.boxed(&lines.join("<br>")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, blocks: Vec<Block>) -> Block {
        Block::Section(Section {
            title: title.into(),
            blocks,
            ..Section::default()
        })
    }

    #[test]
    fn a_logo_stands_in_the_masthead_with_its_size_and_its_name() {
        use chenbao_model::document::{Logo, Masthead, Meta};
        let fonts = Fonts::embedded().unwrap();
        let document = Document {
            meta: Meta {
                logo: Some(Logo {
                    png: vec![1, 2, 3],
                    width: 90,
                    height: 40,
                    alt: "晨光 & 伙伴".into(),
                }),
                ..Meta::default()
            },
            blocks: vec![Block::Masthead(Masthead::default())],
        };
        let made = |pictures| {
            let options = HtmlOptions {
                fonts: &fonts,
                pictures,
                attached: Some(Attached {
                    name: "a.pdf".into(),
                    pages: 2,
                    workbook: Some("a.xlsx".into()),
                }),
                lacks: None,
            };
            write(&document, &options).unwrap().value
        };
        let (html, pictures) = made(Pictures::Cid);
        let shown = "src=\"cid:logo\" width=\"90\" height=\"40\" alt=\"晨光 &amp; 伙伴\"";
        assert!(html.contains(shown), "{html}");
        assert!(html.contains("a.pdf (2 pages) · a.xlsx"), "{html}");
        assert_eq!(pictures[0].cid.as_deref(), Some("logo"));
        assert_eq!(pictures[0].bytes, [1, 2, 3]);
        let (html, pictures) = made(Pictures::Inline);
        assert!(html.contains("src=\"data:image/png;base64,AQID\"") && pictures.is_empty());
        let (html, pictures) = made(Pictures::Without);
        assert!(!html.contains("<img") && pictures.is_empty());
    }

    #[test]
    fn mail_carries_the_first_page_and_the_notes() {
        let note = || {
            vec![Block::Note {
                inlines: Vec::new(),
            }]
        };
        let blocks = vec![
            section("a", Vec::new()),
            Block::PageBreak,
            Block::Columns {
                columns: vec![
                    vec![section("b", vec![Block::PageBreak])],
                    vec![section("c", vec![Block::PageBreak])],
                ],
            },
            section("notes", note()),
        ];
        let (carried, left) = carried(&blocks);
        assert_eq!(
            carried,
            [section("a", Vec::new()), section("notes", note())]
        );
        assert_eq!(left, ["b", "c"]);
    }
}
