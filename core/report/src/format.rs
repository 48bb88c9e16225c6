//! Figures as words: money, counts, percent and changes by language, with real minus signs, 万/亿 and missing-value texts.

use chenbao_model::document::Measure;
use chenbao_model::money::round;
use chenbao_model::result::{Missing, Why};
use chenbao_model::strings::{Piece, Strings, pieces};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

/// The real minus, U+2212.
pub const MINUS: char = '\u{2212}';

/// Stands behind a multiple.
const TIMES: char = '×';

/// What stands for a figure that is not there.
pub const DASH: &str = "—";

/// What a unit asks of the formatter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Money in the shop's currency: `money` or an ISO 4217 code.
    Money,
    /// Percent: 3.12 is 3.12 %.
    Percent,
    /// Percentage points.
    Points,
    /// Days.
    Days,
    /// A count of something: `{order}`.
    Count,
    /// How many times something else: 4.42 is 4.42 times.
    Times,
    /// A bare number.
    Number,
}

impl Unit {
    /// Reads a unit as results write it.
    #[must_use]
    pub fn of(unit: &str) -> Self {
        match unit {
            "money" => Self::Money,
            "%" => Self::Percent,
            "pp" => Self::Points,
            "d" => Self::Days,
            "x" => Self::Times,
            counted if counted.starts_with('{') => Self::Count,
            code if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => Self::Money,
            _ => Self::Number,
        }
    }

    /// The measure of a chart's axis.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::Money => Measure::Money,
            Self::Percent | Self::Points => Measure::Percent,
            Self::Count => Measure::Count,
            Self::Times => Measure::Times,
            Self::Days | Self::Number => Measure::Number,
        }
    }
}

/// How much room a figure has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// In strips: all digits, `¥1,284,306`.
    Full,
    /// In sentences: `¥128.4 万`.
    Short,
    /// On charts: `128.4万`, the currency stands in the chart's note.
    Tight,
    /// Always in 万, where the language counts so: `¥12,843.1 万`.
    Wan,
    /// Always in 亿, where the language counts so: `¥1.28 亿`.
    Yi,
}

/// Formats figures for one language and currency.
#[derive(Debug, Clone)]
pub struct Formatter<'a> {
    chinese: bool,
    symbol: String,
    words: &'a Strings,
}

impl<'a> Formatter<'a> {
    /// A formatter; `words` holds the reasons for missing figures and the names of units.
    #[must_use]
    pub fn new(lang: &str, currency: &str, words: &'a Strings) -> Self {
        Self {
            chinese: lang.starts_with("zh"),
            symbol: symbol(currency),
            words,
        }
    }

    /// The currency's symbol.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// Words by key; a key without words shows itself, so that nothing is dropped in silence.
    #[must_use]
    pub fn word<'b>(&'b self, key: &'b str) -> &'b str {
        self.words.get(key).unwrap_or(key)
    }

    /// A figure with its unit.
    #[must_use]
    pub fn figure(&self, value: Decimal, unit: &str, style: Style) -> String {
        let body = self.unsigned(value.abs(), Unit::of(unit), style);
        if value.is_sign_negative() && has_digit_above_zero(&body) {
            format!("{MINUS}{body}")
        } else {
            body
        }
    }

    /// The same, always with a sign; zero has none.
    #[must_use]
    pub fn signed(&self, value: Decimal, unit: &str, style: Style) -> String {
        let body = self.unsigned(value.abs(), Unit::of(unit), style);
        match (has_digit_above_zero(&body), value.is_sign_negative()) {
            (false, _) => body,
            (true, true) => format!("{MINUS}{body}"),
            (true, false) => format!("+{body}"),
        }
    }

    /// A cell of a table column, with as many decimals as the whole column; money without symbol (the head has it).
    #[must_use]
    pub fn cell(&self, value: Decimal, unit: &str, places: u32) -> String {
        let digits = group(value.abs(), places);
        let sign = if value.is_sign_negative() && has_digit_above_zero(&digits) {
            MINUS.to_string()
        } else {
            String::new()
        };
        match Unit::of(unit) {
            Unit::Money | Unit::Number => format!("{sign}{digits}"),
            Unit::Days => format!("{sign}{digits}{}", self.word("unit.days")),
            Unit::Count => format!("{sign}{}", group(value.abs(), 0)),
            Unit::Percent => format!("{sign}{digits}%"),
            Unit::Times => format!("{sign}{digits}{TIMES}"),
            Unit::Points => format!("{sign}{digits}{}", self.word("unit.points")),
        }
    }

