//! What keeps a project well: the ledger's own commands, folders with a name, backup and restore, retention, erased recipients.

use crate::databases::servers::Postgres;
use crate::orders::{export, line};
use crate::project::{Project, Run};
use crate::serving::{Serving, deliveries};
use crate::{trial, trial_with};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;

const POSTGRES: &[&str] = &["initdb", "pg_ctl", "psql"];
const EXPORT: &str = "exports/orders/1795276800_订单导出.csv"; // 2026-11-22T00:00:00+08:00

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("keeping::check_finds_everything_that_is_wrong", check),
        trial(
            "keeping::a_lost_catalogue_comes_back_from_the_lake",
            rebuild,
        ),
        trial("keeping::a_lake_that_is_not_mounted_is_refused", unmounted),
        trial(
            "keeping::a_backup_makes_a_project_that_sends_nothing",
            backup,
        ),
        trial("keeping::a_backup_beside_a_busy_server_is_whole", beside),
        trial("keeping::a_damaged_backup_is_refused", damaged),
        trial("keeping::a_server_prunes_once_a_night", at_night),
        trial("keeping::what_policy_removed_is_said", retention),
        trial(
            "keeping::an_erased_recipient_is_nowhere",
            || erased(&made()),
        ),
        trial_with("keeping::nodes_share_their_folders", POSTGRES, nodes),
        trial_with("keeping::the_same_on_postgresql", POSTGRES, postgres),
    ]
}

fn orders() -> String {
    let lines: Vec<_> = (0..24)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "12.50"))
        .collect();
    export(&lines)
}

fn at(project: &Project, now: &str, args: &[&str]) -> Run {
    project.run_at(now, args)
}

const MORNING: &str = "2026-11-22T08:00:00+08:00";

/// The one-shop project after one delivered report.
fn made() -> Project {
    delivered(Project::from_case("one-shop").file(EXPORT, orders()))
}

fn delivered(project: Project) -> Project {
    let done = at(&project, MORNING, &["run", "daily", "--deliver", "--json"]).exits(0);
    assert_eq!(done.json()["undelivered"], 0, "{}", done.stdout);
    project
}

/// The same with its ledger in PostgreSQL.
fn made_on(server: &Postgres) -> Project {
    let project = Project::from_case("one-shop").file(EXPORT, orders());
    delivered(with(
        project,
        &format!("[ledger]\nurl = \"{}\"\n\n[mail]", server.url("chenbao")),
    ))
}

fn with(project: Project, sections: &str) -> Project {
    let text = project.read("chenbao.toml").replacen("[mail]", sections, 1);
    project.write("chenbao.toml", text);
    project
}

fn run_id(project: &Project) -> String {
    let history = at(project, MORNING, &["history", "--json"]).exits(0).json();
    history[0]["run"].as_str().unwrap_or_default().to_owned()
}

fn first(project: &Project, folder: &str) -> String {
    let files = project.files(folder);
    let file = files.into_iter().find(|file| !file.ends_with("chenbao.id"));
    file.unwrap_or_else(|| panic!("{folder} holds nothing"))
}

fn check() -> Result<(), Failed> {
    let project = made();
    let good = at(&project, MORNING, &["ledger", "check", "--deep", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&good["errors"], good["revisions"].as_u64() > Some(3)),
        (&0.into(), true),
        "{good}"
    );
    assert!(
        good["archived"].as_u64() > Some(2) && good["raw"] == 1,
        "{good}"
    );
    let [lake, raw] = ["lake/tables", "lake/raw"].map(|dir| first(&project, dir));
    let rows = exported(&project);
    let result = rows.iter().find(|row| row["table"] == "results").unwrap();
    let digest = result["digest"].as_str().unwrap();
    let archived = format!("archive/{}/{digest}", digest.get(..2).unwrap_or_default());
    let cut = fs::read(project.path().join(&lake))?;
    fs::write(project.path().join(&lake), &cut[..cut.len() / 2])?;
    fs::remove_file(project.path().join(&raw))?;
    let mut changed = fs::read(project.path().join(&archived))?;
    changed[0] ^= 1;
    fs::write(project.path().join(&archived), &changed)?;
    let quick = at(&project, MORNING, &["ledger", "check"]).exits(1);
    let quick = quick.says(&[
        "bytes instead of",
        "a raw table of the source `orders` is gone",
        "hint:",
        "2 problems",
    ]);
    assert!(!quick.stderr.contains("another digest"), "{}", quick.stderr);
    let _ = at(&project, MORNING, &["ledger", "check", "--deep"])
        .exits(1)
        .says(&["was changed: its content has another digest", "3 problems"]);
    let _ = at(&project, MORNING, &["ledger", "vacuum"])
        .exits(0)
        .says(&["bytes now"]);
    Ok(())
}

