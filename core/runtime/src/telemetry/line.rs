//! Where log lines end up: each event is one line on stderr, without secrets, and with whole mail addresses only for debugging.

use crate::config::hide;
use std::io::{self, Write};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The error stream, told event by event.
#[derive(Debug)]
pub(super) struct Stderr;

/// One event.
#[derive(Debug)]
pub(super) struct Event;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event
    }
}

impl Write for Event {
    /// Called once for an event, with all of it.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let masked = LevelFilter::current() < LevelFilter::DEBUG;
        let mut line = one_line(&hide(&text));
        if masked {
            line = mask(&line);
        }
        line.push('\n');
        io::stderr().write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The lines of an event as one.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.trim().is_empty());
    let mut one = String::new();
    for (n, line) in lines.enumerate() {
        if n == 0 {
            one.push_str(line);
        } else {
            one.push_str(" · ");
            one.push_str(line.trim_start());
        }
    }
    one
}

/// Mail addresses as `b***@example.com`.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let user: usize = before
            .chars()
            .rev()
            .take_while(|c| in_user(*c))
            .map(char::len_utf8)
            .sum();
        let (kept, user) = before.split_at(before.len() - user);
        masked.push_str(kept);
        let domain = after.starts_with(|c: char| c.is_ascii_alphanumeric());
        match user.chars().next() {
            Some(first) if domain => {
                masked.push(first);
                masked.push_str("***");
            }
            _ => masked.push_str(user),
        }
        masked.push('@');
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Whether a character usually stands before the `@` of an address.
fn in_user(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._%+-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_many_lines_is_one() {
        assert_eq!(
            one_line("ERROR not made: error: no\n  --> a.toml:3:1\n\n  hint: yes\n"),
            "ERROR not made: error: no · --> a.toml:3:1 · hint: yes"
        );
    }

    #[test]
    fn addresses_lose_who_they_are() {
        for (said, shown) in [
            (
                "recipient=boss@example.com sent",
                "recipient=b***@example.com sent",
            ),
            ("550 <a.b+c@x.cn> unknown", "550 <a***@x.cn> unknown"),
            (
                "\"to\":\"cfo@x.cn\",\"cc\":\"ceo@x.cn\"",
                "\"to\":\"c***@x.cn\",\"cc\":\"c***@x.cn\"",
            ),
            ("老板boss@x.cn", "老板b***@x.cn"),
            ("five @ three, @home", "five @ three, @home"),
            ("no address", "no address"),
        ] {
            assert_eq!(mask(said), shown);
        }
    }
}
