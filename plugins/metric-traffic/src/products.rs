//! Products: what was shown, clicked and bought, and which are shown much and sold little.

use crate::Params;
use crate::rows::{Counts, Shop};
use chenbao_plugin::{Arg, Cell, Finding, Inputs, Report, Result, Table};
use jiff::civil::Date;
use metric_kit::{median, percent, quantile, ratio};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct SeenRow {
    day: Date,
    product_id: String,
    product_name: Option<String>,
    impressions: Option<Decimal>,
    clicks: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct SoldRow {
    pay_day: Date,
    product_id: String,
    orders: Decimal,
    paid: Option<Decimal>,
    units: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct StockRow {
    product_id: String,
    available: Option<Decimal>,
}

/// Counts and units of one product over some days.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) counts: Counts,
    units: Option<Decimal>,
}

impl Sums {
    pub(crate) fn unit_price(&self) -> Option<Decimal> {
        ratio(self.counts.paid?, self.units?)
    }

    fn add_seen(&mut self, seen: Decimal, clicks: Decimal) {
        self.counts.seen += seen;
        self.counts.clicks += clicks;
    }

    fn add_sold(&mut self, row: &SoldRow) {
        self.counts.orders = Some(self.counts.orders.unwrap_or_default() + row.orders);
        self.counts.paid =
            Some(self.counts.paid.unwrap_or_default() + row.paid.unwrap_or_default());
        if let Some(units) = row.units {
            self.units = Some(self.units.unwrap_or_default() + units);
        }
    }
}

/// One product: the period, and its comparable days added up.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) now: Sums,
    pub(crate) base: Sums,
    pub(crate) stock: Option<Decimal>,
}

impl Product {
    /// Deals per impression: T6 x T8.
    fn overall(&self) -> Option<Decimal> {
        percent(self.now.counts.orders?, self.now.counts.seen)
    }

    /// What it would have sold more at that many deals per hundred impressions.
    fn lost(&self, overall: Decimal) -> Option<Decimal> {
        let now = &self.now.counts;
        let missing = (overall - self.overall()?) * now.seen / Decimal::ONE_HUNDRED;
        Some(
            missing
                * now
                    .order_value()
                    .or_else(|| self.base.counts.order_value())?,
        )
    }
}

/// Why a product is shown much and sold little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Click,
    Page,
    Stock,
}

/// Reads the products with traffic in the period, the most shown first. Comparable days are those of the samples; where
/// the history holds none, it is the comparable period, unless a campaign lies on one side alone.
pub(crate) fn read(inputs: &mut Inputs, shop: &Shop, params: &Params) -> Result<Vec<Product>> {
    let Some(rows) = inputs.optional("products") else {
        return Ok(Vec::new());
    };
    let frame = &shop.frame;
    let mut samples = frame.samples(params.baseline_days.min(8), shop.earliest());
    if samples.is_empty() && !frame.campaign_on_one_side() {
        samples.push(frame.prev);
    }
    let sampled = |day: Date| samples.iter().any(|block| block.holds(day));
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    for row in rows.read::<SeenRow>()? {
        let product = products
            .entry(row.product_id.clone())
            .or_insert_with(|| empty(&row.product_id));
        let (seen, clicks) = (
            row.impressions.unwrap_or_default(),
            row.clicks.unwrap_or_default(),
        );
        if frame.now.holds(row.day) {
            product.now.add_seen(seen, clicks);
            product.name = row.product_name.unwrap_or(row.product_id);
        } else if sampled(row.day) {
            product.base.add_seen(seen, clicks);
        }
    }
    add_sold(inputs, shop, sampled, &mut products)?;
    if let Some(rows) = inputs.optional("stock") {
        for row in rows.read::<StockRow>()? {
            if let Some(product) = products.get_mut(&row.product_id) {
                product.stock = row.available;
            }
        }
    }
    let mut list: Vec<Product> = products
        .into_values()
        .filter(|p| !p.now.counts.seen.is_zero())
        .collect();
    list.sort_by(|a, b| {
        b.now
            .counts
            .seen
            .cmp(&a.now.counts.seen)
            .then_with(|| a.id.cmp(&b.id))
    });
    Ok(list)
}

