//! The result sets as rows, and the shop that they describe.

use chenbao_plugin::{Inputs, Result};
use jiff::civil::Date;
use metric_kit::{Block, Frame};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Day {
    pay_day: Date,
    paid: Option<Decimal>,
    units: Option<Decimal>,
    orders: Decimal,
    orders_with_buyer: Decimal,
    paid_with_buyer: Option<Decimal>,
    buyers: Decimal,
}

/// Buyers of a day or period, and how much of it names them.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Buyers {
    pub(crate) orders: Decimal,
    pub(crate) orders_with_buyer: Decimal,
    pub(crate) paid_with_buyer: Option<Decimal>,
    pub(crate) buyers: Decimal,
}

#[derive(Debug, Deserialize)]
struct BuyerRow {
    span: String,
    pay_day: Option<Date>,
    #[serde(flatten)]
    count: Buyers,
}

#[derive(Debug, Deserialize)]
struct RefundRow {
    pay_day: Option<Date>,
    known_day: Date,
    amount: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct RefundDay {
    refund_day: Date,
    amount: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct TrafficRow {
    day: Date,
    grain: String,
    impressions: Option<Decimal>,
    clicks: Option<Decimal>,
}

/// Impressions and clicks by grain and day.
type Traffic = BTreeMap<String, BTreeMap<Date, (Decimal, Decimal)>>;

/// What is known of refunds by the pay day of their order.
#[derive(Debug)]
pub(crate) enum Refunds {
    /// No source gives them.
    Absent,
    /// There is a source, but it has no refund.
    Empty,
    /// They do not name their orders.
    Unlinked,
    /// Day and amount of each, by pay day.
    Known(BTreeMap<Date, Vec<(Date, Decimal)>>),
}

/// Sums over a block of days; `None` is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) paid: Option<Decimal>,
    pub(crate) orders: Option<Decimal>,
    pub(crate) units: Option<Decimal>,
    pub(crate) refund: Option<Decimal>,
    pub(crate) refund_clock: Option<Decimal>,
    pub(crate) buyers: Option<Buyers>,
}

/// Everything by day.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) frame: Frame,
    days: BTreeMap<Date, Day>,
    buyer_days: BTreeMap<Date, Buyers>,
    buyers_now: Option<Buyers>,
    buyers_prev: Option<Buyers>,
    pub(crate) refunds: Refunds,
    pub(crate) refund_days: Option<BTreeMap<Date, Decimal>>,
    traffic: Traffic,
}

/// Grains of `traffic`, the platform's own sum first.
const GRAINS: [&str; 4] = ["shop_day", "carrier_day", "hour", "product_day"];

impl Shop {
    pub(crate) fn read(inputs: &mut Inputs, frame: Frame) -> Result<Self> {
        let days: Vec<Day> = inputs.take("days")?.read()?;
        let mut shop = Self {
            frame,
            buyer_days: BTreeMap::new(),
            buyers_now: None,
            buyers_prev: None,
            refunds: refunds(inputs)?,
            refund_days: refund_days(inputs)?,
            traffic: traffic(inputs)?,
            days: days.into_iter().map(|day| (day.pay_day, day)).collect(),
        };
        shop.read_buyers(inputs)?;
        Ok(shop)
    }

    /// Keys from an ERP win: they hold those of the orders too.
    fn read_buyers(&mut self, inputs: &mut Inputs) -> Result<()> {
        let mut rows: Vec<BuyerRow> = inputs.take("spans")?.read()?;
        self.buyer_days = self
            .days
            .values()
            .map(|day| (day.pay_day, day.count()))
            .collect();
        if let Some(joined) = inputs.optional("buyers") {
            rows = joined.read()?;
            let of_day = |row: &&BuyerRow| row.span == "day";
            self.buyer_days = rows
                .iter()
                .filter(of_day)
                .filter_map(|row| Some((row.pay_day?, row.count)))
                .collect();
        }
        let span = |name: &str| {
            rows.iter()
                .find(|row| row.span == name)
                .map(|row| row.count)
        };
        (self.buyers_now, self.buyers_prev) = (span("now"), span("prev"));
        Ok(())
    }

    /// First day that was read.
    pub(crate) fn earliest(&self) -> Date {
        self.frame
            .now
            .end
            .checked_sub(jiff::Span::new().days(63))
            .unwrap_or(self.frame.now.start)
    }

    /// Whether the comparable period was read whole.
    pub(crate) fn reaches_prev(&self) -> bool {
        self.frame.prev.start >= self.earliest()
    }

    /// Days of the block that have orders.
    pub(crate) fn days_with_orders(&self, block: &Block) -> usize {
        self.days.range(block.start..block.end).count()
    }

    pub(crate) fn now(&self) -> Figures {
        Figures {
            buyers: self.buyers_now,
            ..self.sums(&self.frame.now)
        }
    }

    pub(crate) fn prev(&self) -> Figures {
        if !self.reaches_prev() {
            return Figures::default();
        }
        Figures {
            buyers: self.buyers_prev,
            ..self.sums(&self.frame.prev)
        }
    }

