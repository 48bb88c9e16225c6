//! Rows between processes: every shape that other programs send, any amount in flat memory, and a plugin that changes what it sent.

use crate::hostile::{call, figure, host, how, library, spec};
use crate::trial;
use chenbao::plugin::host::{ComputeCall, InputRows, MetricHost};
use chenbao::plugin::verdict::Verdict;
use chenbao_plugin::arrow_array::cast::AsArray as _;
use chenbao_plugin::arrow_array::types::{Int32Type, Int64Type};
use chenbao_plugin::arrow_array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, new_null_array,
};
use chenbao_plugin::arrow_schema::DataType;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::sync::Arc;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("rows::every_shape_arrives_from_a_plugin", shapes),
        trial("rows::every_shape_arrives_at_a_plugin", shapes_in),
        trial(
            "rows::a_hundred_million_pass_in_flat_memory",
            hundred_million,
        ),
        trial(
            "rows::a_plugin_that_changes_what_it_sent_harms_nobody",
            changed,
        ),
    ]
}

fn large(what: &str) -> ComputeCall {
    ComputeCall {
        outputs: Some(["lines".to_owned()].into()),
        ..call(&json!({ "how": "large", "what": what }))
    }
}

/// Takes a table in, batch by batch.
fn take(what: &str, mut each: impl FnMut(&RecordBatch)) -> Result<Value, Verdict> {
    let mut take = |_: &str, batch: RecordBatch| {
        each(&batch);
        Ok(())
    };
    let doc = host(60, 1).compute_into(&large(what), Vec::new(), &mut take)?;
    Ok(serde_json::to_value(doc).unwrap_or_default())
}

/// Slices, dictionaries of which each batch has another, batches of nothing but nulls.
fn shapes() -> Result<(), Failed> {
    const ROWS: i64 = 40_000;
    let mut next = 0;
    let doc = take(&format!("{ROWS} shapes"), |batch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        let orders = batch.column(1).as_dictionary::<Int32Type>();
        let words = orders.values().as_string::<i32>();
        for row in 0..batch.num_rows() {
            assert_eq!(numbers.value(row), next);
            let expected = match next / 8192 % 4 {
                1 => None,
                2 => Some(format!("订单-{}", next % 2)),
                _ => (next % 3 > 0).then(|| format!("订单-{next}")),
            };
            let key = orders.key(row);
            assert_eq!(key.map(|key| words.value(key)), expected.as_deref());
            next += 1;
        }
    })
    .map_err(|verdict| verdict.to_string())?;
    assert_eq!(next, ROWS);
    let table = &doc["items"][0];
    assert_eq!(table["total_rows"], json!(ROWS));
    assert_eq!(table["rows"][1], json!([{"$dec": "1"}, "订单-1"]));
    Ok(())
}

/// The same shapes the other way, and batches without rows between the others.
fn shapes_in() -> Result<(), Failed> {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..1000).map(|n| format!("订单-{n}")),
    ));
    let words: DictionaryArray<Int32Type> =
        (0..1000).map(|n| (n % 7 > 0).then_some("订单")).collect();
    let nulls = new_null_array(&DataType::Utf8, 1000);
    let empty = new_null_array(&DataType::Null, 1000);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("n", numbers, true),
        ("text", texts, true),
        ("word", Arc::new(words) as ArrayRef, true),
        ("none", nulls, true),
        ("nothing", empty, true),
    ])?;
    let parts = vec![
        batch.slice(0, 0),
        batch.slice(1, 7),
        batch.slice(0, 0),
        batch.slice(500, 500),
        batch.clone(),
        batch.slice(999, 1),
    ];
    let rows: usize = parts.iter().map(RecordBatch::num_rows).sum();
    let input: InputRows = ("lines".to_owned(), Box::new(parts.into_iter().map(Ok)));
    assert_eq!(
        figure(host(20, 1).compute(&how("count"), vec![input])),
        rows.to_string()
    );
    Ok(())
}

/// Into a process that may have 128 MiB: 2.9 GB of rows go through it, file after file.
fn hundred_million() -> Result<(), Failed> {
    const ROWS: usize = 100_000_000;
    const BATCH: usize = 100_000;
    let numbers = Int64Array::from_iter_values(0..i64::try_from(BATCH)?);
    let texts = StringArray::from_iter_values((0..BATCH).map(|n| format!("订单-{n:08}")));
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(numbers) as ArrayRef),
        ("order", Arc::new(texts) as ArrayRef),
    ])?;
    let mut spec = spec(&library(), "hostile", 300, 1);
    spec.limits.memory_bytes = 128 << 20;
    let mut host = MetricHost::spawn(spec).map_err(|verdict| verdict.to_string())?;
    let batches = (0..ROWS / BATCH).map(move |_| Ok(batch.clone()));
    let input: InputRows = ("lines".to_owned(), Box::new(batches));
    assert_eq!(
        figure(host.compute(&how("count"), vec![input])),
        ROWS.to_string()
    );
    Ok(())
}

fn changed() -> Result<(), Failed> {
    // What is changed while it is filled is refused by whoever reads it, or cannot be sealed; what was handed over cannot be changed.
    for how in ["rewrites", "maps"] {
        let verdict = take(&format!("600000 {how}"), |_| {}).err();
        let verdict = verdict.ok_or_else(|| format!("{how}: the rows were taken"))?;
        assert!(
            ["breach", "error"].contains(&verdict.code()),
            "{how}: {verdict}"
        );
    }
    let mut sum = 0_i64;
    let taken = take("600000 keeps", |batch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        sum += numbers.values().iter().sum::<i64>();
    });
    let doc = taken.map_err(|verdict| verdict.to_string())?;
    assert_eq!(doc["items"][0]["total_rows"], json!(600_000));
    assert_eq!(sum, 599_999 * 300_000);
    Ok(())
}
