//! The campaign and the shop's days: what was paid, what an ordinary day pays, and what went back at a given age.

use chenbao_plugin::{CampaignArgs, CampaignDays, Cx, Inputs, Result, bad_data};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{Block, Frame, median, percent};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::Params;

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Day {
    pay_day: Date,
    paid: Option<Decimal>,
    pub(crate) orders: Decimal,
}

impl Day {
    pub(crate) fn paid(&self) -> Decimal {
        self.paid.unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
struct RefundRow {
    pay_day: Date,
    age: i64,
    amount: Option<Decimal>,
}

/// Age and amount of each refund, by the pay day of its order.
type Refunds = BTreeMap<Date, Vec<(i64, Decimal)>>;

/// A part of a campaign with its plan.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) name: String,
    pub(crate) days: Block,
    pub(crate) plan: Option<Decimal>,
}

/// A campaign's name and days.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) days: Block,
}

/// Everything that is known of the campaign.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) frame: Frame,
    pub(crate) name: String,
    /// Its days up to the period's end.
    pub(crate) days: Block,
    /// All its days.
    pub(crate) whole: Block,
    pub(crate) phases: Vec<Phase>,
    pub(crate) plan: Option<Decimal>,
    pub(crate) last: Option<Span>,
    by_day: BTreeMap<Date, Day>,
    refunds: Option<Refunds>,
    samples: (u32, u32),
}

/// Sums over some days of a campaign.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) paid: Decimal,
    pub(crate) orders: Decimal,
    pub(crate) days: u32,
}

/// An ordinary run of the same days: what it would have paid, and what was paid on the days that have such a figure.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Against {
    pub(crate) baseline: Decimal,
    pub(crate) paid: Decimal,
    pub(crate) days: u32,
}

impl Against {
    pub(crate) fn gap(&self) -> Decimal {
        self.paid - self.baseline
    }
}

fn date(text: &str) -> Result<Date> {
    text.parse()
        .map_err(|e| bad_data(format!("`{text}` is not a day: {e}")))
}

fn block(first: &str, last: &str) -> Result<Block> {
    Ok(Block {
        start: date(first)?,
        end: date(last)?
            .tomorrow()
            .map_err(|e| bad_data(e.to_string()))?,
    })
}

fn money(text: &Option<String>) -> Result<Option<Decimal>> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|e| bad_data(format!("`{text}` is not an amount: {e}")))
    };
    text.as_ref().map(parse).transpose()
}

impl Shop {
    pub(crate) fn read(
        inputs: &mut Inputs,
        campaign: &CampaignArgs,
        cx: &Cx<'_>,
        params: &Params,
    ) -> Result<Self> {
        let frame = Frame::of(cx)?;
        let phases: Vec<Phase> = campaign
            .phases
            .iter()
            .map(|p| {
                Ok(Phase {
                    name: p.name.clone(),
                    days: block(&p.starts_on, &p.ends_on)?,
                    plan: money(&p.plan)?,
                })
            })
            .collect::<Result<_>>()?;
        let whole = whole(campaign, &cx.context.campaigns, &phases)?.unwrap_or(frame.now);
        let days: Vec<Day> = inputs.take("days")?.read()?;
        let plans: Option<Decimal> = phases.iter().map(|phase| phase.plan).sum();
        let last = campaign.last.as_ref().map(|last| -> Result<Span> {
            Ok(Span {
                name: last.name.clone(),
                days: block(&last.starts_on, &last.ends_on)?,
            })
        });
        Ok(Self {
            name: campaign.name.clone(),
            days: Block {
                start: whole.start,
                end: whole.end.min(frame.now.end),
            },
            whole,
            plan: money(&campaign.plan)?.or(plans.filter(|_| !phases.is_empty())),
            last: last.transpose()?,
            by_day: days.into_iter().map(|day| (day.pay_day, day)).collect(),
            refunds: refunds(inputs)?,
            samples: (params.baseline_days.min(8), params.baseline_min),
            phases,
            frame,
        })
    }

    pub(crate) fn day(&self, day: Date) -> Option<&Day> {
        self.by_day.get(&day)
    }

    /// Sums of the days that are there; none if there is none.
    pub(crate) fn sums(&self, block: &Block) -> Option<Sums> {
        let add = |sum: Sums, day: &Day| Sums {
            paid: sum.paid + day.paid(),
            orders: sum.orders + day.orders,
            days: sum.days + 1,
        };
        let none = Sums {
            paid: Decimal::ZERO,
            orders: Decimal::ZERO,
            days: 0,
        };
        Some(
            self.by_day
                .range(block.start..block.end)
                .map(|(_, day)| day)
                .fold(none, add),
        )
        .filter(|sums| sums.days > 0)
    }

