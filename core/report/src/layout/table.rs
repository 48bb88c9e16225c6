//! Tables: column widths by content, wrapped cells, a head that stands on every page, rows that are never cut.

use super::blocks::{Builder, Stand};
use super::flow::{Flow, Head, Piece};
use super::item::{Item, Stroke, Tag};
use super::parts::Role;
use super::text::{Line, Paragraph, Run, Style};
use crate::chart::index as count_of;
use chenbao_model::Diagnostic;
use chenbao_model::document::{Align, Inline, Row, RowKind, Table, Tone, plain};
use std::rc::Rc;

/// A row with more lines than this would leave its page: the rest is cut, visibly.
const MOST_LINES: usize = 10;

/// A table with at most so many rows is not parted by a page's end.
const SHORT: usize = 8;

/// The columns of one table at one type size.
struct Grid {
    widths: Vec<f32>,
    aligns: Vec<Align>,
    /// Room before a column, beyond the padding.
    leads: Vec<f32>,
    pad: f32,
    size: f32,
}

/// The texts of one row.
type Cells = Vec<Rc<Paragraph>>;

impl Builder {
    pub(crate) fn table(&mut self, table: &Table, width: f32) -> Vec<Flow> {
        let mut flows = Vec::new();
        if !table.heads.is_empty() && (table.empty.is_none() || !table.rows.is_empty()) {
            self.rows(table, width, &mut flows);
        }
        let sentences = [&table.empty, &table.more];
        for (i, sentence) in sentences.into_iter().enumerate() {
            let Some(sentence) = sentence else { continue };
            let inline = Inline {
                tone: Tone::Muted,
                ..Inline::data(sentence.as_str())
            };
            let mut below = self.sentence(&[inline], width);
            if i == 1
                && let Some(gap) = below.first_mut().and_then(Flow::gap_mut)
            {
                *gap = self.look.s(2.5);
            }
            flows.append(&mut below);
        }
        flows
    }

    fn sentence(&mut self, inlines: &[Inline], width: f32) -> Vec<Flow> {
        let size = self.look.s(7.2);
        let paragraph = self.inlines(inlines, Style::new(size, self.look.palette.grey));
        let stand = Stand::new(0.0, self.look.s(11.4), size);
        let mut items = vec![self.parts.leaf(Role::Paragraph)];
        let height = stand.put(&paragraph, width, 0.0, &mut items);
        vec![Flow::Piece(Piece {
            gap: self.look.s(3.0),
            height,
            items,
            ..Piece::default()
        })]
    }

    fn rows(&mut self, table: &Table, width: f32, flows: &mut Vec<Flow>) {
        let (grid, heads, rows) = self.fit(table, width);
        self.parts.begin(Role::Table, &table.title);
        self.parts.begin(Role::Head, "");
        let head = self.head_piece(&heads, &grid, width);
        self.parts.end();
        // The head is read once: on later pages it is there for the eye only.
        let seen = head
            .items
            .iter()
            .filter(|item| !matches!(item, Item::Tag(_)));
        let repeated = Rc::new(Head {
            height: head.height,
            items: seen.cloned().collect(),
        });
        flows.push(Flow::Piece(head));
        let count = rows.len();
        let first = flows.len();
        self.parts.begin(Role::Rows, "");
        for (i, (cells, row)) in rows.iter().zip(&table.rows).enumerate() {
            let mut piece = self.row_piece(cells, row, &grid, width);
            // A total never stands alone on a page, nor does the last row.
            let next_is_total = table
                .rows
                .get(i + 1)
                .is_some_and(|next| next.kind == RowKind::Total);
            let last = i + 1 == count;
            piece.keep =
                next_is_total || (count > 3 && i + 2 == count) || last && table.more.is_some();
            piece.firm = piece.keep;
            piece.head = Some(Rc::clone(&repeated));
            flows.push(Flow::Piece(piece));
        }
        self.parts.end();
        self.parts.end();
        if let Some((_, before)) = flows.get_mut(first..).and_then(<[Flow]>::split_last_mut)
            && count <= SHORT
        {
            before.iter_mut().for_each(Flow::keep_with_next);
        }
    }

