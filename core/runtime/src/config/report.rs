//! Reports, their schedules and audiences: the part of the configuration where everything else is referred to.

use super::attach::{Attachment, attachments};
use super::meant::{Audience, Mailbox, Project, Report, Shop, is_allowed};
use super::notices::NOTICES;
use super::resolve::{Known, path};
use super::schedule::schedule;
use super::values::{lang, mailbox, names, one_of, parsed};
use super::written::{Read, Table, Value};
use chenbao_model::{Diagnostic, Id};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What reports refer to.
pub(super) struct Base<'a> {
    pub(super) known: &'a Known,
    pub(super) project: Option<&'a Project>,
    pub(super) shops: &'a BTreeMap<Id, Shop>,
    pub(super) allow: &'a [String],
    /// Folder of the configuration.
    pub(super) folder: &'a Path,
}

pub(super) fn report(id: Id, table: Table<'_>, base: &Base<'_>) -> Option<Report> {
    let place = table.place();
    if id.as_str() == NOTICES {
        let problem = Diagnostic::error(format!("a report cannot be called `{id}`"));
        table.problem(
            problem.hint("under that word `history` has what the owner is told; take another"),
        );
    }
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
    let schedule = scheduled.and_then(|section| schedule(&id, section, base.project));
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
pub(super) fn unique<'a, T: Ord + Clone + std::fmt::Display>(
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
    let revisions = table.read("revisions", |v| v.boolean()).unwrap_or(true);
    let robots = table
        .read("robots", |v| {
            unique(v, |v| one_of(v, "channel", &base.known.channels))
        })
        .unwrap_or_default();
    let folder = table.read("folder", |v| path(v, base.folder));
    let attach = table
        .read("attach", attachments)
        .unwrap_or_else(|| vec![Attachment::Pdf]);
    if let Some(shops) = &shops {
        one_kind(&table, shops, base.shops);
    }
    if to.is_empty() && robots.is_empty() && folder.is_none() {
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
        revisions,
        robots,
        folder,
        attach,
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
        if !is_allowed(&mailbox.address, allow) {
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
