//! What people and platforms write into cells: null marks, amounts with signs and units, and dates in many orders.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A cell that holds something, but not what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// How a figure is stored, and what may stand in its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Figure {
    /// Four decimals.
    Money,
    /// Six decimals; `41.93%` is 41.93.
    Num,
}

impl Figure {
    /// Decimal places.
    pub(crate) fn scale(self) -> u8 {
        match self {
            Self::Money => 4,
            Self::Num => 6,
        }
    }
}

/// Decimal128(18, s): the largest unscaled value is below this.
const LIMIT: i128 = 1_000_000_000_000_000_000;

/// The cell without its wrapping (`="..."`, a leading apostrophe, blanks and tabs), or nothing where it says nothing.
pub(crate) fn blank(cell: &str) -> Option<&str> {
    let trim = |text: &str| -> usize { text.len() - text.trim_start_matches(is_blank).len() };
    let mut text = cell
        .get(trim(cell)..)
        .unwrap_or(cell)
        .trim_end_matches(is_blank);
    if let Some(inner) = text
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
    {
        text = inner.trim_matches(is_blank);
    }
    text = text.strip_prefix('\'').unwrap_or(text);
    let nothing = matches!(
        text,
        "" | "-" | "--" | "—" | "——" | "－" | "None" | "null" | "NULL" | "NaN" | "nan"
    );
    (!nothing).then_some(text)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// A figure at its scale, rounded half away from zero.
pub(crate) fn figure(cell: &str, kind: Figure) -> Result<Option<i128>, Unreadable> {
    let Some(text) = blank(cell) else {
        return Ok(None);
    };
    if text.is_ascii() {
        return written(text, kind).map(Some);
    }
    let narrow: String = text.chars().map(narrow).collect();
    written(&narrow, kind).map(Some)
}

/// Full-width digits and signs as plain ones.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' | '，' | '．' | '％' | '＋' | '－' => {
            char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c)
        }
        '\u{2212}' => '-',
        '￥' => '¥',
        other => other,
    }
}

fn written(text: &str, kind: Figure) -> Result<i128, Unreadable> {
    let mut rest = text;
    let mut negative = false;
    // A sign may stand before or after the currency: -¥5.00, ¥-5.00.
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('-') {
            if negative {
                return Err(Unreadable);
            }
            negative = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix(['+', '¥', '$', '€', '£']) {
            rest = after;
        } else {
            break;
        }
    }
    let (rest, power) = units(rest, kind)?;
    let value = decimal(rest, i32::from(kind.scale()) + power)?;
    if value >= LIMIT {
        return Err(Unreadable);
    }
    Ok(if negative { -value } else { value })
}

/// Strips `元`, `%`, and `万` or `亿`, which multiply.
fn units(text: &str, kind: Figure) -> Result<(&str, i32), Unreadable> {
    let text = text.strip_suffix('元').unwrap_or(text).trim_end();
    if let Some(rest) = text.strip_suffix('%') {
        return if kind == Figure::Num {
            Ok((rest.trim_end(), 0))
        } else {
            Err(Unreadable)
        };
    }
    for (unit, power) in [('万', 4), ('w', 4), ('W', 4), ('亿', 8)] {
        if let Some(rest) = text.strip_suffix(unit) {
            return Ok((rest.trim_end(), power));
        }
    }
    Ok((text, 0))
}

/// `1,234.50` or `1.5e3` times ten to the `shift`, rounded half away from zero; never negative.
fn decimal(text: &str, shift: i32) -> Result<i128, Unreadable> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| Unreadable)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !grouped(whole) {
        return Err(Unreadable);
    }
    let mut value: i128 = 0;
    for byte in whole
        .bytes()
        .filter(|byte| *byte != b',')
        .chain(fraction.bytes())
    {
        if !byte.is_ascii_digit() {
            return Err(Unreadable);
        }
        let digit = i128::from(byte - b'0');
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(digit))
            .ok_or(Unreadable)?;
    }
    let places = i32::try_from(fraction.len()).map_err(|_| Unreadable)?;
    scaled(value, shift.saturating_add(exponent).saturating_sub(places))
}

fn scaled(value: i128, power: i32) -> Result<i128, Unreadable> {
    let ten = |n: u32| 10_i128.checked_pow(n);
    if power >= 0 {
        let factor = ten(power.unsigned_abs());
        return match factor.and_then(|factor| value.checked_mul(factor)) {
            Some(value) => Ok(value),
            None if value == 0 => Ok(0),
            None => Err(Unreadable),
        };
    }
    // A divisor that does not fit leaves less than half a unit.
    Ok(ten(power.unsigned_abs()).map_or(0, |divisor| (value + divisor / 2) / divisor))
}

