//! The funnel of a day: exposures, clicks, carts and sales, at each of the platform's grains. People are never summed.

use crate::catalog::CARRIERS;

/// Counts of a cell, hour, carrier or shop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Exposures, times.
    pub impressions: i64,
    /// Clicks, times.
    pub clicks: i64,
    /// Carts, times a thousand.
    carts: i64,
    /// Paid orders.
    pub orders: i64,
    /// Paid amount in fen.
    pub amount: i64,
    /// Units.
    pub units: i64,
    /// Of the orders, those that an advertisement brought, and their amount.
    advertised: (i64, i64),
}

/// The same with people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    /// Times.
    pub counts: Counts,
    /// Carts, times.
    pub carts: i64,
    /// Favourites, times.
    pub favourites: i64,
    /// People who saw, clicked, put into the cart, kept, paid.
    pub users: [i64; 5],
}

/// A paid order as the funnel sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sale {
    /// Cell.
    pub cell: usize,
    /// Hour of payment.
    pub hour: usize,
    /// Fen.
    pub amount: i64,
    /// Units.
    pub units: i64,
    /// Buyer.
    pub buyer: u64,
    /// Whether an advertisement brought it.
    pub advertised: bool,
}

/// A day's funnel.
#[derive(Debug)]
pub(crate) struct Traffic {
    cells: Vec<Counts>,
    hours: [Counts; 24],
    buyers: Vec<(usize, usize, u64)>,
    /// Exposures that the pseudo-hit's money bought.
    pub hit_shows: i64,
    /// Clicks that it bought.
    pub hit_clicks: i64,
}

/// How many of a hundred exposures and clicks are different people, by grain: the wider the grain, the fewer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Grain {
    /// A product in a carrier.
    Cell = 62,
    /// A product.
    Product = 57,
    /// A carrier.
    Carrier = 41,
    /// An hour of the shop.
    Hour = 52,
    /// The shop's day.
    Shop = 36,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.impressions += other.impressions;
        self.clicks += other.clicks;
        self.carts += other.carts;
        self.orders += other.orders;
        self.amount += other.amount;
        self.units += other.units;
        self.advertised = (
            self.advertised.0 + other.advertised.0,
            self.advertised.1 + other.advertised.1,
        );
    }

    fn sold(&mut self, sale: &Sale) {
        self.orders += 1;
        self.amount += sale.amount;
        self.units += sale.units;
        if sale.advertised {
            self.advertised = (self.advertised.0 + 1, self.advertised.1 + sale.amount);
        }
    }

    fn people(self, grain: Grain, buyers: i64) -> People {
        let share = grain as i64;
        let (carts, favourites) = (self.carts / 1000, self.clicks * 4 / 100);
        let clicked = (self.clicks * (share + 18) / 100).max(buyers);
        let users = [
            (self.impressions * share / 100).max(clicked),
            clicked,
            (carts * (share + 26) / 100).min(clicked),
            (favourites * (share + 30) / 100).min(clicked),
            buyers,
        ];
        People {
            counts: self,
            carts,
            favourites,
            users,
        }
    }
}

impl Traffic {
    /// A day on which nothing has happened yet.
    pub(crate) fn new(products: usize) -> Self {
        Self {
            cells: vec![Counts::default(); products * CARRIERS.len()],
            hours: [Counts::default(); 24],
            buyers: Vec::new(),
            hit_shows: 0,
            hit_clicks: 0,
        }
    }

    /// Exposures and clicks of a cell in an hour, and carts per thousand clicks.
    pub(crate) fn visit(
        &mut self,
        (cell, hour): (usize, i64),
        impressions: i64,
        clicks: i64,
        carts: i64,
    ) {
        let visit = Counts {
            impressions,
            clicks,
            carts: clicks * carts,
            ..Counts::default()
        };
        self.cells[cell].add(&visit);
        self.hours[usize::try_from(hour).unwrap_or(0) % 24].add(&visit);
    }

    /// A payment.
    pub(crate) fn book(&mut self, sale: &Sale) {
        self.cells[sale.cell].sold(sale);
        self.hours[sale.hour % 24].sold(sale);
        self.buyers.push((sale.cell, sale.hour, sale.buyer));
    }

    /// Advertised orders and their amount of a product.
    pub(crate) fn advertised(&self, product: usize) -> (i64, i64) {
        let cells = &self.cells[product * CARRIERS.len()..(product + 1) * CARRIERS.len()];
        cells.iter().fold((0, 0), |sum, cell| {
            (sum.0 + cell.advertised.0, sum.1 + cell.advertised.1)
        })
    }

    /// Units of a product.
    pub(crate) fn units(&self, product: usize) -> i64 {
        self.cells[product * CARRIERS.len()..(product + 1) * CARRIERS.len()]
            .iter()
            .map(|cell| cell.units)
            .sum()
    }

    /// A product in a carrier, without people.
    pub(crate) fn cell(&self, cell: usize) -> Counts {
        self.cells[cell]
    }

    /// Every product in every carrier.
    pub(crate) fn by_cell(&self) -> Vec<People> {
        let buyers = self.distinct(self.cells.len(), |(cell, _, _)| *cell);
        self.cells
            .iter()
            .zip(buyers)
            .map(|(counts, buyers)| counts.people(Grain::Cell, buyers))
            .collect()
    }

    /// Every product over all carriers.
    pub(crate) fn by_product(&self) -> Vec<People> {
        let products = self.cells.chunks(CARRIERS.len());
        let buyers = self.distinct(products.len(), |(cell, _, _)| cell / CARRIERS.len());
        products
            .zip(buyers)
            .map(|(cells, buyers)| sum(cells.iter()).people(Grain::Product, buyers))
            .collect()
    }

    /// Every carrier.
    pub(crate) fn by_carrier(&self) -> Vec<People> {
        let buyers = self.distinct(CARRIERS.len(), |(cell, _, _)| cell % CARRIERS.len());
        (0..CARRIERS.len())
            .zip(buyers)
            .map(|(carrier, buyers)| {
                let cells = self.cells.iter().skip(carrier).step_by(CARRIERS.len());
                sum(cells).people(Grain::Carrier, buyers)
            })
            .collect()
    }

    /// Every hour.
    pub(crate) fn by_hour(&self) -> Vec<People> {
        let buyers = self.distinct(24, |(_, hour, _)| *hour);
        self.hours
            .iter()
            .zip(buyers)
            .map(|(counts, buyers)| counts.people(Grain::Hour, buyers))
            .collect()
    }

    /// The shop.
    pub(crate) fn shop(&self) -> People {
        let buyers = self.distinct(1, |_| 0);
        sum(self.cells.iter()).people(Grain::Shop, buyers.first().copied().unwrap_or(0))
    }

    /// Different buyers by a key below `keys`.
    fn distinct(&self, keys: usize, key: impl Fn(&(usize, usize, u64)) -> usize) -> Vec<i64> {
        let mut pairs: Vec<(usize, u64)> = self
            .buyers
            .iter()
            .map(|buyer| (key(buyer), buyer.2))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut counts = vec![0; keys];
        for (key, _) in pairs {
            counts[key] += 1;
        }
        counts
    }
}

fn sum<'a>(cells: impl Iterator<Item = &'a Counts>) -> Counts {
    cells.fold(Counts::default(), |mut sum, cell| {
        sum.add(cell);
        sum
    })
}
