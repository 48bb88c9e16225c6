//! A plugin that crashes again and again is left alone: its figures say so, the owner hears it once, and another library or
//! `chenbao plugin release` ends it.

use crate::ledger::Crashes;
use crate::notice::{self, About, Kind, Notice};
use crate::plugin::store::Component;
use crate::project::Project;

/// The key of the sentence in the place of its figures.
pub const KEY: &str = "quarantined";

/// Codes of verdicts that count. A slow answer does not: a server or a busy machine may be the reason.
const CRASHES: &[&str] = &[
    "panic",
    "crashed",
    "memory_limit",
    "memory_limit_group",
    "cpu_limit",
    "forbidden",
    "vanished",
];

/// Why a plugin is not started, if it is left alone.
pub async fn held(project: &Project, component: &Component) -> Option<String> {
    let library = component.digest.as_ref()?;
    component.library.as_ref()?;
    match project.ledger.crashes_of(library).await {
        Ok(crashes) => crashes
            .filter(|crashes| crashes.since.is_some())
            .map(|crashes| sentence(&crashes)),
        Err(e) => {
            // Whoever asks for it will hear of the ledger by other ways.
            tracing::warn!(
                plugin = component.id,
                "not known whether it is left alone: {e}"
            );
            None
        }
    }
}

/// In one sentence.
#[must_use]
pub fn sentence(crashes: &Crashes) -> String {
    format!(
        "the plugin `{}` is left alone: it failed {} times in a row, the last time so: {}",
        crashes.plugin, crashes.crashes, crashes.last
    )
}

/// Counts how a call ended: the code and the sentence of its verdict, or none for an answer.
pub async fn ended(project: &Project, component: &Component, verdict: Option<(&str, &str)>) {
    let Some(library) = component
        .digest
        .as_ref()
        .filter(|_| component.library.is_some())
    else {
        return;
    };
    let counted = match verdict {
        None => project
            .ledger
            .plugin_answered(library)
            .await
            .map(|()| false),
        Some((code, why)) if CRASHES.contains(&code) => {
            let limit = project.config.plugins.quarantine_after;
            let now = project.clock.now();
            let about = (library, component.id.as_str());
            project.ledger.plugin_crashed(about, why, limit, now).await
        }
        Some(_) => Ok(false),
    };
    match counted {
        Ok(true) => tell(project, component, verdict.map_or("", |(_, why)| why)).await,
        Ok(false) => {}
        Err(e) => tracing::error!(plugin = component.id, "its crash was not counted: {e}"),
    }
}

async fn tell(project: &Project, component: &Component, why: &str) {
    let line = format!("{}: {why}", component.path.display());
    let about = About::Thing(format!("plugin {}", component.id));
    let notice = Notice::new(Kind::PluginHeld, about, vec![line]);
    if let Err(problems) = notice::raise(project, &notice).await {
        tracing::error!(
            plugin = component.id,
            "the owner does not hear that it is left alone: {problems}"
        );
    }
}
