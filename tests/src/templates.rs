//! Templates as somebody changes them who knows no Rust: begun, checked, compared, listed, all from the command line.

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
    ]
}

fn shop() -> Project {
    Project::from_case("one-shop")
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
