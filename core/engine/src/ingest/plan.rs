//! The mapping's part in DataFusion: the raw table under its contract's names, the select, the cast to the schema.

use super::Ingest;
use super::run::key_columns;
use crate::columns::{EXPORT, EXPORTED_AT, ROW, arrow_type};
use crate::functions::{Cells, blank_function, exported_function, id_function};
use crate::mapping::{Contract, RAW_TABLE, normal_header};
use crate::parquet_file::inspect;
use crate::scan::FilesTable;
use crate::session::failed;
use crate::sql::{add_columns, parse_select};
use crate::{Engine, Rows};
use arrow::datatypes::{DataType, SchemaRef};
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use chenbao_model::schema::{Merge, TableSchema};
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr_fn::cast;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::prelude::{SessionContext, ident};
use std::sync::Arc;

/// Offers the collection's raw tables to the select as one table `raw`.
pub(super) fn offer_raw(
    session: &SessionContext,
    job: &Ingest<'_>,
    cells: &Arc<Cells>,
) -> Result<(), Problems> {
    let mut shapes: Vec<SchemaRef> = Vec::new();
    for raw in job.raw {
        let file = job.lake.dir().join(&raw.path);
        let (schema, ..) = inspect(&file, "").map_err(|e| {
            Diagnostic::error(format!("a raw table cannot be read: {e}"))
                .in_file(file.display().to_string())
        })?;
        shapes.push(schema);
    }
    let layout = layout(job, &shapes);
    let offer = || -> Result<(), DataFusionError> {
        let mut whole: Option<DataFrame> = None;
        for (raw, schema) in job.raw.iter().zip(&shapes) {
            let table = FilesTable::new(Arc::clone(schema), [(raw.path.clone(), raw.bytes)]);
            let columns: Vec<Expr> = layout
                .iter()
                .map(|column| column.from(schema, cells))
                .collect();
            let part = session.read_table(Arc::new(table))?.select(columns)?;
            whole = Some(match whole {
                None => part,
                Some(whole) => whole.union(part)?,
            });
        }
        if let Some(whole) = whole {
            session.register_table(RAW_TABLE, whole.into_view())?;
        }
        Ok(())
    };
    offer().map_err(|e| failed("the raw tables cannot be read", &e).into())
}

/// One column of `raw`.
struct RawColumn<'a> {
    name: String,
    contract: Option<&'a Contract>,
    kind: DataType,
}

/// Columns of `raw`: the contract's, kept parts, and what else came, each with the type in which all tables have it.
fn layout<'a>(job: &'a Ingest<'_>, shapes: &[SchemaRef]) -> Vec<RawColumn<'a>> {
    let contracts = &job.mapping.columns;
    let mut columns: Vec<RawColumn<'a>> = contracts
        .iter()
        .map(|contract| RawColumn {
            name: contract.name.clone(),
            contract: Some(contract),
            kind: DataType::Utf8,
        })
        .collect();
    let declared = |header: &str| contracts.iter().any(|contract| contract.is(header));
    let parts = job.mapping.names().map(str::to_owned);
    let fields = shapes
        .iter()
        .flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()));
    for name in parts.chain(fields.filter(|name| !declared(name))) {
        if columns.iter().all(|column| column.name != name) {
            columns.push(RawColumn {
                name,
                contract: None,
                kind: DataType::Utf8,
            });
        }
    }
    for column in &mut columns {
        let kinds = shapes
            .iter()
            .flat_map(|schema| column.sources(schema))
            .map(|(_, kind)| kind);
        let kinds: Vec<DataType> = kinds.filter(|kind| !kind.is_null()).collect();
        if let Some(first) = kinds
            .first()
            .filter(|first| kinds.iter().all(|kind| kind == *first))
        {
            column.kind = first.clone();
        }
    }
    columns
}

impl RawColumn<'_> {
    /// Columns of a raw table that are this one, the contract's own header first.
    fn sources(&self, schema: &SchemaRef) -> Vec<(String, DataType)> {
        let found = |test: &dyn Fn(&str) -> bool| -> Vec<(String, DataType)> {
            let fields = schema.fields().iter().filter(|field| test(field.name()));
            fields
                .map(|field| (field.name().clone(), field.data_type().clone()))
                .collect()
        };
        match self.contract {
            None => found(&|name| name == self.name),
            Some(contract) => contract
                .headers()
                .flat_map(|header| found(&|name| normal_header(name) == normal_header(header)))
                .collect(),
        }
    }

    /// Its expression over one raw table: null where the table lacks it, the first that says something where it has two.
    fn from(&self, schema: &SchemaRef, cells: &Arc<Cells>) -> Expr {
        let sources = self.sources(schema);
        let typed = |(name, kind): &(String, DataType)| {
            let column = ident(name.as_str());
            if kind == &self.kind {
                column
            } else {
                cast(column, self.kind.clone())
            }
        };
        let value = match sources.as_slice() {
            [] => cast(lit(ScalarValue::Null), self.kind.clone()),
            [one] => typed(one),
            several if self.kind == DataType::Utf8 => {
                let blank = blank_function();
                coalesce(
                    several
                        .iter()
                        .map(|source| blank.call(vec![typed(source)]))
                        .collect(),
                )
            }
            several => coalesce(several.iter().map(typed).collect()),
        };
        let value = match self.contract {
            Some(contract) if contract.id => id_function(&contract.header, Arc::clone(cells))
                .call(vec![value, ident(EXPORT), ident(ROW)]),
            _ => value,
        };
        value.alias(self.name.clone())
    }
}

