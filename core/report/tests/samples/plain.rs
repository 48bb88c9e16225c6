//! A template's sample with the words of the real plugins.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

use chenbao_model::strings::Strings;
use chenbao_report::{RoleInfo, Sample, TemplateSet};
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
