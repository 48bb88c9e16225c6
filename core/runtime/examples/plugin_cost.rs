//! What a plugin's process costs: starting it, a call, a million rows in and out; beside the same rows in process.
//!
//! `cargo run --release --example plugin_cost -- PROGRAM LIBRARY_DIR`, where PROGRAM is `chenbao` and LIBRARY_DIR holds
//! `libhostile_plugins.so` and `examples/libnumbers.so`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement for people, stopped by whatever goes wrong"
)]

use arrow::array::{Array as _, Int64Array, RecordBatch, StringArray};
use chenbao::plugin::host::{
    ComputeCall, HostSpec, InputRows, Limits, MetricHost, Reach, SourceHost,
};
use chenbao_plugin::ScanRequest;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 1_000_000;
const BATCH: usize = 8192;

fn main() {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [program, libraries] = args.as_slice() else {
        println!("usage: plugin_cost PROGRAM LIBRARY_DIR");
        return;
    };
    let metric = spec(
        program,
        &libraries.join("libhostile_plugins.so"),
        "hostile",
        "{}",
    );
    let options = format!(r#"{{"rows":{ROWS},"fail":""}}"#);
    let source = spec(
        program,
        &libraries.join("examples/libnumbers.so"),
        "numbers",
        &options,
    );
    let rows = batches();
    let bytes: usize = rows.iter().map(RecordBatch::get_array_memory_size).sum();
    println!(
        "{ROWS} rows of an id and a text, {} MB, in batches of {BATCH}",
        bytes / 1_000_000
    );
    show("start a host (spawn, load, describe)", 20, || {
        drop(MetricHost::spawn(metric.clone()).unwrap());
    });
    let mut host = MetricHost::spawn(metric).unwrap();
    show("a call without rows", 200, || {
        drop(host.compute(&call(), Vec::new()).unwrap());
    });
    show("a million rows to a plugin", 10, || {
        drop(host.compute(&call(), vec![input(&rows)]).unwrap());
    });
    show("the same count in process", 10, || {
        black_box(count(&rows));
    });
    let mut source = SourceHost::spawn(source).unwrap();
    let request = ScanRequest {
        table: "numbers".to_owned(),
        ..ScanRequest::default()
    };
    show("a million rows made by a plugin and back", 10, || {
        let mut seen = 0;
        source
            .scan(&request, &mut |batch| {
                seen += batch.num_rows();
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ROWS);
    });
    show("the same rows made in process", 10, || {
        drop(black_box(batches()));
    });
}

fn spec(program: &Path, library: &Path, component: &str, options: &str) -> HostSpec {
    let limits = Limits {
        deadline: Duration::from_secs(60),
        grace: Duration::from_secs(1),
        memory_bytes: 1 << 30,
    };
    HostSpec {
        exe: program.to_owned(),
        library: library.to_owned(),
        component: component.to_owned(),
        options_json: options.to_owned(),
        secrets: BTreeMap::new(),
        keeper: None,
        limits,
        reach: Reach::default(),
        opened: None,
    }
}

fn call() -> ComputeCall {
    let days = r#"{"start":"2026-11-21","end":"2026-11-22","prev_start":"2026-11-20","prev_end":"2026-11-21","grain":"day","tz":"UTC"}"#;
    ComputeCall {
        component: "hostile".to_owned(),
        params_json: r#"{"how":"count"}"#.to_owned(),
        period_json: days.to_owned(),
        context_json: "{}".to_owned(),
        outputs: Some(["rows".to_owned()].into()),
    }
}

fn batches() -> Vec<RecordBatch> {
    let batch = |start: usize| {
        let rows = start..(start + BATCH).min(ROWS);
        let ids = Int64Array::from_iter_values(rows.clone().map(|n| i64::try_from(n).unwrap()));
        let texts = StringArray::from_iter_values(rows.map(|n| format!("订单-{n:08}")));
        RecordBatch::try_from_iter([
            ("_row", Arc::new(ids) as _),
            ("order", Arc::new(texts) as _),
        ])
        .unwrap()
    };
    (0..ROWS).step_by(BATCH).map(batch).collect()
}

fn input(rows: &[RecordBatch]) -> InputRows {
    let rows = rows.to_vec();
    ("lines".to_owned(), Box::new(rows.into_iter().map(Ok)))
}

fn count(rows: &[RecordBatch]) -> usize {
    rows.iter().map(|batch| batch.column(0).len()).sum()
}

/// Median and extremes of several runs.
fn show(what: &str, times: usize, mut work: impl FnMut()) {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    took.sort();
    println!(
        "{what:45} median {:>9.3?}  ({:.3?} to {:.3?}, {times} runs)",
        took[times / 2],
        took[0],
        took[times - 1]
    );
}
