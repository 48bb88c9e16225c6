//! 抖店 库存快照: every SKU at the end of a day.

use super::sheet::Sheet;
use crate::catalog::Shop;
use crate::stock::Stock;
use chenbao_model::diagnostic::Problems;

/// Headers of the preset `doudian-inventory`.
pub(crate) const HEADERS: [&str; 11] = [
    "日期",
    "商品ID",
    "商品名称",
    "规格ID",
    "规格名称",
    "商家编码",
    "仓库名称",
    "现货库存",
    "可售库存",
    "占用库存",
    "在途库存",
];

/// Writes a day's snapshot.
pub(crate) fn write(
    sheet: &mut Sheet,
    date: &str,
    shop: &Shop,
    stock: &Stock,
) -> Result<(), Problems> {
    for (index, product) in shop.products.iter().enumerate() {
        for (sku, shelf) in product.skus.iter().zip(stock.shelves(index)) {
            sheet.word(date);
            sheet.id(product.id);
            sheet.text(&product.name);
            sheet.id(sku.id);
            sheet.word(&sku.variant);
            sheet.word(&sku.code);
            sheet.word("杭州仓");
            for count in [
                shelf.available + shelf.reserved,
                shelf.available,
                shelf.reserved,
                shelf.in_transit(),
            ] {
                sheet.int(count);
            }
            sheet.end()?;
        }
    }
    Ok(())
}
