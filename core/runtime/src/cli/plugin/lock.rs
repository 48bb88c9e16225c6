//! `chenbao plugin lock`: pins what is there, so that nothing else is loaded.

use crate::cli::print::{self, Voice};
use crate::cli::{Answer, Ended};
use crate::plugin::lock::{Lock, NAME};
use crate::project::Project;
use crate::storage;
use chenbao_model::Diagnostic;
use serde_json::json;

pub(super) fn lock(project: &Project, all: bool, voice: Voice) -> Answer {
    let path = project.config.folder.join(NAME);
    let mut lock = Lock::read(&path)?.unwrap_or_default();
    // Also those that are not trusted now: this command is how they come to be.
    let plugins = project.every_plugin();
    let (mut rows, mut json) = (Vec::new(), Vec::new());
    let mut there = Vec::new();
    for component in plugins.components() {
        let Some((library, digest)) = component.library.as_ref().zip(component.digest.as_ref())
        else {
            continue;
        };
        if !all && project.trust.is_home(library) {
            continue;
        }
        let file = library.file_name().unwrap_or_default().to_string_lossy();
        let (id, version) = (&component.id, &component.descriptor.version);
        let pinned = lock.pin(id, version, &file, digest).word();
        let row = [id.as_str(), version, pinned, digest.short(), &file];
        rows.push(row.map(str::to_owned).to_vec());
        json.push(
            json!({"id": id, "version": version, "file": file, "sha256": digest, "pin": pinned}),
        );
        there.push(id.clone());
    }
    let gone = lock.keep(|id| there.iter().any(|one| one == id));
    storage::write(&path, lock.text().as_bytes()).map_err(|e| {
        Diagnostic::error(format!("the pins cannot be written: {e}"))
            .in_file(path.display().to_string())
    })?;
    voice.say(print::table(
        &["id", "version", "pin", "sha-256", "file"],
        &rows,
    ));
    for id in &gone {
        voice.say(format!("{id} is no longer there, and no longer pinned"));
    }
    voice.say(format!(
        "wrote {}: look at what changed and commit it",
        path.display()
    ));
    voice.tell(&plugins.problems());
    voice.answer(&json!({"file": path, "plugins": json, "gone": gone}));
    Ok(Ended::Done)
}
