//! One order and all that will ever happen to it: payment, parcel, refund. What an export says depends only on its moment.

use crate::calendar::{DAY, Mood};
use crate::catalog::{CARRIERS, LIVE, Product, Shop, VIDEO};
use crate::random::{Purpose, chance, mix, part, permille, stream, weighted};
use fastrand::Rng;

/// An order.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Nineteen digits.
    pub id: i64,
    /// Product times four plus carrier.
    pub cell: usize,
    /// Placed at.
    pub placed: i64,
    /// Paid at; never, for some.
    pub paid: Option<i64>,
    /// Buyer.
    pub buyer: u64,
    /// Whether an advertisement brought the buyer.
    pub advertised: bool,
    /// Author who sold it; none is the shop itself.
    pub author: Option<usize>,
    /// Index into [`crate::write::places::PLACES`].
    pub place: usize,
    /// When the parcel leaves, unless a refund comes first.
    pub ships: i64,
    /// Lines, at least one.
    pub lines: Vec<Line>,
}

/// A line of an order.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The order's id if it is the only line.
    pub id: i64,
    /// Index of the SKU.
    pub sku: usize,
    /// Units.
    pub qty: i64,
    /// Price of a unit in fen.
    pub unit: i64,
    /// Discounts in fen: platform, shop, author.
    pub offers: [i64; 3],
    /// What comes back, if anything.
    pub refund: Option<Refund>,
}

/// An after-sale case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refund {
    /// Asked for at.
    pub applied: i64,
    /// Money back at, or closed without money.
    pub settled: i64,
    /// Fen; none where the case is closed without money.
    pub amount: Option<i64>,
    /// Whether it came before the parcel left.
    pub unshipped: bool,
    /// Index into the reasons of its stage.
    pub reason: usize,
}

/// Where and why an order is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    /// Day.
    pub day: i64,
    /// Hour.
    pub hour: i64,
    /// Cell.
    pub cell: usize,
    /// Number within the cell's day and kind.
    pub seq: i64,
    /// Which kind.
    pub kind: Kind,
}

/// The kinds of orders; each has its own numbers and streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Placed and paid.
    Paid,
    /// Placed, never paid.
    Unpaid,
    /// Paid, and there because of the pseudo-hit.
    Hit,
}

impl Line {
    /// What the buyer pays for it.
    pub(crate) fn payable(&self) -> i64 {
        self.unit * self.qty - self.offers.iter().sum::<i64>()
    }
}

impl Order {
    /// What the buyer pays.
    pub(crate) fn payable(&self) -> i64 {
        self.lines.iter().map(Line::payable).sum()
    }

    /// When a line left, as known at a moment.
    pub(crate) fn shipped(&self, line: &Line, moment: i64) -> Option<i64> {
        let left = self.paid.is_some()
            && !line
                .refund
                .is_some_and(|refund| refund.unshipped && refund.amount.is_some());
        (left && self.ships <= moment).then_some(self.ships)
    }

    /// When a line was finished, as known at a moment.
    pub(crate) fn finished(&self, line: &Line, moment: i64) -> Option<i64> {
        let at = self.ships + 9 * DAY;
        (self.shipped(line, moment).is_some() && line.refund.is_none() && at <= moment)
            .then_some(at)
    }

    /// 订单状态 of a line at a moment.
    pub(crate) fn status(&self, line: &Line, moment: i64) -> &'static str {
        let refunded = line
            .refund
            .is_some_and(|r| r.settled <= moment && r.amount == Some(line.payable()));
        match self.paid {
            None if moment < self.placed + 1800 => "待支付",
            None => "已关闭",
            Some(_) if refunded => "已关闭",
            Some(_) if self.finished(line, moment).is_some() => "已完成",
            Some(_) if self.shipped(line, moment).is_some() => "已发货",
            Some(_) => "待发货",
        }
    }
}

