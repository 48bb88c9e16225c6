//! Which days count: the days a schedule leaves out and why, from its own list and from the business calendar.

use crate::calendar::{self, Work};
use crate::config::meant::Schedule;
use jiff::civil::{Date, Weekday};
use std::fmt;
use std::str::FromStr;

/// Days that a schedule leaves out by name (`not_on`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOff {
    /// That weekday, every week.
    Weekday(Weekday),
    /// From this day to that, both included; one day is a span of one.
    Span(Date, Date),
}

impl DayOff {
    /// Whether a day is one of them.
    #[must_use]
    pub fn holds(&self, day: Date) -> bool {
        match self {
            Self::Weekday(weekday) => day.weekday() == *weekday,
            Self::Span(first, last) => *first <= day && day <= *last,
        }
    }
}

/// Weekdays as they are written, Monday first.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl FromStr for DayOff {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let named = |name: &str| lower == name || (lower.len() == 3 && name.starts_with(&lower));
        if let Some((_, weekday)) = WEEKDAYS.iter().find(|(name, _)| named(name)) {
            return Ok(Self::Weekday(*weekday));
        }
        let (first, last) = lower.split_once("..").unwrap_or((&lower, &lower));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self::Span(first, last)),
            (Ok(_), Ok(_)) => Err(format!("`{text}` ends before it begins")),
            _ => Err(format!("`{text}` is neither a day nor a weekday")),
        }
    }
}

impl fmt::Display for DayOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekday(weekday) => {
                let name = WEEKDAYS.iter().find(|(_, known)| known == weekday);
                f.write_str(name.map_or("", |(name, _)| name))
            }
            Self::Span(first, last) if first == last => write!(f, "{first}"),
            Self::Span(first, last) => write!(f, "{first}..{last}"),
        }
    }
}

/// Why a delivery falls on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The cron pattern says so, and the schedule knows no calendar.
    Pattern,
    /// It is a working day.
    Workday,
    /// It is a weekend that is worked, made up for this holiday (调休).
    MadeUp(&'static str),
    /// It is Monday to Friday of this year, whose holidays are not known.
    UnknownYear(i16),
    /// It is so many days after a campaign's last day.
    Campaign(u16),
}

impl Why {
    /// The year whose holidays are not known, where the calendar had only the weekday to go by.
    #[must_use]
    pub fn unknown_year(&self) -> Option<i16> {
        match self {
            Self::UnknownYear(year) => Some(*year),
            Self::Pattern | Self::Workday | Self::MadeUp(_) | Self::Campaign(_) => None,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern => f.write_str("the pattern"),
            Self::Workday => f.write_str("a working day"),
            Self::MadeUp(holiday) => write!(f, "调休: a weekend worked for {holiday}"),
            Self::UnknownYear(year) => write!(f, "a weekday; the holidays of {year} are not known"),
            Self::Campaign(1) => f.write_str("the day after the campaign"),
            Self::Campaign(days) => write!(f, "{days} days after the campaign"),
        }
    }
}

/// Why a time of the pattern delivers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The schedule's own list says so.
    NotOn(DayOff),
    /// It is a weekend.
    Weekend,
    /// It is this holiday.
    Holiday(&'static str),
    /// It is a weekend of this year, whose holidays are not known: it may be made up for one.
    UnknownYear(i16),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOn(day) => write!(f, "not_on {day}"),
            Self::Weekend => f.write_str("a weekend"),
            Self::Holiday(name) => write!(f, "a holiday: {name}"),
            Self::UnknownYear(year) => write!(f, "a weekend; the holidays of {year} are not known"),
        }
    }
}

/// Whether a schedule delivers on a day of its pattern, and why.
///
/// # Errors
/// The day is left out, and why.
pub(super) fn judge(schedule: &Schedule, day: Date) -> Result<Why, LeftOut> {
    if let Some(off) = schedule.not_on.iter().find(|off| off.holds(day)) {
        return Err(LeftOut::NotOn(*off));
    }
    if !schedule.workdays_only {
        return Ok(Why::Pattern);
    }
    match calendar::work(day) {
        Work::Working => Ok(Why::Workday),
        Work::MadeUp(holiday) => Ok(Why::MadeUp(holiday)),
        Work::Off => Err(LeftOut::Weekend),
        Work::Holiday(name) => Err(LeftOut::Holiday(name)),
        Work::Unknown { weekday: true } => Ok(Why::UnknownYear(day.year())),
        Work::Unknown { weekday: false } => Err(LeftOut::UnknownYear(day.year())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_off_read_back_and_hold_their_days() {
        for text in ["2026-12-25", "2026-12-24..2026-12-26", "saturday"] {
            assert_eq!(text.parse::<DayOff>().unwrap().to_string(), text);
        }
        let sunday: DayOff = "Sun".parse().unwrap();
        let (saturday, next) = (
            jiff::civil::date(2026, 12, 26),
            jiff::civil::date(2026, 12, 27),
        );
        assert!(sunday.holds(next) && !sunday.holds(saturday));
        let span: DayOff = "2026-12-24..2026-12-26".parse().unwrap();
        assert!(span.holds(saturday) && !span.holds(next));
        for text in ["", "s", "25.12.", "2026-12-26..2026-12-24", "2026-02-30"] {
            assert!(text.parse::<DayOff>().is_err(), "{text}");
        }
    }
}
