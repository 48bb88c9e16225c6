//! Files of a paper for a folder that people share: a row in the ledger for each, written whole, and again as often as it takes,
//! because the same bytes under the same name change nothing.

use super::{spoken, trouble};
use crate::config::meant::Audience;
use crate::ledger::{Claimed, DeliveryState, FILES, NewDelivery, Piece};
use crate::mail;
use crate::notice::{self, About, Kind, Notice};
use crate::paper::Paper;
use crate::policy::Retry;
use crate::project::Project;
use crate::run::{self, Made};
use crate::storage;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A row for each file of an audience's paper: the channel is the folder, the recipient the whole path. The archive keeps the file
/// before its row names it: who dies between the two leaves a file too many, not one too few.
///
/// # Errors
/// The archive does not take a file.
pub(super) fn rows(
    project: &Project,
    made: &Made,
    (audience, paper): (&Audience, &Paper),
    not_before: Timestamp,
) -> Result<Vec<NewDelivery>, Problems> {
    let Some(folder) = &audience.folder else {
        return Ok(Vec::new());
    };
    let row = |file: &chenbao_model::Artifact| {
        let kept = project.archive.put(&file.bytes)?;
        let ending = Path::new(&file.name).extension();
        let ending = ending.map_or_else(String::new, |it| format!(".{}", it.to_string_lossy()));
        let mut words = made.issue.words();
        words.push(audience.id.to_string());
        let name = mail::safe_name(&words, &ending);
        let path = storage::whole_path(&folder.join(&name));
        Ok(NewDelivery {
            issue: made.issue.clone(),
            audience: audience.id.clone(),
            channel: FILES.to_owned(),
            recipient: path.display().to_string(),
            run: made.run.clone(),
            message_id: String::new(),
            sender: String::new(),
            pieces: vec![Piece::Digest(kept)],
            file_name: name,
            not_before,
        })
    };
    paper.files.iter().map(row).collect()
}

/// Writes one; true if it lies in its folder.
pub(super) async fn put(project: &Project, claimed: &Claimed) -> Result<bool, Problems> {
    let delivery = &claimed.delivery;
    let written = match bytes(project, claimed).await {
        Ok(bytes) => {
            let (ledger, now) = (&project.ledger, project.clock.now());
            let digest = chenbao_model::Digest::of(&bytes);
            if !ledger
                .start_attempt(claimed, &digest, now, spoken::LEASE)
                .await?
            {
                return Ok(false);
            }
            mail::put("the file", PathBuf::from(&delivery.recipient), bytes).await
        }
        Err(problem) => Err(problem),
    };
    let now = project.clock.now();
    let (state, retry_at, note) = match written {
        Ok(()) => (DeliveryState::Sent, None, "written".to_owned()),
        Err(problem) => {
            let waited = Duration::try_from(now.duration_since(delivery.due)).unwrap_or_default();
            let note = problem.to_string();
            match Retry::SERVER.pause(waited) {
                Some(pause) => {
                    let folder = Path::new(&delivery.recipient).parent();
                    let folder = folder.map_or_else(String::new, |it| it.display().to_string());
                    let line = vec![note.clone()];
                    let told = Notice::new(Kind::FolderBroken, About::Thing(folder), line);
                    notice::raise(project, &told.of_run(&delivery.run)).await?;
                    (
                        DeliveryState::Deferred,
                        Some(spoken::later(now, pause)),
                        note,
                    )
                }
                None => {
                    trouble::bounced(project, delivery, mail::About::Message, &note).await?;
                    (DeliveryState::Bounced, None, note)
                }
            }
        }
    };
    spoken::finish(project, claimed, state, retry_at, &note).await?;
    Ok(state == DeliveryState::Sent)
}

/// The file; where the archive has lost it, its run is made again first.
async fn bytes(project: &Project, claimed: &Claimed) -> Result<Vec<u8>, Diagnostic> {
    let delivery = &claimed.delivery;
    let Some(Piece::Digest(digest)) = delivery.pieces.first() else {
        let gone = Diagnostic::error("nothing of this file was kept");
        return Err(gone.hint("`chenbao rerun` makes the report again"));
    };
    let problem = match project.archive.get(digest) {
        Ok(bytes) => return Ok(bytes),
        Err(problem) => problem,
    };
    if let Err(why) = run::remake(project, &delivery.run).await {
        tracing::warn!("a damaged file cannot be made again: {why}");
    }
    let again = project.archive.get(digest);
    trouble::damaged(project, delivery, &problem, again.is_ok()).await;
    again.map_err(|_| problem)
}
