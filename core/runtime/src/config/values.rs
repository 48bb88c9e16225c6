//! Single values: what a text must look like to be a duration, a size, an address, money, a zone, a secret reference.

use super::asked::Kind;
use super::meant::{Mailbox, Names};
use super::written::{Read, Value};
use chenbao_model::diagnostic::nearest;
use chenbao_model::{Decimal, Diagnostic, Id};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

fn error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(message)
}

/// A text that is not blank.
pub(super) fn words(value: &Value<'_>) -> Read<String> {
    let text = value.text()?.trim();
    if text.is_empty() {
        Err(error("the text is empty"))
    } else {
        Ok(text.to_owned())
    }
}

/// A text that reads as `T`.
pub(super) fn parsed<T: FromStr<Err = String>>(value: &Value<'_>) -> Read<T> {
    value.text()?.parse().map_err(error)
}

/// An id out of `known`, with the nearest if it is not.
pub(super) fn one_of(value: &Value<'_>, what: &str, known: &BTreeSet<String>) -> Read<Id> {
    let id: Id = parsed(value)?;
    if known.contains(id.as_str()) {
        return Ok(id);
    }
    let problem = error(format!("there is no {what} `{id}`"));
    Err(
        match nearest(id.as_str(), known.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!("write a table [{what}.{id}]")),
        },
    )
}

/// A word out of a few.
pub(super) fn word<T: Copy>(value: &Value<'_>, words: &[(&str, T)]) -> Read<T> {
    value.takes_words(words.iter().map(|(word, _)| *word));
    let text = value.text()?;
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meant);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let problem = error(format!("`{text}` is none of {}", all.join(", ")));
    Err(match nearest(text, all) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// `90s`, `5m`, `2h`.
pub(super) fn duration(value: &Value<'_>) -> Read<Duration> {
    let text = value.text()?;
    let units = [("ms", 1_u64), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit) = split_unit(text);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    match (number.parse::<u64>().ok(), factor) {
        (Some(number), Some(factor)) if number > 0 => {
            Ok(Duration::from_millis(number.saturating_mul(factor)))
        }
        _ => Err(error(format!("`{text}` is not a duration")).hint("write 90s, 5m or 2h")),
    }
}

/// `20 MB`, `512 MiB`: bytes.
pub(super) fn size(value: &Value<'_>) -> Read<u64> {
    let text = value.text()?;
    let units = [
        ("B", 1_u64),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let (number, unit) = split_unit(text);
    let factor = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
        .map(|(_, factor)| *factor);
    match (number.parse::<u64>().ok(), factor) {
        (Some(number), Some(factor)) if number > 0 => Ok(number.saturating_mul(factor)),
        _ => Err(error(format!("`{text}` is not a size")).hint("write 20 MB or 512 MiB")),
    }
}

/// `90d` is `90` and `d`.
pub(super) fn split_unit(text: &str) -> (&str, &str) {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number, unit.trim())
}

/// `晨报 <owner@example.com>` or `owner@example.com`.
pub(super) fn mailbox(value: &Value<'_>) -> Read<Mailbox> {
    let text = value.text()?.trim();
    let (name, address) = match text
        .strip_suffix('>')
        .and_then(|inner| inner.rsplit_once('<'))
    {
        Some((name, address)) => (
            Some(name.trim().trim_matches('"')).filter(|name| !name.is_empty()),
            address.trim(),
        ),
        None => (None, text),
    };
    if name.is_some_and(|name| name.chars().any(char::is_control)) {
        return Err(error(format!(
            "the name in `{}` has control characters",
            text.escape_default()
        )));
    }
    check_address(address).map_err(|why| {
        error(format!(
            "`{}` is not a mail address: {why}",
            text.escape_debug()
        ))
        .hint("write owner@example.com or 晨报 <owner@example.com>")
    })?;
    Ok(Mailbox {
        name: name.map(str::to_owned),
        address: address.to_owned(),
    })
}

fn check_address(address: &str) -> Result<(), &'static str> {
    let (user, domain) = address.rsplit_once('@').ok_or("it has no @")?;
    if !address.is_ascii() {
        return Err("it has characters beyond ASCII; write such a domain as xn--...");
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if user.is_empty() || user.len() > 64 || !user.chars().all(good) || dots(user) {
        return Err("the part before @ is not right");
    }
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        !label.is_empty()
            && label.len() <= 63
            && inner
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        return Err("the domain is not right");
    }
    Ok(())
}

fn dots(user: &str) -> bool {
    user.starts_with('.') || user.ends_with('.') || user.contains("..")
}

/// A mail address without a display name.
pub(super) fn address(value: &Value<'_>) -> Read<String> {
    mailbox(value).map(|mailbox| mailbox.address)
}

/// A domain of the allow-list, lower-case.
pub(super) fn domain(value: &Value<'_>) -> Read<String> {
    domain_name(value.text()?)
}

/// A domain that is a value or a key, lower-case.
pub(super) fn domain_name(text: &str) -> Read<String> {
    let text = text.trim().to_ascii_lowercase();
    check_address(&format!("x@{text}"))
        .map(|()| text.clone())
        .map_err(|_| {
            error(format!("`{text}` is not a domain")).hint("write example.com, without @")
        })
}

