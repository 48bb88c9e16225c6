//! 巨量千川 标准计划日报: one plan for each advertised product.

use super::sheet::Sheet;
use crate::catalog::Shop;
use crate::simulate::Ad;
use chenbao_model::diagnostic::Problems;

/// Headers of the preset `qianchuan-ads`.
pub(crate) const HEADERS: [&str; 28] = [
    "推广类型",
    "账户名称",
    "账户ID",
    "计划ID",
    "计划名称",
    "商品ID",
    "商品名称",
    "抖音号ID",
    "抖音号名称",
    "日期",
    "消耗(元)",
    "展示次数",
    "点击率(%)",
    "点击次数",
    "转化数",
    "转化率(%)",
    "转化成本(元)",
    "7日总支付ROI",
    "直接成交订单数",
    "直接成交金额(元)",
    "直接支付ROI",
    "直接下单订单数",
    "直接下单金额(元)",
    "直接下单ROI",
    "7日间接成交金额(元)",
    "播放数",
    "3s播放数",
    "播放完成数",
];

/// Writes a plan's day.
pub(crate) fn write(sheet: &mut Sheet, date: &str, shop: &Shop, ad: &Ad) -> Result<(), Problems> {
    let product = &shop.products[ad.product];
    let rank = i64::try_from(ad.product).unwrap_or(0);
    let number = i64::try_from(shop.number).unwrap_or(1);
    let placed = (ad.orders * 106 / 100, ad.amount * 106 / 100);
    let indirect = ad.amount * 12 / 100;
    sheet.word("商品推广");
    sheet.word(shop.name);
    sheet.id(1_720_000_000_000_000 + number);
    sheet.id(1_780_000_000_000_000 + number * 1000 + rank);
    sheet.text(&format!("{}-日常投放", product.name));
    sheet.id(product.id);
    sheet.text(&product.name);
    sheet.id(58_000_000_000 + number);
    sheet.word(shop.name);
    sheet.word(date);
    sheet.money(ad.spend);
    sheet.int(ad.shows);
    sheet.ratio(ad.clicks, ad.shows, "%");
    sheet.int(ad.clicks);
    sheet.int(ad.orders);
    sheet.ratio(ad.orders, ad.clicks, "%");
    sheet.ratio(ad.spend, ad.orders * 100, "");
    sheet.ratio(ad.amount + indirect, ad.spend, "");
    sheet.int(ad.orders);
    sheet.money(ad.amount);
    sheet.ratio(ad.amount, ad.spend, "");
    sheet.int(placed.0);
    sheet.money(placed.1);
    sheet.ratio(placed.1, ad.spend, "");
    sheet.money(indirect);
    for plays in [ad.shows, ad.shows * 41 / 100, ad.shows * 12 / 100] {
        sheet.int(plays);
    }
    sheet.end()
}
