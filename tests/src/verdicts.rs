//! Every way in which a metric can fail, all in one report of one serving process: the report goes out with a sentence in the place
//! of each, the other metric says what it says alone, and the process stays the same.

use crate::serving::{EXPORT, Serving, look, mails, orders, shop, with_hostile};
use crate::trial;
use libtest_mimic::{Failed, Trial};

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "verdicts::every_failure_beside_a_metric_that_works",
            every_failure,
        ),
        trial(
            "verdicts::a_plugin_that_crashes_in_a_row_is_left_alone",
            quarantine,
        ),
        trial(
            "verdicts::metrics_that_hang_share_the_time_that_is_left",
            shared_time,
        ),
        trial(
            "verdicts::a_plugin_that_cannot_be_used_costs_its_own_figures",
            unusable,
        ),
        trial(
            "verdicts::another_library_in_its_place_begins_anew",
            another_library,
        ),
        trial(
            "verdicts::a_crash_does_not_count_against_its_readers",
            readers,
        ),
    ]
}

/// What the metric does, and what the page says in its place. Which of two limits ends a metric that spins depends on how busy the
/// machine is: `hostile::spin_is_cpu_limit` gives it the time to spend.
const FAILURES: &[(&str, &str)] = &[
    ("data", "计算插件报错"),
    ("garbage", "计算结果不合约定"),
    ("breach", "计算结果不合约定"),
    ("panic", "计算程序出错中止"),
    ("segfault", "计算程序崩溃"),
    ("abort", "计算程序崩溃"),
    ("overflow", "计算程序崩溃"),
    ("hang", "计算超时"),
    ("deaf", "计算超时"),
    ("datagram", "计算程序要用未授权的文件、网络或进程"),
    ("segment", "计算程序要用未授权的文件、网络或进程"),
    ("nameless", "计算程序要用未授权的文件、网络或进程"),
    ("owner", "计算程序要用未授权的文件、网络或进程"),
    ("hog", "计算占用内存超限（"),
    ("exit0", "计算程序中途退出"),
    ("thread", "计算程序答完后仍有线程或进程未结束"),
    ("ptrace", "计算程序做了不允许的操作"),
    ("kill", "计算程序要用未授权的文件、网络或进程"),
    ("orphan", "计算程序要用未授权的文件、网络或进程"),
    ("socket", "计算程序要用未授权的文件、网络或进程"),
    ("lake", "计算程序要用未授权的文件、网络或进程"),
];

fn every_failure() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    let alone = shop().file(EXPORT, orders());
    let aliases: Vec<String> = FAILURES
        .iter()
        .map(|(how, _)| format!("odd-{how}"))
        .collect();
    let mut text = project.read("chenbao.toml").replace(
        "metrics = [\"sales\"]",
        &format!("metrics = [\"sales\", \"{}\"]", aliases.join("\", \"")),
    );
    // All are one library, which would soon be left alone.
    text += "\n[plugins]\ndeadline = \"2s\"\nmemory = \"256 MiB\"\nquarantine_after = 0\n";
    let config = project.path().join("chenbao.toml");
    for (how, _) in FAILURES {
        let what = match *how {
            "lake" => config.display().to_string(),
            "socket" => "127.0.0.1:9".to_owned(),
            _ => "300".to_owned(),
        };
        text += &format!(
            "[metric.odd-{how}]\nplugin = \"hostile\"\n[metric.odd-{how}.with]\nhow = \"{how}\"\nwhat = \"{what}\"\n"
        );
    }
    project.write("chenbao.toml", text);
    let mut server = Serving::start(&project, "06:45:00");
    let process = server.id();
    server.until(&project, "queued", |runs| {
        runs.iter().any(|run| run["deliveries"]["queued"] == 1)
    });
    assert_eq!(server.id(), process);
    drop(server);
    look(&project, "08:00:00");
    assert_eq!(mails(&project, "boss@").len(), 1, "it goes out at its time");
    let page = |project: &crate::project::Project| {
        let run = project
            .command(&["run", "daily", "--no-collect"])
            .env("CHENBAO_NOW", "2026-11-22T08:01:00+08:00")
            .output();
        assert!(run.is_ok());
        project
            .read("reports/daily/2026-11-21/boss.txt")
            .replace(['\n', ' '], "")
    };
    let page_here = page(&project);
    for (how, sentence) in FAILURES {
        let told = format!("Hostileodd-{how}：{sentence}");
        assert!(page_here.contains(&told), "{told}\n{page_here}");
    }
    look(&alone, "06:45:00");
    let paid = |page: &str| {
        let (_, after) = page.split_once("用户支付金额").unwrap_or_default();
        after.chars().take(12).collect::<String>()
    };
    assert_eq!(paid(&page_here), paid(&page(&alone)), "{page_here}");
    Ok(())
}