/// A table's rows as its files store them, with `_exported_at`, `_export` and `_row`.
pub(super) async fn mapped(
    session: &SessionContext,
    job: &Ingest<'_>,
    table: &TableSchema,
    select: &str,
) -> Result<DataFrame, Problems> {
    let here = |problem: Diagnostic| {
        let message = format!("the select of `{}`: {}", table.name, problem.message);
        Diagnostic {
            message,
            ..problem.in_file(job.mapping.name.clone())
        }
    };
    let plan = placed(session, select).await.map_err(here)?;
    let given: Vec<String> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let problems: Vec<Diagnostic> = misfits(table, &given).into_iter().map(here).collect();
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let column = |name: &str| -> Option<Expr> {
        let (qualifier, field) = plan
            .schema()
            .iter()
            .find(|(_, field)| field.name() == name)?;
        Some(Expr::Column(Column::from((qualifier, field))))
    };
    let typed = |name: &str, kind: DataType| {
        let value = column(name).unwrap_or_else(|| lit(ScalarValue::Null));
        cast(value, kind).alias(name)
    };
    let mut columns: Vec<Expr> = table
        .columns
        .iter()
        .map(|column| typed(&column.name, arrow_type(column.kind)))
        .collect();
    let export = cast(
        column(EXPORT).unwrap_or_else(|| lit(ScalarValue::Null)),
        DataType::Int64,
    );
    columns.push(
        exported_function(job.moments())
            .call(vec![export])
            .alias(EXPORTED_AT),
    );
    columns.push(typed(EXPORT, DataType::Int64));
    columns.push(typed(ROW, DataType::Int64));
    let frame = DataFrame::new(session.state(), plan.clone()).select(columns);
    frame
        .and_then(|frame| frame.sort(order(table)))
        .map_err(|e| here(failed("it cannot be planned", &e)).into())
}

/// Plans the select with `_export` and `_row` among its columns, added where it passes rows through.
async fn placed(session: &SessionContext, select: &str) -> Result<LogicalPlan, Diagnostic> {
    let mut query = parse_select(select, &[RAW_TABLE.to_owned()])?;
    let plan = Engine::plan(session, query.clone()).await?;
    let has = |name: &str| {
        plan.schema()
            .fields()
            .iter()
            .any(|field| field.name() == name)
    };
    let lacking: Vec<&str> = [EXPORT, ROW]
        .into_iter()
        .filter(|name| !has(name))
        .collect();
    if lacking.is_empty() {
        return Ok(plan);
    }
    const HINT: &str = "where it groups or joins rows, give `max(_export) as _export` and `max(_row) as _row` yourself";
    if !add_columns(&mut query, &lacking) {
        return Err(
            Diagnostic::error("it does not say which export and row its rows come from").hint(HINT),
        );
    }
    Engine::plan(session, query)
        .await
        .map_err(|problem| problem.hint(HINT))
}

/// Columns that the select gives in vain, and those without which no row can be stored.
fn misfits(table: &TableSchema, given: &[String]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for name in given
        .iter()
        .filter(|name| table.column(name).is_none() && *name != EXPORT && *name != ROW)
    {
        let problem = Diagnostic::error(format!("`{}` has no column `{name}`", table.name));
        let known = table.columns.iter().map(|column| column.name.as_str());
        problems.push(match nearest(name, known) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("leave it out, or declare a table of your own that has it"),
        });
    }
    for name in needed(table).filter(|name| !given.iter().any(|column| column == name)) {
        problems.push(Diagnostic::error(format!(
            "it gives no `{name}`, without which no row can be stored"
        )));
    }
    problems
}

/// Columns that no row may lack: the day that files it, and where rows merge by key, the key.
///
/// Tables of other merge rules may have key cells that are null on purpose: `hour` of a whole day's traffic.
pub(super) fn needed(table: &TableSchema) -> impl Iterator<Item = &str> {
    key_columns(table)
        .into_iter()
        .filter(|name| *name == "day" || table.merge == Merge::ByKey || table.key.len() == 1)
}

/// The order in which [`super::merge()`] walks: newest export first where it replaces, else newest last within a key.
fn order(table: &TableSchema) -> Vec<datafusion::logical_expr::SortExpr> {
    let up = |name: &str| ident(name).sort(true, true);
    let keys = key_columns(table);
    let mut order = Vec::new();
    if table.merge == Merge::ByKey {
        order.extend(keys.into_iter().map(up));
        order.push(up(EXPORTED_AT));
    } else {
        let (day, key): (Vec<&str>, Vec<&str>) = keys.into_iter().partition(|name| *name == "day");
        order.extend(day.into_iter().map(up));
        order.push(ident(EXPORTED_AT).sort(false, false));
        order.extend(key.into_iter().map(up));
    }
    order.extend([up(EXPORT), up(ROW)]);
    order
}

/// Runs it.
pub(super) async fn sorted(frame: DataFrame) -> Result<Rows, Diagnostic> {
    frame
        .execute_stream()
        .await
        .map(Rows::new)
        .map_err(|e| failed("the mapping could not be run", &e))
}
