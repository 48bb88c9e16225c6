//! The example file is complete and true, and every mistake is told with its place, at once.

use super::meant::{Config, LedgerUrl, MappingRef, PeriodRule, Security, Transport, When};
use super::resolve;
use super::resolve::asked;
use super::schema::{EXAMPLE, uncommented};
use chenbao_model::Digest;
use chenbao_report::fonts::Families;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

const SMALL: &str = r#"
[project]
name = "店"
zone = "Asia/Shanghai"
owner = "o@example.com"
[mail]
from = "c@example.com"
[shop.a]
name = "A"
platform = "douyin"
[role.boss]
name = "老板"
[metric.sales]
plugin = "sales"
[report.daily]
template = "daily"
metrics = ["sales"]
[report.daily.audience.boss]
role = "boss"
shops = ["a"]
to = ["x@example.com"]
"#;

fn meant(text: &str) -> Config {
    match resolve(text, "/p/chenbao.toml") {
        Ok(warned) => warned.value,
        Err(problems) => panic!("{problems}"),
    }
}

/// All problems of a text, as people read them.
fn told(text: &str) -> String {
    resolve(text, "/p/chenbao.toml")
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

/// The problems of the small configuration with one piece replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    told(&SMALL.replacen(from, to, 1))
}

fn with(more: &str) -> String {
    format!("{SMALL}{more}")
}

#[test]
fn the_example_means_the_same_with_its_defaults_written_out() {
    let mut shipped = meant(EXAMPLE);
    let mut written = meant(&uncommented());
    for config in [&mut shipped, &mut written] {
        config.digest = Digest::of("");
        // These lines are examples, as the prose above them says.
        config.plugins.dir = None;
        config.plugins.trust = None;
        config.lake.hash_key = None;
        config.serve.listen = None;
        config.link = None;
        config.watchdog.ping = None;
        for channel in config.channels.values_mut() {
            channel.secret = None;
        }
        config.fonts.dir = None;
        config.fonts.families = Families::default();
        for source in config.sources.values_mut() {
            source.raw = None;
        }
        config.mail.rates.domains.clear();
        if let Some(bounces) = &mut config.mail.bounces {
            bounces.return_path = None;
        }
        for report in config.reports.values_mut() {
            report.name = None;
            report.owner = None;
            for audience in report.audiences.values_mut() {
                audience.folder = None;
            }
        }
    }
    assert_eq!(format!("{shipped:#?}"), format!("{written:#?}"));
}

#[test]
fn the_example_has_every_key_and_each_has_its_sentence() {
    let mut keys = BTreeSet::new();
    let table: toml::Table = uncommented().parse().unwrap();
    written(&table, "", &mut keys);
    let missing: Vec<_> = asked(&uncommented())
        .into_keys()
        .filter(|key| !key.ends_with("[]") && !key.ends_with(".*"))
        .map(|key| key.replace("[]", ""))
        .filter(|key| !keys.contains(key))
        .collect();
    assert_eq!(missing, Vec::<String>::new());

    let mut explained = BTreeSet::new();
    let mut prose = false;
    for line in EXAMPLE.lines() {
        let key = line
            .trim_start_matches('#')
            .split('=')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let assigns = !line.starts_with("##") && line.contains('=');
        if assigns && !explained.contains(&key) {
            assert!(prose, "no sentence above `{line}`");
        }
        if assigns {
            explained.insert(key);
        }
        // A sentence may stand above two keys that belong together.
        prose = line.starts_with("##") || (prose && assigns);
    }
}

/// The keys of a document, ids as `*`.
fn written(table: &toml::Table, path: &str, keys: &mut BTreeSet<String>) {
    let ids = [
        "channel", "shop", "role", "table", "source", "metric", "campaign", "report",
    ]
    .contains(&path)
        || path.ends_with(".audience");
    for (key, value) in table {
        let key = if ids { "*" } else { key.as_str() };
        let path = if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        };
        keys.insert(path.clone());
        match value {
            toml::Value::Table(inner) => written(inner, &path, keys),
            toml::Value::Array(list) => {
                list.iter()
                    .filter_map(toml::Value::as_table)
                    .for_each(|inner| written(inner, &path, keys));
            }
            _ => {}
        }
    }
}

