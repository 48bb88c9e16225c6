//! Charts of every kind and size: no label touches another, nothing leaves the frame, gaps stay gaps.

use super::{Frame, draw, spark};
use crate::fonts::Fonts;
use crate::layout::look::Palette;
use crate::layout::probe::{outside, overlap, sample, texts};
use crate::layout::text::Typesetter;
use crate::layout::{Color, Item};
use chenbao_model::document::{
    Band, Bullet, Chart, ChartKind, Mark, Measure, Plot, PlotKind, Span, Spark, Theme,
};
use fastrand::Rng;

fn frame(width: f32, height: f32) -> Frame {
    Frame {
        width,
        height,
        palette: Palette::new(&Theme::default()).unwrap(),
        size: 7.3,
    }
}

const KINDS: [ChartKind; 8] = [
    ChartKind::Line,
    ChartKind::Bar,
    ChartKind::StackedBar,
    ChartKind::Waterfall,
    ChartKind::Heatmap,
    ChartKind::Funnel,
    ChartKind::Sparkline,
    ChartKind::Bullet,
];

fn values(random: &mut Rng, count: usize) -> Vec<Option<f64>> {
    let size = 10_f64.powi(random.i32(0..8));
    let shift = if random.bool() { 0.0 } else { 20.0 * size };
    let value = |_| (random.u8(0..12) > 0).then(|| shift + (random.f64() - 0.4) * size);
    (0..count).map(value).collect()
}

fn chart(random: &mut Rng, kind: ChartKind) -> Chart {
    let few = matches!(kind, ChartKind::Funnel | ChartKind::Bullet);
    let count = random.usize(1..if few { 12 } else { 40 });
    let most = match kind {
        ChartKind::Waterfall => 2,
        ChartKind::Heatmap => 12,
        ChartKind::StackedBar => 8,
        _ => 4,
    };
    let names = [
        "支付",
        "退款后金额",
        "上一次双11",
        "直播",
        "Product cards",
        "图文",
    ];
    let plots: Vec<Plot> = (0..random.usize(1..most))
        .map(|n| {
            let values = values(random, count);
            let texts = values.iter();
            let texts = texts.map(|v| v.map(|v| format!("{v:+.1}万")).unwrap_or_default());
            Plot {
                label: names[n % names.len()].into(),
                texts: texts.collect(),
                values,
                kind: [PlotKind::Main, PlotKind::Muted, PlotKind::Expected][n % 3],
            }
        })
        .collect();
    let x = |i: usize| match kind {
        ChartKind::Line | ChartKind::StackedBar => format!("11-{i:02}"),
        _ => format!("类目名{i}"),
    };
    Chart {
        id: "c".into(),
        kind,
        alt: "无".into(),
        x: (0..count).map(x).collect(),
        totals: plots[0].texts.clone(),
        measure: [
            Measure::Money,
            Measure::Count,
            Measure::Percent,
            Measure::Times,
        ][random.usize(0..4)],
        lang: if random.bool() { "zh-CN" } else { "en" }.into(),
        between: random.bool(),
        marked: random.bool().then(|| random.usize(0..count)),
        plots,
        ..grounds(random, kind, count)
    }
}

/// Marks, a band and named stretches.
fn grounds(random: &mut Rng, kind: ChartKind, count: usize) -> Chart {
    let mark = |random: &mut Rng, n: usize| Mark {
        at: random.usize(0..count),
        label: format!("大促{n}"),
        point: random.bool(),
    };
    let marks = (0..random.usize(0..4)).map(|n| mark(random, n));
    let marks: Vec<Mark> = marks.filter(|_| kind == ChartKind::Line).collect();
    let low = values(random, count);
    let high = low.iter().map(|value| value.map(|v| v + 0.3 * v.abs()));
    let band = Band {
        label: "常见范围".into(),
        high: high.collect(),
        low,
    };
    let span = |first: usize, last: usize, label: &str| Span {
        first,
        last,
        label: label.into(),
    };
    let thirds = [(0, "预热期"), (1, "爆发"), (2, "返场")];
    let spans = thirds.map(|(n, name)| span(n * count / 3, (n + 1) * count / 3, name));
    Chart {
        marks,
        band: random.bool().then_some(band),
        spans: if random.bool() {
            spans.to_vec()
        } else {
            Vec::new()
        },
        ..Chart::default()
    }
}

