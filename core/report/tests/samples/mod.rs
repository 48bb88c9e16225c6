//! The product's templates with their samples, as tests of pages use them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not see as such"
)]

use chenbao_model::document::Document;
use chenbao_model::strings::Strings;
use chenbao_model::{Sensitivities, Sensitivity};
use chenbao_report::{ComposeInput, RoleInfo, Sample, TemplateSet, compose};
use std::path::Path;

/// A sample with the words of the real plugins, so that templates and plugins agree on ids.
pub(crate) fn sample(template: &str, name: &str, role: (&str, &str), lang: &str) -> Sample {
    let mut sample = TemplateSet::builtin().sample(template, name).unwrap();
    sample.context.role = RoleInfo {
        id: role.0.into(),
        name: role.1.into(),
    };
    for metric in &mut sample.metrics {
        let path = format!("../../plugins/metric-{}/strings.{lang}.toml", metric.plugin);
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        metric.strings = match text {
            Ok(text) => Strings::from_toml(&text).unwrap(),
            Err(_) => TemplateSet::builtin().sample_words(&metric.plugin, lang),
        };
    }
    sample
}

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
