//! Schedules as their users meet them: holds, completed reports, reloads, broken templates, days left out, one making at a time.

use crate::orders::{export, line};
use crate::project::Project;
use crate::serving::{
    EXPORT, Serving, deliveries, did, history, look, look_at, mails, orders, shop, with_hostile,
};
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("schedule::nothing_of_a_held_report_leaves", held),
        trial(
            "schedule::a_source_in_trouble_is_told_while_there_is_time",
            in_trouble,
        ),
        trial(
            "schedule::an_issue_is_made_once_at_a_time_by_hand_too",
            by_hand,
        ),
        trial(
            "schedule::a_slow_report_holds_up_no_other",
            slow_beside_quick,
        ),
        trial(
            "schedule::a_changed_schedule_keeps_what_was_begun",
            changed_while_due,
        ),
        trial("schedule::a_clock_set_back_sends_nothing_twice", set_back),
        trial("schedule::plan_says_why_and_why_not", plan_says_why),
        trial("schedule::an_unknown_year_is_said_everywhere", unknown_year),
        trial(
            "schedule::days_that_are_not_over_are_refused",
            not_over_elsewhere,
        ),
        trial("schedule::monday_covers_the_weekend_day_by_day", since_last),
        trial(
            "schedule::a_broken_template_falls_back_to_the_last_that_worked",
            broken_template,
        ),
        trial(
            "schedule::a_configuration_is_read_again_whole_or_not_at_all",
            read_again,
        ),
    ]
}

/// The next day's export: a line more, because an export that is known by its content is not read again.
const NEXT_EXPORT: &str = "exports/orders/1795363200_订单导出.csv"; // 2026-11-23T00:00:00+08:00

/// See [`NEXT_EXPORT`].
fn next_orders() -> String {
    let lines: Vec<_> = (0..25)
        .map(|n| line(n, &format!("2026-11-{:02} 10:00:00", 18 + n % 5), "12.50"))
        .collect();
    export(&lines)
}

/// A command at a time of 2026-11-22.
fn at(project: &Project, time: &str, args: &[&str]) -> (Option<i32>, String) {
    on(project, &format!("2026-11-22T{time}+08:00"), args)
}

fn on(project: &Project, now: &str, args: &[&str]) -> (Option<i32>, String) {
    let out = project
        .command(args)
        .env("CHENBAO_NOW", now)
        .output()
        .unwrap();
    let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (out.status.code(), said.concat())
}

fn json(project: &Project, now: &str, args: &[&str]) -> Value {
    let out = project
        .command(args)
        .env("CHENBAO_NOW", now)
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", String::from_utf8_lossy(&out.stderr)))
}

/// Replaces a piece of the configuration.
fn change(project: &Project, from: &str, to: &str) {
    let text = project.read("chenbao.toml");
    assert!(text.contains(from), "{from} is not in\n{text}");
    project.write("chenbao.toml", text.replacen(from, to, 1));
}

/// What the owner was or will be told, by kind.
fn notices(project: &Project, kind: &str) -> Vec<Value> {
    let all = json(project, "2026-11-22T23:00:00+08:00", &["notices", "--json"]);
    let all = all.as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["kind"] == kind).collect()
}

fn held() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    let why = ["hold", "daily", "--why", "refunds look wrong"];
    assert_eq!(at(&project, "06:31:00", &why).0, Some(0));
    assert_eq!(look(&project, "06:45:00"), did(1, 0, 0, 0), "made as ever");
    assert_eq!(
        look(&project, "08:00:00"),
        did(0, 0, 0, 0),
        "but nothing leaves"
    );
    assert_eq!(look(&project, "08:40:00"), did(0, 0, 0, 0));
    for command in [["plan"], ["history"], ["check"]] {
        let (code, said) = at(&project, "08:41:00", &command);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("refunds look wrong"), "{command:?}: {said}");
    }
    let test = ["run", "daily", "--to", "me@example.com"];
    assert_eq!(at(&project, "08:42:00", &test).0, Some(0));
    assert_eq!(
        project.files("outbox"),
        mails(&project, "me@"),
        "only the test left"
    );
    let (_, said) = at(&project, "09:00:00", &["release", "daily"]);
    assert!(said.contains("1 of 1 messages"), "{said}");
    assert_eq!(mails(&project, "boss@").len(), 1);
    let (_, said) = at(&project, "09:01:00", &["release", "daily"]);
    assert!(said.contains("was not held"), "{said}");
    let (code, said) = at(&project, "09:01:00", &["release", "dayly"]);
    assert!(code == Some(1) && said.contains("`daily`"), "{said}");
    // The next day it is dropped.
    let tomorrow = |time: &str| format!("2026-11-23T{time}+08:00");
    on(&project, &tomorrow("06:00:00"), &["hold", "daily"]);
    project.write(NEXT_EXPORT, next_orders());
    assert_eq!(look_at(&project, &tomorrow("08:00:00")), did(1, 0, 0, 0));
    let (_, said) = on(
        &project,
        &tomorrow("08:30:00"),
        &["release", "daily", "--drop"],
    );
    assert!(
        said.contains("1 messages that waited are not sent"),
        "{said}"
    );
    assert_eq!(look_at(&project, &tomorrow("08:31:00")), did(0, 0, 0, 0));
    assert_eq!(
        (
            mails(&project, "boss@").len(),
            deliveries(&project, "suppressed")
        ),
        (1, 1)
    );
    Ok(())
}

