//! What the campaign says: outcome against plan and ordinary days, the phases that made it, refunds, and what to do next time.

use crate::Params;
use crate::figures::{before, planned};
use crate::shop::{Shop, Sums};
use crate::tables::Product;
use chenbao_plugin::{Arg, Finding, Report};
use metric_kit::percent;
use rust_decimal::Decimal;

/// A product's excess refunds are told from one in this many of the campaign's paid amount on.
const PART: i64 = 200;

/// Orders of a product below which its refund rate is not told.
const FEW: i64 = 30;

/// Adds all findings.
pub(crate) fn add(
    report: &mut Report,
    shop: &Shop,
    params: &Params,
    now: &Sums,
    products: &[Product],
) {
    add_result(report, shop, now);
    add_uplift(report, shop, now);
    add_phases(report, shop);
    add_last(report, shop, params, now);
    add_before(report, shop, params, now);
    add_products(report, shop, params, (now, products));
}

fn add_result(report: &mut Report, shop: &Shop, now: &Sums) {
    let told = |kind: &str| {
        Finding::new(kind)
            .text_arg("campaign", &shop.name)
            .arg("paid", now.paid, "money")
            .confidence(1.0)
            .controllability(0.1)
    };
    report.add(
        match planned(shop).and_then(|plan| Some((plan, percent(now.paid, plan)?))) {
            Some((plan, attained)) => told("campaign_result")
                .arg("attainment", attained, "%")
                .arg("gap", now.paid - plan, "money")
                .money(now.paid - plan)
                .severity(if now.paid < plan { "warning" } else { "notice" })
                .evidence("plan_attainment"),
            None => told("campaign_level")
                .money(now.paid)
                .evidence("paid_amount"),
        },
    );
}

fn add_uplift(report: &mut Report, shop: &Shop, now: &Sums) {
    let Some(against) = shop
        .against(&shop.days, shop.days.start)
        .filter(|a| a.days == now.days)
    else {
        return;
    };
    report.add(
        Finding::new("uplift")
            .arg("uplift", against.gap(), "money")
            .arg("baseline", against.baseline, "money")
            .money(against.gap())
            .confidence(0.8)
            .controllability(0.1)
            .excluded("other_days", [])
            .evidence("uplift_amount"),
    );
}

/// The phase furthest below its plan, and the one furthest above.
fn add_phases(report: &mut Report, shop: &Shop) {
    let over = shop
        .phases
        .iter()
        .filter(|phase| phase.days.end <= shop.days.end);
    let gaps: Vec<_> = over
        .filter_map(|phase| Some((phase, phase.plan?, shop.sums(&phase.days)?.paid)))
        .collect();
    let short = gaps
        .iter()
        .filter(|(_, plan, paid)| paid < plan)
        .min_by_key(|(_, plan, paid)| *paid - *plan);
    let ahead = gaps
        .iter()
        .filter(|(_, plan, paid)| paid > plan)
        .max_by_key(|(_, plan, paid)| *paid - *plan);
    for (kind, severity, action, found) in [
        ("phase_short", "warning", "plan_phase", short),
        ("phase_ahead", "notice", "repeat_phase", ahead),
    ] {
        let Some((phase, plan, paid)) = found else {
            continue;
        };
        let finding = Finding::new(kind)
            .severity(severity)
            .text_arg("phase", &phase.name)
            .arg("paid", *paid, "money")
            .arg("plan", *plan, "money")
            .arg("gap", *paid - *plan, "money")
            .money(*paid - *plan)
            .confidence(0.8)
            .controllability(0.5)
            .action(action, [("phase", Arg::text(&phase.name))])
            .evidence("phases");
        report.add(finding);
    }
}

fn add_last(report: &mut Report, shop: &Shop, params: &Params, now: &Sums) {
    let Some((last, sums)) = shop.last_sums() else {
        return;
    };
    if let Some(pct) = percent(now.paid - sums.paid, sums.paid) {
        report.add(
            Finding::new("versus_last")
                .text_arg("last", &last.name)
                .arg("before", sums.paid, "money")
                .arg("pct", pct, "%")
                .arg("delta", now.paid - sums.paid, "money")
                .money(now.paid - sums.paid)
                .confidence(0.9)
                .controllability(0.1)
                .evidence("cumulative"),
        );
    }
    let (Some(rate), Some(earlier)) = (shop.refund_rate(&shop.days), shop.refund_rate(&last.days))
    else {
        return;
    };
    if rate - earlier < params.refund_pp {
        return;
    }
    let money = (rate - earlier) * now.paid / Decimal::ONE_HUNDRED;
    report.add(
        Finding::new("refund_up")
            .severity("warning")
            .text_arg("last", &last.name)
            .arg("age", shop.age(), "")
            .arg("rate", rate, "%")
            .arg("before", earlier, "%")
            .arg("money", money, "money")
            .money(-money)
            .confidence(0.7)
            .controllability(0.5)
            .excluded("same_age", [("age", Arg::new(shop.age(), ""))])
            .action("check_refunds", [])
            .evidence("refund_rate"),
    );
}

/// People who waited: the days before below their baseline, by 2 % of the campaign or more.
fn add_before(report: &mut Report, shop: &Shop, params: &Params, now: &Sums) {
    let Some(against) = before(shop, params).and_then(|block| shop.against(&block, block.start))
    else {
        return;
    };
    if against.gap() >= Decimal::ZERO || against.gap().abs() * Decimal::from(50) < now.paid {
        return;
    }
    report.add(
        Finding::new("pull_forward_seen")
            .severity("warning")
            .arg("days", against.days, "")
            .arg("paid", against.paid, "money")
            .arg("baseline", against.baseline, "money")
            .arg("gap", against.gap(), "money")
            .money(against.gap())
            .confidence(0.5)
            .controllability(0.4)
            .excluded("other_days", [])
            .action("start_earlier", [])
            .evidence("pull_forward"),
    );
}

/// The product that sent back most above the campaign's own rate.
fn add_products(
    report: &mut Report,
    shop: &Shop,
    params: &Params,
    (now, products): (&Sums, &[Product]),
) {
    let Some(all) = shop.refund_rate(&shop.days) else {
        return;
    };
    let excess = |product: &Product| {
        let rate = product.refund_rate().filter(|rate| {
            *rate - all >= params.refund_pp && product.orders >= Decimal::from(FEW)
        })?;
        Some((rate, (rate - all) * product.paid / Decimal::ONE_HUNDRED))
    };
    let worst = products
        .iter()
        .filter_map(|p| excess(p).map(|(rate, money)| (p, rate, money)))
        .max_by_key(|(.., money)| *money);
    let Some((product, rate, money)) =
        worst.filter(|(.., money)| *money * Decimal::from(PART) >= now.paid)
    else {
        return;
    };
    report.add(
        Finding::new("product_refunds_high")
            .severity("warning")
            .text_arg("product", &product.name)
            .arg("paid", product.paid, "money")
            .arg("age", shop.age(), "")
            .arg("rate", rate, "%")
            .arg("all", all, "%")
            .arg("money", money, "money")
            .money(-money)
            .confidence(0.7)
            .controllability(0.7)
            .action("drop_product", [("product", Arg::text(&product.name))])
            .evidence("products"),
    );
}
