//! 抖店 订单导出, both generations: the 75 columns of 2026 and the 74 before them.

use super::places::PLACES;
use super::sheet::Sheet;
use crate::calendar::{Calendar, DAY};
use crate::catalog::{CARRIERS, Product, Shop};
use crate::orders::{Line, Order};
use crate::random::mix;
use chenbao_model::diagnostic::Problems;

/// What a column says.
#[derive(Debug, Clone, Copy)]
enum Cell {
    OrderId,
    LineId,
    Payment,
    Title,
    Variant,
    ProductId,
    SkuCode,
    Qty,
    Unit,
    Placed,
    Paid,
    Finished,
    Promised,
    Shipped,
    App,
    Status,
    Cancelled,
    AfterSale,
    Kind,
    Payable,
    Zero,
    Offers,
    PlatformOffer,
    ShopOffer,
    AuthorOffer,
    Receiver,
    Phone,
    Province,
    City,
    District,
    Street,
    Address,
    Parcel,
    AuthorId,
    AuthorName,
    Source,
    Warehouse,
    Safe,
    AdChannel,
    Paying,
    Carrier,
    Channel,
    Sender,
    No,
    Dash,
    Empty,
}

use Cell::{AdChannel, AfterSale};
use Cell::{
    Address, App, AuthorId, AuthorName, AuthorOffer, Cancelled, Carrier, Channel, City, Dash,
    District, Empty, Finished, Kind, LineId, No, Offers, OrderId, Paid, Parcel, Payable, Paying,
    Payment, Phone, Placed, PlatformOffer, ProductId, Promised, Province, Qty, Receiver, Safe,
    Sender, Shipped, ShopOffer, SkuCode, Source, Status, Street, Title, Unit, Variant, Warehouse,
    Zero,
};

/// A generation of the template: headers and what stands below them.
pub(crate) struct Template {
    /// Headers.
    pub headers: Vec<&'static str>,
    cells: Vec<Cell>,
}

const NEW: [(&str, Cell); 75] = [
    ("主订单编号", OrderId),
    ("子订单编号", LineId),
    ("支付方式", Payment),
    ("选购商品", Title),
    ("货号", Variant),
    ("商品ID", ProductId),
    ("商家编码", SkuCode),
    ("商品数量", Qty),
    ("商品金额", Unit),
    ("订单提交时间", Placed),
    ("支付完成时间", Paid),
    ("订单完成时间", Finished),
    ("承诺发货时间", Promised),
    ("预约发货时间", Dash),
    ("买家留言", Empty),
    ("旗帜颜色", Empty),
    ("商家备注", Empty),
    ("APP渠道", App),
    ("订单状态", Status),
    ("取消原因", Cancelled),
    ("售后状态", AfterSale),
    ("订单类型", Kind),
    ("发货时间", Shipped),
    ("车型", Empty),
    ("是否是以旧换新", No),
    ("换新额外补贴", Zero),
    ("换新额外补贴发放状态", Dash),
    ("订单应付金额", Payable),
    ("运费", Zero),
    ("优惠总金额", Offers),
    ("平台优惠", PlatformOffer),
    ("商家优惠", ShopOffer),
    ("达人优惠", AuthorOffer),
    ("商家改价", Zero),
    ("支付优惠", Zero),
    ("手续费", Zero),
    ("红包抵扣", Zero),
    ("降价类优惠", Zero),
    ("平台实际承担优惠金额", PlatformOffer),
    ("商家实际承担优惠金额", ShopOffer),
    ("达人实际承担优惠金额", AuthorOffer),
    ("收件人", Receiver),
    ("收件人手机号", Phone),
    ("省", Province),
    ("市", City),
    ("区", District),
    ("街道", Street),
    ("详细地址", Address),
    ("是否修改过地址", No),
    ("快递信息", Parcel),
    ("序列号", Empty),
    ("达人ID", AuthorId),
    ("达人昵称", AuthorName),
    ("拼团订单团编号", Dash),
    ("商品单价是否含税", No),
    ("税费", Zero),
    ("鲁班落地页ID", Dash),
    ("所属门店ID", Dash),
    ("流量来源", Source),
    ("仓库ID", Dash),
    ("仓库名称", Warehouse),
    ("是否安心购", Safe),
    ("广告渠道", AdChannel),
    ("流量类型", Paying),
    ("流量体裁", Carrier),
    ("流量渠道", Channel),
    ("发货主体", Sender),
    ("发货主体明细", Dash),
    ("教育优惠", Zero),
    ("预计送达时间", Dash),
    ("是否平台仓自流转", No),
    ("是否是渠道商品", No),
    ("预约送达时间", Dash),
    ("建议发货时间（起）", Dash),
    ("建议发货时间（止）", Dash),
];

