//! Sentences by key: placeholders become figures formatted in one place, and texts from data stay what they are.

use crate::format::{Formatter, Style};
use chenbao_model::document::Inline;
use chenbao_model::result::{Argument, Cell, Words};
use chenbao_model::strings::{Piece, Strings, pieces};
use std::collections::BTreeMap;

/// Says the sentence of `prefix.key` out of a plugin's words.
///
/// # Errors
/// There are no such words, they have an open brace, or an argument is missing: then the sentence is not said.
pub(super) fn say(
    strings: &Strings,
    prefix: &str,
    words: &Words,
    format: &Formatter<'_>,
) -> Result<Vec<Inline>, String> {
    sentence(
        strings,
        &format!("{prefix}.{}", words.key),
        &words.args,
        format,
    )
}

/// Says the sentence of a key.
///
/// # Errors
/// As [`say`].
pub(super) fn sentence(
    strings: &Strings,
    key: &str,
    args: &BTreeMap<String, Argument>,
    format: &Formatter<'_>,
) -> Result<Vec<Inline>, String> {
    let text = strings
        .get(key)
        .ok_or_else(|| format!("there are no words for `{key}`"))?;
    let parts = pieces(text).map_err(|why| format!("`{key}`: {why}"))?;
    let mut out = Vec::new();
    for part in parts {
        match part {
            Piece::Text(text) => out.push(Inline::words(text)),
            Piece::Argument { name, style } => {
                let argument = args
                    .get(&name)
                    .ok_or_else(|| format!("`{key}` has no argument `{name}`"))?;
                let shown = argument_inline(argument, &style, strings, format);
                out.push(
                    shown
                        .ok_or_else(|| format!("`{key}` cannot be said: `{name}` is not known"))?,
                );
            }
        }
    }
    Ok(tidy(out))
}

/// One argument as it stands in a sentence; none if it is not known.
fn argument_inline(
    argument: &Argument,
    style: &str,
    strings: &Strings,
    format: &Formatter<'_>,
) -> Option<Inline> {
    let text = match &argument.value {
        Cell::Null => return None,
        Cell::Text(text) => return Some(data(text)),
        Cell::Key(key) => {
            let full = format!("value.{key}");
            return Some(Inline::words(
                strings
                    .get(&full)
                    .or_else(|| strings.get(key))
                    .unwrap_or(key),
            ));
        }
        Cell::Bool(value) => format
            .word(if *value { "cell.yes" } else { "cell.no" })
            .to_owned(),
        Cell::Number(value) => match style {
            "change" if argument.unit == "%" => format.percent_change(*value),
            "change" => format.signed(*value, &argument.unit, Style::Short),
            "money" => format.figure(*value, "money", Style::Short),
            "full" => format.figure(*value, &argument.unit, Style::Full),
            "plain" => value.normalize().to_string(),
            _ => format.figure(*value, &argument.unit, Style::Short),
        },
    };
    Some(Inline {
        unbroken: true,
        ..Inline::words(text)
    })
}

/// A text from data as one line: control characters become spaces, everything else is shown as it is.
pub(super) fn data(text: &str) -> Inline {
    Inline::data(
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>(),
    )
}

/// Whether a text ends a sentence here: `。！？`, or a Latin stop before a space or the end.
fn ends_sentence(c: char, next: Option<char>) -> bool {
    matches!(c, '。' | '！' | '？')
        || matches!(c, '.' | '!' | '?') && next.is_none_or(char::is_whitespace)
}

/// A piece of running text while it is composed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Run {
    /// Words.
    Said(Inline),
    /// A figure that is not there for this reader: its sentence is left out.
    Gap,
}

/// Drops the sentences that hold a gap; words of a template only, since data may hold any stop.
pub(super) fn without_gaps(runs: Vec<Run>) -> Vec<Inline> {
    let mut out: Vec<Inline> = Vec::new();
    let mut current: Vec<Inline> = Vec::new();
    let mut broken = false;
    for run in runs {
        let Run::Said(inline) = run else {
            broken = true;
            continue;
        };
        if inline.from_data || inline.unbroken {
            current.push(inline);
            continue;
        }
        for piece in split_sentences(&inline.text) {
            let whole =
                piece.chars().last().is_some_and(|c| ends_sentence(c, None)) && !piece.is_empty();
            current.push(Inline {
                text: piece,
                ..inline.clone()
            });
            if whole {
                if !broken {
                    out.append(&mut current);
                }
                current.clear();
                broken = false;
            }
        }
    }
    if !broken {
        out.append(&mut current);
    }
    tidy(out)
}

fn split_sentences(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
        if ends_sentence(c, chars.peek().copied()) && chars.peek().is_some() {
            pieces.push(String::new());
        }
    }
    pieces
}

/// A line end in a template: a space between Latin words, nothing beside Chinese.
const SOFT: char = '\u{2029}';

