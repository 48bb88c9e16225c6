//! Calls from a plugin into the host's table; without a host (tests) they do nothing.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

use crate::abi::{
    CbBuf, CbError, CbHost, CbSecretService, CbStateService, CbStr, CbTempdirService, Grows, OK,
    SERVICE_SECRET, SERVICE_STATE, SERVICE_TEMPDIR, is_whole,
};
use crate::cx::Level;
use crate::error::{Error, ErrorCode, Result, internal};
use std::ffi::{CStr, c_void};
use std::path::PathBuf;

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

/// The table of a service, if this host has it.
fn service<T: Grows>(host: Option<&CbHost>, id: &CStr) -> Result<(*mut c_void, &'static T)> {
    let absent = || {
        let id = id.to_string_lossy();
        Error::new(
            ErrorCode::NotSupported,
            format!("this host has no service `{id}`"),
        )
    };
    let host = host.ok_or_else(absent)?;
    // SAFETY: the id is a C string; the table lives as long as the process, and each begins with its size.
    let table = unsafe {
        let table = (host.get_service)(host.ctx, id.as_ptr());
        let size = table.cast::<u32>().as_ref().copied().unwrap_or(0);
        is_whole::<T>(size)
            .then(|| table.cast::<T>().as_ref())
            .flatten()
    };
    Ok((host.ctx, table.ok_or_else(absent)?))
}

/// A call of a service that answers with a text.
fn asked(call: impl FnOnce(*mut CbBuf, *mut CbError) -> i32) -> Result<String> {
    let (mut out, mut error) = (CbBuf::empty(), CbError::empty());
    let status = call(&raw mut out, &raw mut error);
    // SAFETY: both out structs are ours, and the host filled them as the contract says.
    let (bytes, failure) = unsafe { (out.take(), crate::abi_error::take(status, &mut error)) };
    if status != OK {
        return Err(failure);
    }
    String::from_utf8(bytes).map_err(|_| internal("the host answered with what is no UTF-8"))
}

/// A call of a service that answers with nothing.
fn done(call: impl FnOnce(*mut CbError) -> i32) -> Result<()> {
    asked(|_, error| call(error)).map(drop)
}

pub(crate) fn secret(host: Option<&CbHost>, name: &str) -> Result<String> {
    if host.is_none() {
        return Err(Error::new(
            ErrorCode::NotFound,
            format!("there is no secret `{name}` for this source"),
        ));
    }
    let (ctx, table) = service::<CbSecretService>(host, SERVICE_SECRET)?;
    // SAFETY: the text and the out structs are valid for the call.
    asked(|out, error| unsafe { (table.get)(ctx, CbStr::of(name), out, error) })
}

pub(crate) fn replace_secret(
    host: Option<&CbHost>,
    name: &str,
    was: &str,
    now: &str,
) -> Result<()> {
    let (ctx, table) = service::<CbSecretService>(host, SERVICE_SECRET)?;
    let [name, was, now] = [name, was, now].map(CbStr::of);
    // SAFETY: the texts and the out struct are valid for the call.
    done(|error| unsafe { (table.replace)(ctx, name, was, now, error) })
}

pub(crate) fn state(host: Option<&CbHost>, key: &str) -> Result<Option<String>> {
    let (ctx, table) = service::<CbStateService>(host, SERVICE_STATE)?;
    // SAFETY: the text and the out structs are valid for the call.
    let value = asked(|out, error| unsafe { (table.get)(ctx, CbStr::of(key), out, error) });
    match value {
        Err(Error {
            code: ErrorCode::NotFound,
            ..
        }) => Ok(None),
        other => other.map(Some),
    }
}

pub(crate) fn swap(
    host: Option<&CbHost>,
    key: &str,
    (was, now): (Option<&str>, &str),
    flags: u32,
) -> Result<()> {
    let (ctx, table) = service::<CbStateService>(host, SERVICE_STATE)?;
    let none = CbStr {
        ptr: std::ptr::null(),
        len: 0,
    };
    let (key, was, now) = (CbStr::of(key), was.map_or(none, CbStr::of), CbStr::of(now));
    // SAFETY: the texts and the out struct are valid for the call.
    done(|error| unsafe { (table.swap)(ctx, key, was, now, flags, error) })
}

pub(crate) fn tempdir(host: Option<&CbHost>) -> Result<PathBuf> {
    let (ctx, table) = service::<CbTempdirService>(host, SERVICE_TEMPDIR)?;
    // SAFETY: the out structs are valid for the call.
    asked(|out, error| unsafe { (table.path)(ctx, out, error) }).map(PathBuf::from)
}
