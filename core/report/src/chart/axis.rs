//! Scales: sensible ticks, and values as positions.

use super::Frame;
use super::labels::{Area, Taken};
use crate::layout::text::{Paragraph, Run, Typesetter};
use crate::layout::{Item, Stroke};
use chenbao_model::document::{Chart, Measure};
use std::rc::Rc;

/// Lowest and highest of some finite values.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |found, value| match found {
            None => Some((value, value)),
            Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
        })
}

/// A part of a length, which needs no more than single precision.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a position on a page needs seven digits, not sixteen"
)]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

/// An index as a length.
pub(crate) fn index(i: usize) -> f32 {
    f32::from(u16::try_from(i).unwrap_or(u16::MAX))
}

/// An axis with round ticks.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
}

impl Axis {
    /// Three to six round ticks over the values; from zero where that costs little or `from_zero` demands it.
    pub(crate) fn new((low, high): (f64, f64), from_zero: bool) -> Self {
        let (mut low, mut high) = (low, high);
        if from_zero || (low > 0.0 && low < 0.4 * high) {
            low = low.min(0.0);
        }
        if from_zero || (high < 0.0 && high > 0.4 * low) {
            high = high.max(0.0);
        }
        if high <= low {
            let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - pad, high + pad);
        }
        let step = step(low, high);
        let first = (low / step).floor();
        let mut ticks = Vec::new();
        let mut n = 0.0;
        while (first + n) * step < high - 1e-9 * step {
            ticks.push((first + n) * step);
            n += 1.0;
        }
        ticks.push((first + n) * step);
        // A line may start between two ticks: the room below its lowest point is not wasted.
        if !from_zero
            && ticks
                .first()
                .is_some_and(|tick| low - tick > 0.45 * step && *tick > 0.0)
        {
            ticks.remove(0);
        } else {
            low = ticks.first().copied().unwrap_or(low);
        }
        // Nothing rises above the top tick.
        high = ticks.last().copied().unwrap_or(high);
        Self { low, high, ticks }
    }

    /// Where a value lies between the bottom (0) and the top (1).
    pub(crate) fn part(&self, value: f64) -> f32 {
        narrow((value - self.low) / (self.high - self.low))
    }
}

/// A round step of two to five intervals: the widest, unless a narrower one wastes clearly less room.
fn step(low: f64, high: f64) -> f64 {
    let range = high - low;
    let waste = |step: &f64| (high / step).ceil() * step - (low / step).floor() * step - range;
    let first = nice(range / 5.1);
    let steps = std::iter::successors(Some(first), |step| Some(nice(step * 1.01)));
    let steps: Vec<f64> = steps.take_while(|step| *step <= range / 1.9).collect();
    let better = |best: f64, step: &f64| {
        if waste(step) < waste(&best) - 0.1 * range {
            *step
        } else {
            best
        }
    };
    let widest = steps.last().copied().unwrap_or(first);
    steps.iter().rev().fold(widest, better)
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn nice(least: f64) -> f64 {
    let mut power = 1.0_f64;
    while power > least {
        power /= 10.0;
    }
    while power * 10.0 <= least {
        power *= 10.0;
    }
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power * 10.0)
}

/// The text of a tick.
pub(crate) fn tick(value: f64, measure: Measure, lang: &str) -> String {
    crate::format::tick(value, measure, lang, "")
}

/// The plot inside a frame: what the axes leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    pub(crate) left: f32,
    pub(crate) right: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

impl Plane {
    /// The position of a value.
    pub(crate) fn y(&self, axis: &Axis, value: f64) -> f32 {
        self.bottom - axis.part(value) * (self.bottom - self.top)
    }
}

/// Shapes tick labels.
pub(crate) fn tick_labels(
    axis: &Axis,
    chart: &Chart,
    frame: &Frame,
    setter: &mut Typesetter,
) -> Vec<Rc<Paragraph>> {
    let style = frame.label(frame.palette.grey);
    axis.ticks
        .iter()
        .map(|value| setter.one(&Run::data(&tick(*value, chart.measure, &chart.lang), style)))
        .collect()
}

/// Draws grid lines and their labels at the left; gives back where the labels stand.
pub(crate) fn grid(
    axis: &Axis,
    labels: &[Rc<Paragraph>],
    plane: &Plane,
    frame: &Frame,
    items: &mut Vec<Item>,
) -> Taken {
    let mut taken = Taken::default();
    let stroke = Stroke::solid(frame.palette.rule, 0.6);
    for (value, label) in axis.ticks.iter().zip(labels) {
        let y = plane.y(axis, *value);
        if y < plane.top - 0.5 || y > plane.bottom + 0.5 {
            continue;
        }
        taken.rule(y);
        items.push(Item::Line {
            from: (plane.left, y),
            to: (plane.right, y),
            stroke,
        });
        if let Some(line) = label.lines(f32::INFINITY).first() {
            let (x, baseline) = (
                plane.left - 0.55 * frame.size - line.width,
                y + 0.36 * frame.size,
            );
            // A low plane has no room for every tick's figure; its rule still stands.
            let area = Area::of_text(x, baseline, line.width, frame.size);
            if taken.free(&area) {
                taken.take(area);
                label.place(line, x, baseline, items);
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_few_and_cover_the_values() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let scale = 10_f64.powi(random.i32(-3..9));
            let low = (random.f64() - 0.3) * scale;
            let high = low + random.f64() * scale;
            for from_zero in [false, true] {
                let axis = Axis::new((low, high), from_zero);
                assert!((2..=8).contains(&axis.ticks.len()), "{low} {high} {axis:?}");
                assert!(
                    axis.low <= low + 1e-9 * scale && axis.high >= high - 1e-9 * scale,
                    "{low} {high} {axis:?}"
                );
                assert!(!from_zero || (axis.low <= 0.0 && axis.high >= 0.0));
                let top = axis.ticks.last().copied().unwrap();
                assert!(top >= high - 1e-9 * scale, "{high} {axis:?}");
            }
        }
    }

    #[test]
    fn a_single_value_still_has_an_axis() {
        let axis = Axis::new((5.0, 5.0), false);
        assert!(axis.low < 5.0 && axis.high > 5.0);
        assert!(Axis::new((0.0, 0.0), true).high > 0.0);
    }
}
