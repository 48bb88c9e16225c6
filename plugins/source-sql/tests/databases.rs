//! The source against real databases: SQLite always, PostgreSQL and MariaDB where their programs are installed (skipped loudly elsewhere).

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests stand outside test functions"
)]

mod servers;

use arrow_array::{Array, RecordBatch, RecordBatchReader};
use chenbao_plugin::{Days, ErrorCode, Result, ScanFacts, ScanRequest, Source, SourceCx};
use servers::{MariaDb, Postgres};
use source_sql::{Options, Sql};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(name)
}

fn options(text: &str, base: &Path, url: Option<&str>) -> Options {
    let mut options: Options = toml::from_str(text).unwrap();
    options.base = base.to_owned();
    options.url = url.map(str::to_owned).or(options.url);
    options
}

fn open(text: &str, base: &Path, url: Option<&str>) -> Sql {
    Sql::open(options(text, base, url), &SourceCx::offline()).unwrap()
}

fn request(table: &str) -> ScanRequest {
    let period = Some(Days {
        start: "2026-11-21".into(),
        end: "2026-11-22".into(),
    });
    ScanRequest {
        table: table.into(),
        period,
        zone: "Asia/Shanghai".into(),
        ..ScanRequest::default()
    }
}

fn read(sql: &mut Sql, table: &str) -> Result<(Vec<RecordBatch>, ScanFacts)> {
    let scan = sql.scan(&request(table), &SourceCx::offline())?;
    let mut batches = Vec::new();
    for batch in scan.reader {
        batches.push(batch?);
    }
    Ok((batches, (scan.facts)()?))
}

fn shown(sql: &mut Sql, tables: &[&str]) -> String {
    let mut out = String::new();
    for table in tables {
        let (batches, facts) = read(sql, table).unwrap();
        let fact = &facts.exports[0];
        let covers = fact
            .covers
            .as_ref()
            .map_or("?".into(), |(first, last)| format!("{first}..{last}"));
        writeln!(out, "{table} rows={} covers={covers}", fact.rows).unwrap();
        assert!(
            fact.exported_at.ends_with('Z') && fact.exported_at.len() >= 20,
            "{}",
            fact.exported_at
        );
        for field in batches[0].schema().fields() {
            writeln!(out, "  {}: {}", field.name(), field.data_type()).unwrap();
        }
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let cells: Vec<_> = batch
                    .columns()
                    .iter()
                    .map(|column| cell(column, row))
                    .collect();
                writeln!(out, "{}", cells.join(" | ")).unwrap();
            }
        }
    }
    out
}

fn cell(column: &dyn Array, row: usize) -> String {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, Int64Type};
    if column.is_null(row) {
        "(null)".into()
    } else if let Some(texts) = column.as_string_opt::<i32>() {
        texts.value(row).to_owned()
    } else if let Some(decimals) = column.as_primitive_opt::<Decimal128Type>() {
        decimals.value_as_string(row)
    } else if let Some(truths) = column.as_boolean_opt() {
        truths.value(row).to_string()
    } else {
        column.as_primitive::<Int64Type>().value(row).to_string()
    }
}

fn compare(name: &str, shown: &str) {
    let file = case(name).join("expected.txt");
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if shown != expected && std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(file, shown).unwrap();
    }
    // An update fails too: what was written is to be read first.
    assert_eq!(shown, expected, "case {name}:\n{shown}");
}

fn sqlite(setup: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("erp.sqlite"))
        .create_if_missing(true);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        use sqlx::{ConnectOptions, Connection, Executor};
        let mut conn = options.connect().await.unwrap();
        conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(setup.to_owned())))
            .await
            .unwrap();
        conn.close().await.unwrap();
    });
    folder
}

#[test]
fn sqlite_reads_as_expected() {
    let folder = sqlite(&fs::read_to_string(case("sqlite").join("setup.sql")).unwrap());
    let text = fs::read_to_string(case("sqlite").join("options.toml")).unwrap();
    let mut sql = open(&text, folder.path(), None);
    compare("sqlite", &shown(&mut sql, &["products", "order_buyers"]));
    assert_eq!(sql.check(&SourceCx::offline()).unwrap().len(), 2);
    let tables = sql.tables(&SourceCx::offline()).unwrap();
    let scan = sql
        .scan(&request("products"), &SourceCx::offline())
        .unwrap();
    let told: Vec<_> = tables[1]
        .columns
        .iter()
        .map(|column| (column.name.clone(), column.kind.clone()))
        .collect();
    let found: Vec<_> = scan
        .reader
        .schema()
        .fields()
        .iter()
        .map(|f| (f.name().clone(), f.data_type().to_string()))
        .collect();
    assert_eq!(told, found, "`tables` and `scan` agree");
}

#[test]
fn troubles_of_sqlite_are_told_apart() {
    let folder = sqlite("create table t (a integer, b blob); insert into t values ('x', x'ff')");
    let text = "url = \"erp.sqlite\"\n[tables]\nabsent = \"select * from nowhere\"\ncolumn = \"select c from t\"\nsyntax = \"select from from t\"\n\
                number = \"select a from t\"\nblob = \"select b from t\"\ntwice = \"select 1 as n, 2 as n\"";
    let mut sql = open(text, folder.path(), None);
    for (table, code, words) in [
        ("absent", ErrorCode::NotFound, "no such table: nowhere"),
        ("column", ErrorCode::NotFound, "no such column: c"),
        ("syntax", ErrorCode::InvalidConfig, "syntax error"),
        (
            "number",
            ErrorCode::Data,
            "row 1, column `a`: `x` is not a whole number",
        ),
        ("blob", ErrorCode::Data, "column `b` holds a BLOB value"),
        (
            "twice",
            ErrorCode::Data,
            "two columns of the query are called `n`",
        ),
        ("other", ErrorCode::NotFound, "no raw table `other`"),
    ] {
        let error = read(&mut sql, table).unwrap_err();
        assert_eq!(error.code, code, "{table}: {error}");
        assert!(error.message.contains(words), "{table}: {error}");
    }
    let error = read(
        &mut open(
            "url = \"gone.sqlite\"\ntables.t = \"select 1\"",
            folder.path(),
            None,
        ),
        "t",
    )
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let writes = options(
        "url = \"erp.sqlite\"\ntables.t = \"delete from t\"",
        folder.path(),
        None,
    );
    assert_eq!(
        Sql::open(writes, &SourceCx::offline()).unwrap_err().code,
        ErrorCode::InvalidConfig
    );
}

