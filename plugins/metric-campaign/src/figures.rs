//! Figures of the campaign, each against plan, ordinary days and the last campaign of its type.

use crate::Params;
use crate::shop::{Shop, Sums};
use chenbao_plugin::{Arg, Report, Scalar};
use jiff::ToSpan;
use metric_kit::{Block, percent, ratio};
use rust_decimal::Decimal;

/// Ids and units, for when there is no campaign.
pub(crate) const SCALARS: &[(&str, &str)] = &[
    ("paid_amount", "money"),
    ("plan_attainment", "%"),
    ("baseline_amount", "money"),
    ("uplift_amount", "money"),
    ("net_amount", "money"),
    ("refund_rate", "%"),
    ("orders", "{order}"),
    ("order_value", "money"),
    ("pull_forward", "money"),
];

/// Adds all figures; `now` are the sums of the campaign's days so far.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params, now: &Sums) {
    let last = shop.last_sums();
    let of_last =
        |value: fn(&Sums) -> Option<Decimal>| last.as_ref().and_then(|(_, sums)| value(sums));
    let against = shop.against(&shop.days, shop.days.start);
    let whole_baseline = against.filter(|a| a.days == now.days);

    let mut paid = Scalar::new("paid_amount", "money")
        .formula("sum(pay_amount) by paid_at")
        .clock("pay")
        .better_up();
    paid = paid
        .value(now.paid)
        .spark("daily.paid")
        .compare("plan", planned(shop));
    paid = paid
        .compare("baseline", whole_baseline.map(|a| a.baseline))
        .compare("last_campaign", of_last(|s| Some(s.paid)));
    report.add(match &shop.last {
        Some(span) if last.is_some() => paid.note("last", [("last", Arg::text(&span.name))]),
        _ => paid,
    });

    let attained = Scalar::new("plan_attainment", "%")
        .formula("paid_amount / plan of the days so far")
        .clock("pay")
        .better_up();
    report.add(match planned(shop) {
        None => attained.missing("not_applicable"),
        Some(plan) => attained
            .value_or(percent(now.paid, plan), "undefined")
            .denominator("plan")
            .note("plan", [("plan", Arg::new(plan, "money"))]),
    });
    add_baseline(report, shop, now);
    add_refunds(report, shop, now);

    let orders = Scalar::new("orders", "{order}")
        .formula("count(distinct order_id) by paid_at")
        .clock("pay")
        .better_up();
    report.add(
        orders
            .value(now.orders)
            .compare("last_campaign", of_last(|s| Some(s.orders))),
    );
    let value = |sums: &Sums| ratio(sums.paid, sums.orders);
    let item = Scalar::new("order_value", "money")
        .formula("paid_amount / orders")
        .clock("pay")
        .denominator("orders");
    report.add(
        item.value_or(value(now), "undefined")
            .compare("last_campaign", of_last(|s| ratio(s.paid, s.orders))),
    );
    add_before(report, shop, params);
}

/// The plan of the days so far: the whole plan once the campaign is over, else that of the phases that are over.
pub(crate) fn planned(shop: &Shop) -> Option<Decimal> {
    if shop.days.end >= shop.whole.end {
        return shop.plan;
    }
    let over: Vec<Decimal> = shop
        .phases
        .iter()
        .filter(|phase| phase.days.end <= shop.days.end)
        .map(|phase| phase.plan)
        .collect::<Option<_>>()?;
    let covered = shop
        .phases
        .iter()
        .filter(|phase| phase.days.end <= shop.days.end)
        .map(|phase| phase.days.end)
        .max()?;
    (covered == shop.days.end).then(|| over.iter().sum())
}

fn add_baseline(report: &mut Report, shop: &Shop, now: &Sums) {
    let against = shop.against(&shop.days, shop.days.start);
    let base = Scalar::new("baseline_amount", "money").clock("pay").formula("for each day the median of up to 8 same weekdays before the campaign, campaign days left out");
    let uplift = Scalar::new("uplift_amount", "money")
        .clock("pay")
        .better_up()
        .formula("paid_amount - baseline_amount, over the days that have a baseline");
    let Some(against) = against else {
        report
            .add(base.missing_of("baseline_short", 0, now.days))
            .add(uplift.missing_of("baseline_short", 0, now.days));
        return;
    };
    let note = || {
        [
            ("n", Arg::new(against.days, "")),
            ("of", Arg::new(now.days, "")),
        ]
    };
    let before = shop
        .last_sums()
        .and_then(|(last, _)| shop.against(&last.days, last.days.start));
    report.add(base.value(against.baseline).note("baseline", note()));
    report.add(
        uplift
            .value(against.gap())
            .note("baseline", note())
            .compare("last_campaign", before.map(|b| b.gap())),
    );
    if against.days < now.days {
        let args = [
            ("short", Arg::new(now.days - against.days, "")),
            ("min", Arg::new(shop.least_samples(), "")),
        ];
        report.quality(
            "warning",
            "baseline_short",
            args,
            &["baseline_amount", "uplift_amount"],
        );
    }
}

fn add_refunds(report: &mut Report, shop: &Shop, now: &Sums) {
    let age = shop.age();
    let net = Scalar::new("net_amount", "money")
        .formula("paid_amount - refunds up to the refund age")
        .clock("pay")
        .better_up();
    let rate = Scalar::new("refund_rate", "%")
        .formula("refunds up to the refund age / paid_amount")
        .clock("pay")
        .better_down();
    let Some(refund) = shop.refund(&shop.days) else {
        let gone = |item: Scalar| {
            if shop.has_refunds() {
                item.missing("no_rows")
            } else {
                item.missing_of("source_absent", "", "refunds")
            }
        };
        report.add(gone(net)).add(gone(rate));
        return;
    };
    let last = shop.last_sums().and_then(|(last, sums)| {
        Some((
            sums.paid - shop.refund(&last.days)?,
            shop.refund_rate(&last.days)?,
        ))
    });
    let note = || [("age", Arg::new(age, ""))];
    report.add(
        net.value(now.paid - refund)
            .refund_age(age)
            .note("refund_age", note())
            .compare("last_campaign", last.map(|(net, _)| net)),
    );
    let rate = rate
        .value_or(percent(refund, now.paid), "undefined")
        .refund_age(age)
        .note("refund_age", note())
        .denominator("paid_amount");
    report.add(
        rate.n(u64::try_from(now.orders).unwrap_or(0))
            .compare("last_campaign", last.map(|(_, rate)| rate)),
    );
    report.quality("info", "refund_age", note(), &["net_amount", "refund_rate"]);
}

/// The days before the campaign.
pub(crate) fn before(shop: &Shop, params: &Params) -> Option<Block> {
    let start = shop
        .days
        .start
        .checked_sub(i64::from(params.before_days).days())
        .ok()?;
    Some(Block {
        start,
        end: shop.days.start,
    })
}

fn add_before(report: &mut Report, shop: &Shop, params: &Params) {
    let item = Scalar::new("pull_forward", "money")
        .clock("pay")
        .formula("paid - baseline over the days before the campaign");
    let against = before(shop, params).and_then(|block| shop.against(&block, block.start));
    report.add(match against {
        Some(against) => item
            .value(against.gap())
            .note("before_days", [("days", Arg::new(against.days, ""))]),
        None => item.missing_of("baseline_short", 0, params.before_days),
    });
}
