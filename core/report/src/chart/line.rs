//! Line charts: lines with their names at their ends, round ticks, words at some x, and points with their figures.

use super::axis::{self, Axis, Plane, narrow};
use super::labels::{Area, Taken, spread, thin};
use super::{Frame, area, disc, ink, segments};
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, Plot, PlotKind};
use std::rc::Rc;

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let lines = chart.plots.iter().flat_map(|plot| &plot.values);
    let usual = chart.band.iter();
    let edges = usual.flat_map(|band| band.low.iter().chain(&band.high));
    let Some(extent) = axis::extent(lines.chain(edges).flatten().copied()) else {
        return Vec::new();
    };
    let axis = Axis::new(extent, false);
    let twins = twins(chart, &axis, frame);
    let ticks = axis::tick_labels(&axis, chart, frame, setter);
    let names = names(chart, &twins, frame, setter);
    let plane = plane(chart, frame, (widest(&ticks), names_width(&names)));
    let counts = chart.plots.iter().map(|plot| plot.values.len());
    let scale = Scale {
        axis: &axis,
        plane,
        count: counts.max().unwrap_or(0).max(chart.x.len()),
    };

    let mut items = Vec::new();
    let spans = area::spans(chart, &scale, (frame, setter), &mut items);
    if let Some(band) = &chart.band {
        area::band(band, &scale, frame, &mut items);
    }
    if chart.between {
        area::between(chart, &scale, frame, &mut items);
    }
    let mut taken = axis::grid(&axis, &ticks, &plane, frame, &mut items);
    plots(chart, &twins, &scale, frame, &mut items);
    let baseline = 1.2 * frame.size;
    for (x, name) in spans {
        let place = (Area::of_text(x, baseline, name.width(), frame.size), x);
        put(&name, taken.first_free([place]), baseline, &mut items);
    }
    end_labels(&names, &scale, (frame, &mut taken), &mut items);
    for i in 0..chart.marks.len() {
        mark(chart, i, &scale, (frame, setter, &mut taken), &mut items);
    }
    let baseline = plane.bottom + 1.75 * frame.size;
    x_labels(
        &chart.x,
        &|i| scale.x(i),
        (baseline, frame),
        setter,
        &mut items,
    );
    items
}

/// The lines; what is secondary lies below the rest.
fn plots(chart: &Chart, twins: &[bool], scale: &Scale<'_>, frame: &Frame, items: &mut Vec<Item>) {
    for main in [false, true] {
        let layer = chart.plots.iter().enumerate();
        let layer = layer.filter(|(_, plot)| (plot.kind == PlotKind::Main) == main);
        for (i, plot) in layer.filter(|(i, _)| !twins[*i]) {
            draw_plot(plot, ink(chart, i, frame), scale, frame, items);
        }
    }
}

/// Puts a text on one line, if a place was found for it.
fn put(text: &Paragraph, x: Option<f32>, baseline: f32, items: &mut Vec<Item>) {
    if let (Some(x), Some(line)) = (x, text.lines(f32::INFINITY).first()) {
        text.place(line, x, baseline, items);
    }
}

/// Which secondary lines cannot be told from the first: they are not drawn under it, and their names say so.
fn twins(chart: &Chart, axis: &Axis, frame: &Frame) -> Vec<bool> {
    let plane = plane(chart, frame, (0.0, 0.0));
    let near = |pair: (&Option<f64>, &Option<f64>)| match pair {
        (Some(a), Some(b)) => (plane.y(axis, *a) - plane.y(axis, *b)).abs() < 0.25 * frame.size,
        (a, b) => a.is_none() && b.is_none(),
    };
    let first = chart.plots.first().map_or(&[][..], |plot| &plot.values);
    let twin = |(i, plot): (usize, &Plot)| {
        let pairs = first.iter().zip(&plot.values);
        i > 0
            && plot.kind == PlotKind::Muted
            && first.len() == plot.values.len()
            && pairs.into_iter().all(near)
    };
    chart.plots.iter().enumerate().map(twin).collect()
}

fn widest(texts: &[Rc<Paragraph>]) -> f32 {
    texts.iter().map(|text| text.width()).fold(0.0, f32::max)
}

fn names_width(names: &[Name]) -> f32 {
    let widths = names.iter().map(|(_, text)| text.width());
    widths.fold(0.0, f32::max)
}

