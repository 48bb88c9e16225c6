//! The SQL functions of mappings and metrics: `money`, `num`, `at` and `blank`, over texts as well as typed columns.

use crate::cells::{Figure, Unreadable, blank, epoch, figure, moment, on_clock, ruined_id};
use crate::columns::MOMENT;
use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// What a load has seen in its cells: the same however its rows were spread over threads.
#[derive(Debug)]
pub(crate) struct Cells {
    /// The clock on which moments are put.
    pub(crate) zone: TimeZone,
    seen: Mutex<Seen>,
}

/// What was found, by function and column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Cells that hold something else.
    pub(crate) unreadable: BTreeMap<(&'static str, String), Sample>,
    /// Ids that a spreadsheet has ruined: export, row, column, cell.
    pub(crate) ruined: BTreeSet<(i64, i64, String, String)>,
}

/// Whether any cell of a column could be read, and some that could not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Whether some cells could be read.
    pub(crate) some_good: bool,
    /// The first few that could not, in the order of texts.
    pub(crate) bad: BTreeSet<String>,
}

/// How many examples are kept.
const SAMPLES: usize = 3;

impl Cells {
    /// Nothing seen so far.
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            seen: Mutex::default(),
        }
    }

    /// What was seen, so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, function: &'static str, column: &str, sample: Sample) {
        if !sample.some_good && sample.bad.is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = seen
            .unreadable
            .entry((function, column.to_owned()))
            .or_default();
        slot.some_good |= sample.some_good;
        slot.bad.extend(sample.bad);
        while slot.bad.len() > SAMPLES {
            slot.bad.pop_last();
        }
    }

    fn note_ruined(&self, place: (i64, i64, String, String)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ruined.insert(place);
        while seen.ruined.len() > 2 * SAMPLES {
            seen.ruined.pop_last();
        }
    }
}

/// All functions; those of a load note what they cannot read.
pub(crate) fn functions(cells: Option<Arc<Cells>>) -> Vec<ScalarUDF> {
    [What::Money, What::Num, What::At, What::Blank]
        .map(|what| function(what, cells.clone()))
        .into()
}

/// `blank` alone, for expressions built by hand.
pub(crate) fn blank_function() -> ScalarUDF {
    function(What::Blank, None)
}

/// Passes an id through, and notes where it is ruined: `(id, _export, _row)`.
pub(crate) fn id_function(column: &str, cells: Arc<Cells>) -> ScalarUDF {
    function(What::Id(column.to_owned()), Some(cells))
}

/// The moment at which an export was made, by its number.
pub(crate) fn exported_function(moments: BTreeMap<i64, i64>) -> ScalarUDF {
    function(What::Exported(moments), None)
}

fn function(what: What, cells: Option<Arc<Cells>>) -> ScalarUDF {
    let arity = if matches!(what, What::Id(_)) { 3 } else { 1 };
    let signature = Signature::any(arity, Volatility::Immutable);
    ScalarUDF::new_from_impl(Function {
        what,
        cells,
        signature,
    })
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum What {
    Money,
    Num,
    At,
    Blank,
    Id(String),
    Exported(BTreeMap<i64, i64>),
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Num => "num",
            Self::At => "at",
            Self::Blank => "blank",
            Self::Id(_) => "_id",
            Self::Exported(_) => "_exported_at_of",
        }
    }
}

