//! Every template of the product, with every sample, role and language: composes, renders, and shows nothing it must not.
//!
//! With `CHENBAO_SAMPLES_OUT=DIR`, the rendered files are left there to be looked at.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as such"
)]

mod samples;

use chenbao_model::Sensitivities;
use chenbao_model::document::{Block, ChartKind, Document};
use chenbao_model::strings::Strings;
use chenbao_report::fonts::Fonts;
use chenbao_report::{Format, Outcome, Pictures, RenderOptions, render};
use samples::{composed, everything, sample};
use std::path::Path;

const TEMPLATES: [&str; 3] = ["daily", "weekly", "campaign"];
const SAMPLES: [&str; 3] = ["full", "empty", "missing"];
const LANGS: [&str; 2] = ["zh-CN", "en"];
const ROLES: [(&str, &str); 4] = [
    ("management", "管理层"),
    ("operations", "运营"),
    ("ads", "投放"),
    ("finance", "财务"),
];

#[test]
fn every_template_sample_role_and_language_renders() {
    let fonts = Fonts::embedded().unwrap();
    let out = std::env::var("CHENBAO_SAMPLES_OUT").ok();
    for (template, name, role, lang) in variants() {
        let document = composed(
            template,
            &sample(template, name, role, lang),
            lang,
            &everything(),
        );
        let options = RenderOptions {
            fonts: &fonts,
            pictures: Pictures::Cid,
            lacks: None,
        };
        let formats = [Format::Html, Format::Text, Format::Pdf, Format::Xlsx];
        let files = render(&document, &formats, &options)
            .unwrap_or_else(|p| panic!("{template} {name} {p}"));
        assert!(
            files.warnings.is_empty(),
            "{template} {name} {lang}: {:?}",
            files.warnings
        );
        let html = files
            .value
            .iter()
            .find(|file| file.media_type.starts_with("text/html"))
            .unwrap();
        assert!(
            html.bytes.len() <= 90_000,
            "{template} {name}: {} bytes",
            html.bytes.len()
        );
        let words = String::from_utf8(html.bytes.clone()).unwrap();
        for picture in files.value.iter().filter_map(|file| file.cid.as_ref()) {
            assert!(
                words.contains(&format!("src=\"cid:{picture}\"")),
                "{picture} is referred to"
            );
        }
        if let Some(out) = &out {
            keep(
                Path::new(out),
                &format!("{template}-{name}-{}-{lang}", role.0),
                &document,
                &fonts,
            );
        }
    }
}

fn variants() -> impl Iterator<
    Item = (
        &'static str,
        &'static str,
        (&'static str, &'static str),
        &'static str,
    ),
> {
    TEMPLATES.into_iter().flat_map(|template| {
        SAMPLES.into_iter().flat_map(move |name| {
            ROLES.into_iter().flat_map(move |role| {
                LANGS
                    .into_iter()
                    .map(move |lang| (template, name, role, lang))
            })
        })
    })
}

#[test]
fn samples_speak_with_the_words_of_the_plugins() {
    for (template, name, role, lang) in variants() {
        let sample = sample(template, name, role, lang);
        for metric in &sample.metrics {
            let json = serde_json::to_string(&metric.outcome).unwrap();
            for key in json
                .split("{\"$key\":\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                assert!(
                    metric.strings.get(&format!("value.{key}")).is_some(),
                    "{template} {}: {key}",
                    metric.alias
                );
            }
        }
    }
}

fn keep(out: &Path, stem: &str, document: &Document, fonts: &Fonts) {
    std::fs::create_dir_all(out).unwrap();
    for (pictures, suffix) in [(Pictures::Cid, "-mail"), (Pictures::Inline, "")] {
        let options = RenderOptions {
            fonts,
            pictures,
            lacks: None,
        };
        let files = render(
            document,
            &[Format::Html, Format::Text, Format::Pdf],
            &options,
        )
        .unwrap();
        for file in files.value {
            let ending = file.name.rsplit('.').next().unwrap();
            let name = match &file.cid {
                Some(cid) => format!("{stem}-{cid}.png"),
                None => format!("{stem}{suffix}.{ending}"),
            };
            let text = String::from_utf8(file.bytes.clone())
                .map(|text| text.replace("cid:chart", &format!("{stem}-chart")));
            match (ending, text) {
                ("html", Ok(html)) => {
                    let html = html
                        .replace("-chart-1\"", "-chart-1.png\"")
                        .replace("-chart-2\"", "-chart-2.png\"");
                    std::fs::write(out.join(name), html.replace("-chart-3\"", "-chart-3.png\""))
                        .unwrap();
                }
                _ => std::fs::write(out.join(name), &file.bytes).unwrap(),
            }
        }
    }
}

