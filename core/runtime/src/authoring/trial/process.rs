//! A test of the C tables in a process of its own: started, waited for, and judged by how it ends.

use super::{Ending, Plan, Status, cases, ending};
use crate::authoring::bench::OnBench;
use crate::authoring::case::{Case, SqlBench};
use crate::plugin::descriptor::ComponentKind;
use crate::plugin::probe::{self, Found, Request, Test};
use crate::storage;
use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::json;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A test that has not ended by then hangs.
const LONGEST: Duration = Duration::from_secs(30);

/// What the tests are called with, and the folder in which requests and answers lie.
pub(super) struct Scratch {
    folder: tempfile::TempDir,
    request: Request,
}

impl Scratch {
    /// The rows of the first case that has some.
    pub(super) async fn of(
        on_bench: &OnBench,
        cases: &[Case],
        bench: &SqlBench,
        exe: &Path,
    ) -> Result<Self, Problems> {
        let component = &on_bench.component;
        let folder = tempfile::TempDir::with_prefix("chenbao-test-")
            .map_err(|e| Diagnostic::error(format!("no temporary folder can be made: {e}")))?;
        let mut request = Request {
            library: component.library.clone().unwrap_or_default(),
            component: component.id.clone(),
            params: component
                .descriptor
                .check_options(&serde_json::Map::new())
                .unwrap_or_else(|_| json!({})),
            period: json!({"start": "2026-11-21", "end": "2026-11-22", "prev_start": "2026-11-20",
                "prev_end": "2026-11-21", "grain": "day", "tz": "Asia/Shanghai"}),
            context: json!({"run_id": "test", "as_of": "2026-11-22T09:00:00+08:00", "report": "test",
                "edition": "regular", "seed": 0, "currency": "CNY", "shops": [{"id": "main", "platform": "douyin"}]}),
            ..Request::default()
        };
        for case in cases {
            let mut with = case.with.clone();
            if component.descriptor.kind == ComponentKind::Source {
                with.insert("_base".to_owned(), json!(case.folder));
            }
            if let Ok(params) = component.descriptor.check_options(&with) {
                request.params = params;
            }
            if component.descriptor.kind == ComponentKind::Source {
                break;
            }
            request.period = case.period.clone();
            request.context = case.context.clone();
            // What is wrong with its params is told where the case itself is tried.
            let described = cases::described(on_bench, &request.params, exe).unwrap_or_default();
            let asked = component.descriptor.asked(&described);
            // What is wrong with a case is told where the case itself is tried.
            let Ok(sets) = case.sets(&component.descriptor, bench).await else {
                continue;
            };
            for (name, batches) in sets {
                let Some(batches) = batches else { continue };
                if !asked.iter().any(|input| input.name == name) {
                    continue;
                }
                let path = folder.path().join(format!("{name}.arrow"));
                write(&path, &batches).map_err(Diagnostic::error)?;
                request.inputs.push((name, path));
            }
            request.outputs = described.outputs;
            if !request.inputs.is_empty() {
                break;
            }
        }
        Ok(Self { folder, request })
    }

    pub(super) fn run(&self, test: &Test, library: &Path, plan: &Plan<'_>) -> Ending {
        let request = Request {
            library: library.to_owned(),
            test: test.name.to_owned(),
            seed: plan.seed,
            ..self.request.clone()
        };
        if plan.in_process {
            return ending(probe::run(request));
        }
        let here = self.alone(&request, &plan.exe, "here", &[]);
        if test.name != "other-machine" {
            return here;
        }
        let elsewhere = [
            ("TZ", "America/St_Johns"),
            ("LANG", "zh_CN.UTF-8"),
            ("LC_ALL", "zh_CN.UTF-8"),
        ];
        let there = self.alone(&request, &plan.exe, "there", &elsewhere);
        match (here, there) {
            ((Status::Ok, here), (Status::Ok, there)) if here == there => {
                (Status::Ok, String::new())
            }
            ((Status::Ok, _), (Status::Ok, _)) => (
                Status::Failed,
                "the answer depends on the machine's zone or language".to_owned(),
            ),
            ((Status::Ok, _), there) => there,
            (here, _) => here,
        }
    }

    /// One request in a process of its own.
    fn alone(&self, request: &Request, exe: &Path, place: &str, env: &[(&str, &str)]) -> Ending {
        let file = self
            .folder
            .path()
            .join(format!("{}-{place}.request", request.test));
        let out = file.with_extension("stdout");
        let started = serde_json::to_vec(request)
            .map_err(|e| e.to_string())
            .and_then(|bytes| storage::write(&file, &bytes).map_err(|e| e.to_string()))
            .and_then(|()| storage::write(&out, b"").map_err(|e| e.to_string()))
            .and_then(|()| start(exe, &file, &out, env).map_err(|e| e.to_string()));
        let mut child = match started {
            Ok(child) => child,
            Err(why) => {
                return (
                    Status::Failed,
                    format!("the test could not be started: {why}"),
                );
            }
        };
        let Some(status) = ended(&mut child) else {
            return (
                Status::Crashed,
                format!("it hangs: there was no end within {} s", LONGEST.as_secs()),
            );
        };
        let said = std::fs::read_to_string(&out).unwrap_or_default();
        let found = std::fs::read(file.with_extension("answer"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Found>(&bytes).ok());
        match (status.signal(), found) {
            (Some(signal), _) => (
                Status::Crashed,
                format!("its process was ended by signal {signal}{}", named(signal)),
            ),
            (None, None) => (
                Status::Crashed,
                format!(
                    "its process ended by itself (exit {})",
                    status.code().unwrap_or_default()
                ),
            ),
            (None, Some(Found::Ok(_))) if !said.is_empty() => (
                Status::Failed,
                format!(
                    "it writes to standard output, which is not its own: {:?}",
                    said.chars().take(60).collect::<String>()
                ),
            ),
            (None, Some(found)) => ending(found),
        }
    }
}

fn named(signal: i32) -> &'static str {
    match signal {
        4 => ", illegal instruction",
        6 => ", abort",
        8 => ", arithmetic error",
        9 => ", killed",
        11 => ", segmentation fault",
        _ => "",
    }
}

fn start(exe: &Path, request: &Path, out: &Path, env: &[(&str, &str)]) -> std::io::Result<Child> {
    Command::new(exe)
        .arg("plugin-probe")
        .arg(request)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(std::fs::File::options().write(true).open(out)?)
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Waits, and ends the whole group: a plugin may leave a process behind.
fn ended(child: &mut Child) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + LONGEST;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => break None,
        }
    };
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    if status.is_none() {
        let _ = child.wait();
    }
    status
}

fn write(path: &Path, batches: &[RecordBatch]) -> Result<(), String> {
    let Some(first) = batches.first() else {
        return Ok(());
    };
    let mut bytes = Vec::new();
    let mut writer =
        StreamWriter::try_new(&mut bytes, &first.schema()).map_err(|e| e.to_string())?;
    for batch in batches {
        writer.write(batch).map_err(|e| e.to_string())?;
    }
    writer.finish().map_err(|e| e.to_string())?;
    drop(writer);
    storage::write(path, &bytes).map_err(|e| e.to_string())
}
