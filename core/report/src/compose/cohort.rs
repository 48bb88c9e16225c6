//! The cohort grid: a result table of rates by first month, shaded, with a mark on what may still rise.

use super::build::Composer;
use super::markup::Element;
use chenbao_model::Decimal;
use chenbao_model::document::{Block, Exact, Inline, Row, plain};
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;

/// Behind a rate whose month is not over.
const UNDER_WAY: &str = "*";

impl Composer<'_> {
    /// A table of cohorts: the darker a rate's ground, the higher it is; what is still to come is blank.
    pub(super) fn cohort(&mut self, element: &Element) -> Vec<Block> {
        let Some(mut table) = self.table(element) else {
            return Vec::new();
        };
        let known: Vec<Decimal> = table.rows.iter().flat_map(rates).flatten().collect();
        let range = (known.iter().min().copied(), known.iter().max().copied());
        let last = self.input.context.period.last();
        // One grid has one number of decimals: a rate below it would be nothing but zeros.
        let places = 1 + u32::from(range.1.is_some_and(|highest| highest < Decimal::ONE));
        for row in &mut table.rows {
            let rates = rates(row);
            row.shades = rates.iter().map(|rate| shade(*rate, range)).collect();
            let under_way = under_way(row, &rates, last);
            for (i, cell) in row.cells.iter_mut().enumerate() {
                if plain(cell) == crate::format::DASH {
                    cell.clear();
                }
                let (Some(rate), Some(inline)) = (rates[i], cell.first_mut()) else {
                    continue;
                };
                inline.text = self.frame.format.rate_to(rate, places);
                if under_way == Some(i) {
                    inline.text.push_str(UNDER_WAY);
                }
            }
        }
        vec![Block::Table(table)]
    }
}

/// The rate of each cell that is one.
fn rates(row: &Row) -> Vec<Option<Decimal>> {
    let rate = |cell: &Vec<Inline>| match &cell.first()?.exact {
        Some(Exact::Number { value, unit }) if unit == "%" => Some(*value),
        _ => None,
    };
    row.cells.iter().map(rate).collect()
}

/// The cell of the month that the period ends in, unless that month is over. A row has a rate for every month since its first:
/// one that was cut shorter has none for this month.
fn under_way(row: &Row, rates: &[Option<Decimal>], last: Date) -> Option<usize> {
    if last == last.last_of_month() {
        return None;
    }
    let first: Date = format!("{}-01", plain(row.cells.first()?)).parse().ok()?;
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    let since = usize::try_from(months(last) - months(first)).ok()?;
    let known = rates.iter().enumerate().filter(|(_, rate)| rate.is_some());
    let known: Vec<usize> = known.map(|(i, _)| i).collect();
    (known.len() == since).then(|| known.last().copied())?
}

/// From a tenth for the lowest to the darkest ground for the highest; none for what is no rate.
fn shade(rate: Option<Decimal>, (low, high): (Option<Decimal>, Option<Decimal>)) -> u8 {
    let (Some(rate), Some(low), Some(high)) = (rate, low, high) else {
        return 0;
    };
    let part = (rate - low)
        .checked_div(high - low)
        .and_then(|part| part.to_f64())
        .unwrap_or(0.5);
    (12.0 + 88.0 * part).round().to_u8().unwrap_or(12)
}

#[cfg(test)]
mod tests {
    use super::{rates, under_way};
    use chenbao_model::Decimal;
    use chenbao_model::document::{Exact, Inline, Row};
    use jiff::civil::date;

    fn row(first: &str, known: usize) -> Row {
        let rate = |n: usize| {
            let exact = Exact::Number {
                value: Decimal::from(n),
                unit: "%".to_owned(),
            };
            Inline {
                exact: (n <= known).then_some(exact),
                ..Inline::words("x")
            }
        };
        let mut cells = vec![vec![Inline::words(first)]];
        cells.extend((1..=6).map(|n| vec![rate(n)]));
        Row {
            cells,
            ..Row::default()
        }
    }

    #[test]
    fn the_month_under_way_is_marked_and_a_whole_one_is_not() {
        let marked = |row: &Row, last| under_way(row, &rates(row), last);
        let (running, over) = (date(2026, 11, 22), date(2026, 11, 30));
        assert_eq!(marked(&row("2026-09", 2), running), Some(2));
        assert_eq!(marked(&row("2026-09", 2), over), None);
        assert_eq!(marked(&row("2026-11", 0), running), None);
        // Cut at six months: the last one that is shown has been over for long.
        assert_eq!(marked(&row("2025-09", 6), running), None);
    }
}
