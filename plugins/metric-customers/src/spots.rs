//! Buyers as points of recency, frequency and money, and their quintile scores as the R package rfm cuts them.

use chenbao_plugin::arrow_array::cast::AsArray;
use chenbao_plugin::arrow_array::types::{Decimal128Type, Int64Type};
use chenbao_plugin::arrow_array::{Array, ArrayRef, RecordBatch};
use chenbao_plugin::arrow_schema::DataType;
use chenbao_plugin::{Cx, Result, Rows, bad_data};
use rust_decimal::Decimal;

/// Buyers alike in all three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) recency: Decimal,
    pub(crate) frequency: Decimal,
    pub(crate) money: Decimal,
    pub(crate) buyers: i64,
}

/// Scores 1 to 5; 5 is most recent, most frequent, most money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scores {
    pub(crate) r: u32,
    pub(crate) f: u32,
    pub(crate) m: u32,
}

/// Reads batch by batch: a large shop has millions of buyers.
pub(crate) fn read(rows: Rows, cx: &Cx<'_>) -> Result<Vec<Spot>> {
    let mut spots = Vec::new();
    for batch in rows {
        cx.checkpoint()?;
        let batch = batch?;
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| bad_data(format!("no column `{name}`")))
        };
        let (recency, frequency, money) =
            (column("recency")?, column("frequency")?, column("money")?);
        let buyers = column("buyers")?;
        for row in 0..batch.num_rows() {
            if money.is_null(row) {
                continue;
            }
            spots.push(Spot {
                recency: number(recency, row)?,
                frequency: number(frequency, row)?,
                money: number(money, row)?,
                buyers: i64::try_from(number(buyers, row)?).map_err(|e| bad_data(e.to_string()))?,
            });
        }
        drop::<RecordBatch>(batch);
    }
    Ok(spots)
}

fn number(column: &ArrayRef, row: usize) -> Result<Decimal> {
    match column.data_type() {
        DataType::Int64 => Ok(Decimal::from(column.as_primitive::<Int64Type>().value(row))),
        DataType::Decimal128(_, scale) => {
            let unscaled = column.as_primitive::<Decimal128Type>().value(row);
            let scale = u32::try_from(*scale).map_err(|e| bad_data(e.to_string()))?;
            Decimal::try_from_i128_with_scale(unscaled, scale).map_err(|e| bad_data(e.to_string()))
        }
        DataType::Utf8 => column
            .as_string::<i32>()
            .value(row)
            .parse()
            .map_err(|e| bad_data(format!("{e}"))),
        other => Err(bad_data(format!("type {other} is not a number"))),
    }
}

/// The scores of each spot, in order. A score is one more than the number of quantiles (20, 40, 60, 80 %; R type 7) that the
/// value exceeds; recency counts the other way round.
pub(crate) fn scores(spots: &[Spot]) -> Vec<Scores> {
    let recency = cuts(spots, |spot| spot.recency);
    let frequency = cuts(spots, |spot| spot.frequency);
    let money = cuts(spots, |spot| spot.money);
    let above = |cuts: &[Decimal], value: Decimal| {
        u32::try_from(cuts.iter().filter(|cut| value > **cut).count()).unwrap_or(0)
    };
    let score = |spot: &Spot| Scores {
        r: 5 - above(&recency, spot.recency),
        f: 1 + above(&frequency, spot.frequency),
        m: 1 + above(&money, spot.money),
    };
    spots.iter().map(score).collect()
}

