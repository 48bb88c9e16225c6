//! No panic crosses the boundary: it becomes an error, and the process is not used again.

use crate::error::{Error, ErrorCode, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// The words of the first panic.
static PANIC: OnceLock<String> = OnceLock::new();

/// Runs a piece of the plugin's code; after a panic nothing runs any more, and every call answers with that panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let told = |words: &String| Err(Error::new(ErrorCode::Panic, words.clone()));
    if let Some(first) = PANIC.get() {
        return told(first);
    }
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let first = PANIC.get_or_init(|| words(payload.as_ref()));
        // A payload may panic when it is dropped.
        std::mem::forget(payload);
        told(first)
    })
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
