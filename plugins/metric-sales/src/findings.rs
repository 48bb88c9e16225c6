//! What is worth a sentence: the change of the whole, products that moved it, and refunds above their own history.

use crate::Params;
use crate::kpis::{baseline, refund_rate};
use crate::products::Product;
use crate::rows::{Refunds, Shop};
use chenbao_plugin::{Arg, Finding, Report};
use metric_kit::{percent, ratio};
use rust_decimal::Decimal;

/// Adds all of them.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params, products: &[Product]) {
    add_change(report, shop, params);
    if shop.prev().paid.is_some() && !shop.frame.campaign_on_one_side() {
        add_products(report, shop, params, products);
    }
    add_refunds(report, shop, params);
    add_caveats(report, shop, params);
}

fn add_change(report: &mut Report, shop: &Shop, params: &Params) {
    let Some(now) = shop.now().paid else { return };
    let Some((prev, pct)) = shop
        .prev()
        .paid
        .and_then(|prev| Some((prev, percent(now - prev, prev)?)))
    else {
        let finding = Finding::new("paid_level")
            .arg("paid", now, "money")
            .key_arg("basis", shop.frame.prev_word());
        report.add(
            finding
                .money(now)
                .confidence(1.0)
                .controllability(0.1)
                .evidence("paid_amount"),
        );
        return;
    };
    let base = baseline(shop, params, |f| f.paid);
    let low = base
        .quantile(Decimal::new(2, 1))
        .filter(|_| base.n() >= params.baseline_min);
    let severity = if low.is_some_and(|low| now < low) && now < prev {
        "warning"
    } else {
        "info"
    };
    report.add(
        Finding::new("paid_change")
            .severity(severity)
            .arg("paid", now, "money")
            .key_arg("basis", shop.frame.prev_word())
            .arg("pct", pct, "%")
            .arg("delta", now - prev, "money")
            .money(now - prev)
            .confidence(1.0)
            .controllability(0.1)
            .evidence("paid_amount")
            .evidence("decomposition"),
    );
}

/// The product that lost most and the one that gained most, if that is material for the shop.
fn add_products(report: &mut Report, shop: &Shop, params: &Params, products: &[Product]) {
    let floor =
        shop.prev().paid.unwrap_or_default() * params.product_share_pct / Decimal::ONE_HUNDRED;
    let moved = || {
        products
            .iter()
            .filter(|p| p.delta().abs() >= floor && !p.delta().is_zero())
    };
    let fell = moved()
        .filter(|p| p.delta() < Decimal::ZERO)
        .min_by_key(|p| p.delta());
    let rose = moved()
        .filter(|p| p.delta() > Decimal::ZERO)
        .max_by_key(|p| p.delta());
    for product in fell.into_iter().chain(rose) {
        report.add(told(product, shop));
    }
}

fn told(product: &Product, shop: &Shop) -> Finding {
    let (now, prev) = (&product.now, &product.prev);
    let returned = returns_more(product, shop);
    let gone = now.orders.is_zero();
    let kind = match (gone, prev.paid.is_zero(), product.delta() < Decimal::ZERO) {
        (true, ..) => "product_left",
        (_, true, _) => "product_entered",
        (.., true) => "product_drop",
        _ if returned.is_some() => "product_rise_returned",
        _ => "product_rise",
    };
    let bad = matches!(kind, "product_left" | "product_drop");
    let action = match kind {
        _ if bad => "check_product",
        "product_rise_returned" => "check_rise",
        _ => "keep_product",
    };
    let mut finding = Finding::new(kind)
        .severity(if bad { "warning" } else { "notice" })
        .text_arg("product", &product.name)
        .key_arg("basis", shop.frame.prev_word())
        .arg("paid", now.paid, "money")
        .arg("previous", prev.paid, "money")
        .arg("delta", product.delta(), "money")
        .money(product.delta())
        .confidence(0.8)
        .controllability(if bad { 0.6 } else { 0.4 })
        .action(action, [("product", Arg::text(&product.name))])
        .evidence("products");
    if let Some(pct) = percent(product.delta(), prev.paid) {
        finding = finding.arg("pct", pct, "%");
    }
    finding = match returned {
        Some((own, all)) => finding.arg("rate", own, "%").arg("all", all, "%"),
        None => with_refunds(finding, product),
    };
    with_price(finding, product)
}

/// The refund rates of a product and of the shop, if half as much again of its money comes back: then a rise may be none.
fn returns_more(product: &Product, shop: &Shop) -> Option<(Decimal, Decimal)> {
    let (own, all) = (product.now.refund_rate()?, refund_rate(&shop.now())?);
    (own > all * Decimal::new(15, 1)).then_some((own, all))
}

