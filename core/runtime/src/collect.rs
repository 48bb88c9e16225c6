//! Step 2, collect: each source and window once, whoever asks; raw rows land first, then the mapped revisions become visible.

use crate::asking::{self, Ask};
use crate::config;
use crate::config::meant::Source;
use crate::gate::Need;
use crate::kept::Kept;
use crate::ledger::{Collection, CollectionState, Commit};
use crate::life::{Doing, Part};
use crate::plugin::host::SourceHost;
use crate::plugin::store::Component;
use crate::plugin::verdict::Verdict;
use crate::project::Project;
use crate::quarantine;

use chenbao_engine::{Ingest, Mapping, RawTable, check_contract};
use chenbao_model::catalogue::{ExportFacts, Revision, Snapshot};
use chenbao_model::diagnostic::Problems;
use chenbao_model::{Diagnostic, Digest, Id, Period};
use chenbao_plugin::{Days, ExportFact, ScanFacts, ScanRequest};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::Instrument as _;

/// How often a lost race for a day is merged again before it is called trouble.
pub(crate) const MERGE_AGAIN: usize = 5;

/// What a source brought.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Source.
    pub source: Id,
    /// Exports that were read.
    pub exports: usize,
    /// Rows that were read.
    pub rows: u64,
    /// Revisions that became visible.
    pub revisions: usize,
    /// Caveats.
    pub warnings: Vec<Diagnostic>,
    /// Why it failed, if it did.
    pub trouble: Option<Problems>,
}

impl Collected {
    /// A source that has brought nothing so far.
    pub(crate) fn nothing(source: &Id) -> Self {
        Self {
            source: source.clone(),
            exports: 0,
            rows: 0,
            revisions: 0,
            warnings: Vec::new(),
            trouble: None,
        }
    }

    /// Why it failed, in one sentence.
    #[must_use]
    pub fn trouble_sentence(&self) -> Option<String> {
        self.trouble
            .as_ref()
            .and_then(|problems| problems.0.first())
            .map(|problem| problem.message.clone())
    }
}

/// Which days to ask a source for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// What the reports need now.
    pub near: Period,
    /// What a source is asked for the first time: cohorts and first purchases reach back further than any window.
    pub far: Period,
}

impl Windows {
    /// The same window, whether it is the first time or not.
    #[must_use]
    pub fn only(window: Period) -> Self {
        Self {
            near: window,
            far: window,
        }
    }

    async fn of(self, project: &Project, source: &Source) -> Period {
        match project
            .ledger
            .last_collection(&source.id, Some(CollectionState::Done))
            .await
        {
            Ok(Some(_)) => self.near,
            // A ledger that does not answer stops the collection a moment later, with its reason.
            Ok(None) | Err(_) => self.far,
        }
    }
}

/// Which sources feed the tables that some metrics read, and which of those tables each feeds.
///
/// # Errors
/// Mappings that cannot be read; all of them.
pub fn needs(
    project: &Project,
    tables: &BTreeSet<String>,
    shops: &BTreeSet<Id>,
) -> Result<Vec<Need>, Problems> {
    let mut needs = Vec::new();
    let mut problems = Vec::new();
    for source in project
        .config
        .sources
        .values()
        .filter(|source| shops.contains(&source.shop))
    {
        match project.mappings(source) {
            Ok(mappings) => {
                let all = mappings.iter().flat_map(|mapping| mapping.tables.keys());
                let fed: BTreeSet<String> = all
                    .filter(|table| tables.contains(*table))
                    .cloned()
                    .collect();
                if !fed.is_empty() {
                    needs.push(Need {
                        source: source.id.clone(),
                        tables: fed,
                        trouble: None,
                        lost: BTreeSet::new(),
                    });
                }
            }
            // A plugin that cannot be used brings nothing of whatever its source may feed, and says so when it is asked.
            Err(_) if project.component(&source.plugin).is_err() => needs.push(Need {
                source: source.id.clone(),
                tables: tables.clone(),
                trouble: None,
                lost: BTreeSet::new(),
            }),
            Err(found) => problems.extend(found.0),
        }
    }
    if problems.is_empty() {
        Ok(needs)
    } else {
        Err(Problems(problems))
    }
}

