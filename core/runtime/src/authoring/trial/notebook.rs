//! What a source keeps while a case runs: it begins with the case's own state and secrets, and is gone afterwards.

use crate::authoring::case::Case;
use crate::plugin::keeper::Keeper;
use chenbao_plugin::{Error, ErrorCode};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

type Values = BTreeMap<String, String>;

/// Values by name.
#[derive(Debug)]
pub(super) struct Notebook {
    state: Mutex<Values>,
    secrets: Mutex<Values>,
}

impl Notebook {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            state: Mutex::new(case.state.clone()),
            secrets: Mutex::new(case.secrets.clone()),
        }
    }

    /// What it holds now.
    pub(super) fn state_now(&self) -> Values {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn set(values: &Mutex<Values>, key: &str, was: Option<&str>, now: &str) -> Result<(), Error> {
    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
    if values.get(key).map(String::as_str) != was {
        let why = format!("`{key}` is no longer what this source knew");
        return Err(Error::new(ErrorCode::Conflict, why));
    }
    values.insert(key.to_owned(), now.to_owned());
    Ok(())
}

impl Keeper for Notebook {
    fn state(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.state_now().get(key).cloned())
    }

    /// A case's rows are always taken, so that a cursor needs no waiting.
    fn swap(
        &self,
        key: &str,
        (was, now): (Option<&str>, &str),
        _with_rows: bool,
    ) -> Result<(), Error> {
        set(&self.state, key, was, now)
    }

    fn replace(&self, name: &str, was: &str, now: &str) -> Result<(), Error> {
        set(&self.secrets, name, Some(was), now)
    }
}
