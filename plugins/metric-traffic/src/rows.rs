//! The result sets as rows, and the funnel's counts that follow from them.

use chenbao_plugin::{Inputs, Result};
use jiff::civil::Date;
use metric_kit::{Block, Frame, percent, ratio};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct DayRow {
    day: Date,
    grain: String,
    carrier: Option<String>,
    impressions: Option<Decimal>,
    clicks: Option<Decimal>,
    paid_orders: Option<Decimal>,
    paid_amount: Option<Decimal>,
    impression_users: Option<Decimal>,
    click_users: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct OrderRow {
    pay_day: Date,
    carrier: Option<String>,
    orders: Decimal,
    paid: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct RefundedRow {
    pay_day: Date,
    known_day: Date,
    orders: Decimal,
}

/// Counts of the funnel over some days; `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) seen: Decimal,
    pub(crate) clicks: Decimal,
    pub(crate) orders: Option<Decimal>,
    pub(crate) paid: Option<Decimal>,
    pub(crate) kept: Option<Decimal>,
}

impl Counts {
    pub(crate) fn click_rate(&self) -> Option<Decimal> {
        percent(self.clicks, self.seen)
    }

    pub(crate) fn click_to_pay(&self) -> Option<Decimal> {
        percent(self.orders?, self.clicks)
    }

    pub(crate) fn kept_rate(&self) -> Option<Decimal> {
        percent(self.kept?, self.orders?)
    }

    pub(crate) fn gpm(&self) -> Option<Decimal> {
        ratio(self.paid?, self.seen)?.checked_mul(Decimal::ONE_THOUSAND)
    }

    pub(crate) fn order_value(&self) -> Option<Decimal> {
        ratio(self.paid?, self.orders?)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let both = |a: Option<Decimal>, b: Option<Decimal>| a.zip(b).map(|(a, b)| a + b);
        Self {
            seen: self.seen + other.seen,
            clicks: self.clicks + other.clicks,
            orders: both(self.orders, other.orders),
            paid: both(self.paid, other.paid),
            kept: both(self.kept, other.kept),
        }
    }
}

type Days = BTreeMap<Date, Counts>;

/// Day and number of orders with money back, by the pay day of the order.
type Refunded = BTreeMap<Date, Vec<(Date, Decimal)>>;

/// Everything by day.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) frame: Frame,
    /// The grain that impressions and clicks were summed from.
    days: Days,
    pub(crate) carriers: BTreeMap<String, Days>,
    users: BTreeMap<Date, (Decimal, Decimal)>,
    refunded: Option<Refunded>,
    /// Deals are as the platform's traffic table counts them: there are no order lines.
    pub(crate) platform_orders: bool,
    /// The same by carrier: orders do not all name their carrier.
    pub(crate) platform_carriers: bool,
}

/// Grains whose PV give the shop, the platform's own sum first.
const GRAINS: [&str; 4] = ["shop_day", "carrier_day", "hour", "product_day"];

impl Shop {
    pub(crate) fn read(inputs: &mut Inputs, frame: Frame) -> Result<Self> {
        let rows: Vec<DayRow> = inputs.take("days")?.read()?;
        let orders = match inputs.optional("orders") {
            Some(rows) => Some(rows.read::<OrderRow>()?),
            None => None,
        };
        let grain = GRAINS.iter().find(|grain| {
            rows.iter()
                .any(|row| row.grain == **grain && frame.now.holds(row.day))
        });
        let of_grain = || {
            rows.iter()
                .filter(|row| grain.is_some_and(|grain| row.grain == *grain))
        };
        let mut shop = Self {
            days: Days::new(),
            carriers: BTreeMap::new(),
            users: of_grain()
                .filter_map(|row| Some((row.day, (row.impression_users?, row.click_users?))))
                .collect(),
            refunded: refunded(inputs)?,
            platform_orders: orders.is_none(),
            platform_carriers: orders
                .as_deref()
                .is_none_or(|orders| carriers_unknown(orders, &frame)),
            frame,
        };
        if grain.is_some_and(|grain| *grain != "shop_day") {
            shop.users.clear();
        }
        for row in of_grain() {
            add_row(&mut shop.days, row, shop.platform_orders);
        }
        for row in rows.iter().filter(|row| row.grain == "carrier_day") {
            if let Some(carrier) = &row.carrier {
                add_row(
                    shop.carriers.entry(carrier.clone()).or_default(),
                    row,
                    shop.platform_carriers,
                );
            }
        }
        shop.add_orders(orders.unwrap_or_default());
        Ok(shop)
    }