/// Commas only where they separate thousands: `1,23` may be a European decimal, and is not guessed at.
fn grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let mut rest = groups.peekable();
    rest.peek().is_none() || (matches!(first.len(), 1..=3) && rest.all(|group| group.len() == 3))
}

/// A wall-clock moment in microseconds; what carries an offset, or counts seconds since 1970, is put on the zone's clock.
pub(crate) fn moment(cell: &str, zone: Option<&TimeZone>) -> Result<Option<i64>, Unreadable> {
    let Some(text) = blank(cell) else {
        return Ok(None);
    };
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits(text, zone).map(Some);
    }
    if text.is_ascii() {
        return dated(text, zone).map(Some);
    }
    let plain: String = text.chars().map(separators).collect();
    dated(plain.trim().trim_end_matches(':'), zone).map(Some)
}

fn separators(c: char) -> char {
    match c {
        '年' | '月' => '-',
        '日' | '号' | '秒' => ' ',
        '时' | '点' | '分' | '：' => ':',
        '／' => '/',
        other => narrow(other),
    }
}

/// `20260922`, `20260922080000`, or seconds or milliseconds since 1970.
fn digits(text: &str, zone: Option<&TimeZone>) -> Result<i64, Unreadable> {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("0");
    match text.len() {
        8 | 14 => {
            let date = civil(part(0, 4), part(4, 6), part(6, 8))?;
            let time = if text.len() == 14 {
                clock([part(8, 10), part(10, 12), part(12, 14)])?
            } else {
                Time::midnight()
            };
            micros(date.to_datetime(time))
        }
        10 | 13 => {
            let number: i64 = text.parse().map_err(|_| Unreadable)?;
            epoch(number, zone)
        }
        _ => Err(Unreadable),
    }
}

/// Seconds or milliseconds since 1970, told apart by size, on the zone's clock.
pub(crate) fn epoch(number: i64, zone: Option<&TimeZone>) -> Result<i64, Unreadable> {
    let instant = if number.unsigned_abs() < 100_000_000_000 {
        Timestamp::from_second(number)
    } else {
        Timestamp::from_millisecond(number)
    };
    on_clock(instant.map_err(|_| Unreadable)?, zone)
}

/// An instant on the zone's clock.
pub(crate) fn on_clock(instant: Timestamp, zone: Option<&TimeZone>) -> Result<i64, Unreadable> {
    micros(zone.ok_or(Unreadable)?.to_datetime(instant))
}

fn dated(text: &str, zone: Option<&TimeZone>) -> Result<i64, Unreadable> {
    let (date, time) = match text.split_once([' ', 'T', 't']) {
        Some((date, time)) => (date, time.trim()),
        None => (text, ""),
    };
    let date = ordered(date)?;
    if time.is_empty() {
        return micros(date.to_datetime(Time::midnight()));
    }
    let (time, offset) = offset(time)?;
    let moment = date.to_datetime(timed(time)?);
    match offset {
        None => micros(moment),
        Some(offset) => on_clock(offset.to_timestamp(moment).map_err(|_| Unreadable)?, zone),
    }
}

/// `2026-9-22`, `2026/9/22`, `2026.9.22`, or the American `9/22/2026`.
fn ordered(text: &str) -> Result<Date, Unreadable> {
    let mut parts = text.trim().split(['-', '/', '.']);
    let mut next = || parts.next().ok_or(Unreadable);
    let (first, second, third) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return Err(Unreadable);
    }
    match (first.len(), third.len()) {
        (4, 1..=2) => civil(first, second, third),
        (1..=2, 4) => civil(third, first, second),
        _ => Err(Unreadable),
    }
}

fn civil(year: &str, month: &str, day: &str) -> Result<Date, Unreadable> {
    let year: i16 = number(year)?;
    if !(1900..=2200).contains(&year) {
        return Err(Unreadable);
    }
    Date::new(year, number(month)?, number(day)?).map_err(|_| Unreadable)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unreadable> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unreadable);
    }
    text.parse().map_err(|_| Unreadable)
}

