//! The Rust mirror of `include/chenbao_plugin.h`, field by field; a test compares both layouts with a C compiler.
//!
//! The header is the contract and explains thread, owner and lifetime of everything here.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

pub use arrow_array::ffi_stream::FFI_ArrowArrayStream as ArrowArrayStream;
use std::ffi::{c_char, c_void};

/// Major of the contract; must be equal on both sides.
pub const ABI_MAJOR: u16 = 1;
/// Minor of this header.
pub const ABI_MINOR: u16 = 0;
/// First field of an entry.
pub const MAGIC: u64 = 0x0A1A_0A0D_4243_4389;
/// The one exported symbol.
pub const ENTRY_SYMBOL: &str = "chenbao_plugin_entry_v1";
/// Id of the source kind.
pub const API_SOURCE: &std::ffi::CStr = c"chenbao.source/1";
/// Id of the metric kind.
pub const API_METRIC: &std::ffi::CStr = c"chenbao.metric/1";
/// Id of the secret service.
pub const SERVICE_SECRET: &std::ffi::CStr = c"chenbao.secret/1";
/// Id of the state service.
pub const SERVICE_STATE: &std::ffi::CStr = c"chenbao.state/1";
/// Id of the service that names the process's own folder.
pub const SERVICE_TEMPDIR: &std::ffi::CStr = c"chenbao.tempdir/1";
/// Flag of a state's swap: durable together with the rows of the running scan.
pub const STATE_WITH_ROWS: u32 = 1;
/// Flag of [`CbError`]: the same call may work later.
pub const ERR_RETRYABLE: u32 = 1;
/// Status of a call that worked.
pub const OK: i32 = 0;

/// Borrowed text.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CbStr {
    /// First byte; may be null only if `len` is 0.
    pub ptr: *const c_char,
    /// Bytes.
    pub len: usize,
}

impl CbStr {
    /// Borrows a text for a call.
    #[must_use]
    pub const fn of(text: &str) -> Self {
        Self {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }

    /// The text, copied; `None` if it is not UTF-8.
    ///
    /// # Safety
    /// `ptr` and `len` describe readable memory, or `len` is 0.
    #[must_use]
    pub unsafe fn copied(&self) -> Option<String> {
        if self.len == 0 {
            return Some(String::new());
        }
        if self.ptr.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for `ptr` and `len`.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr.cast::<u8>(), self.len) };
        String::from_utf8(bytes.to_vec()).ok()
    }
}

/// Owned bytes with their release callback.
#[repr(C)]
#[derive(Debug)]
pub struct CbBuf {
    /// First byte.
    pub ptr: *const u8,
    /// Bytes.
    pub len: usize,
    /// Frees them; `None` if nothing is owned.
    // SAFETY: whoever took the buffer calls it once, with this very struct.
    pub release: Option<unsafe extern "C" fn(*mut CbBuf)>,
    /// The maker's.
    pub private_data: *mut c_void,
}

impl CbBuf {
    /// Owns nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ptr: std::ptr::null(),
            len: 0,
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }

    /// Hands bytes over.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        // SAFETY: only reachable through the buffer's own `release`.
        unsafe extern "C" fn release(this: *mut CbBuf) {
            // SAFETY: the contract hands a valid buffer to its own callback once; `private_data` came from `Box::into_raw`.
            unsafe {
                drop(Box::from_raw((*this).private_data.cast::<Vec<u8>>()));
                (*this).release = None;
            }
        }
        let owned = Box::new(bytes);
        Self {
            ptr: owned.as_ptr(),
            len: owned.len(),
            release: Some(release),
            private_data: Box::into_raw(owned).cast(),
        }
    }

    /// Copies the bytes and releases them.
    ///
    /// # Safety
    /// The callee that filled this buffer kept the contract.
    pub unsafe fn take(&mut self) -> Vec<u8> {
        let bytes = if self.len == 0 || self.ptr.is_null() {
            Vec::new()
        } else {
            // SAFETY: the callee vouches for `ptr` and `len` until release.
            unsafe { std::slice::from_raw_parts(self.ptr, self.len) }.to_vec()
        };
        if let Some(release) = self.release.take() {
            // SAFETY: `release` came beside this memory and is called once.
            unsafe { release(self) };
        }
        bytes
    }
}

/// What went wrong, owned by the callee until released.
#[repr(C)]
#[derive(Debug)]
pub struct CbError {
    /// `sizeof` of the caller's header.
    pub struct_size: u32,
    /// [`ERR_RETRYABLE`].
    pub flags: u32,
    /// Status code.
    pub code: i32,
    /// Zero.
    pub reserved0: i32,
    /// Advice for a retry, 0 for none.
    pub retry_after_ms: i64,
    /// One sentence.
    pub message: CbStr,
    /// JSON object or empty.
    pub details_json: CbStr,
    /// Frees the texts.
    // SAFETY: whoever took the error calls it once, with this very struct.
    pub release: Option<unsafe extern "C" fn(*mut CbError)>,
    /// The callee's.
    pub private_data: *mut c_void,
}

