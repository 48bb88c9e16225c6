//! What a plugin may answer instead of a result: a code that the scheduler can act on and a sentence for a person.

use std::fmt;

/// A result with the SDK's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes of the contract; the numbers stand in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ErrorCode {
    /// The host broke the contract.
    InvalidArgument = 1,
    /// Options or params refused.
    InvalidConfig = 2,
    /// No such component, table, column or secret.
    NotFound = 3,
    /// Not offered.
    NotSupported = 4,
    /// The rows are not what the plugin needs.
    Data = 5,
    /// Disk, network or a remote service.
    Io = 6,
    /// Refused credentials.
    Auth = 7,
    /// Too many calls; see the advice.
    RateLimited = 8,
    /// Stopped because the host asked for it.
    Cancelled = 9,
    /// A mistake that the plugin noticed in itself.
    Internal = 10,
    /// A panic was caught.
    Panic = 11,
    /// What was to be replaced is no longer what the caller knew.
    Conflict = 12,
    /// The system refused a file, a connection or a process: the plugin is not given it.
    Denied = 13,
}

impl ErrorCode {
    /// The code of that number; unknown numbers are internal errors.
    #[must_use]
    pub fn from_status(status: i32) -> Self {
        match status {
            1 => Self::InvalidArgument,
            2 => Self::InvalidConfig,
            3 => Self::NotFound,
            4 => Self::NotSupported,
            5 => Self::Data,
            6 => Self::Io,
            7 => Self::Auth,
            8 => Self::RateLimited,
            9 => Self::Cancelled,
            11 => Self::Panic,
            12 => Self::Conflict,
            13 => Self::Denied,
            _ => Self::Internal,
        }
    }

    /// The number in the contract.
    #[must_use]
    pub fn status(self) -> i32 {
        self as i32
    }

    /// Stable lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidConfig => "invalid_config",
            Self::NotFound => "not_found",
            Self::NotSupported => "not_supported",
            Self::Data => "data",
            Self::Io => "io",
            Self::Auth => "auth",
            Self::RateLimited => "rate_limited",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
            Self::Panic => "panic",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind of trouble.
    pub code: ErrorCode,
    /// One sentence for a person, without a full stop.
    pub message: String,
    /// Whether the same call may work later.
    pub retryable: bool,
    /// Advice for the retry in milliseconds, 0 for none.
    pub retry_after_ms: i64,
}

impl Error {
    /// An error that a retry does not cure.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: false,
            retry_after_ms: 0,
        }
    }

    /// Says that the same call may work after so many milliseconds (0: no advice).
    #[must_use]
    pub fn retry_after(mut self, milliseconds: i64) -> Self {
        self.retryable = true;
        self.retry_after_ms = milliseconds;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        match error {
            arrow_schema::ArrowError::ExternalError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => bad_data(other.to_string()),
            },
            other => bad_data(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorCode::Denied,
            _ => ErrorCode::Io,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Error> for arrow_schema::ArrowError {
    /// So that a reader of a scan can fail with its code kept.
    fn from(error: Error) -> Self {
        Self::ExternalError(Box::new(error))
    }
}

/// The rows are not what the plugin needs.
pub fn bad_data(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Data, message)
}

/// The options or params are wrong.
pub fn bad_config(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

/// Disk, network or a remote service failed; may work later.
pub fn io(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Io, message).retry_after(0)
}

/// The plugin noticed a mistake in itself.
pub fn internal(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Internal, message)
}
