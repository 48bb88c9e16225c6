//! The workbook beside the report: in the folder always, in the mail where the audience asks, and sound for an office program.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial_with;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::process::Command;

const BOOK: &str = "reports/daily/2026-11-21/boss.xlsx";
const BOOK_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial_with(
            "workbook::a_mail_carries_what_its_audience_asks_for",
            &["python3"],
            attached,
        ),
        trial_with(
            "workbook::a_mail_that_would_be_too_large_says_what_it_lacks",
            &["python3"],
            too_large,
        ),
        trial_with(
            "workbook::a_mail_without_files_leaves_out_its_pictures",
            &["python3"],
            without_attachments,
        ),
        trial_with(
            "workbook::an_office_program_reads_every_sheet",
            &["soffice"],
            converted,
        ),
    ]
}

/// A shop with a product whose name looks like a formula.
fn project(attach: &str) -> Project {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T08:00:00+08:00");
    let to = "to = [\"boss@example.com\"]\n";
    let config = project.read("chenbao.toml");
    assert!(config.contains(to));
    project.write(
        "chenbao.toml",
        config.replace(to, &format!("{to}{attach}\n")),
    );
    let lines = [
        line(1, "2026-11-21 10:00:00", "120.50").title("=1+1 羽绒服"),
        line(2, "2026-11-21 11:00:00", "80.00").title("打底裤"),
        line(3, "2026-11-14 11:00:00", "90.00").title("打底裤"),
    ];
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    project
}

/// Media types of the files in the one mail of a run.
fn mailed(attach: &str) -> Result<Vec<String>, Failed> {
    let project = project(attach);
    let _ = project.run(&["run", "daily", "--deliver"]).exits(0);
    assert!(project.path().join(BOOK).exists());
    Ok(files(&the_mail(&project)?))
}

