//! What the shops sell: products, SKUs, prices, suppliers, and how well each converts and comes back.

use crate::random::{Purpose, mix, stream};

/// Carriers in the order of every table here.
pub(crate) const CARRIERS: [&str; 4] = ["直播", "短视频", "商品卡", "图文"];
/// 直播.
pub(crate) const LIVE: usize = 0;
/// 短视频.
pub(crate) const VIDEO: usize = 1;

/// Clicks per million impressions, by carrier.
pub(crate) const CTR: [i64; 4] = [110_000, 45_000, 65_000, 38_000];
/// Paid orders per million clicks, by carrier.
pub(crate) const CVR: [i64; 4] = [65_000, 32_000, 52_000, 24_000];

/// A shop of the demo.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    /// Number in random streams and ids.
    pub number: u64,
    /// Id in the config and folder name.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// Orders out of a thousand of all shops.
    pub share: i64,
    /// Products, best seller first.
    pub products: Vec<Product>,
}

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// Nineteen digits.
    pub id: i64,
    /// Title.
    pub name: String,
    /// Category.
    pub category: &'static str,
    /// Supplier.
    pub supplier: &'static str,
    /// Price in fen.
    pub price: i64,
    /// Cost in fen.
    pub cost: i64,
    /// Days from order to receipt.
    pub lead_time: i64,
    /// Millionths of the shop's orders.
    pub share: i64,
    /// Thousandths of the product's orders by carrier.
    pub carriers: [i64; 4],
    /// Click rate against the carrier's, in thousandths.
    pub ctr: i64,
    /// Conversion against the carrier's, in thousandths.
    pub cvr: i64,
    /// Refunded lines out of a thousand.
    pub refunds: i64,
    /// Bought impressions out of a thousand in 直播 and 短视频; 0 has no plan.
    pub ads: i64,
    /// SKUs.
    pub skus: Vec<Sku>,
}

/// A colour in a size.
#[derive(Debug, Clone)]
pub(crate) struct Sku {
    /// Nineteen digits.
    pub id: i64,
    /// Seller code.
    pub code: String,
    /// Colour and size.
    pub variant: String,
    /// Thousandths of the product's units.
    pub weight: i64,
}

/// Noun, category, price in yuan, refunds out of a thousand.
const KINDS: [(&str, &str, i64, i64); 20] = [
    ("羽绒服", "羽绒服", 299, 150),
    ("羊毛大衣", "毛呢外套", 359, 190),
    ("针织连衣裙", "连衣裙", 169, 210),
    ("高腰阔腿裤", "休闲裤", 119, 140),
    ("加绒卫衣", "卫衣", 99, 90),
    ("牛仔外套", "外套", 159, 160),
    ("百褶半身裙", "半身裙", 109, 170),
    ("打底衫", "T恤", 59, 70),
    ("西装外套", "外套", 229, 220),
    ("毛衣开衫", "针织衫", 139, 130),
    ("直筒牛仔裤", "牛仔裤", 129, 180),
    ("泡泡袖衬衫", "衬衫", 89, 150),
    ("针织马甲", "针织衫", 79, 110),
    ("家居服套装", "家居服", 119, 60),
    ("派克服", "棉衣", 259, 170),
    ("鲨鱼裤", "打底裤", 69, 80),
    ("茶歇连衣裙", "连衣裙", 149, 230),
    ("羊羔绒外套", "外套", 189, 140),
    ("高领毛衣", "针织衫", 109, 120),
    ("工装裤", "休闲裤", 139, 150),
];
const MANNERS: [&str; 12] = [
    "轻暖连帽",
    "法式复古",
    "通勤显瘦",
    "加厚宽松",
    "韩版简约",
    "小个子",
    "大码藏肉",
    "新中式",
    "美式休闲",
    "学院风",
    "慵懒风",
    "气质名媛",
];
const SUPPLIERS: [&str; 6] = [
    "杭州锦裳服饰",
    "桐乡云织针织",
    "广州尚典制衣",
    "嘉兴暖羽服饰",
    "常熟衣路纺织",
    "东莞百纫服装",
];
const COLOURS: [(&str, &str); 6] = [
    ("黑色", "BK"),
    ("米白", "WH"),
    ("焦糖", "CM"),
    ("雾蓝", "BL"),
    ("燕麦", "OT"),
    ("酒红", "RD"),
];
const SIZES: [(&str, i64); 4] = [("S", 210), ("M", 340), ("L", 290), ("XL", 160)];

/// Titles that pages must show literally: markup, a formula, a face that few fonts have. They sell little.
const ODD: [&str; 3] = [
    "<b>加绒&\"{{ x }}</td>",
    "=cmd()|' /C calc'!A0",
    "软糯羊绒围巾🧣冬日限定",
];

/// The product whose conversion breaks.
pub(crate) const BREAK: usize = 0;
/// The product that runs out.
pub(crate) const STOCK_OUT: usize = 2;
/// The product that becomes a 伪爆款.
pub(crate) const HIT: usize = 8;

/// The shops of a demo, larger first.
pub(crate) fn shops(seed: u64, count: u8, (large, small): (usize, usize)) -> Vec<Shop> {
    let alone = count == 1;
    let mut shops = vec![Shop {
        number: 1,
        id: "flagship",
        name: "示例女装旗舰店",
        share: if alone { 1000 } else { 780 },
        products: products(seed, 1, large),
    }];
    if !alone {
        shops.push(Shop {
            number: 2,
            id: "outlet",
            name: "示例女装二店",
            share: 220,
            products: products(seed, 2, small),
        });
    }
    shops
}

