//! Mapping again: what the same rows mean now, and nothing else.

use super::{Desk, ORDERS, TRAFFIC, batch, export, id, newest, texts};
use crate::{Lake, Landed, Mapping, RawTable, Remap, Remapped};
use chenbao_model::catalogue::{ExportFacts, Revision};
use chenbao_model::diagnostic::Problems;

const HEAD: &[&str] = &["主订单编号", "下单时间", "金额(元)", "状态", "收件人手机号"];
const PAID: &str = "select order_id, pay_amount, status from orders order by order_id";

/// One collection as it was stored.
struct Stored {
    raw: RawTable,
    facts: Vec<ExportFacts>,
}

/// Collects rows of one export each, as the mapping says, on top of what is there.
async fn collect(
    desk: &Desk,
    mapping: &str,
    told: &[(ExportFacts, &[&[&str]])],
) -> (Vec<Stored>, Vec<Revision>) {
    let meant = Mapping::from_toml("mapping.toml", mapping).unwrap();
    let head: Vec<&str> = meant
        .columns
        .iter()
        .map(|column| column.header.as_str())
        .collect();
    let head = if mapping == ORDERS { HEAD } else { &head };
    let (mut stored, mut all) = (Vec::new(), Vec::new());
    for (facts, rows) in told {
        let rows: Vec<(i64, &[&str])> = rows.iter().map(|row| (facts.export, *row)).collect();
        let facts = vec![facts.clone()];
        let current = newest(&all);
        let made = desk.ingest((mapping, "shop", "files"), (head, &rows), &facts, &current);
        all.extend(made.await.unwrap().value);
        let mut writer = desk.lake.raw_writer(&meant, &id("files"), b"salt");
        writer.write(&batch(head, &rows)).unwrap();
        let raw = writer.finish().unwrap().unwrap();
        stored.push(Stored { raw, facts });
    }
    (stored, newest(&all))
}

async fn remap(
    desk: &Desk,
    mapping: &str,
    stored: &[Stored],
    current: &[Revision],
) -> Result<Remapped, Problems> {
    let meant = Mapping::from_toml("mapping.toml", mapping)?;
    let landed = stored.iter().map(|one| Landed {
        mapping: &meant,
        raw: desk
            .lake
            .raw_table(&id("files"), &one.raw.digest)
            .unwrap()
            .unwrap(),
        facts: &one.facts,
    });
    let landed: Vec<Landed<'_>> = landed.collect();
    let given = Remap {
        lake: &desk.lake,
        collections: &landed,
        shop: &id("shop"),
        platform: "douyin",
        zone: &desk.zone,
        feed: &id("files"),
        current,
        custom: &desk.custom,
    };
    desk.engine
        .remap(&given, &|_| {})
        .await
        .map(|remapped| remapped.value)
}

