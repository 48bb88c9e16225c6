//! What a changed template lacks against the product's: not lines of text, but what a reader would miss.

use super::super::templates::{TemplateInfo, TemplateSet};
use super::scan::{Seen, What, blocks, paths, scan};
use chenbao_model::Place;
use chenbao_model::diagnostic::Problems;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Elements that tell something without a path; the others without one only arrange.
const TELLING: [&str; 6] = ["masthead", "lede", "headline", "actions", "note", "unbound"];

/// A page of fewer things is listed thing by thing.
const FEW: usize = 8;

/// Something that the product's template has and the project's has not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lack {
    /// `page` (replaced as a whole), `block`, `path`, `element`, `finding`, `words`, `theme`, `metric`, `tone`, `subject` or `quiet`.
    pub kind: &'static str,
    /// Its name: `detail`, `ads.roi`, `lede.outcome`.
    pub name: String,
    /// Where the product has it.
    pub place: Place,
}

/// A project's template beside the product's that it overrides, or that it was made from.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The product's templates with the project's on top.
    pub own: &'a TemplateSet,
    /// The product's.
    pub shipped: &'a TemplateSet,
    /// The template.
    pub template: &'a str,
    /// The product's one.
    pub against: &'a str,
}

impl Beside<'_> {
    /// What is lacking, in the order of the product's files.
    ///
    /// # Errors
    /// A `template.toml`, words or a theme do not parse.
    pub fn lacks(&self) -> Result<Vec<Lack>, Problems> {
        let mut lacks = self.page();
        lacks.extend(self.declared()?);
        lacks.extend(self.words()?);
        lacks.extend(self.theme());
        Ok(lacks)
    }

    /// What the pages show: every page that the template reads, together.
    fn page(&self) -> Vec<Lack> {
        let own: BTreeSet<(&str, String)> = told(self.own, self.template)
            .into_iter()
            .map(|lack| (lack.kind, lack.name))
            .collect();
        let mut lacks: Vec<Lack> = Vec::new();
        let mut all: BTreeMap<String, BTreeSet<(&str, String)>> = BTreeMap::new();
        for theirs in told(self.shipped, self.against) {
            let of_page = all.entry(theirs.place.file.clone()).or_default();
            of_page.insert((theirs.kind, theirs.name.clone()));
            let there = own.contains(&(theirs.kind, theirs.name.clone()));
            let again = |lack: &Lack| lack.kind == theirs.kind && lack.name == theirs.name;
            if !there && !lacks.iter().any(again) {
                lacks.push(theirs);
            }
        }
        for (file, all) in all {
            self.as_a_whole(&file, all.len(), &mut lacks);
        }
        lacks
    }

    /// A page of which next to nothing is left was replaced: that is said once, not for each thing that it showed.
    fn as_a_whole(&self, file: &str, all: usize, lacks: &mut Vec<Lack>) {
        let of = |lack: &Lack| lack.place.file == file;
        let lacking = lacks.iter().filter(|lack| of(lack)).count();
        if all < FEW || lacking * 5 < all * 4 {
            return;
        }
        let source = self.shipped.file(file).and_then(|text| text.lines().next());
        let whole = Lack {
            kind: "page",
            name: format!("{file}, replaced as a whole: {lacking} of {all} things"),
            place: Place {
                file: file.to_owned(),
                line: 1,
                column: 0,
                source: source.map(str::to_owned),
            },
        };
        let at = lacks.iter().position(of).unwrap_or(0);
        lacks.retain(|lack| !of(lack));
        lacks.insert(at.min(lacks.len()), whole);
    }

    /// What `template.toml` says.
    fn declared(&self) -> Result<Vec<Lack>, Problems> {
        let theirs = entries(&self.shipped.info(self.against)?);
        let own = entries(&self.own.info(self.template)?);
        let file = format!("{}/template.toml", self.against);
        let lacking = theirs.difference(&own);
        let lacks = lacking.map(|(kind, name)| Lack {
            kind,
            name: name.clone(),
            place: line_with(self.shipped, &file, name.rsplit('.').next().unwrap_or(name)),
        });
        Ok(lacks.collect())
    }

    /// Words, in every language that the template speaks: laid over word by word, they lack only in languages of one's own.
    fn words(&self) -> Result<Vec<Lack>, Problems> {
        let mut lacks = Vec::new();
        let shipped = self.shipped.langs(self.against);
        for lang in self.own.langs(self.template) {
            let beside = if shipped.contains(&lang) {
                lang.as_str()
            } else {
                super::LANGS[0]
            };
            let theirs = self.shipped.words(self.against, beside)?;
            let own = self.own.words(self.template, &lang)?;
            let lacking = theirs.0.keys().filter(|key| own.get(key).is_none());
            lacks.extend(lacking.map(|key| {
                let folders = [self.against, "_base"];
                let files = folders.map(|folder| format!("{folder}/strings.{beside}.toml"));
                let last = key.rsplit('.').next().unwrap_or(key);
                let found = files.iter().map(|file| line_with(self.shipped, file, last));
                let place = found.max_by_key(|place| place.line > 0);
                Lack {
                    kind: "words",
                    name: format!("{key} ({lang})"),
                    place: place.unwrap_or_else(|| line_with(self.shipped, &files[0], last)),
                }
            }));
        }
        Ok(lacks)
    }

    /// Keys of the theme that the project's own file has not: such a file goes in the place of the product's.
    fn theme(&self) -> Vec<Lack> {
        let mut lacks = Vec::new();
        for folder in ["_base", self.against] {
            let file = format!("{folder}/theme.toml");
            let (Some(theirs), Some(own)) = (self.shipped.file(&file), self.own.file(&file)) else {
                continue;
            };
            let (theirs, own) = (keys(theirs), keys(own));
            lacks.extend(theirs.difference(&own).map(|key| Lack {
                kind: "theme",
                name: key.clone(),
                place: line_with(self.shipped, &file, key),
            }));
        }
        lacks
    }
}

