//! The funnel: each step against its own comparable days, and the first that is broken.

use crate::Params;
use crate::rows::{Counts, Shop};
use chenbao_plugin::{Cell, Report, Table};
use metric_kit::{Baseline, ratio};
use rust_decimal::Decimal;

/// One step: how many passed it, of how many.
pub(crate) struct Step {
    pub(crate) key: &'static str,
    /// The word for its rate.
    pub(crate) rate_key: &'static str,
    passed: fn(&Counts) -> Option<Decimal>,
    of: fn(&Counts) -> Option<Decimal>,
    pub(crate) rate: fn(&Counts) -> Option<Decimal>,
}

pub(crate) const STEPS: [Step; 3] = [
    Step {
        key: "click",
        rate_key: "click_rate",
        passed: |c| Some(c.clicks),
        of: |c| Some(c.seen),
        rate: Counts::click_rate,
    },
    Step {
        key: "order",
        rate_key: "click_to_pay",
        passed: |c| c.orders,
        of: |c| Some(c.clicks),
        rate: Counts::click_to_pay,
    },
    Step {
        key: "kept",
        rate_key: "kept_rate",
        passed: |c| c.kept,
        of: |c| c.orders,
        rate: Counts::kept_rate,
    },
];

/// What a step's rate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Normal,
    Warning,
    Critical,
    NotJudged,
    BaselineShort,
}

/// A step of the period with its baseline.
pub(crate) struct Judged {
    pub(crate) step: &'static Step,
    pub(crate) count: Option<Decimal>,
    pub(crate) of: Option<Decimal>,
    pub(crate) rate: Option<Decimal>,
    pub(crate) base: Baseline,
    pub(crate) verdict: Verdict,
}

impl Judged {
    pub(crate) fn broken(&self) -> bool {
        matches!(self.verdict, Verdict::Warning | Verdict::Critical)
    }

    /// How much less passed than at the median, as a share of those who came.
    pub(crate) fn gap(&self) -> Option<Decimal> {
        Some(self.base.median()? - self.rate?)
    }

    /// Money that did not come: the gap, times those who came, times what the later steps keep of it, times an order.
    pub(crate) fn lost(&self, now: &Counts) -> Option<Decimal> {
        let missing = self.gap()? * self.of? / Decimal::ONE_HUNDRED;
        let orders = if self.step.key == "click" {
            missing * now.click_to_pay()? / Decimal::ONE_HUNDRED
        } else {
            missing
        };
        Some(orders * now.order_value()?)
    }
}

/// Comparable figures, newest first, campaign days left out.
pub(crate) fn baseline(
    shop: &Shop,
    params: &Params,
    rate: fn(&Counts) -> Option<Decimal>,
) -> Baseline {
    let most = params.baseline_days.min(8);
    let blocks = shop.frame.samples(most, shop.earliest());
    Baseline {
        values: blocks
            .iter()
            .filter_map(|block| rate(&shop.counts(block)?))
            .collect(),
        of: most,
    }
}

/// Every step of the period.
pub(crate) fn judge(shop: &Shop, params: &Params, now: &Counts) -> Vec<Judged> {
    let judged = |step: &'static Step| {
        let (rate, of) = ((step.rate)(now), (step.of)(now));
        let base = baseline(shop, params, step.rate);
        let verdict = verdict(rate, of, &base, params);
        Judged {
            step,
            count: (step.passed)(now),
            of,
            rate,
            base,
            verdict,
        }
    };
    STEPS.iter().map(judged).collect()
}

/// Below its own quantile, materially, and with enough cases: otherwise nothing is said.
pub(crate) fn verdict(
    rate: Option<Decimal>,
    of: Option<Decimal>,
    base: &Baseline,
    params: &Params,
) -> Verdict {
    let (Some(rate), Some(of)) = (rate, of) else {
        return Verdict::NotJudged;
    };
    if of < Decimal::from(params.n_min) {
        return Verdict::NotJudged;
    }
    let (Some(median), true) = (base.median(), base.n() >= params.baseline_min) else {
        return Verdict::BaselineShort;
    };
    let fall = ratio(median - rate, median).unwrap_or_default() * Decimal::ONE_HUNDRED;
    let below = |quantile: Decimal| base.quantile(quantile).is_some_and(|edge| rate < edge);
    match (
        fall >= params.material_pct,
        below(params.warn_quantile),
        below(params.critical_quantile),
    ) {
        (true, _, true) => Verdict::Critical,
        (true, true, false) => Verdict::Warning,
        _ => Verdict::Normal,
    }
}

/// The table; only the first broken step is marked, the rest is not shouted.
pub(crate) fn add(report: &mut Report, now: &Counts, steps: &[Judged]) {
    let mut table = Table::new("steps")
        .column("step", "text", "")
        .column("count", "number", "1")
        .column_passport("PV of impressions and clicks, paid orders, paid orders without refund at the refund age", "event")
        .column("rate", "number", "%")
        .column_up()
        .column_passport("count / count of the step before", "event")
        .column("baseline", "number", "%")
        .column_passport("median of the comparable periods, campaign days left out", "event")
        .column("sample", "text", "")
        .column("verdict", "text", "");
    table.add(vec![
        Cell::key("impression"),
        now.seen.into(),
        Cell::null(),
        Cell::null(),
        Cell::null(),
        Cell::key("first_step"),
    ]);
    let first = steps.iter().position(Judged::broken);
    for (i, step) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.count.is_some())
    {
        let verdict = match step.verdict {
            _ if first == Some(i) => "first_break",
            Verdict::Warning | Verdict::Critical => "below",
            Verdict::Normal => "normal",
            Verdict::NotJudged => "not_judged",
            Verdict::BaselineShort => "baseline_short",
        };
        table.add(vec![
            Cell::key(step.step.key),
            step.count.into(),
            step.rate.into(),
            step.base.median().into(),
            format!("{}/{}", step.base.n(), step.base.of).into(),
            Cell::key(verdict),
        ]);
    }
    report.add(match first {
        Some(row) => table.marked(row + 1),
        None => table,
    });
}
