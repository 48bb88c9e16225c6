//! The days that a metric compares: the period, the comparable one, and the same weekdays before without campaigns.

use chenbao_plugin::{Cx, Result, bad_data};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Civil days from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// First day.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
}

impl Block {
    /// Whether the day is inside.
    #[must_use]
    pub fn holds(&self, day: Date) -> bool {
        self.start <= day && day < self.end
    }

    /// How many days.
    #[must_use]
    pub fn len(&self) -> i32 {
        days_between(self.start, self.end)
    }

    /// Whether it has no day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= 0
    }

    /// Its days, in order.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let end = self.end;
        self.start.series(1.day()).take_while(move |day| *day < end)
    }

    fn back(&self, days: i32) -> Option<Self> {
        Some(Self {
            start: self.start.checked_sub(days.days()).ok()?,
            end: self.end.checked_sub(days.days()).ok()?,
        })
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// The period of a computation and what it is held against.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The period.
    pub now: Block,
    /// The comparable one.
    pub prev: Block,
    grain: String,
    as_of: Date,
    campaigns: Vec<(Block, String)>,
}

impl Frame {
    /// Reads it from the call.
    ///
    /// # Errors
    /// A date is not one.
    pub fn of(cx: &Cx<'_>) -> Result<Self> {
        let date = |text: &str| {
            text.parse::<Date>()
                .map_err(|e| bad_data(format!("`{text}` is not a day: {e}")))
        };
        let period = &cx.period;
        let now = Block {
            start: date(&period.start)?,
            end: date(&period.end)?,
        };
        let prev = Block {
            start: date(&period.prev_start)?,
            end: date(&period.prev_end)?,
        };
        let as_of = match cx.context.as_of.split('T').next() {
            None | Some("") => now.end,
            Some(day) => date(day)?,
        };
        let mut campaigns = Vec::new();
        for campaign in &cx.context.campaigns {
            let last = date(&campaign.ends_on)?;
            let end = last.tomorrow().map_err(|e| bad_data(e.to_string()))?;
            campaigns.push((
                Block {
                    start: date(&campaign.starts_on)?,
                    end,
                },
                campaign.name.clone(),
            ));
        }
        Ok(Self {
            now,
            prev,
            grain: period.grain.clone(),
            as_of,
            campaigns,
        })
    }

    /// Whether the period is one day.
    #[must_use]
    pub fn is_day(&self) -> bool {
        self.grain == "day"
    }

    /// The main basis of comparison: `weekday` for a day, else `previous`.
    #[must_use]
    pub fn basis(&self) -> &'static str {
        if self.is_day() { "weekday" } else { "previous" }
    }

    /// The word for the comparable period: `last_sat`, `last_week`, `last_month` or `previous_span`.
    #[must_use]
    pub fn prev_word(&self) -> &'static str {
        let week_before = days_between(self.prev.start, self.now.start) == 7;
        match self.grain.as_str() {
            "day" if week_before => weekday_word(self.prev.start.weekday()),
            "week" if week_before => "last_week",
            "month" => "last_month",
            _ => "previous_span",
        }
    }

    /// The word for the period itself: `this_day`, `this_week`, `this_month` or `this_span`.
    #[must_use]
    pub fn now_word(&self) -> &'static str {
        match self.grain.as_str() {
            "day" => "this_day",
            "week" => "this_week",
            "month" => "this_month",
            _ => "this_span",
        }
    }

    /// Whole weeks that hold the period: samples lie this many days apart.
    fn step(&self) -> i32 {
        (self.now.len().max(1) + 6) / 7 * 7
    }

    /// The `most` periods of the same weekdays before this one, newest first, not before `earliest`, campaign days left out.
    #[must_use]
    pub fn samples(&self, most: u32, earliest: Date) -> Vec<Block> {
        let mut out = Vec::new();
        for k in 1..=i32::try_from(most).unwrap_or(0) {
            let Some(block) = self.now.back(k * self.step()) else {
                break;
            };
            if block.start >= earliest && self.campaign_in(&block).is_none() {
                out.push(block);
            }
        }
        out
    }

    /// The name of a campaign that shares a day with the block.
    #[must_use]
    pub fn campaign_in(&self, block: &Block) -> Option<&str> {
        let meets = |other: &Block| other.start < block.end && block.start < other.end;
        self.campaigns
            .iter()
            .find(|(days, _)| meets(days))
            .map(|(_, name)| name.as_str())
    }

    /// Whether a campaign lies on one side of the comparison alone: then it explains every change.
    #[must_use]
    pub fn campaign_on_one_side(&self) -> bool {
        self.campaign_in(&self.now).is_some() != self.campaign_in(&self.prev).is_some()
    }

    /// Whether the day belongs to a campaign.
    #[must_use]
    pub fn in_campaign(&self, day: Date) -> bool {
        self.campaigns.iter().any(|(days, _)| days.holds(day))
    }

    /// Whole days between the last day before `end` and the moment that counts as now: the age of the youngest orders.
    #[must_use]
    pub fn age_at(&self, end: Date) -> i64 {
        i64::from(days_between(end, self.as_of).max(0))
    }

    /// Ages of refunds, in whole days, of the period's last and first day.
    #[must_use]
    pub fn refund_ages(&self) -> (i64, i64) {
        let youngest = days_between(self.now.end, self.as_of).max(0);
        (
            i64::from(youngest),
            i64::from(youngest + self.now.len() - 1),
        )
    }

    /// The last day whose refunds count for orders paid on `day` of a block that is held against the period: each day is
    /// as old as its counterpart in the period.
    #[must_use]
    pub fn refunds_until(&self, day: Date, block: &Block) -> Date {
        self.cut(day, days_between(block.start, self.now.start))
    }

    /// The same for a day of a history: its counterpart is found by stepping period by period.
    #[must_use]
    pub fn refunds_until_alone(&self, day: Date) -> Date {
        let len = self.now.len().max(1);
        let back = days_between(day, self.now.start).max(0);
        self.cut(day, (back + len - 1) / len * len)
    }

    fn cut(&self, day: Date, shift: i32) -> Date {
        let known = self.as_of.checked_sub((shift + 1).days()).unwrap_or(day);
        known.max(day)
    }
}

