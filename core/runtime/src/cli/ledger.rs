//! `ledger`: what is done to the ledger itself.

use super::args::LedgerCommand;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::audit::{self, Audit, Depth};
use crate::ledger::Catalogue;
use crate::project::Project;
use chenbao_model::diagnostic::Problems;
use serde_json::json;
use std::io::Write as _;
use std::path::Path;

pub(super) async fn ledger(project: &Project, command: &LedgerCommand, voice: Voice) -> Answer {
    match command {
        LedgerCommand::Check { deep } => {
            let depth = if *deep { Depth::Deep } else { Depth::Quick };
            check(project, depth, voice).await
        }
        LedgerCommand::Export { dir } => match dir {
            Some(dir) => export_into(project, dir, voice).await,
            None => export(project).await,
        },
        LedgerCommand::RebuildCatalogue { replace } => {
            let with = match replace {
                true => Catalogue::Replaced,
                false => Catalogue::Empty,
            };
            rebuild(project, with, voice).await
        }
        LedgerCommand::Vacuum => vacuum(project, voice).await,
    }
}

async fn check(project: &Project, depth: Depth, voice: Voice) -> Answer {
    let audit = {
        let progress = voice.progress("comparing the ledger with lake and archive");
        let told = |done: usize, total: usize| progress.at(print::count(done), print::count(total));
        audit::audit(project, depth, &told).await?
    };
    let Audit {
        schema,
        revisions,
        raw,
        archived,
        problems,
    } = audit;
    voice.tell(&problems);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let looked = format!(
        "schema {schema}, {revisions} revisions, {raw} raw tables, {archived} archived files"
    );
    voice.say(match errors {
        0 => format!("{looked}: all in order"),
        1 => format!("{looked}: 1 problem"),
        _ => format!("{looked}: {errors} problems"),
    });
    voice.answer(&json!({
        "schema": schema, "revisions": revisions, "raw": raw, "archived": archived, "errors": errors,
        "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(if errors == 0 {
        Ended::Done
    } else {
        Ended::Failed
    })
}

/// One stream: each line says its table.
async fn export(project: &Project) -> Answer {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut line = |table: &str, row: &str| {
        let fields = row.trim_start_matches('{');
        writeln!(out, "{{\"table\":\"{table}\",{fields}")
    };
    project.ledger.export(&mut line).await?;
    out.flush().map_err(crate::ledger::LedgerError::Export)?;
    Ok(Ended::Done)
}

/// A file per table.
async fn export_into(project: &Project, dir: &Path, voice: Voice) -> Answer {
    let exported = project.ledger.export_into(dir).await?;
    let rows: Vec<Vec<String>> = exported
        .rows
        .iter()
        .map(|(table, rows)| vec![format!("{table}.jsonl"), rows.to_string()])
        .collect();
    voice.say(print::table(&["file", "rows"], &rows));
    voice.answer(&json!({"schema": exported.schema, "rows": exported.rows}));
    Ok(Ended::Done)
}

async fn rebuild(project: &Project, with: Catalogue, voice: Voice) -> Answer {
    let rebuilt = {
        let _progress = voice.progress("reading the lake's footers");
        audit::rebuild(project, with).await?
    };
    voice.tell(&rebuilt.warnings);
    voice.say(format!(
        "{} revisions are in the catalogue again; which exports they came from is not in the lake: the next `chenbao collect` \
         reads the exports that are still there once more",
        rebuilt.revisions
    ));
    voice.answer(&json!({
        "revisions": rebuilt.revisions,
        "warnings": rebuilt.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(Ended::Done)
}

async fn vacuum(project: &Project, voice: Voice) -> Answer {
    let (before, after) = {
        let _progress = voice.progress("giving space back");
        project.ledger.vacuum().await.map_err(Problems::from)?
    };
    voice.say(format!("{before} bytes before, {after} bytes now"));
    voice.answer(&json!({"before": before, "after": after}));
    Ok(Ended::Done)
}
