//! Step 4, compute: each metric once per set of shops; SQL in the engine, judgement in the plugin, a verdict for whoever fails.

use crate::asking;
use crate::chain::{self, Rows, Spools};
use crate::config::meant::{Campaign, Metric};
use crate::days::{self, days_of, until};
use crate::disk;
use crate::plan;
use crate::plugin::descriptor::{Described, Descriptor, Input};
use crate::plugin::host::{ComputeCall, MetricHost};
use crate::plugin::no_code;
use crate::plugin::store::Component;
use crate::plugin::verdict::Verdict;
use crate::project::Project;
use crate::quarantine;
use crate::schedule::Occurrence;
use crate::tables;
use arrow::array::RecordBatch;
use chenbao_engine::{Param, Query, Window};
use chenbao_model::catalogue::Snapshot;
use chenbao_model::diagnostic::Problems;
use chenbao_model::result::ResultDoc;
use chenbao_model::{Diagnostic, Digest, Grain, Id};
use chenbao_report::Outcome;
use futures::StreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a metric answered for one set of shops.
#[derive(Debug, Clone)]
pub struct Computed {
    /// Alias.
    pub alias: Id,
    /// Component id of the plugin.
    pub plugin: String,
    /// Answer, absence or failure.
    pub outcome: Outcome,
    /// The answer in the archive.
    pub digest: Option<Digest>,
    /// How the plugin failed, in one sentence with its code, for logs and the ledger.
    pub verdict: Option<String>,
    /// Whether the machine was the reason: a full disk where queries spill, not the plugin.
    pub machine: bool,
}

/// What all metrics of a run share.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The occurrence.
    pub occurrence: &'a Occurrence,
    /// What is read.
    pub snapshot: &'a Snapshot,
    /// Whose rows.
    pub shops: &'a [Id],
    /// The run.
    pub run: &'a str,
    /// The run's moment.
    pub now: Timestamp,
    /// Seen from a feed: which tables have one for these shops.
    pub fed: &'a BTreeSet<String>,
    /// When the report leaves; none where nobody waits.
    pub until: Option<Timestamp>,
    /// Sets of shops that are still to come, this one among them.
    pub sets: usize,
}

impl Job<'_> {
    /// The time until the report leaves; none where nobody waits, or it is late already.
    fn left(&self, project: &Project) -> Option<Duration> {
        let left = self.until?.duration_since(project.clock.now());
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }
}

/// The tables that a report's metrics read.
///
/// # Errors
/// Metrics read each other in a circle.
pub fn tables(project: &Project, metrics: &[Id]) -> Result<BTreeSet<String>, Problems> {
    let mut tables = BTreeSet::new();
    for metric in chain::order(project, metrics)? {
        let Ok(component) = project.component(&metric.plugin) else {
            continue;
        };
        let inputs = component.descriptor.inputs.iter();
        tables.extend(inputs.flat_map(|input| input.tables.iter().cloned()));
    }
    Ok(tables)
}

/// Runs the metrics of a report for one set of shops, each once, after those that it reads. No failure of a metric stops
/// another that does not read it.
///
/// # Errors
/// The archive does not take a result, or metrics read each other in a circle.
pub async fn compute(
    project: &Project,
    metrics: &[Id],
    job: &Job<'_>,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Computed>, Problems> {
    let order = chain::order(project, metrics)?;
    let mut done = Done::new();
    for (at, metric) in order.iter().enumerate() {
        progress(metric.id.as_str());
        let mut spools = Spools::of(project, &order, metric);
        let calls = order.len() * job.sets.max(1) - at;
        let time = asking::part(project.config.plugins.deadline, job.left(project), calls);
        let one = one(project, metric, (job, time), (&done, &mut spools)).await?;
        done.insert(metric.id.clone(), (one, spools));
    }
    Ok(metrics
        .iter()
        .filter_map(|id| done.remove(id))
        .map(|(computed, _)| computed)
        .collect())
}

/// A call of a metric: what it is about, and the time that it has.
type Turn<'a> = (&'a Job<'a>, Duration);

/// What was computed so far, by alias, with the large tables that others read.
type Done = BTreeMap<Id, (Computed, Spools)>;

async fn one(
    project: &Project,
    metric: &Metric,
    turn: Turn<'_>,
    others: Others<'_>,
) -> Result<Computed, Problems> {
    let mut computed = Computed {
        alias: metric.id.clone(),
        plugin: metric.plugin.to_string(),
        outcome: Outcome::Absent { need: Vec::new() },
        digest: None,
        verdict: None,
        machine: false,
    };
    let answer = watched(project, metric, turn, others).await;
    match answer {
        Ok(Answer::Absent(need)) => computed.outcome = Outcome::Absent { need },
        Ok(Answer::Done(doc)) => {
            let bytes = serde_json::to_vec(&doc).map_err(|e| Diagnostic::error(e.to_string()))?;
            computed.digest = Some(project.archive.put(&bytes)?);
            computed.outcome = Outcome::Done(doc);
        }
        Err(failure) => {
            tracing::error!(metric = %metric.id, code = failure.key, "{}", failure.sentence);
            computed.outcome = Outcome::Failed {
                verdict: failure.key,
            };
            computed.verdict = Some(failure.sentence);
            computed.machine = failure.machine;
        }
    }
    Ok(computed)
}

