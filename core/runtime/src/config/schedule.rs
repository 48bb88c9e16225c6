//! Schedules: when a report goes out, and on which days it does not.

use super::meant::{PeriodRule, Project, Schedule, When};
use super::report::unique;
use super::values::{clock_time, duration, parsed, time, word, words, zone};
use super::written::{Read, Table, Value};
use crate::cron::Pattern;
use crate::policy::Misfire;
use crate::schedule::{DayOff, spread};
use chenbao_model::{Diagnostic, Id};
use jiff::{SignedDuration, Timestamp};

/// A completed revision follows so long after delivery, where the schedule does not say.
const COMPLETE_WITHIN: SignedDuration = SignedDuration::from_hours(6);

/// How many times of a pattern are looked at when its other times are checked.
const LOOK: usize = 50;

/// `[report.<id>.schedule]`.
pub(super) fn schedule(id: &Id, table: Table<'_>, project: Option<&Project>) -> Option<Schedule> {
    let rules = [
        ("yesterday", PeriodRule::Yesterday),
        ("last_week", PeriodRule::LastWeek),
        ("last_month", PeriodRule::LastMonth),
        ("since_last", PeriodRule::SinceLast),
        ("campaign", PeriodRule::Campaign),
    ];
    let period = table
        .read("period", |v| word(v, &rules))
        .unwrap_or(PeriodRule::Yesterday);
    let campaign = period == PeriodRule::Campaign;
    let zone = table
        .read("zone", zone)
        .or_else(|| project.map(|project| project.zone.clone()));
    let start = table.read("start", time);
    let data_deadline = table.read("data_deadline", time);
    let misfire = table.read("misfire", parsed).unwrap_or(Misfire::Latest);
    let workdays_only = table
        .read("workdays_only", |v| v.boolean())
        .unwrap_or(false);
    let not_on = table.read("not_on", days_off).unwrap_or_default();
    let jitter = table.read("jitter", span).unwrap_or_default();
    let complete_within = table
        .read("complete_within", span)
        .unwrap_or(COMPLETE_WITHIN);
    let deliver = deliver(&table, campaign);
    if campaign && workdays_only {
        let problem = Diagnostic::error("`workdays_only` does not go with campaigns");
        table.problem(
            problem.hint(
                "campaign reports are due so many days after the end, on whatever day that is",
            ),
        );
    }
    let schedule = Schedule {
        deliver: deliver?,
        zone: zone?,
        start,
        data_deadline,
        misfire,
        period,
        workdays_only,
        not_on,
        spread: spread(id, jitter),
        complete_within,
    };
    in_order(&table, &schedule);
    table.end();
    Some(schedule)
}

/// When it is delivered: a pattern, or a time of day on the days that a campaign's editions count.
fn deliver(table: &Table<'_>, campaign: bool) -> Option<When> {
    let editions = table.value("editions");
    if campaign {
        let editions =
            editions.map_or_else(|| Some(vec![1]), |value| value.told(editions_of(&value)));
        let at = table.need("deliver", "\"08:00\"", campaign_time);
        editions
            .zip(at)
            .map(|(editions, at)| When::Campaign { at, editions })
    } else {
        if let Some(value) = editions {
            let problem = Diagnostic::error("`editions` belongs to campaign reports");
            value.problem(problem.hint("write period = \"campaign\", or leave editions out"));
        }
        table
            .need("deliver", "\"0 8 * * *\"", pattern)
            .map(When::Cron)
    }
}

/// A duration to add to a moment.
fn span(value: &Value<'_>) -> Read<SignedDuration> {
    let written = duration(value)?;
    SignedDuration::try_from(written).map_err(|_| Diagnostic::error("the duration is too long"))
}

/// Days, spans of days and weekdays.
fn days_off(value: &Value<'_>) -> Read<Vec<DayOff>> {
    value.each(|member| {
        member.text_or_date()?.parse().map_err(|why: String| {
            Diagnostic::error(why)
                .hint("write \"2026-12-25\", \"2026-12-24..2026-12-26\" or \"saturday\"")
        })
    })
}

fn pattern(value: &Value<'_>) -> Read<Pattern> {
    parsed(value).map_err(|problem| {
        problem
            .hint("write minute, hour, day, month and weekday: \"0 8 * * *\" is every day at 08:00")
    })
}

fn campaign_time(value: &Value<'_>) -> Read<jiff::civil::Time> {
    let text = words(value)?;
    clock_time(&text).ok_or_else(|| {
        Diagnostic::error(format!(
            "a campaign report is delivered at a time of day, not at `{text}`"
        ))
        .hint("write deliver = \"08:00\" and editions = [\"D+1\", \"D+7\"]")
    })
}

fn editions_of(value: &Value<'_>) -> Read<Vec<u16>> {
    let mut days = unique(value, |member| {
        let text = member.text()?;
        let days = text
            .strip_prefix("D+")
            .and_then(|days| days.parse::<u16>().ok())
            .filter(|days| *days > 0);
        days.ok_or_else(|| {
            Diagnostic::error(format!("`{text}` is not an edition")).hint(
                "write \"D+1\" for the day after the campaign's last day, \"D+7\" a week after it",
            )
        })
    })?;
    days.sort_unstable();
    Ok(days)
}

/// `start`, `data_deadline` and delivery follow each other on the day of delivery.
fn in_order(table: &Table<'_>, schedule: &Schedule) {
    let mut deliveries = match &schedule.deliver {
        When::Campaign { at, .. } => vec![*at],
        When::Cron(pattern) => {
            let times = pattern.after(Timestamp::UNIX_EPOCH, &jiff::tz::TimeZone::UTC);
            times.take(LOOK).map(|at| at.time()).collect()
        }
    };
    deliveries.sort_unstable();
    deliveries.dedup();
    if deliveries.len() > 1 && (schedule.start.is_some() || schedule.data_deadline.is_some()) {
        let problem = Diagnostic::error(
            "`start` and `data_deadline` are times of one delivery a day, and there are several",
        );
        table.problem(
            problem.hint("leave both out: they are then 80 and 20 minutes before each delivery"),
        );
        return;
    }
    let Some(first) = deliveries.first() else {
        return;
    };
    let named = [
        ("start", schedule.start),
        ("data_deadline", schedule.data_deadline),
    ];
    for (key, time) in named {
        if let Some(time) = time.filter(|time| time > first) {
            let problem = Diagnostic::error(format!(
                "`{key}` at {} comes after delivery at {}",
                time.strftime("%H:%M"),
                first.strftime("%H:%M")
            ));
            table.problem(
                problem.hint("start, data_deadline and deliver follow each other on one day"),
            );
        }
    }
    if let (Some(start), Some(deadline)) = (schedule.start, schedule.data_deadline)
        && start > deadline
    {
        let problem = Diagnostic::error("`start` comes after `data_deadline`");
        table.problem(problem.hint(
            "collecting begins at start, and the report is made at data_deadline at the latest",
        ));
    }
}
