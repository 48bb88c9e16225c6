//! Days as numbers, their texts, the shape of weeks, hours and campaigns.

use jiff::ToSpan;
use jiff::civil::Date;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// Asia/Shanghai has kept this distance from UTC since 1991.
const ZONE: i64 = 8 * 3600;
/// Days after the last one whose dates may still be written (shipping, maturing refunds, promises).
const AHEAD: i64 = 90;

/// The days of a shop's history. A day is its number since 1970-01-01, a moment the wall-clock seconds since then.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    /// First day.
    pub first: i64,
    /// Last business day.
    pub last: i64,
    dates: Vec<String>,
    /// Campaigns that begin in the history, oldest first.
    pub festivals: Vec<Festival>,
}

/// What a day does to demand, in thousandths of an ordinary day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mood {
    /// Impressions and clicks.
    pub traffic: i64,
    /// Orders per click.
    pub conversion: i64,
    /// Carts per click.
    pub carts: i64,
    /// Discounts.
    pub offers: i64,
}

/// A campaign of nine days: five of warm-up, two of burst, two of return. 双11 ends on 11-13, so that the Saturday before the
/// last day is an ordinary one to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Festival {
    /// Id in the config.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is 双11, which may be compared with last year's.
    pub eleven: bool,
    /// First day.
    pub starts: i64,
    /// How strong its lift is, in thousandths of that of 双11.
    strength: i64,
}

/// Phases: id, name, first offset, last offset.
pub(crate) const PHASES: [(&str, &str, i64, i64); 3] = [
    ("warmup", "预热", 0, 4),
    ("burst", "爆发", 5, 6),
    ("return", "返场", 7, 8),
];

/// Id, name, month, day, strength of every campaign of a year.
const FESTIVALS: [(&str, &str, i8, i8, i64); 6] = [
    ("nianhuo", "年货节", 1, 6, 700),
    ("s38", "38 大促", 3, 2, 650),
    ("s618", "618 大促", 6, 12, 900),
    ("s99", "99 大促", 9, 3, 750),
    ("d11", "双11", 11, 5, 1000),
    ("d12", "双12", 12, 6, 700),
];

/// Monday to Sunday, in thousandths.
const WEEK: [i64; 7] = [930, 920, 945, 960, 1045, 1115, 1085];

/// Hours of 直播, 短视频, 商品卡 and 图文, in thousandths of the day.
const HOURS: [[i64; 24]; 4] = [
    [
        18, 6, 3, 2, 2, 4, 10, 18, 28, 38, 46, 44, 42, 40, 38, 36, 38, 44, 58, 92, 122, 128, 96, 47,
    ],
    [
        26, 14, 8, 5, 4, 6, 14, 28, 38, 42, 46, 50, 64, 58, 46, 42, 42, 46, 54, 66, 82, 90, 79, 50,
    ],
    [
        22, 12, 6, 4, 4, 6, 14, 30, 44, 56, 62, 58, 60, 56, 52, 50, 50, 50, 50, 58, 72, 78, 66, 40,
    ],
    [
        26, 14, 8, 5, 4, 6, 14, 28, 38, 42, 46, 50, 64, 58, 46, 42, 42, 46, 54, 66, 82, 90, 79, 50,
    ],
];

impl Calendar {
    /// `days` days that end with `until`.
    pub(crate) fn new(until: Date, days: i64) -> Result<Self, jiff::Error> {
        let last = number(until);
        let first = last - days + 1;
        let begin = until.checked_sub((days - 1).days())?;
        let dates = (0..days + AHEAD)
            .map(|offset| {
                begin
                    .checked_add(offset.days())
                    .map(|date| date.to_string())
            })
            .collect::<Result<_, _>>()?;
        let festivals = festivals(begin, until);
        Ok(Self {
            first,
            last,
            dates,
            festivals,
        })
    }

    /// Days of history.
    pub(crate) fn days(&self) -> i64 {
        self.last - self.first + 1
    }

