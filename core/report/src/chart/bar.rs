//! Vertical bars from zero, side by side for several plots, with their figures above them.

use super::Frame;
use super::axis::{self, Axis, Plane};
use super::labels::Area;
use super::line::x_labels;
use crate::layout::text::{Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::Chart;

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let values = chart
        .plots
        .iter()
        .flat_map(|plot| plot.values.iter().flatten().copied());
    let Some(extent) = axis::extent(values) else {
        return Vec::new();
    };
    let axis = Axis::new(extent, true);
    let size = frame.size;
    let ticks = axis::tick_labels(&axis, chart, frame, setter);
    let mut items = Vec::new();
    let legend = if chart.plots.len() > 1 {
        legend(chart, frame, setter, &mut items)
    } else {
        0.0
    };
    let plane = Plane {
        left: ticks.iter().map(|text| text.width()).fold(0.0, f32::max) + 0.55 * size,
        right: frame.width,
        top: legend + 1.5 * size,
        bottom: frame.height - 2.1 * size,
    };
    let mut taken = axis::grid(&axis, &ticks, &plane, frame, &mut items);
    let zero = plane.y(&axis, 0.0);
    let count = chart
        .plots
        .iter()
        .map(|plot| plot.values.len())
        .max()
        .unwrap_or(0)
        .max(chart.x.len())
        .max(1);
    let band = (plane.right - plane.left) / axis::index(count);
    let families = axis::index(chart.plots.len().max(1));
    let thick = (0.68 * band / families).min(3.4 * size);

    let mut figures = Vec::new();
    for i in 0..count {
        let centre = plane.left + band * (axis::index(i) + 0.5);
        for (n, plot) in chart.plots.iter().enumerate() {
            let Some(value) = plot.values.get(i).copied().flatten() else {
                continue;
            };
            let x = centre + thick * (axis::index(n) - 0.5 * families);
            let y = plane.y(&axis, value);
            let (top, height) = (y.min(zero), (y - zero).abs().max(0.3));
            items.push(Item::Rect {
                x,
                y: top,
                width: 0.94 * thick,
                height,
                fill: ink(chart, n, frame),
            });
            taken.take(Area {
                left: x,
                top,
                right: x + 0.94 * thick,
                bottom: top + height,
            });
            if let Some(text) = plot.texts.get(i).filter(|text| !text.is_empty()) {
                figures.push((
                    text,
                    x + 0.47 * thick,
                    if value < 0.0 {
                        y + 1.15 * size
                    } else {
                        y - 0.4 * size
                    },
                ));
            }
        }
    }
    let axis_line = Stroke::solid(frame.palette.ink, 0.75);
    items.push(Item::Line {
        from: (plane.left, zero),
        to: (plane.right, zero),
        stroke: axis_line,
    });
    for (text, centre, baseline) in figures {
        let text = setter.one(&Run {
            unbroken: true,
            ..Run::data(text, frame.label(frame.palette.ink))
        });
        let width = text.width();
        let left = (centre - 0.5 * width)
            .max(plane.left)
            .min(plane.right - width);
        // A figure that would touch another stays away: the axis still carries its bar.
        let fits = left >= plane.left && baseline < plane.bottom + 0.6 * size;
        let place =
            taken.first_free(fits.then_some((Area::of_text(left, baseline, width, size), ())));
        if let (Some(()), Some(line)) = (place, text.lines(f32::INFINITY).first()) {
            text.place(line, left, baseline, &mut items);
        }
    }
    let centre = |i: usize| plane.left + band * (axis::index(i) + 0.5);
    x_labels(
        &chart.x,
        &centre,
        (plane.bottom + 1.75 * size, frame),
        setter,
        &mut items,
    );
    items
}

fn ink(chart: &Chart, index: usize, frame: &Frame) -> Color {
    if chart.plots[index].muted {
        frame.palette.total
    } else {
        frame.palette.accent
    }
}

/// Names of the families with a square of their colour; gives back the height that it takes.
fn legend(chart: &Chart, frame: &Frame, setter: &mut Typesetter, items: &mut Vec<Item>) -> f32 {
    let size = frame.size;
    let (mut x, mut y) = (0.0, 0.9 * size);
    for (i, plot) in chart.plots.iter().enumerate() {
        let name = setter.one(&Run {
            unbroken: true,
            ..Run::data(&plot.label, frame.label(frame.palette.grey))
        });
        let width = 1.1 * size + name.width();
        if x > 0.0 && x + width > frame.width {
            (x, y) = (0.0, y + 1.4 * size);
        }
        let square = 0.72 * size;
        items.push(Item::Rect {
            x,
            y: y - square,
            width: square,
            height: square,
            fill: ink(chart, i, frame),
        });
        if let Some(line) = name.lines(f32::INFINITY).first() {
            name.place(line, x + 1.1 * size, y, items);
        }
        x += width + 1.2 * size;
    }
    y + 0.3 * size
}
