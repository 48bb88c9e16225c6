//! What `check` says of the fences and limits of plugins on this machine.

use super::print::Voice;
use crate::config::Sandbox;
use crate::plugin::holding::{Holding, holding};
use crate::plugin::restrict;
use crate::plugin::store::Component;
use crate::project::Project;
use crate::quarantine;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::{Value, json};

/// What holds the project's plugins.
pub(super) fn of(project: &Project) -> Holding {
    holding(project.config.plugins.sandbox)
}

/// One line of it, and why limits are not those of a control group.
pub(super) fn say(project: &Project, voice: Voice) {
    let holding = of(project);
    let why = holding.no_group.map(|why| format!(" ({why})"));
    voice.say(format!(
        "plugins: {}{}; trust: {}",
        holding.words(),
        why.unwrap_or_default(),
        project.trust.policy().word()
    ));
}

/// The same for scripts.
pub(super) fn json(holding: Holding) -> Value {
    json!({
        "landlock": holding.held.landlock, "seccomp": holding.held.seccomp,
        "limits": holding.limits(), "no_cgroup": holding.no_group,
    })
}

/// Plugins that are left alone.
pub(super) async fn quarantined(project: &Project) -> Result<Vec<Diagnostic>, Problems> {
    let crashes = project.ledger.plugin_crashes().await?;
    let held = crashes.iter().filter(|crashes| {
        let digest = |component: &Component| component.digest.as_ref() == Some(&crashes.digest);
        crashes.since.is_some() && project.plugins.components().any(digest)
    });
    let told = held.map(|crashes| {
        let id = &crashes.plugin;
        Diagnostic::warning(quarantine::sentence(crashes)).hint(format!(
            "put a mended library in its place, or let it run again: `chenbao plugin release {id}`"
        ))
    });
    Ok(told.collect())
}

/// What this kernel lacks: a warning, or an error where the configuration requires it.
pub(super) fn problems(project: &Project) -> Vec<Diagnostic> {
    let told = |what: String| match project.config.plugins.sandbox {
        Sandbox::Best => vec![Diagnostic::warning(what)],
        Sandbox::Require => vec![Diagnostic::error(what).hint(
            "no plugin starts here: use a newer kernel, or set [plugins] sandbox = \"best\"",
        )],
        Sandbox::Off => Vec::new(),
    };
    let lacks = restrict::lacking(restrict::kernel());
    let mut problems: Vec<Diagnostic> = lacks.into_iter().flat_map(told).collect();
    if project.config.plugins.sandbox == Sandbox::Off {
        let off = Diagnostic::warning(
            "[plugins] sandbox = \"off\": a plugin reads every file of this user and opens connections",
        );
        problems.push(off.hint("leave it out when the debugger is gone"));
    }
    let file = &project.config.file;
    let placed = problems.into_iter();
    placed.map(|problem| problem.in_file(file)).collect()
}