/// Three exports, the second of which came last: order 1 is closed in the newest, order 2 stands in the oldest only.
fn exports() -> Vec<(ExportFacts, &'static [&'static [&'static str]])> {
    vec![
        (
            export(1, "2026-11-22T00:10:00+08:00"),
            &[
                &["1", "2026-11-21 10:00", "10", "已完成", "138"],
                &["2", "2026-11-21 11:00", "20", "已完成", "139"],
                &["9", "2026-11-20 11:00", "90", "已完成", "139"],
            ],
        ),
        (
            export(1, "2026-11-22T00:30:00+08:00"),
            &[&["1", "2026-11-21 10:00", "10", "已关闭", "138"]],
        ),
        (
            export(1, "2026-11-22T00:20:00+08:00"),
            &[&["1", "2026-11-21 10:00", "10", "已发货", "138"]],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mapping_changes_nothing() {
    let desk = Desk::new();
    let (stored, current) = collect(&desk, ORDERS, &exports()).await;
    let remapped = remap(&desk, ORDERS, &stored, &current).await.unwrap();
    assert_eq!(remapped.changes, []);
    assert_eq!(remapped.publish(&desk.lake).unwrap(), []);
    let aside = std::fs::read_dir(desk.lake.dir().join("aside")).unwrap();
    assert_eq!(aside.count(), 0, "the scratch lake is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_rows_follow_the_mapping_although_no_export_is_newer() {
    let desk = Desk::new();
    let (stored, current) = collect(&desk, ORDERS, &exports()).await;
    let mended = ORDERS
        .replace("money(amount) as", "money(amount) * 2 as")
        .replace("from raw", "from raw where blank(order_id) <> '2'");
    let remapped = remap(&desk, &mended, &stored, &current).await.unwrap();
    let told = remapped.changes.iter();
    let told: Vec<String> = told
        .map(|day| {
            format!(
                "{} {}->{} {}",
                day.day.unwrap(),
                day.before,
                day.after,
                day.differ
            )
        })
        .collect();
    assert_eq!(told, ["2026-11-20 1->1 1", "2026-11-21 2->1 2"]);
    let revisions = remapped.publish(&desk.lake).unwrap();
    for (next, base) in revisions.iter().zip(&current) {
        assert_eq!(
            (next.number, next.base.as_ref()),
            (base.number + 1, Some(&base.digest))
        );
    }
    let shown = desk
        .sql(PAID, &["orders"], &revisions, &["shop"])
        .await
        .unwrap();
    assert_eq!(shown, "1|20.0000|已关闭\n9|180.0000|已完成\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_exports_that_are_gone_stay_as_they_were_mapped() {
    let desk = Desk::new();
    let (mut stored, current) = collect(&desk, ORDERS, &exports()).await;
    stored.remove(0);
    let mended = ORDERS.replace("money(amount) as", "money(amount) * 2 as");
    let remapped = remap(&desk, &mended, &stored, &current).await.unwrap();
    let days: Vec<u64> = remapped.changes.iter().map(|day| day.differ).collect();
    assert_eq!(days, [1]);
    let mut revisions = remapped.publish(&desk.lake).unwrap();
    revisions.extend(current);
    let shown = desk
        .sql(PAID, &["orders"], &revisions, &["shop"])
        .await
        .unwrap();
    assert_eq!(
        shown,
        "1|20.0000|已关闭\n2|20.0000|已完成\n9|90.0000|已完成\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_no_longer_fed_is_emptied() {
    let desk = Desk::new();
    let day: &[&[&str]] = &[&["2026-11-21", "day", "", "7"]];
    let (stored, current) = collect(
        &desk,
        TRAFFIC,
        &[(export(1, "2026-11-22T00:10:00+08:00"), day)],
    )
    .await;
    let mended = TRAFFIC.replace("[tables.traffic]", "[tables.videos]").replace(
        "select cast(at(day) as date) as day, grain, cast(num(hour) as bigint) as hour, cast(num(clicks) as bigint) as clicks",
        "select cast(at(day) as date) as day, grain as video_id",
    );
    let remapped = remap(&desk, &mended, &stored, &current).await.unwrap();
    let told: Vec<(&str, u64, u64)> = remapped
        .changes
        .iter()
        .map(|day| (day.table.as_str(), day.before, day.after))
        .collect();
    assert_eq!(told, [("traffic", 1, 0), ("videos", 0, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_cells_cannot_be_treated_again() {
    let desk = Desk::new();
    let (stored, current) = collect(&desk, ORDERS, &exports()).await;
    let keep = ORDERS.replace("personal = \"hash\"", "personal = \"keep\"");
    let Problems(problems) = remap(&desk, &keep, &stored, &current).await.unwrap_err();
    let told = texts(&problems);
    assert!(
        problems.len() == 1 && told.contains("`收件人手机号` was hashed"),
        "{told}"
    );
    let drop = ORDERS.replace("personal = \"hash\"", "personal = \"drop\"");
    assert!(remap(&desk, &drop, &stored, &current).await.is_err());
}

#[test]
fn a_raw_table_that_is_gone_is_none_and_a_broken_one_an_error() {
    let desk = Desk::new();
    let nowhere = chenbao_model::Digest::of("nowhere");
    let lake: &Lake = &desk.lake;
    assert!(lake.raw_table(&id("files"), &nowhere).unwrap().is_none());
    std::fs::create_dir_all(lake.dir().join("raw/files")).unwrap();
    std::fs::write(
        lake.dir().join(format!("raw/files/{nowhere}.parquet")),
        b"PAR1",
    )
    .unwrap();
    assert!(lake.raw_table(&id("files"), &nowhere).is_err());
}
