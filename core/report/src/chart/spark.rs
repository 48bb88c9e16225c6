//! Sparklines: a line without axes over the band of its quartiles, with a dot at its end.

use super::axis::{extent, index, narrow};
use super::{Frame, disc, segments};
use crate::layout::text::{Run, Typesetter};
use crate::layout::{Item, Stroke};
use chenbao_model::document::{Chart, Spark};

/// A sparkline as a block of its own: its last figure stands beside its end.
pub(crate) fn chart(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let Some(plot) = chart.plots.first() else {
        return Vec::new();
    };
    let edge = |values: &[Option<f64>]| values.iter().flatten().next().copied();
    let band = chart.band.as_ref();
    let spark = Spark {
        values: plot.values.clone(),
        band: band.and_then(|band| Some((edge(&band.low)?, edge(&band.high)?))),
    };
    let size = frame.size;
    let last = plot.texts.last().map_or("", String::as_str);
    let text = setter.one(&Run {
        unbroken: true,
        ..Run::data(last, frame.label(frame.palette.ink).bold())
    });
    let room = text.width() + 0.8 * size;
    let line = Frame {
        width: (frame.width - room).max(0.3 * frame.width),
        height: (2.2 * size).min(frame.height),
        ..*frame
    };
    let top = 0.5 * (frame.height - line.height);
    let drawn = draw(&spark, &line).into_iter();
    let mut items: Vec<Item> = drawn.map(|item| item.shifted(0.0, top)).collect();
    for end in text.lines(f32::INFINITY).iter().take(1) {
        let x = line.width + 0.5 * size;
        if x + end.width <= frame.width {
            text.place(end, x, 0.5 * frame.height + 0.36 * size, &mut items);
        }
    }
    items
}

/// Draws the history of one figure.
pub(crate) fn draw(spark: &Spark, frame: &Frame) -> Vec<Item> {
    let Frame {
        width,
        height,
        palette,
        ..
    } = *frame;
    let band = spark.band.iter().flat_map(|(low, high)| [low, high]);
    let Some(range) = extent(spark.values.iter().flatten().chain(band).copied()) else {
        return Vec::new();
    };
    let dot = 0.085 * height;
    let y = |value: f64| position(value, range, (dot + 0.3, height - dot - 0.3));
    let right = width - dot - 0.3;
    let steps = spark.values.len().saturating_sub(1);
    let x = |i: usize| {
        if steps == 0 {
            right
        } else {
            index(i) / index(steps) * right
        }
    };

    let mut items = Vec::new();
    if let Some((first, third)) = spark.band {
        let (upper, lower) = (y(third), y(first));
        let height = (lower - upper).max(0.6);
        items.push(Item::Rect {
            x: 0.0,
            y: upper,
            width,
            height,
            fill: palette.soft,
        });
    }
    for part in segments(&spark.values) {
        let points: Vec<(f32, f32)> = part.iter().map(|(i, value)| (x(*i), y(*value))).collect();
        if let [point] = points.as_slice() {
            items.push(disc(*point, 0.6, palette.grey));
        } else {
            let stroke = Some(Stroke::solid(palette.grey, 0.055 * height));
            items.push(Item::Path {
                points,
                closed: false,
                fill: None,
                stroke,
            });
        }
    }
    if let Some(Some(last)) = spark.values.last() {
        items.push(disc((right, y(*last)), dot, palette.accent));
    }
    items
}

/// Where a value lies between `bottom` and `top`; in the middle where all values are equal.
fn position(value: f64, (low, high): (f64, f64), (top, bottom): (f32, f32)) -> f32 {
    let part = if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    };
    bottom - narrow(part) * (bottom - top)
}
