//! After a mapping was mended: a source's raw tables mapped again, and what differs made visible in one transaction.

use crate::collect::{MERGE_AGAIN, place};
use crate::config::meant::Source;
use crate::ledger::{Collection, Commit};
use crate::project::Project;
use chenbao_engine::{DayChange, Landed, Mapping, RawTable, Remap, Remapped};
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Severity, Warned};
use std::path::Path;

/// Whether what was found is also done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// New revisions become visible.
    Commit,
    /// Only say what would change.
    Look,
}

/// What mapping a source again has changed.
#[derive(Debug)]
pub struct Remade {
    /// Collections that were mapped again.
    pub collections: usize,
    /// Rows of their raw tables.
    pub rows: u64,
    /// By table and day.
    pub changes: Vec<DayChange>,
    /// Caveats.
    pub warnings: Vec<Diagnostic>,
}

/// A collection that can be mapped again: what it brought, and its mapping among the source's.
struct Past {
    collection: Collection,
    raw: RawTable,
    mapping: usize,
}

/// Maps a source again. `progress` hears how many of its collections are done, and of how many.
///
/// # Errors
/// No raw table is left, the mapping does not fit one of them, or the ledger does not answer; nothing has changed then.
pub async fn remap(
    project: &Project,
    source: &Source,
    mode: Mode,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Remade, Problems> {
    let mappings = project.mappings(source)?;
    for _ in 0..MERGE_AGAIN {
        let Warned {
            value: past,
            mut warnings,
        } = history(project, source, &mappings).await?;
        let collections: Vec<Landed<'_>> = past
            .iter()
            .filter_map(|past| landed(past, &mappings))
            .collect();
        let total = collections.len();
        let mapped = again(project, source, &collections, &|done| progress(done, total)).await?;
        warnings.extend(mapped.warnings);
        let changes = mapped.value.changes.clone();
        if mode == Mode::Look || committed(project, mapped.value).await? {
            return Ok(Remade {
                collections: total,
                rows: collections.iter().map(|landed| landed.raw.rows).sum(),
                changes,
                warnings,
            });
        }
        tracing::info!(source = %source.id, "it was collected meanwhile; mapping again");
    }
    Err(Diagnostic::error(format!(
        "source `{}` was collected {MERGE_AGAIN} times while it was mapped again",
        source.id
    ))
    .hint("stop the server that collects it, then remap")
    .into())
}

fn landed<'a>(past: &'a Past, mappings: &'a [Mapping]) -> Option<Landed<'a>> {
    Some(Landed {
        mapping: mappings.get(past.mapping)?,
        raw: past.raw.clone(),
        facts: &past.collection.exports,
    })
}

async fn again(
    project: &Project,
    source: &Source,
    collections: &[Landed<'_>],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Warned<Remapped>, Problems> {
    let current = project.ledger.current(&[], &[&source.shop]).await?;
    let current: Vec<Revision> = current
        .into_iter()
        .filter(|revision| revision.feed == source.id)
        .collect();
    let (platform, zone) = place(project, source);
    let job = Remap {
        lake: &project.lake,
        collections,
        shop: &source.shop,
        platform,
        zone,
        feed: &source.id,
        current: &current,
        custom: &project.config.tables,
    };
    project.engine.remap(&job, progress).await
}

/// Whether the revisions are visible now; not where a collection was faster.
async fn committed(project: &Project, mapped: Remapped) -> Result<bool, Problems> {
    let revisions = mapped.publish(&project.lake)?;
    let commit = project.ledger.commit(&revisions).await;
    Ok(commit? == Commit::Committed)
}

/// A source's collections whose raw tables are there, in the order in which they came.
async fn history(
    project: &Project,
    source: &Source,
    mappings: &[Mapping],
) -> Result<Warned<Vec<Past>>, Problems> {
    let all = project.ledger.collections(&source.id).await;
    let mut all = all?;
    let brings = |export: &ExportFacts| export.rows > 0;
    all.retain(|collection| collection.raw.is_some() || collection.exports.iter().any(brings));
    let (mut past, mut gone, mut orphans) = (Vec::new(), 0_usize, Vec::new());
    let mut warnings = Vec::new();
    let brought = all.len();
    for collection in all {
        let raw = match &collection.raw {
            Some(digest) => match project.lake.raw_table(&source.id, digest) {
                Ok(raw) => raw,
                Err(damaged) => {
                    warnings.push(Diagnostic {
                        severity: Severity::Warning,
                        ..damaged
                    });
                    None
                }
            },
            None => None,
        };
        match raw.map(|raw| (mapping_of(&raw, mappings), raw)) {
            Some((Some(mapping), raw)) => past.push(Past {
                collection,
                raw,
                mapping,
            }),
            Some((None, raw)) if !orphans.contains(&raw.mapping) => orphans.push(raw.mapping),
            Some((None, _)) => {}
            None => gone += 1,
        }
    }
    if past.is_empty() && brought > 0 {
        return Err(nothing_left(project, source, &orphans).into());
    }
    if brought == 0 {
        let message = format!("source `{}` has never brought a row", source.id);
        let hint = format!("chenbao collect --source {}", source.id);
        warnings.push(Diagnostic::warning(message).hint(hint));
    }
    if gone > 0 {
        warnings.push(Diagnostic::warning(format!(
            "source `{}`: the raw tables of {gone} of {brought} collections are gone; their rows stay as they were mapped",
            source.id
        )));
    }
    warnings.extend(orphans.iter().map(|name| {
        Diagnostic::warning(format!(
            "source `{}`: what was collected through `{name}` stays as it is: the source has no such mapping any more",
            source.id
        ))
    }));
    Ok(Warned {
        value: past,
        warnings,
    })
}

fn nothing_left(project: &Project, source: &Source, orphans: &[String]) -> Diagnostic {
    if !orphans.is_empty() {
        let message = format!(
            "source `{}` was collected through `{}`, which it no longer names",
            source.id,
            orphans.join("`, `")
        );
        return Diagnostic::error(message).at(source.place.clone()).hint(
            "mend a mapping under its own file name; which raw table belongs to which of several is told by it",
        );
    }
    Diagnostic::error(format!("source `{}` has no raw tables any more", source.id))
        .in_file(project.lake.dir().join("raw").join(source.id.as_str()).display().to_string())
        .hint("restore them from a backup, or export the days again and collect them: a newer export replaces its rows")
}

/// A source with one mapping has always had it; of several, the one of the same preset or file name.
fn mapping_of(raw: &RawTable, mappings: &[Mapping]) -> Option<usize> {
    if mappings.len() == 1 {
        return Some(0);
    }
    let stem = |name: &str| Path::new(name).file_stem().map(ToOwned::to_owned);
    mappings
        .iter()
        .position(|mapping| stem(&mapping.name) == stem(&raw.mapping))
}