#[test]
fn labels_never_overlap_and_nothing_leaves_the_frame() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut random = Rng::with_seed(11);
    for round in 0..2400 {
        let kind = KINDS[round % KINDS.len()];
        let chart = chart(&mut random, kind);
        let width = [170.0, 250.0, 510.0][random.usize(0..3)];
        let wish = super::height(&chart, 7.3);
        // As a page gives it: as it wishes, with less or more air, or in a low strip.
        let height = match round / KINDS.len() % 4 {
            0 => wish.min(90.0),
            1 => 0.8 * wish,
            2 => 1.3 * wish,
            _ => wish,
        };
        let items = draw(&chart, &frame(width, height), &mut setter);
        assert_eq!(overlap(&items), None, "{chart:?} in {width} x {height}");
        assert_eq!(
            outside(&items, (width, height)),
            None,
            "{chart:?} in {width} x {height}"
        );
    }
}

#[test]
fn the_charts_of_the_pictures_are_sound_in_mail_and_on_pages() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    for chart in sample::charts(&sample::daily()) {
        for width in [250.0, 450.0, 510.0] {
            let items = draw(&chart, &frame(width, 112.0), &mut setter);
            assert_eq!(overlap(&items), None);
            assert_eq!(outside(&items, (width, 112.0)), None);
        }
    }
}

#[test]
fn a_waterfall_of_usual_size_shows_every_figure() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut random = Rng::with_seed(5);
    for _ in 0..200 {
        let count = random.usize(4..10);
        let values: Vec<Option<f64>> = (0..count)
            .map(|i| {
                Some(if i == 0 {
                    1e6
                } else {
                    (random.f64() - 0.5) * 3e5
                })
            })
            .collect();
        let last = values.iter().take(count - 1).flatten().sum::<f64>();
        let values: Vec<Option<f64>> = values
            .into_iter()
            .take(count - 1)
            .chain([Some(last)])
            .collect();
        let figures: Vec<String> = values
            .iter()
            .flatten()
            .map(|v| format!("{:+.1}万", v / 1e4))
            .collect();
        let plots = vec![Plot {
            label: String::new(),
            values,
            texts: figures.clone(),
            ..Plot::default()
        }];
        let x = (0..count).map(|i| format!("第{i}项")).collect();
        let chart = Chart {
            x,
            plots,
            ..bare(ChartKind::Waterfall)
        };
        let items = draw(&chart, &frame(510.0, 112.0), &mut setter);
        let shown: Vec<&str> = texts(&items).map(|text| text.text.as_str()).collect();
        assert!(
            figures.iter().all(|text| shown.contains(&text.as_str())),
            "{figures:?} {shown:?}"
        );
    }
}

#[test]
fn a_gap_in_a_line_stays_a_gap() {
    let values = vec![Some(1.0), Some(2.0), None, Some(2.0), Some(1.0)];
    let items = spark(&Spark { values, band: None }, &frame(80.0, 16.0));
    let open = items
        .iter()
        .filter(|item| matches!(item, Item::Path { closed: false, .. }))
        .count();
    assert_eq!(open, 2);
}

#[test]
fn lines_that_nobody_can_tell_apart_are_one_with_both_names() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let plot = |label: &str, values: [f64; 3], kind| Plot {
        label: label.into(),
        values: values.map(Some).to_vec(),
        texts: Vec::new(),
        kind,
    };
    let mut drawn = |net: [f64; 3]| {
        let chart = Chart {
            x: ["一", "二", "三"].map(str::to_owned).to_vec(),
            plots: vec![
                plot("支付", [100.0, 300.0, 90.0], PlotKind::Main),
                plot("退后", net, PlotKind::Muted),
            ],
            ..bare(ChartKind::Line)
        };
        let items = draw(&chart, &frame(250.0, 104.0), &mut setter);
        let lines = items
            .iter()
            .filter(|item| matches!(item, Item::Path { closed: false, .. }))
            .count();
        let words: Vec<String> = texts(&items).map(|text| text.text.clone()).collect();
        (lines, words.concat())
    };
    let (lines, words) = drawn([99.0, 298.0, 90.0]);
    assert!(lines == 1 && words.contains("≈ 退后"), "{lines} {words}");
    let (lines, words) = drawn([80.0, 250.0, 70.0]);
    assert!(lines == 2 && !words.contains('≈'), "{lines} {words}");
}

