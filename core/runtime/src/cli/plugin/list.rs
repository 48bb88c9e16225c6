//! `chenbao plugin list`: what is there, and what cannot be used.

use crate::cli::print::{self, Voice};
use crate::cli::{Answer, Ended};
use crate::plugin::store::Component;
use crate::project::Project;
use serde_json::json;

pub(super) async fn list(project: &Project, voice: Voice) -> Answer {
    let crashes = project.ledger.plugin_crashes().await?;
    let held = |component: &Component| {
        let held = crashes.iter().filter(|crashes| crashes.since.is_some());
        let mut these = held.map(|crashes| &crashes.digest);
        these.any(|digest| Some(digest) == component.digest.as_ref())
    };
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for component in project.plugins.components() {
        let descriptor = &component.descriptor;
        rows.push(vec![
            component.id.clone(),
            descriptor.kind.to_string(),
            descriptor.version.clone(),
            component
                .digest
                .as_ref()
                .map_or("", |digest| digest.short())
                .to_owned(),
            match held(component) {
                true => format!("{}, quarantined", component.standing.word()),
                false => component.standing.word().to_owned(),
            },
            descriptor.summary.clone(),
        ]);
        json.push(json!({
            "id": component.id, "kind": descriptor.kind.to_string(), "version": descriptor.version,
            "digest": component.digest, "standing": component.standing.word(), "quarantined": held(component), "summary": descriptor.summary,
        }));
    }
    voice.say(print::table(
        &["id", "kind", "version", "sha-256", "trust", "what"],
        &rows,
    ));
    let blocked = project.plugins.problems();
    voice.tell(&blocked);
    voice.answer(&json.into());
    Ok(if blocked.is_empty() {
        Ended::Done
    } else {
        Ended::Partial
    })
}