    /// Shapes all cells at the largest type size at which the longest words fit, and divides the width.
    fn fit(&mut self, table: &Table, width: f32) -> (Grid, Cells, Vec<Cells>) {
        let aligns: Vec<Align> = table.heads.iter().map(|head| head.align).collect();
        let mut scale = 1.0_f32;
        loop {
            let (size, pad) = (self.look.s(7.7) * scale, self.look.s(2.9) * scale.max(0.8));
            let head_style = Style::new(self.look.s(7.1) * scale, self.look.palette.grey);
            let heads: Cells = table
                .heads
                .iter()
                .map(|head| self.setter.one(&Run::data(&head.label, head_style)))
                .collect();
            let rows: Vec<Cells> = table
                .rows
                .iter()
                .map(|row| self.cells(row, &aligns, size))
                .collect();
            let (mut most, mut least) = extents(&heads, &rows, &aligns, (pad, 5.2 * size));
            let spare = width - most.iter().sum::<f32>();
            let leads = leads(&aligns, (self.look.s(8.0) * scale, spare));
            for widths in [&mut most, &mut least] {
                for (own, lead) in widths.iter_mut().zip(&leads) {
                    *own += lead;
                }
            }
            // A long address in the data may be cut; it does not make the whole table small.
            for (least, align) in least.iter_mut().zip(&aligns) {
                *least = if *align == Align::Left {
                    least.min(0.3 * width)
                } else {
                    *least
                };
            }
            let needed: f32 = least.iter().sum();
            if needed <= width || scale < 0.65 {
                let widths = divide(&most, &least, width);
                return (
                    Grid {
                        widths,
                        aligns,
                        leads,
                        pad,
                        size,
                    },
                    heads,
                    rows,
                );
            }
            scale -= 0.09;
        }
    }

    fn cells(&mut self, row: &Row, aligns: &[Align], size: f32) -> Cells {
        let palette = self.look.palette;
        let base = Style::new(size, palette.ink);
        let base = match row.kind {
            RowKind::Plain => base,
            RowKind::Total => base.bold(),
            RowKind::Marked => Style {
                color: palette.fall,
                ..base
            }
            .bold(),
        };
        aligns
            .iter()
            .enumerate()
            .map(|(i, align)| {
                let inlines = row.cells.get(i).map_or(&[][..], Vec::as_slice);
                let unbroken = *align == Align::Right;
                if let [inline] = inlines
                    && inline.link.is_none()
                {
                    let tone = if inline.tone == Tone::Plain {
                        base.color
                    } else {
                        palette.tone(inline.tone)
                    };
                    let style = Style {
                        color: tone,
                        ..base
                    };
                    let style = if inline.bold { style.bold() } else { style };
                    let unbroken = unbroken || inline.unbroken;
                    let run = Run {
                        text: &inline.text,
                        style,
                        link: None,
                        from_data: inline.from_data,
                        unbroken,
                    };
                    return self.setter.one(&run);
                }
                let inlines: Vec<Inline> = inlines
                    .iter()
                    .map(|one| Inline {
                        unbroken: unbroken || one.unbroken,
                        ..one.clone()
                    })
                    .collect();
                Rc::new(self.inlines(&inlines, base))
            })
            .collect()
    }

    /// A row, and the tags of its cells.
    fn tags(&mut self, count: usize, role: impl Fn(usize) -> Role) -> Vec<Item> {
        self.parts.begin(Role::Row, "");
        let tags = (0..count).map(|i| self.parts.leaf(role(i))).collect();
        self.parts.end();
        tags
    }

