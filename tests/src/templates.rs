//! Templates as somebody changes them who knows no Rust: begun, checked, compared, listed, all from the command line.

use crate::orders::{export, line};
use crate::project::{Project, Run};
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// All of them.
#[must_use]
pub fn trials() -> Vec<Trial> {
    vec![
        trial("templates::the_product_s_own_are_in_order", own),
        trial("templates::every_mistake_is_told_at_once", mistakes),
        trial("templates::a_language_that_lacks_words_is_an_error", words),
        trial("templates::another_template_s_mistake_is_its_own", apart),
        trial("templates::what_is_checked_may_be_a_path", paths),
        trial("templates::a_new_one_works_as_it_is", new),
        trial("templates::a_new_one_overwrites_nothing", careful),
        trial("templates::every_path_has_unit_sample_and_passport", vars),
        trial("templates::every_path_that_is_listed_can_be_bound", listed),
        trial("templates::a_changed_one_says_what_it_lacks", diff),
        trial("templates::a_block_that_is_not_filled_is_lacking", blocks),
    ]
}

fn shop() -> Project {
    Project::from_case("one-shop")
}

/// The shop on the morning after its first day of orders.
fn with_orders() -> Project {
    let lines = [
        line(1, "2026-11-21 10:00:00", "100.00"),
        line(2, "2026-11-21 21:30:00", "60.50"),
    ];
    shop()
        .file("exports/orders/1795276800_订单导出.csv", export(&lines))
        .env("CHENBAO_NOW", "2026-11-22T07:30:00+08:00")
}

/// `file:line:column message | hint` of what a check says, as a script reads it.
fn told(run: &Run) -> Vec<String> {
    let answer = run.json();
    let problems = answer["problems"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |problem: &Value| {
        format!(
            "{}:{}:{} {} | {}",
            text(&problem["file"]),
            problem["line"],
            problem["column"],
            text(&problem["message"]),
            text(&problem["hint"])
        )
    };
    problems.iter().map(line).collect()
}

fn own() -> Result<(), Failed> {
    let answer = shop().run(&["template", "check", "--json"]).exits(0).json();
    assert_eq!(
        (&answer["errors"], &answer["warnings"]),
        (&0.into(), &0.into()),
        "{answer}"
    );
    let names: Vec<&Value> = answer["tried"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["template"])
        .collect();
    assert_eq!(names, ["campaign", "daily", "weekly"]);
    // Roles that this shop does not have are tried, too: a page is for every team.
    let roles = answer["tried"][1]["roles"].as_array().unwrap();
    for role in ["management", "finance", "ads", "operations"] {
        assert!(roles.contains(&role.into()), "{role}");
    }
    Ok(())
}

fn mistakes() -> Result<(), Failed> {
    let page = "{% extends \"_base/report.html\" %}\n{% block body %}\n\
        <kpis><kpi value=\"sales.paid_amuont\"/><kpii value=\"sales.orders\"/></kpis>\n\
        {% if role.id == \"managment\" %}<p>{{ t(key=\"lede.outcom\") }}</p>{% endif %}\n\
        {% if period.days > 400 %}\n<table data=\"sales.products\" columns=\"product,piad\"/>\n\
        {% if has(path=\"traffic.impresions\") or found(kind=\"product_dorp\") %}<section titel=\"x\"></section>{% endif %}\n\
        {% endif %}\n{% endblock %}\n";
    let shop = shop().file("templates/daily/report.html", page);
    let run = shop.run(&["template", "check", "daily", "--json"]).exits(2);
    let file = "templates/daily/report.html";
    assert_eq!(
        told(&run),
        [
            format!(
                "{file}:3:7 `sales` has no item `paid_amuont` | did you mean `sales.paid_amount`?"
            ),
            format!("{file}:3:39 unknown element `<kpii>` | did you mean `kpi`?"),
            format!("{file}:4:1 no role `managment` is configured | did you mean `management`?"),
            format!(
                "{file}:4:38 there are no words for `lede.outcom` | did you mean `lede.outcome`?"
            ),
            format!("{file}:6:1 the table `products` has no column `piad` | did you mean `paid`?"),
            format!(
                "{file}:7:1 `traffic` has no item `impresions` | did you mean `traffic.impressions`?"
            ),
            format!("{file}:7:1 no metric finds `product_dorp` | did you mean `product_drop`?"),
            format!("{file}:7:70 `<section>` has no attribute `titel` | did you mean `title`?"),
        ]
    );
    // For people: the line itself with a caret, and how many there are.
    let _ = shop.run(&["template", "check", "daily"]).exits(2).says(&[
        "--> templates/daily/report.html:6:1\n   | <table data=\"sales.products\" columns=\"product,piad\"/>\n   | ^",
        "problems",
    ]);
    // The check of the whole project says the same.
    let _ = shop
        .run(&["check"])
        .exits(2)
        .says(&["`sales` has no item `paid_amuont`", "did you mean `paid`?"]);
    Ok(())
}

fn words() -> Result<(), Failed> {
    let shop = shop().file(
        "templates/daily/strings.zh-CN.toml",
        "[mine]\nhello = \"早上好\"\n",
    );
    let run = shop.run(&["template", "check", "daily", "--json"]).exits(2);
    assert_eq!(
        told(&run),
        [
            "templates/daily/strings.en.toml:0:0 there are no words for `mine.hello` in `en` | `zh-CN` says \"早上好\""
        ]
    );
    shop.write(
        "templates/daily/strings.en.toml",
        "[mine]\nhello = \"Good morning\"\n",
    );
    let _ = shop
        .run(&["template", "check", "daily"])
        .exits(0)
        .says(&["daily: in order"]);
    Ok(())
}

fn apart() -> Result<(), Failed> {
    let shop = shop().file("templates/weekly/report.html", "<report>{% if %}</report>");
    let _ = shop.run(&["template", "check", "daily"]).exits(0);
    let _ = shop.run(&["check"]).exits(0);
    let run = shop.run(&["template", "check", "--json"]).exits(2);
    let told = told(&run);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("templates/weekly/report.html:1:"),
        "{told:?}"
    );
    Ok(())
}

