//! The funnel on hand-made Saturdays: a break is found and priced, and not found where there is none.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use chenbao_plugin::{ContextArgs, Cx, Inputs, Metric, PeriodArgs};
use metric_traffic::{Params, Traffic};
use serde_json::{Value, json};

const SATURDAYS: [&str; 9] = [
    "2026-09-26",
    "2026-10-03",
    "2026-10-10",
    "2026-10-17",
    "2026-10-24",
    "2026-10-31",
    "2026-11-07",
    "2026-11-14",
    "2026-11-21",
];

fn params() -> Params {
    let json = json!({
        "n_min": 200, "material_pct": 8, "warn_quantile": "0.2", "critical_quantile": "0.1", "baseline_days": 8, "baseline_min": 4,
        "concentration_pct": 50, "x2_gap_pct": 30, "top_products": 20
    });
    serde_json::from_value(json).unwrap()
}

/// Every Saturday 10,000 impressions, 1,000 clicks and orders of 100 each; `orders` says how many.
fn run(views: [i64; 2], orders: [i64; 9], more: Value) -> Value {
    let [seen, clicks] = views;
    let days: Vec<Value> = SATURDAYS
        .iter()
        .map(|day| json!({"day": day, "grain": "shop_day", "carrier": null, "impressions": seen, "clicks": clicks}))
        .collect();
    let orders: Vec<Value> = SATURDAYS
        .iter()
        .zip(orders)
        .map(|(day, n)| json!({"pay_day": day, "carrier": null, "orders": n, "paid": format!("{}.00", n * 100)}))
        .collect();
    let mut inputs = json!({"days": days, "orders": orders});
    inputs
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let s = str::to_owned;
    let period = PeriodArgs {
        start: s("2026-11-21"),
        end: s("2026-11-22"),
        prev_start: s("2026-11-14"),
        prev_end: s("2026-11-15"),
        grain: s("day"),
        tz: s("Asia/Shanghai"),
    };
    let context = ContextArgs {
        as_of: s("2026-11-22T07:40:00+08:00"),
        ..ContextArgs::default()
    };
    let mut inputs = Inputs::from_json(&inputs).unwrap();
    Traffic::compute(params(), &mut inputs, &Cx::offline(period, context))
        .unwrap()
        .to_json()
}

fn item<'a>(doc: &'a Value, id: &str) -> Option<&'a Value> {
    doc["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == id)
}

fn decimal(value: &Value) -> f64 {
    value["$dec"].as_str().unwrap().parse().unwrap()
}

const STEADY: [i64; 9] = [50, 51, 49, 50, 52, 48, 50, 50, 50];
const BROKEN: [i64; 9] = [50, 51, 49, 50, 52, 48, 50, 50, 40];

#[test]
fn a_break_is_found_marked_and_priced() {
    let doc = run([10_000, 1_000], BROKEN, json!({}));
    let found = item(&doc, "funnel_break").unwrap();
    assert_eq!(found["severity"], "critical");
    assert_eq!(
        found["args"]["step"]["value"],
        json!({"$key": "click_to_pay"})
    );
    // (5 % - 4 %) x 1,000 clicks x 100 an order.
    assert!((decimal(&found["money"]) + 1_000.0).abs() < 1e-9, "{found}");
    let steps = item(&doc, "steps").unwrap();
    assert_eq!(steps["marked"], 2);
    assert_eq!(steps["rows"][2][5], json!({"$key": "first_break"}));
    assert_eq!(steps["rows"][1][5], json!({"$key": "normal"}));
    assert_eq!(steps["rows"][2][4], "8/8");
}

#[test]
fn nothing_is_found_where_nothing_broke() {
    let doc = run([10_000, 1_000], STEADY, json!({}));
    assert!(item(&doc, "funnel_break").is_none());
    assert!(item(&doc, "funnel_normal").is_some());
    assert!(item(&doc, "steps").unwrap().get("marked").is_none());
}

#[test]
fn below_the_quantile_but_immaterial_is_no_break() {
    let mut orders = STEADY;
    orders[8] = 47;
    assert!(item(&run([10_000, 1_000], orders, json!({})), "funnel_break").is_none());
}

#[test]
fn thin_denominators_are_not_judged() {
    let few = BROKEN.map(|n| n / 10);
    let doc = run([1_000, 100], few, json!({}));
    assert!(item(&doc, "funnel_break").is_none());
    assert_eq!(
        item(&doc, "steps").unwrap()["rows"][2][5],
        json!({"$key": "not_judged"})
    );
}

#[test]
fn a_break_in_one_product_is_placed_there() {
    let product = |id: &str, orders: [i64; 9]| {
        let seen = SATURDAYS.map(|day| json!({"day": day, "product_id": id, "product_name": id, "impressions": 5_000, "clicks": 500}));
        let sold: Vec<Value> = SATURDAYS
            .iter()
            .zip(orders)
            .map(|(day, n)| json!({"pay_day": day, "product_id": id, "orders": n, "paid": format!("{}.00", n * 100), "units": n}))
            .collect();
        (seen.to_vec(), sold)
    };
    let (mut seen, mut sold) = product("好", [25; 9]);
    let mut orders = [25; 9];
    orders[8] = 15;
    let (bad_seen, bad_sold) = product("坏", orders);
    seen.extend(bad_seen);
    sold.extend(bad_sold);
    let stock = json!([{"product_id": "坏", "day": "2026-11-21", "available": 80}]);
    let doc = run(
        [10_000, 1_000],
        BROKEN,
        json!({"products": seen, "product_orders": sold, "stock": stock}),
    );
    let found = item(&doc, "funnel_break_in").unwrap();
    assert_eq!(found["args"]["where"]["value"], "坏");
    let excluded: Vec<&str> = found["excluded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        excluded,
        [
            "traffic_normal",
            "click_normal",
            "price_unchanged",
            "stock_ok"
        ]
    );
    assert_eq!(found["action"]["key"], "check_page_where");
}

#[test]
fn without_traffic_every_figure_says_so() {
    let empty = json!({"days": []});
    let doc = run([10_000, 1_000], STEADY, empty);
    for id in ["impressions", "click_rate", "click_to_pay", "steps"] {
        assert_eq!(item(&doc, id).unwrap()["missing"]["why"], "no_rows", "{id}");
    }
}
