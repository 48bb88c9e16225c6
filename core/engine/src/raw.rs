//! Raw tables on their way to the disk: personal cells are treated first, then a file is named by its digest.

use crate::columns::{EXPORT, ROW};
use crate::lake::{Lake, raw_path};
use crate::mapping::{Mapping, Personal};
use crate::parquet_file::{ParquetFile, inspect};
use crate::personal::{Key, Part, looks_personal};
use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chenbao_model::{Diagnostic, Digest, Id};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One raw table of a collection, as it lies in the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawTable {
    /// File under the lake's folder.
    pub path: String,
    /// Digest of the file.
    pub digest: Digest,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Name of the mapping that it landed under.
    pub mapping: String,
    /// Columns as stored: without dropped ones, with kept parts.
    pub columns: Vec<String>,
    /// Those of them whose cells were hashed.
    pub hashed: Vec<String>,
    /// What was done to columns that nobody declared.
    pub warnings: Vec<Diagnostic>,
}

/// The footer's key.
const FOOTER: &str = "chenbao.raw";

/// What a raw table's footer says: nothing else remembers how its cells were treated.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    mapping: String,
    hashed: Vec<String>,
}

impl Lake {
    /// A raw table of a source that was stored earlier; `None` where its file is gone.
    ///
    /// # Errors
    /// The file is there, but is damaged or no raw table.
    pub fn raw_table(&self, source: &Id, digest: &Digest) -> Result<Option<RawTable>, Diagnostic> {
        let path = raw_path(source.as_str(), digest);
        let file = self.dir().join(&path);
        let Ok(about) = std::fs::metadata(&file) else {
            return Ok(None);
        };
        let broken = |why: String| {
            Diagnostic::error(format!("a raw table is damaged: {why}"))
                .in_file(file.display().to_string())
                .hint("restore the file from a backup; the lake never changes a file that it has named")
        };
        if let Some(why) = self.flaw(&file, (digest, None)) {
            return Err(broken(why));
        }
        let (schema, rows, note) = inspect(&file, FOOTER).map_err(|e| broken(e.to_string()))?;
        let note: Note = serde_json::from_str(&note.unwrap_or_default())
            .map_err(|e| broken(format!("its footer does not say how it was stored: {e}")))?;
        Ok(Some(RawTable {
            path,
            digest: digest.clone(),
            rows: u64::try_from(rows).unwrap_or(0),
            bytes: about.len(),
            mapping: note.mapping,
            columns: names(&schema),
            hashed: note.hashed,
            warnings: Vec::new(),
        }))
    }

    /// Begins a raw table. `salt` keys the hashes of personal cells; without the same salt they do not match.
    #[must_use]
    pub fn raw_writer<'a>(
        &'a self,
        mapping: &'a Mapping,
        source: &Id,
        salt: &[u8],
    ) -> RawWriter<'a> {
        RawWriter {
            lake: self,
            mapping,
            source: source.clone(),
            key: Key::new(salt),
            open: None,
            rows: 0,
        }
    }
}

/// Writes one raw table; every batch has the columns of the first.
#[derive(Debug)]
pub struct RawWriter<'a> {
    lake: &'a Lake,
    mapping: &'a Mapping,
    source: Id,
    key: Key,
    open: Option<Open>,
    rows: u64,
}

