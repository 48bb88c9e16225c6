//! The `chenbao.toml` of a demo shop: an ordinary project that `run` and `serve` take from there.

use crate::calendar::{Calendar, Festival, PHASES};
use crate::catalog::Shop;
use crate::demand::Demand;
use std::fmt::Write as _;

/// Files of a shop: folder, canonical word, mapping, what it is.
const FILES: [(&str, &str, &str); 5] = [
    ("orders", "doudian-orders", "抖店 订单导出"),
    ("refunds", "doudian-refunds", "抖店 售后单"),
    ("traffic", "compass-traffic", "抖音电商罗盘 流量"),
    ("ads", "qianchuan-ads", "巨量千川 标准计划日报"),
    ("inventory", "doudian-inventory", "抖店 库存快照"),
];

/// Roles: id, names, labels they are shown, recipient.
const ROLES: [(&str, &str, &str, &str); 4] = [
    (
        "management",
        "管理层",
        "Management",
        "\"cost\", \"finance\"",
    ),
    ("operations", "运营", "Operations", ""),
    ("ads", "投放", "Advertising", ""),
    ("finance", "财务", "Finance", "\"cost\", \"finance\""),
];

/// The text of the file.
pub(crate) fn text(calendar: &Calendar, shops: &[Shop], demands: &[Demand<'_>]) -> String {
    let mut text = HEAD.to_owned();
    for shop in shops {
        push(&mut text, &shop_table(shop));
    }
    for (id, name, english, shows) in ROLES {
        push(
            &mut text,
            &format!(
                "[role.{id}]\nname = {{ zh-CN = \"{name}\", en = \"{english}\" }}\nshows = [{shows}]\n"
            ),
        );
    }
    for shop in shops {
        push(&mut text, &sources(shop));
    }
    push(&mut text, METRICS);
    for festival in &calendar.festivals {
        push(&mut text, &campaign(calendar, festival, demands));
    }
    for report in &REPORTS {
        push(&mut text, &report.text(shops));
    }
    text
}

fn push(text: &mut String, table: &str) {
    text.push('\n');
    text.push_str(table);
}

const HEAD: &str = r#"# A demo shop, made by `chenbao demo`: an ordinary project. `chenbao --config chenbao.toml plan` says what comes next.
[project]
name = "示例女装"
zone = "Asia/Shanghai"
currency = "CNY"
lang = "zh-CN"
owner = "晨报管理员 <owner@example.com>"

[lake]
dir = "lake"

[archive]
dir = "archive"

[ledger]
url = "sqlite:ledger.sqlite"

# Mail goes into a folder, one .eml each; transport = "smtp" sends it.
[mail]
from = "晨报 <chenbao@example.com>"
transport = "folder"
folder = "outbox"

# Nothing can leave for any other domain, whatever an audience says.
[deliver]
allow = ["example.com"]
"#;

const METRICS: &str = r#"[metric.sales]
plugin = "sales"

[metric.traffic]
plugin = "traffic"

[metric.customers]
plugin = "customers"

[metric.ads]
plugin = "ads"

[metric.campaign]
plugin = "campaign"
"#;

fn shop_table(shop: &Shop) -> String {
    format!(
        "[shop.{}]\nname = \"{}\"\nplatform = \"douyin\"\n",
        shop.id, shop.name
    )
}

fn sources(shop: &Shop) -> String {
    let id = shop.id;
    let mut text = String::new();
    for (folder, mapping, about) in FILES {
        let _infallible = write!(
            text,
            r#"# {about}
[source.{folder}-{id}]
plugin = "files"
shop = "{id}"
mapping = "{mapping}"
[source.{folder}-{id}.with]
path = "exports/{id}/{folder}/*.csv"
settle_seconds = 0 # the demo's files are whole

"#
        );
    }
    let _infallible = write!(
        text,
        r#"# The team's own ERP knows who bought an order (抖店 masks it) and what a product costs.
[source.erp-{id}]
plugin = "sql"
shop = "{id}"
mapping = ["erp-buyers", "erp-products"]
[source.erp-{id}.with]
url = "erp.sqlite"
[source.erp-{id}.with.tables]
order_buyers = """
select order_id, buyer_id, ordered_at from buyers
where shop_id = '{id}' and ordered_at >= $start and ordered_at < $end
"""
products = """
select product_id, name, category, supplier, cost, list_price, lead_time from products
where shop_id = '{id}'
"""
"#
    );
    text
}

/// A campaign with its plan: what the shops expect of these days and a twentieth more, in whole thousands of yuan.
fn campaign(calendar: &Calendar, festival: &Festival, demands: &[Demand<'_>]) -> String {
    let plan = |from: i64, to: i64| -> i64 {
        let expected: i64 = (from..=to)
            .flat_map(|day| demands.iter().map(move |demand| demand.amount(day)))
            .sum();
        (expected / 100 * 105 / 100 + 500) / 1000 * 1000
    };
    let phases = PHASES.map(|(id, name, from, to)| {
        let (from, to) = (festival.starts + from, festival.starts + to);
        (
            id,
            name,
            calendar.date(from),
            calendar.date(to),
            plan(from, to),
        )
    });
    let total: i64 = phases.iter().map(|phase| phase.4).sum();
    let mut text = format!(
        "[campaign.{}]\nname = \"{}\"\ntype = \"{}\"\nstarts = {}\nends = {}\nplan = \"{total}.00\"\n",
        festival.id,
        festival.name,
        kind(calendar, festival),
        calendar.date(festival.starts),
        calendar.date(festival.ends()),
    );
    for (id, name, from, to, plan) in phases {
        let _infallible = write!(
            text,
            "[[campaign.{}.phase]]\nid = \"{id}\"\nname = \"{name}\"\nstarts = {from}\nends = {to}\nplan = \"{plan}.00\"\n",
            festival.id
        );
    }
    text
}

/// 双11 is held against last year's where the history has it, else every campaign against the one before.
fn kind(calendar: &Calendar, festival: &Festival) -> &'static str {
    let elevens = calendar
        .festivals
        .iter()
        .filter(|festival| festival.eleven)
        .count();
    if festival.eleven && elevens > 1 {
        "d11"
    } else {
        "promotion"
    }
}

struct Report {
    id: &'static str,
    metrics: &'static str,
    schedule: &'static str,
    /// Whether every audience sees all shops: a campaign's plan is one for all of them.
    together: bool,
}

const REPORTS: [Report; 3] = [
    Report {
        id: "daily",
        metrics: r#"["sales", "traffic", "customers", "ads"]"#,
        schedule: r#"deliver = "0 8 * * *"
start = "06:40"
data_deadline = "07:40"
misfire = "latest"
period = "yesterday"
"#,
        together: false,
    },
    Report {
        id: "weekly",
        metrics: r#"["sales", "traffic", "customers", "ads"]"#,
        schedule: r#"deliver = "30 8 * * 1"
start = "06:40"
data_deadline = "08:00"
misfire = "latest"
period = "last_week"
"#,
        together: false,
    },
    Report {
        id: "campaign",
        metrics: r#"["campaign", "sales", "traffic", "customers"]"#,
        schedule: r#"deliver = "09:00"
start = "06:40"
data_deadline = "08:30"
misfire = "latest"
period = "campaign"
editions = ["D+1", "D+7", "D+30"]
"#,
        together: true,
    },
];

impl Report {
    fn text(&self, shops: &[Shop]) -> String {
        let id = self.id;
        let quoted = |shops: &[Shop]| {
            shops
                .iter()
                .map(|shop| format!("\"{}\"", shop.id))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let all = quoted(shops);
        let flagship = quoted(shops.get(..1).unwrap_or(shops));
        let mut text = format!(
            "[report.{id}]\ntemplate = \"{id}\"\nmetrics = {}\n[report.{id}.schedule]\n{}",
            self.metrics, self.schedule
        );
        for (role, ..) in ROLES {
            let sees = if self.together || matches!(role, "management" | "finance") {
                &all
            } else {
                &flagship
            };
            let _infallible = write!(text, "{}", audience(id, role, role, sees));
        }
        if let (false, Some(outlet)) = (self.together, shops.get(1)) {
            text.push_str(&audience(
                id,
                outlet.id,
                "operations",
                &format!("\"{}\"", outlet.id),
            ));
        }
        text
    }
}

fn audience(report: &str, id: &str, role: &str, shops: &str) -> String {
    format!(
        "[report.{report}.audience.{id}]\nrole = \"{role}\"\nshops = [{shops}]\nto = [\"{id}@example.com\"]\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shops;
    use jiff::civil::date;

    fn made(days: i64) -> String {
        let calendar = Calendar::new(date(2026, 11, 21), days).unwrap();
        let shops = shops(1, 2, (18, 10));
        let demands: Vec<Demand<'_>> = shops
            .iter()
            .map(|shop| Demand::new(1, &calendar, shop, 60 * shop.share))
            .collect();
        text(&calendar, &shops, &demands)
    }

    #[test]
    fn plans_of_phases_add_up_to_the_campaigns() {
        let text = made(120);
        let plans: Vec<i64> = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix("plan = \"")?
                    .strip_suffix(".00\"")?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(plans.len(), 8);
        for campaign in plans.chunks(4) {
            assert_eq!(campaign[0], campaign[1..].iter().sum::<i64>());
            assert!(campaign[1..].iter().all(|plan| *plan > 0));
        }
    }

    #[test]
    fn every_campaign_but_the_oldest_has_one_to_compare_with() {
        assert!(!made(120).contains("type = \"d11\""));
        let long = made(400);
        assert_eq!(long.matches("type = \"d11\"").count(), 2);
        assert!(long.contains("[campaign.d11-2025]"));
    }
}
