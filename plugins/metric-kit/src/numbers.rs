//! Ratios of sums, medians and quantiles, exactly.

use rust_decimal::{Decimal, RoundingStrategy};

/// Numerator by denominator; nothing when the denominator is zero.
#[must_use]
pub fn ratio(numerator: Decimal, denominator: Decimal) -> Option<Decimal> {
    if denominator.is_zero() {
        None
    } else {
        numerator.checked_div(denominator)
    }
}

/// The same in percent: 3.12 is 3.12 %.
#[must_use]
pub fn percent(numerator: Decimal, denominator: Decimal) -> Option<Decimal> {
    ratio(numerator, denominator)?.checked_mul(Decimal::ONE_HUNDRED)
}

/// To the fen, half away from zero.
#[must_use]
pub fn round2(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The middle of the values, or the mean of the two in the middle.
#[must_use]
pub fn median(values: &[Decimal]) -> Option<Decimal> {
    quantile(values, Decimal::new(5, 1))
}

/// The quantile `p` (0 to 1) by linear interpolation between the neighbours (R's type 7).
#[must_use]
pub fn quantile(values: &[Decimal], p: Decimal) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort();
    let last = Decimal::from(sorted.len().checked_sub(1)?);
    let place = last * p.clamp(Decimal::ZERO, Decimal::ONE);
    let at = usize::try_from(place.floor().mantissa()).ok()?;
    let low = *sorted.get(at)?;
    let high = sorted.get(at + 1).copied().unwrap_or(low);
    Some(low + (high - low) * place.fract())
}

/// Figures of the comparable periods that are there, and how many there should have been.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// The figures.
    pub values: Vec<Decimal>,
    /// How many periods were asked for.
    pub of: u32,
}

impl Baseline {
    /// How many figures there are.
    #[must_use]
    pub fn n(&self) -> u32 {
        u32::try_from(self.values.len()).unwrap_or(u32::MAX)
    }

    /// Their median.
    #[must_use]
    pub fn median(&self) -> Option<Decimal> {
        median(&self.values)
    }

    /// Their quantile.
    #[must_use]
    pub fn quantile(&self, p: Decimal) -> Option<Decimal> {
        quantile(&self.values, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decs(values: &[i64]) -> Vec<Decimal> {
        values.iter().map(|v| Decimal::from(*v)).collect()
    }

    #[test]
    fn quantiles_are_those_of_r_type_7() {
        // R: quantile(c(1, 2, 3, 4, 10), c(.1, .2, .5, .8)) gives 1.4, 1.8, 3.0, 5.2.
        let values = decs(&[10, 1, 4, 3, 2]);
        for (p, expected) in [
            ("0.1", "1.4"),
            ("0.2", "1.8"),
            ("0.5", "3"),
            ("0.8", "5.2"),
            ("1", "10"),
            ("0", "1"),
        ] {
            let got = quantile(&values, p.parse().unwrap()).unwrap();
            assert_eq!(got, expected.parse::<Decimal>().unwrap(), "{p}");
        }
        assert_eq!(median(&decs(&[4, 1])), Some("2.5".parse().unwrap()));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(percent(Decimal::ONE, Decimal::ZERO), None);
        assert_eq!(
            percent(Decimal::ONE, Decimal::from(8)),
            Some("12.5".parse().unwrap())
        );
    }
}
