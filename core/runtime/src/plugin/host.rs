//! Calls to plugins from the parent: a process per configured source or metric, started again after a crash.
//!
//! Everything here blocks; async callers use a blocking thread.

use super::conformance;
use super::descriptor::{Described, Descriptor};
use super::keeper::Keeper;
use super::large::Large;
use super::opened::Opened;
use super::restrict::Fence;
use super::rows::{self, Packer};
use super::session::{Clock, Session, Start, out_of_turn};
use super::verdict::Verdict;
use super::wire::{Down, Up};
use crate::config::hide;
use arrow::array::RecordBatch;
use chenbao_model::result::ResultDoc;
use chenbao_plugin::{ErrorCode, ScanFacts, ScanRequest, TableInfo};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use super::reach::Reach;

/// What a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for the plugin's own part of a call, and processor time of all its threads together.
    pub deadline: Duration,
    /// Time to stop by itself after the deadline, before it is killed.
    pub grace: Duration,
    /// Memory that it may allocate; rows that it was handed do not count.
    pub memory_bytes: u64,
}

/// How to start a plugin's process.
#[derive(Clone)]
pub struct HostSpec {
    /// This program.
    pub exe: PathBuf,
    /// The library.
    pub library: PathBuf,
    /// Component id.
    pub component: String,
    /// Checked options of a source, defaults filled in.
    pub options_json: String,
    /// Secrets of a source by name; they travel over the socket.
    pub secrets: BTreeMap<String, String>,
    /// Whoever keeps a source's state and its rotating secrets; without one it has neither.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Limits.
    pub limits: Limits,
    /// What it may reach.
    pub reach: Reach,
    /// The library as it was looked at; none: whatever lies at its path.
    pub opened: Option<Opened>,
}

impl std::fmt::Debug for HostSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secrets: Vec<&String> = self.secrets.keys().collect();
        f.debug_struct("HostSpec")
            .field("library", &self.library)
            .field("component", &self.component)
            .field("secrets", &secrets)
            .finish_non_exhaustive()
    }
}

impl HostSpec {
    fn start(&self, network: bool) -> Result<(Session, Descriptor), Verdict> {
        let Limits {
            deadline,
            memory_bytes,
            ..
        } = self.limits;
        let Reach {
            read,
            write,
            sandbox,
        } = self.reach.clone();
        let mut session = Session::start(&Start {
            exe: &self.exe,
            library: &self.library,
            opened: self.opened.as_ref(),
            memory_bytes,
            cpu: deadline,
            fence: Fence {
                read,
                write,
                network,
                sandbox,
            },
        })?;
        session.keeper.clone_from(&self.keeper);
        let descriptor = Descriptor::from_library(&session.descriptor)
            .map_err(|problems| Verdict::RefusedAtLoad(problems.to_string()))?;
        if descriptor.id != self.component {
            return Err(Verdict::RefusedAtLoad(format!(
                "it is `{}`, not `{}`",
                descriptor.id, self.component
            )));
        }
        Ok((session, descriptor))
    }

    fn clock(&self) -> Clock {
        Clock::new(self.limits.deadline, self.limits.grace)
    }
}

/// Arguments of a metric's computation, as JSON of the contract.
#[derive(Debug, Clone, Default)]
pub struct ComputeCall {
    /// Component id.
    pub component: String,
    /// Checked params, defaults filled in.
    pub params_json: String,
    /// Period.
    pub period_json: String,
    /// Context.
    pub context_json: String,
    /// The outputs that are expected; none for all that are declared.
    pub outputs: Option<BTreeSet<String>>,
}

/// A result set on its way to a plugin: its name and its batches. An empty set should give one batch without rows, so
/// that the plugin sees its columns.
pub type InputRows = (
    String,
    Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>,
);

/// The process of a metric.
#[derive(Debug)]
pub struct MetricHost {
    spec: HostSpec,
    descriptor: Descriptor,
    session: Option<Session>,
}

impl MetricHost {
    /// Starts the process and loads the library.
    ///
    /// # Errors
    /// [`Verdict::RefusedAtLoad`] or [`Verdict::Host`].
    pub fn spawn(spec: HostSpec) -> Result<Self, Verdict> {
        let (session, descriptor) = spec.start(false)?;
        Ok(Self {
            spec,
            descriptor,
            session: Some(session),
        })
    }

    /// What there is with some params, and whether the plugin takes them at all.
    ///
    /// # Errors
    /// The verdict on this call: params that make no sense together are the plugin's error `invalid_config`.
    pub fn describe(&mut self, params_json: &str) -> Result<Described, Verdict> {
        let component = self.spec.component.clone();
        self.with_session(|session, spec| {
            let params = params_json.to_owned();
            session.say(&Down::Describe { component, params }, None)?;
            let mut clock = spec.clock();
            let (frame, _) = session.hear(&mut clock)?;
            last(frame, &clock)
        })
        .and_then(|json| Described::read(&json, &self.descriptor))
    }

