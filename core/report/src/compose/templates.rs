//! The template files: the product's own, embedded, with a project's `templates/` folder on top, file by file.

use crate::input::Sample;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::document::Tone;
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Digest};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../report-templates/", $name)))),*]
    };
}

const BUILTIN: &[(&str, &str)] = embedded!(
    "_base/report.html",
    "_base/shop.html",
    "_base/strings.zh-CN.toml",
    "_base/strings.en.toml",
    "_base/theme.toml",
    "_base/samples/strings.zh-CN.toml",
    "_base/samples/strings.en.toml",
    "daily/template.toml",
    "daily/report.html",
    "daily/strings.zh-CN.toml",
    "daily/strings.en.toml",
    "weekly/template.toml",
    "weekly/report.html",
    "weekly/strings.zh-CN.toml",
    "weekly/strings.en.toml",
    "campaign/template.toml",
    "campaign/report.html",
    "campaign/strings.zh-CN.toml",
    "campaign/strings.en.toml",
    "daily/samples/full.json",
    "daily/samples/empty.json",
    "daily/samples/missing.json",
    "weekly/samples/full.json",
    "weekly/samples/empty.json",
    "weekly/samples/missing.json",
    "campaign/samples/full.json",
    "campaign/samples/empty.json",
    "campaign/samples/missing.json",
);

/// Template files by name (`daily/report.html`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSet {
    files: BTreeMap<String, String>,
}

impl TemplateSet {
    /// The product's templates.
    #[must_use]
    pub fn builtin() -> Self {
        let files = BUILTIN
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self {
            files: files.collect(),
        }
    }

    /// These, with a project's files on top. Words are laid over word by word, everything else file by file.
    #[must_use]
    pub fn overlaid(mut self, files: BTreeMap<String, String>) -> Self {
        for (name, text) in files {
            let name = if self.files.contains_key(&name) && is_strings(&name) {
                format!("{name}{OVER}")
            } else {
                name
            };
            self.files.insert(name, text);
        }
        self
    }