fn exported(project: &Project) -> Vec<Value> {
    let lines = at(project, MORNING, &["ledger", "export"]).exits(0).stdout;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn total(project: &Project) -> Value {
    let sql =
        "select day, count(*) as n, sum(pay_amount) as paid from orders group by day order by day";
    at(project, MORNING, &["sql", "--json", sql])
        .exits(0)
        .json()
}

fn rebuild() -> Result<(), Failed> {
    let project = made();
    let before = total(&project);
    let said = at(&project, MORNING, &["ledger", "rebuild-catalogue"]);
    let _ = said.exits(1).says(&["revisions already", "--replace"]);
    let of = |table: &str| -> Vec<Value> {
        exported(&project)
            .into_iter()
            .filter(|row| row["table"] == table)
            .collect()
    };
    let catalogue = of("revisions");
    let _ = at(
        &project,
        MORNING,
        &["ledger", "rebuild-catalogue", "--replace"],
    )
    .exits(0);
    assert_eq!(of("revisions"), catalogue, "the footers repeat every row");
    for file in project
        .files("")
        .iter()
        .filter(|file| file.starts_with("ledger.sqlite"))
    {
        fs::remove_file(project.path().join(file))?;
    }
    let _ = at(&project, MORNING, &["ledger", "check"])
        .exits(0)
        .says(&["in no catalogue"]);
    let _ = at(&project, MORNING, &["ledger", "rebuild-catalogue"]).exits(0);
    assert_eq!((of("revisions"), total(&project)), (catalogue, before));
    let again = at(&project, MORNING, &["collect", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        again[0]["revisions"], 0,
        "the same exports again change nothing: {again}"
    );
    Ok(())
}

fn unmounted() -> Result<(), Failed> {
    let project = made();
    fs::rename(
        project.path().join("lake"),
        project.path().join("elsewhere"),
    )?;
    let refused = at(&project, MORNING, &["serve", "--once"]).exits(2);
    let refused = refused.says(&["this folder is not the lake", "it is not there", "mount it"]);
    assert!(
        !refused.stderr.contains("archive that"),
        "{}",
        refused.stderr
    );
    fs::remove_dir_all(project.path().join("lake"))?;
    fs::rename(
        project.path().join("elsewhere"),
        project.path().join("lake"),
    )?;
    let _ = at(&project, MORNING, &["serve", "--once"]).exits(0);
    Ok(())
}

fn nodes() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    let first = made_on(&server);
    let url = format!("[ledger]\nurl = \"{}\"\n\n", server.url("chenbao"));
    let alone = with(Project::from_case("one-shop"), &format!("{url}[mail]"));
    let _ = at(&alone, MORNING, &["serve", "--once"]).exits(2).says(&[
        "not the lake that the ledger knows",
        "not the archive that the ledger knows",
    ]);
    let home = first.path().display();
    let shared = format!(
        "{url}[lake]\ndir = \"{home}/lake\"\n[archive]\ndir = \"{home}/archive\"\n\n[mail]"
    );
    let second = with(Project::from_case("one-shop"), &shared);
    let _ = at(&second, MORNING, &["serve", "--once"]).exits(0);
    Ok(())
}

/// A project out of a backup of this one, beside it.
fn restored(project: &Project, now: &str) -> (Project, Value) {
    let _ = at(project, now, &["backup", "b.tar"])
        .exits(0)
        .says(&["hash.key"]);
    unpacked(project, "b.tar", now)
}

/// What is in a backup.
fn unpacked(project: &Project, tar: &str, now: &str) -> (Project, Value) {
    let copy = Project::empty();
    let file = project.path().join(tar);
    let dir = copy.path().join("p");
    let [file, dir] = [file, dir].map(|path| path.display().to_string());
    let said = at(&copy, now, &["restore", &file, "--dir", &dir, "--json"])
        .exits(0)
        .json();
    (copy.inside("p"), said)
}

fn backup() -> Result<(), Failed> {
    let project = Project::from_case("one-shop").file(EXPORT, orders());
    project.write("secret.txt", "hunter2");
    project.write("templates/daily/note.txt", "ours");
    let look = |project: &Project, now: &str| {
        at(project, now, &["serve", "--once", "--json"])
            .exits(0)
            .json()
    };
    look(&project, "2026-11-22T06:30:00+08:00");
    assert_eq!(look(&project, "2026-11-22T06:45:00+08:00")["made"], 1);
    // At this moment the report is made and waits for 08:00; the machine sends it, and dies.
    let (copy, said) = restored(&project, "2026-11-22T07:00:00+08:00");
    assert_eq!(said["unknown"], 1, "{said}");
    assert_eq!(look(&project, MORNING)["sent"], 1);
    for now in [
        MORNING,
        "2026-11-22T08:10:00+08:00",
        "2026-11-22T12:00:00+08:00",
    ] {
        let look = look(&copy, now);
        assert_eq!(
            (&look["made"], &look["sent"]),
            (&0.into(), &0.into()),
            "{now}: {look}"
        );
    }
    let tomorrow = look(&copy, "2026-11-23T06:30:00+08:00");
    assert_eq!(tomorrow["missed"], 0, "{tomorrow}");
    let run = run_id(&copy);
    let _ = at(&copy, MORNING, &["check"]).exits(0);
    let _ = at(&copy, MORNING, &["replay", &run])
        .exits(0)
        .says(&["all the same"]);
    let _ = at(&copy, MORNING, &["ledger", "check", "--deep"]).exits(0);
    let shown = at(&copy, MORNING, &["show", &run]).exits(0);
    let _ = shown.says(&["unknown", "may have been sent since"]);
    assert_eq!(copy.read("templates/daily/note.txt"), "ours");
    let files = copy.files("");
    assert!(
        files
            .iter()
            .all(|file| !file.contains("secret") && !file.contains(".part")),
        "{files:?}"
    );
    let tar = fs::read(project.path().join("b.tar"))?;
    let key = fs::read(project.path().join("lake/hash.key"))?;
    assert!(
        !tar.windows(key.len()).any(|window| window == key),
        "the key is a secret"
    );
    let again = at(&copy, MORNING, &["resend", "--unknown", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["sent"], 1, "by hand it goes");
    let [one, other] = [&project, &copy]
        .map(|project| fs::read(project.path().join(first(project, "outbox"))).unwrap());
    assert_eq!(one, other, "the same bytes");
    Ok(())
}

/// Backups one after another while a server collects, makes and sends: whatever moment one meets, it holds together.
fn beside() -> Result<(), Failed> {
    let project = Project::from_case("one-shop").file(EXPORT, orders());
    let _ = at(&project, "2026-11-22T06:30:00+08:00", &["serve", "--once"]).exits(0);
    let mut server = Serving::start(&project, "08:00:00");
    let mut tars = Vec::new();
    while tars.len() < 2 || deliveries(&project, "sent") == 0 {
        assert!(tars.len() < 300, "nothing is sent");
        let tar = format!("b{}.tar", tars.len());
        let _ = at(&project, MORNING, &["backup", &tar]).exits(0);
        tars.push(tar);
    }
    server.until(&project, "still there", |runs| !runs.is_empty());
    drop(server);
    for tar in tars {
        let (copy, _) = unpacked(&project, &tar, MORNING);
        let _ = at(&copy, MORNING, &["ledger", "check", "--deep"]).exits(0);
    }
    Ok(())
}

fn damaged() -> Result<(), Failed> {
    let project = made();
    let _ = at(&project, MORNING, &["backup", "b.tar"]).exits(0);
    let _ = at(&project, MORNING, &["backup", "b.tar"])
        .exits(1)
        .says(&["a file of that name"]);
    let whole = fs::read(project.path().join("b.tar"))?;
    let tried = |bytes: &[u8], says: &[&str]| {
        fs::write(project.path().join("bad.tar"), bytes).unwrap();
        let _ = at(&project, MORNING, &["restore", "bad.tar", "--dir", "new"])
            .exits(1)
            .says(says);
        assert!(!project.path().join("new").exists(), "nothing was restored");
    };
    tried(
        &whole[..whole.len() / 2],
        &["the backup is damaged", "another copy"],
    );
    tried(b"no tar at all", &["the backup is damaged"]);
    let mut changed = whole.clone();
    let place = whole
        .windows(4)
        .position(|window| window == b"PAR1")
        .unwrap();
    changed[place + 40] ^= 1;
    tried(
        &changed,
        &["the backup is damaged: `lake/", "another digest"],
    );
    let full = at(&project, MORNING, &["restore", "b.tar", "--dir", "."]);
    let _ = full.exits(1).says(&["folder is not empty", "--with"]);
    Ok(())
}

/// The project with every rule, after a report and a corrected export: each of its days has a second revision.
fn old() -> (Project, String) {
    let rules = "[retention]\nraw = \"90d\"\nlake_revisions = \"400d\"\narchive = \"2y\"\nledger = \"3y\"\n\n[mail]";
    let project = with(made(), rules);
    let run = run_id(&project);
    let lines: Vec<_> = (0..24)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 4), "13.00"))
        .collect();
    project.write("exports/orders/1795280400_订单导出.csv", export(&lines));
    let _ = at(&project, "2026-11-22T09:30:00+08:00", &["collect"]).exits(0);
    (project, run)
}

