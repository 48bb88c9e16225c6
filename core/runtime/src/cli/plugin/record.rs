//! `chenbao plugin record`: a slice of the lake as a case of a plugin.

use super::args::RecordArgs;
use crate::authoring::bench;
use crate::authoring::record::{self, Recorded, Wanted};
use crate::cli::print::{self, Voice};
use crate::cli::{Answer, Ended, exe};
use crate::collect;
use crate::plugin::descriptor::{ComponentKind, Descriptor};
use crate::project::Project;
use crate::storage;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id, Period};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) async fn record(project: &Project, args: &RecordArgs, voice: Voice) -> Answer {
    let on_bench = bench::open(&args.path, None, &exe()?)?;
    let descriptor = &on_bench.component.descriptor;
    let folder = match (&on_bench.folder, descriptor.kind) {
        (Some(folder), ComponentKind::Metric) => folder,
        _ => {
            return Err(
                Diagnostic::error("only a metric's folder has cases of a lake")
                    .in_file(args.path.display().to_string())
                    .hint("a source's case is its own files, in cases/<name>/")
                    .into(),
            );
        }
    };
    args.case.parse::<Id>().map_err(|why| {
        Diagnostic::error(format!("a case cannot be called `{}`: {why}", args.case))
    })?;
    let case = folder.join("cases").join(&args.case);
    if case.exists() {
        return Err(Diagnostic::error("there is such a case already")
            .in_file(case.display().to_string())
            .hint("take another --case, or remove it: `plugin record` overwrites nothing")
            .into());
    }
    let period = match args.period {
        Some(period) => period,
        None => yesterday(project)?,
    };
    let shops = shops(project, &args.shops)?;
    let tables: BTreeSet<String> = descriptor
        .inputs
        .iter()
        .flat_map(|input| input.tables.iter().cloned())
        .collect();
    let snapshot = collect::pin(project, &tables, &shops.iter().cloned().collect()).await?;
    let wanted = Wanted {
        period,
        shops: &shops,
        most: args.rows,
        mask: &args.mask,
        keep: &args.keep,
    };
    let recorded = record::tables(project, &snapshot, &descriptor.inputs, &wanted).await?;
    write(
        &case,
        &recorded,
        &about(project, descriptor, &recorded, (period, &shops))?,
    )?;
    say(&case, &recorded, voice);
    voice.tell(&chained(descriptor));
    voice.say(format!(
        "\nNext, and read what it writes:\n  UPDATE=1 chenbao plugin test {} --include case:{}",
        args.path.display(),
        args.case
    ));
    Ok(Ended::Done)
}

fn yesterday(project: &Project) -> Result<Period, Problems> {
    let zone = project.config.project.zone.clone();
    let today = project.clock.now().to_zoned(zone).date();
    let day = today.yesterday().map_err(|e| e.to_string());
    day.and_then(Period::day)
        .map_err(|why| Diagnostic::error(why).into())
}

/// The shops that were named, else all.
fn shops(project: &Project, named: &[Id]) -> Result<Vec<Id>, Problems> {
    let known = &project.config.shops;
    let strange = named.iter().filter(|shop| !known.contains_key(*shop));
    let strange: Vec<Diagnostic> = strange
        .map(|shop| {
            let all: Vec<&str> = known.keys().map(Id::as_str).collect();
            Diagnostic::error(format!("there is no shop `{shop}`"))
                .hint(format!("there is {}", all.join(", ")))
        })
        .collect();
    match (strange.is_empty(), named.is_empty()) {
        (false, _) => Err(Problems(strange)),
        (true, true) => Ok(known.keys().cloned().collect()),
        (true, false) => Ok(named.to_vec()),
    }
}

/// The case's own file: the call as this project would make it.
fn about(
    project: &Project,
    descriptor: &Descriptor,
    recorded: &[Recorded],
    (period, shops): (Period, &[Id]),
) -> Result<String, Problems> {
    let config = &project.config.project;
    let zone = config
        .zone
        .iana_name()
        .unwrap_or("Asia/Shanghai")
        .to_owned();
    let morning = period.end().at(9, 0, 0, 0);
    let as_of = config
        .zone
        .to_zoned(morning)
        .map_err(|e| Diagnostic::error(e.to_string()))?;
    let mut call = toml::Table::new();
    call.insert("period".to_owned(), period.to_string().into());
    let as_of = as_of.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    call.insert("as_of".to_owned(), as_of.into());
    call.insert("zone".to_owned(), zone.into());
    call.insert("currency".to_owned(), config.currency.to_string().into());
    let shops: Vec<toml::Value> = shops.iter().map(|shop| shop.to_string().into()).collect();
    call.insert("shops".to_owned(), shops.into());
    let own: BTreeMap<&String, _> = recorded
        .iter()
        .filter_map(|one| Some((&one.table, one.own.as_ref()?)))
        .collect();
    if !own.is_empty() {
        let own = toml::Value::try_from(own)
            .map_err(|e| Diagnostic::error(format!("the team's own tables: {e}")))?;
        call.insert("tables".to_owned(), own);
    }
    let metrics = project.config.metrics.values();
    let mut own = metrics.filter(|metric| metric.plugin.as_str() == descriptor.id);
    if let Some(metric) = own.next() {
        let with = toml::Value::try_from(&metric.with)
            .map_err(|e| Diagnostic::error(format!("`with` of `{}`: {e}", metric.id)))?;
        call.insert("with".to_owned(), with);
    }
    Ok(format!(
        "# Recorded by `chenbao plugin record`: rows of a lake, with other names in place of what leads to a person.\n{call}"
    ))
}

fn write(case: &Path, recorded: &[Recorded], about: &str) -> Result<(), Problems> {
    let tables = case.join("tables");
    std::fs::create_dir_all(&tables)
        .map_err(|e| storage::refused("the case's folder", &tables, &e))?;
    let file = |path: &Path, bytes: &[u8]| {
        storage::create(path, bytes).map_err(|e| storage::refused("the case", path, &e))
    };
    for one in recorded {
        file(&tables.join(format!("{}.csv", one.table)), &one.csv)?;
    }
    file(&case.join("case.toml"), about.as_bytes())?;
    Ok(())
}

fn say(case: &Path, recorded: &[Recorded], voice: Voice) {
    let row = |one: &Recorded| {
        let masked = match one.masked.is_empty() {
            true => "none".to_owned(),
            false => one.masked.join(", "),
        };
        let rows = match one.rows == one.of {
            true => one.rows.to_string(),
            false => format!("{} of {}", one.rows, one.of),
        };
        vec![one.table.clone(), rows, masked]
    };
    let rows: Vec<Vec<String>> = recorded.iter().map(row).collect();
    voice.say(print::table(&["table", "rows", "other names for"], &rows));
    voice.say(format!("wrote {}", case.display()));
    let tables: Vec<serde_json::Value> = recorded
        .iter()
        .map(
            |one| json!({"table": one.table, "rows": one.rows, "of": one.of, "masked": one.masked}),
        )
        .collect();
    voice.answer(&json!({"case": case, "tables": tables}));
}

/// Inputs that no table of a lake holds.
fn chained(descriptor: &Descriptor) -> Vec<Diagnostic> {
    let inputs = descriptor.inputs.iter();
    inputs
        .filter_map(|input| Some((input, input.from.as_ref()?)))
        .map(|(input, from)| {
            Diagnostic::warning(format!(
                "the input `{}` is the answer of the metric `{}`: it is not in the lake",
                input.name, from.metric
            ))
            .hint("write its rows into the case's inputs.json")
        })
        .collect()
}
