//! Tera, strictly: words and conditions of a template become report markup; data is escaped and fenced, output is bounded.

use super::filters;
use super::places::{Source, fence, mark};
use super::results::unknown;
use super::templates::TemplateSet;
use chenbao_model::diagnostic::Problems;
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use tera::{Context, Error, ErrorKind, Function, Kwargs, State, Tera, TeraResult, Value};

/// More markup than this is a loop that went wrong.
const MOST_BYTES: usize = 4 << 20;

/// What templates may ask about results.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// `alias` (whether it answered) and `alias.item` (whether there is something to show).
    pub(super) paths: BTreeMap<String, bool>,
    /// Aliases that the template declares.
    pub(super) aliases: BTreeSet<String>,
    /// Kinds of the visible findings.
    pub(super) kinds: BTreeSet<String>,
    /// Language of the words.
    pub(super) lang: String,
}

/// Renders a template to markup that knows where it came from.
///
/// # Errors
/// Tera's own errors, with file, line, column and source line.
pub(super) fn render(
    set: &TemplateSet,
    template: &str,
    context: &Context,
    words: &Strings,
    known: &Known,
) -> Result<Source, Problems> {
    let files: Vec<(String, String)> = set
        .pages(template)
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    let page = format!("{template}/report.html");
    let marked: Vec<(String, String)> = files
        .iter()
        .enumerate()
        .map(|(i, (name, text))| (name.clone(), mark(i, text)))
        .collect();
    match attempt(&marked, &page, context, engine(words, known)) {
        Ok(rendered) => Ok(Source::new(&rendered, files)),
        // Marks move columns: the error is asked for again without them.
        Err(error) => Err(told(
            &attempt(&files, &page, context, engine(words, known))
                .err()
                .unwrap_or(error),
            &files,
            &page,
        )),
    }
}

/// Tera with what templates may call.
fn engine(words: &Strings, known: &Known) -> Tera {
    let mut tera = Tera::new();
    tera.set_escape_fn(|text: &str, out: &mut dyn Write| out.write_all(fence(text).as_bytes()));
    tera.register_function("t", Words(words.clone()));
    let paths = known.clone();
    tera.register_function("has", move |args: Kwargs, _: &State<'_>| {
        has(&paths, args.must_get::<&str>("path")?)
    });
    let kinds = known.kinds.clone();
    tera.register_function("found", move |args: Kwargs, _: &State<'_>| {
        args.must_get::<&str>("kind")
            .map(|kind| kinds.contains(kind))
    });
    filters::register(&mut tera, &known.lang, words);
    tera
}

fn attempt(
    files: &[(String, String)],
    page: &str,
    context: &Context,
    mut tera: Tera,
) -> TeraResult<String> {
    tera.add_raw_templates(
        files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    )?;
    let mut out = Bounded(Vec::new());
    tera.render_to(page, context, &mut out)?;
    String::from_utf8(out.0).map_err(|_| Error::new(ErrorKind::Utf8Conversion))
}

/// Mistakes in Tera's own grammar, in every file that a template reads: rendering would stop at the first.
pub(super) fn syntax(set: &TemplateSet, template: &str) -> Vec<Diagnostic> {
    let files: Vec<(String, String)> = set
        .pages(template)
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    let problems = files.iter().filter_map(|(name, text)| {
        let mut tera = engine(&Strings::default(), &Known::default());
        let error = tera.add_raw_template(name, text).err()?;
        matches!(error.kind(), ErrorKind::SyntaxError(_)).then(|| told(&error, &files, name).0)
    });
    problems.flatten().collect()
}

fn has(known: &Known, path: &str) -> TeraResult<bool> {
    let alias = path.split('.').next().unwrap_or(path);
    if let Some(there) = known.paths.get(path) {
        return Ok(*there);
    }
    let problem = match known.paths.get(alias) {
        Some(true) => {
            unknown(
                format!("there is no item `{path}`"),
                path,
                known.paths.keys().map(String::as_str),
            )
            .0
        }
        Some(false) => return Ok(false),
        None if known.aliases.contains(alias) => return Ok(false),
        None => {
            unknown(
                format!("there is no metric `{alias}`"),
                alias,
                known.aliases.iter().map(String::as_str),
            )
            .0
        }
    };
    Err(raised(problem))
}

