//! Report markup: a small, strict vocabulary; unknown elements and attributes, wrong nesting and unclosed tags are
//! errors with their place, all at once.

use super::places::Source;
use super::vocabulary::{BLOCKS, INLINE, Inside, Rule, entity, rules};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::nearest;

/// An element of the markup.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) children: Vec<Node>,
    /// Position of its `<`.
    pub(super) at: usize,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Its elements, without the white space between them.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text { .. } => None,
        })
    }
}

/// A piece of the markup.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// An element.
    Element(Element),
    /// Words, with entities resolved.
    Text {
        /// The words.
        text: String,
        /// Whether they came from data.
        from_data: bool,
    },
}

/// Parses markup whose root is `<report>`.
///
/// # Errors
/// Every problem with its place.
pub(super) fn parse(source: &Source) -> Result<Element, Vec<Diagnostic>> {
    let mut parser = Parser {
        source,
        at: 0,
        open: Vec::new(),
        done: None,
        problems: Vec::new(),
    };
    parser.run();
    match parser.done {
        Some(report) if parser.problems.is_empty() => Ok(report),
        None if parser.problems.is_empty() => Err(vec![Diagnostic::error(
            "the template renders no `<report>`",
        )]),
        _ => Err(parser.problems),
    }
}

struct Open {
    element: Element,
    inside: Inside,
    /// Unknown elements are parsed for the sake of what is in them and then thrown away.
    known: bool,
    written: String,
}

