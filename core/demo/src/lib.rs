//! The demo shop: a seeded generator that writes a shop as it would really come, and the truth about what it planted.
//!
//! One simulation per shop ([`mod@simulate`]) turns exposures into clicks, orders, refunds and stock moves, day by day;
//! writers ([`mod@write`]) put each day into the platform's exports, [`mod@erp`] into the team's own database, [`mod@project`]
//! writes the `chenbao.toml` that reads them. Same options, same bytes; nothing here reads a clock, and memory holds a day.

mod calendar;
mod catalog;
mod demand;
mod erp;
mod options;
mod orders;
mod project;
mod random;
mod shop;
mod simulate;
mod stock;
mod stories;
#[cfg(test)]
mod tests;
mod traffic;
mod write;

pub use options::{DemoOptions, Size, Stories};
pub use stories::{ShopTruth, Story, Truth};

use calendar::Calendar;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use demand::Demand;
use random::of;
use std::path::Path;
use write::sheet::failed;

/// Makes a demo shop under `dir`: `exports/`, `erp.sqlite`, `chenbao.toml`, `truth.json`. `progress` hears of order lines done
/// and planned. Exports of an earlier demo in the same folder are removed first.
///
/// # Errors
/// The options make no shop, or the folder cannot be written; all problems of the options at once.
pub async fn generate(
    dir: &Path,
    options: &DemoOptions,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Truth, Problems> {
    options.check()?;
    let calendar = Calendar::new(options.until, options.size.days())
        .map_err(|e| Diagnostic::error(format!("{} cannot end a demo shop: {e}", options.until)))?;
    let exports = dir.join("exports");
    if let Err(e) = std::fs::remove_dir_all(&exports)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(failed(&exports, &e));
    }
    std::fs::create_dir_all(&exports).map_err(|e| failed(&exports, &e))?;
    let mut truth = Truth {
        seed: options.seed,
        first_day: calendar.date(calendar.first).to_owned(),
        last_day: calendar.date(calendar.last).to_owned(),
        shops: Vec::new(),
        stories: Vec::new(),
    };
    told(dir, &truth)?;
    let mut erp = erp::Erp::create(&dir.join("erp.sqlite")).await?;
    let shops = catalog::shops(options.seed, options.shops, options.size.products());
    let planned = options.size.lines();
    let lines = i64::try_from(planned).unwrap_or(i64::MAX);
    let demands: Vec<Demand<'_>> = shops
        .iter()
        .map(|shop| Demand::new(options.seed, &calendar, shop, of(lines, shop.share, 1000)))
        .collect();
    for (shop, demand) in shops.iter().zip(&demands) {
        let before: u64 = truth.shops.iter().map(|shop| shop.order_lines).sum();
        let mut said = |lines: u64| progress((before + lines).min(planned), planned);
        let run = shop::Run::new(&exports, options, &calendar, (shop, *demand))?;
        let (totals, stories) = run.live(&mut erp, &mut said).await?;
        truth.shops.push(totals);
        truth.stories.extend(stories);
    }
    erp.finish().await?;
    progress(planned, planned);
    let config = dir.join("chenbao.toml");
    std::fs::write(&config, project::text(&calendar, &shops, &demands))
        .map_err(|e| failed(&config, &e))?;
    told(dir, &truth)?;
    Ok(truth)
}

/// Writes `truth.json`. It stands there without shops from the start, so that a demo that was broken off is known as one.
fn told(dir: &Path, truth: &Truth) -> Result<(), Problems> {
    let path = dir.join("truth.json");
    let json = serde_json::to_string_pretty(truth).map_err(|e| failed(&path, &e))?;
    std::fs::write(&path, json + "\n").map_err(|e| failed(&path, &e))
}
