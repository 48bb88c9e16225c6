//! Price, volume and mix of a change in sales, by the convention that values the price change at the new quantity.
//!
//! `price = (p1 - p0) q1`, `volume = (Q1 - Q0) m0 p0`, `mix = (q1 - Q1 m0) p0` with `m0 = q0 / Q0`, over the products sold in
//! both periods; what was sold in one alone entered or left.

use rust_decimal::Decimal;

/// What one product sold: before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// Units and amount before.
    pub before: (Decimal, Decimal),
    /// Units and amount after.
    pub after: (Decimal, Decimal),
}

/// The parts; they add up to the change of all products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mix {
    /// Other prices.
    pub price: Decimal,
    /// More or fewer units in all.
    pub volume: Decimal,
    /// Other shares of cheap and dear products.
    pub mix: Decimal,
    /// Products that were not sold before.
    pub entered: Decimal,
    /// Products that are no longer sold; never positive.
    pub left: Decimal,
}

/// Splits the change; a product counts as sold in a period when it has units there.
#[must_use]
pub fn price_volume_mix(products: &[Sold]) -> Mix {
    let mut out = Mix::default();
    let lasting = |p: &&Sold| p.before.0 > Decimal::ZERO && p.after.0 > Decimal::ZERO;
    let (q0, q1) = products
        .iter()
        .filter(lasting)
        .fold((Decimal::ZERO, Decimal::ZERO), |(a, b), p| {
            (a + p.before.0, b + p.after.0)
        });
    for product in products {
        if !lasting(&product) {
            out.entered += product.after.1;
            out.left -= product.before.1;
            continue;
        }
        let p0 = product.before.1 / product.before.0;
        let share = product.before.0 / q0;
        out.price += product.after.1 - p0 * product.after.0;
        out.volume += (q1 - q0) * share * p0;
        out.mix += (product.after.0 - q1 * share) * p0;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn sold(before: (&str, &str), after: (&str, &str)) -> Sold {
        let side = |(units, price): (&str, &str)| (dec(units), dec(units) * dec(price));
        Sold {
            before: side(before),
            after: side(after),
        }
    }

    /// freemathhelp.com, "Price, volume and mix variance": 4.0, 20.4 and -0.4 of 24.0; references.md section 10.
    #[test]
    fn the_published_example() {
        let mix = price_volume_mix(&[
            sold(("50", "1.20"), ("60", "1.10")),
            sold(("40", "0.80"), ("50", "1.00")),
        ]);
        let shown = |value: Decimal| value.round_dp(1);
        assert_eq!(
            (shown(mix.price), shown(mix.volume), shown(mix.mix)),
            (dec("4.0"), dec("20.4"), dec("-0.4"))
        );
        assert_eq!((mix.price + mix.volume + mix.mix).round_dp(10), dec("24"));
    }

    #[test]
    fn products_of_one_period_enter_or_leave() {
        let mix = price_volume_mix(&[
            sold(("0", "9"), ("3", "9")),
            sold(("2", "5"), ("0", "5")),
            sold(("1", "4"), ("1", "4")),
        ]);
        assert_eq!((mix.entered, mix.left), (dec("27"), dec("-10")));
        assert_eq!(
            (mix.price, mix.volume, mix.mix),
            (dec("0"), dec("0"), dec("0"))
        );
    }
}