/// All words of all outputs, PDF aside (it writes glyphs; its text is the Document's).
fn words(document: &Document) -> String {
    let fonts = Fonts::embedded().unwrap();
    let mut all = serde_json::to_string(document).unwrap();
    for pictures in [Pictures::Cid, Pictures::Inline] {
        let options = RenderOptions {
            fonts: &fonts,
            pictures,
            lacks: None,
        };
        for file in render(document, &[Format::Html, Format::Text], &options)
            .unwrap()
            .value
        {
            all.push_str(&String::from_utf8_lossy(&file.bytes));
        }
    }
    all
}

#[test]
fn the_daily_report_says_what_happened() {
    let sample = sample("daily", "full", ROLES[0], "zh-CN");
    let document = composed("daily", &sample, "zh-CN", &everything());
    assert_eq!(
        document.meta.subject,
        "[完整 6/6] 11月21日 经营日报 · ¥128.4 万 +8.2%"
    );
    assert_eq!(document.meta.file_stem, "经营日报-2026-11-21-管理层");
    let Some(Block::Lede { inlines }) = document
        .blocks
        .iter()
        .find(|block| matches!(block, Block::Lede { .. }))
    else {
        panic!("no lede");
    };
    let lede = chenbao_model::document::plain(inlines);
    assert!(
        lede.starts_with("昨日用户支付 ¥128.4 万，较上周六 +8.2%（+¥9.7 万）。"),
        "{lede}"
    );
    assert!(
        lede.contains("3.12%") && lede.contains("¥13.9 万"),
        "{lede}"
    );
}

/// The total of a campaign's phases has days too, as the metric answers it.
#[test]
fn a_total_is_no_phase_of_the_curve() {
    let mut json = serde_json::to_value(sample("campaign", "full", ROLES[0], "zh-CN")).unwrap();
    let items = &mut json["metrics"][0]["outcome"]["done"]["items"];
    let mut items = items.as_array_mut().unwrap().iter_mut();
    let phases = items.find(|item| item["id"] == "phases").unwrap();
    let total = phases["rows"].as_array_mut().unwrap().last_mut().unwrap();
    (total[1], total[2]) = ("2026-10-31".into(), "2026-11-14".into());
    let sample = serde_json::from_value(json).unwrap();
    let document = composed("campaign", &sample, "zh-CN", &everything());
    let json = serde_json::to_value(&document).unwrap().to_string();
    let spans = json.split_once("\"spans\":[{").unwrap().1;
    let spans = spans.split_once(']').unwrap().0;
    assert!(spans.contains("爆发") && !spans.contains("合计"), "{spans}");
}

#[test]
fn a_replay_never_says_yesterday() {
    let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
    sample.context.today = "2026-12-24".parse().unwrap();
    let all = words(&composed("daily", &sample, "zh-CN", &everything()));
    assert!(!all.contains("昨日") && all.contains("11 月 21 日用户支付"));
}

#[test]
fn a_report_whose_metric_failed_is_not_complete() {
    let subject = |outcome: Option<Outcome>| {
        let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
        if let Some(outcome) = outcome {
            sample.metrics[1].outcome = outcome;
        }
        composed("daily", &sample, "zh-CN", &everything())
            .meta
            .subject
    };
    let (need, verdict) = (vec!["traffic".to_owned()], "crashed".to_owned());
    assert!(subject(None).starts_with("[完整 6/6] "));
    assert!(subject(Some(Outcome::Absent { need })).starts_with("[完整 6/6] "));
    let failed = subject(Some(Outcome::Failed { verdict }));
    assert!(failed.starts_with("[部分 6/6 · 1 项指标未出] "), "{failed}");
}