    /// The folders that hold a report's template.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .filter_map(|name| name.strip_suffix("/template.toml"))
    }

    /// What a template declares about itself.
    ///
    /// # Errors
    /// There is no such template, or its `template.toml` does not parse.
    pub fn info(&self, template: &str) -> Result<TemplateInfo, Problems> {
        let file = format!("{template}/template.toml");
        let Some(text) = self.files.get(&file) else {
            let mut problem = Diagnostic::error(format!("there is no template `{template}`"));
            let names: Vec<&str> = self.templates().collect();
            problem = match nearest(template, names.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("there are {}", names.join(", "))),
            };
            return Err(problem.into());
        };
        let info: TemplateInfo =
            toml::from_str(text).map_err(|e| Problems::from(toml_problem(&file, text, &e)))?;
        match &info.from {
            Some(from) if !self.templates().any(|name| name == from) => {
                let message = format!("it was made from `{from}`, and there is no such template");
                let problem = Diagnostic::error(message).in_file(file);
                Err(match nearest(from, self.templates()) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("name one of the product's: daily, weekly or campaign"),
                }
                .into())
            }
            _ => Ok(info),
        }
    }

    /// One of a template's samples: `full`, `empty` or `missing`.
    ///
    /// # Errors
    /// There is no such sample, or it does not parse.
    pub fn sample(&self, template: &str, name: &str) -> Result<Sample, Problems> {
        let file = |folder: &str| format!("{folder}/samples/{name}.json");
        let mut folders = self.folders(template).into_iter().rev();
        let found =
            folders.find_map(|folder| Some((file(&folder), self.files.get(&file(&folder))?)));
        let (file, text) = found.ok_or_else(|| {
            Diagnostic::error(format!("the template `{template}` has no sample `{name}`"))
                .in_file(file(template))
                .hint("say in its template.toml from which report it was made, `from = \"daily\"`: it is then tried with that report's samples")
        })?;
        serde_json::from_str(text)
            .map_err(|e| Problems::from(Diagnostic::error(e.to_string()).in_file(file)))
    }

    /// Words for a sample's metric whose plugin is not at hand.
    #[must_use]
    pub fn sample_words(&self, plugin: &str, lang: &str) -> Strings {
        let text = self
            .files
            .get(&format!("_base/samples/strings.{lang}.toml"));
        let all = text.and_then(|text| Strings::from_toml(text).ok());
        let prefix = format!("{plugin}.");
        let own = |(key, words): (String, String)| {
            let key = key.strip_prefix(&prefix)?;
            Some((key.to_owned(), words))
        };
        let all = all.unwrap_or_default().0.into_iter();
        Strings(all.filter_map(own).collect())
    }

    /// The digest of everything that a template may read: replay compares it. It is the digest of [`TemplateSet::text`].
    #[must_use]
    pub fn digest(&self, template: &str) -> Digest {
        Digest::of(self.text(template))
    }

    /// Everything that a template may read as one text: what an archive keeps of it.
    #[must_use]
    pub fn text(&self, template: &str) -> String {
        let folders = self.folders(template);
        let pages = self.reach(template);
        let mine = |name: &str| {
            let folder = name.split('/').next().unwrap_or_default();
            let read = folders.iter().any(|one| one == folder) || pages.contains(name);
            read && !name.contains("/samples/")
        };
        let parts: Vec<String> = self
            .files
            .iter()
            .filter(|(name, _)| mine(name))
            .map(|(name, text)| format!("{name}\n{text}"))
            .collect();
        parts.join("\u{0}")
    }

    /// The template of such a text, as it was then.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let file = |part: &str| {
            let (name, text) = part.split_once('\n')?;
            Some((name.to_owned(), text.to_owned()))
        };
        Self {
            files: text.split('\u{0}').filter_map(file).collect(),
        }
    }

    /// The Tera files that a template reads, by name: another template's mistake is none of its business.
    pub(super) fn pages(&self, template: &str) -> impl Iterator<Item = (&str, &str)> {
        let reach = self.reach(template);
        self.html().filter(move |(name, _)| reach.contains(*name))
    }

    fn html(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .files
            .iter()
            .filter(|(name, _)| name.ends_with(".html"));
        all.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// A template's page, and every page that one of these names in quotes: what it extends, includes or imports.
    fn reach(&self, template: &str) -> BTreeSet<String> {
        let mut reach = BTreeSet::new();
        let mut next = vec![format!("{template}/report.html")];
        while let Some(name) = next.pop() {
            let Some(text) = self.files.get(&name).filter(|_| !reach.contains(&name)) else {
                continue;
            };
            let named = self.html().map(|(other, _)| other).filter(|other| {
                text.contains(&format!("\"{other}\"")) || text.contains(&format!("'{other}'"))
            });
            next.extend(named.map(str::to_owned));
            reach.insert(name);
        }
        reach
    }

    /// The folders that a template's words, colours and samples come from, the later over the earlier.
    #[must_use]
    pub fn folders(&self, template: &str) -> Vec<String> {
        let mut folders = vec![template.to_owned()];
        while let Some(from) = folders.last().and_then(|last| self.info(last).ok()?.from) {
            // A circle ends where it closes.
            if folders.contains(&from) {
                break;
            }
            folders.push(from);
        }
        folders.push("_base".to_owned());
        folders.reverse();
        folders
    }

    /// One file's text.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    /// Every file's name and text. Words that a project lays over the product's carry `#project` at the end of their name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.files.iter();
        all.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The words of a template: the common ones with its own on top.
    pub(super) fn words(&self, template: &str, lang: &str) -> Result<Strings, Problems> {
        let mut words = Strings::default();
        let mut problems = Vec::new();
        let mut own = false;
        for folder in self.folders(template) {
            let file = format!("{folder}/strings.{lang}.toml");
            for name in [file.clone(), format!("{file}{OVER}")] {
                let read = self.files.get(&name).map(|text| Strings::from_toml(text));
                own |= read.is_some() && folder != "_base";
                match read {
                    Some(Ok(more)) => words = words.overlaid(&more),
                    Some(Err(why)) => problems.push(Diagnostic::error(why).in_file(file.clone())),
                    None => {}
                }
            }
        }
        if !own {
            problems.push(self.no_words(template, lang));
        }
        if problems.is_empty() {
            Ok(words)
        } else {
            Err(Problems(problems))
        }
    }

    fn no_words(&self, template: &str, lang: &str) -> Diagnostic {
        let prefix = format!("{template}/strings.");
        let langs: Vec<&str> = self
            .files
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix)?.strip_suffix(".toml"))
            .collect();
        Diagnostic::error(format!("template `{template}` has no words in `{lang}`"))
            .in_file(format!("{template}/strings.{lang}.toml"))
            .hint(format!("it speaks {}", langs.join(", ")))
    }

    /// The languages that a template speaks: those that every template speaks, and what it has words for besides.
    #[must_use]
    pub fn langs(&self, template: &str) -> Vec<String> {
        let mut langs: Vec<String> = super::lint::LANGS.map(str::to_owned).into();
        let prefix = format!("{template}/strings.");
        for name in self.files.keys() {
            let lang = name.strip_prefix(&prefix);
            let lang = lang
                .and_then(|rest| rest.split(".toml").next())
                .map(str::to_owned);
            langs.extend(lang.filter(|lang| !langs.contains(lang)));
        }
        langs
    }
}

