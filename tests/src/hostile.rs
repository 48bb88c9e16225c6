//! A plugin that panics, crashes, hangs, hogs or lies: each gets its own verdict, and the next call works.

use crate::project::bin_dir;
use crate::trial;
use chenbao::plugin::host::{
    ComputeCall, HostSpec, InputRows, Limits, MetricHost, Reach, SourceHost,
};
use chenbao::plugin::store::{self, PluginStore};
use chenbao::plugin::verdict::Verdict;
use chenbao_plugin::{Days, Inputs, ScanFacts, ScanRequest};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let verdict = |how: &'static str, code: &'static str| {
        trial(&format!("hostile::{how}_is_{code}"), move || {
            verdict_then_recovery(how, code)
        })
    };
    vec![
        verdict("data", "error"),
        verdict("garbage", "breach"),
        verdict("breach", "breach"),
        verdict("panic", "panic"),
        verdict("segfault", "crashed"),
        verdict("abort", "crashed"),
        verdict("overflow", "crashed"),
        verdict("hang", "timeout"),
        verdict("patient", "timeout"),
        verdict("flood", "timeout"),
        verdict("hog", "memory_limit"),
        verdict("exit0", "vanished"),
        verdict("thread", "left_running"),
        trial("hostile::spin_is_cpu_limit", spin),
        trial("hostile::words_of_a_verdict_say_what_happened", words),
        trial("hostile::noise_on_stdout_harms_nothing", noise),
        trial("hostile::rows_arrive_whole", rows),
        trial(
            "hostile::unreadable_rows_are_not_the_plugins_fault",
            unreadable,
        ),
        trial("hostile::what_is_no_plugin_is_refused_at_load", refused),
        trial("hostile::a_plugin_in_c_answers", plugin_in_c),
        source_trial("hostile::scanned_rows_arrive_with_their_facts", scanned),
        source_trial("hostile::a_failing_scan_keeps_its_code", scan_fails),
        source_trial(
            "hostile::secrets_travel_over_the_socket_only",
            secrets_stay_secret,
        ),
    ]
}

/// A test that needs the example source, which `cargo test --workspace` builds.
fn source_trial(name: &str, body: fn() -> Result<(), Failed>) -> Trial {
    trial(name, body).with_ignored_flag(!bin_dir().join("examples/libnumbers.so").exists())
}

/// This build's program and libraries.
pub(crate) fn program() -> PathBuf {
    bin_dir().join("chenbao")
}

pub(crate) fn library() -> PathBuf {
    bin_dir().join("libhostile_plugins.so")
}

pub(crate) fn spec(library: &Path, component: &str, seconds: u64, grace: u64) -> HostSpec {
    let limits = Limits {
        deadline: Duration::from_secs(seconds),
        grace: Duration::from_secs(grace),
        memory_bytes: 256 << 20,
    };
    let (library, component) = (library.to_owned(), component.to_owned());
    HostSpec {
        exe: program(),
        library,
        component,
        options_json: "{}".to_owned(),
        secrets: BTreeMap::new(),
        keeper: None,
        limits,
        reach: Reach::default(),
        opened: None,
    }
}

pub(crate) fn host(seconds: u64, grace: u64) -> MetricHost {
    MetricHost::spawn(spec(&library(), "hostile", seconds, grace)).unwrap()
}

pub(crate) fn call(params: &Value) -> ComputeCall {
    ComputeCall {
        component: "hostile".to_owned(),
        params_json: params.to_string(),
        period_json: json!({
            "start": "2026-11-21", "end": "2026-11-22", "prev_start": "2026-11-20", "prev_end": "2026-11-21",
            "grain": "day", "tz": "Asia/Shanghai",
        })
        .to_string(),
        context_json: "{}".to_owned(),
        outputs: Some(["rows".to_owned()].into()),
    }
}

pub(crate) fn how(how: &str) -> ComputeCall {
    call(&json!({ "how": how }))
}

/// `count` rows in batches of 1000.
pub(crate) fn lines(count: usize) -> InputRows {
    let batch = |rows: usize| {
        let json: Vec<Value> = (0..rows)
            .map(|n| json!({"order_id": format!("订单{n}"), "n": n}))
            .collect();
        let mut inputs = Inputs::from_json(&json!({ "lines": json })).unwrap();
        inputs.take("lines").unwrap().next().unwrap().unwrap()
    };
    let full = batch(1000.min(count));
    let batches =
        (0..count.div_ceil(1000)).map(move |n| Ok(full.slice(0, (count - n * 1000).min(1000))));
    ("lines".to_owned(), Box::new(batches))
}