/// Money as text or whole number; never a binary fraction.
pub(super) fn money(value: &Value<'_>) -> Read<Decimal> {
    if let Ok(number) = value.integer() {
        return Ok(Decimal::from(number));
    }
    let wrong = || {
        error("money is written in quotes or as a whole number")
            .hint(r#"write "120000.00" or 120000"#)
    };
    let text = value.text().map_err(|_| wrong())?;
    Decimal::from_str_exact(text).map_err(|_| wrong())
}

/// `2026-11-11`, with or without quotes.
pub(super) fn date(value: &Value<'_>) -> Read<Date> {
    let text = value.text_or_date()?;
    text.parse().map_err(|_| {
        error(format!("`{text}` is not a day of the calendar")).hint("write 2026-11-11")
    })
}

/// `07:40`.
pub(super) fn time(value: &Value<'_>) -> Read<Time> {
    let text = value.text_or_date()?;
    clock_time(&text)
        .ok_or_else(|| error(format!("`{text}` is not a time of day")).hint(r#"write "07:40""#))
}

/// `7:40`, `07:40` or `07:40:30`.
pub(super) fn clock_time(text: &str) -> Option<Time> {
    let mut parts = text
        .split(':')
        .map(|part| part.parse::<i8>().ok().filter(|n| *n >= 0));
    let (hour, minute, second) = (
        parts.next()??,
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
    );
    if parts.next().is_some() {
        None
    } else {
        Time::new(hour, minute, second, 0).ok()
    }
}

/// An IANA zone.
pub(super) fn zone(value: &Value<'_>) -> Read<TimeZone> {
    let text = value.text()?;
    TimeZone::get(text).map_err(|_| {
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .collect();
        let problem = error(format!(
            "`{text}` is not a time zone that this machine knows"
        ));
        match nearest(text, known.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("write a name like Asia/Shanghai; the package tzdata holds them"),
        }
    })
}

/// An ISO 4217 code.
pub(super) fn currency(value: &Value<'_>) -> Read<String> {
    let text = value.text()?;
    let good = text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase());
    if good {
        Ok(text.to_owned())
    } else {
        Err(error(format!("`{text}` is not a currency")).hint(r#"write "CNY""#))
    }
}

/// A language tag.
pub(super) fn lang(value: &Value<'_>) -> Read<String> {
    let text = value.text()?;
    if is_lang(text) {
        Ok(text.to_owned())
    } else {
        Err(error(format!("`{text}` is not a language")).hint(r#"write "zh-CN" or "en""#))
    }
}

fn is_lang(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts
        .next()
        .is_some_and(|p| (2..=3).contains(&p.len()) && p.chars().all(|c| c.is_ascii_lowercase()));
    first
        && parts.all(|p| (1..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// A name, or a table of names by language.
pub(super) fn names(value: &Value<'_>) -> Read<Names> {
    value.takes(Kind::Object);
    value.takes(Kind::String);
    if value.value.is_str() {
        return words(value).map(Names::one);
    }
    let table = value.table().map_err(|_| {
        error("a name is a text, or a table with one per language")
            .hint(r#"write name = { zh-CN = "管理层", en = "Management" }"#)
    })?;
    let mut names = BTreeMap::new();
    for (lang, name) in table.entries() {
        if !is_lang(&lang) {
            name.problem(
                error(format!("`{lang}` is not a language")).hint(r#"write "zh-CN" or "en""#),
            );
        } else if let Some(name) = name.told(words(&name)) {
            names.insert(lang, name);
        }
    }
    if names.is_empty() {
        Err(error("the name is empty"))
    } else {
        Ok(Names(names))
    }
}

/// Any TOML value as JSON; dates become texts.
pub(super) fn json(value: &Value<'_>) -> Read<serde_json::Value> {
    use serde_json::Value as Json;
    Kind::ALL.into_iter().for_each(|kind| value.takes(kind));
    if let Ok(text) = value.text() {
        return Ok(Json::from(text));
    }
    if let Ok(number) = value.integer() {
        return Ok(Json::from(number));
    }
    if let Ok(truth) = value.boolean() {
        return Ok(Json::from(truth));
    }
    if let Ok(list) = value.list() {
        return Ok(Json::Array(list.iter().map(json).collect::<Read<_>>()?));
    }
    if let Ok(table) = value.table() {
        return Ok(Json::Object(object(&table.entries())?));
    }
    if let Some(number) = value.value.as_float() {
        let number = number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64);
        return number
            .map(Json::Number)
            .ok_or_else(|| error("infinite and undefined numbers are not options"));
    }
    value.text_or_date().map(Json::String)
}

/// Entries as a JSON object.
pub(super) fn object(
    entries: &[(String, Value<'_>)],
) -> Read<serde_json::Map<String, serde_json::Value>> {
    entries
        .iter()
        .map(|(name, value)| Ok((name.clone(), json(value)?)))
        .collect()
}
