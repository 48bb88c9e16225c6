//! What a source keeps between its calls: state in the ledger, secrets that rotate in the file that the configuration names.

use crate::config::{self, SecretRef};
use crate::ledger::{self, Ledger};
use crate::plugin::keeper::Keeper;
use chenbao_model::{Diagnostic, Id};
use chenbao_plugin::{Error, ErrorCode, io};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;

/// What one scan set with its rows, by key: what it took the place of, and the value.
type Aside = BTreeMap<String, (Option<String>, String)>;

/// The keeper of one source.
#[derive(Debug)]
pub struct Kept {
    ledger: Ledger,
    source: Id,
    secrets: BTreeMap<String, SecretRef>,
    aside: Mutex<Aside>,
    runtime: Handle,
}

impl Kept {
    /// The keeper of a source. Call it on the runtime whose blocking threads serve the source.
    #[must_use]
    pub fn of(ledger: &Ledger, source: &Id, secrets: &BTreeMap<String, SecretRef>) -> Self {
        Self {
            ledger: ledger.clone(),
            source: source.clone(),
            secrets: secrets.clone(),
            aside: Mutex::default(),
            runtime: Handle::current(),
        }
    }

    /// Forgets what a scan set with its rows: the scan failed, or is about to begin.
    pub fn forget(&self) {
        self.aside().clear();
    }

    /// Makes durable what the last scan set with its rows, now that they are in the lake; how many values that were.
    ///
    /// # Errors
    /// The ledger does not answer, or another node was faster: then its value holds.
    pub async fn settle(&self) -> Result<usize, Diagnostic> {
        let aside = std::mem::take(&mut *self.aside());
        let count = aside.len();
        for (key, (was, now)) in aside {
            let moved = self
                .ledger
                .move_fact(&self.fact(&key), was.as_deref(), &now)
                .await;
            if !moved.map_err(Diagnostic::from)? {
                return Err(Diagnostic::error(format!(
                    "the state `{key}` of source `{}` was changed by somebody else while its rows were read",
                    self.source
                ))
                .hint("the rows are in the lake; collect again, the source goes on from the newer state"));
            }
        }
        Ok(count)
    }

    fn aside(&self) -> std::sync::MutexGuard<'_, Aside> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fact(&self, key: &str) -> String {
        format!("source.{}.{key}", self.source)
    }

    fn wait<T>(&self, answer: impl Future<Output = ledger::Result<T>>) -> Result<T, Error> {
        self.runtime
            .block_on(answer)
            .map_err(|why| io(format!("the ledger does not answer: {why}")))
    }
}

fn changed(what: &str) -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!("{what} is no longer what this source knew"),
    )
}

impl Keeper for Kept {
    fn state(&self, key: &str) -> Result<Option<String>, Error> {
        if let Some((_, now)) = self.aside().get(key) {
            return Ok(Some(now.clone()));
        }
        self.wait(self.ledger.fact(&self.fact(key)))
    }

    fn swap(
        &self,
        key: &str,
        (was, now): (Option<&str>, &str),
        with_rows: bool,
    ) -> Result<(), Error> {
        let told = format!("the state `{key}`");
        if !with_rows && self.aside().contains_key(key) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("{told} waits for the rows of this scan; it cannot be set at once"),
            ));
        }
        if !with_rows {
            let moved = self.wait(self.ledger.move_fact(&self.fact(key), was, now))?;
            return if moved { Ok(()) } else { Err(changed(&told)) };
        }
        if self.state(key)?.as_deref() != was {
            return Err(changed(&told));
        }
        let mut aside = self.aside();
        // What it takes the place of in the ledger is what was there before the scan.
        let before = aside
            .remove(key)
            .map_or_else(|| was.map(str::to_owned), |(before, _)| before);
        aside.insert(key.to_owned(), (before, now.to_owned()));
        Ok(())
    }

    fn replace(&self, name: &str, was: &str, now: &str) -> Result<(), Error> {
        let reference = self.secrets.get(name).ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("there is no secret `{name}` for this source"),
            )
        })?;
        let told = |problem: Diagnostic| Error::new(ErrorCode::NotSupported, problem.to_string());
        if config::fetch(reference).map_err(told)?.expose() != was {
            return Err(changed(&format!("the secret `{name}`")));
        }
        config::replace(reference, now).map_err(told)
    }
}
