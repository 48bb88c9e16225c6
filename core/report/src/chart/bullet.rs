//! Bullets: a bar of what is, on a scale where every target stands at the same mark.

use super::Frame;
use super::axis::narrow;
use super::rows::Rows;
use crate::layout::text::Typesetter;
use crate::layout::{Item, Stroke};
use chenbao_model::document::{Bullet, Chart, Plot};

/// How far the bar is on its way: one is the target; nothing where there is no way to go.
fn part(actual: Option<f64>, target: Option<f64>) -> Option<f32> {
    let (actual, target) = (actual?, target?);
    let part = actual / target;
    (target > 0.0 && part.is_finite()).then(|| narrow(part.max(0.0)))
}

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let words: Vec<&Plot> = chart.plots.iter().collect();
    let rows = Rows::new(chart, &words, frame, setter);
    let mut items = Vec::new();
    rows.ground(chart.marked, &mut items);
    let value = |plot: usize, i: usize| chart.plots.get(plot)?.values.get(i).copied().flatten();
    let parts: Vec<Option<f32>> = (0..chart.x.len())
        .map(|i| part(value(0, i), value(1, i)))
        .collect();
    // The scale ends a little beyond the target, or with the bar that goes furthest, at most at twice the target.
    let end = parts
        .iter()
        .flatten()
        .fold(1.1_f32, |a, b| a.max(*b))
        .min(2.0);
    let room = (rows.right - rows.left).max(0.0);
    for (i, part) in parts.iter().enumerate() {
        let Some(part) = part else { continue };
        let area = (rows.left, rows.middle(i) - 0.31 * rows.row);
        let place = Track {
            at: area,
            width: room,
            height: 0.62 * rows.row,
        };
        track(*part, end, &place, frame, &mut items);
    }
    rows.words(&mut items);
    items
}

/// The bullet of one figure of the strip: a bar and its mark, without words.
pub(crate) fn strip(bullet: &Bullet, frame: &Frame) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(part) = part(Some(bullet.actual), Some(bullet.target)) {
        let place = Track {
            at: (0.0, 0.0),
            width: frame.width,
            height: frame.height,
        };
        track(part, part.clamp(1.1, 2.0), &place, frame, &mut items);
    }
    items
}

/// Where a bullet is drawn.
struct Track {
    at: (f32, f32),
    width: f32,
    height: f32,
}

/// A soft ground, the bar on it, and the target's mark through both.
fn track(part: f32, end: f32, place: &Track, frame: &Frame, items: &mut Vec<Item>) {
    let (x, y) = place.at;
    let palette = frame.palette;
    let mut bar = |width: f32, inset: f32, fill| {
        items.push(Item::Rect {
            x,
            y: y + inset,
            width,
            height: place.height - 2.0 * inset,
            fill,
        });
    };
    bar(place.width, 0.0, palette.soft);
    bar(
        (place.width * part.min(end) / end).max(0.8),
        0.22 * place.height,
        palette.accent,
    );
    let target = x + place.width / end;
    items.push(Item::Line {
        from: (target, y),
        to: (target, y + place.height),
        stroke: Stroke::solid(palette.ink, (0.2 * place.height).clamp(0.9, 1.6)),
    });
}