    /// The date of a day; days beyond the table are written as its last one.
    pub(crate) fn date(&self, day: i64) -> &str {
        let index = usize::try_from(day - self.first)
            .unwrap_or(0)
            .min(self.dates.len() - 1);
        &self.dates[index]
    }

    /// What the calendar makes of a day, without its noise.
    pub(crate) fn mood(&self, day: i64) -> Mood {
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        let trend = 970 + 60 * (day - self.first) / self.days();
        let plain = Mood {
            traffic: WEEK[weekday] * trend / 1000,
            conversion: 1000,
            carts: 1000,
            offers: 1000,
        };
        self.festivals
            .iter()
            .find_map(|festival| festival.shape(day))
            .map_or(plain, |shape| Mood {
                traffic: plain.traffic * shape.traffic / 1000,
                ..shape
            })
    }
}

impl Festival {
    /// Its last day.
    pub(crate) fn ends(&self) -> i64 {
        self.starts + 8
    }

    /// The mood around it: a dip before, three phases, a dip after, an ordinary day five days after its end.
    fn shape(&self, day: i64) -> Option<Mood> {
        let (traffic, conversion, carts, offers) = match day - self.starts {
            -3..=-1 => (970, 930, 1150, 1000),
            0..=4 => (1150, 840, 1600, 1100),
            5 => (2200, 1420, 1200, 1700),
            6 => (2500, 1500, 1100, 1700),
            7..=8 => (1350, 1090, 1000, 1400),
            9..=12 => (960, 985, 980, 1000),
            _ => return None,
        };
        let soften = |factor: i64| 1000 + (factor - 1000) * self.strength / 1000;
        Some(Mood {
            traffic: soften(traffic),
            conversion: soften(conversion),
            carts: soften(carts),
            offers: soften(offers),
        })
    }
}

/// Thousandths of the day for a carrier's hours.
pub(crate) fn hours(carrier: usize) -> &'static [i64; 24] {
    &HOURS[carrier % HOURS.len()]
}

/// A civil day's number since 1970-01-01.
pub(crate) fn number(day: Date) -> i64 {
    i64::from((day - jiff::civil::date(1970, 1, 1)).get_days())
}

/// Unix seconds of a wall-clock moment.
pub(crate) fn unix(moment: i64) -> i64 {
    moment - ZONE
}

/// Campaigns that begin inside, and late enough to have ordinary weeks before them.
fn festivals(begin: Date, until: Date) -> Vec<Festival> {
    let (first, last) = (number(begin), number(until));
    (begin.year()..=until.year())
        .flat_map(|year| FESTIVALS.iter().map(move |festival| (year, festival)))
        .map(|(year, &(id, name, month, day, strength))| Festival {
            id: format!("{id}-{year}"),
            name: format!("{name} {year}"),
            eleven: id == "d11",
            starts: number(jiff::civil::date(year, month, day)),
            strength,
        })
        .filter(|festival| first + 14 <= festival.starts && festival.starts <= last)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_small_history_holds_two_whole_campaigns() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let ids: Vec<&str> = calendar.festivals.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids, ["s99-2026", "d11-2026"]);
        assert_eq!(calendar.date(calendar.last), "2026-11-21");
        assert_eq!(calendar.date(calendar.first), "2026-07-25");
        let d11 = &calendar.festivals[1];
        assert_eq!(
            (calendar.date(d11.starts), calendar.date(d11.ends())),
            ("2026-11-05", "2026-11-13")
        );
        assert!(calendar.mood(d11.starts + 6).traffic > 2000);
    }

    #[test]
    fn the_last_day_is_an_ordinary_saturday() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let (today, before) = (
            calendar.mood(calendar.last),
            calendar.mood(number(date(2026, 10, 24))),
        );
        assert_eq!(today.conversion, before.conversion);
        assert!((today.traffic - before.traffic).abs() < 25);
    }

    #[test]
    fn hours_are_whole_days() {
        for carrier in 0..4 {
            assert_eq!(hours(carrier).iter().sum::<i64>(), 1000, "{carrier}");
        }
    }
}
