//! `chenbao plugin`: a file for each of its commands.

pub(super) mod args;
mod inspect;
mod list;
mod lock;
mod release;

use super::Answer;
use super::print::Voice;
use crate::project::Project;
use args::PluginCommand;

/// Commands that look at the plugins of an open project.
pub(super) async fn plugin(project: &Project, command: &PluginCommand, voice: Voice) -> Answer {
    match command {
        PluginCommand::List => list::list(project, voice).await,
        PluginCommand::Lock { all } => lock::lock(project, *all, voice),
        PluginCommand::Release { plugin } => release::release(project, plugin, voice).await,
        PluginCommand::Inspect { plugin } => inspect::inspect(project, plugin, voice),
    }
}
