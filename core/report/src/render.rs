//! The Document as files: one document, many writers.

use crate::fonts::Fonts;
use crate::html::{self, Attached, HtmlOptions};
use crate::{layout, pdf, png, svg, text, xlsx};
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;
use chenbao_model::{Artifact, Diagnostic, Warned};

/// What a Document can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Mail HTML with its pictures.
    Html,
    /// Plain text.
    Text,
    /// Pages.
    Pdf,
    /// Tables and charts as a workbook.
    Xlsx,
    /// Each page as a picture.
    Png,
    /// Each page as vectors, for the preview.
    Svg,
}

/// Where the pictures of the HTML are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pictures {
    /// Beside it, as artifacts with a Content-ID: for mail.
    #[default]
    Cid,
    /// The same with no more pixels than are shown, for a mail that would be too large.
    Small,
    /// In it, as `data:` addresses: for a file on disk, which carries the whole Document.
    Inline,
    /// Left out: their sentences stand alone, as in a mail that would be too large.
    Without,
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions<'a> {
    /// Fonts for pages and pictures.
    pub fonts: &'a Fonts,
    /// Where the pictures of the HTML are.
    pub pictures: Pictures,
    /// Why the mail does not carry everything that it should: stands with the attachments, or in their place.
    pub lacks: Option<&'a str>,
}

/// Pixels per point of page pictures: 150 dots per inch.
const PAGE_SCALE: f32 = 150.0 / 72.0;

/// Writes the Document in each of the formats, in their order. Pictures of the HTML follow it. Where a PDF is among
/// the formats, mail HTML leaves what stands behind the first page break to it.
///
/// # Errors
/// All problems at once: a glyph that no font has, a page that does not fit.
pub fn render(
    document: &Document,
    formats: &[Format],
    options: &RenderOptions<'_>,
) -> Result<Warned<Vec<Artifact>>, Problems> {
    let stem = &document.meta.file_stem;
    let mut warnings = Vec::new();
    let laid = pages(document, formats, options, &mut warnings)?;
    let mut out = Vec::new();
    for format in formats {
        match format {
            Format::Html => {
                let attached = formats.contains(&Format::Pdf).then(|| Attached {
                    name: format!("{stem}.pdf"),
                    pages: laid.pages.len(),
                    workbook: formats
                        .contains(&Format::Xlsx)
                        .then(|| format!("{stem}.xlsx")),
                });
                out.extend(mail_html(document, attached, options, &mut warnings)?);
            }
            Format::Text => {
                let text = plain(document, options.lacks).into_bytes();
                out.push(Artifact::new(
                    format!("{stem}.txt"),
                    "text/plain; charset=utf-8",
                    text,
                ));
            }
            Format::Pdf => {
                let bytes = pdf::write(document, &laid, options.fonts)?;
                out.push(Artifact::new(
                    format!("{stem}.pdf"),
                    "application/pdf",
                    bytes,
                ));
            }
            Format::Xlsx => {
                out.push(Artifact::new(
                    format!("{stem}.xlsx"),
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    xlsx::write(document)?,
                ));
            }
            Format::Png => {
                let pictures = png::pages(&laid.pages, options.fonts, PAGE_SCALE)?
                    .into_iter()
                    .enumerate();
                out.extend(pictures.map(|(i, bytes)| {
                    Artifact::new(format!("{stem}-{}.png", i + 1), "image/png", bytes)
                }));
            }
            Format::Svg => {
                let drawn = svg::pages(&laid.pages, options.fonts).into_iter();
                out.extend(drawn.enumerate().map(|(i, page)| {
                    let name = format!("{stem}-{}.svg", i + 1);
                    Artifact::new(name, "image/svg+xml", page.into_bytes())
                }));
            }
        }
    }
    Ok(Warned {
        value: out,
        warnings,
    })
}

/// The text alternative, with why the mail lacks something at its end.
fn plain(document: &Document, lacks: Option<&str>) -> String {
    let mut text = text::write(document);
    if let Some(why) = lacks {
        text.push_str(why);
        text.push('\n');
    }
    text
}

/// The HTML, and its pictures after it.
fn mail_html(
    document: &Document,
    attached: Option<Attached>,
    options: &RenderOptions<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Artifact>, Problems> {
    let options = HtmlOptions {
        fonts: options.fonts,
        pictures: options.pictures,
        attached,
        lacks: options.lacks.map(str::to_owned),
    };
    let written = html::write(document, &options)?;
    add_new(warnings, written.warnings);
    let (html, pictures) = written.value;
    let html = Artifact::new(
        format!("{}.html", document.meta.file_stem),
        "text/html; charset=utf-8",
        html.into_bytes(),
    );
    Ok(std::iter::once(html).chain(pictures).collect())
}

/// Lays pages out, if any format needs them.
fn pages(
    document: &Document,
    formats: &[Format],
    options: &RenderOptions<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<layout::Pages, Problems> {
    if !formats
        .iter()
        .any(|format| matches!(format, Format::Pdf | Format::Png | Format::Svg))
    {
        return Ok(layout::Pages {
            pages: Vec::new(),
            parts: Vec::new(),
        });
    }
    let placed = layout::pages(document, options.fonts)?;
    warnings.extend(placed.warnings);
    Ok(placed.value)
}

fn add_new(warnings: &mut Vec<Diagnostic>, more: Vec<Diagnostic>) {
    for warning in more {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}
