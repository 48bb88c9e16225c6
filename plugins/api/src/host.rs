//! Calls from a plugin into the host's table; without a host (tests) they do nothing.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

use crate::abi::{CbBuf, CbError, CbHost, CbSecretService, CbStr, OK, SERVICE_SECRET};
use crate::cx::Level;
use crate::error::{Error, ErrorCode, Result, internal};

pub(crate) fn log(host: Option<&CbHost>, level: Level, message: &str) {
    if let Some(host) = host {
        // SAFETY: the slot is callable from any thread; the text is borrowed for the call.
        unsafe { (host.log)(host.ctx, level as i32, CbStr::of(message)) }
    }
}

pub(crate) fn progress(host: Option<&CbHost>, done: f64, total: f64, note: &str) {
    if let Some(host) = host {
        // SAFETY: as above.
        unsafe { (host.progress)(host.ctx, done, total, CbStr::of(note)) }
    }
}

pub(crate) fn is_cancelled(host: Option<&CbHost>) -> bool {
    // SAFETY: the slot is callable from any thread.
    host.is_some_and(|host| unsafe { (host.is_cancelled)(host.ctx) } != 0)
}

pub(crate) fn secret(host: Option<&CbHost>, name: &str) -> Result<String> {
    let absent = || {
        Error::new(
            ErrorCode::NotFound,
            format!("there is no secret `{name}` for this source"),
        )
    };
    let host = host.ok_or_else(absent)?;
    // SAFETY: the id is a C string; the service lives as long as the process.
    let service = unsafe {
        (host.get_service)(host.ctx, SERVICE_SECRET.as_ptr())
            .cast::<CbSecretService>()
            .as_ref()
    };
    let service = service.ok_or_else(absent)?;
    let (mut out, mut error) = (CbBuf::empty(), CbError::empty());
    // SAFETY: both out structs are ours and empty.
    let status = unsafe { (service.get)(host.ctx, CbStr::of(name), &raw mut out, &raw mut error) };
    // SAFETY: the host filled them as the contract says.
    let (bytes, failure) = unsafe { (out.take(), crate::abi_error::take(status, &mut error)) };
    if status != OK {
        return Err(failure);
    }
    String::from_utf8(bytes).map_err(|_| internal(format!("secret `{name}` is not UTF-8")))
}
