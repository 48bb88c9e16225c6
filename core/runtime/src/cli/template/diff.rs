//! `template diff`: what a changed template lacks against the product's of this version.

use super::named;
use crate::cli::print::{Voice, table};
use crate::cli::{Answer, Ended};
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use chenbao_report::{Beside, Lack, TemplateSet};
use serde_json::json;

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn diff(project: &Project, wanted: Option<&str>, voice: Voice) -> Answer {
    let shipped = TemplateSet::builtin();
    let mut compared = Vec::new();
    for template in templates(project, wanted)? {
        let Some(against) = against(&project.templates, &shipped, &template) else {
            voice.say(format!(
                "{template}: of this project alone; its template.toml names no report of the product that it was made from"
            ));
            continue;
        };
        let files = overridden(&project.templates, &shipped, &template);
        if against == template && files.is_empty() {
            voice.say(format!(
                "{template}: the product's own, nothing is overridden"
            ));
            continue;
        }
        let beside = Beside {
            own: &project.templates,
            shipped: &shipped,
            template: &template,
            against: &against,
        };
        let lacks = beside.lacks()?;
        voice.say(told(&template, &against, &lacks));
        compared.push(json!({
            "template": template, "against": against, "overridden": files, "lacks": lacks,
        }));
    }
    voice.answer(&json!({"version": VERSION, "templates": compared}));
    Ok(Ended::Done)
}

/// All templates, or the one of a report or by its own name.
fn templates(project: &Project, wanted: Option<&str>) -> Result<Vec<String>, Problems> {
    let all: Vec<String> = project.templates.templates().map(str::to_owned).collect();
    let Some(wanted) = wanted else {
        return Ok(all);
    };
    let report = project.config.reports.get(wanted);
    let name = report.map_or(wanted, |report| report.template.as_str());
    if all.iter().any(|one| one == name) {
        return Ok(vec![name.to_owned()]);
    }
    let reports = project.config.reports.keys();
    let names = reports.map(chenbao_model::Id::as_str);
    let names = names.chain(all.iter().map(String::as_str)).collect();
    Err(named("report or template", wanted, names).into())
}

/// The product's template behind one: itself, or what it was made from, over however many steps.
fn against(own: &TemplateSet, shipped: &TemplateSet, template: &str) -> Option<String> {
    let mut folders = own.folders(template).into_iter().rev();
    folders.find(|name| shipped.info(name).is_ok())
}

/// Files that the project has in the place of the product's.
fn overridden(own: &TemplateSet, shipped: &TemplateSet, template: &str) -> Vec<String> {
    let folders = own.folders(template);
    let mine = |name: &str| {
        folders
            .iter()
            .any(|one| name.split('/').next() == Some(one))
    };
    let files = own
        .files()
        .filter(|(name, _)| mine(name) && !name.contains("/samples/"));
    files
        .filter(|(name, text)| shipped.file(name) != Some(*text))
        .map(|(name, _)| {
            name.trim_end_matches(chenbao_report::compose::templates::OVER)
                .to_owned()
        })
        .collect()
}

fn told(template: &str, against: &str, lacks: &[Lack]) -> String {
    let of = if template == against {
        format!("`{against}` of chenbao {VERSION}")
    } else {
        format!("`{against}` of chenbao {VERSION}, which it was made from")
    };
    if lacks.is_empty() {
        return format!("{template}: lacks nothing of {of}");
    }
    let rows: Vec<Vec<String>> = lacks
        .iter()
        .map(|lack| {
            let place = &lack.place;
            let source = place.source.as_deref().unwrap_or_default();
            vec![
                lack.kind.to_owned(),
                lack.name.clone(),
                format!("{}:{}", place.file, place.line),
                shortened(source.trim()),
            ]
        })
        .collect();
    let things = if lacks.len() == 1 { "thing" } else { "things" };
    format!(
        "{template}: lacks {} {things} of {of}\n{}\nhint: what you left out on purpose may stay out; the rest can be copied from these lines",
        lacks.len(),
        table(&["", "what", "in the product's", "line"], &rows)
    )
}

/// A line of a template is for the eye here; the file has it whole.
fn shortened(line: &str) -> String {
    const MOST: usize = 72;
    let short: String = line.chars().take(MOST).collect();
    if short.len() < line.len() {
        format!("{short}…")
    } else {
        short
    }
}
