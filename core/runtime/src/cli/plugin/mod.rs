//! `chenbao plugin`: a file for each of its commands.

pub(super) mod args;
mod inspect;
mod list;
mod lock;

use super::Answer;
use super::print::Voice;
use crate::project::Project;
use args::PluginCommand;

/// Commands that look at the plugins of an open project.
pub(super) fn plugin(project: &Project, command: &PluginCommand, voice: Voice) -> Answer {
    match command {
        PluginCommand::List => list::list(project, voice),
        PluginCommand::Lock { all } => lock::lock(project, *all, voice),
        PluginCommand::Inspect { plugin } => inspect::inspect(project, plugin, voice),
    }
}
