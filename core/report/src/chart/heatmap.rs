//! Heat maps: a grid of shades with row names, labels along x, and the scale that says what light and dark mean.

use super::Frame;
use super::axis::{self, index, tick};
use super::labels::thin;
use super::line::x_labels;
use crate::layout::text::{Paragraph, Run, Style, Typesetter};
use crate::layout::{Item, Stroke};
use chenbao_model::document::Chart;
use std::rc::Rc;

/// The lightest and darkest shade of a known value, in percent of the accent: even the lightest is not paper.
const SHADES: (f64, f64) = (5.0, 100.0);

/// How the cells stand.
struct Grid<'a> {
    frame: &'a Frame,
    left: f32,
    bottom: f32,
    cell: (f32, f32),
    /// The values of the lightest and of the darkest shade.
    range: (f64, f64),
}

impl Grid<'_> {
    fn shade(&self, value: f64) -> u8 {
        let (low, high) = self.range;
        let part = if high > low {
            (value - low) / (high - low)
        } else {
            1.0
        };
        percent(SHADES.0 + part * (SHADES.1 - SHADES.0))
    }

    fn corner(&self, row: usize, column: usize) -> (f32, f32) {
        let (width, height) = self.cell;
        (self.left + width * index(column), height * index(row))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a percentage"
)]
fn percent(value: f64) -> u8 {
    value.round().clamp(0.0, 100.0) as u8
}

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let size = frame.size;
    let known = chart.plots.iter().flat_map(|plot| plot.values.iter());
    let Some((low, high)) = axis::extent(known.flatten().copied()) else {
        return Vec::new();
    };
    // From zero where that costs little: half as dark is then half as much.
    let low = if low > 0.0 && low < 0.5 * high {
        0.0
    } else {
        low
    };
    let names: Vec<Rc<Paragraph>> = chart
        .plots
        .iter()
        .map(|plot| one(&plot.label, frame, setter))
        .collect();
    let left = names.iter().map(|name| name.width()).fold(0.0, f32::max);
    let left = left.min(0.4 * frame.width) + 0.7 * size;
    let columns = chart.plots.iter().map(|plot| plot.values.len()).max();
    let columns = columns.unwrap_or(0).max(chart.x.len()).max(1);
    let bottom = frame.height - 3.7 * size;
    let grid = Grid {
        frame,
        left,
        bottom,
        cell: (
            (frame.width - left) / index(columns),
            bottom / index(chart.plots.len().max(1)),
        ),
        range: (low, high),
    };
    let mut items = Vec::new();
    row_names(&names, &grid, &mut items);
    cells(chart, &grid, setter, &mut items);
    let middle = |i: usize| grid.corner(0, i).0 + 0.5 * grid.cell.0;
    let baseline = bottom + 1.3 * size;
    x_labels(&chart.x, &middle, (baseline, frame), setter, &mut items);
    scale(chart, &grid, setter, &mut items);
    items
}

fn one(text: &str, frame: &Frame, setter: &mut Typesetter) -> Rc<Paragraph> {
    setter.one(&Run {
        unbroken: true,
        ..Run::data(text, frame.label(frame.palette.grey))
    })
}

fn row_names(names: &[Rc<Paragraph>], grid: &Grid<'_>, items: &mut Vec<Item>) {
    let size = grid.frame.size;
    let middle = |row: usize| grid.corner(row, 0).1 + 0.5 * grid.cell.1;
    let middles: Vec<f32> = (0..names.len()).map(middle).collect();
    let heights = vec![0.95 * size; names.len()];
    for row in thin(&middles, &heights, 0.05 * size) {
        for line in names[row].lines(grid.left - 0.6 * size).iter().take(1) {
            names[row].place(line, 0.0, middles[row] + 0.36 * size, items);
        }
    }
}

/// The cells; a gap is a dash on paper, and a text stands in its cell where there is room.
fn cells(chart: &Chart, grid: &Grid<'_>, setter: &mut Typesetter, items: &mut Vec<Item>) {
    let palette = grid.frame.palette;
    let (width, height) = grid.cell;
    let seam = 0.8_f32.min(0.12 * width.min(height));
    for (row, plot) in chart.plots.iter().enumerate() {
        for (column, value) in plot.values.iter().enumerate() {
            let (x, y) = grid.corner(row, column);
            let Some(value) = value.filter(|value| value.is_finite()) else {
                let (middle, half) = (y + 0.5 * height, 0.18 * width);
                items.push(Item::Line {
                    from: (x + 0.5 * width - half, middle),
                    to: (x + 0.5 * width + half, middle),
                    stroke: Stroke::solid(palette.faint, 0.6),
                });
                continue;
            };
            let shade = grid.shade(value);
            items.push(Item::Rect {
                x: x + seam,
                y: y + seam,
                width: width - 2.0 * seam,
                height: height - 2.0 * seam,
                fill: palette.shade(shade),
            });
            let Some(text) = plot.texts.get(column).filter(|text| !text.is_empty()) else {
                continue;
            };
            let style = Style::new(0.88 * grid.frame.size, palette.on_shade(shade));
            let text = setter.one(&Run {
                unbroken: true,
                ..Run::data(text, style)
            });
            let fits = text.width() + 4.0 * seam <= width && 1.2 * style.size <= height;
            for line in text.lines(f32::INFINITY).iter().take(usize::from(fits)) {
                let left = x + 0.5 * (width - line.width);
                text.place(line, left, y + 0.5 * height + 0.36 * style.size, items);
            }
        }
    }
}

/// What the lightest and the darkest shade stand for, with the steps between where there is room.
fn scale(chart: &Chart, grid: &Grid<'_>, setter: &mut Typesetter, items: &mut Vec<Item>) {
    let size = grid.frame.size;
    let (low, high) = grid.range;
    let said = |value: f64| tick(value, chart.measure, &chart.lang);
    let [low_text, high_text] = [low, high].map(|value| one(&said(value), grid.frame, setter));
    let (gap, step) = (0.5 * size, 1.5 * size);
    let words = low_text.width() + high_text.width() + 2.0 * gap;
    let steps = if words + 5.0 * step <= grid.frame.width {
        5_u8
    } else {
        1
    };
    let length = step * f32::from(steps);
    let baseline = grid.bottom + 3.1 * size;
    let start = grid.frame.width - words - length;
    if start < 0.0 {
        return;
    }
    let ends = [
        (&low_text, start),
        (&high_text, grid.frame.width - high_text.width()),
    ];
    for (text, x) in ends {
        for line in text.lines(f32::INFINITY).iter().take(1) {
            text.place(line, x, baseline, items);
        }
    }
    for n in 0..steps {
        let part = f64::from(n) / f64::from(steps.max(2) - 1);
        items.push(Item::Rect {
            x: start + low_text.width() + gap + step * f32::from(n),
            y: baseline - 0.75 * size,
            width: step - 0.1 * size,
            height: 0.8 * size,
            fill: grid
                .frame
                .palette
                .shade(grid.shade(low + (high - low) * part)),
        });
    }
}
