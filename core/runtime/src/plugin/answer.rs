//! In the plugin's process: frames become calls into the library, and what it answers becomes frames.
#![expect(unsafe_code, reason = "the host's half of the C boundary of plugins")]

use super::child::Link;
use super::input::Input;
use super::leftover::Tasks;
use super::library::Loaded;
use super::limits::allow_cpu;
use super::rows::Packer;
use super::wire::{Down, Up};
use chenbao_plugin::abi::{
    ArrowArrayStream, CbBuf, CbComputeArgs, CbError, CbHost, CbInput, CbOutput, CbSource,
    CbSourceApi, CbStr, OK, size_of_u32,
};
use chenbao_plugin::arrow_array::ffi_stream::ArrowArrayStreamReader;
use chenbao_plugin::arrow_array::{RecordBatch, RecordBatchReader as _};
use chenbao_plugin::arrow_schema::ArrowError;
use chenbao_plugin::{Error, ErrorCode, abi_error};
use std::sync::PoisonError;

/// No answer may be larger.
const MAX_ANSWER: usize = 8 << 20;
/// No answer has more large tables.
const MAX_TABLES: usize = 64;

/// A source that was opened.
struct Opened {
    api: &'static CbSourceApi,
    this: *mut CbSource,
}

/// Answers calls until the parent is gone.
pub(super) fn serve(
    link: &'static Link,
    host: &'static CbHost,
    (library, tasks): &(Loaded, Tasks),
    cpu_seconds: u64,
) {
    let library = *library;
    let mut opened: Option<Opened> = None;
    while let Some((frame, _)) = link.wait() {
        allow_cpu(cpu_seconds);
        let reply = match frame {
            Down::Compute {
                component,
                params,
                period,
                context,
                inputs,
            } => compute(
                link,
                host,
                library,
                &Call {
                    texts: [&component, &params, &period, &context],
                    inputs: &inputs,
                },
            ),
            Down::Describe { component, params } => describe(library, &component, &params),
            Down::Open {
                component,
                options,
                secrets,
            } => {
                *link.secrets.lock().unwrap_or_else(PoisonError::into_inner) = Some(secrets);
                open(host, library, &component, &options).map(|source| {
                    opened = Some(source);
                    Vec::new()
                })
            }
            Down::Close => {
                if let Some(source) = opened.take() {
                    // SAFETY: opened once, closed once, its streams are released.
                    unsafe { (source.api.close)(source.this) };
                }
                Ok(Vec::new())
            }
            Down::Check => with(opened.as_ref(), |source| source.json(source.api.check)),
            Down::Tables => with(opened.as_ref(), |source| source.json(source.api.tables)),
            Down::Scan { request } => with(opened.as_ref(), |source| scan(link, source, &request)),
            Down::Load { .. }
            | Down::Rows { .. }
            | Down::Taken
            | Down::Served(_)
            | Down::Cancel => continue,
        };
        // A source keeps what it has opened until it is closed.
        let left = match (&reply, &opened) {
            (Ok(_), None) => tasks.left(),
            _ => None,
        };
        let reply = left.map_or_else(|| told(reply), |left| Up::Left { what: left.words() });
        link.send(&reply, None);
    }
}

fn told(reply: Result<Vec<u8>, Error>) -> Up {
    match reply {
        Ok(bytes) if bytes.len() > MAX_ANSWER => Up::Unfit {
            why: format!(
                "the answer has {} bytes, more than the {MAX_ANSWER} allowed",
                bytes.len()
            ),
        },
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(json) => Up::Answer { json },
            Err(_) => Up::Unfit {
                why: "the answer is not UTF-8".to_owned(),
            },
        },
        Err(Error {
            code,
            message,
            retryable,
            retry_after_ms,
        }) => Up::Failed {
            code: code.status(),
            message,
            retryable,
            retry_after_ms,
        },
    }
}

fn with(
    opened: Option<&Opened>,
    call: impl FnOnce(&Opened) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    call(opened.ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "the source is not open"))?)
}

fn without(kind: &str) -> Error {
    Error::new(
        ErrorCode::NotSupported,
        format!("this library has no {kind}"),
    )
}

/// Turns a status into a result.
fn checked(status: i32, error: &mut CbError) -> Result<(), Error> {
    // SAFETY: `error` was given to the call that answered `status`.
    let why = unsafe { abi_error::take(status, error) };
    if status == OK { Ok(()) } else { Err(why) }
}

/// What `compute` is called with: component, params, period and context, and the names of the inputs.
struct Call<'a> {
    texts: [&'a str; 4],
    inputs: &'a [String],
}

fn compute(
    link: &'static Link,
    host: &'static CbHost,
    library: Loaded,
    call: &Call<'_>,
) -> Result<Vec<u8>, Error> {
    let api = library.metric().ok_or_else(|| without("metric"))?;
    let mut streams: Vec<ArrowArrayStream> = (0..call.inputs.len())
        .map(|index| ArrowArrayStream::new(Box::new(Input::start(link, index))))
        .collect();
    let inputs: Vec<CbInput> = call
        .inputs
        .iter()
        .zip(&mut streams)
        .map(|(name, stream)| CbInput {
            name: CbStr::of(name),
            stream,
        })
        .collect();
    let [component_id, params_json, period_json, context_json] = call.texts.map(CbStr::of);
    let args = CbComputeArgs {
        struct_size: size_of_u32::<CbComputeArgs>(),
        n_inputs: u32::try_from(inputs.len()).unwrap_or(u32::MAX),
        component_id,
        params_json,
        period_json,
        context_json,
        inputs: inputs.as_ptr(),
    };
    let mut out = Output(CbOutput::empty());
    let mut error = CbError::empty();
    // SAFETY: all structs live for the call; `streams` outlives it and releases what the plugin did not move out.
    let status = unsafe { (api.compute)(host, &raw const args, &raw mut out.0, &raw mut error) };
    // SAFETY: the callee filled it as the contract says.
    let json = unsafe { out.0.result_json.take() };
    checked(status, &mut error)?;
    for (table, stream) in out.tables()? {
        let rows = reader(stream)?;
        // An empty batch first: of a table without rows, too, the host hears the columns.
        let columns = RecordBatch::new_empty(rows.schema());
        send_rows(link, std::iter::once(Ok(columns)).chain(rows), || {
            Up::TableRows {
                table: table.clone(),
            }
        })?;
    }
    Ok(json)
}