/// `8:00`, `08:00:05`, `08:00:05.123`, `8:00 PM`.
fn timed(text: &str) -> Result<Time, Unreadable> {
    let upper = text.to_ascii_uppercase();
    let (text, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(rest), _) => (rest.trim_end(), Some(0)),
        (_, Some(rest)) => (rest.trim_end(), Some(12)),
        _ => (upper.as_str(), None),
    };
    let mut parts = text.split(':');
    let (hour, minute, second) = (
        parts.next().unwrap_or(""),
        parts.next().unwrap_or(""),
        parts.next().unwrap_or("0"),
    );
    if parts.next().is_some() {
        return Err(Unreadable);
    }
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let time = clock([hour, minute, second])?;
    let hour = match (half, time.hour()) {
        (None, hour) => hour,
        (Some(half), hour @ 1..=12) => hour % 12 + half,
        _ => return Err(Unreadable),
    };
    let nanos = if fraction.is_empty() {
        0
    } else {
        decimal(&format!("0.{fraction}"), 9)?
    };
    let nanos = i32::try_from(nanos)
        .map_err(|_| Unreadable)?
        .min(999_999_999);
    Time::new(hour, time.minute(), time.second(), nanos).map_err(|_| Unreadable)
}

fn clock([hour, minute, second]: [&str; 3]) -> Result<Time, Unreadable> {
    Time::new(number(hour)?, number(minute)?, number(second)?, 0).map_err(|_| Unreadable)
}

/// Splits `Z`, `+08:00` or `+0800` off a time.
fn offset(time: &str) -> Result<(&str, Option<Offset>), Unreadable> {
    if let Some(rest) = time.strip_suffix(['Z', 'z']) {
        return Ok((rest, Some(Offset::UTC)));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Ok((time, None));
    };
    let (rest, written) = time.split_at(at);
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        2 => (number::<i32>(&digits)?, 0),
        4 => (
            number::<i32>(digits.get(..2).unwrap_or(""))?,
            number::<i32>(digits.get(2..).unwrap_or(""))?,
        ),
        _ => return Err(Unreadable),
    };
    let seconds = (hours * 60 + minutes) * 60;
    let signed = if written.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    Offset::from_seconds(signed)
        .map(|offset| (rest.trim_end(), Some(offset)))
        .map_err(|_| Unreadable)
}

/// Microseconds since 1970 on the same clock.
pub(crate) fn micros(moment: DateTime) -> Result<i64, Unreadable> {
    let since: SignedDuration = moment.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(since.as_micros()).map_err(|_| Unreadable)
}

/// Days since 1970, as Arrow stores a day.
pub(crate) fn day_number(day: Date) -> i32 {
    let hours = day.duration_since(Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours / 24).unwrap_or(i32::MAX)
}

/// The day of that number.
pub(crate) fn day_of(number: i32) -> Option<Date> {
    Date::constant(1970, 1, 1)
        .checked_add(SignedDuration::from_hours(i64::from(number) * 24))
        .ok()
}