    /// A block of the same weekdays; buyers of several days do not add.
    pub(crate) fn sums(&self, block: &Block) -> Figures {
        self.fold(block, |day| self.frame.refunds_until(day, block))
    }

    /// One day of the history.
    pub(crate) fn day(&self, day: Date) -> Figures {
        match day.tomorrow() {
            Ok(end) => self.fold(&Block { start: day, end }, |day| {
                self.frame.refunds_until_alone(day)
            }),
            Err(_) => Figures::default(),
        }
    }

    fn fold(&self, block: &Block, until: impl Fn(Date) -> Date) -> Figures {
        let mut rows = self
            .days
            .range(block.start..block.end)
            .map(|(_, day)| day)
            .peekable();
        if rows.peek().is_none() {
            return Figures {
                refund_clock: self.refund_clock(block),
                ..Figures::default()
            };
        }
        let mut sums = Figures {
            paid: Some(Decimal::ZERO),
            orders: Some(Decimal::ZERO),
            units: Some(Decimal::ZERO),
            ..Figures::default()
        };
        for day in rows {
            sums.paid = sums.paid.map(|sum| sum + day.paid.unwrap_or_default());
            sums.orders = sums.orders.map(|sum| sum + day.orders);
            sums.units = sums.units.zip(day.units).map(|(sum, units)| sum + units);
        }
        sums.refund = self.refund(block, until);
        sums.refund_clock = self.refund_clock(block);
        if block.len() == 1 {
            sums.buyers = self.buyer_days.get(&block.start).copied();
        }
        sums
    }

    fn refund(&self, block: &Block, until: impl Fn(Date) -> Date) -> Option<Decimal> {
        let Refunds::Known(by_day) = &self.refunds else {
            return None;
        };
        let of = |(day, list): (&Date, &Vec<(Date, Decimal)>)| {
            let last = until(*day);
            list.iter()
                .filter(|(known, _)| *known <= last)
                .map(|(_, amount)| *amount)
                .sum::<Decimal>()
        };
        Some(by_day.range(block.start..block.end).map(of).sum())
    }

    fn refund_clock(&self, block: &Block) -> Option<Decimal> {
        let days = self.refund_days.as_ref().filter(|days| !days.is_empty())?;
        Some(
            days.range(block.start..block.end)
                .map(|(_, amount)| *amount)
                .sum(),
        )
    }

    /// Impressions and clicks of both blocks at the first grain that has every day of both.
    pub(crate) fn views(&self, blocks: [&Block; 2]) -> Option<[(Decimal, Decimal); 2]> {
        GRAINS.iter().find_map(|grain| {
            let days = self.traffic.get(*grain)?;
            let sum = |block: &Block| {
                block
                    .days()
                    .try_fold((Decimal::ZERO, Decimal::ZERO), |(views, clicks), day| {
                        days.get(&day).map(|(v, c)| (views + v, clicks + c))
                    })
            };
            Some([sum(blocks[0])?, sum(blocks[1])?])
        })
    }
}

impl Day {
    fn count(&self) -> Buyers {
        Buyers {
            orders: self.orders,
            orders_with_buyer: self.orders_with_buyer,
            paid_with_buyer: self.paid_with_buyer,
            buyers: self.buyers,
        }
    }
}

fn refunds(inputs: &mut Inputs) -> Result<Refunds> {
    let Some(rows) = inputs.optional("refunds") else {
        return Ok(Refunds::Absent);
    };
    let rows: Vec<RefundRow> = rows.read()?;
    if rows.is_empty() {
        return Ok(Refunds::Empty);
    }
    let mut by_day: BTreeMap<Date, Vec<(Date, Decimal)>> = BTreeMap::new();
    for row in rows {
        if let (Some(day), Some(amount)) = (row.pay_day, row.amount) {
            by_day.entry(day).or_default().push((row.known_day, amount));
        }
    }
    Ok(if by_day.is_empty() {
        Refunds::Unlinked
    } else {
        Refunds::Known(by_day)
    })
}

fn refund_days(inputs: &mut Inputs) -> Result<Option<BTreeMap<Date, Decimal>>> {
    let Some(rows) = inputs.optional("refund_days") else {
        return Ok(None);
    };
    let rows: Vec<RefundDay> = rows.read()?;
    Ok(Some(
        rows.into_iter()
            .filter_map(|row| Some((row.refund_day, row.amount?)))
            .collect(),
    ))
}

fn traffic(inputs: &mut Inputs) -> Result<Traffic> {
    let mut out = Traffic::new();
    let Some(rows) = inputs.optional("traffic") else {
        return Ok(out);
    };
    for row in rows.read::<TrafficRow>()? {
        if let (Some(views), Some(clicks)) = (row.impressions, row.clicks) {
            out.entry(row.grain)
                .or_default()
                .insert(row.day, (views, clicks));
        }
    }
    Ok(out)
}
