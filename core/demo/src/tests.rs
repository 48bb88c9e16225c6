//! Whole demo shops, read back from their files: determinism, accounting, re-exports, stories.

use crate::{DemoOptions, Size, Stories, Story, Truth, generate};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Row = BTreeMap<String, String>;

fn make(dir: &Path, options: &DemoOptions) -> Truth {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(generate(dir, options, &mut |_, _| {}))
        .unwrap()
}

fn made(options: &DemoOptions) -> (tempfile::TempDir, Truth) {
    let dir = tempfile::tempdir().unwrap();
    let truth = make(dir.path(), options);
    (dir, truth)
}

fn small(stories: Stories) -> DemoOptions {
    DemoOptions {
        size: Size::Lines(12_000),
        stories,
        ..DemoOptions::default()
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn rows(file: &Path) -> Vec<Row> {
    let bytes = std::fs::read(file).unwrap();
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => encoding_rs::GB18030.decode(&bytes).0.into_owned(),
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let clean = |cell: &str| cell.trim_start_matches('\t').to_owned();
    reader
        .deserialize::<Row>()
        .map(|row| {
            row.unwrap()
                .into_iter()
                .map(|(k, v)| (k, clean(&v)))
                .collect()
        })
        .collect()
}

fn all(dir: &Path, shop: &str, kind: &str) -> Vec<Vec<Row>> {
    files(&dir.join("exports").join(shop).join(kind))
        .iter()
        .map(|file| rows(file))
        .collect()
}

/// Rows of overlapping exports as a lake would merge them: the newest wins.
fn merged(dir: &Path, shop: &str, kind: &str, key: &str) -> BTreeMap<String, Row> {
    all(dir, shop, kind)
        .into_iter()
        .flatten()
        .map(|row| (row[key].clone(), row))
        .collect()
}

fn fen(money: &str) -> i64 {
    money.replace([',', '.'], "").parse().unwrap()
}

fn int(count: &str) -> i64 {
    count.parse().unwrap()
}

#[test]
fn the_same_options_make_the_same_bytes() {
    let options = small(Stories::default());
    let (one, _) = made(&options);
    let (two, _) = made(&options);
    let (first, second) = (files(one.path()), files(two.path()));
    assert!(first.len() > 100);
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.strip_prefix(one.path()), b.strip_prefix(two.path()));
        assert!(
            std::fs::read(a).unwrap() == std::fs::read(b).unwrap(),
            "{}",
            a.display()
        );
    }
    assert_eq!(first.len(), second.len());
    let (other, _) = made(&DemoOptions { seed: 1, ..options });
    assert_ne!(
        std::fs::read(other.path().join("erp.sqlite")).unwrap(),
        std::fs::read(one.path().join("erp.sqlite")).unwrap()
    );
}

#[test]
fn a_demo_replaces_an_earlier_one_in_its_folder() {
    let (dir, _) = made(&small(Stories::default()));
    let before = files(dir.path());
    make(dir.path(), &small(Stories::default()));
    assert_eq!(files(dir.path()), before);
}

