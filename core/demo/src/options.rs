//! What kind of shop to make: seed, size, last business day, planted stories.

use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::civil::{Date, date};
use std::str::FromStr;

/// Everything that decides the bytes of a demo shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOptions {
    /// Same seed, same bytes, on any machine.
    pub seed: u64,
    /// How many order lines, and over how many days.
    pub size: Size,
    /// The last business day; the last exports are made on the morning after it.
    pub until: Date,
    /// Which stories are planted.
    pub stories: Stories,
    /// One shop (flagship) or two (flagship and outlet).
    pub shops: u8,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            seed: 20_261_121,
            size: Size::Small,
            until: date(2026, 11, 21),
            stories: Stories::default(),
            shops: 2,
        }
    }
}

impl DemoOptions {
    /// All that is wrong with the options, at once.
    pub(crate) fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        if !(1..=2).contains(&self.shops) {
            problems.push(
                Diagnostic::error(format!("a demo has one or two shops, not {}", self.shops))
                    .hint("say 1 or 2"),
            );
        }
        let lines = self.size.lines();
        if !(500..=50_000_000).contains(&lines) {
            problems.push(
                Diagnostic::error(format!("a demo of {lines} order lines cannot be made"))
                    .hint("say small, medium, large or a number from 500 to 50000000"),
            );
        }
        if !(2001..=2099).contains(&self.until.year()) {
            problems.push(
                Diagnostic::error(format!(
                    "{} is not a usable last day of a demo shop",
                    self.until
                ))
                .hint("name a day of the years 2001 to 2099"),
            );
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(problems))
        }
    }
}

/// How large the shop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// About 60 thousand order lines over 120 days.
    Small,
    /// About 600 thousand over 200 days.
    Medium,
    /// About 10 million over 400 days.
    Large,
    /// About so many; the days follow from it.
    Lines(u64),
}

impl Size {
    /// Order lines of all shops together, as planned.
    #[must_use]
    pub fn lines(self) -> u64 {
        match self {
            Self::Small => 60_000,
            Self::Medium => 600_000,
            Self::Large => 10_000_000,
            Self::Lines(lines) => lines,
        }
    }

    /// Days of history.
    pub(crate) fn days(self) -> i64 {
        match self.lines() {
            0..300_000 => 120,
            300_000..3_000_000 => 200,
            _ => 400,
        }
    }

    /// Products of a large and of a small shop.
    pub(crate) fn products(self) -> (usize, usize) {
        match self.lines() {
            0..300_000 => (18, 10),
            300_000..3_000_000 => (40, 20),
            _ => (120, 40),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "small" => Ok(Self::Small),
            "medium" => Ok(Self::Medium),
            "large" => Ok(Self::Large),
            number => number
                .replace('_', "")
                .parse()
                .map(Self::Lines)
                .map_err(|_| format!("`{text}` is not a size: say small, medium, large or a number of order lines")),
        }
    }
}

/// The planted stories. Each has random streams of its own: switching one off changes nothing else.
#[expect(
    clippy::struct_excessive_bools,
    reason = "three independent switches: every combination is a shop"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stories {
    /// On the last day clicks on the best seller in live rooms turn into orders half as often.
    pub conversion_break: bool,
    /// A 伪爆款: units times five, bought traffic, refunds, nobody comes back.
    pub pseudo_hit: bool,
    /// A good seller that nobody reordered runs out.
    pub stock_out: bool,
}

impl Stories {
    /// A shop in which nothing special happens.
    pub const NONE: Self = Self {
        conversion_break: false,
        pseudo_hit: false,
        stock_out: false,
    };
}

impl Default for Stories {
    fn default() -> Self {
        Self {
            conversion_break: true,
            pseudo_hit: true,
            stock_out: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_words_or_numbers() {
        assert_eq!("medium".parse(), Ok(Size::Medium));
        assert_eq!("1_000_000".parse(), Ok(Size::Lines(1_000_000)));
        assert!(
            "huge"
                .parse::<Size>()
                .unwrap_err()
                .contains("small, medium, large")
        );
    }

    #[test]
    fn all_problems_come_at_once() {
        let options = DemoOptions {
            size: Size::Lines(3),
            shops: 3,
            ..DemoOptions::default()
        };
        assert_eq!(options.check().unwrap_err().0.len(), 2);
        assert!(DemoOptions::default().check().is_ok());
    }
}
