//! What is wrong with a template as it is written, in whatever branch it stands.

use super::super::build::knows_column;
use super::super::results::{Found, Results, unknown};
use super::super::vocabulary::rules;
use super::scan::{Seen, What, paths};
use super::{Bench, SAMPLES};
use crate::format::Formatter;
use crate::input::{ComposeInput, MetricInput, Sample};
use chenbao_model::diagnostic::nearest;
use chenbao_model::result::Item;
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Sensitivities, Sensitivity};

impl Bench<'_> {
    /// Everything that the template's text says, held against what there is.
    pub(super) fn still(&self, template: &str, seen: &[Seen], langs: &[String]) -> Vec<Diagnostic> {
        let Some(lang) = langs.first() else {
            return Vec::new();
        };
        let (Ok(sample), Ok(words), Ok(info)) = (
            self.sample(template, SAMPLES[0], lang),
            self.templates.words(template, lang),
            self.templates.info(template),
        ) else {
            return Vec::new();
        };
        let shows = Sensitivities::from([
            Sensitivity::Cost,
            Sensitivity::Finance,
            Sensitivity::Personal,
        ]);
        let input = ComposeInput {
            templates: self.templates,
            template,
            lang,
            shows: &shows,
            context: &sample.context,
            metrics: &sample.metrics,
        };
        let known = Known {
            results: Results::new(&input, &info),
            format: Formatter::new(lang, &sample.context.currency, &words),
            sample: &sample,
            words: &words,
        };
        let mut problems = Vec::new();
        for one in seen {
            let mut found = match &one.what {
                What::Element(name, attributes) => known.element(name, attributes),
                What::Words(key) => known.key(key),
                What::Path(path) => known.path(path),
                What::Bound(path, by) => known.bound(path, by.as_deref()),
                What::Kind(kind) => known.kind(kind),
                What::Role(id) => self.role(id),
            };
            found.retain(|problem| !problems.contains(problem));
            let place = |problem: Diagnostic| problem.at(one.place.clone());
            problems.extend(found.into_iter().map(place));
        }
        problems
    }

    /// A role that is nearly one of the configured ones; a template may speak of others that this team does not have.
    fn role(&self, id: &str) -> Vec<Diagnostic> {
        let ids = || self.readers.iter().map(|reader| reader.id.as_str());
        let near = nearest(id, ids()).filter(|near| *near != id && !ids().any(|known| known == id));
        let told = near.map(|near| {
            Diagnostic::warning(format!("no role `{id}` is configured"))
                .hint(format!("did you mean `{near}`?"))
        });
        told.into_iter().collect()
    }
}

struct Known<'a> {
    results: Results<'a>,
    format: Formatter<'a>,
    sample: &'a Sample,
    words: &'a Strings,
}

impl Known<'_> {
    fn element(&self, name: &str, attributes: &[(String, Option<String>)]) -> Vec<Diagnostic> {
        let Some((_, _, allowed)) = rules().find(|(known, ..)| *known == name) else {
            let names = rules().map(|(known, ..)| *known);
            return vec![unknown(format!("unknown element `<{name}>`"), name, names).0];
        };
        let bare = |key: &&'static str| key.trim_start_matches('*');
        let mut problems = Vec::new();
        for (key, _) in attributes {
            if !allowed.iter().map(bare).any(|known| known == key) {
                let message = format!("`<{name}>` has no attribute `{key}`");
                problems.push(unknown(message, key, allowed.iter().map(bare)).0);
            }
        }
        for path in paths(name, attributes) {
            match self.results.find(path, &self.format) {
                Err(problem) => problems.push(problem),
                Ok(Found::Item(metric, item, None)) => {
                    problems.extend(self.parts(metric, item, attributes));
                }
                Ok(_) => {}
            }
        }
        problems
    }

    /// The columns or lines that an element names of what it shows.
    fn parts(
        &self,
        metric: &MetricInput,
        item: &Item,
        attributes: &[(String, Option<String>)],
    ) -> Vec<Diagnostic> {
        let lists = |key: &str| matches!(key, "columns" | "series" | "by" | "name");
        let written = attributes.iter().filter(|(key, _)| lists(key));
        let names = written
            .filter_map(|(_, value)| value.as_deref())
            .flat_map(|value| value.split(','))
            .map(str::trim);
        let unknown = names.filter_map(|name| {
            if matches!(item, Item::Table(table) if table.columns.is_empty() || knows_column(metric, &table.id, name)) {
                return None;
            }
            let path = format!("{}.{}.{name}", metric.alias, item.id());
            self.results.find(&path, &self.format).err()
        });
        unknown.collect()
    }

    /// What a function binds, as an element would.
    fn bound(&self, path: &str, by: Option<&str>) -> Vec<Diagnostic> {
        let (element, key) = if by.is_some() {
            ("top", "data")
        } else {
            ("v", "of")
        };
        let own = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        let by = by.map(|by| own("by", by));
        let attributes: Vec<_> = [own(key, path)].into_iter().chain(by).collect();
        self.element(element, &attributes)
    }

    fn key(&self, key: &str) -> Vec<Diagnostic> {
        if self.words.get(key).is_some() {
            return Vec::new();
        }
        let keys = self.words.0.keys().map(String::as_str);
        vec![unknown(format!("there are no words for `{key}`"), key, keys).0]
    }

    fn path(&self, path: &str) -> Vec<Diagnostic> {
        // A bare alias asks whether the metric is there at all.
        let whole = if path.contains('.') {
            return self
                .results
                .find(path, &self.format)
                .err()
                .into_iter()
                .collect();
        } else {
            format!("{path}.x")
        };
        let told = self.results.find(&whole, &self.format).err();
        told.filter(|problem| problem.message.starts_with("there is no metric"))
            .into_iter()
            .collect()
    }

    /// Kinds of findings are known by the plugins' words for them.
    fn kind(&self, kind: &str) -> Vec<Diagnostic> {
        let metrics = self.sample.metrics.iter();
        let kinds: Vec<&str> = metrics
            .flat_map(|metric| metric.strings.0.keys())
            .filter_map(|key| key.strip_prefix("finding."))
            .map(|rest| rest.split('.').next().unwrap_or(rest))
            .collect();
        if kinds.is_empty() || kinds.contains(&kind) {
            return Vec::new();
        }
        let message = format!("no metric finds `{kind}`");
        vec![unknown(message, kind, kinds).0]
    }
}
