//! LMDI-I, additive: a change split over factors whose product is the value, with nothing left over.
//!
//! A sector that has no value on one side has no logarithm: its whole change is a part of its own, entered or left.

use crate::numbers::round2;
use rust_decimal::{Decimal, MathematicalOps};

/// What the change is made of. The parts add up to `after - before` of all sectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// One part per factor.
    pub factors: Vec<Decimal>,
    /// What came with sectors that were not there before.
    pub entered: Decimal,
    /// What went with sectors that are no longer there; never positive.
    pub left: Decimal,
}

impl Parts {
    /// All parts, entered and left last.
    #[must_use]
    pub fn all(&self) -> Vec<Decimal> {
        self.factors
            .iter()
            .copied()
            .chain([self.entered, self.left])
            .collect()
    }
}

/// Splits the change of one or more sectors, each a row of as many factors as the first.
#[must_use]
pub fn lmdi(before: &[Vec<Decimal>], after: &[Vec<Decimal>]) -> Parts {
    let width = before.first().or(after.first()).map_or(0, Vec::len);
    let mut parts = Parts {
        factors: vec![Decimal::ZERO; width],
        ..Parts::default()
    };
    for (old, new) in before.iter().zip(after) {
        let (v0, v1) = (product(old), product(new));
        match logs(old, new) {
            Some(logs) => share_out(&mut parts.factors, &logs, (v0, v1)),
            None => {
                parts.entered += v1;
                parts.left -= v0;
            }
        }
    }
    parts
}

fn product(factors: &[Decimal]) -> Decimal {
    factors.iter().product()
}

/// The logarithm of each factor's growth; none when a factor is not positive on both sides.
fn logs(old: &[Decimal], new: &[Decimal]) -> Option<Vec<Decimal>> {
    old.iter().zip(new).map(|(a, b)| growth(*a, *b)).collect()
}

fn growth(a: Decimal, b: Decimal) -> Option<Decimal> {
    if a <= Decimal::ZERO || b <= Decimal::ZERO {
        return None;
    }
    b.checked_div(a)?.checked_ln()
}

/// The logarithmic mean is the change by the sum of the logarithms; where that sum vanishes, it is the value itself.
fn share_out(factors: &mut [Decimal], logs: &[Decimal], (v0, v1): (Decimal, Decimal)) {
    let sum: Decimal = logs.iter().sum();
    let weight = if sum.abs() < Decimal::new(1, 12) {
        v1
    } else {
        (v1 - v0) / sum
    };
    for (part, log) in factors.iter_mut().zip(logs) {
        *part += weight * log;
    }
}

/// Rounds parts to the fen so that they still add up to `total` exactly: the remainder goes to the largest part.
#[must_use]
pub fn settle(parts: &[Decimal], total: Decimal) -> Vec<Decimal> {
    let mut rounded: Vec<Decimal> = parts.iter().map(|part| round2(*part)).collect();
    let rest = total - rounded.iter().sum::<Decimal>();
    let largest = (0..rounded.len()).max_by_key(|i| (rounded[*i].abs(), std::cmp::Reverse(*i)));
    if let Some(part) = largest.and_then(|i| rounded.get_mut(i)) {
        *part += rest;
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn row(factors: &[&str]) -> Vec<Decimal> {
        factors.iter().map(|f| dec(f)).collect()
    }

    fn near(got: Decimal, expected: &str) {
        assert!(
            (got - dec(expected)).abs() < dec("0.00005"),
            "{got} is not {expected}"
        );
    }

    /// PyLMDI's demo: two sectors of 37.5, every factor doubled; references.md section 10.
    #[test]
    fn doubled_factors_share_equally() {
        let before = vec![row(&["1.5", "5", "5"]), row(&["1.5", "5", "5"])];
        let after = vec![row(&["3", "10", "10"]), row(&["3", "10", "10"])];
        let parts = lmdi(&before, &after);
        assert_eq!(
            settle(&parts.factors, dec("525")),
            row(&["175", "175", "175"])
        );
    }

    /// Two sectors, E 30 -> 80 and 20 -> 16, Q 10 -> 40 and 40 -> 40; references.md section 10.
    #[test]
    fn activity_structure_and_intensity_of_two_sectors() {
        let sector =
            |q: &str, all: &str, e: &str| vec![dec(all), dec(q) / dec(all), dec(e) / dec(q)];
        let parts = lmdi(
            &[sector("10", "50", "30"), sector("40", "50", "20")],
            &[sector("40", "80", "80"), sector("40", "80", "16")],
        );
        near(parts.factors[0], "32.3846");
        near(parts.factors[1], "38.2849");
        near(parts.factors[2], "-24.6695");
        assert_eq!(
            settle(&parts.factors, dec("46")).iter().sum::<Decimal>(),
            dec("46")
        );
    }

    #[test]
    fn a_sector_without_a_past_enters_and_one_without_a_future_leaves() {
        let parts = lmdi(
            &[row(&["2", "5"]), row(&["0", "3"]), row(&["4", "4"])],
            &[row(&["2", "5"]), row(&["7", "3"]), row(&["0", "4"])],
        );
        assert_eq!((parts.entered, parts.left), (dec("21"), dec("-16")));
        assert_eq!(parts.factors, row(&["0", "0"]));
    }

    /// A seeded walk over shops of every size: the parts always add up to the change, to the fen.
    #[test]
    fn settled_parts_always_add_up() {
        let mut state = 20_261_121_u64;
        let mut next = |from: u64, to: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            from + (state >> 33) % (to - from)
        };
        for _ in 0..2_000 {
            let mut side = || {
                let views = next(100, 9_000_000);
                let clicks = next(10, views + 10);
                let orders = next(1, clicks + 1);
                let paid = Decimal::new(i64::try_from(next(100, 900_000_000)).unwrap(), 2);
                let (v, c, o) = (
                    Decimal::from(views),
                    Decimal::from(clicks),
                    Decimal::from(orders),
                );
                (paid, vec![v, c / v, o / c, paid / o])
            };
            let (before, after) = (side(), side());
            let total = after.0 - before.0;
            let parts = lmdi(&[before.1], &[after.1]);
            let off = (parts.all().iter().sum::<Decimal>() - total).abs();
            assert!(
                off < dec("0.005"),
                "before rounding the parts miss {total} by {off}"
            );
            assert_eq!(settle(&parts.all(), total).iter().sum::<Decimal>(), total);
        }
    }
}