#[test]
fn orders_and_traffic_tell_the_same_story() {
    let (dir, truth) = made(&small(Stories::default()));
    for shop in &truth.shops {
        let orders = merged(dir.path(), &shop.shop, "orders", "子订单编号");
        assert_eq!(u64::try_from(orders.len()).unwrap(), shop.order_lines);
        let mut by_cell: BTreeMap<(String, String, String), (BTreeSet<String>, i64)> =
            BTreeMap::new();
        let mut by_day: BTreeMap<String, (BTreeSet<String>, i64)> = BTreeMap::new();
        for row in orders.values().filter(|row| row["支付完成时间"] != "-") {
            let day = row["支付完成时间"].split(' ').next().unwrap().to_owned();
            let cell = (day.clone(), row["流量体裁"].clone(), row["商品ID"].clone());
            for sum in [
                by_cell.entry(cell).or_default(),
                by_day.entry(day).or_default(),
            ] {
                sum.0.insert(row["主订单编号"].clone());
                sum.1 += fen(&row["订单应付金额"]);
            }
        }
        let mut checked = 0;
        for row in all(dir.path(), &shop.shop, "traffic").into_iter().flatten() {
            let sold = (int(&row["成交订单数"]), fen(&row["用户支付金额"]));
            let orders = match (
                row["小时"].as_str(),
                row["商品ID"].as_str(),
                row["载体"].as_str(),
            ) {
                ("-", "-", "整体") => by_day.get(&row["日期"]),
                ("-", id, carrier) if id != "-" && carrier != "整体" => {
                    by_cell.get(&(row["日期"].clone(), carrier.to_owned(), id.to_owned()))
                }
                _ => continue,
            };
            let orders = orders.map_or((0, 0), |(ids, fen)| {
                (i64::try_from(ids.len()).unwrap(), *fen)
            });
            assert_eq!(sold, orders, "{row:?}");
            let people = [
                int(&row["商品曝光人数"]),
                int(&row["商品点击人数"]),
                int(&row["成交人数"]),
            ];
            assert!(people.is_sorted_by(|a, b| a >= b), "{row:?}");
            assert!(
                int(&row["商品曝光次数"]) >= people[0] || people[0] == people[2],
                "{row:?}"
            );
            checked += 1;
        }
        assert!(checked > 2000);
    }
}

#[test]
fn grains_of_traffic_add_up_in_times_and_never_in_people() {
    let (dir, _) = made(&small(Stories::default()));
    let last = all(dir.path(), "flagship", "traffic").pop().unwrap();
    let sum = |column: &str, grain: &dyn Fn(&Row) -> bool| -> i64 {
        last.iter()
            .filter(|row| grain(row))
            .map(|row| int(&row[column]))
            .sum()
    };
    let hour = |row: &Row| row["小时"] != "-";
    let product = |row: &Row| row["商品ID"] != "-" && row["载体"] == "整体";
    let cell = |row: &Row| row["商品ID"] != "-" && row["载体"] != "整体";
    let shop = |row: &Row| !hour(row) && row["商品ID"] == "-" && row["载体"] == "整体";
    let carrier = |row: &Row| !hour(row) && row["商品ID"] == "-" && row["载体"] != "整体";
    for column in ["商品曝光次数", "商品点击次数", "成交订单数"] {
        let whole = sum(column, &shop);
        assert!(whole > 0);
        for grain in [&carrier as &dyn Fn(&Row) -> bool, &hour, &product, &cell] {
            assert_eq!(sum(column, grain), whole, "{column}");
        }
    }
    assert!(sum("商品曝光人数", &shop) < sum("商品曝光人数", &carrier));
    assert!(sum("商品曝光人数", &carrier) < sum("商品曝光人数", &product));
    assert!(sum("商品曝光人数", &product) < sum("商品曝光人数", &cell));
}

#[test]
fn refunds_name_paid_lines_and_give_back_no_more_than_was_paid() {
    let (dir, _) = made(&small(Stories::default()));
    let orders = merged(dir.path(), "flagship", "orders", "子订单编号");
    let cases = merged(dir.path(), "flagship", "refunds", "售后单号");
    assert!(cases.len() > 500);
    let mut states = BTreeSet::new();
    for case in cases.values() {
        let order = &orders[&case["商品单号"]];
        assert_eq!(order["主订单编号"], case["订单号"]);
        assert_eq!(order["商品ID"], case["商品ID"]);
        assert!(order["支付完成时间"] < case["售后申请时间"]);
        assert!(fen(&case["退商品金额（元）"]) <= fen(&order["订单应付金额"]));
        let back = case["售后状态"].contains("退款成功");
        assert_eq!(back, case["商家退款时间"] != "-");
        states.insert(case["售后状态"].clone());
    }
    assert!(states.len() >= 3, "{states:?}");
    // All but the cases of the last days are settled: the exports overlap far enough.
    let old = cases
        .values()
        .filter(|case| case["售后申请时间"].as_str() < "2026-11-15");
    assert!(old.clone().count() > 300);
    assert!(old.into_iter().all(|case| case["售后完结时间"] != "-"));
}

