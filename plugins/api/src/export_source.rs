//! The source table behind [`export_plugin!`](crate::export_plugin): instances, guarded streams, facts.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

use crate::abi::{
    ArrowArrayStream, CbBuf, CbError, CbHost, CbSource, CbSourceApi, CbStr, OK, size_of_u32,
};
use crate::abi_error::fill;
use crate::cx::SourceCx;
use crate::error::{Error, ErrorCode, Result, internal};
use crate::export::{Exports, configured, text};
use crate::guard::guarded;
use crate::source::{Facts, Scan, ScanFacts, ScanRequest, Source};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use serde::Serialize;
use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};

/// A source behind the table, whatever its type.
pub trait AnySource: Send {
    /// See [`Source::check`], as JSON.
    ///
    /// # Errors
    /// The source's.
    fn check(&mut self) -> Result<Vec<u8>>;
    /// See [`Source::tables`], as JSON.
    ///
    /// # Errors
    /// The source's.
    fn tables(&mut self) -> Result<Vec<u8>>;
    /// See [`Source::scan`].
    ///
    /// # Errors
    /// The source's.
    fn scan(&mut self, request: &str) -> Result<Box<dyn RecordBatchReader + Send>>;
    /// The facts of the last scan, or the error that ended it.
    ///
    /// # Errors
    /// The source's.
    fn facts(&mut self) -> Result<Vec<u8>>;
}

struct Instance<S> {
    source: S,
    cx: SourceCx,
    facts: Option<Facts>,
    failure: Failure,
}

/// Why the stream ended early, if it did.
type Failure = Arc<Mutex<Option<Error>>>;

/// Opens a source of a known type.
///
/// # Errors
/// The options do not fit, or the source refuses them.
pub fn open<S: Source + 'static>(options: &str, cx: SourceCx) -> Result<Box<dyn AnySource>> {
    let source = S::open(configured(options)?, &cx)?;
    Ok(Box::new(Instance {
        source,
        cx,
        facts: None,
        failure: Failure::default(),
    }))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|why| internal(why.to_string()))
}

impl<S: Source> AnySource for Instance<S> {
    fn check(&mut self) -> Result<Vec<u8>> {
        json(&serde_json::json!({ "notes": self.source.check(&self.cx)? }))
    }

    fn tables(&mut self) -> Result<Vec<u8>> {
        json(&serde_json::json!({ "tables": self.source.tables(&self.cx)? }))
    }

    fn scan(&mut self, request: &str) -> Result<Box<dyn RecordBatchReader + Send>> {
        let misread = |why: serde_json::Error| {
            Error::new(ErrorCode::InvalidArgument, format!("request: {why}"))
        };
        let request: ScanRequest = serde_json::from_str(request).map_err(misread)?;
        let Scan { reader, facts } = self.source.scan(&request, &self.cx)?;
        self.facts = Some(facts);
        self.failure = Failure::default();
        Ok(Box::new(Watched {
            schema: reader.schema(),
            reader: Some(reader),
            failure: Arc::clone(&self.failure),
        }))
    }

    fn facts(&mut self) -> Result<Vec<u8>> {
        let facts = self.facts.take();
        if let Some(failure) = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            return Err(failure);
        }
        let none = || {
            Error::new(
                ErrorCode::InvalidArgument,
                "facts without a scan before them",
            )
        };
        let facts: ScanFacts = facts.ok_or_else(none)?()?;
        json(&facts)
    }
}

/// A stream of a reader whose panics end it with an error.
pub(crate) fn guarded_stream(reader: Box<dyn RecordBatchReader + Send>) -> ArrowArrayStream {
    ArrowArrayStream::new(Box::new(Watched {
        schema: reader.schema(),
        reader: Some(reader),
        failure: Failure::default(),
    }))
}

/// A reader whose panics and errors are kept for `facts`, because a C stream carries only a text.
struct Watched {
    schema: SchemaRef,
    reader: Option<Box<dyn RecordBatchReader + Send>>,
    failure: Failure,
}

impl Iterator for Watched {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        match guarded(|| reader.next().transpose().map_err(Error::from)) {
            Ok(Some(batch)) => Some(Ok(batch)),
            Ok(None) => None,
            Err(why) => {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
                Some(Err(why.into()))
            }
        }
    }
}

impl RecordBatchReader for Watched {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let reader = self.reader.take();
        if let Err(why) = guarded(|| {
            drop(reader);
            Ok(())
        }) {
            self.failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(why);
        }
    }
}

