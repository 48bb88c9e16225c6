//! The first broken step as a finding: what it costs, where it sits, and what it is not.

use crate::Params;
use crate::products::Product;
use crate::rows::{Counts, Shop};
use crate::steps::{Judged, Verdict, baseline};
use chenbao_plugin::{Arg, Finding, Report};
use metric_kit::{percent, ratio};
use rust_decimal::Decimal;

/// Where most of a loss sits.
struct Place<'a> {
    name: &'a str,
    share: Decimal,
    money: Option<Decimal>,
    product: Option<&'a Product>,
}

/// Adds the finding, broken or not; gives back the product that it names.
pub(crate) fn add<'a>(
    report: &mut Report,
    shop: &'a Shop,
    params: &Params,
    steps: &[Judged],
    products: &'a [Product],
) -> Option<&'a str> {
    let now = shop.now()?;
    let Some(broken) = steps.iter().find(|step| step.broken()) else {
        add_normal(report, steps);
        return None;
    };
    let place = place(shop, params, broken, products);
    let lost = place
        .as_ref()
        .and_then(|place| place.money)
        .or_else(|| broken.lost(&now))?;
    let kind = if place.is_some() {
        "funnel_break_in"
    } else {
        "funnel_break"
    };
    let steadiness = f64::from(broken.base.n()) / f64::from(broken.base.of.max(1));
    let mut finding = Finding::new(kind)
        .severity(if broken.verdict == Verdict::Critical {
            "critical"
        } else {
            "warning"
        })
        .key_arg("step", broken.step.rate_key)
        .arg("rate", broken.rate, "%")
        .arg("baseline", broken.base.median(), "%")
        .arg("n", broken.base.n(), "")
        .arg("of", broken.base.of, "")
        .arg("money", lost, "money")
        .money(-lost)
        .confidence(0.5 + 0.4 * steadiness)
        .controllability(0.8)
        .evidence("steps");
    if let Some(place) = &place {
        let shown = if place.product.is_some() {
            "products"
        } else {
            "by_carrier"
        };
        finding = finding
            .text_arg("where", place.name)
            .arg("share", place.share, "%")
            .evidence(shown);
    }
    let product = place.as_ref().and_then(|place| place.product);
    finding = with_action(finding, broken, place.as_ref());
    report.add(with_excluded(finding, shop, params, steps, product));
    product.map(|product| product.id.as_str())
}

fn add_normal(report: &mut Report, steps: &[Judged]) {
    let Some(pay) = steps
        .iter()
        .find(|step| step.step.key == "order" && step.verdict == Verdict::Normal)
    else {
        return;
    };
    report.add(
        Finding::new("funnel_normal")
            .arg("rate", pay.rate, "%")
            .arg("baseline", pay.base.median(), "%")
            .confidence(0.8)
            .controllability(0.0)
            .evidence("steps"),
    );
}

fn with_action(finding: Finding, broken: &Judged, place: Option<&Place<'_>>) -> Finding {
    let empty = place
        .and_then(|place| place.product)
        .and_then(|product| product.stock)
        .is_some_and(|stock| stock <= Decimal::ZERO);
    let (plain, there) = match broken.step.key {
        "kept" => return finding.action("check_refunds", []),
        "click" => ("check_creative", "check_creative_where"),
        _ if empty => ("check_page", "restock_where"),
        _ => ("check_page", "check_page_where"),
    };
    match place {
        Some(place) => finding.action(there, [("where", Arg::text(place.name))]),
        None => finding.action(plain, []),
    }
}

