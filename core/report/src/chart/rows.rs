//! Rows with a bar: names at the left, columns of words at the right, and what they leave for the bars between.

use super::Frame;
use super::axis::index;
use crate::layout::Item;
use crate::layout::text::{Paragraph, Run, Style, Typesetter};
use chenbao_model::document::{Chart, Plot};
use std::rc::Rc;

fn widest(texts: &[Rc<Paragraph>]) -> f32 {
    texts.iter().map(|text| text.width()).fold(0.0, f32::max)
}

/// A column of words, right-aligned.
struct Column {
    head: Rc<Paragraph>,
    cells: Vec<Rc<Paragraph>>,
    width: f32,
}

/// How the rows stand.
pub(super) struct Rows<'a> {
    frame: &'a Frame,
    labels: Vec<Rc<Paragraph>>,
    columns: Vec<Column>,
    /// Size of the words.
    pub(super) size: f32,
    /// Height of the heads, and of one row.
    head: f32,
    pub(super) row: f32,
    /// What is left for the bars.
    pub(super) left: f32,
    pub(super) right: f32,
}

impl<'a> Rows<'a> {
    /// All columns of words if they leave room for bars, in smaller type if need be; else without the last ones.
    pub(super) fn new(
        chart: &Chart,
        words: &[&Plot],
        frame: &'a Frame,
        setter: &mut Typesetter,
    ) -> Self {
        let room = 0.3 * frame.width;
        let sizes = [1.0, 0.9, 0.8, 0.7];
        let kept = (0..=words.len()).rev().map(|keep| &words[..keep]);
        let mut tries = kept.flat_map(|words| sizes.map(|scale| (words, scale)));
        let mut rows = Self::shaped(chart, words, 1.0, frame, setter);
        while rows.right - rows.left < room
            && let Some((words, scale)) = tries.next()
        {
            rows = Self::shaped(chart, words, scale, frame, setter);
        }
        rows.left = rows.left.min(0.5 * frame.width);
        rows
    }

    fn shaped(
        chart: &Chart,
        words: &[&Plot],
        scale: f32,
        frame: &'a Frame,
        setter: &mut Typesetter,
    ) -> Self {
        let heads = words.iter().any(|plot| !plot.label.is_empty());
        let head = if heads { 1.9 * frame.size } else { 0.0 };
        let row = (frame.height - head) / index(chart.x.len().max(1));
        let mut rows = Self {
            frame,
            labels: Vec::new(),
            columns: Vec::new(),
            size: frame.size.min(0.72 * row) * scale,
            head,
            row,
            left: 0.0,
            right: frame.width,
        };
        rows.shape(chart, words, setter);
        rows
    }

    fn shape(&mut self, chart: &Chart, words: &[&Plot], setter: &mut Typesetter) {
        let (size, palette) = (self.size, self.frame.palette);
        let grey = Style::new(size, palette.grey);
        let mut unbroken = |text: &str, style: Style| {
            setter.one(&Run {
                unbroken: true,
                ..Run::data(text, style)
            })
        };
        let marked = |i: usize| chart.marked == Some(i);
        let ink = |i: usize| {
            if marked(i) {
                Style::new(size, palette.fall).bold()
            } else {
                Style::new(size, palette.ink)
            }
        };
        for (i, label) in chart.x.iter().enumerate() {
            self.labels.push(unbroken(label, ink(i)));
        }
        for plot in words {
            let head = unbroken(&plot.label, grey);
            let cells = plot.texts.iter().enumerate();
            let cells: Vec<Rc<Paragraph>> = cells.map(|(i, text)| unbroken(text, ink(i))).collect();
            let width = widest(&cells).max(head.width());
            self.columns.push(Column { head, cells, width });
        }
        let gap = 1.1 * size;
        let taken: f32 = self.columns.iter().map(|column| column.width + gap).sum();
        self.left = widest(&self.labels) + 0.7 * gap;
        self.right = self.frame.width - taken;
    }

    /// The middle of a row.
    pub(super) fn middle(&self, i: usize) -> f32 {
        self.head + self.row * (index(i) + 0.5)
    }

    /// The baseline of a row's words.
    pub(super) fn baseline(&self, i: usize) -> f32 {
        self.middle(i) + 0.36 * self.size
    }

    /// The ground of the row that deserves the eye; to be drawn before its bar.
    pub(super) fn ground(&self, marked: Option<usize>, items: &mut Vec<Item>) {
        let Some(i) = marked else { return };
        items.push(Item::Rect {
            x: 0.0,
            y: self.middle(i) - 0.48 * self.row,
            width: self.frame.width,
            height: 0.96 * self.row,
            fill: self.frame.palette.bad_soft,
        });
    }

    /// Names, heads and columns.
    pub(super) fn words(&self, items: &mut Vec<Item>) {
        let room = self.left - 0.4 * self.size;
        for (i, label) in self.labels.iter().enumerate() {
            for line in label.lines(room).iter().take(1) {
                label.place(line, 0.3 * self.size, self.baseline(i), items);
            }
        }
        let mut right = self.frame.width - 0.3 * self.size;
        for column in self.columns.iter().rev() {
            let head = self.head - 0.75 * self.frame.size;
            let heads = std::iter::once((&column.head, head));
            let cells = column.cells.iter().enumerate();
            for (text, baseline) in heads.chain(cells.map(|(i, cell)| (cell, self.baseline(i)))) {
                for line in text.lines(f32::INFINITY).iter().take(1) {
                    text.place(line, right - line.width, baseline, items);
                }
            }
            right -= column.width + 1.1 * self.size;
        }
    }
}