    /// One answer, checked against the contract and the plugin's own declaration. After a crash the next call gets a
    /// fresh process.
    ///
    /// # Errors
    /// The verdict on this call.
    pub fn compute(
        &mut self,
        call: &ComputeCall,
        inputs: Vec<InputRows>,
    ) -> Result<ResultDoc, Verdict> {
        self.compute_into(call, inputs, &mut |_, _| Ok(()))
    }

    /// The same; the rows of tables that are too large for a document go to `take`, batch by batch, with the table's id.
    /// The document holds the first of them.
    ///
    /// # Errors
    /// The verdict on this call.
    pub fn compute_into(
        &mut self,
        call: &ComputeCall,
        inputs: Vec<InputRows>,
        take: TakeTable<'_>,
    ) -> Result<ResultDoc, Verdict> {
        let mut large = Large::default();
        let json = self.with_session(|session, spec| {
            let mut both = |table: &str, batch: RecordBatch| {
                large.add(table, &batch)?;
                take(table, batch)
            };
            ask(session, spec.clock(), call, inputs, &mut both)
        })?;
        judge(&json, &self.descriptor, &call.outputs, &large)
    }

    /// Runs a call in the process, which is kept for the next if it came through.
    fn with_session<T>(
        &mut self,
        work: impl FnOnce(&mut Session, &HostSpec) -> Result<T, Verdict>,
    ) -> Result<T, Verdict> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.spec.start(false)?.0,
        };
        let answered = work(&mut session, &self.spec);
        if session.idle && !matches!(answered, Err(Verdict::Panic(_))) {
            self.session = Some(session);
        }
        answered
    }
}

/// Whoever takes the rows of large tables.
pub type TakeTable<'a> = &'a mut dyn FnMut(&str, RecordBatch) -> Result<(), String>;

fn ask(
    session: &mut Session,
    mut clock: Clock,
    call: &ComputeCall,
    inputs: Vec<InputRows>,
    take: TakeTable<'_>,
) -> Result<String, Verdict> {
    let (names, mut packers): (Vec<String>, Vec<_>) = inputs
        .into_iter()
        .map(|(name, batches)| (name, Packer::new(batches)))
        .unzip();
    let ComputeCall {
        component,
        params_json,
        period_json,
        context_json,
        ..
    } = call.clone();
    session.say(
        &Down::Compute {
            component,
            params: params_json,
            period: period_json,
            context: context_json,
            inputs: names,
        },
        None,
    )?;
    // An input that the parent could not read is the parent's failure, whatever the plugin makes of it.
    let mut unread = None;
    loop {
        let input = match session.hear(&mut clock)? {
            (Up::Next { input }, _) => input,
            (Up::TableRows { table }, Some(file)) => {
                if !clock.expired {
                    taken(&mut clock, file, &mut |batch| take(&table, batch))?;
                }
                session.say(&Down::Taken, None)?;
                continue;
            }
            (frame, _) => {
                return match unread {
                    Some(why) => Err(Verdict::Host(why)),
                    None => last(frame, &clock),
                };
            }
        };
        let stopped = || Err("stopped as asked".to_owned());
        let file = match packers.get_mut(input) {
            Some(packer) if !clock.expired => clock.paused(|| {
                packer
                    .next_file()
                    .inspect_err(|why| unread = Some(why.clone()))
            }),
            Some(_) => stopped(),
            None => return Err(out_of_turn()),
        };
        match file {
            Ok(file) => session.say(&Down::Rows { failed: None }, file.as_ref())?,
            Err(why) => session.say(&Down::Rows { failed: Some(why) }, None)?,
        }
    }
}

/// What the last frame of a call says.
fn last(frame: Up, clock: &Clock) -> Result<String, Verdict> {
    match frame {
        _ if clock.expired => Err(Verdict::Timeout),
        Up::Answer { json } => Ok(json),
        Up::Unfit { why } => Err(Verdict::Breach(vec![why])),
        Up::Left { what } => Err(Verdict::LeftRunning(what)),
        Up::Failed {
            code,
            message,
            retryable,
            retry_after_ms,
        } => Err(match ErrorCode::from_status(code) {
            ErrorCode::Panic => Verdict::Panic(message),
            ErrorCode::Cancelled => Verdict::Cancelled,
            code => Verdict::PluginError {
                code: code.name().to_owned(),
                message,
                retryable,
                retry_after_ms,
            },
        }),
        _ => Err(out_of_turn()),
    }
}