/// The values that must be exceeded. A type-7 quantile lies between the values at `floor` and `ceil` of `(n - 1) p`, and no
/// value lies between those two, so a value exceeds it exactly when it exceeds the lower one.
fn cuts(spots: &[Spot], of: impl Fn(&Spot) -> Decimal) -> Vec<Decimal> {
    let mut sorted: Vec<(Decimal, i64)> =
        spots.iter().map(|spot| (of(spot), spot.buyers)).collect();
    sorted.sort_unstable();
    let n: i64 = sorted.iter().map(|(_, buyers)| buyers).sum();
    let at = |k: i64| {
        let place = (n - 1) * k / 5;
        let mut passed = 0;
        sorted.iter().find_map(|(value, buyers)| {
            passed += buyers;
            (passed > place).then_some(*value)
        })
    };
    (1..=4).filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;
    use std::collections::BTreeMap;

    /// The unpacked orders of the R package rfm, from `CHENBAO_TEST_DATA`; none where the file or `xz` is not there.
    fn published() -> Option<String> {
        let dir = std::env::var("CHENBAO_TEST_DATA")
            .unwrap_or_else(|_| "../../../shared/data".to_owned());
        let path = std::path::Path::new(&dir).join("rfm_r_package_orders.csv.xz");
        let run = std::process::Command::new("xz")
            .arg("-dc")
            .arg(&path)
            .output()
            .ok()
            .filter(|run| run.status.success());
        if run.is_none() {
            println!("SKIPPED: {} or xz is not here", path.display());
        }
        run.map(|run| String::from_utf8(run.stdout).unwrap())
    }

    fn spots(csv: &str) -> BTreeMap<String, Spot> {
        let head: Vec<&str> = csv
            .lines()
            .next()
            .unwrap()
            .split(',')
            .map(|h| h.trim_matches('"'))
            .collect();
        let at = |name: &str| head.iter().position(|h| *h == name).unwrap();
        let (who, when, what) = (at("customer_id"), at("order_date"), at("revenue"));
        let analysis: Date = "2006-12-31".parse().unwrap();
        let mut buyers: BTreeMap<String, Spot> = BTreeMap::new();
        for line in csv.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').map(|c| c.trim_matches('"')).collect();
            let day: Date = cells[when].parse().unwrap();
            let days = Decimal::from((analysis - day).get_days());
            let spot = buyers.entry(cells[who].to_owned()).or_insert(Spot {
                recency: days,
                frequency: Decimal::ZERO,
                money: Decimal::ZERO,
                buyers: 1,
            });
            spot.recency = spot.recency.min(days);
            spot.frequency += Decimal::ONE;
            spot.money += cells[what].parse::<Decimal>().unwrap();
        }
        buyers
    }

    /// README of the R package rfm, analysis date 2006-12-31 [P]; references.md section 3.
    #[test]
    fn the_five_published_customers_get_their_published_scores() {
        let Some(csv) = published() else { return };
        let buyers = spots(&csv);
        assert_eq!(buyers.len(), 995);
        let (names, list): (Vec<&String>, Vec<Spot>) =
            buyers.iter().map(|(name, spot)| (name, *spot)).unzip();
        let scores = scores(&list);
        // The package's tests fix the first whole value of each next bin. (Its bins begin one unit above the quantile, so for
        // money they may begin up to one unit later than here.)
        let next_bins = |of: fn(&Spot) -> Decimal| {
            cuts(&list, of)
                .iter()
                .map(|cut| (cut + Decimal::ONE).to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(next_bins(|s| s.frequency), ["4", "5", "6", "8"]);
        assert_eq!(next_bins(|s| s.recency), ["115", "181", "297", "482"]);
        for (name, days, orders, money, score) in [
            ("Abbey O'Reilly", 205, 6, 472, 343),
            ("Add Senger", 140, 3, 340, 412),
            ("Aden Lesch", 194, 4, 405, 323),
            ("Aden Murphy", 98, 7, 596, 544),
            ("Admiral Senger", 132, 5, 448, 433),
        ] {
            let i = names
                .iter()
                .position(|n| *n == name)
                .unwrap_or_else(|| panic!("no {name}"));
            let (spot, got) = (list[i], scores[i]);
            assert_eq!(
                [spot.recency, spot.frequency, spot.money],
                [days, orders, money].map(Decimal::from),
                "{name}"
            );
            assert_eq!(got.r * 100 + got.f * 10 + got.m, score, "{name}");
        }
    }

    #[test]
    fn buyers_alike_weigh_as_many() {
        let spot = |value: i64, buyers| Spot {
            recency: value.into(),
            frequency: value.into(),
            money: value.into(),
            buyers,
        };
        let apart: Vec<Spot> = [1, 1, 1, 1, 2, 3, 4, 5, 6, 6].map(|v| spot(v, 1)).to_vec();
        let together = [
            spot(1, 4),
            spot(2, 1),
            spot(3, 1),
            spot(4, 1),
            spot(5, 1),
            spot(6, 2),
        ];
        assert_eq!(cuts(&apart, |s| s.money), cuts(&together, |s| s.money));
        assert_eq!(
            scores(&together).iter().map(|s| s.m).collect::<Vec<_>>(),
            [1, 3, 3, 4, 4, 5]
        );
    }
}
