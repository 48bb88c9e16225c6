//! The scheduler: looks at the ledger, begins what is due, sends what is queued, and sleeps until the next due moment.

mod alive;
pub mod claim;
mod due;
mod errand;
mod issue;
mod outage;
mod works;

use self::outage::Outage;
use crate::life::{Doing, Life, Part};
use crate::notice::{self, About, Kind, Notice};
use crate::project::Project;
use crate::systemd::{self, State};
use crate::ticker::{Bell, HEART_BEAT, Ticker};
use crate::{deliver, disk};
use alive::Alive;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use errand::{Errand, What};
use futures::future::BoxFuture;
use issue::Came;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use works::{Done, Works};

/// What one look at the ledger did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Issues that were made.
    pub made: usize,
    /// Issues that wait for their sources.
    pub waiting: usize,
    /// Issues that failed.
    pub failed: usize,
    /// Due times that the misfire policy left out.
    pub missed: usize,
    /// Messages that were handed over.
    pub sent: usize,
}

impl Look {
    fn count(&mut self, came: Came) {
        match came {
            Came::Made => self.made += 1,
            Came::Waits | Came::Retries => self.waiting += 1,
            Came::Failed => self.failed += 1,
            Came::Nothing => {}
        }
    }
}

/// What others ask of a serving loop: to end, or to read its configuration again.
#[derive(Debug, Clone)]
pub struct Control {
    life: Life,
    reload: Arc<AtomicBool>,
    bell: Bell,
}

impl Control {
    /// Asks the loop to end: what is under way is finished, nothing new begins.
    pub fn stop(&self) {
        systemd::tell(State::Stopping, Some("finishing what is under way"));
        self.life.stop();
        self.bell.ring();
    }

    /// Asks the loop to read its configuration, templates and plugins again: whole or not at all.
    pub fn reload(&self) {
        self.reload.store(true, Ordering::SeqCst);
        self.bell.ring();
    }
}

/// Opens the project anew, checked from end to end; or says everything that is wrong with it.
pub type Reopen = Box<dyn Fn() -> BoxFuture<'static, Result<Project, Problems>> + Send + Sync>;

/// Serves until told to stop. `started` gets the handle that stops it, `reopen` is asked when the configuration is to be read again.
///
/// # Errors
/// The waker cannot be started. A ledger that does not answer is waited for, nothing is sent meanwhile.
pub async fn serve(
    project: Arc<Project>,
    reopen: Reopen,
    started: impl FnOnce(Control),
) -> Result<(), Problems> {
    let mut ticker = Ticker::start()
        .await
        .map_err(|e| Diagnostic::error(format!("the scheduler cannot start: {e}")))?;
    let life = project.life.clone();
    let control = Control {
        life: life.clone(),
        reload: Arc::new(AtomicBool::new(false)),
        bell: ticker.bell(),
    };
    let mut server = Server {
        project,
        reopen,
        works: Works::ringing(ticker.bell()),
        errands: What::ALL.map(Errand::new),
        bell: ticker.bell(),
        looked: None,
        outage: Outage::default(),
    };
    started(control.clone());
    let _alive = Alive::start(&server.project);
    systemd::tell(State::Ready, None);
    while !life.stopping() {
        life.turn(Part::Loop, Doing::Work);
        if control.reload.swap(false, Ordering::SeqCst) {
            systemd::tell(State::Reloading, None);
            server.reload().await;
            systemd::tell(State::Ready, None);
        }
        server.turn().await;
        if life.stopping() {
            break;
        }
        let now = server.project.clock.now();
        life.looked(now);
        let next = due::next(&server.project, now).await;
        tell_next(&server.project, next);
        life.turn(Part::Loop, Doing::Rest);
        let rest = server.outage.rest();
        ticker
            .sleep(rest.or_else(|| next.and_then(|at| until(at, now))))
            .await;
    }
    server.drain().await;
    Ok(())
}

/// A loop that serves.
struct Server {
    project: Arc<Project>,
    reopen: Reopen,
    works: Works,
    errands: [Errand; What::ALL.len()],
    bell: Bell,
    /// When the schedules were last gone through.
    looked: Option<Timestamp>,
    outage: Outage,
}

impl Server {
    /// Takes a new configuration as a whole, or keeps the old one and tells the owner why. What is under way ends as it began.
    async fn reload(&mut self) {
        let reopened = (self.reopen)().await.and_then(|project| {
            let fixed = project.config.fixed_at_start(&self.project.config);
            match fixed.is_empty() {
                true => Ok(project),
                false => Err(Problems(fixed)),
            }
        });
        match reopened {
            Ok(mut project) => {
                project.life = self.project.life.clone();
                tracing::info!(
                    config = project.config.digest.short(),
                    "the configuration was read again"
                );
                self.project = Arc::new(project);
                self.looked = None;
            }
            Err(problems) => {
                tracing::error!("the configuration stays as it was: {problems}");
                let lines = problems.0.iter().map(ToString::to_string).collect();
                let about = About::Thing(self.project.config.file.clone());
                let notice = Notice::new(Kind::Fallback, about, lines);
                tell(&self.project, notice).await;
            }
        }
    }

