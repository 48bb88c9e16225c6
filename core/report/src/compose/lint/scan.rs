//! A template's text read as it is written, without rendering it: what stands in a branch that no sample takes is seen, too.

use super::super::frame::CHANGES;
use super::super::vocabulary::rules;
use chenbao_model::Place;

/// Something that a template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) what: What,
    /// Where it begins.
    pub(super) place: Place,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// An element of the vocabulary, or a mistyped one, with its attributes; the value is none where Tera writes it.
    Element(String, Vec<(String, Option<String>)>),
    /// `t(key="…")`.
    Words(String),
    /// `has(path="…")`.
    Path(String),
    /// `value(path="…")` or `top(path="…")`: what is bound, and the column by which `top` ranks.
    Bound(String, Option<String>),
    /// `found(kind="…")`.
    Kind(String),
    /// `role.id == "…"`.
    Role(String),
}

/// What Tera's tags are searched for, and what the text in quotes after it is.
type Call = (&'static str, fn(String) -> What);

const CALLS: [Call; 6] = [
    ("t(key=", What::Words),
    ("has(path=", What::Path),
    ("value(path=", |path| What::Bound(path, None)),
    ("found(kind=", What::Kind),
    ("role.id==", What::Role),
    ("role.id!=", What::Role),
];

/// Everything that a template's text says, in its order.
pub(super) fn scan(file: &str, text: &str) -> Vec<Seen> {
    let mut reader = Reader {
        file,
        text,
        chars: text.chars().collect(),
        at: 0,
        line: 1,
        column: 1,
    };
    let mut seen = Vec::new();
    while let Some(c) = reader.peek(0) {
        let kind = reader
            .peek(1)
            .filter(|next| c == '{' && matches!(next, '{' | '%' | '#'));
        if let Some(kind) = kind {
            reader.tera(kind, &mut seen);
        } else if c == '<'
            && reader
                .peek(1)
                .is_some_and(|next| next.is_ascii_alphabetic())
        {
            reader.element(&mut seen);
        } else {
            reader.step();
        }
    }
    seen
}

/// The blocks that a template's text names, each with the line that begins it.
pub(super) fn blocks(file: &str, text: &str) -> Vec<(String, Place)> {
    let named = text.lines().enumerate().flat_map(|(at, line)| {
        let tags = line.split("{%").skip(1).filter_map(move |tag| {
            let inside = tag.trim_start_matches('-').trim_start();
            let name = inside.strip_prefix("block ")?.split_whitespace().next()?;
            let place = Place {
                file: file.to_owned(),
                line: at + 1,
                column: 0,
                source: Some(line.to_owned()),
            };
            Some((name.trim_end_matches("%}").to_owned(), place))
        });
        tags.collect::<Vec<_>>()
    });
    named.collect()
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        (self.line, self.column) = match c {
            '\n' => (self.line + 1, 1),
            _ => (self.line, self.column + 1),
        };
        Some(c)
    }

    fn place(&self) -> Place {
        Place {
            file: self.file.to_owned(),
            line: self.line,
            column: self.column,
            source: self.text.lines().nth(self.line - 1).map(str::to_owned),
        }
    }

    /// One of Tera's tags, up to its end; what it asks for by name is seen.
    fn tera(&mut self, kind: char, seen: &mut Vec<Seen>) {
        let place = self.place();
        let end = if kind == '{' { '}' } else { kind };
        let mut inside = String::new();
        self.step();
        self.step();
        while let Some(c) = self.step() {
            if c == end && self.peek(0) == Some('}') {
                self.step();
                break;
            }
            inside.push(c);
        }
        if kind == '#' {
            return;
        }
        let compact = compact(&inside);
        for call in compact.split("top(").skip(1) {
            let call = call.split(')').next().unwrap_or(call);
            let said = |key: &str| asked(call, key).into_iter().next();
            if let Some(path) = said("path=") {
                let what = What::Bound(path, said("by="));
                seen.push(Seen {
                    what,
                    place: place.clone(),
                });
            }
        }
        for (call, what) in CALLS {
            for after in asked(&compact, call) {
                seen.push(Seen {
                    what: what(after),
                    place: place.clone(),
                });
            }
        }
    }

    fn element(&mut self, seen: &mut Vec<Seen>) {
        let place = self.place();
        self.step();
        let name = self.name();
        let mut attributes = Vec::new();
        loop {
            match (self.peek(0), self.peek(1)) {
                (None | Some('<'), _) => break,
                (Some('>'), _) => {
                    self.step();
                    break;
                }
                (Some('{'), Some(kind @ ('{' | '%' | '#'))) => self.tera(kind, seen),
                (Some(c), _) if c.is_ascii_alphabetic() => {
                    let key = self.name();
                    let value = self.value(seen);
                    attributes.push((key, value));
                }
                _ => {
                    self.step();
                }
            }
        }
        seen.push(Seen {
            what: What::Element(name, attributes),
            place,
        });
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self
            .peek(0)
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            name.push(c);
            self.step();
        }
        name
    }

    /// `="…"`; none where there is no value, or where Tera writes some of it.
    fn value(&mut self, seen: &mut Vec<Seen>) -> Option<String> {
        if self.peek(0) != Some('=') {
            return None;
        }
        self.step();
        let quote = self.peek(0).filter(|c| matches!(c, '"' | '\''))?;
        self.step();
        let (mut value, mut written) = (String::new(), true);
        while let Some(c) = self.peek(0).filter(|c| *c != quote) {
            match self
                .peek(1)
                .filter(|kind| c == '{' && matches!(kind, '{' | '%' | '#'))
            {
                Some(kind) => {
                    written = false;
                    self.tera(kind, seen);
                }
                None => {
                    value.push(c);
                    self.step();
                }
            }
        }
        self.step();
        written.then_some(value)
    }
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// A tag without the spaces that mean nothing: only those that keep two words apart stay.
fn compact(inside: &str) -> String {
    let mut compact = String::new();
    for part in inside.split_whitespace() {
        if compact.ends_with(word) && part.starts_with(word) {
            compact.push(' ');
        }
        compact.push_str(part);
    }
    compact
}

