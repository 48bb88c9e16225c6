//! The source as the host uses it: every folder under `cases/` is read and compared with what stands there as expected.

use crate::{Files, Options};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use chenbao_plugin::{ErrorCode, ScanFacts, ScanRequest, Source, SourceCx};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

const ZONE: &str = "Asia/Shanghai";

fn open(base: &Path, options: &str) -> Files {
    let mut options: Options = toml::from_str(options).unwrap();
    options.base = base.to_owned();
    Files::open(options, &SourceCx::offline()).unwrap()
}

fn request(known: Vec<String>) -> ScanRequest {
    ScanRequest {
        table: "rows".into(),
        known,
        zone: ZONE.into(),
        ..ScanRequest::default()
    }
}

fn read(files: &mut Files, known: Vec<String>) -> (Vec<RecordBatch>, ScanFacts) {
    let scan = files.scan(&request(known), &SourceCx::offline()).unwrap();
    let schema = scan.reader.schema();
    let mut batches: Vec<_> = scan.reader.map(Result::unwrap).collect();
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    (batches, (scan.facts)().unwrap())
}

fn cell(batch: &RecordBatch, column: usize, row: usize) -> String {
    let array = batch.column(column);
    if array.is_null(row) {
        return "(null)".into();
    }
    match array.as_string_opt::<i32>() {
        Some(texts) => texts.value(row).to_owned(),
        None => array.as_primitive::<Int64Type>().value(row).to_string(),
    }
}

/// Facts and rows as text that a person can check.
fn shown(batches: &[RecordBatch], facts: &ScanFacts) -> String {
    let mut out = String::new();
    for e in &facts.exports {
        let covers = e
            .covers
            .as_ref()
            .map_or("?".to_owned(), |(first, last)| format!("{first}..{last}"));
        let provisional = if e.provisional { " provisional" } else { "" };
        writeln!(
            out,
            "export {} {} rows={} covers={covers} at={}{provisional}",
            e.export, e.name, e.rows, e.exported_at
        )
        .unwrap();
    }
    facts
        .skipped
        .iter()
        .for_each(|s| writeln!(out, "skipped {}: {}", s.name, s.why).unwrap());
    facts
        .warnings
        .iter()
        .for_each(|w| writeln!(out, "warning {w}").unwrap());
    let names: Vec<_> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    writeln!(out, "{}", names.join(" | ")).unwrap();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = (0..batch.num_columns())
                .map(|column| cell(batch, column, row))
                .collect();
            writeln!(out, "{}", cells.join(" | ")).unwrap();
        }
    }
    out
}

/// Puts the case's files where they look settled, made at a known time.
fn settled(case: &Path, to: &Path) {
    for entry in fs::read_dir(case.join("input")).unwrap() {
        let from = entry.unwrap();
        let path = to.join(from.file_name());
        fs::write(&path, fs::read(from.path()).unwrap()).unwrap();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(made)
            .unwrap();
    }
}

#[test]
fn every_case_reads_as_expected() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut folders: Vec<_> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 8, "cases are missing");
    let mut wrong = Vec::new();
    for case in folders {
        let base = tempfile::tempdir().unwrap();
        settled(&case, base.path());
        let options = fs::read_to_string(case.join("options.toml")).unwrap();
        let (batches, facts) = read(&mut open(base.path(), &options), Vec::new());
        let shown = shown(&batches, &facts);
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if shown != expected {
            wrong.push(format!("case {}:\n{shown}", case.display()));
            if std::env::var_os("UPDATE_CASES").is_some() {
                fs::write(case.join("expected.txt"), shown).unwrap();
            }
        }
    }
    // An update fails too: what was written is to be read first.
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "日期,数量\n2026-01-01,1\n").unwrap();
    folder
}

#[test]
fn what_the_lake_has_is_not_read_again() {
    let folder = small();
    let mut files = open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 0");
    let (_, facts) = read(&mut files, Vec::new());
    let digest = facts.exports[0].digest.clone().unwrap();
    assert_eq!(digest.len(), 64);
    let (batches, facts) = read(&mut files, vec![digest]);
    assert_eq!(
        (
            facts.exports.len(),
            facts.skipped.len(),
            batches[0].num_rows()
        ),
        (0, 0, 0)
    );
}

#[test]
fn a_fresh_file_is_left_for_the_next_time() {
    let folder = small();
    let (_, facts) = read(
        &mut open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 3600"),
        Vec::new(),
    );
    assert!(facts.exports.is_empty());
    assert!(facts.skipped[0].why.starts_with("changed "), "{facts:?}");
}