#[test]
fn narrow_bars_tell_their_highest_figure_alone() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let plot = |shift: usize| {
        let values: Vec<f64> = (0..24_u8)
            .map(|i| f64::from(i * 7 % 24) * 100.0 + 7.0)
            .collect();
        Plot {
            label: "期".into(),
            texts: values.iter().map(|v| format!("{v:.0}")).collect(),
            values: values.into_iter().map(Some).collect(),
            kind: [PlotKind::Main, PlotKind::Muted][shift],
        }
    };
    let chart = Chart {
        x: (0..24_u8).map(|i| format!("{i:02} 时")).collect(),
        plots: vec![plot(0), plot(1)],
        ..bare(ChartKind::Bar)
    };
    let items = draw(&chart, &frame(250.0, 104.0), &mut setter);
    let figures: Vec<&str> = texts(&items)
        .map(|text| text.text.as_str())
        .filter(|text| chart.plots[0].texts.iter().any(|figure| figure == text))
        .collect();
    assert_eq!(figures, ["2307"]);
}

#[test]
fn an_empty_chart_says_why() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let reason = "没有数据:没有配置投放";
    let chart = Chart {
        empty: Some(reason.into()),
        ..bare(ChartKind::Line)
    };
    let items = draw(&chart, &frame(200.0, 42.0), &mut setter);
    assert_eq!(
        texts(&items)
            .map(|text| text.text.as_str())
            .collect::<String>(),
        reason
    );
}

/// A chart of a kind with nothing in it yet.
fn bare(kind: ChartKind) -> Chart {
    Chart {
        kind,
        lang: "zh-CN".into(),
        ..Chart::default()
    }
}

fn plot(label: &str, values: &[f64]) -> Plot {
    Plot {
        label: label.into(),
        values: values.iter().copied().map(Some).collect(),
        texts: values.iter().map(|value| format!("{value}")).collect(),
        kind: PlotKind::Main,
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("第{i}")).collect()
}

/// The filled rectangles of a colour: left, top, width, height.
fn rects(items: &[Item], color: Color) -> Vec<[f32; 4]> {
    let rect = |item: &Item| match item {
        Item::Rect {
            x,
            y,
            width,
            height,
            fill,
        } if *fill == color => Some([*x, *y, *width, *height]),
        _ => None,
    };
    items.iter().filter_map(rect).collect()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 0.7
}

#[test]
fn stacks_stand_on_each_other_and_add_up() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let chart = Chart {
        x: names(3),
        plots: vec![
            plot("甲", &[30.0, 20.0, 10.0]),
            plot("乙", &[10.0, 20.0, 30.0]),
        ],
        totals: ["共40", "共40", "共40"].map(str::to_owned).to_vec(),
        ..bare(ChartKind::StackedBar)
    };
    let frame = frame(250.0, 112.0);
    let items = draw(&chart, &frame, &mut setter);
    let (lower, upper) = (
        rects(&items, frame.palette.shade(100)),
        rects(&items, frame.palette.shade(63)),
    );
    assert_eq!(
        (lower.len(), upper.len()),
        (4, 4),
        "three parts and a square beside the name"
    );
    for (a, b) in lower.iter().zip(&upper).take(3) {
        assert!(near(b[1] + b[3], a[1]), "{a:?} {b:?}");
        assert!(near(upper[0][1], b[1]), "all stacks are as high");
    }
    let shown: Vec<&str> = texts(&items).map(|text| text.text.as_str()).collect();
    assert_eq!(
        shown.iter().filter(|text| **text == "共40").count(),
        3,
        "{shown:?}"
    );
    assert!(shown.contains(&"甲") && shown.contains(&"乙"));
}

