//! RFM: quintile scores as the R package rfm cuts them, and eight segments by which scores are high.

use crate::Params;
use crate::spots::{Scores, Spot, scores};
use chenbao_plugin::{Arg, Cell, Finding, Report, Table};
use metric_kit::{Frame, percent, ratio};
use rust_decimal::Decimal;

/// A spot with its scores.
type Row = (Spot, Scores);

/// Segments by recency, frequency and money being high; the order of the table.
const SEGMENTS: [(&str, [bool; 3]); 8] = [
    ("champion", [true, true, true]),
    ("keep", [false, true, true]),
    ("grow", [true, false, true]),
    ("rescue", [false, false, true]),
    ("plain_champion", [true, true, false]),
    ("plain_keep", [false, true, false]),
    ("plain_grow", [true, false, false]),
    ("plain_rescue", [false, false, false]),
];

/// Sums of a group of buyers.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    buyers: Decimal,
    paid: Decimal,
    orders: Decimal,
    recency: Decimal,
}

impl Group {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        rows.fold(Self::default(), |sum, row| Self {
            buyers: sum.buyers + Decimal::from(row.0.buyers),
            paid: sum.paid + row.0.money * Decimal::from(row.0.buyers),
            orders: sum.orders + row.0.frequency * Decimal::from(row.0.buyers),
            recency: sum.recency + row.0.recency * Decimal::from(row.0.buyers),
        })
    }
}

pub(crate) fn add(report: &mut Report, spots: Vec<Spot>, frame: &Frame, params: &Params) {
    let scored = scores(&spots);
    let rows: Vec<Row> = spots.into_iter().zip(scored).collect();
    let high = |(_, s): &Row| [s.r, s.f, s.m].map(|score| score >= params.rfm_high);
    let groups: Vec<(&str, Group)> = SEGMENTS
        .iter()
        .map(|(key, wanted)| {
            (
                *key,
                Group::of(rows.iter().filter(|row| high(row) == *wanted)),
            )
        })
        .collect();
    report.add(segments(&groups, &Group::of(rows.iter())));
    report.add(ranges(&rows));
    let day = frame.now.end.yesterday().unwrap_or(frame.now.start);
    let args = [
        ("high", Arg::new(params.rfm_high, "")),
        ("day", Arg::text(day.to_string())),
    ];
    report.quality("info", "rfm_definition", args, &["rfm", "rfm_scores"]);
    if !frame.is_day() {
        add_win_back(report, &groups, params);
    }
}

fn segments(groups: &[(&str, Group)], all: &Group) -> Table {
    let mut table = Table::new("rfm")
        .column("segment", "text", "")
        .column("buyers", "number", "{buyer}")
        .column("share", "number", "%")
        .column("paid", "number", "money")
        .column_passport("sum(pay_amount) of all time", "pay")
        .column("paid_share", "number", "%")
        .column("recency", "number", "d")
        .column_passport(
            "mean days from the last paid day to the period's last day",
            "pay",
        )
        .column("orders", "number", "1")
        .column("value", "number", "money")
        .column_passport("paid / buyers", "pay");
    let line = |key: &str, group: &Group| {
        vec![
            Cell::key(key),
            group.buyers.into(),
            percent(group.buyers, all.buyers).into(),
            group.paid.into(),
            percent(group.paid, all.paid).into(),
            ratio(group.recency, group.buyers).into(),
            ratio(group.orders, group.buyers).into(),
            ratio(group.paid, group.buyers).into(),
        ]
    };
    if all.buyers.is_zero() {
        return table.missing("no_rows");
    }
    for (key, group) in groups.iter().filter(|(_, group)| !group.buyers.is_zero()) {
        table.add(line(key, group));
    }
    table.add(line("total", all));
    table.total_row()
}

/// What each score means in this shop: the range of values and how many buyers have it.
fn ranges(rows: &[Row]) -> Table {
    let mut table = Table::new("rfm_scores").column("score", "number", "1");
    for name in ["recency", "frequency", "money"] {
        table = table.column(&format!("{name}_range"), "text", "").column(
            &format!("{name}_buyers"),
            "number",
            "{buyer}",
        );
    }
    if rows.is_empty() {
        return table.missing("no_rows");
    }
    for score in (1..=5_u32).rev() {
        let r = range(rows, |(spot, s)| (s.r == score).then_some(spot.recency));
        let f = range(rows, |(spot, s)| (s.f == score).then_some(spot.frequency));
        let m = range(rows, |(spot, s)| (s.m == score).then_some(spot.money));
        let [mut cells, f, m] = [r, f, m];
        cells.insert(0, score.into());
        cells.extend(f);
        cells.extend(m);
        table.add(cells);
    }
    table
}

/// Lowest to highest value of a score, and its buyers; ties may leave a score empty.
fn range(rows: &[Row], of: impl Fn(&Row) -> Option<Decimal>) -> Vec<Cell> {
    let hit: Vec<(Decimal, i64)> = rows
        .iter()
        .filter_map(|row| Some((of(row)?, row.0.buyers)))
        .collect();
    let low = hit.iter().map(|(value, _)| *value).min();
    let high = hit.iter().map(|(value, _)| *value).max();
    let text = low
        .zip(high)
        .map(|(low, high)| format!("{}–{}", low.normalize(), high.normalize()));
    vec![
        text.into(),
        hit.iter().map(|(_, buyers)| buyers).sum::<i64>().into(),
    ]
}

/// Those who buy often and much but have stayed away.
fn add_win_back(report: &mut Report, groups: &[(&str, Group)], params: &Params) {
    let Some((key, group)) = groups.iter().find(|(key, _)| *key == "keep") else {
        return;
    };
    let Some(days) =
        ratio(group.recency, group.buyers).filter(|_| group.buyers >= Decimal::from(params.n_min))
    else {
        return;
    };
    report.add(
        Finding::new("win_back")
            .severity("info")
            .key_arg("segment", key)
            .arg("buyers", group.buyers, "{buyer}")
            .arg("paid", group.paid, "money")
            .arg("recency", days.round_dp(0), "d")
            .confidence(0.5)
            .controllability(0.7)
            .excluded("recency_only", [])
            .action("win_back", [("segment", Arg::key(key))])
            .evidence("rfm"),
    );
}