#[test]
fn corrections_are_typeset_and_the_owner_is_a_name() {
    for template in ["daily", "campaign"] {
        let mut sample = sample(template, "full", ROLES[0], "zh-CN");
        sample.context.owner = Some("晨报管理员 <owner@example.com>".into());
        let [label, before, after] = ["退款率(支付时间)", "1.2%", "3.4%"].map(str::to_owned);
        sample.context.changes = vec![chenbao_report::Change {
            label,
            before,
            after,
        }];
        let document = composed(template, &sample, "zh-CN", &everything());
        assert!(
            words(&document).contains("退款率（支付时间）"),
            "{template}"
        );
        assert!(document.meta.footer.ends_with("反馈给 晨报管理员"));
    }
}

#[test]
fn texts_from_data_are_literal_everywhere() {
    let hostile = [
        "<b>&\"{{ x }}</td>",
        "=cmd()",
        "{% raw %}",
        "</script><script>",
        "a\nb\u{202e}c",
        "\u{fdd0}0:1:1\u{fdd1}",
    ];
    for text in hostile {
        let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
        sample.context.shops[0].name = text.to_owned();
        let quoted = serde_json::to_string(text).unwrap();
        let metrics = serde_json::to_string(&sample.metrics)
            .unwrap()
            .replace("\"加绒打底裤 3 条装\"", &quoted);
        sample.metrics = serde_json::from_str(&metrics).unwrap();
        let document = composed("daily", &sample, "zh-CN", &everything());
        let shown: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let fonts = Fonts::embedded().unwrap();
        let options = RenderOptions {
            fonts: &fonts,
            pictures: Pictures::Inline,
            lacks: None,
        };
        let files = render(
            &document,
            &[Format::Html, Format::Text, Format::Pdf],
            &options,
        )
        .unwrap()
        .value;
        let html = String::from_utf8_lossy(&files[0].bytes).into_owned();
        let escaped = shown
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        assert!(
            html.contains(&format!("「{escaped}」")) || html.contains(&escaped),
            "{text:?} in HTML"
        );
        assert!(
            !html.contains("<script>") && !html.contains("<b>&\""),
            "{text:?} is no markup"
        );
        let plain = String::from_utf8_lossy(&files[1].bytes).into_owned();
        assert!(plain.contains(shown.trim()), "{text:?} in text");
    }
}

#[test]
fn hidden_figures_are_nowhere() {
    // Each item in turn is labelled; an audience without the label sees neither its figures nor its words.
    let full = sample("daily", "full", ROLES[1], "zh-CN");
    for (m, metric) in full.metrics.iter().enumerate() {
        let Outcome::Done(doc) = &metric.outcome else {
            panic!("full sample")
        };
        for (i, item) in doc.items.iter().enumerate() {
            let mut sample = full.clone();
            let secret = format!("机密{m}x{i}");
            let Outcome::Done(doc) = &mut sample.metrics[m].outcome else {
                panic!("full sample")
            };
            let mut json = serde_json::to_value(&doc.items[i]).unwrap();
            json["sensitivity"] = serde_json::json!(["cost"]);
            plant(&mut json, &secret);
            doc.items[i] = serde_json::from_value(json).unwrap();
            sample.metrics[m]
                .strings
                .0
                .insert(format!("item.{}", item.id()), secret.clone());
            let everyone = words(&composed("daily", &sample, "zh-CN", &Sensitivities::new()));
            assert!(
                !everyone.contains(&secret),
                "{} of {} is seen",
                item.id(),
                metric.alias
            );
            assert!(
                !everyone.contains("987654321") && !everyone.contains("98,765"),
                "{} of {}",
                item.id(),
                metric.alias
            );
            assert!(
                !everyone.contains("98765.4") && !everyone.contains("98.77"),
                "{} of {}",
                item.id(),
                metric.alias
            );
        }
    }
}

