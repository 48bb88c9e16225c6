//! The demo shop as a newcomer gets it: one command, everything there, the planted story found and priced, nothing sent twice.

use crate::project::Project;
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, LazyLock};

/// A small demo that tests share: made once, when the first of them asks, and gone with the last.
pub type Demo = Arc<LazyLock<Project>>;

/// Share of the truth that the price of the planted break may be off: the report prices it against the median of past Saturdays, the
/// generator counts the very orders that it left out.
const TOLERANCE_PCT: i64 = 10;

/// Report folders and audiences that the demo's configuration has.
const PAPERS: [(&str, &[&str]); 3] = [
    (
        "reports/daily/2026-11-21",
        &["ads", "finance", "management", "operations", "outlet"],
    ),
    (
        "reports/weekly/2026-W46",
        &["ads", "finance", "management", "operations", "outlet"],
    ),
    (
        "reports/campaign/d11-2026-2026-11-05..2026-11-13-D+7",
        &["ads", "finance", "management", "operations"],
    ),
];

/// The shared demo.
#[must_use]
pub fn shared() -> Demo {
    Arc::new(LazyLock::new(make))
}

fn make() -> Project {
    let project = Project::empty();
    let _ = project
        .run(&["demo", "--dir", ".", "--json", "--quiet"])
        .exits(0);
    project
}

/// All of them.
#[must_use]
pub fn trials(demo: &Demo) -> Vec<Trial> {
    let on = |body: fn(&Project) -> Result<(), Failed>| {
        let demo = Arc::clone(demo);
        move || body(&demo)
    };
    vec![
        trial("demo::everything_is_under_its_folder", on(everything)),
        trial("demo::a_second_delivery_sends_nothing_more", on(once)),
        trial("demo::the_planted_break_is_found_and_priced", on(found)),
        trial("demo::a_shop_without_the_break_has_none_found", not_found),
        trial_with(
            "demo::hostile_titles_are_shown_literally",
            &["pdftotext"],
            on(literal),
        ),
        trial("demo::the_same_seed_makes_the_same_reports", on(same_again)),
    ]
}

/// The figures of a report on a demo as JSON, from the lake as it is. Each caller has a minute of its own, so that runs have ids of their own.
#[must_use]
pub fn figures(project: &Project, report: &str, now: &str) -> Value {
    let out = project
        .command(&["run", report, "--results", "--json", "--no-collect"])
        .env("CHENBAO_NOW", now)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "run {report}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    answer["results"].clone()
}

fn truth(project: &Project) -> Value {
    serde_json::from_str(&project.read("truth.json")).unwrap()
}

fn papers() -> Vec<String> {
    let mut all = Vec::new();
    for (folder, audiences) in PAPERS {
        for audience in audiences {
            all.extend(
                ["html", "pdf", "txt", "xlsx"]
                    .map(|format| format!("{folder}/{audience}.{format}")),
            );
        }
    }
    all.sort();
    all
}

fn everything(demo: &Project) -> Result<(), Failed> {
    for file in ["chenbao.toml", "erp.sqlite", "truth.json"] {
        assert!(demo.path().join(file).is_file(), "{file}");
    }
    for shop in ["flagship", "outlet"] {
        for kind in ["orders", "refunds", "traffic", "ads", "inventory"] {
            assert!(
                !demo.files(&format!("exports/{shop}/{kind}")).is_empty(),
                "exports of {kind} of {shop}"
            );
        }
        assert!(!demo.files(&format!("lake/tables/orders/{shop}")).is_empty());
    }
    assert_eq!(
        demo.files("reports"),
        papers(),
        "three reports for every role, as HTML, PDF, text and workbook"
    );
    let mails = demo.files("outbox");
    assert_eq!(mails.len(), papers().len() / 4, "{mails:?}");
    assert!(mails.iter().all(|mail| mail.ends_with(".eml")), "{mails:?}");
    let stories: Vec<_> = truth(demo)["stories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|story| story["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(stories, ["conversion_break", "pseudo_hit", "stock_out"]);
    // An ordinary project: `plan` and `history` take it from there.
    let history = demo.run(&["history", "--json"]).exits(0).json();
    let delivered: u64 = history
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|run| run["deliveries"]["sent"].as_u64())
        .sum();
    assert_eq!(delivered, 14);
    let _ = demo.run(&["check"]).exits(0);
    Ok(())
}

fn once(demo: &Project) -> Result<(), Failed> {
    let before = demo.files("outbox");
    let again = [
        "run",
        "daily",
        "--period",
        "2026-11-21",
        "--deliver",
        "--out",
        "again",
        "--json",
    ];
    let out = demo
        .command(&again)
        .env("CHENBAO_NOW", "2026-11-22T08:10:00+08:00")
        .output()?;
    let answer: Value = serde_json::from_slice(&out.stdout)?;
    assert_eq!(
        (&answer["queued"], &answer["undelivered"]),
        (&0.into(), &0.into()),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert_eq!(demo.files("outbox"), before);
    Ok(())
}

/// The items of a metric for one set of shops.
fn items<'a>(results: &'a Value, shops: &str, metric: &str) -> &'a [Value] {
    let of = results
        .as_array()
        .unwrap()
        .iter()
        .find(|result| result["shops"] == shops)
        .unwrap();
    of["metrics"][metric]["items"].as_array().unwrap()
}

