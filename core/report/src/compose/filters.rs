//! Functions and filters that put figures into words: `value(path="…") | money`. They write markup, so that formatting, missing
//! texts and visibility stay where they are: `<v>` and `<top>` resolve what is bound, and nobody sees through a filter what a path hides.

use super::days::Days;
use super::results::unknown;
use super::words::raised;
use chenbao_model::Diagnostic;
use chenbao_model::strings::Strings;
use jiff::civil::Date;
use tera::{Kwargs, State, Tera, TeraResult, Value};

/// What templates may call.
pub(super) const FUNCTIONS: [&str; 5] = ["t", "has", "found", "value", "top"];
/// How a figure may be shown.
pub(super) const FILTERS: [&str; 6] = ["money", "percent", "change", "date", "wan", "yi"];
/// Forms of a day.
const FORMS: [&str; 3] = ["said", "short", "long"];

/// Registers them; days that no path holds (`period.start`) are said in the template's language.
pub(super) fn register(tera: &mut Tera, lang: &str, words: &Strings) {
    tera.register_function("value", |args: Kwargs, _: &State<'_>| value(&args));
    tera.register_function("top", |args: Kwargs, _: &State<'_>| top(&args));
    tera.register_filter("money", |of: &Value, args: Kwargs, _: &State<'_>| {
        known("money", &args, &["short"])?;
        let short = args.get::<bool>("short")?.unwrap_or(false);
        let manner = if short { "short" } else { "plain" };
        shown("money", of, &[("as", manner), ("unit", "money")])
    });
    tera.register_filter("percent", |of: &Value, args: Kwargs, _: &State<'_>| {
        known("percent", &args, &[])?;
        shown("percent", of, &[("as", "value"), ("unit", "percent")])
    });
    tera.register_filter("change", |of: &Value, args: Kwargs, _: &State<'_>| {
        known("change", &args, &["vs"])?;
        let vs = args.get::<&str>("vs")?.map(|vs| ("vs", vs));
        let all: Vec<(&str, &str)> = [("as", "change")].into_iter().chain(vs).collect();
        shown("change", of, &all)
    });
    for scale in ["wan", "yi"] {
        tera.register_filter(scale, move |of: &Value, args: Kwargs, _: &State<'_>| {
            known(scale, &args, &[])?;
            shown(scale, of, &[("as", scale)])
        });
    }
    let (lang, words) = (lang.to_owned(), words.clone());
    tera.register_filter("date", move |of: &Value, args: Kwargs, _: &State<'_>| {
        known("date", &args, &["form"])?;
        let form = args.get::<&str>("form")?.unwrap_or(FORMS[0]);
        if !FORMS.contains(&form) {
            let message = format!("a day has no form `{form}`");
            return Err(raised(unknown(message, form, FORMS).0));
        }
        match of.as_str().and_then(|text| text.parse::<Date>().ok()) {
            Some(day) => Ok(Value::from(Days::new(&lang, &words).formed(day, form))),
            None => shown("date", of, &[("as", &format!("date-{form}"))]),
        }
    });
}

/// `value(path="sales.paid_amount")`: a figure, to be shown by a filter or as it is.
fn value(args: &Kwargs) -> TeraResult<Value> {
    known("value", args, &["path"])?;
    let path = name(args.must_get::<&str>("path")?)?;
    Ok(Value::safe_string(&format!("<v of=\"{path}\"/>")))
}

/// `top(path="sales.products", by="paid", n=3)`: the first rows of a table as a sentence.
fn top(args: &Kwargs) -> TeraResult<Value> {
    known("top", args, &["path", "by", "n", "name"])?;
    let mut markup = format!(
        "<top data=\"{}\" by=\"{}\"",
        name(args.must_get::<&str>("path")?)?,
        name(args.must_get::<&str>("by")?)?
    );
    if let Some(n) = args.get::<u64>("n")? {
        markup.push_str(&format!(" n=\"{n}\""));
    }
    if let Some(column) = args.get::<&str>("name")? {
        markup.push_str(&format!(" name=\"{}\"", name(column)?));
    }
    Ok(Value::safe_string(&(markup + "/>")))
}

/// A figure that `value` gave, with how it is to be shown.
fn shown(filter: &str, of: &Value, attributes: &[(&str, &str)]) -> TeraResult<Value> {
    let bound = of.as_str().filter(|_| of.is_safe());
    let bare = bound
        .and_then(|text| text.strip_prefix("<v of=\"")?.strip_suffix("\"/>"))
        .filter(|path| !path.contains('"'));
    let Some(path) = bare else {
        let twice = bound.is_some_and(|text| text.starts_with("<v of="));
        let message = match twice {
            true => {
                format!("`{filter}` comes after another filter, and a figure is shown in one way")
            }
            false => format!("`{filter}` shows a figure that is bound by its path"),
        };
        let hint = format!("write value(path=\"sales.paid_amount\") | {filter}");
        return Err(raised(Diagnostic::error(message).hint(hint)));
    };
    let mut markup = format!("<v of=\"{path}\"");
    for (key, value) in attributes {
        markup.push_str(&format!(" {key}=\"{}\"", name(value)?));
    }
    Ok(Value::safe_string(&(markup + "/>")))
}

/// A path or name, which goes into an attribute as it is.
fn name(text: &str) -> TeraResult<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text);
    }
    let problem = Diagnostic::error(format!("`{text}` is no path and no name"));
    Err(raised(problem.hint(
        "write letters, digits, `_`, `-` and `.`, as `chenbao template vars` lists them",
    )))
}

/// Refuses an argument that nothing asks for.
fn known(who: &str, args: &Kwargs, names: &[&str]) -> TeraResult<()> {
    let strange = args.iter().map(|(key, _)| key.to_string());
    match strange
        .into_iter()
        .find(|key| !names.contains(&key.as_str()))
    {
        None => Ok(()),
        Some(key) => {
            let message = format!("`{who}` has no argument `{key}`");
            Err(raised(unknown(message, &key, names.iter().copied()).0))
        }
    }
}