    /// Decimals of a whole column, so that its figures stand under each other.
    #[must_use]
    pub fn places(values: &[Decimal], unit: &str) -> u32 {
        let largest = values.iter().map(Decimal::abs).max().unwrap_or_default();
        let whole = values.iter().all(|value| value.fract().is_zero());
        match Unit::of(unit) {
            Unit::Money => u32::from(largest < Decimal::ONE_THOUSAND) * 2,
            Unit::Days => u32::from(!whole),
            Unit::Number | Unit::Times => u32::from(!whole) * 2,
            // As many as the rate that needs most: 3.12% beside 12.00%, but 3.3% beside 62.4%.
            Unit::Points | Unit::Percent => values
                .iter()
                .map(|value| round(value.abs(), rate_places(value.abs())))
                .map(|value| value.normalize().scale().max(1))
                .max()
                .unwrap_or(1),
            Unit::Count => 0,
        }
    }

    /// The relative change in percent (`+8.2%`) of sums; none when the base is zero or the unit has no relative change.
    #[must_use]
    pub fn change(&self, value: Decimal, base: Decimal, unit: &str) -> Option<String> {
        if !matches!(Unit::of(unit), Unit::Money | Unit::Count) {
            return None;
        }
        let percent = (value - base)
            .checked_div(base.abs())?
            .checked_mul(Decimal::ONE_HUNDRED)?;
        Some(self.percent_change(percent))
    }

    /// A change that is a percentage already.
    #[must_use]
    pub fn percent_change(&self, percent: Decimal) -> String {
        let places = u32::from(round(percent.abs(), 1) < Decimal::ONE_HUNDRED);
        self.percent_change_to(percent, places)
    }

    /// The same with the decimals of its column.
    #[must_use]
    pub fn percent_change_to(&self, percent: Decimal, places: u32) -> String {
        let body = self.rate_to(percent.abs(), places);
        match (has_digit_above_zero(&body), percent.is_sign_negative()) {
            (false, _) => body,
            (true, true) => format!("{MINUS}{body}"),
            (true, false) => format!("+{body}"),
        }
    }

    /// A rate with the decimals of its grid.
    #[must_use]
    pub fn rate_to(&self, percent: Decimal, places: u32) -> String {
        format!("{}%", group(percent, places))
    }

    /// The difference in the figure's own unit (`+¥9.7 万`); rates differ in percentage points.
    #[must_use]
    pub fn delta(&self, value: Decimal, base: Decimal, unit: &str, style: Style) -> String {
        let unit = if Unit::of(unit) == Unit::Percent {
            "pp"
        } else {
            unit
        };
        self.signed(value - base, unit, style)
    }

    /// Why a figure is missing, as a sentence without a full stop.
    #[must_use]
    pub fn reason(&self, missing: &Missing) -> String {
        let have = missing.have.clone().unwrap_or_default();
        let need = missing.need.clone().unwrap_or_default();
        let key = why_key(missing.why);
        let bare = format!("missing.{key}");
        let detailed = format!("missing.{key}_detail");
        let short = have.is_empty() && need.is_empty();
        let sentence = if short {
            self.word(&bare)
        } else {
            self.words
                .get(&detailed)
                .unwrap_or_else(|| self.word(&bare))
        };
        fill(
            sentence,
            &[("have", &self.tables(&have)), ("need", &self.tables(&need))],
        )
    }

    /// Names of canonical tables as words: `orders, refunds` is 订单、售后.
    #[must_use]
    pub fn tables(&self, written: &str) -> String {
        let name = |part: &str| {
            let key = format!("table.{part}");
            self.words.get(&key).unwrap_or(part).to_owned()
        };
        let names: Vec<String> = written.split(',').map(|part| name(part.trim())).collect();
        names.join(self.word("list.and"))
    }

