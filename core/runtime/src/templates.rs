//! The template store: a project's `templates/` folder as texts by name (pictures in base64), laid over the product's own by the report crate.

use chenbao_model::Diagnostic;
use chenbao_report::compose::theme;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Reads every template file under `dir` (`daily/report.html` -> its text). A project without the folder overrides nothing.
///
/// # Errors
/// A file that cannot be read as UTF-8.
pub fn read(dir: &Path) -> Result<BTreeMap<String, String>, Diagnostic> {
    let mut texts = BTreeMap::new();
    if dir.is_dir() {
        walk(dir, dir, &mut texts)?;
    }
    Ok(texts)
}

/// A picture, as far as a logo may be large and a byte more: whoever names a larger one as logo is told, and nobody else waits.
fn picture(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(theme::LOGO_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(theme::as_text(&bytes))
}

fn walk(root: &Path, dir: &Path, texts: &mut BTreeMap<String, String>) -> Result<(), Diagnostic> {
    let fail = |path: &Path, e: std::io::Error| {
        Diagnostic::error(format!("cannot read the template: {e}"))
            .in_file(path.display().to_string())
            .hint("templates are UTF-8 text files; remove what is not a template from the folder")
    };
    for entry in fs::read_dir(dir).map_err(|e| fail(dir, e))? {
        let path = entry.map_err(|e| fail(dir, e))?.path();
        let is_text = path
            .extension()
            .is_some_and(|ext| ext == "html" || ext == "toml" || ext == "json");
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        if path.is_dir() {
            walk(root, &path, texts)?;
        } else if is_text {
            texts.insert(name, fs::read_to_string(&path).map_err(|e| fail(&path, e))?);
        } else if theme::is_picture(&name) {
            texts.insert(name, picture(&path).map_err(|e| fail(&path, e))?);
        }
    }
    Ok(())
}
