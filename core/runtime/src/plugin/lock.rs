//! `plugins.lock`: the digest of every plugin library that a team has agreed on, for each platform, beside the configuration and
//! under the same review.

use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// The file beside the configuration.
pub const NAME: &str = "plugins.lock";

/// All pins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    pins: BTreeMap<String, Pin>,
}

/// One plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its version.
    pub version: String,
    /// Its library's name.
    pub file: String,
    /// SHA-256 by platform.
    pub sha256: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    plugin: BTreeMap<String, WrittenPin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPin {
    version: String,
    file: String,
    sha256: BTreeMap<String, String>,
}

/// What became of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinned {
    /// It was not there.
    New,
    /// It was another.
    Changed,
    /// It was the same.
    Same,
}

impl Pinned {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Same => "same",
        }
    }
}

/// The platform that this program was built for.
#[must_use]
pub fn platform() -> String {
    let c_library = if cfg!(target_env = "musl") {
        "musl"
    } else {
        "gnu"
    };
    format!("{}-unknown-linux-{c_library}", std::env::consts::ARCH)
}

impl Lock {
    /// Reads the file; none where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is not such a file.
    pub fn read(path: &Path) -> Result<Option<Self>, Problems> {
        let place = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text)
                .map(Some)
                .map_err(|problem| problem.in_file(place).into()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(
                Diagnostic::error(format!("the pins of plugins cannot be read: {e}"))
                    .in_file(place)
                    .hint("no plugin is trusted without it; make the file readable")
                    .into(),
            ),
        }
    }

    fn parse(text: &str) -> Result<Self, Diagnostic> {
        let hint =
            "take it from version control again, or write it anew with `chenbao plugin lock`";
        let wrong = |why: String| Diagnostic::error(why).hint(hint);
        let written: Written =
            toml::from_str(text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        if written.version != 1 {
            let why = format!("version {} of this file is not known here", written.version);
            return Err(wrong(why));
        }
        let mut pins = BTreeMap::new();
        for (id, pin) in written.plugin {
            let mut sha256 = BTreeMap::new();
            for (platform, hex) in pin.sha256 {
                let digest = Digest::parse(&hex)
                    .ok_or_else(|| wrong(format!("`{hex}` of `{id}` is no SHA-256")))?;
                sha256.insert(platform, digest);
            }
            let (version, file) = (pin.version, pin.file);
            pins.insert(
                id,
                Pin {
                    version,
                    file,
                    sha256,
                },
            );
        }
        Ok(Self { pins })
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = "# Which plugin libraries this project loads. Written by `chenbao plugin lock`; read what changed before you commit it.\nversion = 1\n".to_owned();
        for (id, pin) in &self.pins {
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let (version, file) = (quoted(&pin.version), quoted(&pin.file));
            let id = quoted(id);
            let _ = write!(
                text,
                "\n[plugin.{id}]\nversion = {version}\nfile = {file}\n\n[plugin.{id}.sha256]\n"
            );
            for (platform, digest) in &pin.sha256 {
                let _ = writeln!(text, "{} = \"{digest}\"", quoted(platform));
            }
        }
        text
    }

    /// Pins a library for this platform. Pins for others stay while the version does.
    pub fn pin(&mut self, id: &str, version: &str, file: &str, digest: &Digest) -> Pinned {
        let was = self.pins.remove(id);
        let before = was
            .as_ref()
            .and_then(|pin| pin.sha256.get(&platform()))
            .cloned();
        let mut sha256 = was
            .filter(|pin| pin.version == version)
            .map(|pin| pin.sha256)
            .unwrap_or_default();
        sha256.insert(platform(), digest.clone());
        let (version, file) = (version.to_owned(), file.to_owned());
        self.pins.insert(
            id.to_owned(),
            Pin {
                version,
                file,
                sha256,
            },
        );
        match before {
            None => Pinned::New,
            Some(before) if before == *digest => Pinned::Same,
            Some(_) => Pinned::Changed,
        }
    }

    /// Forgets what is not in the project any more; the ids.
    pub fn keep(&mut self, there: impl Fn(&str) -> bool) -> Vec<String> {
        let gone: Vec<String> = self.pins.keys().filter(|id| !there(id)).cloned().collect();
        self.pins.retain(|id, _| there(id));
        gone
    }

    /// The plugin that is pinned with this digest here.
    pub(super) fn by_digest(&self, digest: &Digest) -> Option<&str> {
        let here = platform();
        let mut all = self.pins.iter();
        all.find(|(_, pin)| pin.sha256.get(&here) == Some(digest))
            .map(|(id, _)| id.as_str())
    }

    /// The plugin whose library has this name, and what is pinned for it here.
    pub(super) fn by_file(&self, file: &str) -> Option<(&str, Option<&Digest>)> {
        let mut all = self.pins.iter();
        all.find(|(_, pin)| pin.file == file)
            .map(|(id, pin)| (id.as_str(), pin.sha256.get(&platform())))
    }

    /// What is pinned for a plugin here.
    pub(super) fn by_id(&self, id: &str) -> Option<&Digest> {
        self.pins.get(id)?.sha256.get(&platform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read_and_other_platforms_stay_with_their_version() {
        let mut lock = Lock::default();
        let (one, two) = (Digest::of("one"), Digest::of("two"));
        assert_eq!(lock.pin("sales", "0.1.0", "libsales.so", &one), Pinned::New);
        let elsewhere = lock
            .text()
            .replace(&platform(), "riscv64-unknown-linux-gnu");
        let mut lock = Lock::parse(&elsewhere).unwrap();
        assert_eq!(lock.by_digest(&one), None);
        assert_eq!(lock.pin("sales", "0.1.0", "libsales.so", &two), Pinned::New);
        assert!(lock.text().contains("riscv64"));
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        assert_eq!(lock.by_digest(&two), Some("sales"));
        assert_eq!(
            lock.pin("sales", "0.1.0", "libsales.so", &two),
            Pinned::Same
        );
        assert_eq!(
            lock.pin("sales", "0.2.0", "libsales.so", &one),
            Pinned::Changed
        );
        assert!(!lock.text().contains("riscv64"));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        for (text, why) in [
            ("version = 2\n", "version 2"),
            (
                "version = 1\n[plugin.a]\nversion = '1'\nfile = 'f'\n[plugin.a.sha256]\nx = 'abc'\n",
                "no SHA-256",
            ),
            ("version = 1\n[plugin.a]\nversion = '1'\n", "file"),
        ] {
            let problem = Lock::parse(text).unwrap_err().to_string();
            assert!(problem.contains(why), "{problem}");
        }
    }
}
