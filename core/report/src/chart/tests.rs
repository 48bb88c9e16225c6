//! Charts of every kind and size: no label touches another, nothing leaves the frame, gaps stay gaps.

use super::{Frame, draw, spark};
use crate::fonts::Fonts;
use crate::layout::Item;
use crate::layout::look::Palette;
use crate::layout::probe::{outside, overlap, sample, texts};
use crate::layout::text::Typesetter;
use chenbao_model::document::{Chart, ChartKind, Mark, Measure, Plot, Spark, Theme};
use fastrand::Rng;

fn frame(width: f32, height: f32) -> Frame {
    Frame {
        width,
        height,
        palette: Palette::new(&Theme::default()).unwrap(),
        size: 7.3,
    }
}

fn chart(random: &mut Rng, kind: ChartKind) -> Chart {
    let count = random.usize(1..40);
    let size = 10_f64.powi(random.i32(0..8));
    let shift = if random.bool() { 0.0 } else { 20.0 * size };
    let plots = (0..if kind == ChartKind::Waterfall {
        1
    } else {
        random.usize(1..4)
    })
        .map(|n| {
            let value = |_| (random.u8(0..12) > 0).then(|| shift + (random.f64() - 0.4) * size);
            let values: Vec<Option<f64>> = (0..count).map(value).collect();
            let texts = values
                .iter()
                .map(|v| v.map(|v| format!("{v:+.1}万")).unwrap_or_default())
                .collect();
            Plot {
                label: ["支付", "退款后金额", "上一次双11"][n].into(),
                values,
                texts,
                muted: n == 1,
            }
        })
        .collect();
    let marks = if kind == ChartKind::Line {
        (0..random.usize(0..4))
            .map(|n| Mark {
                at: random.usize(0..count),
                label: format!("大促{n}"),
            })
            .collect()
    } else {
        Vec::new()
    };
    let x = (0..count)
        .map(|i| {
            if kind == ChartKind::Line {
                format!("11-{i:02}")
            } else {
                format!("类目名{i}")
            }
        })
        .collect();
    let measure = [Measure::Money, Measure::Count, Measure::Percent][random.usize(0..3)];
    let lang = if random.bool() { "zh-CN" } else { "en" };
    Chart {
        id: "c".into(),
        kind,
        alt: "无".into(),
        x,
        plots,
        measure,
        lang: lang.into(),
        marks,
        up_is_good: true,
        empty: None,
    }
}

#[test]
fn labels_never_overlap_and_nothing_leaves_the_frame() {
    let fonts = Fonts::embedded().unwrap();
    let mut setter = Typesetter::new(&fonts);
    let mut random = Rng::with_seed(11);
    for round in 0..900 {
        let kind = [ChartKind::Line, ChartKind::Bar, ChartKind::Waterfall][round % 3];
        let chart = chart(&mut random, kind);
        let (width, height) = (
            [170.0, 250.0, 510.0][random.usize(0..3)],
            [90.0, 118.0][random.usize(0..2)],
        );
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
            muted: false,
        }];
        let x = (0..count).map(|i| format!("第{i}项")).collect();
        let chart = Chart {
            x,
            plots,
            marks: Vec::new(),
            ..chart(&mut random, ChartKind::Waterfall)
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
    let plot = |label: &str, values: [f64; 3], muted| Plot {
        label: label.into(),
        values: values.map(Some).to_vec(),
        texts: Vec::new(),
        muted,
    };
    let mut random = Rng::with_seed(3);
    let mut drawn = |net: [f64; 3]| {
        let chart = Chart {
            x: ["一", "二", "三"].map(str::to_owned).to_vec(),
            plots: vec![
                plot("支付", [100.0, 300.0, 90.0], false),
                plot("退后", net, true),
            ],
            marks: Vec::new(),
            ..chart(&mut random, ChartKind::Line)
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
    let mut random = Rng::with_seed(3);
    let plot = |shift: usize| {
        let values: Vec<f64> = (0..24_u8)
            .map(|i| f64::from(i * 7 % 24) * 100.0 + 7.0)
            .collect();
        Plot {
            label: "期".into(),
            texts: values.iter().map(|v| format!("{v:.0}")).collect(),
            values: values.into_iter().map(Some).collect(),
            muted: shift > 0,
        }
    };
    let chart = Chart {
        x: (0..24_u8).map(|i| format!("{i:02} 时")).collect(),
        plots: vec![plot(0), plot(1)],
        measure: Measure::Count,
        lang: "zh-CN".into(),
        ..chart(&mut random, ChartKind::Bar)
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
    let mut random = Rng::with_seed(3);
    let reason = "没有数据:没有配置投放";
    let chart = Chart {
        empty: Some(reason.into()),
        ..chart(&mut random, ChartKind::Line)
    };
    let items = draw(&chart, &frame(200.0, 42.0), &mut setter);
    assert_eq!(
        texts(&items)
            .map(|text| text.text.as_str())
            .collect::<String>(),
        reason
    );
}
