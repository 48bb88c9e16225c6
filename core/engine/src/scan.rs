//! A table of exactly these files of the lake: nothing is listed, nothing is guessed, other files do not exist.

use crate::session::lake_url;
use arrow::datatypes::SchemaRef;
use chenbao_model::catalogue::Revision;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use std::sync::Arc;

/// Files under the lake's folder, read with one schema: a column that an old file lacks is null.
#[derive(Debug)]
pub(crate) struct FilesTable {
    schema: SchemaRef,
    files: Vec<PartitionedFile>,
}

impl FilesTable {
    /// A table of files by path and size.
    pub(crate) fn new(schema: SchemaRef, files: impl IntoIterator<Item = (String, u64)>) -> Self {
        let files = files
            .into_iter()
            .map(|(path, bytes)| PartitionedFile::new(path, bytes))
            .collect();
        Self { schema, files }
    }

    /// A table of revisions; empty ones are not even opened.
    pub(crate) fn of_revisions(schema: SchemaRef, revisions: &[&Revision]) -> Self {
        let full = revisions.iter().filter(|revision| revision.rows > 0);
        Self::new(
            schema,
            full.map(|revision| (revision.path.clone(), revision.bytes)),
        )
    }

    /// Neighbouring files stay together, one group a thread.
    fn groups(&self, threads: usize) -> Vec<FileGroup> {
        let each = self.files.len().div_ceil(threads.max(1)).max(1);
        self.files
            .chunks(each)
            .map(|files| FileGroup::new(files.to_vec()))
            .collect()
    }
}

#[async_trait::async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let source = Arc::new(ParquetSource::new(Arc::clone(&self.schema)));
        let scan = FileScanConfigBuilder::new(lake_url()?, source)
            .with_file_groups(self.groups(session.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        ParquetFormat::default()
            .create_physical_plan(session, scan)
            .await
    }
}
