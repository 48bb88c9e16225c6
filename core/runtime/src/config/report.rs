//! Reports, their schedules and audiences: the part of the configuration where everything else is referred to.

use super::meant::{Audience, Mailbox, PeriodRule, Project, Report, Schedule, Shop, When};
use super::resolve::Known;
use super::values::{clock_time, lang, mailbox, names, one_of, parsed, time, word, words, zone};
use super::written::{Read, Table, Value};
use crate::cron::Pattern;
use crate::policy::Misfire;
use chenbao_model::{Diagnostic, Id};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What reports refer to.
pub(super) struct Base<'a> {
    pub(super) known: &'a Known,
    pub(super) project: Option<&'a Project>,
    pub(super) shops: &'a BTreeMap<Id, Shop>,
    pub(super) allow: &'a [String],
}

/// How many times of a pattern are looked at when its other times are checked.
const LOOK: usize = 50;

pub(super) fn report(id: Id, table: Table<'_>, base: &Base<'_>) -> Option<Report> {
    let place = table.place();
    let name = table.read("name", names);
    let template = table.need("template", "\"daily\"", |v| {
        parsed::<Id>(v).map(|id| id.to_string())
    });
    let metrics = table.need("metrics", "[\"sales\"]", |v| {
        unique(v, |v| one_of(v, "metric", &base.known.metrics))
    });
    let lang = table
        .read("lang", lang)
        .or_else(|| base.project.map(|project| project.lang.clone()));
    let owner = table.read("owner", mailbox);
    let scheduled = table.maybe_section("schedule");
    let planned = scheduled.is_some();
    let schedule = scheduled.and_then(|section| schedule(section, base));
    let audiences = table.items("audience");
    if audiences.is_empty() {
        let example = format!("[report.{id}.audience.boss]");
        table.problem(
            Diagnostic::error(format!("the report `{id}` has no audience"))
                .hint(format!("write a table {example}")),
        );
    }
    let mut read = BTreeMap::new();
    for (name, section) in audiences {
        if let Some(audience) = audience(name.clone(), section, base, lang.as_deref()) {
            read.insert(name, audience);
        }
    }
    table.end();
    Some(Report {
        id,
        place,
        name,
        template: template?,
        metrics: metrics?,
        lang: lang?,
        schedule: if planned { Some(schedule?) } else { None },
        owner,
        audiences: read,
    })
}

/// A list of something, in which nothing stands twice.
fn unique<'a, T: Ord + Clone + std::fmt::Display>(
    value: &Value<'a>,
    read: impl Fn(&Value<'a>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    let members = value.list()?;
    if members.is_empty() {
        return Err(Diagnostic::error("the list is empty")
            .hint("write at least one, or leave out the table around it"));
    }
    for member in members {
        let Some(item) = member.told(read(&member)) else {
            continue;
        };
        if seen.insert(item.clone()) {
            list.push(item);
        } else {
            member.problem(
                Diagnostic::error(format!("`{item}` stands in the list twice"))
                    .hint("leave one of them out"),
            );
        }
    }
    Ok(list)
}

fn audience(
    id: Id,
    table: Table<'_>,
    base: &Base<'_>,
    report_lang: Option<&str>,
) -> Option<Audience> {
    let role = table.need("role", "\"management\"", |v| {
        one_of(v, "role", &base.known.roles)
    });
    let shops = table.need("shops", "[\"flagship\"]", |v| {
        unique(v, |v| one_of(v, "shop", &base.known.shops))
    });
    let lang = table
        .read("lang", lang)
        .or_else(|| report_lang.map(str::to_owned));
    let to = table
        .read("to", |v| recipients(v, base.allow))
        .unwrap_or_default();
    if let Some(shops) = &shops {
        one_kind(&table, shops, base.shops);
    }
    if to.is_empty() {
        let problem = Diagnostic::warning(format!("the audience `{id}` has no recipients"));
        table.problem(problem.hint(
            "write to = [\"boss@example.com\"]; until then its report is made and mailed to nobody",
        ));
    }
    table.end();
    let mut shops = shops?;
    shops.sort();
    Some(Audience {
        id,
        role: role?,
        shops,
        lang: lang?,
        to,
    })
}

fn recipients(value: &Value<'_>, allow: &[String]) -> Read<Vec<Mailbox>> {
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for member in value.list()? {
        let Some(mailbox) = member.told(mailbox(&member)) else {
            continue;
        };
        let domain = mailbox
            .address
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
            .to_ascii_lowercase();
        if !allow.is_empty() && !allow.contains(&domain) {
            let problem =
                Diagnostic::error(format!("`deliver.allow` does not let mail go to {domain}"));
            member.problem(problem.hint(format!(
                "add \"{domain}\" to deliver.allow, or correct the address"
            )));
        } else if seen.insert(mailbox.address.to_ascii_lowercase()) {
            list.push(mailbox);
        } else {
            let problem =
                Diagnostic::error(format!("{} stands in the list twice", mailbox.address));
            member.problem(problem.hint("leave one of them out"));
        }
    }
    Ok(list)
}

