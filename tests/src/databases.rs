//! Real database servers: an ERP read through `source-sql`, exact to the last digit, and the ledger on PostgreSQL by one line of configuration.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use servers::{MariaDb, Postgres};

#[path = "../../plugins/source-sql/tests/servers/mod.rs"]
#[expect(
    clippy::print_stderr,
    reason = "the plugin's own tests use it too, and say so when they skip"
)]
pub(crate) mod servers;

const POSTGRES: &[&str] = &["initdb", "pg_ctl", "psql"];
const MARIADB: &[&str] = &["mariadb-install-db", "mariadbd", "mariadb-admin", "mariadb"];

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial_with(
            "databases::an_erp_on_postgresql_is_exact",
            POSTGRES,
            erp_on_postgres,
        ),
        trial_with(
            "databases::an_erp_on_mariadb_is_exact",
            MARIADB,
            erp_on_mariadb,
        ),
        trial_with(
            "databases::a_ledger_on_postgresql_sends_once",
            POSTGRES,
            ledger_on_postgres,
        ),
    ]
}

/// An ERP as a team has it. The costs have more digits than a float can hold.
const ERP: &str = "\
create table products (product_id varchar(32) primary key, name varchar(80), cost decimal(20,4), list_price decimal(20,4), lead_time int);
insert into products values
  ('6917926768823643751', '连衣裙 夏季', 12345678901234.5678, 0.1000, 14), ('6917926768823643752', '打底裤', 0.0700, null, null),
  ('6917926768823643753', '<b>&\"{{ x }}</td>', -39.9000, 79.9000, 7);
create table buyers (order_id varchar(32), buyer_id varchar(20), ordered_at timestamp);
insert into buyers values
  ('6917926768823600001', '13800000001', '2026-11-21 10:00:00'), ('6917926768823600002', '13800000001', '2026-11-21 10:00:00'),
  ('6917926768823600003', '13800000002', '2026-11-21 10:00:00');
";

/// The one-shop project with this ERP beside its orders.
fn with_erp(url: &str) -> Project {
    let project = Project::from_case("one-shop")
        .env("CHENBAO_NOW", "2026-11-22T07:30:00+08:00")
        .env("ERP_URL", url);
    let source = r#"
[source.erp]
plugin = "sql"
shop = "main"
mapping = ["erp-buyers", "erp-products"]
secrets = { url = "env:ERP_URL" }
[source.erp.with.tables]
order_buyers = "select order_id, buyer_id, ordered_at from buyers where ordered_at >= $start and ordered_at < $end"
products = "select product_id, name, cost, list_price, lead_time from products"
"#;
    let text = project.read("chenbao.toml");
    project.write("chenbao.toml", text + source);
    project.write("exports/orders/1795276800_订单导出.csv", orders());
    project
}

fn orders() -> String {
    export(&[1, 2, 3].map(|order| line(order, "2026-11-21 10:00:00", "10.01")))
}

/// What is in the lake equals what is in the database, and the report counts its buyers.
fn exact(project: &Project) {
    let _ = project.run(&["collect"]).exits(0);
    let query = "select product_id, product_name, cost, list_price, lead_time from products order by product_id";
    let rows = project.run(&["sql", "--json", query]).exits(0).json();
    let cell = |row: usize, column: &str| rows[row][column].as_str().unwrap_or("null").to_owned();
    let costs: Vec<String> = (0..3).map(|row| cell(row, "cost")).collect();
    assert_eq!(
        costs,
        ["12345678901234.5678", "0.0700", "-39.9000"],
        "{rows}"
    );
    assert_eq!(
        [
            cell(0, "list_price"),
            cell(1, "list_price"),
            cell(0, "lead_time")
        ],
        ["0.1000", "null", "14"],
        "{rows}"
    );
    assert_eq!(
        [cell(0, "product_name"), cell(2, "product_name")],
        ["连衣裙 夏季", "<b>&\"{{ x }}</td>"]
    );
    let keys = project
        .run(&[
            "sql",
            "--json",
            "select distinct buyer_key from order_buyers",
        ])
        .exits(0);
    assert_eq!(
        keys.json().as_array().map(Vec::len),
        Some(2),
        "{}",
        keys.stdout
    );
    assert!(
        !keys.stdout.contains("13800000001"),
        "a buyer's number is hashed: {}",
        keys.stdout
    );
    let run = project
        .run(&["run", "daily", "--results", "--json"])
        .exits(0)
        .json();
    let items = run["results"][0]["metrics"]["sales"]["items"]
        .as_array()
        .unwrap();
    let buyers = items.iter().find(|item| item["id"] == "buyers").unwrap();
    assert_eq!(buyers["value"]["$dec"], "2");
    hides_buyers(project);
}

/// No file of the project holds a buyer's number.
fn hides_buyers(project: &Project) {
    let files = project.files("");
    assert!(
        files.iter().any(|file| file.starts_with("lake/raw/erp/")),
        "{files:?}"
    );
    for file in files {
        let bytes = std::fs::read(project.path().join(&file)).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&bytes).contains("13800000001"),
            "{file} holds a buyer's number"
        );
    }
}

fn erp_on_postgres() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    server.run(ERP);
    server.run("create role reader login; grant select on products, buyers to reader");
    exact(&with_erp(&server.url("reader")));
    Ok(())
}

fn erp_on_mariadb() -> Result<(), Failed> {
    let server = MariaDb::start().ok_or("MariaDB's programs are not complete")?;
    server.run(ERP);
    server.run("create user reader@'127.0.0.1'; grant select on erp.* to reader@'127.0.0.1'");
    exact(&with_erp(&server.url("reader")));
    Ok(())
}

/// Two machines share one ledger, lake and archive: the issue goes out once.
fn ledger_on_postgres() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    let shared = tempfile::tempdir()?;
    let folders = format!(
        "[ledger]\nurl = \"{}\"\n[lake]\ndir = \"{1}/lake\"\n[archive]\ndir = \"{1}/archive\"\n\n[mail]",
        server.url("chenbao"),
        shared.path().display()
    );
    let machine = |now: &str| {
        let project = Project::from_case("one-shop").env("CHENBAO_NOW", now);
        let text = project.read("chenbao.toml").replace("[mail]", &folders);
        project.write("chenbao.toml", text);
        project.write("exports/orders/1795276800_订单导出.csv", orders());
        project
    };
    let deliver = ["run", "daily", "--deliver", "--json"];
    let first = machine("2026-11-22T08:00:00+08:00");
    assert_eq!(first.run(&deliver).exits(0).json()["queued"], 1);
    let again = first.run_at("2026-11-22T08:01:00+08:00", &deliver);
    assert_eq!(again.json()["queued"], 0);
    let files = first.files("");
    assert!(
        files.contains(&"chenbao.toml".to_owned())
            && files.iter().all(|file| !file.contains("ledger")),
        "{files:?}"
    );
    let second = machine("2026-11-22T08:05:00+08:00");
    assert_eq!(second.run(&deliver).json()["queued"], 0);
    assert_eq!(
        (first.files("outbox").len(), second.files("outbox").len()),
        (1, 0)
    );
    let history = second.run(&["history", "--json"]).exits(0).json();
    let sent: u64 = history
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|run| run["deliveries"]["sent"].as_u64())
        .sum();
    assert_eq!(sent, 1, "{history}");
    Ok(())
}
