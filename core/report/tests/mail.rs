//! What a mail says before it is opened, subject and preheader, and what it says when something is missing.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

mod samples;

use chenbao_model::Sensitivities;
use chenbao_model::document::{Align, Block, Document, Head, Inline, Meta, Row, RowKind, Table};
use chenbao_report::fonts::Fonts;
use chenbao_report::{Format, Pictures, RenderOptions, render};
use samples::{composed, everything, sample};

const MANAGEMENT: (&str, &str) = ("management", "管理层");
const FINANCE: (&str, &str) = ("finance", "财务");

/// The daily sample as somebody changed it, and the subject and preheader of its mail.
fn daily_mail(
    role: (&str, &str),
    lang: &str,
    shows: &Sensitivities,
    change: impl Fn(&mut serde_json::Value),
) -> (String, String) {
    let mut json = serde_json::to_value(sample("daily", "full", role, lang)).unwrap();
    change(&mut json);
    let sample = serde_json::from_value(json).unwrap();
    let meta = composed("daily", &sample, lang, shows).meta;
    (meta.subject, meta.preheader)
}

/// An item of a sample's metric.
fn item<'a>(
    sample: &'a mut serde_json::Value,
    metric: usize,
    id: &str,
) -> &'a mut serde_json::Value {
    let items = &mut sample["metrics"][metric]["outcome"]["done"]["items"];
    let items = items.as_array_mut().unwrap();
    items.iter_mut().find(|item| item["id"] == id).unwrap()
}

#[test]
fn a_subject_has_the_stamp_and_the_one_figure_that_the_role_may_see() {
    let (boss, finance) = (MANAGEMENT, FINANCE);
    let nothing = Sensitivities::new();
    let subject = |role, change: &dyn Fn(&mut serde_json::Value)| {
        daily_mail(role, "zh-CN", &everything(), change).0
    };
    let whole = "[完整 6/6] 11月21日 经营日报 · ¥128.4 万 +8.2%";
    assert_eq!(subject(boss, &|_| ()), whole);
    assert_eq!(
        subject(boss, &|sample| sample["context"]["completeness"]["have"] =
            5.into()),
        "[部分 5/6] 11月21日 经营日报 · ¥128.4 万 +8.2%"
    );
    assert_eq!(
        subject(boss, &|sample| sample["context"]["revision"] = 1.into()),
        "[完整 6/6] 11月21日 经营日报 · 修订 1 · ¥128.4 万 +8.2%"
    );
    // A figure that is missing is not a zero, and a change of it is none.
    let missing = |sample: &mut serde_json::Value| {
        let paid = item(sample, 0, "paid_amount");
        paid["value"] = serde_json::Value::Null;
        paid["missing"] = serde_json::json!({"why": "no_rows"});
    };
    assert_eq!(subject(boss, &missing), "[完整 6/6] 11月21日 经营日报");
    // The finance role's own figure, and an audience that may not see it.
    let label = |sample: &mut serde_json::Value| {
        item(sample, 0, "net_amount")["sensitivity"] = serde_json::json!(["finance"]);
    };
    let seen = daily_mail(finance, "zh-CN", &everything(), label).0;
    assert!(
        seen.starts_with("[完整 6/6] 11月21日 经营日报 · ¥"),
        "{seen}"
    );
    assert_ne!(seen, whole);
    let hidden = daily_mail(finance, "zh-CN", &nothing, label).0;
    assert_eq!(hidden, "[完整 6/6] 11月21日 经营日报");
    let english = daily_mail(("management", "Management"), "en", &everything(), |_| ()).0;
    assert_eq!(english, "[Complete 6/6] 21 Nov Daily report · ¥1.28M +8.2%");
}

#[test]
fn a_preheader_is_the_beginning_of_the_outcome() {
    let preheader = |shows: &Sensitivities, label: &[&str]| {
        let label = |sample: &mut serde_json::Value| {
            item(sample, 0, "paid_amount")["sensitivity"] = serde_json::json!(label);
        };
        daily_mail(MANAGEMENT, "zh-CN", shows, label).1
    };
    let seen = preheader(&everything(), &[]);
    assert!(
        seen.starts_with("昨日用户支付 ¥128.4 万，较上周六 +8.2%（+¥9.7 万）。"),
        "{seen}"
    );
    assert!(
        seen.chars().count() <= 110 && !seen.contains(['\n', '<', '&']),
        "{seen}"
    );
    let hidden = preheader(&Sensitivities::new(), &["finance"]);
    assert!(!hidden.is_empty() && !hidden.contains("128.4"), "{hidden}");
}

#[test]
fn a_partial_report_says_why_in_the_mail() {
    let sample = sample("daily", "missing", MANAGEMENT, "zh-CN");
    let document = composed("daily", &sample, "zh-CN", &everything());
    assert_eq!(
        document.meta.subject,
        "[部分 3/6 · 1 项指标未出] 11月21日 经营日报"
    );
    let fonts = Fonts::embedded().unwrap();
    let options = RenderOptions {
        fonts: &fonts,
        pictures: Pictures::Cid,
        lacks: None,
    };
    let files = render(&document, &[Format::Html, Format::Pdf], &options)
        .unwrap()
        .value;
    let html = String::from_utf8_lossy(&files[0].bytes).into_owned();
    for words in [
        "部分 3/6",
        "没有数据来源：订单",
        "计算超时",
        "截止 07:40 仍未到",
    ] {
        assert!(html.contains(words), "{words}");
    }
}

/// A table with more columns than a phone holds is parted; each part names its rows, and no column is lost.
#[test]
fn a_wide_table_is_parted_for_phones() {
    let html = |columns: usize| {
        let head = |i: usize| Head {
            label: format!("列{i}。"),
            align: Align::Right,
        };
        let row = |kind, name: &str| Row {
            kind,
            cells: (0..columns)
                .map(|i| vec![Inline::data(format!("{name}{i}。"))])
                .collect(),
            ..Row::default()
        };
        let mut rows: Vec<Row> = (0..30).map(|_| row(RowKind::Plain, "格格格格")).collect();
        rows.push(row(RowKind::Total, "计计计计"));
        let table = Table {
            heads: (0..columns).map(head).collect(),
            rows,
            ..Table::default()
        };
        let document = Document {
            meta: Meta::default(),
            blocks: vec![Block::Table(table)],
        };
        let fonts = Fonts::embedded().unwrap();
        let options = RenderOptions {
            fonts: &fonts,
            pictures: Pictures::Cid,
            lacks: None,
        };
        let formats = [Format::Html, Format::Pdf];
        let made = render(&document, &formats, &options).unwrap().value;
        String::from_utf8_lossy(&made[0].bytes).into_owned()
    };
    for (columns, parts) in [(1, 1), (4, 1), (5, 2), (8, 3), (13, 4)] {
        let html = html(columns);
        assert_eq!(
            html.matches("<table class=\"cells\"").count(),
            parts,
            "{columns}"
        );
        for i in 0..columns {
            let times = if i == 0 { parts } else { 1 };
            assert_eq!(html.matches(&format!(">列{i}。<")).count(), times);
            assert_eq!(html.matches(&format!("格格格格{i}。<")).count(), 20 * times);
            assert_eq!(
                html.matches(&format!("计计计计{i}。<")).count(),
                times,
                "the total too"
            );
        }
        let left =
            html.matches("其余 10 行见附件。").count() + html.matches("10 more rows").count();
        assert_eq!(left, 1, "it is said once what is left to the pages");
        let most = html
            .split("<tr>")
            .map(|row| row.matches("<th ").count())
            .max();
        assert!(most <= Some(4), "{columns}: {most:?}");
    }
}
