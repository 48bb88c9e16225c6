//! Where rendered markup came from: marks that travel through Tera with the text and are taken out again by the parser.
//!
//! Tera keeps no positions in what it renders. So each `<`, `&` and `{{` of a template's own text gets a mark of Unicode
//! noncharacters in front (what a function writes stands where it was asked for), and each escaped text from data is fenced by two others. No data can forge them: escaping
//! removes noncharacters.

use chenbao_model::Place;

const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';
const DATA: char = '\u{fdd2}';
const DATA_END: char = '\u{fdd3}';

/// Puts a mark before each `<`, `&` and `{{` of the template's text, outside of Tera's own tags.
pub(super) fn mark(file: usize, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() * 2);
    let (mut line, mut column, mut i) = (1, 1, 0);
    let mut inside: Option<char> = None;
    while let Some(&c) = chars.get(i) {
        let next = chars.get(i + 1).copied();
        match inside {
            None if c == '{' && matches!(next, Some('{' | '%' | '#')) => {
                // A tag that takes the space before it away would not find it behind a mark.
                if next == Some('{') && chars.get(i + 2) != Some(&'-') {
                    out.push_str(&format!("{OPEN}{file}:{line}:{column}{CLOSE}"));
                }
                inside = next;
            }
            None if c == '<' || c == '&' => {
                out.push_str(&format!("{OPEN}{file}:{line}:{column}{CLOSE}"));
            }
            Some(kind) if c == if kind == '{' { '}' } else { kind } && next == Some('}') => {
                out.push(c);
                column += 1;
                i += 1;
                inside = None;
            }
            _ => {}
        }
        if let Some(&c) = chars.get(i) {
            out.push(c);
            (line, column) = if c == '\n' {
                (line + 1, 1)
            } else {
                (line, column + 1)
            };
        }
        i += 1;
    }
    out
}

/// Escapes a text from data and fences it, so that the parser knows where it came from.
pub(super) fn fence(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push(DATA);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fdd0}'..='\u{fdef}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out.push(DATA_END);
    out
}

/// Rendered markup without its marks, and where each piece of it came from.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The markup.
    pub(super) chars: Vec<char>,
    /// Whether each character came from data.
    pub(super) data: Vec<bool>,
    origins: Vec<Origin>,
    files: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    at: usize,
    file: usize,
    line: usize,
    column: usize,
}

impl Source {
    /// Takes the marks out; `files` are the names and texts that `mark` numbered.
    pub(super) fn new(rendered: &str, files: Vec<(String, String)>) -> Self {
        let mut source = Self {
            files,
            ..Self::default()
        };
        let mut from_data = false;
        let mut rest = rendered.chars();
        while let Some(c) = rest.next() {
            match c {
                OPEN => {
                    let written: String = rest.by_ref().take_while(|c| *c != CLOSE).collect();
                    source.origin(&written);
                }
                DATA => from_data = true,
                DATA_END => from_data = false,
                CLOSE => {}
                other => {
                    source.chars.push(other);
                    source.data.push(from_data);
                }
            }
        }
        source
    }

    fn origin(&mut self, written: &str) {
        let numbers: Vec<usize> = written
            .split(':')
            .filter_map(|part| part.parse().ok())
            .collect();
        if let [file, line, column] = numbers[..] {
            self.origins.push(Origin {
                at: self.chars.len(),
                file,
                line,
                column,
            });
        }
    }

    /// The place in a template of the character at `at`.
    pub(super) fn place(&self, at: usize) -> Option<Place> {
        let after = self.origins.partition_point(|origin| origin.at <= at);
        let origin = self.origins.get(after.checked_sub(1)?)?;
        let (file, text) = self.files.get(origin.file)?;
        let between = self.chars.get(origin.at..at.min(self.chars.len()))?;
        let newlines = between.iter().filter(|c| **c == '\n').count();
        let column = match between.iter().rposition(|c| *c == '\n') {
            Some(last) => between.len() - last,
            None => origin.column + between.len(),
        };
        let line = origin.line + newlines;
        let source = text.lines().nth(line - 1).map(str::to_owned);
        let width = source.as_ref().map_or(0, |line| line.chars().count());
        Some(Place {
            file: file.clone(),
            line,
            column: column.min(width + 1),
            source,
        })
    }

    /// The words of one kind of origin between two positions, as runs: text and whether it came from data.
    pub(super) fn runs(&self, from: usize, to: usize) -> Vec<(String, bool, usize)> {
        let mut runs: Vec<(String, bool, usize)> = Vec::new();
        for at in from..to.min(self.chars.len()) {
            let (c, data) = (self.chars[at], self.data[at]);
            match runs.last_mut() {
                Some((text, kind, _)) if *kind == data => text.push(c),
                _ => runs.push((c.to_string(), data, at)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_point_back_and_leave_no_trace() {
        let text = "{% if a < b %}\n  {{ '<' }}<p>\n &amp;</p>{% endif %}";
        let marked = mark(0, text);
        let source = Source::new(&marked, vec![("daily/report.html".into(), text.into())]);
        assert_eq!(source.chars.iter().collect::<String>(), text);
        let at = text
            .chars()
            .collect::<Vec<_>>()
            .windows(2)
            .position(|w| w == ['<', 'p'])
            .unwrap();
        let place = source.place(at).unwrap();
        assert_eq!((place.line, place.column), (2, 12));
        assert_eq!(
            source.origins.len(),
            4,
            "the two `<` inside Tera tags have no mark, the tag that writes has one"
        );
    }

    #[test]
    fn data_cannot_forge_marks() {
        let fenced = fence("<b>\u{fdd0}0:9:9\u{fdd1}\u{fdd3}&\"'");
        let source = Source::new(&fenced, Vec::new());
        assert!(source.data.iter().all(|data| *data));
        assert!(source.place(3).is_none());
        assert!(
            source
                .chars
                .iter()
                .collect::<String>()
                .starts_with("&lt;b&gt;\u{fffd}0:9:9\u{fffd}")
        );
    }
}
