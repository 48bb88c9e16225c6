//! Opening a plugin library, in the plugin's own process only; a library is never unloaded.
#![expect(unsafe_code, reason = "loading native code")]

use chenbao_plugin::abi::{
    ABI_MAJOR, ABI_MINOR, API_METRIC, API_SOURCE, CbEntry, CbError, CbHost, CbMetricApi,
    CbSourceApi, ENTRY_SYMBOL, EntryFn, MAGIC, OK, is_whole,
};
use chenbao_plugin::abi_error;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::ffi::CStr;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::path::Path;

/// `RTLD_NODELETE` of Linux, which libloading does not name.
const RTLD_NODELETE: i32 = 0x1000;

/// A loaded library, good until the process ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded {
    entry: &'static CbEntry,
}

impl Loaded {
    /// Loads the library that is open as `file` and checks that it speaks this contract. The path is for words: whatever
    /// lies there by now, what was opened and looked at is what runs.
    pub(super) fn open(file: OwnedFd, path: &Path) -> Result<Self, String> {
        let open = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: loading runs the library's constructors; this process exists to run this library.
        let library = unsafe { Library::open(Some(&open), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
            .map_err(|e| e.to_string().replace(&open, &path.display().to_string()))?;
        // The name stays good for a panic that looks up its lines.
        let _ = file.into_raw_fd();
        // SAFETY: the symbol has the type that the header gives it.
        let entry = unsafe { library.get::<EntryFn>(ENTRY_SYMBOL) }
            .map(|symbol| *symbol)
            .map_err(|_| format!("it does not export `{ENTRY_SYMBOL}`: not a Chenbao plugin, or one for another major version"))?;
        std::mem::forget(library);
        // SAFETY: the function only hands out static memory.
        let entry = unsafe { entry().as_ref::<'static>() }.ok_or("its entry is null")?;
        check(entry)?;
        Ok(Self { entry })
    }

    /// The plugin's folder as JSON.
    pub(super) fn descriptor(&self) -> Result<String, String> {
        // SAFETY: static text of the library.
        unsafe { self.entry.descriptor_json.copied() }
            .ok_or_else(|| "its descriptor is not UTF-8".to_owned())
    }

    /// How it was built.
    pub(super) fn build(&self) -> String {
        // SAFETY: static text of the library.
        unsafe { self.entry.build_json.copied() }.unwrap_or_default()
    }

    /// Prepares it, once.
    pub(super) fn init(&self, host: &'static CbHost) -> Result<(), String> {
        let mut error = CbError::empty();
        // SAFETY: called once, before everything else, with a host that lives as long as the process.
        let status = unsafe { (self.entry.init)(host, &raw mut error) };
        // SAFETY: the callee filled `error` as the contract says.
        let why = unsafe { abi_error::take(status, &mut error) };
        if status == OK {
            Ok(())
        } else {
            Err(format!("it could not be prepared: {}", why.message))
        }
    }

    /// Its metrics.
    pub(super) fn metric(&self) -> Option<&'static CbMetricApi> {
        // SAFETY: the contract makes the table behind this id a static `cb_metric_api`.
        unsafe { self.api(API_METRIC).cast::<CbMetricApi>().as_ref() }
            .filter(|api| is_whole::<CbMetricApi>(api.struct_size))
    }

    /// Its sources.
    pub(super) fn source(&self) -> Option<&'static CbSourceApi> {
        // SAFETY: the contract makes the table behind this id a static `cb_source_api`.
        unsafe { self.api(API_SOURCE).cast::<CbSourceApi>().as_ref() }
            .filter(|api| is_whole::<CbSourceApi>(api.struct_size))
    }

    pub(super) fn api(&self, id: &CStr) -> *const std::ffi::c_void {
        // SAFETY: the id is a C string.
        unsafe { (self.entry.get_api)(id.as_ptr()) }
    }
}

fn check(entry: &CbEntry) -> Result<(), String> {
    if entry.magic != MAGIC {
        return Err(format!(
            "its `{ENTRY_SYMBOL}` is not a plugin's entry (wrong magic)"
        ));
    }
    if entry.abi_major != ABI_MAJOR {
        return Err(format!(
            "it speaks version {} of the contract, this is {ABI_MAJOR}",
            entry.abi_major
        ));
    }
    if entry.min_host_minor > ABI_MINOR {
        return Err(format!(
            "it needs Chenbao with contract {ABI_MAJOR}.{}, this is {ABI_MAJOR}.{ABI_MINOR}",
            entry.min_host_minor
        ));
    }
    if !is_whole::<CbEntry>(entry.struct_size) {
        return Err(format!(
            "its entry is {} bytes, shorter than the contract's",
            entry.struct_size
        ));
    }
    Ok(())
}
