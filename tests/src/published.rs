//! Figures that nobody here computed: Online Retail and the Tmall orders through the whole product, against what was published.

use crate::project::{Project, test_data_unpacked};
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

const RETAIL: &str = "online_retail_uci_2010-12_2011-12.csv.xz";
const TMALL: &str = "tmall_order_report_2020-02.csv.xz";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial_with(
            "published::online_retail",
            &["xz", &format!("data:{RETAIL}")],
            online_retail,
        ),
        trial_with(
            "published::tmall_2020_02",
            &["xz", &format!("data:{TMALL}")],
            tmall,
        ),
    ]
}

fn sql(project: &Project, query: &str) -> Vec<Value> {
    match project.run(&["sql", "--json", query]).exits(0).json() {
        Value::Array(rows) => rows,
        other => panic!("not rows: {other}"),
    }
}

fn one(project: &Project, query: &str) -> String {
    let rows = sql(project, query);
    let cells: Vec<String> = rows[0]
        .as_object()
        .unwrap()
        .values()
        .map(|cell| cell.as_str().unwrap_or("NULL").to_owned())
        .collect();
    cells.join(" ")
}

fn scalar(results: &Value, metric: &str, id: &str) -> String {
    let items = results["results"][0]["metrics"][metric]["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{metric}: {results}"));
    let item = items
        .iter()
        .find(|item| item["id"] == id)
        .unwrap_or_else(|| panic!("no {metric}.{id}"));
    let value = item["value"]["$dec"]
        .as_str()
        .unwrap_or_else(|| panic!("{metric}.{id} is missing: {item}"));
    bare(value)
}

/// A figure without the zeros behind its decimals.
#[must_use]
pub fn bare(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// By configuration and a mapping only; the definitions are those of the reference (clean: customer known, not C, amounts above zero).
fn online_retail() -> Result<(), Failed> {
    let project =
        Project::from_example("online-retail").env("CHENBAO_NOW", "2011-12-10T09:00:00+00:00");
    std::fs::remove_file(project.path().join("exports/online-retail-slice.csv"))?;
    project.write("exports/all.csv", test_data_unpacked(RETAIL));
    let _ = project
        .run(&["backfill", "--from", "2010-12-01", "--to", "2011-12-09"])
        .exits(0);

    totals(&project);
    five_customers(&project);
    cohorts(&project);
    reports(&project);
    Ok(())
}

/// The clean rows of the reference: the customer is known; the mapping has left out cancellations and amounts below zero.
const CLEAN: &str = "from orders where buyer_key is not null";

/// Rows, customers, invoices, revenue, and revenue by month.
fn totals(project: &Project) {
    let all = one(
        project,
        &format!(
            "select count(*), count(distinct buyer_key), count(distinct order_id), sum(pay_amount) {CLEAN}"
        ),
    );
    assert_eq!(all, "397884 4338 18532 8911407.9040");
    let months = sql(
        project,
        &format!(
            "select date_trunc('month', day) as month, round(sum(pay_amount), 2) as paid {CLEAN} group by 1 order by 1"
        ),
    );
    let months: Vec<String> = months
        .iter()
        .map(|row| bare(row["paid"].as_str().unwrap()))
        .collect();
    let published = "572713.89 569445.04 447137.35 595500.76 469200.36 678594.56 661213.69 600091.01 645343.9 952838.38 1039318.79 1161817.38 518192.79";
    assert_eq!(months.join(" "), published);
}

/// Recency, frequency (invoices) and money of the five customers that everybody quotes.
fn five_customers(project: &Project) {
    let rfm = sql(
        project,
        &format!(
            "select buyer_key, count(distinct order_id) as f, round(sum(pay_amount), 2) as m, \
                  cast(extract(epoch from (timestamp '2011-12-10 12:50:00' - max(paid_at))) as bigint) / 86400 as r \
                  {CLEAN} and buyer_key in ('12346', '12347', '12348', '12349', '12350') group by 1 order by 1"
        ),
    );
    let rfm: Vec<String> = rfm
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row["buyer_key"].as_str().unwrap(),
                row["r"].as_str().unwrap(),
                row["f"].as_str().unwrap(),
                bare(row["m"].as_str().unwrap())
            )
        })
        .collect();
    assert_eq!(
        rfm,
        [
            "12346 326 1 77183.6",
            "12347 2 7 4310",
            "12348 75 4 1797.24",
            "12349 19 1 1757.55",
            "12350 310 1 334.4"
        ]
    );
}

