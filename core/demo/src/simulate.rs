//! One shop, day by day: exposures become clicks, clicks orders, orders stock moves and refunds. Nothing is written here.

use crate::calendar::{Calendar, DAY, Mood, hours};
use crate::catalog::{CARRIERS, HIT, LIVE, Shop, VIDEO};
use crate::demand::{Demand, Expected, UNPAID};
use crate::orders::{Draw, Drawer, Kind, Line, Order, Refund};
use crate::random::{Carry, Purpose, chance, mix, of, part, permille, stream, wobble};
use crate::stock::Stock;
use crate::stories::Plan;
use crate::traffic::{Sale, Traffic};
use fastrand::Rng;
use std::collections::BTreeMap;

/// Buyers out of a thousand who have bought before.
const RETURNING: i64 = 360;
/// Former buyers who are remembered.
const REMEMBERED: usize = 2_000_000;

/// Where the pseudo-hit's money is spent, in thousandths of its orders: so mixed that the shop's own rates stay where they are.
const HIT_CARRIERS: [(usize, i64); 2] = [(LIVE, 710), (VIDEO, 290)];

/// What happened on a day.
#[derive(Debug)]
pub(crate) struct Day {
    /// The day.
    pub day: i64,
    /// Orders placed, in order of time.
    pub orders: Vec<Order>,
    /// After-sale cases applied for, in order of time.
    pub cases: Vec<Case>,
    /// The funnel.
    pub traffic: Traffic,
    /// Advertising by product.
    pub ads: Vec<Ad>,
    /// What the planted break prevented: paid orders of the day and their amount.
    pub lost: (i64, i64),
}

/// An after-sale case with what its export says about the order.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Main order.
    pub order: i64,
    /// Line.
    pub line: i64,
    /// Product.
    pub product: usize,
    /// SKU.
    pub sku: usize,
    /// What was paid for the line.
    pub payable: i64,
    /// The case itself.
    pub refund: Refund,
}

/// A plan's day.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ad {
    /// Product that it advertises.
    pub product: usize,
    /// Exposures.
    pub shows: i64,
    /// Clicks.
    pub clicks: i64,
    /// Fen.
    pub spend: i64,
    /// Paid orders.
    pub orders: i64,
    /// Paid amount in fen.
    pub amount: i64,
}

/// Where a cell stands between whole events.
#[derive(Debug, Clone, Copy, Default)]
struct Rests {
    impressions: Carry,
    clicks: Carry,
    paid: Carry,
    unpaid: Carry,
}

/// A shop at work.
#[derive(Debug)]
pub(crate) struct Simulation<'a> {
    seed: u64,
    calendar: &'a Calendar,
    shop: &'a Shop,
    plan: Option<Plan>,
    demand: Demand<'a>,
    rests: Vec<Rests>,
    hit: [Rests; 2],
    regulars: Vec<u64>,
    next_regular: usize,
    /// Stock at the end of the day.
    pub stock: Stock,
    /// Sales of orders placed before midnight and paid after.
    after_midnight: Vec<Sale>,
    due: BTreeMap<i64, Vec<Case>>,
}

impl<'a> Simulation<'a> {
    /// A shop before its first day.
    pub(crate) fn new(
        seed: u64,
        calendar: &'a Calendar,
        shop: &'a Shop,
        demand: Demand<'a>,
        plan: Option<Plan>,
    ) -> Self {
        let rests = (0..shop.products.len() * CARRIERS.len())
            .map(|cell| {
                let start = |n: u64| {
                    let noise =
                        mix(&[seed, shop.number, crate::demand::cell_part(cell), n]) % 1_000_000;
                    Carry::starting(i64::try_from(noise).unwrap_or(0))
                };
                Rests {
                    impressions: start(1),
                    clicks: start(2),
                    paid: start(3),
                    unpaid: start(4),
                }
            })
            .collect();
        let stock = Stock::new(calendar, shop, &demand, plan.as_ref());
        Self {
            seed,
            calendar,
            shop,
            plan,
            demand,
            rests,
            hit: [Rests::default(); 2],
            regulars: Vec::new(),
            next_regular: 0,
            stock,
            after_midnight: Vec::new(),
            due: BTreeMap::new(),
        }
    }

    /// Lives one day. Days must come in order.
    pub(crate) fn day(&mut self, day: i64) -> Day {
        let mood = self.calendar.mood(day);
        let expected = self.demand.day(day);
        let mut traffic = Traffic::new(self.shop.products.len());
        for sale in std::mem::take(&mut self.after_midnight) {
            traffic.book(&sale);
        }
        let (mut draws, ads) = self.visits(day, &expected, &mut traffic);
        self.hit_visits(day, &expected, &mut traffic, &mut draws);
        let mut orders = self.draw(&draws, mood);
        orders.sort_by_key(|order| (order.placed, order.id));
        let lost = self.lose(day, &mut orders);
        self.stock.morning(day, false);
        for order in &mut orders {
            self.settle(day, order, &mut traffic);
        }
        self.remember(&orders);
        let mut cases = self.due.remove(&day).unwrap_or_default();
        cases.sort_by_key(|case| (case.refund.applied, case.line));
        let ads = self.ads(day, ads, &traffic);
        Day {
            day,
            orders,
            cases,
            traffic,
            ads,
            lost,
        }
    }

