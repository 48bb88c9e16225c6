//! `check`: everything of a project that can be wrong, found before 07:55; and `init`, which begins one.

use super::args::InitArgs;
use super::holding;
use super::print::Voice;
use super::template::{Parts, located};
use super::{Answer, Ended};
use crate::chain;
use crate::compute;
use crate::config;
use crate::config::Config;
use crate::config::meant::{Metric, PeriodRule, Report, Source, Transport};
use crate::ledger::Block;
use crate::mail::Returns;
use crate::plan;
use crate::project::Project;
use crate::schedule::Ahead;
use crate::storage::{self, amount};
use crate::{deliver, disk, tables, words};
use chenbao_engine::{Mapping, check_sql};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Severity};
use chenbao_report::Need;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// So many deliveries of a schedule are looked at.
const LOOK_AHEAD: usize = 70;
/// Holidays that are not known matter so long before.
const SOON: SignedDuration = SignedDuration::from_hours(60 * 24);
/// The project that `init` writes.
const STARTER: &str = include_str!("starter.toml");

pub(super) fn init(args: &InitArgs, voice: Voice) -> Answer {
    let file = args.dir.join("chenbao.toml");
    if file.exists() {
        return Err(Diagnostic::error("there is a project here already")
            .in_file(file.display().to_string())
            .into());
    }
    let fail = |e: std::io::Error| {
        Diagnostic::error(format!("cannot write the project: {e}"))
            .in_file(file.display().to_string())
    };
    std::fs::create_dir_all(args.dir.join("exports/orders")).map_err(fail)?;
    storage::write(&file, STARTER.as_bytes()).map_err(fail)?;
    voice.say(format!(
        "wrote {}; put order exports into {}",
        file.display(),
        args.dir.join("exports/orders").display()
    ));
    voice.answer(&json!({"config": file}));
    Ok(Ended::Done)
}

/// Everything that is wrong with a project, errors and warnings.
pub(super) fn problems(project: &Project) -> Vec<Diagnostic> {
    let now = project.clock.now();
    let mut problems = Vec::new();
    for source in project.config.sources.values() {
        problems.extend(source_problems(project, source));
    }
    for metric in project.config.metrics.values() {
        // A circle is found from each metric in it, and told once.
        let found = metric_problems(project, metric);
        let new: Vec<Diagnostic> = found
            .into_iter()
            .filter(|problem| !problems.contains(problem))
            .collect();
        problems.extend(new);
    }
    for report in project.config.reports.values() {
        problems.extend(report_problems(project, report));
        problems.extend(schedule_problems(&project.config, report, now));
    }
    problems.extend(template_problems(project));
    problems.extend(project.plugins.problems());
    problems.extend(secret_problems(project));
    problems.extend(mailbox_problem(project));
    problems
}

pub(super) async fn check(project: &Project, mail: bool, voice: Voice) -> Answer {
    let mut problems = problems(project);
    if mail {
        problems.extend(mail_problem(project).await);
    }
    let blocked = project.ledger.blocks().await?;
    problems.extend(blocked.iter().map(left_alone));
    problems.extend(disk::problems(&project.config));
    problems.extend(holding::problems(project));
    problems.extend(holding::quarantined(project).await?);
    say_room(project, voice);
    holding::say(project, voice);
    let holds = project.ledger.holds().await?;
    problems.extend(holds.iter().map(|(report, hold)| {
        Diagnostic::warning(format!("the report `{report}` is held: {}", hold.why))
            .hint(format!("`chenbao release {report}` lets it go on"))
    }));
    voice.tell(&problems);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let config = &project.config;
    if errors == 0 {
        voice.say(format!(
            "{}: {} sources, {} metrics, {} reports, all in order",
            config.file,
            config.sources.len(),
            config.metrics.len(),
            config.reports.len()
        ));
    } else {
        voice.say(match errors {
            1 => "1 problem".to_owned(),
            _ => format!("{errors} problems"),
        });
    }
    voice.answer(&json!({
        "errors": errors, "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(), "disks": disks(project),
        "plugins": holding::json(holding::of(project)),
    }));
    Ok(if errors == 0 {
        Ended::Done
    } else {
        Ended::Refused
    })
}

/// What would keep mail from leaving now.
async fn mail_problem(project: &Project) -> Option<Diagnostic> {
    let fault = deliver::probe(&project.config.mail).await?;
    let problem = Diagnostic::error(format!("mail cannot leave: {}", fault.note));
    let problem = problem.in_file(&project.config.file);
    Some(problem.hint("check server, login and certificate in [mail]"))
}

/// The mailbox of bounces, if it cannot be read.
fn mailbox_problem(project: &Project) -> Option<Diagnostic> {
    let path = &project.config.mail.bounces.as_ref()?.path;
    let why = Returns::open(path).err()?;
    let problem = Diagnostic::warning(format!("the mailbox of bounces cannot be read: {why}"));
    let problem = problem.in_file(path.display().to_string());
    Some(problem.hint("make a Maildir folder or an mbox file there that chenbao may read"))
}