/// What stands between message and hint while Tera carries an error of ours.
const HINT: &str = "\nhint: ";

pub(super) fn raised(problem: Diagnostic) -> Error {
    Error::message(match problem.hint {
        Some(hint) => format!("{}{HINT}{hint}", problem.message),
        None => problem.message,
    })
}

/// `{{ t(key="lede.outcome", day=day) }}`: words by key. They are a template editor's own and may hold markup; the
/// arguments are texts and are escaped.
struct Words(Strings);

impl Function<TeraResult<Value>> for Words {
    fn call(&self, args: Kwargs, _: &State<'_>) -> TeraResult<Value> {
        let key = args.must_get::<&str>("key")?;
        let Some(sentence) = self.0.get(key) else {
            let problem = unknown(
                format!("there are no words for `{key}`"),
                key,
                self.0.0.keys().map(String::as_str),
            )
            .0;
            return Err(raised(problem));
        };
        let texts: Vec<(String, String)> = args
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .map(|(name, text)| (name, fence(&text)))
            .collect();
        let pairs: Vec<(&str, &str)> = texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        Ok(Value::safe_string(&crate::format::fill(sentence, &pairs)))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the template renders too much",
            ));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn told(error: &Error, files: &[(String, String)], page: &str) -> Problems {
    let problem = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let span = report.span();
            let text = files
                .iter()
                .find(|(name, _)| name == report.filename())
                .map(|(_, text)| text.as_str());
            let source = text
                .and_then(|text| text.lines().nth(span.start_line.checked_sub(1)?))
                .map(str::to_owned);
            let place = Place {
                file: report.filename().to_owned(),
                line: span.start_line,
                column: span.start_col + 1,
                source,
            };
            match report.message().split_once(HINT) {
                Some((message, hint)) => Diagnostic::error(message).hint(hint.trim_end()),
                None => Diagnostic::error(sentence(report.message())),
            }
            .at(place)
        }
        ErrorKind::Io(io::ErrorKind::FileTooLarge) => Diagnostic::error(format!(
            "the template renders more than {} MB of markup",
            MOST_BYTES >> 20
        ))
        .in_file(page)
        .hint("look for a loop that runs too often"),
        other => {
            let text = other.to_string();
            let found = unregistered(&text, files);
            if !found.is_empty() {
                return Problems(found);
            }
            Diagnostic::error(sentence(&text)).in_file(page)
        }
    };
    problem.into()
}

/// Filters, functions and tests that there are not, out of the reports that Tera writes one below the other; each with the
/// nearest that there is.
fn unregistered(text: &str, files: &[(String, String)]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((kind, rest)) = line
            .strip_prefix("error: Unknown ")
            .and_then(|rest| rest.split_once(" `"))
        else {
            continue;
        };
        let name = rest.trim_end_matches('`');
        let names: &[&str] = match kind {
            "filter" => &filters::FILTERS,
            "function" => &filters::FUNCTIONS,
            _ => &[],
        };
        let message = format!("there is no {kind} `{name}`");
        let mut problem = unknown(message, name, names.iter().copied()).0;
        if problem.hint.is_none() && !names.is_empty() {
            problem = problem.hint(format!("there are {}, and Tera's own", names.join(", ")));
        }
        let place = lines.next().and_then(|line| placed(line, files));
        problems.push(match place {
            Some(place) => problem.at(place),
            None => problem,
        });
    }
    problems
}

/// ` --> daily/report.html:2:41`.
fn placed(line: &str, files: &[(String, String)]) -> Option<Place> {
    let mut parts = line.trim_start().strip_prefix("--> ")?.rsplitn(3, ':');
    let column = parts.next()?.trim().parse().ok()?;
    let line: usize = parts.next()?.parse().ok()?;
    let file = parts.next()?.to_owned();
    let (_, text) = files.iter().find(|(name, _)| *name == file)?;
    let source = text.lines().nth(line.checked_sub(1)?).map(str::to_owned);
    Some(Place {
        file,
        line,
        column,
        source,
    })
}

fn sentence(message: &str) -> String {
    message.trim_end().trim_end_matches('.').to_owned()
}