#[test]
fn an_unknown_key_in_any_table_is_refused_with_the_nearest() {
    for (table, typo, near) in [
        ("[project]", "ownr", "owner"),
        ("[plugins]", "memroy", "memory"),
        ("[templates]", "dri", "dir"),
        ("[fonts]", "heading", "headings"),
        ("[lake]", "hash_keys", "hash_key"),
        ("[ledger]", "uri", "url"),
        ("[mail]", "tranport", "transport"),
        ("[deliver]", "alow", "allow"),
        ("[shop.flagship]", "plattform", "platform"),
        ("[role.management]", "show", "shows"),
        ("[source.orders]", "maping", "mapping"),
        ("[metric.sales]", "plugins", "plugin"),
        ("[campaign.d11-2026]", "end", "ends"),
        ("[report.daily]", "metric", "metrics"),
        ("[report.daily.schedule]", "data_deadlne", "data_deadline"),
        ("[report.daily.audience.boss]", "shop", "shops"),
    ] {
        let text = EXAMPLE.replacen(table, &format!("{table}\n{typo} = 1"), 1);
        let line = text
            .lines()
            .position(|line| line == format!("{typo} = 1"))
            .unwrap()
            + 1;
        let told = told(&text);
        assert!(
            told.contains(&format!("{typo}`\n  --> /p/chenbao.toml:{line}:1")),
            "{told}"
        );
        assert!(
            told.contains(&format!("hint: did you mean `{near}`?")),
            "{told}"
        );
        assert_eq!(told.matches("error:").count(), 1, "{told}");
    }
    assert!(told(&with("[reports.daily]\ntemplate = \"x\"\n")).contains("did you mean `report`?"));
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text = SMALL
        .replace("Asia/Shanghai", "Asia/Shanghia")
        .replace("shops = [\"a\"]", "shops = [\"b\", 3]")
        .replace("metrics = [\"sales\"]", "metrics = [\"sale\"]")
        .replace(
            "from = \"c@example.com\"",
            "form = \"c@example.com\"\nport = 99999",
        );
    let told = told(&text);
    let expected = [
        "error: `Asia/Shanghia` is not a time zone that this machine knows\n  --> /p/chenbao.toml:4:8\n   | zone = \"Asia/Shanghia\"\n",
        "hint: did you mean `Asia/Shanghai`?",
        "error: `mail.from` is missing",
        "hint: write from = \"晨报 <chenbao@example.com>\"",
        "error: unknown key `mail.form`\n  --> /p/chenbao.toml:7:1",
        "hint: did you mean `from`?",
        "error: 99999 is not a port\n  --> /p/chenbao.toml:8:8",
        "error: there is no metric `sale`\n  --> /p/chenbao.toml:18:12",
        "hint: did you mean `sales`?",
        "error: there is no shop `b`\n  --> /p/chenbao.toml:21:10",
        "error: `report.daily.audience.boss.shops` is an integer, not a text in quotes\n  --> /p/chenbao.toml:21:15",
    ];
    let mut rest = told.as_str();
    for piece in expected {
        let at = rest
            .find(piece)
            .unwrap_or_else(|| panic!("`{piece}` is not in\n{rest}\nof\n{told}"));
        rest = rest.get(at + piece.len()..).unwrap();
    }
    assert_eq!(told.matches("error:").count(), 7, "{told}");
}

