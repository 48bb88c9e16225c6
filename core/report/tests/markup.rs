//! Elements of report markup that no template of the product uses: what each makes of the daily sample.
#![expect(
    clippy::panic,
    reason = "helpers of tests, which clippy does not see as such"
)]

#[path = "samples/plain.rs"]
mod samples;

use chenbao_model::Sensitivities;
use chenbao_model::document::{Block, Chart, ChartKind, Inline, Plot, PlotKind, Tone, plain};
use chenbao_report::{ComposeInput, TemplateSet, compose};
use std::collections::BTreeMap;

fn blocks(markup: &str) -> Vec<Block> {
    let page = format!("<report>{markup}</report>");
    let over = BTreeMap::from([("daily/report.html".to_owned(), page)]);
    let templates = TemplateSet::builtin().overlaid(over);
    let sample = samples::sample("daily", "full", ("management", "管理层"), "zh-CN");
    let input = ComposeInput {
        templates: &templates,
        template: "daily",
        lang: "zh-CN",
        shows: &Sensitivities::new(),
        context: &sample.context,
        metrics: &sample.metrics,
    };
    let made = compose(&input).unwrap_or_else(|problems| panic!("{problems}"));
    made.value.blocks
}

fn chart(markup: &str) -> Chart {
    match blocks(markup).remove(0) {
        Block::Chart(chart) => chart,
        other => panic!("{other:?}"),
    }
}

fn words(markup: &str) -> Vec<Inline> {
    match blocks(&format!("<p>{markup}</p>")).remove(0) {
        Block::Paragraph { inlines } => inlines,
        other => panic!("{other:?}"),
    }
}

/// The sample's hours: what was paid today and on the same day a week ago, in 24 bars whose sums stand above.
#[test]
fn a_stacked_bar_stands_on_its_parts_and_says_their_sum() {
    let made = chart("<stacked-bar data=\"sales.by_hour\" x=\"hours\" last=\"3\"/>");
    assert_eq!(made.kind, ChartKind::StackedBar);
    assert_eq!(made.x.len(), 3, "only the last three");
    assert!(made.plots.len() >= 2, "{}", made.plots.len());
    assert_eq!(made.totals.len(), 3);
    assert!(made.totals.iter().all(|total| !total.is_empty()));
    for at in 0..3 {
        let parts: f64 = made.plots.iter().filter_map(|plot| plot.values[at]).sum();
        assert!(parts > 0.0, "each bar has parts");
    }
    assert!(made.alt.contains("：合计 21 ¥"), "{}", made.alt);
    let named = |plot: &Plot| made.alt.contains(&format!("23 {} ¥", plot.label));
    assert!(
        made.plots.iter().all(named),
        "what the last is made of: {}",
        made.alt
    );
}

/// 3,962,400 impressions, 476,667 clicks, 14,872 orders, 12,310 kept: the third step is the first that broke.
#[test]
fn a_funnel_draws_its_counts_and_marks_the_first_broken_step() {
    let made = chart("<funnel data=\"traffic.steps\" columns=\"step,count,rate,baseline\"/>");
    assert_eq!(made.kind, ChartKind::Funnel);
    let counts = [3_962_400.0, 476_667.0, 14_872.0, 12_310.0].map(Some);
    assert_eq!(made.plots[0].values, counts);
    assert_eq!(made.x.len(), 4);
    assert_eq!(made.marked, Some(2));
    let rates = &made.plots[1].texts;
    assert!(
        rates[1].contains("12.03%") && rates[2].contains("3.12%"),
        "{rates:?}"
    );
    let said =
        "从商品曝光 3,962,400 到未退款订单 12,310；第一处断点在支付订单；商品曝光 3,962,400 / —，";
    assert!(made.alt.contains(said), "{}", made.alt);
}

#[test]
fn a_sparkline_is_one_line_with_its_last_figure() {
    let made = chart("<sparkline data=\"sales.daily\" series=\"paid\" last=\"28\"/>");
    assert_eq!(made.kind, ChartKind::Sparkline);
    assert_eq!((made.x.len(), made.plots.len()), (28, 1));
    assert_eq!(made.plots[0].kind, PlotKind::Main);
    assert_eq!(
        made.plots[0].values[27],
        Some(1_284_306.0),
        "the day itself is the last"
    );
    let last = made.plots[0].texts.last().unwrap();
    assert!(last.contains("128.4"), "{last}");
    let said = "从 10-25 的 ¥";
    assert!(made.alt.contains(said), "where it begins: {}", made.alt);
    let said = "至 11-21 的 ¥128.4 万；最高 11-11 ¥162.7 万。";
    assert!(made.alt.contains(said), "and where it ends: {}", made.alt);
}

#[test]
fn lists_are_numbered_or_dotted_and_drop_what_is_empty() {
    let made = blocks("<ul><li>一</li><li><b></b></li></ul><ol><li>甲</li><li>乙</li></ol>");
    let lists: Vec<(bool, Vec<String>)> = made
        .iter()
        .map(|block| match block {
            Block::List { ordered, items } => (*ordered, items.iter().map(|i| plain(i)).collect()),
            other => panic!("{other:?}"),
        })
        .collect();
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(lists, [(false, own(&["一"])), (true, own(&["甲", "乙"]))]);
}

#[test]
fn words_have_weight_tone_and_places_to_go() {
    let made =
        words("a<strong>b</strong><i>c</i>x<em>d</em><a href=\"https://example.com/x\">e</a>");
    let of = |text: &str| made.iter().find(|inline| inline.text == text).unwrap();
    assert!(of("b").bold && !of("a").bold);
    assert_eq!((of("c").tone, of("d").tone), (Tone::Muted, Tone::Muted));
    assert_eq!(of("e").link.as_deref(), Some("https://example.com/x"));
}

#[test]
fn a_column_that_is_left_out_gives_its_room() {
    let both = blocks("<columns><column><p>一</p></column><column><p>二</p></column></columns>");
    assert!(matches!(&both[..], [Block::Columns { columns }] if columns.len() == 2));
    let one = blocks("<columns><column></column><column><p>二</p></column></columns>");
    assert!(matches!(&one[..], [Block::Paragraph { .. }]));
}

#[test]
fn a_page_break_is_a_page_break_and_an_unknown_finding_takes_its_sentence() {
    assert_eq!(
        blocks("<p>一</p><page-break/><p>二</p>")[1],
        Block::PageBreak
    );
    let made = words("一。<finding kind=\"no_such_thing\"/>。二。");
    assert_eq!(plain(&made), "一。二。");
}