impl Refund {
    /// 售后状态 on the order's line at a moment.
    pub(crate) fn status(&self, moment: i64) -> &'static str {
        match self.amount {
            _ if moment < self.applied => "-",
            Some(_) if self.settled <= moment => "退款成功",
            None if self.settled <= moment => "售后关闭",
            _ if self.unshipped => "售后待处理",
            _ => "待退货",
        }
    }
}

/// Draws orders of a shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawer<'a> {
    /// The demo's seed.
    pub seed: u64,
    /// First day of the history.
    pub first: i64,
    /// The shop.
    pub shop: &'a Shop,
}

impl Drawer<'_> {
    /// The order of a draw. `known` is a former buyer to come back, should this one be a returning one.
    pub(crate) fn order(
        &self,
        draw: Draw,
        mood: Mood,
        known: &dyn Fn(&mut Rng) -> Option<u64>,
    ) -> Order {
        let product = &self.shop.products[draw.cell / CARRIERS.len()];
        let carrier = draw.cell % CARRIERS.len();
        let place = [
            self.shop.number,
            part(draw.day),
            crate::demand::cell_part(draw.cell),
            part(draw.seq),
        ];
        let hit = draw.kind == Kind::Hit;
        let mut rng = stream(
            self.seed,
            if hit {
                Purpose::HitOrder
            } else {
                Purpose::Order
            },
            &place,
        );
        let id = self.id(draw, mix(&place));
        let placed = draw.day * DAY + draw.hour * 3600 + rng.i64(0..3600);
        let paid =
            (draw.kind != Kind::Unpaid).then(|| placed + 6 + rng.i64(0..20) * rng.i64(0..45));
        let back = if hit { None } else { known(&mut rng) };
        let author = author(&mut rng, carrier);
        let advertised = carrier <= VIDEO && chance(&mut rng, if hit { 920 } else { product.ads });
        let ships = paid.unwrap_or(placed) + rng.i64(9 * 3600..38 * 3600);
        let mut order = Order {
            id,
            cell: draw.cell,
            placed,
            paid,
            buyer: back.unwrap_or_else(|| mix(&[part(id), 11])),
            advertised,
            author,
            place: rng.usize(0..crate::write::places::PLACES.len()),
            ships,
            lines: Vec::new(),
        };
        let count = if chance(&mut rng, crate::demand::LINES_PER_ORDER - 1000) {
            2
        } else {
            1
        };
        for number in 1..=count {
            let line_id = if count == 1 { id } else { id + number };
            let mut line = line(&mut rng, product, mood, author.is_some());
            line.id = line_id;
            line.refund = refund(
                &mut rng,
                &order,
                &line,
                if hit { 455 } else { product.refunds },
            );
            order.lines.push(line);
        }
        order
    }

    /// Nineteen digits: 69, four that look random, thirteen that are the order's number, scrambled one to one.
    fn id(&self, draw: Draw, noise: u64) -> i64 {
        const SPACE: i128 = 10_000_000_000_000;
        let seq = draw.seq
            + match draw.kind {
                Kind::Paid => 0,
                Kind::Hit => 400_000,
                Kind::Unpaid => 700_000,
            };
        let cell = i64::from(u32::try_from(draw.cell).unwrap_or(0));
        let shop = i64::try_from(self.shop.number).unwrap_or(1);
        let number = (((draw.day - self.first) * 4 + shop) * 1000 + cell) * 1_000_000 + seq;
        let shifted = i128::from(number) + 7_318_205_964_137;
        let scrambled = i64::try_from(shifted * 4_826_809_373_291 % SPACE).unwrap_or(number);
        let noise = i64::try_from(noise % 10_000).unwrap_or(0);
        (690_000 + noise) * 10_000_000_000_000 + scrambled
    }
}

fn author(rng: &mut Rng, carrier: usize) -> Option<usize> {
    let authored = match carrier {
        LIVE => 350,
        VIDEO => 450,
        _ => 0,
    };
    chance(rng, authored).then(|| weighted(rng, &[5, 3, 2, 1, 1]))
}