    fn unsigned(&self, value: Decimal, unit: Unit, style: Style) -> String {
        match unit {
            Unit::Money => {
                let symbol = if style == Style::Tight {
                    ""
                } else {
                    self.symbol.as_str()
                };
                format!("{symbol}{}", self.amount(value, style, true))
            }
            Unit::Count => self.amount(value, style, false),
            Unit::Percent => format!("{}%", group(value, rate_places(value))),
            Unit::Points => format!(
                "{}{}",
                group(value, rate_places(value)),
                self.word("unit.points")
            ),
            Unit::Days => format!(
                "{}{}",
                group(value, u32::from(!value.fract().is_zero())),
                self.word("unit.days")
            ),
            Unit::Times => format!("{}{TIMES}", group(value, 2)),
            Unit::Number if value.fract().is_zero() && value >= Decimal::ONE_HUNDRED => {
                group(value, 0)
            }
            Unit::Number => group(value, 2),
        }
    }

    /// The amount in a scale that was asked for; none where the language has no such scale, or nothing would be left of it.
    fn in_scale(&self, value: Decimal, style: Style) -> Option<String> {
        let (scale, places, suffix) = match style {
            Style::Wan => (10_000, 1, "万"),
            Style::Yi => (100_000_000, 2, "亿"),
            Style::Full | Style::Short | Style::Tight => return None,
        };
        let digits = group(value / Decimal::from(scale), places);
        let told = value.is_zero() || has_digit_above_zero(&digits);
        (self.chinese && told).then(|| format!("{digits} {suffix}"))
    }

    fn amount(&self, value: Decimal, style: Style, money: bool) -> String {
        if let Some(scaled) = self.in_scale(value, style) {
            return scaled;
        }
        let from = match style {
            Style::Full => 10_000_000,
            Style::Short | Style::Wan | Style::Yi if !money => 100_000,
            Style::Short | Style::Wan | Style::Yi | Style::Tight => 10_000,
        };
        // Beside a bar there is no room for fen, and nobody reads them there.
        let whole = style == Style::Tight && value >= Decimal::ONE;
        let places = u32::from(money && !whole && value < Decimal::ONE_THOUSAND) * 2;
        if round(value, places) < Decimal::from(from) {
            return group(value, places);
        }
        let (scaled, places, suffix) = self.scaled(value);
        let gap = if self.chinese && style != Style::Tight {
            " "
        } else {
            ""
        };
        format!("{}{gap}{suffix}", group(scaled, places))
    }

    /// The value in the largest scale that it fills once rounded: 99,999,999 is 1.00 亿, never 10,000.0 万.
    fn scaled(&self, value: Decimal) -> (Decimal, u32, &'static str) {
        let scales: &[(u64, u32, &str)] = if self.chinese {
            &[(10_000, 1, "万"), (100_000_000, 2, "亿")]
        } else {
            &[
                (1_000, 1, "k"),
                (1_000_000, 2, "M"),
                (1_000_000_000, 2, "B"),
            ]
        };
        let mut best = (value, 0, "");
        for pair in scales.windows(2) {
            let (this, next) = (pair[0], pair[1]);
            let limit = Decimal::from(next.0 / this.0);
            best = (value / Decimal::from(this.0), this.1, this.2);
            if round(best.0, this.1) < limit {
                return best;
            }
            best = (value / Decimal::from(next.0), next.1, next.2);
        }
        best
    }
}

