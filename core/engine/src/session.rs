//! The embedded engine: memory, spill space and threads, and sessions that know one lake and nothing else.

use crate::functions::{Cells, functions};
use crate::lake::Lake;
use crate::rows::Rows;
use chenbao_model::Diagnostic;
use chenbao_storage as storage;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// What the engine may use.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Memory for sorts, joins and groups, before they spill.
    pub memory_bytes: usize,
    /// Where they spill to; made if it does not exist.
    pub temp_dir: PathBuf,
    /// Threads of one query.
    pub threads: usize,
}

/// DataFusion, embedded: one per process, shared by all collections and runs.
#[derive(Debug)]
pub struct Engine {
    runtime: RuntimeEnv,
    threads: usize,
}

impl Engine {
    /// Prepares memory and spill space.
    ///
    /// # Errors
    /// The spill folder cannot be made.
    pub fn new(options: EngineOptions) -> Result<Self, Diagnostic> {
        std::fs::create_dir_all(&options.temp_dir).map_err(|e| {
            Diagnostic::error(format!("the spill folder cannot be made: {e}"))
                .in_file(options.temp_dir.display().to_string())
                .hint("choose a folder that this user may write")
        })?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![options.temp_dir]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build()
            .map_err(|e| failed("the engine could not be started", &e))?;
        Ok(Self {
            runtime,
            threads: options.threads.max(1),
        })
    }

    /// A session that knows the functions of this crate and one lake: no catalogue of its own, no other file.
    pub(crate) fn session(
        &self,
        lake: &Lake,
        cells: Option<Arc<Cells>>,
    ) -> Result<SessionContext, Diagnostic> {
        let store = LocalFileSystem::new_with_prefix(lake.dir()).map_err(|e| {
            Diagnostic::error(format!("the lake cannot be read: {e}"))
                .in_file(lake.dir().display().to_string())
        })?;
        let runtime = RuntimeEnvBuilder::from_runtime_env(&self.runtime)
            .with_object_store_registry(Arc::new(OnlyLake(Arc::new(store))))
            .build_arc()
            .map_err(|e| failed("a session could not be started", &e))?;
        let mut config = SessionConfig::new()
            .with_target_partitions(self.threads)
            .with_information_schema(false);
        config
            .options_mut()
            .execution
            .parquet
            .schema_force_view_types = false;
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rules(trusted_rules())
            .with_table_function_list(Vec::new())
            .build();
        let session = SessionContext::new_with_state(state);
        for function in functions(cells) {
            session.register_udf(function);
        }
        Ok(session)
    }

    /// Plans a checked select.
    pub(crate) async fn plan(
        session: &SessionContext,
        select: ast::Query,
    ) -> Result<LogicalPlan, Diagnostic> {
        let statement = Statement::Statement(Box::new(ast::Statement::Query(Box::new(select))));
        session
            .state()
            .statement_to_plan(statement)
            .await
            .map_err(|e| failed("the SQL cannot be planned", &e))
    }

    /// Prepares a plan; it runs when its first row is asked for. Queries of one metric so never share memory, and one that
    /// nobody reads costs nothing.
    pub(crate) async fn run(
        session: &SessionContext,
        plan: LogicalPlan,
    ) -> Result<Rows, Diagnostic> {
        let frame = DataFrame::new(session.state(), plan);
        let context = Arc::new(frame.task_ctx());
        let plan = frame
            .create_physical_plan()
            .await
            .map_err(|e| failed("the query could not be started", &e))?;
        let schema = plan.schema();
        let rows = futures::stream::once(async move { execute_stream(plan, context) });
        Ok(Rows::new(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            rows.try_flatten(),
        ))))
    }
}

/// DataFusion's physical rules without `FilterPushdown` and its second pass. In 55.2 they move a filter below a projection by
/// the *names* of its columns: where both sides of a join have a column of one name (`coalesce(o.buyer_key, b.buyer_key)`),
/// the filter reads one side twice and rows vanish without a word. The logical rule of the same purpose stays: it reaches the
/// Parquet scan, and knows whose column is whose.
fn trusted_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let trusted = |rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| {
        !rule.name().starts_with("FilterPushdown")
    };
    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(trusted);
    rules
}

/// Where sessions find the lake's files: `lake://lake/` is the lake's folder.
pub(crate) fn lake_url() -> Result<ObjectStoreUrl, DataFusionError> {
    ObjectStoreUrl::parse("lake://lake")
}

/// A registry that holds the lake alone: whatever the SQL says, there is no other file to be had.
#[derive(Debug)]
struct OnlyLake(Arc<dyn ObjectStore>);

impl ObjectStoreRegistry for OnlyLake {
    fn register_store(
        &self,
        _: &url::Url,
        _: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &url::Url) -> Result<Arc<dyn ObjectStore>, DataFusionError> {
        if url.scheme() == "lake" {
            Ok(Arc::clone(&self.0))
        } else {
            Err(DataFusionError::Plan(format!("`{url}` is not in the lake")))
        }
    }
}

/// DataFusion's error as ours: its innermost message, without a backtrace.
pub(crate) fn failed(what: &str, error: &DataFusionError) -> Diagnostic {
    let root = error.find_root();
    let problem = Diagnostic::error(format!("{what}: {}", root.strip_backtrace()));
    match root {
        DataFusionError::ResourcesExhausted(_) => {
            problem.hint("give the engine more memory or a smaller window")
        }
        _ if storage::is_disk(error) => problem.machine().hint(
            "queries that need much memory spill to the folder tmp of the lake: make room there",
        ),
        _ => problem,
    }
}
