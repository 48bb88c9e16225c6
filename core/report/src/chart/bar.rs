//! Vertical bars from zero, side by side for several plots, with their figures above them.

use super::axis::{self, Axis, Plane};
use super::labels::{Area, Taken};
use super::line::x_labels;
use super::{Frame, ink};
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Color, Item, Stroke};
use chenbao_model::document::{Chart, PlotKind};
use std::rc::Rc;

/// How the bars stand.
struct Bars<'a> {
    chart: &'a Chart,
    frame: &'a Frame,
    axis: Axis,
    plane: Plane,
    /// Width of one x with all its bars.
    band: f32,
    /// Width of one bar.
    thick: f32,
}

/// A figure above its bar, or below where the bar hangs.
struct Figure<'a> {
    text: &'a String,
    plot: usize,
    value: f32,
    /// The middle of its bar.
    centre: f32,
    /// Where it would stand best.
    baseline: f32,
}

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let values = chart
        .plots
        .iter()
        .flat_map(|plot| plot.values.iter().flatten().copied());
    let Some(extent) = axis::extent(values) else {
        return Vec::new();
    };
    let axis = Axis::new(extent, true);
    let ticks = axis::tick_labels(&axis, chart, frame, setter);
    let mut items = Vec::new();
    let several = chart.plots.len() > 1;
    let legend = if several {
        let ink = |i| ink(chart, i, frame);
        legend(chart, &ink, (frame, setter), &mut items)
    } else {
        0.0
    };
    let plane = Plane {
        left: ticks.iter().map(|text| text.width()).fold(0.0, f32::max) + 0.55 * frame.size,
        right: frame.width,
        top: legend + 1.5 * frame.size,
        bottom: frame.height - 2.1 * frame.size,
    };
    let mut taken = axis::grid(&axis, &ticks, &plane, frame, &mut items);
    let longest = chart
        .plots
        .iter()
        .map(|plot| plot.values.len())
        .max()
        .unwrap_or(0);
    let band = (plane.right - plane.left) / axis::index(longest.max(chart.x.len()).max(1));
    let thick = (0.68 * band / axis::index(chart.plots.len().max(1))).min(3.4 * frame.size);
    let bars = Bars {
        chart,
        frame,
        axis,
        plane,
        band,
        thick,
    };

    let figures = bars.draw(&mut taken, &mut items);
    let zero = plane.y(&bars.axis, 0.0);
    let stroke = Stroke::solid(frame.palette.ink, 0.75);
    items.push(Item::Line {
        from: (plane.left, zero),
        to: (plane.right, zero),
        stroke,
    });
    bars.figures(figures, (&taken, setter), &mut items);
    let baseline = plane.bottom + 1.75 * frame.size;
    x_labels(
        &chart.x,
        &|i| bars.centre(i),
        (baseline, frame),
        setter,
        &mut items,
    );
    items
}

