//! What SQL may read beside the product's tables: the team's own, and `campaigns` with `campaign_phases` from the configuration.

use crate::config::Config;
use crate::config::meant::{Campaign, Phase};
use crate::config::table::{CAMPAIGNS, PHASES};
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray};
use chenbao_model::diagnostic::nearest;
use chenbao_model::{Decimal, Diagnostic};
use jiff::civil::Date;
use std::sync::Arc;

/// Whether a table is made from the configuration: it needs no feed.
#[must_use]
pub fn is_configured(name: &str) -> bool {
    name == CAMPAIGNS || name == PHASES
}

/// Every table that SQL may read.
#[must_use]
pub fn all(config: &Config) -> Vec<String> {
    let fed = config.table_names().into_iter().map(str::to_owned);
    fed.chain([CAMPAIGNS, PHASES].map(str::to_owned)).collect()
}

/// A table that is neither the product's nor the team's.
#[must_use]
pub fn unknown(config: &Config, name: &str) -> Option<Diagnostic> {
    let all = all(config);
    if all.iter().any(|table| table == name) {
        return None;
    }
    let problem = Diagnostic::error(format!("there is no table `{name}`"));
    Some(match nearest(name, all.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!(
            "declare it with [table.{name}] in the configuration"
        )),
    })
}

/// Those of the declared tables that are made from the configuration, with their rows.
///
/// # Errors
/// A plan of more digits than a decimal holds.
pub fn configured(
    config: &Config,
    declared: &[String],
) -> Result<Vec<(String, RecordBatch)>, Diagnostic> {
    let mut tables = Vec::new();
    for name in declared {
        let batch = match name.as_str() {
            CAMPAIGNS => campaigns(config),
            PHASES => phases(config),
            _ => continue,
        };
        let batch = batch.map_err(|e| Diagnostic::error(format!("the table `{name}`: {e}")))?;
        tables.push((name.clone(), batch));
    }
    Ok(tables)
}

type Made<T> = Result<T, arrow::error::ArrowError>;

fn campaigns(config: &Config) -> Made<RecordBatch> {
    let all = || config.campaigns.values();
    let lang = &config.project.lang;
    RecordBatch::try_from_iter_with_nullable([
        ("id", texts(all().map(|one| one.id.as_str())), false),
        ("type", texts(all().map(|one| one.kind.as_str())), false),
        (
            "name",
            texts(all().map(|one| one.name.in_lang(lang))),
            false,
        ),
        ("starts_on", days(all().map(|one| one.starts)), false),
        ("ends_on", days(all().map(|one| one.ends)), false),
        ("plan", money(all().map(|one| one.plan))?, true),
    ])
}

fn phases(config: &Config) -> Made<RecordBatch> {
    let all = || config.campaigns.values().flat_map(of_campaign);
    let lang = &config.project.lang;
    RecordBatch::try_from_iter_with_nullable([
        (
            "campaign_id",
            texts(all().map(|(campaign, _)| campaign.id.as_str())),
            false,
        ),
        (
            "id",
            texts(all().map(|(_, phase)| phase.id.as_str())),
            false,
        ),
        (
            "name",
            texts(all().map(|(_, phase)| phase.name.in_lang(lang))),
            false,
        ),
        (
            "starts_on",
            days(all().map(|(_, phase)| phase.starts)),
            false,
        ),
        ("ends_on", days(all().map(|(_, phase)| phase.ends)), false),
        ("plan", money(all().map(|(_, phase)| phase.plan))?, true),
    ])
}

fn of_campaign(campaign: &Campaign) -> impl Iterator<Item = (&Campaign, &Phase)> {
    campaign.phases.iter().map(move |phase| (campaign, phase))
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from(values.collect::<Vec<&str>>()))
}

fn days(values: impl Iterator<Item = Date>) -> ArrayRef {
    let since = |day: Date| {
        let span = day.since(jiff::civil::date(1970, 1, 1));
        span.map_or(0, |span| span.get_days())
    };
    Arc::new(Date32Array::from(values.map(since).collect::<Vec<i32>>()))
}

/// Money as the lake has it: four decimals.
fn money(values: impl Iterator<Item = Option<Decimal>>) -> Made<ArrayRef> {
    let scaled = |value: Decimal| {
        let mut value = value;
        value.rescale(4);
        value.mantissa()
    };
    let array: Decimal128Array = values.map(|value| value.map(scaled)).collect();
    let array = array.with_precision_and_scale(18, 4)?;
    array.validate_decimal_precision(18)?;
    Ok(Arc::new(array))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::pretty::pretty_format_batches;

    const PROJECT: &str = r#"
[project]
name = "店"
zone = "Asia/Shanghai"
owner = "o@example.com"
[mail]
from = "c@example.com"
[table.visits]
merge = "by_day"
key = ["store"]
columns = { day = "day", store = "text" }
[campaign.d11]
name = { zh-CN = "双十一", en = "Singles" }
type = "d11"
starts = 2026-10-31
ends = 2026-11-11
plan = "12000.5"
[[campaign.d11.phase]]
id = "burst"
name = "爆发期"
starts = 2026-11-10
ends = 2026-11-11
"#;

    fn config() -> Config {
        crate::config::resolve(PROJECT, "chenbao.toml")
            .unwrap()
            .value
    }

    fn shown(name: &str) -> String {
        let tables = configured(&config(), &[name.to_owned()]).unwrap();
        pretty_format_batches(&[tables[0].1.clone()])
            .unwrap()
            .to_string()
    }

    #[test]
    fn campaigns_and_their_phases_are_rows() {
        let campaigns = shown(CAMPAIGNS);
        assert!(
            campaigns.contains("| d11 | d11  | 双十一 | 2026-10-31 | 2026-11-11 | 12000.5000 |"),
            "{campaigns}"
        );
        let phases = shown(PHASES);
        assert!(
            phases.contains("| d11         | burst | 爆发期 | 2026-11-10 | 2026-11-11 |"),
            "{phases}"
        );
    }

    #[test]
    fn a_name_that_nobody_declares_has_its_nearest() {
        let config = config();
        for known in ["orders", "visits", CAMPAIGNS, PHASES] {
            assert_eq!(unknown(&config, known), None);
        }
        let told = unknown(&config, "visit").unwrap();
        assert_eq!(told.hint.as_deref(), Some("did you mean `visits`?"));
    }
}
