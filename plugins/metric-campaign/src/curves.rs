//! The campaign as curves: by day with its baseline, aligned with the last one, and the way from paid to kept.

use crate::Params;
use crate::figures::before;
use crate::shop::{Day, Shop, Sums};
use chenbao_plugin::{Cell, Report, Series};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{ratio, settle};
use rust_decimal::Decimal;

/// Days shown before the campaign.
const LEAD: i32 = 14;

/// Adds all curves.
pub(crate) fn add(report: &mut Report, shop: &Shop, params: &Params, now: &Sums) {
    let mut daily = Series::time("daily")
        .line("paid", "money")
        .line("baseline", "money")
        .shape("daily")
        .clock("pay");
    let first = shop
        .days
        .start
        .checked_sub(LEAD.days())
        .unwrap_or(shop.days.start);
    for day in first.series(1.day()).take_while(|day| *day < shop.days.end) {
        daily.add(
            day.to_string(),
            [
                shop.day(day).map(Day::paid),
                shop.baseline(day, day.min(shop.days.start)),
            ],
        );
    }
    report.add(daily);
    add_aligned(report, shop);
    add_bridge(report, shop, params, now);
}

/// This campaign and the last one of its type, day by day from their first days on.
fn add_aligned(report: &mut Report, shop: &Shop) {
    let of = |start: Date, i: i32| start.checked_add(i.days()).ok();
    let mut cumulative = Series::number("cumulative")
        .line("now", "money")
        .line("last", "money")
        .clock("pay");
    let mut multiple = Series::number("multiple")
        .line("now", "x")
        .line("last", "x")
        .clock("pay")
        .formula("paid / baseline of the day");
    let mut sums = [
        Some(Decimal::ZERO),
        shop.last.as_ref().map(|_| Decimal::ZERO),
    ];
    let times = |day: Date, start: Date| {
        shop.day(day)
            .zip(shop.baseline(day, start))
            .and_then(|(day, base)| ratio(day.paid(), base))
    };
    for i in 0..shop.days.len() {
        let today = of(shop.days.start, i);
        let then = shop
            .last
            .as_ref()
            .and_then(|last| of(last.days.start, i).filter(|day| last.days.holds(*day)));
        for (sum, day) in sums.iter_mut().zip([today, then]) {
            *sum = sum
                .zip(day.and_then(|day| shop.day(day)))
                .map(|(sum, day)| sum + day.paid());
        }
        cumulative.add(i + 1, sums);
        let last_start = shop.last.as_ref().map(|last| last.days.start);
        multiple.add(
            i + 1,
            [
                today.and_then(|day| times(day, shop.days.start)),
                then.zip(last_start)
                    .and_then(|(day, start)| times(day, start)),
            ],
        );
    }
    report.add(cumulative).add(multiple);
}

/// From what was paid to what is kept above ordinary days: minus the baseline, minus what people held back before, minus the
/// refunds above those that the baseline would have had at the same age.
fn add_bridge(report: &mut Report, shop: &Shop, params: &Params, now: &Sums) {
    let series = Series::category("bridge")
        .line("amount", "money")
        .shape("waterfall")
        .clock("pay");
    let series = series.formula("paid - baseline + min(0, paid - baseline before) - (refunds - baseline x ordinary refund rate)");
    let Some(against) = shop
        .against(&shop.days, shop.days.start)
        .filter(|a| a.days == now.days)
    else {
        let have = shop
            .against(&shop.days, shop.days.start)
            .map_or(0, |a| a.days);
        report.add(series.missing_of("baseline_short", have, now.days));
        return;
    };
    let held = before(shop, params)
        .and_then(|block| shop.against(&block, block.start))
        .map_or(Decimal::ZERO, |b| b.gap().min(Decimal::ZERO));
    let extra = shop.refund(&shop.days).zip(shop.ordinary_refund_rate());
    let extra = extra.map(|(refund, rate)| refund - against.baseline * rate / Decimal::ONE_HUNDRED);
    let parts = [
        ("baseline", -against.baseline),
        ("before", held),
        ("refunds", -extra.unwrap_or_default()),
    ];
    let kept = metric_kit::round2(now.paid + parts.iter().map(|(_, part)| *part).sum::<Decimal>());
    let amounts: Vec<Decimal> = parts.iter().map(|(_, part)| *part).collect();
    let mut series = series.point(Cell::key("paid"), [now.paid]);
    for ((key, _), part) in parts.iter().zip(settle(&amounts, kept - now.paid)) {
        if !part.is_zero() {
            series = series.point(Cell::key(key), [part]);
        }
    }
    report.add(series.point(Cell::key("kept"), [kept]));
}
