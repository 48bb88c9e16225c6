//! One batch on its way: what its connections share while they work on it.

use super::scribe::Scribe;
use super::trouble;
use crate::ledger::{Claimed, Delivery, Piece};
use crate::mail::{About, Answer, Outcome};
use crate::policy::Retry;
use crate::project::Project;
use crate::run;
use chenbao_model::{Diagnostic, Digest};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After so many messages in a row without an answer the server counts as gone.
const LOST: u32 = 3;
/// Most bytes of bodies that are kept while a batch is on its way.
const KEPT: usize = 64 << 20;

/// Why nothing more leaves now.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// How to try again.
    pub(super) retry: Retry,
    /// Whether a person must mend something.
    pub(super) refused: bool,
    /// When the message that met it was due.
    pub(super) due: Option<Timestamp>,
    /// What happened.
    pub(super) note: String,
}

impl Stop {
    /// Something of ours that a person must mend.
    pub(super) fn ours(note: &str) -> Self {
        Self {
            retry: Retry::OURS,
            refused: true,
            due: None,
            note: note.to_owned(),
        }
    }
}

/// A batch, and what is found out while it is sent.
pub(super) struct Round<'a> {
    pub(super) project: &'a Project,
    pub(super) lease: Duration,
    pub(super) scribe: Scribe<'a>,
    state: Mutex<State>,
    /// Runs that were made again because the archive has lost a part of their messages.
    remade: tokio::sync::Mutex<BTreeSet<String>>,
}

struct State {
    queue: VecDeque<Claimed>,
    bodies: BTreeMap<Digest, Arc<Vec<u8>>>,
    /// Connections that work on the batch.
    alive: usize,
    /// Those of them on which a message was answered.
    proven: usize,
    /// Messages in a row without an answer.
    lost: u32,
    stopped: Option<Stop>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        project: &'a Project,
        lease: Duration,
        ready: Vec<Claimed>,
        (alive, proven): (usize, usize),
    ) -> Self {
        Self {
            project,
            lease,
            scribe: Scribe::new(project),
            state: Mutex::new(State {
                queue: ready.into(),
                bodies: BTreeMap::new(),
                alive,
                proven,
                lost: 0,
                stopped: None,
            }),
            remade: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next message; none when all are taken, nothing more may leave or the process ends.
    pub(super) fn next(&self) -> Option<Claimed> {
        let mut state = self.state();
        match state.stopped.is_some() || self.project.life.stopping() {
            true => None,
            false => state.queue.pop_front(),
        }
    }

    /// What was not begun, and why.
    pub(super) fn end(self) -> (Vec<Claimed>, Option<Stop>) {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (state.queue.into(), state.stopped)
    }

    /// Whether an answer says that no other message would fare better now.
    pub(super) fn is_servers_matter(&self, answer: &Answer) -> bool {
        let mut state = self.state();
        state.lost = if answer.lost { state.lost + 1 } else { 0 };
        answer.about == About::Server || state.lost >= LOST
    }

    /// The server's matter was met on a connection: true if that one is to rest because the others may fare better. The last one
    /// stops everything, and so does a refusal that a person must mend, unless messages are answered elsewhere.
    pub(super) fn rests(&self, answer: &Answer, proven: bool) -> bool {
        let mut state = self.state();
        let elsewhere = state.proven - usize::from(proven);
        let rests = state.alive > 1 && (elsewhere > 0 || answer.outcome != Outcome::Refused);
        if rests {
            state.alive -= 1;
            state.proven = elsewhere;
        }
        rests
    }

    /// A connection has had its first answer.
    pub(super) fn proves(&self) {
        self.state().proven += 1;
    }

    /// Nothing more leaves.
    pub(super) fn stop(&self, answer: &Answer, delivery: &Delivery) {
        self.state().stopped.get_or_insert_with(|| Stop {
            retry: match answer.about {
                About::Server => answer.retry,
                About::Address | About::Message => Retry::SERVER,
            },
            refused: answer.outcome == Outcome::Refused,
            due: Some(delivery.due),
            note: answer.note.clone(),
        });
    }

    /// The exact message: concatenated, never rebuilt. A body that recipients share is read and checked once.
    fn assemble(&self, pieces: &[Piece]) -> Result<Vec<u8>, Diagnostic> {
        let mut bytes = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Digest(digest) => bytes.extend_from_slice(&self.body(digest)?),
            }
        }
        Ok(bytes)
    }

    /// The exact message; where the archive has lost a part of it, its run is made again first, once for all of its messages.
    pub(super) async fn message(&self, delivery: &Delivery) -> Result<Vec<u8>, Diagnostic> {
        let problem = match self.assemble(&delivery.pieces) {
            Ok(bytes) => return Ok(bytes),
            Err(problem) => problem,
        };
        let mut remade = self.remade.lock().await;
        if remade.insert(delivery.run.clone()) {
            if let Err(why) = run::remake(self.project, &delivery.run).await {
                tracing::warn!("a damaged message cannot be made again: {why}");
            }
            let again = self.assemble(&delivery.pieces);
            trouble::damaged(self.project, delivery, &problem, again.is_ok()).await;
        }
        self.assemble(&delivery.pieces).map_err(|_| problem)
    }

    fn body(&self, digest: &Digest) -> Result<Arc<Vec<u8>>, Diagnostic> {
        if let Some(body) = self.state().bodies.get(digest) {
            return Ok(Arc::clone(body));
        }
        let body = Arc::new(self.project.archive.get(digest)?);
        let bodies = &mut self.state().bodies;
        let kept: usize = bodies.values().map(|body| body.len()).sum();
        if kept + body.len() > KEPT {
            bodies.clear();
        }
        bodies.insert(digest.clone(), Arc::clone(&body));
        Ok(body)
    }
}
