//! Mistakes in templates: every one is told with file, line, column, source line and the nearest name, all at once.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

use chenbao_model::document::{Block, plain};
use chenbao_model::strings::Strings;
use chenbao_model::{Diagnostic, Sensitivities, Sensitivity};
use chenbao_report::{Beside, ComposeInput, Outcome, TemplateSet, compose};
use std::collections::BTreeMap;

/// Composes the daily sample with a project's own `daily/report.html`.
fn tried(page: &str) -> Result<Vec<Block>, Vec<Diagnostic>> {
    tried_for(page, &Sensitivities::new(), |_| {})
}

fn tried_for(
    page: &str,
    shows: &Sensitivities,
    change: impl Fn(&mut chenbao_report::Sample),
) -> Result<Vec<Block>, Vec<Diagnostic>> {
    let over = BTreeMap::from([("daily/report.html".to_owned(), page.to_owned())]);
    let templates = TemplateSet::builtin().overlaid(over);
    let mut sample = templates.sample("daily", "full").unwrap();
    for metric in &mut sample.metrics {
        metric.strings = Strings::from_toml("[item]\npaid_amount = '用户支付金额'").unwrap();
        if let Outcome::Done(doc) = &mut metric.outcome {
            doc.items
                .retain(|item| !matches!(item, chenbao_model::result::Item::Finding(_)));
        }
    }
    change(&mut sample);
    let (context, metrics) = (&sample.context, &sample.metrics);
    let input = ComposeInput {
        templates: &templates,
        template: "daily",
        lang: "zh-CN",
        shows,
        context,
        metrics,
    };
    compose(&input)
        .map(|warned| warned.value.blocks)
        .map_err(|problems| problems.0)
}

/// `line:column message | hint` of each problem.
fn told(page: &str) -> Vec<String> {
    let one = |problem: Diagnostic| {
        let place = problem.place.unwrap();
        assert_eq!(place.file, "daily/report.html");
        if place.line > 0 {
            assert_eq!(place.source.as_deref(), page.lines().nth(place.line - 1));
        }
        format!(
            "{}:{} {} | {}",
            place.line,
            place.column,
            problem.message,
            problem.hint.unwrap_or_default()
        )
    };
    tried(page).unwrap_err().into_iter().map(one).collect()
}

/// The words of the first paragraph.
fn said(blocks: &[Block]) -> String {
    blocks
        .iter()
        .find_map(|b| {
            if let Block::Paragraph { inlines } = b {
                Some(plain(inlines))
            } else {
                None
            }
        })
        .unwrap_or_default()
}

#[test]
fn unknown_paths_are_told_together() {
    let page = "<report>\n{% if role.id == \"management\" %}\n  <p>支付 <v of=\"sales.paid_amuont\"/> 与 <v of=\"sale.orders\"/>。</p>\n{% endif %}\n\
                <table data=\"traffic.steps\" columns=\"step,cuont\"/>\n  <line data=\"sales.orders\"/>\n<p><v of=\"sales.orders\" as=\"chagne\"/></p>\n</report>";
    assert_eq!(
        told(page),
        [
            "3:9 `sales` has no item `paid_amuont` | did you mean `sales.paid_amount`?",
            "3:39 there is no metric `sale` | did you mean `sales`?",
            "5:1 the table `steps` has no column `cuont` | did you mean `count`?",
            "6:3 `<line>` shows a series, and `sales.orders` is none | ",
            "7:4 a figure cannot be shown as `chagne` | did you mean `change`?",
        ]
    );
}

