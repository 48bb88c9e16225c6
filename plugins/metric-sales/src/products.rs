//! Products and carriers: who sold what, against the comparable period.

use crate::Params;
use crate::rows::{Refunds, Shop};
use chenbao_plugin::{Arg, Cell, Inputs, Report, Result, Table};
use jiff::civil::Date;
use metric_kit::{Sold, percent, ratio};
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
    span: String,
    product_id: Option<String>,
    known_day: Date,
    amount: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct CarrierRow {
    span: String,
    carrier: Option<String>,
    paid: Option<Decimal>,
    orders: Decimal,
}

/// Sums of one product or carrier in one period.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) paid: Decimal,
    pub(crate) orders: Decimal,
    pub(crate) units: Option<Decimal>,
    pub(crate) refund: Option<Decimal>,
}

impl Sums {
    pub(crate) fn unit_price(&self) -> Option<Decimal> {
        ratio(self.paid, self.units?)
    }

    pub(crate) fn refund_rate(&self) -> Option<Decimal> {
        percent(self.refund?, self.paid)
    }
}

/// One product in both periods; not sold there is zero, because the period's rows say so.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) now: Sums,
    pub(crate) prev: Sums,
}

impl Product {
    pub(crate) fn delta(&self) -> Decimal {
        self.now.paid - self.prev.paid
    }

    /// Units and amounts of both sides; none when a side sold without telling units.
    pub(crate) fn sold(&self) -> Option<Sold> {
        let side = |sums: &Sums| match sums.units {
            Some(units) => Some((units, sums.paid)),
            None if sums.paid.is_zero() => Some((Decimal::ZERO, Decimal::ZERO)),
            None => None,
        };
        Some(Sold {
            before: side(&self.prev)?,
            after: side(&self.now)?,
        })
    }
}

/// Reads the products of both periods, the largest first.
pub(crate) fn read(inputs: &mut Inputs, shop: &Shop) -> Result<Vec<Product>> {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    for row in inputs.take("products")?.read::<ProductRow>()? {
        let Some(id) = row.product_id else { continue };
        let product = products.entry(id.clone()).or_insert_with(|| Product {
            name: id.clone(),
            id,
            now: Sums::default(),
            prev: Sums::default(),
        });
        let sums = Sums {
            paid: row.paid.unwrap_or_default(),
            orders: row.orders,
            units: row.units,
            refund: None,
        };
        if row.span == "now" {
            product.now = sums;
            product.name = row.product_name.unwrap_or_else(|| product.id.clone());
        } else if shop.reaches_prev() {
            product.prev = sums;
            if product.name == product.id {
                product.name = row.product_name.unwrap_or_else(|| product.id.clone());
            }
        }
    }
    if matches!(shop.refunds, Refunds::Known(_)) {
        add_refunds(inputs, shop, &mut products)?;
    }
    let mut list: Vec<Product> = products
        .into_values()
        .filter(|p| !p.now.orders.is_zero() || !p.prev.orders.is_zero())
        .collect();
    list.sort_by(|a, b| {
        b.now
            .paid
            .cmp(&a.now.paid)
            .then_with(|| b.prev.paid.cmp(&a.prev.paid))
            .then_with(|| a.id.cmp(&b.id))
    });
    Ok(list)
}

fn add_refunds(
    inputs: &mut Inputs,
    shop: &Shop,
    products: &mut BTreeMap<String, Product>,
) -> Result<()> {
    let Some(rows) = inputs.optional("product_refunds") else {
        return Ok(());
    };
    let frame = &shop.frame;
    let last = |block: &metric_kit::Block| {
        block
            .end
            .yesterday()
            .map(|day| frame.refunds_until(day, block))
    };
    let (now, prev) = (last(&frame.now).ok(), last(&frame.prev).ok());
    for product in products.values_mut() {
        product.now.refund = Some(Decimal::ZERO);
        product.prev.refund = Some(Decimal::ZERO);
    }
    for row in rows.read::<RefundRow>()? {
        let Some(product) = row.product_id.and_then(|id| products.get_mut(&id)) else {
            continue;
        };
        let (sums, until) = if row.span == "now" {
            (&mut product.now, now)
        } else {
            (&mut product.prev, prev)
        };
        if until.is_some_and(|until| row.known_day <= until) {
            sums.refund = sums.refund.map(|sum| sum + row.amount.unwrap_or_default());
        }
    }
    Ok(())
}

