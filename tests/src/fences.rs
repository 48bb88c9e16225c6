//! A plugin that reaches for what is not its own: files, servers, other processes, secrets. What this kernel can keep from it is
//! asked strictly; what it cannot is left out, and `chenbao check` says so.

use crate::hostile::{call, compile, figure, host, how, library, numbers, spec};
use crate::trial;
use chenbao::config::Sandbox;
use chenbao::plugin::host::{MetricHost, Reach, SourceHost};
use chenbao::plugin::restrict;
use chenbao::plugin::verdict::Verdict;
use chenbao_plugin::ScanRequest;
use libtest_mimic::{Failed, Trial};
use serde_json::json;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("fences::a_lake_file_stays_closed_to_a_metric", lake),
        trial("fences::a_metric_opens_no_connection", socket),
        trial("fences::what_the_parent_knows_stays_with_it", theft),
        trial("fences::looking_into_another_process_is_forbidden", ptrace),
        trial("fences::the_parent_cannot_be_ended", kill),
        trial("fences::a_metric_has_a_folder_of_its_own", own_files),
        trial("fences::no_program_is_started", no_program),
        trial("fences::no_process_is_left_behind", orphan),
        trial("fences::a_source_reads_what_it_names", source_files),
        trial("fences::a_source_has_its_own_secrets_only", source_secrets),
        trial(
            "fences::another_version_of_the_contract_is_refused",
            versions,
        ),
        trial("fences::nan_and_another_schema_break_the_contract", answers),
        trial("fences::what_is_required_and_lacking_is_refused", required),
    ]
}

const SECRET: &str = "五月的成本";

fn secret_file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("orders.parquet");
    std::fs::write(&file, SECRET).unwrap();
    (dir, file)
}

/// The hostile metric behind nothing but its limits.
fn unfenced() -> MetricHost {
    let reach = Reach {
        sandbox: Sandbox::Off,
        ..Reach::default()
    };
    let spec = spec(&library(), "hostile", 5, 1);
    MetricHost::spawn(chenbao::plugin::host::HostSpec { reach, ..spec }).unwrap()
}

/// What the plugin says when the system refuses it.
fn denied(verdict: &Verdict) {
    let said = verdict.to_string();
    assert_eq!(verdict.code(), "denied", "{said}");
    assert!(
        said.contains("(denied)")
            && (said.contains("ermission denied") || said.contains("not permitted")),
        "{said}"
    );
    assert!(!said.contains(SECRET));
}

fn lake() -> Result<(), Failed> {
    let (_dir, file) = secret_file();
    let ask = call(&json!({"how": "lake", "what": file}));
    let open = unfenced().compute(&ask, Vec::new()).unwrap_err();
    assert!(open.to_string().contains(SECRET), "{open}");
    let fenced = host(5, 1).compute(&ask, Vec::new()).unwrap_err();
    if restrict::kernel().landlock > 0 {
        denied(&fenced);
    }
    Ok(())
}

fn socket() -> Result<(), Failed> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    server.set_nonblocking(true)?;
    let ask = call(&json!({"how": "socket", "what": server.local_addr()?.to_string()}));
    let fenced = host(5, 1).compute(&ask, Vec::new());
    if restrict::kernel().seccomp {
        denied(&fenced.unwrap_err());
        assert!(server.accept().is_err(), "it connected");
    }
    assert_eq!(figure(unfenced().compute(&ask, Vec::new())), "1");
    server.accept()?;
    Ok(())
}

fn theft() -> Result<(), Failed> {
    let (_dir, file) = secret_file();
    let ask = call(&json!({"how": "theft", "what": file}));
    let loot = figure(host(5, 1).compute(&ask, Vec::new()));
    if restrict::kernel().landlock > 0 {
        assert_eq!(loot, "0", "bytes of the parent and of a file with secrets");
    }
    // The same plugin is a thief where nothing holds it.
    assert_ne!(figure(unfenced().compute(&ask, Vec::new())), "0");
    Ok(())
}

fn ptrace() -> Result<(), Failed> {
    if restrict::kernel().seccomp {
        let mut host = host(5, 1);
        let verdict = host.compute(&how("ptrace"), Vec::new()).unwrap_err();
        assert_eq!(verdict, Verdict::Forbidden);
        assert_eq!(figure(host.compute(&how("count"), Vec::new())), "0");
    }
    Ok(())
}

fn kill() -> Result<(), Failed> {
    if restrict::kernel().seccomp {
        denied(&host(5, 1).compute(&how("kill"), Vec::new()).unwrap_err());
    }
    Ok(())
}

fn own_files() -> Result<(), Failed> {
    let mine = || -> Vec<PathBuf> {
        let all = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        all.map(|entry| entry.path())
            .filter(|path| path.join("beside.txt").exists())
            .collect()
    };
    let mut host = host(5, 1);
    assert_eq!(figure(host.compute(&how("own_files"), Vec::new())), "7");
    let folders = mine();
    assert!(!folders.is_empty(), "its folder is its working directory");
    drop(host);
    assert!(mine().iter().all(|left| !folders.contains(left)) || mine().len() < folders.len());
    Ok(())
}

fn no_program() -> Result<(), Failed> {
    if restrict::kernel().seccomp {
        let ask = call(&json!({"how": "orphan", "what": "300"}));
        denied(&host(5, 1).compute(&ask, Vec::new()).unwrap_err());
    }
    Ok(())
}

