//! The document of the design pictures: every block of the vocabulary, with hard Chinese text in it.

use chenbao_model::document::{
    Action, Align, Block, Chart, ChartKind, Document, Head, Inline, Kpi, Mark, Masthead, Measure,
    Meta, Plot, PlotKind, Row, RowKind, Section, Spark, Table, Theme, Tone,
};

/// The daily report, two pages.
pub(crate) fn daily() -> Document {
    let mut blocks = vec![
        Block::Masthead(masthead()),
        Block::Lede { inlines: lede() },
        Block::Kpis { kpis: kpis() },
    ];
    blocks.push(section(
        "为什么变了",
        "ΔGMV 分解,LMDI,各项相加等于总差 +¥97,406",
        vec![Block::Chart(waterfall())],
    ));
    blocks.push(Block::Columns {
        columns: vec![
            vec![section(
                "漏斗",
                "与近 8 个同星期中位数比",
                vec![Block::Table(funnel())],
            )],
            vec![section(
                "近 35 天",
                "万元;浅灰为退款后",
                vec![Block::Chart(line())],
            )],
        ],
    });
    blocks.push(section(
        "今天最值得做的事",
        "按 金额 × 把握 × 可控 排序",
        vec![Block::Actions { actions: actions() }],
    ));
    blocks.push(Block::PageBreak);
    blocks.extend(second_page());
    Document {
        meta: meta(),
        blocks,
    }
}

/// Products, hours, channels, and text.
fn second_page() -> Vec<Block> {
    let mut blocks = Vec::new();
    blocks.push(section(
        "商品榜",
        "前 10 · 按用户支付金额",
        vec![Block::Table(products())],
    ));
    blocks.push(Block::Columns {
        columns: vec![
            vec![section(
                "时段效率",
                "每小时支付金额",
                vec![Block::Chart(hours())],
            )],
            vec![section("渠道结构", "", vec![Block::Table(channels())])],
        ],
    });
    let missing = Chart {
        empty: Some("没有数据:投放数据没有配置".into()),
        id: "roi".into(),
        ..hours()
    };
    blocks.push(section("投放", "退后 ROI", vec![Block::Chart(missing)]));
    blocks.push(section(
        "说明",
        "",
        vec![Block::Paragraph { inlines: hard() }, list()],
    ));
    blocks.push(section(
        "数据与口径",
        "",
        vec![Block::Note { inlines: notes() }],
    ));
    blocks
}