/// The page of one more run at that time.
fn page_at(project: &crate::project::Project, time: &str) -> Result<String, Failed> {
    let run = project
        .command(&["run", "daily"])
        .env("CHENBAO_NOW", format!("2026-11-22T{time}+08:00"))
        .output()?;
    assert_eq!(run.status.code(), Some(3), "部分");
    let page = project.read("reports/daily/2026-11-21/boss.txt");
    Ok(page.replace(['\n', ' '], ""))
}

fn listed(project: &crate::project::Project) -> serde_json::Value {
    let all = project.run(&["plugin", "list", "--json"]).json();
    let mut all = all.as_array().cloned().unwrap_or_default().into_iter();
    all.find(|one| one["id"] == "hostile").unwrap_or_default()
}

/// Twice in a row is the limit here: then it is not started, until somebody says so. An answer in between starts the count anew.
fn quarantine() -> Result<(), Failed> {
    let project = with_hostile("segfault", "15s");
    let text = project.read("chenbao.toml");
    let text = text.replace("[plugins]\n", "[plugins]\nquarantine_after = 2\n");
    project.write("chenbao.toml", &text);
    let how = |how: &str| {
        let told = format!("how = \"{how}\"");
        project.write("chenbao.toml", text.replace("how = \"segfault\"", &told));
    };
    assert!(page_at(&project, "09:00:00")?.contains("Hostile：计算程序崩溃"));
    how("count");
    let fine = project.run_at("2026-11-22T09:01:00+08:00", &["run", "daily"]);
    drop(fine.exits(0));
    how("abort");
    for time in ["09:02:00", "09:03:00"] {
        assert_eq!(listed(&project)["quarantined"], false);
        assert!(page_at(&project, time)?.contains("Hostile：计算程序崩溃"));
    }
    assert_eq!(listed(&project)["quarantined"], true);
    let page = page_at(&project, "09:04:00")?;
    assert!(
        page.contains("Hostile：计算插件连续出错，已暂停使用"),
        "{page}"
    );
    let check = project.run(&["check"]).exits(0);
    drop(check.says(&[
        "`hostile` is left alone: it failed 2 times in a row",
        "plugin release hostile",
    ]));
    let notices = project.run(&["notices", "--json"]).json();
    let told = notices.as_array().into_iter().flatten();
    let told: Vec<_> = told.filter(|one| one["kind"] == "plugin-held").collect();
    assert_eq!(told.len(), 1, "{notices}");
    // Released, it gets its chances again.
    drop(project.run(&["plugin", "release", "hostile"]).exits(0));
    how("count");
    let fine = project.run_at("2026-11-22T09:05:00+08:00", &["run", "daily"]);
    drop(fine.exits(0));
    assert_eq!(listed(&project)["quarantined"], false);
    Ok(())
}

/// The same plugin built anew is another file: it gets its chances at once, without anybody's word.
fn another_library() -> Result<(), Failed> {
    let project = with_hostile("segfault", "15s");
    let text = project.read("chenbao.toml");
    // A folder of its own, in which the library can be replaced.
    let libraries = project.path().join("libraries");
    std::fs::create_dir(&libraries)?;
    for name in ["hostile_plugins", "metric_sales", "source_files"] {
        let file = format!("lib{name}.so");
        std::fs::copy(crate::project::bin_dir().join(&file), libraries.join(&file))?;
    }
    let text = text.replace(
        "[plugins]\n",
        "[plugins]\nquarantine_after = 1\ndir = \"libraries\"\n",
    );
    project.write("chenbao.toml", &text);
    assert!(page_at(&project, "09:00:00")?.contains("Hostile：计算程序崩溃"));
    assert_eq!(listed(&project)["quarantined"], true);
    // Bytes behind the end of the file change its digest and nothing else.
    let library = libraries.join("libhostile_plugins.so");
    let mut bytes = std::fs::read(&library)?;
    bytes.extend_from_slice(b"built again");
    std::fs::remove_file(&library)?;
    std::fs::write(&library, bytes)?;
    assert_eq!(listed(&project)["quarantined"], false);
    assert!(page_at(&project, "09:01:00")?.contains("Hostile：计算程序崩溃"));
    assert_eq!(listed(&project)["quarantined"], true);
    Ok(())
}