fn empty(id: &str) -> Product {
    Product {
        id: id.to_owned(),
        name: id.to_owned(),
        now: Sums::default(),
        base: Sums::default(),
        stock: None,
    }
}

/// With order lines at hand, a product with traffic and no line sold nothing: that is a zero that the data states.
fn add_sold(
    inputs: &mut Inputs,
    shop: &Shop,
    sampled: impl Fn(Date) -> bool,
    products: &mut BTreeMap<String, Product>,
) -> Result<()> {
    let Some(rows) = inputs.optional("product_orders") else {
        return Ok(());
    };
    let rows: Vec<SoldRow> = rows.read()?;
    if rows.is_empty() {
        return Ok(());
    }
    for product in products.values_mut() {
        for sums in [&mut product.now, &mut product.base] {
            sums.counts.orders = Some(Decimal::ZERO);
            sums.counts.paid = Some(Decimal::ZERO);
        }
    }
    for row in rows {
        let Some(product) = products.get_mut(&row.product_id) else {
            continue;
        };
        if shop.frame.now.holds(row.pay_day) {
            product.now.add_sold(&row);
        } else if sampled(row.pay_day) {
            product.base.add_sold(&row);
        }
    }
    Ok(())
}

/// The table and the finding; `told` is a product that another finding speaks of already.
pub(crate) fn add(report: &mut Report, products: &[Product], params: &Params, told: Option<&str>) {
    let problems = problems(products, params);
    let mut table = Table::new("products")
        .column("product", "text", "")
        .column("product_id", "text", "")
        .column("impressions", "number", "{view}")
        .column("clicks", "number", "{view}")
        .column("click_rate", "number", "%")
        .column_up()
        .column_passport("T6: clicks PV / impressions PV", "event")
        .column("click_to_pay", "number", "%")
        .column_up()
        .column_passport("T8: paid orders / clicks PV", "event")
        .column("click_to_pay_baseline", "number", "%")
        .column_passport("the same over its comparable days, added up", "event")
        .column("orders", "number", "{order}")
        .column("paid", "number", "money")
        .column("available", "number", "{item}")
        .column_passport("free to sell at the last snapshot", "snapshot")
        .column("verdict", "text", "");
    for product in products.iter().take(params.top_products) {
        let now = &product.now.counts;
        table.add(vec![
            Cell::from(&product.name),
            Cell::from(&product.id),
            now.seen.into(),
            now.clicks.into(),
            now.click_rate().into(),
            now.click_to_pay().into(),
            product.base.counts.click_to_pay().into(),
            now.orders.into(),
            now.paid.into(),
            product.stock.into(),
            Cell::key(word(product, problems.get(&product.id).copied(), params)),
        ]);
    }
    if products.is_empty() {
        table = table.missing("source_absent");
    } else {
        table = table.total_rows(u64::try_from(products.len()).unwrap_or(u64::MAX));
    }
    report.add(table);
    add_finding(report, products, &problems, told);
}

fn word(product: &Product, problem: Option<Problem>, params: &Params) -> &'static str {
    let now = &product.now.counts;
    let below = || {
        let (rate, base) = (now.click_to_pay()?, product.base.counts.click_to_pay()?);
        Some(rate < base * (Decimal::ONE - params.material_pct / Decimal::ONE_HUNDRED))
    };
    match problem {
        Some(Problem::Stock) => "out_of_stock",
        Some(Problem::Click) => "click_problem",
        Some(Problem::Page) => "page_problem",
        None if now.clicks < Decimal::from(params.n_min) => "not_judged",
        None if below() == Some(true) => "below",
        None => "steady",
    }
}

