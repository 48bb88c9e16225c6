//! Canonical tables: their columns, keys, and how exports of the same rows merge. Everything is read along these words.

use serde::{Deserialize, Serialize};

/// The type of a column as the lake stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// UTF-8 text; ids are texts, never numbers.
    Text,
    /// 64-bit count.
    Int,
    /// Decimal128(18, 4) in the shop's currency.
    Money,
    /// Decimal128(18, 6): rates, weights, scores.
    Num,
    /// A civil day in the shop's zone.
    Day,
    /// A wall-clock moment in the shop's zone, microseconds.
    At,
    /// Yes or no.
    Bool,
}

/// How a newer export of the same rows replaces an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Row by row: the newer `_exported_at` of a key wins, whatever the order of arrival; rows never vanish.
    ByKey,
    /// The newest export of a day replaces that day.
    ByDay,
    /// The newest export is the table.
    Whole,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name in SQL.
    pub name: String,
    /// Type.
    pub kind: Kind,
    /// Whether a row is refused without it. Only key columns and `day` are.
    pub required: bool,
    /// What it says, with unit and clock.
    pub description: String,
}

/// One canonical table. `shop_id`, `platform` and `_exported_at` are added to the columns given here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Name in SQL.
    pub name: String,
    /// What a row is.
    pub description: String,
    /// Columns that name a row within a shop.
    pub key: Vec<String>,
    /// How exports merge.
    pub merge: Merge,
    /// Columns; one of them is `day` unless the table merges `whole`.
    pub columns: Vec<Column>,
}

impl TableSchema {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The canonical table of that name.
#[must_use]
pub fn canonical(name: &str) -> Option<TableSchema> {
    ALL.iter().find(|(table, ..)| *table == name).map(build)
}

/// Names of all canonical tables, in the order of the business chain.
pub fn canonical_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, ..)| *name)
}

/// Columns that lead to a person, or that a platform's staff could lead to one, whatever table they stand in. What is frozen
/// for authors has other names in their place.
pub const PERSONAL: &[&str] = &[
    "buyer_key",
    "order_id",
    "line_id",
    "item_id",
    "refund_id",
    "review_id",
    "author_id",
    "author_name",
    "text",
];

/// Columns are written `name:kind description`, one a line; a leading `*` marks a key column, `+` a required one.
type Written = (&'static str, Merge, &'static str, &'static str);

fn build((name, merge, description, written): &Written) -> TableSchema {
    let mut key = Vec::new();
    let mut columns = Vec::new();
    for line in written
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (head, about) = line.split_once(' ').unwrap_or((line, ""));
        let bare = head.trim_start_matches(['*', '+']);
        let (column, kind) = bare.split_once(':').unwrap_or((bare, "text"));
        let kind = match kind {
            "int" => Kind::Int,
            "money" => Kind::Money,
            "num" => Kind::Num,
            "day" => Kind::Day,
            "at" => Kind::At,
            "bool" => Kind::Bool,
            _ => Kind::Text,
        };
        if head.starts_with('*') {
            key.push(column.to_owned());
        }
        let required = head.starts_with(['*', '+']);
        columns.push(Column {
            name: column.to_owned(),
            kind,
            required,
            description: about.to_owned(),
        });
    }
    TableSchema {
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        key,
        merge: *merge,
        columns,
    }
}