/// The cohort table of the customers metric, clean rows, as of the last day.
fn cohorts(project: &Project) {
    let results = project
        .run(&[
            "run",
            "daily",
            "--period",
            "2011-12-09",
            "--results",
            "--no-collect",
            "--json",
        ])
        .json();
    let items = results["results"][0]["metrics"]["customers"]["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{results}"));
    let table = items
        .iter()
        .find(|item| item["id"] == "cohort_counts")
        .unwrap_or_else(|| panic!("{items:?}"));
    let number = |cell: &Value| {
        cell["$dec"]
            .as_str()
            .map(|text| text.trim_end_matches(".0").to_owned())
    };
    let row = |month: &str| -> String {
        let rows = table["rows"].as_array().unwrap();
        let first = |row: &Value| row[0].as_str().is_some_and(|text| text.starts_with(month));
        let row = rows
            .iter()
            .find(|row| first(row))
            .unwrap_or_else(|| panic!("no {month} in {table}"));
        row.as_array()
            .unwrap()
            .iter()
            .filter_map(number)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(
        row("2010-12").ends_with("885 324 286 340 321 352 321 309 313 350 331 445 235"),
        "{}",
        row("2010-12")
    );
    assert!(
        row("2011-01").ends_with("417 92 111 96 134 120 103 101 125 136 152 49"),
        "{}",
        row("2011-01")
    );
}

/// A day's report: figures equal SQL over the lake, and what the data lacks is absent with a reason.
fn reports(project: &Project) {
    let run = project
        .run(&[
            "run",
            "daily",
            "--period",
            "2011-11-21",
            "--no-collect",
            "--json",
        ])
        .exits(0);
    let results = run.json();
    let day = "from orders where cast(paid_at as date) = date '2011-11-21'";
    let paid = one(project, &format!("select sum(pay_amount) {day}"));
    assert_eq!(scalar(&results, "sales", "paid_amount"), bare(&paid));
    assert_eq!(
        scalar(&results, "sales", "orders"),
        one(project, &format!("select count(distinct order_id) {day}"))
    );
    assert_eq!(
        results["results"][0]["metrics"]["traffic"]["absent"][0], "traffic",
        "{results}"
    );
    for file in [
        "boss.html",
        "boss.txt",
        "boss.pdf",
        "laoban.html",
        "laoban.txt",
        "laoban.pdf",
    ] {
        assert!(
            project
                .files("reports")
                .iter()
                .any(|found| found.ends_with(&format!("daily/2011-11-21/{file}"))),
            "{file}"
        );
    }
    let page = project.read("reports/daily/2011-11-21/boss.txt");
    assert!(!page.contains("GPM") && page.contains('£'), "{page}");
    let _ = project
        .run(&["run", "weekly", "--period", "2011-W47", "--no-collect"])
        .exits(0);
    assert!(
        project
            .read("reports/weekly/2011-W47/laoban.txt")
            .contains('£')
    );
}

fn tmall() -> Result<(), Failed> {
    let project = Project::from_case("tmall").env("CHENBAO_NOW", "2020-03-02T09:00:00+08:00");
    project.write("exports/tmall_order_report.csv", test_data_unpacked(TMALL));
    let _ = project
        .run(&["backfill", "--from", "2020-02-01", "--to", "2020-02-29"])
        .exits(0);
    let totals = one(
        &project,
        "select count(*), count(paid_at), sum(pay_amount) from orders",
    );
    assert_eq!(totals, "28010 24087 1902487.1500");
    let refunds = one(&project, "select sum(amount) from refunds");
    assert_eq!(refunds, "572335.9200");
    Ok(())
}
