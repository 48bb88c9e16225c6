//! `replay` and `prune`: what can still be computed again, and what policy takes away.

use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::ledger::{Mode, Removed, RemovedKind};
use crate::project::Project;
use crate::{replay, retention};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) async fn replay(project: &Project, run: &str, voice: Voice) -> Answer {
    let shown = super::history::find(project, run).await?;
    let replayed = {
        let _progress = voice.progress(&format!("computing {} again", shown.run.id));
        replay::replay(project, &shown).await?
    };
    voice.tell(&replayed.caveats);
    let rows: Vec<Vec<String>> = replayed
        .differs
        .iter()
        .map(|one| vec![one.path.clone(), one.then.clone(), one.now.clone()])
        .collect();
    let compared = format!("{}: {} results compared", shown.run.id, replayed.compared);
    if rows.is_empty() {
        voice.say(format!("{compared}, all the same"));
    } else {
        voice.say(format!("{compared}, {} figures differ", rows.len()));
        voice.say(print::table(&["figure", "then", "now"], &rows));
    }
    let differs = replayed.differs.iter();
    voice.answer(&json!({
        "run": shown.run.id, "results": replayed.compared,
        "differs": differs.map(|one| json!({"figure": one.path, "then": one.then, "now": one.now})).collect::<Vec<_>>(),
        "caveats": replayed.caveats.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    let whole = replayed.compared == shown.results.len() && rows.is_empty();
    Ok(if whole { Ended::Done } else { Ended::Failed })
}

pub(super) async fn prune(project: &Project, mode: Mode, voice: Voice) -> Answer {
    let removed = {
        let _progress = voice.progress("looking for what is old");
        retention::prune(project, mode).await?
    };
    let sums = sums(&removed);
    if removed.is_empty() {
        voice.say("nothing is older than [retention] says");
    } else {
        let heads = match mode {
            Mode::Remove => ["removed", "how many", "bytes", "by"],
            Mode::Look => ["would go", "how many", "bytes", "by"],
        };
        voice.say(print::table(&heads, &sums));
    }
    let things = removed.iter().map(|one| {
        json!({"kind": one.kind.word(), "name": one.name, "rule": one.rule, "amount": one.amount})
    });
    voice.answer(&json!({"dry_run": mode == Mode::Look, "removed": things.collect::<Vec<_>>()}));
    Ok(Ended::Done)
}

/// Files by kind and rule; rows by table.
fn sums(removed: &[Removed]) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for one in removed {
        let (what, many, bytes) = match one.kind {
            RemovedKind::Rows => (one.name.as_str(), one.amount, 0),
            RemovedKind::Raw => ("raw tables", 1, one.amount),
            RemovedKind::Revision => ("lake revisions", 1, one.amount),
            RemovedKind::Archived => ("archived files", 1, one.amount),
        };
        let sum = sums.entry((what, &one.rule)).or_default();
        sum.0 += many;
        sum.1 += bytes;
    }
    sums.into_iter()
        .map(|((what, rule), (many, bytes))| {
            let bytes = if bytes == 0 {
                String::new()
            } else {
                bytes.to_string()
            };
            vec![
                what.to_owned(),
                many.to_string(),
                bytes,
                format!("[retention] {rule}"),
            ]
        })
        .collect()
}