fn weekday_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "last_mon",
        Weekday::Tuesday => "last_tue",
        Weekday::Wednesday => "last_wed",
        Weekday::Thursday => "last_thu",
        Weekday::Friday => "last_fri",
        Weekday::Saturday => "last_sat",
        Weekday::Sunday => "last_sun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chenbao_plugin::{CampaignDays, ContextArgs, PeriodArgs};

    fn frame(period: [&str; 4], grain: &str, as_of: &str) -> Frame {
        let [start, end, prev_start, prev_end] = period.map(str::to_owned);
        let d11 = CampaignDays {
            name: "双11".into(),
            starts_on: "2026-10-31".into(),
            ends_on: "2026-11-14".into(),
            ..CampaignDays::default()
        };
        let period = PeriodArgs {
            start,
            end,
            prev_start,
            prev_end,
            grain: grain.into(),
            tz: "Asia/Shanghai".into(),
        };
        let context = ContextArgs {
            as_of: as_of.into(),
            campaigns: vec![d11],
            ..ContextArgs::default()
        };
        Frame::of(&Cx::offline(period, context)).unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn samples_are_same_weekdays_without_campaigns() {
        let frame = frame(
            ["2026-11-21", "2026-11-22", "2026-11-14", "2026-11-15"],
            "day",
            "2026-11-22T07:40:00+08:00",
        );
        let starts: Vec<String> = frame
            .samples(8, day("2026-09-20"))
            .iter()
            .map(|b| b.start.to_string())
            .collect();
        assert_eq!(
            starts,
            [
                "2026-10-24",
                "2026-10-17",
                "2026-10-10",
                "2026-10-03",
                "2026-09-26"
            ]
        );
        assert_eq!(frame.campaign_in(&frame.prev), Some("双11"));
        assert_eq!(
            (frame.prev_word(), frame.basis(), frame.now_word()),
            ("last_sat", "weekday", "this_day")
        );
    }

    #[test]
    fn weeks_step_by_weeks() {
        let frame = frame(
            ["2026-11-16", "2026-11-23", "2026-11-09", "2026-11-16"],
            "week",
            "2026-11-23T07:40:00+08:00",
        );
        let starts: Vec<String> = frame
            .samples(3, day("2026-01-01"))
            .iter()
            .map(|b| b.start.to_string())
            .collect();
        assert_eq!(
            starts,
            Vec::<String>::new(),
            "the three weeks before are campaign weeks"
        );
        assert_eq!(
            frame.samples(4, day("2026-01-01"))[0].start,
            day("2026-10-19")
        );
        assert_eq!(frame.prev_word(), "last_week");
        assert_eq!(frame.refund_ages(), (0, 6));
    }

    #[test]
    fn refunds_are_cut_at_equal_age() {
        let frame = frame(
            ["2026-11-21", "2026-11-22", "2026-11-14", "2026-11-15"],
            "day",
            "2026-11-24T07:40:00+08:00",
        );
        assert_eq!(frame.refund_ages(), (2, 2));
        assert_eq!(
            frame.refunds_until(day("2026-11-21"), &frame.now),
            day("2026-11-23")
        );
        assert_eq!(
            frame.refunds_until(day("2026-11-14"), &frame.prev),
            day("2026-11-16")
        );
        assert_eq!(
            frame.refunds_until_alone(day("2026-11-20")),
            day("2026-11-22")
        );
        assert_eq!(
            frame.refunds_until_alone(day("2026-11-01")),
            day("2026-11-03")
        );
    }

    #[test]
    fn a_weeks_days_are_as_old_as_their_weekdays() {
        let frame = frame(
            ["2026-11-16", "2026-11-23", "2026-11-09", "2026-11-16"],
            "week",
            "2026-11-23T07:40:00+08:00",
        );
        assert_eq!(
            frame.refunds_until_alone(day("2026-11-22")),
            day("2026-11-22"),
            "D0"
        );
        assert_eq!(
            frame.refunds_until_alone(day("2026-11-16")),
            day("2026-11-22"),
            "D6"
        );
        assert_eq!(
            frame.refunds_until_alone(day("2026-11-09")),
            day("2026-11-15"),
            "D6 a week before"
        );
    }
}