/// The product table.
pub(crate) fn add_table(report: &mut Report, shop: &Shop, params: &Params, products: &[Product]) {
    let mut table = Table::new("products")
        .column("product", "text", "")
        .column("product_id", "text", "")
        .column("paid", "number", "money")
        .column_up()
        .column_passport("sum(pay_amount)", "pay")
        .column("share", "number", "%")
        .column_passport("paid / paid of the shop", "pay")
        .column("previous", "number", "money")
        .column_passport("sum(pay_amount) of the comparable period", "pay")
        .column("change", "number", "%")
        .column_up()
        .column_passport("paid / previous - 1", "pay")
        .column("units", "number", "{item}")
        .column("orders", "number", "{order}")
        .column("unit_price", "number", "money")
        .column_passport("paid / units", "pay")
        .column("refund_rate", "number", "%")
        .column_down()
        .column_passport("refunds up to the refund age / paid", "pay");
    let all = shop.now().paid;
    let known = shop.prev().paid.is_some();
    let sold: Vec<&Product> = products
        .iter()
        .filter(|p| !p.now.orders.is_zero())
        .collect();
    for product in sold.iter().take(params.top_products) {
        let now = &product.now;
        table.add(vec![
            Cell::from(&product.name),
            Cell::from(&product.id),
            now.paid.into(),
            all.and_then(|all| percent(now.paid, all)).into(),
            known.then_some(product.prev.paid).into(),
            known
                .then(|| percent(product.delta(), product.prev.paid))
                .flatten()
                .into(),
            now.units.into(),
            now.orders.into(),
            now.unit_price().into(),
            now.refund_rate().into(),
        ]);
    }
    report.add(match (all, sold.is_empty()) {
        (None, _) => table.missing("no_rows"),
        (Some(_), true) => table.missing("source_absent"),
        _ => table.total_rows(u64::try_from(sold.len()).unwrap_or(u64::MAX)),
    });
}

/// The carrier table, its unknown part last but the total.
pub(crate) fn add_carriers(report: &mut Report, inputs: &mut Inputs, shop: &Shop) -> Result<()> {
    let mut carriers: BTreeMap<Option<String>, (Sums, Sums)> = BTreeMap::new();
    for row in inputs.take("carriers")?.read::<CarrierRow>()? {
        let sums = Sums {
            paid: row.paid.unwrap_or_default(),
            orders: row.orders,
            ..Sums::default()
        };
        let slot = carriers.entry(row.carrier).or_default();
        if row.span == "now" {
            slot.0 = sums;
        } else if shop.reaches_prev() {
            slot.1 = sums;
        }
    }
    let table = Table::new("by_carrier")
        .column("carrier", "text", "")
        .column("paid", "number", "money")
        .column_up()
        .column_passport("sum(pay_amount)", "pay")
        .column("share", "number", "%")
        .column_passport("paid / paid of the shop", "pay")
        .column("previous", "number", "money")
        .column("change", "number", "%")
        .column_up()
        .column("orders", "number", "{order}")
        .column("order_value", "number", "money")
        .column_passport("paid / orders", "pay");
    let Some(all) = shop.now().paid else {
        report.add(table.missing("no_rows"));
        return Ok(());
    };
    if carriers.keys().all(Option::is_none) {
        report.add(table.missing("source_absent"));
        return Ok(());
    }
    if let Some(share) = carriers
        .get(&None)
        .and_then(|(now, _)| percent(now.paid, all))
        .filter(|share| !share.is_zero())
    {
        report.quality(
            "info",
            "carrier_unknown",
            [("share", Arg::new(share, "%"))],
            &["by_carrier"],
        );
    }
    report.add(filled(table, carriers, all, shop));
    Ok(())
}

fn filled(
    mut table: Table,
    carriers: BTreeMap<Option<String>, (Sums, Sums)>,
    all: Decimal,
    shop: &Shop,
) -> Table {
    let known = shop.prev().paid.is_some();
    let mut rows: Vec<(Option<String>, (Sums, Sums))> = carriers.into_iter().collect();
    rows.sort_by(|(a, (x, _)), (b, (y, _))| {
        a.is_none()
            .cmp(&b.is_none())
            .then(y.paid.cmp(&x.paid))
            .then(a.cmp(b))
    });
    let line = |name: Cell, now: &Sums, prev: &Sums| {
        vec![
            name,
            now.paid.into(),
            percent(now.paid, all).into(),
            known.then_some(prev.paid).into(),
            known
                .then(|| percent(now.paid - prev.paid, prev.paid))
                .flatten()
                .into(),
            now.orders.into(),
            ratio(now.paid, now.orders).into(),
        ]
    };
    for (carrier, (now, prev)) in &rows {
        table.add(line(
            carrier
                .as_ref()
                .map_or_else(|| Cell::key("unknown"), Cell::from),
            now,
            prev,
        ));
    }
    let total = |figures: &crate::rows::Figures| Sums {
        paid: figures.paid.unwrap_or_default(),
        orders: figures.orders.unwrap_or_default(),
        ..Sums::default()
    };
    table.add(line(
        Cell::key("total"),
        &total(&shop.now()),
        &total(&shop.prev()),
    ));
    table.total_row()
}
