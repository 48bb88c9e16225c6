//! `replay` and `prune`: what can still be computed again, and what policy takes away.

use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::ledger::Mode;
use crate::project::Project;
use crate::{replay, retention};
use serde_json::json;

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
    let sums: Vec<Vec<String>> = retention::sums(&removed)
        .into_iter()
        .map(|sum| {
            vec![
                sum.what.to_owned(),
                sum.many.to_string(),
                sum.bytes.to_string(),
                sum.rule,
            ]
        })
        .collect();
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
