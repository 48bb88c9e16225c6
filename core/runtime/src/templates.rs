//! The template store: a project's `templates/` folder as texts by name, laid over the product's own by the report crate.

use chenbao_model::Diagnostic;
use std::collections::BTreeMap;
use std::fs;
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
        if path.is_dir() {
            walk(root, &path, texts)?;
        } else if is_text {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            texts.insert(name, fs::read_to_string(&path).map_err(|e| fail(&path, e))?);
        }
    }
    Ok(())
}
