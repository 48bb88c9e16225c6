//! The product's templates with their samples, as tests of pages use them.

#![expect(
    clippy::panic,
    reason = "helpers of tests, which clippy does not see as such"
)]

mod plain;

pub(crate) use plain::sample;

use chenbao_model::document::Document;
use chenbao_model::{Sensitivities, Sensitivity};
use chenbao_report::{ComposeInput, Sample, TemplateSet, compose};

/// The Document of a sample, for an audience that sees what `shows` says; there are no warnings.
pub(crate) fn composed(
    template: &str,
    sample: &Sample,
    lang: &str,
    shows: &Sensitivities,
) -> Document {
    let templates = TemplateSet::builtin();
    let context = &sample.context;
    let input = ComposeInput {
        templates: &templates,
        template,
        lang,
        shows,
        context,
        metrics: &sample.metrics,
    };
    let warned = compose(&input).unwrap_or_else(|problems| panic!("{template} {lang}: {problems}"));
    assert!(
        warned.warnings.is_empty(),
        "{template} {lang}: {:?}",
        warned.warnings
    );
    warned.value
}

/// All labels.
pub(crate) fn everything() -> Sensitivities {
    Sensitivities::from([
        Sensitivity::Cost,
        Sensitivity::Finance,
        Sensitivity::Personal,
    ])
}
