//! Phases, days and products of the campaign.

use crate::Params;
use crate::shop::{Day, Shop, Sums};
use chenbao_plugin::{Cell, Inputs, Report, Result, Table};
use jiff::ToSpan;
use metric_kit::{Block, percent, ratio};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct ProductRow {
    span: String,
    product_id: Option<String>,
    product_name: Option<String>,
    paid: Option<Decimal>,
    units: Option<Decimal>,
    orders: Decimal,
}

#[derive(Debug, Deserialize)]
struct RefundRow {
    product_id: Option<String>,
    age: i64,
    amount: Option<Decimal>,
}

/// One product over the campaign.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    id: String,
    pub(crate) name: String,
    pub(crate) paid: Decimal,
    units: Option<Decimal>,
    pub(crate) orders: Decimal,
    previous: Decimal,
    pub(crate) refund: Option<Decimal>,
}

impl Product {
    pub(crate) fn refund_rate(&self) -> Option<Decimal> {
        percent(self.refund?, self.paid)
    }
}

/// Reads what was sold in the campaign, the largest first; refunds are cut at the campaign's age.
pub(crate) fn read(inputs: &mut Inputs, shop: &Shop) -> Result<Vec<Product>> {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    for row in inputs.take("products")?.read::<ProductRow>()? {
        let Some(id) = row.product_id else { continue };
        let none = Product {
            name: id.clone(),
            id: id.clone(),
            paid: Decimal::ZERO,
            units: None,
            orders: Decimal::ZERO,
            previous: Decimal::ZERO,
            refund: None,
        };
        let product = products.entry(id).or_insert(none);
        if row.span == "now" {
            product.name = row.product_name.unwrap_or_else(|| product.id.clone());
            (product.paid, product.units, product.orders) =
                (row.paid.unwrap_or_default(), row.units, row.orders);
        } else {
            product.previous = row.paid.unwrap_or_default();
        }
    }
    if let Some(rows) = inputs
        .optional("product_refunds")
        .filter(|_| shop.refund(&shop.days).is_some())
    {
        products
            .values_mut()
            .for_each(|product| product.refund = Some(Decimal::ZERO));
        for row in rows
            .read::<RefundRow>()?
            .into_iter()
            .filter(|row| row.age <= shop.age())
        {
            if let Some(product) = row.product_id.and_then(|id| products.get_mut(&id)) {
                product.refund = product
                    .refund
                    .map(|sum| sum + row.amount.unwrap_or_default());
            }
        }
    }
    let mut list: Vec<Product> = products
        .into_values()
        .filter(|product| !product.orders.is_zero())
        .collect();
    list.sort_by(|a, b| b.paid.cmp(&a.paid).then_with(|| a.id.cmp(&b.id)));
    Ok(list)
}

/// One row per phase that has begun, and their total.
pub(crate) fn add_phases(report: &mut Report, shop: &Shop, now: &Sums) {
    let mut table = Table::new("phases")
        .column("phase", "text", "")
        .column("first", "date", "")
        .column("final", "date", "")
        .column("plan", "number", "money")
        .column("paid", "number", "money")
        .column_up()
        .column_passport("sum(pay_amount)", "pay")
        .column("attainment", "number", "%")
        .column_up()
        .column_passport("paid / plan", "pay")
        .column("baseline", "number", "money")
        .column_passport(
            "sum of each day's median of same weekdays before the campaign",
            "pay",
        )
        .column("uplift", "number", "money")
        .column_up()
        .column_passport("paid - baseline", "pay");
    let line = |name: Cell, block: &Block, plan: Option<Decimal>, paid: Option<Decimal>| {
        let against = shop
            .against(block, shop.days.start)
            .filter(|a| i64::from(a.days) == i64::from(block.len()));
        vec![
            name,
            block.start.to_string().into(),
            block.end.yesterday().map(|day| day.to_string()).ok().into(),
            plan.into(),
            paid.into(),
            paid.zip(plan)
                .and_then(|(paid, plan)| percent(paid, plan))
                .into(),
            against.map(|a| a.baseline).into(),
            against.map(|a| a.gap()).into(),
        ]
    };
    for phase in shop
        .phases
        .iter()
        .filter(|phase| phase.days.start < shop.days.end)
    {
        table.add(line(
            Cell::from(&phase.name),
            &phase.days,
            phase.plan,
            shop.sums(&phase.days).map(|sums| sums.paid),
        ));
    }
    table.add(line(
        Cell::key("total"),
        &shop.days,
        crate::figures::planned(shop),
        Some(now.paid),
    ));
    report.add(table.total_row());
}

/// One row per day.
pub(crate) fn add_days(report: &mut Report, shop: &Shop) {
    let mut table = Table::new("days")
        .column("day", "date", "")
        .column("phase", "text", "")
        .column("paid", "number", "money")
        .column_up()
        .column_passport("sum(pay_amount)", "pay")
        .column("orders", "number", "{order}")
        .column("baseline", "number", "money")
        .column_passport("median of up to 8 same weekdays before the campaign", "pay")
        .column("multiple", "number", "x")
        .column_up()
        .column_passport("paid / baseline", "pay")
        .column("last_day", "date", "")
        .column("last", "number", "money")
        .column_passport(
            "paid on the same day of the last campaign of the type",
            "pay",
        );
    for (i, day) in (0_i32..).zip(shop.days.days()) {
        let paid = shop.day(day).map(Day::paid);
        let baseline = shop.baseline(day, shop.days.start);
        let then = shop.last.as_ref().and_then(|last| {
            last.days
                .start
                .checked_add(i.days())
                .ok()
                .filter(|day| last.days.holds(*day))
        });
        table.add(vec![
            day.to_string().into(),
            shop.phase_of(day).map(|phase| phase.name.as_str()).into(),
            paid.into(),
            shop.day(day).map(|day| day.orders).into(),
            baseline.into(),
            paid.zip(baseline)
                .and_then(|(paid, base)| ratio(paid, base))
                .into(),
            then.map(|day| day.to_string()).into(),
            then.and_then(|day| shop.day(day)).map(Day::paid).into(),
        ]);
    }
    report.add(table);
}

/// The products that sold most.
pub(crate) fn add_products(report: &mut Report, products: &[Product], now: &Sums, params: &Params) {
    let mut table = Table::new("products")
        .column("product", "text", "")
        .column("product_id", "text", "")
        .column("paid", "number", "money")
        .column_up()
        .column_passport("sum(pay_amount)", "pay")
        .column("share", "number", "%")
        .column_passport("paid / paid of the campaign", "pay")
        .column("units", "number", "{item}")
        .column("orders", "number", "{order}")
        .column("previous", "number", "money")
        .column_passport("sum(pay_amount) of as many days before", "pay")
        .column("refund_rate", "number", "%")
        .column_down()
        .column_passport("refunds up to the refund age / paid", "pay");
    for product in products.iter().take(params.top_products) {
        table.add(vec![
            Cell::from(&product.name),
            Cell::from(&product.id),
            product.paid.into(),
            percent(product.paid, now.paid).into(),
            product.units.into(),
            product.orders.into(),
            product.previous.into(),
            product.refund_rate().into(),
        ]);
    }
    report.add(if products.is_empty() {
        table.missing("source_absent")
    } else {
        table.total_rows(u64::try_from(products.len()).unwrap_or(u64::MAX))
    });
}
