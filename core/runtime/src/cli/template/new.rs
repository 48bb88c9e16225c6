//! `template new`: the files of a template of one's own, which work as they are.

use super::named;
use crate::cli::print::Voice;
use crate::cli::{Answer, Ended};
use crate::project::Project;
use crate::storage;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use chenbao_report::TemplateSet;
use serde_json::json;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(super) fn new(project: &Project, name: &str, from: &str, voice: Voice) -> Answer {
    let folder = project.config.templates.join(name);
    free(&project.templates, name, &folder)?;
    let files = scaffold(&project.templates, name, from)?;
    let files = files
        .into_iter()
        .map(|(file, text)| (folder.join(file), text));
    let files: Vec<(PathBuf, String)> = files.collect();
    let there: Vec<Diagnostic> = files
        .iter()
        .filter(|(path, _)| path.exists())
        .map(|(path, _)| taken(path))
        .collect();
    if !there.is_empty() {
        return Err(Problems(there));
    }
    std::fs::create_dir_all(&folder)
        .map_err(|e| storage::refused("the template's folder", &folder, &e))?;
    for (path, text) in &files {
        write(path, text)?;
        voice.say(format!("wrote {}", path.display()));
    }
    let written: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    voice.say(next(project, name, from));
    voice.answer(&json!({"template": name, "from": from, "files": written}));
    Ok(Ended::Done)
}

/// Whether the name can be a template's and nobody has it.
fn free(set: &TemplateSet, name: &str, folder: &Path) -> Result<(), Diagnostic> {
    name.parse::<Id>().map_err(|why| {
        Diagnostic::error(format!("the template cannot have this name: {why}"))
            .hint("take a short one, such as `monday`; its title is words and may be anything")
    })?;
    if set.templates().any(|taken| taken == name) {
        return Err(Diagnostic::error(format!("there is a template `{name}` already"))
            .in_file(folder.display().to_string())
            .hint(format!(
                "take another name; a file in this folder goes before the one of the same name in `{name}`"
            )));
    }
    Ok(())
}

/// Names and texts of the files. What stands in none of them is taken from `from`, also after an upgrade.
fn scaffold(set: &TemplateSet, name: &str, from: &str) -> Result<Vec<(String, String)>, Problems> {
    let file = |file: &str| set.file(&format!("{from}/{file}"));
    let (Some(declared), Some(page)) = (file("template.toml"), file("report.html")) else {
        return Err(named("template", from, set.templates().collect()).into());
    };
    let mut files = vec![
        ("template.toml".to_owned(), declaration(declared, from)),
        ("report.html".to_owned(), page.to_owned()),
    ];
    for lang in set.langs(from) {
        let words = format!(
            "# Words of this report. What is not here is taken from `{from}`: write a key of its strings.{lang}.toml here to say it otherwise.\n\
             title = \"{name}\"\n"
        );
        files.push((format!("strings.{lang}.toml"), words));
    }
    Ok(files)
}

/// The declaration of the template that this one is made from, with where it is from at its head.
fn declaration(declared: &str, from: &str) -> String {
    let own = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default();
        key.trim() != "from" && !line.starts_with("# Made from ")
    };
    let kept: Vec<&str> = declared.lines().filter(own).collect();
    format!(
        "# Made from `{from}` of chenbao {}. Words, colours and samples that this folder has none of are those of `{from}`.\n\
         from = \"{from}\"\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        kept.join("\n").trim()
    )
}

fn write(path: &Path, text: &str) -> Result<(), Diagnostic> {
    storage::create(path, text.as_bytes()).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => storage::refused("the template", path, &e),
    })
}

fn taken(path: &Path) -> Diagnostic {
    Diagnostic::error("there is a file here already")
        .in_file(path.display().to_string())
        .hint("move it away, or take another name: `template new` overwrites nothing")
}

/// What to do next: who reads it, whether it is in order, what it looks like.
fn next(project: &Project, name: &str, from: &str) -> String {
    let mut reports = project.config.reports.values();
    let report = reports.find(|report| report.template == from);
    let told = match report {
        Some(report) => format!(
            "  in {}: copy [report.{}] as [report.{name}], with template = \"{name}\"",
            project.config.file, report.id
        ),
        None => format!(
            "  in {}: template = \"{name}\" in a [report.*]",
            project.config.file
        ),
    };
    format!(
        "\nNext:\n{told}\n  chenbao template check {name}\n  chenbao preview     # follows while you write"
    )
}
