//! Charts as placed items: pure layout of lines, bars, waterfalls and sparklines, for pages and pictures alike.

mod axis;
mod bar;
mod labels;
mod line;
mod waterfall;

#[cfg(test)]
mod tests;

pub(crate) use axis::index;

use crate::layout::look::Palette;
use crate::layout::text::{Run, Style, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, ChartKind, Spark};

/// Where a chart is drawn: from its own top left corner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) palette: Palette,
    /// Size of labels.
    pub(crate) size: f32,
}

impl Frame {
    /// The style of labels.
    pub(crate) fn label(&self, color: Color) -> Style {
        Style::new(self.size, color)
    }
}

/// Draws a chart, or the reason why there is nothing to draw.
pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let drawable = chart
        .plots
        .iter()
        .any(|plot| plot.values.iter().flatten().any(|value| value.is_finite()));
    if let Some(reason) = &chart.empty {
        return empty(reason, frame, setter);
    }
    if !drawable {
        return empty(&chart.alt, frame, setter);
    }
    match chart.kind {
        ChartKind::Line => line::draw(chart, frame, setter),
        ChartKind::Bar => bar::draw(chart, frame, setter),
        ChartKind::Waterfall => waterfall::draw(chart, frame, setter),
    }
}

/// A soft box with the reason in it.
fn empty(reason: &str, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let Frame {
        width,
        height,
        palette,
        size,
    } = *frame;
    let mut items = vec![Item::Rect {
        x: 0.0,
        y: 0.0,
        width,
        height,
        fill: palette.soft,
    }];
    let text = setter.one(&Run::data(reason, frame.label(palette.grey)));
    let leading = 1.5 * size;
    let room = width - 4.0 * size;
    let mut most = 1;
    while leading * index(most + 1) < height {
        most += 1;
    }
    let lines = text.lines(room);
    let shown = lines.len().min(most);
    let mut y = 0.5 * (height - leading * index(shown)) + 0.5 * leading + 0.36 * size;
    for line in lines.iter().take(shown) {
        text.place(line, 0.5 * (width - line.width), y, &mut items);
        y += leading;
    }
    items
}

/// A line without axes over the band of its quartiles, with a dot at its end.
pub(crate) fn spark(spark: &Spark, frame: &Frame) -> Vec<Item> {
    let Frame {
        width,
        height,
        palette,
        ..
    } = *frame;
    let mut items = Vec::new();
    let known = spark
        .values
        .iter()
        .flatten()
        .chain(spark.band.iter().flat_map(|(low, high)| [low, high]));
    let Some((low, high)) = axis::extent(known.copied()) else {
        return items;
    };
    let dot = 0.085 * height;
    let (top, bottom) = (dot + 0.3, height - dot - 0.3);
    let span = if high > low { high - low } else { 1.0 };
    let y = |value: f64| {
        let part = if high > low {
            (value - low) / span
        } else {
            0.5
        };
        bottom - axis::narrow(part) * (bottom - top)
    };
    if let Some((first, third)) = spark.band {
        let (upper, lower) = (y(third), y(first));
        let band = (lower - upper).max(0.6);
        items.push(Item::Rect {
            x: 0.0,
            y: upper,
            width,
            height: band,
            fill: palette.soft,
        });
    }
    let count = spark.values.len();
    let right = width - dot - 0.3;
    let x = |i: usize| {
        if count < 2 {
            right
        } else {
            axis::index(i) / axis::index(count - 1) * right
        }
    };
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
        items.push(disc((x(count - 1), y(*last)), dot, palette.accent));
    }
    items
}

/// Runs of values without a gap, each value with its index.
fn segments(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut parts: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (i, value) in values.iter().enumerate() {
        match (value.filter(|value| value.is_finite()), parts.last_mut()) {
            (Some(value), Some(part)) => part.push((i, value)),
            (None, Some(part)) if !part.is_empty() => parts.push(Vec::new()),
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// A filled circle, as a polygon of sixteen corners.
fn disc((x, y): (f32, f32), radius: f32, color: Color) -> Item {
    const ARC: [(f32, f32); 4] = [(1.0, 0.0), (0.924, 0.383), (0.707, 0.707), (0.383, 0.924)];
    let mut points = Vec::with_capacity(16);
    for (cos, sin) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
        let swap = cos * sin < 0.0;
        points.extend(ARC.map(|(a, b)| {
            let (c, s) = if swap { (b, a) } else { (a, b) };
            (x + radius * c * cos, y + radius * s * sin)
        }));
    }
    Item::Path {
        points,
        closed: true,
        fill: Some(color),
        stroke: None,
    }
}
