//! Money and other exact figures: decimal always, rounded only when shown.

use rust_decimal::{Decimal, RoundingStrategy};

/// Decimal places in which money is stored (Decimal128 with four decimals).
pub const SCALE: u32 = 4;

/// Rounds half away from zero, as people do on paper, to `places`.
#[must_use]
pub fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// A Decimal128 cell of the given scale as a decimal; `None` if it does not fit 96 bits.
#[must_use]
pub fn from_i128(unscaled: i128, scale: u32) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(unscaled, scale).ok()
}

/// The unscaled value at [`SCALE`], as Arrow stores money.
#[must_use]
pub fn to_i128(value: Decimal) -> i128 {
    let mut scaled = round(value, SCALE);
    scaled.rescale(SCALE);
    scaled.mantissa()
}

/// A ratio of sums; a denominator of zero has no ratio.
#[must_use]
pub fn ratio(numerator: Decimal, denominator: Decimal) -> Option<Decimal> {
    numerator.checked_div(denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero_on_both_sides() {
        assert_eq!(round("2.345".parse().unwrap(), 2).to_string(), "2.35");
        assert_eq!(round("-2.345".parse().unwrap(), 2).to_string(), "-2.35");
    }

    #[test]
    fn cells_round_trip() {
        let value: Decimal = "1284306.05".parse().unwrap();
        assert_eq!(from_i128(to_i128(value), SCALE), Some(value));
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(ratio(Decimal::ONE, Decimal::ZERO), None);
    }
}