/// What the first batch decides.
struct Open {
    given: SchemaRef,
    steps: Vec<Step>,
    stored: SchemaRef,
    file: ParquetFile,
    warnings: Vec<Diagnostic>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

/// One stored column, made from the column of that index.
#[derive(Debug, Clone, Copy)]
enum Step {
    Keep(usize),
    Hash(usize),
    Part(usize, Part),
}

impl RawWriter<'_> {
    /// Treats and writes a batch. Columns keep the names of the export.
    ///
    /// # Errors
    /// `_export` or `_row` is missing, the columns differ from the first batch's, or the disk refuses.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Diagnostic> {
        let key = &self.key;
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(begin(self.lake, self.mapping, &batch.schema())?),
        };
        if open.given.fields() != batch.schema().fields() {
            return Err(Diagnostic::error("the batches of one raw table have different columns")
                .hint("a source gives every batch of a scan the same schema: the union of its exports' columns"));
        }
        let columns = open
            .steps
            .iter()
            .map(|step| treat(*step, batch, key))
            .collect::<Result<Vec<_>, _>>();
        let written = columns
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&open.stored), columns))
            .map_err(parquet::errors::ParquetError::from)
            .and_then(|treated| open.file.write(treated));
        written.map_err(|e| self.lake.unwritten(&e))?;
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(0);
        Ok(())
    }

    /// Ends the table: it has its name from now on. Without any batch there is no table, and `None` is returned.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self) -> Result<Option<RawTable>, Diagnostic> {
        let Some(open) = self.open else {
            return Ok(None);
        };
        let failed = |e: &(dyn std::error::Error + 'static)| self.lake.unwritten(e);
        let columns = names(&open.stored);
        let hashed = columns.iter().zip(&open.steps);
        let hashed: Vec<String> = hashed
            .filter(|(_, step)| matches!(step, Step::Hash(_)))
            .map(|(name, _)| name.clone())
            .collect();
        let note = Note {
            mapping: self.mapping.name.clone(),
            hashed: hashed.clone(),
        };
        let note = serde_json::to_string(&note).map_err(|e| failed(&e))?;
        let sealed = open.file.seal(FOOTER, note).map_err(|e| failed(&e))?;
        let table = RawTable {
            path: raw_path(self.source.as_str(), &sealed.digest),
            digest: sealed.digest.clone(),
            rows: self.rows,
            bytes: sealed.bytes,
            mapping: self.mapping.name.clone(),
            columns,
            hashed,
            warnings: open.warnings,
        };
        self.lake.publish(vec![(sealed, table.path.clone())])?;
        Ok(Some(table))
    }
}

fn begin(lake: &Lake, mapping: &Mapping, given: &SchemaRef) -> Result<Open, Diagnostic> {
    for name in [EXPORT, ROW] {
        if given
            .column_with_name(name)
            .is_none_or(|(_, field)| field.data_type() != &DataType::Int64)
        {
            return Err(
                Diagnostic::error(format!("the raw table has no Int64 column `{name}`"))
                    .hint("a source numbers its exports and their rows"),
            );
        }
    }
    let (mut steps, mut fields, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (index, field) in given.fields().iter().enumerate() {
        let contract = mapping
            .columns
            .iter()
            .find(|column| column.is(field.name()));
        if let Some((name, part)) = contract.and_then(|column| column.part.as_ref())
            && fields.iter().all(|field: &Field| field.name() != name)
        {
            steps.push(Step::Part(index, *part));
            fields.push(Field::new(name, DataType::Utf8, true));
        }
        match contract {
            None if looks_personal(field.name()) => warnings.push(dropped(mapping, field.name())),
            Some(column) if column.personal == Some(Personal::Drop) => {}
            Some(column) if column.personal == Some(Personal::Hash) => {
                steps.push(Step::Hash(index));
                fields.push(Field::new(field.name(), DataType::Utf8, true));
            }
            _ => {
                steps.push(Step::Keep(index));
                fields.push(field.as_ref().clone().with_nullable(true));
            }
        }
    }
    let stored = Arc::new(Schema::new(fields));
    let file = ParquetFile::begin(lake, &stored).map_err(|e| lake.unwritten(&e))?;
    Ok(Open {
        given: Arc::clone(given),
        steps,
        stored,
        file,
        warnings,
    })
}

fn names(schema: &SchemaRef) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

fn dropped(mapping: &Mapping, header: &str) -> Diagnostic {
    Diagnostic::note(format!(
        "the column `{header}` is not in the contract and names a person: it was not stored"
    ))
    .in_file(mapping.name.clone())
    .hint("declare it with personal = \"hash\", \"drop\" or \"keep\"")
}

fn treat(step: Step, batch: &RecordBatch, key: &Key) -> Result<ArrayRef, arrow::error::ArrowError> {
    let text = |index: usize| cast(batch.column(index), &DataType::Utf8);
    match step {
        Step::Keep(index) => Ok(Arc::clone(batch.column(index))),
        Step::Hash(index) => {
            let hashed = text(index)?
                .as_string::<i32>()
                .iter()
                .map(|cell| cell.and_then(|cell| key.hash(cell)))
                .collect::<StringArray>();
            Ok(Arc::new(hashed))
        }
        Step::Part(index, part) => {
            let kept = text(index)?
                .as_string::<i32>()
                .iter()
                .map(|cell| cell.and_then(|cell| part.of(cell)))
                .collect::<StringArray>();
            Ok(Arc::new(kept))
        }
    }
}