impl CbError {
    /// An empty error that the callee may fill.
    #[must_use]
    pub const fn empty() -> Self {
        let none = CbStr {
            ptr: std::ptr::null(),
            len: 0,
        };
        Self {
            struct_size: size_of_u32::<Self>(),
            flags: 0,
            code: 0,
            reserved0: 0,
            retry_after_ms: 0,
            message: none,
            details_json: none,
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }
}

/// `sizeof` as the structs carry it.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "structs of this file are a few dozen bytes; `try_from` is not const"
)]
pub const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}

/// A struct that begins with its size and may grow: how large it was in 1.0, whatever it has become since. A reader asks for no more
/// than that, and looks at later fields one by one.
pub trait Grows: Sized {
    /// The end of its last field of 1.0, which is a pointer in all of them.
    const SIZE_1_0: usize;
}

macro_rules! grows {
    ($($name:ident up to $last:ident),*) => {
        $(impl Grows for $name {
            const SIZE_1_0: usize = std::mem::offset_of!($name, $last) + size_of::<usize>();
        })*
    };
}
grows!(
    CbError up to private_data,
    CbHost up to get_service,
    CbSecretService up to replace,
    CbStateService up to swap,
    CbTempdirService up to path,
    CbSourceApi up to close,
    CbMetricApi up to get_extension,
    CbEntry up to get_api
);

/// Whether a struct of that size has every field of 1.0.
#[must_use]
pub fn is_whole<T: Grows>(struct_size: u32) -> bool {
    usize::try_from(struct_size).is_ok_and(|size| size >= T::SIZE_1_0)
}

/// What the host offers. Lives until the process ends.
#[repr(C)]
#[derive(Debug)]
pub struct CbHost {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// The host's major.
    pub abi_major: u16,
    /// The host's minor.
    pub abi_minor: u16,
    /// Goes back as the first argument.
    pub ctx: *mut c_void,
    /// Log line.
    // SAFETY: a plugin calls this and the slots below with `ctx` as it got it, and with arguments valid for the call.
    pub log: unsafe extern "C" fn(*mut c_void, i32, CbStr),
    /// Not 0: stop soon.
    pub is_cancelled: unsafe extern "C" fn(*mut c_void) -> i32,
    /// Done of total, with a note.
    pub progress: unsafe extern "C" fn(*mut c_void, f64, f64, CbStr),
    /// Service by id.
    pub get_service: unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void,
}

// SAFETY: the contract makes every slot callable from any thread, and the struct itself never changes.
unsafe impl Send for CbHost {}
// SAFETY: as above.
unsafe impl Sync for CbHost {}

/// Service [`SERVICE_SECRET`].
#[repr(C)]
#[derive(Debug)]
pub struct CbSecretService {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// Zero.
    pub reserved0: u32,
    /// A secret by name.
    // SAFETY: a plugin calls this with the `ctx` of its host, and with arguments valid for the call.
    pub get: unsafe extern "C" fn(*mut c_void, CbStr, *mut CbBuf, *mut CbError) -> i32,
    /// Puts a new secret in the place of the one that the caller knows.
    pub replace: unsafe extern "C" fn(*mut c_void, CbStr, CbStr, CbStr, *mut CbError) -> i32,
}

/// Service [`SERVICE_STATE`].
#[repr(C)]
#[derive(Debug)]
pub struct CbStateService {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// Zero.
    pub reserved0: u32,
    /// A value by key.
    // SAFETY: a plugin calls this and the slot below with the `ctx` of its host, and with arguments valid for the call.
    pub get: unsafe extern "C" fn(*mut c_void, CbStr, *mut CbBuf, *mut CbError) -> i32,
    /// Compare and set.
    pub swap: unsafe extern "C" fn(*mut c_void, CbStr, CbStr, CbStr, u32, *mut CbError) -> i32,
}

/// Service [`SERVICE_TEMPDIR`].
#[repr(C)]
#[derive(Debug)]
pub struct CbTempdirService {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// Zero.
    pub reserved0: u32,
    /// The folder of this process.
    // SAFETY: a plugin calls this with the `ctx` of its host, and with an out struct of its own.
    pub path: unsafe extern "C" fn(*mut c_void, *mut CbBuf, *mut CbError) -> i32,
}

/// An opened source, opaque.
#[repr(C)]
#[derive(Debug)]
pub struct CbSource {
    _opaque: [u8; 0],
}

