//! What is due when: cron patterns and campaign ends become delivery times, in the report's zone, from nothing but the time handed in.

mod days;

pub use days::{DayOff, LeftOut, Why};

use crate::config::meant::{Campaign, PeriodRule, Schedule, When};
use crate::cron::Pattern;
use crate::policy::{GRACE, Misfire};
use chenbao_model::{Id, Period};
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Collecting begins so long before delivery, where the schedule does not say.
const START_BEFORE: SignedDuration = SignedDuration::from_mins(80);

/// The report goes with what is there so long before delivery, where the schedule does not say.
const DEADLINE_BEFORE: SignedDuration = SignedDuration::from_mins(20);

/// At most so many times of a pattern are walked to find the next that is not left out.
const WALK: usize = 20_000;

/// Work never begins longer before delivery: it is on the same day, and the longest day has twenty-five hours.
const LONGEST_LEAD: SignedDuration = SignedDuration::from_hours(25);

/// At most so many missed times are looked at; older ones of a schedule that was not served for very long are forgotten.
const MISSED_LIMIT: usize = 1_000;

/// Which issue of the same subject and period this is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Edition {
    /// The one of the calendar.
    Regular,
    /// So many days after a campaign's last day: `D+7`.
    After(u16),
    /// A test by hand, named after its run: uses up nothing.
    Test(String),
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regular => f.write_str("regular"),
            Self::After(days) => write!(f, "D+{days}"),
            Self::Test(run) => write!(f, "test/{run}"),
        }
    }
}

impl FromStr for Edition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(run) = text.strip_prefix("test/").filter(|run| !run.is_empty()) {
            return Ok(Self::Test(run.to_owned()));
        }
        match text.strip_prefix("D+").map(str::parse) {
            Some(Ok(days)) => Ok(Self::After(days)),
            None if text == "regular" => Ok(Self::Regular),
            _ => Err(format!("`{text}` is not an edition; write regular or D+7")),
        }
    }
}

impl TryFrom<String> for Edition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Edition> for String {
    fn from(edition: Edition) -> Self {
        edition.to_string()
    }
}

/// One report that is due once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Report.
    pub report: Id,
    /// Campaign, for campaign reports.
    pub subject: Option<Id>,
    /// Days covered.
    pub period: Period,
    /// Edition.
    pub edition: Edition,
    /// When it is delivered.
    pub due: Timestamp,
}

/// One delivery time of a schedule, before anybody asked which period it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// Campaign, for campaign reports.
    pub subject: Option<Id>,
    /// Edition.
    pub edition: Edition,
    /// The four times.
    pub times: Times,
    /// The day of delivery in the schedule's zone.
    pub day: Date,
    /// Why it falls on this day.
    pub why: Why,
}

/// A time of a schedule's pattern: a delivery, or one that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ahead {
    /// A delivery.
    Fire(Fire),
    /// None, and why.
    LeftOut {
        /// When it would have been delivered.
        deliver: Timestamp,
        /// Why it is not.
        why: LeftOut,
    },
}

impl Ahead {
    fn fire(self) -> Option<Fire> {
        match self {
            Self::Fire(fire) => Some(fire),
            Self::LeftOut { .. } => None,
        }
    }
}

/// The four times of a delivery, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Collect from now on.
    pub start: Timestamp,
    /// Go as 部分 with what is there.
    pub data_deadline: Timestamp,
    /// By now at the latest the owner has been told if something is missing.
    pub notice: Timestamp,
    /// Nothing leaves before.
    pub deliver: Timestamp,
}

/// What a look at the schedule finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// To be made, oldest first.
    pub run: Vec<Fire>,
    /// To be recorded as missed, oldest first.
    pub missed: Vec<Fire>,
}

/// The next delivery times after `now`, at most `count`.
#[must_use]
pub fn next_fires(
    schedule: &Schedule,
    campaigns: &BTreeMap<Id, Campaign>,
    now: Timestamp,
    count: usize,
) -> Vec<Fire> {
    let ahead = ahead(schedule, campaigns, now);
    ahead.filter_map(Ahead::fire).take(count).collect()
}

/// Every time of the schedule after `now`, with those that are left out, oldest first.
pub fn ahead<'a>(
    schedule: &'a Schedule,
    campaigns: &BTreeMap<Id, Campaign>,
    now: Timestamp,
) -> Box<dyn Iterator<Item = Ahead> + 'a> {
    match &schedule.deliver {
        When::Cron(pattern) => {
            let ahead = pattern.after(now, &schedule.zone).take(WALK);
            Box::new(ahead.map(move |at| calendar_fire(schedule, pattern, &at)))
        }
        When::Campaign { .. } => {
            let all = campaign_times(schedule, campaigns).into_iter();
            Box::new(all.filter(move |(at, _)| *at > now).map(|(_, one)| one))
        }
    }
}

