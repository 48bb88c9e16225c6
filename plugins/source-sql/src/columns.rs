//! Columns of a result and their exact values: decimals stay decimals, whole numbers whole, everything else the text of the database.

use arrow_array::builder::{BooleanBuilder, Decimal128Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use chenbao_plugin::{Error, Result, bad_data};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows of a batch.
pub(crate) const BATCH: usize = 8192;

/// How the values of a column are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    /// Precision and scale.
    Decimal(u8, i8),
    Bool,
    Text,
    /// Text of a moment in the session's zone, which is the shop's: its offset is left out.
    Moment,
}

impl Kind {
    /// A decimal of that precision and scale, or text where Arrow has none such.
    pub(crate) fn decimal(precision: i64, scale: i64) -> Self {
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s @ 0..=38)) if i16::from(s) <= i16::from(p) => Self::Decimal(p, s),
            _ => Self::Text,
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::Int => DataType::Int64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Bool => DataType::Boolean,
            Self::Text | Self::Moment => DataType::Utf8,
        }
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// The schema of the raw table.
pub(crate) fn schema(columns: &[Column]) -> Result<SchemaRef> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns
        .iter()
        .find(|column| !seen.insert(column.name.as_str()))
    {
        return Err(bad_data(format!(
            "two columns of the query are called `{}`: give one of them another name with `as`",
            twice.name
        )));
    }
    let mut fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(&column.name, column.kind.arrow(), true))
        .collect();
    fields.push(Field::new("_export", DataType::Int64, false));
    fields.push(Field::new("_row", DataType::Int64, false));
    Ok(Arc::new(Schema::new(fields)))
}

