//! Waterfalls: from the first total through signed parts to the last total; a cut axis shows its cut.

use super::Frame;
use super::axis::{self, Plane};
use super::labels::{Area, Taken};
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, Plot};
use std::rc::Rc;

/// One bar: from one level to another.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: f64,
    to: f64,
    total: bool,
    known: bool,
}

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let Some(plot) = chart.plots.first() else {
        return Vec::new();
    };
    let steps = steps(plot);
    let levels = steps.iter().flat_map(|step| [step.from, step.to]);
    let Some((low, high)) =
        axis::extent(levels.filter(|level| *level != 0.0).chain(totals(&steps)))
    else {
        return Vec::new();
    };
    let size = frame.size;
    let band = frame.width / axis::index(steps.len().max(1));
    let labels = x_labels(chart, band, frame, setter);
    let label_lines = labels
        .iter()
        .map(|label| label.lines(band - 0.4 * size).len())
        .max()
        .unwrap_or(1)
        .clamp(1, 3);
    // Many narrow bars: as many labels on one line as fit.
    let crowded = labels
        .iter()
        .any(|label| label.lines(band - 0.4 * size).len() > 3);
    let label_lines = if crowded { 1 } else { label_lines };
    let foot = 0.75 * size + 1.3 * size * axis::index(label_lines);
    let plane = Plane {
        left: 0.0,
        right: frame.width,
        top: 2.6 * size,
        bottom: frame.height - foot,
    };

    let base = base(low, high);
    let (bottom, top) = (if base > 0.0 { base } else { low.min(0.0) }, high.max(base));
    let span = if top > bottom { top - bottom } else { 1.0 };
    let y = |level: f64| {
        plane.bottom - axis::narrow((level - bottom) / span) * (plane.bottom - plane.top)
    };

    let mut items = Vec::new();
    let thick = (0.5 * band).clamp(3.0, 5.0 * size);
    let bars = Bars {
        frame,
        band,
        thick,
        floor: y(base.max(bottom)),
        cut: base > 0.0,
    };
    connectors(&steps, &bars, &y, &mut items);
    let mut taken = Taken::default();
    for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.known) {
        taken.take(bar(step, i, &bars, (chart, &y), &mut items));
    }
    let stroke = Stroke::solid(frame.palette.ink, 0.75);
    items.push(Item::Line {
        from: (0.0, bars.floor),
        to: (frame.width, bars.floor),
        stroke,
    });
    if bars.cut {
        cuts(&steps, &bars, &mut items);
    }
    for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.known) {
        let Some(text) = plot.texts.get(i).filter(|text| !text.is_empty()) else {
            continue;
        };
        let color = if step.total {
            frame.palette.ink
        } else {
            ink(step, chart, frame)
        };
        let highest =
            y(step.from)
                .min(y(step.to))
                .min(if step.total { bars.floor } else { f32::MAX });
        let lowest = y(step.from).max(y(step.to));
        let wish = Wish {
            centre: bars.centre(i),
            top: highest,
            bottom: lowest,
            floor: plane.bottom,
        };
        figure(text, wish, color, (frame, setter, &mut taken), &mut items);
    }
    if crowded {
        let baseline = plane.bottom + 1.7 * size;
        super::line::x_labels(
            &chart.x,
            &|i| bars.centre(i),
            (baseline, frame),
            setter,
            &mut items,
        );
        return items;
    }
    for (i, label) in labels.iter().enumerate() {
        let mut baseline = plane.bottom + 1.7 * size;
        for line in label.lines(band - 0.4 * size).iter().take(3) {
            label.place(
                line,
                bars.centre(i) - 0.5 * line.width,
                baseline,
                &mut items,
            );
            baseline += 1.3 * size;
        }
    }
    items
}

/// How the bars stand.
struct Bars<'a> {
    frame: &'a Frame,
    band: f32,
    thick: f32,
    floor: f32,
    cut: bool,
}

impl Bars<'_> {
    fn centre(&self, i: usize) -> f32 {
        self.band * (axis::index(i) + 0.5)
    }
}

/// The first and the last value are totals; those between are signed parts.
fn steps(plot: &Plot) -> Vec<Step> {
    let last = plot.values.len().saturating_sub(1);
    let mut level = 0.0;
    plot.values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let total = i == 0 || i == last;
            let known = value.is_some_and(f64::is_finite);
            let value = value.filter(|value| value.is_finite()).unwrap_or(0.0);
            let (from, to) = match (total, known) {
                (true, true) => (0.0, value),
                (true, false) => (0.0, level),
                (false, _) => (level, level + value),
            };
            level = to;
            Step {
                from,
                to,
                total,
                known,
            }
        })
        .collect()
}

fn totals(steps: &[Step]) -> impl Iterator<Item = f64> {
    steps
        .iter()
        .filter(|step| step.total && step.known)
        .map(|step| step.to)
}

/// Where the axis begins: at zero, unless the parts would then be too small to see.
fn base(low: f64, high: f64) -> f64 {
    if low <= 0.0 || high - low > 0.45 * high {
        0.0
    } else {
        low - 0.45 * (high - low).max(0.002 * high)
    }
}