/// An address that gets nothing: somebody may wait for its report.
fn left_alone(block: &Block) -> Diagnostic {
    let Block {
        recipient, note, ..
    } = block;
    let (what, how) = match &block.report {
        None => ("no mail".to_owned(), format!("release {recipient}")),
        Some(report) => (
            format!("no `{report}`"),
            format!("subscribe {recipient} --report {report}"),
        ),
    };
    Diagnostic::warning(format!("{recipient} gets {what}: {note}"))
        .hint(format!("to change that: chenbao recipients {how}"))
}

/// How much is free, one line a disk.
fn say_room(project: &Project, voice: Voice) {
    let folders = disk::folders(&project.config);
    let mut told = Vec::new();
    for room in folders.iter().filter_map(|folder| folder.room) {
        if told.contains(&room) {
            continue;
        }
        told.push(room);
        let same = folders.iter().filter(|folder| folder.room == Some(room));
        let names: Vec<&str> = same.map(|folder| folder.what).collect();
        let (free, total) = (amount(room.free), amount(room.total));
        voice.say(format!("{}: {free} free of {total}", names.join(", ")));
    }
}

fn disks(project: &Project) -> serde_json::Value {
    let folders = disk::folders(&project.config).into_iter();
    let json = folders.map(|folder| {
        json!({
            "folder": folder.what, "path": folder.path, "free": folder.room.map(|room| room.free),
            "total": folder.room.map(|room| room.total), "writable": folder.room.is_some_and(|room| room.writable),
        })
    });
    json.collect::<Vec<_>>().into()
}

/// What a schedule will meet: no day at all, a year whose holidays are not known, days that are not over when they are reported.
fn schedule_problems(config: &Config, report: &Report, now: Timestamp) -> Vec<Diagnostic> {
    if report.schedule.is_none() {
        return Vec::new();
    }
    let coming = plan::coming(config, report, (now, LOOK_AHEAD), None);
    let soon = now.checked_add(SOON).unwrap_or(now);
    let (mut years, mut early, mut fires) = (BTreeSet::new(), None, 0);
    for one in &coming {
        let Ahead::Fire(fire) = &one.ahead else {
            continue;
        };
        fires += 1;
        let deliver = fire.times.deliver;
        years.extend(fire.why.unknown_year().filter(|_| deliver <= soon));
        let over = one.period.as_ref().ok();
        let over = over.and_then(|period| plan::over_at(config, report, *period));
        early = early.or(over.filter(|over| *over > deliver));
    }
    let place = || report.place.clone();
    let mut problems: Vec<Diagnostic> = years
        .into_iter()
        .map(|year| {
            Diagnostic::warning(words::unknown_year(year, "en"))
                .at(place())
                .hint("a newer chenbao knows them once they are published; until then name holidays in `not_on`")
        })
        .collect();
    if let Some(over) = early {
        let problem = Diagnostic::error(format!(
            "the report `{}` is delivered before its days are over in the zone of its shops, which is {over}",
            report.id
        ));
        problems.push(
            problem
                .at(place())
                .hint("deliver later, or give the schedule the shops' own `zone`"),
        );
    }
    let campaign = report
        .schedule
        .as_ref()
        .is_some_and(|one| one.period == PeriodRule::Campaign);
    if fires == 0 && !campaign {
        let problem = Diagnostic::error(format!(
            "the report `{}` is never delivered: every day is left out",
            report.id
        ));
        problems.push(
            problem
                .at(place())
                .hint("look at `workdays_only` and `not_on`; `chenbao plan` says why"),
        );
    }
    problems
}

/// Secrets that are not there now: a warning, because `check` may run where the scheduler's environment is not.
fn secret_problems(project: &Project) -> Vec<Diagnostic> {
    let login = match &project.config.mail.transport {
        Transport::Smtp(smtp) => smtp.login.as_ref().map(|(_, secret)| secret),
        Transport::Folder(_) => None,
    };
    let sources = project.config.sources.values();
    let secrets = sources
        .flat_map(|source| source.secrets.values())
        .chain(login);
    let hash_key = project.config.lake.hash_key.iter();
    let channels = project.config.channels.values();
    let robots = channels.flat_map(|one| std::iter::once(&one.url).chain(&one.secret));
    let ping = project.config.watchdog.ping.iter();
    let told = secrets
        .chain(hash_key)
        .chain(robots)
        .chain(ping)
        .filter_map(|secret| match config::fetch(secret) {
            Ok(fetched) if fetched.expose().len() >= config::SHORTEST => None,
            Ok(_) => Some(
                Diagnostic::error(format!(
                    "the secret `{secret}` is too short to be kept out of logs"
                ))
                .hint(format!(
                    "take one of {} characters or more",
                    config::SHORTEST
                )),
            ),
            Err(problem) => Some(problem),
        });
    told.map(|problem| Diagnostic {
        severity: Severity::Warning,
        ..problem
    })
    .collect()
}