    fn head_piece(&mut self, heads: &Cells, grid: &Grid, width: f32) -> Piece {
        let look = self.look;
        let stand = Stand {
            x: 0.0,
            leading: look.s(9.8),
            size: look.s(7.1),
        };
        let mut items = Vec::new();
        let tags = self.tags(heads.len(), |_| Role::ColumnHead);
        let tall = place_cells((heads, tags), grid, &stand, look.s(2.6), &mut items).0;
        let height = tall + look.s(5.2);
        items.push(Item::Tag(Tag::Ornament));
        let stroke = Stroke::solid(look.palette.ink, 0.75);
        items.push(Item::Line {
            from: (0.0, height),
            to: (width, height),
            stroke,
        });
        Piece {
            gap: look.s(4.0),
            height,
            items,
            keep: true,
            firm: true,
            head: None,
        }
    }

    fn row_piece(&mut self, cells: &Cells, row: &Row, grid: &Grid, width: f32) -> Piece {
        let look = self.look;
        let stand = Stand {
            x: 0.0,
            leading: grid.size * 1.36,
            size: grid.size,
        };
        let mut items = Vec::new();
        let pad = look.inside(3.45);
        let names_row = grid.aligns.first() == Some(&Align::Left);
        let tags = self.tags(cells.len(), |i| match i {
            0 if names_row => Role::RowHead,
            _ => Role::Cell,
        });
        let (tall, cut) = place_cells((cells, tags), grid, &stand, pad, &mut items);
        if cut {
            let first = row
                .cells
                .first()
                .map(|cell| plain(cell))
                .unwrap_or_default();
            let message = format!(
                "a cell of the row `{first}` has more than {MOST_LINES} lines; the page shows the first"
            );
            self.warnings.push(Diagnostic::warning(message));
        }
        let height = tall + 2.0 * pad;
        if row.kind == RowKind::Marked {
            items.insert(
                0,
                Item::Rect {
                    x: 0.0,
                    y: 0.0,
                    width,
                    height,
                    fill: look.palette.bad_soft,
                },
            );
        }
        self.grounds(row, grid, height, &mut items);
        let stroke = Stroke::solid(look.palette.rule, 0.6);
        items.push(Item::Tag(Tag::Ornament));
        items.push(Item::Line {
            from: (0.0, height),
            to: (width, height),
            stroke,
        });
        Piece {
            height,
            items,
            ..Piece::default()
        }
    }

    /// The grounds of a row's cells, behind its words.
    fn grounds(&self, row: &Row, grid: &Grid, height: f32, items: &mut Vec<Item>) {
        let mut left = 0.0;
        let mut grounds = Vec::new();
        for (width, shade) in grid.widths.iter().zip(&row.shades) {
            if *shade > 0 {
                grounds.push(Item::Rect {
                    x: left,
                    y: 0.0,
                    width: *width,
                    height,
                    fill: self.look.palette.ground(*shade),
                });
            }
            left += width;
        }
        items.splice(0..0, grounds);
    }
}

/// Puts the cells of a row; gives back the height of the tallest, and whether one had to be cut.
fn place_cells(
    (cells, tags): (&Cells, Vec<Item>),
    grid: &Grid,
    stand: &Stand,
    top: f32,
    items: &mut Vec<Item>,
) -> (f32, bool) {
    let columns = grid.widths.iter().zip(&grid.leads);
    let broken: Vec<Vec<Line>> = cells
        .iter()
        .zip(columns)
        .map(|(cell, (width, lead))| cell.lines(width - lead - 2.0 * grid.pad))
        .collect();
    let count = broken
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or(1)
        .clamp(1, MOST_LINES);
    let mut left = 0.0;
    let mut cut = false;
    for (i, ((cell, lines), tag)) in cells.iter().zip(&broken).zip(tags).enumerate() {
        items.push(tag);
        let width = grid.widths.get(i).copied().unwrap_or_default();
        cut |= lines.len() > MOST_LINES;
        for (row, line) in lines.iter().take(MOST_LINES).enumerate() {
            let x = match grid.aligns.get(i) {
                Some(Align::Right) => left + width - grid.pad - line.width,
                Some(Align::Left) | None => {
                    left + grid.leads.get(i).copied().unwrap_or_default() + grid.pad
                }
            };
            cell.place(line, x, stand.baseline(top, row), items);
        }
        left += width;
    }
    (count_of(count) * stand.leading, cut)
}