    /// The same weekdays before a day and before `before`, newest first, campaign days left out.
    fn comparable(&self, day: Date, before: Date) -> impl Iterator<Item = &Day> {
        let week = move |k: i32| day.checked_sub((7 * k).days()).ok();
        let earlier = (1..=60)
            .filter_map(week)
            .filter(move |day| *day < before)
            .take(usize::try_from(self.samples.0).unwrap_or(0));
        earlier
            .filter(|day| !self.frame.in_campaign(*day))
            .filter_map(|day| self.by_day.get(&day))
    }

    /// How many comparable days make a baseline.
    pub(crate) fn least_samples(&self) -> u32 {
        self.samples.1
    }

    /// What such a day pays when there is no campaign: the median, if enough days make it.
    pub(crate) fn baseline(&self, day: Date, before: Date) -> Option<Decimal> {
        let values: Vec<Decimal> = self.comparable(day, before).map(Day::paid).collect();
        let enough = u32::try_from(values.len()).is_ok_and(|n| n >= self.samples.1);
        if enough { median(&values) } else { None }
    }

    /// The block against ordinary days before `before`.
    pub(crate) fn against(&self, block: &Block, before: Date) -> Option<Against> {
        let mut sum = Against::default();
        for day in block.days() {
            if let (Some(paid), Some(baseline)) =
                (self.day(day).map(Day::paid), self.baseline(day, before))
            {
                sum = Against {
                    baseline: sum.baseline + baseline,
                    paid: sum.paid + paid,
                    days: sum.days + 1,
                };
            }
        }
        Some(sum).filter(|sum| sum.days > 0)
    }

    /// The age at which refunds are cut: that of the youngest orders.
    pub(crate) fn age(&self) -> i64 {
        self.frame.age_at(self.days.end).min(60)
    }

    /// Money back for the block's orders up to the age.
    pub(crate) fn refund(&self, block: &Block) -> Option<Decimal> {
        let age = self.age();
        let known = self.refunds.as_ref().filter(|known| !known.is_empty())?;
        let of = |list: &Vec<(i64, Decimal)>| {
            list.iter()
                .filter(|(at, _)| *at <= age)
                .map(|(_, amount)| *amount)
                .sum::<Decimal>()
        };
        Some(
            known
                .range(block.start..block.end)
                .map(|(_, list)| of(list))
                .sum(),
        )
    }

    pub(crate) fn refund_rate(&self, block: &Block) -> Option<Decimal> {
        percent(self.refund(block)?, self.sums(block)?.paid)
    }

    /// Whether a source gives refunds at all.
    pub(crate) fn has_refunds(&self) -> bool {
        self.refunds.is_some()
    }

    /// The refund rate of the ordinary days that make the baseline, at the same age.
    pub(crate) fn ordinary_refund_rate(&self) -> Option<Decimal> {
        let mut sums = (Decimal::ZERO, Decimal::ZERO);
        for day in self
            .days
            .days()
            .flat_map(|day| self.comparable(day, self.days.start))
        {
            let end = day.pay_day.tomorrow().ok()?;
            sums.0 += self.refund(&Block {
                start: day.pay_day,
                end,
            })?;
            sums.1 += day.paid();
        }
        percent(sums.0, sums.1)
    }

    /// The last campaign cut to as many days as this one has had.
    pub(crate) fn last_so_far(&self) -> Option<Span> {
        let last = self.last.as_ref()?;
        let end = last.days.start.checked_add(self.days.len().days()).ok()?;
        Some(Span {
            name: last.name.clone(),
            days: Block {
                start: last.days.start,
                end: end.min(last.days.end),
            },
        })
    }

    /// Its name and sums, where every one of those days is there: half a campaign is no comparison.
    pub(crate) fn last_sums(&self) -> Option<(Span, Sums)> {
        let last = self.last_so_far()?;
        let sums = self.sums(&last.days)?;
        (i64::from(sums.days) == i64::from(last.days.len())).then_some((last, sums))
    }

    pub(crate) fn phase_of(&self, day: Date) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.days.holds(day))
    }
}

/// The campaign's days as configured, else from its first phase to its last.
fn whole(campaign: &CampaignArgs, all: &[CampaignDays], phases: &[Phase]) -> Result<Option<Block>> {
    if let Some(days) = all.iter().find(|days| days.id == campaign.id) {
        return block(&days.starts_on, &days.ends_on).map(Some);
    }
    let start = phases.iter().map(|phase| phase.days.start).min();
    let end = phases.iter().map(|phase| phase.days.end).max();
    Ok(start.zip(end).map(|(start, end)| Block { start, end }))
}

fn refunds(inputs: &mut Inputs) -> Result<Option<Refunds>> {
    let Some(rows) = inputs.optional("refunds") else {
        return Ok(None);
    };
    let mut out = Refunds::new();
    for row in rows.read::<RefundRow>()? {
        if let Some(amount) = row.amount {
            out.entry(row.pay_day).or_default().push((row.age, amount));
        }
    }
    Ok(Some(out))
}