/// Collects sources one after another. A source that fails does not stop the others: what it failed with is in its answer
/// and in the ledger.
pub async fn collect(
    project: &Project,
    sources: &[Id],
    windows: Windows,
    ask: Ask,
    progress: &(dyn Fn(&str) + Sync),
) -> Vec<Collected> {
    let mut all = Vec::new();
    for id in sources {
        let Some(source) = project.config.sources.get(id) else {
            continue;
        };
        progress(id.as_str());
        let span = tracing::error_span!("collect", source = %id);
        all.push(asked(project, source, windows, ask).instrument(span).await);
    }
    all
}

/// Asks one source when it is its turn, unless another report has just asked it.
async fn asked(project: &Project, source: &Source, windows: Windows, ask: Ask) -> Collected {
    let left = ask.left(project.clock.now());
    let _turn = match project.turns.of(&source.id, left).await {
        Ok(turn) => turn,
        Err(problem) => {
            let mut collected = Collected::nothing(&source.id);
            collected.trouble = Some(problem.into());
            return collected;
        }
    };
    let window = windows.of(project, source).await;
    match asking::shared(project, source, window, ask).await {
        Some(shared) => shared,
        None => told(project, source, window, ask).await,
    }
}

/// Collects a source and says how it went: to the log, the meter and, if it failed, the ledger.
async fn told(project: &Project, source: &Source, window: Period, ask: Ask) -> Collected {
    project.life.turn(Part::Loop, Doing::Work);
    let collected = one(project, source, window, ask).await;
    let state = match &collected.trouble {
        Some(problems) => {
            tracing::warn!("not collected: {problems}");
            note_failure(project, source, window, problems).await;
            CollectionState::Failed
        }
        None => {
            let Collected { exports, rows, .. } = collected;
            tracing::info!(exports, rows, "collected");
            CollectionState::Done
        }
    };
    project
        .life
        .meter()
        .collected(source.id.as_str(), state.word());
    collected
}

async fn note_failure(project: &Project, source: &Source, window: Period, problems: &Problems) {
    let collection = Collection {
        source: source.id.clone(),
        window: Some((window.start(), window.last())),
        at: project.clock.now(),
        state: CollectionState::Failed,
        exports: Vec::new(),
        raw: None,
        note: problems.to_string(),
    };
    if let Err(e) = project.ledger.record_collection(&collection).await {
        tracing::error!(source = %source.id, "the ledger does not take the failed collection: {e}");
    }
}

async fn one(project: &Project, source: &Source, window: Period, ask: Ask) -> Collected {
    let mut collected = Collected::nothing(&source.id);
    if let Err(problems) = fill(project, source, (window, ask), &mut collected).await {
        collected.trouble = Some(problems);
    }
    collected
}

async fn fill(
    project: &Project,
    source: &Source,
    (window, ask): (Period, Ask),
    collected: &mut Collected,
) -> Result<(), Problems> {
    let keeper = Arc::new(Kept::of(&project.ledger, &source.id, &source.secrets));
    for mapping in project.mappings(source)? {
        while part(project, source, &mapping, (window, ask, &keeper), collected).await? {}
    }
    Ok(())
}

/// One scan, from the source into the catalogue; whether the source has more. A long download comes in parts, so that one that
/// dies goes on where it was.
async fn part(
    project: &Project,
    source: &Source,
    mapping: &Mapping,
    (window, ask, keeper): (Period, Ask, &Arc<Kept>),
    collected: &mut Collected,
) -> Result<bool, Problems> {
    keeper.forget();
    let known = project.ledger.known_exports(&source.id).await?;
    let asked = (window, ask, &known);
    let (raw, facts) = scan(project, source, mapping, asked, keeper).await?;
    let skipped = facts.skipped.iter();
    let skipped =
        skipped.map(|skipped| format!("`{}` was left alone: {}", skipped.name, skipped.why));
    let said = facts.warnings.iter().cloned().chain(skipped);
    collected.warnings.extend(said.map(Diagnostic::warning));
    let exports = facts
        .exports
        .iter()
        .map(export_facts)
        .collect::<Result<Vec<_>, _>>()?;
    check_headers(mapping, &facts, &mut collected.warnings)?;
    collected.exports += exports.len();
    collected.rows += exports.iter().map(|export| export.rows).sum::<u64>();
    let brought = exports.len();
    let mut digest = None;
    if let Some(raw) = raw.filter(|_| !exports.is_empty()) {
        digest = Some(raw.digest.clone());
        collected.warnings.extend(raw.warnings.clone());
        let landed = (&[raw][..], &exports[..]);
        collected.revisions +=
            publish(project, source, mapping, landed, &mut collected.warnings).await?;
    }
    record(project, source, window, (exports, digest)).await?;
    // The cursor moves after its rows are in the lake: whoever dies between the two reads some rows again, and merging by key
    // makes that no difference.
    let moved = keeper.settle().await?;
    if facts.more && brought == 0 && moved == 0 {
        return Err(Diagnostic::error(format!(
            "source `{}` says that there is more, and brings nothing",
            source.id
        ))
        .at(source.place.clone())
        .into());
    }
    Ok(facts.more)
}