#[test]
fn markup_mistakes_point_into_the_template_through_tera() {
    let page = "{% for i in range(end=2) %}<zzzzzz>{{ i }}</zzzzzz>{% endfor %}\n<report>\n  <section titel=\"a\"><p>ok</p>\n</report>";
    let told = told(page);
    assert!(
        told.contains(&"1:28 unknown element `<zzzzzz>` | ".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(
            &"3:12 `<section>` has no attribute `titel` | did you mean `title`?".to_owned()
        ),
        "{told:?}"
    );
    assert!(
        told.contains(
            &"3:3 `<section>` is not closed before `</report>` | write `</section>`".to_owned()
        ),
        "{told:?}"
    );
}

#[test]
fn tera_mistakes_have_their_place() {
    let got = told("<report>\n<p>{{ rolle.id }}</p></report>");
    assert!(
        got[0].starts_with("2:7 ") && got[0].contains("rolle"),
        "{got:?}"
    );
    let got = told("<report>\n<p>{{ t(key=\"lede.outcom\") }}</p></report>");
    assert!(got[0].contains("did you mean `lede.outcome`?"), "{got:?}");
    let got = told("<report>{% if has(path=\"sales.payd_amount\") %}{% endif %}</report>");
    assert!(
        got[0].contains("did you mean `sales.paid_amount`?"),
        "{got:?}"
    );
    assert!(told("<report>{% if %}</report>")[0].starts_with("1:"));
}

#[test]
fn a_loop_that_runs_away_is_stopped() {
    let page = "<report>{% for i in range(end=99999) %}{% for j in range(end=99999) %}<p>x</p>{% endfor %}{% endfor %}</report>";
    assert!(told(page)[0].contains("renders more than 4 MB"));
}

#[test]
fn figures_in_sentences_carry_money_and_missing_ones_say_why() {
    let blocks = tried("<report><p>支付 <v of=\"sales.paid_amount\"/>，<v of=\"sales.paid_amount\" as=\"change\"/>。</p></report>").unwrap();
    assert_eq!(said(&blocks), "支付 ¥128.4 万，+8.2%（+¥9.7 万）。");
    let blocks = tried("<report><p>转化 <v of=\"traffic.click_to_pay\"/>，<v of=\"traffic.click_to_pay\" as=\"change\"/>。</p></report>").unwrap();
    assert_eq!(said(&blocks), "转化 3.12%，−0.41pp。");
    let absent = |sample: &mut chenbao_report::Sample| {
        sample.metrics[0].outcome = Outcome::Absent {
            need: vec!["orders".into()],
        };
    };
    let page = "<report><p>支付 <v of=\"sales.paid_amount\"/>。变化 <v of=\"sales.paid_amount\" as=\"change\"/>。完。</p></report>";
    let blocks = tried_for(page, &Sensitivities::new(), absent).unwrap();
    assert_eq!(said(&blocks), "支付暂缺（没有数据来源：订单）。完。");
}

#[test]
fn a_hidden_figure_takes_its_sentence_or_clause() {
    let label = |sample: &mut chenbao_report::Sample| {
        if let Outcome::Done(doc) = &mut sample.metrics[0].outcome
            && let Some(chenbao_model::result::Item::Scalar(scalar)) = doc.items.first_mut()
        {
            scalar.sensitivity = Sensitivities::from([Sensitivity::Finance]);
        }
    };
    let page = "<report><p>订单 <v of=\"sales.orders\"/><span>，支付 <v of=\"sales.paid_amount\"/></span>。支付 <v of=\"sales.paid_amount\"/>。完。</p>\
                <kpis><kpi value=\"sales.paid_amount\"/></kpis><note data=\"notes\"/></report>";
    let hidden = tried_for(page, &Sensitivities::new(), label).unwrap();
    assert_eq!(said(&hidden), "订单 14,872。完。");
    assert!(
        !hidden
            .iter()
            .any(|block| matches!(block, Block::Kpis { .. })),
        "an empty strip is left out"
    );
    let shown = tried_for(page, &Sensitivities::from([Sensitivity::Finance]), label).unwrap();
    assert_eq!(
        said(&shown),
        "订单 14,872，支付 ¥128.4 万。支付 ¥128.4 万。完。"
    );
}

#[test]
fn nothing_to_do_is_only_said_when_it_is_known() {
    let page = "<report><actions most=\"3\"/></report>";
    assert_eq!(said(&tried(page).unwrap()), "今天无需处理。");
    let replay =
        |sample: &mut chenbao_report::Sample| sample.context.today = "2026-12-24".parse().unwrap();
    assert_eq!(
        said(&tried_for(page, &Sensitivities::new(), replay).unwrap()),
        "没有需要处理的事项。"
    );
    let failed = |sample: &mut chenbao_report::Sample| {
        sample.metrics[1].outcome = Outcome::Failed {
            verdict: "crashed".into(),
        };
    };
    assert!(said(&tried_for(page, &Sensitivities::new(), failed).unwrap()).contains("不能判断"));
}

#[test]
fn a_required_metric_and_its_plugin_are_checked() {
    let page = "<report></report>";
    let without = |sample: &mut chenbao_report::Sample| {
        sample.metrics.retain(|metric| metric.alias != "sales");
    };
    let problems = tried_for(page, &Sensitivities::new(), without).unwrap_err();
    assert!(problems[0].message.contains("needs a metric `sales`") && problems[0].hint.is_some());
    let other = |sample: &mut chenbao_report::Sample| sample.metrics[0].plugin = "other".into();
    let problems = tried_for(page, &Sensitivities::new(), other).unwrap_err();
    assert!(problems[0].message.contains("is made by plugin `other`"));
}

/// What the daily template of a project lacks: `kind name`.
fn lacks(page: &str) -> Vec<String> {
    let over = BTreeMap::from([("daily/report.html".to_owned(), page.to_owned())]);
    let shipped = TemplateSet::builtin();
    let own = TemplateSet::builtin().overlaid(over);
    let beside = Beside {
        own: &own,
        shipped: &shipped,
        template: "daily",
        against: "daily",
    };
    let lacks = beside.lacks().unwrap().into_iter();
    lacks
        .map(|lack| format!("{} {} {}", lack.kind, lack.name, lack.place.file))
        .collect()
}

#[test]
fn a_page_of_which_next_to_nothing_is_left_is_one_line() {
    let page = "{% extends \"_base/shop.html\" %}\n{% block kpis %}<kpi value=\"sales.orders\"/>{% endblock %}\n";
    let told = lacks(page);
    let of_page: Vec<&String> = told
        .iter()
        .filter(|one| one.ends_with(" daily/report.html"))
        .collect();
    assert_eq!(of_page.len(), 1, "{told:?}");
    let whole = "page daily/report.html, replaced as a whole: ";
    assert!(of_page[0].starts_with(whole), "{told:?}");
    let shipped = TemplateSet::builtin();
    let page = shipped.file("daily/report.html").unwrap();
    assert_eq!(lacks(page), Vec::<String>::new());
    let renamed = page.replace("{% block detail %}", "{% block detail_of_mine %}");
    assert_eq!(
        lacks(&renamed),
        ["block detail of report.html daily/report.html"]
    );
}
