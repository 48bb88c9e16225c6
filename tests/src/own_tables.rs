//! Tables that the product does not have: a team's own, from an export to a page, and campaigns as rows.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::json;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "own_tables::a_table_of_the_team_reaches_a_page_and_keeps_its_shop",
            own_table,
        ),
        trial("own_tables::campaigns_are_rows", campaigns),
        trial("own_tables::mistakes_are_told_by_check", mistakes),
    ]
}

const CONFIG: &str = r#"
[table.store_visits]
merge = "by_day"
key = ["store"]
[table.store_visits.columns]
day = "day"
store = "text"
visitors = "int"
spend = "money"

[source.visits]
plugin = "files"
shop = "main"
mapping = "mappings/visits.toml"
[source.visits.with]
path = "exports/visits/*.csv"

[source.visits-other]
plugin = "files"
shop = "other"
mapping = "mappings/visits.toml"
required = false
[source.visits-other.with]
path = "exports/visits-other/*.csv"

[metric.visits]
plugin = "visits"

[campaign.d11]
name = "双十一"
type = "d11"
starts = 2026-11-10
ends = 2026-11-21
plan = "1000.00"
"#;

const MAPPING: &str = r#"
raw = "rows"
[columns."日期"]
as = "date"
required = true
[columns."门店"]
as = "store"
required = true
[columns."人数"]
as = "visitors"
[columns."花费"]
as = "spend"
[tables.store_visits]
select = "select cast(at(date) as date) as day, blank(store) as store, cast(num(visitors) as bigint) as visitors, money(spend) as spend from raw"
"#;

const METRIC: &str = r#"
id = "visits"
kind = "metric"
version = "0.1.0"
title = "Visits"
summary = "Visitors of the stores, and on campaign days."
[inputs.total]
description = "One row."
tables = ["store_visits", "campaigns"]
window = "period"
sql = "sql/total.sql"
[outputs.visitors]
type = "scalar"
unit = "1"
from = "total"
column = "visitors"
[outputs.campaign_visitors]
type = "scalar"
unit = "1"
from = "total"
column = "campaign_visitors"
"#;

const SQL: &str = "select cast(sum(v.visitors) as bigint) as visitors,
  cast(sum(case when v.day between c.starts_on and c.ends_on then v.visitors else 0 end) as bigint) as campaign_visitors
from store_visits v left join campaigns c on c.type = 'd11'
where v.day >= cast($start_day as date) and v.day < cast($end_day as date)";

const HEAD: &str = "日期,门店,人数,花费\n";

fn shop() -> Project {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T09:30:00+08:00");
    let config = project.read("chenbao.toml");
    let config = config.replace("metrics = [\"sales\"]", "metrics = [\"sales\", \"visits\"]");
    project.write("chenbao.toml", format!("{config}{CONFIG}"));
    project.write("mappings/visits.toml", MAPPING);
    project.write("plugins/visits/metric.toml", METRIC);
    project.write("plugins/visits/sql/total.sql", SQL);
    let words =
        |a: &str, b: &str| format!("[item]\nvisitors = \"{a}\"\ncampaign_visitors = \"{b}\"\n");
    project.write(
        "plugins/visits/strings.zh-CN.toml",
        words("到店人数", "大促到店人数"),
    );
    project.write(
        "plugins/visits/strings.en.toml",
        words("Visitors", "Campaign visitors"),
    );
    let orders = export(&[line(1, "2026-11-21 10:00:00", "10.00")]);
    project.write("exports/orders/1795276800_订单.csv", orders);
    project
}

fn visits(project: &Project, name: &str, rows: &str) {
    project.write(
        &format!("exports/{name}_visits.csv"),
        format!("{HEAD}{rows}"),
    );
}

