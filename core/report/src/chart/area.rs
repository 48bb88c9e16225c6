//! Grounds of a line chart: named stretches of x, the band of what is usual, and what lies between two lines.

use super::line::Scale;
use super::{Frame, axis};
use crate::layout::look::WHITE;
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Band, Chart};
use std::rc::Rc;

/// How much of the colour of good and bad the area between two lines has, in percent.
const TINT: u8 = 20;

/// The grounds of named stretches, a hair of paper between two of them; gives back their names with where they stand.
pub(super) fn spans(
    chart: &Chart,
    scale: &Scale<'_>,
    (frame, setter): (&Frame, &mut Typesetter),
    items: &mut Vec<Item>,
) -> Vec<(f32, Rc<Paragraph>)> {
    let (plane, size) = (scale.plane, frame.size);
    let mut names = Vec::new();
    for (n, span) in chart.spans.iter().enumerate() {
        let half = 0.5 * scale.step();
        let edge = |x: f32| x.clamp(plane.left, plane.right);
        let (left, right) = (
            edge(scale.x(span.first) - half) + 0.6,
            edge(scale.x(span.last) + half) - 0.6,
        );
        if span.first > span.last || right <= left {
            continue;
        }
        // Neighbours differ, in print without colour too.
        let fill = if n % 2 == 0 {
            frame.palette.soft
        } else {
            frame.palette.shade(12)
        };
        items.push(Item::Rect {
            x: left,
            y: 0.2 * size,
            width: right - left,
            height: plane.bottom - 0.2 * size,
            fill,
        });
        let style = frame.label(frame.palette.grey);
        let text = setter.one(&Run {
            unbroken: true,
            ..Run::data(&span.label, style)
        });
        let x = 0.5 * (left + right) - 0.5 * text.width();
        let most = (frame.width - text.width()).max(0.0);
        names.push((x.clamp(0.0, most), text));
    }
    names
}

/// The band of what is usual, with thin edges that print without colour shows too.
pub(super) fn band(band: &Band, scale: &Scale<'_>, frame: &Frame, items: &mut Vec<Item>) {
    let edges: Vec<Option<(f64, f64)>> = band
        .low
        .iter()
        .zip(&band.high)
        .map(|(low, high)| Some(((*low)?, (*high)?)))
        .map(|pair| pair.filter(|(low, high)| low.is_finite() && high.is_finite()))
        .collect();
    let stroke = Some(Stroke::solid(frame.palette.rule, 0.4));
    for part in runs(&edges) {
        let point = |i: usize, value: f64| (scale.x(i), scale.y(value));
        let upper = part.iter().map(|(i, (_, high))| point(*i, *high));
        let lower = part.iter().rev().map(|(i, (low, _))| point(*i, *low));
        items.push(Item::Path {
            points: upper.chain(lower).collect(),
            closed: true,
            fill: Some(frame.palette.soft),
            stroke,
        });
    }
}

/// The area between the first two lines: the colour of good where the first is above, of bad where it is below.
pub(super) fn between(chart: &Chart, scale: &Scale<'_>, frame: &Frame, items: &mut Vec<Item>) {
    let [first, second, ..] = chart.plots.as_slice() else {
        return;
    };
    let pairs: Vec<Option<(f64, f64)>> = first
        .values
        .iter()
        .zip(&second.values)
        .map(|(a, b)| Some(((*a)?, (*b)?)))
        .map(|pair| pair.filter(|(a, b)| a.is_finite() && b.is_finite()))
        .collect();
    let palette = frame.palette;
    let ink = |above: bool| {
        let up_is_good = above != chart.falling_is_good;
        WHITE.mixed(
            if up_is_good {
                palette.rise
            } else {
                palette.fall
            },
            TINT,
        )
    };
    for part in runs(&pairs) {
        for window in part.windows(2) {
            let ((i, (a0, b0)), (j, (a1, b1))) = (window[0], window[1]);
            let at = |i: usize, value: f64| (scale.x(i), scale.y(value));
            let (d0, d1) = (a0 - b0, a1 - b1);
            if d0 * d1 >= 0.0 {
                let points = vec![at(i, a0), at(j, a1), at(j, b1), at(i, b0)];
                fill(points, ink(d0 + d1 > 0.0), items);
                continue;
            }
            // The lines cross: two triangles that meet there.
            let part = axis::narrow(d0 / (d0 - d1));
            let ((x0, y0), (x1, y1)) = (at(i, a0), at(j, a1));
            let cross = (x0 + part * (x1 - x0), y0 + part * (y1 - y0));
            fill(vec![at(i, a0), cross, at(i, b0)], ink(d0 > 0.0), items);
            fill(vec![at(j, a1), cross, at(j, b1)], ink(d1 > 0.0), items);
        }
    }
}

fn fill(points: Vec<(f32, f32)>, color: Color, items: &mut Vec<Item>) {
    items.push(Item::Path {
        points,
        closed: true,
        fill: Some(color),
        stroke: None,
    });
}

/// Stretches of at least two known values, each with its index.
fn runs(pairs: &[Option<(f64, f64)>]) -> Vec<Vec<(usize, (f64, f64))>> {
    let mut out: Vec<Vec<(usize, (f64, f64))>> = vec![Vec::new()];
    for (i, pair) in pairs.iter().enumerate() {
        match (pair, out.last_mut()) {
            (Some(pair), Some(run)) => run.push((i, *pair)),
            (None, Some(run)) if !run.is_empty() => out.push(Vec::new()),
            _ => {}
        }
    }
    out.retain(|run| run.len() > 1);
    out
}
