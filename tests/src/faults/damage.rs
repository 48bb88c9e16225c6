//! Files of the lake and the archive that are cut short, changed or gone: found by their digests before anything is read from them, said by
//! name, and made again from the raw tables, or from the source where those are damaged too. The figures stay what they were.

use super::disk::{Line, files};
use super::reader::{looker, rows, whole};
use crate::orders::{export, line};
use crate::project::Project;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It ends early.
    Cut,
    /// One bit is another.
    Flipped,
    /// It is gone.
    Gone,
}

const HARMS: [Harm; 3] = [Harm::Cut, Harm::Flipped, Harm::Gone];

/// A project whose orders are in the lake.
struct Shop {
    project: Project,
    results: Value,
}

impl Shop {
    fn open() -> Result<Self, String> {
        let project =
            Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T07:00:00+08:00");
        let lines: Vec<_> = (0..40)
            .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
            .collect();
        project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
        let mut shop = Self {
            project,
            results: Value::Null,
        };
        shop.results = shop.results()?.0;
        Ok(shop)
    }

    /// The figures of the daily report, and what was said.
    fn results(&self) -> Result<(Value, String), String> {
        let run = self.project.run(&["run", "daily", "--results", "--json"]);
        let answer: Value =
            serde_json::from_str(&run.stdout).map_err(|e| format!("{e}: {}", run.stderr))?;
        Ok((answer["results"].clone(), run.stderr))
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.project.path().join(folder))
    }

    /// Harms a table's file, and every raw table if `deep`; the figures must come out the same.
    fn survives(&self, file: &Path, harm: Harm, deep: Option<Harm>) -> Result<(), String> {
        inflict(file, harm)?;
        if let Some(harm) = deep {
            for raw in self.files("lake/raw") {
                inflict(&raw, harm)?;
            }
        }
        let (results, said) = self.results()?;
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let how = if deep.is_some() {
            "collected again from its source"
        } else {
            "made again from the raw tables"
        };
        let context = format!("{harm:?} {name}, raw tables {deep:?}: {said}");
        if !said.contains(&name) || !said.contains(how) {
            return Err(format!("not said: {context}"));
        }
        if results != self.results {
            return Err(format!(
                "other figures: {context}\n{results}\n{}",
                self.results
            ));
        }
        let root: &Path = self.project.path();
        // A raw table that was harmed and not read again stays as it is: nothing reads it unseen.
        let looked = match deep {
            None => whole(looker(&root.join("ledger.sqlite"), &[root.as_ref()])).map(drop),
            Some(_) => Ok(()),
        };
        looked.map_err(|why| format!("{why}: {context}"))
    }
}

fn inflict(file: &Path, harm: Harm) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", file.display());
    let mut bytes = std::fs::read(file).map_err(told)?;
    match harm {
        Harm::Gone => return std::fs::remove_file(file).map_err(told),
        Harm::Cut => bytes.truncate(bytes.len() / 2),
        Harm::Flipped => {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 4;
            }
        }
    }
    std::fs::write(file, bytes).map_err(told)
}

/// So many files, each harmed at random, in projects of their own by tens.
///
/// # Errors
/// A figure changed, or damage was not said.
pub fn trial(count: u64, seed: u64) -> Line {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut shop = Shop::open()?;
    for round in 0..count {
        if round % 10 == 9 {
            shop = Shop::open()?;
        }
        let tables = shop.files("lake/tables");
        let file = random.choice(&tables).ok_or("the lake is empty")?;
        let harm = *random.choice(&HARMS).unwrap_or(&Harm::Cut);
        let deep = random
            .choice([
                None,
                None,
                Some(Harm::Cut),
                Some(Harm::Flipped),
                Some(Harm::Gone),
            ])
            .flatten();
        shop.survives(file, harm, deep)
            .map_err(|why| format!("round {round}: {why}"))?;
    }
    Ok(format!(
        "{count} damaged files of the lake: each found before it was read, said and made again; every figure as before"
    ))
}

/// One file of each kind of harm.
///
/// # Errors
/// As [`trial`].
pub fn each() -> Line {
    let shop = Shop::open()?;
    let tables = shop.files("lake/tables");
    for (file, harm) in tables.iter().zip(HARMS) {
        shop.survives(file, harm, None)?;
    }
    let last = tables.last().ok_or("the lake is empty")?;
    shop.survives(last, Harm::Flipped, Some(Harm::Cut))?;
    Ok(format!("{} damaged files made again", HARMS.len() + 1))
}

/// Where neither a raw table nor an export is left, the day is missing and said to be.
///
/// # Errors
/// It was not said, or the report claims to be whole.
pub fn lost() -> Line {
    let shop = Shop::open()?;
    for folder in ["exports/orders", "lake/raw"] {
        for file in shop.files(folder) {
            inflict(&file, Harm::Gone)?;
        }
    }
    let tables = shop.files("lake/tables/orders");
    let file = tables
        .iter()
        .find(|path| path.to_string_lossy().contains("2026-11-21"))
        .ok_or("no file of that day")?;
    inflict(file, Harm::Cut)?;
    let run = shop.project.run(&["run", "daily"]).exits(3).says(&[
        "its rows are lost until its source brings them again",
        "2026-11-21",
    ]);
    Ok(run.stderr)
}

/// A message that waits for 08:00 while the archive loses its body: made again with the same bytes, sent once, and said.
///
/// # Errors
/// It did not come, or has other bytes.
pub fn message() -> Line {
    let project = Shop::open()?.project;
    let look = |time: &str| {
        let mut command = project.command(&["serve", "--once", "--json"]);
        command.env("CHENBAO_NOW", format!("2026-11-22T{time}:00+08:00"));
        let out = command.output().map_err(|e| e.to_string())?;
        Ok::<_, String>(String::from_utf8_lossy(&out.stderr).into_owned())
    };
    look("06:30")?;
    look("06:45")?;
    let ledger = project.path().join("ledger.sqlite");
    let rows = rows(
        &ledger,
        "SELECT pieces FROM deliveries WHERE recipient = 'boss@example.com'",
    )?;
    let pieces = rows
        .first()
        .and_then(|row| row.first()?.as_str())
        .ok_or("nothing is queued")?;
    let pieces: Value = serde_json::from_str(pieces).map_err(|e| e.to_string())?;
    let digest = pieces[1]["digest"]
        .as_str()
        .ok_or("the body is not in the archive")?;
    let first: String = digest.chars().take(2).collect();
    let body = project.path().join("archive").join(first).join(digest);
    let before = std::fs::read(&body).map_err(|e| e.to_string())?;
    inflict(&body, Harm::Flipped)?;
    let said = look("08:00")?;
    let mails: Vec<String> = project
        .files("outbox")
        .into_iter()
        .filter(|name| name.contains("boss@"))
        .collect();
    let [mail] = mails.as_slice() else {
        return Err(format!("{mails:?}: {said}"));
    };
    let whole = std::fs::read(project.path().join(mail)).map_err(|e| e.to_string())?;
    if !whole.ends_with(&before) || !said.contains("made again from its snapshot") {
        return Err(format!("other bytes, or not said: {said}"));
    }
    Ok(
        "a message whose archived body was changed: made again with the same bytes and sent once"
            .to_owned(),
    )
}