fn paths() -> Result<(), Failed> {
    let page = "{% extends \"_base/report.html\" %}\n{% block body %}<p>x<p>{% endblock %}";
    let shop = shop()
        .file("templates/weekly/report.html", page)
        .file("drafts/mine/report.html", page)
        .file("drafts/mine/template.toml", "from = \"daily\"\n");
    for path in [
        "templates/weekly/report.html",
        "templates/weekly",
        "templates",
        "drafts/mine",
    ] {
        let _ = shop
            .run(&["template", "check", path])
            .exits(2)
            .says(&["report.html:2:"]);
    }
    let _ = shop
        .run(&["template", "check", "weakly"])
        .exits(1)
        .says(&["did you mean `weekly`?"]);
    Ok(())
}

fn new() -> Result<(), Failed> {
    let shop = with_orders();
    let run = shop
        .run(&["template", "new", "morning", "--from", "daily"])
        .exits(0)
        .says(&[
            "wrote",
            "templates/morning/report.html",
            "copy [report.daily] as [report.morning], with template = \"morning\"",
            "chenbao template check morning",
            "chenbao preview",
        ]);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
    assert_eq!(
        shop.files("templates"),
        [
            "templates/morning/report.html",
            "templates/morning/strings.en.toml",
            "templates/morning/strings.zh-CN.toml",
            "templates/morning/template.toml"
        ]
    );
    assert!(
        shop.read("templates/morning/template.toml")
            .starts_with(&format!(
                "# Made from `daily` of chenbao {}.",
                env!("CARGO_PKG_VERSION")
            ))
    );
    // One that is made from one's own speaks the words of both.
    let _ = shop
        .run(&["template", "new", "noon", "--from", "morning"])
        .exits(0);
    for name in ["morning", "noon"] {
        let told = format!("{name}: in order");
        let _ = shop
            .run(&["template", "check", name])
            .exits(0)
            .says(&[&told]);
    }
    let config = shop.read("chenbao.toml");
    shop.write(
        "chenbao.toml",
        config.replace("template = \"daily\"", "template = \"noon\""),
    );
    let _ = shop.run(&["run", "daily", "--out", "out"]).exits(0);
    let page = shop
        .files("out")
        .into_iter()
        .find(|file| file.ends_with(".txt"))
        .unwrap();
    let page = shop.read(&page);
    // Its own title, and the words of the report that it was made from.
    assert!(page.contains("noon") && page.contains("商品榜"), "{page}");
    Ok(())
}

