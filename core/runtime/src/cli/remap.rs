//! `remap`: a mended mapping, over everything that was collected.

use super::args::RemapArgs;
use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::config::meant::Source;
use crate::project::Project;
use crate::remap::{self, Mode, Remade};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use serde_json::json;

/// What a person may want to do next.
const CORRECT: &str = "`chenbao rerun` corrects what was sent before";

/// What became of each source.
type Ends = Vec<(Id, Result<Remade, Problems>)>;

pub(super) async fn remap(project: &Project, args: &RemapArgs, voice: Voice) -> Answer {
    let all = &project.config.sources;
    let sources: Vec<&Source> = match &args.source {
        None => all.values().collect(),
        Some(id) => all.get(id).into_iter().collect(),
    };
    if let Some(id) = args.source.as_ref().filter(|_| sources.is_empty()) {
        let unknown = Diagnostic::error(format!("there is no source `{id}`"));
        voice.tell(&[unknown.in_file(&project.config.file)]);
        return Ok(Ended::Refused);
    }
    let mode = if args.dry_run {
        Mode::Look
    } else {
        Mode::Commit
    };
    let mut ends = Vec::new();
    {
        let progress = voice.progress("mapping again");
        for source in sources {
            progress.note(&format!("mapping again {}", source.id));
            let told = |done: usize, total: usize| {
                progress.at(print::count(done), print::count(total));
            };
            let end = remap::remap(project, source, mode, &told).await;
            ends.push((source.id.clone(), end));
        }
    }
    Ok(say(&ends, mode, voice))
}

fn say(ends: &Ends, mode: Mode, voice: Voice) -> Ended {
    let mut rows = Vec::new();
    for (source, end) in ends {
        match end {
            Ok(remade) => {
                voice.tell(&remade.warnings);
                rows.extend(remade.changes.iter().map(|change| {
                    vec![
                        source.to_string(),
                        change.table.clone(),
                        change.day.map_or_else(String::new, |day| day.to_string()),
                        change.before.to_string(),
                        change.after.to_string(),
                        change.differ.to_string(),
                    ]
                }));
            }
            Err(problems) => voice.tell(&problems.0),
        }
    }
    if !rows.is_empty() {
        voice.say(print::table(
            &[
                "source",
                "table",
                "day",
                "rows before",
                "rows after",
                "rows that differ",
            ],
            &rows,
        ));
    }
    voice.say(match (rows.len(), mode) {
        (0, _) => "nothing changed".to_owned(),
        (1, Mode::Look) => "1 day would change".to_owned(),
        (n, Mode::Look) => format!("{n} days would change"),
        (1, Mode::Commit) => format!("1 day changed; {CORRECT}"),
        (n, Mode::Commit) => format!("{n} days changed; {CORRECT}"),
    });
    voice.answer(&ends.iter().map(json).collect::<Vec<_>>().into());
    if ends.iter().any(|(_, end)| end.is_err()) {
        Ended::Failed
    } else {
        Ended::Done
    }
}

fn json((source, end): &(Id, Result<Remade, Problems>)) -> serde_json::Value {
    match end {
        Err(problems) => json!({"source": source, "trouble": problems.to_string()}),
        Ok(remade) => {
            let changes = remade.changes.iter().map(|change| {
                json!({
                    "table": change.table, "day": change.day.map(|day| day.to_string()), "before": change.before,
                    "after": change.after, "differ": change.differ,
                })
            });
            json!({
                "source": source, "collections": remade.collections, "rows": remade.rows,
                "changes": changes.collect::<Vec<_>>(),
                "warnings": remade.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        }
    }
}
