//! `demo`: a whole shop in one command, through the same plugins and stages as real data.

use super::args::DemoArgs;
use super::make;
use super::print::Voice;
use super::{Answer, Ended, open_at};
use crate::asking::Ask;
use crate::clock::FixedClock;
use crate::deliver;
use crate::plan::{self, Wish};
use crate::project::Project;
use crate::run::{self, Order, Send};
use chenbao_demo::{DemoOptions, Size, Stories};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use jiff::civil::{Date, date};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The last business day of the demo shop: fixed, so that everybody sees the same report.
const LAST_DAY: Date = date(2026, 11, 21);

/// What an earlier demo left: made anew, so that nothing of another seed is read. Exports are the generator's own business.
const OURS: &[&str] = &["lake", "archive", "outbox", "reports"];

pub(super) async fn demo(args: &DemoArgs, voice: Voice) -> Answer {
    let size: Size = args.size.parse().map_err(Diagnostic::error)?;
    clear(&args.dir)?;
    let stories = Stories {
        conversion_break: !args.plain,
        pseudo_hit: !args.plain,
        stock_out: !args.plain,
    };
    let options = DemoOptions {
        seed: args.seed,
        size,
        stories,
        until: LAST_DAY,
        ..DemoOptions::default()
    };
    {
        let progress = voice.progress("making the shop");
        chenbao_demo::generate(&args.dir, &options, &mut |done, total| {
            progress.at(done, total);
        })
        .await?;
    }
    voice.say(format!("shop      {}", args.dir.join("exports").display()));
    if args.only_shop {
        voice.answer(&json!({"dir": args.dir}));
        return Ok(Ended::Done);
    }
    let morning = date(2026, 11, 22)
        .at(7, 40, 0, 0)
        .in_tz("Asia/Shanghai")
        .map_err(|e| Diagnostic::error(e.to_string()))?;
    let clock = Arc::new(FixedClock::at(morning.timestamp()));
    let project = open_at(&args.dir.join("chenbao.toml"), clock, "error", voice).await?;
    let mut made = Vec::new();
    let mut partial = false;
    for report in project.config.reports.keys() {
        let (files, incomplete) = one(&project, report, &args.dir, voice).await?;
        partial |= incomplete;
        made.push(json!({"report": report, "files": files}));
    }
    let sent = deliver::send_due(&project).await?;
    next(&args.dir, sent, voice);
    voice.answer(&json!({"dir": args.dir, "reports": made, "mails": sent}));
    Ok(if partial { Ended::Partial } else { Ended::Done })
}

/// Says where everything is and what to try next.
fn next(dir: &Path, sent: usize, voice: Voice) {
    let (dir, chenbao) = (dir.display(), program());
    voice.say(format!(
        "reports   {dir}/reports/<report>/<period>/<audience>.html, .txt and .pdf"
    ));
    voice.say(format!(
        "          open {dir}/reports/daily/{LAST_DAY}/management.html first"
    ));
    voice.say(format!("mails     {dir}/outbox/*.eml ({sent} messages)"));
    voice.say(format!(
        "truth     {dir}/truth.json: what was planted for the report to find"
    ));
    voice.say("");
    voice.say("Try next:");
    voice.say(format!("  cd {dir}"));
    for command in [
        "run daily --period 2026-11-20 --role management --out reports",
        "sql \"select day, sum(pay_amount) as paid from orders group by day order by day desc limit 7\"",
        "history",
        "plan",
        "plugin list",
    ] {
        voice.say(format!("  {chenbao} {command}"));
    }
}

/// How a shell calls this program: by its name where the path finds it, else by its place.
fn program() -> String {
    let Ok(exe) = std::env::current_exe() else {
        return "chenbao".to_owned();
    };
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("chenbao") == exe));
    if found {
        "chenbao".to_owned()
    } else {
        exe.display().to_string()
    }
}

/// Makes one report, queues its mails and writes its files.
async fn one(
    project: &Project,
    report: &Id,
    dir: &Path,
    voice: Voice,
) -> Result<(Vec<String>, bool), Problems> {
    let now = project.clock.now();
    let occurrence = plan::by_hand(
        &project.config,
        plan::report(&project.config, report)?,
        &Wish::default(),
        now,
    )?;
    let order = Order {
        occurrence,
        revision: 0,
        role: None,
        collect: Some(Ask::default()),
        send: Send::Recipients(now),
        results_only: false,
        pinned: None,
    };
    let made = {
        let progress = voice.progress(&format!("{report} {}", order.occurrence.period));
        run::run(project, &order, &|what| {
            progress.note(&format!("{report}: {what}"));
        })
        .await?
    };
    voice.tell(&made.warnings);
    for collected in &made.collected {
        if let Some(problems) = &collected.trouble {
            voice.tell(&problems.0);
        }
    }
    let files = make::write_files(&made, &dir.join("reports"))?;
    voice.say(format!(
        "{report:<9} {} · {} audiences · run {}",
        made.issue.period,
        made.papers.len(),
        made.run
    ));
    Ok((files, made.partial()))
}

/// Removes what an earlier demo made; a folder that is something else is refused.
fn clear(dir: &Path) -> Result<(), Problems> {
    let occupied = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !dir.join("truth.json").exists() {
        return Err(
            Diagnostic::error(format!("`{}` is not empty and no demo", dir.display()))
                .hint("give another folder with --dir")
                .into(),
        );
    }
    let fail = |e: std::io::Error| {
        Problems::from(Diagnostic::error(format!(
            "cannot clear the earlier demo in `{}`: {e}",
            dir.display()
        )))
    };
    for name in OURS {
        match std::fs::remove_dir_all(dir.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
            _ => {}
        }
    }
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let ledger = entry
            .file_name()
            .to_string_lossy()
            .starts_with("ledger.sqlite");
        if ledger {
            std::fs::remove_file(entry.path()).map_err(fail)?;
        }
    }
    Ok(())
}