/// A kernel without seccomp lets a plugin start programs: they are noticed, and end with it.
fn orphan() -> Result<(), Failed> {
    // A time that no other sleep of this machine has.
    let seconds = format!("300.{}", std::process::id());
    let alive = || {
        let tasks = std::fs::read_dir("/proc").unwrap().flatten();
        tasks
            .filter(|task| {
                let line = std::fs::read_to_string(task.path().join("cmdline")).unwrap_or_default();
                line.contains(&seconds)
            })
            .count()
    };
    let ask = call(&json!({"how": "orphan", "what": seconds}));
    let mut host = unfenced();
    let verdict = host.compute(&ask, Vec::new()).unwrap_err();
    assert_eq!(
        verdict.to_string(),
        "the plugin left a process of its own running after its answer, which is not used"
    );
    let until = Instant::now() + Duration::from_secs(10);
    while alive() > 0 && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(alive(), 0, "it is still there");
    Ok(())
}

fn source_files() -> Result<(), Failed> {
    let (_dir, file) = secret_file();
    let scan = |reach: Reach| {
        let spec = numbers(&json!({"rows": 1, "fail": "lake", "file": file}));
        let mut host =
            SourceHost::spawn(chenbao::plugin::host::HostSpec { reach, ..spec }).unwrap();
        let request = ScanRequest {
            table: "numbers".to_owned(),
            ..ScanRequest::default()
        };
        host.scan(&request, &mut |_| Ok(()))
    };
    let named = Reach {
        read: vec![file.clone()],
        ..Reach::default()
    };
    assert_eq!(scan(named).unwrap().exports[0].rows, 1);
    if restrict::kernel().landlock > 0 {
        denied(&scan(Reach::default()).unwrap_err());
    }
    Ok(())
}

fn source_secrets() -> Result<(), Failed> {
    let mut host =
        SourceHost::spawn(numbers(&json!({"rows": 1, "fail": "another secret"}))).unwrap();
    let request = ScanRequest {
        table: "numbers".to_owned(),
        ..ScanRequest::default()
    };
    let verdict = host.scan(&request, &mut |_| Ok(())).unwrap_err();
    assert_eq!(
        verdict.to_string(),
        "the plugin has no answer (not_found): there is no secret `password` for this source"
    );
    Ok(())
}

/// The plugin in C with some of its text replaced.
fn altered(
    dir: &tempfile::TempDir,
    name: &str,
    changes: &[(&str, &str)],
) -> Result<PathBuf, Failed> {
    let api = crate::house_rules::root().join("plugins/api");
    let mut text = std::fs::read_to_string(api.join("examples-c/row_count.c"))?;
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let source = dir.path().join(format!("{name}.c"));
    std::fs::write(&source, text)?;
    let library = dir.path().join(format!("lib{name}.so"));
    let include = api.join("include");
    compile(
        &["-I", &include.to_string_lossy(), &source.to_string_lossy()],
        &library,
    )?;
    Ok(library)
}

fn versions() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let line = "CB_MAGIC, sizeof(cb_entry), CB_ABI_MAJOR, CB_ABI_MINOR, 0,";
    let refused = |name: &str, to: &str| -> Result<String, Failed> {
        let library = altered(&dir, name, &[(line, to)])?;
        let verdict = MetricHost::spawn(spec(&library, "row_count", 5, 1)).unwrap_err();
        assert_eq!(verdict.code(), "refused_at_load");
        Ok(verdict.to_string())
    };
    let major = refused("major", "CB_MAGIC, sizeof(cb_entry), 2, CB_ABI_MINOR, 0,")?;
    assert!(
        major.contains("it speaks version 2 of the contract, this is 1"),
        "{major}"
    );
    let minor = refused(
        "minor",
        "CB_MAGIC, sizeof(cb_entry), CB_ABI_MAJOR, CB_ABI_MINOR, 99,",
    )?;
    assert!(
        minor.contains("it needs Chenbao with contract 1.99"),
        "{minor}"
    );
    Ok(())
}

fn answers() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let breach = |name: &str, from: &str, to: &str| -> Result<String, Failed> {
        let library = altered(&dir, name, &[(from, to)])?;
        let mut host = MetricHost::spawn(spec(&library, "row_count", 5, 1)).unwrap();
        let ask = chenbao::plugin::host::ComputeCall {
            component: "row_count".to_owned(),
            ..call(&json!({}))
        };
        let mut rows = crate::hostile::lines(3);
        rows.0 = "rows".to_owned();
        let verdict = host.compute(&ask, vec![rows]).unwrap_err();
        assert_eq!(verdict.code(), "breach", "{verdict}");
        Ok(verdict.to_string())
    };
    let value = "\\\"value\\\":%\" PRId64 \"}";
    let nan = breach("nan", value, "\\\"value\\\":NaN,\\\"was\\\":%\" PRId64 \"}")?;
    assert!(nan.contains("does not read as the contract says"), "{nan}");
    let schema = breach("schema", "chenbao.result/1", "chenbao.result/9")?;
    assert!(schema.contains("chenbao.result/9"), "{schema}");
    Ok(())
}

/// Where the kernel has everything, requiring it changes nothing; where it lacks something, the plugin does not load.
fn required() -> Result<(), Failed> {
    let reach = Reach {
        sandbox: Sandbox::Require,
        ..Reach::default()
    };
    let spec = spec(&library(), "hostile", 5, 1);
    let started = MetricHost::spawn(chenbao::plugin::host::HostSpec { reach, ..spec });
    match restrict::kernel().whole() {
        true => assert_eq!(
            figure(started.unwrap().compute(&how("count"), Vec::new())),
            "0"
        ),
        false => assert!(
            started
                .unwrap_err()
                .to_string()
                .contains("sandbox = \"require\"")
        ),
    }
    Ok(())
}