fn source_problems(project: &Project, source: &Source) -> Vec<Diagnostic> {
    let component = match project.component(&source.plugin) {
        Ok(component) => component,
        Err(problem) => return vec![problem.at(source.place.clone())],
    };
    let mut problems = match project.mappings(source) {
        Ok(mappings) => mappings
            .iter()
            .flat_map(|mapping| unknown_tables(project, mapping))
            .collect(),
        Err(found) => found.0,
    };
    let mut options = source.with.clone();
    options.insert("_base".to_owned(), json!(project.base()));
    let checked = component
        .descriptor
        .check_options(&options)
        .and_then(|options| project.reach(component, &options, &BTreeMap::new()));
    if let Err(found) = checked {
        problems.extend(
            found
                .into_iter()
                .map(|problem| problem.at(source.place.clone())),
        );
    }
    problems
}

/// Tables that a mapping feeds and nobody declares.
fn unknown_tables(project: &Project, mapping: &Mapping) -> Vec<Diagnostic> {
    let fed = mapping.tables.keys();
    let unknown = fed.filter_map(|table| match tables::is_configured(table) {
        true => Some(Diagnostic::error(format!(
            "`{table}` comes from the configuration"
        ))),
        false => tables::unknown(&project.config, table),
    });
    unknown
        .map(|problem| problem.in_file(mapping.name.clone()))
        .collect()
}

fn metric_problems(project: &Project, metric: &Metric) -> Vec<Diagnostic> {
    let component = match project.component(&metric.plugin) {
        Ok(component) => component,
        Err(problem) => return vec![problem.at(metric.place.clone())],
    };
    let mut problems = Vec::new();
    match component.descriptor.check_options(&metric.with) {
        Ok(params) => problems.extend(
            compute::described(project, component, &params)
                .err()
                .map(|problem| problem.at(metric.place.clone())),
        ),
        Err(found) => problems.extend(
            found
                .into_iter()
                .map(|problem| problem.at(metric.place.clone())),
        ),
    }
    if let Err(found) = chain::order(project, std::slice::from_ref(&metric.id)) {
        problems.extend(found.0);
    }
    let queries = component.descriptor.inputs.iter();
    for input in queries.filter(|input| input.from.is_none()) {
        let declared = input.tables.iter();
        let unknown = declared.filter_map(|table| tables::unknown(&project.config, table));
        problems.extend(unknown.map(|problem| {
            let message = format!(
                "metric `{}`, input `{}`: {}",
                metric.id, input.name, problem.message
            );
            Diagnostic { message, ..problem }.at(metric.place.clone())
        }));
        if let Err(problem) = check_sql(&input.sql, &input.tables) {
            let message = format!(
                "metric `{}`, input `{}`: {}",
                metric.id, input.name, problem.message
            );
            problems.push(Diagnostic { message, ..problem });
        }
    }
    problems
}

/// The templates that reports use, each tried once.
fn template_problems(project: &Project) -> Vec<Diagnostic> {
    let parts = Parts::of(project);
    let bench = parts.bench(project, &project.templates);
    let reports = project.config.reports.values();
    let used: BTreeSet<&str> = reports.map(|report| report.template.as_str()).collect();
    let there = used
        .into_iter()
        .filter(|name| project.templates.info(name).is_ok());
    let mut problems = Vec::new();
    for found in there.flat_map(|name| bench.lint(name).problems) {
        let found = located(project, found);
        if !problems.contains(&found) {
            problems.push(found);
        }
    }
    problems
}

/// The template is there, and what it requires is configured with the plugin that it was written for.
fn report_problems(project: &Project, report: &Report) -> Vec<Diagnostic> {
    let info = match project.templates.info(&report.template) {
        Ok(info) => info,
        Err(Problems(found)) => {
            return found
                .into_iter()
                .map(|problem| problem.at(report.place.clone()))
                .collect();
        }
    };
    let mut problems = Vec::new();
    for (alias, wanted) in &info.aliases {
        let configured = report
            .metrics
            .iter()
            .find(|id| id.as_str() == alias)
            .and_then(|id| project.config.metrics.get(id));
        match configured {
            None if wanted.need == Need::Required => problems.push(
                Diagnostic::error(format!(
                    "the template `{}` requires the metric `{alias}`",
                    report.template
                ))
                .at(report.place.clone())
                .hint(format!(
                    "add [metric.{alias}] with plugin = \"{}\" and name it in metrics",
                    wanted.plugin
                )),
            ),
            Some(metric) if metric.plugin.as_str() != wanted.plugin => problems.push(
                Diagnostic::error(format!(
                    "`{alias}` is the plugin `{}`, but the template `{}` was written for `{}`",
                    metric.plugin, report.template, wanted.plugin
                ))
                .at(metric.place.clone()),
            ),
            _ => {}
        }
    }
    problems
}
