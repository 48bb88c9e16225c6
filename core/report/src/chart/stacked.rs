//! Stacked bars: parts on each other from zero, named beside the last stack or in a legend, totals above.

use super::Frame;
use super::axis::{self, Axis, Plane, index};
use super::bar::legend;
use super::labels::{Area, spread};
use super::line::x_labels;
use crate::layout::text::{Paragraph, Run, Style, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, Plot, PlotKind};
use std::rc::Rc;

/// How the stacks stand.
struct Stacks<'a> {
    chart: &'a Chart,
    frame: &'a Frame,
    axis: Axis,
    plane: Plane,
    band: f32,
    thick: f32,
}

/// From light to dark, so that print without colour still tells the parts apart.
fn shade(chart: &Chart, plot: usize) -> Option<u8> {
    let of_accent = |kind: PlotKind| kind == PlotKind::Main;
    let mut before = chart.plots.iter().take(plot);
    let place = before.by_ref().filter(|plot| of_accent(plot.kind)).count();
    let kind = chart.plots.get(plot)?.kind;
    let all = chart
        .plots
        .iter()
        .filter(|plot| of_accent(plot.kind))
        .count();
    let step = u8::try_from(74 * place / all.max(2)).unwrap_or(74);
    of_accent(kind).then_some(100 - step)
}

fn fill(chart: &Chart, plot: usize, frame: &Frame) -> Color {
    shade(chart, plot).map_or(frame.palette.total, |shade| frame.palette.shade(shade))
}

/// The lower and upper end of a part; parts below zero hang from it.
fn ends(chart: &Chart, plot: usize, x: usize) -> Option<(f64, f64)> {
    let value = |plot: usize| {
        let value = chart.plots.get(plot)?.values.get(x).copied().flatten();
        value.filter(|value| value.is_finite())
    };
    let own = value(plot)?;
    let same = |other: &f64| (*other < 0.0) == (own < 0.0);
    let base: f64 = (0..plot).filter_map(value).filter(same).sum();
    Some((base, base + own))
}

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let size = frame.size;
    let longest = chart.plots.iter().map(|plot| plot.values.len()).max();
    let count = longest.unwrap_or(0).max(chart.x.len()).max(1);
    let all = (0..chart.plots.len()).flat_map(|plot| (0..count).map(move |x| (plot, x)));
    let reached = all.filter_map(|(plot, x)| ends(chart, plot, x));
    let Some(extent) = axis::extent(reached.flat_map(|(low, high)| [low, high])) else {
        return Vec::new();
    };
    let axis = Axis::new(extent, true);
    let ticks = axis::tick_labels(&axis, chart, frame, setter);
    let mut items = Vec::new();
    let names = names(chart, frame, setter);
    let room = names.iter().map(|name| name.width()).fold(0.0, f32::max) + 2.1 * size;
    let several = chart.plots.len() > 1;
    let tall = frame.height - 4.0 * size;
    let beside = several && room < 0.32 * frame.width && 1.25 * size * index(names.len()) < tall;
    let top = if several && !beside {
        let ink = |i| fill(chart, i, frame);
        legend(chart, &ink, (frame, setter), &mut items)
    } else {
        0.0
    };
    let plane = Plane {
        left: ticks.iter().map(|text| text.width()).fold(0.0, f32::max) + 0.55 * size,
        right: frame.width - if beside { room } else { 0.0 },
        top: top + 1.5 * size,
        bottom: frame.height - 2.1 * size,
    };
    axis::grid(&axis, &ticks, &plane, frame, &mut items);
    let band = (plane.right - plane.left) / index(count);
    let stacks = Stacks {
        chart,
        frame,
        axis,
        plane,
        band,
        thick: (0.68 * band).min(4.6 * size),
    };
    stacks.parts(count, setter, &mut items);
    stacks.totals(count, setter, &mut items);
    if beside {
        stacks.names(&names, count, &mut items);
    }
    let baseline = plane.bottom + 1.75 * size;
    let centre = |i: usize| stacks.centre(i);
    x_labels(&chart.x, &centre, (baseline, frame), setter, &mut items);
    items
}

