//! Calls through the C tables, with everything that they leave behind counted.

use super::rows::{Counted, RELEASED, STOP, Then};
use super::{Found, Probe};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use chenbao_plugin::abi::{
    ABI_MAJOR, ABI_MINOR, ArrowArrayStream, CbComputeArgs, CbError, CbHost, CbInput, CbOutput,
    CbStr, OK, size_of_u32,
};
use chenbao_plugin::{ErrorCode, abi_error};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

// SAFETY: reads nothing of what it is given.
unsafe extern "C" fn log(_ctx: *mut c_void, _level: i32, _message: CbStr) {}

// SAFETY: reads nothing of what it is given.
unsafe extern "C" fn is_cancelled(_ctx: *mut c_void) -> i32 {
    i32::from(STOP.load(Ordering::SeqCst))
}

// SAFETY: reads nothing of what it is given.
unsafe extern "C" fn progress(_ctx: *mut c_void, _done: f64, _total: f64, _note: CbStr) {}

// SAFETY: reads nothing of what it is given.
unsafe extern "C" fn get_service(_ctx: *mut c_void, _id: *const c_char) -> *const c_void {
    std::ptr::null()
}

/// Opens a library as the host does.
pub(super) fn load(library: &std::path::Path) -> Result<super::Loaded, String> {
    let file = std::fs::File::open(library).map_err(|e| format!("{}: {e}", library.display()))?;
    super::Loaded::open(file.into(), library)
}

/// A host without services.
pub(super) fn host() -> &'static CbHost {
    Box::leak(Box::new(CbHost {
        struct_size: size_of_u32::<CbHost>(),
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        ctx: std::ptr::null_mut(),
        log,
        is_cancelled,
        progress,
        get_service,
    }))
}

/// The streams of a call: name, batches.
pub(super) type Sets = Vec<(String, Vec<RecordBatch>)>;