    /// Exposures and clicks of every cell and hour, and which orders they bring; bought exposures and clicks by product.
    fn visits(
        &mut self,
        day: i64,
        expected: &[Expected],
        traffic: &mut Traffic,
    ) -> (Vec<Draw>, Vec<(i64, i64)>) {
        let mut draws = Vec::new();
        let mut bought = vec![(0, 0); self.shop.products.len()];
        for (cell, (expected, rests)) in expected.iter().zip(&mut self.rests).enumerate() {
            let (product, carrier) = (cell / CARRIERS.len(), cell % CARRIERS.len());
            let (mut paid, mut unpaid) = (0, 0);
            for (hour, share) in (0..).zip(hours(carrier)) {
                let impressions = rests
                    .impressions
                    .take(of(expected.impressions, *share, 1000));
                let clicks = rests.clicks.take(of(expected.clicks, *share, 1000));
                traffic.visit((cell, hour), impressions, clicks, expected.carts);
                if carrier == LIVE || carrier == VIDEO {
                    let ads = self.shop.products[product].ads;
                    bought[product].0 += impressions * ads;
                    bought[product].1 += clicks * ads;
                }
                let orders = of(expected.orders, *share, 1000);
                let new = rests.paid.take(orders);
                draws.extend((paid..paid + new).map(|seq| Draw {
                    day,
                    hour,
                    cell,
                    seq,
                    kind: Kind::Paid,
                }));
                paid += new;
                let new = rests.unpaid.take(permille(orders, UNPAID));
                draws.extend((unpaid..unpaid + new).map(|seq| Draw {
                    day,
                    hour,
                    cell,
                    seq,
                    kind: Kind::Unpaid,
                }));
                unpaid += new;
            }
        }
        (draws, bought)
    }

    /// The same for the extra visits that the pseudo-hit's money buys.
    fn hit_visits(
        &mut self,
        day: i64,
        expected: &[Expected],
        traffic: &mut Traffic,
        draws: &mut Vec<Draw>,
    ) {
        let extra = self.plan.map_or(0, |plan| plan.hit_extra(day));
        if extra == 0 {
            return;
        }
        let orders = extra
            * (0..CARRIERS.len())
                .map(|carrier| expected[HIT * CARRIERS.len() + carrier].orders)
                .sum::<i64>();
        for ((carrier, share), rests) in HIT_CARRIERS.iter().zip(&mut self.hit) {
            let cell = HIT * CARRIERS.len() + carrier;
            let like = expected[cell];
            let orders = permille(orders, *share);
            let (clicks, impressions) = (
                of(orders, like.clicks, like.orders.max(1)),
                of(orders, like.impressions, like.orders.max(1)),
            );
            let mut seq = 0;
            for (hour, share) in (0..).zip(hours(*carrier)) {
                let shown = rests.impressions.take(of(impressions, *share, 1000));
                let clicked = rests.clicks.take(of(clicks, *share, 1000));
                traffic.visit((cell, hour), shown, clicked, like.carts);
                traffic.hit_shows += shown;
                traffic.hit_clicks += clicked;
                let new = rests.paid.take(of(orders, *share, 1000));
                draws.extend((seq..seq + new).map(|seq| Draw {
                    day,
                    hour,
                    cell,
                    seq,
                    kind: Kind::Hit,
                }));
                seq += new;
            }
        }
    }

    fn draw(&self, draws: &[Draw], mood: Mood) -> Vec<Order> {
        let drawer = Drawer {
            seed: self.seed,
            first: self.calendar.first,
            shop: self.shop,
        };
        let usual = draws.iter().filter(|draw| draw.kind != Kind::Hit).count();
        let count = i64::try_from(usual).unwrap_or(1).max(1);
        let crowd = i64::try_from(self.regulars.len()).unwrap_or(0);
        let returning = (RETURNING * crowd / (20 * count)).min(RETURNING);
        let known = |rng: &mut Rng| {
            let back = chance(rng, returning) && !self.regulars.is_empty();
            let (a, b) = (
                rng.usize(0..self.regulars.len().max(1)),
                rng.usize(0..self.regulars.len().max(1)),
            );
            if back {
                self.regulars.get(a.max(b)).copied()
            } else {
                None
            }
        };
        draws
            .iter()
            .map(|draw| drawer.order(*draw, mood, &known))
            .collect()
    }