fn own_table() -> Result<(), Failed> {
    let project = shop();
    let rows = "2026-11-20,南门,11,1.50\n2026-11-21,南门,4100,2.00\n2026-11-21,北门,21,\n";
    visits(&project, "visits/1795276800", rows);
    visits(
        &project,
        "visits-other/1795276800",
        "2026-11-21,别家,90000,9.00\n",
    );
    let _ = project.run(&["check"]).exits(0);
    let _ = project.run(&["collect"]).exits(0);
    recorded(&project)?;
    let _ = project.run(&["run", "daily"]).exits(0);
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    assert!(
        page.contains("到店人数") && page.contains("4,121"),
        "{page}"
    );
    assert!(
        !page.contains("90,000") && !page.contains("94,121"),
        "another shop's rows: {page}"
    );
    let sql = "select shop_id, sum(visitors) as n, sum(spend) as spend from store_visits group by shop_id order by shop_id";
    let all = project.run(&["sql", "--json", sql]).exits(0);
    let seen = json!([
        {"shop_id": "main", "n": "4132", "spend": "3.5000"},
        {"shop_id": "other", "n": "90000", "spend": "9.0000"},
    ]);
    assert_eq!(all.json(), seen);

    // By day: the newer export is the day.
    visits(&project, "visits/1795280400", "2026-11-21,南门,5000,2.00\n");
    let _ = project.run(&["collect"]).exits(0);
    let one = project
        .run(&["sql", "--json", "--shop", "main", sql])
        .exits(0);
    assert_eq!(one.json()[0]["n"], "5011");
    let _ =
        project
            .run(&["sql", "--tables"])
            .exits(0)
            .says(&["store_visits", "visitors", "orders"]);
    Ok(())
}

/// Tables that only this project knows are a case like the product's; of their texts nobody here knows which lead to a person.
fn recorded(project: &Project) -> Result<(), Failed> {
    let record = ["plugin", "record", "plugins/visits", "--shop", "main"];
    let _ = project
        .run(&record)
        .exits(0)
        .says(&["store_visits", "campaigns"]);
    let about = project.read("plugins/visits/cases/recorded/case.toml");
    assert!(about.contains("[tables.store_visits]"), "{about}");
    let csv = project.read("plugins/visits/cases/recorded/tables/store_visits.csv");
    assert!(csv.contains("4100") && !csv.contains("90000"), "{csv}");
    let test = ["plugin", "test", "plugins/visits", "--include", "case:"];
    let update = crate::project::Run::of(project.command(&test).env("UPDATE", "1"), &test);
    let _ = update.exits(1);
    let _ = project.run(&test).exits(0);
    let answer = project.read("plugins/visits/cases/recorded/expected.json");
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    for item in answer["items"].as_array().into_iter().flatten() {
        assert_eq!(item["value"], json!({"$dec": "4121"}), "{item}");
    }
    Ok(())
}

fn campaigns() -> Result<(), Failed> {
    let project = shop();
    let sql = "select id, type, name, starts_on, ends_on, plan from campaigns";
    let rows = project.run(&["sql", "--json", sql]).exits(0).json();
    let seen = json!([{
        "id": "d11", "type": "d11", "name": "双十一", "starts_on": "2026-11-10", "ends_on": "2026-11-21", "plan": "1000.0000",
    }]);
    assert_eq!(rows, seen);
    let none = project.run(&["sql", "--json", "select * from campaign_phases"]);
    assert_eq!(none.exits(0).json(), json!([]));
    visits(&project, "visits/1795276800", "2026-11-21,南门,7,1.00\n");
    let run = project
        .run(&["run", "daily", "--results", "--json"])
        .exits(0)
        .json();
    let items = run["results"][0]["metrics"]["visits"]["items"]
        .as_array()
        .unwrap();
    let of =
        |id: &str| items.iter().find(|item| item["id"] == id).unwrap()["value"]["$dec"].clone();
    assert_eq!(
        (of("visitors"), of("campaign_visitors")),
        (json!("7"), json!("7"))
    );
    Ok(())
}

fn mistakes() -> Result<(), Failed> {
    let project = shop();
    project.write(
        "mappings/visits.toml",
        MAPPING.replace("[tables.store_visits]", "[tables.store_visit]"),
    );
    project.write(
        "plugins/visits/metric.toml",
        METRIC.replace("\"campaigns\"", "\"campaign\""),
    );
    let _ = project.run(&["check"]).exits(2).says(&[
        "no table `store_visit`",
        "did you mean `store_visits`?",
        "no table `campaign`",
        "did you mean `campaigns`?",
    ]);
    let text = project.read("chenbao.toml");
    let wrong = text
        .replace("key = [\"store\"]", "key = [\"shop\"]")
        .replace("visitors = \"int\"", "visitors = \"whole\"")
        .replace("day = \"day\"\n", "")
        .replace("[campaign.d11]", "[table.orders]\nmerge = \"whole\"\nkey = [\"id\"]\ncolumns = { id = \"text\", shop_id = \"text\" }\n[campaign.d11]");
    project.write("chenbao.toml", wrong);
    let _ = project.run(&["check"]).exits(2).says(&[
        "the key `shop` is no column",
        "`whole` is none of",
        "no column `day`",
        "the product has a table `orders`",
        "every table has a column `shop_id`",
    ]);
    Ok(())
}