#[test]
fn later_exports_repeat_three_days_with_newer_states() {
    let (dir, _) = made(&small(Stories::default()));
    let exports = all(dir.path(), "flagship", "orders");
    let [.., before, last] = exports.as_slice() else {
        panic!("too few exports")
    };
    let old: BTreeMap<&str, &Row> = before
        .iter()
        .map(|row| (row["子订单编号"].as_str(), row))
        .collect();
    let again: Vec<&Row> = last
        .iter()
        .filter(|row| old.contains_key(row["子订单编号"].as_str()))
        .collect();
    let days: BTreeSet<&str> = again
        .iter()
        .map(|row| row["订单提交时间"].split(' ').next().unwrap())
        .collect();
    assert_eq!(
        days.into_iter().collect::<Vec<_>>(),
        ["2026-11-12", "2026-11-13", "2026-11-14"]
    );
    let same = |row: &Row, column: &str| old[row["子订单编号"].as_str()][column] == row[column];
    assert!(
        again
            .iter()
            .all(|row| same(row, "订单应付金额") && same(row, "支付完成时间"))
    );
    let moved = again.iter().filter(|row| !same(row, "订单状态")).count();
    assert!(moved * 4 > again.len(), "{moved} of {}", again.len());
}

#[test]
fn the_quirks_of_real_exports_are_there() {
    let (dir, _) = made(&small(Stories::default()));
    let folder = files(&dir.path().join("exports/flagship/orders"));
    let first = std::fs::read(&folder[0]).unwrap();
    assert!(
        std::str::from_utf8(&first).is_err(),
        "the oldest export is GB18030"
    );
    assert_eq!(rows(&folder[0])[0].len(), 74);
    let last = std::fs::read_to_string(folder.last().unwrap()).unwrap();
    assert!(last.starts_with('\u{feff}') && last.contains("\"\t69") && last.contains("##"));
    assert_eq!(rows(folder.last().unwrap())[0].len(), 75);
    let orders = merged(dir.path(), "flagship", "orders", "子订单编号");
    let titles: BTreeSet<&str> = orders
        .values()
        .map(|row| row["选购商品"].as_str())
        .collect();
    for title in [
        "<b>加绒&\"{{ x }}</td>",
        "=cmd()|' /C calc'!A0",
        "软糯羊绒围巾🧣冬日限定",
    ] {
        assert!(titles.contains(title), "{title}");
    }
    let day = |row: &Row, column: &str| row[column].split(' ').next().unwrap().to_owned();
    assert!(
        orders
            .values()
            .any(|row| row["支付完成时间"] == "-" && row["订单状态"] == "已关闭"),
        "never paid"
    );
    assert!(
        orders.values().any(|row| row["支付完成时间"] != "-"
            && day(row, "支付完成时间") != day(row, "订单提交时间")),
        "placed before midnight, paid after"
    );
    assert!(
        orders
            .values()
            .any(|row| row["主订单编号"] != row["子订单编号"]),
        "two lines in an order"
    );
}

/// Paid orders and clicks of (product, carrier) on the last day.
fn last_day(dir: &Path) -> BTreeMap<(String, String), (i64, i64)> {
    let rows = all(dir, "flagship", "traffic").pop().unwrap();
    rows.into_iter()
        .filter(|row| row["商品ID"] != "-" && row["载体"] != "整体")
        .map(|row| {
            (
                (row["商品ID"].clone(), row["载体"].clone()),
                (int(&row["成交订单数"]), int(&row["商品点击次数"])),
            )
        })
        .collect()
}