const OLD: [(&str, Cell); 74] = [
    ("主订单编号", OrderId),
    ("子订单编号", LineId),
    ("选购商品", Title),
    ("商品规格", Variant),
    ("商品数量", Qty),
    ("商品ID", ProductId),
    ("商家编码", SkuCode),
    ("商品单价", Unit),
    ("订单应付金额", Payable),
    ("运费", Zero),
    ("优惠总金额", Offers),
    ("平台优惠", PlatformOffer),
    ("商家优惠", ShopOffer),
    ("达人优惠", AuthorOffer),
    ("商家改价", Zero),
    ("支付优惠", Zero),
    ("红包抵扣", Zero),
    ("支付方式", Payment),
    ("手续费", Zero),
    ("收件人", Receiver),
    ("收件人手机号", Phone),
    ("省", Province),
    ("市", City),
    ("区", District),
    ("街道", Street),
    ("详细地址", Address),
    ("是否修改过地址", No),
    ("地址修改时段", Dash),
    ("买家留言", Empty),
    ("订单提交时间", Placed),
    ("旗帜颜色", Empty),
    ("商家备注", Empty),
    ("订单完成时间", Finished),
    ("支付完成时间", Paid),
    ("APP渠道", App),
    ("流量来源", Source),
    ("订单状态", Status),
    ("承诺发货时间", Promised),
    ("订单类型", Kind),
    ("鲁班落地页ID", Dash),
    ("达人ID", AuthorId),
    ("达人昵称", AuthorName),
    ("所属门店ID", Dash),
    ("售后状态", AfterSale),
    ("取消原因", Cancelled),
    ("预约发货时间", Dash),
    ("仓库ID", Dash),
    ("仓库名称", Warehouse),
    ("序列号", Empty),
    ("是否安心购", Safe),
    ("广告渠道", AdChannel),
    ("流量类型", Paying),
    ("流量体裁", Carrier),
    ("流量渠道", Channel),
    ("发货主体", Sender),
    ("发货主体明细", Dash),
    ("发货时间", Shipped),
    ("降价类优惠", Zero),
    ("平台实际承担优惠金额", PlatformOffer),
    ("商家实际承担优惠金额", ShopOffer),
    ("达人实际承担优惠金额", AuthorOffer),
    ("预计送达时间", Dash),
    ("是否平台仓自流转", No),
    ("车型", Empty),
    ("商品69码", Empty),
    ("发货SN码", Empty),
    ("发货IMEI码1", Empty),
    ("发货IMEI码2", Empty),
    ("预约送达时间", Dash),
    ("建议发货时间（起）", Dash),
    ("建议发货时间（止）", Dash),
    ("物流SN码", Empty),
    ("物流IMEI码1", Empty),
    ("物流IMEI码2", Empty),
];

const AUTHORS: [(i64, &str); 5] = [
    (98_412_377_105, "穿搭日记本"),
    (71_553_048_216, "小鹿爱穿搭"),
    (60_927_715_438, "衣橱研究所"),
    (84_106_629_953, "大码女孩也美"),
    (55_730_182_664, "通勤姐姐"),
];
const PAYMENTS: [&str; 4] = ["支付宝", "微信", "抖音支付", "银行卡"];
const APPS: [&str; 3] = ["抖音", "抖音极速版", "抖音商城"];

impl Template {
    /// The 75 columns of 2026.
    pub(crate) fn new() -> Self {
        Self {
            headers: NEW.iter().map(|(title, _)| *title).collect(),
            cells: NEW.iter().map(|(_, cell)| *cell).collect(),
        }
    }

    /// The 74 columns before it.
    pub(crate) fn old() -> Self {
        Self {
            headers: OLD.iter().map(|(title, _)| *title).collect(),
            cells: OLD.iter().map(|(_, cell)| *cell).collect(),
        }
    }
}

/// A line of an order as an export of `moment` shows it.
pub(crate) struct Row<'a> {
    /// The history's dates.
    pub calendar: &'a Calendar,
    /// The shop.
    pub shop: &'a Shop,
    /// The order.
    pub order: &'a Order,
    /// The line.
    pub line: &'a Line,
    /// When the export is made.
    pub moment: i64,
}