/// A price within 2 % counts as unchanged.
fn with_price(finding: Finding, product: &Product) -> Finding {
    let (Some(before), Some(after)) = (product.prev.unit_price(), product.now.unit_price()) else {
        return finding;
    };
    let Some(moved) = ratio(after - before, before) else {
        return finding;
    };
    let key = if moved.abs() <= Decimal::new(2, 2) {
        "price_unchanged"
    } else {
        "price_changed"
    };
    finding.excluded(
        key,
        [
            ("before", Arg::new(before, "money")),
            ("after", Arg::new(after, "money")),
        ],
    )
}

fn with_refunds(finding: Finding, product: &Product) -> Finding {
    match (product.now.refund_rate(), product.prev.refund_rate()) {
        (Some(now), Some(prev)) if now <= prev => {
            finding.excluded("refund_normal", [("rate", Arg::new(now, "%"))])
        }
        _ => finding,
    }
}

/// Above the shop's own P90 at equal age, and materially.
fn add_refunds(report: &mut Report, shop: &Shop, params: &Params) {
    let now = shop.now();
    let base = baseline(shop, params, refund_rate);
    let (Some(rate), Some(paid), Some(orders)) = (refund_rate(&now), now.paid, now.orders) else {
        return;
    };
    let (Some(median), Some(high)) = (base.median(), base.quantile(Decimal::new(9, 1))) else {
        return;
    };
    let judged = base.n() >= params.baseline_min && orders >= Decimal::from(params.n_min);
    if !judged || rate <= high || rate - median < params.refund_pp {
        return;
    }
    let money = (rate - median) * paid / Decimal::ONE_HUNDRED;
    report.add(
        Finding::new("refund_high")
            .severity("warning")
            .arg("rate", rate, "%")
            .arg("baseline", median, "%")
            .arg("age", shop.frame.refund_ages().0, "")
            .arg("n", base.n(), "")
            .arg("of", base.of, "")
            .arg("money", money, "money")
            .money(-money)
            .confidence(0.7)
            .controllability(0.5)
            .action("check_refund_reasons", [])
            .evidence("refund_rate"),
    );
}

fn add_caveats(report: &mut Report, shop: &Shop, params: &Params) {
    campaign_caveat(report, shop);
    coverage_caveats(report, shop, params);
    refund_caveat(report, shop);
}

fn campaign_caveat(report: &mut Report, shop: &Shop) {
    let frame = &shop.frame;
    match (
        frame.campaign_in(&frame.now),
        frame.campaign_in(&frame.prev),
    ) {
        (None, Some(name)) => {
            let args = [
                ("campaign", Arg::text(name)),
                ("from", Arg::text(frame.prev.start.to_string())),
            ];
            report.quality(
                "warning",
                "comparable_in_campaign",
                args,
                &["paid_amount", "decomposition"],
            );
        }
        (Some(name), None) => {
            report.quality(
                "info",
                "period_in_campaign",
                [("campaign", Arg::text(name))],
                &["paid_amount", "decomposition"],
            );
        }
        _ => {}
    }
}

fn coverage_caveats(report: &mut Report, shop: &Shop, params: &Params) {
    let frame = &shop.frame;
    let base = baseline(shop, params, |f| f.paid);
    if base.n() < base.of && frame.now.len() % 7 <= 1 {
        report.quality(
            "info",
            "baseline_short",
            [("n", Arg::new(base.n(), "")), ("of", Arg::new(base.of, ""))],
            &["paid_amount"],
        );
    }
    if !shop.reaches_prev() {
        report.quality("info", "previous_out_of_reach", [], &["paid_amount"]);
    }
    let (have, need) = (shop.days_with_orders(&frame.now), frame.now.len());
    if have > 0 && i32::try_from(have).is_ok_and(|have| have < need) {
        report.quality(
            "warning",
            "days_short",
            [("have", Arg::new(have, "")), ("need", Arg::new(need, ""))],
            &["paid_amount"],
        );
    }
    let cover = shop
        .now()
        .buyers
        .and_then(|b| percent(b.orders_with_buyer, b.orders));
    if let Some(share) =
        cover.filter(|share| *share >= params.buyer_cover_pct && *share < Decimal::ONE_HUNDRED)
    {
        report.quality(
            "info",
            "buyer_cover",
            [("share", Arg::new(share, "%"))],
            &["buyers", "aov"],
        );
    }
}

fn refund_caveat(report: &mut Report, shop: &Shop) {
    match shop.refunds {
        Refunds::Unlinked => {
            report.quality(
                "info",
                "refunds_unlinked",
                [],
                &["net_amount", "refund_amount", "refund_rate"],
            );
        }
        Refunds::Known(_) => {
            let age = Arg::new(shop.frame.refund_ages().0, "");
            report.quality(
                "info",
                "refund_age",
                [("age", age)],
                &["net_amount", "refund_amount", "refund_rate"],
            );
        }
        Refunds::Absent | Refunds::Empty => {}
    }
}