#[test]
fn the_conversion_break_moves_one_cell_of_one_day_and_nothing_else() {
    let (with, truth) = made(&small(Stories {
        conversion_break: true,
        ..Stories::NONE
    }));
    let (without, nothing) = made(&small(Stories::NONE));
    assert!(nothing.stories.is_empty());
    let [
        Story::ConversionBreak {
            product_id,
            carrier,
            paid_orders,
            expected_orders,
            lost_yuan,
            clicks,
            ..
        },
    ] = truth.stories.as_slice()
    else {
        panic!("{:?}", truth.stories)
    };
    let place = (product_id.clone(), carrier.clone());
    let (broken, whole) = (last_day(with.path()), last_day(without.path()));
    assert_eq!(
        (broken[&place], whole[&place]),
        ((*paid_orders, *clicks), (*expected_orders, *clicks))
    );
    assert!((paid_orders * 2 - expected_orders).abs() <= 1);
    assert!(
        broken
            .iter()
            .filter(|(key, _)| **key != place)
            .all(|(key, counts)| whole[key] == *counts)
    );
    let paid = |truth: &Truth| fen(&truth.shops[0].last_day_paid_amount);
    assert_eq!(paid(&nothing) - paid(&truth), fen(lost_yuan));
    let changed: Vec<PathBuf> = files(with.path())
        .into_iter()
        .filter(|file| {
            let twin = without.path().join(file.strip_prefix(with.path()).unwrap());
            std::fs::read(file).unwrap() != std::fs::read(twin).unwrap()
        })
        .collect();
    assert!(
        changed
            .iter()
            .all(|file| !file.starts_with(with.path().join("exports/outlet"))),
        "{changed:?}"
    );
    assert!(changed.iter().all(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.contains("2026-11-21.csv") || name == "truth.json" || name == "erp.sqlite"
    }));
}

#[test]
fn the_pseudo_hit_is_bought_and_sent_back() {
    let (dir, truth) = made(&small(Stories {
        pseudo_hit: true,
        ..Stories::NONE
    }));
    let [
        Story::PseudoHit {
            product_id,
            units,
            usual_units,
            advertised_permille,
            refund_permille,
            from,
            ..
        },
    ] = truth.stories.as_slice()
    else {
        panic!("{:?}", truth.stories)
    };
    assert!(
        (4 * usual_units..6 * usual_units).contains(units),
        "{units} of {usual_units}"
    );
    assert!(
        (680..850).contains(advertised_permille),
        "{advertised_permille}"
    );
    assert!((280..480).contains(refund_permille), "{refund_permille}");
    let orders = merged(dir.path(), "flagship", "orders", "子订单编号");
    let sold: i64 = orders
        .values()
        .filter(|row| row["商品ID"] == *product_id && row["支付完成时间"] != "-")
        .filter(|row| row["订单提交时间"].split(' ').next().unwrap() >= from.as_str())
        .map(|row| int(&row["商品数量"]))
        .sum();
    assert_eq!(sold, *units);
}

#[test]
fn the_pseudo_hit_leaves_every_other_product_as_it_was() {
    let hit = Stories {
        pseudo_hit: true,
        ..Stories::NONE
    };
    let ((with, truth), (without, _)) = (made(&small(hit)), made(&small(Stories::NONE)));
    let [Story::PseudoHit { product_id, .. }] = truth.stories.as_slice() else {
        panic!("{:?}", truth.stories)
    };
    let others = |dir: &Path| {
        let mut orders = merged(dir, "flagship", "orders", "子订单编号");
        orders.retain(|_, row| row["商品ID"] != *product_id);
        orders
    };
    assert!(others(with.path()) == others(without.path()));
}

