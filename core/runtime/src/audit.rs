//! Audit: whether ledger, lake and archive still agree, and the catalogue made again from the lake where it was lost.

use crate::ledger::{Catalogue, Named};
use crate::project::Project;
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// How closely files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// They are there and have their size.
    Quick,
    /// Their content has its digest.
    Deep,
}

/// What an audit looked at, and what it found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Version of the ledger's schema.
    pub schema: i64,
    /// Revisions in the catalogue.
    pub revisions: usize,
    /// Raw tables that collections name.
    pub raw: usize,
    /// Archived files that deliveries, results and runs name.
    pub archived: usize,
    /// Everything that is wrong or odd.
    pub problems: Vec<Diagnostic>,
}

/// Compares the ledger with the files that it names; all problems at once. `progress` hears how many files are done, of how many.
///
/// # Errors
/// The ledger does not answer.
pub async fn audit(
    project: &Project,
    depth: Depth,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Audit, Problems> {
    let ledger = &project.ledger;
    let revisions = ledger.revisions().await?;
    let raw = ledger.raw_tables().await?;
    let archived = ledger.archived().await?;
    let mut audit = Audit {
        schema: ledger.schema().await?,
        revisions: revisions.len(),
        raw: raw.len(),
        archived: archived.len(),
        problems: rows(project).await?,
    };
    audit.problems.extend(bases(&revisions));
    let total = revisions.len() + raw.len() + archived.len();
    let wanted = wanted(project, &revisions, &raw, &archived);
    let files = || {
        let mut problems = Vec::new();
        for (done, file) in wanted.iter().enumerate() {
            progress(done, total);
            problems.extend(file.problem(depth));
        }
        problems.extend(strays(project, &revisions));
        problems
    };
    audit.problems.extend(tokio::task::block_in_place(files));
    Ok(audit)
}

/// A file that the ledger names.
struct Wanted {
    path: PathBuf,
    digest: Digest,
    bytes: Option<u64>,
    what: String,
    hint: &'static str,
}

impl Wanted {
    fn problem(&self, depth: Depth) -> Option<Diagnostic> {
        let found = match std::fs::metadata(&self.path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Some("is gone".to_owned()),
            Err(why) => Some(format!("cannot be read: {why}")),
            Ok(about) => match self.bytes {
                Some(bytes) if bytes != about.len() => {
                    Some(format!("has {} bytes instead of {bytes}", about.len()))
                }
                _ if depth == Depth::Deep => self.content(),
                _ => None,
            },
        };
        let problem = Diagnostic::error(format!("{} {}", self.what, found?));
        let file = self.path.display().to_string();
        Some(problem.in_file(file).hint(self.hint))
    }

    fn content(&self) -> Option<String> {
        match File::open(&self.path).and_then(Digest::of_reader) {
            Ok((digest, _)) if digest == self.digest => None,
            Ok(_) => Some("was changed: its content has another digest".to_owned()),
            Err(why) => Some(format!("cannot be read: {why}")),
        }
    }
}

fn wanted(
    project: &Project,
    revisions: &[Revision],
    raw: &[(chenbao_model::Id, Digest, jiff::Timestamp)],
    archived: &BTreeMap<Digest, Named>,
) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = revisions
        .iter()
        .map(|revision| Wanted {
            path: project.lake.file(revision),
            digest: revision.digest.clone(),
            bytes: Some(revision.bytes),
            what: format!("the lake file of {}", of(revision)),
            hint: "restore the file from a backup, or collect its days again",
        })
        .collect();
    all.extend(raw.iter().map(|(source, digest, _)| Wanted {
        path: project.lake.raw_file(source, digest),
        digest: digest.clone(),
        bytes: None,
        what: format!("a raw table of the source `{source}`"),
        hint: "restore the file from a backup; without it `chenbao remap` leaves its rows as they are",
    }));
    all.extend(archived.iter().map(|(digest, named)| Wanted {
        path: project.archive.path(digest),
        digest: digest.clone(),
        bytes: None,
        what: format!("an archived file ({})", named.by),
        hint: "restore the file from a backup; what needs it can be neither sent again nor compared",
    }));
    all
}

/// A revision in words.
#[must_use]
pub fn of(revision: &Revision) -> String {
    let day = revision
        .day
        .map_or_else(String::new, |day| format!(" of {day}"));
    format!(
        "`{}`{day}, shop {}, feed {}, revision {}",
        revision.table, revision.shop, revision.feed, revision.number
    )
}

/// What is wrong within the ledger itself.
async fn rows(project: &Project) -> Result<Vec<Diagnostic>, Problems> {
    let ledger = &project.ledger;
    let mut problems = Vec::new();
    problems.extend(ledger.damage().await?.into_iter().map(|line| {
        Diagnostic::error(format!("the ledger's file is damaged: {line}"))
            .hint("stop every server and restore the ledger from a backup")
    }));
    problems.extend(ledger.orphans().await?.into_iter().map(|(what, many)| {
        Diagnostic::error(format!("the ledger has {many} {what}"))
            .hint("somebody has written into the database by hand; restore it from a backup")
    }));
    let stale = ledger.stale(project.clock.now()).await?;
    problems.extend(stale.into_iter().map(|stale| {
        let message = format!(
            "{} was begun by {}, which has not been heard of since {}",
            stale.what, stale.holder, stale.since
        );
        Diagnostic::warning(message).hint("whoever looks next takes it over: `chenbao serve`")
    }));
    Ok(problems)
}