fn judge(
    json: &str,
    descriptor: &Descriptor,
    outputs: &Option<BTreeSet<String>>,
    large: &Large,
) -> Result<ResultDoc, Verdict> {
    let mut doc: ResultDoc = parsed(json)?;
    let mut found = large.fill(&mut doc);
    found.extend(conformance::breaches(&doc, descriptor, outputs.as_ref()));
    if found.is_empty() {
        Ok(doc)
    } else {
        Err(Verdict::Breach(found))
    }
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<T, Verdict> {
    serde_json::from_str(json).map_err(|e| {
        Verdict::Breach(vec![format!(
            "the answer does not read as the contract says: {e}"
        )])
    })
}

/// The process of a source.
#[derive(Debug)]
pub struct SourceHost {
    spec: HostSpec,
    session: Option<Session>,
}

#[derive(Deserialize)]
struct Checked {
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<TableInfo>,
}

impl SourceHost {
    /// Starts the process, loads the library and opens the source.
    ///
    /// # Errors
    /// [`Verdict::RefusedAtLoad`], [`Verdict::Host`], or what the source says about its options.
    pub fn spawn(spec: HostSpec) -> Result<Self, Verdict> {
        let session = Self::opened(&spec)?;
        Ok(Self {
            spec,
            session: Some(session),
        })
    }

    fn opened(spec: &HostSpec) -> Result<Session, Verdict> {
        let (mut session, _) = spec.start(true)?;
        let (component, options, secrets) = (
            spec.component.clone(),
            spec.options_json.clone(),
            spec.secrets.clone(),
        );
        session.say(
            &Down::Open {
                component,
                options,
                secrets,
            },
            None,
        )?;
        let mut clock = spec.clock();
        let (frame, _) = session.hear(&mut clock)?;
        last(frame, &clock)?;
        Ok(session)
    }

    /// Proves that the source can be reached; notes for the user.
    ///
    /// # Errors
    /// The verdict on this call.
    pub fn check(&mut self) -> Result<Vec<String>, Verdict> {
        let json = self.call(&Down::Check, &mut |_| Ok(()))?;
        let checked: Checked = parsed(&json)?;
        let notes = checked.notes.iter();
        Ok(notes.map(|note| hide(note).into_owned()).collect())
    }

    /// Its raw tables.
    ///
    /// # Errors
    /// The verdict on this call.
    pub fn tables(&mut self) -> Result<Vec<TableInfo>, Verdict> {
        let json = self.call(&Down::Tables, &mut |_| Ok(()))?;
        parsed::<Tables>(&json).map(|tables| tables.tables)
    }

    /// Reads a table batch by batch, in bounded memory; at the end come the facts of what was read.
    ///
    /// # Errors
    /// The verdict on this call; [`Verdict::Host`] with `take`'s own words if that fails.
    pub fn scan(
        &mut self,
        request: &ScanRequest,
        take: &mut dyn FnMut(RecordBatch) -> Result<(), String>,
    ) -> Result<ScanFacts, Verdict> {
        let request = serde_json::to_string(request).map_err(|e| Verdict::Host(e.to_string()))?;
        let json = self.call(&Down::Scan { request }, take)?;
        let mut facts: ScanFacts = parsed(&json)?;
        let skipped = facts.skipped.iter_mut().map(|skipped| &mut skipped.why);
        for said in facts.warnings.iter_mut().chain(skipped) {
            *said = hide(said).into_owned();
        }
        Ok(facts)
    }

    fn call(
        &mut self,
        frame: &Down,
        take: &mut dyn FnMut(RecordBatch) -> Result<(), String>,
    ) -> Result<String, Verdict> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Self::opened(&self.spec)?,
        };
        let answered = receive(&mut session, self.spec.clock(), frame, take);
        if session.idle && !matches!(answered, Err(Verdict::Panic(_))) {
            self.session = Some(session);
        }
        answered
    }
}

fn receive(
    session: &mut Session,
    mut clock: Clock,
    frame: &Down,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), String>,
) -> Result<String, Verdict> {
    session.say(frame, None)?;
    loop {
        match session.hear(&mut clock)? {
            (Up::Rows, Some(file)) => {
                if !clock.expired {
                    taken(&mut clock, file, take)?;
                }
                session.say(&Down::Taken, None)?;
            }
            (frame, _) => return last(frame, &clock),
        }
    }
}

/// Reading what a plugin sent is a part of its time; what is done with the rows is not.
fn taken(
    clock: &mut Clock,
    file: OwnedFd,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), String>,
) -> Result<(), Verdict> {
    let batches = rows::unpack(file)
        .map_err(|why| Verdict::Breach(vec![format!("its rows cannot be read: {why}")]))?;
    clock.paused(|| {
        let mut batches = batches.into_iter();
        batches.try_for_each(|batch| take(batch).map_err(Verdict::Host))
    })
}

impl Drop for SourceHost {
    /// Lets the source say goodbye to its server, briefly.
    fn drop(&mut self) {
        if let Some(session) = &mut self.session
            && session.say(&Down::Close, None).is_ok()
        {
            let _ = session.hear(&mut Clock::new(Duration::from_secs(1), Duration::ZERO));
        }
    }
}
