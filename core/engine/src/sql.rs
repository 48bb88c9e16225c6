//! What SQL may say: one `select` over declared tables, and typed values for its `$names`.

use crate::Param;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::nearest;
use datafusion::sql::sqlparser::ast::{
    self, CastKind, DataType, Expr, Ident, ObjectName, Query, Select, SelectItem, SetExpr,
    Statement, TableFactor, TimezoneInfo, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Checks that a text is one `select` over the declared tables alone: at load, and again before it runs.
///
/// # Errors
/// It is no SQL, more or something else than one select, or names a table, file or function that it may not.
pub fn check_sql(sql: &str, tables: &[String]) -> Result<(), Diagnostic> {
    parse_select(sql, tables).map(drop)
}

/// The checked select.
pub(crate) fn parse_select(sql: &str, tables: &[String]) -> Result<Query, Diagnostic> {
    let mut statements =
        Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| unparsed(&error))?;
    let mut query = match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => query,
        (Some(other), true) => return Err(refused(&first_word(&other))),
        (None, _) => return Err(Diagnostic::error("the SQL is empty").hint(ONE_SELECT)),
        (Some(_), false) => {
            return Err(Diagnostic::error("the SQL has more than one statement").hint(ONE_SELECT));
        }
    };
    let check = Check {
        tables: tables.iter().map(String::as_str).collect(),
        with: BTreeSet::new(),
    };
    walk(&mut query, Walk::Check(check))?;
    Ok(*query)
}

const ONE_SELECT: &str = "write exactly one `select`";

fn unparsed(error: &ParserError) -> Diagnostic {
    let text = error.to_string();
    Diagnostic::error(format!(
        "the SQL cannot be read: {}",
        text.strip_prefix("sql parser error: ").unwrap_or(&text)
    ))
}

fn first_word(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

fn refused(what: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "`{what}` is not allowed: the SQL of a metric or mapping only reads"
    ))
    .hint(ONE_SELECT)
}

/// Walks the whole select, subqueries included.
struct Check<'a> {
    tables: BTreeSet<&'a str>,
    with: BTreeSet<String>,
}

impl Check<'_> {
    fn relation(&self, name: &ObjectName) -> Result<(), Diagnostic> {
        let [part] = name.0.as_slice() else {
            return Err(Diagnostic::error(format!(
                "the table `{name}` has a catalogue or schema before its name"
            ))
            .hint("tables are named alone"));
        };
        let Some(ident) = part.as_ident() else {
            return Err(table_function(&name.to_string()));
        };
        if matches!(ident.quote_style, Some('\'')) || ident.value.contains(['/', '.', '\\', ':']) {
            return Err(Diagnostic::error(format!(
                "`{}` looks like a file: SQL reads tables, never paths",
                ident.value
            )));
        }
        let name = folded(ident);
        if self.tables.contains(name.as_str()) || self.with.contains(&name) {
            return Ok(());
        }
        let problem = Diagnostic::error(format!("the table `{name}` is not declared"));
        Err(match nearest(&name, self.tables.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!(
                "add it to `tables`, or read {}",
                listed(&self.tables)
            )),
        })
    }

    fn body(body: &SetExpr) -> Result<(), Diagnostic> {
        match body {
            SetExpr::Insert(_) => Err(refused("insert")),
            SetExpr::Update(_) => Err(refused("update")),
            SetExpr::Delete(_) => Err(refused("delete")),
            SetExpr::Merge(_) => Err(refused("merge")),
            SetExpr::Table(_) => Err(refused("table")),
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_) => Ok(()),
        }
    }
}

/// An identifier as the planner compares it: unquoted ones in lower case.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() {
        ident.value.clone()
    } else {
        ident.value.to_lowercase()
    }
}

fn listed(names: &BTreeSet<&str>) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn table_function(name: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "`{name}` is a table function: SQL reads declared tables only"
    ))
}

fn flow(result: Result<(), Diagnostic>) -> ControlFlow<Diagnostic> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(problem) => ControlFlow::Break(problem),
    }
}

/// Functions whose answer does not follow from the rows.
const UNSTEADY: [&str; 9] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "today",
    "random",
    "rand",
    "uuid",
];

/// One visitor for both walks: the compiler writes the whole grammar out for each type of visitor.
enum Walk<'a> {
    Check(Check<'a>),
    Bind(&'a BTreeMap<String, Param>),
}

fn walk(query: &mut Query, mut walk: Walk<'_>) -> Result<(), Diagnostic> {
    match VisitMut::visit(query, &mut walk) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(problem) => Err(problem),
    }
}