const ALL: &[Written] = &[
    (
        "orders",
        Merge::ByKey,
        "one row per order line",
        "*order_id:text the main order
         *line_id:text the line within it (子订单编号)
         +day:day the day of ordering; never changes for a key
         item_id:text the platform's item line id where it differs from line_id
         product_id:text product
         product_name:text title at the time of ordering
         sku_id:text SKU or seller code
         buyer_key:text buyer, hashed; null where the export has none
         ordered_at:at when it was placed
         paid_at:at when it was paid; null if it was not
         pay_amount:money user paid for this line, pay clock
         list_amount:money before discounts
         discount_platform:money borne by the platform
         discount_shop:money borne by the shop
         discount_author:money borne by the author (达人)
         qty:int units
         status:text 待支付, 待发货, 已发货, 已完成, 已关闭
         carrier:text 直播, 短视频, 商品卡, 图文 or 其他 (流量体裁)
         author_id:text author; null for the shop's own
         video_id:text video
         live_id:text live session
         province:text province of the address
         country:text country, for shops that sell abroad",
    ),
    (
        "order_buyers",
        Merge::ByKey,
        "who bought an order, from an ERP or API",
        "*order_id:text order
         +day:day the day of ordering
         buyer_key:text buyer, hashed",
    ),
    (
        "refunds",
        Merge::ByKey,
        "one row per after-sale case",
        "*refund_id:text after-sale case
         +day:day the day of application, or of the order where only that is known
         order_id:text order
         line_id:text line
         product_id:text product
         applied_at:at when it was asked for
         refunded_at:at when the money went back; null if it has not
         amount:money money back
         reason:text reason as chosen by the buyer
         stage:text before or after shipping (发货前, 发货后)
         status:text state of the case",
    ),
    (
        "traffic",
        Merge::ByDay,
        "impressions and clicks, stored at the platform's own grain; UV never adds",
        "+day:day event day
         *grain:text shop_day, carrier_day, hour, product_day or live
         *hour:int 0-23 for grain hour
         *carrier:text carrier; null for all
         *product_id:text product for grain product_day
         *live_id:text session for grain live
         product_name:text title
         impressions:int product exposures, PV
         impression_users:int product exposures, UV
         clicks:int product clicks, PV
         click_users:int product clicks, UV
         carts:int carts, PV
         cart_users:int carts, UV
         favourites:int favourites, PV
         favourite_users:int favourites, UV
         buyers:int paying buyers as the platform counts them, UV
         paid_orders:int paid orders as the platform counts them
         paid_amount:money paid amount as the platform counts it",
    ),
    (
        "lives",
        Merge::ByDay,
        "one row per live session",
        "*live_id:text session
         +day:day day it began
         author_name:text account
         started_at:at start
         ended_at:at end
         minutes:num length
         room_impressions:int room exposures, PV
         room_impression_users:int room exposures, UV
         views:int views, PV
         viewers:int viewers, UV
         product_impressions:int product exposures, PV
         product_impression_users:int product exposures, UV
         product_clicks:int product clicks, PV
         product_click_users:int product clicks, UV
         paid_orders:int orders
         buyers:int buyers, UV
         gmv:money 直播间成交金额
         pay_amount:money 直播间用户支付金额
         refund_1h:money refunds within one hour
         comments:int comments
         new_fans:int new followers
         peak_online:int PCU
         mean_online:num ACU",
    ),
    (
        "videos",
        Merge::ByDay,
        "plays of a video on a day",
        "*video_id:text video
         +day:day event day
         title:text title
         plays:int plays
         plays_3s:int plays of three seconds
         finished:int plays to the end
         likes:int likes
         comments:int comments
         shares:int shares
         new_fans:int new followers
         clicks:int product clicks
         pay_amount:money paid",
    ),
    (
        "ads",
        Merge::ByDay,
        "spend of an advertising plan on a day",
        "*plan_id:text plan
         +day:day billing day
         plan_name:text name
         product_id:text product
         spend:money 消耗
         shows:int impressions
         clicks:int clicks
         paid_orders:int attributed paid orders
         paid_amount:money attributed paid amount
         provisional:bool whether the platform may still change it",
    ),
    (
        "products",
        Merge::Whole,
        "what the shop knows about a product",
        "*product_id:text product
         product_name:text title
         category:text category
         supplier:text supplier
         cost:money unit cost
         list_price:money list price
         lead_time:int days from order to receipt
         listed_on:day first on sale",
    ),
    (
        "inventory",
        Merge::ByDay,
        "stock of a SKU in a warehouse, a snapshot: never summed over days",
        "*product_id:text product
         *sku_id:text SKU
         *warehouse:text warehouse
         +day:day snapshot day
         on_hand:int on hand
         available:int free to sell
         in_transit:int ordered, not yet received",
    ),
    (
        "shipments",
        Merge::ByKey,
        "promise and fact of shipping an order",
        "*order_id:text order
         +day:day day of ordering
         promised_at:at promise
         shipped_at:at shipped
         delivered_at:at delivered",
    ),
    (
        "purchases",
        Merge::ByKey,
        "orders to suppliers",
        "*purchase_id:text purchase
         *product_id:text product
         +day:day day of ordering
         supplier:text supplier
         promised_on:day promise
         received_on:day receipt
         qty:int ordered
         received_qty:int received
         loss_qty:int lost or refused
         amount:money cost",
    ),
    (
        "fees",
        Merge::ByDay,
        "fees by kind",
        "*kind:text kind\n+day:day day\namount:money amount, positive is cost",
    ),
    (
        "service",
        Merge::ByDay,
        "customer service and experience scores",
        "+day:day day
         sessions:int sessions
         first_response_seconds:num mean first response
         dissatisfied:int dissatisfied sessions
         score:num experience score
         score_product:num product part
         score_logistics:num logistics part
         score_service:num service part
         scale:text version of the scale",
    ),
    (
        "audience",
        Merge::ByDay,
        "people by dimension",
        "+day:day day\n*dimension:text dimension\n*bucket:text bucket\nusers:int people, UV",
    ),
    (
        "targets",
        Merge::Whole,
        "plans: a figure for a period",
        "*period:text period as written\n*metric:text metric\n*owner:text owner\nvalue:money plan",
    ),
    (
        "reviews",
        Merge::ByKey,
        "reviews",
        "*review_id:text review
         +day:day day of the review
         order_id:text order
         product_id:text product
         score:int score
         text:text words",
    ),
    (
        "campaigns",
        Merge::Whole,
        "campaign days, from config",
        "*campaign_id:text campaign\n*phase:text phase\nname:text name\ntype:text type\nstarts_on:day first day\nends_on:day last day\nplan:money planned paid amount",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_declares_a_key_and_a_day() {
        for name in canonical_names() {
            let table = canonical(name).unwrap();
            let has_day = table
                .column("day")
                .is_some_and(|c| c.kind == Kind::Day && c.required);
            assert_eq!(has_day, table.merge != Merge::Whole, "{name}");
            assert!(
                !table.key.is_empty() || table.merge == Merge::ByDay,
                "{name}"
            );
            assert!(
                table.columns.iter().all(|c| !c.description.is_empty()),
                "{name}"
            );
        }
    }
}
