//! One template and the results of its metrics become the neutral Document of one audience.
//!
//! The steps, each a module: [`templates`] holds the files, `tera` renders words to markup, [`markup`] parses it
//! strictly, `build` binds figures by path and places blocks.

mod templates;

pub use templates::TemplateSet;

use crate::input::ComposeInput;
use chenbao_model::Warned;
use chenbao_model::diagnostic::Problems;
use chenbao_model::document::Document;

/// Composes the Document.
///
/// # Errors
/// All problems of the template at once, each with its place.
pub fn compose(input: &ComposeInput<'_>) -> Result<Warned<Document>, Problems> {
    Err(Problems(vec![chenbao_model::Diagnostic::error(format!("no template `{}`", input.template))]))
}
