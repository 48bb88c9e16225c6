//! Money identities on hand-made days: parts add up to the fen, what came from nothing enters, refunds meet at equal age.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use chenbao_plugin::{ContextArgs, Cx, Inputs, Metric, PeriodArgs};
use metric_sales::{Params, Sales};
use serde_json::{Value, json};

type Cents = i64;

fn yuan(cents: Cents) -> String {
    format!(
        "{}{}.{:02}",
        if cents < 0 { "-" } else { "" },
        cents.abs() / 100,
        cents.abs() % 100
    )
}

/// Two Saturdays: paid, orders, units, impressions, clicks.
fn run(before: [i64; 5], after: [i64; 5], more: Value) -> Value {
    let day = |day: &str, [paid, orders, units, ..]: [i64; 5]| {
        json!({"pay_day": day, "paid": yuan(paid), "units": units, "orders": orders, "orders_with_buyer": 0, "paid_with_buyer": null,
               "buyers": 0})
    };
    let views = |day: &str, [.., seen, clicks]: [i64; 5]| json!({"day": day, "grain": "shop_day", "impressions": seen, "clicks": clicks});
    let (prev, now) = ("2026-11-14", "2026-11-21");
    let days: Vec<Value> = [(prev, before), (now, after)]
        .into_iter()
        .filter(|(_, side)| side[1] > 0)
        .map(|(d, side)| day(d, side))
        .collect();
    let mut inputs = json!({
        "days": days, "spans": [], "carriers": [], "hours": [], "products": [],
        "traffic": [views(prev, before), views(now, after)]
    });
    inputs
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let s = str::to_owned;
    let period = PeriodArgs {
        start: s(now),
        end: s("2026-11-22"),
        prev_start: s(prev),
        prev_end: s("2026-11-15"),
        grain: s("day"),
        tz: s("Asia/Shanghai"),
    };
    let params: Params = serde_json::from_value(json!({
        "n_min": 30, "top_products": 20, "product_share_pct": 2, "refund_pp": 1, "baseline_days": 8, "baseline_min": 4,
        "buyer_cover_pct": 50
    }))
    .unwrap();
    let context = ContextArgs {
        as_of: s("2026-11-22T07:40:00+08:00"),
        ..ContextArgs::default()
    };
    Sales::compute(
        params,
        &mut Inputs::from_json(&inputs).unwrap(),
        &Cx::offline(period, context),
    )
    .unwrap()
    .to_json()
}

fn item<'a>(doc: &'a Value, id: &str) -> &'a Value {
    doc["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == id)
        .unwrap()
}

/// Ten-thousandths, so that sums are exact.
fn exact(cell: &Value) -> i128 {
    let text = cell["$dec"].as_str().unwrap();
    let (whole, part) = text
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((text.trim_start_matches('-'), ""));
    let value =
        whole.parse::<i128>().unwrap() * 10_000 + format!("{part:0<4}").parse::<i128>().unwrap();
    if text.starts_with('-') { -value } else { value }
}

#[test]
fn parts_add_up_to_the_change_whatever_the_shop() {
    let mut state = 7_u64;
    let mut next = |from: i64, to: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        from + i64::try_from(state >> 40).unwrap() % (to - from)
    };
    for round in 0..300 {
        let mut side = || {
            [
                next(1_000, 900_000_000),
                next(1, 20_000),
                next(1, 30_000),
                next(50_000, 9_000_000),
                next(20_000, 50_000),
            ]
        };
        let (mut before, mut after) = (side(), side());
        if round % 3 == 0 {
            (before[3], after[4]) = (0, 0); // no traffic on one side: the chain without it
        }
        let doc = run(before, after, json!({}));
        let points = item(&doc, "decomposition")["points"].as_array().unwrap();
        let amounts: Vec<i128> = points.iter().map(|point| exact(&point[1])).collect();
        let (first, last) = (amounts[0], amounts[amounts.len() - 1]);
        assert_eq!(
            amounts[1..amounts.len() - 1].iter().sum::<i128>(),
            last - first,
            "{before:?} {after:?}"
        );
        assert_eq!(
            (first, last),
            (i128::from(before[0]) * 100, i128::from(after[0]) * 100)
        );
    }
}

