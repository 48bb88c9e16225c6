//! Words for days: they follow the period, not the day of sending; `昨日` only if it is.

use crate::format::fill;
use chenbao_model::strings::Strings;
use chenbao_model::{Grain, Period};
use jiff::civil::Date;

/// Words for days in one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days<'a> {
    words: &'a Strings,
    chinese: bool,
}

impl<'a> Days<'a> {
    pub(super) fn new(lang: &str, words: &'a Strings) -> Self {
        Self {
            words,
            chinese: lang.starts_with("zh"),
        }
    }

    fn word(&self, key: &str) -> String {
        self.words.get(key).unwrap_or(key).to_owned()
    }

    /// `星期六`, `Saturday`.
    pub(super) fn weekday(&self, day: Date) -> String {
        self.word(&format!("weekday.{}", day.weekday().to_monday_one_offset()))
    }

    /// `周六`, `Sat`.
    pub(super) fn weekday_short(&self, day: Date) -> String {
        self.word(&format!(
            "weekday_short.{}",
            day.weekday().to_monday_one_offset()
        ))
    }

    /// `11 月 21 日`, `21 Nov`; the month's English name stands in the words.
    pub(super) fn in_sentence(&self, day: Date) -> String {
        if self.chinese {
            return format!("{} 月 {} 日", day.month(), day.day());
        }
        format!(
            "{} {}",
            day.day(),
            self.word(&format!("month.{}", day.month()))
        )
    }

    /// A day in one of the forms that templates ask for: `said`, `short` or `long`.
    pub(super) fn formed(&self, day: Date, form: &str) -> String {
        match form {
            "short" => self.axis(day),
            "long" => Period::day(day).map_or_else(|_| self.axis(day), |period| self.long(&period)),
            _ => self.in_sentence(day),
        }
    }

    /// `11月21日`, `21 Nov`: for subjects.
    pub(super) fn tight(&self, day: Date) -> String {
        self.in_sentence(day)
            .replace(if self.chinese { " " } else { "\u{0}" }, "")
    }

    /// `11-21`, `21 Nov`: for axes and cells.
    pub(super) fn axis(&self, day: Date) -> String {
        if self.chinese {
            format!("{:02}-{:02}", day.month(), day.day())
        } else {
            self.in_sentence(day)
        }
    }

    /// The period in full: `2026 年 11 月 21 日 星期六`, `2026 年第 47 周 11-16 ~ 11-22`.
    pub(super) fn long(&self, period: &Period) -> String {
        let (first, last) = (period.start(), period.last());
        let week = first.iso_week_date();
        let dated = |day: Date| {
            if self.chinese {
                format!("{} 年 {}", day.year(), self.in_sentence(day))
            } else {
                format!("{} {}", self.in_sentence(day), day.year())
            }
        };
        match period.grain() {
            Grain::Day if self.chinese => format!("{} {}", dated(first), self.weekday(first)),
            Grain::Day => format!("{} {}", self.weekday(first), dated(first)),
            Grain::Week => {
                let (year, number) = (week.year().to_string(), week.week().to_string());
                let named = fill(
                    &self.word("period.week_of_year"),
                    &[("year", &year), ("week", &number)],
                );
                format!("{named} {} ~ {}", self.axis(first), self.axis(last))
            }
            Grain::Month if self.chinese => format!("{} 年 {} 月", first.year(), first.month()),
            Grain::Month => format!(
                "{} {}",
                self.word(&format!("month.{}", first.month())),
                first.year()
            ),
            Grain::Span if first.year() == last.year() && self.chinese => {
                format!(
                    "{}-{} ~ {}",
                    first.year(),
                    self.axis(first),
                    self.axis(last)
                )
            }
            Grain::Span => format!("{} ~ {}", dated(first), dated(last)),
        }
    }

    /// The period in a subject: `11月21日`, `第47周`, `11月`.
    pub(super) fn subject(&self, period: &Period) -> String {
        match period.grain() {
            Grain::Day => self.tight(period.start()),
            Grain::Week => {
                let week = period.start().iso_week_date().week().to_string();
                fill(&self.word("period.week_short"), &[("week", &week)])
            }
            Grain::Month => self
                .long(period)
                .replace(' ', if self.chinese { "" } else { " " }),
            Grain::Span => format!(
                "{}–{}",
                self.tight(period.start()),
                self.tight(period.last())
            ),
        }
    }

    /// The period at the head of a sentence: `昨日` only if it is, else `11 月 21 日`.
    pub(super) fn said(&self, period: &Period, today: Date) -> String {
        let just_before = period.end() == today;
        match period.grain() {
            Grain::Day if just_before => self.word("period.yesterday"),
            Grain::Day => self.in_sentence(period.start()),
            Grain::Week => {
                let week = period.start().iso_week_date().week().to_string();
                fill(&self.word("period.week_said"), &[("week", &week)])
            }
            Grain::Month => self.long(period),
            Grain::Span => format!(
                "{}{}{}",
                self.in_sentence(period.start()),
                self.word("period.to"),
                self.in_sentence(period.last())
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TemplateSet;
    use super::*;

    #[test]
    fn words_follow_the_period() {
        let set = TemplateSet::builtin();
        let (zh, en) = (
            set.words("daily", "zh-CN").unwrap(),
            set.words("daily", "en").unwrap(),
        );
        let (zh, en) = (Days::new("zh-CN", &zh), Days::new("en", &en));
        let day: Period = "2026-11-21".parse().unwrap();
        assert_eq!(zh.long(&day), "2026 年 11 月 21 日 星期六");
        assert_eq!(en.long(&day), "Saturday 21 Nov 2026");
        assert_eq!(zh.subject(&day), "11月21日");
        assert_eq!(zh.said(&day, "2026-11-22".parse().unwrap()), "昨日");
        assert_eq!(zh.said(&day, "2026-12-03".parse().unwrap()), "11 月 21 日");
        let week: Period = "2026-W47".parse().unwrap();
        assert_eq!(zh.long(&week), "2026 年第 47 周 11-16 ~ 11-22");
        assert_eq!(zh.subject(&week), "第47周");
        assert_eq!(en.said(&week, "2026-12-03".parse().unwrap()), "In week 47");
    }
}