fn ink(step: &Step, chart: &Chart, frame: &Frame) -> Color {
    let palette = frame.palette;
    match (step.to >= step.from, chart.up_is_good) {
        (true, true) | (false, false) => palette.rise,
        (true, false) | (false, true) => palette.fall,
    }
}

fn bar(
    step: &Step,
    i: usize,
    bars: &Bars<'_>,
    (chart, y): (&Chart, &dyn Fn(f64) -> f32),
    items: &mut Vec<Item>,
) -> Area {
    let from = if step.total { bars.floor } else { y(step.from) };
    let to = y(step.to);
    let (top, height) = (from.min(to), (from - to).abs().max(0.8));
    let (x, width) = (bars.centre(i) - 0.5 * bars.thick, bars.thick);
    let fill = if step.total {
        bars.frame.palette.total
    } else {
        ink(step, chart, bars.frame)
    };
    items.push(Item::Rect {
        x,
        y: top,
        width,
        height,
        fill,
    });
    Area {
        left: x,
        top,
        right: x + width,
        bottom: top + height,
    }
}

fn connectors(steps: &[Step], bars: &Bars<'_>, y: &dyn Fn(f64) -> f32, items: &mut Vec<Item>) {
    let stroke = Stroke {
        color: bars.frame.palette.faint,
        width: 0.5,
        dash: 1.4,
    };
    for (i, pair) in steps
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair.iter().all(|step| step.known))
    {
        let level = y(pair[0].to);
        let (from, to) = (
            bars.centre(i) + 0.5 * bars.thick,
            bars.centre(i + 1) - 0.5 * bars.thick,
        );
        items.push(Item::Line {
            from: (from, level),
            to: (to, level),
            stroke,
        });
    }
}

/// Two slanted gaps through each total near the floor: the axis does not begin at zero.
fn cuts(steps: &[Step], bars: &Bars<'_>, items: &mut Vec<Item>) {
    let size = bars.frame.size;
    let white = Stroke::solid(Color(255, 255, 255), 0.2 * size);
    for (i, _) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.total && step.known)
    {
        let (left, right) = (
            bars.centre(i) - 0.5 * bars.thick - 1.0,
            bars.centre(i) + 0.5 * bars.thick + 1.0,
        );
        for up in [0.75 * size, 1.15 * size] {
            let (from, to) = (
                (left, bars.floor - up + 0.3 * size),
                (right, bars.floor - up - 0.3 * size),
            );
            items.push(Item::Line {
                from,
                to,
                stroke: white,
            });
        }
    }
}

/// Where a bar's figure would stand best.
#[derive(Debug, Clone, Copy)]
struct Wish {
    centre: f32,
    top: f32,
    bottom: f32,
    floor: f32,
}

/// A bar's figure: above it, below it, or higher up where both are taken.
fn figure(
    text: &str,
    wish: Wish,
    color: Color,
    (frame, setter, taken): (&Frame, &mut Typesetter, &mut Taken),
    items: &mut Vec<Item>,
) {
    for shrink in [1.0, 0.88, 0.76] {
        let size = frame.size * shrink;
        let style = crate::layout::text::Style {
            size,
            ..frame.label(color)
        }
        .bold();
        let text = setter.one(&Run {
            unbroken: true,
            ..Run::data(text, style)
        });
        let width = text.width();
        let left = (wish.centre - 0.5 * width).clamp(0.0, (frame.width - width).max(0.0));
        let above = (0..8_u8).map(|n| wish.top - 0.5 * size - f32::from(n) * 0.35 * size);
        let below = std::iter::once(wish.bottom + 1.2 * size);
        let wishes: Vec<f32> = above
            .clone()
            .take(1)
            .chain(below)
            .chain(above.skip(1))
            .collect();
        let places = wishes
            .into_iter()
            .filter(|baseline| *baseline >= 0.85 * size && *baseline < wish.floor + 0.6 * size);
        let places = places.map(|baseline| (Area::of_text(left, baseline, width, size), baseline));
        if let (Some(baseline), Some(line)) =
            (taken.first_free(places), text.lines(f32::INFINITY).first())
        {
            text.place(line, left, baseline, items);
            return;
        }
    }
}

/// Labels below the bars, broken over lines where a bar is narrow.
fn x_labels(
    chart: &Chart,
    band: f32,
    frame: &Frame,
    setter: &mut Typesetter,
) -> Vec<Rc<Paragraph>> {
    let shape = |setter: &mut Typesetter, size: f32| -> Vec<Rc<Paragraph>> {
        let style = crate::layout::text::Style {
            size,
            ..frame.label(frame.palette.grey)
        };
        chart
            .x
            .iter()
            .map(|label| setter.one(&Run::data(label, style)))
            .collect()
    };
    let labels = shape(setter, frame.size);
    if labels
        .iter()
        .any(|label| label.least() > band - 0.4 * frame.size)
    {
        return shape(setter, 0.8 * frame.size);
    }
    labels
}
