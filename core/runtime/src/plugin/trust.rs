//! Which libraries may be loaded: those of the installation, those that `plugins.lock` pins, those that a known key signed.
//!
//! Judged twice: the file's bytes before anything of it runs, and what it says of itself after it was looked at behind its fences.
//! A signature says who made a library, not that it is good: it is fenced all the same.

use super::descriptor::Descriptor;
use super::lock::Lock;
use crate::config::{Sandbox, TrustPolicy};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use minisign_verify::{Error, PublicKey, Signature};
use std::path::{Path, PathBuf};

/// What is known of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It came with this program, in its own folder; whoever can write there can replace the program.
    BuiltIn,
    /// A folder of SQL: no native code, nothing to load.
    NoCode,
    /// `plugins.lock` names this very file.
    Locked,
    /// One of the project's keys signed this very file, for this id and version.
    Signed,
    /// Nobody vouches for it.
    Unsigned,
    /// `plugins.lock` names another file for it.
    Modified,
    /// Its signature is not for this file, id or version.
    Invalid,
}

impl Standing {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::NoCode => "no code",
            Self::Locked => "locked",
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
            Self::Modified => "modified",
            Self::Invalid => "invalid",
        }
    }
}

/// A library that is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) standing: Standing,
    pub(super) why: String,
}

/// What a file's bytes are good for, before anything of it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    BuiltIn,
    /// Pinned, as this plugin.
    Locked(String),
    /// Signed, with this comment.
    Signed(String),
    Unsigned,
}

/// Whom a project trusts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    lock: Lock,
    keys: Vec<PublicKey>,
    policy: TrustPolicy,
    /// Folder of the plugins that came with this program.
    home: Option<PathBuf>,
    /// What keeps a library from the rest of the machine while it is looked at.
    pub(super) sandbox: Sandbox,
}

impl Trust {
    /// Trust as a project configures it. Without a word about it, a project with pins wants them, and one without has none to
    /// want. `home` is the folder of the plugins that came with this program.
    ///
    /// # Errors
    /// A key that is none.
    pub fn new(
        lock: Option<Lock>,
        keys: &[String],
        policy: Option<TrustPolicy>,
        home: Option<&Path>,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut known = Vec::new();
        for key in keys {
            match PublicKey::from_base64(key.trim()) {
                Ok(key) => known.push(key),
                Err(e) => problems.push(
                    Diagnostic::error(format!("`{key}` in [plugins] keys is no minisign key: {e}"))
                        .hint("write the second line of minisign.pub, which begins with RW"),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let usual = match lock {
            Some(_) => TrustPolicy::Lock,
            None => TrustPolicy::Any,
        };
        Ok(Self {
            lock: lock.unwrap_or_default(),
            keys: known,
            policy: policy.unwrap_or(usual),
            home: home.and_then(|home| home.canonicalize().ok()),
            sandbox: Sandbox::default(),
        })
    }

    /// The same, with libraries looked at in this sandbox.
    #[must_use]
    pub fn within(self, sandbox: Sandbox) -> Self {
        Self { sandbox, ..self }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> TrustPolicy {
        self.policy
    }

    /// Whether that is the folder of the plugins that came with this program.
    #[must_use]
    pub fn is_home(&self, library: &Path) -> bool {
        self.home.is_some() && library.parent() == self.home.as_deref()
    }

    /// Judges a file by its bytes.
    pub(super) fn before(
        &self,
        path: &Path,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Before, Refusal> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(id) = self.lock.by_digest(digest) {
            return Ok(Before::Locked(id.to_owned()));
        }
        if let Some((id, Some(pinned))) = self.lock.by_file(&name) {
            return Err(modified(id, digest, pinned));
        }
        if self.is_home(path) {
            return Ok(Before::BuiltIn);
        }
        match (self.signature(path, bytes)?, self.policy) {
            (Ok(comment), TrustPolicy::Signed | TrustPolicy::Any) => Ok(Before::Signed(comment)),
            (Err(_), TrustPolicy::Any) => Ok(Before::Unsigned),
            (Ok(_), TrustPolicy::Lock) => Err(Refusal {
                standing: Standing::Signed,
                why:
                    "plugins.lock does not pin it; hint: look at it, then run `chenbao plugin lock`"
                        .to_owned(),
            }),
            (Err(why), policy) => Err(Refusal {
                standing: Standing::Unsigned,
                why: format!(
                    "{why}, and plugins.lock does not pin it; hint: [plugins] trust = \"{}\" loads {}; look at it, then run `chenbao plugin lock`",
                    policy.word(),
                    match policy {
                        TrustPolicy::Lock => "what is pinned",
                        TrustPolicy::Signed | TrustPolicy::Any =>
                            "what is pinned, or signed by one of [plugins] keys",
                    },
                ),
            }),
        }
    }

    /// The comment of a good signature beside the file, or why there is none.
    fn signature(&self, path: &Path, bytes: &[u8]) -> Result<Result<String, String>, Refusal> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".minisig");
        let Ok(text) = std::fs::read_to_string(beside) else {
            return Ok(Err("nobody signed it".to_owned()));
        };
        let invalid = |e: &Error| Refusal {
            standing: Standing::Invalid,
            why: format!(
                "its signature is not good: {e}; hint: it is not the file that was signed, so get both again"
            ),
        };
        let signature = Signature::decode(&text).map_err(|e| invalid(&e))?;
        for key in &self.keys {
            match key.verify(bytes, &signature, false) {
                Ok(()) => return Ok(Ok(signature.trusted_comment().to_owned())),
                Err(Error::UnexpectedKeyId) => {}
                Err(e) => return Err(invalid(&e)),
            }
        }
        Ok(Err(
            "it is signed by a key that [plugins] keys does not name".to_owned(),
        ))
    }

    /// Judges what it says of itself.
    pub(super) fn after(
        &self,
        before: &Before,
        digest: &Digest,
        descriptor: &Descriptor,
    ) -> Result<Standing, Refusal> {
        let (id, version) = (&descriptor.id, &descriptor.version);
        if !matches!(before, Before::Locked(_))
            && let Some(pinned) = self.lock.by_id(id)
        {
            return Err(modified(id, digest, pinned));
        }
        match before {
            Before::BuiltIn => Ok(Standing::BuiltIn),
            Before::Unsigned => Ok(Standing::Unsigned),
            Before::Locked(pinned) if pinned == id => Ok(Standing::Locked),
            Before::Locked(pinned) => Err(Refusal {
                standing: Standing::Modified,
                why: format!("plugins.lock pins it as `{pinned}`, and it says it is `{id}`"),
            }),
            Before::Signed(comment) => {
                let says = |what: String| comment.split_whitespace().any(|word| word == what);
                if says(format!("plugin={id}")) && says(format!("version={version}")) {
                    return Ok(Standing::Signed);
                }
                Err(Refusal {
                    standing: Standing::Invalid,
                    why: format!(
                        "its signature is for `{comment}`, not for plugin={id} version={version}; hint: sign it with minisign -S -t \"plugin={id} version={version}\""
                    ),
                })
            }
        }
    }
}

fn modified(id: &str, digest: &Digest, pinned: &Digest) -> Refusal {
    Refusal {
        standing: Standing::Modified,
        why: format!(
            "it is not the `{id}` that plugins.lock pins: its sha-256 is {}…, pinned is {}…; hint: if you meant to change it, look at it, then run `chenbao plugin lock`",
            digest.short(),
            pinned.short()
        ),
    }
}
