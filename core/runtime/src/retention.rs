//! Retention: what policy says is old goes from lake, archive and ledger, and what has gone is said wherever it is missed.
//!
//! The ledger is told first, then files go, then rows: a process that dies in between leaves work that the next pruning repeats.

use crate::audit;
use crate::config::meant::Age;
use crate::erase;
use crate::ledger::{Delivery, Mode, Piece, Removed, RemovedKind};
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::{disk, storage};
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest, Id};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The fact that says on which day the project was last pruned by a server.
const PRUNED: &str = "pruned";
/// What is still unfinished after so long never will be.
const UNFINISHED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Servers prune once a night, from this hour on.
const HOUR: i8 = 3;

/// Prunes the project by its `[retention]`, or says what pruning would remove.
///
/// # Errors
/// The ledger does not answer, or a file cannot be removed; what was not removed is tried again next time.
pub async fn prune(project: &Project, mode: Mode) -> Result<Vec<Removed>, Problems> {
    let rules = &project.config.retention;
    let mut all = Vec::new();
    if let Some(age) = &rules.raw {
        all.extend(raw(project, &Rule::of(project, "raw", age), mode).await?);
    }
    if let Some(age) = &rules.lake_revisions {
        all.extend(revisions(project, &Rule::of(project, "lake_revisions", age), mode).await?);
    }
    // Rows before the archive: what no row names any more goes with them.
    if let Some(age) = &rules.ledger {
        let rule = Rule::of(project, "ledger", age);
        let rows = project
            .ledger
            .forget_rows(rule.cutoff, &rule.text, rule.now, mode);
        all.extend(rows.await?);
    }
    if let Some(age) = &rules.archive {
        all.extend(archive(project, &Rule::of(project, "archive", age), mode).await?);
    }
    Ok(all)
}

/// Prunes once a night, on one node.
///
/// # Errors
/// As [`prune`].
pub async fn nightly(project: &Project) -> Result<Vec<Removed>, Problems> {
    let local = project
        .clock
        .now()
        .to_zoned(project.config.project.zone.clone());
    let today = local.date().to_string();
    if local.hour() < HOUR {
        return Ok(Vec::new());
    }
    let last = project.ledger.fact(PRUNED).await?;
    if last.as_deref() >= Some(today.as_str()) {
        return Ok(Vec::new());
    }
    let mine = project
        .ledger
        .move_fact(PRUNED, last.as_deref(), &today)
        .await;
    if !mine? {
        return Ok(Vec::new());
    }
    sweep(project);
    let removed = prune(project, Mode::Remove).await?;
    let line = |sum: Sum<'_>| {
        format!(
            "{} {} ({} bytes), {}",
            sum.many, sum.what, sum.bytes, sum.rule
        )
    };
    let lines: Vec<String> = sums(&removed).into_iter().map(line).collect();
    if !lines.is_empty() {
        let about = About::Thing("[retention]".to_owned());
        notice::raise(project, &Notice::new(Kind::Retention, about, lines)).await?;
    }
    Ok(removed)
}

/// Removes what processes that were killed left unfinished. A file is written in minutes, so one of the day before yesterday is nobody's.
fn sweep(project: &Project) {
    let now = project.clock.now();
    let cutoff = now.checked_sub(UNFINISHED_FOR).unwrap_or(Timestamp::MIN);
    for folder in disk::folders(&project.config) {
        let mut left = Vec::new();
        let mut take = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(storage::UNFINISHED) && touched_before(path, cutoff) {
                left.push(path.to_path_buf());
            }
        };
        match folder.what {
            "lake" | "archive" => audit::list(&folder.path, &mut take),
            // Others may keep anything beside our files.
            _ => audit::list_flat(&folder.path, &mut take),
        }
        for path in left {
            match std::fs::remove_file(&path) {
                Ok(()) => tracing::info!("left unfinished, removed: {}", path.display()),
                Err(why) => tracing::warn!("left unfinished: {}: {why}", path.display()),
            }
        }
    }
}

/// What was removed of one kind by one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum<'a> {
    /// Files by kind, rows by table.
    pub what: &'a str,
    /// How many.
    pub many: u64,
    /// Bytes of files; zero for rows.
    pub bytes: u64,
    /// The rule: `[retention] raw = "90d"`.
    pub rule: String,
}