/// Paid orders per click of the shop on the last day, against the median of its ordinary Saturdays.
fn conversion_against_usual(dir: &Path, shop: &str) -> f64 {
    let saturdays = [
        "2026-09-26",
        "2026-10-03",
        "2026-10-10",
        "2026-10-17",
        "2026-10-24",
        "2026-10-31",
    ];
    let mut rates = BTreeMap::new();
    for row in all(dir, shop, "traffic").into_iter().flatten() {
        if row["小时"] == "-" && row["商品ID"] == "-" && row["载体"] == "整体" {
            let rate = f64::from(u32::try_from(int(&row["成交订单数"])).unwrap())
                / f64::from(u32::try_from(int(&row["商品点击次数"])).unwrap());
            rates.insert(row["日期"].clone(), rate);
        }
    }
    let mut usual: Vec<f64> = saturdays.iter().map(|day| rates[*day]).collect();
    usual.sort_by(f64::total_cmp);
    rates["2026-11-21"] / f64::midpoint(usual[2], usual[3])
}

#[test]
fn a_break_shows_in_the_shops_own_funnel_only_where_it_was_planted() {
    let options = |stories| DemoOptions {
        stories,
        ..DemoOptions::default()
    };
    let (with, _) = made(&options(Stories::default()));
    assert!(conversion_against_usual(with.path(), "flagship") < 0.90);
    assert!((0.95..1.05).contains(&conversion_against_usual(with.path(), "outlet")));
    let (without, _) = made(&options(Stories {
        conversion_break: false,
        ..Stories::default()
    }));
    assert!((0.95..1.05).contains(&conversion_against_usual(without.path(), "flagship")));
}

#[test]
fn the_stock_out_is_on_its_way_and_nobody_reordered() {
    let read = |stories: Stories| {
        let (dir, truth) = made(&DemoOptions {
            size: Size::Small,
            shops: 1,
            stories,
            ..DemoOptions::default()
        });
        let last = all(dir.path(), "flagship", "inventory").pop().unwrap();
        (last, truth)
    };
    let (rows, truth) = read(Stories {
        stock_out: true,
        ..Stories::NONE
    });
    let [
        Story::StockOut {
            product_id,
            available,
            in_transit,
            units_7d,
            lead_time,
            ..
        },
    ] = truth.stories.as_slice()
    else {
        panic!("{:?}", truth.stories)
    };
    let free = |rows: &[Row], column: &str| -> i64 {
        rows.iter()
            .filter(|row| row["商品ID"] == *product_id)
            .map(|row| int(&row[column]))
            .sum()
    };
    assert_eq!(
        (free(&rows, "可售库存"), free(&rows, "在途库存")),
        (*available, *in_transit)
    );
    assert!(
        *available > 0 && available * 7 < units_7d * 4,
        "{available} left, {units_7d} sold in a week"
    );
    assert!(available * 7 < units_7d * lead_time / 2 && *in_transit == 0);
    let (calm, _) = read(Stories::NONE);
    assert!(free(&calm, "可售库存") * 7 > units_7d * lead_time / 2 && free(&calm, "在途库存") > 0);
    let _ = truth;
}

#[test]
fn progress_only_grows_and_ends_where_it_was_planned() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut said = Vec::new();
    let mut progress = |done, total| said.push((done, total));
    let options = DemoOptions {
        size: Size::Lines(2_000),
        ..DemoOptions::default()
    };
    runtime
        .block_on(generate(dir.path(), &options, &mut progress))
        .unwrap();
    assert!(said.len() > 200);
    assert!(said.is_sorted());
    assert_eq!(said.last(), Some(&(2_000, 2_000)));
}

#[test]
fn bad_options_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let options = DemoOptions {
        shops: 9,
        size: Size::Lines(1),
        ..DemoOptions::default()
    };
    let problems = runtime
        .block_on(generate(dir.path(), &options, &mut |_, _| {}))
        .unwrap_err();
    assert_eq!(problems.0.len(), 2);
    assert!(files(dir.path()).is_empty());
}
