//! The published cohort table: first row of Online Retail's clean rows (references.md section 1).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use chenbao_plugin::{ContextArgs, Cx, Inputs, Metric, PeriodArgs};
use metric_customers::{Customers, Params};
use serde_json::{Value, json};

const BUYERS: [i64; 13] = [
    885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235,
];
const PERCENT: [&str; 12] = [
    "36.6", "32.3", "38.4", "36.3", "39.8", "36.3", "34.9", "35.4", "39.5", "37.4", "50.3", "26.6",
];

fn month(n: usize) -> String {
    let (year, month) = if n == 0 { (2010, 12) } else { (2011, n) };
    format!("{year}-{month:02}-01")
}

fn answer(cohorts: Value, buyers: Value) -> Value {
    let inputs = json!({
        "own_buyers": buyers, "own_cohorts": cohorts, "own_repeat": [],
        "own_rfm": [{"recency": 3, "frequency": 2, "money": "12.50", "buyers": 1}]
    });
    let s = str::to_owned;
    let period = PeriodArgs {
        start: s("2011-12-09"),
        end: s("2011-12-10"),
        prev_start: s("2011-12-02"),
        prev_end: s("2011-12-03"),
        grain: s("day"),
        tz: s("Europe/London"),
    };
    let params: Params = serde_json::from_value(json!({
        "n_min": 30, "cohort_months": 13, "rfm_high": 4, "repurchase_low_pct": 15, "buyer_cover_pct": 50
    }))
    .unwrap();
    let context = ContextArgs {
        as_of: s("2011-12-10T07:40:00+00:00"),
        ..ContextArgs::default()
    };
    Customers::compute(
        params,
        &mut Inputs::from_json(&inputs).unwrap(),
        &Cx::offline(period, context),
    )
    .unwrap()
    .to_json()
}

fn cover(orders: i64, named: i64) -> Value {
    json!([{"span": "cover", "pay_day": "2011-12-09", "buyers": null, "new_buyers": null, "paid": "1.00", "returning_paid": null,
            "orders": orders, "orders_with_buyer": named}])
}

fn rounded(cell: &Value) -> String {
    let value: f64 = cell["$dec"].as_str().unwrap().parse().unwrap();
    format!("{value:.1}")
}

#[test]
fn the_first_row_is_the_published_one() {
    let rows: Vec<Value> = BUYERS
        .iter()
        .enumerate()
        .map(|(n, buyers)| json!({"first_month": month(0), "month": month(n), "buyers": buyers}))
        .collect();
    let doc = answer(json!(rows), cover(10, 10));
    let table = doc["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == "cohorts")
        .unwrap();
    let row = table["rows"][0].as_array().unwrap();
    assert_eq!(
        (&row[0], &row[1]),
        (&json!("2010-12"), &json!({"$dec": "885"}))
    );
    assert_eq!(row[2..].iter().map(rounded).collect::<Vec<_>>(), PERCENT);
}

#[test]
fn without_buyer_keys_every_figure_is_absent_for_that_reason() {
    let doc = answer(json!([]), cover(10, 0));
    for item in doc["items"].as_array().unwrap() {
        assert_eq!(
            item["missing"],
            json!({"why": "source_absent", "have": "", "need": "order_buyers"}),
            "{}",
            item["id"]
        );
    }
    assert_eq!(doc["items"].as_array().unwrap().len(), 13);
}

#[test]
fn without_paid_orders_there_are_no_rows() {
    let doc = answer(json!([]), cover(0, 0));
    assert!(
        doc["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["missing"]["why"] == "no_rows")
    );
}