#[test]
fn syntax_errors_have_their_place() {
    let told = told("[project]\nname = \"a\nzone = 3 4\n");
    assert!(
        told.contains("this is not TOML") && told.contains("--> /p/chenbao.toml:2:"),
        "{told}"
    );
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let config = meant(&with(
        "[source.s]\nplugin = \"files\"\nshop = \"a\"\nmapping = [\"own/m.toml\", \"preset\"]\n",
    ));
    assert_eq!(config.lake.dir, PathBuf::from("/p/lake"));
    assert_eq!(
        config.ledger,
        LedgerUrl::Plain("sqlite:/p/ledger.sqlite".to_owned())
    );
    assert_eq!(config.plugins.extra, [PathBuf::from("/p/plugins")]);
    let mappings = &config.sources["s"].mappings;
    assert_eq!(
        *mappings,
        [
            MappingRef::File("/p/own/m.toml".into()),
            MappingRef::Preset("preset".into())
        ]
    );
    let absolute = meant(&with("[lake]\ndir = \"/elsewhere\"\n"));
    assert_eq!(absolute.lake.dir, PathBuf::from("/elsewhere"));
    let here = resolve(SMALL, "chenbao.toml").unwrap().value;
    assert_eq!(
        (here.folder, here.archive),
        (PathBuf::new(), PathBuf::from("archive"))
    );
}