/// What was removed, by kind and rule.
#[must_use]
pub fn sums(removed: &[Removed]) -> Vec<Sum<'_>> {
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for one in removed {
        let (what, many, bytes) = match one.kind {
            RemovedKind::Rows => (one.name.as_str(), one.amount, 0),
            RemovedKind::Raw => ("raw tables", 1, one.amount),
            RemovedKind::Revision => ("lake revisions", 1, one.amount),
            RemovedKind::Archived => ("archived files", 1, one.amount),
        };
        let sum = sums.entry((what, &one.rule)).or_default();
        sum.0 += many;
        sum.1 += bytes;
    }
    let sum = |((what, rule), (many, bytes))| Sum {
        what,
        many,
        bytes,
        rule: format!("[retention] {rule}"),
    };
    sums.into_iter().map(sum).collect()
}

/// A rule at a moment.
struct Rule {
    /// As it is written in the configuration.
    text: String,
    now: Timestamp,
    cutoff: Timestamp,
}

impl Rule {
    fn of(project: &Project, key: &str, age: &Age) -> Self {
        let now = project.clock.now();
        let back = SignedDuration::from_hours(24 * i64::from(age.days));
        Self {
            text: format!("{key} = \"{}\"", age.written),
            now,
            cutoff: now.checked_sub(back).unwrap_or(Timestamp::MIN),
        }
    }

    fn removed(&self, kind: RemovedKind, name: &str, file: &Path) -> Removed {
        Removed {
            kind,
            name: name.to_owned(),
            at: self.now,
            rule: self.text.clone(),
            amount: std::fs::metadata(file).map_or(0, |about| about.len()),
        }
    }
}

async fn raw(project: &Project, rule: &Rule, mode: Mode) -> Result<Vec<Removed>, Problems> {
    let mut old: Vec<(Id, Digest)> = Vec::new();
    for (source, digest, newest) in project.ledger.raw_tables().await? {
        if newest < rule.cutoff {
            old.push((source, digest));
        }
    }
    let files: Vec<PathBuf> = old
        .iter()
        .map(|(source, digest)| project.lake.raw_file(source, digest))
        .collect();
    let removed: Vec<Removed> = old
        .iter()
        .zip(&files)
        .map(|((_, digest), file)| rule.removed(RemovedKind::Raw, digest.as_str(), file))
        .collect();
    if mode == Mode::Remove {
        remove(project, &removed, &files).await?;
        project.ledger.forget_raw(&old).await?;
    }
    Ok(removed)
}

async fn revisions(project: &Project, rule: &Rule, mode: Mode) -> Result<Vec<Removed>, Problems> {
    let old = superseded(project.ledger.revisions().await?, rule.cutoff);
    let files: Vec<PathBuf> = old.iter().map(|one| project.lake.file(one)).collect();
    let removed: Vec<Removed> = old
        .iter()
        .zip(&files)
        .map(|(one, file)| rule.removed(RemovedKind::Revision, &one.path, file))
        .collect();
    if mode == Mode::Remove {
        remove(project, &removed, &files).await?;
        project.ledger.forget_revisions(&old).await?;
    }
    Ok(removed)
}

/// Revisions that a newer one, made of an export from before `cutoff`, took the place of. They are sorted by their day and number.
fn superseded(mut all: Vec<Revision>, cutoff: Timestamp) -> Vec<Revision> {
    let day = |one: &Revision| {
        (
            one.table.clone(),
            one.shop.clone(),
            one.feed.clone(),
            one.day,
        )
    };
    let old: Vec<bool> = all
        .iter()
        .zip(all.iter().skip(1))
        .map(|(one, next)| day(one) == day(next) && next.exported_at < cutoff)
        .chain([false])
        .collect();
    let mut old = old.into_iter();
    all.retain(|_| old.next().unwrap_or(false));
    all
}

/// Every file of the archive that nothing younger than the rule names. One that was touched since then may be about to be named.
async fn archive(project: &Project, rule: &Rule, mode: Mode) -> Result<Vec<Removed>, Problems> {
    let named = project.ledger.archived().await?;
    let (mut files, mut removed) = (Vec::new(), Vec::new());
    audit::list(&project.config.archive, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(digest) = Digest::parse(&name) else {
            return;
        };
        let wanted = named
            .get(&digest)
            .is_some_and(|named| named.waited_for || named.newest >= rule.cutoff);
        if !wanted && touched_before(path, rule.cutoff) {
            removed.push(rule.removed(RemovedKind::Archived, digest.as_str(), path));
            files.push(path.to_path_buf());
        }
    });
    if mode == Mode::Remove {
        remove(project, &removed, &files).await?;
    }
    Ok(removed)
}

fn touched_before(path: &Path, cutoff: Timestamp) -> bool {
    let modified = std::fs::metadata(path).and_then(|about| about.modified());
    modified.is_ok_and(|at| Timestamp::try_from(at).is_ok_and(|at| at < cutoff))
}

