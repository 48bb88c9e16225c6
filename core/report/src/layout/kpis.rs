//! The KPI strip: figures side by side between thin rules, their parts on common lines.

use super::blocks::{Builder, Stand};
use super::flow::{Flow, Piece};
use super::item::{Item, Stroke, Tag};
use super::parts::Role;
use super::text::{Paragraph, Run, Style};
use crate::chart;
use chenbao_model::document::{Inline, Kpi};
use std::rc::Rc;

/// One part of a cell: its text and the distance of its lines.
struct Part {
    text: Rc<Paragraph>,
    size: f32,
    leading: f32,
}

impl Part {
    fn height(&self, width: f32) -> f32 {
        self.text.lines(width).iter().map(|_| self.leading).sum()
    }
}

/// The common heights of a strip: of its four parts, and of the sparkline and the bullet before the last.
struct Rows {
    heights: [f32; 4],
    spark: f32,
    bullet: f32,
}

impl Builder {
    pub(crate) fn kpis(&mut self, kpis: &[Kpi], width: f32) -> Vec<Flow> {
        let most = (2..=7)
            .rev()
            .find(|n| width / chart::index(*n) >= self.look.s(70.0))
            .unwrap_or(1);
        let rows = kpis.len().div_ceil(most).max(1);
        let each = kpis.len().div_ceil(rows).max(1);
        let mut flows = Vec::new();
        self.parts.begin(Role::List { ordered: false }, "");
        for (i, row) in kpis.chunks(each).enumerate() {
            let mut piece = self.strip(row, (width, width / chart::index(each)), i == 0);
            piece.gap = if i == 0 { self.look.s(9.0) } else { 0.0 };
            flows.push(Flow::Piece(piece));
        }
        self.parts.end();
        flows
    }

    fn strip(&mut self, kpis: &[Kpi], (width, each): (f32, f32), first: bool) -> Piece {
        let look = self.look;
        let pad = look.s(6.2);
        let inner = |i: usize| if i == 0 { each - pad } else { each - 2.0 * pad };
        let cells: Vec<[Part; 4]> = kpis
            .iter()
            .enumerate()
            .map(|(i, kpi)| self.cell(kpi, inner(i)))
            .collect();
        let tall = |n: usize| {
            let heights = cells
                .iter()
                .enumerate()
                .map(|(i, cell)| cell[n].height(inner(i)));
            heights.fold(0.0_f32, f32::max)
        };
        let history = kpis.iter().any(|kpi| kpi.spark.is_some());
        let targets = kpis.iter().any(|kpi| kpi.bullet.is_some());
        let rows = Rows {
            heights: [tall(0), tall(1), tall(2), tall(3)],
            spark: if history { look.s(16.0) } else { 0.0 },
            bullet: if targets { look.s(4.6) } else { 0.0 },
        };

        let mut items = Vec::new();
        let mut bottom = 0.0_f32;
        for (i, (kpi, cell)) in kpis.iter().zip(&cells).enumerate() {
            let x = each * chart::index(i) + if i == 0 { 0.0 } else { pad };
            let tags = self.figure_tags();
            let end = self.draw_cell((kpi, cell, tags), &rows, (x, inner(i)), &mut items);
            bottom = bottom.max(end + look.s(6.0));
        }
        items.push(Item::Tag(Tag::Ornament));
        let stroke = Stroke::solid(look.palette.rule, 0.6);
        for i in 1..kpis.len() {
            let x = each * chart::index(i);
            items.push(Item::Line {
                from: (x, 0.0),
                to: (x, bottom),
                stroke,
            });
        }
        let top = first.then_some(0.0);
        for y in top.into_iter().chain([bottom]) {
            items.push(Item::Line {
                from: (0.0, y),
                to: (width, y),
                stroke,
            });
        }
        Piece {
            height: bottom,
            items,
            ..Piece::default()
        }
    }

    /// A figure of the strip is an entry of a list: its label names it.
    fn figure_tags(&mut self) -> [Item; 4] {
        self.parts.begin(Role::Item, "");
        let label = self.parts.leaf(Role::Label);
        self.parts.begin(Role::Body, "");
        let [value, change, note] = [Role::Paragraph; 3].map(|role| self.parts.leaf(role));
        self.parts.end();
        self.parts.end();
        [label, value, change, note]
    }

