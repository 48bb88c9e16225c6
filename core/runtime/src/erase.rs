//! Erase: a recipient who asks for it is forgotten, and is not mailed again.
//!
//! What the project keeps of the person is a keyed hash of the address, made with the key that hides personal cells: whoever has
//! the ledger alone cannot tell who it was.

use crate::config::meant::Transport;
use crate::ledger::{Erase, Erased};
use crate::project::Project;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use std::collections::BTreeSet;

/// The fact that tells a lost key from the right one.
const KEY: &str = "erasure-key";

/// What erasing did, and what it leaves to the owner.
#[derive(Debug)]
pub struct Forgotten {
    /// The name under which the rest is kept.
    pub pseudonym: String,
    /// What was done in the ledger.
    pub erased: Erased,
    /// Files of the outbox folder that were removed.
    pub files: usize,
    /// Where the address still stands.
    pub remains: Vec<Diagnostic>,
}

/// Forgets a recipient.
///
/// # Errors
/// The ledger does not answer, a message is leaving for the address, or the key is not the one of earlier erasures.
pub async fn erase(project: &Project, address: &str) -> Result<Forgotten, Problems> {
    learn_key(project).await?;
    let pseudonym = pseudonym(project, address);
    let who = Erase {
        address,
        pseudonym: &pseudonym,
        at: project.clock.now(),
    };
    let erased = project.ledger.erase(who).await?;
    let mut files = 0;
    if let Transport::Folder(folder) = &project.config.mail.transport {
        for name in &erased.files {
            files += usize::from(std::fs::remove_file(folder.join(name)).is_ok());
        }
    }
    Ok(Forgotten {
        remains: remains(project, address),
        pseudonym,
        erased,
        files,
    })
}

/// Who must not be mailed.
#[derive(Debug)]
pub struct Forgets<'a> {
    project: &'a Project,
    erased: BTreeSet<String>,
}

impl<'a> Forgets<'a> {
    /// Everybody who was erased.
    ///
    /// # Errors
    /// The ledger does not answer; or the key is lost, and then nobody may be mailed.
    pub async fn of(project: &'a Project) -> Result<Self, Problems> {
        let erased = project.ledger.erased().await?;
        if !erased.is_empty() {
            learn_key(project).await?;
        }
        Ok(Self { project, erased })
    }

    /// Whether an address is one of theirs.
    #[must_use]
    pub fn has(&self, address: &str) -> bool {
        !self.erased.is_empty() && self.erased.contains(&pseudonym(self.project, address))
    }
}

fn keyed(project: &Project, text: &str) -> String {
    // HMAC takes a key of any length: longer ones are hashed, shorter ones padded.
    let mac = Hmac::<Sha256>::new_from_slice(project.hash_key());
    let mut mac = mac.unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What pseudonyms begin with; no address does without an `@`.
const ERASED: &str = "erased-";

/// Whether a message's recipient was erased.
#[must_use]
pub fn was_erased(recipient: &str) -> bool {
    recipient.starts_with(ERASED) && !recipient.contains('@')
}

fn pseudonym(project: &Project, address: &str) -> String {
    let address = address.to_ascii_lowercase();
    format!(
        "{ERASED}{}",
        keyed(project, &format!("recipient\n{address}"))
    )
}

/// Makes sure that the key is the one of the first erasure: under another, nobody would be recognised.
async fn learn_key(project: &Project) -> Result<(), Problems> {
    let mine = keyed(project, "the key of erasures");
    let first = project.ledger.learn(KEY, &mine).await?;
    if first == mine {
        return Ok(());
    }
    Err(Diagnostic::error(
        "recipients were erased under another key than the one that hides personal cells now, so they would be mailed again",
    )
    .in_file(project.config.lake.dir.join("hash.key").display().to_string())
    .hint("put the old key back, there or where [lake] hash_key says; until then nothing is sent")
    .into())
}

/// What erasing cannot reach, or must not change by itself.
fn remains(project: &Project, address: &str) -> Vec<Diagnostic> {
    let config = &project.config;
    let same = |other: &str| other.eq_ignore_ascii_case(address);
    let mut remains = Vec::new();
    for report in config.reports.values() {
        for audience in report.audiences.values() {
            if audience.to.iter().any(|to| same(&to.address)) {
                let place = format!("[report.{}.audience.{}]", report.id, audience.id);
                remains.push(
                    Diagnostic::warning(format!(
                        "the address still stands in {place}; it is not mailed any more"
                    ))
                    .in_file(&config.file)
                    .hint("take it out of `to`"),
                );
            }
        }
    }
    if same(&config.project.owner.address) {
        remains.push(
            Diagnostic::warning("the address is the project's owner")
                .in_file(&config.file)
                .hint("name another owner: notices still go there"),
        );
    }
    remains
}
