//! `chenbao plugin`: a file for each of its commands.

pub(super) mod args;
mod dev;
mod docs;
mod inspect;
mod list;
mod lock;
mod new;
mod record;
mod release;
mod test;

use super::print::Voice;
use super::{Answer, Ended};
use crate::project::Project;
use args::PluginCommand;

/// An author's commands, which need no project; `None` for the others.
pub(super) async fn without_project(command: &PluginCommand, voice: Voice) -> Option<Answer> {
    match command {
        PluginCommand::New(args) => Some(new::new(args, voice)),
        PluginCommand::Test(args) => Some(test::test(args, voice).await),
        PluginCommand::Dev(args) => Some(dev::dev(args, voice).await),
        PluginCommand::Docs(args) => Some(docs::docs(args, voice)),
        PluginCommand::List
        | PluginCommand::Record(_)
        | PluginCommand::Lock { .. }
        | PluginCommand::Release { .. }
        | PluginCommand::Inspect { .. } => None,
    }
}

/// Commands that look at the plugins of an open project.
pub(super) async fn plugin(project: &Project, command: &PluginCommand, voice: Voice) -> Answer {
    match command {
        PluginCommand::List => list::list(project, voice).await,
        PluginCommand::Lock { all } => lock::lock(project, *all, voice),
        PluginCommand::Release { plugin } => release::release(project, plugin, voice).await,
        PluginCommand::Inspect { plugin } => inspect::inspect(project, plugin, voice),
        PluginCommand::Record(args) => record::record(project, args, voice).await,
        PluginCommand::New(_)
        | PluginCommand::Test(_)
        | PluginCommand::Dev(_)
        | PluginCommand::Docs(_) => Ok(Ended::Done),
    }
}