#[test]
fn no_file_at_all_is_a_warning_and_no_rows() {
    let folder = small();
    let (batches, facts) = read(&mut open(folder.path(), "path = \"*.xlsx\""), Vec::new());
    assert_eq!(batches[0].num_rows(), 0);
    assert_eq!(facts.warnings, ["no file matches *.xlsx"]);
}

#[test]
fn a_file_that_changes_between_the_passes_fails_the_stream() {
    let folder = small();
    let mut files = open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 0");
    // More rows than the stream holds ready, so that the change comes while it is read.
    let rows = "2026-01-01,1\n".repeat(100_000);
    fs::write(folder.path().join("a.csv"), format!("日期,数量\n{rows}")).unwrap();
    let mut scan = files
        .scan(&request(Vec::new()), &SourceCx::offline())
        .unwrap();
    fs::File::options()
        .append(true)
        .open(folder.path().join("a.csv"))
        .unwrap()
        .set_len(1_000_000)
        .unwrap();
    let error = scan.reader.find_map(Result::err).unwrap();
    assert!(error.to_string().contains("a.csv"), "{error}");
    assert!(
        files
            .scan(&request(Vec::new()), &SourceCx::offline())
            .is_ok()
    );
}

#[test]
fn a_stream_may_be_dropped_early() {
    let folder = small();
    fs::write(
        folder.path().join("b.csv"),
        format!("日期,数量\n{}", "2026-01-01,1\n".repeat(100_000)),
    )
    .unwrap();
    let mut files = open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 0");
    let mut scan = files
        .scan(&request(Vec::new()), &SourceCx::offline())
        .unwrap();
    assert!(scan.reader.next().unwrap().is_ok());
    drop(scan.reader);
    assert_eq!((scan.facts)().unwrap().exports.len(), 2);
}

#[test]
fn batches_are_bounded_and_lose_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..20_000).map(|n| format!("2026-01-01,{n}\n")).collect();
    fs::write(folder.path().join("a.csv"), format!("日期,数量\n{rows}")).unwrap();
    let (batches, facts) = read(
        &mut open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 0"),
        Vec::new(),
    );
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8192));
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        20_000
    );
    assert_eq!(facts.exports[0].rows, 20_000);
    let last = batches.last().unwrap();
    assert_eq!(cell(last, 1, last.num_rows() - 1), "19999");
    assert_eq!(cell(last, 3, last.num_rows() - 1), "20000");
}

#[test]
fn wrong_options_and_tables_are_told_apart() {
    let folder = small();
    let options: Options = toml::from_str("header_row = 0").unwrap();
    let error = Files::open(options, &SourceCx::offline()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert!(error.message.contains("path") && error.message.contains("header_row"));
    let mut files = open(folder.path(), "path = \"*.csv\"\nsettle_seconds = 0");
    let other = ScanRequest {
        table: "orders".into(),
        ..ScanRequest::default()
    };
    assert_eq!(
        files.scan(&other, &SourceCx::offline()).unwrap_err().code,
        ErrorCode::NotFound
    );
    let nowhere = ScanRequest {
        zone: "Nowhere/Town".into(),
        ..request(Vec::new())
    };
    assert_eq!(
        files.scan(&nowhere, &SourceCx::offline()).unwrap_err().code,
        ErrorCode::InvalidConfig
    );
    assert_eq!(
        files.tables(&SourceCx::offline()).unwrap()[0].columns.len(),
        4
    );
    assert_eq!(
        files.check(&SourceCx::offline()).unwrap(),
        ["1 readable files with 1 rows"]
    );
}

/// The published layout of a 千川 material report; the test data lies outside the repository.
#[test]
fn a_sheet_without_row_numbers_is_read() {
    let data = std::env::var("CHENBAO_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let sheet = Path::new(&data).join("qianchuan_material_daily_layout_sample_FICTITIOUS.xlsx");
    if !sheet.exists() {
        eprintln!("SKIPPED: {} is not there", sheet.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "全域数据_素材分析_视频_2026-06-18 00_00_00-2026-06-18 23_59_59-x.xlsx";
    fs::write(folder.path().join(name), fs::read(sheet).unwrap()).unwrap();
    let (batches, facts) = read(
        &mut open(folder.path(), "path = \"*.xlsx\"\nsettle_seconds = 0"),
        Vec::new(),
    );
    assert_eq!(facts.skipped, []);
    assert_eq!(facts.exports[0].columns.len(), 15);
    assert_eq!(cell(&batches[0], 1, 0), "88880000000001");
    assert_eq!(cell(&batches[0], 10, 0), "2.74%");
    assert_eq!(cell(&batches[0], 7, 1), "1500.0");
}
