//! Written becomes meant: each table is read once, every reference is looked up, and all problems come back at once.

use super::asked::Shape;
use super::disk::disk;
use super::fonts;
use super::host;
use super::keeping;
use super::mail::mail;
use super::meant::{
    Campaign, Config, MappingRef, Metric, Phase, Project, Role, Shop, Source, is_allowed,
};
use super::notices;
use super::report;
use super::secret::SecretRef;
use super::table;
use super::values::{
    currency, date, lang, mailbox, money, names, object, one_of, parsed, word, words, zone,
};
use super::written::{Read, Table, Value, Written};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest, Id, Sensitivity, Warned};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Reads a configuration. Relative paths in it start at the folder of `file`.
///
/// # Errors
/// Every problem of the text, each with its place and a hint.
pub fn resolve(text: &str, file: &str) -> Result<Warned<Config>, Problems> {
    let written = Written::new(file, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().unwrap_or(0..0);
        written.problem(
            &at,
            Diagnostic::error(format!("this is not TOML: {}", error.message().trim())),
        );
    }
    let problems = written.problems();
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let meant = read(written.root(root.get_ref()), text, file);
    let (errors, warnings): (Vec<_>, Vec<_>) = written
        .problems()
        .into_iter()
        .partition(Diagnostic::is_error);
    match meant {
        Some(value) if errors.is_empty() => Ok(Warned { value, warnings }),
        _ => Err(Problems(errors)),
    }
}

/// What references are looked up in: the names as written, so that one wrong table does not make others look wrong.
pub(super) struct Known {
    pub(super) shops: BTreeSet<String>,
    pub(super) roles: BTreeSet<String>,
    pub(super) metrics: BTreeSet<String>,
    pub(super) channels: BTreeSet<String>,
}

impl Known {
    fn of(root: &Table<'_>) -> Self {
        Self {
            shops: root.names("shop"),
            roles: root.names("role"),
            metrics: root.names("metric"),
            channels: root.names("channel"),
        }
    }
}

/// The parsed document as values; none if something needed is missing, and then that is a recorded problem.
fn read(root: Table<'_>, text: &str, file: &str) -> Option<Config> {
    let folder: PathBuf = Path::new(file).parent().unwrap_or(Path::new("")).into();
    let known = Known::of(&root);
    let plugins = super::plugins::plugins(root.section("plugins"), &folder);
    let templates = folder_of(&root, "templates", "templates", &folder);
    let fonts = fonts::fonts(root.section("fonts"), &folder);
    let archive = folder_of(&root, "archive", "archive", &folder);
    let lake = keeping::lake(root.section("lake"), &folder);
    let ledger = keeping::ledger(root.section("ledger"), &folder);
    let (disk, retention) = (disk(root.section("disk")), keeping::retention(&root));
    let mail = mail(root.section("mail"), &folder);
    let (allow, link) = notices::deliver(root.section("deliver"));
    let (notices, watchdog, channels) = notices::all(&root, &known.channels, &folder);
    let (log, serve) = host::all(&root);
    let project = project(root.section("project"), &allow);
    let shop = |id, table| shop(id, table, project.as_ref());
    let shops = collect(root.items("shop"), shop);
    let roles = collect(root.items("role"), role);
    let tables = collect(root.items("table"), table::table);
    let sources = collect(root.items("source"), |id, t| source(id, t, &known, &folder));
    let metrics = collect(root.items("metric"), metric);
    let campaigns = collect(root.items("campaign"), campaign);
    let base = report::Base {
        known: &known,
        project: project.as_ref(),
        shops: &shops,
        allow: &allow,
        folder: &folder,
    };
    let report = |id, table| report::report(id, table, &base);
    let reports = collect(root.items("report"), report);
    root.end();
    Some(Config {
        file: file.to_owned(),
        folder,
        digest: Digest::of(text),
        project: project?,
        plugins,
        templates,
        fonts,
        lake,
        archive,
        ledger: ledger?,
        disk,
        retention,
        mail: mail?,
        notices,
        log,
        serve,
        watchdog,
        channels,
        link,
        allow,
        shops,
        roles,
        tables: tables.into_values().collect(),
        sources,
        metrics,
        campaigns,
        reports,
    })
}