    /// Orders meet the days and carriers that have traffic.
    fn add_orders(&mut self, orders: Vec<OrderRow>) {
        for row in orders {
            let paid = row.paid.unwrap_or_default();
            let to = |days: &mut Days| {
                if let Some(counts) = days.get_mut(&row.pay_day) {
                    counts.orders = Some(counts.orders.unwrap_or_default() + row.orders);
                    counts.paid = Some(counts.paid.unwrap_or_default() + paid);
                }
            };
            to(&mut self.days);
            if let Some(days) = row
                .carrier
                .as_ref()
                .and_then(|carrier| self.carriers.get_mut(carrier))
                .filter(|_| !self.platform_carriers)
            {
                to(days);
            }
        }
    }

    /// Counts of the period's days that are there.
    pub(crate) fn now(&self) -> Option<Counts> {
        let now = self.frame.now;
        let mut sum = self
            .days
            .range(now.start..now.end)
            .map(|(_, counts)| *counts)
            .reduce(Counts::plus)?;
        sum.kept = sum
            .orders
            .zip(self.refunded(&now, |day| self.frame.refunds_until(day, &now)))
            .map(|(orders, back)| orders - back);
        Some(sum)
    }

    /// How many days of the period are there.
    pub(crate) fn days_here(&self) -> usize {
        self.days
            .range(self.frame.now.start..self.frame.now.end)
            .count()
    }

    /// Counts of a comparable block of which every day is there.
    pub(crate) fn counts(&self, block: &Block) -> Option<Counts> {
        let mut sum = sum(&self.days, block)?;
        sum.kept = sum
            .orders
            .zip(self.refunded(block, |day| self.frame.refunds_until(day, block)))
            .map(|(orders, back)| orders - back);
        Some(sum)
    }

    /// Counts of one day of the history.
    pub(crate) fn day(&self, day: Date) -> Option<Counts> {
        self.days.get(&day).copied()
    }

    /// Counts of a carrier on the period's days that are there.
    pub(crate) fn carrier_now(&self, carrier: &str) -> Option<Counts> {
        let now = self.frame.now;
        self.carriers
            .get(carrier)?
            .range(now.start..now.end)
            .map(|(_, counts)| *counts)
            .reduce(Counts::plus)
    }

    /// Counts of a carrier over a comparable block of which every day is there.
    pub(crate) fn carrier(&self, carrier: &str, block: &Block) -> Option<Counts> {
        sum(self.carriers.get(carrier)?, block)
    }

    /// People as the platform counts them on a single day.
    pub(crate) fn users(&self, block: &Block) -> Option<(Decimal, Decimal)> {
        if block.len() == 1 {
            self.users.get(&block.start).copied()
        } else {
            None
        }
    }

    fn refunded(&self, block: &Block, until: impl Fn(Date) -> Date) -> Option<Decimal> {
        let known = self.refunded.as_ref().filter(|known| !known.is_empty())?;
        let of = |(day, list): (&Date, &Vec<(Date, Decimal)>)| {
            let last = until(*day);
            list.iter()
                .filter(|(back, _)| *back <= last)
                .map(|(_, orders)| *orders)
                .sum::<Decimal>()
        };
        Some(known.range(block.start..block.end).map(of).sum())
    }

    /// First day that was read.
    pub(crate) fn earliest(&self) -> Date {
        self.frame
            .now
            .end
            .checked_sub(jiff::Span::new().days(63))
            .unwrap_or(self.frame.now.start)
    }
}

fn sum(days: &Days, block: &Block) -> Option<Counts> {
    let mut all = block.days().map(|day| days.get(&day).copied());
    let first = all.next()??;
    all.try_fold(first, |sum, day| day.map(|day| sum.plus(day)))
}

/// Adds a row's PV; the platform's own deals only where they are the ones that count.
fn add_row(days: &mut Days, row: &DayRow, with_deals: bool) {
    let (Some(seen), Some(clicks)) = (row.impressions, row.clicks) else {
        return;
    };
    let deals = |value: Option<Decimal>| value.filter(|_| with_deals);
    let counts = Counts {
        seen,
        clicks,
        orders: deals(row.paid_orders),
        paid: deals(row.paid_amount),
        kept: None,
    };
    let slot = days.entry(row.day);
    slot.and_modify(|sum| *sum = sum.plus(counts))
        .or_insert(counts);
}

/// More than 5 % of the period's orders without a carrier: the platform's own table then knows better.
fn carriers_unknown(orders: &[OrderRow], frame: &Frame) -> bool {
    let of = |unknown: bool| {
        let rows = orders
            .iter()
            .filter(|row| frame.now.holds(row.pay_day) && (!unknown || row.carrier.is_none()));
        rows.map(|row| row.orders).sum::<Decimal>()
    };
    percent(of(true), of(false)).is_none_or(|share| share > Decimal::from(5))
}

fn refunded(inputs: &mut Inputs) -> Result<Option<Refunded>> {
    let Some(rows) = inputs.optional("refunded") else {
        return Ok(None);
    };
    let mut out = Refunded::new();
    for row in rows.read::<RefundedRow>()? {
        out.entry(row.pay_day)
            .or_default()
            .push((row.known_day, row.orders));
    }
    Ok(Some(out))
}
