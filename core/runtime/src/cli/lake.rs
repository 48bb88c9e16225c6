//! `lake`: what is done to the files of the lake.

use super::print::{self, Voice};
use super::{Answer, Ended};
use crate::project::Project;
use chenbao_engine::Packed;
use chenbao_model::Diagnostic;
use jiff::ToSpan as _;
use serde_json::json;

pub(super) async fn compact(project: &Project, voice: Voice) -> Answer {
    let config = &project.config;
    let now = project.clock.now();
    let month = now
        .to_zoned(config.project.zone.clone())
        .date()
        .first_of_month();
    let before = month
        .checked_sub(i32::from(config.lake.compact_after).months())
        .map_err(|e| Diagnostic::error(e.to_string()))?;
    let current = project.ledger.current(&[], &[]).await;
    let current = current?;
    let packed = {
        let _progress = voice.progress("packing old months");
        tokio::task::block_in_place(|| project.lake.compact(&current, before, &config.tables))?
    };
    say(&packed, voice);
    Ok(Ended::Done)
}

fn say(packed: &[Packed], voice: Voice) {
    let month = |pack: &Packed| pack.month.strftime("%Y-%m").to_string();
    let rows: Vec<Vec<String>> = packed
        .iter()
        .map(|pack| {
            vec![
                pack.table.clone(),
                pack.shop.to_string(),
                pack.feed.to_string(),
                month(pack),
                pack.days.to_string(),
                pack.rows.to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        voice.say("nothing to pack");
    } else {
        let heads = ["table", "shop", "feed", "month", "day files", "rows"];
        voice.say(print::table(&heads, &rows));
    }
    let json = packed.iter().map(|pack| {
        json!({
            "table": pack.table, "shop": pack.shop, "feed": pack.feed, "month": month(pack), "days": pack.days,
            "rows": pack.rows,
        })
    });
    voice.answer(&json.collect::<Vec<_>>().into());
}
