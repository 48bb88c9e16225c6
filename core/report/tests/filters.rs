//! Functions and filters of templates: what the guide says that they say, and what they refuse.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

#[path = "samples/plain.rs"]
mod samples;

use chenbao_model::document::{Block, Inline, Tone, plain};
use chenbao_model::result::{Cell, Item};
use chenbao_model::{Diagnostic, Sensitivities, Sensitivity};
use chenbao_report::{ComposeInput, Outcome, Sample, TemplateSet, compose};
use std::collections::BTreeMap;

/// The paragraphs of the daily sample with a page of its own.
fn tried(
    words: &str,
    lang: &str,
    change: impl Fn(&mut Sample),
) -> Result<Vec<Vec<Inline>>, Vec<Diagnostic>> {
    let page = format!("<report>\n<p>{words}</p></report>");
    let over = BTreeMap::from([("daily/report.html".to_owned(), page)]);
    let templates = TemplateSet::builtin().overlaid(over);
    let mut sample = samples::sample("daily", "full", ("management", "管理层"), lang);
    change(&mut sample);
    let input = ComposeInput {
        templates: &templates,
        template: "daily",
        lang,
        shows: &Sensitivities::new(),
        context: &sample.context,
        metrics: &sample.metrics,
    };
    let composed = compose(&input).map_err(|problems| problems.0)?;
    let paragraph = |block| match block {
        Block::Paragraph { inlines } => Some(inlines),
        _ => None,
    };
    Ok(composed
        .value
        .blocks
        .into_iter()
        .filter_map(paragraph)
        .collect())
}

fn said(words: &str, lang: &str, change: impl Fn(&mut Sample)) -> String {
    let all = tried(words, lang, change).unwrap();
    all.first()
        .map(|inlines| plain(inlines))
        .unwrap_or_default()
}

/// The first problem: message and hint.
fn refused(words: &str) -> String {
    let problem = tried(words, "zh-CN", |_| {}).unwrap_err().remove(0);
    let place = problem.place.unwrap();
    assert_eq!(place.line, 2, "{}", problem.message);
    format!("{} | {}", problem.message, problem.hint.unwrap_or_default())
}

fn item<'a>(sample: &'a mut Sample, alias: &str, id: &str) -> &'a mut Item {
    let metric = sample.metrics.iter_mut().find(|one| one.alias == alias);
    let Outcome::Done(doc) = &mut metric.unwrap().outcome else {
        unreachable!("the full sample has all answers");
    };
    doc.items.iter_mut().find(|item| item.id() == id).unwrap()
}

/// Every row of the guide's table says what the guide says.
#[test]
fn the_guide_says_what_they_say() {
    let guide = include_str!("../../../docs/templates.md");
    let rows: Vec<(&str, &str)> = guide
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `{{ ")?
                .strip_suffix(" |")?
                .split_once("` | ")
        })
        .collect();
    assert!(rows.len() >= 13, "the guide has {} examples", rows.len());
    for (written, says) in rows {
        let written = format!("{{{{ {}", written.replace("\\|", "|"));
        assert_eq!(said(&written, "zh-CN", |_| {}), says, "{written}");
    }
}

#[test]
fn english_says_it_in_english() {
    let top = "{{ top(path=\"sales.by_carrier\", by=\"paid\", n=2) }}";
    let told = said(top, "en", |_| {});
    assert!(
        told.starts_with("Top 2 by ") && told.ends_with("¥263.3k."),
        "{told}"
    );
    assert!(told.contains("直播 ¥801.4k, 短视频"), "{told}");
    let wan = "{{ value(path=\"sales.paid_amount\") | wan }}";
    assert_eq!(said(wan, "en", |_| {}), "¥1.28M");
    assert_eq!(
        said("{{ period.last | date(form='long') }}", "en", |_| {}),
        "Saturday 21 Nov 2026"
    );
}

#[test]
fn a_small_figure_is_not_rounded_to_nothing() {
    let small = |sample: &mut Sample| {
        if let Item::Scalar(scalar) = item(sample, "sales", "paid_amount") {
            scalar.value = Cell::Number(312.into());
        }
    };
    let words = "{{ value(path=\"sales.paid_amount\") | wan }}";
    assert_eq!(said(words, "zh-CN", small), "¥312.00");
}

#[test]
fn a_missing_figure_says_why_and_is_never_zero() {
    let absent = |sample: &mut Sample| {
        let sales = sample.metrics.iter_mut().find(|one| one.alias == "sales");
        sales.unwrap().outcome = Outcome::Absent {
            need: vec!["orders".into()],
        };
    };
    for how in ["money", "percent", "wan", "yi", "date"] {
        let words = format!("支付 {{{{ value(path=\"sales.paid_amount\") | {how} }}}}。");
        assert_eq!(
            said(&words, "zh-CN", absent),
            "支付暂缺（没有数据来源：订单）。",
            "{how}"
        );
    }
    let change = "变化 {{ value(path=\"sales.paid_amount\") | change }}。完。";
    assert_eq!(
        said(change, "zh-CN", absent),
        "完。",
        "nothing to compare: no sentence"
    );
    let top = "{{ top(path=\"sales.products\", by=\"paid\") }}";
    assert_eq!(said(top, "zh-CN", absent), "暂缺（没有数据来源：订单）。");
}

