//! Working days in China: 法定节假日 and 调休, from the yearly notices of the State Council; a year without a notice is said, never guessed.

use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// NateScarlet/holiday-cn (MIT), see `data/README.md`.
const DATA: &str = include_str!("../data/holiday-cn.json");

/// What is known of one day. Holidays are named as in the notices: 国庆节.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// People work as in every week.
    Working,
    /// People work on a weekend, made up for this holiday (调休).
    MadeUp(&'static str),
    /// A weekend.
    Off,
    /// This holiday.
    Holiday(&'static str),
    /// No notice for this year is built in, so only the weekday is known.
    Unknown {
        /// Whether it is Monday to Friday.
        weekday: bool,
    },
}

#[derive(Deserialize)]
struct Year {
    year: i16,
    days: Vec<Day>,
}

#[derive(Deserialize)]
struct Day {
    name: String,
    date: Date,
    #[serde(rename = "isOffDay")]
    off: bool,
}

#[derive(Default)]
struct Calendar {
    years: BTreeSet<i16>,
    days: BTreeMap<Date, Day>,
}

fn calendar() -> &'static Calendar {
    static CALENDAR: OnceLock<Calendar> = OnceLock::new();
    // The data is part of the program and read by a test; unreadable data would make every year unknown, which is said.
    CALENDAR.get_or_init(|| read(DATA).unwrap_or_default())
}

fn read(data: &str) -> Result<Calendar, serde_json::Error> {
    let written: BTreeMap<String, Year> = serde_json::from_str(data)?;
    let years = written
        .values()
        .filter(|year| !year.days.is_empty())
        .map(|year| year.year)
        .collect();
    let days = written
        .into_values()
        .flat_map(|year| year.days)
        .map(|day| (day.date, day))
        .collect();
    Ok(Calendar { years, days })
}

/// Whether people work on a day in China.
#[must_use]
pub fn work(day: Date) -> Work {
    let weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    match calendar().days.get(&day) {
        Some(known) if known.off => Work::Holiday(&known.name),
        Some(known) => Work::MadeUp(&known.name),
        None if !calendar().years.contains(&day.year()) => Work::Unknown { weekday },
        None if weekday => Work::Working,
        None => Work::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_built_in_data_reads_and_covers_its_years() {
        let calendar = read(DATA).unwrap();
        assert!(
            calendar.years.contains(&2019) && calendar.years.contains(&2026),
            "{:?}",
            calendar.years
        );
        assert!(calendar.days.len() > 200);
    }

    #[test]
    fn holidays_and_made_up_weekends_of_the_notices() {
        // 国办发明电〔2018〕15号: 2018-12-29 (Saturday) is worked for 元旦 2019.
        assert_eq!(work(date(2018, 12, 29)), Work::MadeUp("元旦"));
        assert_eq!(work(date(2018, 12, 31)), Work::Holiday("元旦"));
        // 国庆 2024: 1 to 7 October off, 12 October (Saturday) worked.
        assert_eq!(work(date(2024, 10, 7)), Work::Holiday("国庆节"));
        assert_eq!(work(date(2024, 10, 8)), Work::Working);
        assert_eq!(work(date(2024, 10, 12)), Work::MadeUp("国庆节"));
        assert_eq!(work(date(2024, 10, 13)), Work::Off);
    }

    #[test]
    fn a_year_without_a_notice_is_unknown() {
        assert_eq!(work(date(2031, 10, 1)), Work::Unknown { weekday: true });
        assert_eq!(work(date(2031, 10, 4)), Work::Unknown { weekday: false });
    }
}
