//! Business periods: half-open spans of civil days, written `2026-11-21`, `2026-W47`, `2026-11` or `2026-11-01..2026-11-11`.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The size of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// One day.
    Day,
    /// An ISO week, Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// Any other run of days: a campaign, or the days since the last issue.
    Span,
}

/// Civil days from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    start: Date,
    end: Date,
    grain: Grain,
}

impl Period {
    /// One day.
    ///
    /// # Errors
    /// The calendar's last day has no day after it.
    pub fn day(day: Date) -> Result<Self, String> {
        Ok(Self {
            start: day,
            end: shift(day, 1)?,
            grain: Grain::Day,
        })
    }

    /// The ISO week that holds `day`.
    ///
    /// # Errors
    /// The week runs out of the calendar.
    pub fn week_of(day: Date) -> Result<Self, String> {
        let start = shift(day, -i64::from(day.weekday().to_monday_zero_offset()))?;
        Ok(Self {
            start,
            end: shift(start, 7)?,
            grain: Grain::Week,
        })
    }

    /// The month that holds `day`.
    ///
    /// # Errors
    /// The month runs out of the calendar.
    pub fn month_of(day: Date) -> Result<Self, String> {
        let end = shift(day.last_of_month(), 1)?;
        Ok(Self {
            start: day.first_of_month(),
            end,
            grain: Grain::Month,
        })
    }

    /// Days from `first` to `last`, both included; a single day is a day.
    ///
    /// # Errors
    /// `last` before `first`.
    pub fn span(first: Date, last: Date) -> Result<Self, String> {
        if last < first {
            return Err(format!("the period {first}..{last} ends before it begins"));
        }
        if first == last {
            return Self::day(first);
        }
        Ok(Self {
            start: first,
            end: shift(last, 1)?,
            grain: Grain::Span,
        })
    }

    /// First day.
    #[must_use]
    pub fn start(&self) -> Date {
        self.start
    }

    /// The day after the last.
    #[must_use]
    pub fn end(&self) -> Date {
        self.end
    }

    /// Last day.
    #[must_use]
    pub fn last(&self) -> Date {
        self.end.yesterday().unwrap_or(self.end)
    }

    /// Size.
    #[must_use]
    pub fn grain(&self) -> Grain {
        self.grain
    }

    /// Number of days.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::try_from((self.end - self.start).get_days()).unwrap_or(0)
    }

    /// The days themselves, in order.
    pub fn each_day(&self) -> impl Iterator<Item = Date> + use<> {
        let end = self.end;
        self.start.series(1.day()).take_while(move |day| *day < end)
    }

    /// Whether `day` is inside.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.start <= day && day < self.end
    }

    /// The period of the same size just before: the same weekday a week earlier for a day, the previous week or month
    /// else, as many days before for a span.
    ///
    /// # Errors
    /// It would begin before the calendar.
    pub fn previous(&self) -> Result<Self, String> {
        match self.grain {
            Grain::Day => Self::day(shift(self.start, -7)?),
            Grain::Week => Self::week_of(shift(self.start, -7)?),
            Grain::Month => Self::month_of(shift(self.start, -1)?),
            Grain::Span => {
                let days = i64::from(self.days());
                Ok(Self {
                    start: shift(self.start, -days)?,
                    end: self.start,
                    grain: Grain::Span,
                })
            }
        }
    }
}

fn shift(day: Date, days: i64) -> Result<Date, String> {
    day.checked_add(Span::new().days(days))
        .map_err(|e| e.to_string())
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grain {
            Grain::Day => write!(f, "{}", self.start),
            Grain::Week => {
                let week = self.start.iso_week_date();
                write!(f, "{}-W{:02}", week.year(), week.week())
            }
            Grain::Month => write!(f, "{}", self.start.strftime("%Y-%m")),
            Grain::Span => write!(f, "{}..{}", self.start, self.last()),
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: String| {
            format!(
                "`{text}` is not a period ({why}); write 2026-11-21, 2026-W47, 2026-11 or 2026-11-01..2026-11-11"
            )
        };
        let date = |part: &str| part.parse::<Date>().map_err(|e| bad(e.to_string()));
        if let Some((first, last)) = text.split_once("..") {
            return Self::span(date(first)?, date(last)?);
        }
        if let Some((year, week)) = text.split_once("-W") {
            let year: i16 = year.parse().map_err(|_| bad("no year".into()))?;
            let week: i8 = week.parse().map_err(|_| bad("no week".into()))?;
            let monday =
                ISOWeekDate::new(year, week, Weekday::Monday).map_err(|e| bad(e.to_string()))?;
            return Self::week_of(monday.date());
        }
        if text.len() == 7 {
            return Self::month_of(date(&format!("{text}-01"))?);
        }
        Self::day(date(text)?)
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_reads_back() {
        for text in [
            "2026-11-21",
            "2026-W47",
            "2026-11",
            "2026-11-01..2026-11-11",
            "2026-W01",
            "2020-W53",
        ] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn iso_weeks_cross_the_year() {
        let week: Period = "2026-W01".parse().unwrap();
        assert_eq!(week.start().to_string(), "2025-12-29");
        assert_eq!(week.days(), 7);
        assert!(week.contains("2026-01-04".parse().unwrap()));
        assert!(!week.contains("2026-01-05".parse().unwrap()));
    }

    #[test]
    fn previous_is_the_comparable_one() {
        let prev = |text: &str| {
            text.parse::<Period>()
                .unwrap()
                .previous()
                .unwrap()
                .to_string()
        };
        assert_eq!(prev("2026-11-21"), "2026-11-14");
        assert_eq!(prev("2026-W01"), "2025-W52");
        assert_eq!(prev("2026-03"), "2026-02");
        assert_eq!(prev("2026-11-01..2026-11-11"), "2026-10-21..2026-10-31");
    }

    #[test]
    fn nonsense_is_named() {
        assert!(
            "2026-13-01"
                .parse::<Period>()
                .unwrap_err()
                .contains("2026-W47")
        );
        assert!(
            "2026-11-11..2026-11-01"
                .parse::<Period>()
                .unwrap_err()
                .contains("before it begins")
        );
    }
}
