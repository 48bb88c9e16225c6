//! `chenbao plugin release`: a plugin that was left alone is started again.

use crate::cli::print::Voice;
use crate::cli::{Answer, Ended};
use crate::project::Project;
use serde_json::json;

pub(super) async fn release(project: &Project, plugin: &str, voice: Voice) -> Answer {
    let held = project.ledger.release_plugin(plugin).await?;
    if !held {
        // A plugin that is gone may still be held; one that is neither is a slip of the pen.
        project.plugins.component(plugin)?;
    }
    voice.say(match held {
        true => format!("{plugin} is released: the next report starts it again"),
        false => format!("{plugin} was not left alone"),
    });
    voice.answer(&json!({"plugin": plugin, "released": held}));
    Ok(Ended::Done)
}
