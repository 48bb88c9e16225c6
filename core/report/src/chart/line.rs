//! Line charts: lines with their names at their ends, round ticks, and words at some x.

use super::axis::{self, Axis, Plane, narrow};
use super::labels::{Area, Taken, spread, thin};
use super::{Frame, disc, ink, segments};
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, Plot};
use std::rc::Rc;

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let values = chart
        .plots
        .iter()
        .flat_map(|plot| plot.values.iter().flatten().copied());
    let Some(extent) = axis::extent(values) else {
        return Vec::new();
    };
    let axis = Axis::new(extent, false);
    let twins = twins(chart, &axis, frame);
    let ticks = axis::tick_labels(&axis, chart, frame, setter);
    let names = names(chart, &twins, frame, setter);
    let plane = plane(chart, frame, (widest(&ticks), widest(&names)));
    let longest = chart
        .plots
        .iter()
        .map(|plot| plot.values.len())
        .max()
        .unwrap_or(0);
    let scale = Scale {
        axis: &axis,
        plane,
        count: longest.max(chart.x.len()),
    };

    let mut items = Vec::new();
    let mut taken = axis::grid(&axis, &ticks, &plane, frame, &mut items);
    // What is secondary lies below the rest.
    for muted in [true, false] {
        for (i, plot) in chart
            .plots
            .iter()
            .enumerate()
            .filter(|(i, plot)| plot.muted == muted && !twins[*i])
        {
            draw_plot(plot, ink(chart, i, frame), &scale, frame, &mut items);
        }
    }
    end_labels(chart, &names, &scale, (frame, &mut taken), &mut items);
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
        i > 0 && plot.muted && first.len() == plot.values.len() && pairs.into_iter().all(near)
    };
    chart.plots.iter().enumerate().map(twin).collect()
}

fn widest(texts: &[Rc<Paragraph>]) -> f32 {
    texts.iter().map(|text| text.width()).fold(0.0, f32::max)
}

/// What ticks, names and marks leave for the lines.
fn plane(chart: &Chart, frame: &Frame, (ticks, names): (f32, f32)) -> Plane {
    let size = frame.size;
    let gutter = if names > 0.0 {
        names.min(0.34 * frame.width) + 0.7 * size
    } else {
        0.3 * size
    };
    Plane {
        left: ticks + 0.55 * size,
        right: frame.width - gutter,
        top: size * if chart.marks.is_empty() { 0.8 } else { 1.9 },
        bottom: frame.height - 2.1 * size,
    }
}

/// Values as places.
struct Scale<'a> {
    axis: &'a Axis,
    plane: Plane,
    count: usize,
}

impl Scale<'_> {
    fn x(&self, i: usize) -> f32 {
        if self.count < 2 {
            return 0.5 * (self.plane.left + self.plane.right);
        }
        self.plane.left
            + axis::index(i) / axis::index(self.count - 1) * (self.plane.right - self.plane.left)
    }

    fn y(&self, value: f64) -> f32 {
        self.plane.y(self.axis, value)
    }
}

fn names(
    chart: &Chart,
    twins: &[bool],
    frame: &Frame,
    setter: &mut Typesetter,
) -> Vec<Rc<Paragraph>> {
    (0..chart.plots.len())
        .map(|i| {
            let color = if chart.plots[i].muted {
                frame.palette.grey
            } else {
                ink(chart, i, frame)
            };
            let label = &chart.plots[i].label;
            let twin = twins[i] && !label.is_empty();
            let label = if twin {
                format!("≈ {label}")
            } else {
                label.clone()
            };
            setter.one(&Run {
                unbroken: true,
                ..Run::data(&label, frame.label(color))
            })
        })
        .collect()
}

fn draw_plot(plot: &Plot, color: Color, scale: &Scale<'_>, frame: &Frame, items: &mut Vec<Item>) {
    let width = frame.size * if plot.muted { 0.125 } else { 0.18 };
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
                stroke: Some(Stroke::solid(color, width)),
            });
        }
    }
}

/// Names stand beside the ends of their lines, pushed apart where the ends meet.
fn end_labels(
    chart: &Chart,
    names: &[Rc<Paragraph>],
    scale: &Scale<'_>,
    (frame, taken): (&Frame, &mut Taken),
    items: &mut Vec<Item>,
) {
    let size = frame.size;
    let mut shown = Vec::new();
    for (plot, name) in chart.plots.iter().zip(names) {
        let last = plot.values.iter().rev().flatten().next();
        if let (Some(last), false) = (last, name.is_empty()) {
            shown.push((scale.y(*last) + 0.36 * size, name));
        }
    }
    let wishes: Vec<f32> = shown.iter().map(|(y, _)| *y).collect();
    let room = (
        scale.plane.top - 0.4 * size,
        scale.plane.bottom + 0.4 * size,
    );
    let x = scale.plane.right + 0.55 * size;
    for (baseline, (_, name)) in spread(&wishes, 1.2 * size, room).into_iter().zip(&shown) {
        for line in name.lines(frame.width - x).iter().take(1) {
            taken.take(Area::of_text(x, baseline, line.width, size));
            name.place(line, x, baseline, items);
        }
    }
}

/// A word above the highest line near its x, higher up where that place is taken.
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
    let text = setter.one(&Run {
        unbroken: true,
        ..Run::data(&mark.label, frame.label(frame.palette.ink))
    });
    let width = text.width();
    let centre = scale
        .x(mark.at)
        .clamp(0.5 * width, (frame.width - 0.5 * width).max(0.5 * width));
    let (left, right) = (centre - 0.5 * width, centre + 0.5 * width);
    let Some(top) = top_over(chart, scale, (left - 2.0, right + 2.0)) else {
        return;
    };
    let wish = top - 0.55 * size;
    let places = (0..12_u8).map(|n| {
        let baseline = (wish - f32::from(n) * 0.4 * size).max(0.85 * size);
        (Area::of_text(left, baseline, width, size), baseline)
    });
    if let (Some(baseline), Some(line)) =
        (taken.first_free(places), text.lines(f32::INFINITY).first())
    {
        text.place(line, left, baseline, items);
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
