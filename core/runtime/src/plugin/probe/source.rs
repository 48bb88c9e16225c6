//! What sources are tried with beside their cases.

use super::calls::told;
use super::surroundings::{Surroundings, sockets};
use super::{Found, Probe, Test};
use chenbao_plugin::ErrorCode;
use chenbao_plugin::abi::{CbError, CbSource, CbStr, OK};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "unknown-component",
        what: "an id with something behind it is refused as not found",
        run: unknown_component,
    },
    Test {
        name: "bad-options",
        what: "options that are no object, or of wrong types, are refused, never a crash",
        run: bad_options,
    },
    Test {
        name: "open-is-quiet",
        what: "opening takes no file and no socket: a wrong option and a dead server stay different errors",
        run: open_is_quiet,
    },
];

/// An open source, closed when it goes.
struct Opened<'a>(&'a Probe, *mut CbSource);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if let Some(api) = self.0.loaded.source() {
            // SAFETY: opened once, closed once.
            unsafe { (api.close)(self.1) };
        }
    }
}

impl Probe {
    fn open_source(&self, id: &str, options: &str) -> Result<Opened<'_>, (ErrorCode, String)> {
        let lacks = || (ErrorCode::NotSupported, "it has no source".to_owned());
        let api = self.loaded.source().ok_or_else(lacks)?;
        let mut this = std::ptr::null_mut();
        let mut error = CbError::empty();
        // SAFETY: the host lives as long as the process, the rest for the call.
        let status = unsafe {
            (api.open)(
                self.host,
                CbStr::of(id),
                CbStr::of(options),
                &raw mut this,
                &raw mut error,
            )
        };
        let mut breaches = Vec::new();
        let told = told(status, &mut error, Vec::new(), &mut breaches);
        if let Some(breach) = breaches.into_iter().next() {
            return Err((ErrorCode::Panic, breach));
        }
        told?;
        if status == OK && this.is_null() {
            return Err((ErrorCode::Panic, "it opened and gave nothing".to_owned()));
        }
        Ok(Opened(self, this))
    }
}

fn unknown_component(probe: &Probe) -> Result<Found, String> {
    let id = format!("{}x", probe.request.component);
    Ok(
        match probe.open_source(&id, &probe.request.params.to_string()) {
            Err((ErrorCode::NotFound, why)) => Found::Ok(why),
            Err((ErrorCode::Panic, why)) => Found::Failed(why),
            Err((code, why)) => Found::Warning(format!(
                "refused as {}, not as not_found: {why}",
                code.name()
            )),
            Ok(_) => Found::Failed(format!("it opens `{id}`, which it does not have")),
        },
    )
}

fn bad_options(probe: &Probe) -> Result<Found, String> {
    for text in ["", "null", "[]", "7", "\"x\"", "{", "\u{0}"] {
        match probe.open_source(&probe.request.component, text) {
            Err((ErrorCode::Panic, why)) => {
                return Ok(Found::Failed(format!("with the options `{text}`: {why}")));
            }
            Err(_) => {}
            Ok(_) => return Ok(Found::Failed(format!("it opens with the options `{text}`"))),
        }
    }
    Ok(Found::Ok(String::new()))
}

fn open_is_quiet(probe: &Probe) -> Result<Found, String> {
    let (before, sockets_before) = (Surroundings::now(), sockets());
    let opened = probe.open_source(&probe.request.component, &probe.request.params.to_string());
    let opened = match opened {
        Ok(opened) => opened,
        Err((code, why)) => {
            return Ok(Found::Skipped(format!(
                "it does not open with the options of its case ({}): {why}",
                code.name()
            )));
        }
    };
    let open = Surroundings::now();
    if sockets() > sockets_before {
        return Ok(Found::Failed("open() opens a socket".to_owned()));
    }
    if open.files > before.files {
        return Ok(Found::Failed("open() keeps a file open".to_owned()));
    }
    drop(opened);
    let changed = Surroundings::now().changed(&before);
    Ok(if changed.is_empty() {
        Found::Ok(String::new())
    } else {
        Found::Failed(format!("open() and close() change {}", changed.join(", ")))
    })
}
