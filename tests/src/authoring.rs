//! What authors of plugins are given: folders to begin with, the tests, golden cases, recorded cases, and figures on the page at once.

use crate::orders::{export, line};
use crate::project::{Project, Run, bin_dir};
use crate::{sdk_seed, trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let scaffold = |name: &'static str, args: &'static [&'static str]| {
        let title = format!("authoring::a_new_plugin_{name}_passes_its_own_tests");
        trial_with(&title, &["cc", "make"], move || new(args))
    };
    vec![
        scaffold("in_sql", &["--lang", "sql"]),
        scaffold("in_c", &["--lang", "c"]),
        scaffold("in_rust", &["--lang", "rust"]),
        scaffold("that_is_a_source", &["--kind", "source"]),
        trial(
            "authoring::a_new_metric_shows_up_before_a_template_is_touched",
            unbound,
        ),
        trial(
            "authoring::the_products_plugins_pass_what_strangers_must",
            products,
        ),
        trial(
            "authoring::what_fails_and_what_crashes_are_told_apart",
            hostile,
        ),
        trial(
            "authoring::a_rewritten_expectation_still_fails_once",
            updated,
        ),
        trial(
            "authoring::a_parameter_without_a_description_does_not_compile",
            undocumented,
        ),
        trial("authoring::a_recorded_case_runs_and_names_nobody", recorded),
    ]
}

const NOW: &str = "2026-11-22T08:00:00+08:00";

/// A shop with 40 orders of yesterday, one of them large.
pub(crate) fn shop() -> Project {
    let project = Project::from_case("one-shop").env("CHENBAO_NOW", NOW);
    let mut lines: Vec<_> = (1..40)
        .map(|n| line(n, "2026-11-21 10:00:00", "12.50"))
        .collect();
    lines.push(line(40, "2026-11-21 11:00:00", "987.60"));
    project.write("exports/orders/1795276800_订单导出.csv", export(&lines));
    project
}

fn new(args: &[&str]) -> Result<(), Failed> {
    let project = Project::empty();
    let args: Vec<&str> = ["plugin", "new", "mine"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    let _ = project.run(&args).exits(0).says(&["plugin test"]);
    let folder = project.path().join("mine");
    if folder.join("Cargo.toml").exists() {
        sdk_seed::plant(&folder, "debug")?;
    }
    let tested = author(&project, &["plugin", "test", "mine", "--json"])?;
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.stdout, tested.stderr);
    let statuses = statuses(&tested.json());
    let ok = statuses.values().filter(|status| *status == "ok").count();
    assert!(ok >= 4 && statuses["case:basic"] == "ok", "{statuses:?}");
    // The C of the scaffold reads plain columns, and says so of others.
    let odd: Vec<&String> = statuses
        .iter()
        .filter(|(name, status)| *status == "warning" && *name != "dictionaries")
        .map(|(name, _)| name)
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    let docs = author(&project, &["plugin", "docs", "mine", "--check"])?;
    assert_eq!(docs.code, Some(0), "{}\n{}", docs.stdout, docs.stderr);
    // Nothing is overwritten.
    let _ = project
        .run(&args)
        .exits(1)
        .says(&["there is something of this name already"]);
    Ok(())
}

/// `chenbao` as an author calls it, who has no build of this workspace around them.
fn author(project: &Project, args: &[&str]) -> Result<Run, Failed> {
    let mut command = project.command(args);
    Ok(Run::of(sdk_seed::as_an_author(&mut command), args))
}

/// Status by test.
fn statuses(answer: &Value) -> BTreeMap<String, String> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let tests = answer["tests"].as_array().into_iter().flatten();
    tests
        .map(|one| (text(one, "name"), text(one, "status")))
        .collect()
}

/// A metric of SQL alone, put into the report's list: its words, its units, a chart of its days and its table are on the page.
fn unbound() -> Result<(), Failed> {
    let project = shop();
    let new = ["plugin", "new", "big-baskets", "--lang", "sql"];
    let _ = project
        .run(&[new.as_slice(), &["--at", "plugins"]].concat())
        .exits(0);
    let config = project
        .read("chenbao.toml")
        .replace("metrics = [\"sales\"]", "metrics = [\"sales\", \"big\"]");
    project.write(
        "chenbao.toml",
        config + "\n[metric.big]\nplugin = \"big-baskets\"\n",
    );
    let _ = project
        .run(&["run", "daily", "--period", "2026-11-21", "--out", "reports"])
        .exits(0);
    let html = project.read("reports/daily/2026-11-21/boss.html");
    let section = html.split(">Big baskets").nth(1).unwrap_or_default();
    // 987.60 of 39 x 12.50 + 987.60, one order of 300 and more; labels in the reader's language, figures with their units.
    for (what, words) in [
        (
            "labels",
            ["大额订单占比", "大额订单数", "大额订单榜"].as_slice(),
        ),
        ("figures", &["67.0%", ">1<"]),
        ("a chart of the days", &["每日订单", "<img"]),
        ("the table's heads", &["支付日", "支付金额"]),
        ("its money", &["987.60", "¥"]),
    ] {
        for word in words {
            assert!(section.contains(word), "{what}: {word} in {section}");
        }
    }
    assert!(!section.contains("large_share"), "an id is no label");
    let text = project.read("reports/daily/2026-11-21/boss.txt");
    assert!(text.contains("大额订单占比"), "{text}");
    Ok(())
}

