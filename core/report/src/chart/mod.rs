//! Charts as placed items: pure layout of every kind of chart, for pages and pictures alike.

mod area;
mod axis;
mod bar;
mod bullet;
mod funnel;
mod heatmap;
mod labels;
mod line;
mod rows;
mod spark;
mod stacked;
mod waterfall;

#[cfg(test)]
mod tests;

pub(crate) use axis::index;
pub(crate) use bullet::strip as bullet;
pub(crate) use spark::draw as spark;

use crate::layout::look::Palette;
use crate::layout::text::{Run, Style, Typesetter};
use crate::layout::{Color, Item};
use chenbao_model::document::{Chart, ChartKind, PlotKind};

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
        ChartKind::StackedBar => stacked::draw(chart, frame, setter),
        ChartKind::Waterfall => waterfall::draw(chart, frame, setter),
        ChartKind::Heatmap => heatmap::draw(chart, frame, setter),
        ChartKind::Funnel => funnel::draw(chart, frame, setter),
        ChartKind::Sparkline => spark::chart(chart, frame, setter),
        ChartKind::Bullet => bullet::draw(chart, frame, setter),
    }
}

/// The height that a chart wants, from the size of its labels.
pub(crate) fn height(chart: &Chart, size: f32) -> f32 {
    let lines = match (chart.kind, chart.empty.is_some()) {
        (_, true) => 5.75,
        // Names of stretches have a line of their own.
        (ChartKind::Line, _) if !chart.spans.is_empty() => 16.0,
        (ChartKind::Line | ChartKind::Bar | ChartKind::StackedBar, _) => 14.0,
        (ChartKind::Waterfall, _) => 13.0,
        (ChartKind::Heatmap, _) => 3.9 + 1.75 * index(chart.plots.len().min(40)),
        (ChartKind::Funnel, _) => 1.9 + 2.5 * index(chart.x.len().min(30)),
        (ChartKind::Bullet, _) => 1.9 + 2.2 * index(chart.x.len().min(30)),
        (ChartKind::Sparkline, _) => 3.2,
    };
    lines * size
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

/// The colour of a plot: the accent first, grey for what is secondary.
fn ink(chart: &Chart, index: usize, frame: &Frame) -> Color {
    let palette = frame.palette;
    match chart.plots[index].kind {
        PlotKind::Main => {}
        PlotKind::Muted => return palette.total,
        PlotKind::Expected => return palette.grey,
    }
    let before = chart
        .plots
        .iter()
        .take(index)
        .filter(|plot| plot.kind == PlotKind::Main)
        .count();
    [palette.accent, palette.ink, palette.grey][before.min(2)]
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
