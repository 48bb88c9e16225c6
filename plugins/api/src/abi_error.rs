//! Errors across the boundary: filled on one side, copied and released on the other.
#![expect(unsafe_code, reason = "the C boundary of plugins")]

use crate::abi::{CbError, CbStr, ERR_RETRYABLE, is_whole};
use crate::error::{Error, ErrorCode};

/// Copies what the callee wrote and releases it.
///
/// # Safety
/// `status` came from a callee that was given this `error` and kept the contract.
#[must_use]
pub unsafe fn take(status: i32, error: &mut CbError) -> Error {
    // SAFETY: the texts are the callee's until release.
    let message = unsafe { error.message.copied() }
        .unwrap_or_else(|| "(a message that is not UTF-8)".to_owned());
    let taken = Error {
        code: ErrorCode::from_status(status),
        message,
        retryable: error.flags & ERR_RETRYABLE != 0,
        retry_after_ms: error.retry_after_ms.max(0),
    };
    if let Some(release) = error.release.take() {
        // SAFETY: `release` came with these texts and is called once.
        unsafe { release(error) };
    }
    taken
}

/// Fills the caller's error, if it wants one, and answers with the status.
///
/// # Safety
/// `out` is null or points to an error that the caller zeroed and sized.
pub unsafe fn fill(out: *mut CbError, error: Error) -> i32 {
    unsafe extern "C" fn release(this: *mut CbError) {
        // SAFETY: called once with the error that `fill` filled.
        unsafe {
            drop(Box::from_raw((*this).private_data.cast::<String>()));
            (*this).release = None;
        }
    }
    let status = error.code.status();
    // SAFETY: null or valid, as the caller vouches.
    if let Some(out) = unsafe { out.as_mut() }.filter(|out| is_whole::<CbError>(out.struct_size)) {
        let message = Box::new(error.message);
        out.flags = if error.retryable { ERR_RETRYABLE } else { 0 };
        out.code = status;
        out.retry_after_ms = error.retry_after_ms;
        out.message = CbStr::of(&message);
        out.private_data = Box::into_raw(message).cast();
        out.release = Some(release);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_whole_and_is_released_once() {
        let sent = Error::new(ErrorCode::RateLimited, "慢一点").retry_after(1500);
        let mut out = CbError::empty();
        // SAFETY: `out` is ours.
        let status = unsafe { fill(&raw mut out, sent.clone()) };
        // SAFETY: filled above.
        assert_eq!(unsafe { take(status, &mut out) }, sent);
        assert!(out.release.is_none());
        // SAFETY: null is allowed.
        assert_eq!(unsafe { fill(std::ptr::null_mut(), sent) }, 8);
    }
}