/// `plugin test` and `plugin docs --check` over every plugin of the product, with the libraries of this build.
fn products() -> Result<(), Failed> {
    let here = Project::empty();
    let plugins = crate::house_rules::root().join("plugins");
    let mut seen = 0;
    let mut folders: Vec<_> = std::fs::read_dir(plugins)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|dir| dir.join("metric.toml").exists() || dir.join("source.toml").exists())
        .collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let library = bin_dir().join(format!("lib{}.so", name.replace('-', "_")));
        let path = folder.display().to_string();
        let file = library.display().to_string();
        let built: &[&str] = match folder.join("Cargo.toml").exists() {
            true => &["--library", &file],
            false => &[],
        };
        let run = |args: &[&str]| here.run(&[&["plugin"], args, &[&path], built].concat());
        let tested = run(&["test", "--only-failed"]);
        assert_eq!(
            tested.code,
            Some(0),
            "{name}\n{}{}",
            tested.stdout,
            tested.stderr
        );
        let docs = run(&["docs", "--check"]);
        assert_eq!(docs.code, Some(0), "{name}\n{}{}", docs.stdout, docs.stderr);
        seen += 1;
    }
    assert!(seen >= 7, "{seen} plugins");
    Ok(())
}

/// A case of the hostile plugin in its folder.
fn misbehaves(project: &Project, case: &str, how: &str) {
    let at = format!("hostile/cases/{case}");
    let call = format!("period = \"2026-11-21\"\n[with]\nhow = \"{how}\"\n");
    project.write(&format!("{at}/case.toml"), call);
    let orders = "order_id,line_id,day\nA,1,2026-11-21\nB,1,2026-11-21\n";
    project.write(&format!("{at}/tables/orders.csv"), orders);
}

/// The folder of the hostile plugin, without its code.
fn hostile_folder() -> Result<Project, Failed> {
    let project = Project::empty();
    let source = crate::house_rules::root().join("tests/hostile-plugins");
    for file in [
        "metric.toml",
        "sql/lines.sql",
        "strings.en.toml",
        "strings.zh-CN.toml",
    ] {
        project.write(
            &format!("hostile/{file}"),
            std::fs::read(source.join(file))?,
        );
    }
    Ok(project)
}

fn tested(project: &Project, more: &[&str]) -> Run {
    let library = crate::hostile::library().display().to_string();
    let args = ["plugin", "test", "hostile", "--library", &library, "--json"];
    project.run(&[args.as_slice(), more].concat())
}