/// Tells the ledger, then removes the files. One that is gone already was removed by a pruning that died.
async fn remove(project: &Project, removed: &[Removed], files: &[PathBuf]) -> Result<(), Problems> {
    project.ledger.note_removed(removed).await?;
    for file in files {
        match std::fs::remove_file(file) {
            Ok(()) => {}
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
            Err(why) => {
                return Err(Diagnostic::error(format!("an old file cannot be removed: {why}"))
                    .in_file(file.display().to_string())
                    .hint("check who may write the folder; `chenbao prune` goes on where it stopped")
                    .into());
            }
        }
    }
    Ok(())
}

/// Why something is not there: policy removed it, or nobody knows. `what` begins the sentence.
///
/// # Errors
/// The ledger does not answer.
pub async fn gone(
    project: &Project,
    kind: RemovedKind,
    name: &str,
    what: &str,
) -> Result<Diagnostic, Problems> {
    let removed = project.ledger.removed(kind, name).await?;
    Ok(match removed {
        Some(removed) => Diagnostic::error(format!(
            "{what} was removed on {} by [retention] {}",
            on(project, removed.at),
            removed.rule
        ))
        .hint("a backup from before that day still has it"),
        None => Diagnostic::error(format!("{what} is gone, and no policy removed it"))
            .hint("chenbao ledger check says what else is missing; a backup may have it"),
    })
}

/// The day of a moment, for people.
fn on(project: &Project, at: Timestamp) -> String {
    let local = at.to_zoned(project.config.project.zone.clone());
    local.date().to_string()
}

/// What of a message is not there any more, with the reason; empty: it can be sent again.
///
/// # Errors
/// The ledger does not answer.
pub async fn missing_parts(
    project: &Project,
    delivery: &Delivery,
) -> Result<Vec<Diagnostic>, Problems> {
    let mut missing = Vec::new();
    if erase::was_erased(&delivery.recipient) {
        let what = format!(
            "the recipient of a message of run {} was erased: it has neither head nor address any more",
            delivery.run
        );
        missing.push(Diagnostic::error(what).hint("nobody can send it again"));
    }
    for piece in &delivery.pieces {
        let Piece::Digest(digest) = piece else {
            continue;
        };
        let path = project.archive.path(digest);
        if path.exists() {
            continue;
        }
        let what = format!(
            "the message to {} of run {}",
            delivery.recipient, delivery.run
        );
        let gone = gone(project, RemovedKind::Archived, digest.as_str(), &what).await?;
        missing.push(gone.in_file(path.display().to_string()));
    }
    Ok(missing)
}

/// What to say of a run that is not in the ledger: whether policy has removed runs.
///
/// # Errors
/// The ledger does not answer.
pub async fn removed_runs(project: &Project) -> Result<Option<String>, Problems> {
    let removed = project.ledger.removed(RemovedKind::Rows, "runs").await?;
    Ok(removed.map(|removed| {
        format!(
            "older runs were removed on {} by [retention] {}",
            on(project, removed.at),
            removed.rule
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(day: &str, number: i64, exported: &str) -> Revision {
        Revision {
            table: "orders".into(),
            shop: "main".parse().unwrap(),
            feed: "orders".parse().unwrap(),
            day: Some(day.parse().unwrap()),
            number,
            digest: Digest::of(format!("{day} {number}")),
            base: None,
            path: format!("{day}/{number}"),
            rows: 1,
            bytes: 1,
            exported_at: exported.parse().unwrap(),
            provisional: false,
        }
    }

    #[test]
    fn a_revision_is_old_from_the_one_on_that_took_its_place() {
        let all = vec![
            revision("2026-01-01", 1, "2026-01-02T00:00:00Z"),
            revision("2026-01-01", 2, "2026-01-03T00:00:00Z"),
            revision("2026-01-01", 3, "2026-06-01T00:00:00Z"),
            revision("2026-01-02", 1, "2026-01-03T00:00:00Z"),
        ];
        let paths = |cutoff: &str| -> Vec<String> {
            let old = superseded(all.clone(), cutoff.parse().unwrap());
            old.into_iter().map(|one| one.path).collect()
        };
        assert_eq!(paths("2026-01-03T00:00:00Z"), Vec::<String>::new());
        assert_eq!(paths("2026-02-01T00:00:00Z"), ["2026-01-01/1"]);
        assert_eq!(
            paths("2030-01-01T00:00:00Z"),
            ["2026-01-01/1", "2026-01-01/2"],
            "the newest of a day stays, however old"
        );
    }
}
