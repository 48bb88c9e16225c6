//! No panic crosses the boundary: it becomes an error, and the process is not used again.

use crate::error::{Error, ErrorCode, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

static POISONED: AtomicBool = AtomicBool::new(false);

/// Runs a piece of the plugin's code; after a panic nothing runs any more.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    if POISONED.load(Ordering::Acquire) {
        return Err(Error::new(
            ErrorCode::Panic,
            "the plugin panicked before; its process is not used again",
        ));
    }
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        POISONED.store(true, Ordering::Release);
        let message = words(payload.as_ref());
        // A payload may panic when it is dropped.
        std::mem::forget(payload);
        Err(Error::new(ErrorCode::Panic, message))
    })
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