#[test]
fn many_rows_come_in_bounded_batches_and_may_be_left_early() {
    let folder = sqlite(
        "create table t (a integer, b decimal(12,2)); \
         insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) select i, i / 100.0 from n",
    );
    let mut sql = open(
        "url = \"erp.sqlite\"\ntables.t = \"select a, b from t order by a\"",
        folder.path(),
        None,
    );
    let (batches, facts) = read(&mut sql, "t").unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8192));
    assert_eq!(facts.exports[0].rows, 50_000);
    let last = batches.last().unwrap();
    let cells: Vec<_> = last
        .columns()
        .iter()
        .map(|column| cell(column, last.num_rows() - 1))
        .collect();
    assert_eq!(cells, ["50000", "500.00", "0", "50000"]);
    let mut scan = sql.scan(&request("t"), &SourceCx::offline()).unwrap();
    assert!(scan.reader.next().unwrap().is_ok());
    drop(scan.reader);
    assert_eq!(read(&mut sql, "t").unwrap().0.len(), batches.len());
}

#[test]
fn a_server_that_is_not_there_is_told_as_such() {
    let base = Path::new("/");
    // A port that nobody listens on: it was free a moment ago.
    let port = servers::free_port();
    for kind in ["postgres", "mysql"] {
        let url = format!("{kind}://reader@127.0.0.1:{port}/erp");
        let error = read(&mut open("tables.t = \"select 1\"", base, Some(&url)), "t").unwrap_err();
        assert_eq!(error.code, ErrorCode::Io, "{error}");
        assert!(
            error.retryable
                && error.message.contains("cannot be reached")
                && error.message.contains("hint:"),
            "{error}"
        );
    }
    let error = read(&mut open("tables.t = \"select 1\"", base, None), "t").unwrap_err();
    assert_eq!(
        error.code,
        ErrorCode::NotFound,
        "no address and no secret: {error}"
    );
}

/// Each user meets its own trouble; `writes` is a select that writes.
fn troubles(owner: &str, reader: &str, locked: &str, writes: &str) {
    let text = format!(
        "[tables]\nabsent = \"select * from nowhere\"\ncolumn = \"select c from order_buyers\"\nsyntax = \"select from from t\"\n\
         rights = \"select * from hidden\"\nwrites = \"{writes}\""
    );
    for (user, table, code) in [
        (owner, "absent", ErrorCode::NotFound),
        (owner, "column", ErrorCode::NotFound),
        (owner, "syntax", ErrorCode::InvalidConfig),
        (owner, "writes", ErrorCode::InvalidConfig),
        (reader, "rights", ErrorCode::Auth),
    ] {
        let error = read(&mut open(&text, Path::new("/"), Some(user)), table).unwrap_err();
        assert_eq!(error.code, code, "{table}: {error}");
        assert!(
            error.message.contains(&format!("query of `{table}`"))
                && error.message.contains("hint:"),
            "{error}"
        );
    }
    let error = read(&mut open(&text, Path::new("/"), Some(locked)), "absent").unwrap_err();
    assert_eq!(error.code, ErrorCode::Auth, "{error}");
}

#[test]
fn postgres_reads_as_expected() {
    let Some(server) = Postgres::start() else {
        return;
    };
    server.run(&fs::read_to_string(case("postgres").join("setup.sql")).unwrap());
    server.run("create table hidden (a int); create role reader login; create role locked login password 'geheim'; grant select on products, order_buyers, costs to reader");
    let url = server.url("reader");
    let text = fs::read_to_string(case("postgres").join("options.toml")).unwrap();
    compare(
        "postgres",
        &shown(
            &mut open(&text, Path::new("/"), Some(&url)),
            &["products", "order_buyers", "costs"],
        ),
    );
    let writes = "with gone as (delete from hidden returning a) select * from gone";
    troubles(&server.url("chenbao"), &url, &server.url("locked"), writes);
}

#[test]
fn mariadb_reads_as_expected() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    server.run(&fs::read_to_string(case("mysql").join("setup.sql")).unwrap());
    server.run(
        "create table hidden (a int); create user reader@'127.0.0.1'; create user locked@'127.0.0.1' identified by 'geheim'; \
         grant select on erp.products to reader@'127.0.0.1'; grant select on erp.order_buyers to reader@'127.0.0.1'; \
         create user owner@'127.0.0.1'; grant all on erp.* to owner@'127.0.0.1'; set names utf8mb4;\ndelimiter //\n\
         create function erp.eats() returns int begin insert into hidden values (1); return 1; end//",
    );
    let url = server.url("reader");
    let text = fs::read_to_string(case("mysql").join("options.toml")).unwrap();
    compare(
        "mysql",
        &shown(
            &mut open(&text, Path::new("/"), Some(&url)),
            &["products", "order_buyers"],
        ),
    );
    troubles(
        &server.url("owner"),
        &url,
        &server.url("locked"),
        "select erp.eats()",
    );
}