/// An answer whose tables are released when it goes.
struct Output(CbOutput);

impl Output {
    /// The large tables, moved out.
    fn tables(&mut self) -> Result<Vec<(String, ArrowArrayStream)>, Error> {
        let count = usize::try_from(self.0.n_tables).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.0.tables.is_null() || count > MAX_TABLES {
            return Err(Error::new(
                ErrorCode::Internal,
                format!("its answer names {count} tables that are not there or too many"),
            ));
        }
        // SAFETY: the contract makes these `n_tables` structs, ours to read until release.
        let tables = unsafe { std::slice::from_raw_parts_mut(self.0.tables, count) };
        let moved = |table: &mut chenbao_plugin::abi::CbTableOut| {
            // SAFETY: the name is the plugin's until release.
            let name = unsafe { table.name.copied() };
            let name =
                name.ok_or_else(|| Error::new(ErrorCode::Internal, "a table's name is not UTF-8"))?;
            // SAFETY: a valid stream, and ours to move out.
            Ok((name, unsafe {
                ArrowArrayStream::from_raw(&raw mut table.stream)
            }))
        };
        tables.iter_mut().map(moved).collect()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(release) = self.0.release.take() {
            // SAFETY: the callback came with this struct, whose streams are moved out or its own, and is called once.
            unsafe { release(&raw mut self.0) };
        }
    }
}

fn describe(library: Loaded, component: &str, params: &str) -> Result<Vec<u8>, Error> {
    let api = library.metric().ok_or_else(|| without("metric"))?;
    let (mut out, mut error) = (CbBuf::empty(), CbError::empty());
    // SAFETY: all structs live for the call.
    let status = unsafe {
        (api.describe)(
            CbStr::of(component),
            CbStr::of(params),
            &raw mut out,
            &raw mut error,
        )
    };
    // SAFETY: the callee filled it as the contract says.
    let json = unsafe { out.take() };
    checked(status, &mut error).map(|()| json)
}

fn open(
    host: &'static CbHost,
    library: Loaded,
    component: &str,
    options: &str,
) -> Result<Opened, Error> {
    let api = library.source().ok_or_else(|| without("source"))?;
    let mut this = std::ptr::null_mut();
    let mut error = CbError::empty();
    // SAFETY: the host lives as long as the process, the rest for the call.
    let status = unsafe {
        (api.open)(
            host,
            CbStr::of(component),
            CbStr::of(options),
            &raw mut this,
            &raw mut error,
        )
    };
    checked(status, &mut error)?;
    if this.is_null() {
        return Err(Error::new(
            ErrorCode::Internal,
            "it opened and gave nothing",
        ));
    }
    Ok(Opened { api, this })
}

/// A slot that answers with JSON.
// SAFETY: called with the plugin's own open instance and with empty structs of ours, one call at a time, as the contract says.
type JsonSlot = unsafe extern "C" fn(*mut CbSource, *mut CbBuf, *mut CbError) -> i32;

impl Opened {
    fn json(&self, slot: JsonSlot) -> Result<Vec<u8>, Error> {
        let (mut out, mut error) = (CbBuf::empty(), CbError::empty());
        // SAFETY: the instance is open and calls on it do not overlap.
        let status = unsafe { slot(self.this, &raw mut out, &raw mut error) };
        // SAFETY: the callee filled it as the contract says.
        let json = unsafe { out.take() };
        checked(status, &mut error).map(|()| json)
    }
}

fn scan(link: &'static Link, source: &Opened, request: &str) -> Result<Vec<u8>, Error> {
    let mut stream = ArrowArrayStream::empty();
    let mut error = CbError::empty();
    // SAFETY: the instance is open and calls on it do not overlap.
    let status = unsafe {
        (source.api.scan)(
            source.this,
            CbStr::of(request),
            &raw mut stream,
            &raw mut error,
        )
    };
    checked(status, &mut error)?;
    let streamed = reader(stream).and_then(|rows| send_rows(link, rows, || Up::Rows));
    // The stream is released; an error that ended it is told again here, with its code.
    let facts = source.json(source.api.facts)?;
    streamed.map(|()| facts)
}

/// The rows of a stream.
fn reader(stream: ArrowArrayStream) -> Result<ArrowArrayStreamReader, Error> {
    ArrowArrayStreamReader::try_new(stream).map_err(|e| broken(e.to_string()))
}

fn broken(why: String) -> Error {
    Error::new(ErrorCode::Data, why)
}

/// Sends batches file by file, each with its own copy of a frame.
fn send_rows(
    link: &'static Link,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    frame: impl Fn() -> Up,
) -> Result<(), Error> {
    let mut packer = Packer::new(batches.map(|batch| batch.map_err(|e| e.to_string())));
    while let Some(file) = packer.next_file().map_err(broken)? {
        if !matches!(link.exchange(&frame(), Some(&file)), Some((Down::Taken, _))) {
            return Err(broken("the host does not take the rows".to_owned()));
        }
    }
    Ok(())
}