pub(crate) const fn source_api<E: Exports>() -> CbSourceApi {
    CbSourceApi {
        struct_size: size_of_u32::<CbSourceApi>(),
        reserved0: 0,
        open: opened::<E>,
        check,
        tables,
        scan,
        facts,
        get_extension,
        close,
    }
}

/// The table's opaque pointer is a box of this.
type Handle = Box<dyn AnySource>;

unsafe extern "C" fn opened<E: Exports>(
    host: *const CbHost,
    id: CbStr,
    options: CbStr,
    out: *mut *mut CbSource,
    error: *mut CbError,
) -> i32 {
    let made = guarded(|| {
        // SAFETY: a host lives until the process ends, and the texts as long as the call.
        let (host, id, options) = unsafe { (host.as_ref::<'static>(), text(id)?, text(options)?) };
        let host = host.filter(|_| !out.is_null());
        let host = host.ok_or_else(|| {
            Error::new(ErrorCode::InvalidArgument, "host and out must not be null")
        })?;
        E::open(&id, &options, SourceCx::with_host(host))
    });
    match made {
        Ok(source) => {
            let handle: Box<Handle> = Box::new(source);
            // SAFETY: `out` was checked above.
            unsafe { *out = Box::into_raw(handle).cast() };
            OK
        }
        // SAFETY: `error` is the host's.
        Err(why) => unsafe { fill(error, why) },
    }
}

/// Runs a call on an instance whose answer is JSON.
///
/// # Safety
/// `this` came from `open` and is not closed; `out` and `error` are the host's.
unsafe fn answered(
    this: *mut CbSource,
    out: *mut CbBuf,
    error: *mut CbError,
    call: fn(&mut dyn AnySource) -> Result<Vec<u8>>,
) -> i32 {
    // SAFETY: as the caller vouches; calls on one instance do not overlap.
    let (source, out) = unsafe { (this.cast::<Handle>().as_mut(), out.as_mut()) };
    let (Some(source), Some(out)) = (source, out) else {
        // SAFETY: `error` is the host's.
        return unsafe {
            fill(
                error,
                Error::new(ErrorCode::InvalidArgument, "self and out must not be null"),
            )
        };
    };
    match guarded(|| call(source.as_mut())) {
        Ok(json) => {
            *out = CbBuf::of(json);
            OK
        }
        // SAFETY: `error` is the host's.
        Err(why) => unsafe { fill(error, why) },
    }
}

unsafe extern "C" fn check(this: *mut CbSource, out: *mut CbBuf, error: *mut CbError) -> i32 {
    // SAFETY: the host keeps the contract.
    unsafe { answered(this, out, error, |source| source.check()) }
}

unsafe extern "C" fn tables(this: *mut CbSource, out: *mut CbBuf, error: *mut CbError) -> i32 {
    // SAFETY: the host keeps the contract.
    unsafe { answered(this, out, error, |source| source.tables()) }
}

unsafe extern "C" fn facts(this: *mut CbSource, out: *mut CbBuf, error: *mut CbError) -> i32 {
    // SAFETY: the host keeps the contract.
    unsafe { answered(this, out, error, |source| source.facts()) }
}

unsafe extern "C" fn scan(
    this: *mut CbSource,
    request: CbStr,
    out: *mut ArrowArrayStream,
    error: *mut CbError,
) -> i32 {
    // SAFETY: the instance is the host's, not closed, and calls on it do not overlap.
    let source = unsafe { this.cast::<Handle>().as_mut() };
    let started = guarded(|| {
        let source = source.filter(|_| !out.is_null());
        let source = source.ok_or_else(|| {
            Error::new(ErrorCode::InvalidArgument, "self and out must not be null")
        })?;
        // SAFETY: the text lives as long as the call.
        source.scan(&unsafe { text(request) }?)
    });
    match started {
        Ok(reader) => {
            // SAFETY: `out` was checked above; the host does not read what it held before.
            unsafe { std::ptr::write(out, ArrowArrayStream::new(reader)) };
            OK
        }
        // SAFETY: `error` is the host's.
        Err(why) => unsafe { fill(error, why) },
    }
}

unsafe extern "C" fn get_extension(_this: *mut CbSource, _id: *const c_char) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn close(this: *mut CbSource) {
    if !this.is_null() {
        // SAFETY: `this` came from `open` and is closed once.
        let handle = unsafe { Box::from_raw(this.cast::<Handle>()) };
        // A panic while closing cannot be told to anybody; the process ends anyway.
        let _ = guarded(|| {
            drop(handle);
            Ok(())
        });
    }
}