#[test]
fn a_row_without_a_figure_has_no_rank_and_the_total_none_either() {
    let gap = |sample: &mut Sample| {
        if let Item::Table(table) = item(sample, "sales", "by_carrier") {
            table.rows[0][1] = Cell::Null;
        }
    };
    let top = "{{ top(path=\"sales.by_carrier\", by=\"paid\", n=9) }}";
    let told = said(top, "zh-CN", gap);
    assert_eq!(
        told,
        "用户支付金额前 3：短视频 ¥26.3 万、商品卡 ¥17.7 万、图文 ¥4.2 万。"
    );
    let none = |sample: &mut Sample| {
        if let Item::Table(table) = item(sample, "sales", "by_carrier") {
            table.rows.clear();
        }
    };
    assert_eq!(said(top, "zh-CN", none), "暂缺（本期没有数据）。");
}

/// What a role may not see, it does not see through a function: the sentence goes, whole or by its column.
#[test]
fn nobody_sees_through_a_filter() {
    let hidden = |sample: &mut Sample| {
        if let Item::Scalar(scalar) = item(sample, "sales", "paid_amount") {
            scalar.sensitivity = Sensitivities::from([Sensitivity::Cost]);
        }
        if let Item::Table(table) = item(sample, "sales", "products") {
            let paid = table
                .columns
                .iter_mut()
                .find(|column| column.name == "paid");
            paid.unwrap().sensitivity = Sensitivities::from([Sensitivity::Cost]);
        }
        if let Item::Table(table) = item(sample, "sales", "by_carrier") {
            table.sensitivity = Sensitivities::from([Sensitivity::Finance]);
        }
    };
    for how in [
        "money",
        "money(short=true)",
        "percent",
        "wan",
        "yi",
        "change",
        "date",
    ] {
        let words = format!("支付 {{{{ value(path=\"sales.paid_amount\") | {how} }}}}。完。");
        assert_eq!(said(&words, "zh-CN", hidden), "完。", "{how}");
    }
    for (path, by) in [("sales.products", "paid"), ("sales.by_carrier", "paid")] {
        let words = format!("前 {{{{ top(path=\"{path}\", by=\"{by}\") }}}}完。");
        assert_eq!(said(&words, "zh-CN", hidden), "完。", "{path}");
    }
}

#[test]
fn a_change_is_coloured_by_what_it_means() {
    let tone = |path: &str| {
        let words = format!("{{{{ value(path=\"{path}\") | change }}}}");
        tried(&words, "zh-CN", |_| {}).unwrap()[0][0].tone
    };
    assert_eq!(tone("sales.paid_amount"), Tone::Good);
    assert_eq!(tone("traffic.click_to_pay"), Tone::Bad);
}

#[test]
fn what_is_wrong_is_told_with_the_nearest_name() {
    let value = |how: &str| format!("{{{{ value(path=\"sales.paid_amount\") | {how} }}}}");
    for (words, message) in [
        (value("mony"), "no filter `mony` | did you mean `money`?"),
        (
            value("money(shrt=true)"),
            "no argument `shrt` | did you mean `short`?",
        ),
        (
            value("date(form=\"shrot\")"),
            "no form `shrot` | did you mean `short`?",
        ),
        (
            value("percent"),
            "`sales.paid_amount` is not a percentage: its unit is `money`",
        ),
        (value("money | wan"), "`wan` comes after another filter"),
        (
            "{{ 12 | money }}".into(),
            "bound by its path | write value(path=",
        ),
        (
            "{{ value(path=\"sales.payd_amount\") }}".into(),
            "did you mean `sales.paid_amount`?",
        ),
        ("{{ value(path=\"a b\") }}".into(), "`a b` is no path"),
        (
            "{{ valu(path=\"sales.paid_amount\") }}".into(),
            "no function `valu` | did you mean `value`?",
        ),
        (
            "{{ top(path=\"sales.products\", by=\"payd\") }}".into(),
            "no column `payd` | did you mean `paid`?",
        ),
        (
            "{{ top(path=\"sales.products\", by=\"product\") }}".into(),
            "holds no figures",
        ),
        (
            "{{ top(path=\"sales.paid_amount\", by=\"paid\") }}".into(),
            "shows the first rows of a table",
        ),
        (
            "{{ value(path=\"traffic.click_to_pay\") | wan }}".into(),
            "is not money or a count",
        ),
    ] {
        let told = refused(&words);
        assert!(told.contains(message), "{words}: {told}");
    }
}