/// What is to be done now: every delivery after `since` (the last that was claimed or missed, else when the schedule was first
/// served) whose work may begin. Those that are late by more than the grace follow the misfire policy, each campaign for itself.
///
/// A campaign's deliveries at exactly `since` are told again, because two campaigns may share it; claiming is what decides.
#[must_use]
pub fn due(
    schedule: &Schedule,
    campaigns: &BTreeMap<Id, Campaign>,
    since: Timestamp,
    now: Timestamp,
) -> Due {
    let open = match &schedule.deliver {
        When::Cron(pattern) => open_cron(schedule, pattern, since, now),
        When::Campaign { .. } => {
            let fires = campaign_fires(schedule, campaigns);
            fires
                .into_iter()
                .filter(|fire| fire.times.deliver >= since && fire.times.start <= now)
                .collect()
        }
    };
    let mut subjects: BTreeMap<Option<Id>, Vec<Fire>> = BTreeMap::new();
    for fire in open {
        subjects.entry(fire.subject.clone()).or_default().push(fire);
    }
    let mut due = Due::default();
    for fires in subjects.into_values() {
        sort_out(fires, schedule.misfire, now, &mut due);
    }
    due.run.sort_by_key(|fire| fire.times.deliver);
    due.missed.sort_by_key(|fire| fire.times.deliver);
    due
}

