//! The PDF as other programs see it: poppler finds the text and the fonts, qpdf finds no fault, bytes are stable.

use super::write;
use crate::fonts::Fonts;
use crate::layout::pages;
use crate::layout::probe::sample;
use std::path::PathBuf;
use std::process::Command;

fn made() -> Vec<u8> {
    let fonts = Fonts::embedded().unwrap();
    let document = sample::daily();
    write(&document, &pages(&document, &fonts).unwrap().value, &fonts).unwrap()
}

/// Runs a tool on the sample; `None`, loudly, where the machine does not have it.
fn tool(name: &str, args: &[&str]) -> Option<(bool, String)> {
    let path: PathBuf =
        std::env::temp_dir().join(format!("chenbao-{}-{name}.pdf", std::process::id()));
    std::fs::write(&path, made()).unwrap();
    let output = Command::new(name)
        .args(&args[..args.len() - 1])
        .arg(&path)
        .args(args[args.len() - 1].split_whitespace())
        .output();
    std::fs::remove_file(&path).unwrap();
    match output {
        Ok(output) => Some((
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )),
        Err(_) => {
            eprintln!(
                "SKIPPED: {name} is not on this machine (apt-get install poppler-utils qpdf)"
            );
            None
        }
    }
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let bytes = made();
    assert_eq!(bytes, made());
    assert!(bytes.len() < 200_000, "{}", bytes.len());
}

#[test]
fn text_is_found_as_it_was_written() {
    let Some((true, text)) = tool("pdftotext", &["-layout", "-"]) else {
        return;
    };
    for words in [
        "昨日用户支付 ¥128.4 万,较上周六 +8.2%(+¥9.7 万)。",
        "点击-成交率跌至 3.12%",
        "1,284,306",
        "示例女装旗舰店 · 抖音 · 管理层 · 2026 年 11 月 21 日 星期六",
        "● 第一处断点",
        "<b>&\"{{ x }}</td> =cmd()",
        "昨日(11月21日,周六)",
        "仅供「管理层」 · 2 / 2",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn no_fault_and_only_embedded_subsets() {
    if let Some((sound, report)) = tool("qpdf", &["--check", ""]) {
        assert!(
            sound && report.contains("No syntax or stream encoding errors found"),
            "{report}"
        );
    }
    if let Some((_, fonts)) = tool("pdffonts", &[""]) {
        let rows: Vec<&str> = fonts.lines().skip(2).collect();
        assert_eq!(rows.len(), 2, "{fonts}");
        assert!(
            rows.iter()
                .all(|row| row.contains("yes yes yes") && row.contains("+NotoSansSC-")),
            "{fonts}"
        );
    }
}

#[test]
fn outline_language_links_and_dates_are_there() {
    let pdf = lopdf::Document::load_mem(&made()).unwrap();
    let catalog = pdf.catalog().unwrap();
    assert_eq!(catalog.get(b"Lang").unwrap().as_str().unwrap(), b"zh-CN");
    let preferences = catalog
        .get(b"ViewerPreferences")
        .unwrap()
        .as_dict()
        .unwrap();
    assert!(
        preferences
            .get(b"DisplayDocTitle")
            .unwrap()
            .as_bool()
            .unwrap()
    );
    let outline = pdf
        .get_dictionary(catalog.get(b"Outlines").unwrap().as_reference().unwrap())
        .unwrap();
    assert_eq!(outline.get(b"Count").unwrap().as_i64().unwrap(), 10);
    let info = pdf
        .get_dictionary(pdf.trailer.get(b"Info").unwrap().as_reference().unwrap())
        .unwrap();
    assert_eq!(
        info.get(b"CreationDate").unwrap().as_str().unwrap(),
        b"D:20261122074000+08'00"
    );
    let links = |page| {
        let page = pdf.get_dictionary(page).unwrap();
        page.get(b"Annots")
            .map_or(0, |links| links.as_array().unwrap().len())
    };
    let links: usize = pdf.page_iter().map(links).sum();
    assert_eq!(links, 2);
}

#[test]
fn a_logo_is_once_in_the_file_and_as_sharp_as_it_came() {
    let fonts = Fonts::embedded().unwrap();
    let mut document = sample::daily();
    let mut drawn = tiny_skia::Pixmap::new(120, 30).unwrap();
    drawn.fill(tiny_skia::Color::from_rgba8(200, 0, 0, 255));
    document.meta.logo = Some(chenbao_model::document::Logo {
        png: drawn.encode_png().unwrap(),
        width: 120,
        height: 30,
        alt: "晨光".into(),
    });
    let bytes = write(&document, &pages(&document, &fonts).unwrap().value, &fonts).unwrap();
    let read = lopdf::Document::load_mem(&bytes).unwrap();
    let streams = read
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok());
    let images: Vec<_> = streams
        .filter(|stream| {
            stream
                .dict
                .get(b"Subtype")
                .and_then(lopdf::Object::as_name)
                .is_ok_and(|name| name == b"Image")
        })
        .collect();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].dict.get(b"Width").unwrap().as_i64().unwrap(), 120);
    let pixels = images[0].decompressed_content().unwrap();
    assert_eq!(pixels.len(), 120 * 30 * 3);
    assert_eq!(pixels[..3], [200, 0, 0]);
    let grown = bytes.len() - made().len();
    assert!(grown < 2_000, "one colour takes {grown} bytes");
}