fn names(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Rc<Paragraph>> {
    let style = frame.label(frame.palette.grey);
    let name = |plot: &Plot| {
        setter.one(&Run {
            unbroken: true,
            ..Run::data(&plot.label, style)
        })
    };
    chart.plots.iter().map(name).collect()
}

impl Stacks<'_> {
    fn centre(&self, i: usize) -> f32 {
        self.plane.left + self.band * (index(i) + 0.5)
    }

    /// All parts, each with its figure where there is room for it; then the line of zero.
    fn parts(&self, count: usize, setter: &mut Typesetter, items: &mut Vec<Item>) {
        for (n, plot) in self.chart.plots.iter().enumerate() {
            let ground = fill(self.chart, n, self.frame);
            for x in 0..count {
                let Some((low, high)) = ends(self.chart, n, x) else {
                    continue;
                };
                let (a, b) = (
                    self.plane.y(&self.axis, low),
                    self.plane.y(&self.axis, high),
                );
                let (top, tall) = (a.min(b), (a - b).abs());
                let left = self.centre(x) - 0.5 * self.thick;
                items.push(Item::Rect {
                    x: left,
                    y: top,
                    width: self.thick,
                    height: (tall - 0.5).max(0.4),
                    fill: ground,
                });
                if let Some(text) = plot.texts.get(x).filter(|text| !text.is_empty()) {
                    let on = self.words_on(n);
                    let style = Style::new(0.88 * self.frame.size, on);
                    let place = (left, top + 0.5 * tall, tall);
                    self.inside(text, style, place, (setter, items));
                }
            }
        }
        let zero = self.plane.y(&self.axis, 0.0);
        items.push(Item::Line {
            from: (self.plane.left, zero),
            to: (self.plane.right, zero),
            stroke: Stroke::solid(self.frame.palette.ink, 0.75),
        });
    }

    fn words_on(&self, plot: usize) -> Color {
        let palette = self.frame.palette;
        shade(self.chart, plot).map_or(palette.ink, |shade| palette.on_shade(shade))
    }

    fn inside(
        &self,
        text: &str,
        style: Style,
        (left, middle, tall): (f32, f32, f32),
        (setter, items): (&mut Typesetter, &mut Vec<Item>),
    ) {
        let text = setter.one(&Run {
            unbroken: true,
            ..Run::data(text, style)
        });
        let fits = text.width() + 0.3 * style.size <= self.thick && 1.3 * style.size <= tall;
        for line in text.lines(f32::INFINITY).iter().take(usize::from(fits)) {
            let x = left + 0.5 * (self.thick - line.width);
            text.place(line, x, middle + 0.36 * style.size, items);
        }
    }

    /// The totals above their stacks: all where each has room, else the highest alone.
    fn totals(&self, count: usize, setter: &mut Typesetter, items: &mut Vec<Item>) {
        let style = self.frame.label(self.frame.palette.ink).bold();
        let top = |x: usize| {
            let plots = 0..self.chart.plots.len();
            let highs = plots.filter_map(|plot| ends(self.chart, plot, x));
            highs.map(|(_, high)| high).fold(0.0, f64::max)
        };
        let texts = self.chart.totals.iter().take(count).enumerate();
        let mut texts: Vec<(usize, Rc<Paragraph>)> = texts
            .filter(|(_, text)| !text.is_empty())
            .map(|(x, text)| {
                let run = Run {
                    unbroken: true,
                    ..Run::data(text, style)
                };
                (x, setter.one(&run))
            })
            .collect();
        let room = self.band - 0.4 * self.frame.size;
        if texts.iter().any(|(_, text)| text.width() > room) {
            let highest = texts
                .into_iter()
                .max_by(|a, b| top(a.0).total_cmp(&top(b.0)));
            texts = highest.into_iter().collect();
        }
        for (x, text) in texts {
            let y = self.plane.y(&self.axis, top(x)) - 0.45 * self.frame.size;
            for line in text.lines(f32::INFINITY).iter().take(1) {
                let most = (self.plane.right - line.width).max(self.plane.left);
                let left = (self.centre(x) - 0.5 * line.width).clamp(self.plane.left, most);
                text.place(line, left, y, items);
            }
        }
    }

    /// Names beside the last stack, each with its shade, in the order of the parts.
    fn names(&self, names: &[Rc<Paragraph>], count: usize, items: &mut Vec<Item>) {
        let size = self.frame.size;
        let middle = |n: usize| {
            let (low, high) = ends(self.chart, n, count - 1).unwrap_or_default();
            self.plane.y(&self.axis, 0.5 * (low + high)) + 0.36 * size
        };
        let wishes: Vec<f32> = (0..names.len()).map(middle).collect();
        let room = (self.plane.top, self.plane.bottom + 0.4 * size);
        let x = self.plane.right + 0.5 * size;
        let places = spread(&wishes, 1.2 * size, room);
        for (n, (name, baseline)) in names.iter().zip(places).enumerate() {
            let square = Area::of_text(x, baseline, 0.72 * size, size);
            items.push(Item::Rect {
                x,
                y: square.top + 0.1 * size,
                width: 0.72 * size,
                height: 0.72 * size,
                fill: fill(self.chart, n, self.frame),
            });
            for line in name.lines(f32::INFINITY).iter().take(1) {
                name.place(line, x + 1.1 * size, baseline, items);
            }
        }
    }
}