#[test]
fn a_heat_map_is_darker_where_there_is_more_and_says_its_scale() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut row = plot("周一", &[0.0, 50_000.0, 100_000.0]);
    row.values.push(None);
    row.texts.clear();
    let chart = Chart {
        x: names(4),
        plots: vec![row],
        ..bare(ChartKind::Heatmap)
    };
    let frame = frame(250.0, super::height(&chart, 7.3));
    let items = draw(&chart, &frame, &mut setter);
    let fills: Vec<Color> = items
        .iter()
        .filter_map(|item| match item {
            Item::Rect { fill, .. } => Some(*fill),
            _ => None,
        })
        .take(3)
        .collect();
    assert!(
        fills[0].1 > fills[1].1 && fills[1].1 > fills[2].1,
        "{fills:?}"
    );
    let shown: Vec<&str> = texts(&items).map(|text| text.text.as_str()).collect();
    assert!(shown.contains(&"0") && shown.contains(&"10万"), "{shown:?}");
    let dash = items.iter().any(|item| matches!(item, Item::Line { .. }));
    assert!(dash, "a gap is not the lightest shade");
}

#[test]
fn a_funnel_is_as_long_as_its_counts_and_marks_its_break_in_words() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut verdict = plot("判断", &[]);
    verdict.texts = ["", "正常", "第一处断点"].map(str::to_owned).to_vec();
    let chart = Chart {
        x: names(3),
        plots: vec![plot("人数", &[1000.0, 500.0, 100.0]), verdict],
        marked: Some(2),
        ..bare(ChartKind::Funnel)
    };
    let frame = frame(250.0, super::height(&chart, 7.3));
    let items = draw(&chart, &frame, &mut setter);
    let bars = rects(&items, frame.palette.accent);
    assert!(near(bars[0][2], 2.0 * bars[1][2]), "{bars:?}");
    assert_eq!(rects(&items, frame.palette.fall).len(), 1);
    let broken = texts(&items)
        .find(|text| text.text == "第一处断点")
        .unwrap();
    assert_eq!(broken.face, crate::fonts::FaceId::BOLD);
}

#[test]
fn a_bullet_ends_at_its_part_of_the_target() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let chart = Chart {
        x: names(2),
        plots: vec![plot("实际", &[96.0, 55.0]), plot("目标", &[100.0, 50.0])],
        ..bare(ChartKind::Bullet)
    };
    let palette = frame(1.0, 1.0).palette;
    let items = draw(&chart, &frame(250.0, 40.0), &mut setter);
    let (bars, tracks) = (rects(&items, palette.accent), rects(&items, palette.soft));
    assert!(
        near(bars[0][2], tracks[0][2] / 1.1 * 0.96),
        "{bars:?} {tracks:?}"
    );
    assert!(near(bars[1][2], tracks[1][2]), "{bars:?} {tracks:?}");
    let no_way = Bullet {
        actual: 5.0,
        target: 0.0,
    };
    assert!(super::bullet(&no_way, &frame(80.0, 5.0)).is_empty());
}

#[test]
fn between_two_lines_good_and_bad_have_their_own_area() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut baseline = plot("基线", &[50.0, 50.0, 50.0, 50.0]);
    baseline.kind = PlotKind::Expected;
    let chart = Chart {
        x: names(4),
        plots: vec![plot("支付", &[50.0, 90.0, 20.0, 50.0]), baseline],
        between: true,
        ..bare(ChartKind::Line)
    };
    let items = draw(&chart, &frame(250.0, 112.0), &mut setter);
    let fills: Vec<Color> = items
        .iter()
        .filter_map(|item| match item {
            Item::Path {
                fill: Some(fill), ..
            } => Some(*fill),
            _ => None,
        })
        .collect();
    assert_eq!(fills.len(), 4, "the lines cross once, in the middle pair");
    assert!(fills[0] == fills[1] && fills[2] == fills[3] && fills[0] != fills[2]);
    let dashed =
        |item: &&Item| matches!(item, Item::Path { stroke: Some(stroke), .. } if stroke.dash > 0.0);
    assert_eq!(items.iter().filter(dashed).count(), 1);
}