    /// Removes what the planted break prevents: every other order of the cell.
    fn lose(&self, day: i64, orders: &mut Vec<Order>) -> (i64, i64) {
        let mut lost = (0, 0);
        let mut turn = [false, false];
        orders.retain(|order| {
            if !self.plan.is_some_and(|plan| plan.breaks(day, order.cell)) {
                return true;
            }
            let turn = &mut turn[usize::from(order.paid.is_some())];
            *turn = !*turn;
            if *turn && order.paid.is_some_and(|paid| paid / DAY == day) {
                lost = (lost.0 + 1, lost.1 + order.payable());
            }
            !*turn
        });
        lost
    }

    /// Takes an order's goods from the shelf, its money to the day that it is paid on, its refunds to theirs.
    fn settle(&mut self, day: i64, order: &mut Order, traffic: &mut Traffic) {
        let Some(paid) = order.paid else { return };
        let product = order.cell / CARRIERS.len();
        for line in &mut order.lines {
            self.stock.sell(product, line);
        }
        let sale = Sale {
            cell: order.cell,
            hour: usize::try_from(paid % DAY / 3600).unwrap_or(0),
            amount: order.payable(),
            units: order.lines.iter().map(|line| line.qty).sum(),
            buyer: order.buyer,
            advertised: order.advertised,
        };
        if paid / DAY == day {
            traffic.book(&sale);
        } else {
            self.after_midnight.push(sale);
        }
        for line in &order.lines {
            if let Some(refund) = line.refund {
                let case = Case::new(order, line, refund);
                self.due.entry(refund.applied / DAY).or_default().push(case);
            }
        }
    }

    /// Buyers who may come back: nobody who came for the pseudo-hit.
    fn remember(&mut self, orders: &[Order]) {
        for order in orders.iter().filter(|order| order.paid.is_some()) {
            if self.shop.number == 1 && order.cell / CARRIERS.len() == HIT {
                continue;
            }
            if self.regulars.len() < REMEMBERED {
                self.regulars.push(order.buyer);
            } else {
                self.regulars[self.next_regular] = order.buyer;
                self.next_regular = (self.next_regular + 1) % REMEMBERED;
            }
        }
    }

    fn ads(&self, day: i64, bought: Vec<(i64, i64)>, traffic: &Traffic) -> Vec<Ad> {
        let mut ads = Vec::new();
        for (index, (product, (shows, clicks))) in self.shop.products.iter().zip(bought).enumerate()
        {
            if product.ads == 0 {
                continue;
            }
            let mut rng = stream(
                self.seed,
                Purpose::AdDay,
                &[self.shop.number, part(day), part(product.id)],
            );
            let dearness = wobble(&mut rng, 60);
            // A click costs what it is expected to sell, divided by a return of 2.8; of 1.4 for the pseudo-hit.
            let worth = of(
                product.price * 92 / 100,
                crate::catalog::CVR[VIDEO] * product.cvr,
                1_000_000,
            );
            let spend =
                |clicks: i64, roi: i64| permille(of(clicks * worth, 1, 100 * roi), dearness);
            let (orders, amount) = traffic.advertised(index);
            let extra = if index == HIT {
                (traffic.hit_shows * 92 / 100, traffic.hit_clicks * 92 / 100)
            } else {
                (0, 0)
            };
            ads.push(Ad {
                product: index,
                shows: shows / 1000 + extra.0,
                clicks: clicks / 1000 + extra.1,
                spend: spend(clicks / 1000, 28) + spend(extra.1, 14),
                orders,
                amount,
            });
        }
        ads
    }
}

impl Case {
    fn new(order: &Order, line: &Line, refund: Refund) -> Self {
        Self {
            order: order.id,
            line: line.id,
            product: order.cell / CARRIERS.len(),
            sku: line.sku,
            payable: line.payable(),
            refund,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shops;
    use crate::options::Stories;
    use jiff::civil::date;

    #[test]
    fn memory_holds_a_day_of_orders_and_three_weeks_of_refunds_however_long_the_history() {
        let calendar = Calendar::new(date(2026, 11, 21), 200).unwrap();
        let shop = &shops(1, 1, (40, 20))[0];
        let demand = Demand::new(1, &calendar, shop, 100_000);
        let plan = Some(Plan::new(Stories::default(), &calendar));
        let mut simulation = Simulation::new(1, &calendar, shop, demand, plan);
        let (mut most_cases, mut lines) = (0, 0);
        for day in calendar.first..=calendar.last {
            let lived = simulation.day(day);
            lines += lived
                .orders
                .iter()
                .map(|order| order.lines.len())
                .sum::<usize>();
            let oldest = simulation.due.keys().next().copied().unwrap_or(day + 1);
            assert!(oldest > day, "a case of the past is still kept");
            assert!(simulation.due.len() <= 21);
            most_cases = most_cases.max(simulation.due.values().map(Vec::len).sum());
            assert!(simulation.after_midnight.len() < 60);
        }
        assert!(lines > 95_000, "{lines}");
        assert!(most_cases < lines / 30, "{most_cases} of {lines}");
        assert!(simulation.regulars.len() <= REMEMBERED);
    }
}
