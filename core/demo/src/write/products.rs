//! 抖店 商品列表: the shop's products as the back office lists them, without cost and supplier.

use super::exports::{Cut, name, windows};
use super::sheet::{Encoding, Sheet, failed};
use crate::calendar::{Calendar, DAY};
use crate::catalog::Shop;
use crate::stock::Stock;
use chenbao_model::diagnostic::Problems;
use std::path::Path;

/// Headers of the preset `doudian-products`.
const HEADERS: [&str; 11] = [
    "商品ID",
    "商品名称",
    "商家编码",
    "一级类目",
    "二级类目",
    "三级类目",
    "商品状态",
    "售价",
    "库存",
    "创建时间",
    "上架时间",
];

/// Writes the list as of the morning after the last day.
pub(crate) fn write(
    folder: &Path,
    calendar: &Calendar,
    shop: &Shop,
    stock: &Stock,
) -> Result<(), Problems> {
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    let Some(window) = windows(calendar, Cut::DailyAtLast, 15).pop_back() else {
        return Ok(());
    };
    let path = folder.join(name(calendar, &window, "商品列表"));
    let mut sheet = Sheet::create(&path, Encoding::Utf8Bom, &HEADERS)?;
    for (index, product) in shop.products.iter().enumerate() {
        let age = i64::try_from(index).unwrap_or(0) % 9;
        let listed = calendar.first * DAY + 10 * 3600 + age * 1800;
        sheet.id(product.id);
        sheet.text(&product.name);
        sheet.word(
            product
                .skus
                .first()
                .and_then(|sku| sku.code.split('-').next())
                .unwrap_or("-"),
        );
        sheet.word("服饰内衣");
        sheet.word("女装");
        sheet.word(product.category);
        sheet.word("售卖中");
        sheet.money(product.price);
        sheet.int(
            stock
                .shelves(index)
                .iter()
                .map(|shelf| shelf.available)
                .sum(),
        );
        sheet.moment(calendar, Some(listed));
        sheet.moment(calendar, Some(listed + 7200));
        sheet.end()?;
    }
    sheet.finish()
}