struct Parser<'a> {
    source: &'a Source,
    at: usize,
    open: Vec<Open>,
    done: Option<Element>,
    problems: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn run(&mut self) {
        while self.at < self.source.chars.len() {
            if self.looking_at("<!--") {
                self.comment();
            } else if self.looking_at("</") {
                self.closing();
            } else if self.looking_at("<") {
                self.opening();
            } else {
                self.text();
            }
        }
        while let Some(open) = self.open.pop() {
            self.problem(
                open.element.at,
                format!("`<{}>` is never closed", open.written),
                None,
            );
            self.close(open);
        }
    }

    fn problem(&mut self, at: usize, message: String, hint: Option<String>) {
        let mut problem = Diagnostic::error(message);
        problem.place = self.source.place(at);
        problem.hint = hint;
        // A loop of the template repeats its mistakes; the reader needs each once.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(i, c)| self.source.chars.get(self.at + i) == Some(&c))
    }

    fn find(&self, text: &str) -> Option<usize> {
        let wanted: Vec<char> = text.chars().collect();
        let rest = self.source.chars.get(self.at..)?;
        rest.windows(wanted.len())
            .position(|window| window == wanted.as_slice())
            .map(|found| self.at + found)
    }

    fn comment(&mut self) {
        match self.find("-->") {
            Some(end) => self.at = end + 3,
            None => {
                self.problem(self.at, "the comment is never closed".to_owned(), None);
                self.at = self.source.chars.len();
            }
        }
    }

    fn text(&mut self) {
        let start = self.at;
        while self.source.chars.get(self.at).is_some_and(|c| *c != '<') {
            self.at += 1;
        }
        for (raw, from_data, at) in self.source.runs(start, self.at) {
            let text = self.unescape(&raw, at);
            self.place_text(text, from_data, at);
        }
    }

    fn place_text(&mut self, text: String, from_data: bool, at: usize) {
        let blank = text.trim().is_empty();
        let Some(open) = self.open.last_mut() else {
            if !blank {
                self.problem(at, "text outside of `<report>`".to_owned(), None);
            }
            return;
        };
        if open.inside == Inside::Inline {
            open.element.children.push(Node::Text { text, from_data });
        } else if !blank && open.known {
            let message = format!("text cannot stand directly in `<{}>`", open.written);
            self.problem(at, message, Some("put it in a `<p>`".to_owned()));
        }
    }

    fn closing(&mut self) {
        let start = self.at;
        self.at += 2;
        let name = self.name();
        self.white();
        if self.source.chars.get(self.at) == Some(&'>') {
            self.at += 1;
        } else {
            self.problem(start, format!("`</{name}` has no `>`"), None);
        }
        if !self.open.iter().any(|open| open.written == name) {
            let hint = self
                .open
                .last()
                .map(|open| format!("`<{}>` is open here", open.written));
            self.problem(start, format!("`</{name}>` closes nothing"), hint);
            return;
        }
        while let Some(open) = self.open.pop() {
            let matches = open.written == name;
            if !matches {
                let message = format!("`<{}>` is not closed before `</{name}>`", open.written);
                self.problem(
                    open.element.at,
                    message,
                    Some(format!("write `</{}>`", open.written)),
                );
            }
            self.close(open);
            if matches {
                break;
            }
        }
    }

    fn opening(&mut self) {
        let at = self.at;
        self.at += 1;
        let name = self.name();
        if name.is_empty() {
            self.problem(
                at,
                "a `<` that begins no element".to_owned(),
                Some("write `&lt;` for the sign".to_owned()),
            );
            return;
        }
        let written = self.attributes(at, &name);
        let self_closed = self.looking_at("/>");
        self.at += if self_closed {
            2
        } else {
            usize::from(self.looking_at(">"))
        };
        let rule = rules().find(|(known, ..)| *known == name);
        if rule.is_none() {
            let hint = nearest(&name, rules().map(|(known, ..)| *known))
                .map(|near| format!("did you mean `{near}`?"));
            self.problem(at, format!("unknown element `<{name}>`"), hint);
        }
        let (known, inside, allowed) = rule.copied().unwrap_or(("", Inside::Inline, &[]));
        let attributes = if rule.is_some() {
            self.checked(at, &name, written, allowed)
        } else {
            Vec::new()
        };
        self.check_parent(at, &name, rule.is_some());
        let open = Open {
            element: Element {
                name: known,
                attributes,
                children: Vec::new(),
                at,
            },
            inside,
            known: rule.is_some(),
            written: name,
        };
        if self_closed || inside == Inside::Nothing && open.known {
            self.end_of_empty(self_closed, &open.written.clone());
            self.close(open);
        } else {
            self.open.push(open);
        }
    }

    /// An element without content may be written `<v …></v>`.
    fn end_of_empty(&mut self, self_closed: bool, name: &str) {
        let closing = format!("</{name}>");
        if !self_closed && self.looking_at(&closing) {
            self.at += closing.chars().count();
        }
    }

    fn close(&mut self, open: Open) {
        if !open.known {
            return;
        }
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(Node::Element(open.element)),
            None if open.element.name == "report" && self.done.is_none() => {
                self.done = Some(open.element);
            }
            None => {}
        }
    }

    fn check_parent(&mut self, at: usize, name: &str, known: bool) {
        if !known {
            return;
        }
        let is = |list: &[Rule]| list.iter().any(|(n, ..)| *n == name);
        let fits = match self.open.last() {
            None => name == "report" && self.done.is_none(),
            Some(parent) if !parent.known => true,
            Some(parent) => match parent.inside {
                Inside::Nothing => false,
                Inside::Blocks => is(BLOCKS),
                Inside::Inline => is(INLINE),
                Inside::Only(child) => child == name,
            },
        };
        if !fits {
            let parent = self
                .open
                .last()
                .map_or("the top".to_owned(), |open| format!("`<{}>`", open.written));
            let hint = self.open.last().and_then(|open| match open.inside {
                Inside::Only(child) => Some(format!("`<{}>` holds `<{child}>` only", open.written)),
                Inside::Blocks if is(INLINE) => Some("put it in a `<p>`".to_owned()),
                _ => None,
            });
            self.problem(at, format!("`<{name}>` cannot stand in {parent}"), hint);
        }
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self
            .source
            .chars
            .get(self.at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            self.at += 1;
        }
        self.source.chars[start..self.at].iter().collect()
    }

    fn white(&mut self) {
        while self
            .source
            .chars
            .get(self.at)
            .is_some_and(|c| c.is_whitespace())
        {
            self.at += 1;
        }
    }

    fn attributes(&mut self, tag: usize, name: &str) -> Vec<(String, String, usize)> {
        let mut found = Vec::new();
        loop {
            self.white();
            let at = self.at;
            match self.source.chars.get(self.at) {
                None | Some('<') => {
                    self.problem(tag, format!("`<{name}` has no `>`"), None);
                    return found;
                }
                Some('>') => return found,
                Some('/') if self.looking_at("/>") => return found,
                Some(_) => {}
            }
            let key = self.name();
            if key.is_empty() {
                let c = self.source.chars[at];
                self.problem(at, format!("`{c}` cannot stand in `<{name}>`"), None);
                self.at += 1;
                continue;
            }
            if let Some(value) = self.value(&key) {
                found.push((key, value, at));
            }
        }
    }

    fn value(&mut self, key: &str) -> Option<String> {
        let at = self.at;
        self.white();
        if self.source.chars.get(self.at) != Some(&'=') {
            self.problem(
                at,
                format!("the attribute `{key}` has no value"),
                Some(format!("write `{key}=\"…\"`")),
            );
            return None;
        }
        self.at += 1;
        self.white();
        let quote = self.source.chars.get(self.at).copied();
        let (Some(quote @ ('"' | '\'')), start) = (quote, self.at + 1) else {
            self.problem(
                at,
                format!("the value of `{key}` stands in no quotes"),
                None,
            );
            return None;
        };
        let length = self
            .source
            .chars
            .get(start..)?
            .iter()
            .position(|c| *c == quote);
        let Some(length) = length else {
            self.problem(
                at,
                format!("the value of `{key}` has no closing {quote}"),
                None,
            );
            self.at = self.source.chars.len();
            return None;
        };
        self.at = start + length + 1;
        let raw: String = self.source.chars[start..start + length].iter().collect();
        Some(self.unescape(&raw, start))
    }

    fn checked(
        &mut self,
        tag: usize,
        name: &str,
        written: Vec<(String, String, usize)>,
        allowed: &'static [&'static str],
    ) -> Vec<(&'static str, String)> {
        let bare = |key: &&'static str| key.trim_start_matches('*');
        let mut out: Vec<(&'static str, String)> = Vec::new();
        for (key, value, at) in written {
            match allowed.iter().map(bare).find(|k| *k == key) {
                Some(known) if out.iter().any(|(k, _)| *k == known) => {
                    self.problem(at, format!("`{key}` stands twice in `<{name}>`"), None);
                }
                Some(known) => out.push((known, value)),
                None => {
                    let hint = nearest(&key, allowed.iter().map(bare))
                        .map(|near| format!("did you mean `{near}`?"));
                    self.problem(at, format!("`<{name}>` has no attribute `{key}`"), hint);
                }
            }
        }
        for required in allowed.iter().filter_map(|key| key.strip_prefix('*')) {
            if !out.iter().any(|(key, _)| *key == required) {
                self.problem(
                    tag,
                    format!("`<{name}>` needs `{required}`"),
                    Some(format!("write `<{name} {required}=\"…\">`")),
                );
            }
        }
        out
    }

    fn unescape(&mut self, raw: &str, at: usize) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('&') {
            out.push_str(before);
            let resolved = after
                .split_once(';')
                .and_then(|(name, tail)| entity(name).map(|c| (c, tail)));
            rest = match resolved {
                Some((c, tail)) => {
                    out.push(c);
                    tail
                }
                None => {
                    let offset = raw.chars().count() - after.chars().count() - 1;
                    self.problem(
                        at + offset,
                        "a `&` that begins no entity".to_owned(),
                        Some("write `&amp;`".to_owned()),
                    );
                    out.push('&');
                    after
                }
            };
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::{Source, mark};
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let source = Source::new(&mark(0, text), vec![("t.html".into(), text.into())]);
        let told = |d: Diagnostic| {
            let place = d.place.unwrap();
            format!(
                "{}:{} {} | {}",
                place.line,
                place.column,
                d.message,
                d.hint.unwrap_or_default()
            )
        };
        parse(&source)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(told)
            .collect()
    }

    #[test]
    fn good_markup_becomes_a_tree() {
        let text =
            "<report>\n <lede>A &amp; <b>B</b><br/><v of='s.x'></v></lede><!-- <kpii> --></report>";
        let source = Source::new(&mark(0, text), vec![("t.html".into(), text.into())]);
        let report = parse(&source).unwrap();
        let lede = report.elements().next().unwrap();
        assert_eq!(
            lede.elements().map(|e| e.name).collect::<Vec<_>>(),
            ["b", "br", "v"]
        );
        assert_eq!(
            lede.children[0],
            Node::Text {
                text: "A & ".into(),
                from_data: false
            }
        );
    }

    #[test]
    fn every_problem_has_its_place_and_nearest_name() {
        let got = problems(
            "<report>\n  <kpis>\n    <kpii value=\"a.b\"/>\n  </kpis>\n  <p>x <table dat='y'/></p>\n</report>",
        );
        assert_eq!(
            got,
            [
                "3:5 unknown element `<kpii>` | did you mean `kpi`?",
                "5:15 `<table>` has no attribute `dat` | did you mean `data`?",
                "5:8 `<table>` needs `data` | write `<table data=\"…\">`",
                "5:8 `<table>` cannot stand in `<p>` | ",
            ]
        );
    }

    #[test]
    fn unclosed_and_stray_tags_are_named() {
        assert_eq!(
            problems("<report><section title='a'></report>")[0],
            "1:9 `<section>` is not closed before `</report>` | write `</section>`"
        );
        assert_eq!(
            problems("<report></p></report>")[0],
            "1:9 `</p>` closes nothing | `<report>` is open here"
        );
        assert_eq!(problems("<report><p>a < b &c</p></report>").len(), 2);
        assert!(problems("<report>")[0].contains("never closed"));
        assert!(problems("<report>word</report>")[0].contains("cannot stand directly"));
        assert!(problems("<p/>")[0].contains("cannot stand in the top"));
        assert!(problems("<report><v")[0].contains("has no `>`"));
    }
}
