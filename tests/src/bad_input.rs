//! Bad input: a clear error, nothing lost, nothing invented.

use crate::orders::{export, line};
use crate::project::Project;
use crate::trial;
use libtest_mimic::{Failed, Trial};

const DAY: &str = "2026-11-21 10:00:00";

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "bad_input::header_drift_stops_the_load_with_a_diff",
            header_drift,
        ),
        trial(
            "bad_input::ids_that_a_spreadsheet_destroyed_are_refused",
            destroyed_ids,
        ),
        trial(
            "bad_input::a_re_export_replaces_older_rows_never_the_other_way_round",
            re_export,
        ),
        trial(
            "bad_input::files_still_being_written_are_left_alone",
            half_copied,
        ),
        trial("bad_input::truncated_and_empty_files_are_named", truncated),
        trial("bad_input::an_older_encoding_reads_the_same", gb18030),
        trial(
            "bad_input::rows_of_the_next_day_count_for_the_next_day",
            next_day,
        ),
        trial(
            "bad_input::yesterdays_file_leaves_the_report_partial",
            other_day,
        ),
        trial(
            "bad_input::hostile_titles_are_shown_literally",
            hostile_titles,
        ),
        trial(
            "bad_input::config_mistakes_are_told_all_at_once",
            config_mistakes,
        ),
        trial("bad_input::missing_secret", missing_secret),
        trial(
            "bad_input::template_mistakes_have_a_place",
            template_mistakes,
        ),
        trial(
            "bad_input::sql_can_neither_write_nor_read_paths",
            sql_refusals,
        ),
        trial(
            "bad_input::an_unfinished_period_is_refused",
            unfinished_period,
        ),
    ]
}

/// A shop on the morning after [`DAY`].
fn shop() -> Project {
    Project::from_case("one-shop").env("CHENBAO_NOW", "2026-11-22T07:30:00+08:00")
}

/// Name of an export made at so many seconds after 2026-11-22T00:00:00+08:00.
fn exported(seconds: i64) -> String {
    format!("exports/orders/{}_订单导出.csv", 1_795_276_800 + seconds)
}

fn paid(project: &Project) -> String {
    let rows = project
        .run(&[
            "sql",
            "--json",
            "select count(*) as lines, sum(pay_amount) as paid from orders",
        ])
        .exits(0)
        .json();
    format!(
        "{} {}",
        rows[0]["lines"].as_str().unwrap_or("-"),
        rows[0]["paid"].as_str().unwrap_or("-")
    )
}

fn header_drift() -> Result<(), Failed> {
    let text = export(&[line(1, DAY, "10.00")]).replace("订单应付金额", "订单应付总额");
    let project = shop().file(&exported(0), text);
    let _ = project
        .run(&["collect", "--source", "orders"])
        .exits(1)
        .says(&["订单应付金额", "订单应付总额"]);
    assert_eq!(paid(&project), "0 -");
    Ok(())
}

fn destroyed_ids() -> Result<(), Failed> {
    let text = export(&[line(1, DAY, "10.00")]).replace("\t6917926768823600001\"", "6.91793E+18\"");
    let project = shop().file(&exported(0), text);
    let _ = project
        .run(&["collect", "--source", "orders"])
        .exits(1)
        .says(&["6.91793E+18"]);
    assert_eq!(paid(&project), "0 -");
    Ok(())
}

fn re_export() -> Result<(), Failed> {
    let newer = export(&[
        line(1, DAY, "10.00").status("已关闭"),
        line(2, DAY, "25.50"),
    ]);
    let older = export(&[line(1, DAY, "99.00"), line(3, DAY, "1.00")]);
    let project = shop().file(&exported(100), newer.clone());
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    assert_eq!(paid(&project), "2 35.5000");
    project.write(&exported(0), older);
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    assert_eq!(
        paid(&project),
        "3 36.5000",
        "the older export adds its missing row and overwrites nothing"
    );
    project.write(&exported(200), newer);
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    assert_eq!(
        paid(&project),
        "3 36.5000",
        "the same export twice changes nothing"
    );
    Ok(())
}

fn half_copied() -> Result<(), Failed> {
    let project = shop().file(
        "exports/orders/1795276800_a.csv.part",
        export(&[line(1, DAY, "10.00")]),
    );
    let path = project.path().join(exported(0));
    std::fs::write(&path, export(&[line(2, DAY, "20.00")]))?;
    let _ = project
        .run(&["collect", "--source", "orders"])
        .exits(0)
        .says(&["1795276800_订单导出.csv"]);
    assert_eq!(paid(&project), "0 -");
    crate::project::settle(&path);
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    assert_eq!(paid(&project), "1 20.0000");
    Ok(())
}

fn truncated() -> Result<(), Failed> {
    let whole = export(&[line(1, DAY, "10.00"), line(2, DAY, "20.00")]);
    let cut: String = whole.chars().take(whole.chars().count() - 30).collect();
    let project = shop()
        .file(&exported(0), cut)
        .file(&exported(1), "")
        .file(&exported(2), export(&[line(3, DAY, "5.00")]));
    let _ = project
        .run(&["collect", "--source", "orders"])
        .says(&["1795276800_订单导出.csv", "1795276801_订单导出.csv"]);
    assert_eq!(
        paid(&project),
        "1 5.0000",
        "the whole file is loaded, the cut one is not"
    );
    Ok(())
}