/// Whether a spreadsheet has turned an id into `6.91793E+18`: its digits are gone.
pub(crate) fn ruined_id(cell: &str) -> bool {
    let Some((mantissa, exponent)) = cell.trim().split_once(['e', 'E']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let marked = mantissa.contains('.') || exponent.starts_with('+');
    marked
        && whole.len() == 1
        && digits(whole)
        && digits(fraction)
        && digits(exponent.trim_start_matches('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_micros(micros: i64) -> DateTime {
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
            .checked_add(SignedDuration::from_micros(micros))
            .unwrap()
    }

    fn money(cell: &str) -> Result<Option<i128>, Unreadable> {
        figure(cell, Figure::Money)
    }

    fn num(cell: &str) -> Result<Option<i128>, Unreadable> {
        figure(cell, Figure::Num)
    }

    fn at(cell: &str) -> String {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        match moment(cell, Some(&zone)) {
            Ok(Some(micros)) => from_micros(micros).to_string(),
            Ok(None) => "missing".to_owned(),
            Err(Unreadable) => "unreadable".to_owned(),
        }
    }

    #[test]
    fn null_marks_say_nothing_and_wrapping_goes() {
        for cell in ["", "-", "--", "—", "－", "None", " \t", "\u{feff}", "=\"\""] {
            assert_eq!(blank(cell), None, "{cell:?}");
            assert_eq!(money(cell), Ok(None), "{cell:?}");
            assert_eq!(at(cell), "missing", "{cell:?}");
        }
        // formats.md 0.2: every wrapping seen around a long id.
        for cell in [
            "\t6917926768823643751",
            "'6917926768823643751",
            "6917926768823643751\t",
            "=\"6917926768823643751\"",
        ] {
            assert_eq!(blank(cell), Some("6917926768823643751"), "{cell:?}");
        }
    }

    #[test]
    fn amounts_as_platforms_write_them() {
        let cases = [
            ("1,234.50", 12_345_000),
            ("¥236,552", 2_365_520_000),
            ("¥26,439.25", 264_392_500),
            ("￥26,439.25", 264_392_500),
            ("3.2万", 320_000_000),
            ("3.2万元", 320_000_000),
            ("1.2w", 120_000_000),
            ("1.5亿", 1_500_000_000_000),
            ("12元", 120_000),
            ("-¥5.00", -50_000),
            ("¥-5", -50_000),
            ("０．５", 5_000),
            (".5", 5_000),
            ("5.", 50_000),
            ("0.00005", 1),
            ("-0.00005", -1),
            ("0.00004", 0),
            ("1.5E+3", 15_000_000),
            ("+7", 70_000),
        ];
        for (cell, want) in cases {
            assert_eq!(money(cell), Ok(Some(want)), "{cell}");
        }
    }

    #[test]
    fn what_is_no_amount_is_not_guessed() {
        let bad = [
            "1,23",
            "12,34.5",
            "abc",
            "数据将于第二天更新",
            "41.93%",
            "--5",
            "1.2.3",
            "¥",
            "1分5秒",
            "99999999999999999",
            "1e99",
            "1 2",
        ];
        for cell in bad {
            assert_eq!(money(cell), Err(Unreadable), "{cell}");
        }
    }

    #[test]
    fn a_percentage_keeps_its_number() {
        assert_eq!(num("41.93%"), Ok(Some(41_930_000)));
        assert_eq!(num("41.93％"), Ok(Some(41_930_000)));
        assert_eq!(num("0.1972"), Ok(Some(197_200)));
        assert_eq!(num("9.625"), Ok(Some(9_625_000)));
    }

    #[test]
    fn moments_in_every_order_seen() {
        let cases = [
            ("2026-09-22 08:00:05", "2026-09-22T08:00:05"),
            ("2026-09-22T08:00:05.250", "2026-09-22T08:00:05.25"),
            ("2026/9/22 8:00", "2026-09-22T08:00:00"),
            ("2026/9/22", "2026-09-22T00:00:00"),
            ("2/21/2020", "2020-02-21T00:00:00"),
            ("12/1/2010 8:26", "2010-12-01T08:26:00"),
            ("2/21/2020 8:05 PM", "2020-02-21T20:05:00"),
            ("2/21/2020 12:05 AM", "2020-02-21T00:05:00"),
            ("2026年9月22日", "2026-09-22T00:00:00"),
            ("2026年9月22日 8:05", "2026-09-22T08:05:00"),
            ("2026年9月22日8时5分", "2026-09-22T08:05:00"),
            ("20260922", "2026-09-22T00:00:00"),
            ("20260922080005", "2026-09-22T08:00:05"),
            ("2026-09-22T00:00:05Z", "2026-09-22T08:00:05"),
            ("2026-09-22T09:00:05+09:00", "2026-09-22T08:00:05"),
            ("1790035205", "2026-09-22T08:00:05"),
            ("1790035205000", "2026-09-22T08:00:05"),
        ];
        for (cell, want) in cases {
            assert_eq!(at(cell), want, "{cell}");
        }
        for cell in [
            "21/2/2020",
            "2026-13-01",
            "2026-02-30",
            "2026-09",
            "8:00",
            "12.5",
            "1226-01-01",
            "soon",
            "2026-09-22 25:00",
        ] {
            assert_eq!(at(cell), "unreadable", "{cell}");
        }
        assert_eq!(
            moment("2026-09-22T08:00:05Z", None),
            Err(Unreadable),
            "no zone to put it in"
        );
    }

    #[test]
    fn days_and_numbers_are_the_same_thing() {
        for day in ["1970-01-01", "2011-11-21", "1969-12-31", "2100-02-28"] {
            let day: Date = day.parse().unwrap();
            assert_eq!(day_of(day_number(day)), Some(day));
        }
        assert_eq!(day_number("2000-01-01".parse().unwrap()), 10957);
    }

    #[test]
    fn only_a_spreadsheets_notation_ruins_an_id() {
        for cell in ["6.9E+18", "6.91793E+18", "7E+18", "6.917926768823644e18"] {
            assert!(ruined_id(cell), "{cell}");
        }
        for cell in [
            "6917926768823643751",
            "22E5",
            "E12",
            "85123A",
            "1.5",
            "POST",
            "12.3E+4",
        ] {
            assert!(!ruined_id(cell), "{cell}");
        }
    }
}