/// An answer, unless the plugin is left alone; a crash counts towards that.
async fn watched(
    project: &Project,
    metric: &Metric,
    turn: Turn<'_>,
    others: Others<'_>,
) -> Result<Answer, Failure> {
    let component = project.component(&metric.plugin)?;
    if let Some(sentence) = quarantine::held(project, component).await {
        return Err(Failure {
            key: quarantine::KEY.to_owned(),
            sentence,
            machine: false,
        });
    }
    let answer = answer(project, metric, turn, others).await;
    let verdict = match &answer {
        Ok(Answer::Absent(_)) => return answer,
        Ok(Answer::Done(_)) => None,
        Err(failure) => Some((failure.key.as_str(), failure.sentence.as_str())),
    };
    quarantine::ended(project, component, verdict).await;
    answer
}

enum Answer {
    Absent(Vec<String>),
    Done(ResultDoc),
}

/// A failure as a key for pages and a sentence for people who mend it.
struct Failure {
    key: String,
    sentence: String,
    machine: bool,
}

impl From<Verdict> for Failure {
    fn from(verdict: Verdict) -> Self {
        Self {
            key: verdict.code().to_owned(),
            sentence: verdict.to_string(),
            machine: false,
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        Self {
            key: "refused".to_owned(),
            sentence: problem.to_string(),
            machine: problem.machine,
        }
    }
}

/// The query that failed while a plugin read from it: what it failed with is the reason, whatever the plugin makes of it.
type Refused = Arc<OnceLock<Diagnostic>>;

/// What others have answered, and where the large tables go that others read.
type Others<'a> = (&'a Done, &'a mut Spools);

async fn answer(
    project: &Project,
    metric: &Metric,
    turn: Turn<'_>,
    others: Others<'_>,
) -> Result<Answer, Failure> {
    let refused = Refused::default();
    let answer = asked(project, metric, turn, (others, &refused)).await;
    answer.map_err(|failure| refused.get().cloned().map_or(failure, Failure::from))
}

async fn asked(
    project: &Project,
    metric: &Metric,
    (job, time): Turn<'_>,
    ((done, spools), refused): (Others<'_>, &Refused),
) -> Result<Answer, Failure> {
    let component = project.component(&metric.plugin)?;
    let descriptor = &component.descriptor;
    let params = descriptor
        .check_options(&metric.with)
        .map_err(|problems| Failure {
            key: "refused".to_owned(),
            sentence: Problems(problems).to_string(),
            machine: false,
        })?;
    let mut spec = project.host(component, params.to_string(), BTreeMap::new());
    if let Some(spec) = &mut spec {
        spec.limits.deadline = time;
    }
    let mut host = tokio::task::block_in_place(|| spec.map(MetricHost::spawn).transpose())?;
    let described = match &mut host {
        Some(host) => tokio::task::block_in_place(|| host.describe(&params.to_string()))?,
        None => Described::default(),
    };
    let asked = descriptor.asked(&described);
    let streams = match streams(project, metric, &asked, (job, done, refused)).await? {
        Ok(streams) => streams,
        Err(need) => return Ok(Answer::Absent(need)),
    };
    let Some(mut host) = host else {
        return without_code(descriptor, streams).await.map(Answer::Done);
    };
    let call = ComputeCall {
        outputs: described.outputs,
        ..call(project, component, params, job)
    };
    let inputs: Vec<(String, Rows)> = streams
        .into_iter()
        .map(|(name, rows)| (name, rows.blocking()))
        .collect();
    let folder = disk::spill(&project.config);
    let mut take = |table: &str, batch: RecordBatch| spools.take(&folder, table, &batch);
    let doc = tokio::task::block_in_place(|| host.compute_into(&call, inputs, &mut take))?;
    spools.end().map_err(Verdict::Host)?;
    Ok(Answer::Done(doc))
}

/// What a metric has with its params, for `check`: it is asked in a process of its own, and no row is read.
///
/// # Errors
/// The plugin refuses the params, or cannot be asked.
pub fn described(
    project: &Project,
    component: &Component,
    params: &serde_json::Value,
) -> Result<Described, Diagnostic> {
    let Some(spec) = project.host(component, params.to_string(), BTreeMap::new()) else {
        return Ok(Described::default());
    };
    let described =
        tokio::task::block_in_place(|| MetricHost::spawn(spec)?.describe(&params.to_string()));
    described.map_err(|verdict| Diagnostic::error(format!("`{}`: {verdict}", component.id)))
}

/// The rows of all inputs that there are, or what is lacking for those that must be there.
async fn streams(
    project: &Project,
    metric: &Metric,
    asked: &[&Input],
    (job, done, refused): (&Job<'_>, &Done, &Refused),
) -> Result<Result<Vec<(String, Stream)>, Vec<String>>, Failure> {
    let (mut need, mut given) = (BTreeSet::new(), Vec::new());
    for input in asked {
        match given_by(project, metric, input, (job, done))? {
            Given::Absent(_) if input.optional => {}
            Given::Absent(lacking) => need.extend(lacking),
            Given::Query => given.push((input, None)),
            Given::Metric(rows) => given.push((input, Some(rows))),
        }
    }
    if !need.is_empty() {
        return Ok(Err(need.into_iter().collect()));
    }
    let mut streams = Vec::new();
    for (input, other) in given {
        let stream = match other {
            Some(rows) => Stream(futures::stream::iter(rows).boxed()),
            None => Stream::new(rows(project, input, job).await?, refused),
        };
        streams.push((input.name.clone(), stream));
    }
    Ok(Ok(streams))
}

/// Where the rows of an input come from.
enum Given {
    /// Nowhere; what is lacking.
    Absent(Vec<String>),
    Query,
    Metric(Rows),
}

fn given_by(
    project: &Project,
    metric: &Metric,
    input: &Input,
    (job, done): (&Job<'_>, &Done),
) -> Result<Given, Failure> {
    let Some(from) = &input.from else {
        let lacking: Vec<String> = input
            .tables
            .iter()
            .filter(|table| !job.fed.contains(*table) && !tables::is_configured(table))
            .cloned()
            .collect();
        return Ok(if lacking.is_empty() {
            Given::Query
        } else {
            Given::Absent(lacking)
        });
    };
    let read = chain::read_by(project, metric, input, from)?;
    let Some((computed, spools)) = read.and_then(|read| done.get(&read.id)) else {
        return Ok(Given::Absent(vec![from.metric.clone()]));
    };
    match &computed.outcome {
        Outcome::Absent { need } => Ok(Given::Absent(need.clone())),
        Outcome::Failed { .. } if input.optional => Ok(Given::Absent(Vec::new())),
        // A key of its own: the crash of one plugin does not count against another that reads it.
        Outcome::Failed { verdict } => Err(Failure {
            key: "input".to_owned(),
            sentence: format!(
                "it reads `{}`, which failed: {}",
                computed.alias,
                computed.verdict.as_deref().unwrap_or(verdict)
            ),
            machine: computed.machine,
        }),
        Outcome::Done(doc) => chain::input_rows(doc, spools, from)
            .map(Given::Metric)
            .map_err(|why| Failure {
                key: "refused".to_owned(),
                sentence: format!("input `{}` reads `{}`: {why}", input.name, computed.alias),
                machine: false,
            }),
    }
}

/// A result set on its way to a plugin.
struct Stream(futures::stream::BoxStream<'static, Result<RecordBatch, String>>);

impl Stream {
    /// The engine's rows behind one empty batch, so that a plugin sees the columns before the query runs.
    fn new(rows: chenbao_engine::Rows, refused: &Refused) -> Self {
        let empty = RecordBatch::new_empty(rows.schema());
        let refused = Arc::clone(refused);
        let batches = rows
            .map(move |batch| batch.map_err(|problem| refused.get_or_init(|| problem).to_string()));
        Self(
            futures::stream::iter([Ok(empty)])
                .chain(batches)
                .fuse()
                .boxed(),
        )
    }

    /// The same rows for the blocking side.
    fn blocking(self) -> Rows {
        let runtime = tokio::runtime::Handle::current();
        let mut stream = self.0;
        Box::new(std::iter::from_fn(move || runtime.block_on(stream.next())))
    }
}

async fn rows(
    project: &Project,
    input: &Input,
    job: &Job<'_>,
) -> Result<chenbao_engine::Rows, Diagnostic> {
    let period = job.occurrence.period;
    let window = days_of(input.window, period).map_or(
        Window::Span {
            start: Date::MIN,
            end: until(job.now, zone(project, job)),
        },
        Window::Days,
    );
    let query = Query {
        sql: &input.sql,
        tables: &input.tables,
        window,
        params: params_of(project, job)?,
        scope: job.shops,
        extra: tables::configured(&project.config, &input.tables)?,
        custom: &project.config.tables,
    };
    let rows = project
        .engine
        .query(&project.lake, job.snapshot, &query)
        .await;
    rows.map_err(|problem| {
        let message = format!("input `{}`: {}", input.name, problem.message);
        Diagnostic { message, ..problem }
    })
}

async fn without_code(
    descriptor: &Descriptor,
    streams: Vec<(String, Stream)>,
) -> Result<ResultDoc, Failure> {
    let failed = |why: String| Failure {
        key: "data".to_owned(),
        sentence: why,
        machine: false,
    };
    let mut inputs: BTreeMap<String, Option<Vec<RecordBatch>>> = descriptor
        .inputs
        .iter()
        .map(|input| (input.name.clone(), None))
        .collect();
    for (name, mut stream) in streams {
        let mut batches = Vec::new();
        while let Some(batch) = stream.0.next().await {
            batches.push(batch.map_err(failed)?);
        }
        inputs.insert(name, Some(batches));
    }
    no_code::answer(descriptor, inputs).map_err(|why| failed(why.join("; ")))
}

fn params_of(project: &Project, job: &Job<'_>) -> Result<BTreeMap<String, Param>, Diagnostic> {
    let as_of = job.now.to_zoned(zone(project, job)).datetime();
    days::params(job.occurrence.period, as_of)
}

fn zone(project: &Project, job: &Job<'_>) -> jiff::tz::TimeZone {
    let shop = job
        .shops
        .first()
        .and_then(|id| project.config.shops.get(id));
    shop.map_or_else(
        || project.config.project.zone.clone(),
        |shop| shop.zone.clone(),
    )
}

/// The currency of an audience's shops; the configuration allows only one.
#[must_use]
pub fn currency(project: &Project, shops: &[Id]) -> String {
    let shop = shops.first().and_then(|id| project.config.shops.get(id));
    shop.map_or_else(
        || project.config.project.currency.clone(),
        |shop| shop.currency.clone(),
    )
}

fn call(
    project: &Project,
    component: &Component,
    params: serde_json::Value,
    job: &Job<'_>,
) -> ComputeCall {
    let occurrence = job.occurrence;
    let period = occurrence.period;
    let previous = period.previous().unwrap_or(period);
    let zone = zone(project, job);
    let grain = match period.grain() {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Span => "span",
    };
    let period_json = json!({
        "start": period.start().to_string(), "end": period.end().to_string(),
        "prev_start": previous.start().to_string(), "prev_end": previous.end().to_string(),
        "grain": grain, "tz": zone.iana_name().unwrap_or("UTC"),
    });
    let shops: Vec<serde_json::Value> = job
        .shops
        .iter()
        .filter_map(|id| project.config.shops.get(id))
        .map(|shop| json!({"id": shop.id, "platform": shop.platform}))
        .collect();
    let campaigns: Vec<serde_json::Value> = project
        .config
        .campaigns
        .values()
        .map(campaign_days)
        .collect();
    let campaign = occurrence
        .subject
        .as_ref()
        .and_then(|id| project.config.campaigns.get(id));
    let context_json = json!({
        "run_id": job.run, "as_of": job.now.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        "report": occurrence.report, "edition": occurrence.edition.to_string(), "seed": 0, "currency": currency(project, job.shops),
        "shops": shops, "campaigns": campaigns, "campaign": campaign.map(|campaign| whole_campaign(project, campaign)),
        "edition_age_days": plan::age_days(&occurrence.edition),
    });
    ComputeCall {
        component: component.id.clone(),
        params_json: params.to_string(),
        period_json: period_json.to_string(),
        context_json: context_json.to_string(),
        outputs: None,
    }
}

fn campaign_days(campaign: &Campaign) -> serde_json::Value {
    json!({
        "id": campaign.id, "type": campaign.kind, "name": campaign.name.in_lang("zh-CN"),
        "starts_on": campaign.starts.to_string(), "ends_on": campaign.ends.to_string(),
    })
}

fn whole_campaign(project: &Project, campaign: &Campaign) -> serde_json::Value {
    let phases: Vec<serde_json::Value> = campaign
        .phases
        .iter()
        .map(|phase| {
            json!({
                "id": phase.id, "name": phase.name.in_lang("zh-CN"), "starts_on": phase.starts.to_string(),
                "ends_on": phase.ends.to_string(), "plan": phase.plan.map(|plan| plan.to_string()),
            })
        })
        .collect();
    let last = project
        .config
        .campaigns
        .values()
        .filter(|other| other.kind == campaign.kind && other.ends < campaign.starts)
        .max_by_key(|other| other.ends);
    let mut whole = campaign_days(campaign);
    whole["phases"] = phases.into();
    whole["plan"] = json!(campaign.plan.map(|plan| plan.to_string()));
    whole["last"] = last.map_or(serde_json::Value::Null, campaign_days);
    whole
}
