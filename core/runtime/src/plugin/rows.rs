//! Rows between processes: Arrow IPC in sealed memory files of bounded size, read where they lie.
#![expect(
    unsafe_code,
    reason = "a sealed memory file is mapped instead of copied"
)]

use arrow::array::{Array as _, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A file is closed when it holds this much.
const FULL: usize = 8 << 20;
/// A batch that is larger is split by rows.
const MAX_BATCH: usize = 32 << 20;
/// No larger file is read: one row may be large, but not without bound.
const MAX_FILE: u64 = 512 << 20;
/// What must hold before a file of another process is read: it cannot change or shrink under the reader.
const SEALS: SealFlags = SealFlags::WRITE.union(SealFlags::SHRINK);

/// A sequence of batches on its way out.
pub(super) struct Packer<I> {
    batches: I,
    /// Pieces of a batch that was too large.
    pieces: VecDeque<RecordBatch>,
}

impl<I: Iterator<Item = Result<RecordBatch, String>>> Packer<I> {
    pub(super) fn new(batches: I) -> Self {
        Self {
            batches,
            pieces: VecDeque::new(),
        }
    }

    fn piece(&mut self) -> Result<Option<RecordBatch>, String> {
        if self.pieces.is_empty()
            && let Some(batch) = self.batches.next()
        {
            self.pieces = split(&plain(batch?)?);
        }
        Ok(self.pieces.pop_front())
    }

    /// The next file, or none at the end. A batch without rows stands alone: it tells the columns, and whoever takes it has not
    /// asked for rows yet.
    pub(super) fn next_file(&mut self) -> Result<Option<OwnedFd>, String> {
        let Some(first) = self.piece()? else {
            return Ok(None);
        };
        let broken = |why: &dyn std::fmt::Display| format!("rows cannot be handed over: {why}");
        let fd = memfd_create(
            "chenbao-rows",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        )
        .map_err(|e| broken(&e))?;
        let file = std::io::BufWriter::with_capacity(1 << 16, File::from(fd));
        let mut writer = StreamWriter::try_new(file, &first.schema()).map_err(|e| broken(&e))?;
        let mut filled = 0;
        let mut next = Some(first);
        while let Some(batch) = next {
            filled += size(&batch);
            writer.write(&batch).map_err(|e| broken(&e))?;
            let more = batch.num_rows() > 0 && filled < FULL;
            next = if more { self.piece()? } else { None };
        }
        let file = writer
            .into_inner()
            .map_err(|e| broken(&e))?
            .into_inner()
            .map_err(|e| broken(&e))?;
        fcntl_add_seals(&file, SEALS | SealFlags::GROW | SealFlags::SEAL)
            .map_err(|e| broken(&e))?;
        Ok(Some(file.into()))
    }
}

/// The same rows without string views: a view may drag the buffers of a whole table along, and plugins in other
/// languages seldom know it.
fn plain(batch: RecordBatch) -> Result<RecordBatch, String> {
    let as_plain = |kind: &DataType| match kind {
        DataType::Utf8View => Some(DataType::Utf8),
        DataType::BinaryView => Some(DataType::Binary),
        _ => None,
    };
    let schema = batch.schema();
    if !schema
        .fields()
        .iter()
        .any(|field| as_plain(field.data_type()).is_some())
    {
        return Ok(batch);
    }
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        match as_plain(field.data_type()) {
            Some(kind) => {
                columns.push(arrow::compute::cast(column, &kind).map_err(|e| e.to_string())?);
                fields.push(Arc::new(field.as_ref().clone().with_data_type(kind)));
            }
            None => {
                columns.push(Arc::clone(column));
                fields.push(Arc::clone(field));
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| e.to_string())
}

/// Bytes of the rows themselves, not of buffers that they share with others.
fn size(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
        .sum()
}

fn split(batch: &RecordBatch) -> VecDeque<RecordBatch> {
    let pieces = size(batch).div_ceil(MAX_BATCH).max(1);
    let rows = batch.num_rows().div_ceil(pieces).max(1);
    let starts = (0..batch.num_rows().max(1)).step_by(rows);
    starts
        .map(|start| batch.slice(start, rows.min(batch.num_rows() - start)))
        .collect()
}

/// The batches of a file that another process made. What Arrow's reader takes for a mistake of this program, it panics on: a file
/// can be made so that lengths in it lie.
pub(super) fn unpack(fd: OwnedFd) -> Result<VecDeque<RecordBatch>, String> {
    let read = std::panic::catch_unwind(|| decoded(fd));
    read.unwrap_or_else(|_| Err("not Arrow: lengths in it lie".to_owned()))
}

fn decoded(fd: OwnedFd) -> Result<VecDeque<RecordBatch>, String> {
    let file = File::from(fd);
    let seals = fcntl_get_seals(&file).map_err(|e| format!("not a memory file: {e}"))?;
    if !seals.contains(SEALS) {
        return Err("a memory file without its seals".to_owned());
    }
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    if length == 0 || length > MAX_FILE {
        return Err(format!("a memory file of {length} bytes"));
    }
    // SAFETY: the seals keep everybody from changing or cutting the file while it is mapped.
    let map = Arc::new(unsafe { memmap2::Mmap::map(&file) }.map_err(|e| e.to_string())?);
    let start = std::ptr::NonNull::from(map.as_ref().as_ref()).cast::<u8>();
    let length = map.len();
    // SAFETY: the buffer keeps the map, and so its `length` bytes, for as long as it lives.
    let mut buffer = unsafe { Buffer::from_custom_allocation(start, length, map) };
    let mut decoder = StreamDecoder::new();
    let mut batches = VecDeque::new();
    while let Some(batch) = decoder
        .decode(&mut buffer)
        .map_err(|e| format!("not Arrow: {e}"))?
    {
        batches.push_back(batch);
    }
    decoder.finish().map_err(|e| format!("not whole: {e}"))?;
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray, StringViewArray};
    use std::io::Write as _;

    fn batch(rows: usize, width: usize) -> RecordBatch {
        let numbers = Int64Array::from_iter_values((0..rows).map(|n| i64::try_from(n).unwrap()));
        let texts = StringArray::from_iter_values((0..rows).map(|_| "晨".repeat(width)));
        RecordBatch::try_from_iter([
            ("n", Arc::new(numbers) as _),
            ("text", Arc::new(texts) as _),
        ])
        .unwrap()
    }

    #[test]
    fn rows_come_back_in_order_whatever_their_size() {
        let small: Vec<RecordBatch> = (0..5).map(|_| batch(1000, 3)).collect();
        let large = batch(30_000, 1000); // 90 MB
        let all: Vec<RecordBatch> = small.into_iter().chain([large, batch(0, 1)]).collect();
        let mut packer = Packer::new(all.clone().into_iter().map(Ok));
        let mut back = Vec::new();
        while let Some(file) = packer.next_file().unwrap() {
            let batches = unpack(file).unwrap();
            assert!(batches.iter().all(|batch| size(batch) <= MAX_BATCH));
            back.extend(batches);
        }
        let join = |batches: &[RecordBatch]| {
            arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap()
        };
        assert_eq!(join(&back), join(&all));
        assert!(back.len() > all.len());
    }

    /// Every number in a file's metadata, made a lie: each reads, or is refused with a sentence.
    #[test]
    fn a_file_whose_lengths_lie_is_refused_and_harms_nobody() {
        let good = Packer::new([Ok(batch(100, 3))].into_iter())
            .next_file()
            .unwrap()
            .unwrap();
        let mut bytes = Vec::new();
        let mut file = File::from(good);
        std::io::Seek::rewind(&mut file).unwrap();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut refused = 0;
        for at in (0..bytes.len().min(1500)).step_by(4) {
            for lie in [0x7fff_fff8_u32, 0x0100_0000, u32::MAX, 1] {
                let mut told = bytes.clone();
                let end = (at + 4).min(told.len());
                told[at..end].copy_from_slice(&lie.to_le_bytes()[..end - at]);
                let fd = memfd_create("lies", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING);
                let mut file = File::from(fd.unwrap());
                file.write_all(&told).unwrap();
                fcntl_add_seals(&file, SEALS).unwrap();
                refused += usize::from(unpack(file.into()).is_err());
            }
        }
        std::panic::set_hook(hook);
        assert!(refused > 100, "{refused} were refused");
    }

    /// The kernel's own list of what is mapped says where the reader's columns lie: in the file that was sent, not in a copy.
    #[test]
    fn columns_are_read_where_they_lie_in_the_file() {
        let mut packer = Packer::new([Ok(batch(5000, 3))].into_iter());
        let batches = unpack(packer.next_file().unwrap().unwrap()).unwrap();
        let mapped: Vec<std::ops::Range<usize>> = std::fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .filter(|line| line.contains("memfd:chenbao-rows"))
            .filter_map(|line| {
                let (start, end) = line.split(' ').next()?.split_once('-')?;
                let at = |hex| usize::from_str_radix(hex, 16).ok();
                Some(at(start)?..at(end)?)
            })
            .collect();
        let mut seen = 0;
        for column in batches[0].columns() {
            for buffer in column.to_data().buffers() {
                let at = buffer.as_ptr() as usize;
                assert!(mapped.iter().any(|range| range.contains(&at)), "{at:x}");
                seen += 1;
            }
        }
        assert_eq!(seen, 3, "numbers, ends of texts, texts");
    }

    #[test]
    fn columns_are_told_before_a_row_is_asked_for() {
        let asked = std::cell::Cell::new(0);
        let batches = [batch(0, 1), batch(10, 1)].map(Ok).into_iter();
        let mut packer = Packer::new(batches.inspect(|_| asked.set(asked.get() + 1)));
        let columns = unpack(packer.next_file().unwrap().unwrap()).unwrap();
        assert_eq!((columns[0].num_columns(), asked.get()), (2, 1));
        let rows = unpack(packer.next_file().unwrap().unwrap()).unwrap();
        assert_eq!((rows[0].num_rows(), asked.get()), (10, 2));
    }

    #[test]
    fn views_become_plain_texts() {
        let views = StringViewArray::from_iter([
            Some("a text that is too long to stand in the view itself"),
            None,
        ]);
        let numbers = Int64Array::from(vec![1, 2]);
        let batch = RecordBatch::try_from_iter([
            ("text", Arc::new(views) as _),
            ("n", Arc::new(numbers) as _),
        ])
        .unwrap();
        let file = Packer::new([Ok(batch.slice(0, 1)), Ok(batch)].into_iter())
            .next_file()
            .unwrap()
            .unwrap();
        let back = unpack(file).unwrap();
        assert_eq!(back[1].schema().field(0).data_type(), &DataType::Utf8);
        assert_eq!((back[0].num_rows(), back[1].column(0).null_count()), (1, 1));
    }

    #[test]
    fn a_failing_input_says_why_and_a_file_without_seals_is_refused() {
        let mut packer = Packer::new([Err("disk".to_owned())].into_iter());
        assert_eq!(packer.next_file().unwrap_err(), "disk");
        let open = memfd_create("open", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(unpack(open).unwrap_err().contains("seals"));
        let garbage =
            memfd_create("garbage", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        let mut file = File::from(garbage);
        file.write_all(&[7; 4096]).unwrap();
        fcntl_add_seals(&file, SEALS).unwrap();
        assert!(unpack(file.into()).unwrap_err().contains("not "));
    }
}
