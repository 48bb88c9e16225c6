//! 抖音电商罗盘: the funnel of a day at four grains, in one sheet.

use super::sheet::Sheet;
use crate::catalog::{CARRIERS, Product, Shop};
use crate::simulate::Day;
use crate::traffic::People;
use chenbao_model::diagnostic::Problems;

/// Headers of the preset `compass-traffic`.
pub(crate) const HEADERS: [&str; 16] = [
    "日期",
    "小时",
    "载体",
    "商品ID",
    "商品名称",
    "商品曝光人数",
    "商品曝光次数",
    "商品点击人数",
    "商品点击次数",
    "加购人数",
    "加购次数",
    "收藏人数",
    "收藏次数",
    "成交人数",
    "成交订单数",
    "用户支付金额",
];

/// Writes all rows of a day.
pub(crate) fn write(sheet: &mut Sheet, date: &str, shop: &Shop, day: &Day) -> Result<(), Problems> {
    let traffic = &day.traffic;
    row(sheet, date, Place::default(), &traffic.shop())?;
    for (carrier, people) in CARRIERS.iter().zip(traffic.by_carrier()) {
        row(
            sheet,
            date,
            Place {
                carrier: Some(carrier),
                ..Place::default()
            },
            &people,
        )?;
    }
    for (hour, people) in (0..).zip(traffic.by_hour()) {
        row(
            sheet,
            date,
            Place {
                hour: Some(hour),
                ..Place::default()
            },
            &people,
        )?;
    }
    for (index, people) in traffic.by_product().iter().enumerate() {
        let product = Some(&shop.products[index]);
        row(
            sheet,
            date,
            Place {
                product,
                ..Place::default()
            },
            people,
        )?;
    }
    for (cell, people) in traffic.by_cell().iter().enumerate() {
        let product = Some(&shop.products[cell / CARRIERS.len()]);
        let carrier = Some(CARRIERS[cell % CARRIERS.len()]);
        row(
            sheet,
            date,
            Place {
                hour: None,
                carrier,
                product,
            },
            people,
        )?;
    }
    Ok(())
}

/// What a row is about; nothing at all is the shop's day.
#[derive(Debug, Clone, Copy, Default)]
struct Place<'a> {
    hour: Option<i64>,
    carrier: Option<&'a str>,
    product: Option<&'a Product>,
}

fn row(sheet: &mut Sheet, date: &str, place: Place<'_>, people: &People) -> Result<(), Problems> {
    let [saw, clicked, carted, kept, paid] = people.users;
    sheet.word(date);
    match place.hour {
        Some(hour) => sheet.int(hour),
        None => sheet.word("-"),
    }
    sheet.word(place.carrier.unwrap_or("整体"));
    match place.product {
        Some(product) => {
            sheet.id(product.id);
            sheet.text(&product.name);
        }
        None => sheet.nothing(2, "-"),
    }
    let counts = &people.counts;
    for count in [
        saw,
        counts.impressions,
        clicked,
        counts.clicks,
        carted,
        people.carts,
        kept,
        people.favourites,
        paid,
        counts.orders,
    ] {
        sheet.int(count);
    }
    sheet.money(counts.amount);
    sheet.end()
}