fn gb18030() -> Result<(), Failed> {
    let text = export(&[line(1, DAY, "10.00")]);
    // 加绒打底裤 and the header in GB18030, by the encoder of a program that is not ours.
    let python = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read().decode('utf-8-sig').encode('gb18030'))";
    let mut child = std::process::Command::new("python3")
        .args(["-c", python])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes())?;
    let encoded = child.wait_with_output()?.stdout;
    let project = shop().file(&exported(0), encoded);
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    let rows = project
        .run(&["sql", "--json", "select product_name from orders"])
        .exits(0)
        .json();
    assert_eq!(rows[0]["product_name"], "加绒打底裤");
    Ok(())
}

fn next_day() -> Result<(), Failed> {
    let text = export(&[
        line(1, DAY, "10.00"),
        line(2, "2026-11-22 00:03:00", "7.00"),
    ]);
    let project = shop().file(&exported(600), text);
    let _ = project.run(&["collect", "--source", "orders"]).exits(0);
    let run = project.run(&["run", "daily", "--results", "--json"]).json();
    let items = run["results"][0]["metrics"]["sales"]["items"]
        .as_array()
        .unwrap();
    let of = |id: &str| {
        items.iter().find(|item| item["id"] == id).unwrap()["value"]["$dec"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(of("paid_amount").starts_with("10"), "{}", of("paid_amount"));
    Ok(())
}

/// The newest file was made before the day ended: the report says so instead of pretending.
fn other_day() -> Result<(), Failed> {
    let text = export(&[line(1, "2026-11-20 10:00:00", "10.00")]);
    let project = shop().file(&exported(-86_400), text);
    let _ = project.run(&["run", "daily"]).exits(3);
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    assert!(page.contains("部分 0/1"), "{page}");
    Ok(())
}

fn hostile_titles() -> Result<(), Failed> {
    let titles = ["<b>&\"{{ x }}</td>", "=cmd()|' /C calc'!A0", "{% raw %}"];
    let lines: Vec<_> = titles
        .iter()
        .zip(1..)
        .map(|(title, n)| line(n, DAY, "10.00").title(title))
        .collect();
    let project = shop().file(&exported(0), export(&lines));
    let _ = project.run(&["run", "daily"]).exits(0);
    let (html, text) = (
        project.read("reports/daily/2026-11-21/boss.html"),
        project.read("reports/daily/2026-11-21/boss.txt"),
    );
    assert!(
        html.contains("&lt;b&gt;&amp;") && !html.contains("<b>&"),
        "the title is escaped"
    );
    assert!(text.contains("<b>&\"{{ x }}</td>"), "{text}");
    Ok(())
}

fn config_mistakes() -> Result<(), Failed> {
    let project = shop();
    let text = project
        .read("chenbao.toml")
        .replace("data_deadline", "data_dedline")
        .replace("role = \"management\"", "role = \"managment\"");
    project.write("chenbao.toml", text);
    let _ = project.run(&["check"]).exits(2).says(&[
        "data_dedline",
        "data_deadline",
        "managment",
        "hint:",
        "chenbao.toml",
    ]);
    Ok(())
}

fn missing_secret() -> Result<(), Failed> {
    let project = shop();
    let text = project.read("chenbao.toml").replace(
        "transport = \"folder\"\nfolder = \"outbox\"",
        "transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = 9\nsecurity = \"none\"\nuser = \"u\"\npassword = \"env:CHENBAO_NO_SUCH_SECRET\"",
    );
    project.write("chenbao.toml", text);
    project.write(&exported(0), export(&[line(1, DAY, "10.00")]));
    let _ = project.run(&["run", "daily", "--deliver"]).exits(4).says(&[
        "0 of 1",
        "CHENBAO_NO_SUCH_SECRET",
        "hint:",
    ]);
    Ok(())
}

fn template_mistakes() -> Result<(), Failed> {
    for (body, words) in [
        (
            "<p><v of=\"sales.paid_amout\"/></p>",
            vec!["sales.paid_amout", "paid_amount"],
        ),
        (
            "<section title=\"x\"><p>offen</section>",
            vec!["report.html", "p"],
        ),
        ("<kpii/>", vec!["kpii", "kpi"]),
    ] {
        let project = shop().file(&exported(0), export(&[line(1, DAY, "10.00")]));
        project.write("templates/daily/report.html", format!("{{% extends \"_base/report.html\" %}}\n{{% block body %}}\n{body}\n{{% endblock %}}\n"));
        let _ = project.run(&["run", "daily"]).exits(1).says(&words);
    }
    Ok(())
}

fn sql_refusals() -> Result<(), Failed> {
    let project = shop().file(&exported(0), export(&[line(1, DAY, "10.00")]));
    let _ = project.run(&["collect"]).exits(0);
    for query in [
        "insert into orders values (1)",
        "copy orders to '/tmp/stolen.csv'",
        "create external table t stored as csv location '/etc/passwd'",
        "select * from '/etc/passwd'",
        "drop table orders",
        "select 1; select 2",
    ] {
        let _ = project.run(&["sql", query]).exits(1).says(&["error:"]);
    }
    let rows = project
        .run(&[
            "sql",
            "--json",
            "--shop",
            "other",
            "select count(*) as n from orders",
        ])
        .exits(0)
        .json();
    assert_eq!(rows[0]["n"], "0", "another shop's rows do not exist");
    Ok(())
}

fn unfinished_period() -> Result<(), Failed> {
    let _ = shop()
        .run(&["run", "daily", "--period", "2026-11-22"])
        .exits(1)
        .says(&["is not over", "hint:"]);
    Ok(())
}