fn with_excluded(
    mut finding: Finding,
    shop: &Shop,
    params: &Params,
    steps: &[Judged],
    product: Option<&Product>,
) -> Finding {
    let seen = baseline(shop, params, |counts| Some(counts.seen));
    if let (Some(now), Some(median)) = (shop.now().map(|c| c.seen), seen.median()) {
        let low = seen
            .quantile(params.warn_quantile)
            .is_some_and(|edge| now < edge);
        let args = [
            ("impressions", Arg::new(now, "{view}")),
            ("median", Arg::new(median, "{view}")),
        ];
        finding = finding.excluded(if low { "traffic_low" } else { "traffic_normal" }, args);
    }
    let click = steps
        .iter()
        .find(|step| step.step.key == "click")
        .filter(|step| step.verdict == Verdict::Normal);
    if let Some(rate) = click.and_then(|step| step.rate) {
        finding = finding.excluded("click_normal", [("rate", Arg::new(rate, "%"))]);
    }
    let Some(product) = product else {
        return finding;
    };
    if let (Some(before), Some(after)) = (product.base.unit_price(), product.now.unit_price()) {
        let moved = ratio(after - before, before).unwrap_or_default().abs();
        let key = if moved <= Decimal::new(2, 2) {
            "price_unchanged"
        } else {
            "price_changed"
        };
        finding = finding.excluded(
            key,
            [
                ("before", Arg::new(before, "money")),
                ("after", Arg::new(after, "money")),
            ],
        );
    }
    match product.stock.filter(|stock| *stock > Decimal::ZERO) {
        Some(stock) => finding.excluded("stock_ok", [("available", Arg::new(stock, "{item}"))]),
        None => finding,
    }
}

/// What one product or carrier lost: those who came, how many fewer passed than at its own comparable rate, and their money.
struct Loss<'a> {
    name: &'a str,
    product: Option<&'a Product>,
    of: Decimal,
    lost: Decimal,
    money: Option<Decimal>,
}

impl<'a> Loss<'a> {
    fn of(
        step: &str,
        name: &'a str,
        product: Option<&'a Product>,
        [now, base]: [&Counts; 2],
    ) -> Option<Self> {
        let (rate, before, of) = match step {
            "click" => (now.click_rate()?, base.click_rate()?, now.seen),
            "order" => (now.click_to_pay()?, base.click_to_pay()?, now.clicks),
            _ => return None,
        };
        let lost = (before - rate) * of / Decimal::ONE_HUNDRED;
        let orders = if step == "click" {
            now.click_to_pay()
                .map(|pay| lost * pay / Decimal::ONE_HUNDRED)
        } else {
            Some(lost)
        };
        let value = now.order_value().or_else(|| base.order_value());
        Some(Self {
            name,
            product,
            of,
            lost,
            money: orders.zip(value).map(|(orders, value)| orders * value),
        })
    }
}

/// The product, else the carrier, that explains most of the loss: at least the parameter's share, and half as much again as
/// its share of the traffic; a carrier with most of the traffic has most of any loss and says nothing.
fn place<'a>(
    shop: &'a Shop,
    params: &Params,
    broken: &Judged,
    products: &'a [Product],
) -> Option<Place<'a>> {
    let step = broken.step.key;
    let of_products = products
        .iter()
        .filter_map(|p| Loss::of(step, &p.name, Some(p), [&p.now.counts, &p.base.counts]));
    let of_carriers = shop.carriers.keys().filter_map(|name| {
        let now = shop.carrier_now(name)?;
        let samples = shop
            .frame
            .samples(params.baseline_days.min(8), shop.earliest());
        let base = samples
            .iter()
            .filter_map(|block| shop.carrier(name, block))
            .reduce(Counts::plus)?;
        Loss::of(step, name, None, [&now, &base])
    });
    worst(of_products.collect(), params).or_else(|| worst(of_carriers.collect(), params))
}

fn worst<'a>(losses: Vec<Loss<'a>>, params: &Params) -> Option<Place<'a>> {
    let all: Decimal = losses.iter().map(|loss| loss.lost.max(Decimal::ZERO)).sum();
    let traffic: Decimal = losses.iter().map(|loss| loss.of).sum();
    let most = losses.into_iter().max_by_key(|loss| loss.lost)?;
    let (share, part) = (percent(most.lost, all)?, percent(most.of, traffic)?);
    let tells = most.lost > Decimal::ZERO
        && share >= params.concentration_pct
        && share >= part * Decimal::new(15, 1);
    tells.then_some(Place {
        name: most.name,
        share,
        money: most.money,
        product: most.product,
    })
}
