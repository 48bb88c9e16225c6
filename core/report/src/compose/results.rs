//! The results as one audience may see them: paths resolve here, and what is hidden does not exist.

use super::templates::{Need, TemplateInfo};
use crate::format::Formatter;
use crate::input::{ComposeInput, MetricInput, Outcome};
use chenbao_model::diagnostic::nearest;
use chenbao_model::result::{Finding, Item, Missing, ResultColumn, ResultDoc, Series, Table, Why};
use chenbao_model::sensitivity::visible;
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Sensitivities};

/// What a path leads to.
#[derive(Debug, Clone)]
pub(super) enum Found<'a> {
    /// An item, and what follows its id in the path.
    Item(&'a MetricInput, &'a Item, Option<String>),
    /// The metric is configured but gave nothing: its label and why.
    Gap {
        /// The item's label, if the plugin has words for it.
        label: String,
        /// Why, in one sentence.
        why: String,
    },
    /// Not configured: the alias.
    NotConfigured(String),
    /// Hidden from this audience.
    Hidden,
}

/// The visible results of a composition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Results<'a> {
    metrics: &'a [MetricInput],
    shows: &'a Sensitivities,
    info: &'a TemplateInfo,
}

impl<'a> Results<'a> {
    pub(super) fn new(input: &ComposeInput<'a>, info: &'a TemplateInfo) -> Self {
        Self {
            metrics: input.metrics,
            shows: input.shows,
            info,
        }
    }

    /// What the template declares and the configuration does not give.
    pub(super) fn contract(&self, file: &str) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for (alias, declared) in &self.info.aliases {
            match self.metric(alias) {
                None if declared.need == Need::Required => problems.push(
                    Diagnostic::error(format!(
                        "the template needs a metric `{alias}`, and the report has none"
                    ))
                    .in_file(file)
                    .hint(format!(
                        "add `{alias}` (plugin = \"{}\") to the report's metrics",
                        declared.plugin
                    )),
                ),
                Some(metric) if metric.plugin != declared.plugin => problems.push(
                    Diagnostic::error(format!(
                        "`{alias}` is made by plugin `{}`, but the template is written for `{}`",
                        metric.plugin, declared.plugin
                    ))
                    .in_file(file)
                    .hint("give the metric another alias, or change `template.toml`"),
                ),
                _ => {}
            }
        }
        problems
    }

    pub(super) fn metric(&self, alias: &str) -> Option<&'a MetricInput> {
        self.metrics.iter().find(|metric| metric.alias == alias)
    }

    pub(super) fn metrics(&self) -> impl Iterator<Item = &'a MetricInput> + use<'a> {
        self.metrics.iter()
    }

    /// The visible items of a metric that answered, findings included.
    pub(super) fn items(
        &self,
        metric: &'a MetricInput,
    ) -> impl Iterator<Item = &'a Item> + use<'a> {
        let shows = self.shows;
        done(metric)
            .into_iter()
            .flat_map(|doc| &doc.items)
            .filter(move |item| visible(item.sensitivity(), shows))
    }

    /// The visible findings, with the metric that found each: nothing in their evidence is hidden.
    pub(super) fn findings(
        &self,
    ) -> impl Iterator<Item = (&'a MetricInput, &'a Finding)> + use<'a> {
        let this = *self;
        self.metrics.iter().flat_map(move |metric| {
            this.items(metric).filter_map(move |item| match item {
                Item::Finding(finding) if this.may_see_all(metric, &finding.evidence) => {
                    Some((metric, finding))
                }
                _ => None,
            })
        })
    }

    /// Whether every one of these items of a metric is visible.
    pub(super) fn may_see_all(&self, metric: &MetricInput, ids: &[String]) -> bool {
        let hidden = |id: &String| {
            let item = done(metric).and_then(|doc| doc.item(id));
            item.is_some_and(|item| !visible(item.sensitivity(), self.shows))
        };
        !ids.iter().any(hidden)
    }

    /// The visible columns of a table, with their indexes.
    pub(super) fn columns(&self, table: &'a Table) -> Vec<(usize, &'a ResultColumn)> {
        let shown = |(_, column): &(usize, &ResultColumn)| visible(&column.sensitivity, self.shows);
        table.columns.iter().enumerate().filter(shown).collect()
    }

    /// The visible series of that id.
    pub(super) fn series(&self, metric: &'a MetricInput, id: &str) -> Option<&'a Series> {
        self.items(metric).find_map(|item| match item {
            Item::Series(series) if series.id == id => Some(series),
            _ => None,
        })
    }

    /// Resolves `alias.item` or `alias.item.column`.
    ///
    /// # Errors
    /// A path that can never lead anywhere, with the nearest one that does.
    pub(super) fn find(&self, path: &str, format: &Formatter<'_>) -> Result<Found<'a>, Diagnostic> {
        let Some((alias, rest)) = path.split_once('.') else {
            return Err(Diagnostic::error(format!("`{path}` is not a path"))
                .hint("write `alias.item`, for example `sales.paid_amount`"));
        };
        let Some(metric) = self.metric(alias) else {
            if self.info.aliases.contains_key(alias) {
                return Ok(Found::NotConfigured(alias.to_owned()));
            }
            let names = self
                .info
                .aliases
                .keys()
                .map(String::as_str)
                .chain(self.metrics.iter().map(|m| m.alias.as_str()));
            return Err(
                unknown(format!("there is no metric `{alias}`"), alias, names).hint_unless(
                    "declare it in `template.toml`, or use one of the report's metrics",
                ),
            );
        };
        match &metric.outcome {
            Outcome::Done(doc) => self.in_doc(metric, doc, rest, format),
            Outcome::Absent { need } => {
                let missing = Missing {
                    why: Why::SourceAbsent,
                    have: None,
                    need: Some(need.join(", ")),
                };
                gap(metric, rest, format.reason(&missing))
            }
            Outcome::Failed { verdict } => gap(metric, rest, failed(verdict, format)),
        }
    }

    fn in_doc(
        &self,
        metric: &'a MetricInput,
        doc: &'a ResultDoc,
        rest: &str,
        format: &Formatter<'_>,
    ) -> Result<Found<'a>, Diagnostic> {
        let whole = doc.item(rest).map(|item| (item, None));
        let split = || {
            rest.rsplit_once('.')
                .and_then(|(id, tail)| Some((doc.item(id)?, Some(tail.to_owned()))))
        };
        let named = whole
            .or_else(split)
            .filter(|(item, _)| !matches!(item, Item::Finding(_)));
        let Some((item, tail)) = named else {
            return self.not_answered(metric, rest, format);
        };
        if !visible(item.sensitivity(), self.shows) {
            return Ok(Found::Hidden);
        }
        if let Some(tail) = &tail
            && self.hides_part(item, tail)?
        {
            return Ok(Found::Hidden);
        }
        Ok(Found::Item(metric, item, tail))
    }

    /// A path that no item answers: a gap if the plugin knows the item, else a mistake.
    fn not_answered(
        &self,
        metric: &'a MetricInput,
        rest: &str,
        format: &Formatter<'_>,
    ) -> Result<Found<'a>, Diagnostic> {
        let id = rest.split('.').next().unwrap_or(rest);
        if let Some(label) = metric.strings.get(&format!("item.{id}")) {
            let why = Missing {
                why: Why::NoRows,
                have: None,
                need: None,
            };
            return Ok(Found::Gap {
                label: label.to_owned(),
                why: format.reason(&why),
            });
        }
        let items = self
            .items(metric)
            .filter(|item| !matches!(item, Item::Finding(_)));
        let shown: Vec<&str> = items.map(Item::id).collect();
        Err(no_item(metric, rest, &shown))
    }

    /// Whether the named part of an item is hidden from this audience.
    fn hides_part(&self, item: &'a Item, tail: &str) -> Result<bool, Diagnostic> {
        match item {
            Item::Table(table) => match table.columns.iter().find(|column| column.name == tail) {
                Some(column) => Ok(!visible(&column.sensitivity, self.shows)),
                None => {
                    let names = self
                        .columns(table)
                        .into_iter()
                        .map(|(_, column)| column.name.as_str());
                    Err(unknown(
                        format!("the table `{}` has no column `{tail}`", table.id),
                        tail,
                        names,
                    )
                    .0)
                }
            },
            Item::Series(series) if !series.y.iter().any(|line| line.id == tail) => {
                let names = series.y.iter().map(|line| line.id.as_str());
                Err(unknown(
                    format!("the series `{}` has no line `{tail}`", series.id),
                    tail,
                    names,
                )
                .0)
            }
            Item::Scalar(scalar) => Err(Diagnostic::error(format!(
                "`{}` is one figure and has no part `{tail}`",
                scalar.id
            ))
            .hint("write `as=\"change\"` for its change")),
            _ => Ok(false),
        }
    }
}