fn in_trouble() -> Result<(), Failed> {
    let project = shop().file(EXPORT, "订单,金额\n1,2\n");
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(
        look(&project, "06:40:00"),
        did(0, 1, 0, 0),
        "it may be a passing trouble"
    );
    assert_eq!(
        look(&project, "06:46:00"),
        did(0, 1, 0, 1),
        "again: the owner hears it at once"
    );
    let told = notices(&project, "late");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0]["lines"].to_string().contains("orders"), "{told:?}");
    assert_eq!(look(&project, "06:52:00"), did(0, 1, 0, 0), "and once");
    project.write(EXPORT, orders());
    assert_eq!(
        look(&project, "06:58:00"),
        did(1, 0, 0, 0),
        "mended in time"
    );
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 1));
    assert_eq!(mails(&project, "boss@").len(), 1);
    Ok(())
}

fn by_hand() -> Result<(), Failed> {
    let project = with_hostile("hang", "5m");
    let mut server = Serving::start(&project, "06:45:00");
    server.until(&project, "running", |runs| {
        runs.iter().any(|run| run["state"] == "running")
    });
    let (code, said) = at(&project, "06:46:00", &["run", "daily", "--deliver"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is being made right now"), "{said}");
    drop(server);
    // Delivered by hand before its time, it is not made again by the schedule.
    let project = shop().file(EXPORT, orders());
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(
        at(&project, "06:35:00", &["run", "daily", "--deliver"]).0,
        Some(0)
    );
    let (code, said) = at(&project, "06:35:00", &["run", "daily", "--deliver"]);
    assert!(
        code == Some(0) && said.contains("nothing new to send"),
        "{said}"
    );
    assert_eq!(mails(&project, "boss@").len(), 1);
    assert_eq!(look(&project, "06:45:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "08:00:00"), did(0, 0, 0, 0));
    let lines = history(&project);
    assert!(
        lines.iter().any(|one| one["covered"].is_string()),
        "{lines:?}"
    );
    // What was covered, and the two runs by hand.
    assert_eq!(lines.len(), 3, "{lines:?}");
    Ok(())
}

fn slow_beside_quick() -> Result<(), Failed> {
    let project = with_hostile("hang", "5m");
    let quick = project.read("chenbao.toml");
    let (_, daily) = quick.split_once("[report.daily]").unwrap();
    let (daily, _) = daily.split_once("\n[plugins]").unwrap();
    let other = daily
        .replace("report.daily", "report.quick")
        .replace("[\"sales\", \"odd\"]", "[\"sales\"]")
        .replace("boss@", "quick@");
    project.write("chenbao.toml", format!("{quick}\n[report.quick]{other}"));
    let mut server = Serving::start(&project, "08:00:00");
    // The schedule counts from when it is first served, so this server catches nothing up; a minute earlier it would have.
    drop(server);
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    server = Serving::start(&project, "08:00:00");
    server.until(&project, "sent beside a hanging one", |runs| {
        runs.iter()
            .any(|run| run["report"] == "quick" && run["deliveries"]["sent"] == 1)
    });
    let runs = history(&project);
    assert!(
        runs.iter()
            .any(|run| run["report"] == "daily" && run["state"] == "running"),
        "{runs:?}"
    );
    Ok(())
}

fn changed_while_due() -> Result<(), Failed> {
    let project = shop();
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(
        look(&project, "07:00:00"),
        did(0, 1, 0, 0),
        "begun for 08:00"
    );
    change(
        &project,
        "deliver = \"0 8 * * *\"",
        "deliver = \"0 9 * * *\"",
    );
    change(
        &project,
        "data_deadline = \"07:40\"",
        "data_deadline = \"08:40\"",
    );
    assert_eq!(look(&project, "07:45:00")["made"], 0);
    project.write(EXPORT, orders());
    assert_eq!(
        look(&project, "08:00:00"),
        did(1, 0, 0, 1),
        "at the time it was begun for"
    );
    assert_eq!(
        look(&project, "08:45:00"),
        did(0, 0, 0, 0),
        "the new time makes it no second time"
    );
    assert_eq!(look(&project, "09:00:00"), did(0, 0, 0, 0));
    let lines = history(&project);
    assert!(
        lines.iter().any(|one| one["covered"].is_string()),
        "{lines:?}"
    );
    assert_eq!(mails(&project, "boss@").len(), 1);
    assert_eq!(
        look_at(&project, "2026-11-23T06:45:00+08:00")["waiting"],
        1,
        "tomorrow goes on by the new one"
    );
    Ok(())
}

fn set_back() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    look_at(&project, "2026-11-22T06:30:00+08:00");
    assert_eq!(look(&project, "08:00:00"), did(1, 0, 0, 1));
    for time in ["06:45:00", "07:45:00", "08:00:00", "08:01:00"] {
        assert_eq!(look(&project, time), did(0, 0, 0, 0), "{time}");
    }
    assert_eq!(project.files("outbox").len(), 1);
    Ok(())
}

fn plan_says_why() -> Result<(), Failed> {
    let project = shop();
    change(
        &project,
        "period = \"yesterday\"",
        "period = \"since_last\"\nworkdays_only = true\nnot_on = [\"2026-10-09\"]",
    );
    let plan = json(
        &project,
        "2026-09-30T12:00:00+08:00",
        &["plan", "--next", "3", "--json"],
    );
    let told: Vec<String> = plan
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let day = one["deliver"].as_str().unwrap_or_default();
            let why = one["left_out"].as_str().or(one["why"].as_str());
            let period = one["period"].as_str().unwrap_or("-");
            format!(
                "{} {} {period}",
                &day.get(..10).unwrap_or(day),
                why.unwrap_or("?")
            )
        })
        .collect();
    let expected = [
        "2026-10-01 a holiday: 国庆节 -",
        "2026-10-02 a holiday: 国庆节 -",
        "2026-10-03 a holiday: 国庆节 -",
        "2026-10-04 a holiday: 国庆节 -",
        "2026-10-05 a holiday: 国庆节 -",
        "2026-10-06 a holiday: 国庆节 -",
        "2026-10-07 a holiday: 国庆节 -",
        "2026-10-08 a working day 2026-10-07",
        "2026-10-09 not_on 2026-10-09 -",
        "2026-10-10 调休: a weekend worked for 国庆节 2026-10-08..2026-10-09",
        "2026-10-11 a weekend -",
        "2026-10-12 a working day 2026-10-10..2026-10-11",
    ];
    assert_eq!(told, expected);
    let (code, text) = on(
        &project,
        "2026-09-30T12:00:00+08:00",
        &["plan", "--next", "1"],
    );
    assert!(code == Some(0) && text.contains("left out"), "{text}");
    assert!(
        text.contains("2026-10-08 Thu 08:00 CST") && text.contains("2026-10-08T00:00:00Z"),
        "{text}"
    );
    Ok(())
}

fn unknown_year() -> Result<(), Failed> {
    let project = shop();
    change(
        &project,
        "period = \"yesterday\"",
        "period = \"yesterday\"\nworkdays_only = true",
    );
    let sentence = "the public holidays of 2027 are not known yet";
    for command in [["check"], ["plan"]] {
        let (code, said) = on(&project, "2026-12-30T12:00:00+08:00", &command);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(sentence), "{command:?}: {said}");
    }
    let (_, said) = on(&project, "2026-07-01T12:00:00+08:00", &["check"]);
    assert!(!said.contains(sentence), "half a year before: {said}");
    on(&project, "2027-01-05T09:00:00+08:00", &["run", "daily"]);
    let page = project
        .read("reports/daily/2027-01-04/boss.txt")
        .replace(['\n', ' '], "");
    assert!(page.contains("2027年的法定节假日安排尚未收录"), "{page}");
    Ok(())
}