fn breaks(items: &[Value]) -> Vec<&Value> {
    items
        .iter()
        .filter(|item| {
            item["kind"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("funnel_break"))
        })
        .collect()
}

/// Whole fen of an amount as text, the sign left out.
fn fen(amount: &str) -> i64 {
    let (yuan, rest) = amount
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((amount, ""));
    let cents: String = rest.chars().chain("00".chars()).take(2).collect();
    format!("{yuan}{cents}").parse().unwrap()
}

fn found(demo: &Project) -> Result<(), Failed> {
    let truth = truth(demo);
    let story = &truth["stories"][0];
    let (name, lost) = (
        story["product_name"].as_str().unwrap(),
        fen(story["lost_yuan"].as_str().unwrap()),
    );
    let results = figures(demo, "daily", "2026-11-22T08:20:00+08:00");
    for shops in ["flagship", "flagship,outlet"] {
        let found = breaks(items(&results, shops, "traffic"));
        assert_eq!(found.len(), 1, "{shops}: {found:?}");
        assert_eq!(found[0]["args"]["where"]["value"], name, "{shops}");
        assert_eq!(
            found[0]["args"]["step"]["value"]["$key"], "click_to_pay",
            "{shops}"
        );
        let priced = fen(found[0]["money"]["$dec"].as_str().unwrap());
        assert!(
            (priced - lost).abs() * 100 <= lost * TOLERANCE_PCT,
            "{shops}: priced at {priced} fen, in truth {lost}"
        );
    }
    assert!(
        breaks(items(&results, "outlet", "traffic")).is_empty(),
        "nothing was planted in the second shop"
    );
    // The reader of the report sees it, with its money, and those of the other shop do not.
    let sentence = |audience: &str| {
        demo.read(&format!("reports/daily/2026-11-21/{audience}.txt"))
            .replace(['\n', ' '], "")
    };
    for audience in ["management", "operations"] {
        assert!(
            sentence(audience).contains(&format!("集中在「{name}」")),
            "{}",
            sentence(audience)
        );
    }
    assert!(!sentence("outlet").contains(name));
    Ok(())
}

/// The same shop without its stories: no broken step is found, so the finding above is the planted one and no habit of the metric.
fn not_found() -> Result<(), Failed> {
    let plain = Project::empty();
    let _ = plain
        .run(&["demo", "--dir", ".", "--plain", "--only-shop", "--quiet"])
        .exits(0);
    assert_eq!(truth(&plain)["stories"].as_array().map(Vec::len), Some(0));
    let plain = plain.env("CHENBAO_NOW", "2026-11-22T07:40:00+08:00");
    let run = plain
        .run(&["run", "daily", "--results", "--json", "--quiet"])
        .exits(0)
        .json();
    for shops in ["flagship", "outlet", "flagship,outlet"] {
        let found = breaks(items(&run["results"], shops, "traffic"));
        assert!(found.is_empty(), "{shops}: {found:?}");
    }
    Ok(())
}

/// Two of the demo's titles are markup with template braces, and a formula; the weekly product table of operations names both.
fn literal(demo: &Project) -> Result<(), Failed> {
    let page = "reports/weekly/2026-W46/operations";
    let (html, text) = (
        demo.read(&format!("{page}.html")),
        demo.read(&format!("{page}.txt")),
    );
    let pdf = Command::new("pdftotext")
        .arg(demo.path().join(format!("{page}.pdf")))
        .arg("-")
        .output()?;
    let squeeze = |text: &str| text.replace(['\n', ' '], "");
    for title in ["<b>加绒&\"{{ x }}</td>", "=cmd()|' /C calc'!A0"] {
        assert!(
            squeeze(&text).contains(&squeeze(title)),
            "{title} in the text"
        );
        assert!(
            squeeze(&String::from_utf8_lossy(&pdf.stdout)).contains(&squeeze(title)),
            "{title} in the PDF"
        );
        assert!(!html.contains("<b>加绒"), "markup of a title");
    }
    assert!(
        html.contains("&lt;b&gt;加绒&amp;") && html.contains("{{ x }}"),
        "escaped, not read"
    );
    Ok(())
}

/// Every file of the reports by its bytes.
fn bytes(project: &Project) -> BTreeMap<String, Vec<u8>> {
    project
        .files("reports")
        .into_iter()
        .map(|name| {
            (
                name.clone(),
                std::fs::read(project.path().join(name)).unwrap(),
            )
        })
        .collect()
}

fn same_again(demo: &Project) -> Result<(), Failed> {
    let other = make();
    let (first, second) = (bytes(demo), bytes(&other));
    let differing: Vec<_> = first
        .iter()
        .filter(|(name, bytes)| second.get(*name) != Some(bytes))
        .map(|(name, _)| name)
        .collect();
    assert!(
        differing.is_empty() && first.len() == second.len(),
        "{differing:?}"
    );
    assert_eq!(demo.read("truth.json"), other.read("truth.json"));
    Ok(())
}
