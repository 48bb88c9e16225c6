//! Live sessions: room figures of the period as PV sums, and one row per session with the platform's own people.

use crate::Params;
use crate::rows::Shop;
use chenbao_plugin::{Cell, Inputs, Report, Result, Scalar, Series, Table};
use jiff::ToSpan;
use jiff::civil::Date;
use metric_kit::{Baseline, Block, percent, ratio};
use rust_decimal::Decimal;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Live {
    day: Date,
    author_name: Option<String>,
    started_at: Option<String>,
    minutes: Option<Decimal>,
    room_impressions: Option<Decimal>,
    room_impression_users: Option<Decimal>,
    views: Option<Decimal>,
    viewers: Option<Decimal>,
    product_impressions: Option<Decimal>,
    product_clicks: Option<Decimal>,
    paid_orders: Option<Decimal>,
    pay_amount: Option<Decimal>,
}

/// PV sums of the sessions that began in some days; `None` is unknown.
#[derive(Debug, Clone, Copy)]
struct Room {
    seen: Option<Decimal>,
    views: Option<Decimal>,
    orders: Option<Decimal>,
    paid: Option<Decimal>,
}

impl Room {
    fn of(lives: &[Live], block: &Block) -> Option<Self> {
        let within: Vec<&Live> = lives.iter().filter(|live| block.holds(live.day)).collect();
        let sum = |of: fn(&Live) -> Option<Decimal>| {
            within.iter().map(|live| of(live)).sum::<Option<Decimal>>()
        };
        (!within.is_empty()).then(|| Self {
            seen: sum(|live| live.room_impressions),
            views: sum(|live| live.views),
            orders: sum(|live| live.paid_orders),
            paid: sum(|live| live.pay_amount),
        })
    }

    fn value(&self, id: &str) -> Option<Decimal> {
        match id {
            "room_impressions" => self.seen,
            "views" => self.views,
            "enter_rate" => percent(self.views?, self.seen?),
            "view_to_pay" => percent(self.orders?, self.views?),
            _ => ratio(self.paid?, self.views?)?.checked_mul(Decimal::ONE_THOUSAND),
        }
    }
}

/// Id, unit and formula.
const SCALARS: [(&str, &str, &str); 5] = [
    (
        "room_impressions",
        "{view}",
        "T1: sum(lives.room_impressions), PV",
    ),
    ("views", "{view}", "T2: sum(lives.views), PV"),
    ("enter_rate", "%", "T3 in PV: views / room impressions"),
    (
        "view_to_pay",
        "%",
        "T9: paid orders of the sessions / views PV",
    ),
    (
        "pay_per_mille_views",
        "money",
        "T11: paid amount of the sessions / views PV x 1000",
    ),
];

pub(crate) fn add(
    report: &mut Report,
    inputs: &mut Inputs,
    shop: &Shop,
    params: &Params,
) -> Result<()> {
    let lives: Option<Vec<Live>> = match inputs.optional("lives") {
        Some(rows) => Some(rows.read()?),
        None => None,
    };
    let list = lives.as_deref().unwrap_or_default();
    for (id, unit, formula) in SCALARS {
        let item = Scalar::new(id, unit).formula(formula).clock("event");
        let item = if id == "pay_per_mille_views" {
            item.note("views_denominator", [])
        } else {
            item
        };
        report.add(if lives.is_some() {
            scalar(item, id, list, shop, params)
        } else {
            item.missing_of("source_absent", "", "lives")
        });
    }
    report.add(history(list, shop, lives.is_some()));
    report.add(table(list, shop, lives.is_some()));
    Ok(())
}

fn scalar(item: Scalar, id: &str, lives: &[Live], shop: &Shop, params: &Params) -> Scalar {
    let value = |block: &Block| Room::of(lives, block)?.value(id);
    let Some(now) = value(&shop.frame.now) else {
        let any = Room::of(lives, &shop.frame.now).is_some();
        return item.missing(if any { "undefined" } else { "no_rows" });
    };
    let most = params.baseline_days.min(8);
    let blocks = shop.frame.samples(most, shop.earliest());
    let base = Baseline {
        values: blocks.iter().filter_map(value).collect(),
        of: most,
    };
    let item = item
        .value(now)
        .better_up()
        .spark(&format!("live_history.{id}"))
        .compare(shop.frame.basis(), value(&shop.frame.prev));
    if shop.frame.is_day() && base.n() >= params.baseline_min {
        return item
            .compare("weekday_median", base.median())
            .n_of(base.n(), base.of);
    }
    item
}

fn history(lives: &[Live], shop: &Shop, known: bool) -> Series {
    let mut series = Series::time("live_history").shape("daily").clock("event");
    for (id, unit, _) in SCALARS {
        series = series.line(id, unit);
    }
    if !known {
        return series.missing_of("source_absent", "", "lives");
    }
    let end = shop.frame.now.end;
    let first = end.checked_sub(35.days()).unwrap_or(shop.frame.now.start);
    for day in first.series(1.day()).take_while(|day| *day < end) {
        let room = day.tomorrow().ok().and_then(|next| {
            Room::of(
                lives,
                &Block {
                    start: day,
                    end: next,
                },
            )
        });
        series.add(
            day.to_string(),
            SCALARS
                .iter()
                .map(|(id, ..)| room.and_then(|room| room.value(id))),
        );
    }
    series
}

fn table(lives: &[Live], shop: &Shop, known: bool) -> Table {
    let mut table = Table::new("lives")
        .column("started", "text", "")
        .column("author", "text", "")
        .column("minutes", "number", "1")
        .column("room_impressions", "number", "{view}")
        .column("views", "number", "{view}")
        .column("enter_rate", "number", "%")
        .column_up()
        .column_passport(
            "T3: viewers / room impression UV, the platform's own people of the session",
            "event",
        )
        .column("click_rate", "number", "%")
        .column_up()
        .column_passport("T6: product clicks PV / product impressions PV", "event")
        .column("click_to_pay", "number", "%")
        .column_up()
        .column_passport("T8: paid orders / product clicks PV", "event")
        .column("view_to_pay", "number", "%")
        .column_up()
        .column_passport("T9: paid orders / views PV", "event")
        .column("orders", "number", "{order}")
        .column("paid", "number", "money")
        .column("pay_per_mille_views", "number", "money")
        .column_passport("T11: paid amount / views PV x 1000", "event");
    if !known {
        return table.missing_of("source_absent", "", "lives");
    }
    let rate = |part: Option<Decimal>, whole: Option<Decimal>| {
        part.zip(whole)
            .and_then(|(part, whole)| percent(part, whole))
    };
    let mut any = false;
    for live in lives.iter().filter(|live| shop.frame.now.holds(live.day)) {
        any = true;
        let minute = |text: &String| text.replace('T', " ").chars().take(16).collect::<String>();
        let mille = live
            .pay_amount
            .zip(live.views)
            .and_then(|(paid, views)| ratio(paid * Decimal::ONE_THOUSAND, views));
        table.add(vec![
            live.started_at.as_ref().map(minute).into(),
            live.author_name.as_ref().into(),
            live.minutes.into(),
            live.room_impressions.into(),
            live.views.into(),
            rate(live.viewers, live.room_impression_users).into(),
            rate(live.product_clicks, live.product_impressions).into(),
            rate(live.paid_orders, live.product_clicks).into(),
            rate(live.paid_orders, live.views).into(),
            live.paid_orders.into(),
            live.pay_amount.into(),
            Cell::from(mille),
        ]);
    }
    if any { table } else { table.missing("no_rows") }
}
