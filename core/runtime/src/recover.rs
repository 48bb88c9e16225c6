//! Files of the lake that are not what they were: found by size and digest, withdrawn, and made again from the raw tables or the source.

use crate::asking::Ask;
use crate::collect::{self, Windows};
use crate::gate::Need;
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::remap::{self, Mode};
use chenbao_engine::Damaged;
use chenbao_model::catalogue::Revision;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id, Period};
use std::collections::BTreeSet;
use std::fmt;

/// How often revisions before a damaged one are looked at: each look withdraws at least one.
const LOOKS: usize = 16;
/// So many missing files, and most of the feed's, are not damage: the folder is another one.
const ANOTHER_FOLDER: usize = 4;

/// What became of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its rows were made again from the raw tables.
    Rebuilt,
    /// Its source was asked for its days again.
    Collected,
    /// The revision before it takes its place.
    Earlier,
    /// Nothing takes its place.
    Lost,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebuilt => "made again from the raw tables",
            Self::Collected => "collected again from its source",
            Self::Earlier => "the revision before it takes its place",
            Self::Lost => "its rows are lost until its source brings them again",
        })
    }
}

/// A damaged file, and what became of it.
#[derive(Debug, Clone)]
pub struct Mended {
    /// The file and what is wrong with it.
    pub damaged: Damaged,
    /// What became of it.
    pub fate: Fate,
}

impl Mended {
    /// One sentence for logs, the ledger and the owner.
    #[must_use]
    pub fn warning(&self) -> Diagnostic {
        let Revision {
            table, day, path, ..
        } = &self.damaged.revision;
        let day = day.map_or_else(|| "the whole table".to_owned(), |day| day.to_string());
        let (why, fate) = (&self.damaged.why, self.fate);
        Diagnostic::warning(format!(
            "{table}, {day}: the file {path} is damaged ({why}); {fate}"
        ))
        .hint("a disk that loses bytes will lose more: look at its health and at your backups")
    }
}

/// Looks at the newest files of some sources and makes damaged ones again as far as it can.
///
/// # Errors
/// The ledger does not answer, or so many files are missing that the lake's folder must be another one.
pub async fn mend(project: &Project, sources: &[Id]) -> Result<Vec<Mended>, Problems> {
    let mut damaged = Vec::new();
    for _ in 0..LOOKS {
        let current = newest(project, sources).await?;
        let found = tokio::task::block_in_place(|| project.lake.damaged(&current));
        if found.is_empty() {
            break;
        }
        recognise(project, &found, current.len())?;
        let revisions: Vec<&Revision> = found.iter().map(|one| &one.revision).collect();
        project
            .ledger
            .withdraw(&revisions, project.clock.now())
            .await?;
        damaged.extend(found);
    }
    let mut mended: Vec<Mended> = damaged
        .into_iter()
        .map(|damaged| Mended {
            damaged,
            fate: Fate::Lost,
        })
        .collect();
    let feeds: BTreeSet<Id> = mended
        .iter()
        .map(|one| one.damaged.revision.feed.clone())
        .collect();
    for feed in &feeds {
        rebuild(project, feed).await;
    }
    settle(project, &mut mended, Fate::Rebuilt).await?;
    for feed in &feeds {
        ask_again(project, feed, &mended).await?;
    }
    settle(project, &mut mended, Fate::Collected).await?;
    for one in &mended {
        let about = About::Thing(one.damaged.revision.path.clone());
        let notice = Notice::new(Kind::Damaged, about, vec![one.warning().message]);
        notice::raise(project, &notice).await?;
    }
    Ok(mended)
}

/// Notes for each source which of its days were lost, now or at any time before, and have not come back.
///
/// # Errors
/// The ledger does not answer.
pub async fn note_lost(project: &Project, needs: &mut [Need]) -> Result<(), Problems> {
    let lost = project.ledger.lost().await?;
    for need in needs {
        let own = lost.iter().filter(|one| one.feed == need.source);
        need.lost = own.map(|one| (one.table.clone(), one.day)).collect();
    }
    Ok(())
}

async fn newest(project: &Project, sources: &[Id]) -> Result<Vec<Revision>, Problems> {
    let mut current = project.ledger.current(&[], &[]).await?;
    current.retain(|revision| sources.contains(&revision.feed));
    Ok(current)
}

/// A lake most of whose files are gone is not damaged but not there: a disk that is not mounted, a folder that was moved.
fn recognise(project: &Project, found: &[Damaged], of: usize) -> Result<(), Problems> {
    let gone = |one: &&Damaged| !project.lake.file(&one.revision).exists();
    let gone = found.iter().filter(gone).count();
    if gone < ANOTHER_FOLDER || gone * 2 < of {
        return Ok(());
    }
    Err(Diagnostic::error(format!(
        "{gone} of {of} files of the lake are not there: its folder seems to be another one"
    ))
    .in_file(project.lake.dir().display().to_string())
    .hint("is its disk mounted? if the files are truly lost, restore a backup")
    .machine()
    .into())
}

/// Maps a source's raw tables again; what differs becomes visible.
async fn rebuild(project: &Project, feed: &Id) {
    let Some(source) = project.config.sources.get(feed) else {
        return;
    };
    if let Err(problems) = remap::remap(project, source, Mode::Commit, &|_, _| {}).await {
        tracing::warn!(source = %feed, "its raw tables do not bring the damaged days back: {problems}");
    }
}

/// Asks a source again for the days that are still lost, whatever of it was in the lake before.
async fn ask_again(project: &Project, feed: &Id, mended: &[Mended]) -> Result<(), Problems> {
    let lost = mended
        .iter()
        .filter(|one| one.fate == Fate::Lost || one.fate == Fate::Earlier);
    let lost: Vec<&Revision> = lost
        .map(|one| &one.damaged.revision)
        .filter(|revision| &revision.feed == feed)
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let today = project
        .clock
        .now()
        .to_zoned(project.config.project.zone.clone())
        .date();
    let yesterday = today.yesterday().unwrap_or(today);
    let days = lost.iter().filter_map(|revision| revision.day);
    let first = days.clone().min().unwrap_or(yesterday);
    let last = days.max().unwrap_or(yesterday);
    project.ledger.forget_exports(feed).await?;
    let window = Period::span(first, last).map_err(Diagnostic::error)?;
    collect::collect(
        project,
        std::slice::from_ref(feed),
        Windows::only(window),
        Ask::default(),
        &|_| {},
    )
    .await;
    Ok(())
}

/// Notes for each damaged file that has no other fate yet whether a revision as new as it stands again.
async fn settle(project: &Project, mended: &mut [Mended], how: Fate) -> Result<(), Problems> {
    if mended.is_empty() {
        return Ok(());
    }
    let current = project.ledger.current(&[], &[]).await?;
    let open = |one: &&mut Mended| one.fate == Fate::Lost || one.fate == Fate::Earlier;
    for one in mended.iter_mut().filter(open) {
        let was = &one.damaged.revision;
        let same = |is: &&Revision| {
            (&is.table, &is.shop, &is.feed, is.day) == (&was.table, &was.shop, &was.feed, was.day)
        };
        one.fate = match current.iter().find(same) {
            Some(is) if is.number >= was.number => how,
            Some(_) => Fate::Earlier,
            None => Fate::Lost,
        };
    }
    Ok(())
}