/// What Python's parser sees in the one mail of a project.
fn the_mail(project: &Project) -> Result<Value, Failed> {
    let mails = project.files("outbox");
    assert_eq!(mails.len(), 1, "{mails:?}");
    let script = crate::house_rules::root().join("tests/servers/parse_mail.py");
    let out = Command::new("python3")
        .arg(script)
        .arg(project.path().join(&mails[0]))
        .output()?;
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn files(mail: &Value) -> Vec<String> {
    let types = mail["parts"].as_array().into_iter().flatten();
    let types = types.filter_map(|part| part["type"].as_str());
    types
        .filter(|kind| kind.starts_with("application/"))
        .map(str::to_owned)
        .collect()
}

/// A project whose mail may have so many bytes.
fn within(limit: u64) -> Project {
    let link = "[deliver]\nlink = \"https://reports.example.com/{report}/{period}/{audience}\"\n\n[shop.main]";
    let project = project("attach = [\"pdf\", \"xlsx\"]");
    let text = project.read("chenbao.toml").replace("[shop.main]", link);
    let small = format!("folder = \"outbox\"\nmax_size = \"{} kB\"", limit / 1000);
    project.write("chenbao.toml", text.replace("folder = \"outbox\"", &small));
    project
}

/// Bytes of a file of a project.
fn bytes(project: &Project, name: &str) -> Result<u64, Failed> {
    Ok(std::fs::metadata(project.path().join(name))?.len())
}

fn too_large() -> Result<(), Failed> {
    let whole = within(20_000_000);
    let _ = whole.run(&["run", "daily", "--deliver"]).exits(0);
    let size = bytes(&whole, &whole.files("outbox")[0])?;
    // In a mail three bytes are four letters, and each line has its end.
    let encoded = |name: &str| Ok::<u64, Failed>(bytes(&whole, name)? * 78 / 57);
    let (book, pages) = (encoded(BOOK)?, encoded(&BOOK.replace("xlsx", "pdf"))?);

    let both = &["application/pdf", BOOK_TYPE][..];
    let sharp = too_small(size - 2000, both, "因此图表以较低清晰度附上")?;
    let _ = too_small(sharp - book / 2, &both[..1], "清晰度附上，未附XLSX；")?;
    let _ = too_small(sharp - book - pages / 2, &[], "清晰度附上，未附PDF、XLSX；")?;

    // Words alone are too much: it is not sent, and that is said.
    let project = within(1000);
    let ran = project.run(&["run", "daily", "--deliver"]).exits(4);
    let _ = ran.says(&["未附PDF、XLSX、图表；", "more than mail.max_size"]);
    assert_eq!(project.files("outbox").len(), 0);
    Ok(())
}

/// What a mail carries where it may have so many bytes, and that it says so everywhere; gives back its size.
fn too_small(limit: u64, carried: &[&str], lacks: &str) -> Result<u64, Failed> {
    let project = within(limit);
    let ran = project.run(&["run", "daily", "--deliver"]).exits(0);
    let _ = ran.says(&["超过上限", lacks]);
    let mail = the_mail(&project)?;
    assert_eq!(files(&mail), carried, "{limit}");
    let parts: Vec<&Value> = mail["parts"].as_array().into_iter().flatten().collect();
    for part in &parts[..2] {
        let text = part["text"].as_str().unwrap_or_default();
        assert!(text.contains(lacks), "{limit}: {text}");
        let linked = text.contains("https://reports.example.com/daily/2026-11-21/boss");
        assert_eq!(linked, carried.len() < 2, "{limit}: where the whole is");
    }
    assert!(
        parts.iter().any(|part| part["type"] == "image/png"),
        "{limit}"
    );
    assert!(
        project.path().join(BOOK).exists(),
        "the folder has all of it"
    );
    let run = project.run(&["history", "--json"]).exits(0).json();
    let run = run[0]["run"].as_str().unwrap_or_default().to_owned();
    let shown = project.run(&["show", &run, "--json"]).exits(0);
    let _ = shown.says(&[lacks]);
    bytes(&project, &project.files("outbox")[0])
}

fn attached() -> Result<(), Failed> {
    assert_eq!(mailed("")?, ["application/pdf"]);
    assert_eq!(
        mailed("attach = [\"xlsx\", \"pdf\"]")?,
        ["application/pdf", BOOK_TYPE]
    );
    assert_eq!(mailed("attach = [\"xlsx\"]")?, [BOOK_TYPE]);
    assert_eq!(mailed("attach = []")?, Vec::<String>::new());
    Ok(())
}

/// Where nothing is attached, only the pictures can be smaller, or go.
fn without_attachments() -> Result<(), Failed> {
    for (limit, said, drawn) in [
        ("45 kB", "图表以较低清晰度附上", true),
        ("30 kB", "未附图表；完整报告请向发件人索取", false),
    ] {
        let project = project("attach = []");
        let small = format!("folder = \"outbox\"\nmax_size = \"{limit}\"");
        let text = project.read("chenbao.toml");
        project.write("chenbao.toml", text.replace("folder = \"outbox\"", &small));
        let ran = project.run(&["run", "daily", "--deliver"]).exits(0);
        let _ = ran.says(&[said]);
        let mail = the_mail(&project)?;
        let mut parts = mail["parts"].as_array().into_iter().flatten();
        assert_eq!(
            parts.any(|part| part["type"] == "image/png"),
            drawn,
            "{limit}"
        );
    }
    Ok(())
}

fn converted() -> Result<(), Failed> {
    let project = project("");
    let _ = project.run(&["run", "daily"]).exits(0);
    let profile = format!(
        "-env:UserInstallation=file://{}",
        project.path().join("office").display()
    );
    // Every sheet as a text file of its own.
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";
    let out = Command::new("soffice")
        .args([&profile, "--headless", "--convert-to", filter, "--outdir"])
        .arg(project.path().join("sheets"))
        .arg(project.path().join(BOOK))
        .output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    let sheets = project.files("sheets");
    assert!(sheets.len() > 3, "{sheets:?} {said}");
    let all: String = sheets.iter().map(|name| project.read(name)).collect();
    for words in ["=1+1 羽绒服", "200.50", "口径"] {
        assert!(all.contains(words), "{words} is not in {all}");
    }
    for wrong in ["#NAME?", "#VALUE!", "Err:"] {
        assert!(!all.contains(wrong), "{wrong} in {all}");
    }
    Ok(())
}
