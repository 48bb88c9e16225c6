//! Stock: what lies there, what is on its way, and what is ordered anew every day.

use crate::calendar::Calendar;
use crate::catalog::{HIT, Product, STOCK_OUT, Shop};
use crate::demand::Demand;
use crate::orders::Line;
use crate::random::of;
use crate::stories::Plan;
use std::collections::VecDeque;

/// Days of demand that lie behind the lead time.
const COVER: i64 = 21;
/// Days of demand that the stock-out product still has at the end.
const LEFT: i64 = 2;

/// The stock of a shop.
#[derive(Debug)]
pub(crate) struct Stock {
    items: Vec<Item>,
    first: i64,
}

/// The stock of a product.
#[derive(Debug)]
struct Item {
    /// Units expected to sell before the n-th day, in millionths.
    before: Vec<i64>,
    lead_time: i64,
    /// Nobody reorders from this day on.
    neglected: Option<i64>,
    skus: Vec<Shelf>,
}

/// The stock of a SKU at the end of a day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    weight: i64,
    /// Free to sell.
    pub available: i64,
    /// Sold today, not yet shipped.
    pub reserved: i64,
    arriving: VecDeque<(i64, i64)>,
}

impl Shelf {
    /// Ordered, not yet received.
    pub(crate) fn in_transit(&self) -> i64 {
        self.arriving.iter().map(|(_, qty)| qty).sum()
    }
}

impl Stock {
    /// Filled for the first lead time and cover.
    pub(crate) fn new(
        calendar: &Calendar,
        shop: &Shop,
        demand: &Demand<'_>,
        plan: Option<&Plan>,
    ) -> Self {
        let items = shop
            .products
            .iter()
            .enumerate()
            .map(|(index, product)| Item::new(calendar, demand, (index, product), plan))
            .collect();
        let mut stock = Self {
            items,
            first: calendar.first,
        };
        stock.morning(calendar.first, true);
        stock
    }

    /// Receives what arrives and orders anew; what is ordered `at_once` lies there at once.
    pub(crate) fn morning(&mut self, day: i64, at_once: bool) {
        let index = usize::try_from(day - self.first).unwrap_or(0);
        for item in &mut self.items {
            let target = item.target(index);
            let neglected = item.neglected.is_some_and(|from| day >= from);
            for shelf in &mut item.skus {
                shelf.reserved = 0;
                while shelf.arriving.front().is_some_and(|(at, _)| *at <= day) {
                    shelf.available += shelf.arriving.pop_front().map_or(0, |(_, qty)| qty);
                }
                let missing = of(target, shelf.weight, 1_000_000_000) + 2
                    - shelf.available
                    - shelf.in_transit();
                if at_once {
                    shelf.available += missing.max(0);
                } else if missing > 0 && !neglected {
                    shelf.arriving.push_back((day + item.lead_time, missing));
                }
            }
        }
    }

    /// Sells a line; a SKU that is gone gives way to the one that there is most of.
    pub(crate) fn sell(&mut self, product: usize, line: &mut Line) {
        let skus = &mut self.items[product].skus;
        if skus[line.sku].available < line.qty {
            let fullest = (0..skus.len()).max_by_key(|index| skus[*index].available);
            line.sku = fullest.unwrap_or(line.sku);
        }
        let shelf = &mut skus[line.sku];
        shelf.available = (shelf.available - line.qty).max(0);
        shelf.reserved += line.qty;
    }

    /// The shelves of a product.
    pub(crate) fn shelves(&self, product: usize) -> &[Shelf] {
        &self.items[product].skus
    }
}

impl Item {
    fn new(
        calendar: &Calendar,
        demand: &Demand<'_>,
        (index, product): (usize, &Product),
        plan: Option<&Plan>,
    ) -> Self {
        let hit = plan.filter(|plan| index == HIT && plan.stories.pseudo_hit);
        let mut before = vec![0];
        let mut sum = 0;
        for day in calendar.first..=calendar.last + product.lead_time + COVER {
            let plain = demand.units(day, index);
            let extra = hit.map_or(0, |plan| plain * plan.hit_extra(day));
            sum += plain + extra;
            before.push(sum);
        }
        let neglected = plan
            .filter(|plan| index == STOCK_OUT && plan.stories.stock_out)
            .map(|_| calendar.last + 1 + LEFT - product.lead_time - COVER);
        let skus = product
            .skus
            .iter()
            .map(|sku| Shelf {
                weight: sku.weight,
                ..Shelf::default()
            })
            .collect();
        Self {
            before,
            lead_time: product.lead_time,
            neglected,
            skus,
        }
    }

    /// Units of lead time and cover from the n-th day on, in millionths.
    fn target(&self, index: usize) -> i64 {
        let ahead = usize::try_from(self.lead_time + COVER).unwrap_or(0);
        let end = (index + ahead).min(self.before.len() - 1);
        self.before[end] - self.before[index.min(end)]
    }
}