/// Puts recognisable figures and texts into an item.
fn plant(json: &mut serde_json::Value, secret: &str) {
    match json {
        serde_json::Value::Object(map) if map.contains_key("$dec") => {
            map.insert("$dec".into(), "987654321".into());
        }
        serde_json::Value::Object(map) => {
            let kept = [
                "type",
                "id",
                "unit",
                "kind",
                "severity",
                "better",
                "x",
                "shape",
                "passport",
                "name",
                "key",
                "basis",
                "spark",
                "sensitivity",
                "y",
                "columns",
                "roles",
                "evidence",
            ];
            for (key, value) in map
                .iter_mut()
                .filter(|(key, _)| !kept.contains(&key.as_str()))
            {
                if key == "points" {
                    continue;
                }
                plant(value, secret);
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| plant(item, secret)),
        serde_json::Value::String(text) if !text.is_empty() => *text = secret.to_owned(),
        _ => {}
    }
}

#[test]
fn hidden_columns_are_nowhere() {
    let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
    let json = serde_json::to_string(&sample.metrics).unwrap();
    let json = json.replace(
        r#""name":"unit_price","type":"number","unit":"money""#,
        r#""name":"unit_price","type":"number","unit":"money","sensitivity":["cost"]"#,
    );
    sample.metrics = serde_json::from_str(&json).unwrap();
    let seen = words(&composed("daily", &sample, "zh-CN", &everything()));
    let hidden = words(&composed("daily", &sample, "zh-CN", &Sensitivities::new()));
    assert!(seen.contains("件单价 ¥") && !hidden.contains("件单价 ¥"));
}

#[test]
fn what_is_not_configured_is_named_once_and_its_blocks_are_left_out() {
    let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
    sample.metrics.retain(|metric| metric.alias == "sales");
    let document = composed("daily", &sample, "zh-CN", &everything());
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(
        json.matches("未接入：投放、预警、决策、目标、流量").count(),
        1
    );
    assert!(!json.contains("漏斗") && !json.contains("点击-成交率（次数）"));
    let Some(Block::Kpis { kpis }) = document
        .blocks
        .iter()
        .find(|b| matches!(b, Block::Kpis { .. }))
    else {
        panic!()
    };
    assert_eq!(kpis.len(), 4);
}

/// A metric that no template knows.
fn voice(strings: &str, doc: chenbao_model::result::ResultDoc) -> chenbao_report::MetricInput {
    chenbao_report::MetricInput {
        alias: "voice".into(),
        plugin: "voice".into(),
        strings: Strings::from_toml(strings).unwrap(),
        outcome: Outcome::Done(doc),
    }
}

/// A metric with something of every type: a figure with its history, lines of two units, what was found, a table.
const VOICE: &str = r#"{"schema":"chenbao.result/1","items":[
    {"type":"scalar","id":"nps","unit":"1","value":{"$dec":"61.5"},"spark":"daily.letters"},
    {"type":"series","id":"daily","x":"time","y":[{"id":"letters","unit":"{letter}"},{"id":"refunded","unit":"money"}],
     "points":[["2026-11-20",3,{"$dec":"10"}],["2026-11-21",5,{"$dec":"20"}]]},
    {"type":"series","id":"who","x":"category","y":[{"id":"letters","unit":"{letter}"}],"points":[["乙",3]]},
    {"type":"finding","id":"loud","kind":"loud","severity":"info","args":{"n":{"value":5,"unit":"{letter}"}}},
    {"type":"table","id":"t","columns":[{"name":"who","type":"text"}],"rows":[["甲"]]}]}"#;

