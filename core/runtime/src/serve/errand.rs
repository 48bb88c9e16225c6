//! What a serving process does beside its loop: mail, what is said elsewhere, what looks ahead, and what keeps the project well.

use crate::life::{Doing, Part};
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::ticker::Bell;
use crate::{deliver, disk, retention};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Disks, retention and the mail server are looked at this often.
const EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Which errand it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Mail out, bounces in.
    Mail,
    /// What the owner has to hear is queued; robots and folders get theirs.
    Talk,
    /// The mail server is tried while a delivery is being prepared.
    Foresee,
    /// Disks are looked at; once a night, what is old goes.
    Keep,
}

impl What {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Mail, Self::Talk, Self::Foresee, Self::Keep];

    /// As which part of the process it may be seen to stand still; none if nobody waits for it.
    fn part(self) -> Option<Part> {
        match self {
            Self::Mail => Some(Part::Mail),
            Self::Talk => Some(Part::Talk),
            Self::Foresee | Self::Keep => None,
        }
    }
}

/// One errand: one task at a time.
#[derive(Debug)]
pub(super) struct Errand {
    what: What,
    task: Option<JoinHandle<Result<usize, Problems>>>,
    begun: Option<Timestamp>,
}

impl Errand {
    pub(super) fn new(what: What) -> Self {
        Self {
            what,
            task: None,
            begun: None,
        }
    }

    /// Begins it, unless it is under way, or was done a moment ago and can wait.
    pub(super) fn begin(&mut self, project: &Arc<Project>, bell: &Bell, now: Timestamp) {
        let rests = self
            .begun
            .is_some_and(|begun| now.duration_since(begun).abs() < EVERY);
        let now_and_then = matches!(self.what, What::Foresee | What::Keep);
        if self.task.is_some() || (now_and_then && rests) {
            return;
        }
        self.begun = Some(now);
        let (what, project, bell) = (self.what, Arc::clone(project), bell.clone());
        self.task = Some(tokio::spawn(async move {
            let turned = |doing| what.part().map(|part| project.life.turn(part, doing));
            turned(Doing::Work);
            let done = run(what, &project).await;
            turned(Doing::Rest);
            // More may have been queued meanwhile.
            if done.as_ref().is_ok_and(|done| *done > 0) {
                bell.ring();
            }
            done
        }));
    }

    /// What it came to, if it is done.
    pub(super) async fn done(&mut self) -> Option<Result<usize, Problems>> {
        let task = self.task.take_if(|task| task.is_finished())?;
        Some(task.await.unwrap_or_else(|why| {
            let line = format!("a task stopped by a mistake in chenbao itself: {why}");
            Err(Diagnostic::error(line).into())
        }))
    }

    /// Waits for what may not be torn off: a message that leaves. The others go on another time.
    pub(super) async fn end(&mut self) {
        if let Some(task) = self.task.take() {
            match self.what {
                What::Foresee | What::Keep => task.abort(),
                What::Mail | What::Talk => drop(task.await),
            }
        }
    }
}

async fn run(what: What, project: &Arc<Project>) -> Result<usize, Problems> {
    match what {
        What::Mail => {
            let sent = deliver::mail_due(project).await?;
            deliver::hear(project).await?;
            Ok(sent)
        }
        What::Talk => {
            let told = notice::tell(project).await?;
            let said = deliver::say_due(project).await?;
            Ok(said + usize::from(told))
        }
        What::Foresee => deliver::foresee(project).await.map(|()| 0),
        What::Keep => {
            disk::watch(project).await;
            prune(project).await?;
            Ok(0)
        }
    }
}

/// Once a night, removes what is old; the owner hears if it cannot.
pub(super) async fn prune(project: &Project) -> Result<(), Problems> {
    let problems = match retention::nightly(project).await {
        Ok(removed) => {
            if !removed.is_empty() {
                tracing::info!(things = removed.len(), "pruned by [retention]");
            }
            return Ok(());
        }
        Err(problems) => problems,
    };
    tracing::error!("not pruned: {problems}");
    let lines = problems.0.iter().map(ToString::to_string).collect();
    let about = About::Thing("chenbao prune".to_owned());
    notice::raise(project, &Notice::new(Kind::Stuck, about, lines)).await
}