/// A diagnostic that may have found the nearest name.
pub(super) struct Unknown(pub(super) Diagnostic);

impl Unknown {
    fn hint_unless(self, otherwise: &str) -> Diagnostic {
        if self.0.hint.is_some() {
            self.0
        } else {
            self.0.hint(otherwise)
        }
    }
}

/// An error for an unknown name, with the nearest known one.
pub(super) fn unknown<'n>(
    message: String,
    name: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Unknown {
    let problem = Diagnostic::error(message);
    Unknown(match nearest(name, names) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// The answer of a metric, if it gave one.
pub(super) fn done(metric: &MetricInput) -> Option<&ResultDoc> {
    match &metric.outcome {
        Outcome::Done(doc) => Some(doc),
        _ => None,
    }
}

/// A gap; the plugin's words tell a typo from an item that is only absent today.
fn gap<'a>(metric: &MetricInput, rest: &str, why: String) -> Result<Found<'a>, Diagnostic> {
    let id = rest.split('.').next().unwrap_or(rest);
    let known: Vec<&str> = metric
        .strings
        .0
        .keys()
        .filter_map(|key| key.strip_prefix("item."))
        .collect();
    let label = [rest, id]
        .iter()
        .find_map(|id| metric.strings.get(&format!("item.{id}")));
    match label {
        Some(label) => Ok(Found::Gap {
            label: label.to_owned(),
            why,
        }),
        None if known.is_empty() => Ok(Found::Gap {
            label: id.to_owned(),
            why,
        }),
        None => Err(no_item(metric, id, &known)),
    }
}

fn no_item(metric: &MetricInput, id: &str, known: &[&str]) -> Diagnostic {
    let alias = &metric.alias;
    let problem = Diagnostic::error(format!("`{alias}` has no item `{id}`"));
    match nearest(id, known.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{alias}.{near}`?")),
        None => problem.hint(format!("it has {}", known.join(", "))),
    }
}

/// Why a metric has no results, in one plain sentence.
pub(super) fn failed(verdict: &str, format: &Formatter<'_>) -> String {
    let key = format!("verdict.{verdict}");
    let word = format.word(&key);
    if word == key {
        crate::format::fill(format.word("verdict.other"), &[("why", verdict)])
    } else {
        word.to_owned()
    }
}

/// A label out of a plugin's words: the first key that has words, else the id itself.
pub(super) fn label(strings: &Strings, keys: &[String], id: &str) -> String {
    keys.iter()
        .find_map(|key| strings.get(key))
        .unwrap_or(id)
        .to_owned()
}