    /// Takes note of what is done, begins what is due, and sends.
    async fn turn(&mut self) {
        while let Some(done) = self.works.try_next(&self.project) {
            log(&done);
        }
        match self.look().await {
            Ok(()) => self.outage.end(&self.project).await,
            Err(problems) => {
                self.outage.suspect(&self.project, &problems).await;
                let problems = disk::explain(&self.project.config, problems);
                tracing::error!("nothing more is begun until the next look: {problems}");
                if self.outage.rest().is_none() {
                    tell(&self.project, not_done(&problems)).await;
                }
            }
        }
        self.works.fill(&self.project);
        self.run_errands().await;
    }

    /// Goes through the schedules, unless a look of a moment ago still has work in the queue.
    async fn look(&mut self) -> Result<(), Problems> {
        let now = self.project.clock.now();
        let recently = self.looked.is_some_and(|at| {
            let since = now.duration_since(at).unsigned_abs();
            since > Duration::ZERO && since < HEART_BEAT
        });
        if recently && !self.works.is_drained() {
            return Ok(());
        }
        let mut look = Look::default();
        let all = due::due(&self.project, &mut look).await?;
        if look.missed > 0 {
            tracing::warn!(missed = look.missed, "due while nobody looked");
        }
        self.works.set_queue(all, now);
        self.looked = Some(now);
        self.works.foretell(&self.project).await
    }

    /// Begins the errands again that are done, each in a task of its own: mail waits for no robot, and nobody for the nightly cleaning.
    async fn run_errands(&mut self) {
        for n in 0..self.errands.len() {
            let Some(done) = self.errands[n].done().await else {
                continue;
            };
            match done {
                Ok(0) => {}
                Ok(sent) => tracing::info!(sent, "sent"),
                Err(problems) => {
                    self.outage.suspect(&self.project, &problems).await;
                    tracing::error!("not done: {problems}");
                    // An outage of the ledger is told when it is over.
                    if self.outage.rest().is_none() {
                        tell(&self.project, not_done(&problems)).await;
                    }
                }
            }
        }
        let now = self.project.clock.now();
        for errand in &mut self.errands {
            errand.begin(&self.project, &self.bell, now);
        }
    }

    /// Finishes what is under way.
    async fn drain(&mut self) {
        self.works.set_queue(Vec::new(), self.project.clock.now());
        while let Some(done) = self.works.next(&self.project).await {
            log(&done);
        }
        for errand in &mut self.errands {
            errand.end().await;
        }
    }
}

/// Something failed, and not because of one message or its server.
fn not_done(problems: &Problems) -> Notice {
    let lines = problems.0.iter().map(ToString::to_string).collect();
    Notice::new(Kind::Stuck, About::Thing("chenbao serve".to_owned()), lines)
}

/// Tells the owner; where even that fails, the log has it.
async fn tell(project: &Project, notice: Notice) {
    if let Err(problems) = notice::raise(project, &notice).await {
        tracing::error!("the owner cannot be told: {problems}");
    }
}

fn until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(at.duration_since(now)).ok()
}

/// Says what comes next to whoever asks the process or systemd.
fn tell_next(project: &Project, next: Option<Timestamp>) {
    project.life.expect(next);
    let text = match next {
        Some(at) => {
            let at = at.to_zoned(project.config.project.zone.clone());
            format!("waits for {}", at.strftime("%Y-%m-%d %H:%M:%S %:z"))
        }
        None => "nothing is scheduled".to_owned(),
    };
    systemd::status(&text);
}

fn log(done: &Done) {
    let report = done.work.report.as_str();
    match &done.came {
        Ok(Came::Made) => tracing::info!(report, "made"),
        Ok(Came::Waits) => tracing::info!(report, "waits for its sources"),
        Ok(Came::Failed) => tracing::error!(report, "failed"),
        Ok(Came::Nothing | Came::Retries) => {}
        Err(problems) => tracing::error!(report, "{problems}"),
    }
}

/// Sends what is queued, and what the owner has to hear.
async fn send(project: &Project) -> Result<usize, Problems> {
    let sent = deliver::send_due(project).await?;
    deliver::hear(project).await?;
    Ok(match notice::tell(project).await? {
        true => sent + deliver::send_due(project).await?,
        false => sent,
    })
}

/// One look: everything that is due now is done, in the order of its delivery time, and what is queued is sent.
///
/// # Errors
/// The ledger does not answer.
pub async fn look(project: &Arc<Project>) -> Result<Look, Problems> {
    let mut look = Look::default();
    let mut works = Works::default();
    let mut tried = BTreeSet::new();
    let mut stopped = Ok(());
    alive::seen(&project.ledger, project.clock.now()).await?;
    disk::watch(project).await;
    look.sent += send(project).await?;
    loop {
        let mut all = due::due(project, &mut look).await?;
        all.retain(|work| tried.insert(work.key()));
        if all.is_empty() {
            break;
        }
        works.set_queue(all, project.clock.now());
        works.foretell(project).await?;
        works.fill(project);
        while let Some(done) = works.next(project).await {
            match done.came {
                Ok(came) => look.count(came),
                // What was begun is finished all the same.
                Err(problems) => stopped = Err(problems),
            }
            works.fill(project);
            look.sent += send(project).await?;
        }
    }
    look.sent += send(project).await?;
    errand::prune(project).await?;
    look.sent += send(project).await?;
    stopped.map(|()| look)
}