/// What a project's words are named by, beside those of the product that they are laid over.
pub const OVER: &str = "#project";

fn is_strings(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .is_some_and(|file| file.starts_with("strings.") && file.ends_with(".toml"))
}

pub(super) fn toml_problem(file: &str, text: &str, error: &toml::de::Error) -> Diagnostic {
    let mut problem = Diagnostic::error(error.message().to_owned()).in_file(file);
    let before = error.span().and_then(|span| text.get(..span.start));
    if let (Some(before), Some(place)) = (before, problem.place.as_mut()) {
        place.line = before.matches('\n').count() + 1;
        place.column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        place.source = text.lines().nth(place.line - 1).map(str::to_owned);
    }
    problem
}

/// What `template.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateInfo {
    /// The report that this one was made from: its words, colours and samples hold where this one has none of its own.
    pub from: Option<String>,
    /// Aliases that the template uses.
    pub aliases: BTreeMap<String, Alias>,
    /// Path of the one figure in the mail's subject; `subject.<role>` in `subjects` goes before it.
    pub subject: String,
    /// Paths by role id, where a role's one figure is another.
    pub subjects: BTreeMap<String, String>,
    /// Items that `<unbound/>` leaves out although no template places them.
    pub quiet: Vec<String>,
    /// What words mean: tones of string keys in cells.
    pub tones: BTreeMap<String, WordTone>,
}

/// An alias and the plugin behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// Component id of the plugin.
    pub plugin: String,
    /// Whether the report makes sense without it.
    #[serde(default)]
    pub need: Need,
}

/// Whether a template can do without a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// A report without it is an error of the config.
    Required,
    /// Its blocks are left out where it is not configured.
    #[default]
    Optional,
}

/// A tone as templates write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WordTone {
    /// Secondary.
    Muted,
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// The accent.
    Accent,
}

impl From<WordTone> for Tone {
    fn from(tone: WordTone) -> Self {
        match tone {
            WordTone::Muted => Self::Muted,
            WordTone::Good => Self::Good,
            WordTone::Bad => Self::Bad,
            WordTone::Accent => Self::Accent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chenbao_model::document::Theme;

    #[test]
    fn every_builtin_template_parses_in_both_languages() {
        let set = TemplateSet::builtin();
        assert_eq!(
            set.templates().collect::<Vec<_>>(),
            ["campaign", "daily", "weekly"]
        );
        for template in ["campaign", "daily", "weekly"] {
            let info = set.info(template).unwrap();
            assert!(info.aliases.contains_key("sales"));
            let zh = set.words(template, "zh-CN").unwrap();
            let en = set.words(template, "en").unwrap();
            let keys = |s: &Strings| s.0.keys().cloned().collect::<Vec<_>>();
            assert_eq!(
                keys(&zh),
                keys(&en),
                "{template}: each language has every word"
            );
            assert_eq!(set.theme(template).unwrap(), Theme::default());
        }
    }

    #[test]
    fn samples_of_later_metrics_have_words_in_both_languages() {
        let set = TemplateSet::builtin();
        for plugin in [
            "targets",
            "alerts",
            "decisions",
            "inventory",
            "contribution",
        ] {
            let keys = |lang| {
                set.sample_words(plugin, lang)
                    .0
                    .into_keys()
                    .collect::<Vec<_>>()
            };
            assert_eq!(keys("zh-CN"), keys("en"), "{plugin}");
            assert!(!keys("en").is_empty(), "{plugin}");
        }
    }

    #[test]
    fn a_project_overrides_words_one_by_one_and_files_whole() {
        let over = [
            ("daily/strings.zh-CN.toml", "title = '早报'"),
            ("_base/theme.toml", "accent = '#ff0000'"),
        ];
        let over = over
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let set = TemplateSet::builtin().overlaid(over);
        let words = set.words("daily", "zh-CN").unwrap();
        assert_eq!(words.get("title"), Some("早报"));
        assert!(words.get("actions.none").is_some());
        assert_eq!(set.theme("daily").unwrap().accent, "#ff0000");
    }

    #[test]
    fn unknown_names_and_keys_are_placed() {
        let set = TemplateSet::builtin();
        assert!(
            set.info("dayly")
                .unwrap_err()
                .to_string()
                .contains("did you mean `daily`?")
        );
        assert!(
            set.words("daily", "fr")
                .unwrap_err()
                .to_string()
                .contains("it speaks en, zh-CN")
        );
        let over = BTreeMap::from([(
            "daily/template.toml".to_owned(),
            "subject = 'a'\nsubjct = 'b'".to_owned(),
        )]);
        let told = TemplateSet::builtin()
            .overlaid(over)
            .info("daily")
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("daily/template.toml:2:1") && told.contains("subjct"),
            "{told}"
        );
    }
}