/// How a call came back.
pub(super) struct Called {
    /// The answer, or code and sentence.
    pub(super) answer: Result<Vec<u8>, (ErrorCode, String)>,
    /// What it did beside answering that the contract forbids.
    pub(super) breaches: Vec<String>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Called {
    /// The answer, where nothing but an answer is right.
    pub(super) fn good(self) -> Result<Vec<u8>, String> {
        self.clean()?;
        self.answer
            .map_err(|(code, why)| format!("it has no answer ({}): {why}", code.name()))
    }

    /// Nothing forbidden was done; a panic is.
    pub(super) fn clean(&self) -> Result<(), String> {
        if let Err((ErrorCode::Panic, why)) = &self.answer {
            return Err(format!("it panicked: {why}"));
        }
        if self.breaches.is_empty() {
            Ok(())
        } else {
            Err(self.breaches.join("; "))
        }
    }
}

impl Probe {
    /// One computation with these texts and streams.
    pub(super) fn compute(&self, id: &str, params: &str, sets: Sets, then: Then) -> Called {
        let Some(api) = self.loaded.metric() else {
            return Called {
                answer: Err((ErrorCode::NotSupported, "it has no metric".to_owned())),
                breaches: vec!["its table of metrics is NULL or too short".to_owned()],
                took: Duration::ZERO,
            };
        };
        let count = sets.len();
        let before = RELEASED.load(Ordering::SeqCst);
        let (names, mut streams): (Vec<String>, Vec<ArrowArrayStream>) = sets
            .into_iter()
            .map(|(name, batches)| (name, stream(batches, then)))
            .unzip();
        let inputs: Vec<CbInput> = names
            .iter()
            .zip(&mut streams)
            .map(|(name, stream)| CbInput {
                name: CbStr::of(name),
                stream,
            })
            .collect();
        let (period, context) = (
            self.request.period.to_string(),
            self.request.context.to_string(),
        );
        let args = CbComputeArgs {
            struct_size: size_of_u32::<CbComputeArgs>(),
            n_inputs: u32::try_from(inputs.len()).unwrap_or(u32::MAX),
            component_id: CbStr::of(id),
            params_json: CbStr::of(params),
            period_json: CbStr::of(&period),
            context_json: CbStr::of(&context),
            inputs: inputs.as_ptr(),
        };
        let mut out = CbOutput::empty();
        let mut error = CbError::empty();
        let begun = Instant::now();
        // SAFETY: all structs live for the call.
        let status =
            unsafe { (api.compute)(self.host, &raw const args, &raw mut out, &raw mut error) };
        let took = begun.elapsed();
        // SAFETY: the callee filled it as the contract says.
        let json = unsafe { out.result_json.take() };
        drop_tables(&mut out);
        let mut breaches = Vec::new();
        let released = RELEASED.load(Ordering::SeqCst) - before;
        if released != count {
            breaches.push(format!("it released {released} of {count} input streams"));
        }
        let answer = told(status, &mut error, json, &mut breaches);
        Called {
            answer,
            breaches,
            took,
        }
    }
}

/// What a status with its error says.
pub(super) fn told(
    status: i32,
    error: &mut CbError,
    json: Vec<u8>,
    breaches: &mut Vec<String>,
) -> Result<Vec<u8>, (ErrorCode, String)> {
    if status == OK {
        return Ok(json);
    }
    // SAFETY: `error` was given to the call that answered `status`, and is read once.
    let why = unsafe { abi_error::take(status, error) };
    if why.message.trim().is_empty() {
        breaches.push(format!("its error ({}) has no sentence", why.code.name()));
    }
    Err((why.code, why.message))
}

/// Releases what the host would have read of large tables.
fn drop_tables(out: &mut CbOutput) {
    if let Some(release) = out.release.take() {
        // SAFETY: the callback came with this struct and is called once.
        unsafe { release(&raw mut *out) };
    }
}

fn stream(batches: Vec<RecordBatch>, then: Then) -> ArrowArrayStream {
    let schema = batches
        .first()
        .map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    ArrowArrayStream::new(Box::new(Counted {
        schema,
        batches,
        then,
        at: 0,
    }))
}

/// Loading is looking: no work, no network.
pub(super) fn looks_quickly(probe: &Probe) -> Result<Found, String> {
    // Opened again: what the linker maps is mapped, so this is the library's own part, beside one whole read of the file.
    let begun = Instant::now();
    let again = load(&probe.request.library)?;
    again.init(probe.host)?;
    again.descriptor()?;
    let took = begun.elapsed();
    Ok(if took < Duration::from_millis(100) {
        Found::Ok(format!("{} ms", took.as_millis()))
    } else {
        Found::Warning(format!(
            "loading takes {} ms: the entry and init() do no work",
            took.as_millis()
        ))
    })
}

pub(super) fn entry_stable(probe: &Probe) -> Result<Found, String> {
    let again = load(&probe.request.library)?;
    Ok(if again.descriptor()? == probe.loaded.descriptor()? {
        Found::Ok(String::new())
    } else {
        Found::Failed("the second look at the entry gives another descriptor".to_owned())
    })
}

pub(super) fn unknown_ids(probe: &Probe) -> Result<Found, String> {
    let strange = [
        c"",
        c"chenbao.metric/2",
        c"chenbao.metric/1x",
        c"com.example.none/1",
    ];
    for id in strange {
        if !probe.loaded.api(id).is_null() {
            return Ok(Found::Failed(format!("get_api({id:?}) is not NULL")));
        }
        if let Some(metric) = probe.loaded.metric() {
            // SAFETY: the id is a C string.
            let extension = unsafe { (metric.get_extension)(id.as_ptr()) };
            if !extension.is_null() {
                return Ok(Found::Failed(format!("get_extension({id:?}) is not NULL")));
            }
        }
    }
    Ok(Found::Ok(String::new()))
}