    /// Draws one cell's parts on the common lines; gives back where they end.
    fn draw_cell(
        &self,
        (kpi, cell, tags): (&Kpi, &[Part; 4], [Item; 4]),
        rows: &Rows,
        (x, width): (f32, f32),
        items: &mut Vec<Item>,
    ) -> f32 {
        let look = self.look;
        let mut y = look.s(7.0);
        let parts = cell.iter().zip(rows.heights).zip(tags);
        for (n, ((part, height), tag)) in parts.enumerate() {
            if n == 3 {
                items.push(Item::Tag(Tag::Ornament));
                y = self.draw_graphs(kpi, rows, (x, y, width), items);
            }
            items.push(tag);
            Stand::new(x, part.leading, part.size).put(&part.text, width, y, items);
            y += height;
        }
        y
    }

    /// History and target between the change and the note; gives back where they end.
    fn draw_graphs(
        &self,
        kpi: &Kpi,
        rows: &Rows,
        (x, top, width): (f32, f32, f32),
        items: &mut Vec<Item>,
    ) -> f32 {
        let look = self.look;
        let mut y = top;
        let frame = |height| chart::Frame {
            width,
            height,
            palette: look.palette,
            size: look.s(7.3),
        };
        if rows.spark > 0.0 {
            let drawn = kpi.spark.iter();
            let drawn = drawn.flat_map(|history| chart::spark(history, &frame(rows.spark)));
            items.extend(drawn.map(|item| item.shifted(x, y + look.s(2.0))));
            y += rows.spark + look.s(4.5);
        }
        if rows.bullet > 0.0 {
            let drawn = kpi.bullet.iter();
            let drawn = drawn.flat_map(|bullet| chart::bullet(bullet, &frame(rows.bullet)));
            items.extend(drawn.map(|item| item.shifted(x, y)));
            y += rows.bullet + look.s(3.0);
        }
        y
    }

    /// Label, figure, change with its basis, note.
    fn cell(&mut self, kpi: &Kpi, width: f32) -> [Part; 4] {
        let look = self.look;
        let palette = look.palette;
        let grey = |points: f32| Style::new(look.s(points), palette.grey);
        let label = self.setter.one(&Run::data(&kpi.label, grey(7.2)));
        let value = self.figure(kpi, width);
        let change = kpi.change.clone().map(|change| Inline {
            bold: true,
            unbroken: true,
            ..change
        });
        let basis = Inline {
            text: format!("{}{}", if change.is_some() { " " } else { "" }, kpi.basis),
            ..Inline::data("")
        };
        let both: Vec<Inline> = change
            .into_iter()
            .chain((!kpi.basis.is_empty()).then_some(basis))
            .collect();
        let change = Rc::new(self.inlines(&both, grey(7.4)));
        let note = self.setter.one(&Run::data(&kpi.note, grey(7.0)));
        [
            Part {
                text: label,
                size: look.s(7.2),
                leading: look.s(10.4),
            },
            value,
            Part {
                text: change,
                size: look.s(7.4),
                leading: look.s(11.4),
            },
            Part {
                text: note,
                size: look.s(7.0),
                leading: look.s(9.6),
            },
        ]
    }

    /// The figure, smaller where the column is too narrow for it.
    fn figure(&mut self, kpi: &Kpi, width: f32) -> Part {
        let look = self.look;
        let leading = look.s(17.4);
        if kpi.missing {
            let size = look.s(9.6);
            let text = self
                .setter
                .one(&Run::data(&kpi.value, Style::new(size, look.palette.grey)));
            return Part {
                text,
                size,
                leading,
            };
        }
        let mut size = look.s(12.9);
        loop {
            let style = Style::new(size, look.palette.ink).bold();
            let text = self.setter.one(&Run {
                unbroken: true,
                ..Run::data(&kpi.value, style)
            });
            if text.width() <= width || size < look.s(8.5) {
                return Part {
                    text,
                    size,
                    leading,
                };
            }
            size -= look.s(0.7);
        }
    }
}
