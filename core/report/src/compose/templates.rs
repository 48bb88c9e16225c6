//! The template files: the product's own, embedded, with a project's `templates/` folder on top, file by file.

use std::collections::BTreeMap;

/// Template files by name (`daily/report.html`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateSet {
    files: BTreeMap<String, String>,
}

impl TemplateSet {
    /// The product's templates.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// These, with a project's files on top.
    #[must_use]
    pub fn overlaid(mut self, files: BTreeMap<String, String>) -> Self {
        self.files.extend(files);
        self
    }
}