/// Figures of one page add up only in one currency and over the same days.
fn one_kind(table: &Table<'_>, ids: &[Id], shops: &BTreeMap<Id, Shop>) {
    let seen: Vec<&Shop> = ids.iter().filter_map(|id| shops.get(id)).collect();
    for other in seen.iter().skip(1) {
        let first = seen[0];
        let both = format!("the shops `{}` and `{}`", first.id, other.id);
        if first.currency != other.currency {
            let problem = Diagnostic::error(format!(
                "{both} sell in {} and {}",
                first.currency, other.currency
            ));
            table
                .problem(problem.hint(
                    "make an audience for each currency: money of two currencies has no sum",
                ));
        }
        if first.zone != other.zone {
            let problem = Diagnostic::error(format!("{both} keep different time zones"));
            table.problem(
                problem.hint("make an audience for each zone: their days do not begin together"),
            );
        }
    }
}

fn schedule(table: Table<'_>, base: &Base<'_>) -> Option<Schedule> {
    let rules = [
        ("yesterday", PeriodRule::Yesterday),
        ("last_week", PeriodRule::LastWeek),
        ("last_month", PeriodRule::LastMonth),
        ("since_last", PeriodRule::SinceLast),
        ("campaign", PeriodRule::Campaign),
    ];
    let period = table
        .read("period", |v| word(v, &rules))
        .unwrap_or(PeriodRule::Yesterday);
    let campaign = period == PeriodRule::Campaign;
    let zone = table
        .read("zone", zone)
        .or_else(|| base.project.map(|project| project.zone.clone()));
    let start = table.read("start", time);
    let data_deadline = table.read("data_deadline", time);
    let misfire = table.read("misfire", parsed).unwrap_or(Misfire::Latest);
    let workdays_only = table
        .read("workdays_only", |v| v.boolean())
        .unwrap_or(false);
    let editions = table.value("editions");
    let deliver = if campaign {
        let editions =
            editions.map_or_else(|| Some(vec![1]), |value| value.told(editions_of(&value)));
        let at = table.need("deliver", "\"08:00\"", campaign_time);
        editions
            .zip(at)
            .map(|(editions, at)| When::Campaign { at, editions })
    } else {
        if let Some(value) = editions {
            let problem = Diagnostic::error("`editions` belongs to campaign reports");
            value.problem(problem.hint("write period = \"campaign\", or leave editions out"));
        }
        table
            .need("deliver", "\"0 8 * * *\"", pattern)
            .map(When::Cron)
    };
    if campaign && workdays_only {
        let problem = Diagnostic::error("`workdays_only` does not go with campaigns");
        table.problem(
            problem.hint(
                "campaign reports are due so many days after the end, on whatever day that is",
            ),
        );
    }
    let schedule = Schedule {
        deliver: deliver?,
        zone: zone?,
        start,
        data_deadline,
        misfire,
        period,
        workdays_only,
    };
    in_order(&table, &schedule);
    table.end();
    Some(schedule)
}

fn pattern(value: &Value<'_>) -> Read<Pattern> {
    parsed(value).map_err(|problem| {
        problem
            .hint("write minute, hour, day, month and weekday: \"0 8 * * *\" is every day at 08:00")
    })
}

fn campaign_time(value: &Value<'_>) -> Read<jiff::civil::Time> {
    let text = words(value)?;
    clock_time(&text).ok_or_else(|| {
        Diagnostic::error(format!(
            "a campaign report is delivered at a time of day, not at `{text}`"
        ))
        .hint("write deliver = \"08:00\" and editions = [\"D+1\", \"D+7\"]")
    })
}

fn editions_of(value: &Value<'_>) -> Read<Vec<u16>> {
    let mut days = unique(value, |member| {
        let text = member.text()?;
        let days = text
            .strip_prefix("D+")
            .and_then(|days| days.parse::<u16>().ok())
            .filter(|days| *days > 0);
        days.ok_or_else(|| {
            Diagnostic::error(format!("`{text}` is not an edition")).hint(
                "write \"D+1\" for the day after the campaign's last day, \"D+7\" a week after it",
            )
        })
    })?;
    days.sort_unstable();
    Ok(days)
}

/// `start`, `data_deadline` and delivery follow each other on the day of delivery.
fn in_order(table: &Table<'_>, schedule: &Schedule) {
    let mut deliveries = match &schedule.deliver {
        When::Campaign { at, .. } => vec![*at],
        When::Cron(pattern) => {
            let times = pattern.after(Timestamp::UNIX_EPOCH, &jiff::tz::TimeZone::UTC);
            times.take(LOOK).map(|at| at.time()).collect()
        }
    };
    deliveries.sort_unstable();
    deliveries.dedup();
    if deliveries.len() > 1 && (schedule.start.is_some() || schedule.data_deadline.is_some()) {
        let problem = Diagnostic::error(
            "`start` and `data_deadline` are times of one delivery a day, and there are several",
        );
        table.problem(
            problem.hint("leave both out: they are then 80 and 20 minutes before each delivery"),
        );
        return;
    }
    let Some(first) = deliveries.first() else {
        return;
    };
    let named = [
        ("start", schedule.start),
        ("data_deadline", schedule.data_deadline),
    ];
    for (key, time) in named {
        if let Some(time) = time.filter(|time| time > first) {
            let problem = Diagnostic::error(format!(
                "`{key}` at {} comes after delivery at {}",
                time.strftime("%H:%M"),
                first.strftime("%H:%M")
            ));
            table.problem(
                problem.hint("start, data_deadline and deliver follow each other on one day"),
            );
        }
    }
    if let (Some(start), Some(deadline)) = (schedule.start, schedule.data_deadline)
        && start > deadline
    {
        let problem = Diagnostic::error("`start` comes after `data_deadline`");
        table.problem(problem.hint(
            "collecting begins at start, and the report is made at data_deadline at the latest",
        ));
    }
}