pub(super) fn collect<'a, T>(
    items: Vec<(Id, Table<'a>)>,
    mut read: impl FnMut(Id, Table<'a>) -> Option<T>,
) -> BTreeMap<Id, T> {
    items
        .into_iter()
        .filter_map(|(id, table)| read(id.clone(), table).map(|item| (id, item)))
        .collect()
}

pub(super) fn path(value: &Value<'_>, folder: &Path) -> Read<PathBuf> {
    words(value).map(|text| folder.join(text))
}

/// The `dir` of a section that has nothing else.
fn folder_of(root: &Table<'_>, section: &'static str, default: &str, folder: &Path) -> PathBuf {
    let table = root.section(section);
    let dir = table
        .read("dir", |v| path(v, folder))
        .unwrap_or_else(|| folder.join(default));
    table.end();
    dir
}

fn project(table: Table<'_>, allow: &[String]) -> Option<Project> {
    let name = table.need("name", "\"青禾女装\"", words);
    let zone = table.need("zone", "\"Asia/Shanghai\"", zone);
    let currency = table
        .read("currency", currency)
        .unwrap_or_else(|| "CNY".to_owned());
    let lang = table
        .read("lang", lang)
        .unwrap_or_else(|| "zh-CN".to_owned());
    let owner = table.need("owner", "\"owner@example.com\"", |v| {
        mailbox(v).and_then(|owner| match is_allowed(&owner.address, allow) {
            true => Ok(owner),
            false => Err(Diagnostic::error(format!(
                "the owner {} is outside deliver.allow, and would hear of no trouble",
                owner.address
            ))
            .hint("add the domain to deliver.allow")),
        })
    });
    table.end();
    Some(Project {
        name: name?,
        zone: zone?,
        currency,
        lang,
        owner: owner?,
    })
}

pub(super) fn secret(value: &Value<'_>, folder: &Path) -> Read<SecretRef> {
    SecretRef::parse(value.text()?, folder).map_err(|why| {
        Diagnostic::error(why)
            .hint("write env:NAME for an environment variable or file:PATH for a file")
    })
}

fn shop(id: Id, table: Table<'_>, project: Option<&Project>) -> Option<Shop> {
    let name = table.need("name", "\"旗舰店\"", names);
    let platform = table.need("platform", "\"douyin\"", parsed);
    let zone = table
        .read("zone", zone)
        .or_else(|| project.map(|project| project.zone.clone()));
    let currency = table
        .read("currency", currency)
        .or_else(|| project.map(|project| project.currency.clone()));
    table.end();
    Some(Shop {
        id,
        name: name?,
        platform: platform?,
        zone: zone?,
        currency: currency?,
    })
}

fn role(id: Id, table: Table<'_>) -> Option<Role> {
    let labels = [
        ("cost", Sensitivity::Cost),
        ("finance", Sensitivity::Finance),
        ("personal", Sensitivity::Personal),
    ];
    let name = table.need("name", "\"管理层\"", names);
    let shows = table
        .read("shows", |v| v.each(|v| word(v, &labels)))
        .unwrap_or_default();
    table.end();
    Some(Role {
        id,
        name: name?,
        shows: shows.into_iter().collect(),
    })
}

fn source(id: Id, table: Table<'_>, known: &Known, folder: &Path) -> Option<Source> {
    let place = table.place();
    let plugin = table.need("plugin", "\"files\"", parsed);
    let shop = table.need("shop", "\"flagship\"", |v| one_of(v, "shop", &known.shops));
    let mappings = table.need("mapping", "\"doudian-orders\"", |v| match v.list() {
        Ok(_) => v.each(|v| mapping(v, folder)),
        Err(_) => mapping(v, folder).map(|mapping| vec![mapping]),
    });
    let raw = table.read("raw", words);
    if raw.is_some()
        && mappings
            .as_ref()
            .is_some_and(|mappings| mappings.len() != 1)
    {
        let problem = Diagnostic::error(format!("`source.{id}.raw` goes with one mapping only"));
        table.problem(problem.hint("make a source of its own for each raw table"));
    }
    let required = table.read("required", |v| v.boolean()).unwrap_or(true);
    let secrets = table.section("secrets").entries();
    let secrets = secrets.iter().filter_map(|(name, v)| {
        v.told(secret(v, folder))
            .map(|secret| (name.clone(), secret))
    });
    let secrets = secrets.collect();
    let with = options(&table.section("with"));
    table.end();
    Some(Source {
        id,
        place,
        plugin: plugin?,
        shop: shop?,
        mappings: mappings?,
        raw,
        required,
        secrets,
        with: with?,
    })
}

fn mapping(value: &Value<'_>, folder: &Path) -> Read<MappingRef> {
    let text = words(value)?;
    Ok(if text.ends_with(".toml") {
        MappingRef::File(folder.join(text))
    } else {
        MappingRef::Preset(text)
    })
}

/// A plugin's own options. A secret among them is refused: those go to `secrets`.
fn options(table: &Table<'_>) -> Option<serde_json::Map<String, serde_json::Value>> {
    const SECRET: [&str; 7] = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "app_secret",
        "access_token",
    ];
    let entries = table.entries();
    for (name, value) in &entries {
        if SECRET.contains(&name.to_ascii_lowercase().as_str()) {
            let problem = Diagnostic::error(format!("`{name}` looks like a secret in clear"));
            value.problem(problem.hint(format!(
                "write secrets = {{ {name} = \"env:NAME\" }} beside `with`"
            )));
        }
    }
    match object(&entries) {
        Ok(object) => Some(object),
        Err(problem) => {
            table.problem(problem);
            None
        }
    }
}

