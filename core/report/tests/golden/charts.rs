//! One chart of each kind, as a report has them, and one with nothing to draw.

use chenbao_model::document::{
    Band, Block, Chart, ChartKind, Document, Mark, Measure, Meta, Plot, PlotKind, Section,
};

/// Every kind of chart below its name, two pages.
pub(crate) fn document() -> Document {
    let section = |(name, chart): (&str, Chart)| {
        Block::Section(Section {
            title: name.to_owned(),
            blocks: vec![Block::Chart(Chart {
                id: name.to_owned(),
                alt: name.to_owned(),
                lang: "zh-CN".to_owned(),
                ..chart
            })],
            ..Section::default()
        })
    };
    Document {
        meta: Meta {
            title: "图表".to_owned(),
            lang: "zh-CN".to_owned(),
            ..Meta::default()
        },
        blocks: charts().into_iter().map(section).collect(),
    }
}

fn charts() -> Vec<(&'static str, Chart)> {
    vec![
        ("line", line()),
        (
            "bar",
            of(ChartKind::Bar, &["直播", "短视频", "商品卡"], bars(1)),
        ),
        (
            "grouped",
            of(ChartKind::Bar, &["直播", "短视频", "商品卡"], bars(2)),
        ),
        ("stacked", stacked()),
        ("waterfall", waterfall()),
        ("heatmap", heatmap()),
        ("funnel", funnel()),
        (
            "sparkline",
            of(
                ChartKind::Sparkline,
                &["1", "2", "3", "4"],
                vec![plot("", &[31.0, 28.0, 35.0, 33.5])],
            ),
        ),
        (
            "bullet",
            of(
                ChartKind::Bullet,
                &["直播", "图文"],
                vec![plot("累计", &[202.0, 10.7]), plot("应达", &[198.9, 6.9])],
            ),
        ),
        (
            "nothing",
            Chart {
                empty: Some("源未到:罗盘流量 11-21".to_owned()),
                ..Chart::default()
            },
        ),
    ]
}

fn of(kind: ChartKind, x: &[&str], plots: Vec<Plot>) -> Chart {
    Chart {
        kind,
        x: x.iter().map(|&name| name.to_owned()).collect(),
        plots,
        ..Chart::default()
    }
}

fn plot(label: &str, values: &[f64]) -> Plot {
    Plot {
        label: label.to_owned(),
        values: values.iter().copied().map(Some).collect(),
        texts: values
            .iter()
            .map(|value| format!("{value:.1}").replace('-', "−"))
            .collect(),
        ..Plot::default()
    }
}

/// Families of bars, the second one beside the first as what it is compared with.
fn bars(families: usize) -> Vec<Plot> {
    let compared = Plot {
        kind: PlotKind::Muted,
        ..plot("上周", &[48.8, 17.0, 12.5])
    };
    let mut all = vec![plot("本周", &[50.4, 16.6, 11.2]), compared];
    all.truncate(families);
    all
}

/// A line with a gap, what was expected, a band and a marked day.
fn line() -> Chart {
    let mut paid = plot("支付", &[118.0, 104.0, 109.0, 162.0, 98.0, 117.0, 128.4]);
    paid.values[4] = None;
    paid.texts.clear();
    let plan = Plot {
        kind: PlotKind::Expected,
        texts: Vec::new(),
        ..plot("计划", &[110.0, 110.0, 112.0, 150.0, 120.0, 112.0, 112.0])
    };
    let usual = |value: f64| vec![Some(value); 7];
    Chart {
        measure: Measure::Money,
        band: Some(Band {
            label: "常见范围".to_owned(),
            low: usual(100.0),
            high: usual(125.0),
        }),
        marks: vec![Mark {
            at: 3,
            label: "双11".to_owned(),
            point: true,
        }],
        ..of(
            ChartKind::Line,
            &[
                "11-08", "11-09", "11-10", "11-11", "11-12", "11-13", "11-14",
            ],
            vec![paid, plan],
        )
    }
}

fn stacked() -> Chart {
    Chart {
        totals: vec!["67.0".to_owned(), "65.8".to_owned()],
        ..of(
            ChartKind::StackedBar,
            &["本周", "上周"],
            vec![plot("直播", &[50.4, 48.8]), plot("短视频", &[16.6, 17.0])],
        )
    }
}

fn waterfall() -> Chart {
    let parts = plot("ΔGMV", &[118.7, 14.2, 3.8, -13.9, 5.6, 128.4]);
    of(
        ChartKind::Waterfall,
        &["上周六", "流量", "点击", "成交", "笔单价", "当日"],
        vec![parts],
    )
}

fn heatmap() -> Chart {
    let row = |(name, values): (&str, [f64; 4])| plot(name, &values);
    let rows = [
        ("周一", [1.0, 2.0, 3.0, 9.0]),
        ("周二", [1.5, 2.5, 4.0, 12.0]),
        ("周三", [0.0, 2.0, 3.5, 10.0]),
    ];
    let mut plots: Vec<Plot> = rows.into_iter().map(row).collect();
    plots[0].values[0] = None;
    of(ChartKind::Heatmap, &["06", "12", "18", "22"], plots)
}

fn funnel() -> Chart {
    Chart {
        marked: Some(2),
        ..of(
            ChartKind::Funnel,
            &["曝光", "点击", "支付"],
            vec![plot("次数", &[3962.4, 476.7, 14.9])],
        )
    }
}
