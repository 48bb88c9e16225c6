//! `template`: begins, checks and compares templates, and lists what may stand in them; nothing here needs Rust.

mod bench;
mod check;

pub(in crate::cli) use bench::{Parts, located};

use super::Answer;
use super::args::TemplateCommand;
use super::print::Voice;
use crate::project::Project;

pub(super) fn template(project: &Project, command: &TemplateCommand, voice: Voice) -> Answer {
    match command {
        TemplateCommand::Check { template } => check::check(project, template.as_deref(), voice),
    }
}
