//! Random streams: one per purpose and place, so that a change in one story never moves another figure. Integers only.

use fastrand::Rng;

/// What a stream decides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The make-up of a product.
    Product = 1,
    /// The noise of a shop's day.
    ShopDay,
    /// The noise of a product in a carrier on a day.
    CellDay,
    /// One order.
    Order,
    /// One order of the pseudo-hit.
    HitOrder,
    /// Price of ad clicks on a day.
    AdDay,
}

/// Mixes parts into one well-spread number (SplitMix64's finaliser after each part).
pub(crate) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| {
        let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The stream of a purpose at a place.
pub(crate) fn stream(seed: u64, purpose: Purpose, place: &[u64]) -> Rng {
    Rng::with_seed(mix(&[seed, purpose as u64, mix(place)]))
}

/// About 1000, seldom further away than half of `width` permille (four draws: a bell, without a transcendental function).
pub(crate) fn wobble(rng: &mut Rng, width: i64) -> i64 {
    1000 + (0..4).map(|_| rng.i64(-width..=width)).sum::<i64>() / 4
}

/// `x` times `permille` thousandths.
pub(crate) fn permille(x: i64, permille: i64) -> i64 {
    x * permille / 1000
}

/// `x` times `numerator` over `denominator`, without overflow in between.
pub(crate) fn of(x: i64, numerator: i64, denominator: i64) -> i64 {
    let exact = i128::from(x) * i128::from(numerator) / i128::from(denominator);
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// An event with so many chances in a thousand.
pub(crate) fn chance(rng: &mut Rng, permille: i64) -> bool {
    rng.i64(0..1000) < permille
}

/// Index into `weights`, drawn in proportion to them.
pub(crate) fn weighted(rng: &mut Rng, weights: &[i64]) -> usize {
    let mut left = rng.i64(0..weights.iter().sum::<i64>().max(1));
    for (index, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0 {
            return index;
        }
    }
    0
}

/// An unsigned place part from a day or count, which are never negative here.
pub(crate) fn part(x: i64) -> u64 {
    x.unsigned_abs()
}

/// Turns expected millionths into whole events, and keeps the rest for the next call: what is expected happens, with a
/// scatter of less than one event, so that rates stand still where nobody moves them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Carry(i64);

impl Carry {
    /// A carry that begins with a given rest, so that small cells do not all fire on the same day.
    pub(crate) fn starting(rest: i64) -> Self {
        Self(rest)
    }

    /// Whole events of `micro` expected millionths.
    pub(crate) fn take(&mut self, micro: i64) -> i64 {
        self.0 += micro;
        let whole = self.0.div_euclid(1_000_000);
        self.0 -= whole * 1_000_000;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_place() {
        let draw = |place: &[u64]| stream(7, Purpose::Order, place).u64(..);
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
        assert_ne!(draw(&[1, 2]), stream(7, Purpose::HitOrder, &[1, 2]).u64(..));
    }

    #[test]
    fn a_carry_loses_nothing() {
        let mut carry = Carry::default();
        let total: i64 = (0..1000).map(|_| carry.take(333_333)).sum();
        assert_eq!(total, 333);
    }

    #[test]
    fn weights_are_kept() {
        let mut rng = Rng::with_seed(1);
        let hits = (0..10_000)
            .filter(|_| weighted(&mut rng, &[1, 3]) == 1)
            .count();
        assert!((7_300..7_700).contains(&hits), "{hits}");
    }
}
