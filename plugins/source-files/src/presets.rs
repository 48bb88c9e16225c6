//! Tests of the presets: each ships in the library, and fits the headers that real exports were seen with.

use crate::cells::header;
use std::collections::BTreeSet;
use std::path::Path;

const ORDERS_75: &str = "主订单编号,子订单编号,支付方式,选购商品,货号,商品ID,商家编码,商品数量,商品金额,订单提交时间,支付完成时间,订单完成时间,承诺发货时间,预约发货时间,买家留言,旗帜颜色,商家备注,APP渠道,订单状态,取消原因,售后状态,订单类型,发货时间,车型,是否是以旧换新,换新额外补贴,换新额外补贴发放状态,订单应付金额,运费,优惠总金额,平台优惠,商家优惠,达人优惠,商家改价,支付优惠,手续费,红包抵扣,降价类优惠,平台实际承担优惠金额,商家实际承担优惠金额,达人实际承担优惠金额,收件人,收件人手机号,省,市,区,街道,详细地址,是否修改过地址,快递信息,序列号,达人ID,达人昵称,拼团订单团编号,商品单价是否含税,税费,鲁班落地页ID,所属门店ID,流量来源,仓库ID,仓库名称,是否安心购,广告渠道,流量类型,流量体裁,流量渠道,发货主体,发货主体明细,教育优惠,预计送达时间,是否平台仓自流转,是否是渠道商品,预约送达时间,建议发货时间（起）,建议发货时间（止）";
const ORDERS_74: &str = "主订单编号,子订单编号,选购商品,商品规格,商品数量,商品ID,商家编码,商品单价,订单应付金额,运费,优惠总金额,平台优惠,商家优惠,达人优惠,商家改价,支付优惠,红包抵扣,支付方式,手续费,收件人,收件人手机号,省,市,区,街道,详细地址,是否修改过地址,地址修改时段,买家留言,订单提交时间,旗帜颜色,商家备注,订单完成时间,支付完成时间,APP渠道,流量来源,订单状态,承诺发货时间,订单类型,鲁班落地页ID,达人ID,达人昵称,所属门店ID,售后状态,取消原因,预约发货时间,仓库ID,仓库名称,序列号,是否安心购,广告渠道,流量类型,流量体裁,流量渠道,发货主体,发货主体明细,发货时间,降价类优惠,平台实际承担优惠金额,商家实际承担优惠金额,达人实际承担优惠金额,预计送达时间,是否平台仓自流转,车型,商品69码,发货SN码,发货IMEI码1,发货IMEI码2,预约送达时间,建议发货时间（起）,建议发货时间（止）,物流SN码,物流IMEI码1,物流IMEI码2";
const REFUNDS: &str = "售后单号,订单号,商品单号,商品名称,商品ID,应付金额（元）,商品运费（元）,支付优惠（元）,商品税费（元）,商品发货状态,售后类型,退商品金额（元）,退运费金额（元）,退支付优惠（元）,退税费金额（元）,售后状态,售后申请时间,退款方式,是否已上传退款凭证,售后原因,售后原因标签,退货物流单号,退货异常,退货发货时间,退货物流公司,自动处理截止时间,同意售后申请时间,商家退款时间,用户到账时间,售后关闭时间,商家退货地址,商家退货联系人姓名,商家退货联系人电话,仲裁状态,纠纷责任方,是否极速退款,是否拒签后退款,发货物流单号,发货物流状态,换货物流单号,退货物流状态,售后完结时间,订单备注,用户售后说明,售后备注,操作人,协商记录,换货商品信息,商家编码,门店名称";
const LIVES: &str = "主播头像,主播昵称,主播抖音号,直播开始时间,直播结束时间,直播时长(分钟),直播间曝光人数,直播间曝光次数,直播间观看人数,单小时观看人数,直播间观看次数,最高在线人数,平均在线人数,人均观看时长(分钟),评论次数,新加直播团人数,新增粉丝数,取关粉丝数,观看老粉占比,带货商品数,直播间商品曝光人数,直播间商品点击人数,直播间商品曝光次数,直播间商品点击次数,直播间成交订单数,直播间成交金额,直播间用户支付金额,单小时用户支付金额,直播间成交件数,直播间成交人数,直播间退款订单数,直播间退款金额,直播间退款人数,预估佣金支出,商品曝光-点击率(次数),商品曝光-点击率(人数),商品点击-成交率(次数),商品点击-成交率(人数),观看-成交率(次数),观看-成交率(人数),预售订单数,预售全款金额,新加购物团人数,投放消耗(店铺绑定),投放消耗(店铺被投),净成交金额,净成交订单数,1小时退款金额,1小时退款订单数,1小时退款率,消费券引导支付金额,消费券引导支付占比,消费券补贴金额,消费券使用量";
const PLANS: &str = "推广类型,账户名称,账户ID,计划ID,计划名称,商品ID,商品名称,抖音号ID,抖音号名称,日期,消耗(元),展示次数,点击率(%),点击次数,转化数,转化率(%),转化成本(元),7日总支付ROI,直接成交订单数,直接成交金额(元),直接支付ROI,直接下单订单数,直接下单金额(元),直接下单ROI,7日间接成交金额(元),播放数,3s播放数,播放完成数";

