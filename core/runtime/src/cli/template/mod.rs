//! `template`: begins, checks and compares templates, and lists what may stand in them; nothing here needs Rust.

mod bench;
mod check;
mod diff;
mod new;
mod vars;

pub(in crate::cli) use bench::{Parts, located};

use super::Answer;
use super::args::TemplateCommand;
use super::print::Voice;
use crate::project::Project;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::nearest;

pub(super) fn template(project: &Project, command: &TemplateCommand, voice: Voice) -> Answer {
    match command {
        TemplateCommand::New { name, from } => new::new(project, name, from, voice),
        TemplateCommand::Check { template } => check::check(project, template.as_deref(), voice),
        TemplateCommand::Vars { report } => vars::vars(project, report, voice),
        TemplateCommand::Diff { report } => diff::diff(project, report.as_deref(), voice),
    }
}

/// A name that nothing has, with the nearest that something has.
fn named(what: &str, name: &str, names: Vec<&str>) -> Diagnostic {
    let problem = Diagnostic::error(format!("there is no {what} `{name}`"));
    match nearest(name, names.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!("there are {}", names.join(", "))),
    }
}
