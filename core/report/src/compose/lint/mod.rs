//! A template on the bench: tried with its samples for every role and language, and read without being rendered. All problems
//! at once, each with its place.

mod bindable;
mod lacks;
mod scan;
mod still;

pub use bindable::Bindable;
pub use lacks::{Beside, Lack};

use super::templates::TemplateSet;
use super::{compose, words};
use crate::fonts::Fonts;
use crate::input::{ComposeInput, MetricInput, Outcome, RoleInfo, Sample};
use crate::render::{Format, Pictures, RenderOptions, render};
use chenbao_model::diagnostic::{Place, Problems, nearest};
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Sensitivities, Sensitivity};
use scan::{Seen, What};
use std::collections::{BTreeMap, BTreeSet};

/// What templates are tried with: everything there, nothing to show, no answer at all.
pub const SAMPLES: [&str; 3] = ["full", "empty", "missing"];
/// Languages that every template speaks.
pub const LANGS: [&str; 2] = ["zh-CN", "en"];
/// A role that nobody has: it reads what a template says to everybody else.
const ANYBODY: &str = "anybody";

/// A role that reads reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Id.
    pub id: String,
    /// Its name by language.
    pub names: BTreeMap<String, String>,
    /// Labels that it may see.
    pub shows: Sensitivities,
}

/// What a template is tried on.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// The product's templates with the project's own on top.
    pub templates: &'a TemplateSet,
    /// Plugins by alias, as configured.
    pub aliases: &'a BTreeMap<String, String>,
    /// Words by plugin and language.
    pub plugins: &'a BTreeMap<String, BTreeMap<String, Strings>>,
    /// The configured roles.
    pub readers: &'a [Reader],
    /// Fonts of the pages.
    pub fonts: &'a Fonts,
}

/// What came of trying a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    /// Errors and warnings; each once, in the order of files and lines.
    pub problems: Vec<Diagnostic>,
    /// Roles that it was tried for.
    pub roles: Vec<String>,
    /// Languages that it was tried in.
    pub langs: Vec<String>,
}