/// What ticks, names and marks leave for the lines.
fn plane(chart: &Chart, frame: &Frame, (ticks, names): (f32, f32)) -> Plane {
    let size = frame.size;
    let gutter = if names > 0.0 {
        names.min(0.34 * frame.width) + 0.7 * size
    } else {
        0.3 * size
    };
    // The highest point has its figure below the names of the stretches, not among them.
    let pointed = chart.marks.iter().any(|mark| mark.point);
    let marks = if chart.marks.is_empty() { 0.8 } else { 1.9 };
    let spans = match (chart.spans.is_empty(), pointed) {
        (true, _) => 0.0,
        (false, false) => 1.8,
        (false, true) => 3.3,
    };
    Plane {
        left: ticks + 0.55 * size,
        right: frame.width - gutter,
        top: size * f32::max(marks, spans),
        bottom: frame.height - 2.1 * size,
    }
}

/// Values as places.
pub(super) struct Scale<'a> {
    axis: &'a Axis,
    pub(super) plane: Plane,
    count: usize,
}

/// The direct label of a line or band: the last value beside which it stands, and its words.
type Name = (f64, Rc<Paragraph>);

impl Scale<'_> {
    /// The distance of two neighbours along x.
    pub(super) fn step(&self) -> f32 {
        let gaps = axis::index(self.count.saturating_sub(1).max(1));
        (self.plane.right - self.plane.left) / gaps
    }

    pub(super) fn x(&self, i: usize) -> f32 {
        if self.count < 2 {
            return 0.5 * (self.plane.left + self.plane.right);
        }
        self.plane.left
            + axis::index(i) / axis::index(self.count - 1) * (self.plane.right - self.plane.left)
    }

    pub(super) fn y(&self, value: f64) -> f32 {
        self.plane.y(self.axis, value)
    }
}

/// Names of the lines and of the band, each with the last value beside which it stands.
fn names(chart: &Chart, twins: &[bool], frame: &Frame, setter: &mut Typesetter) -> Vec<Name> {
    let grey = frame.palette.grey;
    let mut shape = |label: &str, color: Color| {
        setter.one(&Run {
            unbroken: true,
            ..Run::data(label, frame.label(color))
        })
    };
    let last = |values: &[Option<f64>]| values.iter().rev().flatten().next().copied();
    let mut out = Vec::new();
    for (i, plot) in chart.plots.iter().enumerate() {
        let Some(last) = last(&plot.values).filter(|_| !plot.label.is_empty()) else {
            continue;
        };
        let color = match plot.kind {
            PlotKind::Main => ink(chart, i, frame),
            PlotKind::Muted | PlotKind::Expected => grey,
        };
        let label = if twins[i] {
            format!("≈ {}", plot.label)
        } else {
            plot.label.clone()
        };
        out.push((last, shape(&label, color)));
    }
    if let Some(band) = chart.band.as_ref().filter(|band| !band.label.is_empty())
        && let (Some(low), Some(high)) = (last(&band.low), last(&band.high))
    {
        out.push((0.5 * (low + high), shape(&band.label, grey)));
    }
    out
}

fn draw_plot(plot: &Plot, color: Color, scale: &Scale<'_>, frame: &Frame, items: &mut Vec<Item>) {
    let (width, dash) = match plot.kind {
        PlotKind::Main => (0.18, 0.0),
        PlotKind::Muted => (0.125, 0.0),
        PlotKind::Expected => (0.125, 0.34),
    };
    let (width, dash) = (frame.size * width, frame.size * dash);
    for part in segments(&plot.values) {
        let points: Vec<(f32, f32)> = part
            .iter()
            .map(|(i, value)| (scale.x(*i), scale.y(*value)))
            .collect();
        if let [point] = points.as_slice() {
            items.push(disc(*point, width, color));
        } else {
            items.push(Item::Path {
                points,
                closed: false,
                fill: None,
                stroke: Some(Stroke { color, width, dash }),
            });
        }
    }
}

