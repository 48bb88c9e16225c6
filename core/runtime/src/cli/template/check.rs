//! `template check`: a template tried with full, empty and missing results, for every role and in every language.

use super::bench::{Parts, located};
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended};
use crate::project::Project;
use crate::templates;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_report::compose::lint::SAMPLES;
use chenbao_report::{Linted, TemplateSet};
use serde_json::json;
use std::path::Path;

pub(super) fn check(project: &Project, wanted: Option<&str>, voice: Voice) -> Answer {
    let (set, names) = wanted_templates(project, wanted)?;
    let parts = Parts::of(project);
    let bench = parts.bench(project, &set);
    let (mut problems, mut tried): (Vec<Diagnostic>, Vec<_>) = (Vec::new(), Vec::new());
    for name in names {
        let linted = bench.lint(&name);
        let found = linted.problems.iter().cloned();
        let found: Vec<Diagnostic> = found.map(|problem| located(project, problem)).collect();
        let new = found.into_iter().filter(|one| !problems.contains(one));
        let new: Vec<Diagnostic> = new.collect();
        voice.tell(&new);
        voice.say(summary(&name, &linted));
        problems.extend(new);
        tried.push(json!({
            "template": name, "samples": SAMPLES, "roles": linted.roles, "languages": linted.langs,
        }));
    }
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let json: Vec<_> = problems.iter().map(as_json).collect();
    voice.answer(&json!({"errors": errors, "warnings": problems.len() - errors, "tried": tried, "problems": json}));
    Ok(if errors == 0 {
        Ended::Done
    } else {
        Ended::Refused
    })
}

fn summary(name: &str, linted: &Linted) -> String {
    let errors = linted.problems.iter().filter(|p| p.is_error()).count();
    match errors {
        0 => format!(
            "{name}: in order ({} samples, {} roles, {})",
            SAMPLES.len(),
            linted.roles.len(),
            linted.langs.join(" and ")
        ),
        1 => format!("{name}: 1 problem"),
        _ => format!("{name}: {errors} problems"),
    }
}

fn as_json(problem: &Diagnostic) -> serde_json::Value {
    let place = problem.place.as_ref();
    json!({
        "severity": problem.severity, "message": problem.message, "hint": problem.hint,
        "file": place.map(|place| &place.file), "line": place.map(|place| place.line),
        "column": place.map(|place| place.column), "source": place.and_then(|place| place.source.as_ref()),
    })
}

/// The templates that are meant, and the set that they are in: all of them, one by name, one by the path of a file or folder.
fn wanted_templates(
    project: &Project,
    wanted: Option<&str>,
) -> Result<(TemplateSet, Vec<String>), Problems> {
    let set = project.templates.clone();
    let all: Vec<String> = set.templates().map(str::to_owned).collect();
    let Some(wanted) = wanted else {
        return Ok((set, all));
    };
    if all.iter().any(|name| name == wanted) {
        return Ok((set, vec![wanted.to_owned()]));
    }
    let path = Path::new(wanted);
    if !path.exists() {
        return Err(unknown(wanted, &all).into());
    }
    let fail = |path: &Path, e: std::io::Error| {
        Diagnostic::error(format!("cannot look at the path: {e}"))
            .in_file(path.display().to_string())
    };
    let path = path.canonicalize().map_err(|e| fail(path, e))?;
    let root = project.config.templates.canonicalize().ok();
    let inside = root.as_ref().and_then(|root| path.strip_prefix(root).ok());
    let name = |path: &Path| {
        let first = path.iter().next();
        first.map(|first| first.to_string_lossy().into_owned())
    };
    match inside {
        // The folder itself, or what all templates share.
        Some(inside) => match name(inside).filter(|name| name != "_base") {
            None => Ok((set, all)),
            Some(name) if all.contains(&name) => Ok((set, vec![name])),
            Some(name) => Err(unknown(&name, &all).into()),
        },
        None => elsewhere(set, &path),
    }
}

/// A template that is not in the project's folder yet.
fn elsewhere(set: TemplateSet, path: &Path) -> Result<(TemplateSet, Vec<String>), Problems> {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let name = folder.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let files = templates::read(folder)?.into_iter();
    let files = files.map(|(file, text)| (format!("{name}/{file}"), text));
    let set = set.overlaid(files.collect());
    if set.file(&format!("{name}/template.toml")).is_none() {
        let file = folder.join("template.toml").display().to_string();
        return Err(Diagnostic::error(
            "there is no template in this folder: it has no template.toml",
        )
        .in_file(file)
        .hint("write one with `from = \"daily\"` in it, or begin with `chenbao template new`")
        .into());
    }
    Ok((set, vec![name]))
}

fn unknown(name: &str, all: &[String]) -> Diagnostic {
    let problem = Diagnostic::error(format!("there is no template `{name}`, and no such path"));
    match nearest(name, all.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!(
            "there are {}; `chenbao template new {name}` begins one",
            all.join(", ")
        )),
    }
}
