//! Waterfalls: from the first total through signed parts to the last total; a cut axis shows its cut.

use super::Frame;
use super::axis;
use super::labels::{Area, Taken};
use crate::layout::text::{Paragraph, Run, Style, Typesetter};
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
    let levels = levels.filter(|level| *level != 0.0).chain(totals(&steps));
    let Some(range) = axis::extent(levels) else {
        return Vec::new();
    };
    let band = frame.width / axis::index(steps.len().max(1));
    let labels = XLabels::new(chart, band, frame, setter);
    let bars = Bars::new(frame, band, range, labels.height);

    let mut items = Vec::new();
    connectors(&steps, &bars, &mut items);
    let mut taken = Taken::default();
    for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.known) {
        taken.take(bar(step, i, &bars, chart, &mut items));
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
        let from = if step.total {
            bars.floor
        } else {
            bars.y(step.from)
        };
        let (top, bottom) = (from.min(bars.y(step.to)), from.max(bars.y(step.to)));
        let wish = Wish {
            centre: bars.centre(i),
            top,
            bottom,
            floor: bars.bottom,
        };
        figure(text, wish, color, (frame, setter, &mut taken), &mut items);
    }
    labels.draw(chart, &bars, setter, &mut items);
    items
}

/// How the bars stand.
struct Bars<'a> {
    frame: &'a Frame,
    band: f32,
    thick: f32,
    /// Lowest and highest level, and where they are.
    levels: (f64, f64),
    top: f32,
    bottom: f32,
    /// Where the axis is drawn.
    floor: f32,
    /// Whether the axis begins above zero.
    cut: bool,
}

impl<'a> Bars<'a> {
    fn new(frame: &'a Frame, band: f32, (low, high): (f64, f64), labels: f32) -> Self {
        let size = frame.size;
        let base = base(low, high);
        let cut = base > 0.0;
        let levels = (if cut { base } else { low.min(0.0) }, high.max(base));
        let thick = (0.5 * band).clamp(3.0, 5.0 * size);
        let (top, bottom) = (2.6 * size, frame.height - labels);
        let mut bars = Self {
            frame,
            band,
            thick,
            levels,
            top,
            bottom,
            floor: bottom,
            cut,
        };
        bars.floor = bars.y(base);
        bars
    }

    fn centre(&self, i: usize) -> f32 {
        self.band * (axis::index(i) + 0.5)
    }

    fn y(&self, level: f64) -> f32 {
        let (low, high) = self.levels;
        let span = if high > low { high - low } else { 1.0 };
        self.bottom - axis::narrow((level - low) / span) * (self.bottom - self.top)
    }
}

/// Labels below the bars, broken over lines where a bar is narrow.
struct XLabels {
    texts: Vec<Rc<Paragraph>>,
    width: f32,
    height: f32,
    /// Many narrow bars: as many labels on one line as fit.
    crowded: bool,
}

impl XLabels {
    const MOST_LINES: usize = 3;

    fn new(chart: &Chart, band: f32, frame: &Frame, setter: &mut Typesetter) -> Self {
        let width = band - 0.4 * frame.size;
        let mut texts = Self::shape(chart, frame, frame.size, setter);
        if texts.iter().any(|text| text.least() > width) {
            texts = Self::shape(chart, frame, 0.8 * frame.size, setter);
        }
        let most = texts
            .iter()
            .map(|text| text.lines(width).len())
            .max()
            .unwrap_or(1);
        let crowded = most > Self::MOST_LINES;
        let lines = axis::index(if crowded { 1 } else { most.max(1) });
        Self {
            texts,
            width,
            height: frame.size * (0.75 + 1.3 * lines),
            crowded,
        }
    }

    fn shape(
        chart: &Chart,
        frame: &Frame,
        size: f32,
        setter: &mut Typesetter,
    ) -> Vec<Rc<Paragraph>> {
        let style = Style {
            size,
            ..frame.label(frame.palette.grey)
        };
        chart
            .x
            .iter()
            .map(|label| setter.one(&Run::data(label, style)))
            .collect()
    }

    fn draw(&self, chart: &Chart, bars: &Bars<'_>, setter: &mut Typesetter, items: &mut Vec<Item>) {
        let size = bars.frame.size;
        let first = bars.bottom + 1.7 * size;
        if self.crowded {
            let place = (first, bars.frame);
            super::line::x_labels(&chart.x, &|i| bars.centre(i), place, setter, items);
            return;
        }
        for (i, text) in self.texts.iter().enumerate() {
            for (n, line) in text.lines(self.width).iter().enumerate() {
                let baseline = first + 1.3 * size * axis::index(n);
                text.place(line, bars.centre(i) - 0.5 * line.width, baseline, items);
            }
        }
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
    match (step.to >= step.from, chart.falling_is_good) {
        (true, false) | (false, true) => palette.rise,
        (true, true) | (false, false) => palette.fall,
    }
}

fn bar(step: &Step, i: usize, bars: &Bars<'_>, chart: &Chart, items: &mut Vec<Item>) -> Area {
    let from = if step.total {
        bars.floor
    } else {
        bars.y(step.from)
    };
    let to = bars.y(step.to);
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

fn connectors(steps: &[Step], bars: &Bars<'_>, items: &mut Vec<Item>) {
    let stroke = Stroke {
        color: bars.frame.palette.faint,
        width: 0.5,
        dash: 1.4,
    };
    for (i, pair) in steps.windows(2).enumerate() {
        if pair.iter().all(|step| step.known) {
            let level = bars.y(pair[0].to);
            let from = (bars.centre(i) + 0.5 * bars.thick, level);
            let to = (bars.centre(i + 1) - 0.5 * bars.thick, level);
            items.push(Item::Line { from, to, stroke });
        }
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
        let style = Style {
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