/// The figure of an answer.
pub(crate) fn figure(answer: Result<impl serde::Serialize, Verdict>) -> String {
    let doc = serde_json::to_value(answer.unwrap()).unwrap();
    doc["items"][0]["value"]["$dec"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn verdict_then_recovery(name: &str, code: &str) -> Result<(), Failed> {
    let mut host = host(1, 1);
    let verdict = host.compute(&how(name), vec![lines(3)]).unwrap_err();
    assert_eq!(verdict.code(), code, "{verdict}");
    // Whatever happened, the next call of the same host works.
    assert_eq!(
        figure(host.compute(&how("count"), vec![lines(2500)])),
        "2500"
    );
    Ok(())
}

/// The processor limit of one second on two threads ends it within the grace time, before the wall clock does.
fn spin() -> Result<(), Failed> {
    let verdict = host(1, 60).compute(&how("spin"), Vec::new()).unwrap_err();
    assert_eq!(verdict, Verdict::CpuLimit);
    Ok(())
}

fn words() -> Result<(), Failed> {
    let said = |name: &str| {
        host(5, 1)
            .compute(&how(name), Vec::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(said("panic"), "the plugin panicked: on purpose");
    assert!(said("segfault").contains("signal 11, segmentation fault"));
    assert!(
        said("overflow").contains("has overflowed its stack"),
        "{}",
        said("overflow")
    );
    assert_eq!(
        said("exit0"),
        "the plugin ended its process (exit 0) without an answer"
    );
    let breach = said("breach");
    assert!(
        breach.contains("`rows` is null without a reason")
            && breach.contains("`surprise` is not among"),
        "{breach}"
    );
    let data = host(5, 1).compute(&how("data"), Vec::new()).unwrap_err();
    assert!(
        data.retryable() && data.to_string().contains("two days are missing"),
        "{data}"
    );
    Ok(())
}

fn noise() -> Result<(), Failed> {
    assert_eq!(figure(host(5, 1).compute(&how("noise"), Vec::new())), "1");
    Ok(())
}

fn rows() -> Result<(), Failed> {
    let mut host = host(30, 1);
    for count in [0, 1, 1000, 300_000] {
        assert_eq!(
            figure(host.compute(&how("count"), vec![lines(count)])),
            count.to_string()
        );
    }
    assert_eq!(figure(host.compute(&how("count"), Vec::new())), "0");
    Ok(())
}

fn unreadable() -> Result<(), Failed> {
    let (name, good) = lines(1000);
    let rows = good.chain([Err("the disk is gone".to_owned())]);
    let verdict = host(5, 1)
        .compute(&how("count"), vec![(name, Box::new(rows))])
        .unwrap_err();
    assert_eq!(verdict, Verdict::Host("the disk is gone".to_owned()));
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = folder.path().join("libtext.so");
    std::fs::write(&text, "no library")?;
    let plain = folder.path().join("libplain.so");
    compile(&["-x", "c", "/dev/null"], &plain)?;
    let refused = |library: &Path, component: &str| {
        MetricHost::spawn(spec(library, component, 5, 1)).unwrap_err()
    };
    assert_eq!(refused(&text, "hostile").code(), "refused_at_load");
    assert!(
        refused(&plain, "hostile")
            .to_string()
            .contains("does not export `chenbao_plugin_entry_v1`")
    );
    assert!(
        refused(&library(), "other")
            .to_string()
            .contains("it is `hostile`, not `other`")
    );
    let store = PluginStore::open(&[folder.path().to_owned()], &program());
    assert_eq!(store.blocked().len(), 2);
    Ok(())
}

pub(crate) fn compile(args: &[&str], library: &Path) -> Result<(), Failed> {
    let done = std::process::Command::new("cc")
        .args(["-shared", "-fPIC"])
        .args(args)
        .arg("-o")
        .arg(library)
        .output()?;
    if done.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned().into())
    }
}

fn plugin_in_c() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("librow_count.so");
    let api = crate::house_rules::root().join("plugins/api");
    let (include, source) = (api.join("include"), api.join("examples-c/row_count.c"));
    compile(
        &["-I", &include.to_string_lossy(), &source.to_string_lossy()],
        &library,
    )?;
    let component = store::inspect(&library, &program())?;
    assert_eq!(component.descriptor.inputs[0].tables, ["orders"]);
    let mut host = MetricHost::spawn(spec(&library, "row_count", 5, 1)).unwrap();
    let mut rows = lines(1234);
    rows.0 = "rows".to_owned();
    let call = ComputeCall {
        component: "row_count".to_owned(),
        ..call(&json!({}))
    };
    assert_eq!(figure(host.compute(&call, vec![rows])), "1234");
    assert_eq!(host.compute(&call, Vec::new()).unwrap_err().code(), "error");
    Ok(())
}

/// The source of rows out of nothing; an example of `hostile-plugins`, so built by `cargo test --workspace`.
pub(crate) fn numbers(options: &Value) -> HostSpec {
    let secrets = BTreeMap::from([("token".to_owned(), "s3cret".to_owned())]);
    HostSpec {
        options_json: options.to_string(),
        secrets,
        ..spec(&bin_dir().join("examples/libnumbers.so"), "numbers", 30, 1)
    }
}

fn scan(rows: usize, fail: &str) -> Result<(usize, ScanFacts), Verdict> {
    let mut host = SourceHost::spawn(numbers(&json!({ "rows": rows, "fail": fail })))?;
    let days = Days {
        start: "2026-11-21".to_owned(),
        end: "2026-11-22".to_owned(),
    };
    let request = ScanRequest {
        table: "numbers".to_owned(),
        period: Some(days),
        ..ScanRequest::default()
    };
    let mut seen = 0;
    let facts = host.scan(&request, &mut |batch| {
        seen += batch.num_rows();
        Ok(())
    })?;
    Ok((seen, facts))
}

fn scanned() -> Result<(), Failed> {
    for rows in [0, 1, 500_000] {
        let (seen, facts) = scan(rows, "").unwrap();
        assert_eq!((seen, facts.exports[0].rows), (rows, rows as u64));
        assert_eq!(facts.exports[0].name, "2026-11-21");
    }
    let mut host = SourceHost::spawn(numbers(&json!({"rows": 1, "fail": ""}))).unwrap();
    assert_eq!(host.check().unwrap(), ["a token of 6 characters"]);
    assert_eq!(host.tables().unwrap()[0].name, "numbers");
    let elsewhere = ScanRequest {
        table: "else".to_owned(),
        ..ScanRequest::default()
    };
    assert!(
        host.scan(&elsewhere, &mut |_| Ok(()))
            .unwrap_err()
            .to_string()
            .contains("not_found")
    );
    Ok(())
}

fn scan_fails() -> Result<(), Failed> {
    let failed = |fail: &str| scan(100_000, fail).unwrap_err();
    assert_eq!(
        failed("open").to_string(),
        "the plugin has no answer (invalid_config): `fail` says so"
    );
    let error = failed("error");
    assert!(
        error.retryable() && error.to_string().contains("(auth): the token has run out"),
        "{error}"
    );
    assert_eq!(
        failed("panic"),
        Verdict::Panic("in the middle of a stream".to_owned())
    );
    assert_eq!(failed("exit"), Verdict::Vanished { exit: 0 });
    let mut host = SourceHost::spawn(numbers(&json!({"rows": 100_000, "fail": ""}))).unwrap();
    let request = ScanRequest {
        table: "numbers".to_owned(),
        ..ScanRequest::default()
    };
    let full = host
        .scan(&request, &mut |_| Err("the disk is full".to_owned()))
        .unwrap_err();
    assert_eq!(full, Verdict::Host("the disk is full".to_owned()));
    assert_eq!(
        host.scan(&request, &mut |_| Ok(())).unwrap().exports[0].rows,
        100_000
    );
    Ok(())
}

fn secrets_stay_secret() -> Result<(), Failed> {
    let spec = numbers(&json!({"rows": 1, "fail": ""}));
    assert!(!format!("{spec:?}").contains("s3cret"));
    let _host = SourceHost::spawn(spec).unwrap();
    let me = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if status.lines().any(|line| {
            line.strip_prefix("PPid:")
                .is_some_and(|parent| parent.trim() == me)
        }) {
            for place in ["environ", "cmdline"] {
                let bytes = std::fs::read(entry.path().join(place)).unwrap_or_default();
                assert!(
                    !String::from_utf8_lossy(&bytes).contains("s3cret"),
                    "the secret stands in {place}"
                );
            }
        }
    }
    Ok(())
}
