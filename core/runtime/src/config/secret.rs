//! Secrets: the configuration holds references only; a fetched secret cannot be printed, logged or serialised.

use chenbao_model::Diagnostic;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a secret is found at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`, relative to the configuration's folder.
    File(PathBuf),
}

impl SecretRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// The text is the secret itself or nothing known; the message does not repeat it.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("env", _)) => Err("`env:` needs the name of an environment variable".to_owned()),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(folder.join(path))),
            Some(("file", _)) => Err("`file:` needs a path".to_owned()),
            _ => Err("a secret must not stand in the configuration".to_owned()),
        }
    }

    /// Fetches the secret through the two given readers. One line end after it is dropped.
    ///
    /// # Errors
    /// It is not set, not readable or empty.
    pub fn fetch_with(
        &self,
        variable: impl Fn(&str) -> Option<String>,
        file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Secret, Diagnostic> {
        let text = match self {
            Self::Env(name) => variable(name).ok_or_else(|| {
                Diagnostic::error(format!("the secret `{self}` is not set"))
                    .hint(format!("export {name}=..."))
            })?,
            Self::File(path) => file(path).map_err(|e| {
                Diagnostic::error(format!("the secret `{self}` cannot be read: {e}")).hint(
                    "make the file readable for the user that runs chenbao, and for nobody else",
                )
            })?,
        };
        let text = text
            .strip_suffix('\n')
            .map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
        if text.is_empty() {
            return Err(Diagnostic::error(format!("the secret `{self}` is empty"))
                .hint("put the secret there"));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A secret in memory.
#[expect(
    missing_debug_implementations,
    reason = "a secret that can be formatted ends in a log one day"
)]
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(text: &str) -> Result<String, String> {
        SecretRef::parse(text, Path::new("/p"))?
            .fetch_with(
                |name| (name == "PASSWORD").then(|| "geheim\n".to_owned()),
                |path| match path == Path::new("/p/key") {
                    true => Ok("k ey\r\n".to_owned()),
                    false => Err(std::io::ErrorKind::NotFound.into()),
                },
            )
            .map(|secret| secret.expose().to_owned())
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn references_are_fetched_late_and_lose_one_line_end() {
        assert_eq!(fetch("env:PASSWORD").unwrap(), "geheim");
        assert_eq!(fetch("file:key").unwrap(), "k ey");
        assert!(
            fetch("env:OTHER")
                .unwrap_err()
                .contains("hint: export OTHER=...")
        );
        assert!(fetch("file:other").unwrap_err().contains("file:/p/other"));
    }

    #[test]
    fn a_secret_in_clear_is_refused_and_not_repeated() {
        let said = fetch("hunter2").unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
        assert!(fetch("env:1X").is_err());
    }
}
