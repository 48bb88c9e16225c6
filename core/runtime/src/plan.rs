//! Step 1, plan: which occurrence of a report is asked for or due: report, subject, period, edition, and when.

use crate::config::Config;
use crate::config::meant::{Campaign, PeriodRule, Report, When};
use crate::schedule::{self, Ahead, Edition, Occurrence};
use chenbao_model::diagnostic::nearest;
use chenbao_model::{Diagnostic, Id, Period};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// What is asked for by hand; what is left out follows the schedule.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Period.
    pub period: Option<Period>,
    /// Campaign.
    pub campaign: Option<Id>,
    /// Edition.
    pub edition: Option<Edition>,
}

/// The report of that id.
///
/// # Errors
/// There is none; the nearest name is the hint.
pub fn report<'a>(config: &'a Config, id: &Id) -> Result<&'a Report, Diagnostic> {
    config.reports.get(id).ok_or_else(|| {
        let names: Vec<&str> = config.reports.keys().map(Id::as_str).collect();
        let known = nearest(id.as_str(), names.iter().copied())
            .map_or_else(|| names.join(", "), |name| format!("`{name}`"));
        Diagnostic::error(format!("there is no report `{id}`"))
            .in_file(&config.file)
            .hint(format!("did you mean {known}?"))
    })
}

/// The occurrence that a person asks for.
///
/// # Errors
/// Unknown campaign or edition, or a period that is not over.
pub fn by_hand(
    config: &Config,
    report: &Report,
    wish: &Wish,
    now: Timestamp,
) -> Result<Occurrence, Diagnostic> {
    let schedule = report.schedule.as_ref();
    let zone = schedule.map_or(&config.project.zone, |schedule| &schedule.zone);
    let today = now.to_zoned(zone.clone()).date();
    let about_campaign =
        wish.campaign.is_some() || schedule.is_some_and(|s| s.period == PeriodRule::Campaign);
    if about_campaign {
        return of_campaign(config, report, wish, (now, zone));
    }
    let rule = schedule.map_or(PeriodRule::Yesterday, |schedule| schedule.period);
    let period = match wish.period {
        Some(period) => period,
        None => schedule::period(rule, today, None, None).map_err(Diagnostic::error)?,
    };
    over(config, report, period, (now, zone))?;
    let edition = wish.edition.clone().unwrap_or(Edition::Regular);
    Ok(Occurrence {
        report: report.id.clone(),
        subject: None,
        period,
        edition,
        due: now,
    })
}

fn of_campaign(
    config: &Config,
    report: &Report,
    wish: &Wish,
    (now, zone): (Timestamp, &TimeZone),
) -> Result<Occurrence, Diagnostic> {
    let today = now.to_zoned(zone.clone()).date();
    let campaign = match &wish.campaign {
        Some(id) => config.campaigns.get(id).ok_or_else(|| {
            let names: Vec<&str> = config.campaigns.keys().map(Id::as_str).collect();
            Diagnostic::error(format!("there is no campaign `{id}`")).in_file(&config.file).hint(format!("known: {}", names.join(", ")))
        })?,
        None => newest_over(config, today).ok_or_else(|| {
            Diagnostic::error("no campaign is over yet")
                .in_file(&config.file)
                .hint("a campaign review covers a whole campaign; give one with a [campaign.<id>] table")
        })?,
    };
    let period = Period::span(campaign.starts, campaign.ends).map_err(Diagnostic::error)?;
    over(config, report, period, (now, zone))?;
    let edition = match &wish.edition {
        Some(edition) => edition.clone(),
        None => newest_edition(report, (today - campaign.ends).get_days()),
    };
    Ok(Occurrence {
        report: report.id.clone(),
        subject: Some(campaign.id.clone()),
        period,
        edition,
        due: now,
    })
}

/// The last campaign that has ended before `today`.
fn newest_over(config: &Config, today: Date) -> Option<&Campaign> {
    config
        .campaigns
        .values()
        .filter(|campaign| campaign.ends < today)
        .max_by_key(|campaign| campaign.ends)
}

/// The newest configured edition that is due so many days after the campaign's last day; else that very day's.
fn newest_edition(report: &Report, age: i32) -> Edition {
    let age = u16::try_from(age).unwrap_or(0);
    let editions = match report.schedule.as_ref().map(|schedule| &schedule.deliver) {
        Some(When::Campaign { editions, .. }) => editions.as_slice(),
        _ => &[],
    };
    Edition::After(
        editions
            .iter()
            .copied()
            .filter(|days| *days <= age)
            .max()
            .unwrap_or(age),
    )
}