#[test]
fn secrets_in_clear_are_refused_and_never_shown() {
    let smtp = "[mail]\ntransport = \"smtp\"\nhost = \"h\"\nuser = \"u\"\npassword = \"hunter2\"";
    let told_mail = changed("[mail]", smtp);
    assert!(
        told_mail.contains("a secret must not stand in the configuration"),
        "{told_mail}"
    );
    let source = "[source.s]\nplugin = \"sql\"\nshop = \"a\"\nmapping = \"m\"\n";
    let told_with = told(&with(&format!(
        "{source}[source.s.with]\npassword = \"hunter2\"\n"
    )));
    assert!(
        told_with.contains("looks like a secret in clear"),
        "{told_with}"
    );
    let told_secret = told(&with(&format!(
        "{source}secrets = {{ token = \"hunter2\" }}\n"
    )));
    let told_url = told(&with("[ledger]\nurl = \"postgres://u:hunter2@h/d\"\n"));
    assert!(told_url.contains("holds a password"), "{told_url}");
    for told in [told_mail, told_with, told_secret, told_url] {
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_mail_server_is_protected_unless_it_is_this_machine() {
    let mail = |more: &str| {
        SMALL.replacen(
            "[mail]",
            &format!("[mail]\ntransport = \"smtp\"\n{more}"),
            1,
        )
    };
    let Transport::Smtp(smtp) = meant(&mail("host = \"smtp.example.com\"\ntimeout = \"9s\""))
        .mail
        .transport
    else {
        panic!("no server")
    };
    assert_eq!(
        (smtp.port, smtp.security, smtp.timeout),
        (587, Security::Starttls, Duration::from_secs(9))
    );
    let open = |host: &str| mail(&format!("host = \"{host}\"\nsecurity = \"none\""));
    assert!(told(&open("smtp.example.com")).contains("would travel unprotected"));
    for host in ["127.0.0.1", "localhost", "::1"] {
        assert!(
            matches!(meant(&open(host)).mail.transport, Transport::Smtp(smtp) if smtp.port == 25)
        );
    }
    assert!(told(&mail("")).contains("`mail.host` is missing"));
    assert!(told(&mail("host = \"h\"\nuser = \"u\"")).contains("`mail.password` is missing"));
}

#[test]
fn schedules_are_checked() {
    let schedule = |lines: &str| with(&format!("[report.daily.schedule]\n{lines}\n"));
    let good = meant(&schedule(
        "deliver = \"0 8 * * 1-5\"\nstart = \"6:40\"\ndata_deadline = \"07:40\"",
    ));
    let read = good.reports["daily"].schedule.clone().unwrap();
    assert!(matches!(&read.deliver, When::Cron(pattern) if pattern.as_str() == "0 8 * * 1-5"));
    assert_eq!(read.start.unwrap().to_string(), "06:40:00");
    let refused = [
        (
            "deliver = \"0 8,14 * * *\"\nstart = \"06:40\"",
            "and there are several",
        ),
        ("deliver = \"0 8 31 2 *\"", "never fires"),
        (
            "deliver = \"8 o'clock\"",
            "hint: write minute, hour, day, month and weekday",
        ),
        (
            "deliver = \"0 8 * * *\"\nstart = \"08:10\"",
            "`start` at 08:10 comes after delivery at 08:00",
        ),
        (
            "deliver = \"0 8 * * *\"\nstart = \"07:50\"\ndata_deadline = \"07:40\"",
            "`start` comes after `data_deadline`",
        ),
        (
            "deliver = \"0 8 * * *\"\neditions = [\"D+1\"]",
            "`editions` belongs to campaign reports",
        ),
        (
            "deliver = \"0 8 * * *\"\nmisfire = \"all(0)\"",
            "is not a misfire policy",
        ),
        (
            "deliver = \"0 8 * * *\"\nperiod = \"yesterdya\"",
            "did you mean `yesterday`?",
        ),
        (
            "deliver = \"0 8 * * *\"\nperiod = \"campaign\"",
            "not at `0 8 * * *`",
        ),
        (
            "deliver = \"08:00\"\nperiod = \"campaign\"\neditions = [\"D+0\"]",
            "`D+0` is not an edition",
        ),
        (
            "deliver = \"0 8 * * *\"\nstart = \"25:00\"",
            "is not a time of day",
        ),
    ];
    for (lines, said) in refused {
        let told = told(&schedule(lines));
        assert!(told.contains(said), "{lines}\n{told}");
    }
    let review = meant(&schedule(
        "deliver = \"08:30\"\nperiod = \"campaign\"\neditions = [\"D+7\", \"D+1\"]",
    ));
    let read = review.reports["daily"].schedule.clone().unwrap();
    assert_eq!(read.period, PeriodRule::Campaign);
    assert!(matches!(read.deliver, When::Campaign { editions, .. } if editions == [1, 7]));
}

#[test]
fn audiences_add_up_only_what_adds_up() {
    let second = "[shop.b]\nname = \"B\"\nplatform = \"tmall\"\ncurrency = \"USD\"\nzone = \"Europe/London\"\n";
    let told = told(&with(second).replacen("shops = [\"a\"]", "shops = [\"a\", \"b\"]", 1));
    assert!(
        told.contains("sell in CNY and USD") && told.contains("keep different time zones"),
        "{told}"
    );
    assert!(changed("shops = [\"a\"]", "shops = []").contains("the list is empty"));
    assert!(
        changed("shops = [\"a\"]", "shops = [\"a\", \"a\"]").contains("stands in the list twice")
    );
    let allowed = SMALL.replace("o@example.com", "o@company.example");
    let allow = format!("[deliver]\nallow = [\"Company.example\"]\n{allowed}");
    assert!(
        super::resolve(&allow, "c")
            .unwrap_err()
            .to_string()
            .contains("does not let mail go to example.com")
    );
    let config = meant(&allow.replace("x@example.com", "X <x@company.example>"));
    assert!(config.may_mail("x@COMPANY.example") && !config.may_mail("x@other.example"));
    let silent = super::resolve(&SMALL.replace("to = [\"x@example.com\"]", ""), "c").unwrap();
    assert_eq!(silent.warnings.len(), 1);
    assert!(silent.warnings[0].message.contains("has no recipients"));
}

#[test]
fn addresses_money_and_names_are_checked() {
    for bad in [
        "nobody",
        "a b@example.com",
        "a@b@c",
        "@example.com",
        "a@-x.com",
        "王@example.com",
        "a@b..c",
    ] {
        assert!(
            changed("x@example.com", bad).contains("is not a mail address"),
            "{bad}"
        );
    }
    let campaign = |plan: &str| {
        with(&format!(
            "[campaign.c]\nname = \"C\"\ntype = \"d11\"\nstarts = 2026-11-01\nends = \"2026-11-11\"\nplan = {plan}\n"
        ))
    };
    assert_eq!(
        meant(&campaign("\"120000.05\"")).campaigns["c"]
            .plan
            .unwrap()
            .to_string(),
        "120000.05"
    );
    assert!(told(&campaign("1.5")).contains("money is written in quotes"));
    assert!(told(&campaign("1").replace("2026-11-01", "2026-11-31")).contains("2026-11-31"));
    assert!(
        told(&campaign("1").replace("2026-11-01", "2026-12-01")).contains("ends before it starts")
    );
    let phase = "[[campaign.c.phase]]\nid = \"warmup\"\nname = \"W\"\nstarts = 2026-11-01\nends = 2026-11-12\n";
    assert!(told(&(campaign("1") + phase)).contains("does not lie within its campaign"));
    let names =
        meant(&SMALL.replace("\"老板\"", "{ zh-CN = \"老板\", en = \"Boss\" }")).roles["boss"]
            .name
            .clone();
    assert_eq!(
        ["zh-CN", "en-GB", "fr"].map(|lang| names.in_lang(lang)),
        ["老板", "Boss", "Boss"]
    );
    assert!(changed("[shop.a]", "[shop.A]").contains("`A` is not an id"));
}

#[test]
fn the_page_for_machines_stays_on_this_machine_unless_it_is_said() {
    let listen =
        |address: &str, more: &str| format!("[serve]\nlisten = \"{address}\"\n{more}\n{SMALL}");
    assert!(told(&listen("0.0.0.0:9464", "")).contains("other machines could read `0.0.0.0:9464`"));
    assert!(told(&listen("9464", "")).contains("not an address with a port"));
    for fine in [
        listen("[::1]:0", ""),
        listen("0.0.0.0:9464", "public = true"),
    ] {
        assert!(meant(&fine).serve.listen.is_some());
    }
    assert_eq!(meant(SMALL).serve.listen, None);
}

#[test]
fn days_off_are_days_spans_and_weekdays() {
    let with =
        |line: &str| format!("{SMALL}[report.daily.schedule]\ndeliver = \"0 8 * * *\"\n{line}\n");
    let config = meant(&with(
        "not_on = [2026-12-25, \"2027-01-01..2027-01-03\", \"sat\"]",
    ));
    let schedule = config
        .reports
        .values()
        .next()
        .unwrap()
        .schedule
        .clone()
        .unwrap();
    let days: Vec<String> = schedule.not_on.iter().map(ToString::to_string).collect();
    assert_eq!(days, ["2026-12-25", "2027-01-01..2027-01-03", "saturday"]);
    let wrong = told(&with(
        "not_on = [\"christmas\", \"2026-12-26..2026-12-24\"]\njitter = \"soon\"",
    ));
    for words in [
        "neither a day nor a weekday",
        "ends before it begins",
        "`soon` is not a duration",
    ] {
        assert!(wrong.contains(words), "{wrong}");
    }
    assert!(told(&format!("{SMALL}[serve]\nconcurrency = 0\n")).contains("at least 1"));
}

#[test]
fn what_a_server_takes_once_is_refused_when_it_changes() {
    let began = meant(SMALL);
    let fixed = |more: &str| -> Vec<String> {
        let told = meant(&with(more)).fixed_at_start(&began);
        told.into_iter().map(|problem| problem.message).collect()
    };
    assert_eq!(fixed("[serve]\nconcurrency = 2\n"), Vec::<String>::new());
    let both = fixed("[log]\nformat = \"json\"\n[archive]\ndir = \"elsewhere\"\n");
    assert_eq!(
        both,
        ["[archive] dir", "[log] format"]
            .map(|what| format!("{what} cannot change while chenbao serves"))
    );
}

#[test]
fn an_audience_may_have_a_folder_and_no_report_the_name_of_the_owners() {
    let folder = SMALL.replace("to = [\"x@example.com\"]", "folder = \"shared\"");
    let config = meant(&folder);
    let boss = &config.reports["daily"].audiences["boss"];
    assert_eq!(boss.folder, Some(PathBuf::from("/p/shared")));
    let allow = with("[deliver]\nallow = [\"elsewhere.com\"]\n");
    assert!(told(&allow).contains("the owner o@example.com is outside deliver.allow"));
    assert!(changed("report.daily", "report.notices").contains("cannot be called `notices`"));
}