fn preset(name: &str) -> toml::Table {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("presets")
        .join(format!("{name}.toml"));
    std::fs::read_to_string(file).unwrap().parse().unwrap()
}

/// Headers of the contract that the export lacks, required ones apart.
fn absent(name: &str, headers: &str) -> (Vec<String>, Vec<String>) {
    let given: BTreeSet<String> = header(headers.split(',')).into_iter().collect();
    let preset = preset(name);
    let (mut required, mut optional) = (Vec::new(), Vec::new());
    for (column, about) in preset["columns"].as_table().unwrap() {
        let aliases = about
            .get("aliases")
            .and_then(|a| a.as_array())
            .into_iter()
            .flatten()
            .filter_map(|a| a.as_str());
        if std::iter::once(column.as_str())
            .chain(aliases)
            .any(|name| given.contains(name))
        {
            continue;
        }
        let list = if about.get("required").is_some() {
            &mut required
        } else {
            &mut optional
        };
        list.push(column.clone());
    }
    (required, optional)
}

#[test]
fn contracts_fit_the_headers_that_were_seen() {
    for (name, headers, count, lacks) in [
        ("doudian-orders", ORDERS_75, 75, &[][..]),
        ("doudian-orders", ORDERS_74, 74, &["快递信息"]),
        ("doudian-refunds", REFUNDS, 50, &[]),
        ("compass-lives", LIVES, 54, &[]),
        ("qianchuan-ads", PLANS, 28, &[]),
    ] {
        assert_eq!(headers.split(',').count(), count, "{name}");
        let (required, optional) = absent(name, headers);
        assert_eq!(required, Vec::<String>::new(), "{name}");
        assert_eq!(optional, lacks, "{name}");
    }
}

#[test]
fn a_header_of_another_export_does_not_fit() {
    assert!(!absent("doudian-orders", REFUNDS).0.is_empty());
    assert!(!absent("doudian-refunds", ORDERS_75).0.is_empty());
}

#[test]
fn people_are_never_kept_from_platform_files() {
    for (name, headers) in [
        ("doudian-orders", ORDERS_75),
        ("doudian-orders", ORDERS_74),
        ("doudian-refunds", REFUNDS),
    ] {
        let preset = preset(name);
        for person in headers.split(',').filter(|h| {
            ["收件人", "手机", "电话", "地址", "姓名", "留言"]
                .iter()
                .any(|word| h.contains(word))
        }) {
            if person.starts_with("是否") || person == "地址修改时段" {
                continue;
            }
            let about = &preset["columns"][person];
            assert_eq!(about["personal"].as_str(), Some("drop"), "{name}: {person}");
        }
    }
}

#[test]
fn every_preset_ships_and_reads_the_table_that_files_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let shipped = include_str!("lib.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            shipped.contains(&format!("\"presets/{name}\"")),
            "{name} is not in export_plugin!"
        );
        let preset = preset(name.trim_end_matches(".toml"));
        assert_eq!(preset["raw"].as_str(), Some("rows"), "{name}");
        assert!(
            include_str!("../README.md").contains(name.trim_end_matches(".toml")),
            "{name} is not in the README"
        );
    }
}