impl VisitorMut for Walk<'_> {
    type Break = Diagnostic;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Diagnostic> {
        let Self::Check(check) = self else {
            return ControlFlow::Continue(());
        };
        if let Some(with) = &query.with {
            check.with.extend(
                with.cte_tables
                    .iter()
                    .map(|table| folded(&table.alias.name)),
            );
        }
        if !query.locks.is_empty() {
            return ControlFlow::Break(refused("for update"));
        }
        flow(Check::body(&query.body))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Diagnostic> {
        if select.into.is_some() {
            ControlFlow::Break(refused("into"))
        } else {
            ControlFlow::Continue(())
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Diagnostic> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(table_function(&other.to_string())),
        }
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Diagnostic> {
        match self {
            Self::Check(check) => flow(check.relation(name)),
            Self::Bind(_) => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Diagnostic> {
        match self {
            Self::Check(_) => flow(steady(expr)),
            Self::Bind(params) => flow(bound(expr, params)),
        }
    }
}

fn steady(expr: &Expr) -> Result<(), Diagnostic> {
    let Expr::Function(function) = expr else {
        return Ok(());
    };
    let name = function.name.to_string().to_lowercase();
    if UNSTEADY.contains(&name.as_str()) {
        let what =
            format!("`{name}` gives another answer every time: a replay could not repeat it");
        return Err(Diagnostic::error(what).hint("use `$as_of`, `$start` or `$end`"));
    }
    Ok(())
}

/// Puts typed values in the place of `$names`.
pub(crate) fn bind(query: &mut Query, params: &BTreeMap<String, Param>) -> Result<(), Diagnostic> {
    walk(query, Walk::Bind(params))
}

fn bound(expr: &mut Expr, params: &BTreeMap<String, Param>) -> Result<(), Diagnostic> {
    let Expr::Value(ValueWithSpan {
        value: Value::Placeholder(written),
        ..
    }) = expr
    else {
        return Ok(());
    };
    let name = written.trim_start_matches('$');
    let Some(param) = params.get(name) else {
        let known: BTreeSet<&str> = params.keys().map(String::as_str).collect();
        let problem = Diagnostic::error(format!("the parameter `{written}` is not known"));
        return Err(match nearest(name, known.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `${near}`?")),
            None => problem.hint(format!("known parameters: {}", listed(&known))),
        });
    };
    *expr = literal(param);
    Ok(())
}

fn literal(param: &Param) -> Expr {
    let text = |text: String| Expr::Value(Value::SingleQuotedString(text).into());
    match param {
        Param::Text(value) => text(value.clone()),
        Param::Int(value) => typed(text(value.to_string()), DataType::BigInt(None)),
        Param::Day(value) => typed(text(value.to_string()), DataType::Date),
        Param::At(value) => typed(
            text(value.to_string()),
            DataType::Timestamp(Some(6), TimezoneInfo::None),
        ),
    }
}

fn typed(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type,
        array: false,
        format: None,
    }
}

/// Adds columns to the select list of every branch, where rows pass through one by one; `false` where they do not.
pub(crate) fn add_columns(query: &mut Query, columns: &[&str]) -> bool {
    add_to_body(&mut query.body, columns)
}

fn add_to_body(body: &mut SetExpr, columns: &[&str]) -> bool {
    match body {
        SetExpr::Select(select) => {
            let grouped = match &select.group_by {
                ast::GroupByExpr::All(_) => true,
                ast::GroupByExpr::Expressions(by, _) => !by.is_empty(),
            };
            if grouped || select.distinct.is_some() {
                return false;
            }
            let added = columns
                .iter()
                .map(|name| SelectItem::UnnamedExpr(Expr::Identifier(Ident::new(*name))));
            select.projection.extend(added);
            true
        }
        SetExpr::Query(query) => add_to_body(&mut query.body, columns),
        SetExpr::SetOperation {
            op: ast::SetOperator::Union,
            set_quantifier: ast::SetQuantifier::All,
            left,
            right,
        } => add_to_body(left, columns) && add_to_body(right, columns),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str) -> Result<(), String> {
        check_sql(sql, &["orders".to_owned(), "refunds".to_owned()])
            .map_err(|problem| problem.message)
    }

    #[test]
    fn selects_of_every_shape_pass() {
        for sql in [
            "select count(*) from orders",
            "select * from ORDERS o join refunds using (order_id) where day >= $start_day;",
            "with d as (select day from orders) select * from d union all select day from refunds",
            "select * from (select 1 as x) t where x in (select qty from orders)",
            "select cast('copy x to y' as varchar) from orders",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (sql, why) in [
            ("insert into orders values (1)", "`insert` is not allowed"),
            ("update orders set qty = 1", "`update` is not allowed"),
            ("delete from orders", "`delete` is not allowed"),
            ("drop table orders", "`drop` is not allowed"),
            (
                "create table x as select * from orders",
                "`create` is not allowed",
            ),
            ("copy orders to '/tmp/x.csv'", "`copy` is not allowed"),
            (
                "set datafusion.execution.batch_size = 1",
                "`set` is not allowed",
            ),
            ("show tables", "`show` is not allowed"),
            ("explain select 1", "`explain` is not allowed"),
            ("select 1; select 2", "more than one statement"),
            ("", "empty"),
            ("select * into x from orders", "`into` is not allowed"),
            (
                "with x as (delete from orders returning 1) select * from x",
                "",
            ),
            ("select * from 'x.parquet'", "looks like a file"),
            ("select * from \"/etc/passwd\"", "looks like a file"),
            (
                "select * from information_schema.tables",
                "catalogue or schema",
            ),
            ("select * from generate_series(1, 3)", "table function"),
            (
                "select * from orders where exists (select 1 from read_parquet('x'))",
                "table function",
            ),
            ("select * from", "the SQL cannot be read"),
            ("select * from \"order\"", "`order` is not declared"),
            ("select * from customers", "`customers` is not declared"),
            (
                "select (select max(cost) from products) from orders",
                "`products` is not declared",
            ),
            (
                "select * from orders where paid_at > now()",
                "`now` gives another answer",
            ),
            (
                "select * from orders where day = current_date",
                "`current_date` gives another answer",
            ),
            ("select * from orders for update", "for update"),
        ] {
            let got = check(sql).unwrap_err();
            assert!(got.contains(why), "{sql}: {got}");
        }
    }

    #[test]
    fn create_external_table_is_no_sql_here() {
        assert!(check("create external table x stored as csv location '/etc/passwd'").is_err());
    }

    #[test]
    fn an_unknown_parameter_names_its_neighbour() {
        let mut query = parse_select(
            "select * from orders where day >= $strat",
            &["orders".to_owned()],
        )
        .unwrap();
        let params = BTreeMap::from([("start".to_owned(), Param::Int(1))]);
        let problem = bind(&mut query, &params).unwrap_err();
        assert_eq!(problem.hint.as_deref(), Some("did you mean `$start`?"));
    }
}