/// The schedule's yesterday is not over where the shop is.
fn not_over_elsewhere() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    change(
        &project,
        "platform = \"douyin\"",
        "platform = \"douyin\"\nzone = \"America/Los_Angeles\"",
    );
    let (code, said) = at(&project, "06:00:00", &["check"]);
    assert!(
        code == Some(2) && said.contains("before its days are over"),
        "{said}"
    );
    let (code, said) = at(&project, "08:00:00", &["run", "daily"]);
    assert!(code == Some(1) && said.contains("is not over"), "{said}");
    let (code, said) = at(
        &project,
        "08:00:00",
        &["run", "daily", "--to", "me@example.com"],
    );
    assert!(
        code == Some(1) && said.contains("is not over"),
        "a test neither: {said}"
    );
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "06:45:00")["waiting"], 1);
    assert_eq!(look(&project, "07:40:00")["failed"], 1);
    assert_eq!(mails(&project, "boss@").len(), 0);
    assert_eq!(notices(&project, "failed").len(), 1);
    Ok(())
}

fn since_last() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    project.write(NEXT_EXPORT, next_orders());
    change(
        &project,
        "period = \"yesterday\"",
        "period = \"since_last\"\nworkdays_only = true",
    );
    let day = |day: &str, time: &str| look_at(&project, &format!("2026-11-{day}T{time}+08:00"));
    day("20", "06:00:00");
    assert_eq!(day("20", "08:00:00")["made"], 1, "Friday");
    assert_eq!(day("21", "08:00:00"), did(0, 0, 0, 0), "Saturday");
    assert_eq!(day("22", "08:00:00"), did(0, 0, 0, 0), "Sunday");
    assert_eq!(day("23", "08:00:00")["made"], 1, "Monday");
    let periods: Vec<Value> = history(&project)
        .iter()
        .map(|run| run["period"].clone())
        .collect();
    assert_eq!(periods, ["2026-11-20..2026-11-22", "2026-11-19"]);
    let args = ["run", "daily", "--period", "2026-11-20..2026-11-22"];
    on(&project, "2026-11-23T09:00:00+08:00", &args);
    let page = project.read("reports/daily/2026-11-20..2026-11-22/boss.txt");
    for words in ["逐日", "11-20 周五", "11-21 周六", "11-22 周日"] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    Ok(())
}