fn products(seed: u64, shop: u64, count: usize) -> Vec<Product> {
    // Shares fall like 1 / (rank + 1.5), in integers. The flagship lives on its best seller; a best seller takes the rounding.
    let ranks = 0..i64::try_from(count).unwrap_or(0);
    let mut weights: Vec<i64> = ranks.map(|rank| 10_000_000 / (10 * rank + 15)).collect();
    if let (1, Some((best, others))) = (shop, weights.split_first_mut()) {
        *best = others.iter().sum::<i64>() * 36 / 64;
    }
    let total: i64 = weights.iter().sum();
    let mut products: Vec<Product> = weights
        .iter()
        .enumerate()
        .map(|(index, weight)| product(seed, shop, index, weight * 1_000_000 / total))
        .collect();
    let rest = 1_000_000 - products.iter().map(|product| product.share).sum::<i64>();
    if let Some(best) = products.first_mut() {
        best.share += rest;
    }
    if shop == 1 {
        for (product, title) in products.iter_mut().rev().zip(ODD) {
            title.clone_into(&mut product.name);
        }
    }
    products
}

fn product(seed: u64, shop: u64, index: usize, share: i64) -> Product {
    let rank = u64::try_from(index).unwrap_or(0);
    let mut rng = stream(seed, Purpose::Product, &[shop, rank]);
    let kind = (index + if shop == 2 { 7 } else { 0 }) % KINDS.len();
    let (noun, category, yuan, refunds) = KINDS[kind];
    let manner =
        MANNERS[(index * 5 + index / KINDS.len() + usize::from(shop == 2)) % MANNERS.len()];
    let price = yuan * 100 - if rng.bool() { 0 } else { 10 };
    Product {
        id: nineteen(37, mix(&[seed, shop, rank]), shop * 1000 + rank),
        name: format!("{manner}{noun}"),
        category,
        supplier: SUPPLIERS[kind % SUPPLIERS.len()],
        price,
        cost: price * rng.i64(330..470) / 1000,
        lead_time: 7 + rng.i64(0..9),
        share,
        carriers: carriers(shop, index),
        ctr: rng.i64(920..1080),
        cvr: rng.i64(940..1060),
        refunds: refunds + rng.i64(-15..15),
        ads: if index < 12 { rng.i64(140..260) } else { 0 },
        skus: skus(seed, shop, rank),
    }
}

/// Who sells where: the best seller lives in live rooms.
fn carriers(shop: u64, index: usize) -> [i64; 4] {
    match (shop, index) {
        (1, BREAK) => [820, 90, 70, 20],
        (_, index) if index % 3 == 1 => [430, 300, 200, 70],
        (_, index) if index % 3 == 2 => [540, 200, 200, 60],
        _ => [500, 240, 190, 70],
    }
}

fn skus(seed: u64, shop: u64, rank: u64) -> Vec<Sku> {
    let letter = if shop == 1 { 'F' } else { 'O' };
    let start = usize::try_from(rank).unwrap_or(0);
    let mut skus = Vec::new();
    for (colour, share) in [(start, 600), (start + 2, 400)] {
        let (colour, code) = COLOURS[colour % COLOURS.len()];
        for (size, weight) in SIZES {
            let number = u64::try_from(skus.len()).unwrap_or(0);
            skus.push(Sku {
                id: nineteen(
                    17,
                    mix(&[seed, shop, rank, number]),
                    (shop * 1000 + rank) * 10 + number,
                ),
                code: format!("{letter}{rank:03}-{code}-{size}"),
                variant: format!("{colour};{size}"),
                weight: weight * share / 1000,
            });
        }
    }
    skus
}

/// A platform-like id of nineteen digits: two digits of kind, eleven that look random, six that make it unique.
pub(crate) fn nineteen(kind: i64, noise: u64, unique: u64) -> i64 {
    let noise = i64::try_from(noise % 100_000_000_000).unwrap_or(0);
    let unique = i64::try_from(unique % 1_000_000).unwrap_or(0);
    kind * 100_000_000_000_000_000 + noise * 1_000_000 + unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_catalogue_has_unique_ids_and_whole_shares() {
        for shop in shops(5, 2, (120, 40)) {
            let ids: BTreeSet<i64> = shop.products.iter().map(|p| p.id).collect();
            let names: BTreeSet<&str> = shop.products.iter().map(|p| p.name.as_str()).collect();
            assert_eq!(
                (ids.len(), names.len()),
                (shop.products.len(), shop.products.len())
            );
            assert_eq!(
                shop.products.iter().map(|p| p.share).sum::<i64>(),
                1_000_000
            );
            for product in &shop.products {
                assert_eq!(product.carriers.iter().sum::<i64>(), 1000);
                assert_eq!(product.skus.iter().map(|s| s.weight).sum::<i64>(), 1000);
                assert_eq!(product.id.to_string().len(), 19);
            }
        }
    }

    #[test]
    fn hostile_titles_are_there_and_sell_little() {
        let shop = &shops(5, 1, (18, 10))[0];
        for title in ODD {
            let product = shop.products.iter().find(|p| p.name == title).unwrap();
            assert!(product.share < 25_000, "{title}: {}", product.share);
        }
    }
}