/// What the pages of a template show, each with where.
fn told(set: &TemplateSet, template: &str) -> Vec<Lack> {
    let mut all = Vec::new();
    for (file, text) in set.pages(template) {
        // A block that the report itself fills is told apart from the empty one that it fills.
        let page = file == format!("{template}/report.html");
        let of = if page { "report.html" } else { file };
        let lack = |(name, place)| Lack {
            kind: "block",
            name: format!("{name} of {of}"),
            place,
        };
        all.extend(blocks(file, text).into_iter().map(lack));
        all.extend(scan(file, text).iter().flat_map(shown));
    }
    all
}

/// What one thing on a page shows. Columns and lines are parts of paths; elements without a path stand for themselves.
fn shown(seen: &Seen) -> Vec<Lack> {
    let (kind, names): (&'static str, Vec<String>) = match &seen.what {
        What::Kind(kind) => ("finding", vec![kind.clone()]),
        What::Element(name, attributes) => {
            let value = |key: &str| {
                let found = attributes.iter().find(|(known, _)| known == key);
                found.and_then(|(_, value)| value.as_deref())
            };
            let bound: Vec<&str> = paths(name, attributes).collect();
            if let (true, Some(kind)) = (name == "finding", value("kind")) {
                ("finding", vec![kind.to_owned()])
            } else if bound.is_empty() {
                let telling = TELLING.contains(&name.as_str());
                (
                    "element",
                    telling.then(|| format!("<{name}>")).into_iter().collect(),
                )
            } else {
                let lists = [value("columns"), value("series")];
                let parts: Vec<&str> = lists
                    .into_iter()
                    .flatten()
                    .flat_map(|list| list.split(','))
                    .map(str::trim)
                    .collect();
                let part = |path: &str| {
                    let parts = parts.iter().map(|part| format!("{path}.{part}"));
                    parts.collect::<Vec<String>>()
                };
                let data = value("data").map(part).unwrap_or_default();
                let all = bound.iter().map(|path| (*path).to_owned()).chain(data);
                ("path", all.collect())
            }
        }
        What::Bound(path, by) => {
            let column = by.as_ref().map(|by| format!("{path}.{by}"));
            ("path", [path.clone()].into_iter().chain(column).collect())
        }
        What::Words(_) | What::Path(_) | What::Role(_) => return Vec::new(),
    };
    let lack = |name| Lack {
        kind,
        name,
        place: seen.place.clone(),
    };
    names.into_iter().map(lack).collect()
}

fn entries(info: &TemplateInfo) -> BTreeSet<(&'static str, String)> {
    let named = |kind: &'static str, names: Vec<&String>| {
        let all = names.into_iter().map(move |name| (kind, name.clone()));
        all.collect::<Vec<_>>()
    };
    [
        named("metric", info.aliases.keys().collect()),
        named("tone", info.tones.keys().collect()),
        named("subject", info.subjects.keys().collect()),
        named("quiet", info.quiet.iter().collect()),
    ]
    .concat()
    .into_iter()
    .collect()
}

fn keys(toml: &str) -> BTreeSet<String> {
    let table: BTreeMap<String, toml::Value> = toml::from_str(toml).unwrap_or_default();
    table.into_keys().collect()
}

/// The first line of a file that begins with a key or names it, as a place.
fn line_with(set: &TemplateSet, file: &str, key: &str) -> Place {
    let lines = || set.file(file).unwrap_or_default().lines().enumerate();
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let found = lines().find(|(_, line)| begins(line));
    let found = found.or_else(|| lines().find(|(_, line)| line.contains(key)));
    Place {
        file: file.to_owned(),
        line: found.map_or(0, |(at, _)| at + 1),
        column: 0,
        source: found.map(|(_, line)| line.to_owned()),
    }
}