/// Revisions that were merged from something else than the one before them.
fn bases(revisions: &[Revision]) -> Vec<Diagnostic> {
    let pairs = revisions.iter().zip(revisions.iter().skip(1));
    let broken = pairs.filter(|(before, after)| {
        let day = |one: &Revision| {
            (
                one.table.clone(),
                one.shop.clone(),
                one.feed.clone(),
                one.day,
            )
        };
        day(before) == day(after)
            && before.number + 1 == after.number
            && after.base.as_ref() != Some(&before.digest)
    });
    broken
        .map(|(_, after)| {
            Diagnostic::error(format!("{} was not merged from the one before it", of(after)))
                .hint("chenbao ledger rebuild-catalogue --replace reads the catalogue from the lake again")
        })
        .collect()
}

/// Files among the lake's tables that the catalogue does not know: merges that lost a race, or a catalogue that was lost.
fn strays(project: &Project, revisions: &[Revision]) -> Option<Diagnostic> {
    let known: BTreeSet<PathBuf> = revisions
        .iter()
        .map(|revision| project.lake.file(revision))
        .collect();
    let mut strays = Vec::new();
    list(&project.lake.dir().join("tables"), &mut |path| {
        if !known.contains(path) {
            strays.push(path.display().to_string());
        }
    });
    let first = strays.first()?.clone();
    let message = format!(
        "{} files of the lake are in no catalogue: merges that another process overtook, or a catalogue that was lost",
        strays.len()
    );
    let hint = "they do no harm; if the catalogue was lost: chenbao ledger rebuild-catalogue";
    Some(Diagnostic::warning(message).in_file(first).hint(hint))
}

/// Every file under a folder, in no particular order.
pub(crate) fn list(folder: &Path, take: &mut dyn FnMut(&Path)) {
    for path in entries(folder) {
        if path.is_dir() {
            list(&path, take);
        } else {
            take(&path);
        }
    }
}

/// The same without the folders in it.
pub(crate) fn list_flat(folder: &Path, take: &mut dyn FnMut(&Path)) {
    let files = entries(folder).into_iter().filter(|path| path.is_file());
    files.for_each(|path| take(&path));
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// A catalogue that was read from the lake.
#[derive(Debug)]
pub struct Rebuilt {
    /// Revisions in it.
    pub revisions: usize,
    /// Files that were left out, and why.
    pub warnings: Vec<Diagnostic>,
}

/// Writes the catalogue that the footers of the lake's files tell.
///
/// # Errors
/// The lake cannot be listed, or the ledger has a catalogue and may not lose it.
pub async fn rebuild(project: &Project, with: Catalogue) -> Result<Rebuilt, Problems> {
    let found = tokio::task::block_in_place(|| chenbao_engine::rebuild_catalogue(&project.lake))?;
    let mut warnings = found.warnings;
    let revisions = one_of_each(found.value, &mut warnings);
    let set = project.ledger.set_catalogue(&revisions, with).await;
    set.map_err(|e| match with {
        Catalogue::Empty => Diagnostic::from(e).hint(
            "`chenbao ledger check` says whether it is whole; with --replace it is written anew all the same",
        ),
        Catalogue::Replaced => Diagnostic::from(e),
    })?;
    Ok(Rebuilt {
        revisions: revisions.len(),
        warnings,
    })
}

/// A merge that lost a race left a file with the number of the one that won: the winner is the one that was merged from
/// later; of two newest ones, the one with the newer export.
fn one_of_each(revisions: Vec<Revision>, warnings: &mut Vec<Diagnostic>) -> Vec<Revision> {
    let bases: BTreeSet<Digest> = revisions
        .iter()
        .filter_map(|revision| revision.base.clone())
        .collect();
    let mut kept: Vec<Revision> = Vec::new();
    let key = |one: &Revision| {
        let Revision {
            table,
            shop,
            feed,
            day,
            number,
            ..
        } = one.clone();
        (table, shop, feed, day, number)
    };
    for revision in revisions {
        let rank = |one: &Revision| {
            (
                bases.contains(&one.digest),
                one.exported_at,
                one.digest.clone(),
            )
        };
        match kept.last_mut() {
            Some(last) if key(last) == key(&revision) => {
                let loser = if rank(&revision) > rank(last) {
                    std::mem::replace(last, revision)
                } else {
                    revision
                };
                warnings.push(
                    Diagnostic::warning(
                        "left out of the catalogue: another merge of that day has its number",
                    )
                    .in_file(loser.path),
                );
            }
            _ => kept.push(revision),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(content: &str, number: i64, base: Option<&str>) -> Revision {
        Revision {
            table: "orders".into(),
            shop: "main".parse().unwrap(),
            feed: "orders".parse().unwrap(),
            day: Some("2026-11-21".parse().unwrap()),
            number,
            digest: Digest::of(content),
            base: base.map(Digest::of),
            path: content.into(),
            rows: 1,
            bytes: 1,
            exported_at: jiff::Timestamp::UNIX_EPOCH,
            provisional: false,
        }
    }

    #[test]
    fn of_two_merges_with_one_number_the_later_base_wins() {
        for (winner, loser) in [("a", "b"), ("b", "a")] {
            let mut warnings = Vec::new();
            let all = vec![
                revision("a", 1, None),
                revision("b", 1, None),
                revision("c", 2, Some(winner)),
            ];
            let kept = one_of_each(all, &mut warnings);
            let paths: Vec<&str> = kept.iter().map(|one| one.path.as_str()).collect();
            assert_eq!(paths, [winner, "c"]);
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].to_string().contains(loser), "{}", warnings[0]);
            assert!(bases(&kept).is_empty());
        }
    }

    #[test]
    fn a_revision_from_elsewhere_is_found() {
        let all = [revision("a", 1, None), revision("b", 2, Some("x"))];
        assert_eq!(bases(&all).len(), 1);
    }
}