enum Cells {
    Int(Int64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Moment(StringBuilder),
}

/// Collects rows into batches.
pub(crate) struct Collector {
    columns: Vec<Column>,
    schema: SchemaRef,
    cells: Vec<Cells>,
    filled: usize,
    rows: i64,
}

impl Collector {
    pub(crate) fn new(columns: Vec<Column>) -> Result<Self> {
        let schema = schema(&columns)?;
        let cells = columns
            .iter()
            .map(|column| cells(column.kind))
            .collect::<Result<_>>()?;
        Ok(Self {
            columns,
            schema,
            cells,
            filled: 0,
            rows: 0,
        })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The next cell of the row at hand, as the database writes it.
    pub(crate) fn cell(&mut self, at: usize, text: Option<&str>) -> Result<()> {
        let row = self.rows + 1;
        let (Some(cells), Some(column)) = (self.cells.get_mut(at), self.columns.get(at)) else {
            return Err(bad_data(format!(
                "row {row} has more cells than the query has columns"
            )));
        };
        let wrong = |what: &str| {
            bad_data(format!(
                "row {row}, column `{}`: `{}` is not {what}",
                column.name,
                text.unwrap_or_default()
            ))
        };
        match cells {
            Cells::Int(cells) => cells.append_option(
                text.map(|t| t.trim().parse().map_err(|_| wrong("a whole number")))
                    .transpose()?,
            ),
            Cells::Decimal(cells, precision, scale) => {
                let value = text.map(|t| {
                    decimal(t, *precision, *scale)
                        .ok_or_else(|| wrong(&format!("a decimal({precision}, {scale})")))
                });
                cells.append_option(value.transpose()?);
            }
            Cells::Bool(cells) => cells.append_option(
                text.map(|t| boolean(t).ok_or_else(|| wrong("true or false")))
                    .transpose()?,
            ),
            Cells::Text(cells) => cells.append_option(text),
            Cells::Moment(cells) => cells.append_option(text.map(without_offset)),
        }
        Ok(())
    }

    /// The row is complete; a batch when it is full.
    pub(crate) fn row(&mut self) -> Result<Option<RecordBatch>> {
        self.rows += 1;
        self.filled += 1;
        if self.filled == BATCH {
            self.batch()
        } else {
            Ok(None)
        }
    }

    /// What has been collected since the last batch.
    pub(crate) fn batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.filled == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = self.cells.iter_mut().map(finish).collect();
        let first =
            self.rows - i64::try_from(self.filled).map_err(|e| bad_data(e.to_string()))? + 1;
        arrays.push(Arc::new(Int64Array::from_value(0, self.filled)));
        arrays.push(Arc::new(Int64Array::from_iter_values(first..=self.rows)));
        self.filled = 0;
        Ok(Some(RecordBatch::try_new(self.schema.clone(), arrays)?))
    }
}

fn cells(kind: Kind) -> Result<Cells> {
    Ok(match kind {
        Kind::Int => Cells::Int(Int64Builder::new()),
        Kind::Decimal(precision, scale) => {
            let builder = Decimal128Builder::new()
                .with_precision_and_scale(precision, scale)
                .map_err(Error::from)?;
            Cells::Decimal(builder, precision, scale)
        }
        Kind::Bool => Cells::Bool(BooleanBuilder::new()),
        Kind::Text => Cells::Text(StringBuilder::new()),
        Kind::Moment => Cells::Moment(StringBuilder::new()),
    })
}

fn finish(cells: &mut Cells) -> ArrayRef {
    match cells {
        Cells::Int(cells) => Arc::new(cells.finish()),
        Cells::Decimal(cells, ..) => Arc::new(cells.finish()),
        Cells::Bool(cells) => Arc::new(cells.finish()),
        Cells::Text(cells) | Cells::Moment(cells) => Arc::new(cells.finish()),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "t" | "true" | "1" => Some(true),
        "f" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// The unscaled value, exact: digits beyond the scale must be noughts.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::try_from(scale).ok()?;
    let fraction = fraction.trim_end_matches('0');
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 && !digits.contains('0')
        || fraction.len() > scale
        || !plain(whole)
        || !plain(fraction)
    {
        return None;
    }
    let unscaled: i128 = format!("0{whole}{fraction:0<scale$}").parse().ok()?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (unscaled < limit).then_some(if negative { -unscaled } else { unscaled })
}

/// `2026-11-21 08:00:00+08` without its last part.
fn without_offset(text: &str) -> &str {
    match text.rfind(['+', '-', 'Z']) {
        Some(at) if at > 10 => text.split_at(at).0,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, value) in [
            ("12.50", Some(1250)),
            ("-0.07", Some(-7)),
            ("12", Some(1200)),
            (".5", Some(50)),
            ("12.500", Some(1250)),
            ("0", Some(0)),
            ("0.00", Some(0)),
            ("99999999.99", Some(9_999_999_999)),
            ("100000000", None),
            ("12.505", None),
            ("NaN", None),
            ("1e3", None),
            ("", None),
            ("-", None),
            (".", None),
        ] {
            assert_eq!(decimal(text, 10, 2), value, "{text}");
        }
        assert_eq!(
            decimal("12345678901234567890123456789012345678", 38, 0),
            Some(12_345_678_901_234_567_890_123_456_789_012_345_678)
        );
    }

    #[test]
    fn offsets_come_off_moments_only() {
        for (text, plain) in [
            ("2026-11-21 08:00:00+08", "2026-11-21 08:00:00"),
            ("2026-11-21 08:00:00.5-03:30", "2026-11-21 08:00:00.5"),
            ("2026-11-21 08:00:00", "2026-11-21 08:00:00"),
            ("2026-11-21", "2026-11-21"),
        ] {
            assert_eq!(without_offset(text), plain);
        }
    }

    #[test]
    fn scales_that_arrow_lacks_are_text() {
        assert_eq!(Kind::decimal(18, 4), Kind::Decimal(18, 4));
        for (precision, scale) in [(39, 2), (0, 0), (5, 6), (5, -2)] {
            assert_eq!(Kind::decimal(precision, scale), Kind::Text);
        }
    }

    #[test]
    fn rows_fill_batches_and_wrong_cells_are_named() {
        let columns = vec![
            Column {
                name: "n".into(),
                kind: Kind::Int,
            },
            Column {
                name: "c".into(),
                kind: Kind::Decimal(6, 2),
            },
        ];
        let mut collector = Collector::new(columns.clone()).unwrap();
        let mut batches = Vec::new();
        for n in 0..BATCH + 1 {
            collector.cell(0, Some(&n.to_string())).unwrap();
            collector.cell(1, None).unwrap();
            batches.extend(collector.row().unwrap());
        }
        batches.extend(collector.batch().unwrap());
        assert_eq!(
            batches
                .iter()
                .map(RecordBatch::num_rows)
                .collect::<Vec<_>>(),
            [BATCH, 1]
        );
        let error = collector.cell(1, Some("1.005")).unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "row {}, column `c`: `1.005` is not a decimal(6, 2)",
                BATCH + 2
            )
        );
        assert!(schema(&[columns[0].clone(), columns[0].clone()]).is_err());
    }
}