/// A metric whose input is the answer of one that crashed has nothing to read, and did nothing wrong.
fn readers() -> Result<(), Failed> {
    let project = with_hostile("segfault", "15s");
    let source = crate::house_rules::root().join("plugins/api/examples-c/row_count.c");
    let reads = std::fs::read_to_string(source)?.replace(
        r"tables = ['orders']\\nwindow = 'period'\\nsql = 'sql/rows.sql'",
        r"metric = 'hostile'\\nitem = 'rows'",
    );
    project.write("reader.c", reads);
    let include = crate::house_rules::root().join("plugins/api/include");
    std::fs::create_dir(project.path().join("more"))?;
    crate::hostile::compile(
        &[
            "-I",
            &include.to_string_lossy(),
            &project.path().join("reader.c").to_string_lossy(),
        ],
        &project.path().join("more/librow_count.so"),
    )?;
    let text = project
        .read("chenbao.toml")
        .replace("\"sales\", \"odd\"", "\"sales\", \"odd\", \"reader\"")
        .replace(
            "[plugins]\n",
            "[plugins]\nquarantine_after = 2\nextra = [\"more\"]\n[metric.reader]\nplugin = \"row_count\"\n[plugins_]\n",
        )
        .replace("[plugins_]\ndeadline = \"15s\"\n", "");
    project.write("chenbao.toml", &text);
    for time in ["09:00:00", "09:01:00", "09:02:00"] {
        let page = page_at(&project, time)?;
        assert!(page.contains("Rowcount："), "{page}");
    }
    let all = project.run(&["plugin", "list", "--json"]).json();
    let held: Vec<String> = all
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["quarantined"] == true)
        .map(|one| one["id"].to_string())
        .collect();
    assert_eq!(held, ["\"hostile\""]);
    Ok(())
}

/// A call may take five minutes by default; 40 seconds before delivery four that hang have nine each, and the report leaves in time.
fn shared_time() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    let mut text = project.read("chenbao.toml").replace(
        "metrics = [\"sales\"]",
        "metrics = [\"one\", \"two\", \"three\", \"sales\"]",
    );
    for alias in ["one", "two", "three"] {
        text += &format!(
            "[metric.{alias}]\nplugin = \"hostile\"\n[metric.{alias}.with]\nhow = \"hang\"\n"
        );
    }
    project.write("chenbao.toml", text);
    let begun = std::time::Instant::now();
    look(&project, "07:59:20");
    assert!(begun.elapsed().as_secs() < 90, "{:?}", begun.elapsed());
    look(&project, "08:00:00");
    assert_eq!(mails(&project, "boss@").len(), 1);
    Ok(())
}

/// A folder that lacks words, as after a careless change: `check` says what and where, the report goes out without its figures.
fn unusable() -> Result<(), Failed> {
    let project = shop().file(EXPORT, orders());
    let metric = "id = 'broken'\nkind = 'metric'\nversion = '0.1.0'\ntitle = 'Broken'\nsummary = 'Lacks words.'\n\
        [inputs.all]\ndescription = 'Orders.'\ntables = ['orders']\nwindow = 'period'\nsql = 'sql/all.sql'\n\
        [outputs.lines]\ntype = 'scalar'\nunit = '1'\nfrom = 'all'\ncolumn = 'lines'\n";
    project.write("plugins/broken/metric.toml", metric);
    project.write(
        "plugins/broken/sql/all.sql",
        "select count(*) as lines from orders where day >= $start_day",
    );
    project.write(
        "plugins/broken/strings.en.toml",
        "[item]\nlines = 'Lines'\n",
    );
    project.write(
        "plugins/broken/strings.zh-CN.toml",
        "[item]\nlinez = '行数'\n",
    );
    let text = project
        .read("chenbao.toml")
        .replace("metrics = [\"sales\"]", "metrics = [\"sales\", \"broken\"]");
    project.write(
        "chenbao.toml",
        text + "\n[metric.broken]\nplugin = \"broken\"\n[source.more]\nplugin = \"gone\"\nshop = \"main\"\nmapping = \"x\"\n",
    );
    let _ = project.run(&["check"]).exits(2).says(&[
        "the plugin `broken` cannot be used",
        "there is no output for `item.linez`",
        "did you mean `item.lines`?",
        "write lines = \"...\" under [item]",
    ]);
    let page = page_at(&project, "09:00:00")?;
    assert!(
        page.contains("broken：") && page.contains("¥75.00"),
        "{page}"
    );
    assert!(page.contains("「more」未能取数"), "{page}");
    Ok(())
}