/// Every header contract is checked before a row is mapped; all exports with problems are named at once, and a note that
/// holds for many exports is told once.
fn check_headers(
    mapping: &Mapping,
    facts: &ScanFacts,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for export in &facts.exports {
        match check_contract(mapping, &export.name, &export.columns) {
            Ok(notes) => {
                for note in notes {
                    if warnings.iter().all(|told| told.message != note.message) {
                        warnings.push(note);
                    }
                }
            }
            Err(found) => problems.extend(found.0),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

/// Runs the source in its host; its rows go to the lake's raw folder as they come.
async fn scan(
    project: &Project,
    source: &Source,
    mapping: &Mapping,
    (window, ask, known): (Period, Ask, &BTreeSet<Digest>),
    keeper: &Arc<Kept>,
) -> Result<(Option<RawTable>, ScanFacts), Problems> {
    let component = project.component(&source.plugin)?;
    let (options, secrets) = given(project, component, source)?;
    let reach = project
        .reach(component, &options, &secrets)
        .map_err(|problems| placed(problems, source))?;
    let Some(mut spec) = project.host(component, options.to_string(), secrets) else {
        return Err(Diagnostic::error(format!(
            "`{}` is no source: it has no library",
            component.id
        ))
        .at(source.place.clone())
        .into());
    };
    spec.keeper = Some(Arc::<Kept>::clone(keeper));
    spec.reach = reach;
    if let Some(left) = ask.left(project.clock.now()) {
        spec.limits.deadline = spec.limits.deadline.min(left);
    }
    let zone = place(project, source)
        .1
        .iana_name()
        .unwrap_or("UTC")
        .to_owned();
    let request = ScanRequest {
        table: source.raw.clone().unwrap_or_else(|| mapping.raw.clone()),
        period: Some(Days {
            start: window.start().to_string(),
            end: window.end().to_string(),
        }),
        known: known.iter().map(ToString::to_string).collect(),
        zone,
    };
    let mut writer = project
        .lake
        .raw_writer(mapping, &source.id, project.hash_key());
    not_held(project, component, source).await?;
    // What the disk refuses is no fault of the plugin.
    let mut refused = None;
    // The host speaks over a blocking socket; this task may block, the runtime has other threads.
    let scanned = tokio::task::block_in_place(|| {
        let mut host = SourceHost::spawn(spec)?;
        host.scan(&request, &mut |batch| {
            writer
                .write(&batch)
                .map_err(|problem| refused.insert(problem).to_string())
        })
    });
    if refused.is_none() {
        counted(project, component, scanned.as_ref().err()).await;
    }
    let facts = match (scanned, refused) {
        (_, Some(problem)) => return Err(problem.into()),
        (scanned, None) => scanned.map_err(|verdict| source_trouble(source, &verdict))?,
    };
    let raw = writer.finish()?;
    Ok((raw, facts))
}

/// What a source is opened with: its checked options, and its secrets as they are now.
fn given(
    project: &Project,
    component: &Component,
    source: &Source,
) -> Result<(serde_json::Value, BTreeMap<String, String>), Problems> {
    let mut options = source.with.clone();
    options.insert("_base".to_owned(), project.base().into());
    let options = component
        .descriptor
        .check_options(&options)
        .map_err(|problems| placed(problems, source))?;
    let mut secrets = BTreeMap::new();
    for (name, reference) in &source.secrets {
        secrets.insert(name.clone(), config::fetch(reference)?.expose().to_owned());
    }
    Ok((options, secrets))
}

/// A source whose plugin is left alone is not asked.
async fn not_held(
    project: &Project,
    component: &Component,
    source: &Source,
) -> Result<(), Problems> {
    let Some(why) = quarantine::held(project, component).await else {
        return Ok(());
    };
    let hint = format!(
        "`chenbao plugin release {}`, or another library",
        component.id
    );
    let problem = Diagnostic::error(why).at(source.place.clone());
    Err(problem.hint(hint).into())
}

async fn counted(project: &Project, component: &Component, verdict: Option<&Verdict>) {
    let said = verdict.map(|verdict| (verdict.code(), verdict.to_string()));
    let said = said.as_ref().map(|(code, why)| (*code, why.as_str()));
    quarantine::ended(project, component, said).await;
}

fn placed(problems: Vec<Diagnostic>, source: &Source) -> Problems {
    Problems(
        problems
            .into_iter()
            .map(|problem| problem.at(source.place.clone()))
            .collect(),
    )
}

fn source_trouble(source: &Source, verdict: &Verdict) -> Problems {
    Diagnostic::error(format!("source `{}`: {verdict}", source.id))
        .at(source.place.clone())
        .into()
}

fn export_facts(fact: &ExportFact) -> Result<ExportFacts, Problems> {
    let bad = |what: &str, text: &str| {
        Problems::from(Diagnostic::error(format!(
            "the source gives `{text}` as {what} of `{}`",
            fact.name
        )))
    };
    let date = |text: &String| text.parse().map_err(|_| bad("a covered day", text));
    let covers = fact
        .covers
        .as_ref()
        .map(|(from, to)| Ok::<_, Problems>((date(from)?, date(to)?)))
        .transpose()?;
    Ok(ExportFacts {
        export: fact.export,
        name: fact.name.clone(),
        digest: fact.digest.as_deref().and_then(Digest::parse),
        exported_at: fact
            .exported_at
            .parse()
            .map_err(|_| bad("the time of export", &fact.exported_at))?,
        covers_from: covers.map(|(from, _)| from),
        covers_to: covers.map(|(_, to)| to),
        provisional: fact.provisional,
        truncated: fact.truncated,
        rows: fact.rows,
    })
}

/// Platform and zone of a source's shop.
pub(crate) fn place<'a>(project: &'a Project, source: &Source) -> (&'a str, &'a TimeZone) {
    let shop = project.config.shops.get(&source.shop);
    let platform = shop.map_or("", |shop| shop.platform.as_str());
    let zone = shop.map_or(&project.config.project.zone, |shop| &shop.zone);
    (platform, zone)
}

/// Maps, merges and makes visible. Whoever loses the race for a day merges again from the newest.
async fn publish(
    project: &Project,
    source: &Source,
    mapping: &Mapping,
    (raw, facts): (&[RawTable], &[ExportFacts]),
    warnings: &mut Vec<Diagnostic>,
) -> Result<usize, Problems> {
    let (platform, zone) = place(project, source);
    let tables: Vec<&str> = mapping.tables.keys().map(String::as_str).collect();
    for _ in 0..MERGE_AGAIN {
        let current = project.ledger.current(&tables, &[&source.shop]).await?;
        let current: Vec<Revision> = current
            .into_iter()
            .filter(|revision| revision.feed == source.id)
            .collect();
        let job = Ingest {
            lake: &project.lake,
            mapping,
            raw,
            facts,
            shop: &source.shop,
            platform,
            zone,
            feed: &source.id,
            current: &current,
            custom: &project.config.tables,
        };
        let merged = project.engine.ingest(&job).await?;
        match project.ledger.commit(&merged.value).await? {
            Commit::Committed => {
                warnings.extend(merged.warnings);
                return Ok(merged.value.len());
            }
            Commit::Lost(day) => {
                tracing::info!(table = %day.table, "another node was first; merging again");
            }
        }
    }
    Err(Diagnostic::error(format!(
        "source `{}` lost the race for the same day {MERGE_AGAIN} times",
        source.id
    ))
    .hint("several nodes collect the same source at once; collect again")
    .into())
}

async fn record(
    project: &Project,
    source: &Source,
    window: Period,
    (exports, raw): (Vec<ExportFacts>, Option<Digest>),
) -> Result<(), Problems> {
    let collection = Collection {
        source: source.id.clone(),
        window: Some((window.start(), window.last())),
        at: project.clock.now(),
        state: CollectionState::Done,
        exports,
        raw,
        note: String::new(),
    };
    project
        .ledger
        .record_collection(&collection)
        .await
        .map_err(Problems::from)
}

/// Pins what a run reads: the newest revisions of its tables and shops.
///
/// # Errors
/// The ledger does not answer.
pub async fn pin(
    project: &Project,
    tables: &BTreeSet<String>,
    shops: &BTreeSet<Id>,
) -> Result<Snapshot, Problems> {
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let shops: Vec<&Id> = shops.iter().collect();
    let revisions = project.ledger.current(&tables, &shops).await?;
    Ok(Snapshot::new(revisions))
}
