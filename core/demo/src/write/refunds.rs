//! 抖店 售后单: the fifty columns, one row per case; what is still open at the moment of export is written as open.

use super::sheet::Sheet;
use crate::calendar::{Calendar, DAY};
use crate::catalog::Shop;
use crate::simulate::Case;
use chenbao_model::diagnostic::Problems;

/// Headers, with the platform's full-width brackets.
pub(crate) const HEADERS: [&str; 50] = [
    "售后单号",
    "订单号",
    "商品单号",
    "商品名称",
    "商品ID",
    "应付金额（元）",
    "商品运费（元）",
    "支付优惠（元）",
    "商品税费（元）",
    "商品发货状态",
    "售后类型",
    "退商品金额（元）",
    "退运费金额（元）",
    "退支付优惠（元）",
    "退税费金额（元）",
    "售后状态",
    "售后申请时间",
    "退款方式",
    "是否已上传退款凭证",
    "售后原因",
    "售后原因标签",
    "退货物流单号",
    "退货异常",
    "退货发货时间",
    "退货物流公司",
    "自动处理截止时间",
    "同意售后申请时间",
    "商家退款时间",
    "用户到账时间",
    "售后关闭时间",
    "商家退货地址",
    "商家退货联系人姓名",
    "商家退货联系人电话",
    "仲裁状态",
    "纠纷责任方",
    "是否极速退款",
    "是否拒签后退款",
    "发货物流单号",
    "发货物流状态",
    "换货物流单号",
    "退货物流状态",
    "售后完结时间",
    "订单备注",
    "用户售后说明",
    "售后备注",
    "操作人",
    "协商记录",
    "换货商品信息",
    "商家编码",
    "门店名称",
];

const BEFORE: [&str; 5] = [
    "多拍/拍错/不想要",
    "地址/电话信息填写错误",
    "没用/少用优惠",
    "不想要了",
    "缺货",
];
const AFTER: [&str; 5] = [
    "尺码不合适",
    "实物与描述不符",
    "质量问题",
    "不喜欢/效果不好",
    "七天无理由退货",
];

/// Writes a case as known at `moment`.
pub(crate) fn write(
    sheet: &mut Sheet,
    (calendar, shop): (&Calendar, &Shop),
    case: &Case,
    moment: i64,
) -> Result<(), Problems> {
    let product = &shop.products[case.product];
    let refund = &case.refund;
    let settled = (refund.settled <= moment).then_some(refund.settled);
    let (paid_back, closed) = if refund.amount.is_some() {
        (settled, None)
    } else {
        (None, settled)
    };
    sheet.id(case_id(case.line));
    sheet.id(case.order);
    sheet.id(case.line);
    sheet.text(&product.name);
    sheet.id(product.id);
    sheet.money(case.payable);
    sheet.nothing(3, "0.00");
    sheet.word(if refund.unshipped {
        "未发货"
    } else {
        "已发货"
    });
    sheet.word(kind(case));
    sheet.money(refund.amount.unwrap_or(case.payable));
    sheet.nothing(3, "0.00");
    sheet.word(state(case, settled.is_some()));
    sheet.moment(calendar, Some(refund.applied));
    sheet.word("原路退回");
    sheet.word("否");
    sheet.word(if refund.unshipped {
        BEFORE[refund.reason]
    } else {
        AFTER[refund.reason]
    });
    sheet.word(if !refund.unshipped && refund.reason == 2 {
        "品质"
    } else {
        "-"
    });
    sheet.nothing(4, "-");
    sheet.moment(calendar, Some(refund.applied + 2 * DAY));
    sheet.moment(
        calendar,
        Some(refund.applied + 540).filter(|at| *at <= moment),
    );
    sheet.moment(calendar, paid_back);
    sheet.moment(calendar, paid_back.map(|at| at + 2));
    sheet.moment(calendar, closed);
    sheet.cipher("##", crate::random::mix(&[case.line.unsigned_abs()]));
    sheet.word("##c3RhZmY=");
    sheet.word("$$MTM4Kio=");
    sheet.nothing(2, "-");
    sheet.word(if refund.unshipped { "是" } else { "否" });
    sheet.word("否");
    sheet.nothing(4, "-");
    sheet.moment(calendar, settled);
    sheet.nothing(6, "");
    sheet.word(&product.skus[case.sku].code);
    sheet.text(shop.name);
    sheet.end()
}

/// The case of a line: one at most.
fn case_id(line: i64) -> i64 {
    const SPACE: i64 = 100_000_000_000_000_000;
    14 * SPACE + line % SPACE
}

fn kind(case: &Case) -> &'static str {
    match case.refund.amount {
        _ if case.refund.unshipped => "未发货仅退款",
        Some(amount) if amount < case.payable => "已发货仅退款",
        _ => "退货退款",
    }
}

fn state(case: &Case, settled: bool) -> &'static str {
    match (settled, case.refund.amount) {
        (true, Some(_)) => "同意退款，退款成功",
        (true, None) => "售后关闭",
        (false, _) if case.refund.unshipped => "待商家处理",
        (false, _) => "待买家退货",
    }
}