/// White space of a template's lines becomes single spaces (none beside Chinese), equal neighbours join.
pub(super) fn tidy(inlines: Vec<Inline>) -> Vec<Inline> {
    let mut letters: Vec<(char, usize)> = Vec::new();
    for (i, inline) in inlines.iter().enumerate() {
        let text = if inline.from_data {
            inline.text.clone()
        } else {
            squeeze(&inline.text)
        };
        letters.extend(text.chars().map(|c| (c, i)));
    }
    let mut texts: Vec<String> = vec![String::new(); inlines.len()];
    let mut previous: Option<char> = None;
    for (at, (c, i)) in letters.iter().enumerate() {
        let is_gap = |c: char| c == SOFT || c == ' ';
        let shown = match *c {
            c if inlines[*i].from_data || !is_gap(c) => Some(c),
            c => {
                let next = letters
                    .get(at + 1..)
                    .and_then(|rest| rest.iter().find(|(c, _)| !is_gap(*c)))
                    .map(|(c, _)| *c);
                let (before, after) = (previous.is_some_and(wide), next.is_some_and(wide));
                let edge =
                    previous.is_none_or(char::is_whitespace) || next.is_none_or(|c| c == BREAK);
                let chinese = before && after || c == SOFT && (before || after);
                // A full-width mark brings its own space.
                let marked = previous.is_some_and(mark) || next.is_some_and(mark);
                (!edge && !chinese && !marked).then_some(' ')
            }
        };
        if let Some(c) = shown {
            texts[*i].push(if c == BREAK { '\n' } else { c });
            previous = Some(if c == BREAK { '\n' } else { c });
        }
    }
    let mut out: Vec<Inline> = Vec::new();
    for (inline, text) in inlines
        .into_iter()
        .zip(texts)
        .filter(|(_, text)| !text.is_empty())
    {
        match out.last_mut() {
            Some(last) if same_style(last, &inline) => last.text.push_str(&text),
            _ => out.push(Inline { text, ..inline }),
        }
    }
    out
}

fn same_style(a: &Inline, b: &Inline) -> bool {
    !a.unbroken
        && !b.unbroken
        && Inline {
            text: String::new(),
            ..a.clone()
        } == Inline {
            text: String::new(),
            ..b.clone()
        }
}

/// `<br>` while text is composed.
pub(super) const BREAK: char = '\u{2028}';

/// Runs of white space become one: soft if a line ends in it.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap: Option<char> = None;
    for c in text.chars() {
        match c {
            '\n' => gap = Some(SOFT),
            ' ' | '\t' | '\r' => gap = gap.or(Some(' ')),
            other => {
                out.extend(gap.take());
                out.push(other);
            }
        }
    }
    out.extend(gap);
    out
}

/// Chinese characters and full-width punctuation: no space belongs between two of them.
pub(super) fn wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}

/// Full-width punctuation.
fn mark(c: char) -> bool {
    "，。、；：？！（）「」『』《》〈〉【】".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Run {
        Run::Said(Inline::words(text))
    }

    fn text(runs: Vec<Run>) -> String {
        chenbao_model::document::plain(&without_gaps(runs))
    }

    #[test]
    fn a_gap_takes_its_sentence_and_no_other() {
        let figure = || {
            Run::Said(Inline {
                unbroken: true,
                ..Inline::words("3.12%")
            })
        };
        assert_eq!(
            text(vec![
                said("甲是 "),
                figure(),
                said("。乙是 "),
                Run::Gap,
                said("。丙是 "),
                figure(),
                said("。")
            ]),
            "甲是 3.12%。丙是 3.12%。"
        );
        assert_eq!(
            text(vec![
                said("A is "),
                figure(),
                said(". B is "),
                Run::Gap,
                said(". C.")
            ]),
            "A is 3.12%. C."
        );
        assert_eq!(text(vec![Run::Gap, said("only.")]), "");
    }

    #[test]
    fn data_never_ends_a_sentence() {
        assert_eq!(
            text(vec![
                said("商品「"),
                Run::Said(Inline::data("甲。乙")),
                said("」是 "),
                Run::Gap,
                said("。丁。")
            ]),
            "丁。"
        );
    }

    #[test]
    fn line_ends_in_templates_are_not_spaces_in_chinese() {
        assert_eq!(
            text(vec![said("\n  昨日，\n   今日 paid\n  x \n")]),
            "昨日，今日 paid x"
        );
        let figure = |text: &str| {
            Run::Said(Inline {
                unbroken: true,
                ..Inline::words(text)
            })
        };
        let runs = vec![
            said("\n 较"),
            figure("上周六"),
            said(" "),
            figure("+8%"),
            said("。\n  下句"),
        ];
        assert_eq!(text(runs), "较上周六 +8%。下句");
        let runs = vec![said("点击率（次数） "), figure("4.33%"), said(" 。")];
        assert_eq!(text(runs), "点击率（次数）4.33%。");
        assert_eq!(
            text(vec![said("One."), said("\n"), said("Two."), said(" \n")]),
            "One. Two."
        );
    }

    #[test]
    fn arguments_carry_their_units() {
        let strings =
            Strings::from_toml("[finding]\na = '{rate}，{rate:plain}，{p}，{m:change}'").unwrap();
        let words = Strings::default();
        let format = Formatter::new("zh-CN", "CNY", &words);
        let arg = |value: Cell, unit: &str| Argument {
            value,
            unit: unit.to_owned(),
        };
        let mut args = BTreeMap::from([
            (
                "rate".to_owned(),
                arg(Cell::Number("3.12".parse().unwrap()), "%"),
            ),
            ("p".to_owned(), arg(Cell::Text("<b>。".into()), "")),
            (
                "m".to_owned(),
                arg(Cell::Number("-139000".parse().unwrap()), "money"),
            ),
        ]);
        let got = sentence(&strings, "finding.a", &args, &format).unwrap();
        assert_eq!(
            chenbao_model::document::plain(&got),
            "3.12%，3.12，<b>。，−¥13.9 万"
        );
        assert!(got.iter().any(|inline| inline.from_data));
        args.insert("m".to_owned(), arg(Cell::Null, "money"));
        assert!(
            sentence(&strings, "finding.a", &args, &format)
                .unwrap_err()
                .contains("`m`")
        );
    }
}