impl Bars<'_> {
    fn centre(&self, i: usize) -> f32 {
        self.plane.left + self.band * (axis::index(i) + 0.5)
    }

    /// Draws all bars; gives back their figures.
    fn draw(&self, taken: &mut Taken, items: &mut Vec<Item>) -> Vec<Figure<'_>> {
        let zero = self.plane.y(&self.axis, 0.0);
        let families = axis::index(self.chart.plots.len());
        let (width, size) = (0.94 * self.thick, self.frame.size);
        let mut figures = Vec::new();
        for (n, plot) in self.chart.plots.iter().enumerate() {
            for (i, value) in plot.values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let x = self.centre(i) + self.thick * (axis::index(n) - 0.5 * families);
                let y = self.plane.y(&self.axis, value);
                let (top, height) = (y.min(zero), (y - zero).abs().max(0.3));
                let fill = ink(self.chart, n, self.frame);
                items.push(Item::Rect {
                    x,
                    y: top,
                    width,
                    height,
                    fill,
                });
                taken.take(Area {
                    left: x,
                    top,
                    right: x + width,
                    bottom: top + height,
                });
                if let Some(text) = plot.texts.get(i).filter(|text| !text.is_empty()) {
                    figures.push(Figure {
                        text,
                        plot: n,
                        value: axis::narrow(value),
                        centre: x + 0.5 * width,
                        baseline: y + size * label_side(value),
                    });
                }
            }
        }
        figures
    }

    /// All figures where each finds its place; else those of the first plot; else its highest alone. A figure that is missing among
    /// others would read as a bar that has none.
    fn figures(
        &self,
        figures: Vec<Figure<'_>>,
        (taken, setter): (&Taken, &mut Typesetter),
        items: &mut Vec<Item>,
    ) {
        let mut set = self.worded(figures, setter);
        let families = axis::index(self.chart.plots.len());
        for (most, room) in [(usize::MAX, self.band / families), (1, self.band)] {
            set.retain(|(figure, _)| figure.plot < most);
            let widest = set.iter().map(|(_, text)| text.width());
            let narrow = widest.fold(0.0, f32::max) + 0.4 * self.frame.size <= room;
            let mut taken = taken.clone();
            let mut placed = Vec::new();
            let all = |(figure, text): &(Figure<'_>, Rc<Paragraph>)| {
                self.figure(figure, text, &mut taken, &mut placed)
            };
            if narrow && set.iter().all(all) {
                items.append(&mut placed);
                return;
            }
        }
        set.sort_by(|a, b| b.0.value.total_cmp(&a.0.value));
        if let Some((figure, text)) = set.first() {
            self.figure(figure, text, &mut taken.clone(), items);
        }
    }

    /// Each figure in the colour of its plot.
    fn worded<'f>(
        &self,
        figures: Vec<Figure<'f>>,
        setter: &mut Typesetter,
    ) -> Vec<(Figure<'f>, Rc<Paragraph>)> {
        let several = self.chart.plots.len() > 1;
        figures
            .into_iter()
            .map(|figure| {
                let palette = self.frame.palette;
                let color = match (
                    several,
                    self.chart.plots[figure.plot].kind != PlotKind::Main,
                ) {
                    (false, _) => palette.ink,
                    (true, true) => palette.grey,
                    (true, false) => ink(self.chart, figure.plot, self.frame),
                };
                let run = Run {
                    unbroken: true,
                    ..Run::data(figure.text, self.frame.label(color))
                };
                let text = setter.one(&run);
                (figure, text)
            })
            .collect()
    }

    /// A figure that would touch another stands beside its bar's middle or higher; says whether it found a place.
    fn figure(
        &self,
        figure: &Figure<'_>,
        text: &Paragraph,
        taken: &mut Taken,
        items: &mut Vec<Item>,
    ) -> bool {
        let (plane, size) = (self.plane, self.frame.size);
        let (width, half) = (text.width(), 0.47 * self.thick);
        let lefts = [-0.5 * width, half - width, -half].map(|shift| figure.centre + shift);
        let steps = if figure.value < 0.0 { 1 } else { 16_u8 };
        let inside = |left: f32, baseline: f32| {
            let high = baseline >= plane.top - 0.65 * size && baseline < plane.bottom + 0.6 * size;
            high && left >= plane.left && left + width <= plane.right
        };
        let places = (0..steps)
            .map(|n| figure.baseline - f32::from(n) * 0.2 * size)
            .flat_map(|baseline| lefts.map(|left| (left, baseline)))
            .filter(|(left, baseline)| inside(*left, *baseline))
            .map(|(left, y)| (Area::of_text(left, y, width, size), (left, y)));
        let lines = text.lines(f32::INFINITY);
        let (Some((left, baseline)), Some(line)) = (taken.first_free(places), lines.first()) else {
            return false;
        };
        text.place(line, left, baseline, items);
        true
    }
}

/// How far from the bar's end its figure stands: above it, or below where the bar hangs.
fn label_side(value: f64) -> f32 {
    if value < 0.0 { 1.15 } else { -0.4 }
}

/// Names of the families with a square of their colour; gives back the height that it takes.
pub(super) fn legend(
    chart: &Chart,
    ink: &dyn Fn(usize) -> Color,
    (frame, setter): (&Frame, &mut Typesetter),
    items: &mut Vec<Item>,
) -> f32 {
    let size = frame.size;
    let style = frame.label(frame.palette.grey);
    let (mut x, mut y) = (0.0, 0.9 * size);
    for (i, plot) in chart.plots.iter().enumerate() {
        let name = setter.one(&Run {
            unbroken: true,
            ..Run::data(&plot.label, style)
        });
        let width = 1.1 * size + name.width();
        if x > 0.0 && x + width > frame.width {
            (x, y) = (0.0, y + 1.4 * size);
        }
        let square = 0.72 * size;
        let fill = ink(i);
        items.push(Item::Rect {
            x,
            y: y - square,
            width: square,
            height: square,
            fill,
        });
        if let Some(line) = name.lines(f32::INFINITY).first() {
            name.place(line, x + 1.1 * size, y, items);
        }
        x += width + 1.2 * size;
    }
    y + 0.3 * size
}