impl Bench<'_> {
    /// Tries a template with everything that it may meet.
    #[must_use]
    pub fn lint(&self, template: &str) -> Linted {
        let seen: Vec<Seen> = self
            .templates
            .pages(template)
            .flat_map(|(name, text)| scan::scan(name, text))
            .collect();
        let readers = self.audience(&seen);
        let langs = self.templates.langs(template);
        let mut problems: Vec<Diagnostic> = Vec::new();
        // A mistake is told once, though every sample, role and language meets it, and some know its column less well.
        let mut tell = |found: Vec<Diagnostic>| {
            for new in found {
                let same =
                    |old: &Diagnostic| old.message == new.message && line_of(old) == line_of(&new);
                if !problems.iter().any(same) {
                    problems.push(new);
                }
            }
        };
        if let Err(found) = self.templates.info(template) {
            return Linted {
                problems: found.0,
                roles: Vec::new(),
                langs,
            };
        }
        tell(words::syntax(self.templates, template));
        tell(self.incomplete_words(template, &langs));
        if let Err(found) = self.templates.logo(template, "") {
            tell(found.0);
        }
        for sample in SAMPLES {
            for lang in &langs {
                for reader in &readers {
                    tell(self.tried(template, sample, lang, reader));
                }
            }
        }
        tell(self.still(template, &seen, &langs));
        problems.sort_by_key(|problem| problem.place.as_ref().map(spot));
        Linted {
            problems,
            roles: readers.into_iter().map(|reader| reader.id).collect(),
            langs,
        }
    }

    /// Who reads: the configured roles, those that the template speaks of, and anybody.
    fn audience(&self, seen: &[Seen]) -> Vec<Reader> {
        let mut readers = self.readers.to_vec();
        let spoken = seen.iter().filter_map(|seen| match &seen.what {
            What::Role(id) => Some(id.as_str()),
            _ => None,
        });
        for id in spoken.chain([ANYBODY]) {
            if !readers.iter().any(|reader| reader.id == id) {
                readers.push(Reader {
                    id: id.to_owned(),
                    names: BTreeMap::new(),
                    shows: BTreeSet::from([Sensitivity::Cost, Sensitivity::Finance]),
                });
            }
        }
        readers
    }

    /// What one sample tells for one reader in one language.
    fn tried(&self, template: &str, name: &str, lang: &str, reader: &Reader) -> Vec<Diagnostic> {
        let sample = match self.sample(template, name, lang) {
            Ok(sample) => sample,
            Err(problems) => return problems.0,
        };
        let mut context = sample.context;
        context.role = RoleInfo {
            id: reader.id.clone(),
            name: reader.names.get(lang).unwrap_or(&reader.id).clone(),
        };
        let composed = compose(&ComposeInput {
            templates: self.templates,
            template,
            lang,
            shows: &reader.shows,
            context: &context,
            metrics: &sample.metrics,
        });
        let composed = match composed {
            Ok(composed) => composed,
            Err(problems) => return problems.0,
        };
        let mut told = composed.warnings;
        // Pages take longer than everything else: every reader's full page, and anybody's others, show what fonts lack.
        if name != SAMPLES[0] && reader.id != ANYBODY {
            return told;
        }
        let options = RenderOptions {
            fonts: self.fonts,
            pictures: Pictures::Cid,
            lacks: None,
        };
        let formats = [Format::Html, Format::Text, Format::Pdf];
        match render(&composed.value, &formats, &options) {
            Ok(rendered) => told.extend(rendered.warnings),
            Err(problems) => told.extend(problems.0),
        }
        let page = format!("{template}/report.html");
        let placed = |problem: Diagnostic| match problem.place {
            None => problem.in_file(page.clone()),
            Some(_) => problem,
        };
        told.into_iter().map(placed).collect()
    }

    /// A sample with the plugins' words. Metrics that are configured and that it does not know have no answer in it.
    pub(super) fn sample(
        &self,
        template: &str,
        name: &str,
        lang: &str,
    ) -> Result<Sample, Problems> {
        let mut sample = self.templates.sample(template, name)?;
        for metric in &mut sample.metrics {
            metric.strings = self.words(&metric.plugin, lang);
        }
        let known: BTreeSet<String> = sample.metrics.iter().map(|m| m.alias.clone()).collect();
        let more = self
            .aliases
            .iter()
            .filter(|(alias, _)| !known.contains(*alias));
        sample
            .metrics
            .extend(more.map(|(alias, plugin)| MetricInput {
                alias: alias.clone(),
                plugin: plugin.clone(),
                strings: self.words(plugin, lang),
                outcome: Outcome::Absent { need: Vec::new() },
            }));
        Ok(sample)
    }

    /// A plugin's words; those of the samples where it is not at hand.
    fn words(&self, plugin: &str, lang: &str) -> Strings {
        let own = self
            .plugins
            .get(plugin)
            .and_then(|langs| langs.get(lang).or_else(|| langs.values().next()).cloned());
        own.unwrap_or_else(|| self.templates.sample_words(plugin, lang))
    }

    /// Words that one language has and another has not.
    fn incomplete_words(&self, template: &str, langs: &[String]) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut all: Vec<(&String, Strings)> = Vec::new();
        for lang in langs {
            match self.templates.words(template, lang) {
                Ok(words) => all.push((lang, words)),
                Err(found) => problems.extend(found.0),
            }
        }
        for (lang, words) in &all {
            let others = all.iter().filter(|(other, _)| other != lang);
            let lacking = others.flat_map(|(other, theirs)| {
                let theirs = theirs.0.iter().filter(|(key, _)| words.get(key).is_none());
                theirs.map(move |(key, sentence)| (key, sentence, *other))
            });
            for (key, sentence, other) in lacking {
                let problem =
                    Diagnostic::error(format!("there are no words for `{key}` in `{lang}`"));
                let hint = match nearest(key, words.0.keys().map(String::as_str)) {
                    Some(near)
                        if !all
                            .iter()
                            .any(|(_, w)| w.get(near).is_some() && w.get(key).is_some()) =>
                    {
                        format!(
                            "`{lang}` has `{near}`, which `{other}` has not: write it the same in both"
                        )
                    }
                    _ => format!("`{other}` says \"{sentence}\""),
                };
                let file = format!("{template}/strings.{lang}.toml");
                problems.push(problem.in_file(file).hint(hint));
            }
        }
        problems
    }
}

fn line_of(problem: &Diagnostic) -> Option<(&str, usize)> {
    let place = problem.place.as_ref()?;
    Some((place.file.as_str(), place.line))
}

fn spot(place: &Place) -> (String, usize, usize) {
    (place.file.clone(), place.line, place.column)
}