fn prune_at(project: &Project, day: &str, says: &[&str]) {
    let _ = at(project, &format!("{day}T09:00:00+08:00"), &["prune"])
        .exits(0)
        .says(says);
    let checked = at(
        project,
        &format!("{day}T09:00:00+08:00"),
        &["ledger", "check", "--deep"],
    );
    let _ = checked.exits(0);
}

fn at_night() -> Result<(), Failed> {
    let (project, run) = old();
    prune_at(&project, "2026-12-22", &["nothing is older"]);
    let would = at(
        &project,
        "2027-03-22T09:00:00+08:00",
        &["prune", "--dry-run"],
    )
    .exits(0);
    let _ = would.says(&["would go", "raw tables", "raw = \"90d\""]);
    assert_eq!(project.files("lake/raw").len(), 2, "only said");
    let look = |time: &str| {
        let _ = at(
            &project,
            &format!("2027-03-22T{time}+08:00"),
            &["serve", "--once"],
        );
        project.files("lake/raw").len()
    };
    assert_eq!(look("02:30:00"), 2, "not before three");
    assert_eq!(look("03:30:00"), 0);
    let replayed = at(&project, "2027-03-22T09:00:00+08:00", &["replay", &run]);
    let _ = replayed.exits(0).says(&["all the same"]);
    Ok(())
}