#[test]
fn the_chain_is_the_finest_that_both_sides_have() {
    let keys = |doc: &Value| -> Vec<String> {
        let points = item(doc, "decomposition")["points"].as_array().unwrap();
        points
            .iter()
            .map(|point| point[0]["$key"].as_str().unwrap().to_owned())
            .collect()
    };
    let full = run(
        [10_000, 10, 12, 1_000, 100],
        [12_000, 11, 12, 1_100, 100],
        json!({}),
    );
    assert_eq!(
        keys(&full),
        [
            "last_sat",
            "traffic",
            "click_rate",
            "click_to_pay",
            "order_value",
            "this_day"
        ]
    );
    let orders = run(
        [10_000, 10, 12, 1_000, 100],
        [12_000, 11, 12, 1_100, 100],
        json!({"traffic": []}),
    );
    assert_eq!(
        keys(&orders),
        [
            "last_sat",
            "orders",
            "units_per_order",
            "unit_price",
            "this_day"
        ]
    );
    let free = run(
        [0, 10, 12, 1_000, 100],
        [12_000, 11, 12, 1_100, 100],
        json!({}),
    );
    assert_eq!(keys(&free), ["last_sat", "entered", "this_day"]);
    let gone = run(
        [12_000, 10, 12, 1_000, 100],
        [0, 11, 12, 1_100, 100],
        json!({}),
    );
    assert_eq!(keys(&gone), ["last_sat", "left", "this_day"]);
}

#[test]
fn a_day_without_rows_is_missing_and_never_zero() {
    let doc = run(
        [12_000, 10, 12, 1_000, 100],
        [0, 0, 0, 1_100, 100],
        json!({}),
    );
    for id in ["paid_amount", "orders", "order_value", "net_amount"] {
        assert_eq!(item(&doc, id)["missing"]["why"], "no_rows", "{id}");
    }
    let doc = run(
        [0, 0, 0, 1_000, 100],
        [12_000, 10, 12, 1_100, 100],
        json!({}),
    );
    assert!(item(&doc, "paid_amount").get("compare").is_none());
    assert_eq!(
        item(&doc, "decomposition")["missing"]["why"],
        "baseline_short"
    );
    assert_eq!(item(&doc, "aov")["missing"]["need"], "order_buyers");
    assert_eq!(item(&doc, "net_amount")["missing"]["need"], "refunds");
}

#[test]
fn refunds_are_compared_at_equal_age() {
    let back = |pay: Value, known: &str, amount: &str| json!({"pay_day": pay, "known_day": known, "amount": amount});
    let refunds = json!({"refunds": [
        back(json!("2026-11-14"), "2026-11-14", "10.00"), back(json!("2026-11-14"), "2026-11-18", "70.00"),
        back(json!("2026-11-21"), "2026-11-21", "20.00")
    ]});
    let doc = run(
        [100_000, 10, 12, 1_000, 100],
        [100_000, 10, 12, 1_100, 100],
        refunds,
    );
    let refund = item(&doc, "refund_amount");
    assert_eq!(
        (&refund["value"], &refund["compare"][0]["value"]),
        (&json!({"$dec": "20.00"}), &json!({"$dec": "10.00"}))
    );
    assert_eq!(item(&doc, "net_amount")["value"], json!({"$dec": "980.00"}));
    assert_eq!(item(&doc, "net_amount")["passport"]["refund_age_days"], 0);

    let unlinked = json!({"refunds": [back(json!(null), "2026-11-21", "20.00")]});
    let doc = run(
        [100_000, 10, 12, 1_000, 100],
        [100_000, 10, 12, 1_100, 100],
        unlinked,
    );
    assert_eq!(
        item(&doc, "net_amount")["missing"]["why"],
        "source_absent",
        "refunds that name no order are not zero"
    );
}