fn careful() -> Result<(), Failed> {
    let shop = shop().file("templates/mine/report.html", "<report></report>");
    let new = |name: &str, from: &str| shop.run(&["template", "new", name, "--from", from]);
    let _ = new("mine", "daily").exits(1).says(&[
        "there is a file here already",
        "templates/mine/report.html",
        "overwrites nothing",
    ]);
    assert_eq!(shop.files("templates"), ["templates/mine/report.html"]);
    assert_eq!(shop.read("templates/mine/report.html"), "<report></report>");
    let _ = new("weekly", "daily")
        .exits(1)
        .says(&["there is a template `weekly` already"]);
    let _ = new("other", "dayly")
        .exits(1)
        .says(&["did you mean `daily`?"]);
    let _ = new("../other", "daily").exits(1).says(&["is not an id"]);
    Ok(())
}

fn vars() -> Result<(), Failed> {
    let shop = with_orders();
    let answer = shop
        .run(&["template", "vars", "daily", "--json"])
        .exits(0)
        .json();
    let listed = answer["paths"].as_array().unwrap();
    let find = |path: &str| {
        let found = listed.iter().find(|one| one["path"] == path);
        found.unwrap_or_else(|| panic!("{path} is not listed"))
    };
    // What the plugin says of its figures in a real run is what the list says.
    let run = shop
        .run(&["run", "daily", "--results", "--json"])
        .exits(0)
        .json();
    let items = run["results"][0]["metrics"]["sales"]["items"]
        .as_array()
        .unwrap();
    let (mut formulas, mut columns) = (0, 0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for item in items.iter().filter(|item| item["type"] != "finding") {
        let one = find(&format!("sales.{}", text(&item["id"])));
        for column in item["columns"].as_array().into_iter().flatten() {
            let path = format!("{}.{}", text(&one["path"]), text(&column["name"]));
            let Some(one) = listed.iter().find(|one| one["path"] == path.as_str()) else {
                continue;
            };
            columns += 1;
            let (own, listed) = (&column["passport"]["formula"], &one["passport"]["formula"]);
            assert_eq!(own, listed, "{one}");
        }
        let (own, listed) = (&item["passport"]["formula"], &one["passport"]["formula"]);
        if own.is_string() {
            formulas += 1;
            assert_eq!(own, listed, "{one}");
        }
    }
    assert!(formulas > 10 && columns > 10, "{formulas} {columns}");
    Ok(())
}

fn listed() -> Result<(), Failed> {
    let shop = shop();
    let answer = shop
        .run(&["template", "vars", "daily", "--json"])
        .exits(0)
        .json();
    let listed = answer["paths"].as_array().unwrap();
    let paid = &listed[0];
    assert_eq!(paid["path"], "sales.paid_amount");
    assert_eq!(
        (&paid["label"], &paid["plugin"]),
        (&"用户支付金额".into(), &"sales".into())
    );
    assert!(paid["sample"].as_str().unwrap().starts_with('¥'), "{paid}");
    // Every path that it lists can be bound: the check knows none that it does not.
    let bound: String = listed
        .iter()
        .filter(|one| one["kind"] == "figure")
        .map(|one| format!("<p><v of={}/></p>\n", one["path"]))
        .collect();
    let page =
        format!("{{% extends \"_base/report.html\" %}}{{% block body %}}{bound}{{% endblock %}}");
    let shop = shop.file("templates/daily/report.html", page);
    let _ = shop.run(&["template", "check", "daily"]).exits(0);
    // As a table for people, with what could be bound but is not configured.
    let _ = shop.run(&["template", "vars", "daily"]).exits(0).says(&[
        "| path | name | unit | sample | formula | clock | only for |\n| --- |",
        "| `sales.orders` | ",
        "| count(distinct order_id) by paid_at | pay |",
        "`sales.products` (table)",
        "`sales.products.paid`",
        "not configured for `daily`",
    ]);
    let _ = shop
        .run(&["template", "vars", "dayly"])
        .exits(1)
        .says(&["there is no report `dayly`", "did you mean `daily`?"]);
    Ok(())
}

/// `kind name file` of all that a template lacks.
fn lacking(shop: &Project, template: &str) -> Vec<String> {
    let run = shop.run(&["template", "diff", template, "--json"]).exits(0);
    let answer = run.json();
    let lacks = answer["templates"][0]["lacks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lacks = lacks.map(|lack| {
        let (kind, name) = (text(&lack["kind"]), text(&lack["name"]));
        format!("{kind} {name} {}", text(&lack["place"]["file"]))
    });
    lacks.collect()
}

