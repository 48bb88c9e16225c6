//! Funnels: one bar per step from a common left, its count behind it, rates and verdicts in columns.

use super::Frame;
use super::axis::{self, narrow};
use super::rows::Rows;
use crate::layout::Item;
use crate::layout::text::{Run, Style, Typesetter};
use chenbao_model::document::{Chart, Plot};

pub(crate) fn draw(chart: &Chart, frame: &Frame, setter: &mut Typesetter) -> Vec<Item> {
    let Some((counts, words)) = chart.plots.split_first() else {
        return Vec::new();
    };
    let words: Vec<&Plot> = words.iter().collect();
    let rows = Rows::new(chart, &words, frame, setter);
    let mut items = Vec::new();
    rows.ground(chart.marked, &mut items);

    let known = counts.values.iter().flatten().copied();
    let most = axis::extent(known).map_or(0.0, |(_, high)| high);
    let style = |i: usize| {
        let ink = if chart.marked == Some(i) {
            frame.palette.fall
        } else {
            frame.palette.ink
        };
        Style::new(rows.size, ink).bold()
    };
    let texts: Vec<_> = (0..counts.values.len())
        .map(|i| {
            let text = counts.texts.get(i).map_or("", String::as_str);
            setter.one(&Run {
                unbroken: true,
                ..Run::data(text, style(i))
            })
        })
        .collect();
    let widest = texts.iter().map(|text| text.width()).fold(0.0, f32::max);
    let room = (rows.right - rows.left - widest - 1.2 * rows.size).max(0.0);
    for (i, (value, text)) in counts.values.iter().zip(&texts).enumerate() {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            continue;
        };
        let part = if most > 0.0 {
            narrow((value / most).max(0.0))
        } else {
            0.0
        };
        let (width, height) = ((room * part).max(0.8), 0.62 * rows.row);
        let fill = if chart.marked == Some(i) {
            frame.palette.fall
        } else {
            frame.palette.accent
        };
        items.push(Item::Rect {
            x: rows.left,
            y: rows.middle(i) - 0.5 * height,
            width,
            height,
            fill,
        });
        for line in text.lines(f32::INFINITY).iter().take(1) {
            let x = rows.left + width + 0.5 * rows.size;
            if x + line.width <= rows.right {
                text.place(line, x, rows.baseline(i), &mut items);
            }
        }
    }
    rows.words(&mut items);
    items
}
