//! `hold` and `release`: nothing of a report leaves while somebody looks into it.

use super::args::{HoldArgs, ReleaseArgs};
use super::print::Voice;
use super::{Answer, Ended};
use crate::deliver;
use crate::ledger::Waiting;
use crate::plan;
use crate::project::Project;
use serde_json::json;

pub(super) async fn hold(project: &Project, args: &HoldArgs, voice: Voice) -> Answer {
    let report = &plan::report(&project.config, &args.report)?.id;
    let now = project.clock.now();
    let new = project.ledger.hold(report, &args.why, now).await?;
    voice.say(match new {
        true => format!("{report} is held: nothing of it leaves until `chenbao release {report}`"),
        false => format!("{report} was held already"),
    });
    voice.answer(&json!({"report": report, "held": true, "new": new}));
    Ok(Ended::Done)
}

pub(super) async fn release(project: &Project, args: &ReleaseArgs, voice: Voice) -> Answer {
    let report = &args.report;
    let waiting = match args.drop {
        true => Waiting::Dropped,
        false => Waiting::Leaves,
    };
    let now = project.clock.now();
    let Some(waited) = project.ledger.release_report(report, waiting, now).await? else {
        // A report that is no longer configured may still be held; one that is neither is a slip of the pen.
        plan::report(&project.config, report)?;
        voice.say(format!("{report} was not held"));
        voice.answer(&json!({"report": report, "held": false, "waited": 0, "sent": 0}));
        return Ok(Ended::Done);
    };
    let sent = match waiting {
        Waiting::Leaves => deliver::send_due(project).await?,
        Waiting::Dropped => 0,
    };
    voice.say(match waiting {
        Waiting::Leaves => format!(
            "{report} is released: {sent} of {waited} messages that waited were handed over"
        ),
        Waiting::Dropped => {
            format!("{report} is released: {waited} messages that waited are not sent")
        }
    });
    voice.answer(&json!({"report": report, "held": false, "waited": waited, "sent": sent}));
    Ok(Ended::Done)
}
