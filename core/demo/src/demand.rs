//! How many impressions, clicks and orders each product gets in each carrier on each day, before chance rounds them.

use crate::calendar::{Calendar, Mood};
use crate::catalog::{CARRIERS, CTR, CVR, Shop};
use crate::random::{Purpose, of, part, permille, stream, wobble};

/// Order lines for every thousand orders.
pub(crate) const LINES_PER_ORDER: i64 = 1080;
/// Orders that are never paid, for every thousand paid ones.
pub(crate) const UNPAID: i64 = 65;
/// Units for every thousand order lines.
pub(crate) const UNITS_PER_LINE: i64 = 1060;

/// What a product is expected to get in a carrier on a day. Everything but the rates is in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Product exposures.
    pub impressions: i64,
    /// Product clicks.
    pub clicks: i64,
    /// Paid orders.
    pub orders: i64,
    /// Carts per thousand clicks.
    pub carts: i64,
}

/// The expectations of one shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    seed: u64,
    calendar: &'a Calendar,
    shop: &'a Shop,
    /// Paid orders of an ordinary day, in millionths.
    daily: i64,
}

impl<'a> Demand<'a> {
    /// Scaled so that all days of the history together bring about `lines` order lines of this shop.
    pub(crate) fn new(seed: u64, calendar: &'a Calendar, shop: &'a Shop, lines: i64) -> Self {
        let weight: i64 = (calendar.first..=calendar.last)
            .map(|day| orders_weight(calendar.mood(day)))
            .sum();
        let orders = of(lines * 1_000_000, 1000, LINES_PER_ORDER);
        let paid = of(orders, 1000, 1000 + UNPAID);
        Self {
            seed,
            calendar,
            shop,
            daily: of(paid, 1000, weight.max(1)),
        }
    }

    /// The shop's mood on a day with its noise.
    fn mood(&self, day: i64) -> Mood {
        let mood = self.calendar.mood(day);
        let mut rng = stream(self.seed, Purpose::ShopDay, &[self.shop.number, part(day)]);
        Mood {
            traffic: permille(mood.traffic, wobble(&mut rng, 60)),
            ..mood
        }
    }

    /// All cells of a day: product by product, carrier by carrier.
    pub(crate) fn day(&self, day: i64) -> Vec<Expected> {
        let mood = self.mood(day);
        (0..self.shop.products.len() * CARRIERS.len())
            .map(|cell| self.cell(day, cell, mood))
            .collect()
    }

    /// Expected units of a product on a day, in millionths.
    pub(crate) fn units(&self, day: i64, product: usize) -> i64 {
        let mood = self.mood(day);
        let orders: i64 = (0..CARRIERS.len())
            .map(|carrier| {
                self.cell(day, product * CARRIERS.len() + carrier, mood)
                    .orders
            })
            .sum();
        of(of(orders, LINES_PER_ORDER, 1000), UNITS_PER_LINE, 1000)
    }

    /// Expected paid amount of a day in fen, discounts taken off.
    pub(crate) fn amount(&self, day: i64) -> i64 {
        let products = self.shop.products.iter().enumerate();
        products
            .map(|(index, product)| of(self.units(day, index), product.price * 95, 100_000_000))
            .sum()
    }

    fn cell(&self, day: i64, cell: usize, mood: Mood) -> Expected {
        let (product, carrier) = (
            &self.shop.products[cell / CARRIERS.len()],
            cell % CARRIERS.len(),
        );
        let mut rng = stream(
            self.seed,
            Purpose::CellDay,
            &[self.shop.number, part(day), cell_part(cell)],
        );
        let (volume, ctr, cvr) = (
            wobble(&mut rng, 80),
            wobble(&mut rng, 30),
            wobble(&mut rng, 25),
        );
        let plain = of(
            of(self.daily, product.share, 1_000_000),
            product.carriers[carrier],
            1000,
        );
        let rate = permille(CVR[carrier], product.cvr);
        let clicks = of(
            permille(permille(plain, mood.traffic), volume),
            1_000_000,
            rate,
        );
        let clicked = permille(permille(CTR[carrier], product.ctr), ctr);
        let bought = permille(permille(rate, mood.conversion), cvr);
        Expected {
            impressions: of(clicks, 1_000_000, clicked),
            clicks,
            orders: of(clicks, bought, 1_000_000),
            carts: permille(120, mood.carts),
        }
    }
}

/// A cell's number as part of a stream's place.
pub(crate) fn cell_part(cell: usize) -> u64 {
    u64::try_from(cell).unwrap_or(0)
}

fn orders_weight(mood: Mood) -> i64 {
    permille(mood.traffic, mood.conversion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shops;
    use jiff::civil::date;

    #[test]
    fn the_whole_history_brings_the_lines_that_were_asked_for() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let shop = &shops(1, 1, (18, 10))[0];
        let demand = Demand::new(1, &calendar, shop, 60_000);
        let paid: i64 = (calendar.first..=calendar.last)
            .flat_map(|d| demand.day(d))
            .map(|e| e.orders)
            .sum();
        let lines = paid / 1_000_000 * (1000 + UNPAID) / 1000 * LINES_PER_ORDER / 1000;
        assert!((57_500..62_500).contains(&lines), "{lines}");
    }

    #[test]
    fn rates_of_ordinary_days_stand_still() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let shop = &shops(1, 1, (18, 10))[0];
        let demand = Demand::new(1, &calendar, shop, 60_000);
        let rate = |day: i64| {
            let cells = demand.day(day);
            let (orders, clicks) = cells
                .iter()
                .fold((0, 0), |(o, c), e| (o + e.orders, c + e.clicks));
            orders / (clicks / 1_000_000)
        };
        let (today, before) = (rate(calendar.last), rate(calendar.last - 28));
        assert!(
            (today - before).abs() * 100 < before * 3,
            "{today} {before}"
        );
    }
}