impl Row<'_> {
    /// Writes the row.
    pub(crate) fn write(&self, sheet: &mut Sheet, template: &Template) -> Result<(), Problems> {
        for cell in &template.cells {
            self.cell(sheet, *cell);
        }
        sheet.end()
    }

    fn product(&self) -> &Product {
        &self.shop.products[self.order.cell / CARRIERS.len()]
    }

    fn noise(&self, salt: u64) -> u64 {
        mix(&[self.order.id.unsigned_abs(), salt])
    }

    fn pick<'t>(&self, salt: u64, words: &[&'t str]) -> &'t str {
        let count = u64::try_from(words.len()).unwrap_or(1);
        words[usize::try_from(self.noise(salt) % count).unwrap_or(0)]
    }

    fn cell(&self, sheet: &mut Sheet, cell: Cell) {
        let (order, line) = (self.order, self.line);
        match cell {
            OrderId => sheet.id(order.id),
            LineId => sheet.id(line.id),
            ProductId => sheet.id(self.product().id),
            Title => sheet.text(&self.product().name),
            Variant => sheet.word(&self.product().skus[line.sku].variant),
            SkuCode => sheet.word(&self.product().skus[line.sku].code),
            Qty => sheet.int(line.qty),
            Unit => sheet.money(line.unit),
            Payable => sheet.money(line.payable()),
            Offers => sheet.money(line.offers.iter().sum()),
            PlatformOffer => sheet.money(line.offers[0]),
            ShopOffer => sheet.money(line.offers[1]),
            AuthorOffer => sheet.money(line.offers[2]),
            Zero => sheet.word("0.00"),
            Status => sheet.word(order.status(line, self.moment)),
            Cancelled => self.cancelled(sheet),
            AfterSale => sheet.word(line.refund.map_or("-", |refund| refund.status(self.moment))),
            Placed | Paid | Finished | Promised | Shipped => self.time(sheet, cell),
            Receiver | Phone | Street | Address | Province | City | District => {
                self.place(sheet, cell);
            }
            _ => self.word(sheet, cell),
        }
    }

    fn time(&self, sheet: &mut Sheet, cell: Cell) {
        let (order, line) = (self.order, self.line);
        let at = match cell {
            Placed => Some(order.placed),
            Paid => order.paid,
            Finished => order.finished(line, self.moment),
            Shipped => order.shipped(line, self.moment),
            _ => order.paid.map(|paid| paid + 2 * DAY),
        };
        sheet.moment(self.calendar, at);
    }

    fn place(&self, sheet: &mut Sheet, cell: Cell) {
        let (province, city, district) = PLACES[self.order.place % PLACES.len()];
        match cell {
            Province => sheet.word(province),
            City => sheet.word(city),
            District => sheet.word(district),
            Street => sheet.word("****"),
            Phone => sheet.cipher("$$", self.noise(2)),
            Address => sheet.cipher("##", self.noise(3)),
            _ => sheet.cipher("##", self.noise(1)),
        }
    }

    fn cancelled(&self, sheet: &mut Sheet) {
        let closed = self.order.status(self.line, self.moment) == "已关闭";
        sheet.word(match (closed, self.order.paid) {
            (true, None) => self.pick(7, &["超时未支付", "超时未支付", "不想要了", "信息填写错误"]),
            (true, Some(_)) => "售后退款成功",
            _ => "-",
        });
    }

    /// Cells that follow from the carrier, the author or chance.
    fn word(&self, sheet: &mut Sheet, cell: Cell) {
        let order = self.order;
        let paid = if order.paid.is_some() {
            self.pick(4, &PAYMENTS)
        } else {
            "-"
        };
        let author = order.author.map(|author| AUTHORS[author % AUTHORS.len()]);
        let shipped = order.shipped(self.line, self.moment).is_some();
        match cell {
            AuthorId => match author {
                Some((id, _)) => sheet.id(id),
                None => sheet.word("0"),
            },
            Parcel if shipped => {
                sheet.word(self.pick(5, &["中通快递", "圆通速递", "韵达快递", "申通快递"]));
            }
            AuthorName => sheet.word(author.map_or("-", |(_, name)| name)),
            Payment => sheet.word(paid),
            App => sheet.word(self.pick(6, &APPS)),
            Kind => sheet.word("普通订单"),
            Source => sheet.word(if order.advertised {
                "付费流量"
            } else {
                "自然流量"
            }),
            Paying => sheet.word(if order.advertised { "付费" } else { "自然" }),
            AdChannel => sheet.word(if order.advertised {
                "巨量千川"
            } else {
                "-"
            }),
            Carrier => sheet.word(CARRIERS[order.cell % CARRIERS.len()]),
            Channel => sheet
                .word(["直播间", "推荐feed", "商城推荐", "图文feed"][order.cell % CARRIERS.len()]),
            Warehouse => sheet.word("杭州仓"),
            Sender => sheet.word("商家发货"),
            Safe => sheet.word("是"),
            No => sheet.word("否"),
            Empty => sheet.word(""),
            _ => sheet.word("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_have_what_the_mapping_requires() {
        for headers in [Template::new().headers, Template::old().headers] {
            for required in [
                "主订单编号",
                "子订单编号",
                "商品ID",
                "商品数量",
                "订单提交时间",
                "支付完成时间",
                "订单状态",
                "订单应付金额",
            ] {
                assert!(headers.contains(&required), "{required}");
            }
        }
    }
}