#[test]
fn a_metric_without_a_place_shows_up() {
    let mut sample = sample("daily", "full", ROLES[0], "zh-CN");
    let strings = "title = '客户之声'\n[item]\nnps = '净推荐值'\nt = '谁'\ndaily = '每日来信'\nwho = '来信人'\n\
        [series.daily]\nletters = '来信'\nrefunded = '退款'\n[finding]\nloud = '来信 {n}，偏多。'";
    let metric = voice(strings, serde_json::from_str(VOICE).unwrap());
    sample.metrics.push(metric);
    let document = composed("daily", &sample, "zh-CN", &everything());
    let section = document.blocks.iter().find_map(|block| match block {
        Block::Section(section) if section.title == "客户之声" => Some(section),
        _ => None,
    });
    let blocks = &section.unwrap().blocks;
    let charts: Vec<(ChartKind, usize)> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Chart(chart) => Some((chart.kind, chart.plots.len())),
            _ => None,
        })
        .collect();
    assert_eq!(
        charts,
        [
            (ChartKind::Line, 1),
            (ChartKind::Line, 1),
            (ChartKind::Bar, 1)
        ],
        "a chart for each unit of the days, and one of the names"
    );
    let json = serde_json::to_string(blocks).unwrap();
    for word in [
        "净推荐值",
        "61.50",
        "甲",
        "每日来信 · 来信",
        "每日来信 · 退款",
        "来信人",
        "偏多",
    ] {
        assert!(json.contains(word), "{word}");
    }
}

#[test]
fn what_is_good_to_know_is_said_where_the_page_shows_what_it_is_about() {
    let doc = r#"{"schema":"chenbao.result/1","items":[{"type":"scalar","id":"nps","unit":"1","value":{"$dec":"61.5"}}],"quality":[
        {"level":"info","words":{"key":"shown"},"affects":["nps"]},{"level":"info","words":{"key":"absent"},"affects":["calm"]},
        {"level":"info","words":{"key":"all"}},{"level":"warning","words":{"key":"grave"},"affects":["gone"]}]}"#;
    let strings = "title = '客户之声'\n[item]\nnps = '净推荐值'\n\
        [quality]\nshown = '页内'\nabsent = '页外'\nall = '通用'\ngrave = '要紧'";
    let page = |template: &str| {
        let mut sample = sample(template, "full", ROLES[0], "zh-CN");
        let metric = voice(strings, serde_json::from_str(doc).unwrap());
        sample.metrics.push(metric);
        words(&composed(template, &sample, "zh-CN", &everything()))
    };
    // The campaign's page has no `<unbound/>`.
    let said = |page: String| ["页内", "页外", "通用", "要紧"].map(|word| page.contains(word));
    assert_eq!(said(page("daily")), [true, false, true, true]);
    assert_eq!(said(page("campaign")), [false, false, true, true]);
}

#[test]
fn the_templates_take_what_the_real_plugins_answer() {
    let mut seen = 0;
    for (plugin, text) in plugin_answers() {
        for (template, _, role, lang) in variants().filter(|(_, name, ..)| *name == "full") {
            let mut sample = sample(template, "full", role, lang);
            if let Some(metric) = sample
                .metrics
                .iter_mut()
                .find(|metric| metric.plugin == plugin)
            {
                metric.outcome = Outcome::Done(serde_json::from_str(&text).unwrap());
                composed(template, &sample, lang, &everything());
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "there are no cases of plugins");
}

/// What the plugins are expected to answer in their own cases.
fn plugin_answers() -> Vec<(&'static str, String)> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut answers = Vec::new();
    for plugin in ["sales", "traffic", "customers", "campaign"] {
        let cases = std::fs::read_dir(plugins.join(format!("metric-{plugin}/cases")));
        let files = cases
            .into_iter()
            .flatten()
            .map(|case| case.unwrap().path().join("expected.json"));
        answers
            .extend(files.filter_map(|file| Some((plugin, std::fs::read_to_string(file).ok()?))));
    }
    answers
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let fonts = Fonts::embedded().unwrap();
    let once = || {
        let document = composed(
            "weekly",
            &sample("weekly", "full", ROLES[0], "zh-CN"),
            "zh-CN",
            &everything(),
        );
        let options = RenderOptions {
            fonts: &fonts,
            pictures: Pictures::Cid,
            lacks: None,
        };
        let files = render(
            &document,
            &[Format::Html, Format::Text, Format::Pdf, Format::Xlsx],
            &options,
        )
        .unwrap()
        .value;
        files
            .into_iter()
            .map(|file| file.digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(once(), once());
}
