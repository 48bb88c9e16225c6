//! Pictures of a page: each once in the file, named by its bytes.

use super::round;
use crate::layout::{Item, Page};
use crate::png;
use chenbao_model::Digest;
use printpdf::{
    Op, PdfDocument, Pt, RawImage, RawImageData, RawImageFormat, XObject, XObjectId,
    XObjectTransform,
};

/// Puts the pictures of the pages into the file.
pub(super) fn register(pages: &[Page], pdf: &mut PdfDocument) {
    let items = pages.iter().flat_map(|page| &page.items);
    for item in items {
        let Item::Picture { png, .. } = item else {
            continue;
        };
        if let Some(raster) = png::raster(png) {
            let image = RawImage {
                pixels: RawImageData::U8(raster.rgb),
                width: raster.width,
                height: raster.height,
                data_format: RawImageFormat::RGB8,
                tag: Vec::new(),
            };
            let map = &mut pdf.resources.xobjects.map;
            map.insert(name(png), XObject::Image(image));
        }
    }
}

/// A picture at its place: left and bottom, width and height.
pub(super) fn shown(png: &[u8], (x, y): (f32, f32), (width, height): (f32, f32)) -> Op {
    let transform = XObjectTransform {
        translate_x: Some(Pt(round(x))),
        translate_y: Some(Pt(round(y))),
        scale_x: Some(round(width)),
        scale_y: Some(round(height)),
        no_auto_scale: true,
        ..XObjectTransform::default()
    };
    Op::UseXobject {
        id: name(png),
        transform,
    }
}

/// A name that the same picture always has.
fn name(png: &[u8]) -> XObjectId {
    let digest = Digest::of(png).to_string();
    XObjectId(format!("P{}", digest.get(..16).unwrap_or(&digest)))
}
