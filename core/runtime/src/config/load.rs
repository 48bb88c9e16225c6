//! The two places where the configuration meets the machine: its file, and its secrets.

use super::hide;
use super::meant::Config;
use super::resolve::resolve;
use super::secret::{Secret, SecretRef};
use crate::storage;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Warned};
use std::path::Path;

/// Reads and checks a configuration file.
///
/// # Errors
/// The file cannot be read, or every problem in it.
pub fn load(path: &Path) -> Result<Warned<Config>, Problems> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|why| {
        Diagnostic::error(format!("the configuration `{name}` cannot be read: {why}"))
            .hint("run `chenbao init` here, or name the file with --config")
    })?;
    resolve(&text, &name)
}

/// Fetches a secret from the environment or its file; from now on [`hide::hide`] hides it.
///
/// # Errors
/// It is not there.
pub fn fetch(secret: &SecretRef) -> Result<Secret, Diagnostic> {
    let fetched = secret.fetch_with(
        |name| std::env::var(name).ok(),
        |path| std::fs::read_to_string(path),
    )?;
    hide::remember(fetched.expose());
    Ok(fetched)
}

/// Puts another secret in the place of one that stands in a file, for tokens that rotate; from now on it is hidden too.
///
/// # Errors
/// It stands in an environment variable, or the disk refuses.
pub fn replace(secret: &SecretRef, now: &str) -> Result<(), Diagnostic> {
    let SecretRef::File(path) = secret else {
        return Err(Diagnostic::error(format!(
            "the secret `{secret}` cannot be replaced: a process cannot change what the next one finds in its environment"
        ))
        .hint("put it into a file of its own: \"file:secrets/token\""));
    };
    hide::remember(now);
    storage::replace_private(path, now.as_bytes())
        .map_err(|why| storage::refused("the secret", path, &why))
}