fn line(rng: &mut Rng, product: &Product, mood: Mood, authored: bool) -> Line {
    let weights: Vec<i64> = product.skus.iter().map(|sku| sku.weight).collect();
    let sku = weighted(rng, &weights);
    let qty = if chance(rng, crate::demand::UNITS_PER_LINE - 1000) {
        2
    } else {
        1
    };
    let list = product.price * qty;
    let mut offer = |chances: i64, low: i64, high: i64| {
        if chance(rng, chances) {
            permille(permille(list, rng.i64(low..high)), mood.offers)
        } else {
            0
        }
    };
    let offers = [
        offer(300, 20, 60),
        offer(450, 30, 90),
        offer(if authored { 200 } else { 0 }, 10, 30),
    ];
    Line {
        id: 0,
        sku,
        qty,
        unit: product.price,
        offers,
        refund: None,
    }
}

fn refund(rng: &mut Rng, order: &Order, line: &Line, chances: i64) -> Option<Refund> {
    let paid = order.paid?;
    if !chance(rng, chances) {
        return None;
    }
    let quick = chances > 400;
    let applied = paid
        + match weighted(
            rng,
            if quick {
                &[120, 180, 150, 500, 50]
            } else {
                &[90, 130, 100, 480, 200]
            },
        ) {
            0 => rng.i64(60..3600),
            1 => rng.i64(3600..DAY / 2),
            2 => rng.i64(DAY / 2..2 * DAY),
            3 => rng.i64(2 * DAY..if quick { 5 * DAY } else { 8 * DAY }),
            _ => rng.i64(8 * DAY..20 * DAY),
        };
    let unshipped = applied < order.ships;
    let settled = applied
        + if unshipped {
            rng.i64(600..10 * 3600)
        } else {
            rng.i64(DAY..5 * DAY)
        };
    let amount = match rng.i64(0..100) {
        0..7 if !unshipped => None,
        7..14 if !unshipped => Some(line.payable() * rng.i64(20..50) / 100),
        _ => Some(line.payable()),
    };
    Some(Refund {
        applied,
        settled,
        amount,
        unshipped,
        reason: rng.usize(0..5),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shops;
    use std::collections::BTreeSet;

    const MOOD: Mood = Mood {
        traffic: 1000,
        conversion: 1000,
        carts: 1000,
        offers: 1000,
    };

    fn draw(kind: Kind, seq: i64) -> Order {
        let shop = &shops(3, 1, (18, 10))[0];
        let drawer = Drawer {
            seed: 3,
            first: 20_000,
            shop,
        };
        drawer.order(
            Draw {
                day: 20_010,
                hour: 21,
                cell: 4,
                seq,
                kind,
            },
            MOOD,
            &|_| None,
        )
    }

    #[test]
    fn ids_never_repeat_between_kinds() {
        let ids: BTreeSet<i64> = [Kind::Paid, Kind::Unpaid, Kind::Hit]
            .into_iter()
            .flat_map(|kind| (0..500).map(move |seq| draw(kind, seq).id))
            .collect();
        assert_eq!(ids.len(), 1500);
        assert!(ids.iter().all(|id| id.to_string().len() == 19));
    }

    #[test]
    fn a_life_runs_forward() {
        for seq in 0..2000 {
            let order = draw(Kind::Paid, seq);
            let late = order.placed + 60 * DAY;
            for line in &order.lines {
                assert!(line.payable() > 0);
                let Some(refund) = line.refund else {
                    assert_eq!(order.status(line, order.placed + 900), "待发货");
                    assert_eq!(order.status(line, late), "已完成");
                    continue;
                };
                assert!(refund.applied > order.placed && refund.settled > refund.applied);
                assert_eq!(refund.status(refund.applied - 1), "-");
                assert!(refund.amount.is_none_or(|amount| amount <= line.payable()));
                assert_eq!(refund.unshipped, refund.applied < order.ships);
            }
        }
    }
}
