//! The files of a plugin, whether they lie on disk or travel in a library.

use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Files of a plugin by path, whether from disk or out of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Text by path within the folder, with `/`.
    pub files: BTreeMap<String, String>,
    /// Parameters that the code declares; a library only. They join those of the folder's own file.
    pub declared: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Carried {
    schema: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    declared: BTreeMap<String, Value>,
}

impl Folder {
    /// The folder that a library carries (`chenbao.descriptor/1`).
    ///
    /// # Errors
    /// It is not such a descriptor.
    pub fn from_json(json: &str) -> Result<Self, Problems> {
        let carried: Carried = serde_json::from_str(json)
            .map_err(|e| Diagnostic::error(format!("the descriptor cannot be read: {e}")))?;
        if carried.schema != "chenbao.descriptor/1" {
            return Err(Diagnostic::error(format!(
                "the descriptor is `{}`, not `chenbao.descriptor/1`",
                carried.schema
            ))
            .into());
        }
        Ok(Self {
            files: carried.files,
            declared: carried.declared,
        })
    }

    /// A folder on disk: its .toml and .sql files, one level of folders deep.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(dir: &Path) -> Result<Self, Problems> {
        let mut folder = Self::default();
        folder.read_level(dir, "").map_err(|e| {
            Diagnostic::error(format!("cannot be read: {e}")).in_file(dir.display().to_string())
        })?;
        Ok(folder)
    }

    fn read_level(&mut self, dir: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                if prefix.is_empty() {
                    self.read_level(&entry.path(), &format!("{name}/"))?;
                }
            } else if name.ends_with(".toml") || name.ends_with(".sql") {
                self.files.insert(
                    format!("{prefix}{name}"),
                    std::fs::read_to_string(entry.path())?,
                );
            }
        }
        Ok(())
    }
}
