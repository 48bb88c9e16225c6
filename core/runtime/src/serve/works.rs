//! Work under way in this process: a bounded number of issues at once, one of each report, those first that are due first.

use super::due::{self, Key, Task, Work};
use super::issue::{self, ASK_AGAIN, Came};
use crate::ledger::Issue;
use crate::notice::{self, About, Kind, Notice};
use crate::policy;
use crate::project::Project;
use crate::ticker::Bell;
use crate::words;
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Id};
use jiff::{SignedDuration, Timestamp};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What another process does is looked at again after this long.
const SOON: SignedDuration = SignedDuration::from_secs(30);

/// What became of a piece of work.
#[derive(Debug)]
pub(super) struct Done {
    /// What was to be done.
    pub(super) work: Work,
    /// How far it came; or why the ledger stopped it.
    pub(super) came: Result<Came, Problems>,
}

/// The queue, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Works {
    queue: VecDeque<Work>,
    tasks: JoinSet<Done>,
    /// Reports under way, each with the moment when it was begun.
    busy: BTreeMap<Id, Timestamp>,
    /// What waits for its sources is left alone until then.
    rests: BTreeMap<Key, Timestamp>,
    /// How long a run of each report usually takes, asked once.
    usual: BTreeMap<Id, SignedDuration>,
    /// Rung when a piece of work is done.
    bell: Option<Bell>,
}

impl Works {
    /// Nothing under way; the bell rings whenever something is done.
    pub(super) fn ringing(bell: Bell) -> Self {
        Self {
            bell: Some(bell),
            ..Self::default()
        }
    }

    /// Puts a new queue in place of the old one. What rests is left out; what nobody asks for any more is forgotten.
    pub(super) fn set_queue(&mut self, all: Vec<Work>, now: Timestamp) {
        let keys: BTreeSet<Key> = all.iter().map(Work::key).collect();
        self.rests.retain(|key, _| keys.contains(key));
        // A clock that was set back does not make anything rest longer than it should.
        let longest = now.checked_add(ASK_AGAIN).unwrap_or(now);
        let rests = |work: &Work| {
            let until = self.rests.get(&work.key());
            until.is_some_and(|until| now < *until && *until <= longest)
        };
        // A due time is not overtaken by a later one of its report: that would count it as served.
        let mut rest: BTreeSet<(Id, Option<Id>)> = BTreeSet::new();
        let mut ready = VecDeque::new();
        for work in all {
            let whose = (work.report.clone(), work.key().2);
            let begins = matches!(work.task, Task::Begin(_));
            if rests(&work) {
                rest.extend(begins.then_some(whose));
            } else if !(begins && rest.contains(&whose)) {
                ready.push_back(work);
            }
        }
        self.queue = ready;
    }

    /// Whether nothing waits to be begun.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    /// Begins what the slots allow, in order, one issue of each report.
    pub(super) fn fill(&mut self, project: &Arc<Project>) {
        if project.life.stopping() {
            self.queue.clear();
        }
        let slots = project.config.serve.concurrency;
        let mut later = VecDeque::new();
        while self.busy.len() < slots {
            let Some(work) = self.queue.pop_front() else {
                break;
            };
            if self.busy.contains_key(&work.report) {
                later.push_back(work);
            } else {
                self.begin(project, work);
            }
        }
        later.append(&mut self.queue);
        self.queue = later;
    }

    fn begin(&mut self, project: &Arc<Project>, work: Work) {
        self.busy.insert(work.report.clone(), project.clock.now());
        let (project, bell) = (Arc::clone(project), self.bell.clone());
        self.tasks.spawn(async move {
            let done = guarded(&project, work).await;
            if let Some(bell) = bell {
                bell.ring();
            }
            done
        });
    }

    /// Waits until something is done; none if nothing is under way.
    pub(super) async fn next(&mut self, project: &Project) -> Option<Done> {
        let done = self.tasks.join_next().await?;
        self.ended(project, done)
    }

    /// Something that is done by now.
    pub(super) fn try_next(&mut self, project: &Project) -> Option<Done> {
        let done = self.tasks.try_join_next()?;
        self.ended(project, done)
    }