/// Words that begin right behind figures that end there need more room between them, as far as there is some to spare.
fn leads(aligns: &[Align], (wish, spare): (f32, f32)) -> Vec<f32> {
    let before = std::iter::once(&Align::Left).chain(aligns);
    let pairs: Vec<bool> = before
        .zip(aligns)
        .map(|(before, own)| (*before, *own) == (Align::Right, Align::Left))
        .collect();
    let count = count_of(pairs.iter().filter(|meet| **meet).count().max(1));
    let room = wish.min(spare.max(0.0) / count);
    pairs
        .into_iter()
        .map(|meet| if meet { room } else { 0.0 })
        .collect()
}

/// Each column's wish, and the least that keeps its words and figures whole.
fn extents(
    heads: &Cells,
    rows: &[Cells],
    aligns: &[Align],
    (pad, few): (f32, f32),
) -> (Vec<f32>, Vec<f32>) {
    let mut most: Vec<f32> = heads.iter().map(|head| head.width()).collect();
    let mut least: Vec<f32> = heads.iter().map(|head| head.least()).collect();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            let width = cell.width();
            most[i] = most[i].max(width);
            least[i] = least[i].max(if aligns[i] == Align::Right {
                width
            } else {
                cell.least()
            });
        }
    }
    // Chinese could be broken after each character; a few of them stay on one line.
    for (least, most) in least.iter_mut().zip(&most) {
        *least = (least.max(most.min(few))).min(*most);
    }
    let padded = |widths: Vec<f32>| {
        widths
            .into_iter()
            .map(|width| width + 2.0 * pad + 0.1)
            .collect()
    };
    (padded(most), padded(least))
}

/// Divides the width: all wishes and an even share of the rest, or each least and a share of what is left.
fn divide(most: &[f32], least: &[f32], width: f32) -> Vec<f32> {
    let (wish, need): (f32, f32) = (most.iter().sum(), least.iter().sum());
    if wish <= width {
        let share = (width - wish) / count_of(most.len().max(1));
        return most.iter().map(|own| own + share).collect();
    }
    if need <= width {
        let share = (width - need) / (wish - need).max(0.001);
        return most
            .iter()
            .zip(least)
            .map(|(most, least)| least + (most - least) * share)
            .collect();
    }
    // Only the widest columns give way, all to one width.
    let mut order: Vec<f32> = least.to_vec();
    order.sort_by(f32::total_cmp);
    let (mut rest, mut count) = (width, count_of(order.len()));
    let mut cap = rest / count.max(1.0);
    for own in order {
        if own > cap {
            break;
        }
        (rest, count) = (rest - own, count - 1.0);
        cap = rest / count.max(1.0);
    }
    least.iter().map(|own| own.min(cap)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_fill_the_table_and_keep_what_must_stay_whole() {
        let sum = |widths: &[f32]| widths.iter().sum::<f32>();
        let roomy = divide(&[10.0, 30.0], &[5.0, 8.0], 80.0);
        assert!((sum(&roomy) - 80.0).abs() < 0.01 && roomy[0] >= 10.0 && roomy[1] >= 30.0);
        let tight = divide(&[100.0, 30.0], &[20.0, 30.0], 80.0);
        assert!(
            (sum(&tight) - 80.0).abs() < 0.01 && (tight[1] - 30.0).abs() < 0.01,
            "{tight:?}"
        );
        let hopeless = divide(&[100.0, 100.0, 9.0], &[60.0, 40.0, 9.0], 50.0);
        assert!(
            (sum(&hopeless) - 50.0).abs() < 0.01 && (hopeless[2] - 9.0).abs() < 0.01,
            "{hopeless:?}"
        );
    }
}
