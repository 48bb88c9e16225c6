//! The planted stories and their truth: what a good report should find, and what it cost.

use crate::calendar::Calendar;
use crate::catalog::{BREAK, CARRIERS, LIVE};
use crate::options::Stories;
use serde::Serialize;

/// Days that the pseudo-hit lasts, the last one included.
const HIT_DAYS: i64 = 10;
/// Units of the pseudo-hit beyond its usual ones, as a multiple of these.
const HIT_EXTRA: i64 = 4;

/// The stories of a shop's history; they happen in the flagship only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Which of them happen.
    pub stories: Stories,
    last: i64,
}

impl Plan {
    /// The plan of a history.
    pub(crate) fn new(stories: Stories, calendar: &Calendar) -> Self {
        Self {
            stories,
            last: calendar.last,
        }
    }

    /// Whether the conversion of this cell is broken on this day.
    pub(crate) fn breaks(&self, day: i64, cell: usize) -> bool {
        self.stories.conversion_break && day == self.last && cell == BREAK * CARRIERS.len() + LIVE
    }

    /// Extra units of the pseudo-hit on a day, as a multiple of its usual ones.
    pub(crate) fn hit_extra(&self, day: i64) -> i64 {
        if self.stories.pseudo_hit && day >= self.hit_from() {
            HIT_EXTRA
        } else {
            0
        }
    }

    /// First day of the pseudo-hit.
    pub(crate) fn hit_from(&self) -> i64 {
        self.last - HIT_DAYS + 1
    }
}

/// What was made, and what was planted in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Seed.
    pub seed: u64,
    /// First day of the history.
    pub first_day: String,
    /// Last business day.
    pub last_day: String,
    /// The shops, larger first.
    pub shops: Vec<ShopTruth>,
    /// The planted stories.
    pub stories: Vec<Story>,
}

/// Totals of a shop. Sums of money are in yuan, by the clock of payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ShopTruth {
    /// Id.
    pub shop: String,
    /// Order lines, each counted once.
    pub order_lines: u64,
    /// Orders placed.
    pub orders: u64,
    /// Orders paid within the history.
    pub paid_orders: u64,
    /// Amount paid within the history.
    pub paid_amount: String,
    /// Orders paid on the last day.
    pub last_day_paid_orders: u64,
    /// Amount paid on the last day.
    pub last_day_paid_amount: String,
    /// People who paid on the last day.
    pub last_day_buyers: u64,
}

/// A planted story and its truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Story {
    /// Clicks turned into orders half as often.
    ConversionBreak {
        /// Shop.
        shop: String,
        /// Product.
        product_id: String,
        /// Its title.
        product_name: String,
        /// 直播.
        carrier: String,
        /// The day.
        day: String,
        /// The funnel's broken step: `click_to_order` (点击-成交率).
        step: String,
        /// Clicks of the cell on the day, as the traffic export has them.
        clicks: i64,
        /// Paid orders of the cell on the day, as the traffic export has them.
        paid_orders: i64,
        /// Paid orders that there would have been.
        expected_orders: i64,
        /// What the missing orders would have paid, in yuan.
        lost_yuan: String,
    },
    /// A 伪爆款.
    PseudoHit {
        /// Shop.
        shop: String,
        /// Product.
        product_id: String,
        /// Its title.
        product_name: String,
        /// First day.
        from: String,
        /// Last day.
        to: String,
        /// Units of these days.
        units: i64,
        /// Usual units of as many days.
        usual_units: i64,
        /// Paid orders that an advertisement brought, of a thousand.
        advertised_permille: i64,
        /// Lines of these days that are or will be sent back, of a thousand.
        refund_permille: i64,
        /// Buyers of the extra orders who bought again: nobody.
        repurchases: i64,
    },
    /// A good seller that runs out.
    StockOut {
        /// Shop.
        shop: String,
        /// Product.
        product_id: String,
        /// Its title.
        product_name: String,
        /// The day of the snapshot.
        day: String,
        /// Units free to sell.
        available: i64,
        /// Units in transit: none.
        in_transit: i64,
        /// Units of the last seven days.
        units_7d: i64,
        /// Days from order to receipt, more than the stock lasts.
        lead_time: i64,
    },
}

/// Fen as yuan with two decimals.
pub(crate) fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
