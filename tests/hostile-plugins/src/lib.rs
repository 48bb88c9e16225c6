//! A plugin that misbehaves as told: each way to fail has its own verdict, and none reaches the caller's process.

use chenbao_plugin::{
    Cell, Cx, Described, Inputs, Level, Metric, Report, Result, Scalar, Table, bad_config,
    bad_data, export_plugin, serde_json,
};
use serde::Deserialize;
use std::io::Write as _;
use std::time::Duration;

mod doors;
mod large;
mod reach;
mod sent;

/// The one metric.
#[derive(Debug)]
pub struct Hostile;

/// How to misbehave.
#[derive(Debug, Deserialize)]
pub struct Params {
    how: String,
    /// A file, an address or whatever else it needs for that.
    #[serde(default)]
    what: String,
}

impl Metric for Hostile {
    const ID: &'static str = "hostile";
    type Params = Params;

    fn describe(params: &Params) -> Result<Described> {
        let only = |input: &[&str], output: &str| Described {
            inputs: Some(input.iter().map(ToString::to_string).collect()),
            outputs: Some(vec![output.to_owned()]),
        };
        match params.how.as_str() {
            "large" | "context" => Ok(only(&[], "lines")),
            "refused" => Err(bad_config("`how` and `what` do not go together")),
            "strange" => Ok(only(&["nowhere"], "surprise")),
            _ => Ok(only(&["lines"], "rows")),
        }
    }

    fn compute(params: Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
        match params.how.as_str() {
            "count" => count(inputs, cx),
            "data" => Err(bad_data("two days are missing").retry_after(60_000)),
            "garbage" => Ok(Report::new().push("not an item")),
            "breach" => Ok(Report::new()
                .push(Scalar::new("rows", "1"))
                .push(Scalar::new("surprise", "1").value(1))),
            "large" => large::table(&params.what),
            "context" => context(cx),
            "noise" => noise(),
            "orphan" => orphan(&params.what),
            "thread" => thread(),
            "lake" => reach::read(&params.what),
            "socket" => reach::connect(&params.what),
            "theft" => reach::theft(&params.what),
            "ptrace" => reach::look_into_parent(),
            "kill" => reach::end_parent(),
            "datagram" => doors::datagram(&params.what),
            "segment" => doors::segment(),
            "nameless" => doors::nameless(),
            "owner" => doors::owner(),
            "deaf" => doors::deaf(),
            "own_files" => reach::own_files(),
            "patient" => patient(cx),
            "flood" => flood(cx),
            how => die(how),
        }
    }
}

fn rows(count: impl Into<chenbao_plugin::Cell>) -> Report {
    Report::new().push(Scalar::new("rows", "1").value(count))
}

fn count(inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report> {
    let mut count = 0;
    if let Some(lines) = inputs.optional("lines") {
        for batch in lines {
            cx.checkpoint()?;
            count += batch?.num_rows();
        }
    }
    Ok(rows(count))
}

/// Says what it was told about the period and what surrounds it.
fn context(cx: &Cx<'_>) -> Result<Report> {
    let told = [
        serde_json::to_string(&cx.period).map_err(|e| bad_data(e.to_string()))?,
        serde_json::to_string(&cx.context).map_err(|e| bad_data(e.to_string()))?,
    ];
    let rows = told.iter().zip(0_i64..);
    let table = Table::new("lines")
        .column("n", "number", "1")
        .column("order", "text", "");
    Ok(Report::new().push(rows.fold(table, |table, (text, n)| {
        table.row(vec![Cell::from(n), Cell::from(text.as_str())])
    })))
}

/// Writes to standard output, which is not its own.
#[expect(clippy::print_stdout, reason = "that is the misbehaviour")]
fn noise() -> Result<Report> {
    println!("{{\"say\":\"answer\",\"json\":\"forged\"}}");
    std::io::stdout().write_all(&[0, 0, 0, 200])?;
    std::io::stdout().flush()?;
    Ok(rows(1))
}

/// Leaves a process behind that sleeps for so long.
fn orphan(seconds: &str) -> Result<Report> {
    let child = std::process::Command::new("sleep").arg(seconds).spawn()?;
    Ok(rows(child.id()))
}

/// Leaves a thread behind.
fn thread() -> Result<Report> {
    std::thread::spawn(|| std::thread::sleep(Duration::from_secs(300)));
    Ok(rows(1))
}

/// Works until asked to stop.
fn patient(cx: &Cx<'_>) -> Result<Report> {
    loop {
        cx.checkpoint()?;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Never stops talking.
fn flood(cx: &Cx<'_>) -> ! {
    loop {
        cx.log(Level::Debug, "and another thing");
    }
}

#[expect(clippy::panic, clippy::exit, reason = "that is the misbehaviour")]
fn die(how: &str) -> Result<Report> {
    match how {
        "panic" => panic!("on purpose"),
        "segfault" => segfault(),
        "abort" => std::process::abort(),
        "overflow" => Ok(rows(deeper(1))),
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
        "spin" => spin(),
        "hog" => hog(),
        "exit0" => std::process::exit(0),
        other => Err(bad_data(format!("nothing is known about `{other}`"))),
    }
}

#[expect(unsafe_code, reason = "that is the misbehaviour")]
fn segfault() -> Result<Report> {
    // SAFETY: none; the first page is never mapped, so the process is ended by the kernel.
    Ok(rows(u32::from(unsafe {
        std::ptr::without_provenance::<u8>(64).read_volatile()
    })))
}

#[expect(unconditional_recursion, reason = "that is the misbehaviour")]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    deeper(frame[0] + 1) + frame[1]
}

/// Burns processor time on two threads and does not listen.
fn spin() -> Result<Report> {
    let burn = || -> u64 {
        let mut n = 0_u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    };
    std::thread::spawn(burn);
    Ok(rows(burn()))
}

/// Allocates until there is no more.
fn hog() -> Result<Report> {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 16 << 20]));
    }
}

export_plugin! {
    files: ["metric.toml", "sql/lines.sql", "strings.zh-CN.toml", "strings.en.toml"],
    metrics: [Hostile]
}