/// Splits the open deliveries of one subject, oldest first, by the misfire policy.
fn sort_out(fires: Vec<Fire>, misfire: Misfire, now: Timestamp, due: &mut Due) {
    let (mut late, on_time): (Vec<Fire>, Vec<Fire>) = fires
        .into_iter()
        .partition(|fire| now.duration_since(fire.times.deliver) > GRACE);
    let kept = match misfire {
        Misfire::Skip => 0,
        Misfire::Latest => usize::from(on_time.is_empty()),
        Misfire::All(most) => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let made = late.split_off(late.len().saturating_sub(kept));
    due.missed.append(&mut late);
    due.run.extend(made);
    due.run.extend(on_time);
}

/// Deliveries after `since`, oldest first: those that have passed and those ahead whose work may begin.
fn open_cron(
    schedule: &Schedule,
    pattern: &Pattern,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Fire> {
    let mut open: Vec<Fire> = pattern
        .until(now, &schedule.zone)
        .take_while(|at| at.timestamp() > since)
        .filter_map(|at| calendar_fire(schedule, pattern, &at).fire())
        .take(MISSED_LIMIT)
        .collect();
    open.reverse();
    let horizon = now.checked_add(LONGEST_LEAD).unwrap_or(now);
    let ahead = pattern
        .after(now.max(since), &schedule.zone)
        .take_while(|at| at.timestamp() <= horizon)
        .filter_map(|at| calendar_fire(schedule, pattern, &at).fire())
        .take_while(|fire| fire.times.start <= now);
    open.extend(ahead);
    open
}

/// What becomes of an occurrence of the pattern.
fn calendar_fire(schedule: &Schedule, pattern: &Pattern, at: &Zoned) -> Ahead {
    let day = at.date();
    let why = match days::judge(schedule, day) {
        Ok(why) => why,
        Err(why) => {
            let deliver = at.timestamp();
            return Ahead::LeftOut { deliver, why };
        }
    };
    let previous = match schedule.start {
        Some(_) => None,
        None => pattern.previous(at).map(|previous| previous.timestamp()),
    };
    Ahead::Fire(Fire {
        subject: None,
        edition: Edition::Regular,
        times: times(schedule, at.timestamp(), day, previous),
        day,
        why,
    })
}

fn campaign_fires(schedule: &Schedule, campaigns: &BTreeMap<Id, Campaign>) -> Vec<Fire> {
    let all = campaign_times(schedule, campaigns).into_iter();
    all.filter_map(|(_, one)| one.fire()).collect()
}

/// All editions of all campaigns by their time of delivery, oldest first.
fn campaign_times(
    schedule: &Schedule,
    campaigns: &BTreeMap<Id, Campaign>,
) -> Vec<(Timestamp, Ahead)> {
    let When::Campaign { at, editions } = &schedule.deliver else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for campaign in campaigns.values() {
        for days in editions {
            let after = Span::new().days(i64::from(*days));
            let day = campaign.ends.checked_add(after).ok();
            let Some((day, deliver)) =
                day.and_then(|day| Some((day, wall(day, *at, &schedule.zone)?)))
            else {
                continue;
            };
            let one = match days::judge(schedule, day) {
                Err(why) => Ahead::LeftOut { deliver, why },
                Ok(_) => Ahead::Fire(Fire {
                    subject: Some(campaign.id.clone()),
                    edition: Edition::After(*days),
                    times: times(schedule, deliver, day, None),
                    day,
                    why: Why::Campaign(*days),
                }),
            };
            all.push((deliver, one));
        }
    }
    // Stable: campaigns of one time stay in the order of their ids.
    all.sort_by_key(|(deliver, _)| *deliver);
    all
}

/// The four times of a delivery that was begun when the schedule may have been another: by the rules of today's.
#[must_use]
pub fn times_at(schedule: &Schedule, deliver: Timestamp) -> Times {
    let day = deliver.to_zoned(schedule.zone.clone()).date();
    times(schedule, deliver, day, None)
}

/// How much later than its schedule says a report's work begins: the same for a report every day, spread over `jitter` by its id.
#[must_use]
pub fn spread(report: &Id, jitter: SignedDuration) -> SignedDuration {
    // FNV-1a: stable across versions and machines, unlike the hasher of a map.
    let hash = report
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // The last bytes of an id reach the low bits only; folding brings the others there too.
    let mixed = hash ^ (hash >> 32);
    let whole = u64::try_from(jitter.as_millis()).unwrap_or(0).max(1);
    SignedDuration::from_millis(i64::try_from(mixed % whole).unwrap_or(0))
}

/// The four times of one delivery: all on its day, in order, and by default not before the previous delivery.
fn times(schedule: &Schedule, deliver: Timestamp, day: Date, previous: Option<Timestamp>) -> Times {
    let on_day = |time: Option<Time>| time.and_then(|time| wall(day, time, &schedule.zone));
    let before = |lead: SignedDuration| deliver.checked_sub(lead).unwrap_or(deliver);
    let midnight = wall(day, Time::midnight(), &schedule.zone).unwrap_or(deliver);
    let earliest = previous
        .map_or(midnight, |previous| previous.max(midnight))
        .min(deliver);
    let start = on_day(schedule.start)
        .unwrap_or_else(|| before(START_BEFORE))
        .clamp(earliest, deliver);
    let data_deadline = on_day(schedule.data_deadline)
        .unwrap_or_else(|| before(DEADLINE_BEFORE))
        .clamp(start, deliver);
    let spread = start.checked_add(schedule.spread).unwrap_or(start);
    let start = spread.min(data_deadline);
    Times {
        start,
        data_deadline,
        notice: data_deadline,
        deliver,
    }
}

/// A time of day as an instant: the first of two where the clock goes back, the first after the gap where it goes forward.
fn wall(day: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            let after = ambiguous.later().ok()?;
            zone.preceding(after)
                .next()
                .map(|transition| transition.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()
        }
    }
}

/// The days that a delivery on `day` covers. `last` is the period of the issue before, for [`PeriodRule::SinceLast`].
///
/// # Errors
/// There is nothing to cover, in one sentence.
pub fn period(
    rule: PeriodRule,
    day: Date,
    last: Option<Period>,
    campaign: Option<&Campaign>,
) -> Result<Period, String> {
    let yesterday = day.yesterday().map_err(|why| why.to_string())?;
    match rule {
        PeriodRule::Yesterday => Period::day(yesterday),
        PeriodRule::LastWeek => Period::week_of(
            day.checked_sub(Span::new().days(7))
                .map_err(|why| why.to_string())?,
        ),
        PeriodRule::LastMonth => Period::month_of(
            day.first_of_month()
                .yesterday()
                .map_err(|why| why.to_string())?,
        ),
        PeriodRule::SinceLast => match last {
            Some(last) if last.end() > yesterday => Err(format!(
                "the last issue covers {last} already, so nothing is new on {day}"
            )),
            Some(last) => Period::span(last.end(), yesterday),
            None => Period::day(yesterday),
        },
        PeriodRule::Campaign => {
            let campaign = campaign.ok_or("a campaign report needs a campaign")?;
            Period::span(campaign.starts, campaign.ends)
        }
    }
}

#[cfg(test)]
mod tests;
