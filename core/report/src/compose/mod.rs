//! One template and the results of its metrics become the neutral Document of one audience.
//!
//! The steps, each a module: [`templates`] holds the files ([`theme`] how they look), `words` renders them through Tera (with the functions and `filters` of ours) to report markup whose
//! `places` are known, `markup` parses it strictly, `build` walks it and
//! `inline` its words, binding figures by path out of `results`
//! (sentences in `sentence`, figures in `figures`, `tables`, charts in `plots` and `charts` with their sentences in `alt`, `findings`, what is watched in `watch`, the first of a table in `top`), `frame` makes what surrounds
//! the page, and `sheets` what only a workbook carries. [`lint`] tries a template with its samples.

mod alt;
mod build;
mod charts;
mod cohort;
mod days;
mod figures;
mod filters;
mod findings;
mod frame;
mod inline;
pub mod lint;
mod markup;
mod places;
mod plots;
mod punctuation;
mod results;
mod sentence;
mod sheets;
mod tables;
pub mod templates;
pub mod theme;
mod top;
mod unbound;
mod vocabulary;
mod watch;
mod words;

pub use lint::{Bench, Beside, Bindable, Lack, Linted, Reader};
pub use templates::{Alias, Need, TemplateInfo, TemplateSet};

use crate::format::Formatter;
use crate::input::{ComposeInput, MetricInput, ReportContext};
use build::Composer;
use chenbao_model::Warned;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::{Block, Document};
use chenbao_model::result::{Cell, Item};
use days::Days;
use figures::Saying;
use frame::Frame;
use results::Results;
use serde_json::json;

use words::Known;

/// Composes the Document of one audience.
///
/// # Errors
/// All problems of the template at once, each with its place.
pub fn compose(input: &ComposeInput<'_>) -> Result<Warned<Document>, Problems> {
    let (metrics, told) = typeset(input);
    let input = &ComposeInput {
        metrics: &metrics,
        context: &told,
        ..*input
    };
    let info = input.templates.info(input.template)?;
    let words = input.templates.words(input.template, input.lang)?;
    let theme = input.templates.theme(input.template)?;
    let format = Formatter::new(input.lang, &input.context.currency, &words);
    let days = Days::new(input.lang, &words);
    let results = Results::new(input, &info);
    let contract = results.contract(&format!("{}/template.toml", input.template));
    if !contract.is_empty() {
        return Err(Problems(contract));
    }
    let saying = Saying {
        format: &format,
        days,
        period: &input.context.period,
    };
    let frame = Frame {
        context: input.context,
        words: &words,
        format: &format,
        days,
        results,
        info: &info,
    };
    let mut warnings = Vec::new();
    let ranked = findings::ranked(&results, &format, &mut warnings);
    let context = context(input, &days, &ranked);
    let source = words::render(
        input.templates,
        input.template,
        &context,
        &words,
        &known(input, &results, &info),
    )?;
    let report = markup::parse(&source).map_err(Problems)?;
    let mut composer = Composer::new(input, &source, frame, saying, ranked);
    let blocks = composer.compose(&report);
    if !composer.problems.is_empty() {
        return Err(Problems(composer.problems));
    }
    warnings.append(&mut composer.warnings);
    let lede = blocks.iter().find_map(|block| match block {
        Block::Lede { inlines } => Some(inlines.as_slice()),
        _ => None,
    });
    let mut meta = frame.meta(input, lede.unwrap_or_default(), &composer.passports);
    meta.theme = theme;
    meta.logo = input.templates.logo(input.template, &meta.author)?;
    meta.sheets = sheets::sheets(&format, &blocks, &composer.passports);
    Ok(Warned {
        value: Document { meta, blocks },
        warnings,
    })
}

/// The metrics, and what is known besides, with their words typeset for the language: plugins may write half-width
/// punctuation in Chinese, and curly quotes, which Chinese fonts set wide, in English.
fn typeset(input: &ComposeInput<'_>) -> (Vec<MetricInput>, ReportContext) {
    let mut metrics = input.metrics.to_vec();
    let mut told = input.context.clone();
    let chinese = input.lang.starts_with("zh");
    let set: fn(&str) -> String = if chinese {
        punctuation::full_width
    } else {
        punctuation::straight
    };
    for words in metrics
        .iter_mut()
        .flat_map(|metric| metric.strings.0.values_mut())
        .chain(told.changes.iter_mut().map(|change| &mut change.label))
    {
        *words = set(words);
    }
    (metrics, told)
}

/// What the template's words may use.
fn context(
    input: &ComposeInput<'_>,
    days: &Days<'_>,
    ranked: &[findings::Ranked<'_>],
) -> tera::Context {
    let about = input.context;
    let period = &about.period;
    let work = |r: &&findings::Ranked<'_>| {
        r.finding.action.is_some() && findings::is_work_of(r.finding, &about.role.id)
    };
    let mut context = tera::Context::new();
    context.insert(
        "report",
        &json!({"id": about.report, "name": about.report_name}),
    );
    context.insert("role", &about.role);
    context.insert("shops", &about.shops);
    context.insert("lang", input.lang);
    context.insert("currency", &about.currency);
    context.insert(
        "period",
        &json!({
            "start": period.start().to_string(), "last": period.last().to_string(), "days": period.days(),
            "grain": period.grain(), "long": days.long(period),
        }),
    );
    context.insert("day", &days.said(period, about.today));
    context.insert("edition", &about.edition);
    context.insert("revision", &about.revision);
    context.insert("test", &about.test);
    context.insert("whole", &about.completeness.whole());
    context.insert("campaign", &about.campaign);
    context.insert("actions", &ranked.iter().filter(work).count());
    context.insert("findings", &ranked.len());
    context.insert("changes", &about.changes);
    context
}

/// What templates may ask about results with `has` and `found`.
fn known(input: &ComposeInput<'_>, results: &Results<'_>, info: &TemplateInfo) -> Known {
    let mut known = Known {
        aliases: info.aliases.keys().cloned().collect(),
        lang: input.lang.to_owned(),
        ..Known::default()
    };
    for metric in input.metrics {
        let doc = results::done(metric);
        known.paths.insert(metric.alias.clone(), doc.is_some());
        for item in doc.into_iter().flat_map(|doc| &doc.items) {
            known
                .paths
                .insert(format!("{}.{}", metric.alias, item.id()), false);
        }
        for item in results.items(metric) {
            let there = match item {
                Item::Scalar(scalar) => scalar.value != Cell::Null,
                Item::Series(series) => !series.points.is_empty(),
                Item::Table(table) => !table.rows.is_empty(),
                Item::Finding(_) => continue,
            };
            known
                .paths
                .insert(format!("{}.{}", metric.alias, item.id()), there);
        }
    }
    known.kinds = results
        .findings()
        .map(|(_, finding)| finding.kind.clone())
        .collect();
    known
}