/// How many days after its campaign's last day an edition stands.
#[must_use]
pub fn age_days(edition: &Edition) -> Option<i64> {
    match edition {
        Edition::After(days) => Some(i64::from(*days)),
        Edition::Regular | Edition::Test(_) => None,
    }
}

/// The moment as of which an edition knows its data: an edition of a campaign that is made later than its day still says what
/// could be known on that day, so that D+1 and D+7 differ by what arrived between them and by nothing else.
#[must_use]
pub fn known_at(occurrence: &Occurrence, now: Timestamp, zone: &TimeZone) -> Timestamp {
    let day = age_days(&occurrence.edition)
        .and_then(|days| occurrence.period.last().checked_add(days.days()).ok());
    let last = day.and_then(|day| day.at(23, 59, 59, 0).to_zoned(zone.clone()).ok());
    last.map_or(now, |last| now.min(last.timestamp()))
}

/// A time of a report's schedule that lies ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// A delivery, or one that is left out.
    pub ahead: Ahead,
    /// What it would cover, or why it has nothing to cover.
    pub period: Result<Period, String>,
}

/// The next `count` deliveries of a schedule, with the days between them that are left out, each told once. `last` is the period of
/// the newest issue, from which `since_last` goes on.
#[must_use]
pub fn coming(
    config: &Config,
    report: &Report,
    (now, count): (Timestamp, usize),
    last: Option<Period>,
) -> Vec<Coming> {
    let Some(schedule) = &report.schedule else {
        return Vec::new();
    };
    let (mut coming, mut fires, mut last) = (Vec::new(), 0, last);
    let mut told = None;
    for ahead in schedule::ahead(schedule, &config.campaigns, now) {
        if fires == count {
            break;
        }
        let period = match &ahead {
            Ahead::Fire(fire) => {
                fires += 1;
                let campaign = fire.subject.as_ref();
                let campaign = campaign.and_then(|id| config.campaigns.get(id));
                let period = schedule::period(schedule.period, fire.day, last, campaign);
                last = period.as_ref().ok().copied().or(last);
                period
            }
            Ahead::LeftOut { deliver, why } => {
                let day = deliver.to_zoned(schedule.zone.clone()).date();
                if told.replace((day, *why)) == Some((day, *why)) {
                    continue;
                }
                Err(why.to_string())
            }
        };
        coming.push(Coming { ahead, period });
    }
    // What is left out behind the last delivery is not asked for.
    while matches!(coming.last(), Some(last) if matches!(last.ahead, Ahead::LeftOut { .. })) {
        coming.pop();
    }
    coming
}

/// A period that is not over is refused, tests too: half a day compared with whole days is a lie.
fn over(
    config: &Config,
    report: &Report,
    period: Period,
    (now, zone): (Timestamp, &TimeZone),
) -> Result<(), Diagnostic> {
    let Some(over) = over_at(config, report, period).filter(|over| *over > now) else {
        return Ok(());
    };
    let at = |time: Timestamp| {
        let local = time.to_zoned(zone.clone());
        local.strftime("%Y-%m-%d %H:%M").to_string()
    };
    Err(Diagnostic::error(format!(
        "the period {period} is not over: it ends {}, now is {}",
        at(over),
        at(now)
    ))
    .hint("ask again then, or give an earlier --period"))
}

/// When a period is over in the zones of all shops that a report is about.
#[must_use]
pub fn over_at(config: &Config, report: &Report, period: Period) -> Option<Timestamp> {
    let shops = report.audiences.values().flat_map(|one| &one.shops);
    let zones = shops
        .filter_map(|id| config.shops.get(id))
        .map(|shop| &shop.zone);
    let ends = zones
        .filter_map(|zone| moments(period, zone))
        .map(|(_, end)| end);
    ends.max()
        .or_else(|| moments(period, &config.project.zone).map(|(_, end)| end))
}

/// The first moment of a period in a zone, and the moment it ends.
#[must_use]
pub fn moments(period: Period, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let at = |day: Date| {
        day.to_zoned(zone.clone())
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    Some((at(period.start())?, at(period.end())?))
}

/// The days of so many weeks before, on the same weekdays.
pub fn same_weekdays(period: Period, weeks: i64) -> impl Iterator<Item = Date> {
    (1..=weeks).flat_map(move |week| {
        period
            .each_day()
            .filter_map(move |day| day.checked_sub((week * 7).days()).ok())
    })
}