/// The texts in quotes that stand right behind `call`.
fn asked(inside: &str, call: &str) -> Vec<String> {
    let behind = inside.match_indices(call).filter_map(|(at, _)| {
        let before = inside.get(..at)?;
        let after = inside.get(at + call.len()..)?;
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let text = after.get(1..)?.split(quote).next()?;
        (!before.ends_with(word)).then(|| text.to_owned())
    });
    behind.collect()
}

/// Attributes that hold a path, by element: in others the same name means something else.
pub(super) fn paths<'a>(
    element: &str,
    attributes: &'a [(String, Option<String>)],
) -> impl Iterator<Item = &'a str> {
    let holds: &[&str] = match element {
        "note" | "actions" => &[],
        "v" => &["of"],
        "kpi" => &["value", "note", "target"],
        "section" => &["value"],
        "line" => &["data", "spans"],
        _ => &["data"],
    };
    let known = rules().any(|(name, ..)| *name == element);
    let of = attributes
        .iter()
        .filter(move |(key, _)| known && holds.contains(&key.as_str()));
    // What a correction changed is known to the report itself, not to a metric.
    of.filter_map(|(_, value)| value.as_deref())
        .filter(|path| *path != CHANGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_branch_is_read_and_comments_are_not() {
        let text = "{# <kpii> t(key='no') #}\n{% if role.id == \"ads\" and has(path = 'x.y') %}\n\
                    <section title=\"{{ t(key='a.b') }}\"><table data=\"s.t\" columns='a,b'/></section>{% endif %}";
        let seen = scan("daily/report.html", text);
        let what: Vec<&What> = seen.iter().map(|seen| &seen.what).collect();
        let own = str::to_owned;
        let table = vec![
            (own("data"), Some(own("s.t"))),
            (own("columns"), Some(own("a,b"))),
        ];
        assert_eq!(
            what,
            [
                &What::Path(own("x.y")),
                &What::Role(own("ads")),
                &What::Words(own("a.b")),
                &What::Element(own("section"), vec![(own("title"), None)]),
                &What::Element(own("table"), table),
            ]
        );
        let place = &seen[4].place;
        assert_eq!((place.line, place.column), (3, 37));
        assert!(place.source.as_deref().unwrap().starts_with("<section"));
    }

    #[test]
    fn what_is_left_open_ends_with_the_text() {
        for text in ["<table data=\"", "{{ t(key='a", "<", "<p a=", "{% if"] {
            let _ = scan("x", text);
        }
    }
}
