//! Cron patterns: read, refused when they never fire, and walked in both directions in a zone.

use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, Direction};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// From here a pattern is asked whether it fires at all: before a leap day.
const FIRST_LOOK: DateTime = DateTime::constant(2024, 1, 1, 0, 0, 0, 0);

/// A pattern of five fields, or six with seconds first, that fires.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    cron: Arc<Cron>,
}

impl Pattern {
    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its times after a moment, oldest first.
    pub fn after(&self, from: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Zoned> + use<'_> {
        self.walk(from.to_zoned(zone.clone()), Direction::Forward)
    }

    /// Its times at or before a moment, newest first.
    pub fn until(&self, from: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Zoned> + use<'_> {
        self.walk(from.to_zoned(zone.clone()), Direction::Backward)
    }

    /// The time before one of its times.
    #[must_use]
    pub fn previous(&self, at: &Zoned) -> Option<Zoned> {
        self.cron.find_previous_occurrence(at, false).ok()
    }

    fn walk(&self, from: Zoned, direction: Direction) -> impl Iterator<Item = Zoned> + use<'_> {
        let mut at = Some(from);
        let mut first = true;
        std::iter::from_fn(move || {
            let from = at.take()?;
            let found = match direction {
                Direction::Forward => self.cron.find_next_occurrence(&from, false),
                Direction::Backward => self.cron.find_previous_occurrence(&from, first),
            };
            first = false;
            at = found.ok();
            at.clone()
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields = text.split_whitespace().count();
        if !text.trim_start().starts_with('@') && !(5..=6).contains(&fields) {
            return Err(format!(
                "the cron pattern `{text}` has {fields} fields instead of five, or six with seconds first"
            ));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|why| {
            let why = why.to_string();
            format!(
                "the cron pattern `{text}` cannot be read: {}",
                why.trim_end_matches('.')
            )
        })?;
        match cron.find_next_occurrence(&FIRST_LOOK, true) {
            Ok(_) => Ok(Self {
                text: text.to_owned(),
                cron: Arc::new(cron),
            }),
            Err(_) => Err(format!(
                "the cron pattern `{text}` never fires: there is no such day"
            )),
        }
    }
}
