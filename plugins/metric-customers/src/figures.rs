//! New and returning buyers: figures of the period, their history, and the sentence about them.

use chenbao_plugin::{Finding, Report, Result, Rows, Scalar, Series};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{Baseline, Frame, percent};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Ids and units, for when they are absent.
pub(crate) const SCALARS: &[(&str, &str)] = &[
    ("buyers", "{buyer}"),
    ("new_buyers", "{buyer}"),
    ("returning_buyers", "{buyer}"),
    ("new_share", "%"),
    ("returning_amount", "money"),
    ("returning_amount_share", "%"),
];

#[derive(Debug, Clone, Copy, Deserialize)]
struct Span {
    buyers: Option<Decimal>,
    new_buyers: Option<Decimal>,
    paid: Option<Decimal>,
    returning_paid: Option<Decimal>,
    orders: Option<Decimal>,
    orders_with_buyer: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct Row {
    span: String,
    pay_day: Date,
    #[serde(flatten)]
    span_of: Span,
}

/// Counts of one day or period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    buyers: Decimal,
    new: Decimal,
    paid: Decimal,
    returning_paid: Decimal,
}

impl Counts {
    fn of(span: &Span) -> Option<Self> {
        let buyers = span.buyers.filter(|buyers| !buyers.is_zero())?;
        Some(Self {
            buyers,
            new: span.new_buyers.unwrap_or_default(),
            paid: span.paid.unwrap_or_default(),
            returning_paid: span.returning_paid.unwrap_or_default(),
        })
    }

    fn value(&self, id: &str) -> Option<Decimal> {
        match id {
            "buyers" => Some(self.buyers),
            "new_buyers" => Some(self.new),
            "returning_buyers" => Some(self.buyers - self.new),
            "new_share" => percent(self.new, self.buyers),
            "returning_amount" => Some(self.returning_paid),
            _ => percent(self.returning_paid, self.paid),
        }
    }
}

/// Counts by day, of the period and of the comparable one.
#[derive(Debug)]
pub(crate) struct Spans {
    days: BTreeMap<Date, Counts>,
    now: Option<Counts>,
    prev: Option<Counts>,
    cover: Option<Decimal>,
}

impl Spans {
    /// Share of the period's orders that name their buyer; none without orders.
    pub(crate) fn cover(&self) -> Option<Decimal> {
        self.cover
    }
}

pub(crate) fn read(rows: Rows) -> Result<Spans> {
    let rows: Vec<Row> = rows.read()?;
    let one = |name: &str| {
        rows.iter()
            .find(|row| row.span == name)
            .map(|row| &row.span_of)
    };
    let days = rows.iter().filter(|row| row.span == "day");
    Ok(Spans {
        days: days
            .filter_map(|row| Some((row.pay_day, Counts::of(&row.span_of)?)))
            .collect(),
        now: one("now").and_then(Counts::of),
        prev: one("prev").and_then(Counts::of),
        cover: one("cover").and_then(|span| crate::cover(span.orders?, span.orders_with_buyer?)),
    })
}

pub(crate) fn add(report: &mut Report, frame: &Frame, spans: &Spans) {
    for (id, unit) in SCALARS {
        report.add(scalar(id, unit, frame, spans));
    }
    let mut history = Series::time("history").shape("daily").clock("pay");
    for (id, unit) in SCALARS {
        history = history.line(id, unit);
    }
    let first = frame
        .now
        .end
        .checked_sub(35.days())
        .unwrap_or(frame.now.start);
    for day in first.series(1.day()).take_while(|day| *day < frame.now.end) {
        let counts = spans.days.get(&day);
        history.add(
            day.to_string(),
            SCALARS
                .iter()
                .map(|(id, _)| counts.and_then(|counts| counts.value(id))),
        );
    }
    report.add(history);
    add_change(report, frame, spans);
}

fn scalar(id: &str, unit: &str, frame: &Frame, spans: &Spans) -> Scalar {
    let item = Scalar::new(id, unit).clock("pay").formula(formula(id));
    let Some(value) = spans.now.and_then(|now| now.value(id)) else {
        return item.missing("undefined");
    };
    let mut item = item
        .value(value)
        .spark(&format!("history.{id}"))
        .compare(frame.basis(), spans.prev.and_then(|prev| prev.value(id)));
    if frame.is_day() {
        let earliest = spans.days.keys().next().copied().unwrap_or(frame.now.start);
        let blocks = frame.samples(8, earliest);
        let values = blocks
            .iter()
            .filter_map(|block| spans.days.get(&block.start)?.value(id))
            .collect();
        let base = Baseline { values, of: 8 };
        if base.n() >= 4 {
            item = item
                .compare("weekday_median", base.median())
                .n_of(base.n(), base.of);
        }
    }
    item = match id {
        "new_buyers" | "new_share" => item.note("scope", []),
        _ => item,
    };
    match id {
        "new_share" => item.denominator("buyers").n(spans
            .now
            .and_then(|n| u64::try_from(n.buyers).ok())
            .unwrap_or(0)),
        "returning_amount_share" => item.denominator("paid amount of orders with a buyer"),
        "returning_buyers" | "returning_amount" => item.better_up(),
        "buyers" | "new_buyers" => item.better_up(),
        _ => item,
    }
}

fn formula(id: &str) -> &'static str {
    match id {
        "buyers" => "count(distinct buyer)",
        "new_buyers" => "buyers whose first paid order in this shop lies in the period",
        "returning_buyers" => "buyers - new_buyers",
        "new_share" => "new_buyers / buyers",
        "returning_amount" => "paid amount of buyers who paid before the period",
        _ => "returning_amount / paid amount of orders with a buyer",
    }
}

fn add_change(report: &mut Report, frame: &Frame, spans: &Spans) {
    let (Some(now), Some(prev)) = (spans.now, spans.prev) else {
        return;
    };
    let (Some(share), Some(before)) = (now.value("new_share"), prev.value("new_share")) else {
        return;
    };
    let delta = now.returning_paid - prev.returning_paid;
    report.add(
        Finding::new("new_change")
            .arg("new_buyers", now.new, "{buyer}")
            .arg("share", share, "%")
            .key_arg("basis", frame.prev_word())
            .arg("before_buyers", prev.new, "{buyer}")
            .arg("before_share", before, "%")
            .arg("returning", now.returning_paid, "money")
            .arg("delta", delta, "money")
            .money(delta)
            .confidence(0.9)
            .controllability(0.2)
            .evidence("new_share")
            .evidence("returning_amount"),
    );
}