fn retention() -> Result<(), Failed> {
    let (project, run) = old();
    let days = project.files("lake/tables").len();
    prune_at(&project, "2028-01-22", &["lake revisions"]);
    let left = project.files("lake/tables").len();
    assert_eq!(left, days / 2, "the newest of each day stays");
    let lake = "was removed on 2028-01-22 by [retention] lake_revisions = \"400d\"";
    let replayed = at(&project, "2028-01-22T09:00:00+08:00", &["replay", &run]).exits(1);
    let _ = replayed.says(&["the run read `orders`", lake]);
    prune_at(&project, "2029-03-22", &["archived files"]);
    let archive = "was removed on 2029-03-22 by [retention] archive = \"2y\"";
    let again = at(&project, "2029-03-22T09:00:00+08:00", &["resend", &run]).exits(4);
    let _ = again.says(&["the message to boss@example.com", archive]);
    prune_at(&project, "2030-03-22", &["runs"]);
    let ledger = "older runs were removed on 2030-03-22 by [retention] ledger = \"3y\"";
    let shown = at(&project, "2030-03-22T09:00:00+08:00", &["show", &run]).exits(1);
    let _ = shown.says(&[ledger]);
    Ok(())
}

fn erased(project: &Project) -> Result<(), Failed> {
    let before = total(project);
    let run = run_id(project);
    let done = at(
        project,
        MORNING,
        &["recipients", "erase", "Boss@Example.com", "--json"],
    )
    .exits(0)
    .json();
    assert_eq!(
        (&done["messages"], &done["files"]),
        (&1.into(), &1.into()),
        "{done}"
    );
    assert!(
        done["remains"][0]
            .as_str()
            .unwrap()
            .contains("[report.daily.audience.boss]"),
        "{done}"
    );
    let name = done["pseudonym"].as_str().unwrap();
    let rows = at(project, MORNING, &["ledger", "export"]).exits(0).stdout;
    assert!(!rows.to_lowercase().contains("boss@example.com"), "{rows}");
    assert!(rows.contains(name), "the row stays, under another name");
    let _ = at(project, MORNING, &["resend", &run])
        .exits(4)
        .says(&["was erased"]);
    // The address still stands in the configuration: it is not mailed all the same.
    let later = "2026-11-22T09:00:00+08:00";
    let rerun = at(
        project,
        later,
        &["rerun", "daily", "--period", "2026-11-21", "--json"],
    );
    assert_eq!(rerun.json()["queued"], 0, "{}", rerun.stdout);
    assert_eq!(project.files("outbox"), Vec::<String>::new());
    let _ = at(project, MORNING, &["ledger", "check", "--deep"]).exits(0);
    assert_eq!(total(project), before);
    // Under another key nobody is recognised, so nobody is mailed.
    fs::write(project.path().join("lake/hash.key"), "another key")?;
    let _ = at(
        project,
        later,
        &["rerun", "daily", "--period", "2026-11-20"],
    )
    .exits(1)
    .says(&["under another key", "put the old key back"]);
    Ok(())
}

