//! In the plugin's process: the services of the host, each a table of functions that ask the parent over the socket.
#![expect(unsafe_code, reason = "the host's half of the C boundary of plugins")]

use super::child::{Link, link};
use super::wire::{Asked, Down, Served, Up};
use chenbao_plugin::abi::{
    CbBuf, CbError, CbSecretService, CbStateService, CbStr, CbTempdirService, OK, SERVICE_SECRET,
    SERVICE_STATE, SERVICE_TEMPDIR, STATE_WITH_ROWS, size_of_u32,
};
use chenbao_plugin::{Error, ErrorCode, abi_error};
use std::ffi::{CStr, c_char, c_void};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::PoisonError;

static SECRETS: CbSecretService = CbSecretService {
    struct_size: size_of_u32::<CbSecretService>(),
    reserved0: 0,
    get: secret,
    replace: replace_secret,
};

static STATE: CbStateService = CbStateService {
    struct_size: size_of_u32::<CbStateService>(),
    reserved0: 0,
    get: state,
    swap,
};

static TEMPDIR: CbTempdirService = CbTempdirService {
    struct_size: size_of_u32::<CbTempdirService>(),
    reserved0: 0,
    path: tempdir,
};

/// The table of a service.
// SAFETY: only a plugin calls this, with an id that is null or a C string.
pub(super) unsafe extern "C" fn get_service(_ctx: *mut c_void, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: a C string, as the contract says.
    match unsafe { CStr::from_ptr(id) } {
        id if id == SERVICE_SECRET => std::ptr::from_ref(&SECRETS).cast(),
        id if id == SERVICE_STATE => std::ptr::from_ref(&STATE).cast(),
        id if id == SERVICE_TEMPDIR => std::ptr::from_ref(&TEMPDIR).cast(),
        _ => std::ptr::null(),
    }
}

/// Hands a text to the plugin, or the reason why there is none.
///
/// # Safety
/// `out` and `error` are null or the plugin's own.
unsafe fn answer(reply: Result<Vec<u8>, Error>, out: *mut CbBuf, error: *mut CbError) -> i32 {
    // SAFETY: as the caller vouches.
    match (reply, unsafe { out.as_mut() }) {
        (Ok(bytes), Some(out)) => {
            *out = CbBuf::of(bytes);
            OK
        }
        // SAFETY: as the caller vouches.
        (Ok(_), None) => unsafe { abi_error::fill(error, misused("out must not be null")) },
        // SAFETY: as the caller vouches.
        (Err(why), _) => unsafe { abi_error::fill(error, why) },
    }
}

fn misused(why: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

/// The host's link and a text of the plugin.
///
/// # Safety
/// `ctx` is the one that the plugin was given, and the text is valid for the call.
unsafe fn given(ctx: *mut c_void, text: CbStr) -> Result<(&'static Link, String), Error> {
    // SAFETY: as the caller vouches.
    let (link, text) = unsafe { (link(ctx), text.copied()) };
    link.zip(text)
        .ok_or_else(|| misused("a foreign ctx, or a text that is not UTF-8"))
}

/// Asks the parent and waits.
fn ask(link: &Link, question: Asked) -> Result<String, Error> {
    match link.exchange(&Up::Asked(question), None) {
        Some((Down::Served(Served { status: OK, text }), _)) => Ok(text),
        Some((Down::Served(Served { status, text }), _)) => {
            Err(Error::new(ErrorCode::from_status(status), text))
        }
        _ => Err(Error::new(
            ErrorCode::Cancelled,
            "the host does not answer any more",
        )),
    }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn secret(
    ctx: *mut c_void,
    name: CbStr,
    out: *mut CbBuf,
    error: *mut CbError,
) -> i32 {
    // SAFETY: as above.
    let found = unsafe { given(ctx, name) }.and_then(|(link, name)| {
        let secrets = link.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = secrets.as_ref().ok_or_else(|| {
            let why = "secrets are for configured sources";
            Error::new(ErrorCode::NotSupported, why)
        })?;
        let secret = secrets.get(&name).cloned().map(String::into_bytes);
        secret.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("there is no secret `{name}` for this source"),
            )
        })
    });
    // SAFETY: as above.
    unsafe { answer(found, out, error) }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn replace_secret(
    ctx: *mut c_void,
    name: CbStr,
    was: CbStr,
    now: CbStr,
    error: *mut CbError,
) -> i32 {
    // SAFETY: as above.
    let texts = unsafe { (given(ctx, name), was.copied(), now.copied()) };
    let replaced = match texts {
        (Ok((link, name)), Some(was), Some(now)) => {
            let question = Asked::Replace {
                name: name.clone(),
                was,
                now: now.clone(),
            };
            ask(link, question).map(|_| {
                let mut secrets = link.secrets.lock().unwrap_or_else(PoisonError::into_inner);
                secrets.get_or_insert_default().insert(name, now);
            })
        }
        (Err(why), ..) => Err(why),
        _ => Err(misused("a secret that is not UTF-8")),
    };
    // SAFETY: as above.
    unsafe { status(replaced, error) }
}

/// # Safety
/// `error` is null or the plugin's own.
unsafe fn status(reply: Result<(), Error>, error: *mut CbError) -> i32 {
    match reply {
        Ok(()) => OK,
        // SAFETY: as the caller vouches.
        Err(why) => unsafe { abi_error::fill(error, why) },
    }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn state(
    ctx: *mut c_void,
    key: CbStr,
    out: *mut CbBuf,
    error: *mut CbError,
) -> i32 {
    // SAFETY: as above.
    let found = unsafe { given(ctx, key) }
        .and_then(|(link, key)| ask(link, Asked::State { key }))
        .map(String::into_bytes);
    // SAFETY: as above.
    unsafe { answer(found, out, error) }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with arguments that are valid for the call.
unsafe extern "C" fn swap(
    ctx: *mut c_void,
    key: CbStr,
    was: CbStr,
    now: CbStr,
    flags: u32,
    error: *mut CbError,
) -> i32 {
    // SAFETY: as above.
    let texts = unsafe { (given(ctx, key), was.copied(), now.copied()) };
    let swapped = match texts {
        (Ok((link, key)), Some(text), Some(now)) => {
            let question = Asked::Swap {
                key,
                was: (!was.ptr.is_null()).then_some(text),
                now,
                with_rows: flags & STATE_WITH_ROWS != 0,
            };
            ask(link, question).map(drop)
        }
        (Err(why), ..) => Err(why),
        _ => Err(misused("a value that is not UTF-8")),
    };
    // SAFETY: as above.
    unsafe { status(swapped, error) }
}

// SAFETY: only a plugin calls this, with the `ctx` that it was given and with an out struct of its own.
unsafe extern "C" fn tempdir(ctx: *mut c_void, out: *mut CbBuf, error: *mut CbError) -> i32 {
    // SAFETY: as above.
    let folder = unsafe { link(ctx) }.ok_or_else(|| misused("a foreign ctx"));
    let path = folder.map(|link| link.folder.clone().into_os_string().into_vec());
    // SAFETY: as above.
    unsafe { answer(path, out, error) }
}