fn hostile() -> Result<(), Failed> {
    let project = hostile_folder()?;
    // The first case is what the contract is tried with.
    misbehaves(&project, "a-count", "count");
    for how in [
        "abort", "breach", "data", "exit0", "overflow", "panic", "segfault",
    ] {
        misbehaves(&project, how, how);
    }
    let run = tested(&project, &["--seed", "7"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let answer = run.json();
    assert_eq!(answer["seed"], 7);
    let all = statuses(&answer);
    for (test, status) in [
        ("loads", "ok"),
        ("ends-of-types", "ok"),
        // There is no expected.json yet.
        ("case:a-count", "failed"),
        ("case:breach", "failed"),
        ("case:data", "failed"),
        ("case:panic", "failed"),
        ("case:abort", "crashed"),
        ("case:exit0", "crashed"),
        ("case:overflow", "crashed"),
        ("case:segfault", "crashed"),
    ] {
        assert_eq!(
            all.get(test).map(String::as_str),
            Some(status),
            "{test}: {all:?}"
        );
    }
    let again = tested(&project, &["--seed", "7"]).json();
    assert_eq!(statuses(&again), all, "the same seed does the same");

    // A call that kills its process is that test's own end, and the next test runs.
    let crashing = hostile_folder()?;
    misbehaves(&crashing, "a-segfault", "segfault");
    let all = statuses(&tested(&crashing, &[]).json());
    let crashed = all.values().filter(|status| *status == "crashed").count();
    assert!(crashed >= 3 && all["loads"] == "ok", "{all:?}");
    in_process(&project)
}

/// For a debugger: the same tests in the command's own process.
fn in_process(project: &Project) -> Result<(), Failed> {
    let wanted = ["--in-process", "--include", "ends-of-types"];
    let run = tested(project, &wanted);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert_eq!(statuses(&run.json()).len(), 1);
    let none = tested(project, &["--include", "no-such-test"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    let broken = project.run(&["plugin", "test", "nowhere"]);
    assert_eq!(broken.code, Some(2), "{}", broken.stderr);
    Ok(())
}

fn updated() -> Result<(), Failed> {
    let project = Project::empty();
    let _ = project
        .run(&["plugin", "new", "mine", "--lang", "sql"])
        .exits(0);
    let sql = project.read("mine/sql/total.sql").replace("300", "100");
    project.write("mine/sql/total.sql", sql);
    let test = ["plugin", "test", "mine", "--include", "case:"];
    let before = project.read("mine/cases/basic/expected.json");
    let _ = project
        .run(&test)
        .exits(1)
        .says(&["large_orders.value", "UPDATE=1"]);
    assert_eq!(project.read("mine/cases/basic/expected.json"), before);
    let update = Run::of(project.command(&test).env("UPDATE", "1"), &test);
    let _ = update.exits(1).says(&["was rewritten: read it"]);
    assert_ne!(project.read("mine/cases/basic/expected.json"), before);
    let _ = project.run(&test).exits(0);
    Ok(())
}

fn undocumented() -> Result<(), Failed> {
    let project = Project::empty();
    let _ = project.run(&["plugin", "new", "mine"]).exits(0);
    let krate = project.path().join("mine");
    sdk_seed::plant(&krate, "debug")?;
    let code = project.read("mine/src/lib.rs");
    let comment = "    /// Orders from this amount on count as large.\n";
    assert!(code.contains(comment));
    let told = |code: &str| -> Result<String, Failed> {
        project.write("mine/src/lib.rs", code);
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--lib"]).current_dir(&krate);
        let out = sdk_seed::as_an_author(&mut cargo).output()?;
        assert!(!out.status.success());
        Ok(String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let why = told(&code.replace(comment, ""))?;
    assert!(
        why.contains("the parameter `large_from` has no description"),
        "{why}"
    );
    let why = told(&code.replace("default = 300", "default = \"much\""))?;
    assert!(why.contains("default"), "{why}");
    Ok(())
}

/// Orders of the lake as a case: it runs, its figures are the lake's, and no order has its number in it.
fn recorded() -> Result<(), Failed> {
    let project = shop();
    let _ = project.run(&["collect"]).exits(0);
    let _ = project
        .run(&["plugin", "new", "mine", "--lang", "sql"])
        .exits(0);
    let record = ["plugin", "record", "mine", "--case", "real"];
    let said = project
        .run(&record)
        .exits(0)
        .says(&["orders", "40", "order_id"]);
    assert!(said.stdout.contains("case:real"), "{}", said.stdout);
    let csv = project.read("mine/cases/real/tables/orders.csv");
    assert_eq!(csv.lines().count(), 41, "{csv}");
    assert!(
        csv.contains("order-1,") && csv.contains("987.6000"),
        "{csv}"
    );
    assert!(!csv.contains("69179267688236"), "an order's number: {csv}");
    let heads = csv.lines().next().unwrap_or_default();
    for (column, there) in [
        ("pay_amount", true),
        ("product_name", false),
        ("province", false),
    ] {
        assert_eq!(heads.contains(column), there, "{heads}");
    }
    let _ = project
        .run(&record)
        .exits(1)
        .says(&["there is such a case already"]);
    let test = ["plugin", "test", "mine", "--include", "case:real"];
    let update = Run::of(project.command(&test).env("UPDATE", "1"), &test);
    let _ = update.exits(1).says(&["was rewritten"]);
    let _ = project.run(&test).exits(0);
    let answer = project.read("mine/cases/real/expected.json");
    let answer: Value = serde_json::from_str(&answer)?;
    let figure = |id: &str| {
        let items = answer["items"].as_array().into_iter().flatten();
        let item = items
            .filter(|item| item["id"] == id)
            .map(|item| &item["value"]["$dec"]);
        item.filter_map(Value::as_str).map(str::to_owned).next()
    };
    assert_eq!(figure("large_orders").as_deref(), Some("1"));
    assert!(figure("large_share").is_some_and(|share| share.starts_with("66.95")));
    slices(&project)
}

/// Fewer rows, columns in clear or hidden by hand, and mistakes.
fn slices(project: &Project) -> Result<(), Failed> {
    let record = ["plugin", "record", "mine", "--case"];
    let more = ["few", "--rows", "3", "--keep", "order_id", "--shop", "main"];
    let _ = project
        .run(&[record.as_slice(), &more].concat())
        .exits(0)
        .says(&["3 of 40"]);
    let csv = project.read("mine/cases/few/tables/orders.csv");
    assert!(
        csv.lines().count() == 4 && csv.contains("69179267688236"),
        "{csv}"
    );
    for (more, why) in [
        (["odd", "--mask", "byer"], "reads no column `byer`"),
        (["odd", "--shop", "nobody"], "there is no shop `nobody`"),
    ] {
        let _ = project
            .run(&[record.as_slice(), &more].concat())
            .exits(1)
            .says(&[why]);
    }
    assert!(!Path::new(&project.path().join("mine/cases/odd")).exists());
    Ok(())
}