/// Export, backup into SQLite, pruning and erasing with the ledger in PostgreSQL.
fn postgres() -> Result<(), Failed> {
    let server = Postgres::start().ok_or("PostgreSQL's programs are not complete")?;
    let project = made_on(&server);
    let rows = exported(&project);
    let elsewhere = project
        .read("chenbao.toml")
        .replace(&server.url("chenbao"), "sqlite:ledger.sqlite");
    let _ = at(&project, MORNING, &["backup", "b.tar"]).exits(0);
    let copy = Project::empty().file("with.toml", elsewhere);
    let tar = project.path().join("b.tar").display().to_string();
    let refused = at(&copy, MORNING, &["restore", &tar, "--dir", "p"]).exits(1);
    let _ = refused.says(&["has rows in", "--with"]);
    let _ = at(
        &copy,
        MORNING,
        &["restore", &tar, "--dir", "p", "--with", "with.toml"],
    )
    .exits(0);
    let copy = copy.inside("p");
    let same = |rows: &[Value]| -> Vec<Value> {
        let moved = ["facts", "schedules"];
        let kept = rows
            .iter()
            .filter(|row| !moved.iter().any(|table| row["table"] == *table));
        kept.cloned().collect()
    };
    assert_eq!(
        same(&exported(&copy)),
        same(&rows),
        "the same rows in the same order on both databases"
    );
    let _ = at(&copy, MORNING, &["ledger", "check", "--deep"]).exits(0);
    let _ = at(&project, MORNING, &["ledger", "check", "--deep"]).exits(0);
    let _ = at(&project, MORNING, &["ledger", "vacuum"]).exits(0);
    erased(&project)?;
    let project = with(project, "[retention]\nledger = \"1y\"\n\n[mail]");
    fs::remove_file(project.path().join("lake/hash.key"))?;
    let gone = at(&project, "2030-03-22T09:00:00+08:00", &["prune", "--json"])
        .exits(0)
        .json();
    let tables: Vec<&str> = gone["removed"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(
        ["attempts", "deliveries", "results", "runs"]
            .iter()
            .all(|table| tables.contains(table)),
        "{gone}"
    );
    Ok(())
}