/// X2: shown at least as much as three quarters of the products, deals per impression among the lowest quarter and well
/// below the median. Which rate falls further short of the products' median names the problem.
fn problems(products: &[Product], params: &Params) -> BTreeMap<String, Problem> {
    let judged: Vec<&Product> = products
        .iter()
        .filter(|p| p.now.counts.clicks >= Decimal::from(params.n_min) && p.overall().is_some())
        .collect();
    let all = |of: fn(&Product) -> Option<Decimal>| {
        judged.iter().filter_map(|p| of(p)).collect::<Vec<_>>()
    };
    let (seen, overall) = (all(|p| Some(p.now.counts.seen)), all(Product::overall));
    let edges = quantile(&seen, Decimal::new(75, 2))
        .zip(quantile(&overall, Decimal::new(25, 2)))
        .zip(median(&overall));
    let rates = median(&all(|p| p.now.counts.click_rate()))
        .zip(median(&all(|p| p.now.counts.click_to_pay())));
    let (Some(((much, little), middle)), Some((click, pay)), true) =
        (edges, rates, judged.len() >= 4)
    else {
        return BTreeMap::new();
    };
    let edge = little.min(middle * (Decimal::ONE - params.x2_gap_pct / Decimal::ONE_HUNDRED));
    let problem = |p: &&&Product| {
        let counts = &p.now.counts;
        let short = |rate: Option<Decimal>, median: Decimal| {
            rate.and_then(|rate| ratio(rate, median))
                .unwrap_or_default()
        };
        match p.stock {
            Some(stock) if stock <= Decimal::ZERO => Problem::Stock,
            _ if short(counts.click_rate(), click) < short(counts.click_to_pay(), pay) => {
                Problem::Click
            }
            _ => Problem::Page,
        }
    };
    let hit = |p: &&&Product| {
        p.now.counts.seen >= much && p.overall().is_some_and(|overall| overall <= edge)
    };
    judged
        .iter()
        .filter(hit)
        .map(|p| (p.id.clone(), problem(&p)))
        .collect()
}

/// The product that would bring most if it sold as the middle one does.
fn add_finding(
    report: &mut Report,
    products: &[Product],
    problems: &BTreeMap<String, Problem>,
    told: Option<&str>,
) {
    let middle = |of: fn(&Counts) -> Option<Decimal>| {
        let rates: Vec<Decimal> = products.iter().filter_map(|p| of(&p.now.counts)).collect();
        median(&rates)
    };
    let rates: Vec<Decimal> = products.iter().filter_map(Product::overall).collect();
    let overall = median(&rates);
    let candidates = products.iter().filter(|p| told != Some(p.id.as_str()));
    let worst = candidates
        .filter_map(|p| Some((p.lost(overall?)?, p, *problems.get(&p.id)?)))
        .max_by_key(|(money, ..)| *money);
    let Some((money, product, problem)) = worst else {
        return;
    };
    let now = &product.now.counts;
    let (kind, of, action): (_, fn(&Counts) -> Option<Decimal>, _) = match problem {
        Problem::Click => (
            "exposure_no_click",
            Counts::click_rate,
            "check_creative_where",
        ),
        Problem::Page => ("exposure_no_deal", Counts::click_to_pay, "check_page_where"),
        Problem::Stock => ("exposure_no_deal", Counts::click_to_pay, "restock_where"),
    };
    let mut finding = Finding::new(kind)
        .severity("warning")
        .text_arg("product", &product.name)
        .arg("impressions", now.seen, "{view}")
        .arg("rate", of(now), "%")
        .arg("baseline", middle(of), "%")
        .arg("money", money, "money")
        .money(-money)
        .confidence(0.6)
        .controllability(0.7)
        .action(action, [("where", Arg::text(&product.name))])
        .evidence("products");
    if let Some(stock) = product.stock.filter(|stock| *stock > Decimal::ZERO) {
        finding = finding.excluded("stock_ok", [("available", Arg::new(stock, "{item}"))]);
    }
    report.add(finding);
}