/// All charts of a document.
pub(crate) fn charts(document: &Document) -> Vec<Chart> {
    fn collect(blocks: &[Block], found: &mut Vec<Chart>) {
        for block in blocks {
            match block {
                Block::Chart(chart) => found.push(chart.clone()),
                Block::Section(section) => collect(&section.blocks, found),
                Block::Columns { columns } => {
                    columns.iter().for_each(|blocks| collect(blocks, found));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(&document.blocks, &mut found);
    found
}

/// A paragraph in which every line-breaking rule has work to do.
pub(crate) fn hard() -> Vec<Inline> {
    let figure = |text: &str, tone| Inline {
        unbroken: true,
        tone,
        ..Inline::data(text)
    };
    vec![
        Inline::words("昨日(11月21日,周六)“加绒打底裤”《保暖》系列支付"),
        figure("¥128.4 万", Tone::Good),
        Inline::words(",较上周六"),
        figure("−¥13.9 万", Tone::Bad),
        Inline::words(
            "(−9.8%);其中「短视频」、「商品卡」两项……合计少 ¥6.2 万——主要因为 iPhone17 用户在 20–22 时的 UV 跌至 3,214 人。",
        ),
        Inline {
            link: Some("#漏斗".into()),
            ..Inline::words("见漏斗")
        },
        Inline::words(",或看"),
        Inline {
            link: Some("https://example.com/说明".into()),
            ..Inline::words("说明文档")
        },
        Inline::words("。"),
        Inline::data("商品名里有表情😀👍🏽也照样出报告"),
    ]
}

fn meta() -> Meta {
    Meta {
        title: "经营日报".into(),
        lang: "zh-CN".into(),
        subject: "[完整 6/6] 11月21日 经营日报 · ¥128.4 万 +8.2%".into(),
        author: "示例女装旗舰店".into(),
        created: "2026-11-22T07:40:00+08:00".into(),
        footer: "运行 daily-ops/2026-11-21/r0 · 口径:支付时间;GPM 分母=商品曝光次数 · 投放消耗为次日稳定值".into(),
        only_for: "仅供「管理层」".into(),
        file_stem: "经营日报-2026-11-21-管理层".into(),
        theme: Theme::default(),
        ..Meta::default()
    }
}

fn masthead() -> Masthead {
    Masthead {
        title: "经营日报".into(),
        parts: [
            "示例女装旗舰店",
            "抖音",
            "管理层",
            "2026 年 11 月 21 日 星期六",
        ]
        .map(str::to_owned)
        .to_vec(),
        stamp: Some(Inline {
            tone: Tone::Good,
            ..Inline::words("完整 6/6")
        }),
        facts: vec![
            "数据截至 11-22 02:00 · 次日稳定".into(),
            "第 325 期 · 修订 0".into(),
        ],
    }
}

fn lede() -> Vec<Inline> {
    let strong = |text: &str, tone| Inline {
        bold: true,
        tone,
        unbroken: true,
        ..Inline::words(text)
    };
    vec![
        Inline::words("昨日用户支付 "),
        strong("¥128.4 万", Tone::Plain),
        Inline::words(",较上周六 "),
        strong("+8.2%", Tone::Good),
        Inline::words("(+¥9.7 万)。流量多带来 ¥14.2 万,但"),
        strong("点击-成交率跌至 3.12%", Tone::Bad),
        Inline::words(",吃掉 ¥13.9 万——断点集中在「加绒打底裤」,其 D0 退款率 38.4%,疑似伪爆款。"),
    ]
}

fn kpis() -> Vec<Kpi> {
    let rows = [
        (
            "用户支付金额",
            "¥1,284,306",
            "+8.2%",
            Tone::Good,
            "目标 96%",
        ),
        (
            "退款后金额 · D0",
            "¥1,101,940",
            "+5.1%",
            Tone::Good,
            "退款龄 D0",
        ),
        ("支付订单数", "14,872", "+3.4%", Tone::Good, "件 18,215"),
        ("点击-成交率", "3.12%", "−0.41pp", Tone::Bad, "低于 P10"),
        ("客单价", "¥86.36", "+4.6%", Tone::Good, "每买家"),
        ("投放 ROI · 退后", "2.31", "−0.18", Tone::Bad, "保本 2.05"),
    ];
    let wave = |n: usize| {
        (0..28)
            .map(|day: u8| {
                let day = f64::from(day);
                let value = 10.0
                    + 3.0 * (day * 0.9 + f64::from(u8::try_from(n).unwrap_or(0))).sin()
                    + 1.4 * (day * 2.3 + f64::from(u8::try_from(n).unwrap_or(0))).cos();
                (n != 3 || !(11.0..=12.0).contains(&day)).then_some(value)
            })
            .collect()
    };
    rows.into_iter()
        .enumerate()
        .map(|(n, (label, value, change, tone, note))| Kpi {
            label: label.into(),
            value: value.into(),
            exact: None,
            missing: false,
            change: Some(Inline {
                tone,
                ..Inline::words(change)
            }),
            basis: "较上周六".into(),
            note: note.into(),
            spark: Some(Spark {
                values: wave(n),
                band: Some((8.6, 11.8)),
            }),
            bullet: None,
        })
        .collect()
}

fn section(title: &str, note: &str, blocks: Vec<Block>) -> Block {
    Block::Section(Section {
        title: title.into(),
        note: note.into(),
        blocks,
    })
}

fn chart(id: &str, kind: ChartKind, x: Vec<String>, plots: Vec<Plot>) -> Chart {
    Chart {
        id: id.into(),
        kind,
        x,
        plots,
        measure: Measure::Money,
        lang: "zh-CN".into(),
        ..Chart::default()
    }
}

fn waterfall() -> Chart {
    let parts = [
        ("上周六", 1_187_000.0, "118.7万"),
        ("流量", 142_000.0, "+14.2万"),
        ("曝光-点击率", 38_000.0, "+3.8万"),
        ("点击-成交率", -139_000.0, "−13.9万"),
        ("客单价", 56_000.0, "+5.6万"),
        ("昨日", 1_284_000.0, "128.4万"),
    ];
    let x = parts.iter().map(|part| part.0.to_owned()).collect();
    let values = parts.iter().map(|part| Some(part.1)).collect();
    let texts = parts.iter().map(|part| part.2.to_owned()).collect();
    chart(
        "why",
        ChartKind::Waterfall,
        x,
        vec![Plot {
            label: String::new(),
            values,
            texts,
            ..Plot::default()
        }],
    )
}

fn line() -> Chart {
    let day = |i: u8| {
        let (month, day) = if i < 14 { (10, 18 + i) } else { (11, i - 13) };
        format!("{month}-{day:02}")
    };
    let paid = |i: u8| {
        let wave = 1_020_000.0 + 110_000.0 * (f64::from(i) * 0.85).sin() + f64::from(i) * 4_000.0;
        if i == 24 { 1_680_000.0 } else { wave }
    };
    let plot = |label: &str, factor: f64, kind| Plot {
        label: label.into(),
        values: (0..35).map(|i| Some(paid(i) * factor)).collect(),
        texts: Vec::new(),
        kind,
    };
    let plots = vec![
        plot("支付", 1.0, PlotKind::Main),
        plot("退款后", 0.84, PlotKind::Muted),
    ];
    let marks = vec![Mark {
        at: 24,
        label: "双11".into(),
        point: false,
    }];
    Chart {
        marks,
        ..chart("daily", ChartKind::Line, (0..35).map(day).collect(), plots)
    }
}

fn hours() -> Chart {
    let values: Vec<Option<f64>> = (6..24)
        .map(|hour: u8| Some(f64::from(hour).powi(2) * 180.0))
        .collect();
    let x = (6..24).map(|hour| format!("{hour}时")).collect();
    chart(
        "hours",
        ChartKind::Bar,
        x,
        vec![Plot {
            label: "支付".into(),
            values,
            texts: Vec::new(),
            ..Plot::default()
        }],
    )
}

fn heads(labels: &[(&str, Align)]) -> Vec<Head> {
    labels
        .iter()
        .map(|(label, align)| Head {
            label: (*label).into(),
            align: *align,
        })
        .collect()
}

fn cells(texts: &[&str]) -> Vec<Vec<Inline>> {
    texts.iter().map(|text| vec![Inline::data(*text)]).collect()
}

fn funnel() -> Table {
    let heads = heads(&[
        ("环节", Align::Left),
        ("人数", Align::Right),
        ("转化", Align::Right),
        ("基线", Align::Right),
        ("判断", Align::Left),
    ]);
    let rows = [
        ["直播间曝光", "1,962,400", "—", "—", ""],
        ["进入直播间", "162,300", "8.27%", "8.1%", "正常"],
        ["商品曝光", "137,306", "84.6%", "84.9%", "正常"],
        ["商品点击", "68,680", "50.0%", "49.1%", "正常"],
        ["支付买家", "14,872", "3.12%*", "3.53%", "● 第一处断点"],
        ["未退款买家", "12,310", "82.8%", "83.0%", "正常"],
    ];
    let rows = rows
        .iter()
        .enumerate()
        .map(|(i, texts)| Row {
            kind: if i == 4 {
                RowKind::Marked
            } else {
                RowKind::Plain
            },
            cells: cells(texts),
            ..Row::default()
        })
        .collect();
    Table {
        title: "漏斗".into(),
        heads,
        rows,
        rest: Vec::new(),
        empty: None,
        more: None,
    }
}

/// Number, name, code, paid, change, rate, refunds, stock, verdict.
const PRODUCTS: &str = "\
1|羊毛混纺短外套 · 驼色|7731|218,400|+31%|4.9%|12.1%|6.5 天|常青
2|加绒打底裤 3 条装|5520|164,210|+212%|1.8%|38.4%|2.1 天|疑似伪爆款
3|高领针织衫|6602|121,980|−18%|2.4%|9.8%|41 天|转化走弱
4|灯芯绒半身裙|7011|98,340|+4%|3.3%|11.0%|18 天|平稳
5|保暖内衣套装|4419|87,120|+9%|3.9%|7.2%|3.0 天|将断货
6|<b>&\"{{ x }}</td> =cmd() 一个名字特别长、长到一行放不下的商品|3391|80,655|−2%|3.2%|14.6%|22 天|平稳";

fn products() -> Table {
    let mut heads = heads(&[("#", Align::Left), ("商品", Align::Left)]);
    for label in ["支付金额 ¥", "较上周", "点击-成交", "退款率 D7", "可售"] {
        heads.push(Head {
            label: label.into(),
            align: Align::Right,
        });
    }
    heads.push(Head {
        label: "判断".into(),
        align: Align::Left,
    });
    let row = |line: &str| {
        let mut texts: Vec<&str> = line.split('|').collect();
        let code = texts.remove(2);
        let mut cells = cells(&texts);
        cells[1].push(Inline {
            tone: Tone::Muted,
            ..Inline::data(format!(" {code}"))
        });
        cells[3][0].tone = if texts[3].starts_with('+') {
            Tone::Good
        } else {
            Tone::Bad
        };
        let alarming = matches!(texts[7], "疑似伪爆款" | "将断货");
        cells[7][0].tone = if alarming { Tone::Bad } else { Tone::Muted };
        Row {
            cells,
            ..Row::default()
        }
    };
    let mut rows: Vec<Row> = PRODUCTS.lines().map(row).collect();
    let total = cells(&["", "合计", "770,705", "+9%", "3.2%", "14.1%", "", ""]);
    rows.push(Row {
        kind: RowKind::Total,
        cells: total,
        ..Row::default()
    });
    let more = Some("另有 4 个商品,见附表".into());
    Table {
        title: "商品榜".into(),
        heads,
        rows,
        rest: Vec::new(),
        empty: None,
        more,
    }
}

fn channels() -> Table {
    let heads = heads(&[
        ("载体", Align::Left),
        ("支付 ¥", Align::Right),
        ("占比", Align::Right),
        ("较上周", Align::Right),
        ("退后 ROI", Align::Right),
    ]);
    let rows = [
        ["直播", "801,240", "62.4%", "+11%", "2.18"],
        ["短视频", "263,118", "20.5%", "+9%", "2.66"],
        ["商品卡", "177,402", "13.8%", "−3%", "—"],
        ["图文", "42,546", "3.3%", "+2%", "3.02"],
    ];
    let rows = rows
        .iter()
        .map(|texts| Row {
            kind: RowKind::Plain,
            cells: cells(texts),
            ..Row::default()
        })
        .collect();
    Table {
        title: "渠道结构".into(),
        heads,
        rows,
        rest: Vec::new(),
        empty: None,
        more: None,
    }
}

fn actions() -> Vec<Action> {
    let rows = [
        (
            "先停「加绒打底裤」加热,核对详情页尺码表",
            "排除:库存充足、价格未变、同类目同行平稳。退款原因 61% 为「尺码不符」。",
            "¥8.6 万/天",
            "把握 高",
        ),
        (
            "「保暖内衣套装」今日 15:40 前后断货,补 1,200 件",
            "可售 3.0 天 < 补货周期 5 天;在途 0。若今晚直播照常,预计损失 430 单。",
            "¥3.7 万",
            "把握 中",
        ),
        (
            "把 20–22 时的主推位让给「羊毛混纺短外套」",
            "该时段千次曝光成交额 ¥412,是均值的 1.9 倍,退款龄 D7 仅 12.1%。",
            "¥2.1 万",
            "把握 中",
        ),
    ];
    rows.into_iter()
        .map(|(title, reason, stake, confidence)| Action {
            title: vec![Inline::words(title)],
            reason: vec![Inline::words(reason)],
            stake: stake.into(),
            confidence: confidence.into(),
        })
        .collect()
}

fn list() -> Block {
    let items = [
        "同星期基线只有 2 个(应为 8 个),变化不作判断。",
        "退款率按支付时间归集,并标注退款龄。",
    ];
    Block::List {
        ordered: true,
        items: items
            .iter()
            .map(|text| vec![Inline::words(*text)])
            .collect(),
    }
}

fn notes() -> Vec<Inline> {
    vec![Inline::words(
        "订单 6/6 店 · 14,872 行(预期 14,100–15,900)· 罗盘直播明细 11-22 01:12 · 千川消耗 08:00 前为暂估 · 更正:11-14 退款后金额由 ¥97.8 万改为 ¥93.1 万(D0→D7)。净成交=成交−1 小时内退款;退款率按支付时间归集并标注退款龄。",
    )]
}
