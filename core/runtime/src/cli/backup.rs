//! `backup` and `restore`.

use super::args::RestoreArgs;
use super::print::Voice;
use super::{Answer, Ended};
use crate::backup::{self, Asked};
use crate::project::Project;
use jiff::Timestamp;
use serde_json::json;
use std::path::Path;

pub(super) async fn backup(project: &Project, file: &Path, voice: Voice) -> Answer {
    let made = {
        let progress = voice.progress("writing the backup");
        backup::make(project, file, &|done, total| progress.at(done, total)).await?
    };
    voice.tell(&made.left_out);
    voice.say(format!(
        "{}: {} files, {} bytes, {} rows of the ledger",
        file.display(),
        made.files,
        made.bytes,
        made.rows
    ));
    if let Some(key) = &made.key {
        voice.say(format!(
            "not in it, because it is a secret: {}; keep a copy in a place of its own",
            key.display()
        ));
    }
    voice.answer(&json!({
        "file": file, "files": made.files, "bytes": made.bytes, "rows": made.rows, "key": made.key,
        "left_out": made.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(if made.left_out.is_empty() {
        Ended::Done
    } else {
        Ended::Partial
    })
}

pub(super) async fn restore(args: &RestoreArgs, now: Timestamp, voice: Voice) -> Answer {
    let asked = Asked {
        file: &args.file,
        dir: &args.dir,
        with: args.with.as_deref(),
    };
    let restored = {
        let progress = voice.progress("verifying and restoring");
        backup::restore(asked, now, &|done, total| progress.at(done, total)).await?
    };
    voice.say(format!(
        "{}: as it was at {}, {} files, {} rows of the ledger",
        restored.config.display(),
        restored.made,
        restored.files,
        restored.rows
    ));
    let waited = restored.waited;
    if waited.messages > 0 {
        voice.say(format!(
            "{} messages waited to be sent; they may have been sent since, so they count as unknown: \
             `chenbao history` shows them, `chenbao resend --unknown` sends them",
            waited.messages
        ));
    }
    voice.say(
        "nothing that was due before now is made by itself: `chenbao run REPORT --period ... --deliver`",
    );
    if let Some(key) = &restored.key {
        voice.say(format!(
            "put the key that hides personal cells back at {}: without it the buyers of before and after are different people",
            key.display()
        ));
    }
    voice.answer(&json!({
        "config": restored.config, "made": restored.made.to_string(), "files": restored.files, "rows": restored.rows,
        "unknown": waited.messages, "missed": waited.reports, "key": restored.key,
    }));
    Ok(Ended::Done)
}
