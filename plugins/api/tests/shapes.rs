//! The examples of `schema/shapes-1.json` against the types that the SDK reads and writes: neither knows a key that the other does not.

use chenbao_plugin::{ContextArgs, Described, PeriodArgs, ScanFacts, ScanRequest, TableInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn examples() -> Value {
    let text = include_str!("../schema/shapes-1.json");
    serde_json::from_str(text).expect("it is JSON")
}

/// Read and written again, it is what it was.
fn same<T: DeserializeOwned + Serialize>(example: &Value) {
    let read: T = serde_json::from_value(example.clone()).expect("the SDK reads it");
    let written = serde_json::to_value(read).expect("the SDK writes it");
    assert_eq!(&written, example);
}

#[test]
fn every_example_is_what_the_sdk_reads_and_writes() {
    let examples = examples();
    same::<PeriodArgs>(&examples["period_json"]);
    same::<ContextArgs>(&examples["context_json"]);
    same::<ScanRequest>(&examples["request_json"]);
    same::<Vec<TableInfo>>(&examples["tables"]["tables"]);
    same::<Vec<String>>(&examples["check"]["notes"]);
    same::<ScanFacts>(&examples["facts"]);
    let described: Described = Described {
        inputs: Some(vec!["days".to_owned()]),
        outputs: Some(vec!["paid".to_owned(), "daily".to_owned()]),
    };
    assert_eq!(
        serde_json::to_value(described).unwrap(),
        examples["describe"]
    );
}