/// Slots of a source.
#[repr(C)]
#[derive(Debug)]
pub struct CbSourceApi {
    /// `sizeof` of the plugin's header.
    pub struct_size: u32,
    /// Zero.
    pub reserved0: u32,
    /// Makes an instance.
    // SAFETY: the host calls this and the slots below with an instance that `open` gave and `close` has not ended, and with arguments
    // valid for the call.
    pub open:
        unsafe extern "C" fn(*const CbHost, CbStr, CbStr, *mut *mut CbSource, *mut CbError) -> i32,
    /// Proves that it can be reached.
    pub check: unsafe extern "C" fn(*mut CbSource, *mut CbBuf, *mut CbError) -> i32,
    /// Its tables.
    pub tables: unsafe extern "C" fn(*mut CbSource, *mut CbBuf, *mut CbError) -> i32,
    /// Starts a scan.
    pub scan:
        unsafe extern "C" fn(*mut CbSource, CbStr, *mut ArrowArrayStream, *mut CbError) -> i32,
    /// What the last scan read.
    pub facts: unsafe extern "C" fn(*mut CbSource, *mut CbBuf, *mut CbError) -> i32,
    /// Reserved door.
    pub get_extension: unsafe extern "C" fn(*mut CbSource, *const c_char) -> *const c_void,
    /// Ends the instance.
    pub close: unsafe extern "C" fn(*mut CbSource),
}

/// One result set for a metric.
#[repr(C)]
#[derive(Debug)]
pub struct CbInput {
    /// Name as declared.
    pub name: CbStr,
    /// The plugin moves it out.
    pub stream: *mut ArrowArrayStream,
}

/// Arguments of `compute`.
#[repr(C)]
#[derive(Debug)]
pub struct CbComputeArgs {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// Length of `inputs`.
    pub n_inputs: u32,
    /// Component.
    pub component_id: CbStr,
    /// Params, defaults filled in.
    pub params_json: CbStr,
    /// Period.
    pub period_json: CbStr,
    /// Context.
    pub context_json: CbStr,
    /// Result sets.
    pub inputs: *const CbInput,
}

/// A table too large for the document.
#[repr(C)]
#[derive(Debug)]
pub struct CbTableOut {
    /// Name, the plugin's memory.
    pub name: CbStr,
    /// The host moves it out.
    pub stream: ArrowArrayStream,
}

/// Answer of `compute`.
#[repr(C)]
#[derive(Debug)]
pub struct CbOutput {
    /// `sizeof` of the host's header.
    pub struct_size: u32,
    /// Length of `tables`.
    pub n_tables: u32,
    /// Result document.
    pub result_json: CbBuf,
    /// Large tables, the plugin's memory.
    pub tables: *mut CbTableOut,
    /// Frees the tables.
    // SAFETY: the caller of `compute` calls it once, with this very struct, when it has read the streams.
    pub release: Option<unsafe extern "C" fn(*mut CbOutput)>,
    /// The plugin's.
    pub private_data: *mut c_void,
}

impl CbOutput {
    /// An empty answer that the callee fills.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            struct_size: size_of_u32::<Self>(),
            n_tables: 0,
            result_json: CbBuf::empty(),
            tables: std::ptr::null_mut(),
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }
}

/// Slots of a metric.
#[repr(C)]
#[derive(Debug)]
pub struct CbMetricApi {
    /// `sizeof` of the plugin's header.
    pub struct_size: u32,
    /// Zero.
    pub reserved0: u32,
    /// Which inputs and outputs there are with some params.
    // SAFETY: the host calls this and the slots below with arguments valid for the call.
    pub describe: unsafe extern "C" fn(CbStr, CbStr, *mut CbBuf, *mut CbError) -> i32,
    /// One answer.
    pub compute: unsafe extern "C" fn(
        *const CbHost,
        *const CbComputeArgs,
        *mut CbOutput,
        *mut CbError,
    ) -> i32,
    /// Reserved door.
    pub get_extension: unsafe extern "C" fn(*const c_char) -> *const c_void,
}

/// What the one symbol hands out.
#[repr(C)]
#[derive(Debug)]
pub struct CbEntry {
    /// [`MAGIC`].
    pub magic: u64,
    /// `sizeof` of the plugin's header.
    pub struct_size: u32,
    /// Major of the plugin's header.
    pub abi_major: u16,
    /// Minor of the plugin's header.
    pub abi_minor: u16,
    /// Lowest host minor that the plugin works with.
    pub min_host_minor: u16,
    /// Zero.
    pub reserved0: u16,
    /// Zero.
    pub reserved1: u32,
    /// The plugin's folder as JSON.
    pub descriptor_json: CbStr,
    /// How it was built, for messages.
    pub build_json: CbStr,
    /// Called once before the rest.
    pub init: unsafe extern "C" fn(*const CbHost, *mut CbError) -> i32,
    /// Table of a kind by id.
    pub get_api: unsafe extern "C" fn(*const c_char) -> *const c_void,
}

// SAFETY: an entry is static memory that nobody changes, with functions that any thread may call.
unsafe impl Send for CbEntry {}
// SAFETY: as above.
unsafe impl Sync for CbEntry {}

/// Type of the one symbol.
pub type EntryFn = unsafe extern "C" fn() -> *const CbEntry;
