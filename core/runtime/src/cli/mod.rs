//! The edge: reads the command line, calls the stages, prints, and answers with an exit code.

mod args;
mod ask;
mod backup;
mod check;
mod config;
mod demo;
mod history;
mod hold;
mod holding;
mod lake;
mod ledger;
mod make;
mod plan;
mod plugin;
mod preview;
mod print;
mod recipients;
mod remap;
mod replay;
mod serve;
mod template;
mod watchdog;

use crate::clock::{Clock, FixedClock, SystemClock};
use crate::config as configuration;
use crate::ledger::Mode;
use crate::project::Project;
use crate::{disk, telemetry};
use args::{Cli, Command, LakeCommand};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use clap::Parser as _;
use jiff::Timestamp;
use print::Voice;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Usage or configuration.
    Refused,
    /// Done, but incomplete (部分).
    Partial,
    /// Not delivered to everyone.
    Undelivered,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(match ended {
            Ended::Done => 0_u8,
            Ended::Failed => 1,
            Ended::Refused => 2,
            Ended::Partial => 3,
            Ended::Undelivered => 4,
        })
    }
}

type Answer = Result<Ended, Problems>;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::PluginHost) {
        // The host is single-threaded until it has restricted itself: no runtime, no logging of ours.
        let code = crate::plugin::host_main();
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    if let Command::PluginProbe { request } = &cli.command {
        let code = crate::plugin::probe::main(request);
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let voice = Voice {
        json: cli.json,
        quiet: cli.quiet,
        verbose: cli.verbose,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            voice.tell(&[Diagnostic::error(format!(
                "the async runtime cannot start: {e}"
            ))]);
            return Ended::Failed.into();
        }
    };
    let code = match runtime.block_on(command(&cli, voice)) {
        Ok(ended) => ended.into(),
        Err(problems) => {
            voice.tell(&problems.0);
            Ended::Failed.into()
        }
    };
    // A thread that hangs on a share which does not answer does not keep the process.
    runtime.shutdown_background();
    code
}

async fn command(cli: &Cli, voice: Voice) -> Answer {
    match &cli.command {
        Command::Demo(args) => return demo::demo(args, voice).await,
        Command::Init(args) => return check::init(args, voice),
        // Neither lake nor plugins nor fonts: it must live where they do not.
        Command::Watchdog(args) => return watchdog::watchdog(&cli.config, args, voice).await,
        Command::Preview(args) => return preview::preview(&cli.config, args, voice).await,
        Command::Restore(args) => return backup::restore(args, clock()?.now(), voice).await,
        Command::Plugin(command) => {
            if let Some(answer) = plugin::without_project(command, voice).await {
                return answer;
            }
        }
        Command::Config(command) => return config::config(&cli.config, command, voice),
        _ => {}
    }
    let levels = match cli.command {
        Command::Serve(_) => "info",
        _ => "error",
    };
    let project = match open(&cli.config, levels, voice).await {
        Ok(project) => Arc::new(project),
        Err(problems) => {
            voice.tell(&problems.0);
            return Ok(Ended::Refused);
        }
    };
    let answer = obey(cli, &project, voice).await;
    answer.map_err(|problems| disk::explain(&project.config, problems))
}

/// A command that needs the project open.
async fn obey(cli: &Cli, project: &Arc<Project>, voice: Voice) -> Answer {
    match &cli.command {
        Command::Check { mail } => check::check(project, *mail, voice).await,
        Command::Collect(args) => make::collect(project, args, voice).await,
        Command::Backfill(args) => make::backfill(project, args, voice).await,
        Command::Remap(args) => remap::remap(project, args, voice).await,
        Command::Plan(args) => plan::plan(project, args, voice).await,
        Command::Run(args) => make::run(project, args, voice).await,
        Command::Rerun(args) => make::rerun(project, args, voice).await,
        Command::Replay { run } => replay::replay(project, run, voice).await,
        Command::Serve(args) => serve::serve(project, args, voice).await,
        Command::Hold(args) => hold::hold(project, args, voice).await,
        Command::Release(args) => hold::release(project, args, voice).await,
        Command::History(args) => history::history(project, args, voice).await,
        Command::Show { run } => history::show(project, run, voice).await,
        Command::Notices(args) => history::notices(project, args, voice).await,
        Command::Resend(args) => history::resend(project, args, voice).await,
        Command::Bounces => recipients::bounces(project, voice).await,
        Command::Recipients(command) => recipients::recipients(project, command, voice).await,
        Command::Sql(args) => ask::sql(project, args, voice).await,
        Command::Lake(LakeCommand::Compact) => lake::compact(project, voice).await,
        Command::Ledger(command) => ledger::ledger(project, command, voice).await,
        Command::Prune { dry_run } => {
            let mode = if *dry_run { Mode::Look } else { Mode::Remove };
            replay::prune(project, mode, voice).await
        }
        Command::Backup { file } => backup::backup(project, file, voice).await,
        Command::Template(command) => template::template(project, command, voice),
        Command::Plugin(command) => plugin::plugin(project, command, voice).await,
        Command::Config(_)
        | Command::Demo(_)
        | Command::Init(_)
        | Command::Preview(_)
        | Command::Restore(_)
        | Command::Watchdog(_)
        | Command::PluginProbe { .. }
        | Command::PluginHost => Ok(Ended::Done),
    }
}

/// Opens a project by its configuration.
async fn open(file: &Path, levels: &str, voice: Voice) -> Result<Project, Problems> {
    open_at(file, clock()?, levels, voice).await
}

/// `levels` says how much is logged where the environment does not.
async fn open_at(
    file: &Path,
    clock: Arc<dyn Clock>,
    levels: &str,
    voice: Voice,
) -> Result<Project, Problems> {
    let config = configuration::load(file)?;
    voice.tell(&config.warnings);
    telemetry::start(levels, config.value.log)?;
    Project::open(config.value, clock, exe()?).await
}

/// The machine's clock; `CHENBAO_NOW` puts another in its place, for tests and for looking back.
fn clock() -> Result<Arc<dyn Clock>, Problems> {
    match std::env::var("CHENBAO_NOW") {
        Ok(text) => {
            let now: Timestamp = text.parse().map_err(|e| {
                Diagnostic::error(format!("CHENBAO_NOW is no time: {e}"))
                    .hint("write 2026-11-22T07:40:00+08:00")
            })?;
            Ok(Arc::new(FixedClock::at(now)))
        }
        Err(_) => Ok(Arc::new(SystemClock)),
    }
}

fn exe() -> Result<PathBuf, Problems> {
    std::env::current_exe().map_err(|e| {
        Diagnostic::error(format!(
            "cannot find this program for its plugin hosts: {e}"
        ))
        .into()
    })
}
