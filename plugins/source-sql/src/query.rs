//! The query as sent: one statement, with the days of the window in the place of `$start` and `$end`.

use chenbao_plugin::Days;

/// Puts the days in; an error sentence if it is not one statement or the days are none.
///
/// The days go in as literals, because the text protocols have no parameters; only `YYYY-MM-DD` gets through. Without a period the
/// window is everything.
pub(crate) fn bound(sql: &str, period: Option<&Days>) -> Result<String, String> {
    let (start, end) = period.map_or(("0001-01-01", "9999-12-31"), |days| {
        (days.start.as_str(), days.end.as_str())
    });
    for day in [start, end] {
        if day.parse::<jiff::civil::Date>().is_err() || day.len() != 10 {
            return Err(format!("`{day}` is not a day"));
        }
    }
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let mut out = String::with_capacity(sql.len() + 24);
    let mut rest = sql;
    while let Some(char) = rest.chars().next() {
        let (piece, after) = split_piece(rest, char)?;
        rest = after;
        match piece {
            "$start" => push_day(&mut out, start),
            "$end" => push_day(&mut out, end),
            ";" => return Err("it has more than one statement".to_owned()),
            other => out.push_str(other),
        }
    }
    let first = first_word(&out);
    if !matches!(first.as_str(), "select" | "with" | "values" | "table") {
        return Err(format!(
            "it begins with `{first}`; a source reads: it is a `select`"
        ));
    }
    Ok(out)
}

/// Whether the query depends on the window.
pub(crate) fn has_window(sql: &str) -> bool {
    bound(sql, None).is_ok_and(|bound| bound != sql.trim().trim_end_matches(';').trim_end())
}

fn push_day(out: &mut String, day: &str) {
    out.push('\'');
    out.push_str(day);
    out.push('\'');
}

/// The next piece: a quoted text, a comment, a word with its `$`, or one character.
fn split_piece(text: &str, first: char) -> Result<(&str, &str), String> {
    let length = match first {
        '\'' | '"' | '`' => text
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == first)
            .map(|(at, _)| at + 1)
            .ok_or("a quote in it is not closed")?,
        '-' if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        '/' if text.starts_with("/*") => text
            .find("*/")
            .map(|at| at + 2)
            .ok_or("a comment in it is not closed")?,
        '$' | '_' => 1 + word_length(text.get(1..).unwrap_or_default()),
        c if c.is_alphanumeric() => word_length(text),
        c => c.len_utf8(),
    };
    Ok(text.split_at(length))
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .unwrap_or(text.len())
}

fn first_word(sql: &str) -> String {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") || rest.starts_with("/*") || rest.starts_with('(') {
        let end = match rest.chars().next() {
            Some('-') => rest.find('\n').unwrap_or(rest.len()),
            Some('/') => rest.find("*/").map_or(rest.len(), |at| at + 2),
            _ => 1,
        };
        rest = rest.split_at(end).1.trim_start();
    }
    rest.chars()
        .take_while(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> Days {
        Days {
            start: "2026-11-21".into(),
            end: "2026-11-22".into(),
        }
    }

    #[test]
    fn days_take_the_places_of_their_names() {
        let sql = "select '$start', \"$end\", t$start, $started -- $end\n from t /* ; */ where d >= $start and d < $end;";
        assert_eq!(
            bound(sql, Some(&days())).unwrap(),
            "select '$start', \"$end\", t$start, $started -- $end\n from t /* ; */ where d >= '2026-11-21' and d < '2026-11-22'"
        );
        assert_eq!(
            bound("select 1 where d < $end", None).unwrap(),
            "select 1 where d < '9999-12-31'"
        );
        assert!(has_window("select $start") && !has_window("select '$start' ;"));
    }

    #[test]
    fn one_reading_statement_gets_through() {
        for (sql, why) in [
            ("select 1; drop table t", "more than one"),
            ("delete from t", "begins with `delete`"),
            ("-- harmless\nupdate t set a = 1", "begins with `update`"),
            ("select 'open", "quote"),
            ("/* open", "comment"),
            ("", "begins with ``"),
        ] {
            assert!(bound(sql, None).unwrap_err().contains(why), "{sql}");
        }
        for sql in [
            "with a as (select 1) select * from a",
            "(select 1) union (select 2)",
            "-- 说明\nSELECT 'a;b', 'it''s'",
        ] {
            assert_eq!(bound(sql, None).unwrap(), sql);
        }
    }

    #[test]
    fn only_days_get_through() {
        for day in ["2026-13-01", "' or 1=1 --", "2026-11-21T00", ""] {
            assert!(
                bound(
                    "select $start",
                    Some(&Days {
                        start: day.into(),
                        end: "2026-11-22".into()
                    })
                )
                .is_err()
            );
        }
    }
}
