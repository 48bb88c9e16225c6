//! What a project gives to try its templates on: roles, metrics, and the words of its plugins; and where a template's file is.

use crate::project::Project;
use chenbao_model::Diagnostic;
use chenbao_model::strings::Strings;
use chenbao_report::compose::lint::LANGS;
use chenbao_report::{Bench, Reader, TemplateSet};
use std::collections::BTreeMap;
use std::path::Path;

/// The parts of a bench.
#[derive(Debug)]
pub(in crate::cli) struct Parts {
    aliases: BTreeMap<String, String>,
    plugins: BTreeMap<String, BTreeMap<String, Strings>>,
    readers: Vec<Reader>,
}

impl Parts {
    pub(in crate::cli) fn of(project: &Project) -> Self {
        let config = &project.config;
        let metrics = config.metrics.values();
        let aliases = metrics.map(|metric| (metric.id.to_string(), metric.plugin.to_string()));
        let components = project.plugins.components();
        let words = components.map(|one| (one.id.clone(), one.descriptor.words.clone()));
        let audiences = config.reports.values().flat_map(|r| r.audiences.values());
        let langs: Vec<&str> = LANGS
            .into_iter()
            .chain(audiences.map(|audience| audience.lang.as_str()))
            .collect();
        let readers = config.roles.values().map(|role| Reader {
            id: role.id.to_string(),
            names: langs
                .iter()
                .map(|lang| ((*lang).to_owned(), role.name.in_lang(lang).to_owned()))
                .collect(),
            shows: role.shows.clone(),
        });
        Self {
            aliases: aliases.collect(),
            plugins: words.collect(),
            readers: readers.collect(),
        }
    }

    pub(in crate::cli) fn bench<'a>(
        &'a self,
        project: &'a Project,
        templates: &'a TemplateSet,
    ) -> Bench<'a> {
        Bench {
            templates,
            aliases: &self.aliases,
            plugins: &self.plugins,
            readers: &self.readers,
            fonts: &project.fonts,
        }
    }
}

/// The problem with the file's path on this machine, or with the word that it is built in. Words that a project lays over
/// the product's are the project's to complete, also where it has no file for them yet.
pub(in crate::cli) fn located(project: &Project, mut problem: Diagnostic) -> Diagnostic {
    if let Some(place) = problem.place.as_mut() {
        let path = project.config.templates.join(&place.file);
        let words = place.file.contains("/strings.") && path.parent().is_some_and(Path::is_dir);
        let builtin = TemplateSet::builtin().file(&place.file).is_some();
        if path.is_file() || words || !builtin {
            place.file = path.display().to_string();
        } else {
            place.file = format!("{} (built in)", place.file);
        }
    }
    problem
}