    fn ended(
        &mut self,
        project: &Project,
        done: Result<Done, tokio::task::JoinError>,
    ) -> Option<Done> {
        // The task itself cannot panic and is never aborted: its work is a task of its own.
        let done = done.ok()?;
        self.busy.remove(&done.work.report);
        self.usual.remove(&done.work.report);
        if let Some(rest) = rest(&done) {
            let now = project.clock.now();
            let again = now.checked_add(rest).unwrap_or(now);
            let deadline = Some(done.work.times.data_deadline).filter(|at| *at > now);
            let until = deadline.map_or(again, |deadline| deadline.min(again));
            self.rests.insert(done.work.key(), until);
        }
        Some(done)
    }

    /// Tells the owner of issues that will not be ready in time, by what runs usually take and what is before them in the queue.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub(super) async fn foretell(&mut self, project: &Project) -> Result<(), Problems> {
        let now = project.clock.now();
        let reports: Vec<Id> = self
            .busy
            .keys()
            .chain(self.queue.iter().map(|work| &work.report))
            .cloned()
            .collect();
        for report in reports {
            if let Entry::Vacant(slot) = self.usual.entry(report.clone()) {
                let usual = project.ledger.usual_duration(&report).await?;
                slot.insert(usual.unwrap_or_default());
            }
        }
        let usual = |report: &Id| self.usual.get(report).copied().unwrap_or_default();
        let mut free: Vec<Timestamp> = self
            .busy
            .iter()
            .map(|(report, begun)| begun.checked_add(usual(report)).unwrap_or(now).max(now))
            .collect();
        free.resize(project.config.serve.concurrency.max(free.len()), now);
        let takes: Vec<SignedDuration> =
            self.queue.iter().map(|work| usual(&work.report)).collect();
        let ends = policy::forecast(&free, &takes);
        for (work, ready) in self.queue.iter().zip(ends) {
            let deliver = work.times.deliver;
            if deliver > now && ready > deliver {
                tell_late(project, work, ready).await?;
            }
        }
        Ok(())
    }
}

/// How long something is left alone before it is tried again; none: it is done with.
fn rest(done: &Done) -> Option<SignedDuration> {
    match (&done.came, &done.work.task) {
        (Ok(Came::Made | Came::Failed), _) => None,
        (Ok(Came::Waits), _) | (Ok(Came::Nothing), Task::Complete(_)) => Some(ASK_AGAIN),
        // Another process has it, and may die; or the machine or the ledger does not do its part.
        (Ok(Came::Nothing | Came::Retries) | Err(_), _) => Some(SOON),
    }
}

/// The work as a task of its own: if it panics, that is said, and the others go on.
async fn guarded(project: &Arc<Project>, work: Work) -> Done {
    let task = {
        let (project, work) = (Arc::clone(project), work.clone());
        tokio::spawn(async move { issue::step(&project, &work).await })
    };
    let came = match task.await {
        Ok(came) => came,
        Err(why) => {
            let problem = Diagnostic::error(format!(
                "the report `{}` stopped this work by a mistake in chenbao itself: {why}",
                work.report
            ));
            let about = About::Report(work.report.clone());
            let notice = Notice::new(Kind::Failed, about, vec![problem.message.clone()]);
            match notice::raise(project, &notice).await {
                Ok(()) => Err(problem.into()),
                Err(problems) => Err(problems),
            }
        }
    };
    Done { work, came }
}

async fn tell_late(project: &Project, work: &Work, ready: Timestamp) -> Result<(), Problems> {
    let Some(report) = project.config.reports.get(&work.report) else {
        return Ok(());
    };
    let Some(issue) = work.issue(project, report).await? else {
        return Ok(());
    };
    let config = &project.config;
    let (due, ready) = (
        issue::said(config, report, work.times.deliver),
        issue::said(config, report, ready),
    );
    let line = words::will_be_late(&due, &ready, &config.project.lang);
    let notice = Notice::new(Kind::Late, About::Issue(issue), vec![line])
        .because("forecast")
        .by(work.times.deliver);
    notice::raise(project, &notice).await
}

impl Work {
    /// The issue that it makes; none if its days are covered already.
    async fn issue(
        &self,
        project: &Project,
        report: &crate::config::meant::Report,
    ) -> Result<Option<Issue>, Problems> {
        match &self.task {
            Task::Begin(fire) => {
                let occurrence = due::occurrence(project, report, fire).await?;
                Ok(occurrence.ok().map(|what| Issue::of(&what, 0)))
            }
            Task::GoOn(open) | Task::Complete(open) => {
                Ok(Some(Issue::of(&open.occurrence, open.revision)))
            }
        }
    }
}