/// A tick of a chart's axis: as short as it is exact, `160万`, `8%`, `1.5M`; money carries its symbol when one is given.
#[must_use]
pub fn tick(value: f64, measure: Measure, lang: &str, currency: &str) -> String {
    let Some(value) = Decimal::from_f64(value) else {
        return DASH.to_owned();
    };
    let scales: &[(u64, &str)] = if lang.starts_with("zh") {
        &[(100_000_000, "亿"), (10_000, "万")]
    } else {
        &[(1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")]
    };
    let abs = value.abs();
    let plain = matches!(measure, Measure::Percent | Measure::Times | Measure::Number);
    let scale = scales
        .iter()
        .find(|(from, _)| !plain && abs >= Decimal::from(*from));
    let body = match scale {
        Some((_, "k")) => format!("{}k", trimmed(abs / Decimal::ONE_THOUSAND)),
        Some((size, suffix)) => format!("{}{suffix}", trimmed(abs / Decimal::from(*size))),
        None => trimmed(abs),
    };
    let sign = if value.is_sign_negative() && !abs.is_zero() {
        MINUS.to_string()
    } else {
        String::new()
    };
    match measure {
        Measure::Percent => format!("{sign}{body}%"),
        Measure::Times => format!("{sign}{body}{TIMES}"),
        Measure::Money if !currency.is_empty() && !abs.is_zero() => {
            format!("{sign}{}{body}", symbol(currency))
        }
        _ => format!("{sign}{body}"),
    }
}

/// The symbol of a currency; a code without one stands with a narrow gap.
#[must_use]
pub fn symbol(currency: &str) -> String {
    match currency {
        "CNY" | "JPY" => "¥".to_owned(),
        "USD" => "$".to_owned(),
        "GBP" => "£".to_owned(),
        "EUR" => "€".to_owned(),
        "" => String::new(),
        other => format!("{other}\u{a0}"),
    }
}

/// Fills placeholders of a sentence with texts; a placeholder without a text stays, visibly.
#[must_use]
pub fn fill(sentence: &str, args: &[(&str, &str)]) -> String {
    let Ok(parts) = pieces(sentence) else {
        return sentence.to_owned();
    };
    let text = |piece: Piece| match piece {
        Piece::Text(text) => text,
        Piece::Argument { name, .. } => match args.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => (*value).to_owned(),
            None => format!("{{{name}}}"),
        },
    };
    parts.into_iter().map(text).collect()
}

/// Digits in groups of three.
fn group(value: Decimal, places: u32) -> String {
    let places = usize::try_from(places).unwrap_or(0);
    let text = format!(
        "{:.places$}",
        round(value, u32::try_from(places).unwrap_or(0))
    );
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn trimmed(value: Decimal) -> String {
    let short = round(value, 2).normalize();
    group(short, short.scale())
}

fn rate_places(value: Decimal) -> u32 {
    if round(value, 2) < Decimal::TEN { 2 } else { 1 }
}

fn has_digit_above_zero(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '1'..='9'))
}