fn diff() -> Result<(), Failed> {
    let shop = shop();
    let lacks = |name: &str| lacking(&shop, name);
    let diff = |args: &[&str]| shop.run(&[&["template", "diff"], args].concat()).exits(0);
    let _ = diff(&["daily"]).says(&["daily: the product's own, nothing is overridden"]);
    // As it is made, nothing is lacking; other words and another order are no lack.
    let _ = shop.run(&["template", "new", "mine"]).exits(0);
    let page = shop.read("templates/mine/report.html");
    assert_eq!(lacks("mine"), Vec::<String>::new());
    shop.write(
        "templates/mine/report.html",
        page.replace("paid,share,change", "change,share,paid"),
    );
    assert_eq!(lacks("mine"), Vec::<String>::new());
    // A figure, columns, a table and a metric less.
    let without = page
        .replace("<kpi value=\"sales.aov\"/>\n", "")
        .replace(
            "columns=\"step,count,rate,baseline,verdict\"",
            "columns=\"step,count\"",
        )
        .replace("<table data=\"inventory.stock\"/>", "");
    shop.write("templates/mine/report.html", without);
    let declared = shop.read("templates/mine/template.toml");
    let kept = declared
        .lines()
        .filter(|line| !line.starts_with("inventory = "));
    shop.write(
        "templates/mine/template.toml",
        kept.collect::<Vec<_>>().join("\n"),
    );
    assert_eq!(
        lacks("mine"),
        [
            "path sales.aov daily/report.html",
            "path traffic.steps.rate daily/report.html",
            "path traffic.steps.baseline daily/report.html",
            "path traffic.steps.verdict daily/report.html",
            "path inventory.stock daily/report.html",
            "metric inventory daily/template.toml",
        ]
    );
    let _ = diff(&["mine"]).says(&[
        "which it was made from",
        "sales.aov",
        "daily/report.html:17",
    ]);
    let _ = shop
        .run(&["template", "diff", "minne"])
        .exits(1)
        .says(&["did you mean `mine`?"]);
    Ok(())
}

fn blocks() -> Result<(), Failed> {
    let page = "{% extends \"_base/shop.html\" %}\n{% block kpis %}<kpi value=\"sales.orders\"/>{% endblock %}\n";
    let shop = shop().file("templates/daily/report.html", page);
    // A page of which next to nothing is left is one line.
    let lacks = lacking(&shop, "daily");
    let page = |one: &&String| one.ends_with(" daily/report.html");
    let pages: Vec<&String> = lacks.iter().filter(page).collect();
    let [one] = pages[..] else {
        panic!("{lacks:?}");
    };
    assert!(
        one.starts_with("page daily/report.html, replaced as a whole: "),
        "{one}"
    );
    // Half of it is listed thing by thing.
    let whole = include_str!("../../report-templates/daily/report.html");
    let half = whole.replace("{% block detail %}", "{% block detail_of_mine %}");
    shop.write("templates/daily/report.html", half);
    let lacks = lacking(&shop, "daily");
    assert_eq!(lacks, ["block detail of report.html daily/report.html"]);
    Ok(())
}
