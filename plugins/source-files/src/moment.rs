//! When a file was exported, and which days its rows cover.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::time::SystemTime;

/// The moment of export: Unix seconds in front of the name, as 抖店 writes them; else the first date and time in the name; else the
/// file's own time. A midnight in a name is the start of a window, not a moment of export.
pub(crate) fn exported_at(name: &str, modified: SystemTime, zone: &TimeZone) -> Timestamp {
    leading_seconds(name)
        .or_else(|| {
            moment_in(name)
                .and_then(|at| at.to_zoned(zone.clone()).ok())
                .map(|at| at.timestamp())
        })
        .unwrap_or_else(|| whole_seconds(modified))
}

fn whole_seconds(time: SystemTime) -> Timestamp {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn leading_seconds(name: &str) -> Option<Timestamp> {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    let seconds: i64 = digits.parse().ok()?;
    // 2001 to 2128: ten digits that can be seconds.
    (digits.len() == 10 && (1_000_000_000..5_000_000_000).contains(&seconds))
        .then(|| Timestamp::from_second(seconds).ok())
        .flatten()
}

/// The first date with a time of day other than midnight, if it comes first.
fn moment_in(name: &str) -> Option<DateTime> {
    let groups = numbers(name);
    let at = (0..groups.len()).find_map(|from| moment_of(groups.get(from..)?))?;
    (at.time() != jiff::civil::Time::midnight()).then_some(at)
}

fn moment_of(groups: &[&str]) -> Option<DateTime> {
    let joined: String = match groups {
        [all, ..] if all.len() == 14 => (*all).to_owned(),
        [date, time, ..] if date.len() == 8 && time.len() == 6 => format!("{date}{time}"),
        [year, rest @ ..]
            if year.len() == 4
                && rest.len() >= 5
                && rest.iter().take(5).all(|part| part.len() == 2) =>
        {
            groups.iter().take(6).copied().collect()
        }
        _ => return None,
    };
    DateTime::strptime("%Y%m%d%H%M%S", joined).ok()
}

fn numbers(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect()
}

/// The least and the greatest day seen in a column.
#[derive(Debug, Default)]
pub(crate) struct Covers {
    days: Option<(Date, Date)>,
    last: String,
}

impl Covers {
    /// Takes a cell; cells without a day change nothing.
    pub(crate) fn see(&mut self, cell: &str) {
        // Rows of one day come in a row: their day is read once.
        let day = cell.split([' ', 'T']).next().unwrap_or_default();
        if day == self.last && cell.len() < 20 {
            return;
        }
        day.clone_into(&mut self.last);
        for day in days_in(cell) {
            self.days = Some(
                self.days
                    .map_or((day, day), |(first, last)| (first.min(day), last.max(day))),
            );
        }
    }

    /// First and last day.
    pub(crate) fn days(&self) -> Option<(Date, Date)> {
        self.days
    }
}

/// Days in a cell: 2026-09-22, 2026/9/22 8:00, 20260922, 2026年9月22日, 2/21/2020, and both ends of a range.
fn days_in(cell: &str) -> Vec<Date> {
    let groups = numbers(cell);
    let (mut rest, mut days) = (groups.as_slice(), Vec::new());
    while let Some((_, after)) = rest.split_first() {
        rest = match day_of(rest) {
            Some((day, beyond)) => {
                days.push(day);
                beyond
            }
            None => after,
        };
    }
    days
}

/// The day that the groups begin with, and the groups after it.
fn day_of<'a, 'b>(groups: &'b [&'a str]) -> Option<(Date, &'b [&'a str])> {
    let (year, month, day, beyond) = match groups {
        [all, beyond @ ..] if all.len() == 8 => {
            return Some((Date::strptime("%Y%m%d", all).ok()?, beyond));
        }
        [year, month, day, beyond @ ..]
            if year.len() == 4 && month.len() <= 2 && day.len() <= 2 =>
        {
            (year, month, day, beyond)
        }
        [month, day, year, beyond @ ..]
            if year.len() == 4 && month.len() <= 2 && day.len() <= 2 =>
        {
            (year, month, day, beyond)
        }
        _ => return None,
    };
    Some((
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?,
        beyond,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(name: &str) -> String {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        exported_at(
            name,
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000),
            &zone,
        )
        .to_string()
    }

    #[test]
    fn the_name_says_when_it_was_exported() {
        assert_eq!(at("1791430000_订单.csv"), "2026-10-08T03:26:40Z");
        assert_eq!(
            at("直播间详情页_整场数据下载_2025-09-09_15-40-44(店铺名_2025-09-08_00-00-46).xlsx"),
            "2025-09-09T07:40:44Z"
        );
        assert_eq!(at("orders_20260922080001.csv"), "2026-09-22T00:00:01Z");
        assert_eq!(at("orders 20260922-080001.csv"), "2026-09-22T00:00:01Z");
    }

    #[test]
    fn a_window_in_the_name_is_no_moment() {
        assert_eq!(
            at("全域数据_素材分析_视频_2026-06-18 00_00_00-2026-06-18 23_59_59-xxx.xlsx"),
            "1970-01-01T00:16:40Z"
        );
        assert_eq!(
            at("【生意参谋平台】商品_全部_2026-06-18_2026-06-18.xls"),
            "1970-01-01T00:16:40Z"
        );
        assert_eq!(at("17914300001_x.csv"), "1970-01-01T00:16:40Z");
    }

    #[test]
    fn days_are_read_from_every_way_of_writing_them() {
        for cell in [
            "2026-09-22 08:15:49",
            "2026/9/22 8:00",
            "20260922",
            "2026年9月22日",
            "9/22/2026 8:26",
            "2026-09-22T08:00:00",
        ] {
            assert_eq!(days_in(cell), [Date::constant(2026, 9, 22)], "{cell}");
        }
        assert_eq!(days_in("2026/07/28 08:15:49-2026/07/29 15:44:39").len(), 2);
        for cell in ["-", "", "12", "41.93%", "6917926768823643751"] {
            assert_eq!(days_in(cell), [], "{cell}");
        }
    }

    #[test]
    fn covers_are_the_ends_of_what_was_seen() {
        let mut covers = Covers::default();
        for cell in [
            "-",
            "2026-09-22 23:59:59",
            "2026-09-22 00:00:01",
            "2026-09-20 12:00:00",
            "",
        ] {
            covers.see(cell);
        }
        assert_eq!(
            covers.days(),
            Some((Date::constant(2026, 9, 20), Date::constant(2026, 9, 22)))
        );
    }
}