fn why_key(why: Why) -> &'static str {
    match why {
        Why::NoRows => "no_rows",
        Why::Undefined => "undefined",
        Why::Suppressed => "suppressed",
        Why::NotApplicable => "not_applicable",
        Why::SourceAbsent => "source_absent",
        Why::PluginFailed => "plugin_failed",
        Why::Immature => "immature",
        Why::BaselineShort => "baseline_short",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Strings {
        Strings::from_toml(
            "[unit]\npoints = 'pp'\ndays = ' 天'\n[list]\nand = '、'\n[table]\norders = '订单'\nrefunds = '售后'\n\
             [missing]\nno_rows = '本期没有数据'\nsource_absent = '未接入'\nsource_absent_detail = '未接入{need}'",
        )
        .unwrap()
    }

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn figures_by_language_and_room() {
        let words = words();
        let zh = Formatter::new("zh-CN", "CNY", &words);
        let en = Formatter::new("en", "GBP", &words);
        let cases = [
            (&zh, "1284306.05", "money", Style::Full, "¥1,284,306"),
            (&zh, "1284306.05", "money", Style::Short, "¥128.4 万"),
            (&zh, "1284306.05", "CNY", Style::Tight, "128.4万"),
            (&zh, "86.355", "money", Style::Full, "¥86.36"),
            (&zh, "9999.6", "money", Style::Short, "¥1.0 万"),
            (&zh, "99999999", "money", Style::Short, "¥1.00 亿"),
            (&zh, "99994999", "money", Style::Short, "¥9,999.5 万"),
            (&zh, "128430605", "money", Style::Full, "¥1.28 亿"),
            (&zh, "-139000", "money", Style::Short, "−¥13.9 万"),
            (&zh, "14872", "{order}", Style::Short, "14,872"),
            (&zh, "1962400", "{view}", Style::Short, "196.2 万"),
            (&zh, "3.118", "%", Style::Full, "3.12%"),
            (&zh, "9.996", "%", Style::Full, "10.0%"),
            (&zh, "38.44", "%", Style::Short, "38.4%"),
            (&zh, "6.5", "d", Style::Full, "6.5 天"),
            (&zh, "41", "d", Style::Full, "41 天"),
            (&zh, "2.31", "1", Style::Full, "2.31"),
            (&zh, "4.418", "x", Style::Full, "4.42×"),
            (&zh, "-0.004", "money", Style::Full, "¥0.00"),
            (&en, "1284306", "money", Style::Full, "£1,284,306"),
            (&en, "1284306", "money", Style::Short, "£1.28M"),
            (&en, "139000", "money", Style::Short, "£139.0k"),
            (&en, "999960", "money", Style::Short, "£1.00M"),
            (&en, "1999999999", "money", Style::Short, "£2.00B"),
        ];
        for (formatter, value, unit, style, expected) in cases {
            assert_eq!(
                formatter.figure(dec(value), unit, style),
                expected,
                "{value} {unit} {style:?}"
            );
        }
    }

    #[test]
    fn changes_carry_a_sign_and_rates_differ_in_points() {
        let words = words();
        let zh = Formatter::new("zh-CN", "CNY", &words);
        assert_eq!(
            zh.change(dec("1284306"), dec("1186900"), "money").unwrap(),
            "+8.2%"
        );
        assert_eq!(zh.change(dec("1"), dec("0"), "money"), None);
        assert_eq!(zh.change(dec("3.12"), dec("3.53"), "%"), None);
        assert_eq!(
            zh.change(dec("312"), dec("100"), "{order}").unwrap(),
            "+212%"
        );
        assert_eq!(
            zh.change(dec("-50"), dec("-100"), "money").unwrap(),
            "+50.0%"
        );
        assert_eq!(
            zh.delta(dec("3.12"), dec("3.53"), "%", Style::Full),
            "−0.41pp"
        );
        assert_eq!(
            zh.delta(dec("1284306"), dec("1186900"), "money", Style::Short),
            "+¥9.7 万"
        );
        assert_eq!(zh.delta(dec("5"), dec("5"), "{order}", Style::Short), "0");
        assert_eq!(zh.percent_change(dec("-0.04")), "0.0%");
        assert_eq!(zh.percent_change(dec("99.96")), "+100%");
        assert_eq!(zh.percent_change(dec("-99.94")), "−99.9%");
    }

    #[test]
    fn the_rates_of_a_column_have_as_many_decimals() {
        let words = words();
        let zh = Formatter::new("zh-CN", "CNY", &words);
        let column = |rates: &[&str], unit: &str| {
            let rates: Vec<Decimal> = rates.iter().map(|rate| dec(rate)).collect();
            let places = Formatter::places(&rates, unit);
            let cells = rates.iter().map(|rate| zh.cell(*rate, unit, places));
            cells.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(column(&["13.4", "3.31", "9.92"], "%"), "13.40% 3.31% 9.92%");
        assert_eq!(column(&["62.44", "3.3", "100"], "%"), "62.4% 3.3% 100.0%");
        assert_eq!(column(&["-0.001", "0.5"], "%"), "0.0% 0.5%");
        assert_eq!(column(&["-12", "0.41"], "pp"), "−12.00pp 0.41pp");
        assert_eq!(column(&["12", "9.996"], "%"), "12.0% 10.0%");
    }

    #[test]
    fn ticks_are_short() {
        let cases = [
            (1_600_000.0, Measure::Money, "zh-CN", "160万"),
            (150_000_000.0, Measure::Money, "zh-CN", "1.5亿"),
            (8_000.0, Measure::Count, "zh-CN", "8,000"),
            (40_000_000.0, Measure::Money, "zh-CN", "4,000万"),
            (-12_500.0, Measure::Count, "zh-CN", "−1.25万"),
            (0.0, Measure::Money, "zh-CN", "0"),
            (7.5, Measure::Percent, "en", "7.5%"),
            (1_500_000.0, Measure::Count, "en", "1.5M"),
            (40_000.0, Measure::Count, "en", "40k"),
        ];
        for (value, measure, lang, expected) in cases {
            assert_eq!(tick(value, measure, lang, ""), expected);
        }
        assert_eq!(tick(20_000.0, Measure::Money, "en", "GBP"), "£20k");
        assert_eq!(tick(4.0, Measure::Times, "zh-CN", ""), "4×");
        assert_eq!(tick(f64::NAN, Measure::Count, "en", ""), DASH);
    }

    #[test]
    fn reasons_are_sentences() {
        let words = words();
        let zh = Formatter::new("zh-CN", "CNY", &words);
        let missing = |why, need: Option<&str>| Missing {
            why,
            have: None,
            need: need.map(str::to_owned),
        };
        assert_eq!(zh.reason(&missing(Why::NoRows, None)), "本期没有数据");
        assert_eq!(
            zh.reason(&missing(Why::SourceAbsent, Some("orders, refunds"))),
            "未接入订单、售后"
        );
    }
}