#[derive(Debug)]
struct Function {
    what: What,
    cells: Option<Arc<Cells>>,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
            && self.cells.as_ref().map(Arc::as_ptr) == other.cells.as_ref().map(Arc::as_ptr)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.what.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.what.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType, DataFusionError> {
        let given = given.first().unwrap_or(&DataType::Null);
        if !self.takes(given) {
            return Err(DataFusionError::Plan(format!(
                "{}() cannot read a {given}",
                self.name()
            )));
        }
        Ok(match &self.what {
            What::Money => DataType::Decimal128(18, 4),
            What::Num => DataType::Decimal128(18, 6),
            What::At | What::Exported(_) => MOMENT,
            What::Blank | What::Id(_) => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let column = call
            .arg_fields
            .first()
            .map(|field| field.name().clone())
            .unwrap_or_default();
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let Some(array) = arrays.first() else {
            return Err(DataFusionError::Plan(format!(
                "{}() takes a column",
                self.name()
            )));
        };
        let out = match &self.what {
            What::Money => self.figures(array, Figure::Money, &column)?,
            What::Num => self.figures(array, Figure::Num, &column)?,
            What::At => self.moments(array, &column)?,
            What::Blank => {
                let texts = cast(array, &DataType::Utf8)?;
                Arc::new(
                    texts
                        .as_string::<i32>()
                        .iter()
                        .map(|cell| cell.and_then(blank))
                        .collect::<StringArray>(),
                )
            }
            What::Id(name) => self.ids(&arrays, name)?,
            What::Exported(moments) => {
                let exports = array.as_primitive::<Int64Type>().iter();
                let made =
                    exports.map(|export| export.and_then(|export| moments.get(&export).copied()));
                Arc::new(made.collect::<TimestampMicrosecondArray>())
            }
        };
        Ok(ColumnarValue::Array(out))
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn cast(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, DataFusionError> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    Ok(cast_with_options(array, kind, &strict)?)
}

impl Function {
    fn takes(&self, kind: &DataType) -> bool {
        let anything = is_text(kind) || kind.is_null();
        match self.what {
            What::Money | What::Num => anything || kind.is_numeric(),
            What::At => {
                anything
                    || kind.is_integer()
                    || matches!(kind, DataType::Date32 | DataType::Timestamp(..))
            }
            What::Blank | What::Id(_) => {
                anything || kind.is_primitive() || kind == &DataType::Boolean
            }
            What::Exported(_) => kind == &DataType::Int64,
        }
    }

    /// Reads texts one by one, and notes what cannot be read; such a cell is null.
    fn read<T>(
        &self,
        array: &ArrayRef,
        column: &str,
        mut one: impl FnMut(&str) -> Result<Option<T>, Unreadable>,
    ) -> Result<Vec<Option<T>>, DataFusionError> {
        let texts = cast(array, &DataType::Utf8)?;
        let mut sample = Sample::default();
        let mut out = Vec::with_capacity(texts.len());
        for cell in texts.as_string::<i32>() {
            let value = cell.map_or(Ok(None), &mut one);
            if value.is_err() && sample.bad.len() < 64 {
                sample.bad.insert(cell.unwrap_or_default().to_owned());
            }
            sample.some_good |= matches!(value, Ok(Some(_)));
            out.push(value.unwrap_or(None));
        }
        if let Some(cells) = &self.cells {
            cells.note(self.what.name(), column, sample);
        }
        Ok(out)
    }

    fn figures(
        &self,
        array: &ArrayRef,
        kind: Figure,
        column: &str,
    ) -> Result<ArrayRef, DataFusionError> {
        let scale = i8::try_from(kind.scale()).unwrap_or(0);
        let stored = DataType::Decimal128(18, scale);
        if array.data_type().is_null() {
            return Ok(new_null_array(&stored, array.len()));
        }
        if !is_text(array.data_type()) {
            return cast(array, &stored);
        }
        let values = self.read(array, column, |cell| figure(cell, kind))?;
        let values: Decimal128Array = values.into_iter().collect();
        Ok(Arc::new(values.with_precision_and_scale(18, scale)?))
    }

    fn moments(&self, array: &ArrayRef, column: &str) -> Result<ArrayRef, DataFusionError> {
        let zone = self.cells.as_ref().map(|cells| &cells.zone);
        let values: Vec<Option<i64>> = match array.data_type() {
            DataType::Null => vec![None; array.len()],
            DataType::Date32 | DataType::Timestamp(_, None) => return cast(array, &MOMENT),
            DataType::Timestamp(_, Some(name)) => {
                let kind = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(name)));
                let instants = cast(array, &kind)?;
                let instants = instants.as_primitive::<TimestampMicrosecondType>().iter();
                instants
                    .map(|micros| clocked(micros, zone))
                    .collect::<Result<_, _>>()?
            }
            kind if is_text(kind) => self.read(array, column, |cell| moment(cell, zone))?,
            _ => {
                let numbers = cast(array, &DataType::Int64)?;
                numbers
                    .as_primitive::<Int64Type>()
                    .iter()
                    .map(|n| n.and_then(|n| epoch(n, zone).ok()))
                    .collect()
            }
        };
        Ok(Arc::new(TimestampMicrosecondArray::from(values)))
    }

    fn ids(&self, arrays: &[ArrayRef], name: &str) -> Result<ArrayRef, DataFusionError> {
        let [ids, exports, rows] = arrays else {
            return Err(DataFusionError::Internal(
                "an id has its place beside it".to_owned(),
            ));
        };
        let texts = cast(ids, &DataType::Utf8)?;
        let (exports, rows) = (
            exports.as_primitive::<Int64Type>(),
            rows.as_primitive::<Int64Type>(),
        );
        let ruined = |cell: &str| ruined_id(cell) || ids.data_type().is_floating();
        for (i, cell) in texts.as_string::<i32>().iter().enumerate() {
            if let (Some(cell), Some(cells)) = (cell.filter(|cell| ruined(cell)), &self.cells) {
                cells.note_ruined((
                    exports.value(i),
                    rows.value(i),
                    name.to_owned(),
                    cell.to_owned(),
                ));
            }
        }
        Ok(texts)
    }
}

fn clocked(micros: Option<i64>, zone: Option<&TimeZone>) -> Result<Option<i64>, DataFusionError> {
    let Some(micros) = micros else {
        return Ok(None);
    };
    let instant = Timestamp::from_microsecond(micros)
        .map_err(|e| DataFusionError::Execution(e.to_string()))?;
    let clock = on_clock(instant, zone);
    clock.map(Some).map_err(|Unreadable| {
        DataFusionError::Execution("at() has no zone for an instant here".to_owned())
    })
}