fn metric(id: Id, table: Table<'_>) -> Option<Metric> {
    let place = table.place();
    let plugin = table.need("plugin", "\"sales\"", parsed);
    let with = options(&table.section("with"));
    let from = table.section("from").entries();
    let from = from
        .iter()
        .filter_map(|(input, v)| v.told(parsed(v)).map(|alias| (input.clone(), alias)));
    let from = from.collect();
    table.end();
    Some(Metric {
        id,
        place,
        plugin: plugin?,
        with: with?,
        from,
    })
}

fn campaign(id: Id, table: Table<'_>) -> Option<Campaign> {
    let name = table.need("name", "\"双十一\"", names);
    let kind = table.need("type", "\"d11\"", parsed);
    let starts = table.need("starts", "2026-10-31", date);
    let ends = table.need("ends", "2026-11-11", date);
    let plan = table.read("plan", money);
    let phases = table
        .read("phase", |v| v.each(|v| v.table().map(phase)))
        .unwrap_or_default();
    let mut phases: Vec<Phase> = phases.into_iter().flatten().collect();
    if starts.zip(ends).is_some_and(|(starts, ends)| ends < starts) {
        let problem = Diagnostic::error(format!("the campaign `{id}` ends before it starts"));
        table.problem(problem.hint("`ends` is its last day"));
    }
    phases.sort_by_key(|phase| phase.starts);
    for (phase, next) in phases
        .iter()
        .zip(phases.iter().skip(1))
        .filter(|(phase, next)| next.starts <= phase.ends)
    {
        let problem = Diagnostic::error(format!(
            "the phases `{}` and `{}` share days",
            phase.id, next.id
        ));
        table.problem(
            problem.hint("`ends` is the last day of a phase; the next starts on the day after"),
        );
    }
    for phase in &phases {
        let inside = starts.is_none_or(|starts| starts <= phase.starts)
            && ends.is_none_or(|ends| phase.ends <= ends);
        if !inside || phase.ends < phase.starts {
            let problem = Diagnostic::error(format!(
                "the phase `{}` does not lie within its campaign",
                phase.id
            ));
            table
                .problem(problem.hint(
                    "every phase starts and ends between the campaign's `starts` and `ends`",
                ));
        }
    }
    table.end();
    Some(Campaign {
        id,
        name: name?,
        kind: kind?,
        starts: starts?,
        ends: ends?,
        phases,
        plan,
    })
}

fn phase(table: Table<'_>) -> Option<Phase> {
    let id = table.need("id", "\"burst\"", parsed);
    let name = table.need("name", "\"爆发期\"", names);
    let starts = table.need("starts", "2026-11-10", date);
    let ends = table.need("ends", "2026-11-11", date);
    let plan = table.read("plan", money);
    table.end();
    Some(Phase {
        id: id?,
        name: name?,
        starts: starts?,
        ends: ends?,
        plan,
    })
}

/// What the readers of a text asked for.
pub(super) fn asked(text: &str) -> BTreeMap<String, Shape> {
    let written = Written::new("chenbao.toml", text);
    let (root, _) = DeTable::parse_recoverable(text);
    read(written.root(root.get_ref()), text, "chenbao.toml");
    written.shapes()
}