/// Names stand beside the ends of their lines, pushed apart where the ends meet.
fn end_labels(
    names: &[Name],
    scale: &Scale<'_>,
    (frame, taken): (&Frame, &mut Taken),
    items: &mut Vec<Item>,
) {
    let size = frame.size;
    let wish = |last: f64| scale.y(last) + 0.36 * size;
    let wishes: Vec<f32> = names.iter().map(|(last, _)| wish(*last)).collect();
    let room = (
        scale.plane.top - 0.4 * size,
        scale.plane.bottom + 0.4 * size,
    );
    let x = scale.plane.right + 0.55 * size;
    for (baseline, (_, name)) in spread(&wishes, 1.4 * size, room).into_iter().zip(names) {
        for line in name.lines(frame.width - x).iter().take(1) {
            taken.take(Area::of_text(x, baseline, line.width, size));
            name.place(line, x, baseline, items);
        }
    }
}

/// A word above the highest line near its x, higher up where that place is taken; a point shows where on the line it is.
fn mark(
    chart: &Chart,
    index: usize,
    scale: &Scale<'_>,
    (frame, setter, taken): (&Frame, &mut Typesetter, &mut Taken),
    items: &mut Vec<Item>,
) {
    let mark = &chart.marks[index];
    let size = frame.size;
    if mark.at >= scale.count {
        return;
    }
    let style = if mark.point {
        frame.label(frame.palette.accent).bold()
    } else {
        frame.label(frame.palette.ink)
    };
    let first = chart.plots.first().map_or(&[][..], |plot| &plot.values);
    if let Some(value) = first.get(mark.at).copied().flatten().filter(|_| mark.point) {
        let place = (scale.x(mark.at), scale.y(value));
        items.push(disc(place, 0.3 * size, frame.palette.accent));
    }
    let text = setter.one(&Run {
        unbroken: true,
        ..Run::data(&mark.label, style)
    });
    let width = text.width();
    // Over the lines, not over the figures of the axis.
    let least = scale.x(0) + 0.5 * width;
    let centre = scale
        .x(mark.at)
        .clamp(least, (frame.width - 0.5 * width).max(least));
    let (left, right) = (centre - 0.5 * width, centre + 0.5 * width);
    let Some(top) = top_over(chart, scale, (left - 2.0, right + 2.0)) else {
        return;
    };
    let wish = top - 0.55 * size;
    let places = (0..12_u8).map(|n| {
        let baseline = (wish - f32::from(n) * 0.4 * size).max(0.85 * size);
        (Area::of_text(left, baseline, width, size), baseline)
    });
    if let Some(baseline) = taken.first_free(places) {
        put(&text, Some(left), baseline, items);
    }
}

/// Where the lines stand highest between two x.
fn top_over(chart: &Chart, scale: &Scale<'_>, (left, right): (f32, f32)) -> Option<f32> {
    let mut tops: Vec<f32> = Vec::new();
    for part in chart.plots.iter().flat_map(|plot| segments(&plot.values)) {
        let points: Vec<(f32, f32)> = part
            .iter()
            .map(|(i, value)| (scale.x(*i), scale.y(*value)))
            .collect();
        let inside = |point: &&(f32, f32)| left <= point.0 && point.0 <= right;
        tops.extend(points.iter().filter(inside).map(|point| point.1));
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let crossed = [left, right].into_iter().filter(|x| x0 < *x && *x < x1);
            tops.extend(crossed.map(|x| y0 + (y1 - y0) * (x - x0) / (x1 - x0)));
        }
    }
    tops.into_iter().reduce(f32::min)
}

/// Labels below the plot: the first, the last, and as many between as fit.
pub(super) fn x_labels(
    labels: &[String],
    x: &dyn Fn(usize) -> f32,
    (baseline, frame): (f32, &Frame),
    setter: &mut Typesetter,
    items: &mut Vec<Item>,
) {
    let style = frame.label(frame.palette.grey);
    let texts: Vec<Rc<Paragraph>> = labels
        .iter()
        .map(|label| {
            setter.one(&Run {
                unbroken: true,
                ..Run::data(label, style)
            })
        })
        .collect();
    let widths: Vec<f32> = texts.iter().map(|text| text.width()).collect();
    let centres: Vec<f32> = widths
        .iter()
        .enumerate()
        .map(|(i, width)| x(i).clamp(0.5 * width, (frame.width - 0.5 * width).max(0.5 * width)))
        .collect();
    for i in thin(&centres, &widths, narrow(1.4) * frame.size) {
        if let Some(line) = texts[i].lines(f32::INFINITY).first() {
            texts[i].place(line, centres[i] - 0.5 * widths[i], baseline, items);
        }
    }
}
