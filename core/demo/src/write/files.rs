//! All exports of a shop, fed day by day.

use super::exports::{Cut, Exports, windows};
use super::orders::{Row, Template};
use super::{ads, inventory, products, refunds, traffic};
use crate::calendar::Calendar;
use crate::catalog::Shop;
use crate::simulate::Day;
use crate::stock::Stock;
use chenbao_model::diagnostic::Problems;
use std::path::{Path, PathBuf};

/// Days that an order export repeats.
const ORDERS_AGAIN: i64 = 3;
/// Days that a refund export repeats: more than a case takes, so that only the newest cases are open.
const REFUNDS_AGAIN: i64 = 7;

/// The exports of a shop.
pub(crate) struct Files<'a> {
    calendar: &'a Calendar,
    shop: &'a Shop,
    folder: PathBuf,
    /// The newest generation, and the one of the first export.
    templates: [Template; 2],
    orders: Exports,
    refunds: Exports,
    traffic: Exports,
    ads: Exports,
    inventory: Exports,
}

impl<'a> Files<'a> {
    /// The folders, still empty.
    pub(crate) fn new(
        folder: &Path,
        calendar: &'a Calendar,
        shop: &'a Shop,
    ) -> Result<Self, Problems> {
        let templates = [Template::new(), Template::old()];
        let exports = |name: &str, word, header: &[&'static str], cut, minute| {
            Exports::new(
                &folder.join(name),
                word,
                header,
                windows(calendar, cut, minute),
            )
        };
        Ok(Self {
            calendar,
            shop,
            folder: folder.to_owned(),
            orders: exports(
                "orders",
                "订单导出",
                &templates[0].headers,
                Cut::Overlapping(ORDERS_AGAIN),
                31,
            )?,
            refunds: exports(
                "refunds",
                "售后单",
                &refunds::HEADERS,
                Cut::Overlapping(REFUNDS_AGAIN),
                33,
            )?,
            traffic: exports(
                "traffic",
                "罗盘流量",
                &traffic::HEADERS,
                Cut::DailyAtLast,
                20,
            )?,
            ads: exports("ads", "千川计划日报", &ads::HEADERS, Cut::DailyAtLast, 25)?,
            inventory: exports(
                "inventory",
                "库存快照",
                &inventory::HEADERS,
                Cut::DailyAtLast,
                10,
            )?,
            templates,
        })
    }

    /// Writes a day into every export that covers it.
    pub(crate) fn day(&mut self, day: &Day, stock: &Stock) -> Result<(), Problems> {
        self.orders(day)?;
        let (calendar, shop, date) = (self.calendar, self.shop, self.calendar.date(day.day));
        self.refunds.begin(calendar, day.day, None)?;
        self.refunds.each(|window, sheet| {
            day.cases
                .iter()
                .try_for_each(|case| refunds::write(sheet, (calendar, shop), case, window.moment))
        })?;
        self.refunds.end(day.day)?;
        self.traffic.begin(calendar, day.day, None)?;
        self.traffic
            .each(|_, sheet| traffic::write(sheet, date, shop, day))?;
        self.traffic.end(day.day)?;
        self.ads.begin(calendar, day.day, None)?;
        self.ads.each(|_, sheet| {
            day.ads
                .iter()
                .try_for_each(|ad| ads::write(sheet, date, shop, ad))
        })?;
        self.ads.end(day.day)?;
        self.inventory.begin(calendar, day.day, None)?;
        self.inventory
            .each(|_, sheet| inventory::write(sheet, date, shop, stock))?;
        self.inventory.end(day.day)
    }

    fn orders(&mut self, day: &Day) -> Result<(), Problems> {
        let [new, old] = &self.templates;
        let (calendar, shop) = (self.calendar, self.shop);
        self.orders.begin(calendar, day.day, Some(&old.headers))?;
        self.orders.each(|window, sheet| {
            let template = if window.first { old } else { new };
            for order in &day.orders {
                for line in &order.lines {
                    Row {
                        calendar,
                        shop,
                        order,
                        line,
                        moment: window.moment,
                    }
                    .write(sheet, template)?;
                }
            }
            Ok(())
        })?;
        self.orders.end(day.day)
    }

    /// Writes the list of products as of the end.
    pub(crate) fn products(&self, stock: &Stock) -> Result<(), Problems> {
        products::write(
            &self.folder.join("products"),
            self.calendar,
            self.shop,
            stock,
        )
    }
}
