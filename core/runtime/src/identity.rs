//! Folder identity: lake and archive carry a random id that the ledger knows, so that a node with other folders, or with a
//! disk that is not mounted, refuses to start instead of beginning anew.

use crate::ledger::Ledger;
use crate::storage;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use std::io::{self, Read as _};
use std::path::Path;

/// The file that holds a folder's id.
pub const FILE: &str = "chenbao.id";
/// Facts of the ledger that hold the ids of its folders; a restored ledger forgets them and learns new ones.
pub const FACTS: [&str; 2] = ["folder/lake", "folder/archive"];

/// Makes sure that the ledger and its two folders belong together. The first node names them.
///
/// # Errors
/// A folder is another ledger's, or lost its id: all that is wrong at once. Or the ledger does not answer.
pub async fn confirm(ledger: &Ledger, lake: &Path, archive: &Path) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for (fact, (section, folder)) in FACTS
        .into_iter()
        .zip([("lake", lake), ("archive", archive)])
    {
        problems.extend(one(ledger, fact, section, folder).await?);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

async fn one(
    ledger: &Ledger,
    fact: &str,
    section: &str,
    folder: &Path,
) -> Result<Option<Diagnostic>, Problems> {
    let known = ledger.fact(fact).await?;
    let here = match (read(folder)?, &known) {
        (Some(here), _) => Some(here),
        (None, None) => Some(name(folder)?),
        (None, Some(_)) => None,
    };
    let known = match (&here, known) {
        (Some(here), None) => ledger.learn(fact, here).await?,
        (_, known) => known.unwrap_or_default(),
    };
    if here.as_ref() == Some(&known) {
        return Ok(None);
    }
    let found = match here {
        Some(here) => format!("it says {here}"),
        None => "it is not there".to_owned(),
    };
    let file = folder.join(FILE).display().to_string();
    let problem = Diagnostic::error(format!(
        "this folder is not the {section} that the ledger knows as {known}: {found}"
    ));
    Ok(Some(problem.in_file(file).hint(format!(
        "all nodes of a ledger share one {section}: mount it, or let [{section}] dir name it; if this is the right folder \
         after all, write {known} into the file above"
    ))))
}

fn read(folder: &Path) -> Result<Option<String>, Diagnostic> {
    match std::fs::read_to_string(folder.join(FILE)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(unusable(folder, &why)),
    }
}

/// Gives a folder an id; where another node is faster, its id.
fn name(folder: &Path) -> Result<String, Diagnostic> {
    write(folder).map_err(|why| unusable(folder, &why))?;
    Ok(read(folder)?.unwrap_or_default())
}

/// Whole and only if nobody else was first: a node that reads the file reads all of it.
fn write(folder: &Path) -> io::Result<()> {
    let hex: String = random(16)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match storage::create(&folder.join(FILE), format!("{hex}\n").as_bytes()) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// So many bytes that nobody can guess.
///
/// # Errors
/// The system gives none.
pub fn random(bytes: usize) -> io::Result<Vec<u8>> {
    let mut random = vec![0_u8; bytes];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random)
}

fn unusable(folder: &Path, why: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("the folder's id cannot be read or written: {why}"))
        .in_file(folder.join(FILE).display().to_string())
        .hint("make the folder readable and writable for this user")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_first_names_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let first = name(folder.path()).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(name(folder.path()).unwrap(), first);
        let files = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(files.count(), 1, "nothing is left aside");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_folders_and_lost_ones_are_refused_together() {
        let folder = tempfile::tempdir().unwrap();
        let dir = |name: &str| {
            let dir = folder.path().join(name);
            std::fs::create_dir_all(&dir).unwrap();
            dir
        };
        let url = format!("sqlite:{}", folder.path().join("ledger.sqlite").display());
        let ledger = Ledger::open(&url).await.unwrap();
        confirm(&ledger, &dir("lake"), &dir("archive"))
            .await
            .unwrap();
        confirm(&ledger, &dir("lake"), &dir("archive"))
            .await
            .unwrap();
        name(&dir("other")).unwrap();
        let problems = confirm(&ledger, &dir("other"), &dir("new"))
            .await
            .unwrap_err();
        let said = problems.to_string();
        assert_eq!(problems.0.len(), 2, "{said}");
        assert!(
            said.contains("it says") && said.contains("it is not there"),
            "{said}"
        );
        let url = format!("sqlite:{}", dir("b").join("ledger.sqlite").display());
        let other = Ledger::open(&url).await.unwrap();
        confirm(&other, &dir("lake"), &dir("archive"))
            .await
            .unwrap();
        assert_eq!(
            other.fact(FACTS[0]).await.unwrap(),
            ledger.fact(FACTS[0]).await.unwrap(),
            "a new ledger adopts folders that have a name"
        );
    }
}