fn broken_template() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    assert_eq!(look(&project, "08:00:00"), did(1, 0, 0, 1));
    project.write(NEXT_EXPORT, next_orders());
    project.write(
        "templates/daily/report.html",
        "{% extends \"_base/shop.html\" %}{% block kpis %}<kpi value=\"sales.nothing_of_that_name\"/>{{ nobody }}{% endblock %}",
    );
    let tomorrow = |time: &str| format!("2026-11-23T{time}+08:00");
    let (code, said) = on(&project, &tomorrow("06:31:00"), &["run", "daily"]);
    assert_eq!(
        code,
        Some(1),
        "who tries a template sees its mistakes: {said}"
    );
    let made = look_at(&project, &tomorrow("06:45:00"));
    assert_eq!(
        (&made["made"], &made["failed"]),
        (&1.into(), &0.into()),
        "{made}"
    );
    assert_eq!(look_at(&project, &tomorrow("08:00:00"))["sent"], 1);
    assert_eq!(mails(&project, "boss@").len(), 2);
    let told = notices(&project, "fallback");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0]["about"]
            .as_str()
            .unwrap_or_default()
            .contains("daily")
    );
    let lines = history(&project);
    assert_eq!(
        lines[0]["state"], "done",
        "the report itself is whole: {lines:?}"
    );
    Ok(())
}

fn read_again() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    change(
        &project,
        "deliver = \"0 8 * * *\"",
        "deliver = \"0 12 * * *\"",
    );
    change(
        &project,
        "start = \"06:40\"\ndata_deadline = \"07:40\"\n",
        "",
    );
    let whole = project.read("chenbao.toml");
    // The schedule counts from here.
    assert_eq!(look(&project, "06:30:00"), did(0, 0, 0, 0));
    let mut server = Serving::start(&project, "08:00:00");
    // The commands of this test read the good one.
    project.write("good.toml", &whole);
    project.write("chenbao.toml", whole.replace("0 12 * * *", "0 12 * *"));
    let now = "2026-11-22T08:01:00+08:00";
    let told = || {
        json(
            &project,
            now,
            &["notices", "--json", "--config", "good.toml"],
        )
    };
    let began = std::time::Instant::now();
    while told().as_array().is_none_or(Vec::is_empty) {
        server.hang_up();
        assert!(began.elapsed().as_secs() < 60, "the owner is not told");
    }
    assert_eq!(told()[0]["kind"], "fallback");
    let runs = json(
        &project,
        now,
        &["history", "--json", "--config", "good.toml"],
    );
    assert_eq!(runs, serde_json::json!([]), "the old one counts");
    project.write("chenbao.toml", whole.replace("0 12 * * *", "0 8 * * *"));
    server.hang_up();
    server.until(&project, "the new schedule is kept", |runs| {
        runs.iter().any(|run| run["deliveries"]["sent"] == 1)
    });
    Ok(())
}
